//! Words with variables in them: quotes and escapes as Docker's readers take them, `$X`, `${X}` and four modifiers.

use super::blank::is_blank;

/// `${A:-${B:-…}}` deeper than this is refused.
const MAX_DEPTH: usize = 16;

/// A word whose variables are not replaced yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Its first byte in the text of its instruction.
    pub offset: usize,
    pub pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Variable { name: String, modifier: Option<(Modifier, Vec<Piece>)> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Modifier {
    /// `${X-y}`, or `${X:-y}` where an empty value counts as missing.
    Default { empty_is_unset: bool },
    /// `${X+y}`, or `${X:+y}`.
    Alternative { empty_is_unset: bool },
}

/// What is wrong with a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WordFault {
    /// Byte in what was read.
    pub offset: usize,
    pub found: String,
    pub help: &'static str,
}

impl Word {
    /// A word that has no variables.
    pub fn literal(text: &str, offset: usize) -> Self {
        let pieces = if text.is_empty() { Vec::new() } else { vec![Piece::Text(text.to_owned())] };
        Self { offset, pieces }
    }

    /// Reads a whole text as one word; quotes go, white space stays.
    pub fn read(text: &str, offset: usize, escape: char) -> Result<Self, WordFault> {
        let mut reader = Reader { text, at: 0, escape, keeps_quotes: false };
        Ok(Self { offset, pieces: reader.pieces(None, 0)? })
    }

    /// Reads the body of a here-document: quotes stay.
    pub fn read_body(text: &str) -> Result<Self, WordFault> {
        let mut reader = Reader { text, at: 0, escape: '\\', keeps_quotes: true };
        Ok(Self { offset: 0, pieces: reader.pieces(None, 0)? })
    }

