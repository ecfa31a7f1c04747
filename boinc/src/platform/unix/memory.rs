//! Shared memory. The one file of this crate with `unsafe`: what leaves it is a fixed-size array of atomics.
#![allow(unsafe_code)]

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::ptr::{self, NonNull};
use std::sync::atomic::AtomicU8;

#[derive(Debug)]
enum Kind {
    File,
    SystemV,
}

/// `BYTES` of shared memory at an address that stays valid until this is dropped.
#[derive(Debug)]
pub struct SharedMemory<const BYTES: usize> {
    address: NonNull<c_void>,
    kind: Kind,
}

// SAFETY: the memory is not tied to a thread, and it is only reached through atomics.
unsafe impl<const BYTES: usize> Send for SharedMemory<BYTES> {}
// SAFETY: as above; `bytes` hands out shared references to atomics only.
unsafe impl<const BYTES: usize> Sync for SharedMemory<BYTES> {}

impl<const BYTES: usize> SharedMemory<BYTES> {
    /// The bytes. Another process writes them too, hence atomics.
    pub fn bytes(&self) -> &[AtomicU8; BYTES] {
        // SAFETY: all makers checked that BYTES are mapped read-write at `address`, which is page-aligned; AtomicU8 has the
        // layout of u8 and every bit pattern is valid; the mapping lives as long as `self`; other processes write it too,
        // which atomics allow for.
        unsafe { self.address.cast().as_ref() }
    }

    /// Maps a file, which must stay at least `BYTES` long: touching pages behind its end is a SIGBUS, not an error.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn map(file: &File) -> io::Result<Self> {
        // SAFETY: a null hint lets the kernel choose the place, so no existing memory is replaced.
        let address = unsafe {
            mmap(ptr::null_mut(), BYTES, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, file, 0)
        }?;
        let address = NonNull::new(address).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { address, kind: Kind::File })
    }

    /// A named mapping, which only Windows has.
    ///
    /// # Errors
    /// Always [`io::ErrorKind::Unsupported`].
    pub fn create_named(_name: &str) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// A named mapping, which only Windows has.
    ///
    /// # Errors
    /// Always [`io::ErrorKind::Unsupported`].
    pub fn attach_named(_name: &str) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Makes a System V segment with mode 0666, as BOINC's `lib/shmem.cpp` `create_shmem` does.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn create_system_v(key: i32) -> io::Result<Self> {
        Self::attach_id(system_v_id(key, BYTES, libc::IPC_CREAT | 0o666)?)
    }

    /// Attaches a System V segment that exists.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn attach_system_v(key: i32) -> io::Result<Self> {
        // Asking for the full size makes the kernel refuse a smaller segment.
        Self::attach_id(system_v_id(key, BYTES, 0)?)
    }

    fn attach_id(id: libc::c_int) -> io::Result<Self> {
        // SAFETY: a null address lets the kernel choose the place; the segment has BYTES or more, since shmget was asked for
        // them.
        let address = unsafe { libc::shmat(id, ptr::null(), 0) };
        if address as isize == -1 {
            return Err(io::Error::last_os_error());
        }
        let address = NonNull::new(address).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { address, kind: Kind::SystemV })
    }
}

impl<const BYTES: usize> Drop for SharedMemory<BYTES> {
    fn drop(&mut self) {
        match self.kind {
            // SAFETY: address and length are those of the mmap call, and no reference outlives `self`.
            Kind::File => drop(unsafe { munmap(self.address.as_ptr(), BYTES) }),
            Kind::SystemV => {
                // SAFETY: the address came from shmat, and no reference outlives `self`.
                let _ = unsafe { libc::shmdt(self.address.as_ptr()) };
            }
        }
    }
}

/// Marks a System V segment for removal once the last process has detached it, if there is one.
///
/// # Errors
/// The kernel's answer.
pub fn remove_system_v(key: i32) -> io::Result<()> {
    let Ok(id) = system_v_id(key, 0, 0) else { return Ok(()) };
    // SAFETY: IPC_RMID reads no buffer.
    if unsafe { libc::shmctl(id, libc::IPC_RMID, ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn system_v_id(key: i32, bytes: usize, flags: libc::c_int) -> io::Result<libc::c_int> {
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
