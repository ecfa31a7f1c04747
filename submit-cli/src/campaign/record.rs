//! The rows of a campaign file.

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlResult, ToSqlOutput, ValueRef};

use super::cause::{Cause, CauseKind, Subject};
use super::job_view::{JobState, Parameters};
use super::words;
use super::workunit::{ErrorMask, Outcome, Restarts, ResultState, ValidateState};

/// A job: a workunit and what has become of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobRecord {
    /// Number of the workunit, from 1 (`wu_id`).
    pub id: i64,
    /// The job's name: its directory of results.
    pub name: String,
    /// The workunit's name.
    pub wu_name: String,
    /// Differs when a later plan means something else by this name: other arguments or inputs.
    pub fingerprint: String,
    /// The values of its parameters.
    pub parameters: Parameters,
    /// The last plan that was run has it.
    pub in_plan: bool,
    /// Results with a smaller number belong to an earlier try that was given up.
    pub first_n: u32,
    /// How many successes are wanted at present.
    pub target_nresults: u32,
    /// Why the job was given up, if it was.
    pub errors: ErrorMask,
    /// The canonical result's number.
    pub canonical: Option<u32>,
    /// The assimilator is done with it.
    pub assimilated: bool,
    /// Why it failed, for people, one line.
    pub cause: Option<String>,
    /// Its results, in the order of their numbers.
    pub results: Vec<ResultRecord>,
}

impl JobRecord {
    /// A job without results.
    pub fn new(id: i64, name: &str, wu_name: &str, fingerprint: String, target_nresults: u32) -> Self {
        Self {
            id,
            name: name.to_owned(),
            wu_name: wu_name.to_owned(),
            fingerprint,
            in_plan: true,
            target_nresults,
            ..Self::default()
        }
    }

    /// Where the job is.
    pub fn state(&self) -> JobState {
        if self.assimilated {
            if self.canonical.is_some() { JobState::Done } else { JobState::Failed }
        } else if !self.in_plan {
            JobState::Dropped
        } else if self.results.iter().any(|result| result.started.is_some()) {
            JobState::InProgress
        } else {
            JobState::Waiting
        }
    }

    /// Why the job failed, if it did, in the words that a submitted job's failure has.
    pub fn failure(&self, subject: &Subject<'_>) -> Option<Cause> {
        if self.state() != JobState::Failed {
            return None;
        }
        let failed = self.current().filter(|result| {
            result.cause.is_some() && matches!(result.state, ResultState::Over(Outcome::ClientError))
        });
        let statuses: Vec<i32> = failed.filter_map(|result| result.exit_status).collect();
        let refused = self.current().any(|result| result.state == ResultState::Over(Outcome::ValidateError));
        let cause = Cause::of(&statuses, &self.errors.words(), subject).with_detail(self.cause.as_deref());
        // What a validator refuses has ended well.
        Some(if refused && statuses.is_empty() {
            Cause { kind: CauseKind::Validation, ..cause }
        } else {
            cause
        })
    }

    /// The results of the present try.
    pub fn current(&self) -> impl Iterator<Item = &ResultRecord> {
        self.results.iter().filter(|result| result.n >= self.first_n)
    }

    /// The result with this number.
    pub fn result(&self, n: u32) -> Option<&ResultRecord> {
        self.results.iter().find(|result| result.n == n)
    }

    /// The most informative result of the job: the canonical one, else the last that is an error, else the last
    /// that was started.
    pub fn most_informative(&self) -> Option<&ResultRecord> {
        let last = |wanted: fn(&ResultRecord) -> bool| self.results.iter().rev().find(|r| wanted(r));
        match self.canonical {
            Some(n) => self.result(n),
            None => last(|result| result.cause.is_some()).or_else(|| last(|result| result.started.is_some())),
        }
    }

    /// The name of a result: `<wu_name>_<n>`.
    pub fn result_name(&self, n: u32) -> String {
        format!("{}_{n}", self.wu_name)
    }
}

/// A result: one copy of a job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResultRecord {
    /// Number in its workunit, from 0.
    pub n: u32,
    /// Where it is.
    pub state: ResultState,
    /// The slot it runs in.
    pub slot: Option<u32>,
    /// Exit status as the client reports it.
    pub exit_status: Option<i32>,
    /// Why it is an error, one line.
    pub cause: Option<String>,
    /// When it was first started, seconds since 1970.
    pub started: Option<f64>,
    /// Wall time it has run, over all its starts.
    pub elapsed_seconds: f64,
    /// Processor time.
    pub cpu_seconds: f64,
    /// Processor time at its last checkpoint; a new start counts from there.
    pub checkpoint_cpu_seconds: f64,
    /// The largest working set that was reported, bytes.
    pub peak_bytes: u64,
    /// How often it was started again.
    pub restarts: Restarts,
}

impl ResultRecord {
    /// A result that waits for a slot.
    pub fn unsent(n: u32) -> Self {
        Self { n, ..Self::default() }
    }
}

/// The word for a state in the file, and back.
pub(super) const STATE_WORDS: [(&str, ResultState); 10] = [
    ("unsent", ResultState::Unsent),
    ("in_progress", ResultState::InProgress),
    ("unchecked", ResultState::Over(Outcome::Success(ValidateState::Init))),
    ("valid", ResultState::Over(Outcome::Success(ValidateState::Valid))),
    ("invalid", ResultState::Over(Outcome::Success(ValidateState::Invalid))),
    ("inconclusive", ResultState::Over(Outcome::Success(ValidateState::Inconclusive))),
    ("no_check", ResultState::Over(Outcome::Success(ValidateState::NoCheck))),
    ("error", ResultState::Over(Outcome::ClientError)),
    ("validate_error", ResultState::Over(Outcome::ValidateError)),
    ("not_needed", ResultState::Over(Outcome::DidntNeed)),
];

/// The word of a state for tables and JSON.
pub fn state_word(state: ResultState) -> &'static str {
    let found = STATE_WORDS.iter().find(|(_, known)| *known == state);
    found.map(|(word, _)| *word).expect("each state has a word")
}

impl ToSql for ResultState {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(state_word(*self).into())
    }
}

impl FromSql for ResultState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let word = value.as_str()?;
        let found = STATE_WORDS.iter().find(|(known, _)| *known == word);
        found.map(|(_, state)| *state).ok_or_else(|| words::unknown(word))
    }
}
