//! A parser as strict as libxml2, with its words for what is wrong.

use super::element::{Element, Node};

/// One complaint of libxml2, in the three lines that PHP makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// "Entity: line 1: parser error : …".
    pub(crate) message: String,
    /// Up to 80 characters of the line before the place.
    pub(crate) context: String,
    /// A caret under the place.
    pub(crate) caret: String,
}

/// libxml2's limit without `XML_PARSE_HUGE`.
const MAX_DEPTH: usize = 256;

/// Reads a document. The faults are never empty.
pub(crate) fn parse(text: &str) -> Result<Element, Vec<Fault>> {
    let mut parser = Parser { text, at: 0, faults: Vec::new(), stack: Vec::new(), broken: false };
    let root = parser.document();
    match root {
        Some(root) if parser.faults.is_empty() => Ok(root),
        _ => {
            if parser.faults.is_empty() {
                parser.fault("Document is empty");
            }
            Err(parser.faults)
        }
    }
}

/// An element that is not closed yet, and where its tag begins.
struct Open {
    element: Element,
    start: usize,
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    faults: Vec<Fault>,
    stack: Vec<Open>,
    /// A fault after which libxml2 reads no further.
    broken: bool,
}

impl<'a> Parser<'a> {
    fn document(&mut self) -> Option<Element> {
        if let Some(rest) = self.text.strip_prefix("<?xml") {
            match rest.find("?>") {
                Some(end) if rest.starts_with([' ', '\t', '\n', '\r']) => self.at = "<?xml".len() + end + 2,
                _ => {
                    self.fatal("Blank needed here");
                    return None;
                }
            }
        }
        self.skip_misc();
        if self.rest().starts_with("<?xml") {
            self.at += "<?xml".len();
            self.fatal("XML declaration allowed only at the start of the document");
            return None;
        }
        if let Some(end) = self.rest().strip_prefix("<!DOCTYPE").and_then(|rest| rest.find('>')) {
            // Without an internal subset; nobody sends one, and entities are not resolved.
            self.at += "<!DOCTYPE".len() + end + 1;
            self.skip_misc();
        }
        if !self.rest().starts_with('<') {
            self.fatal(if self.rest().is_empty() && self.at == 0 {
                "Document is empty"
            } else {
                "Start tag expected, '<' not found"
            });
            return None;
        }
        let root = self.content();
        if root.is_some() && !self.broken {
            self.skip_misc();
            if !self.rest().is_empty() {
                self.fatal("Extra content at the end of the document");
            }
        }
        root
    }

