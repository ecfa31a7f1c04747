//! Here-documents: where one starts, by a rule that a reader and a shell cannot take in two ways.

use super::blank::is_blank;
use super::word::WordFault;

/// A here-document that an instruction starts; its body follows on the next lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HereDocument {
    /// The delimiter.
    pub name: String,
    /// `<<EOF`, not `<<"EOF"`.
    pub expands: bool,
    /// `<<-`.
    pub strips_tabs: bool,
    /// Its first byte in what was searched.
    pub offset: usize,
    /// The byte after it.
    pub end: usize,
}

const FORM: &str =
    "write <<NAME, <<-NAME or <<\"NAME\" between spaces, the name of letters, digits, \"_\", \".\" and \"-\"";

/// The here-documents of a RUN: `<<NAME` outside of quotes and arithmetic. A `<<` that a shell could take for one, and
/// this rule does not, is a fault.
pub(super) fn in_shell_text(text: &str) -> Result<Vec<HereDocument>, WordFault> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut quote = None;
    let mut arithmetic = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        match (quote, byte) {
            (None | Some(b'"'), b'\\') => at += 1,
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'(') if bytes.get(at + 1) == Some(&b'(') => {
                arithmetic += 1;
                at += 1;
            }
            (None, b')') if arithmetic > 0 && bytes.get(at + 1) == Some(&b')') => {
                arithmetic -= 1;
                at += 1;
            }
            (None, b'<') if text[at..].starts_with("<<<") => at += 2,
            (None, b'<') if arithmetic == 0 && text[at..].starts_with("<<") => {
                let before = text[..at].trim_end_matches(|c: char| c.is_ascii_digit());
                if !before.is_empty() && !before.ends_with(is_blank) {
                    return Err(fault(at));
                }
                let document = at_start_of(text, at)?;
                at = document.end - 1;
                found.push(document);
            }
            _ => {}
        }
        at += 1;
    }
    Ok(found)
}

/// The here-document that a word of COPY or ADD is.
pub(super) fn in_word(text: &str, start: usize, word: &str) -> Result<Option<HereDocument>, WordFault> {
    match word.find("<<") {
        None => Ok(None),
        Some(0) => at_start_of(text, start).map(Some),
        Some(at) => Err(fault(start + at)),
    }
}

/// Reads `<<NAME` at a byte.
fn at_start_of(text: &str, offset: usize) -> Result<HereDocument, WordFault> {
    let rest = &text[offset + 2..];
    let (strips_tabs, rest) = match rest.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let (quote, rest) = match rest.strip_prefix(['"', '\'']) {
        Some(inner) => (rest.chars().next(), inner),
        None => (None, rest),
    };
    let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"_.-".contains(c)).unwrap_or(rest.len());
    let (name, after) = rest.split_at(length);
    let after = match quote {
        Some(quote) => after.strip_prefix(quote).ok_or_else(|| fault(offset))?,
        None => after,
    };
    let is_name = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if !is_name || !(after.is_empty() || after.starts_with(is_blank)) {
        return Err(fault(offset));
    }
    Ok(HereDocument {
        name: name.to_owned(),
        expands: quote.is_none(),
        strips_tabs,
        offset,
        end: text.len() - after.len(),
    })
}

fn fault(offset: usize) -> WordFault {
    WordFault { offset, found: "<< that is not clearly a here-document".to_owned(), help: FORM }
}

/// The body of a `<<-` document without the tabs at the start of its lines.
pub(super) fn without_tabs(body: &str) -> String {
    body.split_inclusive('\n').map(|line| line.trim_start_matches('\t')).collect()
}
