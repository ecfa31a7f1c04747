//! A project's XML files, read as forgivingly as BOINC reads them, with the place of each element.
//!
//! A file may have several elements at the top (templates do), text between elements, and tags that are never closed: those
//! are noted, not refused. Attributes are skipped, since BOINC has none. Source: lib/parse.cpp.

use std::ops::Range;

/// Deepest nesting that is read: the tree is dropped by recursion.
const MAX_DEPTH: usize = 256;

/// An element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// Its tag.
    pub name: String,
    /// The text directly in it, with entities resolved and trimmed.
    pub text: String,
    /// The bytes from `<` of the start tag to after `>` of the end tag.
    pub span: Range<usize>,
    /// The bytes between the tags; empty, after the tag, for `<x/>`.
    pub inner: Range<usize>,
    /// Written `<x/>`.
    pub empty_tag: bool,
    /// The elements in it, in order.
    pub children: Vec<Element>,
}

/// Something that is no XML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Byte of the text.
    pub offset: usize,
    /// What is wrong, lower case.
    pub what: String,
}

/// What a text holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Xml {
    /// The elements at the top.
    pub roots: Vec<Element>,
    /// What is no XML, in order.
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
        self.child(name)
            .is_some_and(|flag| flag.text.is_empty() || flag.text.parse::<i64>().is_ok_and(|n| n != 0))
    }
}

impl Xml {
    /// Reads a text; whatever is in it, there is an answer.
    pub fn read(text: &str) -> Self {
        let mut reader = Reader { text, at: 0, open: Vec::new(), xml: Self::default() };
        reader.read();
        reader.xml
    }

    /// The first element of this name at the top.
    pub fn root(&self, name: &str) -> Option<&Element> {
        self.roots.iter().find(|root| root.name == name)
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    open: Vec<Element>,
    xml: Xml,
}

impl Reader<'_> {
    fn read(&mut self) {
        while let Some(found) = self.text[self.at..].find('<') {
            let start = self.at + found;
            self.take_text(start);
            let rest = &self.text[start..];
            if let Some(end) = rest.strip_prefix("<!--").map(|body| body.find("-->").map(|end| end + 7)) {
                self.skip(start, end, "a comment that does not end");
            } else if let Some(body) = rest.strip_prefix("<![CDATA[") {
                let end = body.find("]]>");
                if let (Some(element), Some(end)) = (self.open.last_mut(), end) {
                    element.text.push_str(&body[..end]);
                }
                self.skip(start, end.map(|end| end + 12), "a CDATA section that does not end");
            } else if rest.starts_with("<?") || rest.starts_with("<!") {
                self.skip(start, rest.find('>').map(|end| end + 1), "a declaration that does not end");
            } else {
                self.tag(start);
            }
        }
        self.take_text(self.text.len());
        while let Some(element) = self.open.pop() {
            self.fault(element.span.start, format!("<{}> is never closed", element.name));
            self.put(element);
        }
    }

    /// The text from here to `end` belongs to the innermost open element.
    fn take_text(&mut self, end: usize) {
        if let Some(element) = self.open.last_mut() {
            element.text.push_str(&unescape(&self.text[self.at..end]));
        }
        self.at = end;
    }

    fn skip(&mut self, start: usize, length: Option<usize>, what: &str) {
        if length.is_none() {
            self.fault(start, what.to_owned());
        }
        self.at = length.map_or(self.text.len(), |length| start + length);
    }

    fn tag(&mut self, start: usize) {
        let Some(length) = self.text[start..].find('>') else {
            self.fault(start, "a tag that does not end".to_owned());
            self.at = self.text.len();
            return;
        };
        let end = start + length + 1;
        let body = &self.text[start + 1..end - 1];
        self.at = end;
        if let Some(name) = body.strip_prefix('/') {
            self.close(name.trim(), start, end);
            return;
        }
        let (body, empty_tag) = body.strip_suffix('/').map_or((body, false), |body| (body, true));
        let name = body.split_whitespace().next().unwrap_or_default().to_owned();
        if name.is_empty() {
            self.fault(start, "\"<\" without a tag's name; write &lt;".to_owned());
            return;
        }
        if self.open.len() >= MAX_DEPTH {
            self.fault(
                start,
                format!("<{name}> is nested more than {MAX_DEPTH} deep; the rest of the file is not read"),
            );
            self.at = self.text.len();
            return;
        }
        let (span, inner) = (start..end, end..end);
        let element = Element { name, text: String::new(), span, inner, empty_tag, children: Vec::new() };
        if empty_tag { self.put(element) } else { self.open.push(element) }
    }

    fn close(&mut self, name: &str, start: usize, end: usize) {
        let Some(depth) = self.open.iter().rposition(|element| element.name == name) else {
            self.fault(start, format!("</{name}> closes nothing"));
            return;
        };
        while self.open.len() > depth + 1 {
            let Some(element) = self.open.pop() else { break };
            self.fault(element.span.start, format!("<{}> is never closed", element.name));
            self.put(element);
        }
        if let Some(mut element) = self.open.pop() {
            element.span.end = end;
            element.inner.end = start;
            self.put(element);
        }
    }

    fn put(&mut self, mut element: Element) {
        element.text = element.text.trim().to_owned();
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.xml.roots.push(element),
        }
    }

    fn fault(&mut self, offset: usize, what: String) {
        self.xml.faults.push(Fault { offset, what });
    }
}

/// The entities that BOINC knows: five by name, and decimal codes.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = rest.find(';').map(|end| &rest[1..end]);
        let meant = entity.and_then(|entity| match entity {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            code => char::from_u32(code.strip_prefix('#')?.parse().ok()?),
        });
        match (meant, entity) {
            (Some(c), Some(entity)) => {
                plain.push(c);
                rest = &rest[entity.len() + 2..];
            }
            _ => {
                plain.push('&');
                rest = &rest[1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deeply_nested_file_is_read_to_a_bound() {
        let xml = Xml::read(&"<a>".repeat(1_000_000));
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
        proptest::proptest!(|(text in "[<>/a&;!\\[\\]?é -]{0,40}")| { Xml::read(&text); });
    }
}
