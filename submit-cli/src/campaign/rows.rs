//! Reading and writing the rows of a campaign file.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::record::{JobRecord, ResultRecord, STATE_WORDS, state_word};
use super::{Campaign, CampaignError, sql};
use crate::campaign::workunit::{ErrorMask, Restarts};

impl Campaign {
    /// A value about the campaign as a whole.
    pub fn meta(&self, key: &str) -> Result<Option<String>, CampaignError> {
        self.db
            .query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
            .optional()
            .map_err(|source| sql(&self.path, "read from it", source))
    }

    /// Sets such values, all or none.
    pub fn set_meta(&mut self, pairs: &[(&str, &str)]) -> Result<(), CampaignError> {
        self.step("write to it", |transaction| {
            for (key, value) in pairs {
                transaction.execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", [key, value])?;
            }
            Ok(())
        })
    }

    /// Writes jobs with their results, all or none: one step of the campaign.
    pub fn save<'a>(&mut self, jobs: impl IntoIterator<Item = &'a JobRecord>) -> Result<(), CampaignError> {
        self.step("write to it", |transaction| {
            for job in jobs {
                write_job(transaction, job)?;
                for result in &job.results {
                    write_result(transaction, job.id, result)?;
                }
            }
            Ok(())
        })
    }

    /// All jobs, in the order of their numbers, with their results.
    pub fn jobs(&self) -> Result<Vec<JobRecord>, CampaignError> {
        self.read_jobs().map_err(|source| sql(&self.path, "read from it", source))
    }

    fn read_jobs(&self) -> rusqlite::Result<Vec<JobRecord>> {
        let mut jobs: Vec<JobRecord> = self
            .db
            .prepare("SELECT * FROM job ORDER BY id")?
            .query_map([], read_job)?
            .collect::<Result<_, _>>()?;
        let index: HashMap<i64, usize> = jobs.iter().enumerate().map(|(at, job)| (job.id, at)).collect();
        let mut statement = self.db.prepare("SELECT * FROM result ORDER BY job, n")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(&at) = index.get(&row.get("job")?) {
                jobs[at].results.push(read_result(row)?);
            }
        }
        Ok(jobs)
    }

    pub(super) fn step(
        &mut self,
        doing: &'static str,
        act: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), CampaignError> {
        let path = &self.path;
        let done = self.db.transaction().and_then(|transaction| {
            act(&transaction)?;
            transaction.commit()
        });
        done.map_err(|source| sql(path, doing, source))
    }
}

fn write_job(transaction: &Transaction<'_>, job: &JobRecord) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO job VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")?
        .execute(params![
            job.id,
            job.name,
            job.wu_name,
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
            state_word(result.state),
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
        name: row.get("name")?,
        wu_name: row.get("wu_name")?,
        fingerprint: row.get("fingerprint")?,
        in_plan: row.get("in_plan")?,
        first_n: row.get("first_n")?,
        target_nresults: row.get("target_nresults")?,
        errors: ErrorMask::from_bits(row.get("error_mask")?),
        canonical: row.get("canonical")?,
        assimilated: row.get("assimilated")?,
        cause: row.get("cause")?,
        results: Vec::new(),
    })
}

fn read_result(row: &Row<'_>) -> rusqlite::Result<ResultRecord> {
    let word: String = row.get("state")?;
    let state = STATE_WORDS
        .iter()
        .find(|(known, _)| *known == word)
        .map(|(_, state)| *state)
        .ok_or_else(|| rusqlite::Error::InvalidColumnName(format!("state {word}")))?;
    Ok(ResultRecord {
        n: row.get("n")?,
        state,
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
