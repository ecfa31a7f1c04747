//! What a campaign is: which science app runs where, within which bounds, and what each job writes.

use serde::{Deserialize, Serialize};

use super::bounds::Bounds;
use super::{Campaign, CampaignError};
use crate::plan::Plan;

/// Key in the table `meta`.
const KEY: &str = "campaign";

/// What is the same for all jobs of a campaign.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CampaignMeta {
    /// Where its jobs go; none for a campaign of `buoy run`.
    pub project: Option<ProjectRef>,
    /// The host that runs them; none for a submitted campaign.
    pub host: Option<String>,
    /// The science app.
    pub app: String,
    /// HASH of the bundle, as in names of workunits.
    pub bundle: String,
    /// Hash of what its jobs run, without the rules for their results.
    pub run_sha256: String,
    /// The BOINC app is a single-purpose app, whose versions hold all files that are the same for all jobs.
    pub is_single: bool,
    /// The batch's name, as in names of workunits.
    pub batch: String,
    /// The outputs of a job, in the order of their numbers on a server.
    pub outputs: Vec<OutputMeta>,
    /// Names of the parameters of its jobs, in the order of their columns.
    pub parameters: Vec<String>,
    /// What each job may use.
    pub bounds: Bounds,
    /// When the campaign was first run or submitted, seconds since 1970.
    pub started: f64,
}

/// A BOINC project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectRef {
    /// Its name in the user's configuration.
    pub name: String,
    /// Its address.
    pub url: String,
    /// Its universal BOINC app.
    pub boinc_app: String,
}

/// An output of each job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputMeta {
    /// Its name in the job's directory.
    pub name: String,
    /// Maximum size, bytes.
    pub max_bytes: u64,
    /// A job may end without it.
    pub optional: bool,
}

impl CampaignMeta {
    /// The campaign of a plan, before it is known where it runs; `now` is seconds since 1970.
    pub fn of(plan: &Plan, now: f64) -> Self {
        let outputs = plan.app.outputs.iter().map(|output| OutputMeta {
            name: output.name.clone(),
            max_bytes: output.max_bytes,
            optional: output.optional,
        });
        Self {
            app: plan.app.name.clone(),
            bundle: plan.bundle.short_hash().to_owned(),
            run_sha256: plan.bundle.run_sha256.clone(),
            batch: plan.batch.clone(),
            outputs: outputs.collect(),
            parameters: plan.parameters.clone(),
            bounds: Bounds::of_app(&plan.app),
            started: now,
            ..Self::default()
        }
    }

    /// The same with parameters that jobs of a later batch file have.
    pub fn with_parameters(mut self, parameters: &[String]) -> Self {
        let new = parameters.iter().filter(|name| !self.parameters.contains(name));
        let new: Vec<String> = new.cloned().collect();
        self.parameters.extend(new);
        self
    }

    /// The first thing in which another campaign differs so much that their jobs must not be mixed: what it is, its value
    /// here and there.
    pub fn difference<'a>(&'a self, other: &'a Self) -> Option<(&'static str, &'a str, &'a str)> {
        let project = |meta: &'a Self| meta.project.as_ref();
        let pairs = [
            ("project", project(self).map_or("", |at| &at.url), project(other).map_or("", |at| &at.url)),
            (
                "BOINC app",
                project(self).map_or("", |at| &at.boinc_app),
                project(other).map_or("", |at| &at.boinc_app),
            ),
            ("app", &self.app, &other.app),
            ("bundle", &self.bundle, &other.bundle),
            ("batch", &self.batch, &other.batch),
        ];
        pairs.into_iter().find(|(_, here, there)| here != there)
    }

    /// The project of a submitted campaign.
    ///
    /// # Panics
    /// It is a campaign of `buoy run`: [`Campaign::submitted_meta`] never gives one.
    pub fn project(&self) -> &ProjectRef {
        self.project.as_ref().expect("a submitted campaign has a project")
    }
}

impl Campaign {
    /// What the campaign is; none for a file in which nothing was prepared yet.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged.
    pub fn meta(&self) -> Result<Option<CampaignMeta>, CampaignError> {
        let Some(text) = self.value(KEY)? else { return Ok(None) };
        match serde_json::from_str(&text) {
            Ok(meta) => Ok(Some(meta)),
            Err(_) => Err(CampaignError::Damaged { path: self.path.clone(), source: None }),
        }
    }

    /// What a submitted campaign is; none for a campaign of `buoy run`.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged.
    pub fn submitted_meta(&self) -> Result<Option<CampaignMeta>, CampaignError> {
        Ok(self.meta()?.filter(|meta| meta.project.is_some()))
    }

    /// Writes what the campaign is.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn set_meta(&mut self, meta: &CampaignMeta) -> Result<(), CampaignError> {
        let text = serde_json::to_string(meta).expect("plain structures of texts and numbers become JSON");
        self.set_value(KEY, &text)
    }
}
