//! What a file of an array says about itself.
//!
//! npy: numpy.lib.format, versions 1 to 3. PGM and PPM: the binary forms P5 and P6 of Netpbm.

use std::io::{Read, Seek};

use super::Element;
use crate::compare::excerpt;
use crate::compare::source::{Halt, Source};

/// Longest header of an npy file.
const MOST_HEADER_BYTES: u32 = 64 << 10;
/// Most dimensions of an array, as in numpy.
const MOST_DIMENSIONS: usize = 64;

/// How elements are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    form: Form,
    /// Bytes of a part.
    bytes: usize,
    is_big_endian: bool,
    /// 2 for complex numbers, else 1.
    parts: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Signed,
    Unsigned,
    Float,
}

impl Kind {
    /// Bytes of a part.
    pub(super) fn bytes(self) -> usize {
        self.bytes
    }

    /// Parts of an element: 2 for complex numbers.
    pub(super) fn parts(self) -> usize {
        self.parts
    }

    /// A numpy type such as `<f8`; `None` for what is not a plain number.
    fn parse(descr: &str) -> Option<Self> {
        let (order, rest) = descr.split_at_checked(1)?;
        let is_big_endian = match order {
            "<" | "|" | "=" => false,
            ">" => true,
            _ => return None,
        };
        let (form, bytes, parts) = match rest {
            "b1" => (Form::Unsigned, 1, 1),
            "i1" | "i2" | "i4" | "i8" => (Form::Signed, rest[1..].parse().ok()?, 1),
            "u1" | "u2" | "u4" | "u8" => (Form::Unsigned, rest[1..].parse().ok()?, 1),
            "f2" | "f4" | "f8" => (Form::Float, rest[1..].parse().ok()?, 1),
            "c8" => (Form::Float, 4, 2),
            "c16" => (Form::Float, 8, 2),
            _ => return None,
        };
        Some(Self { form, bytes, is_big_endian, parts })
    }

    /// The element that these bytes are, as many as [`Kind::bytes`] says.
    pub(super) fn element(self, bytes: &[u8]) -> Element {
        let mut raw = [0; 8];
        // To little endian, in the low bytes.
        for (i, &byte) in bytes.iter().enumerate() {
            raw[if self.is_big_endian { bytes.len() - 1 - i } else { i }] = byte;
        }
        let bits = u64::from_le_bytes(raw);
        match (self.form, self.bytes) {
            (Form::Unsigned, _) => Element::Unsigned(bits),
            (Form::Signed, bytes) => {
                let shift = 64 - 8 * bytes as u32;
                Element::Signed((bits << shift).cast_signed() >> shift)
            }
            (Form::Float, 8) => Element::Double(f64::from_bits(bits)),
            (Form::Float, 4) => Element::Single(f32::from_bits(bits as u32)),
            (Form::Float, _) => Element::Single(half(bits as u16)),
        }
    }
}

/// A number of half precision.
fn half(bits: u16) -> f32 {
    let exponent = i32::from(bits >> 10 & 31);
    let fraction = f32::from(bits & 1023);
    let magnitude = match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * 2f32.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

/// What a file says about its array.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    pub kind: Kind,
    /// Lengths, the slowest first unless `is_fortran`.
    pub shape: Vec<u64>,
    /// Whether the first index runs fastest.
    pub is_fortran: bool,
    /// The value of a pixel that is white; 0 for arrays.
    pub scale: u64,
    /// Parts of elements in all.
    pub elements: u64,
}

impl Header {
    /// Reads a header, and checks that the file holds exactly what it announces.
    pub(super) fn read<R: Read + Seek>(source: &mut Source<R>, which: &str) -> Result<Self, Halt> {
        let mut magic = [0; 2];
        let wrong = |what: &str| Halt::Different(format!("{which} is not a readable array: {what}"));
        if !source.take(&mut magic)? {
            return Err(wrong("the file is empty"));
        }
        let mut header = match &magic {
            b"\x93N" => npy(source, &wrong)?,
            b"P5" => image(source, 1, &wrong)?,
            b"P6" => image(source, 3, &wrong)?,
            other => {
                let found = format!("it begins with {}; npy, PGM (P5) and PPM (P6) are read", excerpt(other));
                return Err(wrong(&found));
            }
        };
        let elements = (header.shape.iter())
            .try_fold(header.kind.parts as u64, |product, length| product.checked_mul(*length))
            .ok_or_else(|| wrong("its shape is too large"))?;
        header.elements = elements;
        let expected = elements.checked_mul(header.kind.bytes as u64);
        let found = source.bytes()?.saturating_sub(source.place());
        if expected != Some(found) {
            let expected = expected.map_or("more".to_owned(), |bytes| bytes.to_string());
            return Err(wrong(&format!("it holds {found} bytes of elements, {expected} are announced")));
        }
        Ok(header)
    }

    /// The shape for messages: `3 x 4`.
    pub(super) fn shape_label(&self) -> String {
        let lengths: Vec<_> = self.shape.iter().map(u64::to_string).collect();
        if lengths.is_empty() { "of a single number".to_owned() } else { lengths.join(" x ") }
    }

