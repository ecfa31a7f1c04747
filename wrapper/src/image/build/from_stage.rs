//! COPY --from=STAGE and ADD of an archive: a tar stream is read, renamed and written into the container.

use std::collections::{HashSet, VecDeque};
use std::io::{self, Read, Write};
use std::path::Path;

use crate::engine::Transport;
use boinc::archive::tar::{Entry, Kind, Reader, Writer};
use boinc::dockerfile::{Source, pattern};

use super::Builder;
use super::copy::{Goal, join, open_file, read_error};
use super::error::BuildError;
use super::target_files::{Found, TargetFiles};
use super::transfer::NotCopied;

/// Directories of the target that are looked at for one source. Others keep their mode if they are there, and get 0755
/// if they are not.
const MAX_LOOKS: usize = 100;
/// More entries than any image has.
const MAX_ENTRIES: usize = 2_000_000;
/// Bytes of all names of directories, which are kept in memory: those of a large system take 2 MB.
const MAX_NAMES: usize = 32 << 20;

/// How paths of a stream become paths of the target.
struct Renaming {
    /// The part of each path of the stream that is cut off: the name that the engine gives to the source, which may be
    /// that of a link's target. Empty for an archive.
    root: Vec<u8>,
    /// The source's own name.
    name: String,
    /// Patterns for the parts after the root; what they match is a source.
    patterns: Vec<String>,
    /// Absolute path of the destination.
    destination: String,
    /// A file that is a source keeps its name in the destination.
    into: bool,
}

/// Where an entry goes.
enum Place {
    /// It is none of what is copied.
    Skip,
    /// Absolute path.
    At(String),
    /// A link that a pattern names: what it leads to is copied. Its path after the root.
    Followed(String),
}

impl Renaming {
    fn place(&self, path: &[u8], kind: Kind) -> Result<Place, String> {
        let text = std::str::from_utf8(path).map_err(|_| "a file name is not UTF-8".to_owned())?;
        let root = std::str::from_utf8(&self.root).map_err(|_| "a file name is not UTF-8".to_owned())?;
        let below = if root.is_empty() { Some(text) } else { text.strip_prefix(root) };
        let below = below.filter(|below| root.is_empty() || below.is_empty() || below.starts_with('/'));
        let below = below.ok_or_else(|| format!("the engine sent {text:?} for {root:?}"))?;
        let parts: Vec<&str> = below.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        if parts.contains(&"..") {
            return Err(format!("{text:?} leads upwards"));
        }
        if parts.len() < self.patterns.len() {
            return Ok(Place::Skip);
        }
        let (head, rest) = parts.split_at(self.patterns.len());
        for (pattern, part) in self.patterns.iter().zip(head) {
            if !pattern::matches(pattern, part).map_err(|error| error.to_string())? {
                return Ok(Place::Skip);
            }
        }
        if rest.is_empty() && kind == Kind::Symlink && !head.is_empty() {
            return Ok(Place::Followed(head.join("/")));
        }
        Ok(Place::At(match (rest.is_empty(), kind) {
            // The source itself: a directory's content is copied, not the directory.
            (true, Kind::Directory) => self.destination.clone(),
            (true, _) if self.into => join(&self.destination, head.last().copied().unwrap_or(&self.name)),
            (true, _) => self.destination.clone(),
            (false, _) => join(&self.destination, &rest.join("/")),
        }))
    }
}

/// What a first look at a stream found.
#[derive(Default)]
struct StageScan {
    /// Absolute target paths of directories, in the order of the stream.
    directories: Vec<String>,
    /// The first source's kind, and how many sources there are.
    first: Option<Kind>,
    sources: usize,
    /// What is in the stream.
    bytes: u64,
    entries: u64,
    /// The largest numbers of users and groups in it.
    owner: (u64, u64),
    /// Links among the sources, as paths after the root.
    links: Vec<String>,
}

