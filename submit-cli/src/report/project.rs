//! The material of a campaign that went to a project.

use std::collections::HashMap;
use std::path::Path;

use super::ReportError;
use super::material::{Failure, Job, Material, Moment, ProjectRef, Status, files_of, log_tail, present};
use crate::campaign::Campaign;
use crate::campaign::sent::{Facts, WorkunitRow, WorkunitState};

pub(super) fn material(campaign: &Campaign, facts: &Facts, results: &Path) -> Result<Material, ReportError> {
    let files = files_of(facts.outputs.iter().map(|output| output.name.clone()).collect());
    let mut earlier: HashMap<String, Vec<String>> = HashMap::new();
    // A job that was tried again keeps its place.
    let mut places: HashMap<String, i64> = HashMap::new();
    for attempt in campaign.replaced()? {
        let what = became(&attempt);
        places.entry(attempt.new.job.clone()).or_insert(attempt.id);
        earlier.entry(attempt.new.job).or_default().push(what);
    }
    let failures = campaign
        .failures()?
        .into_iter()
        .map(|group| Failure {
            log_tail: log_tail(results, &group.example),
            cause: group.cause,
            exit_status: group.exit_status,
            count: group.count,
            example: group.example,
        })
        .collect();
    let history = campaign
        .history()?
        .into_iter()
        .map(|moment| Moment {
            at: moment.at,
            done: moment.counts.done,
            failed: moment.counts.failed,
            running: moment.counts.in_progress,
            waiting: moment.counts.waiting + moment.counts.unsent,
        })
        .collect();
    let mut rows = campaign.current()?;
    rows.sort_by_key(|row| places.get(&row.new.job).copied().unwrap_or(row.id));
    let jobs = rows.into_iter().map(|row| {
        let earlier = earlier.get(&row.new.job).map(|list| list.join(", ")).unwrap_or_default();
        job(row, earlier, |name| present(results, name, &files))
    });
    Ok(Material {
        app: facts.app.clone(),
        batch: facts.batch.clone(),
        project: Some(ProjectRef { name: facts.project.clone(), url: facts.url.clone() }),
        host: String::new(),
        begun: Some(facts.begun),
        jobs: jobs.collect(),
        files,
        history,
        failures,
    })
}

fn job(row: WorkunitRow, earlier: String, present: impl Fn(&str) -> Vec<usize>) -> Job {
    // Nothing of a job is on this computer before it was fetched, and a look for each costs.
    let files = if row.fetched { present(&row.new.job) } else { Vec::new() };
    Job {
        status: status(row.state),
        attempts: row.attempt + 1,
        earlier,
        exit_status: row.exit_status,
        cause: row.cause,
        elapsed_seconds: row.elapsed_seconds,
        cpu_seconds: row.cpu_seconds,
        files,
        name: row.new.job,
    }
}

fn status(state: WorkunitState) -> Status {
    match state {
        WorkunitState::Waiting | WorkunitState::Unsent => Status::Waiting,
        WorkunitState::InProgress => Status::Running,
        WorkunitState::Done => Status::Done,
        WorkunitState::Failed => Status::Failed,
    }
}

fn became(attempt: &WorkunitRow) -> String {
    match (&attempt.cause, attempt.exit_status) {
        (Some(cause), _) => cause.clone(),
        (None, Some(status)) => format!("{}, exit status {status}", attempt.state.word()),
        (None, None) => attempt.state.word().replace('_', " "),
    }
}
