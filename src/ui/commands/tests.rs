use std::collections::BTreeSet;
use std::path::PathBuf;

use super::*;
use crate::app::{Crash, RunRecord, RunSummary};
use crate::reports::Report;
use crate::train::folder::RunFile;

#[test]
fn every_command_has_a_key_and_no_two_share_one_at_a_time() {
    let mut state = AppState::new(Preset::Small.settings());
    for activity in [Activity::Idle, Activity::Training, Activity::Paused] {
        state.activity = activity;
        state.origin.open = activity != Activity::Idle;
        let commands = commands(&state, activity == Activity::Idle);
        assert!(commands.iter().all(|command| command.keys.is_some()));
        for (i, one) in commands.iter().enumerate() {
            for other in &commands[i + 1..] {
                assert_ne!(one.name, other.name);
                // Pause and Continue share theirs: one of them can be done at a time.
                let one_at_a_time = matches!((&one.action, &other.action), (None, _) | (_, None));
                let pause = one.name == "Pause training" && other.name == "Continue training";
                assert!((one_at_a_time && pause) || one.keys != other.keys, "{} and {}", one.name, other.name);
            }
        }
    }
}

#[test]
fn no_key_is_one_that_a_text_field_or_the_desktop_has() {
    let state = AppState::new(Preset::Small.settings());
    for command in commands(&state, true) {
        let KeyboardShortcut { modifiers, logical_key } = command.keys.expect("it has one");
        // Copy, cut and paste come as events of their own, with Shift, too; Alt+F4 closes windows, and F1 is for help.
        let taken = modifiers.command && matches!(logical_key, Key::C | Key::X | Key::V);
        assert!(!taken && !matches!(logical_key, Key::F4 | Key::F1), "{}", command.name);
        // Keys that type are the film's, which rest while another widget has the keys.
        let types = modifiers.is_none() && (logical_key.name().len() == 1 || logical_key == Key::Space);
        assert!(!types || command.film, "{}", command.name);
    }
}

#[test]
fn names_are_found_by_their_words_in_any_order() {
    assert!(matches("Loss against steps, images or time", "TIME loss"));
    assert!(matches("Train", "") && !matches("Train", "trane"));
}

/// What has no line of its own in the list, and why.
const NOT_LISTED: [(&str, &str); 22] = [
    ("Name(Text)", "typed into a field"),
    ("Name(Keep)", "Enter in the field"),
    ("Name(Leave)", "Escape in the field"),
    ("Settings", "a row: Tab leads there, arrow keys change it, Delete takes it back; what is one press is listed"),
    ("Schedule(Choose)", "Left and Right on the curve"),
    ("Schedule(Point)", "the pointer passes over the curve"),
    ("Narrow", "nobody asks for it: the window became so"),
    ("Origin(Pick)", "a path that was typed; the digits before and after are listed"),
    ("Origin(Class)", "a choice in a menu, by Tab, arrow keys and Enter"),
    ("Origin(T)", "a slider, with arrow keys"),
    ("Origin(Path)", "typed into a field"),
    ("Origin(Browsed)", "the answer of the dialog"),
    ("OpenPath", "typed into a field"),
    ("Dropped", "a hand drops it"),
    ("DataPath", "typed into a field"),
    ("Seek", "the pointer drags; single frames and both ends are listed"),
    ("SeekTraining", "the pointer drags; single films and both ends are listed"),
    ("SavePath", "typed into a field"),
    ("Save", "Enter in the form"),
    ("Replace", "no key that may repeat itself replaces a file"),
    ("Browsed", "the answer of the dialog"),
    ("CloseAtOnce", "loses what is not written: a button, while the window waits to close, and nothing else then"),
];

/// The variants of an enum as its file has them; what one of them holds is asked of `inside`.
fn variants(source: &str, name: &str, inside: &dyn Fn(&str) -> Option<Vec<String>>) -> Vec<String> {
    let start = source.find(&format!("pub enum {name} {{")).expect("the enum is there");
    let body = &source[start..start + source[start..].find("\n}").expect("it ends")];
    let word = |line: &str| line.chars().take_while(|letter| letter.is_alphanumeric()).collect::<String>();
    let lines = body.lines().skip(1).map(str::trim).filter(|line| line.starts_with(char::is_uppercase));
    lines
        .map(word)
        .flat_map(|variant| match inside(&variant) {
            Some(inner) => inner.into_iter().map(|inner| format!("{variant}({inner})")).collect(),
            None => vec![variant],
        })
        .collect()
}

