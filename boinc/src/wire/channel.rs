//! The eight one-message mailboxes of the shared memory, and the two ends that use them.
//!
//! A channel is 1,024 bytes: byte 0 is a full flag, a NUL-terminated text follows. A sender writes only
//! while the flag is 0, text first and flag last; the reader takes the text, then clears the flag
//! (`lib/app_ipc.cpp`, `MSG_CHANNEL`).

use super::message::{AppStatus, Control, GraphicsReply, Heartbeat, MessageError};
use super::segment::{SEGMENT_BYTES, Segment, SegmentError};
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};

/// Size of a channel in bytes, flag included.
pub const CHANNEL_BYTES: usize = 1024;

/// The longest text that a channel carries, in bytes: a flag and a final NUL go with it.
pub const MAX_TEXT_BYTES: usize = CHANNEL_BYTES - 2;

/// The channels in the order in which they lie in memory (`lib/app_ipc.h`, `SHARED_MEM`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChannelName {
    /// Client to app: quit, suspend, resume, abort.
    ProcessControlRequest,
    /// App to client; unused.
    ProcessControlReply,
    /// Client to app; unused today.
    GraphicsRequest,
    /// App to client: where its web graphics are.
    GraphicsReply,
    /// Client to app, once a second.
    Heartbeat,
    /// App to client, once a second: CPU time and progress.
    AppStatus,
    /// App to client: a trickle-up message or an upload request is in the slot.
    TrickleUp,
    /// Client to app: a trickle-down message is in the slot.
    TrickleDown,
}

/// Why a text cannot be sent. The channel is left as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// The text does not fit.
    #[error("message of {bytes} bytes is too long for a channel, at most {MAX_TEXT_BYTES} fit")]
    TooLong {
        /// Length of the text.
        bytes: usize,
    },
    /// The reader would stop at the NUL.
    #[error("message holds a NUL byte at position {position}")]
    Nul {
        /// Position of the first NUL.
        position: usize,
    },
}

/// One channel of a segment.
#[derive(Debug, Clone, Copy)]
pub struct Channel<'a> {
    flag: &'a AtomicU8,
    text: &'a [AtomicU8],
}

impl<'a> Channel<'a> {
    /// The channel of that name.
    pub fn of(segment: &'a Segment, name: ChannelName) -> Self {
        const { assert!((ChannelName::TrickleDown as usize + 1) * CHANNEL_BYTES == SEGMENT_BYTES) };
        let start = name as usize * CHANNEL_BYTES;
        let bytes = &segment.bytes()[start..start + CHANNEL_BYTES];
        Self { flag: &bytes[0], text: &bytes[1..] }
    }

    /// Whether a message waits to be read.
    pub fn is_full(&self) -> bool {
        self.flag.load(Ordering::Acquire) != 0
    }

    /// Takes the waiting message, and frees the channel. Bytes that are no UTF-8 become U+FFFD.
    pub fn take(&self) -> Option<String> {
        if !self.is_full() {
            return None;
        }
        let text: Vec<u8> = self
            .text
            .iter()
            .take(MAX_TEXT_BYTES)
            .map(|byte| byte.load(Ordering::Relaxed))
            .take_while(|byte| *byte != 0)
            .collect();
        // Release: the sender must not write the next text before this one has been read.
        self.flag.store(0, Ordering::Release);
        Some(String::from_utf8_lossy(&text).into_owned())
    }

    /// Sends a message if the last one has been read; `Ok(false)` if not.
    ///
    /// # Errors
    /// The text is too long or holds a NUL.
    pub fn try_send(&self, text: &str) -> Result<bool, ChannelError> {
        check(text)?;
        if self.is_full() {
            return Ok(false);
        }
        self.put(text);
        Ok(true)
    }

    /// Sends a message in place of one that may not have been read, which is lost then. A reader in the
    /// middle of a `take` may see a mixture of both, so this is for the last word before an exit only.
    ///
    /// # Errors
    /// The text is too long or holds a NUL.
    pub fn put_over(&self, text: &str) -> Result<(), ChannelError> {
        check(text)?;
        self.flag.store(0, Ordering::SeqCst);
        self.put(text);
        Ok(())
    }

    /// Empties the channel.
    pub fn clear(&self) {
        self.flag.store(0, Ordering::Release);
    }

    fn put(&self, text: &str) {
        let terminated = text.bytes().chain([0]);
        for (place, byte) in self.text.iter().zip(terminated) {
            place.store(byte, Ordering::Relaxed);
        }
        // Release: whoever sees the flag sees the whole text.
        self.flag.store(1, Ordering::Release);
    }
}

