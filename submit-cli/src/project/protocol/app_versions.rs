//! The app versions that a project has installed (`html/user/apps.php`, `show_apps_xml`).

use boinc::entity::unescape_html;

use crate::project::xml::{Elements, number, value};

/// The latest version of a BOINC app for a platform and plan class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledVersion {
    /// As BOINC counts: 100 × MAJOR + MINOR.
    pub number: u32,
    /// Its platform.
    pub platform: String,
}

/// The versions of a BOINC app, from the inside of `<app_versions>`.
pub(crate) fn parse(text: &str, app_name: &str) -> Result<Vec<InstalledVersion>, String> {
    let mut versions = Vec::new();
    for app in Elements::new(text, "<application>", "</application>") {
        let app = app?;
        // The names of its versions' elements are others.
        if value(app, "name").map(unescape_html).as_deref() != Some(app_name) {
            continue;
        }
        for version in Elements::new(app, "<version>", "</version>") {
            let version = version?;
            let platform = value(version, "platform_short").ok_or("no <platform_short>")?;
            let number = number(version, "version_num").ok_or("no number in <version_num>")?;
            versions.push(InstalledVersion { number, platform: unescape_html(platform) });
        }
    }
    Ok(versions)
}
