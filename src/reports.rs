//! Reports of crashes: what a panic said, where, in which version and with which settings, as a text in the folder of
//! the program's state. Nothing is sent anywhere; the next start offers to show it.

mod private;
mod without_paths;

use std::backtrace::Backtrace;
use std::fs;
use std::panic::{self, PanicHookInfo};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use directories::ProjectDirs;

use crate::config::{DataSource, Settings};
use crate::files::{create_dir_all, disk, write_atomically};
use crate::{Error, Result};
use private::Private;
use without_paths::without_paths;

/// Reports that are kept; older ones make room.
const MOST: usize = 10;
/// Reports of one start of the program: one panic may come with every frame.
const MOST_A_START: usize = 5;
/// Bytes of a report; a trace of calls may be long.
const MOST_BYTES: usize = 64 << 10;
/// How the names begin of reports that are to be offered, and of those that were.
const NEW: &str = "crash-";
const SEEN: &str = "seen-crash-";

/// The settings of the work that began last, for a report of it.
static SETTINGS: Mutex<Option<String>> = Mutex::new(None);
/// The report that was written last by this start.
static WRITTEN: Mutex<Option<PathBuf>> = Mutex::new(None);

/// A report that can be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub path: PathBuf,
    pub text: String,
}

/// The folder of the reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reports {
    folder: PathBuf,
}

impl Reports {
    /// Where the desktop's conventions put the state of a program: on Linux `~/.local/state/diffuscope/crashes`.
    /// None without a home folder.
    pub fn of_user() -> Option<Self> {
        let dirs = ProjectDirs::from("", "", "diffuscope")?;
        Some(Self::in_folder(dirs.state_dir().unwrap_or(dirs.data_local_dir()).join("crashes")))
    }

    /// Reports in a folder, which is made with the first of them.
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// From now on every panic, on any thread, leaves a report, and then does what it did before.
    pub fn write_on_panic(self) {
        let before = panic::take_hook();
        let count = Arc::new(AtomicUsize::new(0));
        panic::set_hook(Box::new(move |info| {
            // The report before the log: whatever becomes of that, the report is kept.
            if count.fetch_add(1, Ordering::Relaxed) < MOST_A_START {
                match self.write(&text_of(info, &Private::of_user())) {
                    Ok(path) => *WRITTEN.lock().unwrap_or_else(PoisonError::into_inner) = Some(path),
                    Err(error) => tracing::error!("no report of a crash could be kept: {error}"),
                }
            }
            tracing::error!("{info}");
            before(info);
        }));
    }

    /// The newest report that was not offered yet, if it can be read.
    pub fn newest(&self) -> Option<Report> {
        let path = self.names(NEW).pop()?;
        let bytes = fs::read(&path).ok()?;
        let bytes = &bytes[..bytes.len().min(MOST_BYTES)];
        Some(Report { path, text: String::from_utf8_lossy(bytes).into_owned() })
    }

    /// Reports that are there are not offered again; they stay on disk.
    pub fn set_aside(&self) {
        for path in self.names(NEW) {
            if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
                // What stays by its old name is offered again: that is all.
                let _ = disk::rename(&path, &path.with_file_name(name.replacen(NEW, SEEN, 1)));
            }
        }
    }

    /// Removes all reports.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub fn delete(&self) -> Result<()> {
        for path in self.names(NEW).into_iter().chain(self.names(SEEN)) {
            disk::remove(&path).map_err(Error::write(&path))?;
        }
        Ok(())
    }

    fn write(&self, text: &str) -> Result<PathBuf> {
        create_dir_all(&self.folder)?;
        let mut old = self.names(SEEN);
        old.extend(self.names(NEW));
        for path in old.iter().take((old.len() + 1).saturating_sub(MOST)) {
            disk::remove(path).map_err(Error::write(path))?;
        }
        // The time, and later than those that are there, also where the clock was set back.
        let nanoseconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
        let newest = old.iter().filter_map(|path| number_of(path)).max();
        let number = newest.map_or(nanoseconds, |newest| nanoseconds.max(newest.saturating_add(1)));
        let path = self.folder.join(format!("{NEW}{number:020}.txt"));
        let end = (0..=MOST_BYTES.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        write_atomically(&path, |file| file.write_all(&text.as_bytes()[..end]))?;
        Ok(path)
    }

    /// Reports whose names begin so, oldest first. Nothing else in the folder is touched.
    fn names(&self, start: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
            .filter(|entry| {
                let name = entry.file_name();
                let rest = name.to_str().and_then(|name| name.strip_prefix(start)?.strip_suffix(".txt"));
                rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
            })
            .map(|entry| entry.path())
            .collect();
        paths.sort_by_key(|path| number_of(path));
        paths
    }
}

