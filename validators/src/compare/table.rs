//! Rule `table`: CSV, TSV and the like, cell by cell.
//!
//! With key columns rows are in any order: as long as both results have the same order nothing is remembered; from
//! the first row on that has another key, an index by key is made, in parts that fit memory.

use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Seek};

use super::brief;
use super::cell::{number, shown};
use super::columns::Columns;
use super::commas::have_same_padding;
use super::decimal::Number;
use super::rows::{Row, Rows};
use super::source::Halt;
use crate::rule::TableRule;

/// Rows that are remembered at once: 16 bytes each.
const INDEXED: u64 = 1 << 18;
/// Parts in which rows out of order are looked for; each reads both files.
const MOST_PARTS: u64 = 16;

/// Compares two tables.
pub(super) fn compare<A: Read + Seek, B: Read + Seek>(rule: &TableRule, a: A, b: B) -> Result<(), Halt> {
    let (mut a, mut b) = (Rows::new(rule, a)?, Rows::new(rule, b)?);
    let (mut row_a, mut row_b) = (Row::default(), Row::default());
    let mut columns = None;
    if rule.header {
        match (a.next(&mut row_a)?, b.next(&mut row_b)?) {
            (true, true) => columns = Some(Columns::new(rule, &row_a, &row_b)?),
            (false, false) => return Ok(()),
            (is_there, _) => return Err(only_one(is_there, &row_a, &row_b)),
        }
    }
    loop {
        let (place_a, place_b) = (a.place(), b.place());
        match (a.next(&mut row_a)?, b.next(&mut row_b)?) {
            (false, false) => return Ok(()),
            (true, true) => {}
            (_, _) if !rule.keys.is_empty() && columns.is_some() => {
                a.go_to(place_a)?;
                b.go_to(place_b)?;
                let columns = columns.expect("asked before");
                return AnyOrder { a, b, place_a, place_b, columns, row_a, row_b }.compare();
            }
            (is_there, _) => return Err(only_one(is_there, &row_a, &row_b)),
        }
        if columns.is_none() {
            columns = Some(Columns::by_number(rule, &row_a)?);
        }
        let columns_here = columns.as_ref().expect("set above");
        for (row, other) in [(&row_a, "first"), (&row_b, "second")] {
            columns_here.check_width(row, other)?;
        }
        if !columns_here.have_same_key(&row_a, &row_b) {
            a.go_to(place_a)?;
            b.go_to(place_b)?;
            let columns = columns.expect("set above");
            return AnyOrder { a, b, place_a, place_b, columns, row_a, row_b }.compare();
        }
        compare_cells(columns_here, &row_a, &row_b)?;
    }
}

fn only_one(is_first: bool, a: &Row, b: &Row) -> Halt {
    let (which, row) = if is_first { ("first", a) } else { ("second", b) };
    Halt::Different(format!("line {}: only the {which} result has this row", row.line()))
}

fn compare_cells(columns: &Columns, a: &Row, b: &Row) -> Result<(), Halt> {
    for (i, j, limits) in columns.pairs() {
        let (x, y) = (a.cell(i), b.cell(j));
        let Some(limits) = limits else { continue };
        if x == y {
            continue;
        }
        let by = match (number(x, columns.decimal), number(y, columns.decimal)) {
            // A number padded with zeros is as good as a name.
            (Some(Number::Finite(x)), Some(Number::Finite(y))) if !have_same_padding(&x, &y) => String::new(),
            (Some(x), Some(y)) if limits.allow(&x, &y) => continue,
            (Some(x), Some(y)) => limits.distance(&x, &y).map_or(String::new(), |(distance, allowed)| {
                format!(", off by {}, allowed {}", brief(distance), brief(allowed))
            }),
            _ => String::new(),
        };
        let lines = match (a.line(), b.line()) {
            (0, line) => format!("line {line} of the second"),
            (line, other) if line == other => format!("line {line}"),
            (line, other) => format!("line {line} (line {other} of the second)"),
        };
        let (column, key) = (columns.label(i), columns.key_label(a));
        let (x, y) = (shown(x, columns.decimal), shown(y, columns.decimal));
        return Err(Halt::Different(format!("{lines}{key} column {column}: {x} against {y}{by}")));
    }
    Ok(())
}

