//! Values of init_data.xml, as a client reads and writes them.

use std::path::{Path, PathBuf};

use crate::platform::{path_bytes, path_from_bytes};
use crate::xml::Element;

impl Element {
    /// The last child of that name: BOINC's parser lets a later value win.
    pub(super) fn last(&self, name: &str) -> Option<&Element> {
        self.children.iter().rfind(|child| child.name == name)
    }

    /// The text of a child; empty if it is missing.
    pub(super) fn text_of(&self, name: &str) -> String {
        self.last(name).map(|child| child.text.clone()).unwrap_or_default()
    }

    /// The text of a child as a path, byte for byte.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.last(name).map(|child| path_from_bytes(&child.bytes)).unwrap_or_default()
    }

    /// A finite number. As in BOINC's parser, an empty element is 0 and anything else counts as missing.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        match self.last(name)?.text.as_str() {
            "" => Some(0.0),
            text => text.parse().ok().filter(|number: &f64| number.is_finite()),
        }
    }

    pub(super) fn integer(&self, name: &str) -> Option<i32> {
        match self.last(name)?.text.as_str() {
            "" => Some(0),
            text => text.parse().ok(),
        }
    }

    /// True for `<name/>` and for a number other than 0.
    pub(super) fn last_flag(&self, name: &str) -> bool {
        self.last(name).is_some_and(Element::is_set)
    }
}

/// Appends `<name>value</name>` and a line end, escaped as the client does it.
pub(super) fn push_element(out: &mut String, indent: &str, name: &str, value: &str) {
    push_bytes(out, indent, name, value.as_bytes());
}

/// Like [`push_element`], for a path whose bytes need not be UTF-8.
pub(super) fn push_path(out: &mut String, name: &str, path: &Path) {
    push_bytes(out, "", name, &path_bytes(path));
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
