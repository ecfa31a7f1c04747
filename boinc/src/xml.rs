//! XML as BOINC reads it, as a tree with the place of each element.
//!
//! A text may have several elements at the top (templates do), text between elements, and tags that are never closed: those
//! are noted, not refused. Attributes are skipped, since BOINC has none. The client writes some values escaped and others
//! raw, and escapes each byte over 127 on its own (`lib/parse.cpp`, `xml_escape`): so a value is bytes first, and becomes
//! text at the end, UTF-8 if it is that, else ISO-8859-1.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::errors::SyntaxError;
use quick_xml::events::{BytesStart, Event};

use crate::entity::as_boinc;

/// Deepest nesting that is read: the tree is dropped by recursion.
pub const MAX_DEPTH: usize = 256;

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Its tag.
    pub name: String,
    /// The text directly in it, with entities resolved and trimmed.
    pub text: String,
    /// The same, byte for byte.
    pub bytes: Vec<u8>,
    /// The bytes from `<` of the start tag to after `>` of the end tag; of the start tag alone if it is never closed.
    pub span: Range<usize>,
    /// The bytes between the tags; empty, after the tag, for `<x/>`.
    pub inner: Range<usize>,
    /// Written `<x/>`.
    pub empty_tag: bool,
    /// The elements in it, in order.
    pub children: Vec<Element>,
}

/// Something that is not XML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Byte of the text.
    pub offset: usize,
    /// What is wrong, lower case.
    pub what: String,
    /// Whether the rest of the text was not read.
    pub end: Option<End>,
}

/// Why the rest of a text was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Elements are nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// Markup does not end.
    Broken,
}

/// What a text holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Xml {
    /// The elements at the top.
    pub roots: Vec<Element>,
    /// What is not XML, in order.
    pub faults: Vec<Fault>,
}

impl Element {
    /// The first element of this name in it.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The elements of this name in it.
    pub fn children_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// A flag as BOINC reads it: there, and empty or a number other than 0 (lib/parse.cpp, `parse_bool`).
    pub fn flag(&self, name: &str) -> bool {
        self.child(name).is_some_and(Element::is_set)
    }

    /// Whether this element, as a flag, is set.
    pub fn is_set(&self) -> bool {
        self.text.is_empty() || self.text.parse::<i64>().is_ok_and(|n| n != 0)
    }

    /// Whether it has an end tag, or is written `<x/>`.
    pub fn is_closed(&self) -> bool {
        self.empty_tag || self.span.end > self.inner.start
    }

    fn find(&self, name: &str) -> Option<&Element> {
        if self.name == name && !self.empty_tag {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(name))
    }
}

impl Xml {
    /// Reads a text; whatever is in it, there is an answer.
    pub fn read(text: impl AsRef<[u8]>) -> Self {
        let mut builder = Builder { open: Vec::new(), xml: Self::default() };
        builder.read(text.as_ref());
        builder.xml
    }

    /// The first element of this name at the top.
    pub fn root(&self, name: &str) -> Option<&Element> {
        self.roots.iter().find(|root| root.name == name)
    }

    /// The first element of this name anywhere that is not written `<x/>`.
    pub fn find(&self, name: &str) -> Option<&Element> {
        self.roots.iter().find_map(|root| root.find(name))
    }
}

struct Builder {
    open: Vec<Element>,
    xml: Xml,
}

impl Builder {
    fn read(&mut self, text: &[u8]) {
        // The reader leaves a byte order mark out of its positions.
        let mut rest = text;
        while let Some(after) = rest.strip_prefix("\u{feff}".as_bytes()) {
            rest = after;
        }
        let skipped = text.len() - rest.len();
        let mut reader = Reader::from_reader(rest);
        let config = reader.config_mut();
        config.allow_dangling_amp = true;
        config.allow_unmatched_ends = true;
        config.check_end_names = false;
        loop {
            let start = skipped + position(&reader);
            match reader.read_event() {
                Ok(Event::Start(tag)) => self.start(&tag, start..skipped + position(&reader), false),
                Ok(Event::Empty(tag)) => self.start(&tag, start..skipped + position(&reader), true),
                Ok(Event::End(tag)) => {
                    self.close(&lossy(tag.name().as_ref()), start, skipped + position(&reader))
                }
                Ok(Event::Text(text)) => self.append(&text),
                Ok(Event::CData(text)) => self.append(&text),
                Ok(Event::GeneralRef(reference)) => match as_boinc(&reference) {
                    Some(byte) => self.append(&[byte]),
                    None => self.append(&[b"&", &*reference, b";"].concat()),
                },
                Ok(Event::Eof) => break,
                Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_)) => {}
                Err(error) => {
                    self.fault(start, explain(&error), Some(End::Broken));
                    break;
                }
            }
            if self.xml.faults.last().is_some_and(|fault| fault.end.is_some()) {
                break;
            }
        }
        while let Some(element) = self.open.pop() {
            self.never_closed(element);
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        if let Some(element) = self.open.last_mut() {
            element.bytes.extend_from_slice(bytes);
        }
    }

    fn start(&mut self, tag: &BytesStart<'_>, span: Range<usize>, empty_tag: bool) {
        let name = lossy(tag.name().as_ref());
        if name.is_empty() {
            self.fault(span.start, "\"<\" without a tag's name; write &lt;".to_owned(), None);
            return;
        }
        if self.open.len() >= MAX_DEPTH {
            let what =
                format!("<{name}> is nested more than {MAX_DEPTH} deep; the rest of the file is not read");
            self.fault(span.start, what, Some(End::TooDeep));
            return;
        }
        let inner = span.end..span.end;
        let element = Element { name, span, inner, empty_tag, ..Element::default() };
        if empty_tag { self.put(element) } else { self.open.push(element) }
    }

    /// Closes `name` and all that was left open inside it; an end without a start is skipped.
    fn close(&mut self, name: &str, start: usize, end: usize) {
        let Some(depth) = self.open.iter().rposition(|element| element.name == name) else {
            self.fault(start, format!("</{name}> closes nothing"), None);
            return;
        };
        while self.open.len() > depth + 1 {
            let Some(element) = self.open.pop() else { break };
            self.never_closed(element);
        }
        if let Some(mut element) = self.open.pop() {
            element.span.end = end;
            element.inner.end = start;
            self.put(element);
        }
    }

    fn never_closed(&mut self, element: Element) {
        self.fault(element.span.start, format!("<{}> is never closed", element.name), None);
        self.put(element);
    }

    fn put(&mut self, mut element: Element) {
        element.bytes = element.bytes.trim_ascii().to_vec();
        element.text = match std::str::from_utf8(&element.bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => element.bytes.iter().map(|byte| char::from(*byte)).collect(),
        };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.xml.roots.push(element),
        }
    }

    fn fault(&mut self, offset: usize, what: String, end: Option<End>) {
        self.xml.faults.push(Fault { offset, what, end });
    }
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

