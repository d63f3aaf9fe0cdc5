//! Numbers as text: short, with the same width for the same kind, and back from what was typed.

use crate::app::SamplingProgress;

/// A whole number with separators: `60,000`.
pub fn whole(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < 0.0 { "−" } else { "" });
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of any size in a few characters: `0.02`, `2e-3`, `12.5`.
pub fn short(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    if value.abs() >= 0.01 {
        let text = format!("{value:.4}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let text = format!("{value:.2e}");
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    format!("{}e{exponent}", mantissa.trim_end_matches('0').trim_end_matches('.'))
}

/// A number of any size in two digits: `0.81`, `3.2e-4`, `12,000`.
pub fn rough(value: f64) -> String {
    let two: f64 = format!("{value:.1e}").parse().unwrap_or(value);
    match two.abs() {
        size if size.is_infinite() => "∞".into(),
        size if size >= 100.0 => whole(two),
        _ => short(two),
    }
}

/// The number that was typed, with or without separators; `1/2` is not one.
pub fn parse(text: &str) -> Option<f64> {
    text.replace(',', "").replace('−', "-").trim().parse().ok()
}

/// `12 / 25 frames · 0:04 · 0:03 left`: since it began, and what is left; times under a second are not told.
pub fn frames(progress: &SamplingProgress) -> String {
    let told = |seconds: Option<f64>, word: &str| {
        let seconds = seconds.filter(|seconds| *seconds >= 1.0);
        seconds.map_or_else(String::new, |seconds| format!(" · {}{word}", clock(seconds)))
    };
    let [elapsed, left] = [Some(progress.begun.elapsed().as_secs_f64()), progress.seconds_left];
    let (done, all) = (progress.frames_done, progress.frames);
    format!("{done} / {all} frames{}{}", told(elapsed, ""), told(left, " left"))
}

/// The longest that [`frames`] says in the first ten minutes.
pub fn most_of_frames(progress: &SamplingProgress) -> String {
    let (all, longest) = (progress.frames, clock(599.0));
    format!("{all} / {all} frames · {longest} · {longest} left")
}

/// A time that is left or was taken: `0:58`, `12:05`, `3:20:00`.
pub fn clock(seconds: f64) -> String {
    let total = seconds.max(0.0).round() as u64;
    let (hours, minutes, seconds) = (total / 3600, total / 60 % 60, total % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(
            [whole(0.0), whole(999.0), whole(60_000.0), whole(1_234_567.0)],
            ["0", "999", "60,000", "1,234,567"]
        );
        assert_eq!(
            [short(0.02), short(0.002), short(1e-4), short(12.5), short(0.9995), short(0.0)],
            ["0.02", "2e-3", "1e-4", "12.5", "0.9995", "0"]
        );
        assert_eq!([clock(58.2), clock(725.0), clock(12_000.0)], ["0:58", "12:05", "3:20:00"]);
    }

    #[test]
    fn rough_numbers_have_two_digits() {
        let texts = [0.8123, 12.34, 437.0, 12_345.0, 0.000_317, 0.0, f64::INFINITY].map(rough);
        assert_eq!(texts, ["0.81", "12", "440", "12,000", "3.2e-4", "0", "∞"]);
    }

    #[test]
    fn what_is_shown_can_be_typed_again() {
        for value in [0.02, 2e-3, 1.25e-5, 0.5, 0.998, 1234.0] {
            assert_eq!(parse(&short(value)), Some(value));
        }
        assert_eq!(parse("60,000"), Some(60_000.0));
        assert_eq!(parse("many"), None);
    }
}
