//! Builds an image as a job: each RUN is a container with the limits of a job, and everything else is a tar stream of ours.
//!
//! The engine's own builders are not used. They differ from each other, keep caches that all science apps share, fetch
//! files themselves, and run steps that have no limits and survive an abort. docs/dockerfile.md says what a Dockerfile may
//! hold; docs/how-it-works.md describes the steps.

mod attribution;
mod base;
mod context;
mod copy;
mod error;
mod from_stage;
mod journal;
mod owner;
mod run;
mod stage;
mod target_files;
mod time_left;
mod transfer;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::engine::{Cancel, CliEngine, EngineError, Hardening, Transport};
use crate::limits::{Bounds, DiskUse};
use boinc::dockerfile::{Base, BuildArgs, Dockerfile, ImageConfig, Platform};

use super::key::ImageKey;

pub use error::{Blame, BuildError};
pub(super) use journal::{DIRECTORY, Journal, LOCKS, images_of_journals, recover};
pub(crate) use journal::{container_prefix, has_journals};
pub(super) use stage::NO_COMMAND;
use stage::Stage;
use time_left::TimeLeft;

/// How often a held build looks whether it may continue.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// A build may compile for long, but not for ever.
const TIMEOUT: Duration = Duration::from_secs(4 * 3_600);

/// Everything that an image is built from.
#[derive(Clone, Debug, PartialEq)]
pub struct BuildSource {
    /// The content key.
    pub key: ImageKey,
    /// The Dockerfile's name, for messages.
    pub name: String,
    /// The Dockerfile.
    pub dockerfile: Dockerfile,
    /// The stage to build.
    pub target: usize,
    /// The build context: name in it, and where the file is.
    pub files: Vec<(String, PathBuf)>,
    /// Build arguments.
    pub args: BuildArgs,
    /// Proxy variables for steps that have a network.
    pub proxy: Vec<(String, String)>,
    /// What each RUN is held to; the user is that of the Dockerfile.
    pub hardening: Hardening,
    /// What the wrapper watches while a RUN runs.
    pub bounds: Bounds,
    /// Lists of patterns, each of which has to allow a base image.
    pub base_images: Vec<Vec<String>>,
    /// Where a job's work directory will be.
    pub workdir: String,
}

impl BuildSource {
    /// Whether building it fetches a base image or runs steps that have a network. What cannot be told now is reported by the
    /// build.
    pub fn needs_network<T: Transport>(&self, engine: &CliEngine<T>) -> bool {
        let Ok(platform) = platform_of(engine) else { return false };
        let Ok(stages) = self.dockerfile.needed_stages(self.target, &self.args, &platform) else {
            return false;
        };
        let fetches = |stage: usize| match self.dockerfile.base(stage, &self.args, &platform) {
            Ok(Base::Image(reference)) => !base::is_here(engine, &reference),
            _ => false,
        };
        (self.hardening.network && self.dockerfile.has_runs(&stages)) || stages.into_iter().any(fetches)
    }
}

/// What came of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Built {
    /// The engine's id of the image.
    pub(super) id: String,
    /// Whether the image has files at [`BuildSource::workdir`].
    pub(super) workdir_files: bool,
}

/// One build in progress.
pub(super) struct Builder<'a, T: Transport> {
    /// Follows the wish to break off. A RUN is paused while the job is held.
    engine: &'a CliEngine<T>,
    /// For commands that cannot be paused.
    breaking: CliEngine<T>,
    /// For cleaning up after the wish to break off.
    cleaning: CliEngine<T>,
    source: &'a BuildSource,
    owner: &'a str,
    journal: Journal,
    platform: Platform,
    stages: Vec<Option<Stage>>,
    /// A container with the same files as the one being filled, in which no directory was made for its WORKDIR.
    probe: Option<String>,
    /// Processes of the present step that the kernel killed for memory.
    memory_kills: u64,
    /// Bytes that the steps of this attempt have written in earlier containers.
    written: u64,
    /// And in the one that is being filled.
    written_here: u64,
    /// Labels of the stage that is being built.
    labels: BTreeMap<String, String>,
    /// What containers of the present stage have from its base image, without being told.
    inherited: ImageConfig,
    /// The image of the container that is being filled.
    image: String,
    /// What was copied into the container that is being filled.
    copied: DiskUse,
    time: TimeLeft,
}