impl<T: Transport + Clone> Builder<'_, T> {
    /// COPY --from.
    pub(super) fn copy_from_stage(
        &mut self,
        stage: usize,
        goal: &Goal<'_>,
        files: &mut TargetFiles,
    ) -> Result<(), BuildError> {
        let container = self.container_of(stage)?;
        let mut sources = VecDeque::new();
        for source in &goal.step.sources {
            let Source::Pattern(source) = source else {
                return Err(BuildError::Internal("a here-document from a stage".into()));
            };
            sources.push_back((source.clone(), split(source)));
        }
        while let Some((source, (path, patterns))) = sources.pop_front() {
            let name = path.rsplit('/').next().unwrap_or_default().to_owned();
            let mut renaming = Renaming {
                root: name.as_bytes().to_vec(),
                name,
                patterns,
                destination: goal.step.destination.clone(),
                into: goal.step.destination_is_directory,
            };
            let scan = self
                .read_path(&container, &path, |stream| scan(stream, &mut renaming))
                .map_err(|error| of_line(goal, error))?;
            let Some(scan) = scan.filter(|scan| scan.sources > 0) else {
                return Err(goal.refuse(format!("the stage has no {source}")));
            };
            if scan.sources > 1 && !renaming.into {
                return Err(goal
                    .refuse(format!("{source:?} names several files, so the destination must end with /")));
            }
            if scan.first != Some(Kind::Directory) && !renaming.into {
                renaming.into =
                    self.inspect_path(goal.container, &renaming.destination, files)? == Found::Directory;
            }
            let there = self.directories_there(goal, &scan, files)?;
            self.wait_while_held()?;
            self.count_copied(goal, scan.bytes, scan.entries)?;
            let owners = self.engine.flavor().tells_owners();
            let rewrite = Rewrite { renaming: &renaming, there: &there, goal, owners };
            self.write_stream(goal.container, owner_of(goal, &scan), |out| {
                self.read_along(&container, &path, |stream| rewrite.all(stream, out))
            })
            .map_err(|error| of_line(goal, error))?;
            files.note_unknown_files();
            for link in scan.links {
                // Named by itself, it is followed by the engine.
                let link = join(&path, &link);
                sources.push_back((link.clone(), (link, Vec::new())));
            }
        }
        Ok(())
    }

    /// ADD of a tar file.
    pub(super) fn unpack(
        &mut self,
        archive: &Path,
        goal: &Goal<'_>,
        files: &mut TargetFiles,
    ) -> Result<(), BuildError> {
        let mut renaming = Renaming {
            root: Vec::new(),
            name: String::new(),
            patterns: Vec::new(),
            destination: goal.step.destination.clone(),
            into: true,
        };
        let open = || open_file(archive).map_err(|source| read_error(archive, source));
        let refused = |error: io::Error| goal.refuse(format!("cannot unpack {}: {error}", archive.display()));
        let scan = scan(&mut open()?, &mut renaming).map_err(refused)?;
        let there = self.directories_there(goal, &scan, files)?;
        self.wait_while_held()?;
        self.count_copied(goal, scan.bytes, scan.entries)?;
        let rewrite = Rewrite { renaming: &renaming, there: &there, goal, owners: true };
        self.write_stream(goal.container, owner_of(goal, &scan), |out| {
            rewrite.all(&mut open()?, out).map_err(refused)
        })?;
        files.note_unknown_files();
        Ok(())
    }

    /// Which directories of the stream the target has already.
    fn directories_there(
        &self,
        goal: &Goal<'_>,
        scan: &StageScan,
        files: &mut TargetFiles,
    ) -> Result<HashSet<String>, BuildError> {
        let mut there = HashSet::new();
        let mut new: HashSet<&str> = HashSet::new();
        let mut looks = 0;
        for directory in &scan.directories {
            let parent = directory.rsplit_once('/').map_or("", |(parent, _)| parent);
            if new.contains(parent) {
                new.insert(directory);
            } else if looks >= MAX_LOOKS {
                there.insert(directory.clone());
            } else {
                looks += 1;
                match self.inspect_path(goal.container, directory, files)? {
                    Found::Nothing => new.insert(directory),
                    _ => there.insert(directory.clone()),
                };
            }
        }
        Ok(there)
    }

    /// A container with the files of a stage that does not run.
    fn container_of(&mut self, number: usize) -> Result<String, BuildError> {
        let stage = self.stages.get(number).and_then(Option::as_ref).cloned();
        let stage = stage.ok_or_else(|| BuildError::Internal(format!("stage {number} was not built")))?;
        if let Some(container) = stage.container {
            return Ok(container);
        }
        let image = stage.image.ok_or_else(|| BuildError::Internal(format!("stage {number} is empty")))?;
        let name = self.create_plain(&image, &boinc::dockerfile::ImageConfig::default())?;
        if let Some(Some(stage)) = self.stages.get_mut(number) {
            stage.container = Some(name.clone());
        }
        Ok(name)
    }
}

