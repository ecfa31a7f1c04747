//! The state of a campaign.

use std::io::{self, Write};
use std::path::Path;

use boinc::visible::visible;

use super::table::table;
use super::words::{counts, jobs};
use super::{hint, terminal};
use crate::campaign::job_view::JobView;
use crate::campaign::status::Status;
use crate::plan::units::show_duration;

/// Prints the state of the campaign in this directory to stdout.
///
/// # Errors
/// stdout is closed.
pub fn text(status: &Status, dir: &Path) -> io::Result<()> {
    terminal::out().write_all(words(status, dir).as_bytes())
}

fn words(status: &Status, dir: &Path) -> String {
    let total = status.jobs.total();
    let place = match (&status.project, &status.url) {
        (Some(project), Some(url)) => format!("at {project} ({url})"),
        _ => "on this host".to_owned(),
    };
    let mut text = format!(
        "{}, batch {}, {place}: {}: {}\n",
        visible(&status.app),
        visible(&status.batch),
        jobs(total),
        counts(&status.jobs)
    );
    let mut line = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    if status.active {
        line("another buoy process is using this campaign".to_owned());
    }
    match (status.age_seconds, &status.problem) {
        (Some(age), Some(problem)) => line(format!(
            "as of {} ago: failed to query the project: {}",
            show_duration(age),
            visible(problem)
        )),
        (None, Some(problem)) => line(format!("failed to query the project: {}", visible(problem))),
        (Some(age), None) if age >= 60.0 && status.jobs.finished() < total => {
            line(format!("as of {} ago", show_duration(age)));
        }
        (_, None) => {}
    }
    if let Some(seconds) = status.seconds_left {
        line(format!("about {} left at the current rate", show_duration(seconds)));
    }
    if status.project.is_some() && status.jobs.waiting > 0 && !status.active {
        line(format!("{} not submitted yet; run buoy submit to resume", jobs(status.jobs.waiting)));
    }
    for group in &status.failures {
        let logs = hint::logs(dir, &group.example);
        line(format!("failed   {}: {}; {logs}", jobs(group.count), visible(&group.cause)));
    }
    if status.unfetched > 0 {
        line(format!("outputs of {} are ready; run buoy fetch", jobs(status.unfetched)));
    }
    if let Some(list) = &status.list {
        text.push_str(&table(
            &["JOB", "STATE", "ATTEMPT", "ELAPSED", "CPU", "EXIT", "CAUSE"],
            list.iter().map(row),
        ));
    }
    text
}

fn row(job: &JobView) -> Vec<String> {
    let time = |seconds: Option<f64>| seconds.map(show_duration).unwrap_or_default();
    vec![
        job.job.clone(),
        job.state.text().to_owned(),
        job.attempt.to_string(),
        time(job.elapsed_seconds),
        time(job.cpu_seconds),
        job.exit_status.map(|status| status.to_string()).unwrap_or_default(),
        job.cause.clone().unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::cause::CauseKind;
    use crate::campaign::job_view::{Counts, FailureGroup, JobState};
    use crate::campaign::status::BatchStatus;
    use crate::campaign::submitted::Stage;

    fn submitted() -> Status {
        let failure = |cause_kind, cause: &str, count, example: &str| FailureGroup {
            cause_kind,
            cause: cause.to_owned(),
            exit_status: Some(1),
            count,
            example: example.to_owned(),
        };
        Status {
            app: "vina".to_owned(),
            batch: "ligands".to_owned(),
            project: Some("sea".to_owned()),
            url: Some("https://sea.example/".to_owned()),
            started: 0.0,
            active: false,
            jobs: Counts { unsent: 40, in_progress: 19, done: 900, failed: 41, ..Counts::default() },
            seconds_left: Some(7_200.0),
            asked: Some(100.0),
            age_seconds: Some(2.0),
            problem: None,
            failures: vec![
                failure(CauseKind::Signal, "exit 139 (segmentation fault) in vina", 38, "aspirin"),
                failure(CauseKind::Memory, "out of memory at 1 GB (198)", 3, "menthol"),
            ],
            unfetched: 900,
            batches: vec![BatchStatus { name: "b".to_owned(), server_id: Some(7), stage: Stage::Submitted }],
            list: None,
        }
    }

    #[test]
    fn a_submitted_campaign_in_words() {
        insta::assert_snapshot!(words(&submitted(), Path::new("results")), @r"
        vina, batch ligands, at sea (https://sea.example/): 1000 jobs: 40 unsent, 19 in progress, 900 done, 41 failed
        about 2 h left at the current rate
        failed   38 jobs: exit 139 (segmentation fault) in vina; buoy logs aspirin
        failed   3 jobs: out of memory at 1 GB (198); buoy logs menthol
        outputs of 900 jobs are ready; run buoy fetch
        ");
    }

    #[test]
    fn a_project_that_cannot_be_asked_is_reported_with_the_age_of_the_figures() {
        let job = JobView {
            job: "aspirin".to_owned(),
            state: JobState::InProgress,
            attempt: 1,
            workunit: "w".to_owned(),
            results: None,
            exit_status: None,
            cause_kind: None,
            cause: None,
            elapsed_seconds: None,
            cpu_seconds: Some(90.0),
            memory_bytes: None,
            host: None,
            started: None,
            fetched: false,
            parameters: [].into(),
        };
        let failed = JobView {
            job: "caffeine-monohydrate".to_owned(),
            state: JobState::Failed,
            exit_status: Some(3),
            cause: Some("exit 3 in vina\u{1b}[2J".to_owned()),
            ..job.clone()
        };
        let status = Status {
            age_seconds: Some(7_300.0),
            problem: Some("cannot reach the project".to_owned()),
            jobs: Counts { waiting: 1, in_progress: 1, ..Counts::default() },
            seconds_left: None,
            failures: Vec::new(),
            unfetched: 0,
            list: Some(vec![job, failed]),
            ..submitted()
        };
        insta::assert_snapshot!(words(&status, Path::new("results")), @r"
        vina, batch ligands, at sea (https://sea.example/): 2 jobs: 1 waiting, 1 in progress
        as of 2 h ago: failed to query the project: cannot reach the project
        1 job not submitted yet; run buoy submit to resume
        JOB                   STATE        ATTEMPT  ELAPSED  CPU   EXIT  CAUSE
        aspirin               in progress  1                 90 s
        caffeine-monohydrate  failed       1                 90 s  3     exit 3 in vina\u{1b}[2J
        ");
    }

    #[test]
    fn a_campaign_of_this_host_in_words() {
        let status = Status {
            project: None,
            url: None,
            active: true,
            jobs: Counts { waiting: 1, done: 2, ..Counts::default() },
            seconds_left: None,
            failures: Vec::new(),
            unfetched: 0,
            ..submitted()
        };
        insta::assert_snapshot!(words(&status, Path::new("results")), @r"
        vina, batch ligands, on this host: 3 jobs: 1 waiting, 2 done
        another buoy process is using this campaign
        ");
    }
}
