//! The jobs of a campaign of this host, with what its emulated server keeps of them besides what every campaign has.

use std::collections::HashMap;

use rusqlite::{Row, Transaction, params};

use super::cause::Subject;
use super::job_view::JobState;
use super::meta::CampaignMeta;
use super::parameters::{parameters_text, read_parameters};
use super::record::{JobRecord, ResultRecord};
use super::workunit::{ErrorMask, Restarts};
use super::{Campaign, CampaignError};

pub(super) const SCHEMA: &str = "
CREATE TABLE local_job (
    id INTEGER PRIMARY KEY REFERENCES workunit(id),
    fingerprint TEXT NOT NULL,
    in_plan INTEGER NOT NULL,
    first_n INTEGER NOT NULL,
    target_nresults INTEGER NOT NULL,
    error_mask INTEGER NOT NULL,
    canonical_n INTEGER,
    assimilated INTEGER NOT NULL,
    detail TEXT
);
CREATE TABLE result (
    job INTEGER NOT NULL REFERENCES local_job(id),
    n INTEGER NOT NULL,
    state TEXT NOT NULL,
    slot INTEGER,
    exit_status INTEGER,
    cause TEXT,
    started REAL,
    elapsed_seconds REAL NOT NULL,
    cpu_seconds REAL NOT NULL,
    checkpoint_cpu_seconds REAL NOT NULL,
    peak_bytes INTEGER NOT NULL,
    premature_exits INTEGER NOT NULL,
    temporary_exits INTEGER NOT NULL,
    PRIMARY KEY (job, n)
) WITHOUT ROWID;
";

impl Campaign {
    /// Writes jobs with their results, all or none: one step of the campaign.
    ///
    /// # Errors
    /// The campaign file cannot be read or written.
    pub fn save<'a>(&mut self, jobs: impl IntoIterator<Item = &'a JobRecord>) -> Result<(), CampaignError> {
        let meta = self.meta()?.unwrap_or_default();
        self.step(|transaction| {
            for job in jobs {
                write_workunit(transaction, job, &meta)?;
                write_job(transaction, job)?;
                for result in &job.results {
                    write_result(transaction, job.id, result)?;
                }
            }
            Ok(())
        })
    }

    /// All jobs of a campaign of this host, in the order of their numbers, with their results; none for a submitted campaign.
    ///
    /// # Errors
    /// The campaign file cannot be read.
    pub fn jobs(&self) -> Result<Vec<JobRecord>, CampaignError> {
        self.read(|db| {
            let mut jobs: Vec<JobRecord> = db
                .prepare("SELECT * FROM local_job JOIN workunit USING (id) ORDER BY id")?
                .query_map([], read_job)?
                .collect::<Result<_, _>>()?;
            let index: HashMap<i64, usize> = jobs.iter().enumerate().map(|(at, job)| (job.id, at)).collect();
            let mut statement = db.prepare("SELECT * FROM result ORDER BY job, n")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                if let Some(&at) = index.get(&row.get("job")?) {
                    jobs[at].results.push(read_result(row)?);
                }
            }
            Ok(jobs)
        })
    }
}

/// What every campaign knows of a job.
fn write_workunit(
    transaction: &Transaction<'_>,
    job: &JobRecord,
    meta: &CampaignMeta,
) -> rusqlite::Result<()> {
    let result = job.most_informative();
    let failure = job.failure(&Subject { program: &meta.app, bounds: meta.bounds });
    let started = job.results.iter().filter_map(|result| result.started);
    let is_done = job.state() == JobState::Done;
    transaction
        .prepare_cached(
            "INSERT INTO workunit (id, job, name, attempt, current, parameters, state, results, exit_status, cause_kind,
                 cause, elapsed_seconds, cpu_seconds, memory_bytes, host, started, fetched)
             VALUES (?1, ?2, ?3, 0, 1, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
             ON CONFLICT (id) DO UPDATE SET name = ?3, parameters = ?4, state = ?5, results = ?6, exit_status = ?7, cause_kind = ?8,
                 cause = ?9, elapsed_seconds = ?10, cpu_seconds = ?11, memory_bytes = ?12, host = ?13, started = ?14,
                 fetched = ?15",
        )?
        .execute(params![
            job.id,
            job.name,
            job.wu_name,
            parameters_text(&job.parameters),
            job.state(),
            started.clone().count() as i64,
            result.and_then(|result| result.exit_status),
            failure.as_ref().map(|cause| cause.kind),
            failure.as_ref().map(|cause| &cause.text),
            result.map(|result| result.elapsed_seconds),
            result.map(|result| result.cpu_seconds),
            // A job that ends before it is looked at has used some memory; how much is unknown.
            result.filter(|result| result.peak_bytes > 0).map(|result| result.peak_bytes as i64),
            result.and(meta.host.as_deref()),
            started.reduce(f64::min),
            is_done,
        ])
        .map(drop)
}

fn write_job(transaction: &Transaction<'_>, job: &JobRecord) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO local_job VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
        .execute(params![
            job.id,
            job.fingerprint,
            job.in_plan,
            job.first_n,
            job.target_nresults,
            job.errors.bits(),
            job.canonical,
            job.assimilated,
            job.cause,
        ])
        .map(drop)
}

fn write_result(transaction: &Transaction<'_>, job: i64, result: &ResultRecord) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO result VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            job,
            result.n,
            result.state,
            result.slot,
            result.exit_status,
            result.cause,
            result.started,
            result.elapsed_seconds,
            result.cpu_seconds,
            result.checkpoint_cpu_seconds,
            result.peak_bytes as i64,
            result.restarts.premature,
            result.restarts.temporary,
        ])
        .map(drop)
}

fn read_job(row: &Row<'_>) -> rusqlite::Result<JobRecord> {
    Ok(JobRecord {
        id: row.get("id")?,
        name: row.get("job")?,
        wu_name: row.get("name")?,
        fingerprint: row.get("fingerprint")?,
        parameters: read_parameters(row)?,
        in_plan: row.get("in_plan")?,
        first_n: row.get("first_n")?,
        target_nresults: row.get("target_nresults")?,
        errors: ErrorMask::from_bits(row.get("error_mask")?),
        canonical: row.get("canonical_n")?,
        assimilated: row.get("assimilated")?,
        cause: row.get("detail")?,
        results: Vec::new(),
    })
}

fn read_result(row: &Row<'_>) -> rusqlite::Result<ResultRecord> {
    Ok(ResultRecord {
        n: row.get("n")?,
        state: row.get("state")?,
        slot: row.get("slot")?,
        exit_status: row.get("exit_status")?,
        cause: row.get("cause")?,
        started: row.get("started")?,
        elapsed_seconds: row.get("elapsed_seconds")?,
        cpu_seconds: row.get("cpu_seconds")?,
        checkpoint_cpu_seconds: row.get("checkpoint_cpu_seconds")?,
        peak_bytes: row.get::<_, i64>("peak_bytes")? as u64,
        restarts: Restarts { premature: row.get("premature_exits")?, temporary: row.get("temporary_exits")? },
    })
}
