//! Everything that this program writes into stderr.txt goes through here.
//!
//! The file is read by people and by programs, and holds text of jobs, engines and workunits besides ours. So:
//! - each line of ours starts with `buoy: `, and a message's further lines with `buoy:   `;
//! - each line of the science app starts with `| `, so it cannot be taken for one of ours;
//! - control characters are visible ([`boinc::visible`]);
//! - no `</` and no `]]>` is left: the client copies the file unescaped into a CDATA section of its state file and of
//!   its scheduler requests (`client/result.cpp`, `RESULT::write`), and the server reads up to `</stderr_out>`
//!   (`sched/sched_types.cpp`, `parse_from_client`). A job that prints those would write the rest of both.
//!
//! `eprintln!` would end the process when the line cannot be written; on a full disk the job must continue.

use std::fmt::{Arguments, Write as _};
use std::io::Write;
use std::sync::OnceLock;

use crate::outbox::Outbox;
use crate::platform::size_of_stderr;
use boinc::visible::{is_terminal_control, prefixed_lines, visible, without_closers};
use boinc::wire::slot::STDERR_FILE;

/// What each line of the science app starts with.
pub const JOB_PREFIX: &str = "| ";

/// What each line of the wrapper starts with.
pub const OWN_PREFIX: &str = "buoy: ";

/// The line before what the science app printed, without its end.
pub const JOB_START: &str = "buoy: what the science app printed";

/// The line after it.
pub const JOB_END: &str = "buoy: end of what the science app printed";

/// What a message's second and later lines start with.
const CONTINUED: &str = "buoy:   ";

/// The longest message, in bytes before the prefixes; its start is kept.
const MAX_MESSAGE_BYTES: usize = 8 << 10;

/// Bytes of the science app's own log that go into stderr.txt, prefixes and escapes included.
pub const MAX_JOB_BYTES: usize = 48 << 10;

/// What a client can send: it takes the last 63 KB of the file, writes each byte over 127 as `&#NNN;`
/// (`lib/parse.cpp`, `non_ascii_escape`), and the server drops the whole text if that is 64 KB or more
/// (`copy_element_contents`). A kilobyte is left for the client's own tags.
const MAX_SENT_BYTES: usize = 63 << 10;

/// Room for the lines that follow the job's.
const LAST_LINES_BYTES: usize = 2 << 10;

/// Writes a message: every line of it is marked as ours.
pub fn say(text: Arguments<'_>) {
    write(&message(&text.to_string()));
}

/// Says something in stderr.txt, marked as ours.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => {
        $crate::log::say(format_args!($($text)*))
    };
}

/// Writes the end of what the science app printed, between two lines of ours. `cut`: its start is already missing.
pub fn job_output(log: &[u8], cut: bool) {
    let earlier = match FRONT.get() {
        Some(_) => std::fs::metadata(STDERR_FILE).map_or(0, |file| file.len()),
        None => size_of_stderr(),
    };
    let earlier = usize::try_from(earlier).unwrap_or(usize::MAX).min(MAX_SENT_BYTES - MAX_JOB_BYTES);
    let room = MAX_SENT_BYTES - LAST_LINES_BYTES - earlier;
    write(&framed(log, cut, room.min(MAX_JOB_BYTES)));
}

/// A panic's words can hold foreign text too.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        say(format_args!("this is a bug in buoy-wrapper: {panic}"));
        if let Some(front) = FRONT.get() {
            front.flush();
        }
    }));
}

/// The front that writes stderr.txt, if this process is an agent.
static FRONT: OnceLock<Outbox> = OnceLock::new();

/// Has everything from now on sent to a front, which writes stderr.txt.
pub fn send_to(front: Outbox) {
    // A process has one front.
    let _ = FRONT.set(front);
}

fn write(text: &str) {
    match FRONT.get() {
        Some(front) => front.log(text.as_bytes()),
        // One call, so that lines of two threads do not mix.
        None => drop(std::io::stderr().lock().write_all(text.as_bytes())),
    }
}

fn message(text: &str) -> String {
    let kept = &text[..text.floor_char_boundary(MAX_MESSAGE_BYTES)];
    let mut lines = String::with_capacity(kept.len() + 32);
    for (number, line) in kept.lines().enumerate() {
        lines.push_str(if number == 0 { OWN_PREFIX } else { CONTINUED });
        lines.push_str(&without_closers(&visible(line)));
        lines.push('\n');
    }
    if lines.is_empty() {
        lines.push_str("buoy:\n");
    }
    if kept.len() < text.len() {
        let _ = writeln!(lines, "{CONTINUED}({} more bytes)", text.len() - kept.len());
    }
    lines
}

/// The job's lines with the lines around them. The job's take at most [`MAX_JOB_BYTES`], and characters outside ASCII
/// are escaped if the client would otherwise send more than `sendable` bytes of them.
fn framed(log: &[u8], cut: bool, sendable: usize) -> String {
    let log = log.strip_suffix(b"\n").unwrap_or(log);
    if log.iter().all(|byte| matches!(byte, b'\n' | b'\r')) {
        return message("the science app printed nothing");
    }
    let mut lines = without_closers(&prefixed_lines(JOB_PREFIX, log));
    if sent_bytes(&lines) > sendable {
        lines = in_ascii(&lines);
    }
    let end = end_of(&lines, MAX_JOB_BYTES);
    let cut = if cut || end.len() < lines.len() { " (only its end)" } else { "" };
    format!("{JOB_START}{cut}:\n{end}{JOB_END}\n")
}

/// As many bytes as a client makes of it.
fn sent_bytes(text: &str) -> usize {
    text.bytes().map(|byte| if byte.is_ascii() { 1 } else { "&#255;".len() }).sum()
}

fn in_ascii(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            let _ = write!(ascii, "\\u{{{:x}}}", u32::from(c));
        }
    }
    ascii
}

/// The last lines that fit; of one line that does not fit alone, its end.
fn end_of(lines: &str, max: usize) -> String {
    if lines.len() <= max {
        return lines.to_owned();
    }
    let start = lines.ceil_char_boundary(lines.len() - max);
    let end = &lines[start..];
    // A line that starts exactly there is whole.
    if lines[..start].ends_with('\n') {
        return end.to_owned();
    }
    match end.split_once('\n') {
        Some((_, whole)) if !whole.is_empty() => whole.to_owned(),
        _ => format!("{JOB_PREFIX}{}", &end[end.ceil_char_boundary(JOB_PREFIX.len())..]),
    }
}

/// What the science app printed, from a stderr.txt of this program: its lines without the prefix, and without the escapes of
/// what a terminal can show. `None` if no line of this program is in the text.
pub fn printed_by_job(stderr: &str) -> Option<String> {
    if !stderr.lines().any(|line| line.starts_with(OWN_PREFIX)) {
        return None;
    }
    let lines = stderr.lines().filter_map(|line| line.strip_prefix(JOB_PREFIX));
    Some(lines.map(|line| shown_as_itself(line) + "\n").collect())
}

/// Undoes [`in_ascii`] and [`without_closers`]; what [`visible`] has escaped stays so.
fn shown_as_itself(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, escape)) = rest.split_once("\\u{") {
        text.push_str(before);
        let escaped = escape.split_once('}').and_then(|(digits, after)| {
            let c = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
            (!is_terminal_control(c)).then_some((c, after))
        });
        match escaped {
            Some((c, after)) => {
                text.push(c);
                rest = after;
            }
            None => {
                text.push_str("\\u{");
                rest = escape;
            }
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests;
