//! What a submission is: which science app went to which project, and what there is to fetch.

use serde::{Deserialize, Serialize};

use super::super::{Campaign, CampaignError};

/// Key of `meta`; a campaign without it is one of `buoy run`.
const KEY: &str = "submission";

/// The facts of a campaign that went to a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The project's name in the user's configuration.
    pub project: String,
    /// Its address.
    pub url: String,
    /// The project's universal BOINC app.
    pub boinc_app: String,
    /// The science app.
    pub app: String,
    /// HASH of the bundle, as in names of workunits.
    pub bundle: String,
    /// The batch's name, as in names of workunits.
    pub batch: String,
    /// What a job writes, in the order of the numbers on the server.
    pub outputs: Vec<FactOutput>,
    /// What failed, in messages: the science app.
    pub program: String,
    /// Bytes of memory that a job was given (`rsc_memory_bound`).
    pub memory_bytes: u64,
    /// Bytes of disk that a job was given (`rsc_disk_bound`).
    pub disk_bytes: u64,
    /// Seconds from sending to deadline (`delay_bound`).
    pub deadline_seconds: u64,
    /// When it was submitted first, seconds since 1970.
    pub begun: f64,
}

/// An output of each job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactOutput {
    /// Its name in the job's directory.
    pub name: String,
    /// Bytes at most.
    pub max_bytes: u64,
    /// A job may end without it.
    pub optional: bool,
}

impl Campaign {
    /// The facts of a submission; none for a campaign of `buoy run`.
    ///
    /// # Errors
    /// The file cannot be read, or the facts are not of this version's form.
    pub fn facts(&self) -> Result<Option<Facts>, CampaignError> {
        let Some(text) = self.meta(KEY)? else { return Ok(None) };
        match serde_json::from_str(&text) {
            Ok(facts) => Ok(Some(facts)),
            Err(_) => Err(CampaignError::Damaged { path: self.path.clone(), source: None }),
        }
    }

    /// Writes the facts of a submission.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn set_facts(&mut self, facts: &Facts) -> Result<(), CampaignError> {
        let text = serde_json::to_string(facts).expect("plain structures of texts and numbers become JSON");
        self.set_meta(&[(KEY, &text)])
    }
}
