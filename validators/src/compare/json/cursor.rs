//! A place in a JSON text.

use std::io::{self, Read, Seek};

use super::Scalar;
use crate::compare::excerpt;
use crate::compare::source::{Halt, Source};

/// Longest key, in bytes.
const MOST_KEY_BYTES: usize = 4096;
/// Longest number or word.
const MOST_SCALAR_BYTES: usize = 256;

/// A JSON text that is read, and the place in it.
pub(super) struct Cursor<R> {
    source: Source<R>,
    which: &'static str,
    key_place: u64,
}

impl<R: Read + Seek> Cursor<R> {
    /// The beginning of a text, behind a byte order mark.
    pub(super) fn new(reader: R, which: &'static str) -> io::Result<Self> {
        let mut source = Source::new(reader)?;
        if source.view()?.starts_with(b"\xef\xbb\xbf") {
            source.advance(3);
        }
        Ok(Self { source, which, key_place: 0 })
    }

    /// Where it stands.
    pub(super) fn place(&self) -> u64 {
        self.source.place()
    }

    /// Where the quote of the last key is.
    pub(super) fn key_place(&self) -> u64 {
        self.key_place
    }

    /// Goes elsewhere.
    pub(super) fn go_to(&mut self, place: u64) -> io::Result<()> {
        self.source.go_to(place)
    }

    /// A remark about this place.
    pub(super) fn here(&self, text: &str) -> Halt {
        Halt::Different(format!("byte {}: {text}", self.source.place()))
    }

    /// The text is no JSON here.
    fn malformed(&mut self, expected: &str) -> Halt {
        let place = self.source.place();
        match self.source.view() {
            Err(error) => Halt::Io(error),
            Ok(view) => {
                let found =
                    if view.is_empty() { "its end".to_owned() } else { excerpt(&view[..view.len().min(41)]) };
                let which = self.which;
                Halt::Different(format!(
                    "byte {place} of the {which} result is not valid JSON: found {found}, expected {expected}"
                ))
            }
        }
    }

    /// Passes over blanks; the next byte, if there is one.
    pub(super) fn next_visible(&mut self) -> Result<Option<u8>, Halt> {
        loop {
            match self.source.peek()? {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.source.advance(1),
                other => return Ok(other),
            }
        }
    }

    /// Passes over blanks; the byte that a value begins with.
    pub(super) fn expect_value(&mut self) -> Result<u8, Halt> {
        match self.next_visible()? {
            Some(b) if !b"]},:".contains(&b) => Ok(b),
            _ => Err(self.malformed("a value")),
        }
    }

    /// Passes over the byte that is next.
    pub(super) fn enter(&mut self) {
        self.source.advance(1);
    }

    /// Goes to the next element of an array; `false` at its end, which is passed over.
    pub(super) fn next_element(&mut self, is_first: bool) -> Result<bool, Halt> {
        match self.next_visible()? {
            Some(b']') => {
                self.source.advance(1);
                Ok(false)
            }
            Some(_) if is_first => Ok(true),
            Some(b',') => {
                self.source.advance(1);
                self.expect_value().map(|_| true)
            }
            _ => Err(self.malformed("\",\" or \"]\"")),
        }
    }

    /// Reads the next key of an object and goes behind its colon; `None` at the object's end, which is passed over.
    pub(super) fn next_key(&mut self, is_first: bool) -> Result<Option<Vec<u8>>, Halt> {
        match self.next_visible()? {
            Some(b'}') => {
                self.source.advance(1);
                return Ok(None);
            }
            Some(_) if is_first => {}
            Some(b',') => self.source.advance(1),
            _ => return Err(self.malformed("\",\" or \"}\"")),
        }
        self.key().map(Some)
    }

    /// Reads a key and goes behind its colon.
    pub(super) fn key(&mut self) -> Result<Vec<u8>, Halt> {
        if self.next_visible()? != Some(b'"') {
            return Err(self.malformed("a key in quotes"));
        }
        self.key_place = self.source.place();
        let mut text = TextBytes::begin(self);
        let mut key = Vec::new();
        while let Some(byte) = text.next(self)? {
            if key.len() == MOST_KEY_BYTES {
                return Err(self.here(&format!("a key is longer than {MOST_KEY_BYTES} bytes")));
            }
            key.push(byte);
        }
        if self.next_visible()? != Some(b':') {
            return Err(self.malformed("\":\""));
        }
        self.source.advance(1);
        Ok(key)
    }

    /// Reads a number, true, false or null.
    pub(super) fn scalar(&mut self) -> Result<Scalar, Halt> {
        let place = self.source.place();
        let mut text = Vec::new();
        while let Some(b) = self.source.peek()? {
            if !(b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')) {
                break;
            }
            if text.len() == MOST_SCALAR_BYTES {
                return Err(self.here(&format!("a number is longer than {MOST_SCALAR_BYTES} bytes")));
            }
            text.push(b);
            self.source.advance(1);
        }
        let scalar = Scalar { text };
        if matches!(scalar.bytes(), b"true" | b"false" | b"null") || scalar.number().is_some() {
            return Ok(scalar);
        }
        self.source.go_to(place)?;
        Err(self.malformed("a value"))
    }

