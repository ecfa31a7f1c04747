//! Text of jobs and files, made harmless for a terminal: what a job prints must not move the cursor, rename the window,
//! hide a line or turn one around.

use std::borrow::Cow;

/// The text with each character shown that a terminal would obey. Line breaks and tabs stay.
pub fn harmless(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.replace("\r\n", "\n").chars() {
        match is_obeyed(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Control characters (C0, DEL and C1), and those that change the direction of text.
fn is_obeyed(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_and_the_rest_stays() {
        let table = [
            ("plain, größer\tand\nlonger", "plain, größer\tand\nlonger"),
            ("\u{1b}[2J\u{1b}]0;title\u{7}", "\\u{1b}[2J\\u{1b}]0;title\\u{7}"),
            ("10%\r20%\r\nend", "10%\\r20%\nend"),
            ("\u{9b}31m \u{7f}", "\\u{9b}31m \\u{7f}"),
            ("exe\u{202e}gpj.", "exe\\u{202e}gpj."),
        ];
        for (text, expected) in table {
            assert_eq!(harmless(text), expected);
        }
    }
}
