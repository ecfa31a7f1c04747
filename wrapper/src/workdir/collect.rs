//! Moves outputs from the work directory to where the client wants them.
//!
//! The container is gone by now, but what it left is not to be trusted: a symbolic link named like an output could make
//! the client upload any file of the volunteer's, and so could one in the place of a directory. Only regular files in real
//! directories are moved, and they lose what their permissions would mean to others on this host.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Seek};
use std::path::{Path, PathBuf};

use boinc::job::spec::OutputSpec;
use boinc::nofollow::{Directory, Entry, Flow, Parent, remove_tree_in, walk_paths};
use boinc::platform::user;
use boinc::wire::slot::{OutputPath, SlotPathError, is_client_file, is_own_name, read_link};

use super::layout::Layout;
use super::manifest::Manifest;
use super::own::{OWN_MODE, open_work};

/// An output is not as declared, or can't be moved.
#[derive(Debug, thiserror::Error)]
pub enum OutputProblem {
    /// Declared, not optional, and not there.
    #[error(
        "output {name} was never written: the program ended with status 0 without making it in its work directory"
    )]
    Missing { name: String },
    /// Larger than declared.
    #[error("output {name} has {bytes} bytes, more than its limit of {max_bytes}")]
    TooLarge { name: String, bytes: u64, max_bytes: u64 },
    /// A link, a directory, a device.
    #[error("output {name} is {kind}, not a regular file")]
    NotAFile { name: String, kind: &'static str },
    /// The client's link of an output leads to a place where no output of this result can be.
    #[error("the place of output {name} is not this task's")]
    Place {
        name: String,
        #[source]
        source: SlotPathError,
    },
    /// The work directory cannot be read.
    #[error("failed to read the work directory")]
    Work {
        #[source]
        source: io::Error,
    },
    #[error("failed to move output {name} to {}", target.display())]
    Move {
        name: String,
        /// Where it was to go.
        target: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// Checks all declared outputs, then moves them. Doing it again after a kill continues: what is at its place already counts
/// as moved.
///
/// With outputs declared in job.toml these are moved, and those that the slot's links name. Without any declared, every
/// regular file that is not an input goes to the slot, as if the job had run in there, but never over a link of the client's
/// or one of the `hidden` files. `target_of` reads the client's links.
///
/// # Errors
/// The first problem; nothing is moved before all checks have passed.
pub fn collect(
    layout: &Layout,
    manifest: &Manifest,
    declared: &[OutputSpec],
    hidden: &[&str],
    target_of: impl Fn(&str) -> Result<OutputPath, SlotPathError>,
) -> Result<(), OutputProblem> {
    let failed = |source| OutputProblem::Work { source };
    let slot = Directory::open(&layout.slot).map_err(failed)?;
    // Without a work directory everything has been moved, or the job was never run.
    let Some(work) = open_work(layout).map_err(failed)? else {
        return missing(&slot, declared, &target_of);
    };
    let mut moves: Vec<(String, OutputPath)> = Vec::new();
    for output in declared {
        let name = &output.name;
        let target = place(name, &target_of)?;
        match regular(&work, name)? {
            Some(entry) => {
                check_size(name, entry.length, output.max_bytes)?;
                moves.push((name.clone(), target));
            }
            None => already_moved(&slot, output, &target, manifest.inputs.contains(name))?,
        }
    }
    for name in &manifest.outputs {
        if !moves.iter().any(|(other, _)| other == name) && regular(&work, name)?.is_some() {
            moves.push((name.clone(), place(name, &target_of)?));
        }
    }
    if declared.is_empty() {
        for name in others(&work, manifest).map_err(failed)? {
            let taken = moves.iter().any(|(other, _)| *other == name);
            let link = || matches!(read_link(&layout.slot, &name), Ok(Some(_)) | Err(_));
            if !taken && !hidden.iter().any(|hidden| hidden.eq_ignore_ascii_case(&name)) && !link() {
                let target = OutputPath::Copy(layout.slot.join(&name));
                moves.push((name, target));
            }
        }
    }
    let stage = Stage { slot: &slot, is_used: !layout.is_in_slot() };
    stage.clear().map_err(failed)?;
    for (name, target) in &moves {
        move_file(&stage, &work, name, target).map_err(|source| OutputProblem::Move {
            name: name.clone(),
            target: target.path().to_owned(),
            source,
        })?;
    }
    stage.clear().map_err(failed)
}

/// `buoy` in the slot, which is free where the work directory is elsewhere: outputs are first copied there, since parts of a
/// copy that was broken off would stay in the project directory for ever.
struct Stage<'a> {
    slot: &'a Directory,
    is_used: bool,
}

impl Stage<'_> {
    /// The copy's name.
    const COPY: &'static str = "output";

    /// Removes it with what an attempt before this one has left.
    fn clear(&self) -> io::Result<()> {
        if self.is_used { remove_tree_in(self.slot, Layout::OWN) } else { Ok(()) }
    }

    /// Copies a file of the work directory in another file system. A crash leaves the whole copy in its place, or nothing.
    fn copy(&self, source: &mut File, directory: &Directory, name: &OsStr) -> io::Result<()> {
        if !self.is_used {
            return directory.copy_file(source, name);
        }
        self.slot.make_directory(Layout::OWN, OWN_MODE)?;
        let own = self.slot.open_directory(Layout::OWN)?;
        own.copy_file(source, Self::COPY)?;
        match own.open_file(Self::COPY)?.sync_all() {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {}
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
            result => result?,
        }
        match own.rename(Self::COPY, directory, name) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                source.rewind()?;
                directory.copy_file(source, name)
            }
            result => result,
        }
    }
}

