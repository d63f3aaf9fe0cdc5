//! What each thread does next. A step is what no other thread can come between: to put an event into its channel, to
//! wake the window, to take a command.

use std::collections::VecDeque;

use super::super::Activity;
use super::super::handle::Room;

/// What a person asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ask {
    Train,
    Pause,
    Continue,
    Step,
    Stop,
    Sample,
    Cancel,
    Save,
    /// The grid with the weights as they are, from now on.
    Raw,
}

impl Ask {
    pub const ALL: [Self; 9] = [
        Self::Train,
        Self::Pause,
        Self::Continue,
        Self::Step,
        Self::Stop,
        Self::Sample,
        Self::Cancel,
        Self::Save,
        Self::Raw,
    ];
}

/// What the window is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum News {
    Activity(Activity),
    /// How far the images of a run are read: may be dropped.
    Reading,
    /// The run did not begin, as it was stopped while they were read.
    Notice,
    RunStarted,
    RunNamed,
    Step(u8),
    /// A grid by the moving average: may be dropped.
    Preview,
    /// An example of a batch: may be dropped.
    Worked,
    /// A grid by the weights as they are.
    RawGrid,
    /// Any other result of a run: losses, films, evaluations, checkpoints.
    Result,
    RunEnded,
    ModelReady,
    DrawingStarted,
    Frame,
    DrawingEnded,
    Saved,
    Failed,
    /// The engine's thread has ended by a panic.
    EngineFailed,
}

impl News {
    pub fn may_be_dropped(self) -> bool {
        matches!(self, Self::Preview | Self::Worked | Self::Reading)
    }
}

/// What a thread has before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// Puts it into the channel, once there is room, and wakes the window.
    Send(News),
    /// The same where there is room; else it is dropped.
    Offer(News),
    Wake,
    /// As `Send`, without waking.
    Put(News),
    /// Asks the drawing to end, and waits until it has.
    EndDrawing,
    StartDrawing,
    /// The same of the grid.
    EndGrid,
    StartGrid,
    StartSaving,
}

/// Where the worker is, once it has done all that is before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    Idle,
    /// Reads the images of a run, and tells of it so many times at most.
    Reading(u8),
    /// About to take a step of training.
    Stepping,
    /// After a step: takes commands, and waits for them while the run is held. Whether it has said that it is held.
    Listening {
        announced: bool,
    },
    /// Results beside the losses, so many at most.
    Reporting(u8),
    /// Takes what has come in, in the middle of such a result.
    Busy(u8),
    /// Keeps the run: so many results at most, then it tells of the end.
    Ending(u8),
    Ended,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Worker {
    pub todo: VecDeque<Op>,
    /// Commands that came while images were read.
    pub waiting: VecDeque<Ask>,
    pub phase: Phase,
    pub held: bool,
    pub step: u8,
    pub has_model: bool,
    /// The grid is drawn with the weights as they are.
    pub raw: bool,
}

/// A drawing, or one of the grid, on its thread.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Drawing {
    pub todo: VecDeque<Op>,
    /// What it tells while it goes on.
    pub frame: News,
    pub frames_left: u8,
    pub cancelled: bool,
    /// That it has ended, unless nobody is told that.
    pub told_end: bool,
    pub ended: bool,
}

impl Drawing {
    /// What its thread does next; none while it has to wait.
    fn goes_on(mut self, state: &mut State, rules: &Rules) -> Option<Self> {
        match self.todo.pop_front() {
            Some(op) => {
                let follows = state.perform(op, rules)?;
                self.todo.extend(follows);
            }
            None if self.frames_left > 0 && !self.cancelled => {
                self.frames_left -= 1;
                self.todo.push_back(Op::Send(self.frame));
            }
            None if !self.told_end => {
                self.told_end = true;
                self.todo.push_back(Op::Send(News::DrawingEnded));
            }
            None => self.ended = true,
        }
        Some(self)
    }

    /// Whether it has ended, once it is asked to.
    fn ends(&mut self) -> Option<bool> {
        match (self.ended, self.cancelled) {
            (true, _) => Some(true),
            (false, true) => None,
            (false, false) => {
                self.cancelled = true;
                Some(false)
            }
        }
    }
}

/// What the window does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum View {
    Asleep,
    /// A frame, in which so many events were taken.
    Frame(u8),
    /// Waits for room for a command: only where a rule is broken.
    Sending(Ask),
    /// Found nothing more, and is about to forget that it was asked: only where a rule is broken.
    Forgetting,
    /// Closed: reads events away until the engine has ended.
    Closing,
    /// Nobody reads any more.
    Gone,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub commands: VecDeque<Ask>,
    pub events: VecDeque<News>,
    /// The window is to be drawn again.
    pub asked: bool,
    pub view: View,
    /// Times that the person may still ask for something.
    pub presses: u8,
    pub worker: Worker,
    pub drawing: Option<Drawing>,
    pub grid: Option<Drawing>,
    /// What each thread in the background has before it.
    pub saving: Vec<Op>,
    /// What the window shows.
    pub told: Activity,
    pub told_step: u8,
    /// Events that are never dropped, sent and not yet taken.
    pub owed: u8,
}

/// A rule that is broken, to see that the exploration notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The window is woken before the event is there.
    WakesFirst,
    /// A result is dropped where there is no room.
    DropsResults,
    /// The window forgets that it was asked at the end of its frame, not at the beginning.
    ForgetsLate,
    /// A frame that took all it may does not ask for the next.
    StopsHalfWay,
    /// The window waits for room for a command.
    WindowWaits,
    /// The window that closes waits for the engine without reading its events.
    ClosesUnread,
    /// A run that is held does not notice that the window was closed.
    DeafWhileHeld,
    /// The end of a command is not told.
    IdleUntold,
}

