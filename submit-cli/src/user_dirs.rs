//! Where buoy keeps a user's files: `buoy` in the system's directories for them, those of the XDG Base Directory Specification on
//! Unix and of the user's profile on Windows.

use std::path::PathBuf;

use crate::platform;

/// `$XDG_CACHE_HOME/buoy`, else `~/.cache/buoy`; `%LOCALAPPDATA%\buoy\cache` on Windows. `None` without a home directory.
pub fn cache() -> Option<PathBuf> {
    platform::cache_directory()
}

/// `$XDG_CONFIG_HOME/buoy`, else `~/.config/buoy`; `%APPDATA%\buoy` on Windows.
pub fn config() -> Option<PathBuf> {
    platform::config_directory()
}

/// `$XDG_STATE_HOME/buoy`, else `~/.local/state/buoy`; `%LOCALAPPDATA%\buoy\state` on Windows.
pub fn state() -> Option<PathBuf> {
    platform::state_directory()
}

/// The directory that a variable of buoy's names.
pub fn set(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}
