//! What separates words: not all that Unicode calls white space.

pub(super) fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}
