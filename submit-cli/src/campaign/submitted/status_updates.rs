//! What following a campaign reads and writes. No lock is needed for it: each write can be repeated, and none undoes
//! what another process has written since.

use std::collections::{BTreeMap, HashMap, HashSet};

use rusqlite::params;

use super::super::cause::Cause;
use super::super::job_view::JobState;
use super::super::{Campaign, CampaignError};
use super::Stage;

/// Workunits of a batch, counted for whoever asks the server next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BatchFigures {
    /// All, earlier attempts too.
    pub total: usize,
    /// Not known to be on the server.
    pub waiting: usize,
    /// On the server and not over.
    pub open: usize,
    /// Over, but why one failed, or which result of it counts, has not been asked.
    pub untold: usize,
}

impl Campaign {
    /// Figures of each batch that has workunits, by its number in this file.
    pub fn batch_figures(&self) -> Result<BTreeMap<i64, BatchFigures>, CampaignError> {
        self.read_figures("batch IS NOT NULL", &[])
    }

    /// Figures of one batch.
    pub fn figures_of(&self, batch: i64) -> Result<BatchFigures, CampaignError> {
        Ok(self.read_figures("batch = ?1", &[&batch])?.remove(&batch).unwrap_or_default())
    }

    fn read_figures(
        &self,
        which: &str,
        values: &[&dyn rusqlite::ToSql],
    ) -> Result<BTreeMap<i64, BatchFigures>, CampaignError> {
        self.read(|db| {
            db.prepare_cached(&format!(
                "SELECT batch, count(*), sum(state = 'waiting'), sum(state IN ('unsent', 'in_progress')),
                         sum((state = 'failed' AND cause IS NULL) OR (state = 'done' AND canonical IS NULL))
                     FROM workunit WHERE {which} GROUP BY batch"
            ))?
            .query_map(values, |row| {
                let count = |at: usize| row.get::<_, i64>(at).map(|count| count as usize);
                let figures =
                    BatchFigures { total: count(1)?, waiting: count(2)?, open: count(3)?, untold: count(4)? };
                Ok((row.get(0)?, figures))
            })?
            .collect()
        })
    }

