//! Progress on standard error: a bar on a terminal, a plain line every few seconds otherwise.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::text::shown;
use crate::train::StepReport;

/// Seconds between two plain lines.
const EVERY: Duration = Duration::from_secs(5);
/// Parts that the bar is divided into.
const PARTS: u64 = 1000;

/// Shows how far a piece of work is. Dropped before [`Progress::finish`], the bar is cleared without a last line.
pub struct Progress {
    face: Face,
    started: Instant,
    latest: String,
}

enum Face {
    Bar(ProgressBar),
    Lines { to: Box<dyn Write + Send>, every: Duration, last: Option<Instant> },
}

impl Progress {
    /// On standard error, in the form that suits where it goes.
    pub fn new() -> Self {
        let face = if std::io::stderr().is_terminal() {
            let style = ProgressStyle::with_template("{bar:24} {percent:>3} % · {msg}");
            let bar = ProgressBar::new(PARTS);
            Face::Bar(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
        } else {
            Face::Lines { to: Box::new(std::io::stderr()), every: EVERY, last: None }
        };
        Self { face, started: Instant::now(), latest: String::new() }
    }

    /// After a training step. Before two of them were timed there is no rate, and no time left is told.
    pub fn step(&mut self, report: &StepReport, images_per_second: Option<f64>) {
        self.show(report.progress, &training_line(report, images_per_second));
    }

    /// Another piece of work begins: the time left follows from its pace alone.
    pub fn begin(&mut self) {
        self.started = Instant::now();
    }

    /// `done` of `total` equal parts of what `doing` says, such as `drawing 64 images`. The time left follows from the pace.
    pub fn advance(&mut self, doing: &str, done: u64, total: u64) {
        let share = if total == 0 { 1.0 } else { done as f64 / total as f64 };
        let left = seconds_left(self.started.elapsed().as_secs_f64(), share);
        self.show(share, &join([Some(doing.into()), left.map(|left| format!("{} left", clock(left)))]));
    }

    /// Prints a line that stays, above the bar if there is one.
    pub fn note(&mut self, line: &str) {
        let line = shown(line);
        match &mut self.face {
            Face::Bar(bar) => bar.println(line),
            Face::Lines { to, .. } => plain(to, &line),
        }
    }

    /// Ends with the last state, so that it can be read when the bar is gone.
    pub fn finish(mut self) {
        let line = std::mem::take(&mut self.latest);
        match &mut self.face {
            Face::Bar(bar) => {
                bar.finish_and_clear();
                plain(&mut std::io::stderr(), &line);
            }
            Face::Lines { to, .. } => plain(to, &line),
        }
    }

    fn show(&mut self, share: f64, line: &str) {
        let share = share.clamp(0.0, 1.0);
        match &mut self.face {
            Face::Bar(bar) => {
                bar.set_position((share * PARTS as f64) as u64);
                bar.set_message(line.to_owned());
                self.latest = line.to_owned();
            }
            Face::Lines { to, every, last } => {
                let line = format!("{:3.0} % · {line}", (share * 100.0).floor());
                if last.is_none_or(|last| last.elapsed() >= *every) {
                    plain(to, &line);
                    *last = Some(Instant::now());
                }
                self.latest = line;
            }
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

/// Progress that nobody can read is no reason to end the work.
fn plain(to: &mut impl Write, line: &str) {
    if !line.is_empty() {
        let _ = writeln!(to, "{line}");
    }
}

fn training_line(report: &StepReport, images_per_second: Option<f64>) -> String {
    let left = images_per_second.and_then(|_| seconds_left(report.seconds, report.progress));
    join([
        Some(format!("epoch {:.2}", report.epoch)),
        Some(format!("step {}", grouped(report.step))),
        Some(format!("loss {:.4}", report.loss)),
        images_per_second.map(|rate| format!("{} images/s", grouped(rate.round() as u64))),
        left.map(|left| format!("{} left", clock(left))),
    ])
}

fn join<const N: usize>(parts: [Option<String>; N]) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// Seconds until all is done, if the pace stays; `None` before anything is done, and when all is.
fn seconds_left(elapsed: f64, share: f64) -> Option<f64> {
    (share > 0.0 && share < 1.0).then(|| elapsed * (1.0 - share) / share)
}

/// `1,240`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `0:48`, `12:05`, `1:02:03`; seconds are rounded up, so that it ends with the work.
pub fn clock(seconds: f64) -> String {
    let seconds = seconds.max(0.0).ceil() as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn lines(every: Duration, work: impl FnOnce(Progress)) -> Vec<String> {
        let sink = Sink::default();
        let face = Face::Lines { to: Box::new(sink.clone()), every, last: None };
        work(Progress { face, started: Instant::now(), latest: String::new() });
        let written = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        written.lines().map(str::to_owned).collect()
    }

    fn report(step: u64, progress: f64) -> StepReport {
        let (epoch, loss) = (step as f64 / 937.0, 0.02141);
        StepReport { step, epoch, images: step * 64, loss, lr: 1e-3, grad_norm: 1.0, seconds: 2.0, progress }
    }

    #[test]
    fn a_training_step_is_told_in_one_line() {
        let step = report(1240, 0.5);
        let written = lines(Duration::ZERO, |mut progress| progress.step(&step, Some(1310.4)));
        assert_eq!(written, [" 50 % · epoch 1.32 · step 1,240 · loss 0.0214 · 1,310 images/s · 0:02 left"]);
        let first = lines(Duration::ZERO, |mut progress| progress.step(&step, None));
        assert_eq!(first, [" 50 % · epoch 1.32 · step 1,240 · loss 0.0214"], "no rate, and no time left");
    }

    #[test]
    fn plain_lines_are_rare_but_the_first_and_the_last_are_there() {
        let written = lines(Duration::from_secs(3600), |mut progress| {
            for step in 1..=100 {
                progress.step(&report(step, step as f64 / 100.0), Some(1.0));
            }
            progress.note("a checkpoint was kept");
            progress.finish();
        });
        assert_eq!(written.len(), 3, "{written:?}");
        assert!(written[0].contains("step 1 "), "{written:?}");
        assert_eq!(written[1], "a checkpoint was kept");
        assert!(written[2].starts_with("100 %") && written[2].contains("step 100 "), "{written:?}");
    }

    #[test]
    fn other_work_tells_its_share() {
        let written = lines(Duration::ZERO, |mut progress| {
            progress.advance("drawing 64 images", 0, 16);
            progress.advance("drawing 64 images", 16, 16);
            progress.advance("nothing to do", 0, 0);
        });
        assert_eq!(written[0], "  0 % · drawing 64 images");
        assert_eq!(written[1], "100 % · drawing 64 images");
        assert_eq!(written[2], "100 % · nothing to do");
    }

    #[test]
    fn the_time_left_follows_the_pace() {
        assert_eq!(seconds_left(10.0, 0.25), Some(30.0));
        assert_eq!(seconds_left(10.0, 0.0), None);
        assert_eq!(seconds_left(10.0, 1.0), None);
    }

    #[test]
    fn numbers_and_times_read_well() {
        let numbers = [0, 999, 1000, 60_000, 1_234_567].map(grouped);
        assert_eq!(numbers, ["0", "999", "1,000", "60,000", "1,234,567"]);
        let times = [-1.0, 47.2, 60.0, 725.0, 3723.0].map(clock);
        assert_eq!(times, ["0:00", "0:48", "1:00", "12:05", "1:02:03"]);
    }
}
