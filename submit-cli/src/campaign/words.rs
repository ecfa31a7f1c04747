//! Words that stand for values in the campaign file.

/// The word of a value; each value has one.
pub(super) fn of<T: Copy + PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    words.iter().find(|(_, known)| *known == value).map(|(word, _)| *word).expect("each value has a word")
}

/// The value of a word; `what` says what it is a word for.
pub(super) fn find<T: Copy>(words: &[(&str, T)], word: &str, what: &str) -> rusqlite::Result<T> {
    words
        .iter()
        .find(|(known, _)| *known == word)
        .map(|(_, value)| *value)
        .ok_or_else(|| rusqlite::Error::InvalidColumnName(format!("{what} {word}")))
}