    /// The text, if no variable is in it.
    pub fn as_literal(&self) -> Option<&str> {
        match &self.pieces[..] {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    escape: char,
    keeps_quotes: bool,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn fault(&self, offset: usize, found: impl Into<String>, help: &'static str) -> WordFault {
        WordFault { offset, found: found.into(), help }
    }

    /// Up to `stop`, which is taken, or the end.
    fn pieces(&mut self, stop: Option<char>, depth: usize) -> Result<Vec<Piece>, WordFault> {
        let mut pieces = Pieces::default();
        let start = self.at;
        while let Some(c) = self.peek() {
            if Some(c) == stop {
                self.at += c.len_utf8();
                return Ok(pieces.finish());
            }
            match c {
                '$' => self.dollar(&mut pieces, depth)?,
                '\'' if !self.keeps_quotes => self.single_quoted(&mut pieces)?,
                '"' if !self.keeps_quotes => self.double_quoted(&mut pieces, depth)?,
                c if c == self.escape => self.escaped(&mut pieces)?,
                c => {
                    self.at += c.len_utf8();
                    pieces.push(c);
                }
            }
        }
        match stop {
            None => Ok(pieces.finish()),
            Some(stop) => Err(self.fault(
                start,
                format!("{stop:?} is missing"),
                "close the ${…}; put the word into double quotes if it has spaces",
            )),
        }
    }

    fn escaped(&mut self, pieces: &mut Pieces) -> Result<(), WordFault> {
        let start = self.at;
        self.next();
        match self.next() {
            None => Err(self.fault(
                start,
                "the word ends with the escape character",
                "use the JSON form or quotes for names with spaces",
            )),
            Some(c) if self.keeps_quotes && c != '$' && c != '\\' => Err(self.fault(
                start,
                format!("a backslash before {c:?} in a here-document whose variables are replaced: builders drop it"),
                "quote the delimiter (<<\"EOF\") to keep the text as it is, or write \\\\",
            )),
            Some(c) => {
                pieces.push(c);
                Ok(())
            }
        }
    }

    fn single_quoted(&mut self, pieces: &mut Pieces) -> Result<(), WordFault> {
        let start = self.at;
        self.next();
        while let Some(c) = self.next() {
            if c == '\'' {
                return Ok(());
            }
            pieces.push(c);
        }
        Err(self.fault(
            start,
            "a single quote that is not closed",
            "close it, or write \\' for the character",
        ))
    }

    fn double_quoted(&mut self, pieces: &mut Pieces, depth: usize) -> Result<(), WordFault> {
        let start = self.at;
        self.next();
        while let Some(c) = self.peek() {
            match c {
                '"' => {
                    self.at += 1;
                    return Ok(());
                }
                '$' => self.dollar(pieces, depth)?,
                c => {
                    self.at += c.len_utf8();
                    let escaped = self.peek().filter(|&next| {
                        c == self.escape && (matches!(next, '"' | '$') || next == self.escape)
                    });
                    self.at += escaped.map_or(0, char::len_utf8);
                    pieces.push(escaped.unwrap_or(c));
                }
            }
        }
        Err(self.fault(
            start,
            "a double quote that is not closed",
            "close it, or write \\\" for the character",
        ))
    }

    fn dollar(&mut self, pieces: &mut Pieces, depth: usize) -> Result<(), WordFault> {
        const SPECIAL: &str =
            "only variables with names of letters, digits and _ are replaced; write \\$ for the character";
        let start = self.at;
        self.next();
        match self.peek() {
            Some('{') => {
                self.next();
                let variable = self.braced(start, depth)?;
                pieces.add(variable);
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let name = self.name();
                if self.peek().is_some_and(char::is_alphanumeric) {
                    return Err(self.fault(
                        start,
                        format!("the variable ${name} ends at a letter"),
                        "write ${…}",
                    ));
                }
                pieces.add(Piece::Variable { name, modifier: None });
            }
            Some(c) if c.is_alphanumeric() || "@*#?-$!".contains(c) => {
                return Err(self.fault(start, format!("the special variable ${c}"), SPECIAL));
            }
            _ => pieces.push('$'),
        }
        Ok(())
    }

    fn name(&mut self) -> String {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        self.at += end;
        rest[..end].to_owned()
    }

    /// After `${`.
    fn braced(&mut self, start: usize, depth: usize) -> Result<Piece, WordFault> {
        const FORMS: &str = "${X}, ${X:-y}, ${X-y}, ${X:+y} and ${X+y} are supported";
        let name = self.name();
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(self.fault(start, "${ is not followed by the name of a variable", FORMS));
        }
        let empty_is_unset = self.peek() == Some(':');
        if empty_is_unset {
            self.next();
        }
        let modifier = match self.next() {
            Some('}') if !empty_is_unset => return Ok(Piece::Variable { name, modifier: None }),
            Some('-') => Modifier::Default { empty_is_unset },
            Some('+') => Modifier::Alternative { empty_is_unset },
            None => return Err(self.fault(start, format!("${{{name} is not closed"), FORMS)),
            Some(c) => {
                let colon = if empty_is_unset { ":" } else { "" };
                return Err(self.fault(start, format!("the form ${{{name}{colon}{c}…"), FORMS));
            }
        };
        if depth == MAX_DEPTH {
            return Err(self.fault(
                start,
                "variables inside of variables, too deep",
                "use an ARG in between",
            ));
        }
        let word = self.pieces(Some('}'), depth + 1)?;
        Ok(Piece::Variable { name, modifier: Some((modifier, word)) })
    }
}

#[derive(Default)]
struct Pieces {
    list: Vec<Piece>,
    text: String,
}

impl Pieces {
    fn push(&mut self, c: char) {
        self.text.push(c);
    }

    fn add(&mut self, piece: Piece) {
        self.flush();
        self.list.push(piece);
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.list.push(Piece::Text(std::mem::take(&mut self.text)));
        }
    }

    fn finish(mut self) -> Vec<Piece> {
        self.flush();
        self.list
    }
}

/// Cuts a text at white space outside of quotes, which stay: each word and its first byte.
pub(super) fn split_quoted(text: &str, escape: char) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut start = None;
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if quote.is_none() && is_blank(c) {
            words.extend(start.take().map(|start| (start, &text[start..at])));
            continue;
        }
        start.get_or_insert(at);
        match c {
            c if c == escape && quote != Some('\'') => {
                chars.next();
            }
            '\'' | '"' if quote.is_none() => quote = Some(c),
            c if quote == Some(c) => quote = None,
            _ => {}
        }
    }
    words.extend(start.map(|start| (start, &text[start..])));
    words
}

/// Cuts a text at white space: each word and its first byte.
pub(super) fn split_blank(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut at = 0;
    for word in text.split(is_blank) {
        if !word.is_empty() {
            words.push((at, word));
        }
        at += word.len() + 1;
    }
    words
}
