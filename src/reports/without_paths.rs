//! Paths are taken out of the message of a panic: they name folders and files of a person, wherever those are.

/// What stands in the place of a path, with the end of its name that says what it is.
const PATH: &str = "<path>";
/// Longer ends of names are words.
const LONGEST_END: usize = 12;
/// What ends a path that stands between no quotes, where a space may be part of it.
const STOPS: [char; 4] = [':', ',', ';', ')'];

/// The text without its absolute paths, as Unix and Windows write them. Places in the program's own sources stay. Where a
/// path ends is not always to be seen: then a word too many is taken out.
pub(super) fn without_paths(text: &str) -> String {
    let (mut result, mut rest, mut before) = (String::with_capacity(text.len()), text, None);
    while let Some(letter) = rest.chars().next() {
        if begins_path(rest, before) {
            let (path, after) = rest.split_at(end_of_path(rest, before));
            result.push_str(&told_of(path));
            (rest, before) = (after, Some('>'));
        } else {
            result.push(letter);
            (rest, before) = (&rest[letter.len_utf8()..], Some(letter));
        }
    }
    result
}

/// Whether an absolute path begins here: `/x`, `\\\\machine`, `C:\`.
fn begins_path(text: &str, before: Option<char>) -> bool {
    if before.is_some_and(|before| before.is_alphanumeric() || "/\\._~-<>".contains(before)) {
        return false;
    }
    let mut letters = text.chars();
    match (letters.next(), letters.next(), letters.next()) {
        (Some('/'), Some(next), _) => next.is_alphanumeric() || "/._~-".contains(next),
        // Of the home, and of where the program was started.
        (Some('~' | '.'), Some('/'), Some(next)) => !next.is_whitespace(),
        (Some('.'), Some('.'), Some('/')) => true,
        (Some('\\'), Some('\\'), Some(_)) => true,
        (Some(drive), Some(':'), Some('/' | '\\')) => drive.is_ascii_alphabetic(),
        _ => false,
    }
}

/// Where the quote is that closes: what stands within a name, as in O'Brien, does not.
fn closing_quote(line: &str, quote: char) -> Option<usize> {
    let closes = |at: usize| !line[at + quote.len_utf8()..].starts_with(char::is_alphanumeric);
    line.match_indices(quote).map(|(at, _)| at).find(|at| closes(*at))
}

/// Where a path ends that begins the text: at the quote that it began behind, or with the last word of the line, up to a
/// colon or the like, that looks like a part of it.
fn end_of_path(text: &str, before: Option<char>) -> usize {
    let line = &text[..text.find('\n').unwrap_or(text.len())];
    if let Some(quote @ ('"' | '\'' | '`')) = before
        && let Some(end) = closing_quote(line, quote)
    {
        return end;
    }
    // The colon of a drive ends nothing.
    let skipped = 2.min(line.len());
    let (mut end, mut at, mut stop) = (0, 0, None);
    for word in line.split_inclusive([' ', '\t']) {
        let (begin, bare) = (at, word.trim_end_matches([' ', '\t', '.']));
        at += word.len();
        let stops = bare.ends_with(STOPS);
        let bare = bare.trim_end_matches(STOPS).trim_end_matches(['"', '\'', '`']);
        if begin > 0 && (begins_path(bare, None) || bare.starts_with("src/")) {
            break;
        }
        if begin == 0 || bare.contains(['/', '\\']) || end_of_name(bare).is_some() {
            end = begin + bare.len();
        }
        if stops {
            stop = Some(begin + bare.len());
            break;
        }
    }
    // A name without an end may have spaces: what is said of it begins behind a colon.
    match stop {
        Some(stop) if end_of_name(&text[..end]).is_none() => stop,
        _ => end.max(skipped),
    }
}

