//! Workunits of a campaign that goes to a project.

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::super::cause::Cause;
use super::super::job_view::{JobState, Parameters};
use super::super::parameters::{parameters_text, read_parameters};
use super::super::{Campaign, CampaignError};
use super::{FileNames, Round};

/// A workunit that is to be submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWorkunit {
    /// The submitter's name for the job.
    pub job: String,
    /// The workunit's name.
    pub name: String,
    /// What it runs, as the server gets it.
    pub command_line: String,
    /// Physical names of the inputs that differ from job to job, in the template's order.
    pub inputs: FileNames,
    /// The values of its parameters.
    pub parameters: Parameters,
}

/// A workunit: one attempt at a job.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkunitRow {
    /// Its number in the campaign file.
    pub id: i64,
    /// What was to be submitted.
    pub new: NewWorkunit,
    /// 0 for the first, one more for each `buoy retry`.
    pub attempt: u32,
    /// The attempt before it.
    pub parent: Option<i64>,
    /// It is the last attempt at its job.
    pub current: bool,
    /// Its round.
    pub round: i64,
    /// Its batch, once it has been given one.
    pub batch: Option<i64>,
    /// Where it is.
    pub state: JobState,
    /// Its id on the server, if known.
    pub server_id: Option<i64>,
    /// The id of its canonical result, if known.
    pub canonical: Option<i64>,
    /// Exit status of a failed result.
    pub exit_status: Option<i32>,
    /// Why it failed, one line, the same for all that failed alike.
    pub cause: Option<String>,
    /// Processor time of the canonical result, seconds.
    pub cpu_seconds: Option<f64>,
    /// Its run time, seconds.
    pub elapsed_seconds: Option<f64>,
    /// When we learned of its last change, seconds since 1970.
    pub changed: Option<f64>,
    /// Its outputs are on this computer.
    pub fetched: bool,
}

/// A change of state that the server reported, by the workunit's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The workunit.
    pub name: String,
    /// Its state now.
    pub state: JobState,
}

/// What the server has told of a workunit besides its state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Verdict {
    /// The workunit.
    pub name: String,
    /// Its id on the server.
    pub server_id: Option<i64>,
    /// The id of its canonical result.
    pub canonical: Option<i64>,
    /// Exit status of a result that counts.
    pub exit_status: Option<i32>,
    /// Why it failed.
    pub cause: Option<Cause>,
    /// Processor time, seconds.
    pub cpu_seconds: Option<f64>,
    /// Run time, seconds.
    pub elapsed_seconds: Option<f64>,
}

/// Which workunits a batch was filled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// Those that are in it and not known to be on the server.
    Waiting,
    /// All.
    All,
}

