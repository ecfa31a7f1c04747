//! What a build has made so far, so that a killed one leaves nothing and is taken up again.
//!
//! A file for each key in the state directory, written before a container is created and after an image was made. Finished
//! RUN steps are used again within the same key only: another key could have another submitter.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::engine::{CliEngine, Flavor, Transport};
use crate::state_dir::StateDir;
use boinc::atomic_file::write_atomically;

use super::super::key::ImageKey;
use super::super::lock::HostLock;

/// Directory of all journals, and of the files that steps see.
pub(in super::super) const DIRECTORY: &str = "builds";
/// Directory of the locks of keys.
pub(in super::super) const LOCKS: &str = "locks";
/// Finished steps of a build that was not taken up again are removed after this.
const KEPT_FOR: Duration = Duration::from_secs(3 * 86_400);

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Content {
    engine: Option<Flavor>,
    /// Number of the next container.
    next: u64,
    /// Names of containers that may exist.
    containers: Vec<String>,
    /// `STAGE.GROUP` → id of the image that was made of it, newest last.
    steps: BTreeMap<String, String>,
    /// Ids of all images that were made, oldest first.
    images: Vec<String>,
}

/// The journal of one key. Whoever has it holds the key's lock.
#[derive(Debug)]
pub(in super::super) struct Journal {
    file: PathBuf,
    files: PathBuf,
    prefix: String,
    content: Content,
}

impl Journal {
    /// Opens the journal of a key; one of another engine or a damaged one counts as none.
    pub(in super::super) fn open(
        state: &StateDir,
        flavor: Flavor,
        key: &ImageKey,
        owner: &str,
    ) -> io::Result<Self> {
        let directory = state.subdirectory(DIRECTORY)?;
        let hex = key.hex();
        let mut journal = Self::at(&directory, &hex, owner);
        if journal.content.engine != Some(flavor) {
            journal.content = Content { engine: Some(flavor), ..Content::default() };
        }
        match fs::remove_dir_all(&journal.files) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir(&journal.files)?,
        }
        fs::create_dir(journal.scratch())?;
        Ok(journal)
    }

    fn at(directory: &Path, hex: &str, owner: &str) -> Self {
        let file = directory.join(format!("{hex}.json"));
        let content = fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok());
        Self {
            files: directory.join(hex),
            prefix: format!("{}{}", container_prefix(owner), &hex[..hex.len().min(16)]),
            content: content.unwrap_or_default(),
            file,
        }
    }

    /// The directory of files that steps see.
    pub(super) fn files(&self) -> &Path {
        &self.files
    }

    /// The directory for copies that the engine makes of what is written into containers.
    pub(super) fn scratch(&self) -> PathBuf {
        self.files.join("scratch")
    }

    /// A name for a new container, noted before it is given.
    pub(super) fn new_container(&mut self) -> io::Result<String> {
        let name = format!("{}-{}", self.prefix, self.content.next);
        self.content.next += 1;
        self.content.containers.push(name.clone());
        self.write()?;
        Ok(name)
    }

    /// The name of a container that is removed at once. It is noted from the beginning.
    pub(super) fn control_container(&self) -> String {
        format!("{}-control", self.prefix)
    }

    /// The image that a finished step made.
    pub(super) fn step(&self, stage: usize, group: usize) -> Option<&str> {
        self.content.steps.get(&format!("{stage}.{group}")).map(String::as_str)
    }

    /// Notes the image that a step has made.
    pub(super) fn note_step(&mut self, stage: usize, group: usize, id: &str) -> io::Result<()> {
        self.content.steps.insert(format!("{stage}.{group}"), id.to_owned());
        self.note_image(id)
    }

    /// Notes an image that is needed only while the build runs.
    pub(super) fn note_image(&mut self, id: &str) -> io::Result<()> {
        self.content.images.push(id.to_owned());
        self.write()
    }

    /// Forgets the images of this and later steps: they are built again.
    pub(super) fn forget_steps(&mut self) {
        self.content.steps.clear();
    }

    /// A container that was removed.
    pub(super) fn forget_container(&mut self, name: &str) -> io::Result<()> {
        self.content.containers.retain(|known| known != name);
        self.write()
    }

    /// Removes all containers of the build. One that cannot be removed stays noted.
    pub(super) fn remove_containers<T: Transport>(&mut self, engine: &CliEngine<T>) {
        if self.content.containers.is_empty() {
            return;
        }
        self.content.containers = engine.remove_all(&self.content.containers);
        let _ = self.write();
    }

    /// Ends the build: removes images that nothing is built on, newest first, and the journal. An image below the result
    /// stays with it and goes with it.
    pub(super) fn finish<T: Transport>(&mut self, engine: &CliEngine<T>, result: Option<&str>) {
        for id in self.content.images.iter().rev().filter(|id| Some(id.as_str()) != result) {
            let _ = engine.remove_image(id);
        }
        let _ = fs::remove_dir_all(&self.files);
        if self.content.containers.is_empty() {
            let _ = fs::remove_file(&self.file);
        } else {
            self.content.images.clear();
            self.content.steps.clear();
            let _ = self.write();
        }
    }

    fn write(&self) -> io::Result<()> {
        write_atomically(&self.file, &serde_json::to_vec(&self.content).map_err(io::Error::other)?)
    }
}

/// How the names of all containers of builds of this owner begin.
pub(crate) fn container_prefix(owner: &str) -> String {
    format!("buoy-build-{owner}-")
}

/// Ids of the images that builds may take up again.
pub(in super::super) fn images_of_journals(directory: &Path) -> Vec<String> {
    journals(directory).flat_map(|content| content.images).collect()
}

/// Whether a build with this engine has ended without taking away what it made.
pub(crate) fn has_journals(state: &Path, flavor: Flavor) -> bool {
    journals(&state.join(DIRECTORY)).any(|content| content.engine == Some(flavor))
}

fn journals(directory: &Path) -> impl Iterator<Item = Content> {
    let files = fs::read_dir(directory).into_iter().flatten().flatten();
    let texts = files.filter_map(|entry| fs::read(entry.path()).ok());
    texts.filter_map(|text| serde_json::from_slice(&text).ok())
}

/// Removes the containers of builds that died, and the images of those that nobody has taken up again for days.
pub(in super::super) fn recover<T: Transport>(engine: &CliEngine<T>, state: &StateDir, owner: &str) {
    let directory = state.join(DIRECTORY);
    for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(hex) = name.to_str().and_then(|name| name.strip_suffix(".json")) else { continue };
        let Ok(Some(_lock)) = HostLock::try_now(&state.join(LOCKS), hex) else { continue };
        let mut journal = Journal::at(&directory, hex, owner);
        if journal.content.engine != Some(engine.flavor()) {
            continue;
        }
        if !journal.content.containers.is_empty() {
            crate::say!(
                "removing {} containers of a build that was killed",
                journal.content.containers.len()
            );
            journal.remove_containers(engine);
        }
        let age = entry.metadata().and_then(|data| data.modified()).ok();
        let age = age.and_then(|at| SystemTime::now().duration_since(at).ok()).unwrap_or_default();
        if age >= KEPT_FOR {
            journal.finish(engine, None);
        }
    }
}