/// What is told of a path: nothing but what kind of file it names, or where in the program's sources it is.
fn told_of(path: &str) -> String {
    let source = path.rfind("/src/").filter(|at| is_source(&path[at + 1..]));
    match (source, end_of_name(path)) {
        (Some(at), _) => format!("{PATH}{}", &path[at..]),
        (None, Some(end)) => format!("{PATH}.{end}"),
        (None, None) => PATH.into(),
    }
}

/// Whether it is `src/some/file.rs`, with a line and a column or without.
fn is_source(path: &str) -> bool {
    let file = path.trim_end_matches(|letter: char| letter == ':' || letter.is_ascii_digit());
    let letters = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "_/".contains(letter);
    file.strip_suffix(".rs").is_some_and(|file| file.chars().all(letters))
}

/// `png` of `x.png`, and of `x.png:3`.
fn end_of_name(name: &str) -> Option<&str> {
    let name = name.trim_end_matches(|letter: char| letter == ':' || letter.is_ascii_digit());
    let (stem, end) = name.rsplit_once('.')?;
    let is_end = end.len() <= LONGEST_END && end.starts_with(|letter: char| letter.is_ascii_alphabetic());
    let named = stem.ends_with(|letter: char| letter != '/' && letter != '\\');
    (is_end && named && end.chars().all(|letter| letter.is_ascii_alphanumeric())).then_some(end)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("cannot read /mnt/nas/family/x.png", "cannot read <path>.png")]
    #[case("cannot read /mnt/nas/Maria Smith: No such file", "cannot read <path>: No such file")]
    #[case("/mnt/nas/family: No such file (os error 2)", "<path>: No such file (os error 2)")]
    #[case("no ink for /mnt/ada/our holiday/Maria and Tom.png: it is empty", "no ink for <path>.png: it is empty")]
    #[case("cannot copy /mnt/nas/a b/c to /media/usb/c", "cannot copy <path> to <path>")]
    #[case("called `unwrap()` on Err(\"/srv/x y/z\")", "called `unwrap()` on Err(\"<path>\")")]
    #[case(
        "Read { path: \"/mnt/a, b/c: d.gif\", source: Os { code: 2 } }",
        "Read { path: \"<path>.gif\", source: Os { code: 2 } }"
    )]
    #[case(r"cannot read D:\family\x.png", "cannot read <path>.png")]
    #[case(r#"path: "C:\\Users\\ada\\x.idx""#, r#"path: "<path>.idx""#)]
    #[case(r"\\server\share\Maria.png is gone", "<path>.png is gone")]
    #[case("file:///mnt/nas/x.png", "file:<path>.png")]
    #[case("/mnt/nas/x.png\nat /srv/y", "<path>.png\nat <path>")]
    #[case("(/mnt/nas/x.png)", "(<path>.png)")]
    #[case("index 3 of 2 in src/data/idx.rs:41:9", "index 3 of 2 in src/data/idx.rs:41:9")]
    #[case("/build/ada/diffuscope/src/data/idx.rs:41:9: bad", "<path>/src/data/idx.rs:41:9: bad")]
    #[case("/mnt/nas/x failed in src/data/idx.rs:41", "<path> failed in src/data/idx.rs:41")]
    #[case("1/2 and 3 / 4, and/or x: [1, 2]", "1/2 and 3 / 4, and/or x: [1, 2]")]
    #[case("é /mnt/ünï/é.png ü", "é <path>.png ü")]
    #[case("cannot read ~/family/x.png", "cannot read <path>.png")]
    #[case("cannot read ../Maria/x.png or ./y.gif", "cannot read <path>.png or <path>.gif")]
    #[case("read '/mnt/O'Brien/Maria.png'", "read '<path>.png'")]
    #[case("/mnt/src/Maria Smith/photos.rsync/x.png", "<path>.png")]
    #[case("1.5 ... 2 ./", "1.5 ... 2 ./")]
    #[case("/", "/")]
    #[case("", "")]
    fn folders_and_names_are_taken_out_and_what_happened_stays(#[case] said: &str, #[case] told: &str) {
        assert_eq!(without_paths(said), told);
    }
}
