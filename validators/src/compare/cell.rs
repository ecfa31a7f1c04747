//! A cell of a table: the number in it, and how a message shows it.

use super::decimal::Number;
use super::excerpt;
use crate::rule::DecimalMark;

/// Longest cell that is looked at for a number, in bytes.
const MAX_NUMBER_BYTES: usize = 256;

/// The number that a cell holds.
pub(super) fn number(cell: &[u8], decimal: DecimalMark) -> Option<Number<'_>> {
    if cell.len() > MAX_NUMBER_BYTES {
        return None;
    }
    Number::read_with(cell, decimal.byte())
        .and_then(|(number, bytes)| (bytes == cell.len()).then_some(number))
}

/// A cell for a message.
pub(super) fn shown(cell: &[u8], decimal: DecimalMark) -> String {
    if cell.is_empty() {
        return "an empty cell".to_owned();
    }
    if number(cell, decimal).is_some() && cell.len() <= 40 {
        return String::from_utf8_lossy(cell).into_owned();
    }
    excerpt(cell)
}
