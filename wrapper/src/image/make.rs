//! Makes the image if it is not there: one process on a host does, the others wait.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::engine::{BuildShare, BuildSpec, Cancel, CliEngine, EngineError, Transport};

use super::cleanup::{Budget, sweep};
use super::context::{ContextError, lay_out};
use super::failed::FailedBuilds;
use super::key::ImageKey;
use super::lock::{HostLock, LockError};
use super::tarball::{self, TarballError};

/// Where an image comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum ImageSource {
    /// Built from a Dockerfile and a context.
    Build {
        /// The content key.
        key: ImageKey,
        /// The Dockerfile's name in the context.
        dockerfile: String,
        /// The context's files, the Dockerfile among them: name and where it lies.
        files: Vec<(String, PathBuf)>,
        /// job.toml's `build_args`.
        raw_args: Vec<String>,
        /// Proxy variables.
        proxy: Vec<(String, String)>,
        /// Whether the build has a network.
        network: bool,
        /// What the build may take of the host.
        share: BuildShare,
    },
    /// Loaded from a tarball.
    Tarball {
        /// The content key.
        key: ImageKey,
        /// The file.
        path: PathBuf,
        /// `sha256:…`: the image's id.
        digest: String,
    },
    /// Fetched by its name.
    Named(String),
}

impl ImageSource {
    /// The image's name on this host, without the engine's additions; `None` if it has one of its own.
    pub fn own_name(&self) -> Option<String> {
        match self {
            ImageSource::Build { key, .. } | ImageSource::Tarball { key, .. } => {
                Some(key.image_name().as_str().to_owned())
            }
            ImageSource::Named(_) => None,
        }
    }
}

/// There is no image.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The context can't be laid out.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// The tarball is refused.
    #[error(transparent)]
    Tarball(#[from] TarballError),
    /// The host's lock can't be had.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Another task's build of the same image has just failed.
    #[error("the same build failed {seconds} s ago: {said}")]
    FailedBefore {
        /// How long ago.
        seconds: u64,
        /// The end of what it said.
        said: String,
    },
    /// The tarball holds another image than declared.
    #[error(
        "the tarball {} does not hold the image {digest}; its digest is what `docker image inspect --format \
         '{{{{.Id}}}}' IMAGE` prints",
        path.display()
    )]
    WrongDigest {
        /// The tarball.
        path: PathBuf,
        /// What job.toml says.
        digest: String,
    },
}

/// A build may compile for long, but not for ever.
const BUILD_TIMEOUT: Duration = Duration::from_secs(4 * 3_600);

/// Makes images in this slot.
#[derive(Clone, Debug)]
pub struct ImageMaker {
    /// What all slots of this client share.
    pub host_dir: PathBuf,
    /// A directory of this slot for the build context.
    pub context_dir: PathBuf,
    /// What images may take.
    pub budget: Budget,
}

impl ImageMaker {
    /// Makes the image, unless another process has done so while we waited for the lock.
    ///
    /// # Errors
    /// When it can't be made, or when cancelled.
    pub fn make<T: Transport>(
        &self,
        engine: &CliEngine<T>,
        source: &ImageSource,
        cancel: &Cancel,
    ) -> Result<(), MakeError> {
        let Some(name) = source.own_name() else {
            if let ImageSource::Named(image) = source {
                engine.pull(image)?;
            }
            return Ok(());
        };
        let tag = engine.flavor().local_image(&name);
        let _lock = HostLock::wait(&self.host_dir.join("locks"), &name, cancel)?;
        if engine.image_id(&tag)?.is_some() {
            return Ok(());
        }
        match source {
            ImageSource::Build { dockerfile, files, raw_args, proxy, network, share, .. } => {
                let failed = FailedBuilds::of(&self.host_dir);
                if let Some((said, age)) = failed.recall(&name, SystemTime::now()) {
                    return Err(MakeError::FailedBefore { seconds: age.as_secs(), said });
                }
                crate::say!("building image {name}");
                lay_out(&self.context_dir, files)?;
                let spec = BuildSpec {
                    tag: tag.clone(),
                    name: name.clone(),
                    context: self.context_dir.clone(),
                    dockerfile: dockerfile.clone(),
                    raw_args: raw_args.clone(),
                    proxy: proxy.clone(),
                    network: *network,
                    share: *share,
                    timeout: BUILD_TIMEOUT,
                };
                let built = engine.build(&spec);
                // It holds links to large files perhaps; what stays of it is only cleaned up later.
                let _ = std::fs::remove_dir_all(&self.context_dir);
                if let Err(EngineError::Failed { said, .. }) = &built {
                    failed.note(&name, said);
                }
                built?;
            }
            ImageSource::Tarball { path, digest, .. } => load(engine, path, digest, &tag)?,
            ImageSource::Named(_) => {}
        }
        for removed in sweep(engine, &self.host_dir, self.budget, &tag) {
            crate::say!("removed image {removed}: not used for long, or too many of them");
        }
        Ok(())
    }
}

fn load<T: Transport>(engine: &CliEngine<T>, path: &Path, digest: &str, tag: &str) -> Result<(), MakeError> {
    tarball::check(path)?;
    if engine.image_id(digest)?.is_none() {
        crate::say!("loading image {digest}");
        engine.load(path)?;
    }
    if engine.image_id(digest)?.is_none() {
        return Err(MakeError::WrongDigest { path: path.into(), digest: digest.into() });
    }
    engine.tag(digest, tag)?;
    Ok(())
}
