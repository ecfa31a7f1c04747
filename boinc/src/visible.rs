//! Text of jobs, workunits, files and servers, made safe to show: it must not move a cursor, rename a window, hide or
//! reorder a line, or look like a line of ours.
//!
//! A character that would be obeyed instead of shown is written as Rust writes it in a string: `\u{1b}`, `\r`, `\u{202e}`.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text on one line: every control and invisible character is shown, line ends too. Tabs stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    shown(text, is_terminal_control)
}

/// The text on as many lines as it has: `\n` and `\r\n` end a line, and everything else is as in [`visible`].
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    let obeyed = |c| c != '\n' && is_terminal_control(c);
    if text.contains("\r\n") {
        return Cow::Owned(shown(&text.replace("\r\n", "\n"), obeyed).into_owned());
    }
    shown(text, obeyed)
}

/// Each line of the text with `prefix` before it, so that none of them can be taken for another program's. Bytes that
/// are not UTF-8 become U+FFFD. Every line ends with `\n`; an empty text has none.
pub fn prefixed_lines(prefix: &str, text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut lines = String::with_capacity(text.len() + text.len() / 16);
    for line in text.lines() {
        lines.push_str(prefix);
        lines.push_str(&visible(line));
        lines.push('\n');
    }
    lines
}

/// Ends of XML elements and of CDATA sections with `<` and `>` shown as `\u{3c}` and `\u{3e}`: for text that a BOINC client
/// copies unescaped into its XML.
pub fn without_closers(text: &str) -> String {
    text.replace("</", "\\u{3c}/").replace("]]>", "]]\\u{3e}")
}

/// Whether something other than a character is shown, or nothing at all: control characters (C0 without the tab, DEL,
/// C1), line and paragraph separators, marks that reorder text, and characters without width or ink.
pub fn is_terminal_control(c: char) -> bool {
    match c {
        '\t' | ' '..='~' => false,
        c if c.is_control() => true,
        // Soft hyphen, joiners and fillers.
        '\u{AD}' | '\u{34F}' | '\u{70F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' => true,
        '\u{180B}'..='\u{180F}' | '\u{3164}' | '\u{FFA0}' => true,
        // Direction of text.
        '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{206F}' => true,
        // Line and paragraph separators.
        '\u{2028}' | '\u{2029}' => true,
        // Zero width.
        '\u{200B}'..='\u{200D}' | '\u{2060}'..='\u{2065}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' => true,
        // Musical and shorthand formats, tags.
        '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}' => true,
        _ => false,
    }
}

fn shown(text: &str, obeyed: impl Fn(char) -> bool) -> Cow<'_, str> {
    let Some(first) = text.find(&obeyed) else { return Cow::Borrowed(text) };
    let (plain, rest) = text.split_at(first);
    let mut shown = String::with_capacity(text.len() + 32);
    shown.push_str(plain);
    for c in rest.chars() {
        match c {
            c if !obeyed(c) => shown.push(c),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            c => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_and_the_rest_stays() {
        let table = [
            ("plain, größer\tand µ Å 漢字 🚀", "plain, größer\tand µ Å 漢字 🚀"),
            ("\u{1b}[2J\u{1b}]0;title\u{7}", "\\u{1b}[2J\\u{1b}]0;title\\u{7}"),
            ("10%\r20%", "10%\\r20%"),
            ("two\nlines\r\n", "two\\nlines\\r\\n"),
            ("\u{9b}31m \u{7f}\0\u{8}", "\\u{9b}31m \\u{7f}\\u{0}\\u{8}"),
            ("exe\u{202e}gpj.", "exe\\u{202e}gpj."),
            ("\u{2066}a\u{2069}\u{200e}\u{200f}\u{61c}", "\\u{2066}a\\u{2069}\\u{200e}\\u{200f}\\u{61c}"),
            ("a\u{200b}b\u{feff}c\u{ad}d", "a\\u{200b}b\\u{feff}c\\u{ad}d"),
            ("a\u{2028}b\u{2029}c\u{85}d", "a\\u{2028}b\\u{2029}c\\u{85}d"),
            ("\u{e0041}\u{e007f}", "\\u{e0041}\\u{e007f}"),
            ("\u{b}\u{c}", "\\u{b}\\u{c}"),
        ];
        for (text, expected) in table {
            assert_eq!(visible(text), expected);
        }
    }

    #[test]
    fn plain_text_is_not_copied() {
        assert!(matches!(visible("größer\t10"), Cow::Borrowed(_)));
        assert!(matches!(visible_lines("größer\n10"), Cow::Borrowed(_)));
    }

    #[test]
    fn lines_end_where_a_terminal_ends_them() {
        let table = [
            ("a\nb\r\nc\n", "a\nb\nc\n"),
            ("10%\r20%\r\nend\r", "10%\\r20%\nend\\r"),
            ("a\r\r\nb", "a\\r\nb"),
            ("a\u{2028}b\u{85}c", "a\\u{2028}b\\u{85}c"),
        ];
        for (text, expected) in table {
            assert_eq!(visible_lines(text), expected);
        }
    }

    #[test]
    fn every_line_has_the_prefix() {
        let table: [(&[u8], &str); 6] = [
            (b"", ""),
            (b"one", "| one\n"),
            (b"one\n\ntwo\n", "| one\n| \n| two\n"),
            (b"x\rbuoy: the job succeeded\r\n", "| x\\rbuoy: the job succeeded\n"),
            (b"x\x0bbuoy: y\x0cz\x85", "| x\\u{b}buoy: y\\u{c}z\u{fffd}\n"),
            ("x\u{2028}buoy: y\u{85}z".as_bytes(), "| x\\u{2028}buoy: y\\u{85}z\n"),
        ];
        for (text, expected) in table {
            assert_eq!(prefixed_lines("| ", text), expected);
        }
    }

    #[test]
    fn no_element_or_section_can_be_closed() {
        let table = [
            ("a < b </i> x>y", "a < b \\u{3c}/i> x>y"),
            ("]]></stderr_out>", "]]\\u{3e}\\u{3c}/stderr_out>"),
            ("]]]]>><<//", "]]]]\\u{3e}><\\u{3c}//"),
        ];
        for (text, expected) in table {
            assert_eq!(without_closers(text), expected);
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_obeyed_is_left(text in any::<String>(), bytes in any::<Vec<u8>>()) {
            prop_assert!(!visible(&text).contains(is_terminal_control));
            prop_assert!(!visible_lines(&text).contains(|c| c != '\n' && is_terminal_control(c)));
            for line in prefixed_lines("| ", &bytes).split_terminator('\n') {
                prop_assert!(line.starts_with("| ") && !line.contains(is_terminal_control));
            }
        }
    }
}
