//! Room that is left for the host: a job is stopped before the volunteer's disk is full.

use std::path::PathBuf;

use super::measure::DiskUse;
use boinc::platform::{Space, entry_at, free_space};

/// The most that is kept free. A job that writes 2 GB/s fills less than this between two looks.
const MOST_BYTES: u64 = 512_000_000;
/// On a small file system this share of it is kept free.
const SHARE: u64 = 100;

/// Bytes of a file system that jobs leave free.
fn reserve(space: Space) -> u64 {
    (space.total_bytes / SHARE).min(MOST_BYTES)
}

/// Free space of all file systems that a container writes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FreeSpace {
    /// On all of them together.
    pub(super) free: DiskUse,
    /// Bytes that may be used on the fullest one.
    pub(super) room: u64,
    /// Which of them is almost full, for the volunteer.
    pub(super) shortage: Option<String>,
}

/// The file systems that a container writes to.
#[derive(Clone, Debug, Default)]
pub(super) struct Reserve {
    directories: Vec<PathBuf>,
}

impl Reserve {
    /// Of the file systems of these directories, each once.
    pub(super) fn new(directories: &[PathBuf]) -> Self {
        let mut devices = Vec::new();
        let other = |path: &&PathBuf| {
            let device = entry_at(path).map(|entry| entry.identity.device).ok();
            let other = device.is_none_or(|device| !devices.contains(&device));
            devices.extend(device);
            other
        };
        Self { directories: directories.iter().filter(other).cloned().collect() }
    }

    /// Measures the free space.
    pub(super) fn measure(&self) -> FreeSpace {
        let mut found = FreeSpace { room: u64::MAX, ..FreeSpace::default() };
        for (path, space) in self.directories.iter().filter_map(|path| Some((path, free_space(path)?))) {
            let reserve = reserve(space);
            found.free.bytes += space.free_bytes;
            found.free.files += space.free_files;
            found.room = found.room.min(space.free_bytes.saturating_sub(reserve));
            if found.shortage.is_none() && space.free_bytes < reserve {
                found.shortage = Some(format!(
                    "the disk of {} is almost full: {} MB are free, {} MB must stay free; the task is tried again later",
                    path.display(),
                    space.free_bytes / 1_000_000,
                    reserve.div_ceil(1_000_000)
                ));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_percent_of_a_small_disk_and_half_a_gigabyte_of_a_large_one() {
        let of = |total_bytes| reserve(Space { free_bytes: 0, free_files: 0, total_bytes, executable: true });
        assert_eq!((of(16_000_000), of(1_000_000_000_000)), (160_000, MOST_BYTES));
    }

    #[test]
    fn a_directory_that_cannot_be_asked_is_left_out() {
        let reserve = Reserve::new(&["/nowhere/at/all".into()]);
        let nothing = FreeSpace { room: u64::MAX, ..FreeSpace::default() };
        assert_eq!(reserve.measure(), nothing);
    }
}
