//! Stages: which one is meant, what it starts from, which others it needs.

use super::Dockerfile;
use super::expand::{Budget, Lookup, Variables};
use super::fault::{Fault, Faults, excerpt};
use super::image_ref::ImageReference;
use super::instruction::{Kind, Stage};
use super::plan::{Base, BuildArgs, Platform};
use super::word::Word;
use crate::spelling::listed_near;

/// Whether a text can be the name of a stage, in any case.
pub fn is_stage_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

impl Platform {
    /// `linux/amd64`, `linux/arm/v7`.
    fn text(&self) -> String {
        let mut text = format!("{}/{}", self.os, self.architecture);
        if !self.variant.is_empty() {
            text.push('/');
            text.push_str(&self.variant);
        }
        text
    }

    /// Whether a `--platform` asks for this one; other names of an architecture count, and so does a missing variant.
    fn is(&self, wanted: &str) -> bool {
        let mut parts = wanted.split('/');
        let os = parts.next().unwrap_or("");
        let (architecture, default_variant) = match parts.next().unwrap_or("") {
            "x86_64" | "x86-64" => ("amd64", ""),
            "aarch64" => ("arm64", ""),
            other => (other, ""),
        };
        let variant = parts.next().unwrap_or(default_variant);
        let own_variant =
            if self.architecture == "arm64" && self.variant.is_empty() { "v8" } else { &self.variant };
        parts.next().is_none()
            && os == self.os
            && architecture == self.architecture
            && (variant.is_empty() || variant == own_variant)
    }
}

/// Sets the variables that describe the platform, which FROM knows, and stages after an ARG.
fn set_platform(variables: &mut Variables, platform: Option<&Platform>) {
    let values: [(&str, Option<String>); 4] = [
        ("PLATFORM", platform.map(Platform::text)),
        ("OS", platform.map(|platform| platform.os.clone())),
        ("ARCH", platform.map(|platform| platform.architecture.clone())),
        ("VARIANT", platform.map(|platform| platform.variant.clone())),
    ];
    for (name, value) in values {
        for which in ["TARGET", "BUILD"] {
            variables.set(&format!("{which}{name}"), value.clone());
        }
    }
}

impl Dockerfile {
    /// The index of the stage to be built: the one named, or the last one.
    ///
    /// # Errors
    /// When no stage has that name.
    pub fn target(&self, name: Option<&str>) -> Result<usize, Faults> {
        let Some(name) = name else { return Ok(self.stages.len() - 1) };
        let lower = name.to_ascii_lowercase();
        self.stages.iter().position(|stage| stage.name.as_deref() == Some(&*lower)).ok_or_else(|| {
            let names: Vec<&str> = self.stages.iter().filter_map(|stage| stage.name.as_deref()).collect();
            let last = self.stages.len() - 1;
            let fault = Fault::new(
                self.stages[last].position(0),
                format!("the target {} is not a stage", excerpt(name)),
            );
            fault
                .accepted(if names.is_empty() {
                    "no target: stages have no names".to_owned()
                } else {
                    listed_near(name, &names)
                })
                .into()
        })
    }

    /// Build arguments that no ARG declares: they have no effect.
    pub(super) fn undeclared_args(&self, args: &BuildArgs) -> Vec<String> {
        let in_stages = self.stages.iter().flat_map(|stage| &stage.instructions);
        let declared: std::collections::BTreeSet<&str> = in_stages
            .filter_map(|instruction| match &instruction.kind {
                Kind::Arg(list) => Some(list),
                _ => None,
            })
            .flatten()
            .chain(self.globals.iter().map(|(declaration, _)| declaration))
            .map(|declaration| declaration.name.as_str())
            .collect();
        args.keys().filter(|name| !declared.contains(name.as_str())).cloned().collect()
    }

    /// The stages that `target` needs, in the order in which they are built; `target` is the last one.
    ///
    /// # Errors
    /// When a FROM on the way has no valid name.
    pub fn needed_stages(
        &self,
        target: usize,
        args: &BuildArgs,
        platform: &Platform,
    ) -> Result<Vec<usize>, Faults> {
        self.needed(target, args, Some(platform))
    }

