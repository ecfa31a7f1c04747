//! Rule `array`: npy files and binary PGM and PPM images, element by element.
//!
//! A floating-point element stands for the shortest decimal that is read as it, which is what programs print: so a
//! tolerance means the same here as in texts.

mod header;

use std::io::{Read, Seek};

use super::brief;
use super::decimal::Number;
use super::limits::{Limits, steps};
use super::source::{Halt, Source};
use crate::rule::Tolerance;
use header::Header;

/// Elements that are looked at together.
const CHUNK: u64 = 4096;

/// An element as it is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Element {
    Double(f64),
    Single(f32),
    Signed(i64),
    Unsigned(u64),
}

impl Element {
    fn roughly(self) -> f64 {
        match self {
            Element::Double(value) => value,
            Element::Single(value) => value.into(),
            Element::Signed(value) => value as f64,
            Element::Unsigned(value) => value as f64,
        }
    }

    /// How far [`Element::roughly`] may be from the decimal that the element stands for, as a fraction of it, with
    /// room for the arithmetic.
    fn error(self) -> f64 {
        if matches!(self, Element::Single(_)) { 3e-7 } else { 1e-12 }
    }

    /// Digits that programs print.
    pub(super) fn text(self) -> String {
        match self {
            Element::Double(value) => format!("{value:e}"),
            Element::Single(value) => format!("{value:e}"),
            Element::Signed(value) => value.to_string(),
            Element::Unsigned(value) => value.to_string(),
        }
    }

    /// The number for a message.
    pub(super) fn shown(self) -> String {
        match self {
            Element::Double(value) if (1e-4..1e16).contains(&value.abs()) => value.to_string(),
            Element::Single(value) if (1e-4..1e7).contains(&value.abs()) => value.to_string(),
            Element::Double(0.0) | Element::Single(0.0) => "0".to_owned(),
            other => other.text(),
        }
    }
}

/// Compares two arrays.
pub(super) fn compare<A: Read + Seek, B: Read + Seek>(tolerance: Tolerance, a: A, b: B) -> Result<(), Halt> {
    let (mut a, mut b) = (Source::new(a)?, Source::new(b)?);
    let (header_a, header_b) =
        (Header::read(&mut a, "the first result")?, Header::read(&mut b, "the second result")?);
    if header_a.shape != header_b.shape {
        differ!("shape {} against {}", header_a.shape_label(), header_b.shape_label());
    }
    if header_a.is_fortran != header_b.is_fortran && header_a.shape.len() > 1 {
        differ!("one is stored by rows, the other by columns");
    }
    if header_a.scale != header_b.scale {
        differ!("largest value {} against {}", header_a.scale, header_b.scale);
    }
    if header_a.kind.parts() != header_b.kind.parts() {
        differ!("one has complex numbers, the other real ones");
    }
    let limits = Limits::new(tolerance);
    let (size_a, size_b) = (header_a.kind.bytes(), header_b.kind.bytes());
    let mut bytes_a = vec![0; CHUNK as usize * size_a];
    let mut bytes_b = vec![0; CHUNK as usize * size_b];
    let mut done = 0;
    while done < header_a.elements {
        let count = CHUNK.min(header_a.elements - done) as usize;
        let (bytes_a, bytes_b) = (&mut bytes_a[..count * size_a], &mut bytes_b[..count * size_b]);
        if !(a.take(bytes_a)? && b.take(bytes_b)?) {
            differ!("a file became shorter while it was read");
        }
        if header_a.kind != header_b.kind || bytes_a != bytes_b {
            for (i, (x, y)) in bytes_a.chunks_exact(size_a).zip(bytes_b.chunks_exact(size_b)).enumerate() {
                let (x, y) = (header_a.kind.element(x), header_b.kind.element(y));
                if !allow(&limits, x, y) {
                    let by = match (x.roughly() - y.roughly()).abs() {
                        distance if distance.is_finite() => format!(", off by {}", brief(distance)),
                        _ => String::new(),
                    };
                    let place = header_a.place(done + i as u64);
                    differ!("{place}: {} against {}{by}", x.shown(), y.shown());
                }
            }
        }
        done += count as u64;
    }
    Ok(())
}

/// Looks at each element of an array; an answer of `look` is what is wrong with it.
pub(super) fn check<R: Read + Seek>(
    reader: R,
    look: &mut dyn FnMut(&Number, Element) -> Option<String>,
) -> Result<(), Halt> {
    let mut source = Source::new(reader)?;
    let header = Header::read(&mut source, "it")?;
    let mut bytes = vec![0; header.kind.bytes()];
    for i in 0..header.elements {
        if !source.take(&mut bytes)? {
            differ!("the file became shorter while it was read");
        }
        let element = header.kind.element(&bytes);
        let wrong = with_number(element, |number| look(number, element));
        if let Some(text) = wrong {
            differ!("{}: {text}", header.place(i));
        }
    }
    Ok(())
}

fn with_number<T>(element: Element, look: impl FnOnce(&Number) -> T) -> T {
    let value = element.roughly();
    if value.is_nan() {
        return look(&Number::Nan);
    }
    if value.is_infinite() {
        return look(&Number::Infinite { is_negative: value < 0.0 });
    }
    let text = element.text();
    let (number, _) = Number::read(text.as_bytes()).expect("digits as they are written above");
    look(&number)
}

fn allow(limits: &Limits, x: Element, y: Element) -> bool {
    // Below, products lose digits.
    const LEAST: f64 = 1e-270;
    let (a, b) = (x.roughly(), y.roughly());
    if a.is_finite() && b.is_finite() {
        if a == b
            && matches!(
                (x, y),
                (Element::Double(_), Element::Double(_)) | (Element::Single(_), Element::Single(_))
            )
        {
            return true;
        }
        if a.abs().max(b.abs()) > LEAST
            && let Some(answer) = limits.allow_known(a, b, x.error().max(y.error()))
        {
            return answer || allow_steps(limits, x, y);
        }
    }
    with_number(x, |x| with_number(y, |y| limits.allow_without_steps(x, y))) || allow_steps(limits, x, y)
}

/// Steps are those of the coarser of the two kinds.
fn allow_steps(limits: &Limits, x: Element, y: Element) -> bool {
    if limits.ulps() == 0 {
        return false;
    }
    let most = u64::from(limits.ulps());
    match (x, y) {
        (Element::Single(a), Element::Single(b)) => single_steps(a, b) <= most,
        (Element::Single(a), Element::Double(b)) | (Element::Double(b), Element::Single(a)) => {
            single_steps(a, b as f32) <= most
        }
        (Element::Double(a), Element::Double(b)) => a.is_finite() && b.is_finite() && steps(a, b) <= most,
        _ => false,
    }
}

fn single_steps(a: f32, b: f32) -> u64 {
    let rank = |value: f32| {
        let magnitude = i64::from(value.to_bits() & !(1 << 31));
        if value.is_sign_negative() { -magnitude } else { magnitude }
    };
    if a.is_finite() && b.is_finite() { rank(a).abs_diff(rank(b)) } else { u64::MAX }
}
