//! A client for the project that a campaign went to, and what to say when something is wrong with it.

use crate::campaign::CampaignError;
use crate::campaign::meta::CampaignMeta;
use crate::local::LocalError;
use crate::project::client::ProjectClient;
use crate::project::config::{ConfigError, Projects};
use crate::project::error::ProjectError;
use crate::remote::follow::FollowError;

/// The user is not logged in to the project of a campaign.
#[derive(Debug, thiserror::Error)]
#[error("not logged in to {url}, the project of this campaign; run buoy login {url} --name {project}")]
pub struct NotLoggedIn {
    url: String,
    project: String,
}

/// Connects to the project of a campaign: the one of its name, if it still has that address, else one that has it.
///
/// # Errors
/// The user is not logged in to it.
pub fn connect(meta: &CampaignMeta) -> anyhow::Result<ProjectClient> {
    let projects = Projects::open()?;
    let is_it = |url: &str| url.trim_end_matches('/') == meta.project().url.trim_end_matches('/');
    let list = projects.list();
    let named = list.iter().find(|entry| entry.name == meta.project().name && is_it(&entry.url));
    let Some(entry) = named.or_else(|| list.iter().find(|entry| is_it(&entry.url))) else {
        return Err(
            NotLoggedIn { url: meta.project().url.clone(), project: meta.project().name.clone() }.into()
        );
    };
    Ok(entry.client(projects.authenticator(entry)?)?)
}

/// The project's error in an error, if there is one.
pub fn project_error(error: &anyhow::Error) -> Option<&ProjectError> {
    if let Some(FollowError::Project(error)) = error.downcast_ref() {
        return Some(error);
    }
    error.chain().find_map(|cause| cause.downcast_ref())
}

/// Whether the submitter has to fix something here, rather than wait for the project or this computer.
pub fn is_refusal(error: &anyhow::Error) -> bool {
    if let Some(error) = project_error(error) {
        return error.is_bad_input();
    }
    if let Some(error) = error.downcast_ref::<ConfigError>() {
        return error.is_bad_input();
    }
    match error.downcast_ref() {
        Some(FollowError::Refused(_)) => true,
        Some(FollowError::Campaign(error)) => error.is_bad_input(),
        _ => {
            error.is::<NotLoggedIn>()
                || error.downcast_ref().is_some_and(CampaignError::is_bad_input)
                || error.downcast_ref().is_some_and(LocalError::is_bad_input)
        }
    }
}
