//! How an app tells its client why it exits: `boinc_finish_called` and `boinc_temporary_exit`.
//!
//! Formats: `api/boinc_api.cpp` (`boinc_finish_message`, `boinc_temporary_exit`) writes them,
//! `client/app_control.cpp` (`finish_file_present`, `temporary_exit_file_present`) reads them, with line
//! buffers that cut and shift what does not fit. So what we write is one line each, short enough.

use crate::atomic_file::write_atomically;
use crate::file_error::{FileError, if_found};
use crate::visible::{visible, without_closers};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Written before the exit for good.
pub const FINISH_FILE: &str = "boinc_finish_called";

/// Written before an exit that asks to be started again later.
pub const TEMPORARY_EXIT_FILE: &str = "boinc_temporary_exit";

/// The longest message in a finish file that the client reads as one line, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 1022;

/// The longest reason in a temporary exit file that the client reads as one line, in bytes.
pub const MAX_REASON_BYTES: usize = 254;

/// The longest delay that a client accepts, in seconds; beyond it, it takes [`DEFAULT_DELAY_SECONDS`].
pub const MAX_DELAY_SECONDS: u32 = 86_400;

/// What the client waits if it cannot read the delay.
pub const DEFAULT_DELAY_SECONDS: u32 = 300;

/// How often the slot's task was left by a temporary exit. A client ends a task with an error at the 101st such exit without a
/// checkpoint (`client/app_control.cpp`, `handle_temporary_exit`), whatever the reasons are: see [`least_delay`]. A name that
/// begins so is never that of a job's input or output.
const EXITS_FILE: &str = "boinc_temporary_exits";

/// The longest that [`least_delay`] gets, in seconds.
const LONGEST_LEAST_DELAY: u32 = 28_800;

/// A text for the volunteer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// One line; line ends become spaces and the end is cut when it is written.
    pub text: String,
    /// Show it as a notice, not just in the event log.
    pub notice: bool,
}

/// Content of `boinc_finish_called`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finish {
    /// The exit status; 0 is success. The client takes the process's own status first, so exit with the same.
    pub exit_status: i32,
    /// What the client logs or shows besides.
    pub message: Option<Message>,
}

impl Finish {
    /// Writes the file whole or not at all. Exit with `exit_status` afterwards; the client kills an app
    /// that is still there 300 s later.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, slot: &Path) -> Result<(), FileError> {
        let mut text = format!("{}\n", self.exit_status);
        if let Some(message) = &self.message {
            // The line after the message must exist, or the client drops the message.
            let notice = if message.notice { "notice" } else { "" };
            text.push_str(&format!("{}\n{notice}\n", one_line(&message.text, MAX_MESSAGE_BYTES)));
        }
        write(&slot.join(FINISH_FILE), &text)
    }

    /// Reads the file as the client does; `None` if there is none. An unreadable status counts as 0.
    ///
    /// # Errors
    /// The file exists but cannot be read.
    pub fn read(slot: &Path) -> Result<Option<Self>, FileError> {
        let Some(text) = read(&slot.join(FINISH_FILE))? else { return Ok(None) };
        let mut lines = text.split('\n');
        let exit_status = leading_integer(lines.next().unwrap_or_default()).unwrap_or(0);
        let message = match (lines.next(), lines.next()) {
            (Some(message), Some(kind)) if !message.trim().is_empty() => {
                Some(Message { text: message.trim().to_owned(), notice: kind.contains("notice") })
            }
            _ => None,
        };
        Ok(Some(Self { exit_status, message }))
    }
}

/// Content of `boinc_temporary_exit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemporaryExit {
    /// When to start the app again, in seconds; at most [`MAX_DELAY_SECONDS`]. The more such exits a task has had, the longer
    /// it is at least.
    pub delay_seconds: u32,
    /// Why. The client ignores the whole file without one.
    pub reason: Message,
}

