//! What the worker does with a command, and between two steps of a run: `engine/worker.rs` and `engine/training.rs`.

use super::super::Activity;
use super::model::{Ask, Broken, Label, News, Op, Phase, Rules, State, View};

impl State {
    pub fn work(&self, rules: &Rules, next: &mut Vec<(Label, Self)>) {
        let mut state = self.clone();
        if let Some(op) = state.worker.todo.pop_front() {
            if let Some(follows) = state.perform(op, rules) {
                if let Some(op) = follows {
                    state.worker.todo.push_front(op);
                }
                next.push((Label::Hidden("the worker goes on"), state));
            }
            return;
        }
        if rules.panics && !matches!(self.worker.phase, Phase::Idle | Phase::Ended) {
            let mut state = self.clone();
            state.worker.phase = Phase::Ended;
            state.worker.todo.push_back(Op::Send(News::EngineFailed));
            next.push((Label::Hidden("the worker panics"), state));
        }
        match self.worker.phase {
            Phase::Idle => match state.next_ask() {
                Some(ask) => {
                    if ask == Ask::Raw {
                        let mut state = state.clone();
                        state.worker.raw = true;
                        state.then([Op::Send(News::Failed)], Phase::Idle);
                        state.tell_idle(rules);
                        next.push((Label::Hidden("no run can be read"), state));
                    }
                    state.carry_out(ask, rules);
                    next.push((Label::Hidden("a command is taken"), state));
                }
                None if !self.is_open() => {
                    state.then([Op::EndDrawing, Op::EndGrid], Phase::Ended);
                    next.push((Label::Hidden("the worker ends"), state));
                }
                None => {}
            },
            Phase::Reading(left) => self.read(left, rules, next),
            Phase::Stepping => {
                state.worker.step += 1;
                let told = Op::Send(News::Step(state.worker.step));
                state.then([told], Phase::Listening { announced: false });
                next.push((Label::Hidden("a step"), state));
            }
            Phase::Listening { announced } => self.listen(announced, rules, next),
            Phase::Reporting(left) => self.report(left, rules, next),
            Phase::Busy(left) => {
                match state.next_ask() {
                    Some(Ask::Stop) => state.end_run(rules),
                    Some(ask) => {
                        // What would go on at once when held goes on anyway here.
                        let _ = state.steer(ask);
                    }
                    None if !self.is_open() => state.end_run(rules),
                    None => state.worker.phase = Phase::Reporting(left),
                }
                next.push((Label::Hidden("heard in between"), state));
            }
            Phase::Ending(left) => {
                if left > 0 {
                    for ops in self.results() {
                        let mut more = self.clone();
                        more.then(ops, Phase::Ending(less(left, rules)));
                        next.push((Label::Hidden("a result at the end"), more));
                    }
                }
                let told = [News::RunEnded, News::ModelReady];
                (state.worker.held, state.worker.step, state.worker.has_model) = (false, 0, true);
                state.then(told.map(Op::Send), Phase::Idle);
                state.tell_idle(rules);
                next.push((Label::Hidden("the run ends"), state));
            }
            Phase::Ended => {}
        }
    }

    fn then(&mut self, ops: impl IntoIterator<Item = Op>, phase: Phase) {
        self.worker.todo.extend(ops);
        self.worker.phase = phase;
    }

    /// What a result beside the losses may be: each a way to go on.
    fn results(&self) -> Vec<Vec<Op>> {
        let grid = match &self.grid {
            _ if !self.worker.raw => vec![Op::EndGrid, Op::Offer(News::Preview)],
            Some(grid) if !grid.ended => Vec::new(),
            _ => vec![Op::EndGrid, Op::StartGrid],
        };
        let others = [Op::Offer(News::Worked), Op::Send(News::Result)].map(|op| vec![op]);
        [grid].into_iter().filter(|ops| !ops.is_empty()).chain(others).collect()
    }

    fn end_run(&mut self, rules: &Rules) {
        self.worker.phase = Phase::Ending(rules.results.unwrap_or(1));
    }

    /// The next command, of those that waited at first.
    fn next_ask(&mut self) -> Option<Ask> {
        self.worker.waiting.pop_front().or_else(|| self.commands.pop_front())
    }

    /// Reads the images of a run, which then begins, or cannot.
    fn read(&self, left: u8, rules: &Rules, next: &mut Vec<(Label, Self)>) {
        if left > 0 {
            let mut state = self.clone();
            state.then([Op::Offer(News::Reading)], Phase::Reading(less(left, rules)));
            next.push((Label::Hidden("some images are read"), state));
        }
        let mut state = self.clone();
        match state.commands.pop_front() {
            Some(ask) if ask != Ask::Stop => {
                state.worker.waiting.push_back(ask);
                next.push((Label::Hidden("a command waits"), state));
            }
            None if self.is_open() => {}
            Some(_) | None => {
                state.then([Op::Send(News::Notice)], Phase::Idle);
                state.tell_idle(rules);
                next.push((Label::Hidden("the run is stopped before it begins"), state));
            }
        }
        let mut state = self.clone();
        let told = [News::RunStarted, News::RunNamed, News::Activity(Activity::Training)];
        state.then(told.map(Op::Send), Phase::Stepping);
        next.push((Label::Hidden("the run begins"), state));
        let mut state = self.clone();
        state.then([Op::Send(News::Failed)], Phase::Idle);
        state.tell_idle(rules);
        next.push((Label::Hidden("the run cannot start"), state));
    }

