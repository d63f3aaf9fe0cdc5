//! Looks at the disk that may hang, as on a network mount whose server is gone: the window does not wait for them.

use std::time::Duration;

use crossbeam_channel::bounded;

/// Longest time that a frame waits.
pub(super) const SOON: Duration = Duration::from_millis(50);

/// What a look at the disk finds; none if it takes longer than a frame may.
pub(super) fn soon<R: Send + 'static>(look: impl FnOnce() -> R + Send + 'static) -> Option<R> {
    let (tell, found) = bounded(1);
    later(move || drop(tell.send(look())));
    found.recv_timeout(SOON).ok()
}

/// Looks at the disk on a thread of its own. Without a thread nothing is looked at.
pub(super) fn later(look: impl FnOnce() + Send + 'static) {
    if let Err(error) = std::thread::Builder::new().name("look aside".into()).spawn(look) {
        tracing::warn!("no thread to look at the disk: {error}");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_comes_soon_is_taken_and_nothing_else_waited_for() {
        assert_eq!(soon(|| 7), Some(7));
        let (_never, hangs) = bounded::<()>(0);
        let begun = Instant::now();
        assert_eq!(soon(move || hangs.recv().is_ok()), None);
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }
}
