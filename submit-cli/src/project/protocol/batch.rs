//! A batch as the server has it (`query_batch`, `query_batches`).

use super::id::{BatchId, ResultId, WorkunitId};
use crate::project::xml::{Elements, number, value};

/// How a batch is named in a request. Names are not unique: by name the oldest batch answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchKey {
    /// By its number.
    Id(BatchId),
    /// By its name.
    Name(String),
}

/// How much is asked about each job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Details {
    /// Number, name and canonical instance only.
    Without,
    /// With status, exit statuses, errors and CPU time.
    With,
}

/// Where a batch is in its life (`html/inc/common_defs.inc`, `BATCH_STATE_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchState {
    /// Made; takes jobs. After a failed `submit_batch` it can hold some nonetheless.
    Init,
    /// Has its jobs.
    InProgress,
    /// All jobs are over, done or failed. Written only when somebody looks.
    Complete,
    /// Aborted.
    Aborted,
    /// Retired: its files may be gone.
    Retired,
}

/// A batch.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchReply {
    /// Its number.
    pub id: BatchId,
    /// Its name, as the server has it.
    pub name: String,
    /// The BOINC app.
    pub app_name: String,
    /// Where it is in its life.
    pub state: BatchState,
    /// How many jobs it has, or was to have after a failed `submit_batch`.
    pub job_count: u64,
    /// How many of them failed.
    pub failed_count: u64,
    /// Share of jobs that are over, 0 to 1.
    pub fraction_done: f64,
    /// Seconds since 1970.
    pub create_time: f64,
    /// Seconds since 1970; `None` while it is not complete.
    pub completion_time: Option<f64>,
    /// Its jobs; empty in a list of batches.
    pub jobs: Vec<BatchJob>,
}

/// A job of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchJob {
    /// Its number.
    pub id: WorkunitId,
    /// Its name.
    pub name: String,
    /// The instance whose outputs count, once there is one.
    pub canonical_instance: Option<ResultId>,
    /// Only where asked for.
    pub details: Option<JobDetails>,
}

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobStatus {
    /// There is a canonical instance.
    Done,
    /// At least one instance is at a volunteer.
    InProgress,
    /// Waits for a volunteer.
    Queued,
    /// Failed for good.
    Error,
}

/// More about a job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobDetails {
    /// Where it is.
    pub status: JobStatus,
    /// Exit statuses of its failed instances; only given for a job that failed for good.
    pub exit_statuses: Vec<i32>,
    /// The canonical instance's CPU seconds.
    pub cpu_seconds: Option<f64>,
    /// Why it failed, in BOINC's words, such as `too_many_error_results`.
    pub errors: Vec<String>,
}

impl BatchState {
    fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::Init,
            1 => Self::InProgress,
            2 => Self::Complete,
            3 => Self::Aborted,
            4 => Self::Retired,
            _ => return None,
        })
    }
}

impl JobStatus {
    fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "done" => Self::Done,
            "in_progress" => Self::InProgress,
            "queued" => Self::Queued,
            "error" => Self::Error,
            _ => return None,
        })
    }
}

/// One batch and its jobs, from the inside of `<query_batch>` or of a `<batch>`.
pub(crate) fn parse(text: &str) -> Result<BatchReply, String> {
    // Names come as they are, markup and all, so each is found by what stands around it.
    let start = text.find("<name>").ok_or("no <name>")? + "<name>".len();
    let follows = |end: &usize| text[end + "</name>".len()..].trim_start().starts_with("<app_name>");
    let end = text[start..].match_indices("</name>").map(|(at, _)| start + at).find(follows);
    let end = end.ok_or("no <app_name> after </name>")?;
    let (before, after) = (&text[..start], &text[end + "</name>".len()..]);
    let app_name = value(after, "app_name").ok_or("<app_name> without an end")?;
    let needed = |tag: &str| number::<f64>(before, tag).ok_or(format!("no number in <{tag}>"));
    let state: u32 = number(before, "state").ok_or("no number in <state>")?;
    let completion_time = needed("completion_time")?;
    let jobs = &after[after.find("</app_name>").ok_or("<app_name> without an end")?..];
    Ok(BatchReply {
        id: BatchId(number(before, "id").ok_or("no number in <id>")?),
        name: text[start..end].to_owned(),
        app_name: app_name.to_owned(),
        state: BatchState::from_number(state).ok_or(format!("state {state}, which is unknown"))?,
        job_count: number(before, "njobs").ok_or("no number in <njobs>")?,
        failed_count: number(before, "nerror_jobs").ok_or("no number in <nerror_jobs>")?,
        fraction_done: needed("fraction_done")?,
        create_time: needed("create_time")?,
        completion_time: (completion_time > 0.0).then_some(completion_time),
        jobs: Elements::new(jobs, "<job>", "</job>").map(|job| parse_job(job?)).collect::<Result<_, _>>()?,
    })
}

/// A list of batches, from the inside of `<query_batches>`.
pub(crate) fn parse_list(text: &str) -> Result<Vec<BatchReply>, String> {
    Elements::new(text, "<batch>", "</batch>").map(|batch| parse(batch?)).collect()
}

fn parse_job(text: &str) -> Result<BatchJob, String> {
    let canonical: u64 =
        number(text, "canonical_instance_id").ok_or("no number in <canonical_instance_id>")?;
    let details = match value(text, "status") {
        None => None,
        Some(word) => Some(JobDetails {
            status: JobStatus::from_word(word)
                .ok_or_else(|| format!("status \"{word}\", which is unknown"))?,
            exit_statuses: Elements::new(text, "<exit_status>", "</exit_status>")
                .map(|status| status?.trim().parse().map_err(|_| "no number in <exit_status>".to_owned()))
                .collect::<Result<_, _>>()?,
            cpu_seconds: number(text, "cpu_time"),
            errors: Elements::new(text, "<error>", "</error>")
                .map(|word| word.map(|word| word.trim().to_owned()))
                .collect::<Result<_, _>>()?,
        }),
    };
    Ok(BatchJob {
        id: WorkunitId(number(text, "id").ok_or("no number in a job's <id>")?),
        name: value(text, "name").ok_or("no <name> in a <job>")?.to_owned(),
        canonical_instance: (canonical != 0).then_some(ResultId(canonical)),
        details,
    })
}
