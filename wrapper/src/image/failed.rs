//! Remembers for a minute that an image can't be built.
//!
//! The next task of the same science app has the same Dockerfile, as a rule: a hundred tasks of a broken one would otherwise
//! build a hundred times, one after the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use boinc::atomic_file::write_atomically;

use super::build::Blame;

/// How long a failure counts. Short, because what a build fetches may be there again.
const COUNTS_FOR: Duration = Duration::from_secs(60);

/// What a build that failed has reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FailedBuild {
    /// The error, and the end of what the failed step printed.
    pub(super) said: String,
    /// Who was to blame.
    pub(super) blame: Blame,
}

/// The failures of a host's builds.
#[derive(Clone, Debug)]
pub(super) struct FailedBuilds {
    directory: PathBuf,
}

impl FailedBuilds {
    pub(super) fn of(host_dir: &Path) -> Self {
        Self { directory: host_dir.join("failed") }
    }

    /// The last build of this image, if it failed within the last minute, and how long ago that was.
    pub(super) fn recall(&self, image: &str, now: SystemTime) -> Option<(FailedBuild, Duration)> {
        let path = self.directory.join(image);
        let age = now.duration_since(fs::metadata(&path).ok()?.modified().ok()?).ok()?;
        if age >= COUNTS_FOR {
            return None;
        }
        Some((serde_json::from_slice(&fs::read(path).ok()?).ok()?, age))
    }

    /// Notes a failure. That it can't be noted only means another build.
    pub(super) fn note(&self, image: &str, build: &FailedBuild) {
        for entry in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            if self.recall(&entry.file_name().to_string_lossy(), SystemTime::now()).is_none() {
                let _ = fs::remove_file(entry.path());
            }
        }
        let _ = fs::create_dir_all(&self.directory);
        if let Ok(text) = serde_json::to_vec(build) {
            let _ = write_atomically(&self.directory.join(image), &text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_counts_for_a_minute_and_for_its_image_only() {
        let directory = tempfile::tempdir().unwrap();
        let failed = FailedBuilds::of(directory.path());
        let build = FailedBuild { said: "undefined symbol".into(), blame: Blame::Job };
        failed.note("buoy-1", &build);
        let now = SystemTime::now();
        assert_eq!(failed.recall("buoy-1", now).map(|(build, _)| build), Some(build));
        assert_eq!(failed.recall("buoy-2", now), None);
        assert_eq!(failed.recall("buoy-1", now + Duration::from_secs(61)), None);
    }
}
