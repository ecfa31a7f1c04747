//! Tar streams: a strict streaming reader and a writer (POSIX ustar with PAX records; the reader also knows GNU's long names
//! and base-256 numbers).

mod header;
mod pax;
mod reader;
mod writer;

use std::io;

pub(super) use header::{BLOCK, Header, is_end};
pub(super) use pax::parse_records;
pub use reader::Reader;
pub use writer::Writer;

/// The longest name or link target that is read or written, in bytes.
pub const MAX_NAME: usize = 64 << 10;
/// The largest extended header that is read or written, in bytes.
pub const MAX_PAX: usize = 1 << 20;

/// What an entry is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A file with a body.
    #[default]
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Another name of an earlier entry.
    HardLink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
}

/// An entry without its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its path, as written, without the slash after a directory's name. Whether it is absolute or leads upwards is for the
    /// caller to judge.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// The twelve permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Bytes of its body; 0 unless it is a file.
    pub size: u64,
    /// Modification time, whole seconds since 1970.
    pub mtime: i64,
    /// Target of a link; empty otherwise.
    pub link: Vec<u8>,
    /// Extended attributes: name and value.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Entry {
    /// An entry of root's, from 1970, without a body.
    pub fn new(path: impl Into<Vec<u8>>, kind: Kind, mode: u32) -> Self {
        Self { path: path.into(), kind, mode, ..Self::default() }
    }
}

/// A stream that cannot be read as tar.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// The stream cannot be read.
    #[error("failed to read the tar stream")]
    Read(#[source] io::Error),
    /// It ends in the middle.
    #[error("invalid tar stream: it ends in the middle of {0}")]
    Truncated(&'static str),
    /// It is not a tar stream, or uses a form that is not supported.
    #[error("invalid tar stream: {0}")]
    Invalid(String),
}

impl From<String> for TarError {
    fn from(why: String) -> Self {
        Self::Invalid(why)
    }
}

impl From<TarError> for io::Error {
    fn from(error: TarError) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

/// Shows a name whose bytes can be anything: control characters are escaped, and it is cut.
pub(super) fn shown(name: &[u8]) -> String {
    const LONGEST: usize = 200;
    let cut = if name.len() > LONGEST { "…" } else { "" };
    format!("{:?}{cut}", String::from_utf8_lossy(&name[..name.len().min(LONGEST)]))
}

#[cfg(test)]
mod tests;
