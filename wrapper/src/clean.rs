//! `buoy-wrapper --clean DATA_DIR [--dry-run]`: shows and removes all that wrappers of one client have left on a host.
//!
//! Only what is ours goes: containers and images that carry the label of an index of that client, containers of builds by
//! their names, and state directories. Images by other names, other containers and files of projects stay.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use boinc::nofollow::remove_tree;

use crate::distro_work;
use crate::engine::{self, Cancel, CliEngine, EngineError, Flavor, HostTransport};
use crate::image::{ImageIndex, container_prefix, has_journals};
use crate::state_dir::StateDir;

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The client's data directory, a state directory, or the directory that agents have in their own system.
    pub directory: PathBuf,
    /// Show what would be removed, and remove nothing.
    pub dry_run: bool,
}

impl Request {
    /// Reads the arguments; `None` if they ask for something else.
    ///
    /// A workunit chooses the arguments of a wrapper that a client starts in a slot. So in a directory with an
    /// init_data.xml nothing is a request: there the words are the job's.
    pub fn parse(words: &[OsString], current_directory: &Path) -> Option<Self> {
        if current_directory.join(boinc::wire::init_data::INIT_DATA_FILE).symlink_metadata().is_ok() {
            return None;
        }
        let (directory, dry_run) = match words {
            [flag, directory] if flag == "--clean" => (directory, false),
            [flag, directory, dry] if flag == "--clean" && dry == "--dry-run" => (directory, true),
            [flag, dry, directory] if flag == "--clean" && dry == "--dry-run" => (directory, true),
            _ => return None,
        };
        Some(Self { directory: directory.into(), dry_run })
    }

    /// Removes everything and prints a line for each; gives the exit status: 0, or 1 if something could not be removed.
    pub fn run(&self) -> i32 {
        let states = state_directories(&self.directory);
        if states.is_empty() {
            println!("no state of buoy-wrapper in {}", self.directory.display());
            return 0;
        }
        let mut cleaner = Cleaner { dry_run: self.dry_run, failures: 0 };
        for state in &states {
            let failures = cleaner.failures;
            for (flavor, program) in engine::find(None) {
                let transport = match HostTransport::of(flavor, state) {
                    Ok(transport) => transport,
                    Err(error) => {
                        cleaner.cannot_ask(flavor.program_name(), &error);
                        continue;
                    }
                };
                let engine = CliEngine::new(flavor, program, transport, Cancel::default(), false);
                match engine.probe() {
                    Ok(()) => cleaner.clean_engine(&engine, state),
                    Err(EngineError::NoPermission(_)) if !was_used(flavor, state) => {
                        println!(
                            "passed over {}: this user may not use it, and has not",
                            flavor.program_name()
                        );
                    }
                    Err(error) => cleaner.cannot_ask(flavor.program_name(), &error),
                }
            }
            if cleaner.failures > failures {
                println!("kept directory {}: it says which images are ours", state.display());
                continue;
            }
            cleaner.remove(&format!("directory {}", state.display()), || remove_tree(state));
        }
        i32::from(cleaner.failures > 0)
    }
}

/// The state directories below a client's data directory; a state directory itself counts too, and that of agents.
fn state_directories(directory: &Path) -> Vec<PathBuf> {
    if ImageIndex::is_in(directory) || distro_work::is_in(directory) {
        return vec![directory.to_owned()];
    }
    let projects = fs::read_dir(directory.join("projects")).into_iter().flatten().flatten();
    let mut states: Vec<PathBuf> = projects.map(|entry| entry.path().join(StateDir::NAME)).collect();
    states.retain(|state| state.symlink_metadata().is_ok_and(|data| data.is_dir()));
    states.sort();
    states
}

/// Whether the state knows of anything that this engine has of ours.
fn was_used(flavor: Flavor, state: &Path) -> bool {
    !ImageIndex::in_directory(state).all(flavor).is_empty() || has_journals(state, flavor)
}

struct Cleaner {
    dry_run: bool,
    failures: u32,
}

impl Cleaner {
    fn clean_engine(&mut self, engine: &CliEngine<HostTransport>, state: &Path) {
        let name = engine.flavor().program_name();
        let index = ImageIndex::in_directory(state);
        let Some(owner) = index.known_owner() else { return };
        let mut containers = self.list(name, engine.containers_of(&owner));
        containers.extend(self.list(name, engine.containers_named(&container_prefix(&owner))));
        containers.sort();
        containers.dedup();
        for id in containers {
            self.remove(&format!("{name} container {id}"), || engine.remove(&id));
        }
        let mut images = self.list(name, engine.images_of(&owner));
        images.extend(index.all(engine.flavor()).into_iter().map(|(_, entry)| entry.id));
        images.sort_by(|a, b| bare(a).cmp(bare(b)));
        images.dedup_by(|a, b| bare(a) == bare(b));
        for id in images {
            if matches!(engine.image(&id), Ok(None)) {
                continue;
            }
            self.remove(&format!("{name} image {id}"), || engine.remove_image(&id));
        }
    }

    fn cannot_ask(&mut self, engine: &str, error: &dyn std::error::Error) {
        println!("failed to ask {engine} what it has of ours: {error}");
        self.failures += 1;
    }

    fn list(&mut self, engine: &str, ids: Result<Vec<String>, EngineError>) -> Vec<String> {
        ids.unwrap_or_else(|error| {
            self.cannot_ask(engine, &error);
            Vec::new()
        })
    }

    fn remove<E: std::fmt::Display>(&mut self, what: &str, remove: impl FnOnce() -> Result<(), E>) {
        if self.dry_run {
            println!("would remove {what}");
            return;
        }
        match remove() {
            Ok(()) => println!("removed {what}"),
            Err(error) => {
                println!("failed to remove {what}: {error}");
                self.failures += 1;
            }
        }
    }
}

fn bare(id: &str) -> &str {
    id.trim_start_matches("sha256:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str], directory: &Path) -> Option<Request> {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        Request::parse(&words, directory)
    }

    #[test]
    fn a_request_has_a_directory_and_perhaps_a_dry_run() {
        let directory = tempfile::tempdir().unwrap();
        let request = |dry_run| Some(Request { directory: "/data".into(), dry_run });
        assert_eq!(parse(&["--clean", "/data"], directory.path()), request(false));
        assert_eq!(parse(&["--clean", "/data", "--dry-run"], directory.path()), request(true));
        assert_eq!(parse(&["--clean", "--dry-run", "/data"], directory.path()), request(true));
        assert_eq!(parse(&["--clean"], directory.path()), None);
        assert_eq!(parse(&["--clean", "/data", "more"], directory.path()), None);
    }

    #[test]
    fn a_workunit_cannot_ask_for_it() {
        let slot = tempfile::tempdir().unwrap();
        fs::write(slot.path().join("init_data.xml"), "").unwrap();
        assert_eq!(parse(&["--clean", "/data"], slot.path()), None);
    }

    #[test]
    fn state_directories_are_found_and_links_are_not_followed() {
        let data = tempfile::tempdir().unwrap();
        let project = data.path().join("projects/p");
        fs::create_dir_all(&project).unwrap();
        assert_eq!(state_directories(data.path()), Vec::<PathBuf>::new());
        let state = StateDir::of_project(&project).unwrap();
        let other = data.path().join("projects/q");
        fs::create_dir_all(&other).unwrap();
        std::os::unix::fs::symlink(state.path(), other.join(StateDir::NAME)).unwrap();
        assert_eq!(state_directories(data.path()), [state.path().to_owned()]);
    }
}
