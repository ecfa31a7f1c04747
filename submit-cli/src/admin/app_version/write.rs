//! Puts the directories of app versions into a project's `apps/`: all of them or none, and never over others.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use boinc::platform::set_mode;
use serde::Serialize;

use super::{Number, Tree, VersionFile};
use crate::admin::rewrite::give_to_owner_of_parent;
use crate::plan::content::Content;
use crate::plan::content::{ContentHash, hash};

const VERSION_XML: &str = "version.xml";

/// What became of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It is new (or would be).
    New,
    /// It was there with the same content.
    Unchanged,
}

/// App versions that were not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The directory is there, with other content.
    #[error("{}: {what}; an app version never changes: use a new version number", dir.display())]
    Differs {
        dir: PathBuf,
        /// The first difference.
        what: String,
    },
    /// A directory with another name has the same number.
    #[error("{}: BOINC reads this as version {number} too; use another version number", dir.display())]
    SameNumber {
        dir: PathBuf,
        /// The version that was asked for.
        number: Number,
    },
    /// The download directory has a file of this name with other content.
    #[error("{} has other content: volunteers have a file of this name, and files never change; use a new version number", file.display())]
    Published {
        /// The file in the download directory.
        file: PathBuf,
    },
    /// Something cannot be read or written.
    #[error("failed to {doing} {}", path.display())]
    Io {
        path: PathBuf,
        /// `read` or `write`.
        doing: &'static str,
        source: io::Error,
    },
}

impl WriteError {
    /// Whether the command line asked for something that cannot be, rather than the disk failing.
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::Io { .. })
    }
}

/// Where things are.
struct Places<'a> {
    apps: PathBuf,
    download: &'a Path,
}

/// Writes trees to `project/apps`, or with `dry_run` says what would happen. `download` is the project's download directory.
///
/// # Errors
/// Nothing is written if one of the directories is there with other content, or a file of that name was published with other
/// content.
pub fn write(
    project: &Path,
    download: &Path,
    number: Number,
    trees: &[Tree],
    dry_run: bool,
) -> Result<Vec<Outcome>, WriteError> {
    let places = Places { apps: project.join("apps"), download };
    let mut outcomes = Vec::with_capacity(trees.len());
    for tree in trees {
        outcomes.push(places.compare(number, tree)?);
    }
    if !dry_run {
        for (tree, _) in trees.iter().zip(&outcomes).filter(|(_, outcome)| **outcome == Outcome::New) {
            places.put(tree)?;
        }
    }
    Ok(outcomes)
}

impl Places<'_> {
    fn compare(&self, number: Number, tree: &Tree) -> Result<Outcome, WriteError> {
        for file in &tree.files {
            let published = self.download.join(&file.physical_name);
            if published.is_file() && content_hash(&published)? != file.hash {
                return Err(WriteError::Published { file: published });
            }
        }
        let dir = self.apps.join(&tree.path);
        if dir.symlink_metadata().is_ok() {
            return match difference(&dir, tree)? {
                None => Ok(Outcome::Unchanged),
                Some(what) => Err(WriteError::Differs { dir, what }),
            };
        }
        self.other_spelling(number, &dir)?;
        Ok(Outcome::New)
    }

    /// `1.5` and `1.05` are one number to BOINC.
    fn other_spelling(&self, number: Number, dir: &Path) -> Result<(), WriteError> {
        let Some((version, app)) = dir.parent().zip(dir.parent().and_then(Path::parent)) else {
            return Ok(());
        };
        for (name, path) in names(app)? {
            if path != version && Number::of_directory(&name) == Some(number.value().into()) {
                return Err(WriteError::SameNumber { dir: path, number });
            }
        }
        Ok(())
    }

    /// `apps/`, the app's directory and the version's, as far as they are not there yet.
    fn make_parents(&self, dir: &Path) -> Result<(), WriteError> {
        let mut parents: Vec<&Path> =
            dir.ancestors().skip(1).take_while(|path| path.starts_with(&self.apps)).collect();
        parents.reverse();
        for parent in parents {
            match fs::create_dir(parent) {
                Ok(()) => give_to_owner_of_parent(parent).map_err(written(parent))?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(written(parent)(error)),
            }
        }
        Ok(())
    }

    /// The directory appears whole: update_versions passes over names that begin with a point.
    fn put(&self, tree: &Tree) -> Result<(), WriteError> {
        let dir = self.apps.join(&tree.path);
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        let partial = dir.with_file_name(format!(".{name}.{}.part", std::process::id()));
        self.make_parents(&dir)?;
        let done = fill(&partial, tree).and_then(|()| fs::rename(&partial, &dir).map_err(written(&dir)));
        if done.is_err() {
            // What matters is why it failed.
            let _ = fs::remove_dir_all(&partial);
        }
        done
    }
}

