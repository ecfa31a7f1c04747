//! A command line with placeholders: `--ligand ligand.pdbqt --seed {seed}`.
//!
//! It is cut into words once, the way a shell would, before placeholders are filled: a value with spaces or quotes in
//! it stays inside its word, and no value can make a new one.

use crate::plan::placeholder::{Pattern, PatternError, Values};

/// The words of a command line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Command {
    words: Vec<Pattern>,
    /// A word that would mean something to a shell.
    shell_word: Option<String>,
}

/// Why a text is not a command line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// A quote that is never closed.
    #[error("invalid command: unclosed {quote}")]
    Unclosed {
        /// `'` or `"`.
        quote: char,
    },
    /// A backslash as the last character.
    #[error("invalid command: ends in a backslash")]
    Dangling,
    /// A NUL, which no argument can hold.
    #[error("invalid command: contains a NUL character")]
    Nul,
    /// A word is not a pattern.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

impl Command {
    /// Cuts `text` into words as a POSIX shell does: single quotes, double quotes, backslash. Other shell
    /// syntax is literal: `$`, `*`, `;`, backquotes.
    ///
    /// # Errors
    /// An unclosed quote, or a word that is not a pattern.
    pub fn parse(text: &str) -> Result<Self, CommandError> {
        let words = split_words(text)?;
        let is_for_shell = |word: &&str| {
            ["|", "||", "&&", "<", "&", ";"].contains(word) || word.starts_with('>') || word.starts_with("2>")
        };
        // Only what is not in quotes stands in the text as it is in the word.
        let shell_word =
            text.split_whitespace().filter(is_for_shell).find(|word| words.iter().any(|other| other == word));
        let shell_word = shell_word.map(str::to_owned);
        Ok(Self { shell_word, ..Self::from_words(&words)? })
    }

    /// A word such as `>` or `|` that was written without quotes, as if a shell read the command.
    pub fn shell_word(&self) -> Option<&str> {
        self.shell_word.as_deref()
    }

    /// A command from words that need no cutting; placeholders in them count.
    ///
    /// # Errors
    /// A word that is not a pattern.
    pub fn from_words<S: AsRef<str>>(words: &[S]) -> Result<Self, CommandError> {
        let mut patterns = Vec::with_capacity(words.len());
        for word in words {
            if word.as_ref().contains('\0') {
                return Err(CommandError::Nul);
            }
            patterns.push(Pattern::parse(word.as_ref())?);
        }
        Ok(Self { words: patterns, shell_word: None })
    }

    /// The columns it needs, in order, possibly more than once.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.words.iter().flat_map(Pattern::columns)
    }

    /// The arguments of the job with these values.
    pub fn fill(&self, values: &impl Values) -> Vec<String> {
        self.words.iter().map(|word| word.fill(values)).collect()
    }
}

/// Cuts a text into words as a POSIX shell does.
///
/// # Errors
/// An unclosed quote or a backslash at the end.
pub fn split_words(text: &str) -> Result<Vec<String>, CommandError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(chars.next().ok_or(CommandError::Dangling)?),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or(CommandError::Unclosed { quote: '\'' })? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => double_quoted(&mut chars, word.get_or_insert_default())?,
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

fn double_quoted(chars: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), CommandError> {
    let unclosed = CommandError::Unclosed { quote: '"' };
    loop {
        match chars.next().ok_or(unclosed.clone())? {
            '"' => return Ok(()),
            // As in a shell, a backslash between double quotes escapes only what would be special there.
            '\\' => match chars.next().ok_or(unclosed.clone())? {
                c @ ('"' | '\\' | '$' | '`') => word.push(c),
                c => word.extend(['\\', c]),
            },
            c => word.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_cut_as_a_shell_does() {
        let table: [(&str, &[&str]); 7] = [
            ("", &[]),
            ("  a  b\tc\n", &["a", "b", "c"]),
            ("a'b c'd", &["ab cd"]),
            (r#""a \"b\" \n $x" ''"#, &[r#"a "b" \n $x"#, ""]),
            (r"a\ b \'", &["a b", "'"]),
            (r"'\'", &[r"\"]),
            ("$(x) `y` ;z *", &["$(x)", "`y`", ";z", "*"]),
        ];
        for (text, words) in table {
            assert_eq!(split_words(text).unwrap(), words, "{text}");
        }
    }

    #[test]
    fn words_for_a_shell_are_noticed_unless_they_are_quoted() {
        for (text, word) in [
            ("a > out", Some(">")),
            ("a >out 2>&1", Some(">out")),
            ("a 2>&1", Some("2>&1")),
            ("a | b", Some("|")),
            ("a && b", Some("&&")),
            ("a '>' b", None),
            ("'a > b'", None),
            ("a -> b a>b", None),
        ] {
            assert_eq!(Command::parse(text).unwrap().shell_word(), word, "{text}");
        }
        assert_eq!(Command::from_words(&["a", ">"]).unwrap().shell_word(), None);
    }

    #[test]
    fn unclosed_quotes_are_refused() {
        for text in ["'a", "\"a", "a\\", "\"a\\", "'a\"b"] {
            assert!(split_words(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn quoted_words_come_back(words in prop::collection::vec("\\PC{0,10}", 0..6)) {
            let single: Vec<String> = words.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
            prop_assert_eq!(&split_words(&single.join(" ")).unwrap(), &words);
            let double: Vec<String> =
                words.iter().map(|word| format!("\"{}\"", word.replace('\\', r"\\").replace('"', "\\\""))).collect();
            prop_assert_eq!(&split_words(&double.join("\t")).unwrap(), &words);
        }
    }
}
