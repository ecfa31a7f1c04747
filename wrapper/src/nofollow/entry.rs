//! What the kernel reports about one directory entry.

use rustix::fs::{FileType, Stat};

/// What tells a file from every other file of this host: device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// The device of its file system.
    pub device: u64,
    /// Its inode number there.
    pub inode: u64,
}

/// One directory entry, never the target of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: FileType,
    /// Permission bits, set-user-id and the like included.
    pub mode: u32,
    /// Device and inode.
    pub identity: Identity,
    /// Number of its names.
    pub links: u64,
    /// Owner.
    pub uid: u32,
    /// Length in bytes.
    pub length: u64,
    /// Bytes of allocated blocks.
    pub allocated_bytes: u64,
}

impl Entry {
    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.kind == FileType::Directory
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.kind == FileType::RegularFile
    }

    /// What it is, for messages.
    pub fn description(&self) -> &'static str {
        match self.kind {
            FileType::RegularFile => "a regular file",
            FileType::Directory => "a directory",
            FileType::Symlink => "a symbolic link",
            FileType::Fifo => "a pipe",
            FileType::Socket => "a socket",
            _ => "a device",
        }
    }
}

impl From<Stat> for Entry {
    // The fields of `stat` have other widths on other systems.
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast, reason = "see above")]
    fn from(stat: Stat) -> Self {
        Self {
            kind: FileType::from_raw_mode(stat.st_mode),
            mode: u32::from(stat.st_mode) & 0o7777,
            identity: Identity { device: stat.st_dev as u64, inode: stat.st_ino as u64 },
            links: stat.st_nlink as u64,
            uid: stat.st_uid,
            length: u64::try_from(stat.st_size).unwrap_or(0),
            allocated_bytes: u64::try_from(stat.st_blocks).unwrap_or(0) * 512,
        }
    }
}
