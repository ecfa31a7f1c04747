//! Shared memory: what leaves it is a fixed-size array of atomics.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr::{self, NonNull};
use std::sync::atomic::AtomicU8;

use windows_sys::Win32::Foundation::{HANDLE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::System::Memory::{
    CreateFileMappingW, FILE_MAP_READ, FILE_MAP_WRITE, MEMORY_MAPPED_VIEW_ADDRESS, MapViewOfFile,
    OpenFileMappingW, PAGE_READWRITE, UnmapViewOfFile,
};

const READ_WRITE: u32 = FILE_MAP_READ | FILE_MAP_WRITE;

/// `BYTES` of shared memory at an address that stays valid until this is dropped.
#[derive(Debug)]
pub struct SharedMemory<const BYTES: usize> {
    address: NonNull<c_void>,
    // A named mapping goes with its last handle: kept, so that others can still open it.
    _mapping: OwnedHandle,
}

// SAFETY: the memory is not tied to a thread, and it is only reached through atomics.
unsafe impl<const BYTES: usize> Send for SharedMemory<BYTES> {}
// SAFETY: as above; `bytes` hands out shared references to atomics only.
unsafe impl<const BYTES: usize> Sync for SharedMemory<BYTES> {}

impl<const BYTES: usize> SharedMemory<BYTES> {
    /// The bytes. Another process writes them too, hence atomics.
    pub fn bytes(&self) -> &[AtomicU8; BYTES] {
        // SAFETY: `view` had the kernel map BYTES read-write at `address`, which is page-aligned; AtomicU8 has the layout of
        // u8 and every bit pattern is valid; the view lives as long as `self`; other processes write it too, which atomics
        // allow for.
        unsafe { self.address.cast().as_ref() }
    }

    /// Maps a file.
    ///
    /// # Errors
    /// The kernel's answer; a file that is shorter than `BYTES` is one.
    pub fn map(file: &File) -> io::Result<Self> {
        Self::create(file.as_raw_handle(), 0, ptr::null())
    }

    /// Makes a named mapping, which lasts as long as a process has it open; one that exists is attached.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn create_named(name: &str) -> io::Result<Self> {
        let size = u32::try_from(BYTES).map_err(|_| io::ErrorKind::InvalidInput)?;
        Self::create(INVALID_HANDLE_VALUE, size, wide(name).as_ptr())
    }

    /// Attaches a named mapping that exists.
    ///
    /// # Errors
    /// The kernel's answer; a mapping that is smaller than `BYTES` is one.
    pub fn attach_named(name: &str) -> io::Result<Self> {
        // SAFETY: the name is a string that ends with a zero.
        Self::view(unsafe { OpenFileMappingW(READ_WRITE, 0, wide(name).as_ptr()) })
    }

    /// System V shared memory, which Windows does not have.
    ///
    /// # Errors
    /// Always [`io::ErrorKind::Unsupported`].
    pub fn create_system_v(_key: i32) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// System V shared memory, which Windows does not have.
    ///
    /// # Errors
    /// Always [`io::ErrorKind::Unsupported`].
    pub fn attach_system_v(_key: i32) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn create(file: HANDLE, size: u32, name: *const u16) -> io::Result<Self> {
        // SAFETY: the handle is open or stands for none, and the name is null or ends with a zero.
        Self::view(unsafe { CreateFileMappingW(file, ptr::null(), PAGE_READWRITE, 0, size, name) })
    }

    /// Takes over a new handle of a mapping, null after an error, and maps its beginning.
    fn view(mapping: HANDLE) -> io::Result<Self> {
        if mapping.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it is open and ours.
        let mapping = unsafe { OwnedHandle::from_raw_handle(mapping) };
        // SAFETY: the kernel chooses the place, so no existing memory is replaced.
        let view = unsafe { MapViewOfFile(mapping.as_raw_handle(), READ_WRITE, 0, 0, BYTES) };
        let address = NonNull::new(view.Value).ok_or_else(io::Error::last_os_error)?;
        Ok(Self { address, _mapping: mapping })
    }
}

impl<const BYTES: usize> Drop for SharedMemory<BYTES> {
    fn drop(&mut self) {
        // SAFETY: the address is that of MapViewOfFile, and no reference outlives `self`.
        unsafe { UnmapViewOfFile(MEMORY_MAPPED_VIEW_ADDRESS { Value: self.address.as_ptr() }) };
    }
}

/// Windows has no System V segments: none is left to remove.
///
/// # Errors
/// Never.
pub fn remove_system_v(_key: i32) -> io::Result<()> {
    Ok(())
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}