    /// Workunits of a batch that are not over, or that are untold, with their states, by name.
    pub fn unsettled(&self, batch: i64) -> Result<HashMap<String, JobState>, CampaignError> {
        self.read(|db| {
            db.prepare_cached(
                "SELECT name, state FROM workunit WHERE batch = ?1 AND
                         (state NOT IN ('failed', 'done') OR (state = 'failed' AND cause IS NULL)
                             OR (state = 'done' AND canonical IS NULL))",
            )?
            .query_map([batch], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
        })
    }

    /// Whether a batch has a workunit of this name.
    pub fn has_workunit(&self, batch: i64, name: &str) -> Result<bool, CampaignError> {
        self.read(|db| {
            db.prepare_cached("SELECT EXISTS (SELECT 1 FROM workunit WHERE name = ?1 AND batch = ?2)")
                .and_then(|mut statement| statement.query_row(params![name, batch], |row| row.get(0)))
        })
    }

    /// Notes until when, by its own clock, the server has told all changes of a batch, and when it was asked by ours.
    pub fn note_asked(
        &mut self,
        batch: i64,
        known_until: Option<f64>,
        asked: f64,
    ) -> Result<(), CampaignError> {
        self.step(|transaction| {
            transaction
                .execute(
                    "UPDATE batch SET known_until = coalesce(?2, known_until),
                         asked = max(coalesce(asked, 0), ?3) WHERE id = ?1",
                    params![batch, known_until, asked],
                )
                .map(drop)
        })
    }

    /// When the server was last asked about any batch, by our clock, seconds since 1970.
    pub fn last_asked(&self) -> Result<Option<f64>, CampaignError> {
        self.read(|db| db.query_row("SELECT max(asked) FROM batch", [], |row| row.get(0)))
    }

    /// Notes that a batch is over, if it has been submitted: a stage never goes back.
    pub fn note_stage(&mut self, batch: i64, stage: Stage) -> Result<(), CampaignError> {
        let before: &[Stage] = match stage {
            Stage::Named | Stage::Created | Stage::Submitted => &[],
            Stage::Complete => &[Stage::Submitted],
            Stage::Aborted => &[Stage::Named, Stage::Created, Stage::Submitted, Stage::Complete],
            Stage::Retired => {
                &[Stage::Named, Stage::Created, Stage::Submitted, Stage::Complete, Stage::Aborted]
            }
        };
        self.step(|transaction| {
            let mut update =
                transaction.prepare_cached("UPDATE batch SET stage = ?2 WHERE id = ?1 AND stage = ?3")?;
            before.iter().try_for_each(|before| update.execute(params![batch, stage, before]).map(drop))
        })
    }

    /// Gives up what the server does not have and will not get, for this cause; how many workunits that were.
    pub fn give_up_waiting(&mut self, cause: &Cause, now: f64) -> Result<usize, CampaignError> {
        self.give_up("state = 'waiting'", cause, now)
    }

    /// Gives up all that is not over, for this cause; how many workunits that were.
    pub fn give_up_open(&mut self, cause: &Cause, now: f64) -> Result<usize, CampaignError> {
        self.give_up("state NOT IN ('done', 'failed')", cause, now)
    }

    /// Gives up these workunits as far as the server does not have them, for this cause; how many they were.
    pub fn give_up_jobs(&mut self, ids: &[i64], cause: &Cause, now: f64) -> Result<usize, CampaignError> {
        self.step(|transaction| {
            let mut count = 0;
            let mut update = transaction.prepare_cached(
                "UPDATE workunit SET state = 'failed', cause_kind = ?2, cause = ?3, changed = ?4
                 WHERE id = ?1 AND state = 'waiting'",
            )?;
            for id in ids {
                count += update.execute(params![id, cause.kind, cause.text, now])?;
            }
            Ok(count)
        })
    }

    fn give_up(&mut self, which: &str, cause: &Cause, now: f64) -> Result<usize, CampaignError> {
        self.step(|transaction| {
            transaction.execute(
                &format!("UPDATE workunit SET state = 'failed', cause_kind = ?1, cause = ?2, changed = ?3 WHERE {which}"),
                params![cause.kind, cause.text, now],
            )
        })
    }

    /// The names of all workunits in lower case: a server's database does not tell cases apart.
    pub fn workunit_names(&self) -> Result<HashSet<String>, CampaignError> {
        self.read(|db| {
            db.prepare("SELECT lower(name) FROM workunit")?.query_map([], |row| row.get(0))?.collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Change, FileNames, NewWorkunit, Round, Verdict};
    use super::*;

    fn campaign(dir: &tempfile::TempDir) -> (Campaign, i64) {
        let mut campaign = Campaign::open_for_run(dir.path()).unwrap();
        let round = Round::of_no_files();
        let workunits: Vec<_> = ["a", "b", "c"]
            .map(|job| NewWorkunit {
                job: job.to_owned(),
                name: format!("W-{job}"),
                command_line: String::new(),
                inputs: FileNames::default(),
                parameters: [].into(),
            })
            .into();
        let round = campaign.add_round(&round, &workunits).unwrap();
        let batch = campaign.add_batch(round, 1, "batch").unwrap().id;
        (campaign, batch)
    }

    #[test]
    fn figures_tell_what_is_open_and_what_nobody_has_asked() {
        let dir = tempfile::tempdir().unwrap();
        let (mut campaign, batch) = campaign(&dir);
        assert!(campaign.batch_figures().unwrap().is_empty(), "no workunit has a batch");
        campaign.note_present(batch, &[("W-a", None), ("W-b", None), ("W-c", None)]).unwrap();
        let states = [("W-a", JobState::Done), ("W-b", JobState::Failed)];
        let changes = states.map(|(name, state)| Change { name: name.to_owned(), state });
        campaign.note_changes(&changes, 1.0).unwrap();
        let figures = |campaign: &Campaign| campaign.figures_of(batch).unwrap();
        assert_eq!(figures(&campaign), BatchFigures { total: 3, waiting: 0, open: 1, untold: 2 });
        let told = Verdict { name: "W-a".to_owned(), canonical: Some(7), ..Verdict::default() };
        campaign.note_verdicts(&[told]).unwrap();
        assert_eq!(figures(&campaign).untold, 1);
        assert_eq!(campaign.unfetched().unwrap(), 1);
        assert!(campaign.workunit_names().unwrap().contains("w-a"));
    }

    #[test]
    fn a_stage_never_goes_back() {
        let dir = tempfile::tempdir().unwrap();
        let (mut campaign, batch) = campaign(&dir);
        let stage = |campaign: &Campaign| campaign.batches().unwrap()[0].stage;
        campaign.note_stage(batch, Stage::Complete).unwrap();
        assert_eq!(stage(&campaign), Stage::Named, "only what was submitted can be complete");
        campaign.note_stage(batch, Stage::Retired).unwrap();
        for earlier in [Stage::Complete, Stage::Aborted, Stage::Submitted] {
            campaign.note_stage(batch, earlier).unwrap();
            assert_eq!(stage(&campaign), Stage::Retired);
        }
    }

    #[test]
    fn giving_up_spares_what_is_over_or_on_the_server() {
        let dir = tempfile::tempdir().unwrap();
        let (mut campaign, batch) = campaign(&dir);
        campaign.note_present(batch, &[("W-a", None), ("W-b", None)]).unwrap();
        campaign.note_changes(&[Change { name: "W-a".to_owned(), state: JobState::Done }], 1.0).unwrap();
        let retired = Cause { text: "retired".to_owned(), ..Cause::aborted() };
        assert_eq!(campaign.give_up_waiting(&Cause::aborted(), 2.0).unwrap(), 1);
        assert_eq!(campaign.give_up_open(&retired, 3.0).unwrap(), 1);
        let causes: Vec<_> = campaign.current().unwrap().into_iter().map(|row| row.cause).collect();
        assert_eq!(causes, [None, Some("retired".to_owned()), Some("aborted".to_owned())]);
    }

    #[test]
    fn when_it_was_asked_is_kept_and_never_goes_back() {
        let dir = tempfile::tempdir().unwrap();
        let (mut campaign, batch) = campaign(&dir);
        assert_eq!(campaign.last_asked().unwrap(), None);
        campaign.note_asked(batch, Some(100.5), 7.0).unwrap();
        campaign.note_asked(batch, None, 6.0).unwrap();
        let row = &campaign.batches().unwrap()[0];
        assert_eq!((row.known_until, row.asked), (Some(100.5), Some(7.0)));
        assert_eq!(campaign.last_asked().unwrap(), Some(7.0));
    }
}