    /// Passes over a value, with no more than a look at brackets and quotes.
    pub(super) fn skip_value(&mut self) -> Result<(), Halt> {
        let mut depth = 0u64;
        loop {
            match self.expect_anything()? {
                b'"' => {
                    self.source.advance(1);
                    self.skip_text()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.source.advance(1);
                }
                b'}' | b']' | b',' | b':' if depth == 0 => return Err(self.malformed("a value")),
                b'}' | b']' => {
                    depth -= 1;
                    self.source.advance(1);
                }
                b',' | b':' => self.source.advance(1),
                _ => self.scalar().map(|_| ())?,
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn expect_anything(&mut self) -> Result<u8, Halt> {
        match self.next_visible()? {
            Some(b) => Ok(b),
            None => Err(self.malformed("the rest of the value")),
        }
    }

    /// Passes over the rest of a text whose opening quote is passed.
    fn skip_text(&mut self) -> Result<(), Halt> {
        loop {
            let view = self.source.view()?;
            let length = view.len();
            match memchr::memchr2(b'"', b'\\', view) {
                None if length == 0 => return Err(self.malformed("a quote")),
                None => self.source.advance(length),
                Some(at) if view[at] == b'"' => {
                    self.source.advance(at + 1);
                    return Ok(());
                }
                Some(at) => {
                    self.source.advance(at + 1);
                    if self.source.peek()?.is_some() {
                        self.source.advance(1);
                    }
                }
            }
        }
    }
}

/// The bytes of a text with its escapes resolved.
pub(super) struct TextBytes {
    waiting: [u8; 4],
    count: usize,
}

impl TextBytes {
    /// A text whose opening quote is next.
    pub(super) fn begin<R: Read + Seek>(cursor: &mut Cursor<R>) -> Self {
        cursor.enter();
        Self { waiting: [0; 4], count: 0 }
    }

    /// The next byte; `None` at the closing quote, which is passed over.
    pub(super) fn next<R: Read + Seek>(&mut self, cursor: &mut Cursor<R>) -> Result<Option<u8>, Halt> {
        if self.count > 0 {
            self.count -= 1;
            return Ok(Some(self.waiting[self.count]));
        }
        match cursor.source.peek()? {
            None => Err(cursor.malformed("a quote")),
            Some(b'"') => {
                cursor.source.advance(1);
                Ok(None)
            }
            Some(b'\\') => {
                cursor.source.advance(1);
                self.escape(cursor).map(Some)
            }
            Some(other) => {
                cursor.source.advance(1);
                Ok(Some(other))
            }
        }
    }

    fn escape<R: Read + Seek>(&mut self, cursor: &mut Cursor<R>) -> Result<u8, Halt> {
        let Some(letter) = cursor.source.peek()? else { return Err(cursor.malformed("an escape")) };
        let byte = match letter {
            b'"' | b'\\' | b'/' => letter,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                cursor.source.advance(1);
                return self.unicode(cursor);
            }
            _ => return Err(cursor.malformed("an escape")),
        };
        cursor.source.advance(1);
        Ok(byte)
    }

    fn unicode<R: Read + Seek>(&mut self, cursor: &mut Cursor<R>) -> Result<u8, Halt> {
        let mut code = four_digits(cursor)?;
        if (0xd800..0xdc00).contains(&code) {
            // The second half of a pair, if there is one: else this half stands for itself.
            let place = cursor.place();
            let mut start = [0; 2];
            let second = match cursor.source.take(&mut start)? && &start == b"\\u" {
                true => four_digits(cursor).ok().filter(|second| (0xdc00..0xe000).contains(second)),
                false => None,
            };
            match second {
                Some(second) => code = 0x10000 + ((code - 0xd800) << 10) + (second - 0xdc00),
                None => cursor.go_to(place)?,
            }
        }
        let mut bytes = [0; 4];
        let length = match char::from_u32(code) {
            Some(c) => c.encode_utf8(&mut bytes).len(),
            // Half a pair, in the form that UTF-8 would have for it.
            None => {
                bytes[0] = 0xe0 | (code >> 12) as u8;
                bytes[1] = 0x80 | ((code >> 6) & 0x3f) as u8;
                bytes[2] = 0x80 | (code & 0x3f) as u8;
                3
            }
        };
        for (to, from) in self.waiting.iter_mut().zip(bytes[1..length].iter().rev()) {
            *to = *from;
        }
        self.count = length - 1;
        Ok(bytes[0])
    }
}

fn four_digits<R: Read + Seek>(cursor: &mut Cursor<R>) -> Result<u32, Halt> {
    let mut code = 0;
    for _ in 0..4 {
        let digit = cursor.source.peek()?.and_then(|b| char::from(b).to_digit(16));
        let Some(digit) = digit else { return Err(cursor.malformed("four hexadecimal digits")) };
        code = code * 16 + digit;
        cursor.source.advance(1);
    }
    Ok(code)
}
