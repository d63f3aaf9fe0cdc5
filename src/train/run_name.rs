//! What a person calls a run, beside the name of its folder.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize};

use crate::files::shown_name;
use crate::{Error, Result};

/// Letters of the longest name.
pub const LONGEST: usize = 60;

/// A name in one line, of at most [`LONGEST`] characters; empty: the run is called as its folder is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct RunName(String);

impl RunName {
    /// A name as it was typed; spaces around it do not count.
    ///
    /// # Errors
    /// When it is too long, or holds characters that cannot be seen, such as line ends, or turn the text around.
    pub fn new(typed: &str) -> Result<Self> {
        let name = typed.trim();
        if name.chars().any(is_unseen) {
            let what = "the name of a run holds characters that cannot be seen";
            return Err(Error::usage(what, "type it in one line, without tabs"));
        }
        let letters = name.chars().count();
        if letters > LONGEST {
            let what = format!("the name of a run has {letters} characters");
            return Err(Error::usage(what, format!("shorten it to {LONGEST}")));
        }
        Ok(Self(name.into()))
    }

    /// Whether the run is called as its folder is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the run in this folder is called.
    pub fn of(&self, folder: &Path) -> String {
        if self.is_empty() { shown_name(folder) } else { self.0.clone() }
    }
}

impl fmt::Display for RunName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A run of somebody else with a name that cannot be shown has none: it can be opened all the same.
impl<'de> Deserialize<'de> for RunName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        Ok(Self::new(&String::deserialize(from)?).unwrap_or_default())
    }
}

/// Control characters, and the format characters that change how what is beside them is shown: zero-width ones, those
/// that turn the direction of writing (Unicode, UAX #9), and the separators of lines and paragraphs.
fn is_unseen(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{AD}' | '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}')
        || matches!(letter, '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn a_name_is_one_line_and_no_name_is_the_folders() {
        let folder = Path::new("/data/runs/first");
        let called = |typed: &str| RunName::new(typed).unwrap().of(folder);
        assert_eq!((called("  cosine, T = 400 "), called(" ")), ("cosine, T = 400".into(), "first".into()));
        assert_eq!(called(&"ж".repeat(LONGEST)).chars().count(), LONGEST);
    }

    #[rstest]
    #[case::line("a\nb")]
    #[case::tab("a\tb")]
    #[case::escape("\u{1B}[31m")]
    #[case::turned_around("a\u{202E}gnp.exe")]
    #[case::zero_width("a\u{200B}b")]
    fn what_cannot_be_seen_is_no_part_of_a_name(#[case] typed: &str) {
        let error = RunName::new(typed).unwrap_err();
        assert!(error.to_string().contains("cannot be seen"), "{error}");
        let json = serde_json::to_string(typed).unwrap();
        assert_eq!(serde_json::from_str::<RunName>(&json).unwrap(), RunName::default());
    }

    #[test]
    fn a_long_name_says_how_long_it_may_be() {
        let error = RunName::new(&"a".repeat(LONGEST + 1)).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.exit_code()), ("the name of a run has 61 characters", 2));
        assert_eq!(error.hint(), "shorten it to 60");
    }
}
