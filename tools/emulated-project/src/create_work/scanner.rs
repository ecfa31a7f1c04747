//! `XML_PARSER` of lib/parse.h: no XML parser, but what create_work reads templates with.

/// `ELEMENT_BUF_LEN - 1`: a longer element is a syntax error.
const ELEMENT_BYTES: usize = 65_535;

/// What was found.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    /// A tag without its brackets and attributes: `file_info`, `/file_info`, `copy_file/`.
    Tag(String),
    /// Text between tags, without white space around it.
    Text(String),
    /// The content of a CDATA section.
    CData(String),
}

/// Reads a template tag by tag.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    rest: &'a str,
    /// The tag, or text, that was read last.
    pub(super) tag: String,
    pub(super) is_tag: bool,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text, tag: String::new(), is_tag: false }
    }

    /// Goes to the next tag or text; false at the end.
    pub(super) fn next(&mut self) -> bool {
        match self.token() {
            None => false,
            Some(token) => {
                self.is_tag = matches!(token, Token::Tag(_));
                let (Token::Tag(text) | Token::Text(text) | Token::CData(text)) = token;
                self.tag = text;
                true
            }
        }
    }

    pub(super) fn at(&self, tag: &str) -> bool {
        self.tag == tag
    }

    /// The text of `<name>text</name>`, if that is where the scanner stands; at most `limit` bytes.
    pub(super) fn string(&mut self, name: &str, limit: usize) -> Option<String> {
        if self.tag.strip_suffix('/') == Some(name) {
            return Some(String::new());
        }
        if self.tag != name {
            return None;
        }
        let (text, raw) = match self.token()? {
            Token::Tag(tag) => return (tag.strip_prefix('/') == Some(name)).then(String::new),
            Token::Text(text) => (text, false),
            Token::CData(text) => (text, true),
        };
        self.end_of(name)?;
        let text = if raw { text } else { unescape(&text) };
        (text.len() < limit).then_some(text)
    }

    /// The number of `<name>1e3</name>`.
    pub(super) fn number(&mut self, name: &str) -> Option<f64> {
        self.parsed(name, |text| text.parse().ok())
    }

    /// The same for whole numbers.
    pub(super) fn integer(&mut self, name: &str) -> Option<i64> {
        self.parsed(name, |text| match text.strip_prefix("0x") {
            Some(hex) => i64::from_str_radix(hex, 16).ok(),
            None => text.parse().ok(),
        })
    }

    fn parsed<T: Default>(&mut self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        if self.tag != name {
            return None;
        }
        let value = match self.token()? {
            Token::Tag(tag) => return (tag.strip_prefix('/') == Some(name)).then(T::default),
            Token::Text(text) | Token::CData(text) => parse(&text)?,
        };
        self.end_of(name)?;
        Some(value)
    }

    /// The whole element at which the scanner stands, as text; `None` is a syntax error.
    pub(super) fn copy(&mut self) -> Option<String> {
        if self.tag.ends_with('/') {
            return Some(format!("<{}>", self.tag));
        }
        if self.tag.contains('/') {
            return None;
        }
        let end = format!("</{}>", self.tag);
        let (content, rest) = self.rest.split_once(&end)?;
        if content.len() >= ELEMENT_BYTES {
            return None;
        }
        self.rest = rest;
        Some(format!("<{}>{}{end}", self.tag, content.trim()))
    }

    fn end_of(&mut self, name: &str) -> Option<()> {
        match self.token()? {
            Token::Tag(tag) if tag.strip_prefix('/') == Some(name) => Some(()),
            _ => None,
        }
    }

    fn token(&mut self) -> Option<Token> {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
            if let Some(comment) = self.rest.strip_prefix("<!--") {
                self.rest = comment.split_once("-->")?.1;
                continue;
            }
            if let Some(cdata) = self.rest.strip_prefix("<![CDATA[") {
                let (text, rest) = cdata.split_once("]]>")?;
                self.rest = rest;
                return Some(Token::CData(text.trim().to_owned()));
            }
            if let Some(tag) = self.rest.strip_prefix('<') {
                let (tag, rest) = tag.split_once('>')?;
                self.rest = rest;
                return Some(Token::Tag(without_attributes(tag)));
            }
            let end = self.rest.find('<')?;
            let (text, rest) = self.rest.split_at(end);
            self.rest = rest;
            return Some(Token::Text(text.trim_end().to_owned()));
        }
    }
}

/// The name, and each slash wherever it stands.
fn without_attributes(tag: &str) -> String {
    let mut name = String::new();
    let mut in_attributes = false;
    for character in tag.chars() {
        if character.is_ascii_whitespace() {
            in_attributes = true;
        } else if character == '/' || !in_attributes {
            name.push(character);
        }
    }
    name
}

fn unescape(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::Scanner;

    #[test]
    fn an_empty_element_is_another_tag() {
        let mut scanner = Scanner::new("<file_info/><file_info></file_info>");
        assert!(scanner.next() && scanner.at("file_info/"));
        assert!(scanner.next() && scanner.at("file_info"));
        assert!(scanner.next() && scanner.at("/file_info"));
        assert!(!scanner.next());
    }

    #[test]
    fn elements_are_copied_as_text() {
        let mut scanner = Scanner::new("<a x=\"1\"> <b>c</b> </a><no_delete/>");
        assert!(scanner.next());
        assert_eq!(scanner.copy().unwrap(), "<a><b>c</b></a>");
        assert!(scanner.next());
        assert_eq!(scanner.copy().unwrap(), "<no_delete/>");
    }
}
