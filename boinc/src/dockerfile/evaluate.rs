//! Carries out the instructions of stages on paper: what has to be copied and run, with which configuration.

mod copy;
mod state;

use std::collections::BTreeMap;

use super::expand::{Budget, Variables};
use super::fault::{Fault, Faults, excerpt};
use super::image_ref::ImageReference;
use super::instruction::{CommandLine, Instruction, Kind};
use super::plan::{Base, BuildArgs, ContextSource, FileStep, Group, ImageConfig, Platform, StagePlan};
use super::stages::inherited;
use super::word::Word;
use super::{Dockerfile, MAX_RUNS, parse_trigger, path, run};
use state::State;

/// Longest CMD or ENTRYPOINT in bytes: engines get them as one argument.
const MAX_COMMAND: usize = 64 * 1024;

/// Most triggers of a base image.
const MAX_TRIGGERS: usize = 100;

/// What can be told about a target without its base images.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scan {
    /// What the stages that the target needs take from the build context.
    pub context: Vec<ContextSource>,
    /// Line of the CMD that the image has from this file.
    pub cmd: Option<u32>,
    /// Line of its ENTRYPOINT.
    pub entrypoint: Option<u32>,
    /// Line of its USER.
    pub user: Option<u32>,
    /// What the image says about its containers; what it has from its base image is missing.
    pub config: ImageConfig,
    /// The images that the needed stages start from, each with the line of its FROM.
    pub bases: Vec<(u32, ImageReference)>,
    /// Every RUN of these stages: its line, and its text as written.
    pub runs: Vec<(u32, String)>,
    /// Build arguments that the file does not declare; none are known of a file with faults.
    pub undeclared_args: Vec<String>,
    /// What is accepted but has no effect; none are known of a file with faults.
    pub warnings: Vec<Fault>,
}

impl Dockerfile {
    /// What has to be done to build a stage; `base` is the configuration of the base image, of the finished earlier
    /// stage, or [`ImageConfig::scratch`].
    ///
    /// # Errors
    /// All mistakes that show only now, also those of the base's ONBUILD triggers.
    pub fn evaluate(
        &self,
        stage: usize,
        base: &ImageConfig,
        args: &BuildArgs,
        platform: &Platform,
    ) -> Result<StagePlan, Faults> {
        let globals = self.global_variables(args, Some(platform))?;
        let mut walk = Walk::new(State::of(base), args, &globals);
        let at = self.stages[stage].position(0);
        if base.on_build.len() > MAX_TRIGGERS {
            let found = format!("a base image with {} ONBUILD triggers", base.on_build.len());
            return Err(Fault::new(at, found).accepted(format!("at most {MAX_TRIGGERS}")).into());
        }
        for trigger in &base.on_build {
            match parse_trigger(trigger, at) {
                Ok(instruction) => walk.take(&instruction),
                Err(fault) => walk.faults.push(fault),
            }
        }
        walk.stage(&self.stages[stage].instructions);
        if !base.volumes.is_empty() && walk.groups.iter().any(|group| group.run.is_some()) {
            let found = format!(
                "the base image has volumes ({}): what RUN writes there does not stay in the image",
                base.volumes.join(", ")
            );
            walk.warnings.push(Fault::new(at, found));
        }
        let Walk { state, groups, warnings, faults, .. } = walk;
        faults.or(StagePlan { groups, config: state.config(), warnings })
    }

    /// Whether an image with this configuration can be run: it needs an ENTRYPOINT or a CMD.
    ///
    /// # Errors
    /// When it has neither.
    pub fn check_runnable(&self, target: usize, config: &ImageConfig) -> Result<(), Faults> {
        if config.entrypoint.is_empty() && config.cmd.is_empty() {
            let fault =
                Fault::new(self.stages[target].position(0), "the image has neither an ENTRYPOINT nor a CMD");
            return Err(fault.accepted("ENTRYPOINT [\"program\"]").into());
        }
        Ok(())
    }

    /// Finds the mistakes of a target that do not depend on its base images or on the host.
    ///
    /// # Errors
    /// The mistakes.
    pub fn check(&self, target: usize, args: &BuildArgs) -> Result<(), Faults> {
        let (_, faults) = self.scan(target, args);
        faults.or(())
    }

    /// Which files of the build context the stages take that `target` needs; triggers of base images are not known.
    ///
    /// # Errors
    /// The mistakes that [`Dockerfile::check`] finds.
    pub fn context_sources(&self, target: usize, args: &BuildArgs) -> Result<Vec<ContextSource>, Faults> {
        let (scan, faults) = self.scan(target, args);
        faults.or(scan.context)
    }

