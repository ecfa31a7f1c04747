//! Lays the work directory out. Doing it again changes nothing, and a file that the job has changed wins over a copy that an
//! older client has put into the slot afresh.
//!
//! The job may have run before, and what it left is not to be trusted: nothing is written through a link of its making.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::engine::Mount;
use boinc::nofollow::{Directory, Parent, remove_tree_in};
use boinc::wire::slot::InputPath;

use super::layout::Layout;
use super::own::{OwnError, make_work};
use super::scan::{Input, SlotScan};

/// The work directory cannot be laid out.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    #[error("failed to put {} into the work directory", path.display())]
    Put {
        /// What could not be put there.
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The job's doing: a directory that its files need has become something else.
    #[error("the job has replaced the directory {} of its files by a link or a file", path.display())]
    Replaced {
        /// What is not a directory any more.
        path: PathBuf,
    },
    /// The job's doing: it has made a directory where an input is to be mounted.
    #[error("the job has replaced its input {name} by a directory")]
    InputReplaced { name: String },
    /// Something else is in the place of our directory.
    #[error(transparent)]
    Own(#[from] OwnError),
}

impl PrepareError {
    /// Whether the job or its workunit is at fault, not this host.
    pub fn is_of_job(&self) -> bool {
        match self {
            Self::Put { .. } | Self::Own(OwnError::Open { .. }) => false,
            Self::Replaced { .. } | Self::InputReplaced { .. } | Self::Own(OwnError::Taken { .. }) => true,
        }
    }
}

/// Puts everything in place and says what is to be mounted. `stays(name)`: the next life of the wrapper needs this file in
/// the slot (Dockerfile, job.toml, files of the image), so the job gets a copy.
///
/// `can_read(file)`: the container's user can read this file of the project; another one is copied.
///
/// No file in the work directory shares an inode with another place, so that what the job writes changes nothing else; files
/// of the project are only mounted, read-only.
///
/// # Errors
/// When a file cannot be moved or made (a full disk, a directory that cannot be written), or the job has put something else
/// in the place of a directory.
pub fn prepare(
    layout: &Layout,
    scan: &SlotScan,
    workdir: &str,
    cleaned_init_data: &str,
    can_read: impl Fn(&Path) -> bool,
    stays: impl Fn(&str) -> bool,
) -> Result<Vec<Mount>, PrepareError> {
    let slot = Directory::open(&layout.slot)
        .map_err(|source| PrepareError::Put { path: layout.slot.clone(), source })?;
    let work = make_work(layout)?;
    let mut mounts = vec![Mount { source: layout.work(), target: workdir.to_owned(), read_only: false }];
    for input in &scan.inputs {
        let (parent, name) = parent(&work, &input.name)?;
        let place = Place { directory: &parent, name };
        put(&slot, &place, input, stays(&input.name))?;
        if let InputPath::Link(source) = &input.place {
            if !can_read(source) {
                let failed = |source| PrepareError::Put { path: input.name.clone().into(), source };
                let mut file = File::open(source).map_err(failed)?;
                place.directory.copy_file(&mut file, place.name).map_err(failed)?;
                continue;
            }
            mounts.push(Mount {
                source: source.clone(),
                target: format!("{}/{}", workdir.trim_end_matches('/'), input.name),
                read_only: true,
            });
        }
    }
    for output in &scan.outputs {
        parent(&work, output)?;
    }
    let failed = |source| PrepareError::Put { path: "init_data.xml".into(), source };
    if work.entry_of("init_data.xml").map_err(failed)?.is_some_and(|entry| entry.is_directory()) {
        remove_tree_in(&work, "init_data.xml").map_err(failed)?;
    }
    work.write_file("init_data.xml", cleaned_init_data.as_bytes(), 0o644).map_err(failed)?;
    Ok(mounts)
}

/// A name in an open directory.
struct Place<'a> {
    directory: &'a Directory,
    name: &'a std::ffi::OsStr,
}

fn parent<'n>(root: &Directory, name: &'n str) -> Result<(Directory, &'n std::ffi::OsStr), PrepareError> {
    let failed = |source| PrepareError::Put { path: name.into(), source };
    match root.make_parent_of(name).map_err(failed)? {
        Parent::Found(directory, last) => Ok((directory, last)),
        Parent::NotADirectory(path) => Err(PrepareError::Replaced { path }),
        Parent::Missing => Err(failed(io::ErrorKind::NotFound.into())),
    }
}

