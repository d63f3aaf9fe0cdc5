//! What the window does: it sleeps until it is woken, takes events, asks for something, is closed.

use super::super::Activity;
use super::model::{Ask, Broken, Label, News, Phase, Rules, State, View};

/// Adds what can happen: what it is, and what it changes.
type Add<'a> = dyn FnMut(Label, &dyn Fn(&mut State)) + 'a;

impl State {
    pub fn window(&self, rules: &Rules, next: &mut Vec<(Label, Self)>) {
        let mut add = |label, change: &dyn Fn(&mut Self)| {
            let mut state = self.clone();
            change(&mut state);
            next.push((label, state));
        };
        let late = rules.broken == Some(Broken::ForgetsLate);
        match self.view {
            View::Asleep => {
                if self.asked {
                    add(Label::FrameBegins, &|state| (state.view, state.asked) = (View::Frame(0), late));
                }
                if self.presses > 0 {
                    for ask in Ask::ALL {
                        self.press(ask, rules, &mut add);
                    }
                }
                add(Label::Closed, &|state| (state.view, state.presses) = (View::Closing, 0));
            }
            View::Frame(taken) if usize::from(taken) == rules.a_frame => {
                let asks = rules.broken != Some(Broken::StopsHalfWay);
                add(Label::FrameEnds, &|state| (state.view, state.asked) = (View::Asleep, asks || state.asked));
            }
            View::Frame(taken) => match self.events.front() {
                Some(&news) => add(Label::Took(news), &|state| {
                    state.take(news);
                    state.view = View::Frame(taken + 1);
                }),
                None => add(Label::TookNothing, &|state| {
                    state.view = if late { View::Forgetting } else { View::Asleep };
                }),
            },
            View::Forgetting => {
                add(Label::Hidden("forgets"), &|state| (state.view, state.asked) = (View::Asleep, false));
            }
            View::Sending(ask) => {
                if self.commands.len() < rules.room.commands {
                    add(Label::Hidden("the window finds room"), &|state| {
                        state.commands.push_back(ask);
                        state.view = View::Asleep;
                    });
                }
            }
            View::Closing => {
                if let Some(&news) = self.events.front()
                    && rules.broken != Some(Broken::ClosesUnread)
                {
                    add(Label::Hidden("read away"), &|state| state.take(news));
                }
                let ended = self.worker.phase == Phase::Ended && self.worker.todo.is_empty();
                if ended || rules.loses_patience {
                    add(Label::Hidden("the window is gone"), &|state| {
                        state.view = View::Gone;
                        state.events.clear();
                        state.owed = 0;
                    });
                }
            }
            View::Gone => {}
        }
    }

    fn press(&self, ask: Ask, rules: &Rules, add: &mut Add) {
        // The button is off while a run goes on.
        if ask == Ask::Train && self.told != Activity::Idle {
            return;
        }
        if self.worker.phase != Phase::Ended && self.commands.len() < rules.room.commands {
            add(Label::Sent(ask), &|state| {
                state.presses -= 1;
                state.commands.push_back(ask);
                if ask == Ask::Train {
                    state.told = Activity::Preparing;
                }
            });
        } else if rules.broken == Some(Broken::WindowWaits) {
            add(Label::Hidden("the window waits"), &|state| {
                state.presses -= 1;
                state.view = View::Sending(ask);
            });
        } else {
            add(Label::Refused(ask), &|state| state.presses -= 1);
        }
    }

    /// What the window does with an event, as `app::news` does.
    fn take(&mut self, news: News) {
        self.events.pop_front();
        self.owed -= u8::from(!news.may_be_dropped());
        match news {
            News::Activity(activity) => self.told = activity,
            News::RunEnded | News::EngineFailed => self.told = Activity::Idle,
            News::Step(step) => self.told_step = step,
            _ => {}
        }
    }
}
