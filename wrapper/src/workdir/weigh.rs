//! How much a job has written.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Bytes on disk and number of files and directories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// Bytes of allocated blocks.
    pub bytes: u64,
    /// Files, directories and others.
    pub files: u64,
}

/// Weighs a directory; stops counting once either limit is passed, so that a million files cost no more than the limit.
pub fn weigh(directory: &Path, limit: Weight) -> Weight {
    let mut weight = Weight::default();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let Ok(data) = entry.metadata() else { continue };
            weight.files += 1;
            weight.bytes += data.blocks() * 512;
            if weight.files > limit.files || weight.bytes > limit.bytes {
                return weight;
            }
            if data.is_dir() {
                open.push(entry.path());
            }
        }
    }
    weight
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_LIMIT: Weight = Weight { bytes: u64::MAX, files: u64::MAX };

    #[test]
    fn counts_what_is_there_and_stops_at_the_limit() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("sub")).unwrap();
        for number in 0..20 {
            fs::write(directory.path().join(format!("sub/{number}")), vec![1_u8; 4_096]).unwrap();
        }
        let all = weigh(directory.path(), NO_LIMIT);
        assert_eq!(all.files, 21);
        assert!(all.bytes >= 20 * 4_096, "{all:?}");
        assert_eq!(weigh(directory.path(), Weight { files: 5, ..NO_LIMIT }).files, 6);
    }

    #[test]
    fn a_link_to_a_directory_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/", directory.path().join("root")).unwrap();
        assert_eq!(weigh(directory.path(), NO_LIMIT).files, 1);
    }
}