    /// White space, comments and instructions outside the root.
    fn skip_misc(&mut self) {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
            self.at += blank;
            let rest = self.rest();
            let end = if rest.starts_with("<?xml") {
                None
            } else if rest.starts_with("<!--") {
                rest.find("-->").map(|end| end + 3)
            } else if rest.starts_with("<?") {
                rest.find("?>").map(|end| end + 2)
            } else {
                None
            };
            match end {
                Some(end) => self.at += end,
                None => return,
            }
        }
    }

    /// The root element and all in it.
    fn content(&mut self) -> Option<Element> {
        loop {
            if self.broken {
                return None;
            }
            let rest = self.rest();
            if rest.is_empty() {
                let (name, start) = self.stack.last().map(|open| (open.element.name.clone(), open.start))?;
                let line = self.line_of(start);
                self.fault(&format!("Premature end of data in tag {name} line {line}"));
                return None;
            }
            if let Some(after) = rest.strip_prefix("</") {
                if let Some(root) = self.end_tag(after) {
                    return Some(root);
                }
            } else if rest.starts_with("<!--") {
                match rest.find("-->") {
                    Some(end) => {
                        self.push(Node::Comment(rest[4..end.max(4)].to_owned()));
                        self.at += end + 3;
                    }
                    None => self.unfinished("Comment not terminated"),
                }
            } else if rest.starts_with("<![CDATA[") {
                match rest.find("]]>") {
                    Some(end) => {
                        self.push(Node::CData(newlines(&rest[9..end])));
                        self.at += end + 3;
                    }
                    None => self.unfinished("CData section not finished"),
                }
            } else if rest.starts_with("<?") {
                match rest.find("?>") {
                    Some(end) => {
                        self.push(Node::Instruction(rest[2..end].to_owned()));
                        self.at += end + 2;
                    }
                    None => self.unfinished("ParsePI: PI never end ..."),
                }
            } else if rest.starts_with('<') {
                if let Some(root) = self.start_tag() {
                    return Some(root);
                }
            } else {
                self.characters();
            }
        }
    }

    fn start_tag(&mut self) -> Option<Element> {
        let start = self.at;
        self.at += 1;
        let name = self.name();
        if name.is_empty() {
            self.fatal("StartTag: invalid element name");
            return None;
        }
        let mut element = Element { name: name.to_owned(), ..Element::default() };
        loop {
            let blank = self.blanks();
            let rest = self.rest();
            if rest.starts_with("/>") {
                self.at += 2;
                return self.close(element);
            }
            if rest.starts_with('>') {
                self.at += 1;
                if self.stack.len() >= MAX_DEPTH {
                    self.fatal("Excessive depth in document: 256 use XML_PARSE_HUGE option");
                    return None;
                }
                self.stack.push(Open { element, start });
                return None;
            }
            if rest.is_empty() || !blank {
                let line = self.line_of(start);
                self.fatal(&format!("Couldn't find end of Start Tag {} line {line}", element.name));
                return None;
            }
            let attribute = self.attribute(&element)?;
            element.attributes.push(attribute);
        }
    }

    fn attribute(&mut self, element: &Element) -> Option<(String, String)> {
        let name = self.name().to_owned();
        if name.is_empty() {
            let line = self.line_of(self.at);
            self.fatal(&format!("Couldn't find end of Start Tag {} line {line}", element.name));
            return None;
        }
        self.blanks();
        if !self.rest().starts_with('=') {
            self.fatal(&format!("Specification mandates value for attribute {name}"));
            return None;
        }
        self.at += 1;
        self.blanks();
        let rest = self.rest();
        let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''));
        let Some(quote) = quote else {
            self.fatal("AttValue: \" or ' expected");
            return None;
        };
        let Some(end) = rest[1..].find(quote) else {
            self.fatal("AttValue: ' expected");
            return None;
        };
        let raw = &rest[1..=end];
        if raw.contains('<') {
            self.fatal("Unescaped '<' not allowed in attributes values");
            return None;
        }
        if element.attributes.iter().any(|(other, _)| *other == name) {
            self.fatal(&format!("Attribute {name} redefined"));
            return None;
        }
        let value = self.unescape(raw)?.replace(['\n', '\t'], " ");
        self.at += end + 2;
        Some((name, value))
    }

    /// A closing tag; `after` is what follows `</`. The root is given back when it ends.
    fn end_tag(&mut self, after: &str) -> Option<Element> {
        let length = name_length(after);
        let name = after[..length].to_owned();
        self.at += 2 + length;
        self.blanks();
        if self.rest().starts_with('>') {
            self.at += 1;
        } else {
            self.fatal("expected '>'");
            return None;
        }
        let open = self.stack.pop()?;
        if open.element.name != name {
            // libxml2 takes the element for closed and goes on.
            let line = self.line_of(open.start);
            self.fault(&format!(
                "Opening and ending tag mismatch: {} line {line} and {name}",
                open.element.name
            ));
        }
        self.close(open.element)
    }

    fn close(&mut self, element: Element) -> Option<Element> {
        match self.stack.last_mut() {
            None => Some(element),
            Some(parent) => {
                parent.element.children.push(Node::Element(element));
                None
            }
        }
    }

    fn characters(&mut self) {
        let rest = self.rest();
        let end = rest.find('<').unwrap_or(rest.len());
        let raw = &rest[..end];
        if raw.contains("]]>") {
            self.fatal("Sequence ']]>' not allowed in content");
            return;
        }
        let Some(text) = self.unescape(raw) else { return };
        self.at += end;
        if !text.is_empty() {
            self.push(Node::Text(text));
        }
    }

    /// Resolves entities and line ends of `raw`, which begins at the current place.
    fn unescape(&mut self, raw: &str) -> Option<String> {
        if let Some(bad) = raw.find(|c: char| c < ' ' && !matches!(c, '\n' | '\r' | '\t')) {
            self.at += bad;
            let value = u32::from(raw.as_bytes()[bad]);
            self.fatal(&format!("PCDATA invalid Char value {value}"));
            return None;
        }
        if !raw.contains('&') {
            return Some(newlines(raw));
        }
        let mut text = String::with_capacity(raw.len());
        let mut rest = raw;
        while let Some(ampersand) = rest.find('&') {
            text.push_str(&newlines(&rest[..ampersand]));
            let after = &rest[ampersand + 1..];
            let here = self.at + raw.len() - rest.len() + ampersand + 1;
            match entity(after) {
                Ok((character, length)) => {
                    text.push(character);
                    rest = &after[length..];
                }
                Err((message, offset)) => {
                    self.at = here + offset;
                    self.fatal(&message);
                    return None;
                }
            }
        }
        text.push_str(&newlines(rest));
        Some(text)
    }

    fn push(&mut self, node: Node) {
        if let Some(open) = self.stack.last_mut() {
            open.element.children.push(node);
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn name(&mut self) -> &'a str {
        let rest = self.rest();
        let length = name_length(rest);
        self.at += length;
        &rest[..length]
    }

    fn blanks(&mut self) -> bool {
        let rest = self.rest();
        let count = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
        self.at += count;
        count > 0
    }

    fn line_of(&self, at: usize) -> usize {
        1 + self.text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count()
    }

    fn fatal(&mut self, message: &str) {
        self.broken = true;
        self.fault(message);
        if self.stack.is_empty() && message.starts_with("StartTag:") && !self.rest().is_empty() {
            self.fault("Extra content at the end of the document");
        }
    }

    /// A fault that has read on to the end, where the elements that are open are missed.
    fn unfinished(&mut self, message: &str) {
        self.at = self.text.len();
        self.fault(message);
    }

    /// Notes a fault at the current place, with its context as xmlParserPrintFileContext shows it.
    fn fault(&mut self, message: &str) {
        let bytes = self.text.as_bytes();
        let mut start = self.at.min(bytes.len());
        let mut count = 0;
        while start > 0 && count < 80 && !matches!(bytes[start - 1], b'\n' | b'\r') {
            start -= 1;
            count += 1;
        }
        let shown: Vec<u8> = bytes[start..]
            .iter()
            .copied()
            .take_while(|byte| !matches!(byte, b'\n' | b'\r'))
            .take(80)
            .collect();
        let caret: String = bytes[start..self.at.min(bytes.len())]
            .iter()
            // The caret and the line's end share libxml2's buffer with the blanks.
            .take(79)
            .map(|byte| if *byte == b'\t' { '\t' } else { ' ' })
            .chain(std::iter::once('^'))
            .collect();
        self.faults.push(Fault {
            message: format!("Entity: line {}: parser error : {message}", self.line_of(self.at)),
            context: String::from_utf8_lossy(&shown).into_owned(),
            caret,
        });
    }
}

