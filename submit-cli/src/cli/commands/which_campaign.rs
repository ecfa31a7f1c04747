//! Which campaign a command is about, and which of its jobs.

use std::path::{Path, PathBuf};

use crate::campaign::STATE_DIR;
use crate::cli::render;
use crate::remote::follow::index::Index;

/// Directory of results when none is named.
const DEFAULT: &str = "results";

/// The campaign alone.
#[derive(Debug, clap::Args)]
pub struct OneCampaign {
    /// Campaign, given by its directory of results [default: results]
    #[arg(value_name = "CAMPAIGN", conflicts_with = "out")]
    campaign: Option<PathBuf>,
    /// Same as CAMPAIGN, under the name that buoy run and buoy submit use
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl OneCampaign {
    /// Its directory of results.
    pub fn dir(&self) -> &Path {
        self.campaign.as_deref().or(self.out.as_deref()).unwrap_or(Path::new(DEFAULT))
    }
}

/// The campaign, and some of its jobs.
#[derive(Debug, clap::Args)]
pub struct CampaignAndJobs {
    /// Campaign, given by its directory of results [default: results], then job names [default: all jobs]
    #[arg(value_name = "CAMPAIGN] [JOB")]
    words: Vec<String>,
    /// The campaign's directory; all other arguments are then job names
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl CampaignAndJobs {
    /// The directory of results, and the names of jobs. The first word is the campaign if there is one in a directory of
    /// that name.
    pub fn split(&self) -> (&Path, &[String]) {
        if let Some(out) = &self.out {
            return (out, &self.words);
        }
        match self.words.split_first() {
            Some((first, jobs)) if Path::new(first).join(STATE_DIR).is_dir() => (Path::new(first), jobs),
            _ => (Path::new(DEFAULT), &self.words),
        }
    }
}

/// Enters a campaign in the user's list of campaigns. Nothing but that list depends on it.
pub fn remember(dir: &Path) {
    if let Err(error) = Index::of_user().and_then(|index| index.remember(dir)) {
        render::note(&format!("buoy list will not show this campaign: {error}"));
    }
}
