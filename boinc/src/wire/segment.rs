//! The memory that a client and an app share: 8 KiB, eight channels of 1,024 bytes.
//!
//! A client of version 6 or later maps the file `boinc_mmap_file` in the slot (`<shm_key>` is −1);
//! an app version with an API older than 6 gets System V shared memory with the key in `<shm_key>`
//! (`client/app_start.cpp` `get_shmem_seg_name`, `lib/shmem.cpp`). On Windows it is a named mapping; `<comm_obj_name>`
//! holds the end of its name.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU8;

use crate::file_error::FileError;
use crate::platform::{SharedMemory, remove_system_v};

/// Size of the shared part in bytes: eight channels of 1,024 (`lib/app_ipc.h`, `SHARED_MEM`).
pub const SEGMENT_BYTES: usize = 8192;

/// Name of the mapped file in a slot (`lib/shmem.h`, `MMAPPED_FILE_NAME`).
pub const MMAP_FILE: &str = "boinc_mmap_file";

/// The `<shm_key>` that stands for the mapped file.
pub const MMAP_KEY: i32 = -1;

/// Why a segment could not be made or attached.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// The mapped file could not be opened or mapped.
    #[error(transparent)]
    File(#[from] FileError),
    /// The mapped file is too small to hold the channels.
    #[error("shared memory file {} holds {found} bytes, at least {SEGMENT_BYTES} are needed", path.display())]
    TooSmall {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        found: u64,
    },
    /// The System V segment could not be made or attached.
    #[error("cannot attach System V shared memory with key {key}")]
    SystemV {
        /// The key, as in `<shm_key>`.
        key: i32,
        /// What the system answered.
        source: io::Error,
    },
    /// The named mapping could not be made or attached.
    #[error("cannot attach the shared memory {name:?}")]
    Named {
        /// The name, as in `<comm_obj_name>`.
        name: String,
        /// What the system answered.
        source: io::Error,
    },
}

/// A mapped segment. Unmapped when dropped; the file or System V segment itself stays until its maker
/// removes it.
#[derive(Debug)]
pub struct Segment {
    memory: SharedMemory<SEGMENT_BYTES>,
}

impl Segment {
    /// Makes the segment, as a client does before it starts an app, and clears all channels.
    ///
    /// # Errors
    /// The file or segment cannot be made, or cannot be mapped.
    pub fn create(slot: &Path, shm_key: i32) -> Result<Self, SegmentError> {
        let memory = if shm_key == MMAP_KEY {
            map(&slot.join(MMAP_FILE), true)?
        } else {
            SharedMemory::create_system_v(shm_key).map_err(system_v(shm_key))?
        };
        let segment = Self { memory };
        segment.clear();
        Ok(segment)
    }

    /// Attaches the segment that a client made, as an app does when it starts.
    ///
    /// # Errors
    /// There is no such segment, it is too small, or it cannot be mapped.
    pub fn attach(slot: &Path, shm_key: i32) -> Result<Self, SegmentError> {
        let memory = if shm_key == MMAP_KEY {
            map(&slot.join(MMAP_FILE), false)?
        } else {
            SharedMemory::attach_system_v(shm_key).map_err(system_v(shm_key))?
        };
        Ok(Self { memory })
    }

    /// Makes the segment on Windows, as a client does that starts apps with its own account, and clears all channels. It
    /// lasts as long as a process has it open.
    ///
    /// # Errors
    /// It cannot be made, or the system has no named mappings.
    pub fn create_named(name: &str) -> Result<Self, SegmentError> {
        let memory = SharedMemory::create_named(&own_name(name)).map_err(named(name))?;
        let segment = Self { memory };
        segment.clear();
        Ok(segment)
    }

    /// Attaches the segment that a client made on Windows under this `<comm_obj_name>`, as `lib/shmem.cpp` `attach_shmem`
    /// does: a client that starts apps with another account has made it for all sessions.
    ///
    /// # Errors
    /// There is no such segment, it is too small, or the system has no named mappings.
    pub fn attach_named(name: &str) -> Result<Self, SegmentError> {
        let memory = SharedMemory::attach_named(&format!("Global\\{}", own_name(name)))
            .or_else(|_| SharedMemory::attach_named(&own_name(name)))
            .map_err(named(name))?;
        Ok(Self { memory })
    }

    fn clear(&self) {
        for byte in self.bytes() {
            byte.store(0, std::sync::atomic::Ordering::SeqCst);
        }
    }

    /// Marks a System V segment for removal once the last process has detached it. Does nothing for a
    /// key without a segment.
    ///
    /// # Errors
    /// The segment belongs to someone else.
    pub fn remove_system_v(shm_key: i32) -> Result<(), SegmentError> {
        remove_system_v(shm_key).map_err(system_v(shm_key))
    }