fn fill(dir: &Path, tree: &Tree) -> Result<(), WriteError> {
    fs::create_dir(dir).map_err(written(dir))?;
    give_to_owner_of_parent(dir).map_err(written(dir))?;
    set_mode(dir, 0o755).map_err(written(dir))?;
    for file in &tree.files {
        let path = dir.join(&file.physical_name);
        match &file.content {
            Content::Path(from) => fs::copy(from, &path).map(|_| ()),
            Content::Bytes(bytes) => fs::write(&path, bytes),
        }
        .and_then(|()| give_to_owner_of_parent(&path))
        .map_err(written(&path))?;
        set_mode(&path, mode(file)).map_err(written(&path))?;
        if content_hash(&path)? != file.hash {
            let source = io::Error::other("its source changed meanwhile");
            return Err(WriteError::Io { path, doing: "write", source });
        }
    }
    let path = dir.join(VERSION_XML);
    fs::write(&path, &tree.version_xml)
        .and_then(|()| give_to_owner_of_parent(&path))
        .and_then(|()| set_mode(&path, 0o644))
        .map_err(written(&path))
}

fn mode(file: &VersionFile) -> u32 {
    if file.executable { 0o755 } else { 0o644 }
}

/// The first way in which a directory is not what the tree says. Signatures, made by hand on a computer without network, may be there.
fn difference(dir: &Path, tree: &Tree) -> Result<Option<String>, WriteError> {
    let mut there: BTreeMap<String, PathBuf> =
        names(dir)?.into_iter().filter(|(name, _)| !name.ends_with(".sig")).collect();
    let mut wanted: Vec<(&str, ContentHash)> =
        tree.files.iter().map(|file| (file.physical_name.as_str(), file.hash.clone())).collect();
    let xml = Content::Bytes(tree.version_xml.as_bytes().into());
    wanted.push((VERSION_XML, hash(&xml).map_err(read(dir))?));
    for (name, wanted) in wanted {
        match there.remove(name) {
            None => return Ok(Some(format!("it exists without {name}"))),
            Some(path) if content_hash(&path)? != wanted => {
                return Ok(Some(format!("it exists with another {name}")));
            }
            Some(_) => {}
        }
    }
    Ok(there
        .into_keys()
        .next()
        .map(|name| format!("it exists with {name} in it, which does not belong to this version")))
}

/// What is in a directory, by name; nothing if there is no such directory.
fn names(dir: &Path) -> Result<Vec<(String, PathBuf)>, WriteError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(read(dir))?,
    };
    entries
        .map(|entry| entry.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path())))
        .collect::<io::Result<_>>()
        .map_err(read(dir))
}

fn content_hash(path: &Path) -> Result<ContentHash, WriteError> {
    hash(&Content::Path(path.to_path_buf())).map_err(read(path))
}

fn read(path: &Path) -> impl FnOnce(io::Error) -> WriteError {
    let path = path.to_path_buf();
    move |source| WriteError::Io { path, doing: "read", source }
}

fn written(path: &Path) -> impl FnOnce(io::Error) -> WriteError {
    let path = path.to_path_buf();
    move |source| WriteError::Io { path, doing: "write", source }
}
