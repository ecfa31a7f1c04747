//! Threads that download, and the one that notes what they did.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::choose::Chosen;
use super::job::{Collected, Fault, Fetcher, Missing, Shared};
use super::output_dir::OutputDir;
use super::{FetchError, Options};
use crate::campaign::Campaign;
use crate::campaign::event::{Event, Reporter};
use crate::campaign::meta::CampaignMeta;
use crate::campaign::submitted::{Stage, WorkunitRow};
use crate::clock::Clock;
use crate::project::client::ProjectClient;

/// Bytes are told so often.
const PROGRESS: Duration = Duration::from_millis(200);

/// After so many jobs in a row that could not be fetched, each after some tries, the server is taken to be ill.
const FAILURES_IN_A_ROW: usize = 12;

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) fetched: usize,
    pub(super) missing: usize,
    pub(super) remaining: usize,
    pub(super) bytes: u64,
}

/// Fetches what was chosen.
#[expect(clippy::too_many_arguments, reason = "the pieces of one fetch, passed on once")]
pub(super) fn run(
    campaign: &mut Campaign,
    meta: &CampaignMeta,
    client: &ProjectClient,
    options: &Options,
    place: &OutputDir,
    chosen: Chosen,
    reporter: &dyn Reporter,
    clock: &dyn Clock,
) -> Result<Tally, FetchError> {
    let retired: BTreeSet<i64> = campaign
        .batches()?
        .into_iter()
        .filter(|batch| batch.stage == Stage::Retired)
        .map(|batch| batch.id)
        .collect();
    let jobs = chosen.download.len();
    let shared = Shared::new(clock);
    let fetcher = Fetcher { meta, client, options, place, shared: &shared };
    let rows = Mutex::new(chosen.download.into_iter());
    let mut noted = Noted {
        campaign,
        reporter,
        retired,
        jobs,
        finished: 0,
        in_a_row: 0,
        tally: Tally::default(),
        told: BTreeMap::new(),
        noticed: false,
    };
    let done = std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..options.parallel.clamp(1, jobs.max(1)) {
            let sender = sender.clone();
            let (rows, fetcher, shared) = (&rows, &fetcher, &shared);
            scope.spawn(move || {
                while !shared.is_ended() {
                    let Some(row) = rows.lock().unwrap_or_else(PoisonError::into_inner).next() else {
                        return;
                    };
                    let result = fetcher.job(&row);
                    if sender.send((row, result)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut done = Ok(());
        loop {
            if clock.interrupted() && !shared.ended.swap(true, Ordering::Relaxed) {
                let text = "stopping: downloads end with their next bytes; a second Ctrl-C ends at once, and harms nothing";
                noted.reporter.report(Event::Note { text });
            }
            match receiver.recv_timeout(PROGRESS) {
                Ok((row, result)) => {
                    if let Err(error) = noted.note(&row, result) {
                        // The first failure is the one that matters; workers that are under way end.
                        shared.ended.store(true, Ordering::Relaxed);
                        done = done.and(Err(error));
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    noted.reporter.report(Event::Downloaded { bytes: shared.bytes.load(Ordering::Relaxed) });
                }
                Err(RecvTimeoutError::Disconnected) => return done,
            }
        }
    });
    let mut tally = noted.tally;
    tally.bytes = shared.bytes.load(Ordering::Relaxed);
    tally.remaining = jobs - tally.fetched - tally.missing;
    done.map(|()| tally)
}

/// The thread that writes.
struct Noted<'a> {
    campaign: &'a mut Campaign,
    reporter: &'a dyn Reporter,
    /// Batches that were retired.
    retired: BTreeSet<i64>,
    jobs: usize,
    finished: usize,
    in_a_row: usize,
    tally: Tally,
    /// Something was said about the server; once is enough.
    noticed: bool,
    /// Causes, and how many jobs each has.
    told: BTreeMap<String, usize>,
}

impl Noted<'_> {
    fn note(&mut self, row: &WorkunitRow, result: Result<Collected, Fault>) -> Result<(), FetchError> {
        let job = row.new.job.as_str();
        match result {
            Ok(collected) => {
                if let Some(verdict) = &collected.verdict {
                    self.campaign.note_verdicts(std::slice::from_ref(verdict))?;
                }
                self.campaign.note_fetched(row.id)?;
                if let Some(note) = collected.note.as_deref().filter(|_| !self.noticed) {
                    self.noticed = true;
                    self.reporter.report(Event::Note { text: note });
                }
                self.in_a_row = 0;
                self.finished += 1;
                self.tally.fetched += 1;
                self.reporter.report(Event::Fetched {
                    job,
                    files: collected.files,
                    bytes: collected.bytes,
                    finished: self.finished,
                    jobs: self.jobs,
                });
            }
            Err(Fault::Missing(gone)) => {
                self.in_a_row = 0;
                self.finished += 1;
                self.tally.missing += 1;
                let (cause, help) =
                    words(&gone, row.batch.is_some_and(|batch| self.retired.contains(&batch)));
                let before = self.told.entry(cause.clone()).or_default();
                *before += 1;
                let help = (*before == 1).then_some(help);
                self.reporter.report(Event::Missing {
                    job,
                    cause: &cause,
                    help,
                    finished: self.finished,
                    jobs: self.jobs,
                });
            }
            Err(Fault::Remaining(cause)) => {
                self.in_a_row += 1;
                self.finished += 1;
                self.reporter.report(Event::Remaining {
                    job,
                    cause: &cause,
                    finished: self.finished,
                    jobs: self.jobs,
                });
                if self.in_a_row >= FAILURES_IN_A_ROW {
                    return Err(FetchError::Ill { jobs: self.in_a_row, cause });
                }
            }
            Err(Fault::Stopped) => {}
            Err(Fault::Fatal(error)) => return Err(error),
        }
        Ok(())
    }
}

/// For people: what is wrong, and what to do.
fn words(gone: &Missing, retired: bool) -> (String, &'static str) {
    match gone {
        Missing::Job => (
            "the server does not know the job any more".to_owned(),
            "ask the project's administrator whether its results were archived",
        ),
        Missing::All if retired => (
            "its batch was retired, and its outputs are not on the server any more".to_owned(),
            "ask the project's administrator whether the assimilator kept them",
        ),
        Missing::All => (
            "its outputs are not on the server any more".to_owned(),
            "the server deletes outputs seconds after they are assimilated, unless the output template says <no_delete/>, as buoy's own \
             does; ask the project's administrator whether the assimilator kept them",
        ),
        Missing::One(output) => (
            format!("the server has other outputs of it, but no {output}"),
            "ask the project's administrator what became of it; the validator should not take a job without it",
        ),
    }
}