impl Campaign {
    /// Begins a round: its templates and its workunits, all or none. Workunits whose job has an attempt already become
    /// its next one.
    pub fn add_round(&mut self, round: &Round, workunits: &[NewWorkunit]) -> Result<i64, CampaignError> {
        let mut id = 0;
        self.step(|transaction| {
            transaction.execute(
                "INSERT INTO round (digest, input_template, output_template, rsc_fpops_est, inputs, changed)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    round.digest,
                    round.input_template,
                    round.output_template,
                    round.rsc_fpops_est,
                    round.inputs,
                    round.changed
                ],
            )?;
            id = transaction.last_insert_rowid();
            workunits.iter().try_for_each(|workunit| add_workunit(transaction, id, workunit))
        })?;
        Ok(id)
    }

    /// The workunits of a batch, in order.
    pub fn workunits_of(&self, batch: i64, filled: Filled) -> Result<Vec<WorkunitRow>, CampaignError> {
        let only = match filled {
            Filled::Waiting => " AND state = 'waiting'",
            Filled::All => "",
        };
        self.read_workunits(&format!("WHERE batch = ?1{only} ORDER BY id"), &[&batch])
    }

    /// Workunits of a round that are to be submitted and that no batch has, in order.
    pub fn unassigned(&self, round: i64) -> Result<Vec<WorkunitRow>, CampaignError> {
        self.read_workunits("WHERE round = ?1 AND batch IS NULL AND state = 'waiting' ORDER BY id", &[&round])
    }

    /// The last attempt at each job, in order.
    pub fn current(&self) -> Result<Vec<WorkunitRow>, CampaignError> {
        self.read_workunits("WHERE current = 1 ORDER BY id", &[])
    }

    /// The first attempt at each job, in order.
    pub fn first_attempts(&self) -> Result<Vec<WorkunitRow>, CampaignError> {
        self.read_workunits("WHERE attempt = 0 ORDER BY id", &[])
    }

    /// The last attempts that are in a state, in order.
    pub fn current_in(&self, state: JobState) -> Result<Vec<WorkunitRow>, CampaignError> {
        self.read_workunits("WHERE current = 1 AND state = ?1 ORDER BY id", &[&state])
    }

    /// All attempts at a job, the first one first.
    pub fn attempts(&self, job: &str) -> Result<Vec<WorkunitRow>, CampaignError> {
        self.read_workunits("WHERE job = ?1 ORDER BY attempt", &[&job])
    }

    /// Gives workunits a batch; none takes it from them.
    pub fn assign(&mut self, ids: &[i64], batch: Option<i64>) -> Result<(), CampaignError> {
        self.step(|transaction| {
            let mut update = transaction.prepare_cached("UPDATE workunit SET batch = ?2 WHERE id = ?1")?;
            ids.iter().try_for_each(|id| update.execute(params![id, batch]).map(drop))
        })
    }

    /// Notes that the server has these workunits (name, id there if known) in this batch: those that were waiting are
    /// now unsent. How many names of this campaign there were.
    pub fn note_present(
        &mut self,
        batch: i64,
        present: &[(&str, Option<i64>)],
    ) -> Result<usize, CampaignError> {
        self.step(|transaction| {
            let mut known = 0;
            let mut update = transaction.prepare_cached(
                "UPDATE workunit SET batch = ?2, server_id = coalesce(?3, server_id),
                     state = CASE state WHEN 'waiting' THEN 'unsent' ELSE state END
                 WHERE name = ?1",
            )?;
            for (name, server_id) in present {
                known += update.execute(params![name, batch, server_id])?;
            }
            Ok(known)
        })
    }

    /// Folds changes of state into the file; how many workunits really changed. Nothing that is over changes back.
    pub fn note_changes(&mut self, changes: &[Change], now: f64) -> Result<usize, CampaignError> {
        self.step(|transaction| {
            let mut changed = 0;
            let mut update = transaction.prepare_cached(
                "UPDATE workunit SET state = ?2, changed = ?3
                 WHERE name = ?1 AND state <> ?2 AND state NOT IN ('done', 'failed')",
            )?;
            for change in changes {
                changed += update.execute(params![change.name, change.state, now])?;
            }
            Ok(changed)
        })
    }

    /// Notes what else the server told; what it did not tell stays.
    pub fn note_verdicts(&mut self, verdicts: &[Verdict]) -> Result<(), CampaignError> {
        self.step(|transaction| {
            let mut update = transaction.prepare_cached(
                "UPDATE workunit SET server_id = coalesce(?2, server_id), canonical = coalesce(?3, canonical),
                     exit_status = coalesce(?4, exit_status), cause_kind = coalesce(?5, cause_kind),
                     cause = coalesce(?6, cause), cpu_seconds = coalesce(?7, cpu_seconds),
                     elapsed_seconds = coalesce(?8, elapsed_seconds)
                 WHERE name = ?1",
            )?;
            verdicts.iter().try_for_each(|verdict| {
                let cause = verdict.cause.as_ref();
                update
                    .execute(params![
                        verdict.name,
                        verdict.server_id,
                        verdict.canonical,
                        verdict.exit_status.or_else(|| cause.and_then(|cause| cause.exit_status)),
                        cause.map(|cause| cause.kind),
                        cause.map(|cause| &cause.text),
                        verdict.cpu_seconds,
                        verdict.elapsed_seconds
                    ])
                    .map(drop)
            })
        })
    }

    /// Notes that a job's outputs are on this computer.
    pub fn note_fetched(&mut self, id: i64) -> Result<(), CampaignError> {
        self.step(|transaction| {
            transaction.execute("UPDATE workunit SET fetched = 1 WHERE id = ?1", [id]).map(drop)
        })
    }

    fn read_workunits(
        &self,
        condition: &str,
        values: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<WorkunitRow>, CampaignError> {
        self.read(|db| {
            db.prepare_cached(&format!("SELECT * FROM workunit {condition}"))?
                .query_map(values, read_workunit)?
                .collect()
        })
    }
}

fn add_workunit(transaction: &Transaction<'_>, round: i64, workunit: &NewWorkunit) -> rusqlite::Result<()> {
    let before: Option<(i64, u32)> = transaction
        .prepare_cached("SELECT id, attempt FROM workunit WHERE job = ?1 AND current = 1")?
        .query_row([&workunit.job], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((id, _)) = before {
        transaction.prepare_cached("UPDATE workunit SET current = 0 WHERE id = ?1")?.execute([id])?;
    }
    transaction
        .prepare_cached(
            "INSERT INTO workunit (job, name, attempt, parent, current, round, command_line, inputs, parameters, state, fetched)
             VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?8, 'waiting', 0)",
        )?
        .execute(params![
            workunit.job,
            workunit.name,
            before.map_or(0, |(_, attempt)| attempt + 1),
            before.map(|(id, _)| id),
            round,
            workunit.command_line,
            workunit.inputs,
            parameters_text(&workunit.parameters),
        ])
        .map(drop)
}

fn read_workunit(row: &Row<'_>) -> rusqlite::Result<WorkunitRow> {
    Ok(WorkunitRow {
        id: row.get("id")?,
        new: NewWorkunit {
            job: row.get("job")?,
            name: row.get("name")?,
            command_line: row.get("command_line")?,
            inputs: row.get("inputs")?,
            parameters: read_parameters(row)?,
        },
        attempt: row.get("attempt")?,
        parent: row.get("parent")?,
        current: row.get("current")?,
        round: row.get("round")?,
        batch: row.get("batch")?,
        state: row.get("state")?,
        server_id: row.get("server_id")?,
        canonical: row.get("canonical")?,
        exit_status: row.get("exit_status")?,
        cause: row.get("cause")?,
        cpu_seconds: row.get("cpu_seconds")?,
        elapsed_seconds: row.get("elapsed_seconds")?,
        changed: row.get("changed")?,
        fetched: row.get("fetched")?,
    })
}
