//! A sliding view of a file.

use std::io::{self, Read};

use super::scan::{Class, class};

/// A file seen through a buffer of fixed size that moves along it.
pub(super) struct Window<R> {
    source: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    is_at_end: bool,
    line: u64,
    before: u8,
}

impl<R: Read> Window<R> {
    /// A window of `capacity` bytes at the start of `source`.
    pub(super) fn new(source: R, capacity: usize) -> Self {
        Self { source, buffer: vec![0; capacity], start: 0, end: 0, is_at_end: false, line: 1, before: 0 }
    }

    /// Bytes in view.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// The longest piece that [`Window::see`] can be asked for.
    pub(super) fn capacity(&self) -> usize {
        self.buffer.len()
    }

    /// The byte before the view; 0 at the start of the file.
    pub(super) fn before(&self) -> u8 {
        self.before
    }

    /// Number of the current line, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Brings at least `wanted` bytes into view, or all that are left if they are fewer.
    pub(super) fn see(&mut self, wanted: usize) -> io::Result<&[u8]> {
        if self.end - self.start < wanted && !self.is_at_end {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            // Most of the time a part of the buffer is enough, which stays in the processor's cache.
            let target = wanted.max(self.buffer.len() / 4).min(self.buffer.len());
            while self.end < wanted.min(self.buffer.len()) && !self.is_at_end {
                match self.source.read(&mut self.buffer[self.end..target]) {
                    Ok(0) => self.is_at_end = true,
                    Ok(n) => self.end += n,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(self.bytes())
    }

    /// A good stretch to work on: a sixteenth of the window or all that is left.
    pub(super) fn see_some(&mut self) -> io::Result<&[u8]> {
        self.see((self.buffer.len() / 16).max(1))
    }

    /// Whether nothing is left.
    pub(super) fn is_over(&mut self) -> io::Result<bool> {
        Ok(self.see(1)?.is_empty())
    }

    /// Moves `n` bytes on, which must be in view and within the line.
    pub(super) fn advance(&mut self, n: usize) {
        debug_assert!(n <= self.end - self.start);
        if n > 0 {
            self.start += n;
            self.before = self.buffer[self.start - 1];
        }
    }

    /// Moves on over `n` bytes that end `lines` lines.
    pub(super) fn advance_lines(&mut self, n: usize, lines: u64) {
        self.advance(n);
        self.line += lines;
    }

    /// Moves over the end of the line, if the view begins with it; whether it did, or the file is over.
    pub(super) fn end_line(&mut self) -> io::Result<bool> {
        match self.see(1)?.first() {
            None => Ok(true),
            Some(b'\n') => {
                self.advance_lines(1, 1);
                Ok(true)
            }
            Some(_) => Ok(false),
        }
    }

    /// Moves over blanks, but not over a line's end.
    pub(super) fn skip_blanks(&mut self) -> io::Result<()> {
        loop {
            let view = self.see_some()?;
            let blanks = view.iter().take_while(|&&b| is_blank(b)).count();
            let goes_on = blanks == view.len() && blanks > 0;
            self.advance(blanks);
            if !goes_on {
                return Ok(());
            }
        }
    }
}

/// Space, tab, carriage return, vertical tab, form feed.
pub(super) fn is_blank(b: u8) -> bool {
    class(b) == Class::Blank
}

/// Number of equal bytes at the start of both.
pub(super) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    const BLOCK: usize = 1024;
    const WORD: usize = 8;
    let length = a.len().min(b.len());
    let mut n = 0;
    while n + BLOCK <= length && a[n..n + BLOCK] == b[n..n + BLOCK] {
        n += BLOCK;
    }
    while n + WORD <= length && a[n..n + WORD] == b[n..n + WORD] {
        n += WORD;
    }
    n + a[n..length].iter().zip(&b[n..length]).take_while(|(x, y)| x == y).count()
}
