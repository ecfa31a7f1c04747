//! What an image itself has at a job's work directory.
//!
//! The work directory is mounted over it, so each job gets a copy, as a new volume of the engine would. The engine is asked
//! once for each image: the files are kept as a tar file of our own in the state directory, written anew from what was read.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use crate::engine::{CliEngine, EngineError, Hardening, StepSpec, Transport};
use crate::state_dir::StateDir;
use boinc::archive::tar::{Entry, Kind, Reader, TarError, Writer};
use boinc::atomic_file::write_atomically;
use boinc::hex::hex;
use boinc::job::spec::{MAX_IMAGE_WORKDIR_BYTES as MAX_BYTES, MAX_IMAGE_WORKDIR_ENTRIES as MAX_ENTRIES};

use super::build::{NO_COMMAND, container_prefix};
use super::cleanup::mark_in_progress;
use super::index::{ImageIndex, IndexError};
use super::lock::LockError;

/// Where the tar files are.
const DIRECTORY: &str = "workdirs";

/// What an image has at the work directory cannot be copied for each job.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the image has {found} at {workdir}, where each job's work directory is; a job gets a copy of at most {} MB and \
     {MAX_ENTRIES} files of it. Put files that do not change into another directory of the image, such as /opt",
    MAX_BYTES / 1_000_000
)]
pub struct TooMuch {
    found: &'static str,
    workdir: String,
}

/// What an image has at the work directory cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum WorkdirFilesError {
    /// It is too much.
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The host's lock can't be had.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The index cannot be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The state directory cannot be written, or the engine's stream is damaged.
    #[error("failed to copy what the image has at the work directory")]
    Io(#[from] io::Error),
}

/// The tar file with what an image has at the work directory, with paths relative to it; `None` if there is nothing.
///
/// # Errors
/// When it is too much, or cannot be read.
pub(super) fn workdir_files<T: Transport + Clone>(
    state: &StateDir,
    engine: &CliEngine<T>,
    image: &str,
    workdir: &str,
) -> Result<Option<PathBuf>, WorkdirFilesError> {
    let path = path_of(state, image, workdir)?;
    if !path.exists() {
        let owner = ImageIndex::of(state).owner()?;
        let _making = mark_in_progress(state, engine.cancel())?;
        let name = format!("{}workdir-{}", container_prefix(&owner), std::process::id());
        engine.remove(&name)?;
        let spec = StepSpec {
            name: name.clone(),
            owner,
            image: image.to_owned(),
            hardening: Hardening { pids: 1, ..Hardening::default() },
            command: vec![NO_COMMAND.to_owned()],
            ..StepSpec::default()
        };
        engine.create_step(&spec)?;
        let copied = copy(engine, &name, workdir, &path);
        engine.remove(&name)?;
        copied?;
    }
    let is_empty = fs::metadata(&path)?.len() == 0;
    Ok((!is_empty).then_some(path))
}

/// Notes that an image has nothing there, so that no engine has to be asked.
pub(super) fn note_none(state: &StateDir, image: &str, workdir: &str) -> io::Result<()> {
    write_atomically(&path_of(state, image, workdir)?, b"")
}

fn path_of(state: &StateDir, image: &str, workdir: &str) -> io::Result<PathBuf> {
    let name = hex(&Sha256::digest(format!("{image}\n{workdir}")));
    Ok(state.subdirectory(DIRECTORY)?.join(name))
}

fn copy<T: Transport + Clone>(
    engine: &CliEngine<T>,
    container: &str,
    workdir: &str,
    path: &Path,
) -> Result<(), WorkdirFilesError> {
    let part = path.with_extension(std::process::id().to_string());
    let read = engine.read_out(container, workdir, |stream| {
        let out = BufWriter::new(File::create(&part)?);
        rewrite(BufReader::new(stream), out)
    });
    let result = match read {
        Err(EngineError::NoPath(_)) | Ok(Ok(0)) => File::create(&part).map(drop).map_err(Into::into),
        Err(error) => Err(error.into()),
        Ok(Err(RewriteError::TooMuch(found))) => Err(TooMuch { found, workdir: workdir.to_owned() }.into()),
        Ok(Err(RewriteError::Io(error))) => Err(error.into()),
        Ok(Ok(_)) => Ok(()),
    };
    let result = result.and_then(|()| Ok(fs::rename(&part, path)?));
    if result.is_err() {
        let _ = fs::remove_file(&part);
    }
    result
}

