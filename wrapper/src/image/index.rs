//! Which image of this host belongs to which key: the only thing that decides what a job runs.
//!
//! Names in the engine can be set by others, so they decide nothing. An engine's id is a hash of the image itself. The index
//! is a file in the state directory, where no job can write, changed under a lock and replaced as a whole.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::{Cancel, Flavor, ImageDetails};
use crate::state_dir::StateDir;
use boinc::atomic_file::write_atomically;

use super::key::ImageKey;
use super::lock::{HostLock, LockError};

const FILE: &str = "images.json";
const LOCK: &str = "images";
const FORMAT: u32 = 1;
/// A use is noted again after this: a note for each job of a short app would cost more than it tells.
const NOTE_USE_EVERY: Duration = Duration::from_secs(3_600);

/// An image that we have made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The engine's id of it.
    pub id: String,
    /// Bytes on disk, layers shared with others included.
    pub size: u64,
    /// Seconds since 1970 of its last use.
    pub last_use: u64,
    /// The processor architecture that the engine reports for it.
    pub architecture: String,
    /// Its entry point.
    pub entrypoint: Vec<String>,
}

impl From<ImageDetails> for Entry {
    fn from(details: ImageDetails) -> Self {
        Self {
            id: details.id,
            size: details.size,
            architecture: details.architecture,
            entrypoint: details.config.entrypoint,
            ..Self::default()
        }
    }
}

