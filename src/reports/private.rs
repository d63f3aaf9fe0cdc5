//! What tells of a person is taken out of a report: the home folder and the name at this computer.

use directories::BaseDirs;

/// What is personal, and what stands in its place.
pub(super) struct Private {
    home: Option<String>,
    name: Option<String>,
}

impl Private {
    /// Of the person who started the program.
    pub(super) fn of_user() -> Self {
        let home = BaseDirs::new().map(|dirs| dirs.home_dir().to_string_lossy().into_owned());
        let name = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
        Self { home, name }
    }

    /// The text without it.
    pub(super) fn taken_out_of(&self, text: &str) -> String {
        let mut text = text.to_owned();
        // A home that is the root would take every slash out.
        if let Some(home) = self.home.as_deref().filter(|home| home.len() > 1) {
            text = replaced(&text, home, "~");
            // As paths stand in JSON and in debug output of Windows.
            text = replaced(&text, &home.replace('\\', "\\\\"), "~");
            if let Some(name) = home.rsplit(['/', '\\']).next() {
                text = replaced(&text, name, "(user)");
            }
        }
        match self.name.as_deref() {
            Some(name) => replaced(&text, name, "(user)"),
            None => text,
        }
    }
}

/// `what` where it is a word or path of its own: Ada's name leaves `canada` as it is.
fn replaced(text: &str, what: &str, by: &str) -> String {
    if what.is_empty() {
        return text.into();
    }
    let inside = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    let mut result = String::with_capacity(text.len());
    let mut done = 0;
    for (start, _) in text.match_indices(what) {
        let end = start + what.len();
        let begins_inside = what.starts_with(char::is_alphanumeric) && inside(text[..start].chars().next_back());
        if !begins_inside && !inside(text[end..].chars().next()) {
            result.push_str(&text[done..start]);
            result.push_str(by);
            done = end;
        }
    }
    result.push_str(&text[done..]);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn home_and_name_are_taken_out_and_words_that_hold_them_stay() {
        let home = ["", "home", "ada"].join("/");
        let private = Private { home: Some(home.clone()), name: Some("lovelace".into()) };
        let text = format!("cannot read {home}/digits.png of ada (lovelace) in /canada/{home}lin");
        let expected = format!("cannot read ~/digits.png of (user) ((user)) in /canada/{home}lin");
        assert_eq!(private.taken_out_of(&text), expected);
    }

    #[test]
    fn a_home_of_windows_is_taken_out_in_both_of_its_forms() {
        let private = Private { home: Some(r"C:\Users\ada".into()), name: None };
        assert_eq!(private.taken_out_of(r#""C:\\Users\\ada\\x" C:\Users\ada\x"#), r#""~\\x" ~\x"#);
    }

    #[test]
    fn a_home_at_the_root_and_no_name_leave_the_text_as_it_is() {
        let text = "/data/x: index 3 of 2";
        assert_eq!(Private { home: Some("/".into()), name: Some(String::new()) }.taken_out_of(text), text);
        assert_eq!(Private { home: None, name: None }.taken_out_of(text), text);
    }
}
