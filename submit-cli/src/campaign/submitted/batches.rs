//! Rounds and batches of a campaign that goes to a project.

use rusqlite::{Row, params};

use super::super::words::words;
use super::super::{Campaign, CampaignError};
use super::FileNames;

/// Workunits that are submitted together with the same templates: a campaign's first, those that a later run of the
/// same command added, or those that were tried again.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// Tells what is in it: part of the names of its batches, so that another process finds them on the server.
    pub digest: String,
    /// The input template of each of its jobs, XML.
    pub input_template: String,
    /// The output template, XML.
    pub output_template: String,
    /// Floating-point operations of a job, as in the template.
    pub rsc_fpops_est: f64,
    /// Physical names of the files that all its jobs have, before their own.
    pub inputs: FileNames,
    /// What `buoy retry --with` changed, for people; empty if nothing.
    pub changed: String,
}

#[cfg(test)]
impl Round {
    /// One for tests in which only the jobs matter.
    pub(crate) fn of_no_files() -> Self {
        Self {
            digest: "d".to_owned(),
            input_template: String::new(),
            output_template: String::new(),
            rsc_fpops_est: 1.0,
            inputs: FileNames::default(),
            changed: String::new(),
        }
    }
}

/// A round, and its number in the campaign file.
#[derive(Debug, Clone, PartialEq)]
pub struct RoundRow {
    /// From 1.
    pub id: i64,
    /// The round.
    pub round: Round,
}

words! {
    /// How far a batch is.
    pub enum Stage {
        /// It has a name; a request to make it may have been sent.
        Named = "named",
        /// The server has made it; jobs may have been submitted to it.
        Created = "created",
        /// The server has all its jobs.
        Submitted = "submitted",
        /// The server says that all its jobs are over.
        Complete = "complete",
        /// Aborted by the submitter.
        Aborted = "aborted",
        /// Retired by the submitter: the server may delete what belongs to it.
        Retired = "retired",
    }
}

/// A batch on the project's server.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchRow {
    /// Its number in the campaign file, from 1.
    pub id: i64,
    /// Its round.
    pub round: i64,
    /// Its number in the round, from 1.
    pub part: u32,
    /// Its name on the server.
    pub name: String,
    /// How far it is.
    pub stage: Stage,
    /// Its id on the server.
    pub server_id: Option<i64>,
    /// The server's clock when it was last asked for changes; the next question starts here.
    pub known_until: Option<f64>,
    /// When that was, by our clock, seconds since 1970.
    pub asked: Option<f64>,
}

impl BatchRow {
    /// Its number at the project, if the project has it.
    pub fn number(&self) -> Option<u64> {
        self.server_id.and_then(|id| u64::try_from(id).ok())
    }
}

impl Campaign {
    /// The rounds, in order.
    pub fn rounds(&self) -> Result<Vec<RoundRow>, CampaignError> {
        self.read(|db| {
            db.prepare_cached("SELECT * FROM round ORDER BY id")?
                .query_map([], |row| {
                    Ok(RoundRow {
                        id: row.get("id")?,
                        round: Round {
                            digest: row.get("digest")?,
                            input_template: row.get("input_template")?,
                            output_template: row.get("output_template")?,
                            rsc_fpops_est: row.get("rsc_fpops_est")?,
                            inputs: row.get("inputs")?,
                            changed: row.get("changed")?,
                        },
                    })
                })?
                .collect()
        })
    }

    /// The batches, in order.
    pub fn batches(&self) -> Result<Vec<BatchRow>, CampaignError> {
        self.read(|db| {
            db.prepare_cached("SELECT * FROM batch ORDER BY id")?.query_map([], read_batch)?.collect()
        })
    }

    /// Names the next batch of a round. Done before the server hears of it.
    pub fn add_batch(&mut self, round: i64, part: u32, name: &str) -> Result<BatchRow, CampaignError> {
        let id = self.step(|transaction| {
            transaction.execute(
                "INSERT INTO batch (round, part, name, stage) VALUES (?1, ?2, ?3, ?4)",
                params![round, part, name, Stage::Named],
            )?;
            Ok(transaction.last_insert_rowid())
        })?;
        Ok(BatchRow {
            id,
            round,
            part,
            name: name.to_owned(),
            stage: Stage::Named,
            server_id: None,
            known_until: None,
            asked: None,
        })
    }

    /// Writes how far a batch is.
    pub fn save_batch(&mut self, batch: &BatchRow) -> Result<(), CampaignError> {
        self.step(|transaction| {
            transaction
                .execute(
                    "UPDATE batch SET name = ?2, stage = ?3, server_id = ?4, known_until = ?5, asked = ?6 WHERE id = ?1",
                    params![
                        batch.id,
                        batch.name,
                        batch.stage,
                        batch.server_id,
                        batch.known_until,
                        batch.asked
                    ],
                )
                .map(drop)
        })
    }
}

fn read_batch(row: &Row<'_>) -> rusqlite::Result<BatchRow> {
    Ok(BatchRow {
        id: row.get("id")?,
        round: row.get("round")?,
        part: row.get("part")?,
        name: row.get("name")?,
        stage: row.get("stage")?,
        server_id: row.get("server_id")?,
        known_until: row.get("known_until")?,
        asked: row.get("asked")?,
    })
}
