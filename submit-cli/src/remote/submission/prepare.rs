//! Updates the campaign file to what is to be submitted.

use std::collections::HashMap;
use std::path::Path;

use super::SubmitError;
use super::submission_plan::{SubmissionPlan, digest};
use crate::campaign::Campaign;
use crate::campaign::submitted::{NewWorkunit, Round};

/// Adds the jobs that the campaign file does not have as a round of their own.
///
/// # Errors
/// The campaign is another one, or jobs of the same name have changed.
pub fn prepare(campaign: &mut Campaign, plan: &SubmissionPlan, results: &Path) -> Result<(), SubmitError> {
    let meta = match campaign.submitted_meta()? {
        Some(meta) => {
            if let Some((what, found, wanted)) = meta.difference(&plan.meta) {
                let (found, wanted) = (found.to_owned(), wanted.to_owned());
                return Err(SubmitError::OtherCampaign { results: results.to_owned(), what, found, wanted });
            }
            meta.with_parameters(&plan.meta.parameters)
        }
        None if campaign.jobs()?.is_empty() => plan.meta.clone(),
        None => return Err(SubmitError::LocalCampaign { results: results.to_owned() }),
    };
    let first = campaign.first_attempts()?;
    let known: HashMap<&str, &NewWorkunit> =
        first.iter().map(|workunit| (workunit.new.job.as_str(), &workunit.new)).collect();
    let changed: Vec<&NewWorkunit> = plan
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
        plan.workunits.iter().filter(|new| !known.contains_key(new.job.as_str())).cloned().collect();
    // Not before: a plan that is refused leaves no trace.
    campaign.set_meta(&meta)?;
    // Files may have moved since; what is in them is the same.
    campaign.save_files(&plan.files)?;
    if new.is_empty() {
        return Ok(());
    }
    let digest = digest(&plan.meta.project().boinc_app, &plan.round, &new);
    campaign.add_round(&Round { digest, ..plan.round.clone() }, &new)?;
    Ok(())
}
