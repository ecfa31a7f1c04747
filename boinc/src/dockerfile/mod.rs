//! The one reader of Dockerfiles.
//!
//! [`parse`] reads the text strictly into typed instructions, [`Dockerfile::evaluate`] makes of a stage the steps that
//! the executor of a build carries out. Nothing here touches files or an engine. What the format's other readers take
//! in different ways is refused, not guessed; docs/dockerfile.md says what is supported.
//!
//! Work and memory are proportional to the size of the file, and values have bounds: see the constants here and in
//! `expand`.

mod blank;
mod env_file;
mod evaluate;
mod expand;
mod fault;
mod grammar;
mod here_document;
mod image_ref;
mod instruction;
mod lines;
mod path;
pub mod pattern;
mod plan;
mod run;
mod stages;
#[cfg(test)]
mod tests;
mod word;

pub use env_file::quote_env_file;
pub use evaluate::Scan;
pub use fault::{Fault, Faults, Position};
pub use image_ref::{ImageReference, ImageReferenceError};
pub use plan::{
    Base, BuildArgs, ContextSource, CopyStep, ENV_FILE, FileStep, Group, ImageConfig, Platform, RunStep,
    SCRIPT_FILE, Source, StagePlan,
};

pub use run::is_posix_shell;
pub use stages::is_stage_name;

use grammar::{Read, Surroundings};
use instruction::{ArgDeclaration, Instruction, Kind, Stage};
use lines::Lines;

/// Largest Dockerfile that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// Most RUN instructions: each makes a layer, and engines stack at most about 125.
pub const MAX_RUNS: usize = 100;

/// Most instructions, and most stages.
const MAX_INSTRUCTIONS: usize = 10_000;
const MAX_STAGES: usize = 100;

/// A Dockerfile that was read without a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dockerfile {
    /// ARG before the first FROM.
    globals: Vec<(ArgDeclaration, Instruction)>,
    /// At least one.
    stages: Vec<Stage>,
    warnings: Vec<Fault>,
    /// Whether every instruction was read; only [`scan`] sees a file that is not complete.
    complete: bool,
}

/// Reads a Dockerfile.
///
/// What depends on build arguments and base images is left to [`Dockerfile::check`] and [`Dockerfile::evaluate`].
///
/// # Errors
/// All mistakes in it.
pub fn parse(text: &[u8]) -> Result<Dockerfile, Faults> {
    let mut faults = Faults::default();
    let file = read(text, &mut faults);
    faults.or(()).and_then(|()| file.ok_or_else(Faults::default))
}

/// Finds all mistakes of a Dockerfile that do not depend on its base images or on the host, those of [`parse`] and
/// those of [`Dockerfile::check`] together; and what can be told about the target.
pub fn scan(text: &[u8], target: Option<&str>, args: &BuildArgs) -> (Scan, Faults) {
    let mut faults = Faults::default();
    let Some(file) = read(text, &mut faults) else { return (Scan::default(), faults) };
    let (mut scan, more) = match file.target(target) {
        Ok(target) => file.scan(target, args),
        Err(faults) => (Scan::default(), faults),
    };
    if file.complete {
        scan.undeclared_args = file.undeclared_args(args);
        scan.warnings = file.warnings;
    }
    faults.append(more);
    faults.sort();
    (scan, faults)
}

