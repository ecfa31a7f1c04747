//! Looks for what would fail on volunteers' computers: COPY and ADD of files that do not travel, and what only some
//! engines can build.

use crate::app::{AppSpec, Image};
use crate::diagnostic::{Diagnostic, Diagnostics, Place};

/// Checks that each source of COPY and ADD is among the files of the image, that nothing needs BuildKit, and that the
/// arguments which jobs have reach the program.
///
/// Only what is certain is refused: sources with variables, here-documents, URLs and other stages are left to the
/// engine, and a Dockerfile that cannot be read is reported when the bundle is packed.
pub fn check(app: &AppSpec, jobs_have_arguments: bool, mistakes: &mut Diagnostics) {
    let Image::Build { dockerfile, files, .. } = &app.image else { return };
    // The bundle says what is wrong with one that is no file.
    let Some(Ok(text)) = dockerfile.is_file().then(|| std::fs::read_to_string(dockerfile)) else { return };
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let mut has_from = false;
    // Of the last stage only: a new FROM begins with what its base says.
    let (mut command_line, mut has_entrypoint) = (None, false);
    for (line, instruction) in instructions(&text) {
        let mut words = instruction.split_whitespace();
        let verb = words.next().unwrap_or("").to_ascii_uppercase();
        match verb.as_str() {
            "FROM" => {
                has_from = true;
                (command_line, has_entrypoint) = (None, false);
            }
            "CMD" => command_line = Some(line),
            "ENTRYPOINT" => has_entrypoint = true,
            _ => {}
        }
        if let Some(feature) = needs_buildkit(&verb, &instruction) {
            let found = format!("{verb} {feature} needs BuildKit, which not every volunteer's engine has");
            let accepted = "what Docker 20.10 and Podman 4.3 build: RUN chmod, files of their own";
            mistakes.push(Diagnostic::new(Place::line(dockerfile, line), found).accepted(accepted));
        }
        if verb != "COPY" && verb != "ADD" {
            continue;
        }
        for source in sources(words) {
            let source = source.trim_start_matches("./");
            if let Some(found) = fault(source, &names, app) {
                let place = Place::line(dockerfile, line);
                let accepted = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                let mut diagnostic = Diagnostic::new(place, format!("{verb} {found}")).accepted(accepted);
                if !app.inputs.iter().any(|input| input.name == source) {
                    let help = format!("add it to files in [image] of {}", app.file.display());
                    diagnostic = diagnostic.help(help);
                }
                mistakes.push(diagnostic);
            }
        }
    }
    if let (Some(line), false, true, None) =
        (command_line, has_entrypoint, jobs_have_arguments, app.pass_args)
    {
        let found = "CMD without ENTRYPOINT: the arguments of a job would take the place of CMD";
        mistakes.push(
            Diagnostic::new(Place::line(dockerfile, line), found)
                .accepted("ENTRYPOINT [\"program\"], after which a job's arguments follow")
                .help(
                    "write ENTRYPOINT for CMD, or say it in [run] of app.toml: pass_args = \"env\" if the program reads \
                     $ARGS, \"argv\" if the base image has an ENTRYPOINT",
                ),
        );
    }
    if !has_from {
        let found = "the Dockerfile has no FROM";
        mistakes.push(
            Diagnostic::new(Place::file(dockerfile), found)
                .accepted("FROM debian:bookworm-slim, for instance"),
        );
    }
}

/// What of an instruction the classic builder (Docker before 23) refuses.
fn needs_buildkit(verb: &str, instruction: &str) -> Option<&'static str> {
    let flags = instruction.split_whitespace().skip(1).take_while(|word| word.starts_with("--"));
    let has = |flag: &str| flags.clone().any(|word| word.starts_with(flag));
    match verb {
        "COPY" | "ADD" if has("--chmod") => Some("--chmod"),
        "COPY" | "ADD" if has("--link") => Some("--link"),
        "RUN" if has("--mount") => Some("--mount"),
        _ => here_document(instruction).map(|_| "with a here-document"),
    }
}

fn fault(source: &str, names: &[&str], app: &AppSpec) -> Option<String> {
    if matches!(source, "" | "." | "*") || source.contains(['$', '[', '{']) || source.contains("://") {
        return None;
    }
    let known = |pattern: &str| match glob::Pattern::new(pattern) {
        Ok(pattern) => names.iter().chain(&["Dockerfile", "job.toml"]).any(|name| pattern.matches(name)),
        Err(_) => true,
    };
    let last = source.trim_end_matches('/').rsplit('/').next().unwrap_or(source);
    if source.trim_end_matches('/').contains('/') {
        let travels =
            if known(last) { format!("; {last:?} travels, without its directory") } else { String::new() };
        return Some(format!(
            "takes {source:?}, and the files of the image travel without directories{travels}"
        ));
    }
    if known(source.trim_end_matches('/')) {
        return None;
    }
    if app.inputs.iter().any(|input| input.name == source) {
        return Some(format!(
            "takes {source:?}, an input: those are there when a job runs, not when the image is built"
        ));
    }
    Some(format!("takes {source:?}, which is not among the files of the image"))
}

/// The sources among the words after COPY or ADD: all but flags and the last; none if they come from another stage.
fn sources<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let words: Vec<&str> = words.collect();
    if words.iter().any(|word| word.starts_with("--from=") || word.starts_with("<<")) {
        return Vec::new();
    }
    let rest: Vec<&str> = words.into_iter().skip_while(|word| word.starts_with("--")).collect();
    let joined = rest.join(" ");
    let mut paths: Vec<String> = if joined.starts_with('[') {
        serde_json::from_str(&joined).unwrap_or_default()
    } else {
        rest.into_iter().map(str::to_owned).collect()
    };
    paths.pop();
    paths
}

/// The instructions with the lines where they begin; continued lines are joined, comments left out.
fn instructions(text: &str) -> Vec<(u32, String)> {
    let mut list: Vec<(u32, String)> = Vec::new();
    let mut open: Option<(u32, String)> = None;
    let mut here: Option<String> = None;
    for (number, line) in (1u32..).zip(text.lines()) {
        let trimmed = line.trim();
        if let Some(end) = &here {
            if trimmed == end {
                here = None;
            }
            continue;
        }
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let (body, goes_on) = match trimmed.strip_suffix('\\') {
            Some(body) => (body, true),
            None => (trimmed, false),
        };
        let (start, mut whole) = open.take().unwrap_or((number, String::new()));
        whole.push_str(body);
        whole.push(' ');
        if goes_on {
            open = Some((start, whole));
        } else {
            here = here_document(&whole);
            list.push((start, whole));
        }
    }
    list.extend(open);
    list
}

/// The word that ends a here-document which `instruction` begins.
fn here_document(instruction: &str) -> Option<String> {
    let verb = instruction.split_whitespace().next()?.to_ascii_uppercase();
    if !matches!(verb.as_str(), "RUN" | "COPY" | "ADD") {
        return None;
    }
    let (_, after) = instruction.split_once("<<")?;
    let word = after.trim_start_matches('-').split_whitespace().next()?;
    let word = word.trim_matches(['"', '\'']);
    let is_word = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_word.then(|| word.to_owned())
}