fn missing(
    slot: &Directory,
    declared: &[OutputSpec],
    target_of: &impl Fn(&str) -> Result<OutputPath, SlotPathError>,
) -> Result<(), OutputProblem> {
    declared
        .iter()
        .try_for_each(|output| already_moved(slot, output, &place(&output.name, target_of)?, false))
}

fn place(
    name: &str,
    target_of: &impl Fn(&str) -> Result<OutputPath, SlotPathError>,
) -> Result<OutputPath, OutputProblem> {
    target_of(name).map_err(|source| OutputProblem::Place { name: name.into(), source })
}

/// An output that is not in the work directory: an earlier attempt has moved it, or the job has not made it.
fn already_moved(
    slot: &Directory,
    output: &OutputSpec,
    target: &OutputPath,
    is_input: bool,
) -> Result<(), OutputProblem> {
    let name = &output.name;
    let moved = open_target(slot, name, target, false)
        .and_then(|found| match found {
            Some((directory, last)) => directory.entry_of(last),
            None => Ok(None),
        })
        .ok()
        .flatten()
        .filter(|entry| entry.is_file() && !is_input);
    match moved {
        Some(entry) => check_size(name, entry.length, output.max_bytes),
        None if output.optional => Ok(()),
        None => Err(OutputProblem::Missing { name: name.clone() }),
    }
}

fn check_size(name: &str, bytes: u64, max_bytes: Option<u64>) -> Result<(), OutputProblem> {
    match max_bytes {
        Some(max_bytes) if bytes > max_bytes => {
            Err(OutputProblem::TooLarge { name: name.into(), bytes, max_bytes })
        }
        _ => Ok(()),
    }
}

/// The file itself; `None` if there is none.
fn regular(work: &Directory, name: &str) -> Result<Option<Entry>, OutputProblem> {
    let not_a_file = |kind| Err(OutputProblem::NotAFile { name: name.into(), kind });
    let entry = match work.parent_of(name) {
        Ok(Parent::Found(parent, last)) => parent.entry_of(last),
        Ok(Parent::Missing) => return Ok(None),
        Ok(Parent::NotADirectory(_)) => return not_a_file("behind a symbolic link or a file"),
        Err(error) => Err(error),
    };
    match entry.map_err(|source| OutputProblem::Work { source })? {
        Some(entry) if entry.is_file() => Ok(Some(entry)),
        Some(entry) => not_a_file(entry.description()),
        None => Ok(None),
    }
}

