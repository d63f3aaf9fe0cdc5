//! Paths to other machines. On Windows a path such as `\\machine\share\digits` connects to that machine, and logs in
//! there, as soon as it is looked at. A run or a model of somebody else may name any: it is followed only where the
//! person has named that machine since the program began, as the place of images or of a run.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::config::DataSource;
use crate::{Error, Result};

/// The machines that the person has named.
static NAMED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// The person has named this path.
pub fn name(path: &Path) {
    if let Some(machine) = machine_of(path) {
        NAMED.lock().unwrap_or_else(PoisonError::into_inner).insert(machine);
    }
}

/// The person has named this source of images.
pub fn name_source(source: &DataSource) {
    if let DataSource::Path(path) = source {
        name(path);
    }
}

/// Whether a path leads to another machine that the person has not named.
pub fn is_unnamed(path: &Path) -> bool {
    machine_of(path).is_some_and(|machine| !NAMED.lock().unwrap_or_else(PoisonError::into_inner).contains(&machine))
}

/// Says whether images may be read from a path, whoever wrote it.
///
/// # Errors
/// [`Error::Format`] when it leads to another machine that the person has not named.
pub(super) fn check(path: &Path) -> Result<()> {
    if !is_unnamed(path) {
        return Ok(());
    }
    let what = "it is on another machine, to which a path in a file does not make this program connect";
    let hint =
        "choose these images on the Data tab, or copy them to this machine; a run goes on with --resume --data PATH";
    Err(Error::format(path, what, hint))
}

/// The machine that a path leads to, in small letters; none where that is this one.
fn machine_of(path: &Path) -> Option<String> {
    if cfg!(windows) { of_windows(&path.to_string_lossy()) } else { None }
}

/// The same by the rules of Windows: `\\machine\share`, `\\?\UNC\machine\share`, and devices, which can be anything.
fn of_windows(path: &str) -> Option<String> {
    let path = path.replace('/', "\\").to_ascii_lowercase();
    let verbatim = ["\\\\?\\", "\\??\\"].iter().find_map(|prefix| path.strip_prefix(prefix));
    let Some(rest) = verbatim else {
        let rest = path.strip_prefix("\\\\")?;
        return rest.split('\\').next().map(str::to_owned);
    };
    if let Some(unc) = rest.strip_prefix("unc\\") {
        return unc.split('\\').next().map(str::to_owned);
    }
    let local = rest.starts_with("volume{") || matches!(rest.as_bytes(), [b'a'..=b'z', b':', ..]);
    (!local).then(|| rest.split('\\').next().unwrap_or(rest).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_to_another_machine_are_known_by_their_beginning() {
        for (path, machine) in [
            (r"\\server\share\digits", "server"),
            ("//Server/share", "server"),
            (r"\/server\share", "server"),
            (r"\\server@SSL@8080\DavWWWRoot", "server@ssl@8080"),
            (r"\\192.0.2.1\c$", "192.0.2.1"),
            (r"\\?\UNC\server\share", "server"),
            (r"\\?\unc\server", "server"),
            (r"\??\UNC\server\share", "server"),
            (r"\\.\pipe\name", "."),
            (r"\\?\GLOBALROOT\Device\Mup\server\share", "globalroot"),
        ] {
            assert_eq!(of_windows(path).as_deref(), Some(machine), "{path}");
        }
        for path in
            [r"C:\digits", r"\digits", "digits", "", r"\\?\C:\digits", r"\\?\Volume{1}\digits", "c:/digits", r"..\a"]
        {
            assert_eq!(of_windows(path), None, "{path}");
        }
    }

    /// On other systems no path connects to anything by itself.
    #[test]
    fn a_machine_is_connected_to_once_the_person_has_named_it() {
        let path = Path::new(r"\\machine-of-this-test\share\digits");
        assert_eq!((is_unnamed(path), check(path).is_err()), (cfg!(windows), cfg!(windows)));
        name_source(&DataSource::Path(r"\\Machine-of-this-test\other".into()));
        assert!(!is_unnamed(path));
        check(path).unwrap();
    }
}
