//! The last line of stderr.txt. The server keeps the end of the file (63 KB), so the cause of a failure must be there.

use crate::lifecycle::Ending;

/// One line on how it ended.
pub fn summary(ending: &Ending) -> String {
    match ending {
        Ending::Success => "the job succeeded".into(),
        Ending::Failed(failure) => {
            format!("the job failed with exit status {}: {}", failure.code, failure.why)
        }
        Ending::TryLater { delay, why, .. } => {
            format!("this host can't run the job now, trying again in {} s: {why}", delay.as_secs())
        }
        Ending::Quit => "left; the container is kept for the next start".into(),
        Ending::Aborted { removed: true } => "aborted; the container is removed".into(),
        Ending::Aborted { removed: false } => {
            "aborted; what the engine still has of the job is removed after this".into()
        }
    }
}
