//! Frames between the front, which a client starts on Windows, and the agent, the wrapper in a Linux system of WSL.
//!
//! Both talk through two pipes. A frame is a length (`u32`, little endian, of the payload alone), a kind (`u8`) and the
//! payload. All text of jobs and engines travels as a payload, so nothing that they print can be taken for a frame. The
//! kinds are listed in `docs/wire.md`.

mod message;

use std::io::{self, Read};

pub use message::{Begin, FromAgent, FromFront, Hello, Keep, Message};

/// The agent's name in a slot: the wrapper for Linux, a file of the app version for Windows.
pub const AGENT_FILE: &str = "buoy-wrapper-linux";

/// The same for computers with ARM processors, where the systems of WSL run no programs for x86-64.
pub const AGENT_FILE_ARM: &str = "buoy-wrapper-linux-arm64";

/// The longest payload in bytes.
pub const MAX_PAYLOAD_BYTES: usize = 65_536;

/// Bytes before the payload.
const HEADER_BYTES: usize = 5;

/// A frame that cannot be read or written. After an error in reading nothing more can be read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The system refuses to read.
    #[error("failed to read a frame")]
    Read(#[source] io::Error),
    /// The stream ended within a frame.
    #[error("frame of kind {kind} is cut: {read} of {expected} bytes were read")]
    Cut {
        /// Its kind; 0 if the stream ended before it.
        kind: u8,
        /// Bytes that were read, the header included.
        read: usize,
        /// Bytes that there should have been, as far as that is known.
        expected: usize,
    },
    /// The length cannot be that of a frame: the stream holds something else.
    #[error("invalid frame: length {length} is more than {MAX_PAYLOAD_BYTES}; read {:?}", header.escape_ascii().to_string())]
    Length {
        /// The length that was read.
        length: u32,
        /// The bytes that it was read from, and the one after them.
        header: [u8; HEADER_BYTES],
    },
    /// What is to be sent does not fit in a frame.
    #[error("{name} of {bytes} bytes does not fit in a frame of {MAX_PAYLOAD_BYTES}")]
    TooLong {
        /// What it is.
        name: &'static str,
        /// The length of its payload.
        bytes: usize,
    },
    /// The payload is not JSON, or not that of this kind.
    #[error("invalid {name} frame of {bytes} bytes")]
    Json {
        /// What it should be.
        name: &'static str,
        /// The length of its payload.
        bytes: usize,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The payload is not UTF-8.
    #[error("invalid {name} frame of {bytes} bytes: not UTF-8")]
    Text {
        /// What it should be.
        name: &'static str,
        /// The length of its payload.
        bytes: usize,
    },
}

/// The bytes of a message, to be written at once.
///
/// # Errors
/// The message does not fit in a frame.
pub fn to_bytes(message: &impl Message) -> Result<Vec<u8>, FrameError> {
    let payload = message.payload();
    let bytes = payload.len();
    let length = u32::try_from(bytes).ok().filter(|_| bytes <= MAX_PAYLOAD_BYTES);
    let length = length.ok_or(FrameError::TooLong { name: message.name(), bytes })?;
    let mut frame = Vec::with_capacity(HEADER_BYTES + bytes);
    frame.extend(length.to_le_bytes());
    frame.push(message.kind());
    frame.extend(payload);
    Ok(frame)
}

/// Reads the next message; `None` at the end of the stream. Frames of unknown kinds are skipped.
///
/// # Errors
/// The stream ends within a frame, holds something else than frames, or cannot be read.
pub fn read<M: Message>(stream: &mut impl Read) -> Result<Option<M>, FrameError> {
    loop {
        let mut header = [0; HEADER_BYTES];
        match fill(stream, &mut header)? {
            0 => return Ok(None),
            HEADER_BYTES => {}
            read => return Err(FrameError::Cut { kind: 0, read, expected: HEADER_BYTES }),
        }
        let [a, b, c, d, kind] = header;
        let length = u32::from_le_bytes([a, b, c, d]);
        let bytes = usize::try_from(length).ok().filter(|&bytes| bytes <= MAX_PAYLOAD_BYTES);
        let bytes = bytes.ok_or(FrameError::Length { length, header })?;
        let mut payload = vec![0; bytes];
        let read = fill(stream, &mut payload)?;
        if read < bytes {
            return Err(FrameError::Cut { kind, read: HEADER_BYTES + read, expected: HEADER_BYTES + bytes });
        }
        if let Some(message) = M::parse(kind, payload)? {
            return Ok(Some(message));
        }
    }
}

/// Reads until the buffer is full or the stream has ended. Returns how many bytes were read.
fn fill(stream: &mut impl Read, buffer: &mut [u8]) -> Result<usize, FrameError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match stream.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(FrameError::Read(error)),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests;
