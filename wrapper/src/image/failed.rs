//! Remembers for a minute that an image can't be built.
//!
//! The next task of the same science app has the same Dockerfile, as a rule: a hundred tasks of a broken one would otherwise
//! build a hundred times, one after the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use boinc::atomic_file::write_atomically;

/// How long a failure counts. Short, because what a build fetches may be there again.
const COUNTS_FOR: Duration = Duration::from_secs(60);

/// The failures of a host's builds.
#[derive(Clone, Debug)]
pub(super) struct FailedBuilds {
    directory: PathBuf,
}

impl FailedBuilds {
    pub(super) fn of(host_dir: &Path) -> Self {
        Self { directory: host_dir.join("failed") }
    }

    /// What the last build of this image said, if it failed within the last minute, and how long ago that was.
    pub(super) fn recall(&self, image: &str, now: SystemTime) -> Option<(String, Duration)> {
        let path = self.directory.join(image);
        let age = now.duration_since(fs::metadata(&path).ok()?.modified().ok()?).ok()?;
        if age >= COUNTS_FOR {
            return None;
        }
        Some((fs::read_to_string(path).ok()?, age))
    }

    /// Notes a failure. That it can't be noted only means another build.
    pub(super) fn note(&self, image: &str, said: &str) {
        for entry in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            if self.recall(&entry.file_name().to_string_lossy(), SystemTime::now()).is_none() {
                let _ = fs::remove_file(entry.path());
            }
        }
        let _ = fs::create_dir_all(&self.directory);
        let _ = write_atomically(&self.directory.join(image), said.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_counts_for_a_minute_and_for_its_image_only() {
        let directory = tempfile::tempdir().unwrap();
        let failed = FailedBuilds::of(directory.path());
        failed.note("buoy-1", "undefined symbol");
        let now = SystemTime::now();
        assert_eq!(failed.recall("buoy-1", now).map(|(said, _)| said).as_deref(), Some("undefined symbol"));
        assert_eq!(failed.recall("buoy-2", now), None);
        assert_eq!(failed.recall("buoy-1", now + Duration::from_secs(61)), None);
    }
}
