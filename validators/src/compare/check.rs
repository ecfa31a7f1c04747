//! What one output must be like by itself: sizes, patterns, numbers between limits.

use std::cmp::Ordering;
use std::io::{self, Read, Seek};

use super::decimal::Number;
use super::limits::order_to;
use super::line::Line;
use super::numbers::{Piece, piece, shown};
use super::rows::{Row, Rows};
use super::source::Halt;
use super::window::{Window, is_blank};
use super::{array, cell, columns, excerpt, json};
use crate::rule::{Check, Column, DecimalMark, Range, TableRule, WordPlace};

/// Looks at one output; what is wrong with it, in one line, or nothing.
///
/// Memory stays within a few megabytes whatever the contents. Errors are those of reading.
pub fn check<R: Read + Seek>(check: &Check, mut file: R, bytes: u64) -> io::Result<Option<String>> {
    if let Some(least) = check.min_bytes.filter(|least| bytes < *least) {
        return Ok(Some(format!("has {bytes} bytes, at least {least} are expected")));
    }
    if let Some(most) = check.max_bytes.filter(|most| bytes > *most) {
        return Ok(Some(format!("has {bytes} bytes, at most {most} are accepted")));
    }
    match check_contents(check, &mut file) {
        Ok(()) => Ok(None),
        Err(Halt::Different(text)) => Ok(Some(text)),
        Err(Halt::Io(error)) => Err(error),
    }
}

fn check_contents<R: Read + Seek>(check: &Check, file: &mut R) -> Result<(), Halt> {
    if !(check.must_match.is_empty() && check.must_not_match.is_empty() && check.words.is_empty()) {
        file.rewind()?;
        lines(check, &mut *file)?;
    }
    if let Some((form, ranges)) = &check.cells {
        cells(form, ranges, &mut *file)?;
    }
    if !check.values.is_empty() {
        let mut counts = vec![0u64; check.values.len()];
        let paths = check.values.iter().map(|range| &range.place).collect();
        json::check(&mut *file, paths, &mut |i, number, shown| {
            counts[i] += 1;
            number.map_or_else(|| Some(no_number(shown)), |number| check.values[i].fault(number, shown))
        })?;
        missing(&check.values, &counts, |range| range.place.to_string())?;
    }
    if !check.elements.is_empty() {
        let mut counts = vec![0u64; check.elements.len()];
        array::check(&mut *file, &mut |number, element| {
            counts.iter_mut().for_each(|count| *count += 1);
            check.elements.iter().find_map(|range| range.fault(number, &element.shown()))
        })?;
        missing(&check.elements, &counts, |_| "elements".to_owned())?;
    }
    Ok(())
}

impl<P> Range<P> {
    fn fault(&self, number: &Number, shown: &str) -> Option<String> {
        let is_beyond = |limit: Option<f64>, beyond: Ordering| {
            limit.filter(|limit| order_to(number, *limit).is_none_or(|order| order == beyond))
        };
        if let Some(min) = is_beyond(self.min, Ordering::Less) {
            return Some(format!("{shown}, at least {min} is expected"));
        }
        is_beyond(self.max, Ordering::Greater).map(|max| format!("{shown}, at most {max} is accepted"))
    }
}

fn no_number(shown: &str) -> String {
    format!("{shown} where a number is expected")
}

fn missing<P>(ranges: &[Range<P>], counts: &[u64], label: impl Fn(&Range<P>) -> String) -> Result<(), Halt> {
    match ranges.iter().zip(counts).find(|(range, count)| !range.optional && **count == 0) {
        Some((range, _)) => Err(Halt::Different(format!("there is no number at {}", label(range)))),
        None => Ok(()),
    }
}

fn lines<R: Read>(check: &Check, file: R) -> Result<(), Halt> {
    let mut window = Window::new(file, super::WINDOW_BYTES);
    let mut wanted: Vec<_> = check.must_match.iter().collect();
    let mut counts = vec![0u64; check.words.len()];
    while !window.is_over()? {
        let mut end = memchr::memchr(b'\n', window.see_some()?);
        if end.is_none() {
            end = memchr::memchr(b'\n', window.see(window.capacity())?);
        }
        let (view, number) = (window.bytes(), window.line());
        if end.is_none() && view.len() == window.capacity() {
            let most = window.capacity();
            differ!("line {number} is longer than {most} bytes: nothing can be looked for in it");
        }
        let whole = &view[..end.unwrap_or(view.len())];
        let line = whole.strip_suffix(b"\r").unwrap_or(whole);
        if let Some(pattern) = check.must_not_match.iter().find(|pattern| pattern.is_match(line)) {
            differ!("line {number}: {} must not match {:?}", excerpt(line), pattern.as_str());
        }
        wanted.retain(|pattern| !pattern.is_match(line));
        words(&check.words, check.decimal, line, &mut counts)
            .map_or(Ok(()), |text| Err(Halt::Different(format!("line {number} {text}"))))?;
        let (length, lines) = (whole.len() + usize::from(end.is_some()), u64::from(end.is_some()));
        window.advance_lines(length, lines);
    }
    if let Some(pattern) = wanted.first() {
        differ!("no line matches {:?}", pattern.as_str());
    }
    missing(&check.words, &counts, |range| match &range.place {
        WordPlace::Column(column) => format!("column {column}"),
        WordPlace::Key(key) => format!("key {key:?}"),
    })
}

