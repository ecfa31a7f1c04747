//! `buoy report`: a campaign as one HTML page that needs nothing but a browser.
//!
//! [`material`] is what is known of a campaign, wherever its jobs were run; [`page`] makes of it what the template
//! `templates/report/page.html.tera` shows. The page asks nothing of any network: style, script and figures are in it, and
//! its content security policy lets no other script run, whatever a job is called or has printed.

mod histogram;
pub mod material;
pub mod page;
mod progress;
mod table;
mod words;

use std::path::Path;

use self::material::Material;
use crate::campaign::file_error::{FileError, write_whole};
use crate::campaign::{Campaign, CampaignError};
use crate::package::template::{TemplateError, Templates};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The campaign file can't be read.
    #[error(transparent)]
    Campaign(#[from] CampaignError),
    /// A file can't be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The page can't be made.
    #[error(transparent)]
    Template(#[from] TemplateError),
}

/// Writes the report of the campaign in `results` to `file`, whole or not at all. Links to outputs are relative to the
/// file's place. `now` is said in it, seconds since 1970.
///
/// # Errors
/// The campaign can't be read, or the file not be written.
pub fn write(campaign: &Campaign, results: &Path, file: &Path, now: f64) -> Result<(), ReportError> {
    let material = Material::read(campaign, results)?;
    let page = page::page(&material, &page::link_base(results, file)?, now);
    let text = Templates::default().render(crate::package::template::REPORT, &page)?;
    Ok(write_whole(file, text.as_bytes())?)
}
