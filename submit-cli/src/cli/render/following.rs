//! Where a campaign stands at its project, and what was done to it, for people and for machines.

use std::io::{self, Write};
use std::path::Path;

use boinc::visible::visible;
use serde::Serialize;

use super::{hint, terminal};
use crate::campaign::sent::Counts;
use crate::plan::units::show_duration;
use crate::remote::follow::abort::Aborted;
use crate::remote::follow::retry::{Changes, Retried};
use crate::remote::follow::standing::Standing;

/// Prints the standing of the campaign in this directory to stdout.
///
/// # Errors
/// stdout is closed.
pub fn text(standing: &Standing, dir: &Path) -> io::Result<()> {
    terminal::out().write_all(words(standing, dir).as_bytes())
}

/// Prints it to stdout as one JSON object.
///
/// # Errors
/// stdout is closed.
pub fn json(standing: &Standing) -> io::Result<()> {
    terminal::json(standing)
}

/// Prints what was aborted.
///
/// # Errors
/// stdout is closed.
pub fn aborted(aborted: &Aborted, json: bool) -> io::Result<()> {
    if json {
        return terminal::json(aborted);
    }
    let mut text = format!("aborted {} on the project", jobs(aborted.jobs));
    if aborted.batches > 0 {
        text.push_str(&format!(", in {}", count(aborted.batches, "batch", "batches")));
    }
    if aborted.given_up > 0 {
        text.push_str(&format!("; {} had not been submitted and will not be", jobs(aborted.given_up)));
    }
    if aborted.over > 0 {
        text.push_str(&format!("; {} had already finished", jobs(aborted.over)));
    }
    writeln!(terminal::out(), "{text}")
}

/// Prints what was retired, and what that means.
///
/// # Errors
/// stdout is closed.
pub fn retired(batches: usize, json: bool) -> io::Result<()> {
    #[derive(Serialize)]
    struct Retired {
        batches: usize,
    }
    if json {
        return terminal::json(&Retired { batches });
    }
    writeln!(
        terminal::out(),
        "retired {}: the project may delete their inputs and outputs now",
        count(batches, "batch", "batches")
    )
}

/// Prints what is tried again.
///
/// # Errors
/// stdout is closed.
pub fn retried(retried: &Retried, changes: &Changes, json: bool) -> io::Result<()> {
    #[derive(Serialize)]
    struct Again<'a> {
        event: &'static str,
        jobs: &'a [String],
        changed: String,
    }
    let changed = changes.words();
    if json {
        return terminal::json(&Again { event: "retried", jobs: &retried.jobs, changed });
    }
    let with = if changed.is_empty() { String::new() } else { format!(" with {changed}") };
    let text = match retried.jobs.len() {
        0 => "resuming the last retry".to_owned(),
        count => format!("retrying {}{with}", jobs(count)),
    };
    writeln!(terminal::out(), "{}", &text)
}

fn words(standing: &Standing, dir: &Path) -> String {
    let total = standing.jobs.total();
    let mut text = format!(
        "{}, batch {}, at {} ({}): {}: {}\n",
        visible(&standing.app),
        visible(&standing.batch),
        standing.project,
        standing.url,
        jobs(total),
        counts(&standing.jobs)
    );
    if standing.active {
        text.push_str("another buoy process is using this campaign\n");
    }
    match (standing.age_seconds, &standing.problem) {
        (Some(age), Some(problem)) => {
            text.push_str(&format!(
                "as of {} ago: failed to query the project: {}\n",
                show_duration(age),
                visible(problem)
            ));
        }
        (None, Some(problem)) => {
            text.push_str(&format!("failed to query the project: {}\n", visible(problem)));
        }
        (Some(age), None) if age >= 60.0 && standing.jobs.over() < total => {
            text.push_str(&format!("as of {} ago\n", show_duration(age)));
        }
        (_, None) => {}
    }
    if let Some(seconds) = standing.seconds_left {
        text.push_str(&format!("about {} left at the current rate\n", show_duration(seconds)));
    }
    if standing.jobs.waiting > 0 && !standing.active {
        text.push_str(&format!(
            "{} not submitted yet; run buoy submit to resume\n",
            jobs(standing.jobs.waiting)
        ));
    }
    for group in &standing.failures {
        let logs = hint::logs(dir, &group.example);
        text.push_str(&format!("failed   {}: {}; {logs}\n", jobs(group.count), visible(&group.cause)));
    }
    if standing.unfetched > 0 {
        text.push_str(&format!("outputs of {} are ready; run buoy fetch\n", jobs(standing.unfetched)));
    }
    for line in standing.list.iter().flatten() {
        let attempt = if line.attempt > 0 { format!("  attempt {}", line.attempt) } else { String::new() };
        let cause = line.cause.as_ref().map_or(String::new(), |cause| format!("  {}", visible(cause)));
        text.push_str(&format!("{:13}{}{attempt}{cause}\n", line.state.replace('_', " "), line.job));
    }
    text
}

