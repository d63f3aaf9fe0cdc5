//! What the window has to tell: newest first, a bounded number.

use super::action::Action;
use crate::text::shown;

/// How serious a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Info,
    /// Something that was asked for is done.
    Done,
    Failed,
}

/// What one press does about a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Help {
    /// The word on its button.
    pub word: &'static str,
    pub action: Action,
}

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    pub id: u64,
    pub kind: Kind,
    pub text: String,
    /// What to do about it, for failures.
    pub hint: Option<String>,
    pub help: Option<Help>,
}

/// The messages of this session.
#[derive(Debug, Clone, Default)]
pub struct Notices {
    newest_first: Vec<Notice>,
    next_id: u64,
    /// Failures before this one are not brought up any more; they stay in the list.
    shown_from: u64,
}

/// Older ones are forgotten, failures last.
const MOST: usize = 20;

impl Notices {
    /// Adds a message; one that says the same as the newest replaces it.
    pub fn add(&mut self, kind: Kind, text: impl AsRef<str>, hint: Option<String>) {
        self.add_with(kind, text, hint, None);
    }

    /// Adds a message with a button that helps.
    pub fn add_with(&mut self, kind: Kind, text: impl AsRef<str>, hint: Option<String>, help: Option<Help>) {
        let text = shown(text.as_ref()).into_owned();
        let hint = hint.map(|hint| shown(&hint).into_owned());
        if self.newest_first.first().is_some_and(|newest| newest.kind == kind && newest.text == text) {
            self.newest_first.remove(0);
        }
        self.newest_first.insert(0, Notice { id: self.next_id, kind, text, hint, help });
        if self.newest_first.len() > MOST {
            // A failure of the night is still there in the morning, whatever went well since.
            let oldest_word = self.newest_first.iter().rposition(|notice| notice.kind != Kind::Failed);
            self.newest_first.remove(oldest_word.filter(|at| *at > 0).unwrap_or(MOST));
        }
        self.next_id += 1;
    }

    /// Takes a message away. If it is a failure, those before it are old news: none comes up in its place.
    pub fn dismiss(&mut self, id: u64) {
        if self.iter().any(|notice| notice.id == id && notice.kind == Kind::Failed) {
            self.shown_from = self.shown_from.max(id);
        }
        self.newest_first.retain(|notice| notice.id != id);
    }

    /// Undo would take back something else from now on: no message offers it.
    pub fn undo_no_more(&mut self) {
        for notice in &mut self.newest_first {
            notice.help.take_if(|help| help.action == Action::Undo);
        }
    }

    /// What failed goes on by itself: nothing offers to do it again.
    pub fn goes_on(&mut self, action: &Action) {
        self.newest_first.retain(|notice| notice.help.as_ref().is_none_or(|help| help.action != *action));
    }

    /// All messages, newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Notice> {
        self.newest_first.iter()
    }

    /// The newest message that is no failure.
    pub fn newest_word(&self) -> Option<&Notice> {
        self.iter().find(|notice| notice.kind != Kind::Failed)
    }

    /// The newest failure, until it or a later one is dismissed.
    pub fn newest_failure(&self) -> Option<&Notice> {
        self.iter().find(|notice| notice.kind == Kind::Failed && notice.id >= self.shown_from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_first_bounded_and_without_repeats() {
        let mut notices = Notices::default();
        for i in 0..2 * MOST {
            notices.add(Kind::Info, i.to_string(), None);
            notices.add(Kind::Info, i.to_string(), None);
        }
        assert_eq!(notices.iter().count(), MOST);
        assert_eq!(notices.iter().map(|n| n.text.clone()).take(2).collect::<Vec<_>>(), ["39", "38"]);
    }

    #[test]
    fn failures_are_forgotten_last() {
        let mut notices = Notices::default();
        for i in 0..3 * MOST {
            let kind = if i % (2 * MOST) < 2 { Kind::Failed } else { Kind::Done };
            notices.add(kind, i.to_string(), None);
        }
        let failures = notices.iter().filter(|notice| notice.kind == Kind::Failed);
        assert_eq!((notices.iter().count(), failures.count()), (MOST, 4));
        for i in 0..2 * MOST {
            notices.add(Kind::Failed, format!("failure {i}"), None);
        }
        notices.add(Kind::Info, "a word", None);
        assert_eq!(notices.iter().next().map(|newest| newest.text.as_str()), Some("a word"));
        assert_eq!(notices.iter().count(), MOST);
    }

    #[test]
    fn a_dismissed_failure_is_gone() {
        let mut notices = Notices::default();
        notices.add(Kind::Failed, "disk full", Some("free some space".into()));
        notices.add(Kind::Info, "still here", None);
        let id = notices.newest_failure().unwrap().id;
        notices.dismiss(id);
        assert_eq!(notices.newest_failure(), None);
        assert_eq!(notices.iter().count(), 1);
    }

    #[test]
    fn closing_the_banner_does_not_bring_back_an_older_failure() {
        let mut notices = Notices::default();
        notices.add(Kind::Failed, "disk full", None);
        notices.add(Kind::Failed, "no network", None);
        notices.dismiss(notices.newest_failure().unwrap().id);
        assert_eq!(notices.newest_failure(), None);
        assert_eq!(notices.iter().map(|notice| notice.text.as_str()).collect::<Vec<_>>(), ["disk full"]);
        notices.add(Kind::Failed, "disk full again", None);
        assert_eq!(notices.newest_failure().unwrap().text, "disk full again");
    }
}
