//! Wakes the main loop from another thread.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Wakes the loop that has the other end.
#[derive(Clone, Debug)]
pub struct Waker(SyncSender<()>);

impl Waker {
    /// A new one, and what its wakeups arrive at: several that nobody has heard yet are one.
    pub fn new() -> (Self, Receiver<()>) {
        let (waker, wakeups) = sync_channel(1);
        (Self(waker), wakeups)
    }

    /// Rings.
    pub fn wake(&self) {
        // It fails if it has been rung unheard, or if nobody listens any more.
        let _ = self.0.try_send(());
    }
}
