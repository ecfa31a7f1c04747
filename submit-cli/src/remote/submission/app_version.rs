//! What the project's app versions hold: a universal app only the wrapper, a single-purpose app one science app whole.

use super::submission_plan::SubmissionPlan;
use crate::package::single::{job_toml_name, wrapper_name};
use crate::project::client::ProjectClient;
use crate::project::error::ProjectError;
use crate::project::protocol::app_versions::InstalledVersion;

/// What a BOINC app is, as far as the project shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppKind {
    /// Jobs bring all files.
    Universal,
    /// Its versions hold all files that are the same for all jobs.
    Single {
        /// Numbers of the latest versions, one for each platform and plan class, each once.
        numbers: Vec<u32>,
    },
    /// The project's list of versions needs a login, its download directory is elsewhere, or the versions are not Buoy's.
    Unknown,
}

/// The files of a single-purpose app that cannot be relied on.
#[derive(Debug, thiserror::Error)]
pub enum AppVersionError {
    /// The project.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// A version has other files.
    #[error(
        "failed to submit {app}: version {number} of the single-purpose app {boinc_app} holds other files than your {app}, and \
         clients would use those; undo the changes to its Dockerfile, files, shared inputs or [run], or ask the project's \
         administrator to install your version"
    )]
    Differs {
        /// The science app.
        app: String,
        /// The BOINC app.
        boinc_app: String,
        /// `MAJOR.MINOR`.
        number: String,
    },
    /// Results could not be validated.
    #[error(
        "failed to submit {app}: the project's validator has no route for this science app, so no result would ever be \
         accepted; ask the project's administrator to add it to routes.toml: {app} in apps of [submitter_rules], or a table \
         [app.{app}]"
    )]
    NoRoute {
        /// The science app.
        app: String,
    },
    /// It is not known what a version has.
    #[error(
        "failed to compare {app} with the single-purpose app {boinc_app}: the project does not show its app versions; if you \
         know that they hold the same files, pass --installed"
    )]
    Unknown {
        /// The science app.
        app: String,
        /// The BOINC app.
        boinc_app: String,
    },
}

/// Asks the project what a BOINC app is: by the names of the wrappers in its download directory.
///
/// # Errors
/// What a request can meet.
pub fn kind(client: &ProjectClient, boinc_app: &str) -> Result<AppKind, ProjectError> {
    let Some(versions) = client.installed_versions(boinc_app)? else { return Ok(AppKind::Unknown) };
    let has_wrapper = |version: &InstalledVersion, is_single| {
        let suffix = if version.platform.starts_with("windows") { ".exe" } else { "" };
        let name = wrapper_name(boinc_app, &written(version.number), &version.platform, is_single);
        client.has_app_file(&format!("{name}{suffix}"))
    };
    for version in &versions {
        if has_wrapper(version, false)? {
            return Ok(AppKind::Universal);
        }
        if has_wrapper(version, true)? {
            let mut numbers: Vec<u32> = versions.iter().map(|version| version.number).collect();
            numbers.sort_unstable();
            numbers.dedup();
            return Ok(AppKind::Single { numbers });
        }
    }
    Ok(AppKind::Unknown)
}

/// Whether the project can validate results of a campaign, as far as it shows its routes.
///
/// # Errors
/// It cannot.
pub fn check_route(client: &ProjectClient, plan: &SubmissionPlan) -> Result<(), AppVersionError> {
    match client.published_routes()? {
        Some(routes) if !routes.has(&plan.meta.app, &plan.meta.bundle) => {
            Err(AppVersionError::NoRoute { app: plan.meta.app.clone() })
        }
        _ => Ok(()),
    }
}

/// Compares a campaign for a single-purpose app with what is installed.
///
/// # Errors
/// It differs, or cannot be compared.
pub fn check_files(client: &ProjectClient, plan: &SubmissionPlan) -> Result<(), AppVersionError> {
    let Some(hash) = &plan.carried_hash else { return Ok(()) };
    let (app, boinc_app) = (plan.meta.app.clone(), plan.meta.project().boinc_app.clone());
    let AppKind::Single { numbers } = kind(client, &boinc_app)? else {
        return Err(AppVersionError::Unknown { app, boinc_app });
    };
    for number in numbers.into_iter().map(written) {
        if !client.has_app_file(&job_toml_name(&boinc_app, &number, hash))? {
            return Err(AppVersionError::Differs { app, boinc_app, number });
        }
    }
    Ok(())
}

/// As `update_versions` and `buoy admin app-version` write it.
fn written(number: u32) -> String {
    format!("{}.{:02}", number / 100, number % 100)
}