impl TemporaryExit {
    /// Writes the file whole or not at all. Exit with 0 afterwards. Returns the delay that is in it, in seconds.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, slot: &Path) -> Result<u32, FileError> {
        let exits = exits(slot);
        let delay = self.delay_seconds.max(least_delay(exits)).min(MAX_DELAY_SECONDS);
        let mut reason = one_line(&self.reason.text, MAX_REASON_BYTES);
        if reason.is_empty() {
            reason.push_str("temporary exit");
        }
        let notice = if self.reason.notice { "notice\n" } else { "" };
        write(&slot.join(TEMPORARY_EXIT_FILE), &format!("{delay}\n{reason}\n{notice}"))?;
        // Without the count the next delay is shorter, no more.
        let _ = write(&slot.join(EXITS_FILE), &format!("{}\n", exits.saturating_add(1)));
        Ok(delay)
    }

    /// Reads the file as the client does; `None` if there is none or it has no line with a reason.
    ///
    /// # Errors
    /// The file exists but cannot be read.
    pub fn read(slot: &Path) -> Result<Option<Self>, FileError> {
        let Some(text) = read(&slot.join(TEMPORARY_EXIT_FILE))? else { return Ok(None) };
        let mut lines = text.split('\n');
        let delay_seconds = leading_integer(lines.next().unwrap_or_default())
            .and_then(|delay| u32::try_from(delay).ok())
            .filter(|delay| *delay <= MAX_DELAY_SECONDS)
            .unwrap_or(DEFAULT_DELAY_SECONDS);
        let rest: Vec<&str> = lines.collect();
        // "300\n" splits into "300" and an empty rest: no reason line.
        let Some((reason, after)) =
            rest.split_first().filter(|(first, after)| !first.is_empty() || !after.is_empty())
        else {
            return Ok(None);
        };
        let notice = after.first().is_some_and(|line| line.contains("notice"));
        Ok(Some(Self { delay_seconds, reason: Message { text: reason.trim().to_owned(), notice } }))
    }
}

/// A tenth of the time that a host has been unable to run the task, about, so that 100 exits take two weeks: what is wrong with
/// a host or its network for that long must not become an error of the job. In seconds.
fn least_delay(exits: u32) -> u32 {
    if exits == 0 {
        return 0;
    }
    (1..exits.min(100)).fold(60, |delay, _| (delay + delay / 10).min(LONGEST_LEAST_DELAY))
}

/// The count of [`EXITS_FILE`]; 0 if it cannot be read. It may be a submitter's: then it changes the delay, within its bounds.
fn exits(slot: &Path) -> u32 {
    let mut text = String::new();
    let read = File::open(slot.join(EXITS_FILE)).and_then(|file| file.take(16).read_to_string(&mut text));
    read.ok().and_then(|_| text.trim().parse().ok()).unwrap_or(0)
}

fn write(path: &Path, text: &str) -> Result<(), FileError> {
    write_atomically(path, text.as_bytes()).map_err(FileError::new("cannot write", path))
}

fn read(path: &Path) -> Result<Option<String>, FileError> {
    let bytes = if_found(std::fs::read(path)).map_err(FileError::new("cannot read", path))?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// `text` on one line of at most `max` bytes, cut at a character. The client writes it to terminals and, in a CDATA section,
/// to its managers (`client/client_msgs.cpp`, `MESSAGE_DESCS::write`).
fn one_line(text: &str, max: usize) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = without_closers(&visible(&words));
    line[..line.floor_char_boundary(max)].to_owned()
}

