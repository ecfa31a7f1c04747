//! Mapping the segment on Unix. The one file of the wire formats with `unsafe`: what leaves it is a
//! fixed-size array of atomics.
#![allow(unsafe_code)]

use super::{SEGMENT_BYTES, SegmentError};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::ffi::c_void;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::ptr::{self, NonNull};
use std::sync::atomic::AtomicU8;

#[derive(Debug)]
enum Kind {
    File,
    SystemV,
}

/// `SEGMENT_BYTES` of shared memory at an address that stays valid until this is dropped.
#[derive(Debug)]
pub(super) struct Mapping {
    address: NonNull<c_void>,
    kind: Kind,
}

// SAFETY: the memory is not tied to a thread, and it is only reached through atomics.
unsafe impl Send for Mapping {}
// SAFETY: as above; `bytes` hands out shared references to atomics only.
unsafe impl Sync for Mapping {}

impl Mapping {
    pub(super) fn bytes(&self) -> &[AtomicU8; SEGMENT_BYTES] {
        // SAFETY: both makers checked that SEGMENT_BYTES are mapped read-write at `address`, which is
        // page-aligned; AtomicU8 has the layout of u8 and every bit pattern is valid; the mapping lives
        // as long as `self`; other processes write it too, which atomics allow for.
        unsafe { self.address.cast().as_ref() }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        match self.kind {
            // SAFETY: address and length are those of the mmap call, and no reference outlives `self`.
            Kind::File => drop(unsafe { munmap(self.address.as_ptr(), SEGMENT_BYTES) }),
            Kind::SystemV => {
                // SAFETY: the address came from shmat, and no reference outlives `self`.
                let _ = unsafe { libc::shmdt(self.address.as_ptr()) };
            }
        }
    }
}

/// Makes the mapped file if needed, at least `SEGMENT_BYTES` long. A longer one keeps its length, as in
/// `lib/shmem.cpp` `create_shmem_mmap`.
pub(super) fn create_file(path: &Path) -> Result<Mapping, SegmentError> {
    let failed = |source| SegmentError::File { path: path.to_owned(), source };
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o666)
        .open(path)
        .map_err(failed)?;
    if file.metadata().map_err(failed)?.len() < SEGMENT_BYTES as u64 {
        file.set_len(SEGMENT_BYTES as u64).map_err(failed)?;
    }
    map(&file).map_err(failed)
}

/// Maps the file that a client made.
pub(super) fn attach_file(path: &Path) -> Result<Mapping, SegmentError> {
    let failed = |source| SegmentError::File { path: path.to_owned(), source };
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?.len();
    // Touching pages behind the end of a file is a SIGBUS, not an error.
    if found < SEGMENT_BYTES as u64 {
        return Err(SegmentError::TooSmall { path: path.to_owned(), found });
    }
    map(&file).map_err(failed)
}

fn map(file: &File) -> io::Result<Mapping> {
    // SAFETY: a null hint lets the kernel choose the place, so no existing memory is replaced.
    let address = unsafe {
        mmap(ptr::null_mut(), SEGMENT_BYTES, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, file, 0)
    }?;
    let address = NonNull::new(address).ok_or(io::ErrorKind::OutOfMemory)?;
    Ok(Mapping { address, kind: Kind::File })
}

/// Makes a System V segment with mode 0666, as `lib/shmem.cpp` `create_shmem` does.
pub(super) fn create_system_v(key: i32) -> Result<Mapping, SegmentError> {
    attach_id(key, shared_memory_id(key, SEGMENT_BYTES, libc::IPC_CREAT | 0o666))
}

/// Attaches the System V segment that a client made.
pub(super) fn attach_system_v(key: i32) -> Result<Mapping, SegmentError> {
    // Asking for the full size makes the kernel refuse a smaller segment.
    attach_id(key, shared_memory_id(key, SEGMENT_BYTES, 0))
}

/// Marks the segment for removal, if there is one.
pub(super) fn remove_system_v(key: i32) -> Result<(), SegmentError> {
    let Ok(id) = shared_memory_id(key, 0, 0) else { return Ok(()) };
    // SAFETY: IPC_RMID reads no buffer.
    if unsafe { libc::shmctl(id, libc::IPC_RMID, ptr::null_mut()) } != 0 {
        return Err(SegmentError::SystemV { key, source: io::Error::last_os_error() });
    }
    Ok(())
}

fn shared_memory_id(key: i32, bytes: usize, flags: libc::c_int) -> io::Result<libc::c_int> {
    if key == libc::IPC_PRIVATE {
        // A private segment cannot be shared; `<shm_key>0</shm_key>` is a file without a key.
        return Err(io::ErrorKind::NotFound.into());
    }
    // SAFETY: shmget takes and returns plain numbers.
    match unsafe { libc::shmget(key, bytes, flags) } {
        -1 => Err(io::Error::last_os_error()),
        id => Ok(id),
    }
}

fn attach_id(key: i32, id: io::Result<libc::c_int>) -> Result<Mapping, SegmentError> {
    let failed = |source| SegmentError::SystemV { key, source };
    let id = id.map_err(failed)?;
    // SAFETY: a null address lets the kernel choose the place; the segment has SEGMENT_BYTES or more,
    // since shmget was asked for them.
    let address = unsafe { libc::shmat(id, ptr::null(), 0) };
    if address as isize == -1 {
        return Err(failed(io::Error::last_os_error()));
    }
    let address = NonNull::new(address).ok_or_else(|| failed(io::ErrorKind::OutOfMemory.into()))?;
    Ok(Mapping { address, kind: Kind::SystemV })
}
