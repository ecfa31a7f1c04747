//! Where buoy keeps a user's files: `buoy` in the directories of the XDG Base Directory Specification.

use std::path::PathBuf;

/// `$XDG_CACHE_HOME/buoy`, else `~/.cache/buoy`; `None` without a home directory.
pub fn cache() -> Option<PathBuf> {
    below("XDG_CACHE_HOME", ".cache")
}

/// `$XDG_CONFIG_HOME/buoy`, else `~/.config/buoy`.
pub fn config() -> Option<PathBuf> {
    below("XDG_CONFIG_HOME", ".config")
}

/// `$XDG_STATE_HOME/buoy`, else `~/.local/state/buoy`.
pub fn state() -> Option<PathBuf> {
    below("XDG_STATE_HOME", ".local/state")
}

/// The directory that a variable of buoy's names.
pub fn set(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn below(variable: &str, in_home: &str) -> Option<PathBuf> {
    // A relative path there is to be ignored, by the specification.
    let absolute = |name: &str| set(name).filter(|path| path.is_absolute());
    let base = absolute(variable).or_else(|| Some(absolute("HOME")?.join(in_home)))?;
    Some(base.join("buoy"))
}
