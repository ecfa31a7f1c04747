//! What the agent sends to its front.

use std::io::Write;
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use boinc::frames::{FromAgent, to_bytes};

/// How long the last messages may take. A front that reads nothing for so long is stuck.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends messages without ever waiting for the front, which may stand still: the job has to be controlled all the same.
/// What waits is bounded by time, since an agent without pings leaves.
#[derive(Clone, Debug)]
pub struct Outbox(Sender<Item>);

#[derive(Debug)]
enum Item {
    Frame(Vec<u8>),
    Flush(SyncSender<()>),
}

impl Outbox {
    /// Begins to write to `stream`.
    ///
    /// # Errors
    /// When the process can have no thread.
    pub fn start(mut stream: impl Write + Send + 'static) -> std::io::Result<Self> {
        let (sender, items) = channel();
        thread::Builder::new().name("to the front".into()).spawn(move || {
            for item in items {
                match item {
                    // A front that is gone is noticed by the end of what it sends.
                    Item::Frame(frame) => drop(stream.write_all(&frame)),
                    Item::Flush(done) => drop(stream.flush().map(|()| done.send(()))),
                }
            }
        })?;
        Ok(Self(sender))
    }

    /// Sends a message. To a front that is gone it is lost.
    pub fn send(&self, message: &FromAgent) {
        // Only texts of workunits can be too long, and those are cut before.
        if let Ok(frame) = to_bytes(message) {
            let _ = self.0.send(Item::Frame(frame));
        }
    }

    /// Sends bytes for stderr.txt.
    pub fn log(&self, bytes: &[u8]) {
        FromAgent::log(bytes).for_each(|frame| self.send(&frame));
    }

    /// Waits until all that was sent is written, or for some seconds.
    pub fn flush(&self) {
        let (done, written) = sync_channel(1);
        if self.0.send(Item::Flush(done)).is_ok() {
            let _ = written.recv_timeout(FLUSH_TIMEOUT);
        }
    }
}