    /// Goes through all stages that `target` needs, base images and platform being unknown.
    pub(super) fn scan(&self, target: usize, args: &BuildArgs) -> (Scan, Faults) {
        let mut scan = Scan::default();
        let (globals, needed) = match (self.global_variables(args, None), self.needed(target, args, None)) {
            (Ok(globals), Ok(needed)) => (globals, needed),
            (Err(faults), _) | (_, Err(faults)) => return (scan, faults),
        };
        let mut faults = Faults::default();
        let mut states: BTreeMap<usize, State> = BTreeMap::new();
        for stage in needed {
            let base = self.stage_base(stage, &globals, None);
            if let Ok(Some(Base::Image(image))) = &base {
                scan.bases.push((self.stages[stage].origin.line(), image.clone()));
            }
            let state = match base {
                Ok(Some(Base::Scratch)) if self.complete => State::of(&ImageConfig::scratch()),
                Ok(Some(Base::Stage(base))) => states.get(&base).map(State::inherited).unwrap_or_default(),
                // `needed` has reported the fault.
                Ok(Some(Base::Image(_) | Base::Scratch) | None) | Err(_) => State::default(),
            };
            let mut walk = Walk::new(state, args, &globals);
            walk.stage(&self.stages[stage].instructions);
            faults.append(walk.faults);
            scan.context.append(&mut walk.context);
            let runs = walk.groups.into_iter().filter_map(|group| group.run);
            scan.runs.extend(runs.map(|run| (run.line, run.text)));
            states.insert(stage, walk.state);
        }
        if let Some(state) = states.get(&target) {
            (scan.cmd, scan.entrypoint, scan.user) = (state.cmd_line, state.entrypoint_line, state.user_line);
            scan.config = state.config();
            if state.complete
                && let Err(more) = self.check_runnable(target, &state.config())
            {
                faults.append(more);
            }
        }
        (scan, faults)
    }
}

/// The evaluation of one stage.
struct Walk<'a> {
    state: State,
    args: &'a BuildArgs,
    globals: &'a Variables,
    budget: Budget,
    runs: usize,
    files: Vec<FileStep>,
    groups: Vec<Group>,
    context: Vec<ContextSource>,
    warnings: Vec<Fault>,
    faults: Faults,
}

impl<'a> Walk<'a> {
    fn new(state: State, args: &'a BuildArgs, globals: &'a Variables) -> Self {
        Self {
            state,
            args,
            globals,
            budget: Budget::default(),
            runs: 0,
            files: Vec::new(),
            groups: Vec::new(),
            context: Vec::new(),
            warnings: Vec::new(),
            faults: Faults::default(),
        }
    }

    fn stage(&mut self, instructions: &[Instruction]) {
        for instruction in instructions {
            self.take(instruction);
        }
        if !self.files.is_empty() {
            self.end_group(None);
        }
    }

    fn end_group(&mut self, run: Option<super::RunStep>) {
        let files = std::mem::take(&mut self.files);
        self.groups.push(Group { files, run, config: self.state.container_config() });
    }

    fn take(&mut self, instruction: &Instruction) {
        if let Err(fault) = self.step(instruction) {
            self.faults.push(fault);
        }
    }

    fn step(&mut self, at: &Instruction) -> Result<(), Fault> {
        match &at.kind {
            Kind::Arg(list) => {
                for declaration in list {
                    let value = match (self.args.get(&declaration.name), &declaration.default) {
                        (Some(value), _) => Some(Some(value.clone())),
                        (None, Some(default)) => Some(self.expand(at, default)?),
                        (None, None) => inherited(self.globals, &declaration.name),
                    };
                    if matches!(&value, Some(Some(value)) if value.contains('\0')) {
                        let found = format!("the value of ARG {} has the character U+0000", declaration.name);
                        return Err(Fault::new(at.position(0), found));
                    }
                    if let Some(value) = value {
                        self.state.set_arg(&declaration.name, value);
                    }
                }
                self.state.check_size().map_err(|found| Fault::new(at.position(0), found))?;
            }
            Kind::Env(pairs) => {
                // All values see what was before.
                let mut values = Vec::new();
                for (name, word) in pairs {
                    values.push((name, self.expand(at, word)?));
                }
                for (name, value) in values {
                    self.state.set_env(name, value);
                }
                self.state.check_size().map_err(|found| Fault::new(at.position(0), found))?;
            }
            Kind::Label(pairs) => self.label(at, pairs)?,
            Kind::Run(run) => self.run(at, run)?,
            Kind::Cmd(line) => {
                let words = self.command(at, line)?;
                self.state.set_cmd(words, at.origin.line());
            }
            Kind::Entrypoint(line) => {
                let words = self.command(at, line)?;
                self.state.set_entrypoint(words, at.origin.line());
            }
            Kind::Shell(words) => self.state.shell.clone_from(words),
            Kind::Copy(copy) => self.copy(at, copy)?,
            Kind::User(word) => {
                let user = self.expand(at, word)?;
                if let Some(user) = &user {
                    check_user(user)
                        .map_err(|found| Fault::new(at.position(word.offset), found).accepted(USER))?;
                }
                self.state.user = user.unwrap_or_default();
                self.state.user_line = Some(at.origin.line());
            }
            Kind::Workdir(word) => self.workdir(at, word)?,
            Kind::Ignored => {}
        }
        Ok(())
    }

