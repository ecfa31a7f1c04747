//! A file that is read from place to place through a small buffer.

use std::io::{self, Read, Seek, SeekFrom};

/// Bytes read at a time.
const CHUNK: usize = 128 << 10;
/// Bytes read after a jump, which may lead to a short piece.
const FIRST: usize = 8 << 10;

/// Why a comparison ends before both files do.
#[derive(Debug)]
pub(super) enum Halt {
    /// A file cannot be read.
    Io(io::Error),
    /// They differ, or one of them is not what the rule reads.
    Different(String),
}

impl From<io::Error> for Halt {
    fn from(error: io::Error) -> Self {
        Halt::Io(error)
    }
}

/// A file and a place in it.
pub(super) struct Source<R> {
    reader: R,
    buffer: Vec<u8>,
    /// Where in the file the buffer begins.
    offset: u64,
    start: usize,
    end: usize,
    next_bytes: usize,
}

impl<R: Read + Seek> Source<R> {
    /// Starts at the beginning.
    pub(super) fn new(mut reader: R) -> io::Result<Self> {
        reader.rewind()?;
        Ok(Self { reader, buffer: vec![0; CHUNK], offset: 0, start: 0, end: 0, next_bytes: FIRST })
    }

    /// Size of the file, in bytes.
    pub(super) fn bytes(&mut self) -> io::Result<u64> {
        let bytes = self.reader.seek(SeekFrom::End(0))?;
        self.reader.seek(SeekFrom::Start(self.offset + self.end as u64))?;
        Ok(bytes)
    }

    /// What is in view; nothing only at the end of the file.
    pub(super) fn view(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            self.offset += self.end as u64;
            (self.start, self.end) = (0, 0);
            loop {
                match self.reader.read(&mut self.buffer[..self.next_bytes]) {
                    Ok(bytes) => {
                        self.end = bytes;
                        break;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            self.next_bytes = CHUNK;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// Fills `bytes`; whether there were enough.
    pub(super) fn take(&mut self, bytes: &mut [u8]) -> io::Result<bool> {
        let mut taken = 0;
        while taken < bytes.len() {
            let view = self.view()?;
            if view.is_empty() {
                return Ok(false);
            }
            let length = view.len().min(bytes.len() - taken);
            bytes[taken..taken + length].copy_from_slice(&view[..length]);
            self.advance(length);
            taken += length;
        }
        Ok(true)
    }

    /// The next byte, if there is one.
    #[inline]
    pub(super) fn peek(&mut self) -> io::Result<Option<u8>> {
        if self.start < self.end {
            return Ok(Some(self.buffer[self.start]));
        }
        Ok(self.view()?.first().copied())
    }

    /// Moves on by bytes that are in view.
    #[inline]
    pub(super) fn advance(&mut self, bytes: usize) {
        debug_assert!(bytes <= self.end - self.start);
        self.start += bytes;
    }

    /// The place in the file, in bytes from its beginning.
    pub(super) fn place(&self) -> u64 {
        self.offset + self.start as u64
    }

    /// Goes to a place in the file.
    pub(super) fn go_to(&mut self, place: u64) -> io::Result<()> {
        match place.checked_sub(self.offset) {
            Some(within) if within <= self.end as u64 => self.start = within as usize,
            _ => {
                self.reader.seek(SeekFrom::Start(place))?;
                (self.offset, self.start, self.end) = (place, 0, 0);
                self.next_bytes = FIRST;
            }
        }
        Ok(())
    }
}