fn owner_of(goal: &Goal<'_>, scan: &StageScan) -> (u64, u64) {
    goal.owner.map_or(scan.owner, |(uid, gid)| (uid.into(), gid.into()))
}

/// What a stage holds is the fault of the line that copies it.
fn of_line(goal: &Goal<'_>, error: BuildError) -> BuildError {
    match error {
        BuildError::Impossible { why } => goal.refuse(why),
        error => error,
    }
}

/// The longest path without a pattern, and the patterns after it.
fn split(source: &str) -> (String, Vec<String>) {
    let parts: Vec<&str> = source.split('/').filter(|part| !part.is_empty()).collect();
    let plain = parts.iter().position(|part| pattern::is_pattern(part)).unwrap_or(parts.len());
    let path = format!("/{}", parts[..plain].join("/"));
    (path, parts[plain..].iter().map(|part| (*part).to_owned()).collect())
}

fn scan(stream: &mut dyn Read, renaming: &mut Renaming) -> io::Result<StageScan> {
    let mut reader = Reader::new(stream);
    let mut found = StageScan::default();
    if renaming.root.is_empty() && renaming.patterns.is_empty() {
        // The whole of a stage, or of an archive: Podman sends no entry for the directory itself.
        (found.sources, found.first) = (1, Some(Kind::Directory));
    }
    let (mut count, mut names) = (0_usize, 0_usize);
    while let Some(entry) = reader.next_entry()? {
        count += 1;
        if count == 1 && !renaming.root.is_empty() {
            renaming.root = entry.path.clone();
        }
        if count > MAX_ENTRIES {
            return Err(NotCopied::error(format!("more than {MAX_ENTRIES} files")));
        }
        let path = match renaming.place(&entry.path, entry.kind).map_err(NotCopied::error)? {
            Place::At(path) => path,
            Place::Followed(link) => {
                found.sources += 1;
                found.links.push(link);
                continue;
            }
            Place::Skip => continue,
        };
        found.bytes = found.bytes.saturating_add(entry.size);
        found.entries += 1;
        found.owner = (found.owner.0.max(entry.uid), found.owner.1.max(entry.gid));
        let parts = entry.path.split(|&byte| byte == b'/').filter(|part| !part.is_empty()).count();
        let roots = renaming.patterns.len() + usize::from(!renaming.root.is_empty());
        if parts == roots && roots > 0 {
            found.sources += 1;
            found.first.get_or_insert(entry.kind);
        }
        if entry.kind == Kind::Directory && path != renaming.destination {
            names += path.len();
            if names > MAX_NAMES {
                return Err(NotCopied::error("the names of its directories are too long"));
            }
            found.directories.push(path);
        }
        if found.first == Some(Kind::File) && renaming.patterns.is_empty() && !renaming.root.is_empty() {
            // A single file: nothing comes after it.
            break;
        }
    }
    Ok(found)
}

struct Rewrite<'a> {
    renaming: &'a Renaming,
    there: &'a HashSet<String>,
    goal: &'a Goal<'a>,
    /// The stream has the files' owners.
    owners: bool,
}

