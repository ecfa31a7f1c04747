//! What the kernel reports about files, file systems and users.

/// What tells a file from every other file of this host: device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// The device of its file system.
    pub device: u64,
    /// Its inode number there.
    pub inode: u64,
}

/// What a directory entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, or what is like one.
    Symlink,
    /// A pipe.
    Pipe,
    /// A socket.
    Socket,
    /// A device, or something that this program does not know.
    Device,
}

/// One directory entry, never the target of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Permission bits, set-user-id and the like included.
    pub mode: u32,
    /// Device and inode.
    pub identity: Identity,
    /// Number of its names.
    pub links: u64,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Length in bytes.
    pub length: u64,
    /// Bytes of allocated blocks.
    pub allocated_bytes: u64,
}

impl Entry {
    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.kind == Kind::Directory
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.kind == Kind::File
    }

    /// Whether it is a symbolic link.
    pub fn is_symlink(&self) -> bool {
        self.kind == Kind::Symlink
    }

    /// What it is, for messages.
    pub fn description(&self) -> &'static str {
        match self.kind {
            Kind::File => "a regular file",
            Kind::Directory => "a directory",
            Kind::Symlink => "a symbolic link",
            Kind::Pipe => "a pipe",
            Kind::Socket => "a socket",
            Kind::Device => "a device",
        }
    }
}

/// How full a file system is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes that an ordinary user can still write.
    pub free_bytes: u64,
    /// Files that can still be made; 0 where the file system has no such number.
    pub free_files: u64,
    /// Its size in bytes.
    pub total_bytes: u64,
    /// Programs on it can be started: it is not mounted with `noexec`.
    pub executable: bool,
}

/// A user as the kernel knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// The user's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
}

impl User {
    /// The administrator, whom no permission stops.
    pub fn is_root(self) -> bool {
        self.uid == 0
    }
}