/// The index cannot be read or written: a fault of the host.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The disk's fault.
    #[error("failed to update the list of images in {}", directory.display())]
    Io {
        /// The state directory.
        directory: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Its lock.
    #[error(transparent)]
    Lock(#[from] LockError),
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Content {
    format: u32,
    /// What marks this index's images in the engine.
    owner: String,
    /// `ENGINE/KEY` → image.
    images: BTreeMap<String, Entry>,
}

/// The index of a state directory.
#[derive(Clone, Debug)]
pub struct ImageIndex {
    directory: PathBuf,
}

impl ImageIndex {
    /// The index of this directory.
    pub fn of(directory: &StateDir) -> Self {
        Self::in_directory(directory.path())
    }

    /// The index in a directory that was found on disk.
    pub fn in_directory(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Whether there is one.
    pub fn is_in(directory: &Path) -> bool {
        directory.join(FILE).is_file()
    }

    /// The image of a key.
    pub fn find(&self, flavor: Flavor, key: &ImageKey) -> Option<Entry> {
        self.read().images.remove(&name(flavor, key))
    }

    /// All images that an engine has for us.
    pub fn all(&self, flavor: Flavor) -> Vec<(String, Entry)> {
        let prefix = format!("{}/", flavor.program_name());
        let images = self.read().images.into_iter();
        images.filter_map(|(name, entry)| Some((name.strip_prefix(&prefix)?.to_owned(), entry))).collect()
    }

    /// Notes an image.
    ///
    /// # Errors
    /// When the index cannot be written.
    pub fn record(&self, flavor: Flavor, key: &ImageKey, entry: Entry) -> Result<(), IndexError> {
        self.change(|content| {
            content.images.insert(name(flavor, key), Entry { last_use: now(), ..entry });
        })
    }

    /// Notes that an image is used. One whose use is not noted only looks older.
    pub fn note_use(&self, flavor: Flavor, key: &ImageKey, entry: &Entry) {
        if now().saturating_sub(entry.last_use) >= NOTE_USE_EVERY.as_secs() {
            let _ = self.change(|content| {
                if let Some(entry) = content.images.get_mut(&name(flavor, key)) {
                    entry.last_use = now();
                }
            });
        }
    }

    /// Forgets an image that the engine no longer has. `hex` is the key as [`ImageIndex::all`] gives it.
    ///
    /// # Errors
    /// When the index cannot be written.
    pub fn forget(&self, flavor: Flavor, hex: &str) -> Result<(), IndexError> {
        self.change(|content| {
            content.images.remove(&format!("{}/{hex}", flavor.program_name()));
        })
    }

    /// The value of the label by which the images of this index are known in the engine: 16 hexadecimal digits.
    ///
    /// # Errors
    /// When there was none yet and it cannot be written.
    pub fn owner(&self) -> Result<String, IndexError> {
        let known = self.read().owner;
        if known.is_empty() { self.change(|content| content.owner.clone()) } else { Ok(known) }
    }

    /// The owner, if this index has ever named one.
    pub fn known_owner(&self) -> Option<String> {
        Some(self.read().owner).filter(|owner| !owner.is_empty())
    }

    /// A damaged file counts as none: what it named is made again, and its images are removed as nobody's.
    fn read(&self) -> Content {
        let text = fs::read(self.directory.join(FILE)).unwrap_or_default();
        let content: Content = serde_json::from_slice(&text).unwrap_or_default();
        if content.format == FORMAT { content } else { Content::default() }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Content) -> T) -> Result<T, IndexError> {
        let failed = |source| IndexError::Io { directory: self.directory.clone(), source };
        let _lock = HostLock::wait(&self.directory, LOCK, &Cancel::default())?;
        let mut content = self.read();
        content.format = FORMAT;
        if content.owner.is_empty() {
            content.owner = self.new_owner().map_err(failed)?;
        }
        let result = change(&mut content);
        let text = serde_json::to_vec(&content).map_err(io::Error::other).map_err(failed)?;
        write_atomically(&self.directory.join(FILE), &text).map_err(failed)?;
        Ok(result)
    }

    /// Kept in a file of its own, so that a damaged index does not lose the images that it named.
    fn new_owner(&self) -> io::Result<String> {
        let path = self.directory.join("owner");
        let valid = |text: &String| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if let Some(owner) = fs::read_to_string(&path).ok().filter(valid) {
            return Ok(owner);
        }
        // Different for each state directory; it need not be secret, since a label gives no rights.
        let owner = format!("{:016x}", RandomState::new().hash_one(now()));
        write_atomically(&path, owner.as_bytes())?;
        Ok(owner)
    }
}

fn name(flavor: Flavor, key: &ImageKey) -> String {
    format!("{}/{}", flavor.program_name(), key.hex())
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    boinc::clock::now() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bench() -> (tempfile::TempDir, ImageIndex) {
        let root = tempfile::tempdir().unwrap();
        let index = ImageIndex::of(&StateDir::of_project(root.path()).unwrap());
        (root, index)
    }

    fn entry(id: &str) -> Entry {
        Entry { id: id.into(), size: 7, ..Entry::default() }
    }

    #[test]
    fn each_engine_has_images_of_its_own() {
        let (_root, index) = bench();
        let key = ImageKey::of_tarball("sha256:00");
        index.record(Flavor::Docker, &key, entry("sha256:aa")).unwrap();
        assert_eq!(index.find(Flavor::Docker, &key).unwrap().id, "sha256:aa");
        assert_eq!(index.find(Flavor::Podman, &key), None);
        assert_eq!(index.all(Flavor::Docker).len(), 1);
        index.forget(Flavor::Docker, &key.hex()).unwrap();
        assert_eq!(index.find(Flavor::Docker, &key), None);
    }

    #[test]
    fn the_owner_stays_when_the_index_is_damaged() {
        let (root, index) = bench();
        let owner = index.owner().unwrap();
        assert_eq!(owner.len(), 16);
        assert_eq!(index.owner().unwrap(), owner);
        fs::write(root.path().join("buoy+state/images.json"), "{").unwrap();
        assert_eq!(index.owner().unwrap(), owner);
    }

    #[test]
    fn a_use_is_noted_when_the_last_note_is_old() {
        let (_root, index) = bench();
        let key = ImageKey::of_tarball("sha256:00");
        index.record(Flavor::Docker, &key, entry("x")).unwrap();
        let old = Entry { last_use: 5, ..entry("x") };
        index.note_use(Flavor::Docker, &key, &old);
        assert!(index.find(Flavor::Docker, &key).unwrap().last_use > 5);
    }
}
