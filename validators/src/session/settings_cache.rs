//! The settings that a good routes file had last, for the time while it is broken: who is told then, and how long it is
//! waited for.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::alert::AlertSpec;
use crate::routes::Settings;

/// What is kept; all else is of no use without routes.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct CachedSettings {
    alert: AlertSpec,
    outage_seconds: f64,
}

impl CachedSettings {
    fn of(settings: Settings) -> Self {
        Self { alert: settings.alert, outage_seconds: settings.outage_seconds }
    }
}

/// The file in the state directory.
#[derive(Clone, Debug)]
pub(crate) struct SettingsCache {
    path: PathBuf,
}

impl SettingsCache {
    pub(crate) fn new(state: &Path) -> Self {
        Self { path: state.join("settings.json") }
    }

    /// What was kept last; nothing special if it is not there or makes no sense.
    pub(crate) fn load(&self) -> Settings {
        let CachedSettings { alert, outage_seconds } = self.read();
        Settings { alert, outage_seconds, ..Settings::default() }
    }

    fn read(&self) -> CachedSettings {
        let kept = fs::read(&self.path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        kept.unwrap_or_else(|| CachedSettings::of(Settings::default()))
    }

    /// Keeps these, whole or not at all, unless they are kept already.
    ///
    /// # Errors
    /// They can't be written, in words.
    pub(crate) fn store(&self, settings: &Settings) -> Result<(), String> {
        let kept = CachedSettings::of(settings.clone());
        if self.read() == kept {
            return Ok(());
        }
        self.write(&kept).map_err(|error| {
            format!("failed to save [alert] and [breaker] to {}: {error}", self.path.display())
        })
    }

    fn write(&self, kept: &CachedSettings) -> io::Result<()> {
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        let temporary = self.path.with_extension(format!("{}.tmp", std::process::id()));
        // The command may hold a password, and who may read routes.toml is the admin's to say.
        let written = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)
            .and_then(|mut file| {
                file.write_all(&serde_json::to_vec(kept)?)?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&temporary, &self.path));
        if written.is_err() {
            // Already failing: what stays is a small file of a name of its own.
            let _ = fs::remove_file(&temporary);
        }
        written
    }
}
