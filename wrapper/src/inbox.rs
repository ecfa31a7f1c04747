//! What the front sends to its agent.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use boinc::frames::{Begin, FrameError, FromAgent, FromFront, read};
use boinc::wire::message::{Control, Heartbeat};

use crate::outbox::Outbox;
use crate::waker::Waker;

/// A front that says nothing for so long is gone, or so is its client. It pings every ten seconds.
const PING_TIMEOUT: Duration = Duration::from_secs(30);

/// What the front has said and nobody has taken yet.
#[derive(Clone, Debug)]
pub struct Inbox(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    received: Mutex<Received>,
    changed: Condvar,
}

#[derive(Debug)]
struct Received {
    begin: Option<Begin>,
    requests: Vec<Control>,
    heartbeat: Option<Heartbeat>,
    last_word: Instant,
    ended: Option<Result<(), FrameError>>,
    waker: Option<Waker>,
}

impl Inbox {
    /// Begins to read, and answers pings.
    ///
    /// # Errors
    /// When the process can have no thread.
    pub fn start(mut stream: impl Read + Send + 'static, outbox: Outbox) -> std::io::Result<Self> {
        let received = Mutex::new(Received {
            begin: None,
            requests: Vec::new(),
            heartbeat: None,
            last_word: Instant::now(),
            ended: None,
            waker: None,
        });
        let inbox = Self(Arc::new(Shared { received, changed: Condvar::new() }));
        let shared = inbox.clone();
        thread::Builder::new().name("from the front".into()).spawn(move || {
            let end = loop {
                match read(&mut stream) {
                    Ok(Some(message)) => shared.take(message, &outbox),
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            shared.change(|received| received.ended = Some(end));
        })?;
        Ok(inbox)
    }

    fn take(&self, message: FromFront, outbox: &Outbox) {
        self.change(|received| {
            received.last_word = Instant::now();
            match message {
                FromFront::Begin(begin) => {
                    received.requests = Control::parse(&begin.requests);
                    if !begin.heartbeat.is_empty() {
                        received.heartbeat = Some(Heartbeat::parse(&begin.heartbeat));
                    }
                    received.begin = Some(begin);
                }
                FromFront::Requests(requests) => received.requests.extend(requests),
                FromFront::Heartbeat(heartbeat) => received.heartbeat = Some(heartbeat),
                FromFront::Ping => outbox.send(&FromAgent::Pong),
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Received)) {
        let mut received = self.received();
        change(&mut received);
        if let Some(waker) = &received.waker {
            waker.wake();
        }
        drop(received);
        self.0.changed.notify_all();
    }

    fn received(&self) -> MutexGuard<'_, Received> {
        self.0.received.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the task; `None` if the front has gone, or sends none for `patience`.
    pub fn begin(&self, patience: Duration) -> Option<Begin> {
        let waits = |received: &mut Received| received.begin.is_none() && received.ended.is_none();
        let waited = self.0.changed.wait_timeout_while(self.received(), patience, waits);
        let (mut received, _) = waited.unwrap_or_else(PoisonError::into_inner);
        received.begin.take()
    }

    /// Has `waker` woken whenever something arrives.
    pub fn wake(&self, waker: Waker) {
        self.received().waker = Some(waker);
    }

    /// The client's requests since the last call, in their order.
    pub fn take_requests(&self) -> Vec<Control> {
        std::mem::take(&mut self.received().requests)
    }

    /// The client's heartbeat, if it told something new since the last call.
    pub fn take_heartbeat(&self) -> Option<Heartbeat> {
        self.received().heartbeat.take()
    }

    /// Whether the client has asked for something.
    pub fn has_request(&self) -> bool {
        !self.received().requests.is_empty()
    }

    /// Why nobody listens any more; `None` while somebody does.
    pub fn gone(&self, now: Instant) -> Option<String> {
        let received = self.received();
        match &received.ended {
            Some(Ok(())) => Some("the front is gone".to_owned()),
            Some(Err(error)) => Some(boinc::error_chain::chain(error)),
            None if now.duration_since(received.last_word) > PING_TIMEOUT => {
                Some("the front has said nothing for 30 s".to_owned())
            }
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use boinc::frames::to_bytes;

    use super::*;

    fn inbox() -> (io::PipeWriter, Inbox, io::PipeReader) {
        let (stdin, from_front) = io::pipe().unwrap();
        let (to_front, stdout) = io::pipe().unwrap();
        // Our ends, then the agent's.
        let outbox = Outbox::start(stdout).unwrap();
        (from_front, Inbox::start(stdin, outbox).unwrap(), to_front)
    }

    fn send(stream: &mut impl Write, message: &FromFront) {
        stream.write_all(&to_bytes(message).unwrap()).unwrap();
    }

    #[test]
    fn what_still_counts_is_there_with_the_task() {
        let (mut front, inbox, _stdout) = inbox();
        let begin = Begin {
            requests: "<suspend/>".into(),
            heartbeat: "<network_suspended/>".into(),
            ..Begin::default()
        };
        send(&mut front, &FromFront::Begin(begin));
        assert!(inbox.begin(Duration::from_secs(20)).is_some());
        assert_eq!(inbox.take_requests(), [Control::Suspend]);
        assert!(inbox.take_heartbeat().unwrap().network_suspended);
        assert!(inbox.take_heartbeat().is_none() && !inbox.has_request());
    }

    #[test]
    fn a_request_wakes_and_a_ping_is_answered() {
        let (mut front, inbox, mut stdout) = inbox();
        let (waker, wakeups) = Waker::new();
        inbox.wake(waker);
        send(&mut front, &FromFront::Requests(vec![Control::Quit]));
        wakeups.recv_timeout(Duration::from_secs(20)).unwrap();
        assert!(inbox.has_request());
        send(&mut front, &FromFront::Ping);
        assert_eq!(read::<FromAgent>(&mut stdout).unwrap(), Some(FromAgent::Pong));
    }

    #[test]
    fn a_front_that_left_or_is_silent_or_sends_nonsense_is_gone() {
        let (front, inbox, _stdout) = inbox();
        let now = Instant::now();
        assert_eq!(inbox.gone(now), None);
        assert_eq!(
            inbox.gone(now + Duration::from_secs(40)).as_deref(),
            Some("the front has said nothing for 30 s")
        );
        drop(front);
        assert_eq!(inbox.begin(Duration::from_secs(20)), None);
        assert_eq!(inbox.gone(now).as_deref(), Some("the front is gone"));
        let (mut front, inbox, _stdout) = self::inbox();
        front.write_all(b"what is this").unwrap();
        assert_eq!(inbox.begin(Duration::from_secs(20)), None);
        assert!(inbox.gone(now).unwrap().contains("what "));
    }
}
