//! Makes the image if it is not there: one process on a host does, the others wait.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::engine::{Cancel, CliEngine, EngineError, OWNER_LABEL, Transport};
use crate::state_dir::StateDir;

use super::build::{self, Blame, BuildError, BuildSource, Builder, Journal};
use super::cleanup::{Budget, Reason, finish_unfinished, mark_in_progress, remove_unknown, sweep};
use super::failed::{FailedBuild, FailedBuilds};
use super::index::{Entry, ImageIndex, IndexError};
use super::key::ImageKey;
use super::lock::{HostLock, LockError};
use super::tarball::{Load, TarballError, load};
use super::workdir_files::{self, WorkdirFilesError};

/// Where an image comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum ImageSource {
    /// Built from a Dockerfile and a context.
    Build(Box<BuildSource>),
    /// Loaded from a tarball.
    Tarball {
        /// The content key.
        key: ImageKey,
        /// The file.
        path: PathBuf,
        /// `sha256:…`: the hash of the image's configuration as it is in the tarball.
        digest: String,
    },
    /// Fetched by its name.
    Named(String),
}

impl ImageSource {
    /// The key of an image that we make; `None` if it has a name of its own.
    pub fn key(&self) -> Option<&ImageKey> {
        match self {
            ImageSource::Build(source) => Some(&source.key),
            ImageSource::Tarball { key, .. } => Some(key),
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
    /// The build failed.
    #[error(transparent)]
    Build(BuildError),
    /// The tarball is refused.
    #[error(transparent)]
    Tarball(#[from] TarballError),
    /// The host's lock can't be had.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The index cannot be written.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The state directory cannot be written.
    #[error("failed to note the state of a build")]
    Journal(#[source] io::Error),
    /// What the image has at the work directory is too much, or cannot be had.
    #[error(transparent)]
    Workdir(#[from] WorkdirFilesError),
    /// Another task's build of the same image has just failed.
    #[error("the same build failed {seconds} s ago: {said}")]
    FailedBefore {
        /// How long ago.
        seconds: u64,
        /// What it reported.
        said: String,
        /// Who was to blame.
        blame: Blame,
    },
}

impl From<BuildError> for MakeError {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Engine(error) => MakeError::Engine(error),
            error => MakeError::Build(error),
        }
    }
}

/// A compressed layer may stand for this many times its size: programs and data stay far below, and a few megabytes of
/// zeros could fill a disk.
const MAX_EXPANSION: u64 = 20;

/// Makes images for a task.
#[derive(Clone, Debug)]
pub struct ImageMaker {
    /// Where the index, locks and journals are.
    pub state: StateDir,
    /// What images may take.
    pub budget: Budget,
}

impl ImageMaker {
    /// The image by whose id a job runs; `None` if it has to be made. For an image that we make nobody but the index is
    /// asked; the engine says when it no longer has it.
    ///
    /// # Errors
    /// When the engine cannot tell.
    pub fn find<T: Transport>(
        &self,
        engine: &CliEngine<T>,
        source: &ImageSource,
    ) -> Result<Option<Entry>, EngineError> {
        let Some(key) = source.key() else {
            let ImageSource::Named(name) = source else { return Ok(None) };
            return Ok(engine.image(name)?.map(Entry::from));
        };
        let index = ImageIndex::of(&self.state);
        Ok(index.find(engine.flavor(), key).inspect(|entry| index.note_use(engine.flavor(), key, entry)))
    }

    /// The tar file with what an image has at the work directory, with paths relative to it; `None` if there is nothing.
    ///
    /// # Errors
    /// When it is too much, or cannot be read.
    pub fn workdir_files<T: Transport + Clone>(
        &self,
        engine: &CliEngine<T>,
        image: &str,
        workdir: &str,
    ) -> Result<Option<PathBuf>, WorkdirFilesError> {
        workdir_files::workdir_files(&self.state, engine, image, workdir)
    }

    /// Whether making the image fetches something or runs steps that have a network.
    pub fn needs_network<T: Transport>(&self, engine: &CliEngine<T>, source: &ImageSource) -> bool {
        match source {
            ImageSource::Build(source) => source.needs_network(engine),
            ImageSource::Tarball { .. } => false,
            ImageSource::Named(_) => true,
        }
    }

    /// Makes the image, unless another process has done so while we waited for the lock.
    ///
    /// # Errors
    /// When it can't be made, or when cancelled.
    pub fn make<T: Transport + Clone>(
        &self,
        engine: &CliEngine<T>,
        source: &ImageSource,
        cancel: &Cancel,
    ) -> Result<(), MakeError> {
        let Some(key) = source.key() else {
            if let ImageSource::Named(image) = source {
                return when_free(engine, |engine| Ok(engine.pull(image)?));
            }
            return Ok(());
        };
        let index = ImageIndex::of(&self.state);
        let owner = index.owner()?;
        let _lock = HostLock::wait(&self.state.join(build::LOCKS), &key.hex(), cancel)?;
        if let Some(entry) = index.find(engine.flavor(), key) {
            if engine.image(&entry.id)?.is_some() {
                return Ok(());
            }
            index.forget(engine.flavor(), &key.hex())?;
        }
        build::recover(engine, &self.state, &owner);
        let (made, others) = {
            let making = mark_in_progress(&self.state, cancel)?;
            let made = match source {
                ImageSource::Build(source) => self.build(engine, source, &owner),
                ImageSource::Tarball { path, digest, .. } => self.load(engine, path, digest, key, &owner),
                ImageSource::Named(_) => return Ok(()),
            };
            let made = made
                .and_then(|entry| Ok(index.record(engine.flavor(), key, entry.clone()).map(|()| entry)?));
            (made, making.others)
        };
        let entry = made.inspect_err(|_| {
            // What this build has left without knowing, and others before it. Who has to leave has no time for that.
            if !cancel.is_cancelled() {
                let reason = if others { Reason::Interrupted } else { Reason::Failed };
                remove_unknown(engine, &self.state, &index, reason);
            }
        })?;
        crate::say!("image {} is ready ({} MB)", entry.id, entry.size / 1_000_000);
        let reason = if others { Reason::Interrupted } else { Reason::None };
        remove_unknown(engine, &self.state, &index, reason);
        workdir_files::remove_old(&self.state, Duration::from_secs(self.budget.age_seconds));
        for removed in sweep(engine, &self.state, self.budget, &key.hex()) {
            crate::say!("removed image {removed}: not used for long, or too many of them");
        }
        Ok(())
    }

    /// Removes the containers of builds whose wrappers were killed. A job whose image is there does this too: the killed
    /// one may not come again, and its step would run for ever.
    pub fn recover<T: Transport>(&self, engine: &CliEngine<T>) {
        let index = ImageIndex::of(&self.state);
        if let Some(owner) = index.known_owner() {
            build::recover(engine, &self.state, &owner);
            finish_unfinished(engine, &self.state, &index);
        }
    }

    fn load<T: Transport + Clone>(
        &self,
        engine: &CliEngine<T>,
        path: &Path,
        digest: &str,
        key: &ImageKey,
        owner: &str,
    ) -> Result<Entry, MakeError> {
        let name = engine.flavor().local_image(key.image_name().as_str());
        let directory = self.state.subdirectory(build::DIRECTORY).map_err(MakeError::Journal)?;
        let size = std::fs::metadata(path).map_or(0, |data| data.len());
        let wanted = Load {
            path,
            digest,
            name: &name,
            labels: &[(OWNER_LABEL.to_owned(), owner.to_owned())],
            most_bytes: size.saturating_mul(MAX_EXPANSION),
            scratch: &directory.join(key.hex()),
        };
        when_free(engine, |engine| Ok(load(engine, &wanted, engine.cancel())?))
            .and_then(|id| Ok(entry_of(engine, id)?))
    }

    fn build<T: Transport + Clone>(
        &self,
        engine: &CliEngine<T>,
        source: &BuildSource,
        owner: &str,
    ) -> Result<Entry, MakeError> {
        let failed = FailedBuilds::of(self.state.path());
        let name = source.key.hex();
        if let Some((FailedBuild { said, blame }, age)) = failed.recall(&name, SystemTime::now()) {
            return Err(MakeError::FailedBefore { seconds: age.as_secs(), said, blame });
        }
        crate::say!("building image {}", source.key.image_name());
        let journal =
            Journal::open(&self.state, engine.flavor(), &source.key, owner).map_err(MakeError::Journal)?;
        let built = Builder::new(engine, source, owner, journal)?.build();
        if let Err(error) = &built
            && error.blame() != Blame::Host
        {
            failed.note(&name, &FailedBuild { said: error.report(), blame: error.blame() });
        }
        let built = built?;
        if !built.workdir_files {
            workdir_files::note_none(&self.state, &built.id, &source.workdir).map_err(MakeError::Journal)?;
        }
        Ok(entry_of(engine, built.id)?)
    }
}

/// A pull or a load cannot be paused: it is broken off while the job is held, and done again after that.
fn when_free<T: Transport + Clone, R>(
    engine: &CliEngine<T>,
    work: impl Fn(&CliEngine<T>) -> Result<R, MakeError>,
) -> Result<R, MakeError> {
    let breaking = engine.breaking_when_held();
    loop {
        match work(&breaking) {
            Err(
                MakeError::Engine(EngineError::Cancelled)
                | MakeError::Tarball(TarballError::Engine(EngineError::Cancelled)),
            ) if !engine.cancel().is_cancelled() => build::wait_while_held(engine)?,
            result => return result,
        }
    }
}

fn entry_of<T: Transport>(engine: &CliEngine<T>, id: String) -> Result<Entry, EngineError> {
    let details = engine.image(&id)?.ok_or(EngineError::NoImage)?;
    Ok(Entry { id, ..Entry::from(details) })
}