fn check(text: &str) -> Result<(), ChannelError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(ChannelError::TooLong { bytes: text.len() });
    }
    match text.bytes().position(|byte| byte == 0) {
        Some(position) => Err(ChannelError::Nul { position }),
        None => Ok(()),
    }
}

/// The app's end: takes requests and heartbeats, sends its status.
#[derive(Debug)]
pub struct AppEnd {
    segment: Segment,
}

impl AppEnd {
    /// Attaches the segment that the client of this slot has made.
    ///
    /// # Errors
    /// See [`Segment::attach`].
    pub fn attach(slot: &Path, shm_key: i32) -> Result<Self, SegmentError> {
        Segment::attach(slot, shm_key).map(|segment| Self { segment })
    }

    /// Attaches the segment that a client on Windows has made under this `<comm_obj_name>`.
    ///
    /// # Errors
    /// See [`Segment::attach_named`].
    pub fn attach_named(name: &str) -> Result<Self, SegmentError> {
        Segment::attach_named(name).map(|segment| Self { segment })
    }

    /// A channel, for what the methods below do not cover.
    pub fn channel(&self, name: ChannelName) -> Channel<'_> {
        Channel::of(&self.segment, name)
    }

    /// The client's requests, in their order; empty if there is no message or none that we know.
    pub fn take_control(&self) -> Vec<Control> {
        self.channel(ChannelName::ProcessControlRequest)
            .take()
            .map(|text| Control::parse(&text))
            .unwrap_or_default()
    }

    /// The client's heartbeat, if one has come. The client sends one a second.
    pub fn take_heartbeat(&self) -> Option<Heartbeat> {
        self.channel(ChannelName::Heartbeat).take().map(|text| Heartbeat::parse(&text))
    }

    /// Reports CPU time and progress; `Ok(false)` if the client has not read the last report.
    ///
    /// # Errors
    /// See [`Channel::try_send`].
    pub fn send_status(&self, status: &AppStatus) -> Result<bool, ChannelError> {
        self.channel(ChannelName::AppStatus).try_send(&status.render())
    }

    /// Tells where the graphics are; `Ok(false)` if the client has not read the last reply.
    ///
    /// # Errors
    /// See [`Channel::try_send`].
    pub fn send_graphics(&self, reply: &GraphicsReply) -> Result<bool, ChannelError> {
        self.channel(ChannelName::GraphicsReply).try_send(&reply.render())
    }
}

/// The client's end: sends requests and heartbeats, takes the app's status.
#[derive(Debug)]
pub struct ClientEnd {
    segment: Segment,
}

impl ClientEnd {
    /// Makes the segment of a slot, with all channels empty.
    ///
    /// # Errors
    /// See [`Segment::create`].
    pub fn create(slot: &Path, shm_key: i32) -> Result<Self, SegmentError> {
        Segment::create(slot, shm_key).map(|segment| Self { segment })
    }

    /// Makes the segment as a client on Windows does, with all channels empty; it lasts as long as a process has it open.
    ///
    /// # Errors
    /// See [`Segment::create_named`].
    pub fn create_named(name: &str) -> Result<Self, SegmentError> {
        Segment::create_named(name).map(|segment| Self { segment })
    }

    /// Attaches the segment of a slot again after the client's own restart, with what waits in it.
    ///
    /// # Errors
    /// See [`Segment::attach`].
    pub fn attach(slot: &Path, shm_key: i32) -> Result<Self, SegmentError> {
        Segment::attach(slot, shm_key).map(|segment| Self { segment })
    }

