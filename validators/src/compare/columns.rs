//! Which column of one table belongs to which of another, and what holds there.

use super::cell::shown;
use super::excerpt;
use super::limits::Limits;
use super::rows::Row;
use super::source::Halt;
use crate::rule::{Allowance, Column, DecimalMark, Exception, TableRule};

/// The columns of two tables, in the order of the first.
pub(super) struct Columns {
    /// The second table's column, and the limits; without limits nothing is compared.
    pairs: Vec<(usize, Option<usize>)>,
    limits: Vec<Limits>,
    /// What stands before the fraction of a number in a cell.
    pub decimal: DecimalMark,
    names: Option<Vec<String>>,
    /// Pairs of columns that identify a row.
    keys: Vec<(usize, usize)>,
}

impl Columns {
    /// Matches columns by the names in two headers; names that are there twice by their order.
    pub(super) fn new(rule: &TableRule, a: &Row, b: &Row) -> Result<Self, Halt> {
        let mut taken = vec![false; b.len()];
        let mut others = Vec::with_capacity(a.len());
        for i in 0..a.len() {
            // The same place first: the usual case is not quadratic.
            let is_free = |j: &usize| !taken[*j] && a.cell(i) == b.cell(*j);
            let found = Some(i).filter(|j| *j < b.len()).filter(is_free);
            let Some(j) = found.or_else(|| search(i, a, b, &taken)) else {
                let name = excerpt(a.cell(i));
                differ!("only the first result has a column {name}");
            };
            taken[j] = true;
            others.push(j);
        }
        if let Some(j) = taken.iter().position(|taken| !taken) {
            differ!("only the second result has a column {}", excerpt(b.cell(j)));
        }
        let is_moved = others.iter().enumerate().any(|(i, &j)| i != j);
        let by_number = rule.keys.iter().chain(rule.at.iter().map(|at| &at.place));
        if is_moved && by_number.into_iter().any(|column| matches!(column, Column::Number(_))) {
            differ!("columns are in another order, and the rule counts them: name them instead");
        }
        let names = (0..a.len()).map(|i| String::from_utf8_lossy(a.cell(i)).into_owned()).collect();
        Self::with(rule, others, Some(names))
    }

    /// Columns of tables without a header; `first` is a row of one.
    pub(super) fn by_number(rule: &TableRule, first: &Row) -> Result<Self, Halt> {
        Self::with(rule, (0..first.len()).collect(), None)
    }

    fn with(rule: &TableRule, others: Vec<usize>, names: Option<Vec<String>>) -> Result<Self, Halt> {
        let mut limits = vec![Limits::new(rule.tolerance)];
        let mut pairs: Vec<_> = others.iter().map(|&j| (j, Some(0))).collect();
        let find = |column: &Column| find(column, others.len(), names.as_deref());
        for Exception { place, allowance } in rule.at.iter().rev() {
            let choice = match allowance {
                Allowance::Ignored => None,
                Allowance::Within(tolerance) => {
                    limits.push(Limits::new(*tolerance));
                    Some(limits.len() - 1)
                }
            };
            for i in find(place)? {
                pairs[i].1 = choice;
            }
        }
        let mut keys = Vec::new();
        for column in &rule.keys {
            keys.extend(find(column)?.into_iter().map(|i| (i, others[i])));
        }
        Ok(Self { pairs, limits, decimal: rule.decimal, names, keys })
    }

    /// Columns of both tables and what holds there.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (usize, usize, Option<&Limits>)> {
        self.pairs.iter().enumerate().map(|(i, (j, limits))| (i, *j, limits.map(|at| &self.limits[at])))
    }

    /// Checks that a row has as many cells as there are columns.
    pub(super) fn check_width(&self, row: &Row, which: &str) -> Result<(), Halt> {
        if row.len() == self.pairs.len() {
            return Ok(());
        }
        let what = if self.names.is_some() { "the header" } else { "the first row" };
        let (line, found, expected) = (row.line(), row.len(), self.pairs.len());
        let text = format!("line {line} of the {which} result has {found} cells, {what} has {expected}");
        Err(Halt::Different(text))
    }

    /// Whether two rows belong together; so they do without key columns.
    pub(super) fn have_same_key(&self, a: &Row, b: &Row) -> bool {
        self.keys.iter().all(|&(i, j)| a.cell(i) == b.cell(j))
    }

    /// The key of a row of the first table.
    pub(super) fn key_of_first<'a>(&self, row: &'a Row) -> Vec<&'a [u8]> {
        self.keys.iter().map(|&(i, _)| row.cell(i)).collect()
    }

    /// The key of a row of the second table.
    pub(super) fn key_of_second<'a>(&self, row: &'a Row) -> Vec<&'a [u8]> {
        self.keys.iter().map(|&(_, j)| row.cell(j)).collect()
    }

    /// A row of the first table for a message: ` with id "x"`; nothing without key columns.
    pub(super) fn key_label(&self, row: &Row) -> String {
        self.label_of_key(&self.key_of_first(row))
    }

    /// A row of the second table for a message.
    pub(super) fn key_label_of_second(&self, row: &Row) -> String {
        self.label_of_key(&self.key_of_second(row))
    }

    fn label_of_key(&self, cells: &[&[u8]]) -> String {
        let parts: Vec<_> = (self.keys.iter().zip(cells))
            .map(|(&(i, _), cell)| format!("{} {}", self.label(i), shown(cell, self.decimal)))
            .collect();
        if parts.is_empty() { String::new() } else { format!(" with {}", parts.join(", ")) }
    }

    /// A column for a message.
    pub(super) fn label(&self, i: usize) -> String {
        match &self.names {
            Some(names) => excerpt(names[i].as_bytes()),
            None => (i + 1).to_string(),
        }
    }
}

/// A column of the second table with the name of the first's column `i`, not taken yet.
fn search(i: usize, a: &Row, b: &Row, taken: &[bool]) -> Option<usize> {
    (0..b.len()).find(|&j| !taken[j] && a.cell(i) == b.cell(j))
}

/// The places of a column, from 0: several if a name is there twice.
pub(super) fn find(column: &Column, width: usize, names: Option<&[String]>) -> Result<Vec<usize>, Halt> {
    let (found, what): (Vec<usize>, _) = match column {
        Column::Number(number) => {
            let at = number.get() as usize - 1;
            ((at < width).then_some(at).into_iter().collect(), number.to_string())
        }
        Column::Name(name) => {
            let names = names.unwrap_or_default().iter().enumerate();
            let fitting = names.filter(|(_, other)| *other == name).map(|(i, _)| i);
            (fitting.collect(), format!("{name:?}"))
        }
    };
    if found.is_empty() {
        differ!("there is no column {what}, which the rule names");
    }
    Ok(found)
}