    fn expand(&mut self, at: &Instruction, word: &Word) -> Result<Option<String>, Fault> {
        self.budget
            .expand(word, &self.state.variables)
            .map_err(|error| Fault::new(at.position(word.offset), error.found()))
    }

    fn label(&mut self, at: &Instruction, pairs: &[(Word, Word)]) -> Result<(), Fault> {
        let mut values = Vec::new();
        for (key_word, word) in pairs {
            let (key, value) = (self.expand(at, key_word)?, self.expand(at, word)?);
            let (Some(key), Some(value)) = (key, value) else { continue };
            let fault = |found: String| Fault::new(at.position(key_word.offset), found);
            if key.is_empty() || key.contains(|c: char| c == '=' || c.is_whitespace() || c.is_control()) {
                return Err(
                    fault(format!("the label {}", excerpt(&key))).accepted("a name without spaces and =")
                );
            }
            let lower = key.to_ascii_lowercase();
            if lower == "org.buoy" || lower.starts_with("org.buoy.") {
                let found = format!("the label {}: org.buoy. is for labels that Buoy sets", excerpt(&key));
                return Err(fault(found));
            }
            values.push((key, value));
        }
        self.state.labels.extend(values);
        self.state.check_size().map_err(|found| Fault::new(at.position(0), found))
    }

    fn run(&mut self, at: &Instruction, run: &super::instruction::Run) -> Result<(), Fault> {
        self.runs += 1;
        if self.runs > MAX_RUNS {
            let found =
                format!("more than {MAX_RUNS} RUN instructions, with those of the base image's triggers");
            return Err(Fault::new(at.position(0), found));
        }
        let args = self.state.args_in_scope();
        let step = run::step(run, &self.state.shell(), args, at.origin.line(), at.text.clone())
            .map_err(|(found, help)| Fault::new(at.position(0), found).help(help))?;
        self.end_group(Some(step));
        Ok(())
    }

    fn command(&self, at: &Instruction, line: &CommandLine) -> Result<Vec<String>, Fault> {
        let words: Vec<String> = match line {
            CommandLine::Exec(words) => words.clone(),
            CommandLine::Shell(text) => self.state.shell().into_iter().chain([text.clone()]).collect(),
        };
        let bytes: usize = words.iter().map(String::len).sum();
        if bytes > MAX_COMMAND {
            let fault = Fault::new(at.position(0), format!("a command of {bytes} bytes"));
            return Err(fault
                .accepted(format!("at most {MAX_COMMAND} bytes"))
                .help("COPY a script, and call it"));
        }
        Ok(words)
    }

    fn workdir(&mut self, at: &Instruction, word: &Word) -> Result<(), Fault> {
        let Some(text) = self.expand(at, word)? else {
            self.state.workdir = None;
            return Ok(());
        };
        let fault = |found: String| Fault::new(at.position(word.offset), found);
        if text.is_empty() {
            return Err(fault("WORKDIR with an empty path".to_owned()).accepted("a path"));
        }
        let Some(path) = self.state.absolute(&text) else {
            self.state.workdir = None;
            return Ok(());
        };
        if let Some(found) = path::fault(&path) {
            return Err(fault(found));
        }
        self.files.push(FileStep::Workdir {
            line: at.origin.line(),
            path: path.clone(),
            user: self.state.user.clone(),
        });
        self.state.workdir = Some(path);
        Ok(())
    }
}

const USER: &str = "USER or USER:GROUP, as names or numbers";

/// Why a text is not `user[:group]`.
fn check_user(text: &str) -> Result<(), String> {
    let is_name = |name: &str| {
        let is_number = !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
        if is_number {
            return name.parse::<u32>().is_ok_and(|number| number < u32::MAX);
        }
        (1..=64).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-$".contains(&b))
    };
    let (user, group) = text.split_once(':').unwrap_or((text, "0"));
    if is_name(user) && is_name(group) { Ok(()) } else { Err(format!("the user {}", excerpt(text))) }
}
