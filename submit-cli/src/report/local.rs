//! The material of a campaign of `buoy run`.

use std::path::Path;

use super::ReportError;
use super::material::{Failure, Job, Material, Moment, Status, files_of, log_tail, present};
use crate::campaign::meta;
use crate::campaign::standing::standing;
use crate::campaign::{Campaign, JobRecord, JobStatus, state_word};

pub(super) fn material(campaign: &Campaign, results: &Path) -> Result<Material, ReportError> {
    let records = campaign.jobs()?;
    let text = |key| Ok::<_, ReportError>(campaign.meta(key)?.unwrap_or_default());
    let outputs = campaign.meta(meta::OUTPUTS)?.unwrap_or_else(|| "[]".to_owned());
    let outputs: Vec<String> = serde_json::from_str(&outputs)
        .map_err(|source| ReportError::Outputs { path: campaign.path().to_owned(), source })?;
    let files = files_of(outputs);
    let (app, batch) = (text(meta::APP)?, text(meta::BATCH)?);
    let failures = standing(String::new(), String::new(), false, &records)
        .failures
        .into_iter()
        .map(|group| Failure {
            cause: group.cause.to_owned(),
            exit_status: group.exit_status,
            count: group.count,
            example: group.example.to_owned(),
            log_tail: log_tail(results, group.example),
        })
        .collect();
    let starts = records.iter().flat_map(|job| &job.results).filter_map(|result| result.started);
    Ok(Material {
        app,
        batch,
        project: None,
        host: text(meta::HOST)?,
        begun: starts.reduce(f64::min),
        jobs: records.iter().map(|record| job(record, present(results, &record.name, &files))).collect(),
        history: history(&records),
        files,
        failures,
    })
}

fn status(record: &JobRecord) -> Status {
    match record.status() {
        JobStatus::Waiting => Status::Waiting,
        JobStatus::Running => Status::Running,
        JobStatus::Done => Status::Done,
        JobStatus::Failed => Status::Failed,
        JobStatus::Dropped => Status::Dropped,
    }
}

fn job(record: &JobRecord, files: Vec<usize>) -> Job {
    let telling = record.telling();
    let started = || record.results.iter().filter(|result| result.started.is_some());
    let others: Vec<&str> = started()
        .filter(|result| telling.is_none_or(|telling| telling.n != result.n))
        .map(|result| state_word(result.state))
        .collect();
    Job {
        name: record.name.clone(),
        status: status(record),
        attempts: started().count() as u32,
        earlier: others.join(", ").replace('_', " "),
        exit_status: telling.and_then(|result| result.exit_status),
        cause: record.cause.clone(),
        elapsed_seconds: telling.map(|result| result.elapsed_seconds),
        cpu_seconds: telling.map(|result| result.cpu_seconds),
        files,
    }
}

/// The campaign file of a local run keeps no history: it is put together from when results were started and how long
/// they ran.
fn history(records: &[JobRecord]) -> Vec<Moment> {
    #[derive(Clone, Copy)]
    enum Step {
        Begins,
        Ends(Status),
    }
    let mut steps: Vec<(f64, Step)> = Vec::new();
    let mut total = 0;
    for record in records.iter().filter(|record| status(record) != Status::Dropped) {
        total += 1;
        let Some(begin) = record.results.iter().filter_map(|result| result.started).reduce(f64::min) else {
            continue;
        };
        steps.push((begin, Step::Begins));
        if record.status().is_over() {
            let ends = record
                .results
                .iter()
                .filter_map(|result| result.started.map(|started| started + result.elapsed_seconds));
            steps.push((ends.fold(begin, f64::max), Step::Ends(status(record))));
        }
    }
    steps.sort_by(|a, b| a.0.total_cmp(&b.0));
    let Some((first, _)) = steps.first() else { return Vec::new() };
    let mut moment = Moment { at: *first, done: 0, failed: 0, running: 0, waiting: total };
    let mut history = vec![moment];
    for (at, step) in steps {
        moment.at = at;
        match step {
            Step::Begins => {
                moment.waiting -= 1;
                moment.running += 1;
            }
            Step::Ends(status) => {
                moment.running -= 1;
                if status == Status::Done { moment.done += 1 } else { moment.failed += 1 }
            }
        }
        history.push(moment);
    }
    history
}
