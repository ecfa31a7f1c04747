//! A project about itself (`get_project_config.php`).

use boinc::entity::unescape_html;

use crate::project::authenticator::Authenticator;
use crate::project::scrub::Scrubber;
use crate::project::xml::value;

/// What a project says about itself.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectInfo {
    /// Its name for people.
    pub name: String,
    /// The address it gives for itself.
    pub master_url: Option<String>,
    /// BOINC's version on the server.
    pub server_version: Option<String>,
    /// Seconds that the server's clock is ahead of ours; whole seconds, off by the time the reply took.
    pub clock_skew_seconds: Option<f64>,
}

impl ProjectInfo {
    /// The same, without an authenticator that was not known yet when the project was asked.
    #[must_use]
    pub fn without_secret(self, authenticator: &Authenticator) -> Self {
        self.without(&Scrubber::new([authenticator.expose()]))
    }

    pub(crate) fn without(self, secret: &Scrubber) -> Self {
        Self {
            name: secret.shown(&self.name),
            master_url: self.master_url.map(|url| secret.shown(&url)),
            server_version: self.server_version.map(|version| secret.shown(&version)),
            ..self
        }
    }
}

/// From the inside of `<project_config>`.
pub(crate) fn parse(text: &str, clock_skew_seconds: Option<f64>) -> Result<ProjectInfo, String> {
    let optional = |tag: &str| value(text, tag).filter(|text| !text.is_empty()).map(unescape_html);
    Ok(ProjectInfo {
        name: optional("name").ok_or("no <name>")?,
        master_url: optional("master_url"),
        server_version: optional("server_version"),
        clock_skew_seconds,
    })
}
