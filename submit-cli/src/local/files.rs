//! Files in the emulated client's project directory, by physical name.
//!
//! A real client downloads them; here they are the submitter's own files. Small ones are copied.
//! Larger ones are hard links, so that an input of any size costs nothing, also where a job only links it; on another
//! file system they share blocks if it can do that, and are copied otherwise.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use boinc::platform::{entry_at, path_bytes, set_mode};
use sha2::{Digest, Sha256};

use crate::campaign::file_error::FileError;
use crate::plan::content::{self, Content};
use crate::plan::physical;
use crate::platform::{share_blocks, times_of};

/// Files up to this size are copied and named by content: cheap, and the submitter can edit the original while the campaign runs.
pub const SMALL_BYTES: u64 = 1 << 20;

/// How a file got into the project directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installed {
    Present,
    /// No bytes were copied.
    Linked,
    /// This number of bytes was copied.
    Copied(u64),
}

/// The physical name of a file. Small files are named by content, larger ones by path, size and time of change, which
/// saves reading them.
pub fn physical_name(content: &Content, executable: bool) -> Result<String, FileError> {
    let path = match content {
        Content::Bytes(_) => None,
        Content::Path(path) => Some(path),
    };
    let meta =
        path.map(|path| std::fs::metadata(path).map_err(FileError::at(path, "read it"))).transpose()?;
    let sha256 = match (path, meta) {
        (Some(path), Some(meta)) if meta.len() > SMALL_BYTES => {
            let absolute = path.canonicalize().map_err(FileError::at(path, "find it"))?;
            let mut hash = Sha256::new();
            hash.update(path_bytes(&absolute));
            let times = times_of(path).map_err(FileError::at(path, "read it"))?;
            let [(seconds, nanoseconds), _] = times;
            hash.update(format!("\0{} {seconds}.{nanoseconds}", meta.len()));
            content::hex(&hash.finalize())
        }
        _ => content::hash(content)
            .map(|hash| hash.sha256)
            .map_err(FileError::at(path.map_or(Path::new("generated text"), PathBuf::as_path), "read it"))?,
    };
    Ok(physical::name(&sha256, executable))
}

/// Puts a file into the project directory under its physical name; does nothing if it exists.
pub fn install(
    content: &Content,
    project_dir: &Path,
    physical_name: &str,
    executable: bool,
) -> Result<Installed, FileError> {
    let target = project_dir.join(physical_name);
    if target.exists() {
        return Ok(Installed::Present);
    }
    match content {
        Content::Bytes(bytes) => write_new(&target, executable, &mut &bytes[..]),
        Content::Path(path) => {
            let entry = entry_at(path).map_err(FileError::at(path, "read it"))?;
            // A link has the permissions of the original, which must not change.
            if entry.length > SMALL_BYTES && (!executable || entry.mode & 0o111 == 0o111) {
                let original = path.canonicalize().map_err(FileError::at(path, "find it"))?;
                if std::fs::hard_link(&original, &target).is_ok() {
                    return Ok(Installed::Linked);
                }
            }
            let mut source = File::open(path).map_err(FileError::at(path, "open it"))?;
            if shared_blocks(&source, &target, executable) {
                return Ok(Installed::Linked);
            }
            write_new(&target, executable, &mut source)
        }
    }
}

/// Creates a file that shares the blocks of another one, where the file system supports it.
fn shared_blocks(source: &File, target: &Path, executable: bool) -> bool {
    let partial = partial(target);
    let done = create(&partial, executable)
        .and_then(|file| share_blocks(&file, source))
        .and_then(|()| std::fs::rename(&partial, target));
    if done.is_err() {
        // It may not exist; `write_new` uses the same name in any case.
        let _ = std::fs::remove_file(&partial);
    }
    done.is_ok()
}

/// Writes a file under another name first, so that a killed process does not leave a part of it.
fn write_new(target: &Path, executable: bool, source: &mut dyn Read) -> Result<Installed, FileError> {
    let partial = partial(target);
    let bytes = create(&partial, executable)
        .and_then(|mut file| {
            let bytes = io::copy(source, &mut file)?;
            file.flush()?;
            std::fs::rename(&partial, target)?;
            Ok(bytes)
        })
        .map_err(FileError::at(target, "write it"))?;
    Ok(Installed::Copied(bytes))
}

fn partial(target: &Path) -> PathBuf {
    target.with_extension("part")
}

fn create(path: &Path, executable: bool) -> io::Result<File> {
    let file = File::create(path)?;
    // Whatever the umask: a container's user must be able to read it.
    set_mode(path, if executable { 0o755 } else { 0o644 })?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    #[test]
    fn a_large_input_costs_no_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let original = dir.path().join("large.db");
        // Sparse: as large as it says, without the disk.
        File::create(&original).unwrap().set_len(2 << 30).unwrap();
        let content = Content::Path(original.clone());
        let name = physical_name(&content, false).unwrap();
        assert_eq!(install(&content, dir.path(), &name, false).unwrap(), Installed::Linked);
        assert_eq!(dir.path().join(&name).metadata().unwrap().ino(), original.metadata().unwrap().ino());
        assert_eq!(install(&content, dir.path(), &name, false).unwrap(), Installed::Present);
    }

    #[test]
    fn a_small_file_is_a_copy_named_by_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dock.sh");
        std::fs::write(&path, "#!/bin/sh\n").unwrap();
        let from_file = Content::Path(path);
        let from_text = Content::Bytes((*b"#!/bin/sh\n").into());
        let name = physical_name(&from_file, true).unwrap();
        assert_eq!(name, physical_name(&from_text, true).unwrap());
        assert_eq!(install(&from_file, dir.path(), &name, true).unwrap(), Installed::Copied(10));
        assert_eq!(dir.path().join(&name).metadata().unwrap().permissions().mode() & 0o777, 0o755);
        assert_eq!(install(&from_text, dir.path(), &name, false).unwrap(), Installed::Present);
    }

    #[test]
    fn a_missing_source_is_named() {
        let missing = Content::Path("/no/such/file".into());
        assert_eq!(physical_name(&missing, false).unwrap_err().to_string(), "/no/such/file: cannot read it");
    }
}
