//! XML for BOINC's web code, and what can be found in its replies, which often are not XML.

use quick_xml::escape::partial_escape;

/// Appends an element, or nothing if its text is empty: PHP takes an empty element for a missing one.
pub fn element(out: &mut String, tag: &str, text: &str) {
    if text.is_empty() {
        return;
    }
    out.push('<');
    out.push_str(tag);
    out.push('>');
    out.push_str(&partial_escape(text));
    out.push_str("</");
    out.push_str(tag);
    out.push_str(">\n");
}

/// Several elements, one after the other.
pub fn elements<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::new();
    pairs.into_iter().for_each(|(tag, text)| element(&mut out, tag, text));
    out
}

/// The text between the first `open` and the next `close` after it.
pub fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let rest = &text[text.find(open)? + open.len()..];
    rest.find(close).map(|end| &rest[..end])
}

/// The text of the first element with this tag, without white space around it.
pub fn value<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    between(text, &format!("<{tag}>"), &format!("</{tag}>")).map(str::trim)
}

/// The number in the first element with this tag.
pub fn number<T: std::str::FromStr>(text: &str, tag: &str) -> Option<T> {
    value(text, tag)?.parse().ok()
}

/// The insides of all elements with these tags, one after the other; `Err` for one without an end.
pub struct Elements<'a> {
    rest: &'a str,
    open: &'static str,
    close: &'static str,
}

impl<'a> Elements<'a> {
    /// Looks for elements that begin with `open` and end with `close`, such as `<job>` and `</job>`.
    pub fn new(text: &'a str, open: &'static str, close: &'static str) -> Self {
        Self { rest: text, open, close }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<&'a str, String>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.rest[self.rest.find(self.open)? + self.open.len()..];
        let Some(end) = rest.find(self.close) else {
            self.rest = "";
            return Some(Err(format!("{} without {}", self.open, self.close)));
        };
        self.rest = &rest[end + self.close.len()..];
        Some(Ok(&rest[..end]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_without_text_is_left_out() {
        let mut out = String::new();
        element(&mut out, "command_line", "");
        element(&mut out, "name", "a & b > c");
        assert_eq!(out, "<name>a &amp; b &gt; c</name>\n");
    }

    #[test]
    fn an_element_without_an_end_is_told() {
        let found: Vec<_> = Elements::new("<j>1</j> x <j>2</j><j>3", "<j>", "</j>").collect();
        assert_eq!(found, [Ok("1"), Ok("2"), Err("<j> without </j>".to_owned())]);
    }
}
