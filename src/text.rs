//! Words that strangers chose (names and values inside files, paths), made fit to be shown.

use std::borrow::Cow;

/// Letters of a text that are shown; more would fill a terminal or a window.
const MOST: usize = 600;

/// The text in one line of at most 600 letters, without what a terminal would obey: line breaks are spaces, other control
/// characters and those that turn the direction of writing are `?`. Longer texts end in `…`.
pub fn shown(text: &str) -> Cow<'_, str> {
    if text.len() <= MOST && !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut letters = text.chars().map(fit);
    let mut shown: String = letters.by_ref().take(MOST).collect();
    shown.extend(letters.next().map(|_| '…'));
    Cow::Owned(shown)
}

/// Control characters, separators of lines, and marks that change the order of what follows (Unicode, UAX 9).
fn is_obeyed(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn fit(letter: char) -> char {
    match letter {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
        letter if is_obeyed(letter) => '?',
        letter => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_not_shown() {
        let hostile = "a\u{1b}]0;PWNED\u{7}b\nc\u{9b}2J\u{202e}d";
        assert_eq!(shown(hostile), "a?]0;PWNED?b c?2J?d");
        assert_eq!(shown("cannot read /tmp/é 数.json"), "cannot read /tmp/é 数.json");
    }

    #[test]
    fn a_long_text_is_cut_between_letters() {
        let long = "é".repeat(5_000_000);
        let cut = shown(&long);
        assert_eq!(cut.chars().count(), MOST + 1);
        assert!(cut.ends_with("é…"));
        let just = "é".repeat(MOST);
        assert_eq!(shown(&just), just);
    }
}
