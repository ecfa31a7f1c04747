//! Unpacks the zip file of a batch, which may come from anybody.
//!
//! Only plain files in directories at the top are taken: `JOB/FILE`. A name that leads elsewhere, a link, a name twice, or more bytes than
//! the limits allow ends it, and what was written is the caller's to remove.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

/// What a zip file may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Files and directories.
    pub entries: usize,
    /// Bytes of all files, unpacked.
    pub bytes: u64,
    /// So many times the zip file's own size may all of it be, unpacked, beyond the first [`Limits::FREE_BYTES`].
    pub ratio: u64,
}

impl Limits {
    /// Small batches of very regular text pack better than any ratio.
    pub const FREE_BYTES: u64 = 64 << 20;
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 500_000, bytes: 50_000_000_000, ratio: 200 }
    }
}

/// Why a zip file was not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnzipError {
    /// It is no zip file that can be read.
    #[error("{}: not a zip file that can be read", file.display())]
    Zip {
        /// The file.
        file: PathBuf,
        /// Why.
        source: ZipError,
    },
    /// A member is not what it should be.
    #[error("{}: {name:?} {fault}", file.display())]
    Member {
        /// The zip file.
        file: PathBuf,
        /// The member's name.
        name: String,
        /// What is wrong with it.
        fault: String,
    },
    /// It is too much.
    #[error("{}: {what}; unpack it by hand if you trust it, and import the directory", file.display())]
    TooMuch {
        /// The zip file.
        file: PathBuf,
        /// What there is too much of.
        what: String,
    },
    /// Something cannot be read or written.
    #[error("{} cannot be {done}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        done: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// Unpacks `file` into the directory `into`, which exists and is empty.
///
/// # Errors
/// It is no zip file, holds what a batch does not, or exceeds the limits.
pub fn unzip(file: &Path, into: &Path, limits: Limits) -> Result<(), UnzipError> {
    let read = |source| UnzipError::Io { path: file.to_path_buf(), done: "read", source };
    let open = File::open(file).map_err(read)?;
    let own_bytes = open.metadata().map_err(read)?.len();
    let not_zip = |source| UnzipError::Zip { file: file.to_path_buf(), source };
    let mut archive = ZipArchive::new(open).map_err(not_zip)?;
    let too_much = |what: String| UnzipError::TooMuch { file: file.to_path_buf(), what };
    if archive.len() > limits.entries {
        return Err(too_much(format!("{} entries, accepted are {}", archive.len(), limits.entries)));
    }
    let allowed = limits.bytes.min(Limits::FREE_BYTES + own_bytes.saturating_mul(limits.ratio));
    let mut left = allowed;
    let mut seen = BTreeSet::new();
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).map_err(not_zip)?;
        let refused = |member: &str, fault: &str| UnzipError::Member {
            file: file.to_path_buf(),
            name: member.to_owned(),
            fault: fault.to_owned(),
        };
        let name = member.name().map_err(not_zip)?.into_owned();
        let Some(path) = place(&name, &member).map_err(|fault| refused(&name, fault))? else { continue };
        if !seen.insert(name.trim_end_matches('/').to_lowercase()) {
            return Err(refused(&name, "is there twice (upper and lower case are the same)"));
        }
        let target = into.join(path);
        let written = |source| UnzipError::Io { path: target.clone(), done: "written", source };
        if member.is_dir() {
            fs::create_dir_all(&target).map_err(written)?;
            continue;
        }
        fs::create_dir_all(target.parent().unwrap_or(into)).map_err(written)?;
        // What the entry says of its size is not to be trusted.
        let mut output = File::create_new(&target).map_err(written)?;
        let bytes = io::copy(&mut member.by_ref().take(left + 1), &mut output).map_err(written)?;
        left = left.checked_sub(bytes).ok_or_else(|| {
            too_much(format!("more than {allowed} bytes when unpacked, from {own_bytes} bytes"))
        })?;
    }
    Ok(())
}

/// Where a member belongs; `None` for what archivers of some systems leave beside the files.
fn place<R: Read>(name: &str, member: &ZipFile<'_, R>) -> Result<Option<PathBuf>, &'static str> {
    const FILE_KIND: u32 = 0o170_000;
    if name.contains(['\\', '\0', ':']) || name.starts_with('/') {
        return Err("is no name that is accepted: JOB/FILE, with / and without : and \\");
    }
    let parts: Vec<&str> = name.trim_end_matches('/').split('/').collect();
    if parts.iter().any(|part| matches!(*part, "" | "." | "..")) {
        return Err("leads out of the batch");
    }
    if parts.iter().any(|part| part.starts_with('.') || *part == "__MACOSX") {
        return Ok(None);
    }
    if member.encrypted() {
        return Err("is encrypted");
    }
    match member.unix_mode().map(|mode| mode & FILE_KIND) {
        None | Some(0 | 0o100_000 | 0o040_000) => {}
        Some(0o120_000) => return Err("is a link"),
        Some(_) => return Err("is neither a file nor a directory"),
    }
    match (parts.len(), member.is_dir()) {
        (1, false) => Err("is a file among the jobs' directories; accepted: JOB/FILE"),
        (1, true) | (2, false) => Ok(Some(parts.iter().collect())),
        _ => Err("lies deeper than that; accepted: JOB/FILE"),
    }
}