fn put(slot: &Directory, place: &Place<'_>, input: &Input, stays: bool) -> Result<(), PrepareError> {
    let failed = |source| PrepareError::Put { path: input.name.clone().into(), source };
    let there = place.directory.entry_of(place.name).map_err(failed)?;
    match &input.place {
        InputPath::Link(_) => match there {
            Some(entry) if entry.is_file() => Ok(()),
            Some(entry) if entry.is_directory() => {
                Err(PrepareError::InputReplaced { name: input.name.clone() })
            }
            // The engine would follow a link that the job has left here, and make a missing mount point itself, as root.
            _ => {
                place.directory.remove_file(place.name).map_err(failed)?;
                place.directory.create_file(place.name, 0o644).map(drop).map_err(failed)
            }
        },
        InputPath::Copy(_) if stays && there.is_some() => Ok(()),
        InputPath::Copy(_) => {
            let (from, name) = parent(slot, &input.name)?;
            if there.is_some() {
                return from.remove_file(name).map_err(failed);
            }
            take(&Place { directory: &from, name }, place, !stays).map_err(failed)
        }
    }
}

/// Moves or copies a file of the slot. What has several names is copied in any case: another file could be changed with it.
fn take(from: &Place<'_>, to: &Place<'_>, move_it: bool) -> io::Result<()> {
    let mut file: File = from.directory.open_file(from.name)?;
    let alone = from.directory.entry_of(from.name)?.is_some_and(|entry| entry.is_file() && entry.links == 1);
    if move_it && alone {
        match from.directory.rename(from.name, to.directory, to.name) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {}
            result => return result,
        }
    }
    to.directory.copy_file(&mut file, to.name)?;
    if move_it { from.directory.remove_file(from.name) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;
    use crate::workdir::scan::Input;

    struct Bench {
        directory: tempfile::TempDir,
        layout: Layout,
    }

    impl Bench {
        /// A slot, and a file of the host beside it.
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let layout = Layout::new(directory.path().join("slot"));
            fs::create_dir_all(layout.work()).unwrap();
            fs::create_dir(directory.path().join("home")).unwrap();
            fs::write(directory.path().join("home/precious"), "old").unwrap();
            Self { directory, layout }
        }

        fn home(&self) -> PathBuf {
            self.directory.path().join("home")
        }

        fn prepare(&self, copied: &str) -> Result<Vec<Mount>, PrepareError> {
            let source = self.layout.slot.join(copied);
            fs::create_dir_all(source.parent().unwrap()).unwrap();
            fs::write(&source, "new").unwrap();
            let input = Input { name: copied.into(), place: InputPath::Copy(source) };
            let scan = SlotScan { inputs: vec![input], outputs: Vec::new() };
            prepare(&self.layout, &scan, "/app", "<app_init_data>", |_| true, |_| true)
        }

        /// With an input in link mode, the file of the host.
        fn prepare_link(&self, name: &str) -> Result<Vec<Mount>, PrepareError> {
            let input = Input { name: name.into(), place: InputPath::Link(self.home().join("precious")) };
            let scan = SlotScan { inputs: vec![input], outputs: Vec::new() };
            prepare(&self.layout, &scan, "/app", "<app_init_data>", |_| true, |_| false)
        }

        fn assert_home_is_untouched(&self) {
            assert_eq!(fs::read_to_string(self.home().join("precious")).unwrap(), "old");
            assert_eq!(fs::read_dir(self.home()).unwrap().count(), 1);
        }
    }

    #[test]
    fn nothing_is_written_through_links_that_an_earlier_life_of_the_job_left() {
        let bench = Bench::new();
        let part = format!(".buoy-part.{}", std::process::id());
        for name in ["init_data.xml", part.as_str()] {
            symlink(bench.home().join("precious"), bench.layout.work().join(name)).unwrap();
        }
        bench.prepare("main.sh").unwrap();
        bench.assert_home_is_untouched();
        let read = |name: &str| fs::read_to_string(bench.layout.work().join(name)).unwrap();
        assert_eq!((read("init_data.xml").as_str(), read("main.sh").as_str()), ("<app_init_data>", "new"));
    }

    #[test]
    fn a_directory_that_became_a_link_is_refused() {
        let bench = Bench::new();
        symlink(bench.home(), bench.layout.work().join("autostart")).unwrap();
        let error = bench.prepare("autostart/evil").unwrap_err().to_string();
        assert!(
            error.starts_with("the job has replaced the directory ") && error.contains("autostart"),
            "{error}"
        );
        bench.assert_home_is_untouched();
    }

    #[test]
    fn our_directory_is_closed_to_other_users() {
        let bench = Bench::new();
        fs::set_permissions(bench.layout.own(), fs::Permissions::from_mode(0o777)).unwrap();
        bench.prepare("main.sh").unwrap();
        assert_eq!(fs::metadata(bench.layout.own()).unwrap().permissions().mode() & 0o7777, 0o700);
    }

    #[test]
    fn anything_else_in_the_place_of_our_directories_is_the_workunits_mistake() {
        for place in ["buoy", "buoy/work"] {
            for link in [false, true] {
                let bench = Bench::new();
                let path = bench.layout.slot.join(place);
                fs::remove_dir_all(&path).unwrap();
                if link {
                    symlink(bench.home(), &path).unwrap();
                } else {
                    fs::write(&path, "").unwrap();
                }
                let error = bench.prepare("main.sh").unwrap_err();
                assert!(error.is_of_job(), "{error}");
                assert!(error.to_string().contains(&format!("{place:?}")), "{error}");
                bench.assert_home_is_untouched();
            }
        }
    }

    #[test]
    fn what_the_job_put_in_the_place_of_a_mounted_input_is_not_followed() {
        let bench = Bench::new();
        let place = bench.layout.work().join("in.txt");
        symlink(bench.home().join("precious"), &place).unwrap();
        bench.prepare_link("in.txt").unwrap();
        assert!(fs::symlink_metadata(&place).unwrap().is_file());
        fs::remove_file(&place).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&place).status().unwrap();
        assert!(made.success());
        bench.prepare_link("in.txt").unwrap();
        assert!(fs::symlink_metadata(&place).unwrap().is_file());
        fs::remove_file(&place).unwrap();
        fs::create_dir(&place).unwrap();
        let error = bench.prepare_link("in.txt").unwrap_err();
        assert!(error.is_of_job(), "{error}");
        bench.assert_home_is_untouched();
    }

    #[test]
    fn an_input_that_the_containers_user_may_not_read_is_copied() {
        let bench = Bench::new();
        let source = bench.home().join("precious");
        let input = Input { name: "in.txt".into(), place: InputPath::Link(source) };
        let scan = SlotScan { inputs: vec![input], outputs: Vec::new() };
        for mounted in [true, false] {
            let mounts = prepare(&bench.layout, &scan, "/app", "", |_| mounted, |_| false).unwrap();
            assert_eq!(mounts.len() == 2, mounted);
            let there = fs::read_to_string(bench.layout.work().join("in.txt")).unwrap();
            assert_eq!(there, if mounted { "" } else { "old" });
        }
    }

    #[test]
    fn a_directory_in_the_place_of_init_data_is_replaced() {
        let bench = Bench::new();
        fs::create_dir_all(bench.layout.work().join("init_data.xml/deep")).unwrap();
        bench.prepare("main.sh").unwrap();
        assert!(bench.layout.work().join("init_data.xml").is_file());
    }

    #[test]
    fn a_copy_mode_file_that_shares_its_inode_is_copied() {
        let bench = Bench::new();
        let source = bench.layout.slot.join("data");
        fs::hard_link(bench.home().join("precious"), &source).unwrap();
        let input = Input { name: "data".into(), place: InputPath::Copy(source.clone()) };
        let scan = SlotScan { inputs: vec![input], outputs: Vec::new() };
        prepare(&bench.layout, &scan, "/app", "", |_| true, |_| false).unwrap();
        let work = bench.layout.work().join("data");
        assert_eq!(fs::metadata(&work).unwrap().nlink(), 1);
        assert!(!source.exists());
        fs::write(work, "changed").unwrap();
        bench.assert_home_is_untouched();
    }
}
