//! Which science apps have a route, for submitters to see: a file in the download directory itself, where uploads do not get.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use boinc::atomic_file::write_atomically;
use boinc::platform::set_mode;
use serde::{Deserialize, Serialize};

use super::Routes;

/// The names under which routes are found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedRoutes {
    /// Every science app has a route.
    all: bool,
    /// `APP` and `APP-HASH`.
    apps: BTreeSet<String>,
}

impl PublishedRoutes {
    /// The file's name.
    pub const FILE: &str = "buoy_routes.json";

    /// What routes tell.
    pub fn of(routes: &Routes) -> Self {
        let mut published = Self::default();
        for (key, _) in routes.all() {
            published.add(&key);
        }
        for app in routes.submitter_rules().iter().flat_map(|rules| &rules.apps) {
            published.add(app);
        }
        published
    }

    fn add(&mut self, key: &str) {
        match key {
            "*" | "default" => self.all = true,
            key => drop(self.apps.insert(key.to_owned())),
        }
    }

    /// Whether workunits of a bundle have a route.
    pub fn has(&self, app: &str, hash: &str) -> bool {
        self.all || self.apps.contains(app) || self.apps.contains(&format!("{app}-{hash}"))
    }

    /// Reads the file's content; `None` if it has another form.
    pub fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// Writes the file, unless it is there with the same content.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, download: &Path) -> io::Result<()> {
        let path = download.join(Self::FILE);
        if std::fs::read(&path).ok().and_then(|text| Self::parse(&text)).as_ref() == Some(self) {
            return Ok(());
        }
        let text = serde_json::to_vec(self).expect("names and a flag become JSON");
        write_atomically(&path, &text)?;
        // The web server reads it.
        set_mode(&path, 0o644)
    }
}
