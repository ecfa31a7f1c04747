//! The three pipes of an agent, each with a thread.

use std::io::{self, Read, Write};
use std::process::{ChildStderr, ChildStdin, ChildStdout};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use boinc::frames::{FrameError, FromAgent, FromFront, read, to_bytes};

/// As much as is kept of what is not a frame.
const KEPT_BYTES: usize = 4_096;

/// Messages that may wait for a reader on either side. An agent that writes faster than we read has to wait.
const WAITING: usize = 64;

/// What comes from an agent.
#[derive(Debug)]
pub enum Event {
    /// A message.
    Message(FromAgent),
    /// Nothing more comes: the stream ended, or what came was not a frame.
    Ended(Result<(), FrameError>),
}

/// The start of a stream that may hold something else than frames.
#[derive(Clone, Debug, Default)]
pub struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    /// What has been kept so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT_BYTES - kept.len();
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

/// Keeps the start of what is read.
struct Keeping<R> {
    stream: R,
    kept: Kept,
}

impl<R: Read> Read for Keeping<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        self.kept.add(&buffer[..count]);
        Ok(count)
    }
}

/// Reads messages. What comes before the first one is kept, and all if there is none.
///
/// # Errors
/// When the process can have no thread.
pub fn read_messages(stdout: ChildStdout) -> io::Result<(Receiver<Event>, Kept)> {
    let (events, received) = sync_channel(WAITING);
    let kept = Kept::default();
    let mut stream = Keeping { stream: stdout, kept: kept.clone() };
    thread::Builder::new().name("agent's frames".into()).spawn(move || {
        let first = read(&mut stream);
        if !matches!(first, Ok(Some(_))) {
            // The text from there on tells why.
            let _ = io::copy(&mut stream, &mut io::sink());
        }
        let mut stream = stream.stream;
        let mut next = first;
        loop {
            let message = match next {
                Ok(Some(message)) => Event::Message(message),
                Ok(None) => break drop(events.send(Event::Ended(Ok(())))),
                Err(error) => break drop(events.send(Event::Ended(Err(error)))),
            };
            if events.send(message).is_err() {
                break;
            }
            next = read(&mut stream);
        }
    })?;
    Ok((received, kept))
}

/// The start of a text that is read to its end.
#[derive(Debug)]
pub struct Text {
    kept: Kept,
    /// Nothing is ever sent: the other end is dropped with the stream.
    end: Receiver<()>,
}

impl Text {
    /// What has been kept when the stream ends, or when the patience does: another process can hold the stream open after the
    /// agent's end.
    pub fn bytes(&self, patience: Duration) -> Vec<u8> {
        let _ = self.end.recv_timeout(patience);
        self.kept.bytes()
    }
}

/// Reads text to its end, and keeps its start.
///
/// # Errors
/// When the process can have no thread.
pub fn keep_text(stderr: ChildStderr) -> io::Result<Text> {
    let kept = Kept::default();
    let mut stream = Keeping { stream: stderr, kept: kept.clone() };
    let (ends, end) = sync_channel(0);
    thread::Builder::new().name("agent's stderr".into()).spawn(move || {
        let _ = io::copy(&mut stream, &mut io::sink());
        drop::<SyncSender<()>>(ends);
    })?;
    Ok(Text { kept, end })
}

/// Sends messages without ever waiting for the agent. Dropping it closes the agent's input, once it has read the rest.
#[derive(Debug)]
pub struct Sender(SyncSender<Vec<u8>>);

/// A message could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// It does not fit in a frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The agent has not read the last messages.
    #[error("the agent does not read what the front sends")]
    Stalled,
}

impl Sender {
    /// Begins to write.
    ///
    /// # Errors
    /// When the process can have no thread.
    pub fn start(mut stdin: ChildStdin) -> io::Result<Self> {
        let (sender, frames) = sync_channel::<Vec<u8>>(WAITING);
        thread::Builder::new().name("to the agent".into()).spawn(move || {
            // An agent that reads nothing more is about to end, which its own stream tells.
            while let Ok(frame) = frames.recv()
                && stdin.write_all(&frame).and_then(|()| stdin.flush()).is_ok()
            {}
        })?;
        Ok(Self(sender))
    }

    /// Sends a message. To an agent that has ended it is lost.
    ///
    /// # Errors
    /// It does not fit in a frame, or too many messages are unread.
    pub fn send(&self, message: &FromFront) -> Result<(), SendError> {
        match self.0.try_send(to_bytes(message)?) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => Ok(()),
            Err(TrySendError::Full(_)) => Err(SendError::Stalled),
        }
    }
}
