//! Unpacks the zip file of a batch, which is not trusted.
//!
//! Only regular files in top-level directories are accepted: `JOB/FILE`. Unpacking fails on a name that leads elsewhere, a link, a duplicate
//! name, or more bytes than the limits allow; the caller removes what was written.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::read::ZipFile;

use crate::create::CreateError;

/// What messages call it.
const KIND: &str = "zip file";

/// Limits on a zip file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Number of files and directories.
    pub entries: usize,
    /// Bytes of all files, unpacked.
    pub bytes: u64,
    /// Largest ratio of unpacked to packed size, beyond the first [`Limits::FREE_BYTES`].
    pub ratio: u64,
}

impl Limits {
    /// Small batches of regular text exceed any ratio.
    pub const FREE_BYTES: u64 = 64 << 20;
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 500_000, bytes: 50_000_000_000, ratio: 200 }
    }
}

/// Unpacks `file` into the directory `into`, which exists and is empty.
///
/// # Errors
/// It is not a zip file, is not a batch, or exceeds the limits.
pub fn unzip(file: &Path, into: &Path, limits: Limits) -> Result<(), CreateError> {
    let open = File::open(file).map_err(CreateError::read(file))?;
    let own_bytes = open.metadata().map_err(CreateError::read(file))?.len();
    let not_zip = CreateError::unreadable(KIND, file);
    let mut archive = ZipArchive::new(open).map_err(&not_zip)?;
    let too_much = |found: String| {
        let help = "if you trust it, unpack it yourself and import the directory";
        CreateError::invalid(KIND, file, format!("{found}; {help}"))
    };
    if archive.len() > limits.entries {
        return Err(too_much(format!("{} entries, at most {} are accepted", archive.len(), limits.entries)));
    }
    let allowed = limits.bytes.min(Limits::FREE_BYTES + own_bytes.saturating_mul(limits.ratio));
    let mut left = allowed;
    let mut seen = BTreeSet::new();
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).map_err(&not_zip)?;
        let refused = |member: &str, fault: &str| {
            CreateError::invalid(KIND, file, format!("{member:?} {fault}; accepted: JOB/FILE"))
        };
        let name = member.name().map_err(&not_zip)?.into_owned();
        let Some(path) = target(&name, &member).map_err(|fault| refused(&name, fault))? else { continue };
        if !seen.insert(name.trim_end_matches('/').to_lowercase()) {
            return Err(refused(&name, "is listed twice, ignoring case"));
        }
        let target = into.join(path);
        let written = CreateError::write(&target);
        if member.is_dir() {
            fs::create_dir_all(&target).map_err(&written)?;
            continue;
        }
        fs::create_dir_all(target.parent().unwrap_or(into)).map_err(&written)?;
        // The size in the entry is not trusted.
        let mut output = File::create_new(&target).map_err(&written)?;
        let bytes = io::copy(&mut member.by_ref().take(left + 1), &mut output).map_err(&written)?;
        left = left.checked_sub(bytes).ok_or_else(|| {
            too_much(format!("more than {allowed} bytes when unpacked, from {own_bytes} bytes"))
        })?;
    }
    Ok(())
}

/// The path of a member; `None` for what archivers of some systems add.
fn target<R: Read>(name: &str, member: &ZipFile<'_, R>) -> Result<Option<PathBuf>, &'static str> {
    const FILE_KIND: u32 = 0o170_000;
    if name.contains(['\\', '\0', ':']) || name.starts_with('/') {
        return Err("is an absolute path or contains : or \\");
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
        (1, false) => Err("is a file among the jobs' directories"),
        (1, true) | (2, false) => Ok(Some(parts.iter().collect())),
        _ => Err("is in a deeper directory"),
    }
}
