//! Loads the image of an archive that travels with a job.
//!
//! The engine never reads the submitter's archive: it reads what [`boinc::archive::image`] writes from it, under our name. What
//! names the archive has does not matter.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use crate::engine::{Cancel, CliEngine, EngineError, Transport};
use boinc::archive::image::{ArchiveError, ImageArchive};
/// An archive that was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum TarballError {
    /// It cannot be opened.
    #[error("failed to open the image archive {}", path.display())]
    Open {
        /// The archive.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It is not what it must be, or cannot be read.
    #[error("failed to load the image archive {}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// Why not.
        #[source]
        source: ArchiveError,
    },
    /// It has another image than declared.
    #[error(
        "the archive {} does not hold the image {declared} (`digest` in job.toml), but {found}: write digest = {found:?} if this \
         archive is the right one",
        path.display()
    )]
    WrongDigest {
        /// The archive.
        path: PathBuf,
        /// What job.toml says.
        declared: String,
        /// What is in it.
        found: String,
    },
    /// Its image is for other processors.
    #[error(
        "the image archive {} is for linux/{found}, but the engine of this computer runs images for linux/{wanted}",
        path.display()
    )]
    OtherArchitecture {
        /// The archive.
        path: PathBuf,
        /// What it is for, by Go's name.
        found: String,
        /// What the engine runs.
        wanted: String,
    },
    /// No directory for the engine's temporary files.
    #[error("failed to make the directory {} for temporary files", path.display())]
    Scratch {
        /// The directory.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The engine failed.
    #[error("the engine failed to load the image archive")]
    Engine(#[source] EngineError),
    /// The engine reported success and has no image of that name.
    #[error("the engine loaded the image archive, but has no image {name}")]
    NotStored {
        /// The image's name.
        name: String,
    },
}

impl TarballError {
    /// This host failed, not the archive.
    pub fn is_the_hosts(&self) -> bool {
        matches!(
            self,
            Self::Open { .. } | Self::Scratch { .. } | Self::Archive { source: ArchiveError::Read(_), .. }
        )
    }
}

/// What is loaded, and as what.
#[derive(Clone, Copy, Debug)]
pub struct Load<'a> {
    /// The archive.
    pub path: &'a Path,
    /// `sha256:…`: the hash of the image's configuration, as it is in the archive.
    pub digest: &'a str,
    /// The name that the image gets, as the engine knows it on this host.
    pub name: &'a str,
    /// Labels that the image gets besides its own.
    pub labels: &'a [(String, String)],
    /// The most that its layers may have together when they are not compressed, in bytes.
    pub most_bytes: u64,
    /// A directory for the engine's temporary files, emptied before and removed afterwards.
    pub scratch: &'a Path,
}

/// Loads the image and gives the engine's id of it. After an error the engine has no new image, and no image has another name
/// than before.
pub fn load<T: Transport>(
    engine: &CliEngine<T>,
    wanted: &Load<'_>,
    cancel: &Cancel,
) -> Result<String, TarballError> {
    let path = wanted.path;
    let refused = |source| TarballError::Archive { path: path.into(), source };
    let file = File::open(path).map_err(|source| TarballError::Open { path: path.into(), source })?;
    let architecture = engine.architecture().map_err(TarballError::Engine)?;
    let mut archive = ImageArchive::open(file, Some(&architecture)).map_err(refused)?;
    if archive.config_digest() != wanted.digest {
        return Err(TarballError::WrongDigest {
            path: path.into(),
            declared: wanted.digest.into(),
            found: archive.config_digest().into(),
        });
    }
    if archive.architecture() != architecture {
        return Err(TarballError::OtherArchitecture {
            path: path.into(),
            found: archive.architecture().into(),
            wanted: architecture,
        });
    }
    archive.mark_layers(&format!("{:016x}-", RandomState::new().hash_one(path)));
    crate::say!("loading image {}", wanted.digest);
    let scratch = Scratch::make(wanted.scratch)?;
    let mut failed = None;
    let cancelled = || cancel.is_cancelled();
    let result = engine.load_stream(
        scratch.0,
        Box::new(|out| {
            match archive.rewrite(wanted.name, wanted.labels, wanted.most_bytes, out, &cancelled) {
                Ok(()) => Ok(()),
                // The engine ended early; it says why.
                Err(ArchiveError::Write(error)) => Err(error),
                Err(error) => {
                    failed = Some(error);
                    Err(io::ErrorKind::InvalidData.into())
                }
            }
        }),
    );
    match (result, failed) {
        (Err(EngineError::Cancelled), _) | (Err(_), Some(ArchiveError::Cancelled)) => {
            return Err(TarballError::Engine(EngineError::Cancelled));
        }
        (Err(EngineError::Input { .. }), Some(error)) => return Err(refused(error)),
        (result, _) => result.map_err(TarballError::Engine)?,
    }
    let image = engine.image(wanted.name).map_err(TarballError::Engine)?;
    image.map(|image| image.id).ok_or_else(|| TarballError::NotStored { name: wanted.name.into() })
}

struct Scratch<'a>(&'a Path);

impl<'a> Scratch<'a> {
    fn make(path: &'a Path) -> Result<Self, TarballError> {
        let failed = |source| TarballError::Scratch { path: path.into(), source };
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        fs::create_dir_all(path).map_err(failed)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        // What stays is removed before the next use.
        let _ = fs::remove_dir_all(self.0);
    }
}
