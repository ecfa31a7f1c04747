//! Lines for logs and alerts, which admins read in a terminal and scripts search.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use boinc::spelling::shortened_to;
use boinc::visible::visible;

/// Characters of a line of the log, at most.
const LOG_CHARS: usize = 4_000;

/// Opens a log for appending; one that is larger than `most_bytes` is put aside first.
pub(crate) fn open(path: &Path, most_bytes: u64) -> io::Result<File> {
    if path.metadata().is_ok_and(|metadata| metadata.len() > most_bytes) {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    File::options().create(true).append(true).open(path)
}

/// A line for a log. What others wrote into it cannot end it, so that no line looks like one of ours, and commands no
/// terminal.
pub(crate) fn log_line(line: &str) -> String {
    visible(&shortened_to(line, LOG_CHARS)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_others_wrote_looks_like_a_line_of_ours() {
        let line = log_line("x_0: invalid: \r\nbuoy-init: ALERT: \u{1b}[2J\u{202e}\u{2028}");
        assert_eq!(line, "x_0: invalid: \\r\\nbuoy-init: ALERT: \\u{1b}[2J\\u{202e}\\u{2028}");
        assert!(log_line(&"x".repeat(10_000_000)).len() < 5_000);
    }
}
