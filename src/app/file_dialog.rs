//! The desktop's file dialog, opened without stopping the window.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use crossbeam_channel::{Receiver, bounded};

use super::aside::soon;
use super::save_form::SaveWhat;
use crate::{Error, Result};

/// A dialog that is open.
pub struct FileDialog<What> {
    /// What the path is asked for.
    pub what: What,
    answer: Receiver<Result<Option<PathBuf>>>,
}

impl FileDialog<SaveWhat> {
    /// Opens a dialog to choose where to save. It must be called on the thread of the window; `wake` is called when
    /// the answer is there. None if no thread can be started to wait for it.
    pub fn to_save(what: SaveWhat, suggestion: &Path, wake: impl FnOnce() + Send + 'static) -> Option<Self> {
        let mut dialog = rfd::AsyncFileDialog::new().set_title(what.title());
        let folder = suggestion.parent().map(Path::to_path_buf);
        let is_there = |folder: &PathBuf| {
            let folder = folder.clone();
            soon(move || folder.is_dir()) == Some(true)
        };
        if let Some(folder) = folder.filter(is_there) {
            dialog = dialog.set_directory(folder);
        }
        if what.extension().is_empty() {
            return Self::wait(what, dialog.pick_folder(), wake);
        }
        if let Some(name) = suggestion.file_name() {
            dialog = dialog.set_file_name(name.to_string_lossy());
        }
        Self::wait(what, dialog.add_filter(what.extension(), &[what.extension()]).save_file(), wake)
    }
}

impl FileDialog<()> {
    /// Opens a dialog to choose a picture; else as [`to_save`](FileDialog::to_save).
    pub fn to_open_picture(wake: impl FnOnce() + Send + 'static) -> Option<Self> {
        let dialog = rfd::AsyncFileDialog::new().set_title("Choose a picture").add_filter("pictures", &["png", "gif"]);
        Self::wait((), dialog.pick_file(), wake)
    }
}

impl<What> FileDialog<What> {
    fn wait(
        what: What,
        choice: impl Future<Output = Option<rfd::FileHandle>> + Send + 'static,
        wake: impl FnOnce() + Send + 'static,
    ) -> Option<Self> {
        let (sender, answer) = bounded(1);
        let tell = move |path: Result<Option<PathBuf>>| {
            // The window may have been closed before the dialog was.
            let _ = sender.send(path);
            wake();
        };
        wait_for(choice, tell).then_some(Self { what, answer })
    }

    /// The answer, once: a path, or none if the dialog was cancelled or could not be opened; an error if it panicked.
    pub fn poll(&self) -> Option<Result<Option<PathBuf>>> {
        self.answer.try_recv().ok()
    }
}

/// Waits for a choice on a thread of its own, and tells it; a panic there too. False if there is no thread.
fn wait_for(
    choice: impl Future<Output = Option<rfd::FileHandle>> + Send + 'static,
    tell: impl FnOnce(Result<Option<PathBuf>>) + Send + 'static,
) -> bool {
    let wait = move || {
        let chosen = catch_unwind(AssertUnwindSafe(|| block_on(choice)));
        let path = |handle: Option<rfd::FileHandle>| handle.map(|handle| handle.path().to_path_buf());
        tell(chosen.map(path).map_err(|panic| Error::from_panic(&*panic)));
    };
    std::thread::Builder::new().name("file dialog".into()).spawn(wait).is_ok()
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_the_dialog_is_told_and_wakes_the_window() {
        let (told, answer) = bounded(1);
        let choice = async { panic!("the desktop answered nonsense") };
        assert!(wait_for(choice, move |path| told.send(path).unwrap()));
        let error = answer.recv_timeout(std::time::Duration::from_secs(10)).unwrap().unwrap_err();
        assert!(error.to_string().contains("the desktop answered nonsense"), "{error}");
    }

    #[test]
    fn a_desktop_that_opens_no_dialog_answers_with_no_path() {
        let (told, answer) = bounded(1);
        assert!(wait_for(async { None }, move |path| told.send(path).unwrap()));
        assert_eq!(answer.recv_timeout(std::time::Duration::from_secs(10)).unwrap().unwrap(), None);
    }

    #[test]
    fn block_on_waits_for_another_thread() {
        let (sender, receiver) = std::sync::mpsc::channel::<Waker>();
        let waking = std::thread::spawn(move || receiver.recv().unwrap().wake());
        let mut polls = 0;
        let future = std::future::poll_fn(|context| {
            polls += 1;
            if polls > 1 {
                return Poll::Ready(polls);
            }
            sender.send(context.waker().clone()).unwrap();
            Poll::Pending
        });
        assert!(block_on(future) >= 2);
        waking.join().unwrap();
    }
}