fn explain(error: &quick_xml::Error) -> String {
    let what = match error {
        quick_xml::Error::Syntax(SyntaxError::UnclosedComment) => "a comment that does not end",
        quick_xml::Error::Syntax(SyntaxError::UnclosedCData) => "a CDATA section that does not end",
        quick_xml::Error::Syntax(
            SyntaxError::UnclosedPI | SyntaxError::UnclosedXmlDecl | SyntaxError::UnclosedDoctype,
        ) => "a declaration that does not end",
        quick_xml::Error::Syntax(SyntaxError::InvalidBangMarkup) => {
            "\"<!\" that starts no comment; write &lt;!"
        }
        quick_xml::Error::Syntax(_) => "a tag that does not end",
        other => return other.to_string(),
    };
    what.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deeply_nested_file_is_read_to_a_bound() {
        let xml = Xml::read("<a>".repeat(1_000_000));
        assert!(xml.faults.iter().any(|fault| fault.what.contains("nested more than 256 deep")));
        assert_eq!(xml.roots.len(), 1);
    }

    #[test]
    fn elements_have_their_text_and_their_place() {
        let text = "<?xml version=\"1.0\"?>\n<boinc><!-- <host>old</host> -->\n  <host> a&amp;b&#33; </host><x/></boinc>";
        let xml = Xml::read(text);
        let boinc = xml.root("boinc").unwrap();
        let host = boinc.child("host").unwrap();
        assert_eq!((host.text.as_str(), &text[host.inner.clone()]), ("a&b!", " a&amp;b&#33; "));
        assert_eq!(&text[host.span.clone()], "<host> a&amp;b&#33; </host>");
        assert!(boinc.child("x").unwrap().empty_tag && boinc.flag("x") && !boinc.flag("y"));
        assert_eq!(xml.faults, []);
    }

    #[test]
    fn several_elements_may_stand_at_the_top() {
        assert_eq!(Xml::read("\u{feff}<a></a>").roots[0].span, 3..10);
        let xml = Xml::read("<file_info></file_info>\n<workunit><a>1</a></workunit>");
        assert_eq!(xml.roots.len(), 2);
        assert_eq!(xml.root("workunit").unwrap().child("a").unwrap().text, "1");
    }

    #[test]
    fn what_is_no_xml_is_noted_and_read_all_the_same() {
        let text = "<a><v>1<v><b>2</b></a></c><d";
        let xml = Xml::read(text);
        let what: Vec<&str> = xml.faults.iter().map(|fault| fault.what.as_str()).collect();
        assert_eq!(
            what,
            ["<v> is never closed", "<v> is never closed", "</c> closes nothing", "a tag that does not end"]
        );
        assert_eq!(xml.roots[0].name, "a");
    }

    #[test]
    fn a_text_has_its_bytes_where_they_are_not_utf_8() {
        let xml = Xml::read(b"<a>\xff&#195;&#164;&lt;</a><b>&#195;&#164;</b>");
        assert_eq!(
            (xml.roots[0].text.as_str(), xml.roots[0].bytes.as_slice()),
            ("\u{ff}\u{c3}\u{a4}<", &b"\xff\xc3\xa4<"[..])
        );
        assert_eq!(xml.roots[1].text, "ä");
    }

    #[test]
    fn any_text_has_an_answer() {
        for text in [
            "",
            "<",
            "<>",
            "</",
            "</>",
            "<!--",
            "<![CDATA[",
            "<a",
            "&",
            "<a>&x",
            "é<é>é</é>",
            "<a/ >",
            "<!-->",
            "<//>",
        ] {
            Xml::read(text);
        }
        proptest::proptest!(|(text in "[<>/a&;!\\[\\]?é -]{0,40}")| { Xml::read(text); });
    }
}
