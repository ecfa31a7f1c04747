//! A small tree of init_data.xml, read with the tolerance of BOINC's own parser.
//!
//! The client writes some values escaped and others raw (`lib/app_ipc.cpp`, `write_init_data_file`), and
//! escapes each byte over 127 on its own (`lib/parse.cpp`, `xml_escape`). So values are bytes here, and
//! become text at the end: UTF-8 if they are that, else ISO-8859-1.

use quick_xml::Reader;
use quick_xml::events::Event;
use std::ffi::OsString;
use std::path::PathBuf;

/// Deepest nesting that is read. A client writes five levels; the tree is dropped by recursion, so its depth has a bound.
pub(super) const MAX_DEPTH: usize = 256;

/// An element with its own text (white space at both ends removed) and its child elements.
#[derive(Debug, Default)]
pub(super) struct Element {
    name: String,
    text: Vec<u8>,
    children: Vec<Element>,
}

/// Why there is no tree: not one of these is a file that a client has finished writing.
#[derive(Debug)]
pub(super) enum XmlFault {
    NoStart,
    NoEnd,
    TooDeep,
    Syntax(quick_xml::Error),
}

/// Reads the first element called `root`; whatever stands before and after it is ignored.
pub(super) fn read(bytes: &[u8], root: &str) -> Result<Element, XmlFault> {
    let mut reader = Reader::from_reader(bytes);
    let config = reader.config_mut();
    config.allow_dangling_amp = true;
    config.allow_unmatched_ends = true;
    config.check_end_names = false;
    let mut open: Vec<Element> = Vec::new();
    loop {
        match reader.read_event().map_err(XmlFault::Syntax)? {
            Event::Start(tag) => {
                let name = name_of(tag.name().as_ref());
                if open.len() >= MAX_DEPTH {
                    return Err(XmlFault::TooDeep);
                }
                if !open.is_empty() || name == root {
                    open.push(Element { name, ..Element::default() });
                }
            }
            Event::Empty(tag) => {
                if let Some(parent) = open.last_mut() {
                    let name = name_of(tag.name().as_ref());
                    parent.children.push(Element { name, ..Element::default() });
                }
            }
            Event::End(tag) => {
                if let Some(tree) = close(&mut open, &name_of(tag.name().as_ref())) {
                    return Ok(tree);
                }
            }
            Event::Text(text) => append(&mut open, &text),
            Event::CData(text) => append(&mut open, &text),
            Event::GeneralRef(reference) => append(&mut open, &resolve(&reference)),
            Event::Eof => return Err(if open.is_empty() { XmlFault::NoStart } else { XmlFault::NoEnd }),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

fn name_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn append(open: &mut [Element], bytes: &[u8]) {
    if let Some(element) = open.last_mut() {
        element.text.extend_from_slice(bytes);
    }
}

/// Closes `name` and all that was left open inside it; an end without a start is skipped. Returns the
/// tree once the outermost element is closed.
fn close(open: &mut Vec<Element>, name: &str) -> Option<Element> {
    let depth = open.iter().rposition(|element| element.name == name)?;
    loop {
        let element = open.pop()?;
        match open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => return Some(element),
        }
        if open.len() == depth {
            return None;
        }
    }
}

/// What an entity stands for; one that BOINC's parser does not know stays as it is.
fn resolve(reference: &[u8]) -> Vec<u8> {
    let byte = match reference {
        b"lt" => Some(b'<'),
        b"gt" => Some(b'>'),
        b"quot" => Some(b'"'),
        b"apos" => Some(b'\''),
        b"amp" => Some(b'&'),
        b"#xD" | b"#xd" => Some(b'\r'),
        b"#xA" | b"#xa" => Some(b'\n'),
        other => other
            .strip_prefix(b"#")
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| digits.parse().ok()),
    };
    match byte {
        Some(byte) => vec![byte],
        None => [b"&", reference, b";"].concat(),
    }
}

impl Element {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn children(&self) -> &[Element] {
        &self.children
    }

    /// The last child of that name: BOINC's parser lets a later value win.
    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().rfind(|child| child.name == name)
    }

    pub(super) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    pub(super) fn own_text(&self) -> String {
        let bytes = self.text.trim_ascii();
        match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
        }
    }

    /// The text of a child; empty if it is missing.
    pub(super) fn text(&self, name: &str) -> String {
        self.child(name).map(Element::own_text).unwrap_or_default()
    }

    /// The text of a child as a path, byte for byte.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.child(name).map(|child| path_from(child.text.trim_ascii())).unwrap_or_default()
    }

    /// A finite number. As in BOINC's parser, an empty element is 0 and anything else counts as missing.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        match self.text_if_present(name)?.as_str() {
            "" => Some(0.0),
            text => text.parse().ok().filter(|number: &f64| number.is_finite()),
        }
    }

    pub(super) fn integer(&self, name: &str) -> Option<i32> {
        match self.text_if_present(name)?.as_str() {
            "" => Some(0),
            text => text.parse().ok(),
        }
    }

    /// True for `<name/>` and for a number other than 0.
    pub(super) fn flag(&self, name: &str) -> bool {
        match self.text_if_present(name).as_deref() {
            None => false,
            Some("") => true,
            Some(text) => text.parse::<i64>().is_ok_and(|number| number != 0),
        }
    }

    fn text_if_present(&self, name: &str) -> Option<String> {
        self.child(name).map(Element::own_text)
    }
}

#[cfg(unix)]
fn path_from(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

#[cfg(not(unix))]
fn path_from(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from(String::from_utf8_lossy(bytes).into_owned()))
}

/// Appends `<name>value</name>` and a line end, escaped as the client does it.
pub(super) fn push_element(out: &mut String, indent: &str, name: &str, value: &str) {
    push_bytes(out, indent, name, value.as_bytes());
}

/// Like [`push_element`], for a path whose bytes need not be UTF-8.
#[cfg(unix)]
pub(super) fn push_path(out: &mut String, name: &str, path: &std::path::Path) {
    use std::os::unix::ffi::OsStrExt;
    push_bytes(out, "", name, path.as_os_str().as_bytes());
}

#[cfg(not(unix))]
pub(super) fn push_path(out: &mut String, name: &str, path: &std::path::Path) {
    push_element(out, "", name, &path.to_string_lossy());
}

fn push_bytes(out: &mut String, indent: &str, name: &str, bytes: &[u8]) {
    out.push_str(&format!("{indent}<{name}>"));
    for byte in bytes {
        match byte {
            b'<' => out.push_str("&lt;"),
            b'&' => out.push_str("&amp;"),
            b'\t' | b'\n' | b'\r' | 128.. => out.push_str(&format!("&#{byte};")),
            // Other control characters are dropped, as the client drops them.
            0..32 => {}
            byte => out.push(char::from(*byte)),
        }
    }
    out.push_str(&format!("</{name}>\n"));
}