/// Jobs by state, those states that have some.
pub(super) fn counts(counts: &Counts) -> String {
    let all = [
        (counts.waiting, "waiting"),
        (counts.unsent, "unsent"),
        (counts.in_progress, "in progress"),
        (counts.done, "done"),
        (counts.failed, "failed"),
    ];
    let some: Vec<String> =
        all.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if some.is_empty() { "none".to_owned() } else { some.join(", ") }
}

/// So many jobs.
pub(super) fn jobs(number: usize) -> String {
    count(number, "job", "jobs")
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::sent::FailureGroup;
    use crate::remote::follow::standing::{BatchStanding, JobLine};

    fn standing() -> Standing {
        let failure = |cause: &str, count, example: &str| FailureGroup {
            cause: cause.to_owned(),
            exit_status: Some(1),
            count,
            example: example.to_owned(),
        };
        Standing {
            project: "sea".to_owned(),
            url: "https://sea.example/".to_owned(),
            app: "vina".to_owned(),
            batch: "ligands".to_owned(),
            begun: 0.0,
            active: false,
            jobs: Counts { waiting: 0, unsent: 40, in_progress: 19, done: 900, failed: 41 },
            seconds_left: Some(7_200.0),
            asked: Some(100.0),
            age_seconds: Some(2.0),
            problem: None,
            failures: vec![
                failure("exit 139 (segmentation fault) in vina", 38, "aspirin"),
                failure("out of memory at 1 GB (198)", 3, "menthol"),
            ],
            unfetched: 900,
            batches: vec![BatchStanding { name: "b".to_owned(), server_id: Some(7), stage: "submitted" }],
            list: None,
        }
    }

    #[test]
    fn a_campaign_at_a_project_in_words() {
        insta::assert_snapshot!(words(&standing(), Path::new("results")), @r"
        vina, batch ligands, at sea (https://sea.example/): 1000 jobs: 40 unsent, 19 in progress, 900 done, 41 failed
        about 2 h left at the current rate
        failed   38 jobs: exit 139 (segmentation fault) in vina; buoy logs aspirin
        failed   3 jobs: out of memory at 1 GB (198); buoy logs menthol
        outputs of 900 jobs are ready; run buoy fetch
        ");
    }

    #[test]
    fn a_project_that_cannot_be_asked_is_said_with_the_age_of_what_is_shown() {
        let mut standing = standing();
        standing.age_seconds = Some(7_300.0);
        standing.problem = Some("cannot reach the project".to_owned());
        standing.jobs.waiting = 1;
        standing.seconds_left = None;
        standing.failures.clear();
        standing.unfetched = 0;
        standing.list = Some(vec![JobLine {
            job: "aspirin".to_owned(),
            workunit: "w".to_owned(),
            attempt: 1,
            state: "in_progress",
            exit_status: None,
            cause: None,
            cpu_seconds: None,
            fetched: false,
        }]);
        insta::assert_snapshot!(words(&standing, Path::new("results")), @r"
        vina, batch ligands, at sea (https://sea.example/): 1001 jobs: 1 waiting, 40 unsent, 19 in progress, 900 done, 41 failed
        as of 2 h ago: failed to query the project: cannot reach the project
        1 job not submitted yet; run buoy submit to resume
        in progress  aspirin  attempt 1
        ");
    }
}