impl<'a, T: Transport + Clone> Builder<'a, T> {
    /// Prepares a build. The journal belongs to this key, whose lock is held.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub(super) fn new(
        engine: &'a CliEngine<T>,
        source: &'a BuildSource,
        owner: &'a str,
        journal: Journal,
    ) -> Result<Self, EngineError> {
        Ok(Self {
            engine,
            breaking: engine.breaking_when_held(),
            cleaning: engine.with_cancel(Cancel::default()),
            source,
            owner,
            journal,
            platform: platform_of(engine)?,
            stages: Vec::new(),
            probe: None,
            memory_kills: 0,
            written: 0,
            written_here: 0,
            labels: BTreeMap::new(),
            inherited: ImageConfig::default(),
            image: String::new(),
            copied: DiskUse::default(),
            time: TimeLeft::new(TIMEOUT, Instant::now()),
        })
    }

    /// Builds the image and removes what was only needed on the way.
    ///
    /// # Errors
    /// When a step fails, when the engine does, or when cancelled. Nothing of the build runs any more then; finished RUN
    /// steps are kept for the next attempt after a cancellation.
    pub(super) fn build(mut self) -> Result<Built, BuildError> {
        // Of an attempt that was killed: a RUN of it may still be running.
        self.remove_containers();
        let result = loop {
            let result = self.attempt();
            self.remove_containers();
            match result {
                Err(BuildError::Engine(EngineError::Cancelled)) if !self.engine.cancel().is_cancelled() => {
                    // A command was broken off because the job is held. What was finished is taken up again.
                    self.wait_while_held()?;
                }
                result => break result,
            }
        };
        match &result {
            Ok(built) => self.journal.finish(&self.cleaning, Some(&built.id)),
            Err(BuildError::Engine(EngineError::Cancelled)) => {}
            Err(_) => self.journal.finish(&self.cleaning, None),
        }
        result
    }

    fn attempt(&mut self) -> Result<Built, BuildError> {
        let source = self.source;
        let needed = source.dockerfile.needed_stages(source.target, &source.args, &self.platform)?;
        self.stages = (0..=source.target).map(|_| None).collect();
        (self.written, self.written_here) = (0, 0);
        let mut built = None;
        for stage in needed {
            built = self.build_stage(stage)?;
        }
        built.ok_or_else(|| {
            BuildError::Internal("the stage to be built was not among those that it needs".into())
        })
    }

    /// A RUN is never started, and a command never begun, while the job is held.
    fn wait_while_held(&self) -> Result<(), BuildError> {
        if self.engine.cancel().is_held() {
            self.time.pause(Instant::now());
        }
        wait_while_held(self.engine)?;
        self.time.resume(Instant::now());
        if self.time.is_over(Instant::now()) {
            return Err(BuildError::TooLong { hours: TIMEOUT.as_secs() / 3_600 });
        }
        Ok(())
    }

    fn remove_containers(&mut self) {
        self.stages.clear();
        self.probe = None;
        self.journal.remove_containers(&self.cleaning);
    }
}

/// Waits while the job is held.
///
/// # Errors
/// [`EngineError::Cancelled`].
pub(super) fn wait_while_held<T: Transport>(engine: &CliEngine<T>) -> Result<(), EngineError> {
    let cancel = engine.cancel();
    while cancel.is_held() && !cancel.is_cancelled() {
        thread::sleep(POLL_INTERVAL);
    }
    if cancel.is_cancelled() { Err(EngineError::Cancelled) } else { Ok(()) }
}

/// What this engine builds for.
fn platform_of<T: Transport>(engine: &CliEngine<T>) -> Result<Platform, EngineError> {
    Ok(Platform { os: "linux".into(), architecture: engine.architecture()?, variant: String::new() })
}
