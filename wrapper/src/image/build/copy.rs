//! WORKDIR, COPY and ADD: entries of one tar stream that goes into a container that does not run.
//!
//! The stream has no entries for directories that may be there: the engine makes missing ones, and an entry would change the
//! mode of one like `/tmp`.

use std::fs::File;
use std::io::{self, Cursor, Read, Write};
use std::path::{Path, PathBuf};

use crate::engine::Transport;
use boinc::archive::tar::{Entry, Kind, Writer};
use boinc::dockerfile::{CopyStep, FileStep, Group, Source};
use boinc::platform::{is_executable, open_no_follow};

use super::Builder;
use super::context::{Match, matches};
use super::error::BuildError;
use super::target_files::{Found, TargetFiles, ways};

/// The time of all files that come from the build context: hosts get them at different times, and an image must not
/// depend on that.
const MTIME: i64 = 1_577_836_800;

/// Entries that are not sent yet.
#[derive(Default)]
pub(super) struct Pending {
    entries: Vec<(Entry, Body)>,
    /// Bytes of memory that they take.
    weight: usize,
}

/// As much memory as entries may take before they are sent.
const MAX_WEIGHT: usize = 4 << 20;
/// What an entry takes besides its name and text.
const ENTRY_WEIGHT: usize = 300;

enum Body {
    None,
    Bytes(Vec<u8>),
    File(PathBuf),
}

impl Pending {
    fn push(&mut self, path: &str, kind: Kind, mode: u32, owner: (u32, u32), body: Body, size: u64) {
        let mut entry = Entry::new(path.trim_start_matches('/'), kind, mode);
        (entry.uid, entry.gid) = (owner.0.into(), owner.1.into());
        (entry.size, entry.mtime) = (size, MTIME);
        self.weight += ENTRY_WEIGHT + path.len();
        self.weight += match &body {
            Body::None => 0,
            Body::Bytes(bytes) => bytes.len(),
            Body::File(path) => path.as_os_str().len(),
        };
        self.entries.push((entry, body));
    }
}

/// Where the sources of one instruction go, and as what.
pub(super) struct Goal<'a> {
    pub(super) container: &'a str,
    pub(super) step: &'a CopyStep,
    /// Owner, where the instruction gives one.
    pub(super) owner: Option<(u32, u32)>,
}

impl Goal<'_> {
    pub(super) fn refuse(&self, why: impl Into<String>) -> BuildError {
        BuildError::Copy { line: self.step.line, why: why.into() }
    }
}

