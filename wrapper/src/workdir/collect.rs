//! Moves outputs from the work directory to where the client wants them.
//!
//! The container is gone by now, but what it left is not to be trusted: a symbolic link named like an output could make
//! the client upload any file of the volunteer's, and so could one in the place of a directory. Only regular files in real
//! directories are moved, and they lose what their permissions would mean to others on this host.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::job_spec::OutputSpec;

use super::inside::detour;
use super::layout::Layout;
use super::manifest::Manifest;
use super::prepare::copy_whole;

/// An output is not as declared, or can't be moved.
#[derive(Debug, thiserror::Error)]
pub enum OutputProblem {
    /// Declared, not optional, and not there.
    #[error(
        "output {name} was never written: the program ended with status 0 without making it in its work directory"
    )]
    Missing {
        /// Its name.
        name: String,
    },
    /// Larger than declared.
    #[error("output {name} has {bytes} bytes, more than its limit of {max_bytes}")]
    TooLarge {
        /// Its name.
        name: String,
        /// Its size.
        bytes: u64,
        /// Its declared maximum.
        max_bytes: u64,
    },
    /// A link, a directory, a device.
    #[error("output {name} is {kind}, not a regular file")]
    NotAFile {
        /// Its name.
        name: String,
        /// What it is.
        kind: &'static str,
    },
    /// The disk's fault.
    #[error("can't move output {name} to {}", target.display())]
    Move {
        /// Its name.
        name: String,
        /// Where it was to go.
        target: PathBuf,
        /// Why it did not.
        #[source]
        source: io::Error,
    },
}

/// Checks all declared outputs, then moves them. Doing it again after a kill goes on where it was: what is at its place
/// already counts as moved.
///
/// With outputs declared in job.toml these are moved, and those that the slot's links name. Without any declared, every
/// regular file that is no input goes to the slot, as if the job had run in there.
///
/// # Errors
/// The first problem; nothing is moved before all checks have passed.
pub fn collect(layout: &Layout, manifest: &Manifest, declared: &[OutputSpec]) -> Result<(), OutputProblem> {
    let work = layout.work();
    let target_of = |name: &str| {
        let linked = manifest.outputs.iter().find(|output| output.name == name);
        linked.map_or_else(|| layout.slot.join(name), |output| output.target.clone())
    };
    let mut moves: Vec<String> = Vec::new();
    for output in declared {
        let name = &output.name;
        match regular(&work, name)? {
            Some(data) => {
                check_size(name, data.len(), output.max_bytes)?;
                moves.push(name.clone());
            }
            None => match fs::symlink_metadata(target_of(name)) {
                Ok(data) if data.is_file() && !manifest.inputs.contains(name) => {
                    check_size(name, data.len(), output.max_bytes)?;
                }
                _ if output.optional => {}
                _ => return Err(OutputProblem::Missing { name: name.clone() }),
            },
        }
    }
    for output in &manifest.outputs {
        if !moves.contains(&output.name) && regular(&work, &output.name)?.is_some() {
            moves.push(output.name.clone());
        }
    }
    if declared.is_empty() {
        moves.extend(
            others(&work, manifest).into_iter().filter(|name| !moves.contains(name)).collect::<Vec<_>>(),
        );
    }
    for name in &moves {
        let target = target_of(name);
        move_file(&work.join(name), &target).map_err(|source| OutputProblem::Move {
            name: name.clone(),
            target,
            source,
        })?;
    }
    Ok(())
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
fn regular(work: &Path, name: &str) -> Result<Option<Metadata>, OutputProblem> {
    if detour(work, name).is_some() {
        return Err(OutputProblem::NotAFile { name: name.into(), kind: "behind a symbolic link or a file" });
    }
    let Ok(data) = fs::symlink_metadata(work.join(name)) else { return Ok(None) };
    let kind = data.file_type();
    if kind.is_file() {
        return Ok(Some(data));
    }
    let kind = match (kind.is_symlink(), kind.is_dir()) {
        (true, _) => "a symbolic link",
        (_, true) => "a directory",
        _ => "a device, pipe or socket",
    };
    Err(OutputProblem::NotAFile { name: name.into(), kind })
}

/// All regular files that are no inputs and none of the client's own names.
fn others(work: &Path, manifest: &Manifest) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(relative) = open.pop() {
        for entry in fs::read_dir(work.join(&relative)).into_iter().flatten().flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            let path = relative.join(entry.file_name());
            let Some(name) = path.to_str() else { continue };
            let top = relative.as_os_str().is_empty();
            if kind.is_dir() && !(top && name == Layout::OWN) {
                open.push(path);
            } else if kind.is_file()
                && !(top && crate::wire::slot::is_client_file(name))
                && !manifest.inputs.iter().any(|input| input == name)
            {
                found.push(name.to_owned());
            }
        }
    }
    found.sort();
    found
}

fn move_file(source: &Path, target: &Path) -> io::Result<()> {
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent)?;
    }
    tame(source)?;
    match fs::rename(source, target) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            copy_whole(source, target)?;
            fs::remove_file(source)
        }
        result => result,
    }
}

/// Takes set-user-id and the like away, and everybody's right to write; the client must be able to read it.
fn tame(file: &Path) -> io::Result<()> {
    let mode = fs::symlink_metadata(file)?.permissions().mode() & 0o7777;
    let tamed = mode & 0o755 | 0o600;
    if tamed == mode { Ok(()) } else { fs::set_permissions(file, Permissions::from_mode(tamed)) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    struct Bench {
        directory: tempfile::TempDir,
        layout: Layout,
    }

    impl Bench {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let layout = Layout::new(directory.path().join("slot"));
            fs::create_dir_all(layout.work()).unwrap();
            Self { directory, layout }
        }

        fn collect(&self, name: &str) -> Result<(), OutputProblem> {
            let output = OutputSpec { name: name.into(), max_bytes: None, optional: false };
            collect(&self.layout, &Manifest::default(), &[output])
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
}
