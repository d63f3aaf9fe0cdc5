//! Every state that can be reached, for small channels and few commands; what must hold there, and the way to one where
//! it does not.

use std::collections::HashMap;
use std::rc::Rc;

use super::super::Activity;
use super::super::handle::Room;
use super::model::{Broken, Label, Phase, Rules, State, View};

/// How much there was to see.
#[derive(Debug, Default, Clone, Copy)]
struct Explored {
    states: usize,
    steps: usize,
    /// States from which nothing happens unless the person does something, or at all.
    at_rest: usize,
}

/// Walks through all interleavings; what is wrong, and a shortest way there, where something is.
///
/// That no step can be taken for ever, as the graph has no circle, and that the states at rest are as they should be, is
/// together: whatever order the threads take, all that was asked for comes to its end.
fn explore(rules: &Rules) -> Result<Explored, String> {
    let first = Rc::new(State::new(rules));
    let mut known: HashMap<Rc<State>, usize> = HashMap::from([(Rc::clone(&first), 0)]);
    let mut states = vec![first];
    let mut from: Vec<(usize, Label)> = vec![(0, Label::Hidden("the beginning"))];
    let mut edges: Vec<Vec<u32>> = Vec::new();
    let mut explored = Explored::default();
    while edges.len() < states.len() {
        let at = edges.len();
        let state = Rc::clone(&states[at]);
        let successors = state.successors(rules);
        let goes_on = successors.iter().any(|(label, _)| !label.is_asked_for());
        if let Some(what) = lost(&state).or_else(|| if goes_on { None } else { wrong_at_rest(&state) }) {
            return Err(way(&states, &from, at, what));
        }
        explored.at_rest += usize::from(!goes_on);
        let mut next = Vec::with_capacity(successors.len());
        for (label, successor) in successors {
            let successor = Rc::new(successor);
            let place = *known.entry(Rc::clone(&successor)).or_insert_with(|| {
                states.push(successor);
                from.push((at, label));
                states.len() - 1
            });
            next.push(place as u32);
        }
        explored.steps += next.len();
        edges.push(next);
    }
    explored.states = states.len();
    match on_a_circle(&edges) {
        Some(at) => Err(way(&states, &from, at, "it can go on for ever")),
        None => Ok(explored),
    }
}

/// What is wrong whatever may follow.
fn lost(state: &State) -> Option<&'static str> {
    let waiting = state.events.iter().filter(|news| !news.may_be_dropped()).count();
    (usize::from(state.owed) != waiting).then_some("an event that must not be dropped is lost")
}

/// What is wrong with a state in which nothing happens any more by itself.
fn wrong_at_rest(state: &State) -> Option<&'static str> {
    let worker = &state.worker;
    let drawings = [&state.drawing, &state.grid];
    let beside = !state.saving.is_empty() || drawings.into_iter().flatten().any(|drawing| !drawing.ended);
    if !state.is_open() {
        let gone = state.view == View::Gone && worker.phase == Phase::Ended && worker.todo.is_empty();
        return (!gone || beside).then_some("the end is not reached");
    }
    if !state.events.is_empty() {
        return Some("an event waits, and nobody wakes the window");
    }
    let activity = match worker.phase {
        Phase::Listening { announced: true } => Activity::Paused,
        Phase::Idle | Phase::Ended => Activity::Idle,
        _ => return Some("the worker is stuck"),
    };
    if beside || !worker.todo.is_empty() || state.view != View::Asleep {
        Some("a thread is stuck")
    } else if (!state.commands.is_empty() || !worker.waiting.is_empty()) && worker.phase != Phase::Ended {
        Some("a command is not carried out")
    } else if state.told != activity {
        Some("the window shows another activity than the engine's")
    } else if worker.step > 0 && state.told_step != worker.step {
        Some("the window shows another step than the engine's")
    } else {
        None
    }
}

fn way(states: &[Rc<State>], from: &[(usize, Label)], mut at: usize, what: &str) -> String {
    let mut labels = Vec::new();
    let last = Rc::clone(&states[at]);
    while at > 0 {
        labels.push(format!("{:?}", from[at].1));
        at = from[at].0;
    }
    labels.reverse();
    format!("{what}, after:\n  {}\n{last:?}", labels.join("\n  "))
}

/// A state from which a way leads back to it: one that is never free of states before it, in Kahn's order.
fn on_a_circle(edges: &[Vec<u32>]) -> Option<usize> {
    let mut before = vec![0_u32; edges.len()];
    edges.iter().flatten().for_each(|&next| before[next as usize] += 1);
    let mut free: Vec<usize> = (0..edges.len()).filter(|&at| before[at] == 0).collect();
    let mut ordered = 0;
    while let Some(at) = free.pop() {
        ordered += 1;
        for &next in &edges[at] {
            before[next as usize] -= 1;
            if before[next as usize] == 0 {
                free.push(next as usize);
            }
        }
    }
    if ordered == edges.len() { None } else { before.iter().position(|&before| before > 0) }
}

fn rules() -> Rules {
    Rules {
        room: Room { commands: 2, events: 2 },
        a_frame: 2,
        steps: 1,
        frames: 1,
        results: Some(1),
        presses: 2,
        loses_patience: false,
        panics: false,
        broken: None,
    }
}

fn holds(name: &str, rules: &Rules) {
    let explored = explore(rules).unwrap_or_else(|what| panic!("{name}: {what}"));
    println!("{name}: {explored:?}");
    assert!(explored.states > 1000 && explored.at_rest > 10, "{name}: {explored:?}");
}

#[test]
fn no_event_wake_up_or_end_is_lost_in_any_interleaving() {
    holds("two of each", &rules());
    holds("one of each", &Rules { room: Room { commands: 1, events: 1 }, a_frame: 1, ..rules() });
    holds("two frames to empty the channel", &Rules { a_frame: 1, ..rules() });
    holds("more a frame than fits", &Rules { a_frame: 3, ..rules() });
    holds("a window that loses patience", &Rules { loses_patience: true, ..rules() });
    holds("a worker that panics", &Rules { panics: true, ..rules() });
}

/// What was found stands in `docs/reliability.md`.
#[test]
#[ignore = "takes a minute and some GB of memory"]
fn no_event_wake_up_or_end_is_lost_with_more_of_each() {
    holds("three commands", &Rules { presses: 3, ..rules() });
    holds("two steps, two frames", &Rules { presses: 3, steps: 2, frames: 2, ..rules() });
    holds("four commands", &Rules { presses: 4, ..rules() });
    holds("five commands", &Rules { presses: 5, room: Room { commands: 1, events: 1 }, a_frame: 1, ..rules() });
}

#[test]
fn each_broken_rule_is_noticed() {
    for (broken, what) in [
        (Broken::WakesFirst, "nobody wakes the window"),
        (Broken::DropsResults, "is lost"),
        (Broken::ForgetsLate, "nobody wakes the window"),
        (Broken::StopsHalfWay, "nobody wakes the window"),
        (Broken::WindowWaits, "nobody wakes the window"),
        (Broken::ClosesUnread, "the end is not reached"),
        (Broken::DeafWhileHeld, "the end is not reached"),
        (Broken::IdleUntold, "another activity"),
    ] {
        let room = Room { commands: 1, events: 2 };
        let rules = Rules { room, a_frame: 1, presses: 3, broken: Some(broken), ..rules() };
        let found = explore(&rules).expect_err(&format!("{broken:?} is not noticed"));
        assert!(found.lines().next().is_some_and(|line| line.contains(what)), "{broken:?}: {found}");
    }
}
