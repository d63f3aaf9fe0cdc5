//! A file and a folder, written on a disk that goes wrong at each call.

use super::super::{BUFFER, write_atomically, write_folder_atomically};
use super::*;
use crate::Error;

fn read(path: &Path) -> Option<Vec<u8>> {
    fs::read(path).ok()
}

/// Tries every fault at every call of `work`, and has `check` look at what is left each time.
fn at_every_call(work: impl Fn(&Path) -> crate::Result<()>, check: impl Fn(&Path, bool, &str)) -> usize {
    let mut tried = 0;
    for fault in FAULTS {
        for loss in LOSSES {
            for k in 0.. {
                let folder = tempfile::tempdir().unwrap();
                let inside = folder.path().join("inside");
                fs::create_dir(&inside).unwrap();
                let (result, made) = with_fault(Some((k, fault)), loss, folder.path(), || work(&inside));
                if made <= k {
                    break;
                }
                check(&inside, result.is_ok(), &format!("{fault:?} at call {k}, {loss:?}"));
                tried += 1;
            }
        }
    }
    tried
}

#[test]
fn a_file_is_the_old_one_or_the_new_one_whatever_call_goes_wrong() {
    let new = vec![7; 3 * BUFFER];
    let work = |folder: &Path| {
        fs::write(folder.join("a"), "old").unwrap();
        write_atomically(&folder.join("a"), |file| file.write_all(&new))
    };
    let tried = at_every_call(work, |folder, said_done, what| {
        let left = read(&folder.join("a")).unwrap_or_default();
        // A disk that says that it wrote and did not can only be found out by a checksum.
        let lied = what.starts_with("Drop");
        assert!(lied || left == b"old" || left == new, "{what}: {} bytes", left.len());
        assert!(lied || !said_done || left == new, "{what}: said to be written");
    });
    println!("{tried} faults");
    assert!(tried > 40, "{tried}");
}

/// Replaces a folder under every fault. Where two renames do that, there is a moment between them: then the old one may
/// stand under a temporary name, and nowhere else.
fn folders(two_renames: bool) {
    let work = |folder: &Path| {
        fs::create_dir(folder.join("out")).unwrap();
        fs::write(folder.join("out/old"), "old").unwrap();
        write_folder_atomically(&folder.join("out"), &|_| Ok(()), |fresh| {
            write_atomically(&fresh.join("one"), |file| file.write_all(b"1"))?;
            write_atomically(&fresh.join("two"), |file| file.write_all(b"2"))
        })
    };
    let tried = at_every_call(work, |folder, said_done, what| {
        let out = folder.join("out");
        let old = read(&out.join("old")).as_deref() == Some(b"old");
        let new = read(&out.join("one")).as_deref() == Some(b"1") && read(&out.join("two")).as_deref() == Some(b"2");
        let lied = what.starts_with("Drop");
        let between = || fs::read_dir(folder).unwrap().flatten().any(|entry| entry.path().join("old/old").is_file());
        assert!(out.is_dir() || two_renames && (lied || between()), "{what}: nothing is there");
        assert!(lied || old != new || !out.exists(), "{what}: it is neither, or a part");
        assert!(lied || !said_done || new, "{what}: said to be written");
    });
    println!("{tried} faults");
    assert!(tried > 80, "{tried}");
}

#[test]
fn a_folder_is_there_the_old_one_or_the_new_one_whatever_call_goes_wrong() {
    folders(!cfg!(target_os = "linux"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_is_not_lost_where_names_cannot_be_exchanged() {
    without_exchange(|| folders(true));
}

#[cfg(target_os = "linux")]
#[test]
fn what_fails_between_two_renames_is_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let write = |content: &'static [u8]| {
        write_folder_atomically(&out, &|_| Ok(()), |fresh| {
            write_atomically(&fresh.join("a"), |file| file.write_all(content))
        })
    };
    without_exchange(|| {
        write(b"old").unwrap();
        let fails = |k| with_fault(Some((k, Fault::Fail)), LOSSES[0], folder.path(), || write(b"new"));
        for k in 0.. {
            let (result, made) = fails(k);
            if made <= k || fs::read(out.join("a")).unwrap() == b"new" {
                // The last call has both names already.
                assert!(k >= 6, "{k}");
                break;
            }
            assert!(result.is_err(), "call {k}");
            assert_eq!(fs::read(out.join("a")).unwrap(), b"old", "call {k}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "call {k} left something behind");
        }
    });
}

/// What is put into the old folder while the new one is made is seen, and the old one stays, at its place.
#[test]
fn a_folder_that_may_not_go_any_more_is_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("old"), "old").unwrap();
    let old_alone = |old: &Path| match fs::read_dir(old).unwrap().count() {
        1 => Ok(()),
        _ => Err(Error::usage("it holds more", "choose another")),
    };
    let write = || {
        write_folder_atomically(&out, &old_alone, |fresh| {
            fs::write(out.join("mine"), "mine").unwrap();
            write_atomically(&fresh.join("new"), |file| file.write_all(b"new"))
        })
    };
    let is_refused = || {
        let error = write().unwrap_err();
        assert!(matches!(error, Error::Usage { .. }), "{error}");
        let there = ["old", "mine", "new"].map(|name| out.join(name).is_file());
        assert_eq!(there, [true, true, false]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "something was left behind");
    };
    is_refused();
    #[cfg(target_os = "linux")]
    without_exchange(is_refused);
}

/// Whatever goes wrong while a folder that may not go is put back: what it held is in its place, or where the error says.
fn refused() {
    let told = RefCell::new(String::new());
    let work = |folder: &Path| {
        fs::create_dir(folder.join("out")).unwrap();
        fs::write(folder.join("out/old"), "old").unwrap();
        let refuse = |_: &Path| Err(Error::usage("it holds more", "choose another"));
        let made = write_folder_atomically(&folder.join("out"), &refuse, |fresh| {
            write_atomically(&fresh.join("new"), |file| file.write_all(b"new"))
        });
        *told.borrow_mut() = made.as_ref().map_or_else(ToString::to_string, |()| String::new());
        made
    };
    let (named, elsewhere) = (Cell::new(0), Cell::new(0));
    at_every_call(work, |folder, said_done, what| {
        let lied = what.starts_with("Drop");
        assert!(lied || !said_done, "{what}: said to be written");
        let holds = |at: &Path| read(&at.join("old")).as_deref() == Some(b"old");
        if holds(&folder.join("out")) {
            return;
        }
        elsewhere.set(elsewhere.get() + 1);
        let beside = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
        let at = beside.flat_map(|path| [path.join("old"), path]).find(|path| holds(path));
        assert!(lied || at.is_some(), "{what}: what stood there is gone");
        if let (Some(at), true) = (at, what.starts_with("Fail")) {
            assert!(told.borrow().contains(&at.display().to_string()), "{what}: {} is not {at:?}", told.borrow());
            named.set(named.get() + 1);
        }
    });
    assert!(named.get() >= 1, "the one that puts it back failed once: {}", elsewhere.get());
}

#[test]
fn a_refused_folder_is_in_its_place_or_where_the_error_says() {
    refused();
    #[cfg(target_os = "linux")]
    without_exchange(refused);
}
