//! The films of a run, `films/step-0000800.safetensors`, within a budget of bytes.
//!
//! Over it, the film goes whose neighbours are nearest to each other in √step, so that what stays is spread evenly over
//! √step: the beginning, where most changes, is seen more closely. The first and the newest stay. Which one goes
//! follows from the files alone, so a run that is resumed, or whose removal of one was lost, goes on as any other.

use std::fs;
use std::path::{Path, PathBuf};

use super::film::Film;
use super::folder::check_own_folder;
use super::metrics::step_in;
use crate::files::{disk, refuse_linked};
use crate::{Error, Result};

/// Name of the folder in the run's.
pub const FILMS: &str = "films";
/// Bytes of pictures that are read of one run, whatever its budget was.
const MOST_READ: u64 = 128 << 20;
/// Files that are looked at: more are not what this program wrote.
const MOST_FILES: usize = 4096;

/// A film on disk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FilmFile {
    pub step: u64,
    pub path: PathBuf,
    /// Size of the file.
    pub bytes: u64,
}

/// The films of a run by their steps; files of other names, and folders, are none. No folder means no films.
///
/// # Errors
/// When the folder is there and cannot be read, or is a link.
pub fn list(run: &Path) -> Result<Vec<FilmFile>> {
    let folder = run.join(FILMS);
    refuse_linked(&folder)?;
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::read(&folder)(error)),
    };
    let film = |entry: fs::DirEntry| {
        let step = step_in(&entry.file_name(), ".safetensors")?;
        let about = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        Some(FilmFile { step, path: entry.path(), bytes: about.len() })
    };
    let mut films: Vec<_> = entries.flatten().filter_map(film).take(MOST_FILES).collect();
    films.sort();
    // Two names of one step, `step-1` and `step-0000001`: one film is enough.
    films.dedup_by_key(|film| film.step);
    Ok(films)
}

/// Adds a film to a run, and removes what is then over the budget.
///
/// # Errors
/// When the disk does not take it; films that were there stay.
pub fn add(run: &Path, film: &Film, budget: u64) -> Result<()> {
    let folder = run.join(FILMS);
    if !folder.exists() {
        // Not the folders above it: a run that was removed does not come back by this.
        disk::create_folder(&folder).and_then(|()| disk::sync_folder(run)).map_err(Error::write(&folder))?;
    }
    check_own_folder(&folder)?;
    film.write(&folder.join(format!("step-{:07}.safetensors", film.step)))?;
    let films = list(run)?;
    let sizes: Vec<_> = films.iter().map(|film| (film.step, film.bytes)).collect();
    for step in surplus(&sizes, budget) {
        remove(films.iter().filter(|film| film.step == step))?;
    }
    Ok(())
}

/// Removes the films of models after `step`.
///
/// # Errors
/// When the disk does not take it.
pub fn drop_after(run: &Path, step: u64) -> Result<()> {
    check_own_folder(&run.join(FILMS))?;
    remove(list(run)?.iter().filter(|film| film.step > step))
}

fn remove<'a>(films: impl Iterator<Item = &'a FilmFile>) -> Result<()> {
    for film in films {
        disk::remove(&film.path).map_err(Error::write(&film.path))?;
    }
    Ok(())
}

/// Which films to take away, by their steps, so that the others fit into the budget: see the module. `films` are steps
/// and bytes, steps growing. Two always stay.
pub fn surplus(films: &[(u64, u64)], budget: u64) -> Vec<u64> {
    let mut kept = films.to_vec();
    let mut total: u64 = kept.iter().map(|(_, bytes)| *bytes).fold(0, u64::saturating_add);
    let mut removed = Vec::new();
    while total > budget && kept.len() > 2 {
        let gap = |i: &usize| (kept[i + 1].0 as f64).sqrt() - (kept[i - 1].0 as f64).sqrt();
        let Some(nearest) = (1..kept.len() - 1).min_by(|a, b| gap(a).total_cmp(&gap(b))) else { break };
        let (step, bytes) = kept.remove(nearest);
        total -= bytes;
        removed.push(step);
    }
    removed
}

