//! Numbers of jobs in words.

use crate::campaign::job_view::{Counts, JobState};

/// `40 unsent, 19 in progress`; `none` if there are none.
pub(super) fn counts(counts: &Counts) -> String {
    let some: Vec<String> = JobState::ALL
        .iter()
        .map(|state| (counts.of(*state), state.text()))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if some.is_empty() { "none".to_owned() } else { some.join(", ") }
}

/// `1 job`, `2 jobs`.
pub(super) fn jobs(number: usize) -> String {
    count(number, "job", "jobs")
}

/// A number of things, of which `one` is one.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
