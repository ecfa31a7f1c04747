//! Brings the campaign file in line with what is to be sent.

use std::collections::HashMap;
use std::path::Path;

use super::SubmitError;
use super::outgoing::{self, Outgoing};
use crate::campaign::Campaign;
use crate::campaign::submitted::NewWorkunit;

/// Adds the jobs that the campaign does not have as a round of their own; refuses what does not belong together.
pub(super) fn prepare(
    campaign: &mut Campaign,
    outgoing: &Outgoing<'_>,
    results: &Path,
) -> Result<(), SubmitError> {
    match campaign.submitted_meta()? {
        Some(meta) => {
            if let Some((what, found, wanted)) = meta.difference(&outgoing.meta) {
                let (found, wanted) = (found.to_owned(), wanted.to_owned());
                return Err(SubmitError::OtherCampaign { results: results.to_owned(), what, found, wanted });
            }
        }
        None if campaign.jobs()?.is_empty() => campaign.set_meta(&outgoing.meta)?,
        None => return Err(SubmitError::LocalCampaign { results: results.to_owned() }),
    }
    let first = campaign.first_attempts()?;
    let known: HashMap<&str, &NewWorkunit> =
        first.iter().map(|workunit| (workunit.new.job.as_str(), &workunit.new)).collect();
    let changed: Vec<&NewWorkunit> = outgoing
        .workunits
        .iter()
        .filter(|new| known.get(new.job.as_str()).is_some_and(|old| old != new))
        .collect();
    if let Some(name) = changed.first() {
        return Err(SubmitError::ChangedJobs {
            results: results.to_owned(),
            name: name.job.clone(),
            count: changed.len(),
        });
    }
    let new: Vec<NewWorkunit> =
        outgoing.workunits.iter().filter(|new| !known.contains_key(new.job.as_str())).cloned().collect();
    // Files may have moved since; what is in them is the same.
    campaign.save_files(&outgoing.files)?;
    if new.is_empty() {
        return Ok(());
    }
    let mut round = outgoing.round.clone();
    if new.len() < outgoing.workunits.len() {
        round.digest = outgoing::digest(&outgoing.meta.project().boinc_app, &round, &new);
    }
    campaign.add_round(&round, &new)?;
    Ok(())
}