/// Reads the films of a run and hands over each: the newest, then from the first on.
/// Of more than 128 MB some are left out, evenly; files that are no film are passed over, and counted in the result.
///
/// # Errors
/// When the folder cannot be read, or what `take` returned.
pub fn read_all(run: &Path, mut take: impl FnMut(Film) -> Result<()>) -> Result<usize> {
    let mut films = list(run)?;
    let sizes: Vec<_> = films.iter().map(|film| (film.step, film.bytes)).collect();
    let left_out = surplus(&sizes, MOST_READ);
    films.retain(|film| !left_out.contains(&film.step));
    let mut damaged = 0;
    let newest = films.pop();
    for file in newest.into_iter().chain(films) {
        match Film::read(&file.path) {
            Ok(film) if film.step == file.step => take(film)?,
            Ok(_) | Err(_) => damaged += 1,
        }
    }
    Ok(damaged)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::super::film::tests::film;
    use super::*;
    use crate::files::faults::{FAULTS, Fault, LOSSES, Loss, with_fault, with_room};

    fn steps(run: &Path) -> Vec<u64> {
        list(run).unwrap().into_iter().map(|film| film.step).collect()
    }

    #[test]
    fn a_long_run_stays_within_its_budget_spread_over_the_root_of_the_step() {
        let mut kept: Vec<(u64, u64)> = Vec::new();
        for step in (25..=100_000).step_by(25) {
            kept.push((step, 1000));
            let removed = surplus(&kept, 100_000);
            kept.retain(|(step, _)| !removed.contains(step));
            assert!(kept.len() <= 100);
        }
        let steps: Vec<u64> = kept.iter().map(|(step, _)| *step).collect();
        assert_eq!((steps.len(), steps[0], steps[99]), (100, 25, 100_000));
        let gaps: Vec<f64> = steps.windows(2).map(|pair| (pair[1] as f64).sqrt() - (pair[0] as f64).sqrt()).collect();
        let even = ((100_000f64).sqrt() - 5.0) / 99.0;
        assert!(gaps.iter().all(|gap| *gap < 2.5 * even), "{even}: {gaps:?}");
    }

    #[test]
    fn the_first_and_the_newest_stay_and_so_do_two_that_are_too_large() {
        assert_eq!(surplus(&[(1, 5), (100, 5), (101, 5), (102, 5)], 15), [101]);
        assert_eq!(surplus(&[(1, 5), (2, 5), (3, 5)], 0), [2]);
        assert_eq!(surplus(&[(1, u64::MAX), (2, u64::MAX)], 0), [0u64; 0]);
        assert_eq!(surplus(&[(1, 5), (2, 5)], 10), [0u64; 0]);
    }

    #[test]
    fn films_are_added_listed_read_and_dropped_and_other_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path();
        assert_eq!((steps(run), read_all(run, |_| Ok(())).unwrap()), (vec![], 0));
        for step in [10, 20, 30, 40] {
            add(run, &film(step), u64::MAX).unwrap();
        }
        let foreign = [run.join(FILMS).join("notes.txt"), run.join(FILMS).join("step-x.safetensors")];
        foreign.iter().for_each(|path| fs::write(path, "mine").unwrap());
        fs::create_dir(run.join(FILMS).join("step-0000099.safetensors")).unwrap();
        fs::write(run.join(FILMS).join("step-0000015.safetensors"), "torn").unwrap();
        fs::copy(run.join(FILMS).join("step-0000010.safetensors"), run.join(FILMS).join("step-0000016.safetensors"))
            .unwrap();
        assert_eq!(steps(run), [10, 15, 16, 20, 30, 40]);
        let mut read = Vec::new();
        let damaged = read_all(run, |film| {
            read.push(film.step);
            Ok(())
        });
        assert_eq!(damaged.unwrap(), 2, "one is torn, one has the step of another");
        assert_eq!(read, [40, 10, 20, 30]);
        drop_after(run, 20).unwrap();
        assert_eq!(steps(run), [10, 15, 16, 20]);
        let size = list(run).unwrap()[0].bytes;
        add(run, &film(50), 3 * size).unwrap();
        assert!(steps(run).len() <= 3 && steps(run).contains(&10) && steps(run).contains(&50), "{:?}", steps(run));
        assert!(foreign.iter().all(|path| path.exists()));
    }

    #[test]
    fn a_run_that_was_removed_does_not_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("gone");
        assert!(matches!(add(&run, &film(1), u64::MAX), Err(Error::Write { .. })));
        assert!(!run.exists());
    }

    /// Whatever call goes wrong: every file that is there is a whole film, the old ones stay, and adding goes on.
    #[test]
    fn a_film_is_there_whole_or_not_at_all_whatever_call_goes_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let begin = |name: &str| {
            let run = folder.path().join(name);
            fs::create_dir(&run).unwrap();
            [10, 20, 30].iter().for_each(|&step| add(&run, &film(step), u64::MAX).unwrap());
            run
        };
        let whole = begin("whole");
        let budget = 3 * list(&whole).unwrap()[0].bytes;
        let (nothing, beside) = (Loss { contents: false, names: false }, folder.path());
        let (added, calls) = with_fault(None, nothing, beside, || add(&whole, &film(40), budget));
        added.unwrap();
        let mut tried = 0;
        for (k, fault, loss) in (0..calls).flat_map(|k| FAULTS.map(|fault| (k, fault))).flat_map(|(k, fault)| {
            let losses = if fault == Fault::Fail { &LOSSES[..1] } else { &LOSSES[..] };
            losses.iter().map(move |loss| (k, fault, *loss))
        }) {
            let run = begin("run");
            let _ = with_fault(Some((k, fault)), loss, beside, || add(&run, &film(40), budget));
            let what = format!("{fault:?} at call {k} of {calls}, {loss:?}");
            let there = steps(&run);
            assert!(there.contains(&10) && there.len() >= 3, "{what}: {there:?}");
            let damaged = read_all(&run, |_| Ok(())).unwrap();
            assert!(damaged == 0 || fault == Fault::Drop && damaged == 1, "{what}: {damaged} damaged");
            add(&run, &film(50), budget).unwrap();
            // One that a disk lost in silence takes no room.
            assert!((3..=4).contains(&steps(&run).len()) && steps(&run).contains(&50), "{what}: {:?}", steps(&run));
            fs::remove_dir_all(&run).unwrap();
            tried += 1;
        }
        assert!(calls >= 5 && tried > 50, "{calls} calls, {tried} faults");
    }

    #[test]
    fn a_full_disk_takes_no_film_and_harms_none_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path();
        [10, 20].iter().for_each(|&step| add(run, &film(step), u64::MAX).unwrap());
        let bytes = list(run).unwrap()[0].bytes as usize;
        for room in [0, 1, bytes / 2, bytes - 1] {
            let error = with_room(room, || add(run, &film(30), u64::MAX)).unwrap_err();
            assert!(
                matches!(&error, Error::Write { source, .. } if source.kind() == ErrorKind::StorageFull),
                "{error}"
            );
            assert_eq!((steps(run), read_all(run, |_| Ok(())).unwrap()), (vec![10, 20], 0), "room for {room}");
        }
        with_room(bytes, || add(run, &film(30), u64::MAX)).unwrap();
        assert_eq!(steps(run), [10, 20, 30]);
    }
}
