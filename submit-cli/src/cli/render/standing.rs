//! Where a campaign stands, for people and for machines.

use std::io::{self, Write};
use std::path::Path;

use boinc::visible::visible;

use super::hint;
use super::terminal;
use crate::campaign::standing::Standing;

/// Prints the standing of the campaign in this directory to stdout.
///
/// # Errors
/// stdout is closed.
pub fn text(standing: &Standing<'_>, dir: &Path) -> io::Result<()> {
    terminal::out().write_all(words(standing, dir).as_bytes())
}

/// Prints it to stdout as one JSON object.
///
/// # Errors
/// stdout is closed.
pub fn json(standing: &Standing<'_>) -> io::Result<()> {
    terminal::json(standing)
}

fn words(standing: &Standing<'_>, dir: &Path) -> String {
    let total: usize = standing.jobs.values().sum();
    let counts: Vec<String> =
        standing.jobs.iter().map(|(status, count)| format!("{count} {status}")).collect();
    let mut text =
        format!("{}, batch {}: {total} jobs: {}\n", standing.app, standing.batch, counts.join(", "));
    text.push_str(if standing.active {
        "a buoy run process is using this campaign\n"
    } else {
        "no buoy run process is using this campaign\n"
    });
    for running in &standing.running {
        let slot = running.slot.map_or(String::new(), |slot| format!(" in slot {slot}"));
        text.push_str(&format!("running  {}, result {}{slot}\n", running.job, running.n));
    }
    for group in &standing.failures {
        let status = group.exit_status.map_or(String::new(), |status| format!(" (exit status {status})"));
        let jobs = if group.count == 1 { "1 job".to_owned() } else { format!("{} jobs", group.count) };
        let logs = hint::logs(dir, group.example);
        text.push_str(&format!("failed   {jobs}{status}: {}; {logs}\n", visible(group.cause)));
    }
    for line in standing.list.iter().flatten() {
        let cause = line.cause.map_or(String::new(), |cause| format!("  {}", visible(cause)));
        text.push_str(&format!("{:9}{}{cause}\n", line.state, line.job));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::standing::{Failures, JobLine, Running};

    #[test]
    fn a_campaign_in_words() {
        let standing = Standing {
            app: "vina".to_owned(),
            batch: "ligands".to_owned(),
            active: true,
            jobs: [("done", 9), ("failed", 2), ("running", 1)].into(),
            running: vec![Running { job: "menthol", n: 1, slot: Some(0) }],
            failures: vec![Failures {
                cause: "process exited with code 3",
                exit_status: Some(3),
                count: 2,
                example: "aspirin",
            }],
            list: Some(vec![
                JobLine { job: "menthol", state: "running", exit_status: None, cause: None },
                JobLine {
                    job: "aspirin",
                    state: "failed",
                    exit_status: Some(3),
                    cause: Some("process exited with code 3"),
                },
            ]),
        };
        insta::assert_snapshot!(words(&standing, Path::new("results")), @r"
        vina, batch ligands: 12 jobs: 9 done, 2 failed, 1 running
        a buoy run process is using this campaign
        running  menthol, result 1 in slot 0
        failed   2 jobs (exit status 3): process exited with code 3; buoy logs aspirin
        running  menthol
        failed   aspirin  process exited with code 3
        ");
    }
}
