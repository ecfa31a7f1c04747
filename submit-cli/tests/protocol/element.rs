//! XML as a tree, for comparing requests.

use quick_xml::Reader;
use quick_xml::events::Event;

/// An element with what is in it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Element {
    pub tag: String,
    pub text: String,
    pub children: Vec<Element>,
}

impl Element {
    /// Reads the one element of a text; `None` if it is not well-formed.
    pub fn parse(xml: &str) -> Option<Self> {
        let mut reader = Reader::from_str(xml);
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().ok()? {
                Event::Start(tag) => {
                    let tag = String::from_utf8(tag.name().as_ref().to_vec()).ok()?;
                    open.push(Self { tag, ..Self::default() });
                }
                Event::Empty(tag) => {
                    let tag = String::from_utf8(tag.name().as_ref().to_vec()).ok()?;
                    open.last_mut()?.children.push(Self { tag, ..Self::default() });
                }
                Event::End(_) => {
                    let mut done = open.pop()?;
                    done.text = done.text.trim().to_owned();
                    open.last_mut()?.children.push(done);
                }
                Event::Text(text) => open.last_mut()?.text.push_str(&text.decode().ok()?),
                Event::CData(text) => open.last_mut()?.text.push_str(&text.decode().ok()?),
                Event::GeneralRef(name) => {
                    let name = format!("&{};", name.decode().ok()?);
                    open.last_mut()?.text.push_str(&quick_xml::escape::unescape(&name).ok()?);
                }
                Event::Eof => break,
                _ => {}
            }
        }
        (open.len() == 1).then(|| open.remove(0).children.pop())?
    }

    /// The text of the first child with this tag.
    pub fn get(&self, tag: &str) -> Option<&str> {
        self.child(tag).map(|child| child.text.as_str())
    }

    /// The first child with this tag.
    pub fn child(&self, tag: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.tag == tag)
    }

    /// All children with this tag.
    pub fn all<'a>(&'a self, tag: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.tag == tag)
    }

    /// Texts of all children with this tag.
    pub fn texts<'a>(&'a self, tag: &'a str) -> Vec<&'a str> {
        self.all(tag).map(|child| child.text.as_str()).collect()
    }

    /// As XML, on as many lines as it has elements.
    pub fn xml(&self) -> String {
        let inside: String = self.children.iter().map(Self::xml).collect();
        let text = quick_xml::escape::escape(&self.text);
        format!("<{0}>{text}{1}{inside}</{0}>\n", self.tag, if self.children.is_empty() { "" } else { "\n" })
    }

    /// Without empty elements, and without those of these tags.
    pub fn without(&self, tags: &[&str]) -> Self {
        let children = self.children.iter().filter(|child| !tags.contains(&child.tag.as_str()));
        let children = children.map(|child| child.without(tags));
        let children =
            children.filter(|child| !child.children.is_empty() || !child.text.is_empty()).collect();
        Self { children, ..self.clone() }
    }
}