    pub(super) fn needed(
        &self,
        target: usize,
        args: &BuildArgs,
        platform: Option<&Platform>,
    ) -> Result<Vec<usize>, Faults> {
        let globals = self.global_variables(args, platform)?;
        let mut needed = vec![false; target + 1];
        needed[target] = true;
        let mut faults = Faults::default();
        // A stage needs earlier ones only.
        for stage in (0..=target).rev() {
            if !needed[stage] {
                continue;
            }
            match self.stage_base(stage, &globals, platform) {
                Ok(Some(Base::Stage(base))) => needed[base] = true,
                Ok(_) => {}
                Err(fault) => faults.push(fault),
            }
            for instruction in &self.stages[stage].instructions {
                if let Kind::Copy(copy) = &instruction.kind
                    && let Some(from) = copy.from
                {
                    needed[from] = true;
                }
            }
        }
        faults.or((0..=target).filter(|&stage| needed[stage]).collect())
    }

    /// Whether one of these stages has a RUN of its own.
    pub fn has_runs(&self, stages: &[usize]) -> bool {
        let mut instructions = stages.iter().flat_map(|&stage| &self.stages[stage].instructions);
        instructions.any(|instruction| matches!(instruction.kind, Kind::Run(_)))
    }

    /// What a stage starts from.
    ///
    /// # Errors
    /// When its FROM has no valid name, or asks for another platform.
    pub fn base(&self, stage: usize, args: &BuildArgs, platform: &Platform) -> Result<Base, Faults> {
        let globals = self.global_variables(args, Some(platform))?;
        let base = self.stage_base(stage, &globals, Some(platform))?;
        // Nothing is unknown with a platform.
        base.ok_or_else(|| Fault::new(self.stages[stage].position(0), "the base image is not known").into())
    }

    /// Variables of FROM.
    pub(super) fn global_variables(
        &self,
        args: &BuildArgs,
        platform: Option<&Platform>,
    ) -> Result<Variables, Faults> {
        let mut variables = Variables::new(true);
        set_platform(&mut variables, platform);
        let mut budget = Budget::default();
        let mut faults = Faults::default();
        for (declaration, instruction) in &self.globals {
            let value = match (args.get(&declaration.name), &declaration.default) {
                (Some(value), _) => Some(value.clone()),
                (None, Some(default)) => match budget.expand(default, &variables) {
                    Ok(value) => value,
                    Err(error) => {
                        faults.push(Fault::new(instruction.position(default.offset), error.found()));
                        continue;
                    }
                },
                (None, None) => continue,
            };
            variables.set(&declaration.name, value);
        }
        faults.or(variables)
    }

    /// What a stage starts from; `None` if that depends on the platform, which is not known.
    pub(super) fn stage_base(
        &self,
        index: usize,
        globals: &Variables,
        platform: Option<&Platform>,
    ) -> Result<Option<Base>, Fault> {
        let stage = &self.stages[index];
        if let Some(wanted) = &stage.platform
            && let Some(text) = expand(stage, wanted, globals)?
            && let Some(own) = platform
            && !own.is(&text)
        {
            let fault = Fault::new(stage.position(wanted.offset), format!("--platform={}", excerpt(&text)));
            return Err(fault
                .accepted(format!("{}, which this host is", own.text()))
                .help("images are built for the computer that runs them"));
        }
        let Some(text) = expand(stage, &stage.image, globals)? else { return Ok(None) };
        let fault = |found: String| Fault::new(stage.position(stage.image.offset), found);
        if text == "scratch" {
            return Ok(Some(Base::Scratch));
        }
        let lower = text.to_ascii_lowercase();
        match self.stages.iter().position(|stage| stage.name.as_deref() == Some(&*lower)) {
            Some(base) if base < index => return Ok(Some(Base::Stage(base))),
            Some(base) if base > index => {
                return Err(fault(format!("the stage {lower:?} comes later"))
                    .accepted("an earlier stage, or an image"));
            }
            _ => {}
        }
        if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
            return Err(fault(format!("FROM {text}")).help("give the stage a name: FROM … AS NAME"));
        }
        let image = ImageReference::new(&text).map_err(|error| {
            fault(format!("FROM {}: {error}", excerpt(&text)))
                .accepted("NAME, NAME:TAG or NAME@sha256:DIGEST")
        })?;
        Ok(Some(Base::Image(image)))
    }
}

fn expand(stage: &Stage, word: &Word, globals: &Variables) -> Result<Option<String>, Fault> {
    Budget::default()
        .expand(word, globals)
        .map_err(|error| Fault::new(stage.position(word.offset), error.found()))
}

/// The value that an ARG without default has in a stage.
pub(super) fn inherited(globals: &Variables, name: &str) -> Option<Option<String>> {
    match globals.get(name) {
        Lookup::Set(value) => Some(Some(value.to_owned())),
        Lookup::Unknown => Some(None),
        Lookup::Unset => None,
    }
}
