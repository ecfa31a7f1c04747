//! An element, and the questions that BOINC's scripts ask of it.

/// One element with all that is in it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Node>,
}

/// What an element can hold. Processing instructions are kept as their raw text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Element(Element),
    Text(String),
    CData(String),
    Comment(String),
    Instruction(String),
}

impl Element {
    /// The first child of this name: `$x->name`.
    pub(crate) fn first(&self, name: &str) -> Option<&Self> {
        self.elements().find(|element| element.name == name)
    }

    /// The children of this name, in order.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.elements().filter(move |element| element.name == name)
    }

    fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|child| match child {
            Node::Element(element) => Some(element),
            _ => None,
        })
    }

    /// `(string)$x`: the text directly in the element.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for child in &self.children {
            if let Node::Text(part) | Node::CData(part) = child {
                text.push_str(part);
            }
        }
        text
    }

    /// `(string)$x->name`: empty if there is none.
    pub(crate) fn text_of(&self, name: &str) -> String {
        self.first(name).map(Self::text).unwrap_or_default()
    }

    /// Whether `if ($x)` holds: an element without attributes, elements and text is false.
    pub(crate) fn truthy(&self) -> bool {
        if !self.attributes.is_empty() {
            return true;
        }
        match self.children.as_slice() {
            [Node::Text(text)] => !text.is_empty(),
            children => children.iter().any(|child| !matches!(child, Node::Text(_))),
        }
    }

    /// `empty($x->name)`: there is none, it is empty, or its text is "0".
    pub(crate) fn is_empty_child(&self, name: &str) -> bool {
        match self.first(name) {
            None => true,
            Some(child) => match child.children.first() {
                None => true,
                Some(Node::Text(text)) => text.is_empty() || text == "0",
                Some(_) => false,
            },
        }
    }

    /// `$x->asXML()` of an element that is not the root: libxml's form, no declaration.
    pub(crate) fn as_xml(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        out.push('<');
        out.push_str(&self.name);
        for (name, value) in &self.attributes {
            out.push(' ');
            out.push_str(name);
            out.push_str("=\"");
            escape_into(value, true, out);
            out.push('"');
        }
        if self.children.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        for child in &self.children {
            match child {
                Node::Element(element) => element.write(out),
                Node::Text(text) => escape_into(text, false, out),
                Node::CData(text) => {
                    out.push_str("<![CDATA[");
                    out.push_str(text);
                    out.push_str("]]>");
                }
                Node::Comment(text) => {
                    out.push_str("<!--");
                    out.push_str(text);
                    out.push_str("-->");
                }
                Node::Instruction(text) => {
                    out.push_str("<?");
                    out.push_str(text);
                    out.push_str("?>");
                }
            }
        }
        out.push_str("</");
        out.push_str(&self.name);
        out.push('>');
    }
}

fn escape_into(text: &str, attribute: bool, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#13;"),
            '"' if attribute => out.push_str("&quot;"),
            '\n' if attribute => out.push_str("&#10;"),
            '\t' if attribute => out.push_str("&#9;"),
            other => out.push(other),
        }
    }
}
