//! XML as SimpleXML gives it to BOINC's scripts, and the questions that they ask of it.

use std::ops::Range;
use std::sync::Arc;

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use crate::php;

/// One element with all that is in it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Element {
    pub(crate) name: String,
    has_attributes: bool,
    /// The text directly in the element.
    text: String,
    children: Vec<Element>,
    source: Arc<str>,
    /// From `<` of its start tag to after `>` of its end tag.
    span: Range<usize>,
}

/// Reads a document; nothing if it is not well-formed.
pub(crate) fn parse(text: &str) -> Option<Element> {
    let source: Arc<str> = text.into();
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let (mut open, mut root): (Vec<Element>, Option<Element>) = (Vec::new(), None);
    loop {
        let start = reader.buffer_position() as usize;
        let event = reader.read_event().ok()?;
        let end = reader.buffer_position() as usize;
        match event {
            Event::Start(_) if root.is_some() => return None,
            Event::Start(tag) => open.push(opened(&tag, &source, start..end)?),
            Event::End(_) => {
                let mut element = open.pop()?;
                element.span.end = end;
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None => root = Some(element),
                }
            }
            Event::Text(text) => append(&mut open, &text.decode().ok()?)?,
            Event::CData(text) => append(&mut open, &text.decode().ok()?)?,
            Event::GeneralRef(reference) => append(&mut open, &resolved(&reference)?)?,
            Event::Eof if open.is_empty() => return root,
            Event::Eof => return None,
            // A declaration further down is an error to libxml2.
            Event::Decl(_) if start > 0 => return None,
            _ => {}
        }
    }
}

fn opened(tag: &BytesStart<'_>, source: &Arc<str>, span: Range<usize>) -> Option<Element> {
    let name = std::str::from_utf8(tag.name().into_inner()).ok()?.to_owned();
    let attributes: Vec<_> = tag.attributes().collect::<Result<_, _>>().ok()?;
    let has_attributes = !attributes.is_empty();
    let named = name.starts_with(|first: char| first.is_alphabetic() || first == '_');
    named.then(|| Element { name, has_attributes, source: Arc::clone(source), span, ..Element::default() })
}

/// Adds to the innermost element; outside the root there may be white space alone.
fn append(open: &mut [Element], text: &str) -> Option<()> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None => return text.trim().is_empty().then_some(()),
    }
    Some(())
}

fn resolved(reference: &BytesRef<'_>) -> Option<String> {
    if reference.is_char_ref() {
        return reference.resolve_char_ref().ok()?.map(String::from);
    }
    quick_xml::escape::resolve_predefined_entity(&reference.decode().ok()?).map(str::to_owned)
}

impl Element {
    /// The first child of this name: `$x->name`.
    pub(crate) fn first(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|element| element.name == name)
    }

    /// The children of this name, in order.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |element| element.name == name)
    }

    /// `(string)$x`: the text directly in the element.
    pub(crate) fn text(&self) -> String {
        self.text.clone()
    }

    /// `(string)$x->name`: empty if there is none.
    pub(crate) fn text_of(&self, name: &str) -> String {
        self.first(name).map(Self::text).unwrap_or_default()
    }

    /// Whether `if ($x)` holds: an element without attributes, elements and text is false.
    pub(crate) fn truthy(&self) -> bool {
        self.has_attributes || !self.children.is_empty() || !self.text.is_empty()
    }

    /// `empty($x->name)`: there is none, it is empty, or its text is "0".
    pub(crate) fn is_empty_child(&self, name: &str) -> bool {
        self.first(name).is_none_or(|child| child.children.is_empty() && !php::truthy(&child.text))
    }

    /// `$x->asXML()` of an element that is not the root, as it was sent; libxml2 would also shorten empty elements.
    pub(crate) fn as_xml(&self) -> &str {
        &self.source[self.span.clone()]
    }
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
    fn text_is_resolved_and_elements_are_kept_as_sent() {
        let root =
            parse("<?xml version=\"1.0\"?>\n<a><t x='1'>a &amp;&#60; <f/><![CDATA[<d>]]></t></a>").unwrap();
        assert_eq!(root.text_of("t"), "a &< <d>");
        assert_eq!(root.first("t").unwrap().as_xml(), "<t x='1'>a &amp;&#60; <f/><![CDATA[<d>]]></t>");
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        let refused = [
            "",
            "hello",
            "<a>\n<b>x</a>",
            "<a>&nbsp;</a>",
            "<a/>x",
            "<a/><b/>",
            "\n<?xml version=\"1.0\"?><a/>",
            "<a><!-- x</a>",
            "<a>x & y</a>",
            "<a",
            "<a>",
            "<1/>",
        ];
        for text in refused {
            assert!(parse(text).is_none(), "{text}");
        }
        assert!(parse("<!DOCTYPE a><a>x</a>\n").is_some());
    }
}
