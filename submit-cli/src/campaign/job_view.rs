//! What a campaign file knows of a job, wherever it runs: what `status`, `results.csv`, the report and `--json` show.

use std::collections::{BTreeMap, HashMap};

use rusqlite::Row;
use serde::{Serialize, Serializer};

use super::cause::CauseKind;
use super::{Campaign, CampaignError, utc, words};

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum JobState {
    /// It has not been started or, for a project, not been submitted.
    Waiting,
    /// It is on the server, and has not been sent to a host.
    Unsent,
    /// It was started, or sent to a host.
    InProgress,
    /// Its outputs are collected; on a project it has a canonical result.
    Done,
    /// Given up.
    Failed,
    /// An earlier plan had it, the last one did not.
    Dropped,
}

impl JobState {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 6] =
        [Self::Waiting, Self::Unsent, Self::InProgress, Self::Done, Self::Failed, Self::Dropped];

    /// The word that the campaign file, tables and JSON use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Unsent => "unsent",
            Self::InProgress => "in_progress",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }

    /// The word for people.
    pub fn text(self) -> &'static str {
        if self == Self::InProgress { "in progress" } else { self.word() }
    }

    /// Nothing will change any more.
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }

    pub(super) fn of_word(word: &str) -> rusqlite::Result<Self> {
        words::find(&Self::ALL.map(|state| (state.word(), state)), word, "state")
    }
}

impl Serialize for JobState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// Values of a job's parameters by name.
pub type Parameters = BTreeMap<String, String>;

/// A job. The columns of `results.csv` have the names and the order of these fields.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobView {
    /// Its name, and its directory in the results.
    pub job: String,
    /// Where it is.
    pub state: JobState,
    /// 0 for the first, one more for each `buoy retry`.
    pub attempt: u32,
    /// Its workunit's name.
    pub workunit: String,
    /// Number of its results that were started; unknown for a submitted campaign.
    pub results: Option<u32>,
    /// Exit status of its most informative result, as a client reports it.
    pub exit_status: Option<i32>,
    /// What kind of failure it is.
    pub cause_kind: Option<CauseKind>,
    /// Why it failed, one line.
    pub cause: Option<String>,
    /// Run time of the result that counts, seconds.
    pub elapsed_seconds: Option<f64>,
    /// Its processor time, seconds.
    pub cpu_seconds: Option<f64>,
    /// Its largest working set, bytes; unknown for a submitted campaign.
    pub memory_bytes: Option<u64>,
    /// The host it ran on; unknown for a submitted campaign.
    pub host: Option<String>,
    /// When it was first started, seconds since 1970; unknown for a submitted campaign.
    #[serde(serialize_with = "utc::optional")]
    pub started: Option<f64>,
    /// Its outputs are on this host.
    pub fetched: bool,
    /// Its parameters by name, as they are in its source.
    pub parameters: Parameters,
}

/// Jobs by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Not started, or not on the server.
    pub waiting: usize,
    /// On the server, not sent to a host.
    pub unsent: usize,
    /// Started, or sent to a host.
    pub in_progress: usize,
    /// Finished with outputs.
    pub done: usize,
    /// Given up.
    pub failed: usize,
    /// No longer part of the campaign.
    pub dropped: usize,
}

impl Counts {
    /// All jobs of the campaign.
    pub fn total(&self) -> usize {
        self.waiting + self.unsent + self.in_progress + self.finished()
    }

    /// Jobs that have finished.
    pub fn finished(&self) -> usize {
        self.done + self.failed
    }

    /// The number of jobs in a state.
    pub fn of(&self, state: JobState) -> usize {
        let mut counts = *self;
        *counts.of_mut(state)
    }

    /// Counts one more job in a state.
    pub(crate) fn add(&mut self, state: JobState) {
        *self.of_mut(state) += 1;
    }

    fn of_mut(&mut self, state: JobState) -> &mut usize {
        match state {
            JobState::Waiting => &mut self.waiting,
            JobState::Unsent => &mut self.unsent,
            JobState::InProgress => &mut self.in_progress,
            JobState::Done => &mut self.done,
            JobState::Failed => &mut self.failed,
            JobState::Dropped => &mut self.dropped,
        }
    }
}

/// Failed jobs with the same kind of cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailureGroup {
    /// The kind.
    pub cause_kind: CauseKind,
    /// Exit status of the example.
    pub exit_status: Option<i32>,
    /// Number of jobs.
    pub count: usize,
    /// One of them.
    pub example: String,
    /// Why the example failed.
    pub cause: String,
}

/// Jobs are listed in the order of their source, also those that were retried later.
const IN_ORDER: &str = "ORDER BY (SELECT min(id) FROM workunit AS first WHERE first.job = workunit.job)";

impl Campaign {
    /// The last attempt at each job, in the order of the jobs' source.
    ///
    /// # Errors
    /// The campaign file cannot be read.
    pub fn job_views(&self) -> Result<Vec<JobView>, CampaignError> {
        self.read(|db| {
            db.prepare(&format!("SELECT * FROM workunit WHERE current = 1 {IN_ORDER}"))?
                .query_map([], read_view)?
                .collect()
        })
    }

