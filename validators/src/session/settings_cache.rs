//! The settings that a good routes file had last, for the time while it is broken: who is told then, and how long it is
//! waited for.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use boinc::file_error::FileError;

use crate::platform::write_private;
use crate::routes::Settings;

fn path(state: &Path) -> PathBuf {
    state.join("settings.json")
}

/// What was kept last; nothing special if it is not there or makes no sense.
pub(crate) fn load(state: &Path) -> Settings {
    let kept = fs::read(path(state)).ok().and_then(|text| serde_json::from_slice(&text).ok());
    kept.unwrap_or_default()
}

/// Keeps these in the directory `state`, whole or not at all, unless they are kept already.
///
/// # Errors
/// They can't be written.
pub(crate) fn store(state: &Path, settings: &Settings) -> Result<(), FileError> {
    if load(state) == *settings {
        return Ok(());
    }
    let path = path(state);
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    // The command may hold a password, and who may read routes.toml is the admin's to say.
    let written = fs::create_dir_all(state)
        .and_then(|()| write_private(&temporary))
        .and_then(|mut file| {
            file.write_all(&serde_json::to_vec(settings)?)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, &path));
    if written.is_err() {
        // Already failing: what stays is a small file of a name of its own.
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(FileError::new("failed to save the settings of routes.toml to", &path))
}
