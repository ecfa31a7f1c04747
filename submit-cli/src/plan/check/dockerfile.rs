//! Checks the Dockerfile with the reader that volunteers' computers use, and looks for what would fail there: COPY and
//! ADD of files that do not travel, arguments that would not reach the program.

use std::path::Path;

use boinc::dockerfile::{self, ContextSource, Dockerfile, Fault, pattern};

use crate::plan::app::{AppSpec, Image};
use boinc::diagnostic::{Diagnostic, Diagnostics, Place};

/// Checks that the Dockerfile is supported (docs/dockerfile.md), that each source of COPY and ADD is among the files of
/// the image, that the target and the build arguments exist, and that the arguments which jobs have reach the program.
///
/// A Dockerfile that is not a file or has names of its own is reported when the bundle is packed.
pub fn check(app: &AppSpec, jobs_have_arguments: bool, mistakes: &mut Diagnostics) {
    let Image::Build { dockerfile: path, files, build_args, target } = &app.image else { return };
    let Some(text) = text(path) else { return };
    let (survey, faults) = dockerfile::scan(&text, target.as_deref(), build_args);
    for fault in faults {
        mistakes.push(diagnostic(path, fault));
    }
    if let Ok(file) = dockerfile::parse(&text) {
        for name in file.undeclared_args(build_args) {
            let found = format!("the build argument {name:?} is not declared in {}", path.display());
            let help = format!("add ARG {name}, or take it out of build_args");
            mistakes.push(Diagnostic::new(Place::file(&app.file), found).help(help));
        }
    }
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    for source in &survey.context {
        let ContextSource { line, column, instruction, pattern: Some(pattern) } = source else { continue };
        let Some(found) = fault(pattern, &names, app) else { continue };
        let place = Place { file: Some(path.clone()), line: Some(*line), column: Some(*column) };
        let accepted = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let mut diagnostic = Diagnostic::new(place, format!("{instruction} {found}")).accepted(accepted);
        if !app.inputs.iter().any(|input| input.name == *pattern) {
            diagnostic = diagnostic.help(format!("add it to files in [image] of {}", app.file.display()));
        }
        mistakes.push(diagnostic);
    }
    if let (Some(line), None, true, None) =
        (survey.cmd, survey.entrypoint, jobs_have_arguments, app.pass_args)
    {
        let found = "CMD without ENTRYPOINT: the arguments of a job would take the place of CMD";
        mistakes.push(
            Diagnostic::new(Place::line(path, line), found)
                .accepted("ENTRYPOINT [\"program\"], after which a job's arguments follow")
                .help(
                    "write ENTRYPOINT for CMD, or say it in [run] of app.toml: pass_args = \"env\" if the program reads \
                     $ARGS, \"argv\" if the base image has an ENTRYPOINT",
                ),
        );
    }
}

/// What the Dockerfile has that has no effect.
pub fn warnings(app: &AppSpec) -> Vec<Diagnostic> {
    let Image::Build { dockerfile: path, .. } = &app.image else { return Vec::new() };
    let file: Option<Dockerfile> = text(path).and_then(|text| dockerfile::parse(&text).ok());
    let warnings = file.iter().flat_map(Dockerfile::warnings);
    warnings.map(|fault| diagnostic(path, fault.clone())).collect()
}

/// The bundle reports one that cannot be read.
fn text(path: &Path) -> Option<Vec<u8>> {
    path.is_file().then(|| std::fs::read(path).ok()).flatten()
}

fn diagnostic(path: &Path, fault: Fault) -> Diagnostic {
    let place = Place { file: Some(path.to_owned()), line: Some(fault.line), column: Some(fault.column) };
    let some = |text: String| (!text.is_empty()).then_some(text);
    Diagnostic { place, found: fault.found, accepted: some(fault.accepted), help: some(fault.help) }
}

/// What is wrong with a source of COPY or ADD, which is normalized.
fn fault(source: &str, names: &[&str], app: &AppSpec) -> Option<String> {
    if source == "." {
        return None;
    }
    let known = |component: &str| {
        let mut all = names.iter().chain(&["Dockerfile", "job.toml"]);
        all.any(|name| pattern::matches(component, name).unwrap_or(false))
    };
    let last = source.rsplit('/').next().unwrap_or(source);
    if source.contains('/') {
        let travels =
            if known(last) { format!("; {last:?} travels, without its directory") } else { String::new() };
        return Some(format!(
            "takes {source:?}, and the files of the image travel without directories{travels}"
        ));
    }
    if known(source) || source == "*" {
        return None;
    }
    if app.inputs.iter().any(|input| input.name == source) {
        return Some(format!(
            "takes {source:?}, an input: those are there when a job runs, not when the image is built"
        ));
    }
    Some(format!("takes {source:?}, which is not among the files of the image"))
}
