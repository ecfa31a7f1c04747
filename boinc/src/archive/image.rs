//! Archives of one image: what `docker save`, `podman save` (docker-archive and oci-archive) and tools like them write.
//!
//! An archive is read strictly: entries and names of an allow-list, one image, digests that are right. It is then written again
//! in one form, with a manifest, a configuration and file names of ours, so whatever reads that cannot understand the
//! submitter's archive in another way. Nothing is unpacked and nothing is trusted: the entries are found by seeking over their
//! headers, and each layer's digest is checked while it is written.

mod config;
mod entries;
mod json;
mod layer;
mod select;
mod write;

use std::fs::File;
use std::io;

use entries::{Entries, Span};

pub use config::ArchivedConfig;

/// What to do about an archive that is refused.
const ADVICE: &str =
    "write it with: docker save IMAGE -o FILE, or podman save --format docker-archive -o FILE IMAGE";

/// An image archive that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It cannot be read.
    #[error("failed to read the image archive")]
    Read(#[source] io::Error),
    /// It is not an archive of one image, or a digest in it is wrong.
    #[error("invalid image archive: {0}")]
    Invalid(String),
    /// What is made of it cannot be written.
    #[error("failed to write the image")]
    Write(#[source] io::Error),
    /// Broken off.
    #[error("cancelled")]
    Cancelled,
}

impl From<String> for ArchiveError {
    fn from(why: String) -> Self {
        Self::Invalid(why)
    }
}

/// An archive of one image, opened and indexed.
#[derive(Debug)]
pub struct ImageArchive {
    file: File,
    config_digest: String,
    config: ArchivedConfig,
    names: Vec<String>,
    layers: Vec<Layer>,
    mark: String,
}

/// Where a layer is in the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Layer {
    /// `sha256:…` of its uncompressed bytes, by the configuration.
    diff_id: String,
    span: Span,
}

impl ImageArchive {
    /// Reads the archive's headers, manifests and configuration. Where it has an index with images for several platforms, the
    /// one for `architecture` (Go's name of it, such as `amd64`) is taken.
    ///
    /// # Errors
    /// [`ArchiveError::Invalid`] for anything but an archive of one image; [`ArchiveError::Read`].
    pub fn open(mut file: File, architecture: Option<&str>) -> Result<Self, ArchiveError> {
        let entries = Entries::read(&mut file)?;
        let selected = select::select(&mut file, &entries, architecture)?;
        let config = ArchivedConfig::parse(&selected.config)?;
        let (found, named) = (selected.layers.len(), config.rootfs.diff_ids.len());
        if found != named {
            refuse!("it has {found} layers, but its configuration names {named}");
        }
        let layers = config.rootfs.diff_ids.iter().cloned().zip(selected.layers);
        let layers = layers.map(|(diff_id, span)| Layer { diff_id, span });
        Ok(Self {
            file,
            config_digest: selected.config_digest,
            layers: layers.collect(),
            names: selected.names,
            config,
            mark: String::new(),
        })
    }

    /// `sha256:…`: the hash of the configuration as it is in the archive.
    pub fn config_digest(&self) -> &str {
        &self.config_digest
    }

    /// Go's name of the architecture, such as `amd64`.
    pub fn architecture(&self) -> &str {
        &self.config.architecture
    }

    /// The operating system, such as `linux`.
    pub fn os(&self) -> &str {
        &self.config.os
    }

    /// What a container of it runs.
    pub fn config(&self) -> &ArchivedConfig {
        &self.config
    }

    /// Names in the archive. They are for messages only, and are not written again.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

#[cfg(test)]
mod tests;