/// All regular files that are not inputs and have none of the client's names or ours. Names that are too long for BOINC, or
/// that are not text, stay where they are.
fn others(work: &Directory, manifest: &Manifest) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    walk_paths(work, |path, entry| {
        let Some(name) = path.to_str().filter(|name| name.len() <= MAX_NAME_BYTES) else { return Flow::Skip };
        let top = path.parent() == Some(Path::new(""));
        if top && is_own_name(name) {
            return Flow::Skip;
        }
        let client = top && is_client_file(name);
        if entry.is_file() && !client && !manifest.inputs.iter().any(|input| input == name) {
            found.push(name.to_owned());
        }
        Flow::Enter
    })?;
    found.sort();
    Ok(found)
}

/// The longest name that is moved, with all its directories.
const MAX_NAME_BYTES: usize = 1_024;

/// Opens the directory that an output goes to; `None` if it does not exist and is not to be made.
fn open_target<'t>(
    slot: &Directory,
    name: &'t str,
    target: &'t OutputPath,
    make: bool,
) -> io::Result<Option<(Directory, &'t OsStr)>> {
    match target {
        OutputPath::Link(path) => {
            let (Some(parent), Some(last)) = (path.parent(), path.file_name()) else {
                return Err(io::ErrorKind::InvalidInput.into());
            };
            Directory::open(parent).map(|directory| Some((directory, last)))
        }
        OutputPath::Copy(_) => {
            let parent = if make { slot.make_parent_of(name) } else { slot.parent_of(name) };
            match parent? {
                Parent::Found(directory, last) => Ok(Some((directory, last))),
                Parent::Missing => Ok(None),
                Parent::NotADirectory(path) => Err(io::Error::new(
                    io::ErrorKind::NotADirectory,
                    format!("{} in the slot is not a directory", path.display()),
                )),
            }
        }
    }
}

