//! Reads what a campaign file knows of its jobs.

use std::collections::HashMap;

use rusqlite::Row;

use super::job_view::{Counts, FailureGroup, JobView};
use super::parameters::read_parameters;
use super::{Campaign, CampaignError};

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
                *counts.of_mut(row.get(0)?) = row.get::<_, i64>(1)? as usize;
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
                Ok(FailureGroup {
                    cause_kind: row.get(0)?,
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

fn read_view(row: &Row<'_>) -> rusqlite::Result<JobView> {
    Ok(JobView {
        job: row.get("job")?,
        state: row.get("state")?,
        attempt: row.get("attempt")?,
        workunit: row.get("name")?,
        results: row.get("results")?,
        exit_status: row.get("exit_status")?,
        cause_kind: row.get("cause_kind")?,
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