/// Rows of two tables from somewhere on, to be matched by key.
struct AnyOrder<A, B> {
    a: Rows<A>,
    b: Rows<B>,
    place_a: (u64, u64),
    place_b: (u64, u64),
    columns: Columns,
    row_a: Row,
    row_b: Row,
}

impl<A: Read + Seek, B: Read + Seek> AnyOrder<A, B> {
    fn compare(mut self) -> Result<(), Halt> {
        let mut rows = 0u64;
        while self.a.next(&mut self.row_a)? {
            rows += 1;
        }
        if rows > INDEXED * MOST_PARTS {
            let most = INDEXED * MOST_PARTS;
            return Err(Halt::Different(format!(
                "rows are in another order, and there are {rows} of them: at most {most} are matched by key"
            )));
        }
        let parts = rows.div_ceil(INDEXED).max(1);
        let hasher = RandomState::new();
        for part in 0..parts {
            self.compare_part(&hasher, part, parts, rows / parts)?;
        }
        Ok(())
    }

    fn compare_part(&mut self, hasher: &RandomState, part: u64, parts: u64, about: u64) -> Result<(), Halt> {
        // Parts are not quite of one size; to grow would take twice the memory.
        let mut index: Vec<(u64, u64)> = Vec::with_capacity(about as usize + about as usize / 32 + 1024);
        self.a.go_to(self.place_a)?;
        loop {
            let (place, _) = self.a.place();
            if !self.a.next(&mut self.row_a)? {
                break;
            }
            self.columns.check_width(&self.row_a, "first")?;
            let hash = hasher.hash_one(self.columns.key_of_first(&self.row_a));
            if hash % parts == part {
                index.push((hash, place));
            }
        }
        index.sort_unstable();
        if let Some(two) = index.windows(2).find(|two| two[0].0 == two[1].0) {
            let place = two[1].1;
            return Err(self.only_first(place, "the first result has two rows"));
        }
        let mut is_used = vec![false; index.len()];
        self.b.go_to(self.place_b)?;
        while self.b.next(&mut self.row_b)? {
            self.columns.check_width(&self.row_b, "second")?;
            let hash = hasher.hash_one(self.columns.key_of_second(&self.row_b));
            if hash % parts != part {
                continue;
            }
            let found = index.binary_search_by_key(&hash, |entry| entry.0).ok();
            let why = match found {
                Some(at) if !is_used[at] => {
                    is_used[at] = true;
                    // The number of the line is not remembered: 0 stands for not known.
                    self.a.go_to((index[at].1, 0))?;
                    self.a.next(&mut self.row_a)?;
                    if self.columns.have_same_key(&self.row_a, &self.row_b) {
                        compare_cells(&self.columns, &self.row_a, &self.row_b)?;
                        continue;
                    }
                    "only the second result has a row"
                }
                Some(_) => "the second result has two rows",
                None => "only the second result has a row",
            };
            let key = self.columns.key_label_of_second(&self.row_b);
            return Err(Halt::Different(format!("line {}: {why}{key}", self.row_b.line())));
        }
        match is_used.iter().position(|used| !used) {
            Some(at) => Err(self.only_first(index[at].1, "only the first result has a row")),
            None => Ok(()),
        }
    }

    /// What is wrong with a row of the first table.
    fn only_first(&mut self, place: u64, what: &str) -> Halt {
        let read = self.a.go_to((place, 0)).map_err(Halt::Io).and_then(|()| self.a.next(&mut self.row_a));
        match read {
            Ok(_) => Halt::Different(format!("{what}{}", self.columns.key_label(&self.row_a))),
            Err(halt) => halt,
        }
    }
}
