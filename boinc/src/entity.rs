//! What `&…;` stands for: BOINC's parser and web pages do not agree.
//!
//! To write texts, use `quick_xml::escape`, which writes named entities only, as both understand them.

/// The byte that BOINC's parser reads for `&NAME;` (`lib/parse.cpp`, `xml_unescape`); `None` where it leaves the text as it is.
/// A number is one byte, so a character over 127 is several entities.
pub fn as_boinc(name: &[u8]) -> Option<u8> {
    match name {
        b"lt" => Some(b'<'),
        b"gt" => Some(b'>'),
        b"quot" => Some(b'"'),
        b"apos" => Some(b'\''),
        b"amp" => Some(b'&'),
        b"#xD" | b"#xd" => Some(b'\r'),
        b"#xA" | b"#xa" => Some(b'\n'),
        other => std::str::from_utf8(other.strip_prefix(b"#")?).ok()?.parse().ok(),
    }
}

/// The character that a browser shows for `&NAME;`, of those that BOINC's web code writes (PHP's `htmlspecialchars`).
fn as_html(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        name => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

/// The text of a web page with its entities resolved, once. Unknown ones stay as they are.
pub fn unescape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        // The longest that is known is "#1114111".
        let end = after.bytes().take(9).position(|byte| byte == b';');
        match end.and_then(|end| Some((as_html(&after[..end])?, end))) {
            Some((c, end)) => {
                out.push(c);
                rest = &after[end + 1..];
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_of_web_pages_are_resolved_once() {
        assert_eq!(
            unescape_html("&lt;a&gt; &amp;lt; &#039;&#x41;&quot; & &foo; &#xD800; ä&&#x1F40B; &ä;"),
            "<a> &lt; 'A\" & &foo; &#xD800; ä&🐋 &ä;"
        );
    }

    #[test]
    fn a_number_is_a_byte_to_boinc() {
        let known: [(&[u8], u8); 4] = [(b"lt", b'<'), (b"#195", 195), (b"#xD", b'\r'), (b"#007", 7)];
        for (name, byte) in known {
            assert_eq!(as_boinc(name), Some(byte));
        }
        for name in [&b"nbsp"[..], b"#256", b"#x41", b"#", b"\xff"] {
            assert_eq!(as_boinc(name), None);
        }
    }
}