/// What could be read; `None` if the stages are not known.
fn read(text: &[u8], faults: &mut Faults) -> Option<Dockerfile> {
    if text.len() > MAX_BYTES {
        let found = format!("a Dockerfile of {} bytes", text.len());
        faults.push(Fault::new(Position::START, found).accepted(format!("at most {MAX_BYTES} bytes")));
        return None;
    }
    let text = match lines::decode(text) {
        Ok(text) => text,
        Err(more) => {
            faults.append(more);
            return None;
        }
    };
    let (mut lines, directives) = Lines::new(text, faults);
    let mut file =
        Dockerfile { globals: Vec::new(), stages: Vec::new(), warnings: Vec::new(), complete: true };
    if let Some(at) = directives.syntax {
        let found = "the syntax directive has no effect: Buoy reads the file itself";
        file.warnings.push(Fault::new(at, found));
    }
    let (mut count, mut runs, mut stages_are_known) = (0, 0, true);
    while let Some(logical) = lines.instruction(faults) {
        let at = logical.origin.position(&logical.text, 0);
        let is_from = logical.text.get(..4).is_some_and(|name| name.eq_ignore_ascii_case("FROM"));
        count += 1;
        if count > MAX_INSTRUCTIONS {
            faults.push(Fault::new(at, format!("more than {MAX_INSTRUCTIONS} instructions")));
            return None;
        }
        let surroundings =
            Surroundings { escape: directives.escape, stages: &file.stages, is_trigger: false };
        match grammar::read(logical, &mut lines, &surroundings, &mut file.warnings) {
            Ok(Read::From(_)) if file.stages.len() == MAX_STAGES => {
                faults.push(Fault::new(at, format!("more than {MAX_STAGES} stages")));
                return None;
            }
            Ok(Read::From(stage)) => file.stages.push(*stage),
            Ok(Read::Instruction(instruction)) => {
                runs += usize::from(matches!(instruction.kind, Kind::Run(_)));
                if runs == MAX_RUNS + 1 {
                    let fault = Fault::new(at, format!("more than {MAX_RUNS} RUN instructions"));
                    faults.push(fault.help("join steps: RUN a && b"));
                }
                file.add(instruction, at, faults);
            }
            Err(fault) => {
                faults.push(fault);
                stages_are_known &= !is_from;
            }
        }
    }
    if file.stages.is_empty() && stages_are_known {
        let fault = Fault::new(Position::START, "the Dockerfile has no FROM");
        faults.push(fault.accepted("FROM debian:bookworm-slim, for instance"));
    }
    file.complete = faults.is_empty();
    (stages_are_known && !file.stages.is_empty()).then_some(file)
}

/// Reads a trigger of a base image; all of it is reported at the FROM.
fn parse_trigger(trigger: &str, at: Position) -> Result<Instruction, Fault> {
    let explain = |fault: Fault| {
        let found = format!("the base image's ONBUILD trigger {}: {}", fault::excerpt(trigger), fault.found);
        Fault { line: at.line, column: at.column, found, ..fault }
    };
    let mut faults = Faults::default();
    let mut read_one = || -> Result<Instruction, Fault> {
        if trigger.len() > MAX_BYTES {
            return Err(Fault::new(at, format!("it has {} bytes", trigger.len())));
        }
        let first =
            |faults: Faults| faults.into_iter().next().unwrap_or_else(|| Fault::new(at, "it is invalid"));
        let text = lines::decode(trigger.as_bytes()).map_err(first)?;
        let (mut lines, directives) = Lines::new(text, &mut faults);
        let surroundings = Surroundings { escape: directives.escape, stages: &[], is_trigger: true };
        let logical = lines.instruction(&mut faults).ok_or_else(|| Fault::new(at, "it is empty"))?;
        let read = grammar::read(logical, &mut lines, &surroundings, &mut Vec::new())?;
        if lines.instruction(&mut faults).is_some() {
            return Err(Fault::new(at, "it is more than one instruction"));
        }
        match (read, std::mem::take(&mut faults).into_iter().next()) {
            (Read::Instruction(instruction), None) => Ok(instruction),
            (_, Some(fault)) => Err(fault),
            (Read::From(_), None) => Err(Fault::new(at, "it is a FROM")),
        }
    };
    let mut instruction = read_one().map_err(explain)?;
    instruction.origin = instruction::Origin::fixed(at);
    Ok(instruction)
}

impl Dockerfile {
    fn add(&mut self, instruction: Instruction, at: Position, faults: &mut Faults) {
        match (self.stages.last_mut(), &instruction.kind) {
            (Some(stage), _) => stage.instructions.push(instruction),
            (None, Kind::Arg(list)) => {
                for declaration in list.clone() {
                    self.globals.push((declaration, instruction.clone()));
                }
            }
            (None, _) => {
                let fault = Fault::new(at, "an instruction before the first FROM");
                faults.push(fault.accepted("FROM, or ARG for a variable in a FROM"));
            }
        }
    }
}
