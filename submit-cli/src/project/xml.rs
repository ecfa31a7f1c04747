//! XML for BOINC's web code, and what can be found in its replies, which often are no XML.

/// Appends an element, or nothing if its text is empty: PHP takes an empty element for a missing one.
pub fn element(out: &mut String, tag: &str, text: &str) {
    if text.is_empty() {
        return;
    }
    out.push('<');
    out.push_str(tag);
    out.push('>');
    push_escaped(out, text);
    out.push_str("</");
    out.push_str(tag);
    out.push_str(">\n");
}

/// Appends a text so that an XML parser gives it back.
fn push_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
}

/// Text with named and numeric entities resolved, once. What is no entity stays.
pub fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        // The longest we know is "&#1114111;".
        let resolved = rest.char_indices().take(10).find(|(_, c)| *c == ';').and_then(|(end, _)| {
            let c = match &rest[1..end] {
                "lt" => '<',
                "gt" => '>',
                "amp" => '&',
                "quot" => '"',
                "apos" => '\'',
                "nbsp" => ' ',
                name => {
                    let number = name.strip_prefix('#')?;
                    let code = match number.strip_prefix(['x', 'X']) {
                        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                        None => number.parse().ok()?,
                    };
                    char::from_u32(code)?
                }
            };
            Some((c, end + 1))
        });
        let (c, length) = resolved.unwrap_or(('&', 1));
        out.push(c);
        rest = &rest[length..];
    }
    out.push_str(rest);
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
    fn entities_are_resolved_once() {
        assert_eq!(
            unescape("&lt;a&gt; &amp;lt; &#039;&#x41;&quot; & &foo; &#xD800; ä&"),
            "<a> &lt; 'A\" & &foo; &#xD800; ä&"
        );
    }

    #[test]
    fn an_element_without_an_end_is_told() {
        let found: Vec<_> = Elements::new("<j>1</j> x <j>2</j><j>3", "<j>", "</j>").collect();
        assert_eq!(found, [Ok("1"), Ok("2"), Err("<j> without </j>".to_owned())]);
    }
}