impl<T: Transport + Clone> Builder<'_, T> {
    /// Does all file steps of a group. `inherited_workdir`: a directory that the base image names and may lack.
    pub(super) fn copy_files(
        &mut self,
        container: &str,
        group: &Group,
        inherited_workdir: Option<&str>,
        files: &mut TargetFiles,
    ) -> Result<(), BuildError> {
        let mut pending = Pending::default();
        if let Some(path) = inherited_workdir {
            // Podman does not start a container whose directory is missing; Docker makes it.
            self.make_directories(container, path, (0, 0), files, &mut pending)?;
        }
        for step in &group.files {
            match step {
                FileStep::Workdir { line, path, user } => {
                    let owner = self.owner_of_workdir(container, *line, user, &mut pending)?;
                    self.make_directories(container, path, owner, files, &mut pending)?;
                }
                FileStep::Copy(step) => {
                    self.check_volumes(step, group)?;
                    let owner = step
                        .owner
                        .as_deref()
                        .map(|owner| self.owner_of_copy(container, step.line, owner, &mut pending));
                    let owner = owner.transpose()?;
                    let goal = Goal { container, step, owner };
                    match step.from {
                        None => self.copy_from_context(&goal, files, &mut pending)?,
                        Some(stage) => {
                            self.send(container, &std::mem::take(&mut pending))?;
                            self.copy_from_stage(stage, &goal, files)?;
                        }
                    }
                }
            }
        }
        self.send(container, &pending)?;
        if let Some(probe) = self.probe.take() {
            self.remove_container(&probe)?;
        }
        Ok(())
    }

    /// What a RUN writes below a volume is lost at its end, and engines differ in what becomes of a copy.
    fn check_volumes(&self, step: &CopyStep, group: &Group) -> Result<(), BuildError> {
        let below = |volume: &&String| Path::new(&step.destination).starts_with(volume);
        match group.config.volumes.iter().find(below) {
            Some(volume) => Err(BuildError::Copy {
                line: step.line,
                why: format!(
                    "{} is below the volume {volume} of the base image: copy elsewhere",
                    step.destination
                ),
            }),
            None => Ok(()),
        }
    }

    /// Entries for what is missing on the way to a directory, and for the directory.
    fn make_directories(
        &self,
        container: &str,
        path: &str,
        owner: (u32, u32),
        files: &mut TargetFiles,
        pending: &mut Pending,
    ) -> Result<(), BuildError> {
        // From the end, since what leads to a directory that is there is there too.
        let all: Vec<&str> = ways(path).collect();
        let mut missing = Vec::new();
        for way in all.iter().rev() {
            match self.inspect_path(container, way, files)? {
                Found::Nothing => missing.push(*way),
                _ => break,
            }
        }
        for way in missing.into_iter().rev() {
            pending.push(way, Kind::Directory, 0o755, owner, Body::None, 0);
            files.note(way, Found::Directory);
        }
        Ok(())
    }

    fn copy_from_context(
        &mut self,
        goal: &Goal<'_>,
        files: &mut TargetFiles,
        pending: &mut Pending,
    ) -> Result<(), BuildError> {
        for source in &goal.step.sources {
            match source {
                Source::Inline { name, content } => {
                    let path = self.place_of(goal, name, files)?;
                    let body = Body::Bytes(content.clone());
                    self.push_file(goal, &path, 0o644, body, content.len() as u64, files, pending)?;
                }
                Source::Pattern(pattern) => self.copy_from_pattern(goal, pattern, files, pending)?,
            }
        }
        Ok(())
    }

    fn copy_from_pattern(
        &mut self,
        goal: &Goal<'_>,
        pattern: &str,
        files: &mut TargetFiles,
        pending: &mut Pending,
    ) -> Result<(), BuildError> {
        let source = self.source;
        let found =
            matches(&source.files, pattern).map_err(|error| goal.refuse(format!("{pattern:?}: {error}")))?;
        if found.is_empty() {
            return Err(goal.refuse(format!("{pattern:?} is not among the files of the science app")));
        }
        if found.len() > 1 && !goal.step.destination_is_directory {
            return Err(
                goal.refuse(format!("{pattern:?} names several files, so the destination must end with /"))
            );
        }
        for found in found {
            match found {
                Match::File(name, path) => match if goal.step.unpack { added(path)? } else { Added::File } {
                    Added::File => {
                        let place = self.place_of(goal, name, files)?;
                        self.push_context_file(goal, &place, path, files, pending)?;
                    }
                    Added::Archive => {
                        self.send(goal.container, &std::mem::take(pending))?;
                        self.unpack(path, goal, files)?;
                    }
                    Added::Compressed(form) => {
                        return Err(goal.refuse(format!(
                            "ADD of {name:?}, which is compressed with {form}: use COPY, and unpack it in a RUN"
                        )));
                    }
                },
                Match::Directory(below) => {
                    for (name, path) in below {
                        let place = join(&goal.step.destination, name);
                        self.push_context_file(goal, &place, path, files, pending)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Where a single file goes: into the destination if that is a directory, else in its place.
    pub(super) fn place_of(
        &self,
        goal: &Goal<'_>,
        name: &str,
        files: &mut TargetFiles,
    ) -> Result<String, BuildError> {
        let destination = &goal.step.destination;
        let into = goal.step.destination_is_directory
            || self.inspect_path(goal.container, destination, files)? == Found::Directory;
        Ok(if into { join(destination, name) } else { destination.clone() })
    }

    fn push_context_file(
        &mut self,
        goal: &Goal<'_>,
        place: &str,
        path: &Path,
        files: &mut TargetFiles,
        pending: &mut Pending,
    ) -> Result<(), BuildError> {
        let data = open(path)?.metadata().map_err(|source| read_error(path, source))?;
        // Clients differ in the modes that they give to files; only whether it is a program is the same everywhere.
        let mode = if is_executable(path) { 0o755 } else { 0o644 };
        self.push_file(goal, place, mode, Body::File(path.to_owned()), data.len(), files, pending)
    }

    #[expect(clippy::too_many_arguments, reason = "a file and where it goes")]
    fn push_file(
        &mut self,
        goal: &Goal<'_>,
        place: &str,
        mode: u32,
        body: Body,
        size: u64,
        files: &mut TargetFiles,
        pending: &mut Pending,
    ) -> Result<(), BuildError> {
        if let Some((parent, _)) = place.rsplit_once('/').filter(|(parent, _)| !parent.is_empty()) {
            match goal.owner {
                Some(owner) => self.make_directories(goal.container, parent, owner, files, pending)?,
                None => files.note_directories(parent),
            }
        }
        self.count_copied(goal, size, 1)?;
        let mode = goal.step.mode.unwrap_or(mode);
        pending.push(place, Kind::File, mode, goal.owner.unwrap_or_default(), body, size);
        files.note(place, Found::Other);
        if pending.weight > MAX_WEIGHT {
            self.send(goal.container, &std::mem::take(pending))?;
        }
        Ok(())
    }

    pub(super) fn send(&self, container: &str, pending: &Pending) -> Result<(), BuildError> {
        if pending.entries.is_empty() {
            return Ok(());
        }
        self.wait_while_held()?;
        let entries = pending.entries.iter().map(|(entry, _)| entry);
        let owner = entries.fold((0, 0), |(uid, gid), entry| (entry.uid.max(uid), entry.gid.max(gid)));
        self.write_stream(container, owner, |out| write_entries(out, pending))
    }

    /// Counts what goes into the container that is being filled, before it does: a copy is held to the same limits as what
    /// a RUN writes.
    pub(super) fn count_copied(&mut self, goal: &Goal<'_>, bytes: u64, files: u64) -> Result<(), BuildError> {
        let limit = self.source.bounds.disk;
        self.copied.bytes = self.copied.bytes.saturating_add(bytes);
        self.copied.files = self.copied.files.saturating_add(files);
        if self.copied.bytes > limit.bytes {
            return Err(goal.refuse(format!(
                "more than {} bytes, the disk limit (rsc_disk_bound of the workunit), are copied before the next RUN",
                limit.bytes
            )));
        }
        if self.copied.files > limit.files {
            return Err(
                goal.refuse(format!("more than {} files are copied before the next RUN", limit.files))
            );
        }
        Ok(())
    }
}

fn write_entries(out: &mut dyn Write, pending: &Pending) -> Result<(), BuildError> {
    let failed = |source| BuildError::Io { doing: "send files to a step's container".into(), source };
    let mut writer = Writer::new(out);
    for (entry, body) in &pending.entries {
        let mut body: Box<dyn Read> = match body {
            Body::None => Box::new(io::empty()),
            Body::Bytes(bytes) => Box::new(Cursor::new(bytes)),
            Body::File(path) => Box::new(open(path)?),
        };
        writer.append(entry, &mut body).map_err(failed)?;
    }
    writer.finish().map(drop).map_err(failed)
}

/// Joins an absolute path and a relative one.
pub(super) fn join(directory: &str, name: &str) -> String {
    format!("{}/{name}", directory.trim_end_matches('/'))
}

/// What ADD does with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Added {
    /// It is copied.
    File,
    /// It is taken apart.
    Archive,
    /// The engines' builders would decompress it: which forms they know differs, so none is.
    Compressed(&'static str),
}

/// Decides by the content, as the engines' builders do.
fn added(path: &Path) -> Result<Added, BuildError> {
    const BLOCK: usize = 512;
    const COMPRESSED: [(&[u8], &str); 5] = [
        (b"\x1f\x8b", "gzip"),
        (b"BZh", "bzip2"),
        (b"\xfd7zXZ\0", "xz"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"LZIP", "lzip"),
    ];
    let mut start = Vec::new();
    open(path)?.take(BLOCK as u64).read_to_end(&mut start).map_err(|source| read_error(path, source))?;
    if let Some((_, name)) = COMPRESSED.iter().find(|(magic, _)| start.starts_with(magic)) {
        return Ok(Added::Compressed(name));
    }
    let is_archive = start.len() == BLOCK && start[257..].starts_with(b"ustar");
    Ok(if is_archive { Added::Archive } else { Added::File })
}

fn open(path: &Path) -> Result<File, BuildError> {
    open_file(path).map_err(|source| read_error(path, source))
}

/// A regular file, no link: the client has resolved those.
pub(super) fn open_file(path: &Path) -> io::Result<File> {
    let file = open_no_follow(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

pub(super) fn read_error(path: &Path, source: io::Error) -> BuildError {
    BuildError::Io { doing: format!("read {}", path.display()), source }
}