/// Looks at the numbers of a line.
fn words(
    ranges: &[Range<WordPlace>],
    decimal: DecimalMark,
    text: &[u8],
    counts: &mut [u64],
) -> Option<String> {
    let is_here = |range: &Range<_>| range.lines.as_ref().is_none_or(|pattern| pattern.is_match(text));
    let here: Vec<usize> = (0..ranges.len()).filter(|&i| is_here(&ranges[i])).collect();
    if here.is_empty() {
        return None;
    }
    let (mut rest, mut line) = (text, Line::default());
    let mut key: &[u8] = b"";
    loop {
        let blanks = rest.iter().take_while(|&&b| is_blank(b)).count();
        line.note_blanks([blanks > 0; 2]);
        rest = &rest[blanks..];
        line.enter();
        let length = match piece(rest, decimal) {
            Piece::End => return None,
            Piece::Mark(_) => 1,
            Piece::Word(word) => {
                key = word;
                let is_column = |i: &&usize| ranges[**i].place == column_place(&line);
                if here.iter().any(|i| is_column(&i)) {
                    return Some(format!("column {}: {}", line.column(), no_number(&shown(word))));
                }
                word.len()
            }
            Piece::Number(number, length) => {
                for &i in &here {
                    let range = &ranges[i];
                    let fits = match &range.place {
                        WordPlace::Key(wanted) => wanted.as_bytes() == key,
                        place => *place == column_place(&line),
                    };
                    if !fits {
                        continue;
                    }
                    counts[i] += 1;
                    if let Some(fault) = range.fault(&number, &shown(&rest[..length])) {
                        return Some(format!("column {}: {fault}", line.column()));
                    }
                }
                length
            }
        };
        rest = &rest[length..];
    }
}

fn column_place(line: &Line) -> WordPlace {
    WordPlace::Column(u32::try_from(line.column()).unwrap_or(u32::MAX))
}

fn cells<R: Read + Seek>(form: &TableRule, ranges: &[Range<Column>], file: R) -> Result<(), Halt> {
    let mut rows = Rows::new(form, file)?.with_raw();
    let mut row = Row::default();
    let mut names = None;
    if form.header {
        if !rows.next(&mut row)? {
            differ!("there is no header");
        }
        names = Some(
            (0..row.len()).map(|i| String::from_utf8_lossy(row.cell(i)).into_owned()).collect::<Vec<_>>(),
        );
    }
    let mut width = names.as_ref().map(Vec::len);
    let mut places = Vec::new();
    let mut counts = vec![0u64; ranges.len()];
    let resolve = |width: usize, names: Option<&[String]>| {
        ranges.iter().map(|range| columns::find(&range.place, width, names)).collect::<Result<Vec<_>, _>>()
    };
    if let Some(width) = width {
        places = resolve(width, names.as_deref())?;
    }
    while rows.next(&mut row)? {
        let expected = match width {
            Some(width) => width,
            None => {
                places = resolve(row.len(), None)?;
                *width.insert(row.len())
            }
        };
        let line = row.line();
        if row.len() != expected {
            let found = row.len();
            differ!("line {line} has {found} cells, {expected} are expected");
        }
        for (i, range) in ranges.iter().enumerate() {
            if range.lines.as_ref().is_some_and(|pattern| !pattern.is_match(row.raw())) {
                continue;
            }
            for &column in &places[i] {
                let cell = row.cell(column);
                let fault = match cell::number(cell, form.decimal) {
                    Some(number) => range.fault(&number, &cell::shown(cell, form.decimal)),
                    None => Some(no_number(&cell::shown(cell, form.decimal))),
                };
                counts[i] += 1;
                if let Some(fault) = fault {
                    let label = names
                        .as_ref()
                        .map_or((column + 1).to_string(), |names| excerpt(names[column].as_bytes()));
                    differ!("line {line} column {label}: {fault}");
                }
            }
        }
    }
    missing(ranges, &counts, |range| range.place.to_string())
}
