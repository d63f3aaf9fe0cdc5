//! Images from disk: IDX files under MNIST's names, one IDX file, or a folder of pictures.

use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::reading::{OnRead, Told};
use super::{Dataset, Splits, idx, picture_folder};
use crate::files::open_regular;
use crate::{Error, Result};

/// What would have been taken, for every error about a folder.
pub(super) const HINT: &str =
    "give a folder of PNG or GIF images, or of IDX files named as MNIST's (train-images-idx3-ubyte.gz …)";

/// Reads a file of IDX images, a folder of IDX files, or a folder of pictures. Order is by name, so always the same.
///
/// Where there is no test part, the last tenth of the images is it. `on_read` is told how far it is.
///
/// # Errors
/// [`Error::Read`] for a path that cannot be read; [`Error::Format`] for a folder without images, and for files that
/// are damaged or of another kind; and what `on_read` returned.
pub fn load(path: &Path, on_read: &mut OnRead) -> Result<Splits> {
    let about = fs::metadata(path).map_err(Error::read(path))?;
    if !about.is_dir() {
        return idx_file(path, on_read)?.split(path);
    }
    let names = names(path)?;
    let Some(train) = idx_images(&names, &["train"], on_read)? else {
        return match idx_images(&names, &["t10k", "test", ""], on_read)? {
            Some(only) => only.split(path),
            None => picture_folder::load(path, on_read),
        };
    };
    let Some(test) = idx_images(&names, &["t10k", "test"], on_read)? else { return train.split(path) };
    if (train.width, train.height) != (test.width, test.height) {
        let what = "its training and its test images differ in size";
        return Err(Error::format(path, what, "use files of one data set"));
    }
    Ok(Splits { train, test })
}

/// The entries of a folder, sorted by name.
pub(super) fn names(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(Error::read(folder))?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>().map_err(Error::read(folder))?;
    paths.sort();
    Ok(paths)
}

/// A path's last part as text, for comparing names.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The images of the first file named `<prefix>…images…ubyte`, prefixes in order of preference.
fn idx_images(names: &[PathBuf], prefixes: &[&str], on_read: &mut OnRead) -> Result<Option<Dataset>> {
    let is_images = |path: &&PathBuf, prefix: &str| {
        let name = file_name(path);
        name.starts_with(prefix) && name.contains("images") && name.trim_end_matches(".gz").ends_with("ubyte")
    };
    let found = prefixes.iter().find_map(|prefix| names.iter().find(|path| is_images(path, prefix)));
    found.map(|path| idx_file(path, on_read)).transpose()
}

/// One file of images, with the labels file beside it if there is one.
fn idx_file(path: &Path, on_read: &mut OnRead) -> Result<Dataset> {
    let file = open_regular(path)?;
    let length = file.metadata().map_err(Error::read(path))?.len();
    let mut file = Told::new(BufReader::new(file), length, on_read);
    let images = match idx::images(&mut file, path) {
        Ok(images) => images,
        Err(error) => return Err(file.cause(error)),
    };
    let labels_path = labels_beside(path);
    let labels = labels_path.as_deref().map(idx::read_labels).transpose()?;
    let folder = path.parent().map(file_name).unwrap_or_default();
    let name = if folder.is_empty() { file_name(path) } else { folder };
    Dataset::from_idx(&name, images, labels, labels_path.as_deref().unwrap_or(path))
}