impl Rewrite<'_> {
    fn all(&self, stream: &mut dyn Read, out: &mut dyn Write) -> io::Result<()> {
        let mut reader = Reader::new(stream);
        let mut writer = Writer::new(out);
        while let Some(entry) = reader.next_entry()? {
            if let Some(entry) = self.entry(entry).map_err(NotCopied::error)? {
                writer.append(&entry, &mut reader)?;
            }
        }
        writer.finish().map(drop)
    }

    fn entry(&self, mut entry: Entry) -> Result<Option<Entry>, String> {
        let Place::At(path) = self.renaming.place(&entry.path, entry.kind)? else { return Ok(None) };
        if entry.kind == Kind::Directory {
            let is_destination = path == self.renaming.destination;
            if self.there.contains(&path) || (is_destination && self.goal.owner.is_none()) {
                return Ok(None);
            }
        }
        match entry.kind {
            Kind::CharDevice | Kind::BlockDevice | Kind::Fifo => {
                return Err(format!("{path} is a device or a pipe, which is not copied"));
            }
            Kind::HardLink => match self.renaming.place(&entry.link, Kind::File)? {
                Place::At(target) => entry.link = target.trim_start_matches('/').into(),
                _ => return Err(format!("{path} is a hard link to a file that is not copied")),
            },
            Kind::File | Kind::Directory | Kind::Symlink => {}
        }
        if let Some((uid, gid)) = self.goal.owner {
            (entry.uid, entry.gid) = (uid.into(), gid.into());
        } else if !self.owners {
            (entry.uid, entry.gid) = (0, 0);
        }
        if let (Some(mode), false) = (self.goal.step.mode, entry.kind == Kind::Symlink) {
            entry.mode = mode;
        }
        entry.path = path.trim_start_matches('/').into();
        if entry.path.is_empty() { Ok(None) } else { Ok(Some(entry)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(renaming: &Renaming, path: &str, kind: Kind) -> Option<String> {
        match renaming.place(path.as_bytes(), kind).unwrap() {
            Place::At(path) => Some(path),
            Place::Followed(link) => Some(format!("what {link} leads to")),
            Place::Skip => None,
        }
    }

    fn renaming(source: &str, destination: &str, into: bool) -> Renaming {
        let (path, patterns) = split(source);
        let name = path.rsplit('/').next().unwrap().to_owned();
        Renaming { root: name.as_bytes().to_vec(), name, patterns, destination: destination.into(), into }
    }

    #[test]
    fn a_file_goes_into_a_directory_or_in_its_place() {
        let into = renaming("/out/prog", "/usr/bin", true);
        assert_eq!(place(&into, "prog", Kind::File).as_deref(), Some("/usr/bin/prog"));
        let as_it = renaming("/out/prog", "/usr/bin/p", false);
        assert_eq!(place(&as_it, "prog", Kind::File).as_deref(), Some("/usr/bin/p"));
    }

    #[test]
    fn the_content_of_a_directory_is_copied() {
        let copy = renaming("/out", "/opt", false);
        assert_eq!(place(&copy, "out", Kind::Directory).as_deref(), Some("/opt"));
        assert_eq!(place(&copy, "out/a/b", Kind::File).as_deref(), Some("/opt/a/b"));
    }

    #[test]
    fn patterns_choose_files_and_directories() {
        let copy = renaming("/out/*.so", "/lib", true);
        assert_eq!(place(&copy, "out", Kind::Directory), None);
        assert_eq!(place(&copy, "out/a.so", Kind::File).as_deref(), Some("/lib/a.so"));
        assert_eq!(place(&copy, "out/a.c", Kind::File), None);
        assert_eq!(place(&copy, "out/l.so", Kind::Symlink).as_deref(), Some("what l.so leads to"));
        assert_eq!(place(&copy, "out/d.so", Kind::Directory).as_deref(), Some("/lib"));
        assert_eq!(place(&copy, "out/d.so/x", Kind::File).as_deref(), Some("/lib/x"));
    }

    #[test]
    fn the_whole_of_a_stage() {
        let copy = renaming("/", "/", true);
        assert_eq!(split("/"), ("/".to_owned(), vec![]));
        assert_eq!(place(&copy, "etc/x", Kind::File).as_deref(), Some("/etc/x"));
    }

    #[test]
    fn nothing_leads_upwards() {
        let copy = renaming("/out", "/opt", false);
        assert!(copy.place(b"out/../../x", Kind::File).is_err());
        assert!(copy.place(b"elsewhere", Kind::File).is_err());
    }
}
