//! The only way to stdout and stderr, so that no text of a job, a server or a file reaches a terminal as it is: what a job
//! prints must not move the cursor, rename the window, hide a line or turn one around.
//!
//! It does not matter whether stdout is a terminal: what goes through `less -R` or `head` ends at one, too.

use std::io::{self, IsTerminal, StderrLock, StdoutLock, Write};

use anstream::AutoStream;
use boinc::visible::{is_terminal_control, visible_lines};
use serde::Serialize;
use tracing::level_filters::LevelFilter;

use super::style::styled;

/// Standard output.
pub fn out() -> Visible<StdoutLock<'static>> {
    Visible::new(io::stdout().lock(), str::to_owned)
}

/// Standard error.
pub fn err() -> Visible<AutoStream<StderrLock<'static>>> {
    Visible::new(AutoStream::auto(io::stderr().lock()), styled)
}

/// Whether stderr can show a progress bar: it is a terminal, and no log is printed between (`--verbose`).
pub fn err_is_terminal() -> bool {
    io::stderr().is_terminal() && LevelFilter::current() == LevelFilter::OFF
}

/// Prints a value to stdout as one line of JSON.
pub fn json(value: &impl Serialize) -> io::Result<()> {
    print_json(&serde_json::to_string(value)?)
}

/// Prints an event of something that continues also when nobody listens any more.
pub fn json_event(event: &impl Serialize) {
    let _ = json(event);
}

/// Prints a value to stdout as JSON on many lines.
pub fn pretty_json(value: &impl Serialize) -> io::Result<()> {
    print_json(&serde_json::to_string_pretty(value)?)
}

fn print_json(json: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(escaped_json(json).as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// The same value, without characters that a terminal obeys: outside ASCII they can stand in strings only, where an escape
/// means the same.
fn escaped_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    let mut units = [0; 2];
    for c in json.chars() {
        if c == '\n' || !is_terminal_control(c) {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut units) {
            escaped.push_str(&format!("\\u{unit:04x}"));
        }
    }
    escaped
}

/// A writer of text that makes what a terminal would obey visible, line by line. The rest of a line goes out when it is
/// flushed or dropped.
#[derive(Debug)]
pub struct Visible<W: Write> {
    to: W,
    line: Vec<u8>,
    /// Adds colours, once nothing else in a text is obeyed.
    style: fn(&str) -> String,
}

impl<W: Write> Visible<W> {
    fn new(to: W, style: fn(&str) -> String) -> Self {
        Self { to, line: Vec::new(), style }
    }

    fn print(&mut self, end: usize) -> io::Result<()> {
        let text: Vec<u8> = self.line.drain(..end).collect();
        let text = String::from_utf8_lossy(&text);
        self.to.write_all((self.style)(&visible_lines(&text)).as_bytes())
    }
}

impl<W: Write> Write for Visible<W> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let before = self.line.len();
        self.line.extend_from_slice(text);
        if let Some(end) = text.iter().rposition(|byte| *byte == b'\n') {
            self.print(before + end + 1)?;
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.print(self.line.len())?;
        self.to.flush()
    }
}

impl<W: Write> Drop for Visible<W> {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _ = self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn printed(parts: &[&[u8]]) -> String {
        let mut to = Vec::new();
        let mut terminal = Visible::new(&mut to, str::to_owned);
        parts.iter().for_each(|part| terminal.write_all(part).unwrap());
        drop(terminal);
        String::from_utf8(to).unwrap()
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown_however_it_is_cut() {
        let table: [(&[&[u8]], &str); 6] = [
            (&[b"plain, gr\xc3", b"\xb6\xc3\x9fer\tand\nlonger"], "plain, größer\tand\nlonger"),
            (&[b"\x1b[2J\x1b]0;title\x07"], "\\u{1b}[2J\\u{1b}]0;title\\u{7}"),
            (&[b"10%\r20%\r", b"\nend"], "10%\\r20%\nend"),
            (&[b"\xc2", b"\x9b31m \x7f\n"], "\\u{9b}31m \\u{7f}\n"),
            (&["exe\u{202e}gpj.".as_bytes()], "exe\\u{202e}gpj."),
            (&[b"\xff\x9b31m"], "\u{fffd}\u{fffd}31m"),
        ];
        for (parts, expected) in table {
            assert_eq!(printed(parts), expected);
        }
    }

    #[test]
    fn json_means_the_same_and_holds_nothing_that_is_obeyed() {
        let value =
            serde_json::json!({ "\u{9b}k": ["\u{1b}[2J\u{7f}\u{9b}\u{202e}\u{2028}\u{e0041}\r\n\tä"] });
        let text = escaped_json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!text.contains(|c| c != '\n' && is_terminal_control(c)), "{text}");
        assert!(text.contains("\\udb40\\udc41") && text.contains('ä'), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    #[test]
    fn nothing_prints_around_this_module() {
        let mut dirs = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
        let mut found = Vec::new();
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    dirs.push(path);
                    continue;
                }
                if path.ends_with("render/terminal.rs") {
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                let ways = ["stdout()", "stderr()", "print!(", "println!(", "dbg!("];
                let bad = code.filter(|line| ways.iter().any(|way| line.contains(way)));
                found.extend(bad.map(|line| format!("{}: {line}", path.display())));
            }
        }
        assert!(found.is_empty(), "{found:#?}");
    }

    proptest! {
        #[test]
        fn any_text_in_any_pieces_is_visible(parts in prop::collection::vec(any::<Vec<u8>>(), 0..6)) {
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            prop_assert!(!printed(&parts).contains(|c| c != '\n' && is_terminal_control(c)));
        }
    }
}
