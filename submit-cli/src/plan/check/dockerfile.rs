//! Checks the Dockerfile with the reader that volunteers' computers use, and finds what would fail there: COPY and
//! ADD of files that are not sent, arguments that would not reach the program.

use std::path::Path;

use boinc::diagnostic::{Diagnostic, Diagnostics, Location};
use boinc::dockerfile::{self, ContextSource, Fault, Scan, pattern};
use boinc::job::argv::{DEFAULT_CONFIG, DEFAULT_DOCKERFILE};
use boinc::job::entry_point::{LostArguments, lost_arguments};
use boinc::job::spec::PassArgs;
use boinc::spelling::listed_near;

use crate::plan::app::{AppSpec, Image};
use crate::plan::bundle::unreadable;
use crate::plan::check::{risks, start_files};
use crate::plan::content::{Content, is_regular};

/// The Dockerfile of an app, as it was checked.
pub struct Checked {
    /// Its text: what was checked is what is sent.
    pub content: Content,
    /// What in it has no effect, or may give other results elsewhere.
    pub warnings: Vec<Diagnostic>,
}

/// Reads the Dockerfile, if the image is built from one, and checks that it is supported (docs/dockerfile.md), that each
/// source of COPY and ADD is among the files of the image, that the target and the build arguments exist, and that the
/// arguments which jobs have reach the program.
pub fn check(app: &AppSpec, jobs_have_arguments: bool, mistakes: &mut Diagnostics) -> Option<Checked> {
    let Image::Build { dockerfile: path, files, build_args, target } = &app.image else { return None };
    let text = match is_regular(path).and_then(|()| std::fs::read(path)) {
        Ok(text) => text,
        Err(error) => {
            mistakes.push(unreadable(app, path, &error, "dockerfile"));
            return None;
        }
    };
    let (survey, faults) = dockerfile::scan(&text, target.as_deref(), build_args);
    for fault in faults {
        mistakes.push(diagnostic(path, fault));
    }
    for name in &survey.undeclared_args {
        let found = format!("the build argument {name:?} is not declared in {}", path.display());
        let help = format!("add ARG {name}, or remove it from build_args");
        mistakes.push(Diagnostic::new(Location::file(&app.file), found).help(help));
    }
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    for source in &survey.context {
        let ContextSource { line, column, instruction, pattern: Some(pattern), .. } = source else {
            continue;
        };
        let Some(found) = fault(pattern, &names, app) else { continue };
        let place = Location { file: Some(path.clone()), line: Some(*line), column: Some(*column) };
        let accepted = listed_near(pattern, &names);
        let mut diagnostic = Diagnostic::new(place, format!("{instruction} {found}")).accepted(accepted);
        if !app.inputs.iter().any(|input| input.name == *pattern) {
            diagnostic = diagnostic.help(format!("add it to files in [image] of {}", app.file.display()));
        }
        mistakes.push(diagnostic);
    }
    if jobs_have_arguments && let Some(diagnostic) = unreached(path, app, &survey) {
        mistakes.push(diagnostic);
    }
    let mut warnings: Vec<Diagnostic> =
        survey.warnings.iter().map(|fault| diagnostic(path, fault.clone())).collect();
    start_files::check(path, files, &survey, mistakes, &mut warnings);
    risks::of_build(path, app, &survey, &mut warnings);
    Some(Checked { content: Content::Bytes(text.into()), warnings })
}

/// The arguments of jobs do not reach the program.
fn unreached(path: &Path, app: &AppSpec, survey: &Scan) -> Option<Diagnostic> {
    if let (Some(line), None, None) = (survey.cmd, survey.entrypoint, app.pass_args) {
        let found = "CMD without ENTRYPOINT: the arguments of a job would replace CMD";
        return Some(
            Diagnostic::new(Location::line(path, line), found)
                .accepted("ENTRYPOINT [\"program\"], after which a job's arguments follow")
                .help(
                    "write ENTRYPOINT instead of CMD, or set pass_args in [run] of app.toml: \"env\" if the program reads \
                     $ARGS, \"argv\" if the base image has an ENTRYPOINT",
                ),
        );
    }
    let lost = lost_arguments(&survey.config.entrypoint, app.pass_args.unwrap_or(PassArgs::Both))?;
    let found = match lost {
        LostArguments::All => {
            "ENTRYPOINT starts a shell, which does not pass the arguments of a job to the program"
        }
        LostArguments::First => {
            "ENTRYPOINT starts a shell, whose $0 is the first argument of a job: \"$@\" has the rest only"
        }
    };
    Some(
        Diagnostic::new(Location::line(path, survey.entrypoint?), found)
            .accepted("ENTRYPOINT [\"program\", \"word\"], or ENTRYPOINT exec program \"$0\" \"$@\"")
            .help("set pass_args = \"env\" in [run] of app.toml if the program reads $ARGS"),
    )
}

fn diagnostic(path: &Path, fault: Fault) -> Diagnostic {
    let place = Location { file: Some(path.to_owned()), line: Some(fault.line), column: Some(fault.column) };
    let some = |text: String| (!text.is_empty()).then_some(text);
    Diagnostic { place, found: fault.found, accepted: some(fault.accepted), help: some(fault.help) }
}

/// What is wrong with a normalized source of COPY or ADD.
fn fault(source: &str, names: &[&str], app: &AppSpec) -> Option<String> {
    if source == "." {
        return None;
    }
    let known = |component: &str| {
        let mut all = names.iter().chain(&[DEFAULT_DOCKERFILE, DEFAULT_CONFIG]);
        all.any(|name| pattern::matches(component, name).unwrap_or(false))
    };
    let last = source.rsplit('/').next().unwrap_or(source);
    if source.contains('/') {
        let travels =
            if known(last) { format!("; {last:?} is sent without its directory") } else { String::new() };
        return Some(format!(
            "takes {source:?}, but files of the image are sent without directories{travels}"
        ));
    }
    if known(source) || source == "*" {
        return None;
    }
    if app.inputs.iter().any(|input| input.name == source) {
        return Some(format!(
            "takes {source:?}, an input: inputs exist when a job runs, not when the image is built"
        ));
    }
    Some(format!("takes {source:?}, which is not among the files of the image"))
}