/// The number at the start of a line, as `scanf("%d")` finds it.
fn leading_integer(line: &str) -> Option<i32> {
    let line = line.trim_start();
    let sign = usize::from(line.starts_with(['-', '+']));
    let digits = line[sign..].find(|c: char| !c.is_ascii_digit()).unwrap_or(line.len() - sign);
    line[..sign + digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn slot() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn message(text: &str, notice: bool) -> Message {
        Message { text: text.into(), notice }
    }

    #[test]
    fn finish_files_have_the_apis_bytes() {
        let table = [
            (Finish { exit_status: 0, message: None }, "0\n"),
            (Finish { exit_status: -186, message: None }, "-186\n"),
            (Finish { exit_status: 3, message: Some(message("no ligand", false)) }, "3\nno ligand\n\n"),
            (Finish { exit_status: 1, message: Some(message("a\nb", true)) }, "1\na b\nnotice\n"),
        ];
        for (finish, bytes) in table {
            let slot = slot();
            finish.write(slot.path()).unwrap();
            assert_eq!(fs::read_to_string(slot.path().join(FINISH_FILE)).unwrap(), bytes);
            let read = Finish::read(slot.path()).unwrap().unwrap();
            assert_eq!(read.exit_status, finish.exit_status);
            assert_eq!(read.message.map(|m| m.notice), finish.message.map(|m| m.notice));
        }
    }

    #[test]
    fn finish_is_read_as_the_client_reads_it() {
        let table = [
            ("", 0, None),
            ("garbage\n", 0, None),
            (" 12 trailing\n", 12, None),
            ("-1", -1, None),
            ("1\nmessage without a third line", 1, None),
            ("1\nmessage\nnotice\n", 1, Some(message("message", true))),
            ("1\nmessage\n\n", 1, Some(message("message", false))),
        ];
        for (text, exit_status, message) in table {
            let slot = slot();
            fs::write(slot.path().join(FINISH_FILE), text).unwrap();
            assert_eq!(Finish::read(slot.path()).unwrap(), Some(Finish { exit_status, message }), "{text:?}");
        }
        assert_eq!(Finish::read(slot().path()).unwrap(), None);
    }

    #[test]
    fn temporary_exit_has_the_apis_bytes_and_always_a_reason() {
        let table = [
            (600, message("no engine", true), "600\nno engine\nnotice\n"),
            (1, message("busy", false), "1\nbusy\n"),
            (90_000, message("", false), "86400\ntemporary exit\n"),
        ];
        for (delay_seconds, reason, bytes) in table {
            let slot = slot();
            TemporaryExit { delay_seconds, reason }.write(slot.path()).unwrap();
            assert_eq!(fs::read_to_string(slot.path().join(TEMPORARY_EXIT_FILE)).unwrap(), bytes);
        }
    }

    #[test]
    fn a_hundred_temporary_exits_take_two_weeks() {
        assert!(crate::wire::slot::is_client_file(EXITS_FILE), "it must not become an input of the job");
        let slot = slot();
        let exit = TemporaryExit { delay_seconds: 600, reason: message("offline", true) };
        let delays: Vec<u32> = (0..100).map(|_| exit.write(slot.path()).unwrap()).collect();
        assert_eq!(TemporaryExit::read(slot.path()).unwrap().unwrap().delay_seconds, delays[99]);
        assert!(delays.is_sorted() && delays[..20].iter().all(|&delay| delay == 600), "{delays:?}");
        assert!(delays.iter().sum::<u32>() >= 14 * 86_400, "{delays:?}");
        let mut waited = 0;
        for delay in delays {
            // Not much longer than it has to be, once the host can run the job again.
            assert!(delay <= 600.max(waited / 8), "{delay} after {waited}");
            waited += delay;
        }
    }

    #[test]
    fn a_forged_count_of_exits_changes_the_delay_within_its_bounds() {
        for forged in ["4294967295", "-1", "<soft_link>../../projects/p/x</soft_link>", "", "9e9"] {
            let slot = slot();
            fs::write(slot.path().join(EXITS_FILE), forged).unwrap();
            let exit = TemporaryExit { delay_seconds: 60, reason: message("no engine", true) };
            for _ in 0..2 {
                assert!(exit.write(slot.path()).unwrap() <= LONGEST_LEAST_DELAY);
            }
        }
    }

    #[test]
    fn temporary_exit_is_read_as_the_client_reads_it() {
        let table = [
            ("300\n", None),
            ("300", None),
            ("60\nreason\n", Some((60, "reason", false))),
            ("60\nreason\nnotice\n", Some((60, "reason", true))),
            ("86401\nreason\n", Some((300, "reason", false))),
            ("-5\nreason\n", Some((300, "reason", false))),
            ("x\nreason\n", Some((300, "reason", false))),
            ("60\n\n", Some((60, "", false))),
        ];
        for (text, expected) in table {
            let slot = slot();
            fs::write(slot.path().join(TEMPORARY_EXIT_FILE), text).unwrap();
            let expected = expected.map(|(delay_seconds, reason, notice)| TemporaryExit {
                delay_seconds,
                reason: message(reason, notice),
            });
            assert_eq!(TemporaryExit::read(slot.path()).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_hostile_text_stays_one_harmless_line() {
        let slot = slot();
        let hostile = "x\u{1b}[2J\r\nnotice\0 ]]></body>\u{202e}\u{2028}y";
        let shown = "x\\u{1b}[2J notice\\u{0} ]]\\u{3e}\\u{3c}/body>\\u{202e} y";
        TemporaryExit { delay_seconds: 5, reason: message(hostile, false) }.write(slot.path()).unwrap();
        Finish { exit_status: 1, message: Some(message(hostile, false)) }.write(slot.path()).unwrap();
        for (file, content) in
            [(TEMPORARY_EXIT_FILE, format!("5\n{shown}\n")), (FINISH_FILE, format!("1\n{shown}\n\n"))]
        {
            assert_eq!(fs::read_to_string(slot.path().join(file)).unwrap(), content);
        }
    }

    #[test]
    fn long_texts_are_cut_before_they_shift_the_lines() {
        let slot = slot();
        let long = "é".repeat(2000);
        TemporaryExit { delay_seconds: 5, reason: message(&long, true) }.write(slot.path()).unwrap();
        Finish { exit_status: 1, message: Some(message(&long, true)) }.write(slot.path()).unwrap();
        for (file, max) in [(TEMPORARY_EXIT_FILE, MAX_REASON_BYTES), (FINISH_FILE, MAX_MESSAGE_BYTES)] {
            let text = fs::read_to_string(slot.path().join(file)).unwrap();
            let lines: Vec<&str> = text.lines().collect();
            assert!(lines[1].len() <= max, "{}", lines[1].len());
            assert_eq!(lines[2], "notice");
        }
    }
}
