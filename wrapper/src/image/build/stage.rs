//! One stage: groups of steps, each a container, each finished RUN an image.

use std::time::{Duration, Instant};

use crate::engine::{EngineError, Flavor, Hardening, StepSpec, Transport};
use crate::limits::DiskUse;
use boinc::dockerfile::{Base, FileStep, Group, ImageConfig, RunStep, StagePlan};

use super::error::BuildError;
use super::target_files::TargetFiles;
use super::{Builder, Built, base};

/// The capabilities that package managers and `make install` need. None of them reaches out of the container.
const CAPABILITIES: &[&str] = &["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETGID", "SETUID"];
/// A container that is never started needs a command all the same.
pub(in super::super) const NO_COMMAND: &str = "/x";
/// What took this long is not done again after an interruption. A commit costs seconds, as much as many a RUN.
const WORTH_A_COMMIT: Duration = Duration::from_secs(30);
/// More than any output of a failed step that is shown.
const LOG_BYTES: u64 = 1 << 20;

/// A stage that was built.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    /// Its image; `None` if it is only copied from.
    pub(super) image: Option<String>,
    /// A container with its files that does not run.
    pub(super) container: Option<String>,
    /// What the next stage starts with.
    config: ImageConfig,
}

impl<T: Transport + Clone> Builder<'_, T> {
    /// Builds a stage; gives the image of the stage that is to be built.
    pub(super) fn build_stage(&mut self, number: usize) -> Result<Option<Built>, BuildError> {
        let source = self.source;
        let (mut image, base_config, empty) = self.base_of(number)?;
        // Of the empty image nothing is inherited but what is said each time.
        self.inherited = if empty { ImageConfig::default() } else { base_config.clone() };
        let plan = source.dockerfile.evaluate(number, &base_config, &source.args, &self.platform)?;
        for warning in &plan.warnings {
            crate::say!("{}: {warning}", source.name);
        }
        let is_target = number == source.target;
        if is_target {
            source.dockerfile.check_runnable(number, &plan.config)?;
        }
        self.labels = plan.config.labels.clone();
        let mut files = TargetFiles::of_base(empty);
        let mut container = None;
        let mut at = 0;
        if let Some((index, id)) = self.last_finished(number, &plan.groups)? {
            (image, at) = (id, index + 1);
            files = TargetFiles::of_base(false);
        }
        while at < plan.groups.len() {
            let shared = sharing(&plan.groups[at..]);
            let name = self.create(&image, &plan.groups[at], shared > 1)?;
            let inherited = Some(base_config.workdir.as_str())
                .filter(|path| at == 0 && path.len() > 1 && self.engine.flavor() == Flavor::Podman);
            at += self.fill(&name, &image, &plan.groups[at..at + shared], inherited, &mut files)?;
            if let [copies] = &plan.groups[at..]
                && copies.run.is_none()
                && same_container(&plan.groups[at - 1].config, &copies.config)
            {
                // What is copied after the last RUN goes into its container: one commit and one layer less.
                self.copy_files(&name, copies, None, &mut files)?;
                at += 1;
            }
            if at == plan.groups.len() {
                container = Some(name);
            } else {
                image = self.commit_step(number, at - 1, &name)?;
            }
        }
        let mut stage = Stage { image: None, container, config: plan.config.clone() };
        let built = if is_target {
            Some(self.finish_target(number, image, &plan, &mut stage)?)
        } else {
            if self.is_base(number)? {
                stage.image = Some(match &stage.container {
                    Some(name) => self.commit_unnamed(name)?,
                    None => image,
                });
            } else if stage.container.is_none() {
                stage.container = Some(self.create_plain(&image, &plan.config)?);
            }
            None
        };
        self.stages[number] = Some(stage);
        Ok(built)
    }

    /// Does groups in one container, the first of which it was created for. Returns how many: when they have taken long, the
    /// container is to be committed, so that an interruption does not undo them.
    fn fill(
        &mut self,
        name: &str,
        image: &str,
        groups: &[Group],
        inherited: Option<&str>,
        files: &mut TargetFiles,
    ) -> Result<usize, BuildError> {
        let began = Instant::now();
        for (index, group) in groups.iter().enumerate() {
            self.copy_files(name, group, inherited.filter(|_| index == 0), files)?;
            let Some(run) = &group.run else { continue };
            if index > 0 {
                self.change_script(run, name)?;
            }
            self.run_step(name, image, run, index > 0)?;
            *files = TargetFiles::of_base(false);
            if began.elapsed() >= WORTH_A_COMMIT {
                return Ok(index + 1);
            }
        }
        Ok(groups.len())
    }

    /// The image that a stage starts from, its configuration, and whether it is empty.
    fn base_of(&mut self, number: usize) -> Result<(String, ImageConfig, bool), BuildError> {
        let source = self.source;
        self.wait_while_held()?;
        match source.dockerfile.base(number, &source.args, &self.platform)? {
            Base::Scratch => {
                let id = self.breaking.import_empty(self.owner)?;
                self.noted(&id)?;
                Ok((id, ImageConfig::scratch(), true))
            }
            Base::Stage(earlier) => {
                let stage = self.stages.get(earlier).and_then(Option::as_ref);
                let built = stage.and_then(|stage| Some((stage.image.clone()?, stage.config.clone(), false)));
                built.ok_or_else(|| BuildError::Internal(format!("stage {earlier} was not built")))
            }
            Base::Image(reference) => {
                let (id, config) = base::resolve(
                    &self.breaking,
                    &reference,
                    &source.base_images,
                    source.hardening.network,
                    &self.platform,
                )?;
                Ok((id, config, false))
            }
        }
    }

    /// Whether another stage that is needed starts from this one.
    fn is_base(&self, number: usize) -> Result<bool, BuildError> {
        let source = self.source;
        let needed = source.dockerfile.needed_stages(source.target, &source.args, &self.platform)?;
        for stage in needed {
            if source.dockerfile.base(stage, &source.args, &self.platform)? == Base::Stage(number) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The last group of a stage that an earlier attempt finished, and its image.
    fn last_finished(
        &mut self,
        stage: usize,
        groups: &[Group],
    ) -> Result<Option<(usize, String)>, BuildError> {
        for index in (0..groups.len()).rev() {
            if let Some(id) = self.finished(stage, index)? {
                return Ok(Some((index, id)));
            }
        }
        Ok(None)
    }

    /// The image of a RUN that an earlier attempt finished, if the engine still has it.
    fn finished(&mut self, stage: usize, group: usize) -> Result<Option<String>, BuildError> {
        let Some(id) = self.journal.step(stage, group).map(str::to_owned) else { return Ok(None) };
        if self.breaking.image(&id)?.is_some() {
            return Ok(Some(id));
        }
        self.journal.forget_steps();
        Ok(None)
    }

    /// Creates the container of a group; `shared`: other groups follow in it.
    fn create(&mut self, image: &str, group: &Group, shared: bool) -> Result<String, BuildError> {
        self.wait_while_held()?;
        let name = self.new_name()?;
        image.clone_into(&mut self.image);
        let run =
            group.run.as_ref().map(|run| run.by_file().filter(|_| shared).unwrap_or_else(|| run.clone()));
        let mounts = run.as_ref().map(|run| self.step_mounts(run, &name)).transpose()?;
        let command = run.map(|run| run.command);
        let mut spec = self.spec(&name, image, &group.config);
        spec.mounts = mounts.unwrap_or_default();
        spec.command = command.unwrap_or_else(|| vec![NO_COMMAND.to_owned()]);
        if !self.workdir_is_roots(group) {
            // Missing directories are made by the copy, for the user that they belong to.
            let probe = self.new_name()?;
            let without =
                StepSpec { name: probe.clone(), workdir: "/".into(), mounts: Vec::new(), ..spec.clone() };
            self.create_container(&without)?;
            self.probe = Some(probe);
        }
        self.create_container(&spec)?;
        self.copied = DiskUse::default();
        self.written += std::mem::take(&mut self.written_here);
        Ok(name)
    }

    /// Docker makes a missing WORKDIR when it creates the container, for root.
    fn workdir_is_roots(&self, group: &Group) -> bool {
        let root = |user: &str| matches!(user.split(':').next().unwrap_or_default(), "" | "0" | "root");
        group.files.iter().all(|step| match step {
            FileStep::Workdir { user, .. } => root(user),
            FileStep::Copy(_) => true,
        })
    }

    pub(super) fn create_plain(&mut self, image: &str, config: &ImageConfig) -> Result<String, BuildError> {
        self.wait_while_held()?;
        let name = self.new_name()?;
        let spec = StepSpec { command: vec![NO_COMMAND.to_owned()], ..self.spec(&name, image, config) };
        self.create_container(&spec)?;
        Ok(name)
    }

    pub(super) fn spec(&self, name: &str, image: &str, config: &ImageConfig) -> StepSpec {
        StepSpec {
            name: name.to_owned(),
            owner: self.owner.to_owned(),
            image: image.to_owned(),
            workdir: config.workdir.clone(),
            // A base image can have names and values that no command line takes: what it says is not said again.
            env: config.env.iter().filter(|pair| !self.inherited.env.contains(pair)).cloned().collect(),
            // All of the stage's, from its first container: a RUN does not see them, and a LABEL costs no container.
            labels: self
                .labels
                .iter()
                .filter(|(key, value)| self.inherited.labels.get(*key) != Some(*value))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
            hardening: Hardening {
                user: config.user.clone(),
                capabilities: CAPABILITIES,
                log_bytes: LOG_BYTES,
                ..self.source.hardening.clone()
            },
            ..StepSpec::default()
        }
    }

    fn new_name(&mut self) -> Result<String, BuildError> {
        self.journal.new_container().map_err(journal_error)
    }

    fn noted(&mut self, id: &str) -> Result<(), BuildError> {
        self.journal.note_image(id).map_err(journal_error)
    }

    fn commit_step(&mut self, stage: usize, group: usize, name: &str) -> Result<String, BuildError> {
        self.wait_while_held()?;
        let id = self.breaking.commit(name, None, None)?;
        self.journal.note_step(stage, group, &id).map_err(journal_error)?;
        // It is not needed any more; what it has written takes space a second time.
        self.remove_container(name)?;
        Ok(id)
    }

    pub(super) fn remove_container(&mut self, name: &str) -> Result<(), BuildError> {
        self.breaking.remove(name)?;
        self.journal.forget_container(name).map_err(journal_error)
    }

    fn commit_unnamed(&mut self, name: &str) -> Result<String, BuildError> {
        self.wait_while_held()?;
        let id = self.breaking.commit(name, None, None)?;
        self.noted(&id)?;
        Ok(id)
    }

    /// Makes the image: the last container as it is if it was created with the final configuration, else another one.
    fn finish_target(
        &mut self,
        number: usize,
        mut image: String,
        plan: &StagePlan,
        stage: &mut Stage,
    ) -> Result<Built, BuildError> {
        let last = plan.groups.len().saturating_sub(1);
        let as_it_is = plan.groups.last().is_some_and(|group| same_container(&group.config, &plan.config));
        if let (Some(name), false) = (&stage.container, as_it_is) {
            image = self.commit_step(number, last, name)?;
            stage.container = None;
        }
        let name = match &stage.container {
            Some(name) => name.clone(),
            None => self.create_plain(&image, &plan.config)?,
        };
        self.wait_while_held()?;
        let changes = (plan.config.entrypoint.as_slice(), plan.config.cmd.as_slice());
        let image_name = self.source.key.image_name();
        let tag = self.engine.flavor().local_image(image_name.as_str());
        let id = match self.breaking.commit(&name, Some(changes), Some(&tag)) {
            // A commit that an earlier life began may be finished by the daemon at this moment.
            Err(EngineError::Conflict(_)) => self.breaking.commit(&name, Some(changes), Some(&tag))?,
            result => result?,
        };
        self.noted(&id)?;
        let workdir_files = self.has_files_at(&name, &self.source.workdir)?;
        Ok(Built { id, workdir_files })
    }
}

/// Whether a container that was created for one configuration gives an image of the other. Entry point and command are
/// given by the commit, labels are those of the stage from the beginning.
fn same_container(created: &ImageConfig, wanted: &ImageConfig) -> bool {
    created.env == wanted.env && created.user == wanted.user && created.workdir == wanted.workdir
}

/// How many of these groups one container can do: RUNs for one shell and one configuration, and copies between them.
fn sharing(groups: &[Group]) -> usize {
    fn shell(group: &Group) -> Option<&[String]> {
        group.run.as_ref().and_then(RunStep::shell)
    }
    let Some((first, words)) = groups.first().and_then(|first| Some((first, shell(first)?))) else {
        return 1;
    };
    let follows = |group: &&Group| {
        same_container(&first.config, &group.config)
            && group.files.iter().all(|step| matches!(step, FileStep::Copy(_)))
            && shell(group) == Some(words)
    };
    1 + groups[1..].iter().take_while(follows).count()
}

fn journal_error(source: std::io::Error) -> BuildError {
    BuildError::Io { doing: "note the state of the build".into(), source }
}
