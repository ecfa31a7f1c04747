//! How the number of jobs in each state went over time: what a report draws.

use rusqlite::params;

use super::job_view::Counts;
use super::{Campaign, CampaignError};

/// The campaign at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Seconds since 1970, our clock.
    pub at: f64,
    /// Jobs by state.
    pub counts: Counts,
}

impl Campaign {
    /// Notes how many jobs are in each state, if that has changed since the last note.
    ///
    /// # Errors
    /// The campaign file cannot be read or written.
    pub fn note_moment(&mut self, at: f64) -> Result<(), CampaignError> {
        let counts = Counts { dropped: 0, ..self.counts()? };
        if self.last_moment()?.is_some_and(|last| last.counts == counts) {
            return Ok(());
        }
        self.step(|transaction| {
            transaction
                .execute(
                    "INSERT OR REPLACE INTO history VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    params![
                        at,
                        counts.waiting as i64,
                        counts.unsent as i64,
                        counts.in_progress as i64,
                        counts.done as i64,
                        counts.failed as i64
                    ],
                )
                .map(drop)
        })
    }

    /// What was noted, oldest first.
    pub fn history(&self) -> Result<Vec<Moment>, CampaignError> {
        self.read_moments("ORDER BY at", &[])
    }

    /// What was noted last.
    pub fn last_moment(&self) -> Result<Option<Moment>, CampaignError> {
        Ok(self.read_moments("ORDER BY at DESC LIMIT 1", &[])?.pop())
    }

    /// The last moment at which no more jobs than these had finished.
    pub fn last_moment_with_finished(&self, finished: usize) -> Result<Option<Moment>, CampaignError> {
        Ok(self
            .read_moments("WHERE done + failed <= ?1 ORDER BY at DESC LIMIT 1", &[&(finished as i64)])?
            .pop())
    }

    fn read_moments(
        &self,
        which: &str,
        values: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<Moment>, CampaignError> {
        self.read(|db| {
            db.prepare_cached(&format!("SELECT * FROM history {which}"))?
                .query_map(values, |row| {
                    let count = |name: &str| row.get::<_, i64>(name).map(|count| count as usize);
                    Ok(Moment {
                        at: row.get("at")?,
                        counts: Counts {
                            waiting: count("waiting")?,
                            unsent: count("unsent")?,
                            in_progress: count("in_progress")?,
                            done: count("done")?,
                            failed: count("failed")?,
                            dropped: 0,
                        },
                    })
                })?
                .collect()
        })
    }
}
