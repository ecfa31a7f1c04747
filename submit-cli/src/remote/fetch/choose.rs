//! Which jobs are to be fetched.

use std::collections::HashSet;

use super::output_dir::OutputDir;
use super::{FetchError, Options, is_same};
use crate::campaign::Campaign;
use crate::campaign::job_view::JobState;
use crate::campaign::submitted::WorkunitRow;

/// The choice.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// From the server.
    pub(super) download: Vec<WorkunitRow>,
    /// From the campaign's own directory of results.
    pub(super) copy: Vec<WorkunitRow>,
    /// Were fetched before.
    pub(super) there: usize,
    /// Are not done.
    pub(super) unfinished: usize,
}

/// Chooses. A job that was fetched once is not fetched again into the campaign's directory, even if the submitter has
/// moved its files away, unless it is named; in another directory counts what is there.
pub(super) fn choose(
    campaign: &Campaign,
    options: &Options,
    place: &OutputDir,
) -> Result<Chosen, FetchError> {
    let only: HashSet<&str> = options.jobs.iter().map(String::as_str).collect();
    let home = OutputDir::at(&options.results, place.outputs());
    let elsewhere = !is_same(place.dir(), &options.results);
    let mut chosen = Chosen::default();
    for row in campaign.current()? {
        let job = row.new.job.as_str();
        if !only.is_empty() && !only.contains(job) {
            continue;
        }
        if row.state != JobState::Done {
            chosen.unfinished += 1;
        } else if row.fetched && (if elsewhere || !only.is_empty() { place.has(job) } else { true }) {
            chosen.there += 1;
        } else if row.fetched && elsewhere && home.has(job) {
            chosen.copy.push(row);
        } else {
            chosen.download.push(row);
        }
    }
    Ok(chosen)
}