    /// A part of an element for messages: `element [3, 7]`, counted from 0.
    pub(super) fn place(&self, part: u64) -> String {
        let mut rest = part / self.kind.parts as u64;
        let mut indexes = vec![0; self.shape.len()];
        let mut fill = |at: usize| {
            let length = self.shape[at].max(1);
            indexes[at] = rest % length;
            rest /= length;
        };
        if self.is_fortran {
            (0..self.shape.len()).for_each(&mut fill);
        } else {
            (0..self.shape.len()).rev().for_each(&mut fill);
        }
        let part = match (self.kind.parts, part % 2) {
            (2, 0) => " (real part)",
            (2, _) => " (imaginary part)",
            _ => "",
        };
        format!("element {indexes:?}{part}")
    }
}

fn npy<R: Read + Seek>(source: &mut Source<R>, wrong: &impl Fn(&str) -> Halt) -> Result<Header, Halt> {
    let mut start = [0; 8];
    let short = || wrong("its header is cut");
    if !source.take(&mut start)? {
        return Err(short());
    }
    if &start[..4] != b"UMPY" {
        return Err(wrong("it starts like an npy file but has another signature"));
    }
    let length = match start[4] {
        1 => u32::from(u16::from_le_bytes([start[6], start[7]])),
        2 | 3 => {
            let mut more = [0; 2];
            if !source.take(&mut more)? {
                return Err(short());
            }
            u32::from_le_bytes([start[6], start[7], more[0], more[1]])
        }
        version => return Err(wrong(&format!("npy version {version}; 1, 2 and 3 are read"))),
    };
    if length > MOST_HEADER_BYTES {
        return Err(wrong(&format!("a header of {length} bytes; at most {MOST_HEADER_BYTES} are read")));
    }
    let mut text = vec![0; length as usize];
    if !source.take(&mut text)? {
        return Err(short());
    }
    let text = String::from_utf8_lossy(&text);
    let value = |key: &str| {
        let quoted = text.split_once(&format!("'{key}'")).map(|(_, rest)| rest);
        quoted.and_then(|rest| rest.trim_start().strip_prefix(':')).map(str::trim_start)
    };
    let missing = |key: &str| wrong(&format!("its header has no usable {key}: {}", excerpt(text.as_bytes())));
    let descr = value("descr").ok_or_else(|| missing("descr"))?;
    let descr = descr.strip_prefix('\'').and_then(|rest| rest.split_once('\'')).map(|(descr, _)| descr);
    let Some(kind) = descr.and_then(Kind::parse) else {
        return Err(missing("descr, which must be a plain number type such as '<f8',"));
    };
    let order = value("fortran_order").ok_or_else(|| missing("fortran_order"))?;
    let shape = value("shape").and_then(|rest| rest.strip_prefix('(')).and_then(|rest| rest.split_once(')'));
    let (shape, _) = shape.ok_or_else(|| missing("shape"))?;
    let lengths = shape.split(',').map(str::trim).filter(|length| !length.is_empty());
    let shape: Vec<u64> = lengths.map(str::parse).collect::<Result<_, _>>().map_err(|_| missing("shape"))?;
    if shape.len() > MOST_DIMENSIONS {
        return Err(missing("shape"));
    }
    Ok(Header { kind, shape, is_fortran: order.starts_with("True"), scale: 0, elements: 0 })
}

fn image<R: Read + Seek>(
    source: &mut Source<R>,
    channels: u64,
    wrong: &impl Fn(&str) -> Halt,
) -> Result<Header, Halt> {
    let mut numbers = [0u64; 3];
    for number in &mut numbers {
        *number = image_number(source)?.ok_or_else(|| wrong("its header is not that of an image"))?;
    }
    // A single blank ends the header; `image_number` has taken it.
    let [width, height, scale] = numbers;
    if !(1..65_536).contains(&scale) {
        return Err(wrong(&format!("a largest value of {scale}; 1 to 65535 are read")));
    }
    let bytes = if scale < 256 { 1 } else { 2 };
    let kind = Kind { form: Form::Unsigned, bytes, is_big_endian: true, parts: 1 };
    let mut shape = vec![height, width];
    if channels > 1 {
        shape.push(channels);
    }
    Ok(Header { kind, shape, is_fortran: false, scale, elements: 0 })
}

/// A number of an image's header, after blanks and comments, and the blank behind it.
fn image_number<R: Read + Seek>(source: &mut Source<R>) -> Result<Option<u64>, Halt> {
    let mut number = None;
    let mut is_comment = false;
    let mut bytes = 0;
    while let Some(b) = source.peek()? {
        source.advance(1);
        bytes += 1;
        if bytes > MOST_HEADER_BYTES {
            return Ok(None);
        }
        match (b, number) {
            (b'\n', None) => is_comment = false,
            (_, None) if is_comment => {}
            (b'#', None) => is_comment = true,
            (b'0'..=b'9', value) => {
                let value = value.unwrap_or(0);
                if value > u64::from(u32::MAX) {
                    return Ok(None);
                }
                number = Some(value * 10 + u64::from(b - b'0'));
            }
            (b, None) if b.is_ascii_whitespace() => {}
            (b, Some(_)) if b.is_ascii_whitespace() => return Ok(number),
            _ => return Ok(None),
        }
    }
    Ok(None)
}
