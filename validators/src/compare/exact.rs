//! Sums and products of decimals of any size, exactly.

use std::cmp::Ordering;

/// A signed decimal: all digits have its sign, the last one counts `10^lowest`.
#[derive(Clone, Debug)]
pub(super) struct Term {
    digits: Vec<i64>,
    lowest: i64,
}

impl Term {
    /// The most significant digit comes first; all have the sign of the number.
    pub(super) fn new(mut digits: Vec<i64>, lowest: i64) -> Self {
        let zeros = digits.iter().take_while(|&&digit| digit == 0).count();
        digits.drain(..zeros);
        Self { digits, lowest }
    }

    pub(super) fn magnitude(&self) -> Self {
        if self.digits.iter().any(|&digit| digit < 0) { self.negated() } else { self.clone() }
    }

    pub(super) fn negated(&self) -> Self {
        Self { digits: self.digits.iter().map(|digit| -digit).collect(), lowest: self.lowest }
    }

    pub(super) fn times(&self, other: &Self) -> Self {
        if self.digits.is_empty() || other.digits.is_empty() {
            return Self { digits: Vec::new(), lowest: 0 };
        }
        let mut columns = vec![0; self.digits.len() + other.digits.len() - 1];
        for (i, x) in self.digits.iter().enumerate() {
            for (j, y) in other.digits.iter().enumerate() {
                columns[i + j] += x * y;
            }
        }
        // Columns beyond 9 are as good as digits for `sign_of_sum`, but take more room above.
        Self { digits: columns, lowest: self.lowest + other.lowest }
    }
}

/// Room above a term's highest column, in digits, that the sum of all columns can reach into.
const HEADROOM: i64 = 24;

/// The sign of a sum, exactly, for exponents of any size.
pub(super) fn sign_of_sum(terms: &[Term]) -> Ordering {
    let mut terms: Vec<Term> = terms.iter().filter(|term| !term.digits.is_empty()).cloned().collect();
    terms.sort_by_key(|term| term.lowest);
    // Where the digits of lower terms end far below those of the higher ones, the gap is closed up: what is
    // below cannot outweigh one unit above as long as there is headroom between.
    let mut top = i64::MIN;
    let mut shift = 0;
    for term in &mut terms {
        term.lowest -= shift;
        if top != i64::MIN && term.lowest > top + HEADROOM {
            shift += term.lowest - (top + HEADROOM);
            term.lowest = top + HEADROOM;
        }
        top = top.max(term.lowest + term.digits.len() as i64);
    }
    let Some(bottom) = terms.first().map(|term| term.lowest) else { return Ordering::Equal };
    let mut columns = vec![0i64; (top - bottom) as usize];
    for term in &terms {
        let offset = (term.lowest - bottom) as usize;
        for (column, digit) in columns[offset..].iter_mut().zip(term.digits.iter().rev()) {
            *column += digit;
        }
    }
    let mut carry = 0;
    let mut has_rest = false;
    for column in columns {
        let sum = column + carry;
        carry = sum.div_euclid(10);
        has_rest |= sum.rem_euclid(10) != 0;
    }
    // The digits left behind are not negative: only the carry can be.
    carry.cmp(&0).then(if has_rest { Ordering::Greater } else { Ordering::Equal })
}