    /// The shared bytes. Another process writes them too, hence atomics.
    pub(super) fn bytes(&self) -> &[AtomicU8; SEGMENT_BYTES] {
        self.memory.bytes()
    }
}

fn system_v(key: i32) -> impl Fn(io::Error) -> SegmentError {
    move |source| SegmentError::SystemV { key, source }
}

/// The whole name of a mapping for one session.
fn own_name(name: &str) -> String {
    format!("shm_{name}")
}

fn named(name: &str) -> impl Fn(io::Error) -> SegmentError {
    move |source| SegmentError::Named { name: name.to_owned(), source }
}

/// Maps the file. `make`: it is made if needed; a longer one keeps its length, as in `lib/shmem.cpp` `create_shmem_mmap`.
fn map(path: &Path, make: bool) -> Result<SharedMemory<SEGMENT_BYTES>, SegmentError> {
    let open = || {
        let file = OpenOptions::new().read(true).write(true).create(make).truncate(false).open(path)?;
        let found = file.metadata()?.len();
        if make && found < SEGMENT_BYTES as u64 {
            file.set_len(SEGMENT_BYTES as u64)?;
        }
        Ok((file, found))
    };
    let failed = |error| FileError::new("cannot map the shared memory file", path)(error);
    let (file, found) = open().map_err(failed)?;
    if !make && found < SEGMENT_BYTES as u64 {
        return Err(SegmentError::TooSmall { path: path.to_owned(), found });
    }
    Ok(SharedMemory::map(&file).map_err(failed)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;

    fn written_on_one_side_is_seen_on_the_other(a: &Segment, b: &Segment) {
        a.bytes()[SEGMENT_BYTES - 1].store(7, Ordering::Release);
        assert_eq!(b.bytes()[SEGMENT_BYTES - 1].load(Ordering::Acquire), 7);
        b.bytes()[0].store(9, Ordering::Release);
        assert_eq!(a.bytes()[0].load(Ordering::Acquire), 9);
    }

    #[test]
    fn mapped_file_is_shared_and_has_the_size_of_a_real_one() {
        let slot = tempfile::tempdir().unwrap();
        let client = Segment::create(slot.path(), MMAP_KEY).unwrap();
        let app = Segment::attach(slot.path(), MMAP_KEY).unwrap();
        assert_eq!(std::fs::metadata(slot.path().join(MMAP_FILE)).unwrap().len(), 8192);
        written_on_one_side_is_seen_on_the_other(&client, &app);
    }

    #[test]
    fn create_clears_what_an_earlier_run_left() {
        let slot = tempfile::tempdir().unwrap();
        std::fs::write(slot.path().join(MMAP_FILE), [1u8; 10_000]).unwrap();
        let client = Segment::create(slot.path(), MMAP_KEY).unwrap();
        assert!(client.bytes().iter().all(|byte| byte.load(Ordering::Acquire) == 0));
        assert_eq!(std::fs::metadata(slot.path().join(MMAP_FILE)).unwrap().len(), 10_000, "never shrunk");
    }

    #[test]
    fn a_file_too_small_is_refused_by_size() {
        let slot = tempfile::tempdir().unwrap();
        std::fs::write(slot.path().join(MMAP_FILE), [0u8; 100]).unwrap();
        let error = Segment::attach(slot.path(), MMAP_KEY).unwrap_err();
        assert!(matches!(error, SegmentError::TooSmall { found: 100, .. }), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let slot = tempfile::tempdir().unwrap();
        let error = Segment::attach(slot.path(), MMAP_KEY).unwrap_err();
        assert!(error.to_string().ends_with("boinc_mmap_file"), "{error}");
    }

    #[cfg(windows)]
    #[test]
    fn a_named_segment_is_shared_and_gone_with_its_last_user() {
        let name = format!("boinc_test_{}", std::process::id());
        let client = Segment::create_named(&name).unwrap();
        let app = Segment::attach_named(&name).unwrap();
        written_on_one_side_is_seen_on_the_other(&client, &app);
        drop((client, app));
        assert!(matches!(Segment::attach_named(&name), Err(SegmentError::Named { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn named_segments_are_of_windows_alone() {
        let error = Segment::attach_named("boinc_0").unwrap_err();
        assert_eq!(error.to_string(), "cannot attach the shared memory \"boinc_0\"");
    }

    #[cfg(unix)]
    #[test]
    fn system_v_segment_is_shared_and_gone_after_removal() {
        let key = 0x0b0e_0000 + (std::process::id() & 0xffff) as i32;
        let slot = Path::new("/nonexistent");
        let client = Segment::create(slot, key).unwrap();
        let app = Segment::attach(slot, key).unwrap();
        written_on_one_side_is_seen_on_the_other(&client, &app);
        Segment::remove_system_v(key).unwrap();
        assert!(matches!(Segment::attach(slot, key), Err(SegmentError::SystemV { .. })));
        Segment::remove_system_v(key).unwrap();
    }
}