    /// Between two steps.
    fn listen(&self, announced: bool, rules: &Rules, next: &mut Vec<(Label, Self)>) {
        let mut state = self.clone();
        let go = Phase::Reporting(rules.results.unwrap_or(1));
        if self.worker.held && !announced {
            state.then([Op::Send(News::Activity(Activity::Paused))], Phase::Listening { announced: true });
            return next.push((Label::Hidden("says that it is held"), state));
        }
        let stops = match state.next_ask() {
            Some(ask) => {
                if ask != Ask::Stop && state.steer(ask) {
                    state.worker.phase = go;
                }
                ask == Ask::Stop
            }
            None if self.is_open() || self.worker.held && rules.broken == Some(Broken::DeafWhileHeld) => {
                if self.worker.held {
                    return;
                }
                state.worker.phase = go;
                false
            }
            None => true,
        };
        if stops {
            state.worker.todo.push_back(Op::Send(News::Activity(Activity::Stopping)));
            state.end_run(rules);
        }
        next.push((Label::Hidden("listens"), state));
    }

    /// Results after a step.
    fn report(&self, left: u8, rules: &Rules, next: &mut Vec<(Label, Self)>) {
        if left > 0 {
            for ops in self.results() {
                let mut state = self.clone();
                state.then(ops, Phase::Reporting(less(left, rules)));
                next.push((Label::Hidden("a result"), state));
            }
            let mut state = self.clone();
            state.worker.phase = Phase::Busy(less(left, rules));
            next.push((Label::Hidden("a result takes long"), state));
        }
        let mut state = self.clone();
        // A window that has gone is noticed at the first event that it does not take.
        if self.worker.step < rules.steps && self.view != View::Gone {
            state.worker.phase = Phase::Stepping;
        } else {
            state.end_run(rules);
        }
        next.push((Label::Hidden("no more results"), state));
    }

    /// A command outside a run.
    fn carry_out(&mut self, ask: Ask, rules: &Rules) {
        let mut phase = Phase::Idle;
        match ask {
            Ask::Train => {
                self.worker.todo.extend([Op::EndGrid, Op::Send(News::Activity(Activity::Preparing))]);
                phase = Phase::Reading(rules.results.unwrap_or(1));
            }
            Ask::Sample if !self.worker.has_model => self.worker.todo.push_back(Op::Send(News::Failed)),
            Ask::Sample => self.worker.todo.extend([Op::EndDrawing, Op::StartDrawing]),
            Ask::Cancel => self.worker.todo.push_back(Op::EndDrawing),
            Ask::Save => self.worker.todo.push_back(Op::StartSaving),
            Ask::Raw => {
                self.worker.raw = true;
                self.worker.todo.extend([Op::EndGrid, Op::StartGrid]);
            }
            Ask::Pause | Ask::Continue | Ask::Step | Ask::Stop => {}
        }
        self.worker.phase = phase;
        if phase == Phase::Idle {
            self.tell_idle(rules);
        }
    }

    fn tell_idle(&mut self, rules: &Rules) {
        if rules.broken != Some(Broken::IdleUntold) {
            self.worker.todo.push_back(Op::Send(News::Activity(Activity::Idle)));
        }
    }

    /// A command during a run; whether the next step follows at once.
    fn steer(&mut self, ask: Ask) -> bool {
        match ask {
            Ask::Pause => self.worker.held = true,
            Ask::Continue => {
                self.worker.held = false;
                self.worker.todo.push_back(Op::Send(News::Activity(Activity::Training)));
                return true;
            }
            Ask::Step => {
                self.worker.held = true;
                return true;
            }
            Ask::Sample => self.worker.todo.extend([Op::EndDrawing, Op::StartDrawing]),
            Ask::Cancel => self.worker.todo.push_back(Op::EndDrawing),
            Ask::Save => self.worker.todo.push_back(Op::StartSaving),
            Ask::Raw => {
                self.worker.raw = true;
                self.worker.todo.extend([Op::EndGrid, Op::StartGrid]);
            }
            Ask::Train => self.worker.todo.push_back(Op::Send(News::Failed)),
            Ask::Stop => {}
        }
        false
    }
}

/// One result less that may follow; any number stays any number.
fn less(left: u8, rules: &Rules) -> u8 {
    left - u8::from(rules.results.is_some())
}