/// `…labels-idx1…` for `…images-idx3…`, packed or not, where such a file exists.
fn labels_beside(path: &Path) -> Option<PathBuf> {
    let name = file_name(path);
    if !name.contains("images") {
        return None;
    }
    let plain = name.trim_end_matches(".gz").replace("images", "labels").replace("idx3", "idx1");
    let candidates = [path.with_file_name(&plain), path.with_file_name(format!("{plain}.gz"))];
    candidates.into_iter().find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::super::reading::{Part, Reading};
    use super::*;

    fn load(path: &Path) -> Result<Splits> {
        super::load(path, &mut |_| Ok(()))
    }

    const TRAIN: &str = "train-images-idx3-ubyte";

    fn write_idx(path: &Path, sizes: &[u32], first: u8) {
        let count: u32 = sizes.iter().product();
        let mut bytes = vec![0, 0, 8, sizes.len() as u8];
        bytes.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
        bytes.extend((0..count).map(|i| first + (i / sizes[1..].iter().product::<u32>()) as u8));
        fs::write(path, bytes).unwrap();
    }

    fn load_error(path: &Path) -> Error {
        let error = load(path).unwrap_err();
        assert!(error.to_string().contains(&path.file_name().unwrap().to_string_lossy()[..]), "{error}");
        assert!(!error.hint().is_empty());
        error
    }

    #[test]
    fn the_repositorys_own_files_are_mnist() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/mnist");
        let splits = load(&folder).unwrap();
        assert_eq!((splits.train.len(), splits.test.len()), (60_000, 10_000));
        assert_eq!((splits.train.label(0), splits.test.label(0)), (Some(5), Some(7)));
        let single = load(&folder.join("t10k-images-idx3-ubyte.gz")).unwrap();
        assert_eq!((single.train.len(), single.test.len(), single.train.label(0)), (9_000, 1_000, Some(7)));
    }

    #[test]
    fn idx_files_without_labels_or_test_part_are_enough() {
        let folder = tempfile::tempdir().unwrap();
        write_idx(&folder.path().join(TRAIN), &[20, 2, 2], 0);
        let splits = load(folder.path()).unwrap();
        assert_eq!((splits.train.len(), splits.test.len(), splits.train.label(0)), (18, 2, None));
        assert_eq!(splits.test.image(1), [19; 4]);
        write_idx(&folder.path().join("t10k-images-idx3-ubyte"), &[3, 2, 2], 100);
        assert_eq!(load(folder.path()).unwrap().test.image(0), [100; 4]);
        write_idx(&folder.path().join("t10k-images-idx3-ubyte"), &[3, 4, 4], 100);
        assert!(load_error(folder.path()).to_string().contains("differ in size"));
    }

    #[test]
    fn labels_of_another_length_are_an_error_on_their_file() {
        let folder = tempfile::tempdir().unwrap();
        write_idx(&folder.path().join(TRAIN), &[20, 2, 2], 0);
        write_idx(&folder.path().join("train-labels-idx1-ubyte"), &[19], 0);
        let error = load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("train-labels-idx1-ubyte: 20 images, but 19 labels"), "{error}");
    }

    #[test]
    fn missing_empty_and_foreign_paths_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(load_error(&folder.path().join("absent")), Error::Read { .. }));
        assert!(load_error(folder.path()).to_string().contains("no images"));
        let text = folder.path().join("notes.txt");
        fs::write(&text, "these are not images").unwrap();
        assert!(load_error(&text).to_string().contains("not an IDX file"));
        let cut = folder.path().join(TRAIN);
        fs::write(&cut, [0, 0, 8, 3, 0, 0]).unwrap();
        assert!(load_error(&cut).to_string().contains("ends after 6 bytes"));
    }

    #[test]
    fn an_idx_file_tells_its_bytes_and_can_be_left_half_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(TRAIN);
        let pixels = vec![7; 5 << 20];
        fs::write(&path, [&[0, 0, 8, 3, 0, 0, 0, 5, 0, 0, 4, 0, 0, 0, 4, 0], &pixels[..]].concat()).unwrap();
        let total = fs::metadata(&path).unwrap().len();
        let mut told = Vec::new();
        super::load(folder.path(), &mut |reading| {
            told.push(reading);
            Ok(())
        })
        .unwrap();
        assert!(told.len() >= 5 && told.is_sorted_by_key(|reading| reading.done), "{told:?}");
        assert!(told.iter().all(|reading| (reading.part, reading.total) == (Part::Bytes, total)), "{told:?}");
        let mut most = 0;
        let stopped = super::load(&path, &mut |Reading { done, .. }| {
            most = done;
            if done > 2 << 20 { Err(Error::Cancelled) } else { Ok(()) }
        });
        assert!(matches!(stopped, Err(Error::Cancelled)) && most < 4 << 20, "{stopped:?} after {most} bytes");
    }
}