/// What is the same in all states of an exploration.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    pub room: Room,
    /// Events that the window takes in one frame.
    pub a_frame: usize,
    /// Steps of a run.
    pub steps: u8,
    /// Frames of a drawing.
    pub frames: u8,
    /// Results after a step; none: any number.
    pub results: Option<u8>,
    pub presses: u8,
    /// The window that closes may stop reading at any moment.
    pub loses_patience: bool,
    /// The worker's thread may panic at any moment.
    pub panics: bool,
    pub broken: Option<Broken>,
}

/// What was done in a step, as far as the window can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// By another thread; what, for the reader of a failure.
    Hidden(&'static str),
    FrameBegins,
    Took(News),
    /// There was nothing to take: the frame is over.
    TookNothing,
    /// The frame took all that it may, and asks for the next.
    FrameEnds,
    Sent(Ask),
    /// No room for it, or nobody there.
    Refused(Ask),
    Closed,
}

impl Label {
    /// Whether it is the person who did it: nothing may depend on that.
    pub fn is_asked_for(self) -> bool {
        matches!(self, Self::Sent(_) | Self::Refused(_) | Self::Closed)
    }
}

impl State {
    pub fn new(rules: &Rules) -> Self {
        Self {
            commands: VecDeque::new(),
            events: VecDeque::new(),
            asked: false,
            view: View::Asleep,
            presses: rules.presses,
            worker: Worker {
                todo: VecDeque::new(),
                waiting: VecDeque::new(),
                phase: Phase::Idle,
                held: false,
                step: 0,
                has_model: false,
                raw: false,
            },
            drawing: None,
            grid: None,
            saving: Vec::new(),
            told: Activity::Idle,
            told_step: 0,
            owed: 0,
        }
    }

    pub fn is_open(&self) -> bool {
        !matches!(self.view, View::Closing | View::Gone)
    }

    /// What can happen next.
    pub fn successors(&self, rules: &Rules) -> Vec<(Label, Self)> {
        let mut next = Vec::new();
        self.window(rules, &mut next);
        self.work(rules, &mut next);
        self.draw(rules, &mut next);
        for thread in 0..self.saving.len() {
            let mut state = self.clone();
            let op = state.saving.remove(thread);
            if let Some(follows) = state.perform(op, rules) {
                // In an order that tells nothing: threads that are as far are alike.
                state.saving.extend(follows);
                state.saving.sort_by_key(|op| *op == Op::Wake);
                next.push((Label::Hidden("saving"), state));
            }
        }
        next
    }

    fn draw(&self, rules: &Rules, next: &mut Vec<(Label, Self)>) {
        for is_grid in [false, true] {
            let mut state = self.clone();
            let place = |state: &mut Self| if is_grid { state.grid.take() } else { state.drawing.take() };
            let Some(own) = place(&mut state).filter(|drawing| !drawing.ended) else { continue };
            let Some(own) = own.goes_on(&mut state, rules) else { continue };
            *(if is_grid { &mut state.grid } else { &mut state.drawing }) = Some(own);
            next.push((Label::Hidden("drawing"), state));
        }
    }

    /// Carries out what a thread has before it; what it has to do right after. None while it has to wait.
    pub fn perform(&mut self, op: Op, rules: &Rules) -> Option<Option<Op>> {
        let room = self.events.len() < rules.room.events;
        match op {
            Op::Send(_) | Op::Offer(_) | Op::Put(_) if self.view == View::Gone => Some(None),
            Op::Send(news) if rules.broken == Some(Broken::WakesFirst) => {
                self.asked = true;
                Some(Some(Op::Put(news)))
            }
            Op::Send(news) | Op::Put(news) if room => {
                self.owed += u8::from(!news.may_be_dropped());
                self.events.push_back(news);
                Some(matches!(op, Op::Send(_)).then_some(Op::Wake))
            }
            Op::Send(_) if rules.broken == Some(Broken::DropsResults) => {
                self.owed += 1;
                Some(None)
            }
            Op::Send(_) | Op::Put(_) => None,
            Op::Offer(news) if room => {
                self.events.push_back(news);
                Some(Some(Op::Wake))
            }
            Op::Offer(_) => Some(None),
            Op::Wake => {
                self.asked = true;
                Some(None)
            }
            Op::EndDrawing | Op::EndGrid => {
                let place = if op == Op::EndGrid { &mut self.grid } else { &mut self.drawing };
                let Some(drawing) = place else { return Some(None) };
                if drawing.ends()? {
                    *place = None;
                    return Some(None);
                }
                Some(Some(op))
            }
            Op::StartDrawing => {
                let (todo, frame) = ([Op::Send(News::DrawingStarted)].into(), News::Frame);
                let [cancelled, told_end, ended] = [false; 3];
                let frames_left = rules.frames;
                self.drawing = Some(Drawing { todo, frame, frames_left, cancelled, told_end, ended });
                Some(None)
            }
            Op::StartGrid => {
                let (todo, frame) = (VecDeque::new(), News::RawGrid);
                let [cancelled, ended] = [false; 2];
                self.grid = Some(Drawing { todo, frame, frames_left: 1, cancelled, told_end: true, ended });
                Some(None)
            }
            Op::StartSaving => {
                self.saving.insert(0, Op::Send(News::Saved));
                Some(None)
            }
        }
    }
}