/// The number in the name of a report, by which they are in their order.
fn number_of(report: &Path) -> Option<u128> {
    let digits = report.file_stem()?.to_str()?.rsplit('-').next()?;
    Some(digits.parse().unwrap_or(u128::MAX))
}

/// Notes the settings of work that begins.
pub fn note_settings(settings: &Settings) {
    let mut settings = settings.clone();
    if let DataSource::Path(path) = &mut settings.data.source {
        *path = "(a folder or file)".into();
    }
    *SETTINGS.lock().unwrap_or_else(PoisonError::into_inner) = serde_json::to_string(&settings).ok();
}

/// The report of the last panic of this start.
pub fn written() -> Option<PathBuf> {
    WRITTEN.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The text of a report.
fn text_of(info: &PanicHookInfo, private: &Private) -> String {
    let payload = info.payload();
    let what = payload.downcast_ref::<&str>().copied();
    let what = what.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    let what = without_paths(what);
    let place = info.location().map_or_else(|| "unknown".into(), ToString::to_string);
    let thread = std::thread::current();
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    // Held while the settings were noted, if that is what panicked: then they are not known.
    let settings = SETTINGS.try_lock().ok().and_then(|settings| settings.clone());
    let text = format!(
        "Diffuscope {version} ended a piece of work by an internal error.\n\
         Nothing of this was sent anywhere. Personal paths are left out.\n\n\
         what:     {what}\n\
         where:    {place}\n\
         thread:   {thread}\n\
         when:     {seconds} seconds after 1970-01-01 00:00 UTC\n\
         program:  {version} for {os}, {arch}, {mode}\n\
         settings: {settings}\n\n\
         calls, innermost first:\n{calls}\n",
        version = env!("CARGO_PKG_VERSION"),
        thread = thread.name().unwrap_or("without a name"),
        os = std::env::consts::OS,
        arch = std::env::consts::ARCH,
        mode = if cfg!(debug_assertions) { "debug" } else { "release" },
        settings = settings.as_deref().unwrap_or("none: nothing was trained or drawn yet"),
        calls = Backtrace::force_capture(),
    );
    private.taken_out_of(&text)
}

/// What to do about a panic: where its report is.
pub(crate) fn hint() -> String {
    match written() {
        Some(path) => format!("please report this with {}; your last checkpoint is safe", path.display()),
        None => "please report this with the log; your last checkpoint is safe".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn reports_are_bounded_in_number_and_length_and_other_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        let reports = Reports::in_folder(folder.path().join("crashes"));
        assert_eq!(reports.newest(), None);
        fs::create_dir(folder.path().join("crashes")).unwrap();
        fs::write(folder.path().join("crashes/crash-notes.txt"), "mine").unwrap();
        for i in 0..3 * MOST {
            reports.write(&format!("{i} {}", "é".repeat(MOST_BYTES))).unwrap();
            if i == MOST {
                reports.set_aside();
            }
        }
        let kept = names(&folder.path().join("crashes"));
        assert_eq!(kept.len(), MOST + 1, "{kept:?}");
        let newest = reports.newest().unwrap();
        assert!(newest.text.starts_with("29 é") && newest.text.len() <= MOST_BYTES);
        reports.delete().unwrap();
        assert_eq!(names(&folder.path().join("crashes")), ["crash-notes.txt"]);
    }

    #[test]
    fn a_report_is_the_newest_also_after_the_clock_was_set_back() {
        let folder = tempfile::tempdir().unwrap();
        let reports = Reports::in_folder(folder.path().into());
        // Of a day on which the clock was two centuries ahead, and one of another length.
        for (name, text) in
            [("crash-08000000000000000000.txt", "ahead"), ("seen-crash-900000000000000000000.txt", "seen")]
        {
            fs::write(folder.path().join(name), text).unwrap();
        }
        assert_eq!(reports.newest().unwrap().text, "ahead");
        for text in ["first", "second"] {
            reports.write(text).unwrap();
            assert_eq!(reports.newest().unwrap().text, text);
        }
        assert_eq!(names(folder.path()).len(), 4);
        fs::write(folder.path().join(format!("crash-{}.txt", "9".repeat(60))), "no number").unwrap();
        reports.write("third").unwrap();
        assert_eq!(names(folder.path()).len(), 6, "none was written over");
    }

    #[test]
    fn what_was_set_aside_is_not_offered_again() {
        let folder = tempfile::tempdir().unwrap();
        let reports = Reports::in_folder(folder.path().into());
        reports.write("first").unwrap();
        assert_eq!(reports.newest().unwrap().text, "first");
        reports.set_aside();
        assert_eq!(reports.newest(), None);
        assert_eq!(names(folder.path()).len(), 1);
        reports.write("second").unwrap();
        assert_eq!(reports.newest().unwrap().text, "second");
    }
}
