//! A place in a line of the rule `numbers`, on both sides: in which word, and behind which key.

use super::window::is_blank;

/// Where in a line both sides are. LineTolerances are counted as awk does, from 1, separated by blanks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Line {
    columns: [u64; 2],
    is_inside: [bool; 2],
    /// The number of the exception whose key was the last word.
    pub key: Option<usize>,
    /// Whether both sides have come to the line's end.
    pub is_over: bool,
}

impl Line {
    /// Blanks end a word.
    pub(super) fn note_blanks(&mut self, are_there: [bool; 2]) {
        for (is_inside, is_there) in self.is_inside.iter_mut().zip(are_there) {
            *is_inside &= !is_there;
        }
    }

    /// Something that is not a blank follows.
    #[inline]
    pub(super) fn enter(&mut self) {
        for (column, is_inside) in self.columns.iter_mut().zip(&mut self.is_inside) {
            *column += u64::from(!*is_inside);
            *is_inside = true;
        }
    }

    /// These bytes are passed over, in one line or from line to line.
    pub(super) fn pass_over(&mut self, sides: [&[u8]; 2]) {
        for (i, bytes) in sides.into_iter().enumerate() {
            let rest = match memchr::memrchr(b'\n', bytes) {
                Some(end) => {
                    (self.columns[i], self.is_inside[i]) = (0, false);
                    &bytes[end + 1..]
                }
                None => bytes,
            };
            for &b in rest {
                let is_blank = is_blank(b);
                self.columns[i] += u64::from(!is_blank && !self.is_inside[i]);
                self.is_inside[i] = !is_blank;
            }
        }
    }

    /// The word that the first side is in.
    pub(super) fn column(&self) -> u64 {
        self.columns[0]
    }

    /// The word that the second side is in.
    pub(super) fn other_column(&self) -> u64 {
        self.columns[1]
    }

    /// Whether both sides are in the same word.
    pub(super) fn is_level(&self) -> bool {
        self.columns[0] == self.columns[1]
    }

    /// Whether nothing of the line has been passed over.
    pub(super) fn is_at_start(&self) -> bool {
        self.columns == [0; 2]
    }
}
