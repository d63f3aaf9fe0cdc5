//! Where runs and pictures go unless the user says otherwise.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use directories::{ProjectDirs, UserDirs};

use super::aside::soon;

/// The folders that names are made in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// One folder a run.
    pub runs: PathBuf,
    /// Saved pictures and weights.
    pub pictures: PathBuf,
}

impl Folders {
    /// The places that the desktop's conventions give: on Linux `~/.local/share/diffuscope/runs` and
    /// `~/Pictures`; without a home folder, `runs` and `pictures` beside where the program was started.
    pub fn of_user() -> Self {
        let runs = ProjectDirs::from("", "", "diffuscope").map_or("runs".into(), |dirs| dirs.data_dir().join("runs"));
        let user = UserDirs::new();
        let pictures = user.as_ref().map(|dirs| dirs.picture_dir().unwrap_or(dirs.home_dir()).join("diffuscope"));
        Self { runs, pictures: pictures.unwrap_or("pictures".into()) }
    }

    /// A folder for a new run that does not exist yet, such as `runs/2026-11-24_153012-small`.
    pub fn new_run(&self, preset: &str, now: SystemTime) -> PathBuf {
        unused(&self.runs, &format!("{}-{preset}", stamp(now)), "")
    }

    /// A file, or for an empty `extension` a folder, that does not exist yet, such as `2026-11-24_153012-grid.png`.
    pub fn new_file(&self, what: &str, extension: &str, now: SystemTime) -> PathBuf {
        unused(&self.pictures, &format!("{}-{what}", stamp(now)), extension)
    }
}

/// A disk that does not say soon what it holds is not waited for: who writes there looks once more.
fn unused(folder: &Path, name: &str, extension: &str) -> PathBuf {
    let (folder, name, extension) = (folder.to_path_buf(), name.to_owned(), extension.to_owned());
    let named = move |number: u64| {
        let suffix = if number > 1 { format!("-{number}") } else { String::new() };
        let dot = if extension.is_empty() { "" } else { "." };
        folder.join(format!("{name}{suffix}{dot}{extension}"))
    };
    let first = named(1);
    soon(move || (1..).map(named).find(|path| !path.exists())).flatten().unwrap_or(first)
}

/// Date and time in UTC, to be read: `2026-11-24 15:30`.
pub fn date(time: SystemTime) -> String {
    let stamp = stamp(time);
    format!("{} {}:{}", &stamp[..10], &stamp[11..13], &stamp[13..15])
}

/// Date and time in UTC, as file names sort: `2026-11-24_153012`.
fn stamp(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let (year, month, day) = civil_date((seconds / 86_400) as i64);
    let clock = seconds % 86_400;
    format!("{year:04}-{month:02}-{day:02}_{:02}{:02}{:02}", clock / 3600, clock / 60 % 60, clock % 60)
}

/// Year, month and day of a day since 1970-01-01 in the Gregorian calendar, counted in eras of 400 years that
/// begin in March, so that the leap day comes last (Hinnant, "chrono-compatible low-level date algorithms").
fn civil_date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_calendar_dates() {
        let at = |seconds| stamp(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01_000000");
        assert_eq!(at(951_827_696), "2000-02-29_123456");
        assert_eq!(at(1_795_534_212), "2026-11-24_153012");
        assert_eq!(date(UNIX_EPOCH + Duration::from_secs(1_795_534_212)), "2026-11-24 15:30");
    }

    #[test]
    fn names_in_use_are_not_given_again() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders { runs: folder.path().into(), pictures: folder.path().into() };
        let first = folders.new_run("small", UNIX_EPOCH);
        std::fs::create_dir(&first).unwrap();
        let second = folders.new_run("small", UNIX_EPOCH);
        assert_eq!(second.file_name().unwrap(), "1970-01-01_000000-small-2");
        assert_eq!(folders.new_file("grid", "png", UNIX_EPOCH).extension().unwrap(), "png");
    }
}