/// A named or numbered character after `&`, and how many bytes it takes.
fn entity(after: &str) -> Result<(char, usize), (String, usize)> {
    if let Some(number) = after.strip_prefix('#') {
        let end = number.find(';').ok_or_else(|| ("xmlParseCharRef: invalid decimal value".to_owned(), 1))?;
        let digits = &number[..end];
        let value = match digits.strip_prefix('x') {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => digits.parse(),
        };
        let character = value.ok().and_then(char::from_u32).filter(|c| *c >= ' ' || "\n\r\t".contains(*c));
        return match character {
            Some(character) => Ok((character, end + 2)),
            None => Err((format!("xmlParseCharRef: invalid xmlChar value {digits}"), end + 2)),
        };
    }
    let length = name_length(after);
    let name = &after[..length];
    if length == 0 {
        return Err(("xmlParseEntityRef: no name".to_owned(), 0));
    }
    if !after[length..].starts_with(';') {
        return Err(("EntityRef: expecting ';'".to_owned(), length));
    }
    let character = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => return Err((format!("Entity '{name}' not defined"), length + 1)),
    };
    Ok((character, length + 1))
}

fn name_length(text: &str) -> usize {
    let mut length = 0;
    for character in text.chars() {
        let first = character.is_alphabetic() || matches!(character, '_' | ':');
        let later = first || character.is_numeric() || matches!(character, '-' | '.' | '\u{b7}');
        if !(if length == 0 { first } else { later }) {
            break;
        }
        length += character.len_utf8();
    }
    length
}

/// XML's rule for line ends: each is one newline.
fn newlines(text: &str) -> String {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn an_element_without_content_is_false() {
        assert!(!parse("<ping></ping>").unwrap().truthy());
        assert!(!parse("<ping/>").unwrap().truthy());
        assert!(parse("<ping><x/></ping>").unwrap().truthy());
        assert!(parse("<ping>x</ping>").unwrap().truthy());
    }

    #[test]
    fn what_is_written_is_what_libxml_writes() {
        let root = parse("<a><t x='1'><f></f>a &amp;&lt; \"b\" <!-- c --><![CDATA[<d>]]></t></a>").unwrap();
        let written = root.first("t").unwrap().as_xml();
        assert_eq!(written, "<t x=\"1\"><f/>a &amp;&lt; \"b\" <!-- c --><![CDATA[<d>]]></t>");
    }

    #[test]
    fn faults_are_told_in_libxmls_words() {
        let messages = |text: &str| -> Vec<String> {
            parse(text).unwrap_err().into_iter().map(|fault| fault.message).collect()
        };
        assert_eq!(
            messages("<a>\n<b>x</a>"),
            [
                "Entity: line 2: parser error : Opening and ending tag mismatch: b line 2 and a",
                "Entity: line 2: parser error : Premature end of data in tag a line 1",
            ]
        );
        assert_eq!(messages("hello"), ["Entity: line 1: parser error : Start tag expected, '<' not found"]);
        assert_eq!(messages("<a>&nbsp;</a>"), ["Entity: line 1: parser error : Entity 'nbsp' not defined"]);
        assert_eq!(
            messages("<a/>x"),
            ["Entity: line 1: parser error : Extra content at the end of the document"]
        );
        let declaration = "\n<?xml version=\"1.0\"?><a/>";
        assert_eq!(
            messages(declaration),
            ["Entity: line 2: parser error : XML declaration allowed only at the start of the document"]
        );
        assert_eq!(
            messages("<a><!-- x</a>"),
            [
                "Entity: line 1: parser error : Comment not terminated",
                "Entity: line 1: parser error : Premature end of data in tag a line 1",
            ]
        );
        assert!(parse("<!DOCTYPE a><a>x</a>").is_ok());
        assert_eq!(messages("<a>x & y</a>"), ["Entity: line 1: parser error : xmlParseEntityRef: no name"]);
    }
}