    /// What became of attempts and results that do not count, by job, the first one first.
    ///
    /// # Errors
    /// The campaign file cannot be read.
    pub fn earlier(&self) -> Result<HashMap<String, Vec<String>>, CampaignError> {
        let mut earlier: HashMap<String, Vec<String>> = HashMap::new();
        let replaced: Vec<JobView> = self.read(|db| {
            db.prepare("SELECT * FROM workunit WHERE current = 0 ORDER BY id")?
                .query_map([], read_view)?
                .collect()
        })?;
        for view in replaced {
            let text = view.cause.unwrap_or_else(|| view.state.text().to_owned());
            earlier.entry(view.job).or_default().push(text);
        }
        for record in self.jobs()? {
            let counts = record.most_informative().map(|result| result.n);
            let others =
                record.results.iter().filter(|other| other.started.is_some() && Some(other.n) != counts);
            let texts: Vec<String> =
                others.map(|result| super::state_word(result.state).replace('_', " ")).collect();
            if !texts.is_empty() {
                earlier.insert(record.name, texts);
            }
        }
        Ok(earlier)
    }

    /// Jobs by state.
    ///
    /// # Errors
    /// The campaign file cannot be read.
    pub fn counts(&self) -> Result<Counts, CampaignError> {
        self.read(|db| {
            let mut counts = Counts::default();
            let mut statement =
                db.prepare_cached("SELECT state, count(*) FROM workunit WHERE current = 1 GROUP BY state")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let word: String = row.get(0)?;
                *counts.of_mut(JobState::of_word(&word)?) = row.get::<_, i64>(1)? as usize;
            }
            Ok(counts)
        })
    }

    /// Failed jobs by kind of cause, the most frequent first.
    ///
    /// # Errors
    /// The campaign file cannot be read.
    pub fn failures(&self) -> Result<Vec<FailureGroup>, CampaignError> {
        self.read(|db| {
            db.prepare_cached(
                "SELECT coalesce(cause_kind, 'unknown') AS kind, count(*), min(id), job, exit_status,
                     coalesce(cause, 'unknown')
                 FROM workunit WHERE current = 1 AND state = 'failed'
                 GROUP BY kind, CASE WHEN cause_kind IN ('exit', 'signal') THEN exit_status END
                 ORDER BY 2 DESC, 3",
            )?
            .query_map([], |row| {
                let kind: String = row.get(0)?;
                Ok(FailureGroup {
                    cause_kind: CauseKind::of_word(&kind),
                    count: row.get::<_, i64>(1)? as usize,
                    example: row.get(3)?,
                    exit_status: row.get(4)?,
                    cause: row.get(5)?,
                })
            })?
            .collect()
        })
    }

    /// Number of finished jobs whose outputs are not on this host.
    ///
    /// # Errors
    /// The campaign file cannot be read.
    pub fn unfetched(&self) -> Result<usize, CampaignError> {
        self.read(|db| {
            db.query_row(
                "SELECT count(*) FROM workunit WHERE current = 1 AND state = 'done' AND fetched = 0",
                [],
                |row| row.get::<_, i64>(0).map(|count| count as usize),
            )
        })
    }

    /// The names of all jobs, in order.
    ///
    /// # Errors
    /// The campaign file cannot be read.
    pub fn job_names(&self) -> Result<Vec<String>, CampaignError> {
        self.read(|db| {
            db.prepare("SELECT job FROM workunit WHERE current = 1 ORDER BY id")?
                .query_map([], |row| row.get(0))?
                .collect()
        })
    }
}

/// Parameters as the campaign file has them: a JSON object.
pub(super) fn parameters_text(parameters: &Parameters) -> String {
    serde_json::to_string(parameters).expect("texts become JSON")
}

pub(super) fn read_parameters(row: &Row<'_>) -> rusqlite::Result<Parameters> {
    let text: Option<String> = row.get("parameters")?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

fn read_view(row: &Row<'_>) -> rusqlite::Result<JobView> {
    let state: String = row.get("state")?;
    let kind: Option<String> = row.get("cause_kind")?;
    Ok(JobView {
        job: row.get("job")?,
        state: JobState::of_word(&state)?,
        attempt: row.get("attempt")?,
        workunit: row.get("name")?,
        results: row.get("results")?,
        exit_status: row.get("exit_status")?,
        cause_kind: kind.map(|word| CauseKind::of_word(&word)),
        cause: row.get("cause")?,
        elapsed_seconds: row.get("elapsed_seconds")?,
        cpu_seconds: row.get("cpu_seconds")?,
        memory_bytes: row.get::<_, Option<i64>>("memory_bytes")?.map(|bytes| bytes as u64),
        host: row.get("host")?,
        started: row.get("started")?,
        fetched: row.get("fetched")?,
        parameters: read_parameters(row)?,
    })
}
