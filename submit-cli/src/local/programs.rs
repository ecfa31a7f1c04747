//! The programs that a local run starts: the wrapper and the shims, installed next to `buoy`.

use std::path::{Path, PathBuf};

/// Names a directory with the programs, instead of the one that `buoy` is in.
pub const BIN_DIR_VARIABLE: &str = "BUOY_BIN_DIR";

/// File names of the programs.
pub const WRAPPER: &str = "buoy-wrapper";
pub const INIT: &str = "buoy-init";
pub const COMPARE: &str = "buoy-compare";
pub const ASSIMILATE: &str = "buoy-assimilate";

/// Why a program was not found.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    #[error("failed to find {name} in {}: install all of Buoy's programs in one directory, or name it in {BIN_DIR_VARIABLE}", .dir.display())]
    Missing { name: &'static str, dir: PathBuf },
    #[error(
        "failed to find where buoy is installed: name the directory of its programs in {BIN_DIR_VARIABLE}"
    )]
    Nowhere { source: std::io::Error },
}

/// Paths of all programs, absolute.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The directory they are in.
    pub dir: PathBuf,
}

impl Programs {
    /// Finds the programs next to this executable, or in the directory of [`BIN_DIR_VARIABLE`].
    pub fn find() -> Result<Self, ProgramError> {
        let dir = match std::env::var_os(BIN_DIR_VARIABLE) {
            Some(dir) => PathBuf::from(dir),
            None => {
                let exe = std::env::current_exe().map_err(|source| ProgramError::Nowhere { source })?;
                exe.parent().unwrap_or(Path::new("/")).to_owned()
            }
        };
        Self::in_dir(&dir)
    }

    /// Finds the programs in a directory.
    pub fn in_dir(dir: &Path) -> Result<Self, ProgramError> {
        let missing = |name| ProgramError::Missing { name, dir: dir.to_owned() };
        for name in [WRAPPER, INIT, COMPARE, ASSIMILATE] {
            if !dir.join(name).is_file() {
                return Err(missing(name));
            }
        }
        Ok(Self { dir: dir.canonicalize().map_err(|_| missing(WRAPPER))? })
    }

    /// Path of one of them.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_the_directory_and_the_way_out() {
        let dir = tempfile::tempdir().unwrap();
        for name in [WRAPPER, INIT, ASSIMILATE] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let text = Programs::in_dir(dir.path()).unwrap_err().to_string();
        assert!(text.starts_with("failed to find buoy-compare in /"), "{text}");
        assert!(text.contains("BUOY_BIN_DIR"), "{text}");
        std::fs::write(dir.path().join(COMPARE), "").unwrap();
        assert!(Programs::in_dir(dir.path()).unwrap().path(WRAPPER).is_absolute());
    }
}