    /// A channel, for what the methods below do not cover.
    pub fn channel(&self, name: ChannelName) -> Channel<'_> {
        Channel::of(&self.segment, name)
    }

    /// Sends a request; `Ok(false)` if the app has not read the last one. A client queues it then and
    /// tries again (`client/app.cpp`, `MSG_QUEUE`).
    ///
    /// # Errors
    /// See [`Channel::try_send`].
    pub fn send_control(&self, control: Control) -> Result<bool, ChannelError> {
        self.channel(ChannelName::ProcessControlRequest).try_send(control.tag())
    }

    /// Sends a heartbeat; `Ok(false)` if the app has not read the last one.
    ///
    /// # Errors
    /// See [`Channel::try_send`].
    pub fn send_heartbeat(&self, heartbeat: &Heartbeat) -> Result<bool, ChannelError> {
        self.channel(ChannelName::Heartbeat).try_send(&heartbeat.render())
    }

    /// The app's report, if one has come; an error for one that the client would misread in silence.
    pub fn take_status(&self) -> Option<Result<AppStatus, MessageError>> {
        self.channel(ChannelName::AppStatus).take().map(|text| AppStatus::parse_strict(&text))
    }

    /// Empties all channels, as a client does before each start of an app in the slot.
    pub fn reset(&self) {
        for byte in self.segment.bytes() {
            byte.store(0, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::segment::{MMAP_FILE, MMAP_KEY};
    use proptest::prelude::*;

    fn ends() -> (tempfile::TempDir, ClientEnd, AppEnd) {
        let slot = tempfile::tempdir().unwrap();
        let client = ClientEnd::create(slot.path(), MMAP_KEY).unwrap();
        let app = AppEnd::attach(slot.path(), MMAP_KEY).unwrap();
        (slot, client, app)
    }

    #[test]
    fn bytes_lie_where_a_real_client_expects_them() {
        let (slot, client, app) = ends();
        assert!(client.send_control(Control::Quit).unwrap());
        app.send_graphics(&GraphicsReply::WebGraphicsUrl("http://x".into())).unwrap();
        let file = std::fs::read(slot.path().join(MMAP_FILE)).unwrap();
        assert_eq!(&file[..9], b"\x01<quit/>\0");
        assert!(file[3 * 1024..].starts_with(b"\x01<web_graphics_url>http://x</web_graphics_url>\0"));
        assert_eq!([file[1024], file[2048], file[4096], file[5120], file[6144], file[7168]], [0; 6]);
    }

    #[test]
    fn a_full_channel_refuses_and_keeps_the_first_message() {
        let (_slot, client, app) = ends();
        assert!(client.send_control(Control::Suspend).unwrap());
        assert!(!client.send_control(Control::Resume).unwrap());
        assert_eq!(app.take_control(), [Control::Suspend]);
        assert_eq!(app.take_control(), []);
        assert!(client.send_control(Control::Resume).unwrap());
    }

    #[test]
    fn the_longest_text_fits_and_one_byte_more_does_not() {
        let (_slot, client, app) = ends();
        let channel = client.channel(ChannelName::Heartbeat);
        let text = "x".repeat(1022);
        assert_eq!(channel.try_send(&text), Ok(true));
        assert_eq!(app.channel(ChannelName::Heartbeat).take().as_deref(), Some(text.as_str()));
        assert_eq!(channel.try_send(&"x".repeat(1023)), Err(ChannelError::TooLong { bytes: 1023 }));
        assert_eq!(channel.try_send("a\0b"), Err(ChannelError::Nul { position: 1 }));
        assert!(!channel.is_full());
    }

    #[test]
    fn a_shorter_message_hides_the_end_of_the_one_before() {
        let (_slot, client, app) = ends();
        let (write, read) = (client.channel(ChannelName::TrickleDown), app.channel(ChannelName::TrickleDown));
        write.put_over("a long message").unwrap();
        write.put_over("short").unwrap();
        assert_eq!(read.take().as_deref(), Some("short"));
        assert_eq!(read.take(), None);
    }

    /// Windows writes to no file that is mapped.
    #[cfg(unix)]
    #[test]
    fn a_text_without_a_nul_ends_with_the_channel() {
        let (slot, _client, app) = ends();
        let mut bytes = vec![0u8; 8192];
        bytes[4096..6144].fill(b'y');
        std::fs::write(slot.path().join(MMAP_FILE), bytes).unwrap();
        assert_eq!(app.channel(ChannelName::Heartbeat).take().unwrap().len(), 1022);
    }

    #[test]
    fn reset_empties_every_channel() {
        let (_slot, client, app) = ends();
        client.send_control(Control::Abort).unwrap();
        app.send_status(&AppStatus::default()).unwrap();
        client.reset();
        assert_eq!(app.take_control(), []);
        assert!(client.take_status().is_none());
    }

    #[test]
    fn no_message_is_torn_or_lost_between_two_threads() {
        let (_slot, client, app) = ends();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in 0..20_000u32 {
                    let text = format!("{n} ").repeat(1 + (n % 100) as usize);
                    while !client.channel(ChannelName::Heartbeat).try_send(&text).unwrap() {
                        std::thread::yield_now();
                    }
                }
            });
            for n in 0..20_000u32 {
                let text = loop {
                    match app.channel(ChannelName::Heartbeat).take() {
                        Some(text) => break text,
                        None => std::thread::yield_now(),
                    }
                };
                assert_eq!(text, format!("{n} ").repeat(1 + (n % 100) as usize));
            }
        });
    }

    proptest! {
        #[test]
        fn any_text_without_nul_arrives(text in "[^\0]{0,300}") {
            let (_slot, client, app) = ends();
            let sent = client.channel(ChannelName::TrickleUp).try_send(&text);
            if text.len() <= MAX_TEXT_BYTES {
                prop_assert_eq!(sent, Ok(true));
                prop_assert_eq!(app.channel(ChannelName::TrickleUp).take(), Some(text));
            } else {
                prop_assert!(sent.is_err());
            }
        }
    }
}