/// All actions by their names.
fn all_actions() -> Vec<String> {
    let none = |_: &str| None;
    let inside = |variant: &str| match variant {
        "Origin" => Some(variants(include_str!("../../app/origin.rs"), "OriginAction", &none)),
        "Schedule" => Some(variants(include_str!("../../app/schedule_view.rs"), "ScheduleAction", &none)),
        "Name" => Some(variants(include_str!("../../app/run_naming.rs"), "NameAction", &none)),
        _ => None,
    };
    variants(include_str!("../../app/action.rs"), "Action", &inside)
}

fn name_of(action: &Action) -> String {
    let text = format!("{action:?}");
    let word = |text: &str| text.chars().take_while(|letter| letter.is_alphanumeric()).collect::<String>();
    let outer = word(&text);
    match action {
        Action::Origin(_) | Action::Schedule(_) | Action::Name(_) => {
            format!("{outer}({})", word(&text[outer.len() + 1..]))
        }
        _ => outer,
    }
}

/// States in which, between them, everything that needs no film and no other program can be done.
fn states() -> Vec<AppState> {
    let mut idle = AppState::new(Preset::Small.settings());
    idle.tab = Tab::Runs;
    idle.open_path = "/data/ada/runs/a".into();
    let file = RunFile {
        version: String::new(),
        settings: Preset::Small.settings(),
        dataset: "MNIST".into(),
        images: 1,
        images_crc32: String::new(),
        parameters: 1,
        rollbacks: Vec::new(),
        name: Default::default(),
    };
    let record = RunRecord { file, step: 1, share: 0.5, loss: None, checkpoint: true, thumbnail: None };
    let changed = std::time::UNIX_EPOCH;
    idle.runs.list = Some(vec![RunSummary { path: PathBuf::from("/data/ada/runs/a"), changed, record: Ok(record) }]);
    idle.notices.add(crate::app::notices::Kind::Info, "something", None);
    let report = Report { path: PathBuf::from("/data/ada/crash.txt"), text: String::new() };
    idle.crash = Some(Crash { report, open: false });
    idle.save.open = true;
    idle.origin.open = true;
    let mut edited = idle.settings.clone();
    edited.training.batch_size += 1;
    edited.diffusion = crate::config::DiffusionSettings {
        schedule: crate::config::ScheduleKind::Linear,
        beta_end: 0.2,
        ..edited.diffusion
    };
    idle.edit_settings(edited);
    let mut states = vec![idle; 3];
    (states[1].activity, states[2].activity) = (Activity::Training, Activity::Paused);
    states
}

#[test]
fn every_action_is_in_the_list_or_has_a_reason_not_to_be() {
    let source = include_str!("../commands.rs");
    let all: BTreeSet<String> = all_actions().into_iter().collect();
    assert!(all.len() > 70 && all.contains("Origin(Reverse)") && all.contains("TogglePlay"), "{all:?}");
    // What needs a film, a drawing or another program is seen in the list's own text.
    let written = |name: &str| {
        let path = match name.split_once('(') {
            None if matches!(name, "StepFrames" | "StepTraining") => "Axis::step".to_owned(),
            Some((outer, inner)) => format!("{outer}Action::{}", inner.trim_end_matches(')')),
            None => format!("Action::{name}"),
        };
        source.match_indices(&path).any(|(at, _)| {
            let ends = source[at + path.len()..].chars().next().is_some_and(|next| !next.is_alphanumeric());
            let begins = !source[..at].ends_with(|before: char| before.is_alphanumeric());
            ends && begins
        })
    };
    let able: BTreeSet<String> = states()
        .iter()
        .flat_map(|state| commands(state, true))
        .filter_map(|it| it.action)
        .map(|it| name_of(&it))
        .collect();
    let missing: Vec<_> = all
        .iter()
        .filter(|name| !able.contains(*name) && !written(name))
        .filter(|name| !NOT_LISTED.iter().any(|(exception, _)| exception == name))
        .collect();
    assert!(missing.is_empty(), "neither listed nor excepted: {missing:?}");
    for (name, reason) in NOT_LISTED {
        assert!(all.contains(name) && !reason.is_empty(), "{name} is no action any more");
        let in_part = matches!(name, "Settings" | "Origin(Pick)");
        assert!(in_part || (!able.contains(name) && !written(name)), "{name} is listed, so it is no exception");
    }
    for name in ["Preset", "Speed", "Follow", "OpenRun", "ResumeRun", "DuplicateRun", "DeleteRun", "Compare", "Open"] {
        assert!(written(name), "{name}");
    }
    for name in ["Undo", "Preset", "OpenRun", "Compare", "DeleteRun", "Browse", "Dismiss", "Palette", "Settings"] {
        assert!(able.contains(name), "{name} can never be done: {able:?}");
    }
}