fn move_file(stage: &Stage<'_>, work: &Directory, name: &str, target: &OutputPath) -> io::Result<()> {
    let Parent::Found(source, last) = work.parent_of(name)? else {
        return Err(io::ErrorKind::NotFound.into());
    };
    let (directory, target_name) =
        open_target(stage.slot, name, target, true)?.ok_or(io::ErrorKind::NotFound)?;
    // Set-user-id and the like go, and everybody's right to write; the client must be able to read it.
    source.change_mode(last, |entry| entry.is_file().then_some(entry.mode & 0o755 | 0o600))?;
    // A container's root may be another user of this host.
    let own = user();
    if own.is_root() && source.entry_of(last)?.is_some_and(|entry| entry.uid != own.uid) {
        match source.change_owner(last, own) {
            // A drive of Windows has no owners.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            result => result?,
        }
    }
    let alone = source.entry_of(last)?.is_some_and(|entry| entry.links == 1);
    // A file with another name in the work directory could be changed through that.
    if alone {
        match source.rename(last, &directory, target_name) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {}
            result => return result,
        }
    }
    stage.copy(&mut source.open_file(last)?, &directory, target_name)?;
    // A work directory elsewhere goes as a whole, once the client knows the task's end.
    if stage.is_used { Ok(()) } else { source.remove_file(last) }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::path::Path;

    use super::*;

    use boinc::wire::slot::{resolve_output, write_soft_link};

    struct Bench {
        directory: tempfile::TempDir,
        layout: Layout,
    }

    impl Bench {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let layout = Layout::new(directory.path().join("slot"));
            fs::create_dir_all(layout.work()).unwrap();
            fs::create_dir(directory.path().join("project")).unwrap();
            Self { directory, layout }
        }

        fn collect(&self, name: &str) -> Result<(), OutputProblem> {
            let output = OutputSpec { name: name.into(), max_bytes: None, optional: false };
            self.collect_as(&Manifest::default(), &[output])
        }

        fn collect_as(&self, manifest: &Manifest, declared: &[OutputSpec]) -> Result<(), OutputProblem> {
            collect(&self.layout, manifest, declared, &["policy.toml"], |name| {
                resolve_output(&self.layout.slot, &self.directory.path().join("project"), "wu_0", name)
            })
        }

        fn work(&self, name: &str) -> PathBuf {
            self.layout.work().join(name)
        }
    }

    #[test]
    fn a_link_in_the_place_of_a_directory_leads_to_no_file_of_the_host() {
        let bench = Bench::new();
        let home = bench.directory.path().join("home");
        fs::create_dir(&home).unwrap();
        fs::write(home.join("key"), "secret").unwrap();
        symlink(&home, bench.layout.work().join("d")).unwrap();
        let problem = bench.collect("d/key").unwrap_err().to_string();
        assert_eq!(problem, "output d/key is behind a symbolic link or a file, not a regular file");
        assert_eq!(fs::read_to_string(home.join("key")).unwrap(), "secret");
        assert!(!bench.layout.slot.join("d").exists());
    }

    #[test]
    fn an_output_gives_nobody_rights_and_can_be_read() {
        for (mode, expected) in [(0o6755, 0o755), (0o666, 0o644), (0o000, 0o600), (0o1777, 0o755)] {
            let bench = Bench::new();
            let file = bench.layout.work().join("out");
            fs::write(&file, "x").unwrap();
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            bench.collect("out").unwrap();
            let collected = fs::metadata(bench.layout.slot.join("out")).unwrap();
            assert_eq!(collected.permissions().mode() & 0o7777, expected, "{mode:o}");
        }
    }

    #[test]
    fn whatever_has_the_name_of_an_output_only_a_regular_file_is_taken() {
        let make_pipe = |path: &Path| {
            assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
        };
        type Make<'a> = &'a dyn Fn(&Path);
        let table: [(&str, Make<'_>); 4] = [
            ("a pipe", &make_pipe),
            ("a directory", &|path| fs::create_dir(path).unwrap()),
            ("a symbolic link", &|path| symlink("/etc/hostname", path).unwrap()),
            ("a socket", &|path| drop(std::os::unix::net::UnixListener::bind(path).unwrap())),
        ];
        for (kind, make) in table {
            let bench = Bench::new();
            make(&bench.work("out"));
            let problem = bench.collect("out").unwrap_err().to_string();
            assert_eq!(problem, format!("output out is {kind}, not a regular file"));
            assert!(!bench.layout.slot.join("out").exists());
        }
    }

    #[test]
    fn an_output_goes_where_the_clients_link_leads_now_and_nowhere_else() {
        let bench = Bench::new();
        let manifest = Manifest { outputs: vec!["out".into()], ..Manifest::default() };
        fs::write(bench.work("out"), "x").unwrap();
        write_soft_link(&bench.layout.slot, "out", "../home/authorized_keys").unwrap();
        let problem = bench.collect_as(&manifest, &[]).unwrap_err();
        assert!(matches!(problem, OutputProblem::Place { .. }), "{problem}");
        write_soft_link(&bench.layout.slot, "out", "../project/wu_1_r1_0").unwrap();
        assert!(matches!(bench.collect("out"), Err(OutputProblem::Place { .. })), "another task's");
        write_soft_link(&bench.layout.slot, "out", "../project/wu_0_r1_0").unwrap();
        bench.collect_as(&manifest, &[]).unwrap();
        let target = bench.directory.path().join("project/wu_0_r1_0");
        assert_eq!(fs::read_to_string(target).unwrap(), "x");
    }

    #[test]
    fn files_that_share_an_inode_are_separate_afterwards() {
        let bench = Bench::new();
        fs::write(bench.work("a"), "x").unwrap();
        fs::hard_link(bench.work("a"), bench.work("b")).unwrap();
        bench.collect_as(&Manifest::default(), &[]).unwrap();
        let inode = |name: &str| fs::metadata(bench.layout.slot.join(name)).unwrap().ino();
        assert_ne!(inode("a"), inode("b"));
    }

    #[test]
    fn undeclared_outputs_replace_no_file_of_the_client_and_none_of_ours() {
        let bench = Bench::new();
        write_soft_link(&bench.layout.slot, "policy.toml", "../project/policy").unwrap();
        write_soft_link(&bench.layout.slot, "program", "../project/program").unwrap();
        for name in ["policy.toml", "Policy.toml", "program", "init_data.xml", "boinc_finish_called", "fine"]
        {
            fs::write(bench.work(name), "x").unwrap();
        }
        fs::create_dir(bench.work("BUOY")).unwrap();
        fs::write(bench.work("BUOY/state.json"), "x").unwrap();
        bench.collect_as(&Manifest::default(), &[]).unwrap();
        let mut names: Vec<_> = fs::read_dir(&bench.layout.slot)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["buoy", "fine", "policy.toml", "program"]);
        let policy = fs::read_to_string(bench.layout.slot.join("policy.toml")).unwrap();
        assert!(policy.contains("soft_link"), "{policy}");
    }

    /// A directory in memory is another file system than that of the slot.
    #[test]
    fn a_work_directory_elsewhere_is_copied_out_and_stays_for_another_attempt() {
        let bench = Bench::new();
        let Ok(memory) = tempfile::tempdir_in("/dev/shm") else { return };
        let layout = Layout::elsewhere(&bench.layout.slot, memory.path().to_owned());
        fs::remove_dir(bench.layout.work()).unwrap();
        fs::create_dir_all(layout.work().join("d")).unwrap();
        // What an attempt that was killed has left.
        fs::write(bench.layout.own().join(".buoy-part.1"), "x").unwrap();
        fs::write(layout.work().join("d/copy"), "x").unwrap();
        fs::set_permissions(layout.work().join("d/copy"), Permissions::from_mode(0o777)).unwrap();
        fs::write(layout.work().join("link"), "y").unwrap();
        symlink("/etc/hostname", layout.work().join("evil")).unwrap();
        write_soft_link(&bench.layout.slot, "link", "../project/wu_0_r1_0").unwrap();
        let manifest = Manifest { outputs: vec!["link".into()], ..Manifest::default() };
        for _ in 0..2 {
            collect(&layout, &manifest, &[], &["policy.toml"], |name| {
                resolve_output(&bench.layout.slot, &bench.directory.path().join("project"), "wu_0", name)
            })
            .unwrap();
            let copy = bench.layout.slot.join("d/copy");
            assert_eq!(fs::read_to_string(&copy).unwrap(), "x");
            assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o7777, 0o755);
            let link = fs::read_to_string(bench.directory.path().join("project/wu_0_r1_0"));
            assert_eq!(link.unwrap(), "y");
            assert!(!bench.layout.own().exists() && !bench.layout.slot.join("evil").exists());
            assert!(layout.work().join("d/copy").exists());
        }
    }

    #[test]
    fn a_second_attempt_takes_what_the_first_has_moved_for_moved() {
        let bench = Bench::new();
        fs::write(bench.work("out"), "x").unwrap();
        bench.collect("out").unwrap();
        bench.collect("out").unwrap();
        fs::remove_dir_all(bench.layout.own()).unwrap();
        bench.collect("out").unwrap();
        assert!(matches!(bench.collect("other"), Err(OutputProblem::Missing { .. })));
    }
}
