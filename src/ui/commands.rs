//! Everything that can be done, by name and key: what the command palette lists and the keyboard does.

use egui::{Key, KeyboardShortcut, Modifiers};

use super::film_axis::Axis;
use super::grid_weights::other as other_weights;
use crate::app::{
    Action, Activity, AppState, EndReason, FilmAxis, Look, LossAxis, NameAction, OriginAction, OriginSource, SaveWhat,
    ScheduleAction, ScheduleCurve, Smoothing, Tab, Zoom,
};
use crate::config::{Preset, Settings};

/// Timesteps of a jump in the film.
const JUMP: isize = 100;

/// Something that can be done.
#[derive(Debug, Clone)]
pub struct Command {
    pub name: &'static str,
    pub keys: Option<KeyboardShortcut>,
    /// None while it cannot be done.
    pub action: Option<Action>,
    /// Whether its key belongs to the film, which shares keys with buttons and text fields.
    pub film: bool,
}

/// All commands, with what each would do now; `dark` if the dark theme is shown.
pub fn commands(state: &AppState, dark: bool) -> Vec<Command> {
    let running = matches!(state.activity, Activity::Training | Activity::Paused);
    let idle = state.activity == Activity::Idle;
    let film = state.film().filter(|film| !film.moments().is_empty());
    let axis_of_film = state.films_along();
    let along = |by| Axis::step(axis_of_film, by);
    let (other, [further, back]) = match axis_of_film {
        FilmAxis::Denoising => (FilmAxis::Training, ["Film: later in training", "Film: earlier in training"]),
        FilmAxis::Training => (FilmAxis::Denoising, ["Film: further in the denoising", "Film: back in the denoising"]),
    };
    let (undo, redo) = state.edits.can();
    let stopped =
        state.run.as_ref().is_some_and(|run| matches!(run.ended, Some(EndReason::Stopped | EndReason::Failed)));
    let crash = state.crash.as_ref();
    let reads = crash.is_some_and(|crash| crash.open);
    let to_name = state.run_to_name();
    let axis = state.loss.axis;

    let may = |name, keys, action: Option<Action>| Command { name, keys, action, film: false };
    let plain = |name, keys, able: bool, action| Command { name, keys, action: able.then_some(action), film: false };
    let frame = |name, modifiers, key, action| {
        let keys = Some(KeyboardShortcut::new(modifiers, key));
        Command { name, keys, action: film.is_some().then_some(action), film: true }
    };
    let two_axes = !state.films.is_empty();
    let across = |name, key, action| {
        let keys = Some(KeyboardShortcut::new(Modifiers::NONE, key));
        Command { name, keys, action: two_axes.then_some(action), film: true }
    };
    let ctrl = |key| Some(KeyboardShortcut::new(Modifiers::COMMAND, key));
    let ctrl_shift = |key| Some(KeyboardShortcut::new(Modifiers::COMMAND | Modifiers::SHIFT, key));
    let none = Modifiers::NONE;
    let key = |key| Some(KeyboardShortcut::new(none, key));
    let shift = |key| Some(KeyboardShortcut::new(Modifiers::SHIFT, key));
    let origin = &state.origin;
    let beside = |by| origin.beside(by).map(Action::Origin);
    let own = matches!(origin.source, Some((OriginSource::File(_), _)));
    let newest = state.run_to_open().filter(|_| idle);
    let at_hand = state.run_at_hand();
    let message = state.notices.newest_failure().or(state.notices.iter().next());
    let player = &state.player;
    let speed = |name, key, to: Option<f32>| {
        let keys = Some(KeyboardShortcut::new(none, key));
        Command { name, keys, action: to.filter(|_| film.is_some()).map(Action::Speed), film: true }
    };
    let follow = |name, key, to: Option<usize>| {
        let keys = Some(KeyboardShortcut::new(none, key));
        Command { name, keys, action: to.map(Action::Follow), film: true }
    };
    let [learnt, pictures] = [SaveWhat::Losses, SaveWhat::Grid].map(|what| state.missing(what).is_none());
    let save = |name, key, able, what| plain(name, ctrl_shift(key), able, Action::SaveWhat(what));
    let zoom =
        |name, key, to: Option<Zoom>| Command { name, keys: ctrl(key), action: to.map(Action::Zoom), film: false };
    let smoothed = |factor| Action::LossSmoothing(Smoothing::over(factor * state.loss.smoothing.steps()));
    vec![
        plain("Detach from the run of another program", ctrl(Key::U), state.attached().is_some(), Action::Detach),
        plain(
            "Attach to the run at the typed path, which another program trains",
            ctrl_shift(Key::U),
            idle && !state.open_path.trim().is_empty(),
            Action::Attach(state.open_path.trim().into()),
        ),
        plain(
            "Train",
            ctrl(Key::Enter),
            idle && state.attached().is_none() && state.problems.is_empty(),
            Action::Train,
        ),
        plain("Pause training", ctrl(Key::P), state.activity == Activity::Training, Action::Pause),
        plain("Continue training", ctrl(Key::P), state.activity == Activity::Paused, Action::Continue),
        plain("Train one more step", ctrl(Key::Period), running, Action::Step),
        plain("Stop training and keep the run", ctrl_shift(Key::Enter), running, Action::Stop),
        plain("Resume the last run", ctrl_shift(Key::R), idle && stopped, Action::Resume),
        plain(
            "Name the run that is shown, or the newest in the list",
            key(Key::F2),
            to_name.is_some(),
            Action::Name(NameAction::Begin(to_name.unwrap_or_default())),
        ),
        may("Open the newest run in the list", ctrl(Key::O), newest.clone().map(Action::OpenRun)),
        may("Resume the newest run in the list", ctrl_shift(Key::O), newest.map(Action::ResumeRun)),
        may(
            "Duplicate the settings of the run that is shown, or the newest in the list",
            ctrl(Key::N),
            at_hand.clone().map(Action::DuplicateRun),
        ),
        may(
            "Compare the run that is shown, or the newest in the list, or leave it out",
            key(Key::F6),
            at_hand.clone().filter(|run| state.can_compare(run)).map(Action::Compare),
        ),
        may(
            "Move the run that is shown, or the newest in the list, to the trash",
            ctrl_shift(Key::K),
            at_hand.filter(|_| idle).map(Action::DeleteRun),
        ),
        plain("Read the list of runs again", ctrl(Key::F5), !state.runs.reading, Action::ListRuns),
        plain(
            "Open the model at the typed path",
            ctrl_shift(Key::F),
            idle && !state.open_path.trim().is_empty(),
            Action::Open,
        ),
        plain("Draw and record with these settings", ctrl(Key::D), state.drawing_refusal().is_none(), Action::Sample),
        plain("Cancel the drawing", ctrl_shift(Key::D), state.is_drawing(), Action::CancelSampling),
        plain("Redraw as the settings change", ctrl(Key::R), true, Action::RedrawOnChange),
        plain("Forward and back: a digit into noise", ctrl(Key::J), true, Action::Origin(OriginAction::Toggle)),
        plain(
            "Forward and back: any other test digit",
            ctrl_shift(Key::M),
            state.origin.open && !state.origin.reading,
            Action::Origin(OriginAction::Random),
        ),
        may("Forward and back: the next test digit", ctrl(Key::Num7), beside(1)),
        may("Forward and back: the test digit before", ctrl(Key::Num6), beside(-1)),
        plain("Forward and back: invert the picture", ctrl(Key::Num8), own, Action::Origin(OriginAction::Invert)),
        plain(
            "Forward and back: choose a picture with the desktop's dialog",
            key(Key::F11),
            origin.open && !origin.browsing,
            Action::Origin(OriginAction::Browse),
        ),
        plain(
            "Forward and back: reverse from there",
            ctrl_shift(Key::J),
            state.origin.shown().is_some() && state.drawing_refusal().is_none(),
            Action::Origin(OriginAction::Reverse),
        ),
        plain("Undo the last change of a setting", ctrl(Key::Z), undo, Action::Undo),
        plain("Redo the change", ctrl_shift(Key::Z), redo, Action::Redo),
        plain("All settings back to the preset", ctrl_shift(Key::Backspace), true, Action::ResetSettings),
        plain("Another seed", ctrl_shift(Key::S), true, Action::RollSeed),
        may("The next preset", key(Key::F3), Some(preset(state, 1))),
        may("The preset before", shift(Key::F3), Some(preset(state, -1))),
        may("Take the schedule doctor's advice", ctrl(Key::M), advice(state)),
        may("Tell the network the digit classes, or not", ctrl(Key::Num9), Some(classes(state))),
        plain("Schedule: ᾱ, SNR or β", ctrl(Key::H), true, Action::Schedule(ScheduleAction::Curve(next_curve(state)))),
        plain("Show or close the report of a crash", ctrl_shift(Key::E), crash.is_some(), Action::ShowReport(!reads)),
        plain("Keep the report of a crash, and offer it no more", ctrl(Key::E), crash.is_some(), Action::KeepReport),
        plain("Delete the reports of crashes", ctrl_shift(Key::Delete), crash.is_some(), Action::DeleteReports),
        plain("Save…", ctrl(Key::S), true, Action::ToggleSave),
        plain(
            "Save: choose the place with the desktop's dialog",
            key(Key::F10),
            state.save.open && !state.save.browsing,
            Action::Browse,
        ),
        plain("Save the film as an animation", ctrl(Key::G), film.is_some(), Action::SaveWhat(SaveWhat::Animation)),
        save("Save the film as an animated PNG", Key::A, film.is_some(), SaveWhat::AnimatedPng),
        save("Save the losses as a table (CSV)", Key::T, learnt, SaveWhat::Losses),
        save("Save the loss as a plot (SVG)", Key::Y, learnt, SaveWhat::LossPlot),
        save("Save the loss as a picture (PNG)", Key::I, learnt, SaveWhat::LossPicture),
        plain("Copy the pictures", ctrl_shift(Key::G), pictures, Action::CopyPicture),
        plain(
            "Grid drawn with the moving average or the raw weights",
            ctrl_shift(Key::W),
            state.offers_grid_weights() && state.grid_refusal().is_none(),
            Action::GridWeights(other_weights(state.grid_weights())),
        ),
        plain("Show the Train tab", ctrl(Key::Num1), true, Action::ShowTab(Tab::Train)),
        plain("Show the Sample tab", ctrl(Key::Num2), true, Action::ShowTab(Tab::Sample)),
        plain("Show the Runs tab", ctrl(Key::Num3), true, Action::ShowTab(Tab::Runs)),
        plain("Show the Data tab", ctrl(Key::Num4), true, Action::ShowTab(Tab::Data)),
        plain("Show the Charts tab, in a narrow window", ctrl(Key::Num5), true, Action::ShowTab(Tab::Charts)),
        plain("Search all actions", ctrl(Key::K), true, Action::Palette(!state.palette)),
        may("Dismiss the newest message", ctrl_shift(Key::H), message.map(|message| Action::Dismiss(message.id))),
        may(
            "Do what the newest message offers",
            key(Key::F12),
            message.and_then(|message| Some(message.help.as_ref()?.action.clone())),
        ),
        plain("Look at the images to learn from again", key(Key::F5), true, Action::LookAtData),
        plain(
            "Stop reading the images",
            Some(KeyboardShortcut::new(Modifiers::SHIFT, Key::F5)),
            state.reads_images(),
            Action::StopReading,
        ),
        plain("Show or fold the settings", ctrl(Key::B), true, Action::ToggleLeft),
        plain("Show or fold the charts", ctrl_shift(Key::B), true, Action::ToggleRight),
        plain(
            "Switch light and dark",
            ctrl_shift(Key::L),
            true,
            Action::Look(if dark { Look::Light } else { Look::Dark }),
        ),
        plain("Theme: as the system has it", key(Key::F9), state.look != Look::System, Action::Look(Look::System)),
        plain("Theme: light", key(Key::F7), state.look != Look::Light, Action::Look(Look::Light)),
        plain("Theme: dark", key(Key::F8), state.look != Look::Dark, Action::Look(Look::Dark)),
        zoom("Draw everything larger", Key::Plus, state.zoom.larger()),
        zoom("Draw everything smaller", Key::Minus, state.zoom.smaller()),
        zoom("Draw everything in its own size", Key::Num0, Some(Zoom::default())),
        plain("Loss on a linear or logarithmic axis", ctrl(Key::L), true, Action::LinearLoss(!state.loss.linear)),
        plain("Loss against steps, images or time", ctrl(Key::T), true, Action::LossAxis(next(axis))),
        plain("Loss of the whole run again", shift(Key::F6), true, Action::WholeLoss),
        plain(
            "Loss by timestep in viridis or magma",
            shift(Key::F7),
            true,
            Action::HeatColors(state.heat_colors.next()),
        ),
        plain("Smooth the loss more", ctrl(Key::CloseBracket), true, smoothed(2.0)),
        plain("Smooth the loss less", ctrl(Key::OpenBracket), true, smoothed(0.5)),
        frame("Film: play or hold", none, Key::Space, Action::TogglePlay),
        speed("Film: play faster", Key::CloseBracket, player.faster()),
        speed("Film: play slower", Key::OpenBracket, player.slower()),
        follow("Follow the next digit", Key::Period, beside_followed(state, 1)),
        follow("Follow the digit before", Key::Comma, beside_followed(state, -1)),
        frame("Film: one frame on", none, Key::ArrowRight, along(1)),
        frame("Film: one frame back", none, Key::ArrowLeft, along(-1)),
        plain(
            "Compare the followed digit with the training images",
            ctrl(Key::I),
            state.followed_digit().is_some(),
            Action::LookForCopies,
        ),
        across(further, Key::ArrowUp, Axis::step(other, 1)),
        across(back, Key::ArrowDown, Axis::step(other, -1)),
        across("Film: along the denoising or the training", Key::X, Action::FilmAxis(other)),
        frame("Loupe: the followed digit, large", none, Key::Z, Action::Loupe(!state.loupe)),
        frame("Film: 100 timesteps on", Modifiers::SHIFT, Key::ArrowRight, Action::JumpTimesteps(JUMP)),
        frame("Film: 100 timesteps back", Modifiers::SHIFT, Key::ArrowLeft, Action::JumpTimesteps(-JUMP)),
        frame("Film: 100 timesteps on (page)", none, Key::PageDown, Action::JumpTimesteps(JUMP)),
        frame("Film: 100 timesteps back (page)", none, Key::PageUp, Action::JumpTimesteps(-JUMP)),
        frame("Film: to its beginning", none, Key::Home, along(-isize::MAX)),
        frame("Film: to its end", none, Key::End, along(isize::MAX)),
    ]
}

