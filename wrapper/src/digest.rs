//! The last lines of stderr.txt. The server keeps the end of it (63 KB), so that is where the cause of a failure must be.

use crate::lifecycle::Ending;

/// Bytes of the science app's own log that go into stderr.txt: with our own lines it stays under what the server keeps.
pub const LOG_BYTES: usize = 48 << 10;

/// One line on how it ended.
pub fn summary(ending: &Ending) -> String {
    match ending {
        Ending::Success => "the job succeeded".into(),
        Ending::Failed(failure) => {
            format!("the job failed with exit status {}: {}", failure.code, failure.why)
        }
        Ending::TryLater { delay, why } => {
            format!("this host can't run the job now, trying again in {} s: {why}", delay.as_secs())
        }
        Ending::Left => "left; the container is kept for the next start".into(),
        Ending::Aborted => "aborted; the container is removed".into(),
    }
}

/// Prints the end of the science app's log, framed.
pub fn print_log(log: &[u8]) {
    let text = String::from_utf8_lossy(log);
    let text = text.trim_end_matches('\n');
    if text.is_empty() {
        crate::say!("the science app printed nothing");
        return;
    }
    let cut = if log.len() >= LOG_BYTES { " (only its end)" } else { "" };
    crate::say!("what the science app printed{cut}:\n{text}\nbuoy: end of what the science app printed");
}