/// Removes files that no job has needed for this long. They are made again when they are needed.
pub(super) fn remove_old(state: &StateDir, age: Duration) {
    for entry in fs::read_dir(state.join(DIRECTORY)).into_iter().flatten().flatten() {
        let used = entry.metadata().and_then(|data| data.accessed().or_else(|_| data.modified()));
        let unused = used.ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        if unused.is_some_and(|unused| unused >= age) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[derive(Debug)]
enum RewriteError {
    TooMuch(&'static str),
    Io(io::Error),
}

impl From<io::Error> for RewriteError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<TarError> for RewriteError {
    fn from(error: TarError) -> Self {
        Self::Io(error.into())
    }
}

/// Copies the files, directories and links of a stream whose first entry is the work directory itself, and gives their number.
/// Devices and pipes are left out; nobody's files keep owner, set-user-id bit or attributes.
fn rewrite(stream: impl Read, out: impl io::Write) -> Result<u64, RewriteError> {
    let mut reader = Reader::new(stream);
    let mut writer = Writer::new(out);
    let Some(root) = reader.next_entry()?.filter(|entry| entry.kind == Kind::Directory) else {
        return Ok(0);
    };
    let below = |path: &[u8]| {
        let rest = path.strip_prefix(root.path.as_slice())?;
        rest.strip_prefix(b"/").map(<[u8]>::to_vec)
    };
    let (mut entries, mut bytes) = (0, 0_u64);
    while let Some(entry) = reader.next_entry()? {
        let Some(path) = below(&entry.path) else { continue };
        let link = match entry.kind {
            Kind::File | Kind::Directory => Vec::new(),
            Kind::Symlink => entry.link,
            Kind::HardLink => match below(&entry.link) {
                Some(link) => link,
                None => continue,
            },
            _ => continue,
        };
        entries += 1;
        bytes = bytes.saturating_add(entry.size);
        if bytes > MAX_BYTES {
            return Err(RewriteError::TooMuch("too large files"));
        }
        if entries > MAX_ENTRIES {
            return Err(RewriteError::TooMuch("too many files"));
        }
        let kept = Entry {
            size: entry.size,
            mtime: entry.mtime,
            link,
            ..Entry::new(path, entry.kind, entry.mode & 0o777)
        };
        writer.append(&kept, &mut reader)?;
    }
    writer.finish()?;
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tar(entries: &[(Entry, &[u8])]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new());
        for (entry, body) in entries {
            let entry = Entry { size: body.len() as u64, ..entry.clone() };
            writer.append(&entry, &mut &body[..]).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn paths_become_relative_and_rights_are_dropped() {
        let link =
            |path: &str, kind: Kind, to: &str| Entry { link: to.into(), ..Entry::new(path, kind, 0o777) };
        let stream = tar(&[
            (Entry { uid: 7, ..Entry::new("app", Kind::Directory, 0o755) }, b""),
            (Entry { uid: 7, ..Entry::new("app/tool", Kind::File, 0o4755) }, b"#!"),
            (link("app/again", Kind::HardLink, "app/tool"), b""),
            (link("app/lib", Kind::Symlink, "/usr/lib"), b""),
            (link("app/outside", Kind::HardLink, "etc/passwd"), b""),
        ]);
        let mut out = Vec::new();
        assert_eq!(rewrite(stream.as_slice(), &mut out).unwrap(), 3);
        let mut reader = Reader::new(out.as_slice());
        let tool = reader.next_entry().unwrap().unwrap();
        assert_eq!((tool.path.as_slice(), tool.mode, tool.uid), (&b"tool"[..], 0o755, 0));
        let again = reader.next_entry().unwrap().unwrap();
        assert_eq!((again.path.as_slice(), again.link.as_slice()), (&b"again"[..], &b"tool"[..]));
        assert_eq!(reader.next_entry().unwrap().unwrap().path, b"lib");
        assert_eq!(reader.next_entry().unwrap(), None);
    }

    #[test]
    fn too_many_files_are_refused() {
        let mut entries = vec![(Entry::new("app", Kind::Directory, 0o755), &b""[..])];
        for number in 0..=MAX_ENTRIES {
            entries.push((Entry::new(format!("app/{number}"), Kind::File, 0o644), b""));
        }
        let error = rewrite(tar(&entries).as_slice(), io::sink()).unwrap_err();
        assert!(matches!(error, RewriteError::TooMuch("too many files")), "{error:?}");
    }
}
