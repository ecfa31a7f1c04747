//! `buoy fetch` of a campaign of this host: its outputs are here, and can be copied.

use super::output_dir::OutputDir;
use super::{FetchError, Options, Outcome, is_same};
use crate::campaign::Campaign;
use crate::campaign::event::{Event, Reporter, Started};
use crate::campaign::job_view::JobState;
use crate::campaign::meta::CampaignMeta;
use crate::campaign::results::write_table;
use crate::clock::Clock;

/// Why outputs of a finished job cannot be copied.
const LOST: &str = "its outputs are no longer in the directory of results";

/// Writes the table of results and, to another directory, copies the outputs of finished jobs.
///
/// # Errors
/// See [`FetchError`].
pub fn copy(
    campaign: &Campaign,
    meta: &CampaignMeta,
    options: &Options,
    reporter: &dyn Reporter,
    clock: &dyn Clock,
) -> Result<Outcome, FetchError> {
    let begin = clock.now();
    campaign.check_jobs(&options.jobs)?;
    let is_wanted = |job: &str| options.jobs.is_empty() || options.jobs.iter().any(|name| name == job);
    let mut jobs = campaign.job_views()?;
    jobs.retain(|view| is_wanted(&view.job));
    let unfinished = jobs.iter().filter(|view| view.state != JobState::Done).count();
    jobs.retain(|view| view.state == JobState::Done);
    let finished = jobs.len();
    let to = options.to.as_deref().unwrap_or(&options.results);
    if is_same(to, &options.results) {
        jobs.clear();
    }
    let place = OutputDir::new(to, meta)?;
    reporter.report(Event::Started(Started::Fetch {
        jobs: jobs.len(),
        fetched_before: finished - jobs.len(),
        unfinished,
        to: place.dir(),
    }));
    let home = OutputDir::at(&options.results, place.outputs());
    let (mut fetched, mut missing) = (0, 0);
    for view in jobs.iter().take_while(|_| !clock.interrupted()) {
        if home.has(&view.job) {
            place.copy_from(&options.results, &view.job)?;
            fetched += 1;
        } else {
            missing += 1;
            reporter.report(Event::Missing {
                job: &view.job,
                cause: LOST,
                help: (missing == 1).then_some("buoy run --retry makes them again"),
                finished: fetched + missing,
                jobs: jobs.len(),
            });
        }
    }
    let table = write_table(campaign, &options.results).and_then(|table| {
        if is_same(to, &options.results) { Ok(table) } else { write_table(campaign, to) }
    })?;
    place.tidy();
    let outcome = Outcome {
        fetched,
        missing,
        remaining: jobs.len() - fetched - missing,
        interrupted: clock.interrupted(),
        table,
    };
    outcome.report(0, clock.now() - begin, reporter);
    Ok(outcome)
}