/// The preset that is so many places after the present one in its menu, around its ends.
fn preset(state: &AppState, by: isize) -> Action {
    let now = (state.settings.preset, state.settings.training.budget);
    let offers: Vec<_> = Preset::offers().into_iter().collect();
    let count = offers.len() as isize;
    // One whose budget was changed stands where its first one does.
    let place = offers.iter().position(|offer| *offer == now).or(offers.iter().position(|offer| offer.0 == now.0));
    let to = place.map_or(0, |place| (place as isize + by).rem_euclid(count));
    let (preset, budget) = offers[to as usize];
    Action::Preset(preset, budget)
}

fn advice(state: &AppState) -> Option<Action> {
    let advice = state.schedule.as_ref()?.diagnosis.advice.as_ref()?;
    Some(Action::Settings(Box::new(Settings { diffusion: advice.settings.clone(), ..state.settings.clone() })))
}

fn classes(state: &AppState) -> Action {
    let mut settings = state.settings.clone();
    settings.network.classes = !settings.network.classes;
    Action::Settings(Box::new(settings))
}

fn next_curve(state: &AppState) -> ScheduleCurve {
    match state.schedule_look.curve {
        ScheduleCurve::AlphaBar => ScheduleCurve::Snr,
        ScheduleCurve::Snr => ScheduleCurve::Beta,
        ScheduleCurve::Beta => ScheduleCurve::AlphaBar,
    }
}

/// The digit so many places after the followed one; none beyond the ends of the grid.
fn beside_followed(state: &AppState, by: isize) -> Option<usize> {
    let shown = state.pictures_shown();
    state.followed.checked_add_signed(by).filter(|place| *place < shown)
}

fn next(axis: LossAxis) -> LossAxis {
    match axis {
        LossAxis::Steps => LossAxis::Images,
        LossAxis::Images => LossAxis::Time,
        LossAxis::Time => LossAxis::Steps,
    }
}

/// Whether a name is found by what was typed: all of its words, anywhere.
pub fn matches(name: &str, query: &str) -> bool {
    let name = name.to_lowercase();
    query.to_lowercase().split_whitespace().all(|word| name.contains(word))
}

#[cfg(test)]
mod tests;
