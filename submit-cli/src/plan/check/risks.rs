//! What is accepted, but most likely gives other results on other computers.

use std::path::Path;

use boinc::diagnostic::{Diagnostic, Located, Location};
use boinc::dockerfile::Scan;
use validators::spec::RuleKind;

use crate::plan::app::AppSpec;
use crate::plan::command::Command;
use crate::plan::expand::Draft;

/// Commands that install whatever version is current.
const INSTALLERS: [&str; 8] = [
    "apt-get install",
    "apt install",
    "apk add",
    "dnf install",
    "yum install",
    "pip install",
    "pip3 install",
    "conda install",
];

/// Ends of names of files that are compressed: programs of other versions write other bytes, and some write the time.
const COMPRESSED: [&str; 9] = [".gz", ".tgz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".npz", ".lz4"];

/// Warns about a build that gives other images on other days, where results have to agree; and about a USER.
pub fn of_build(dockerfile: &Path, app: &AppSpec, scan: &Scan, warnings: &mut Vec<Diagnostic>) {
    let user = scan.config.user.split(':').next().unwrap_or_default();
    if let Some(line) = scan.user
        && !matches!(user, "" | "0" | "root")
    {
        let found = format!(
            "USER {user} has no effect on jobs, which run as a user of the volunteer's: files that only {user} can read \
             are not readable"
        );
        let help = "give files and directories of the program to all users: chmod -R a+rX";
        warnings.push(Diagnostic::new(Location::line(dockerfile, line), found).help(help));
    }
    if app.replication.quorum < 2 {
        return;
    }
    if let Some((line, image)) = scan.bases.iter().find(|(_, image)| image.tag() == Some("latest")) {
        let found = format!(
            "FROM {image}: volunteers build from what is the latest image on that day, and results may differ"
        );
        let help = "name a version (debian:bookworm-slim), or pin the image: NAME@sha256:…";
        warnings.push(Diagnostic::new(Location::line(dockerfile, *line), found).help(help));
    }
    let install = scan.runs.iter().find_map(|(line, text)| {
        INSTALLERS
            .iter()
            .find(|installer| takes_any_version(text, installer))
            .map(|installer| (line, installer))
    });
    if let (Some((line, installer)), Some(output)) = (install, exact_outputs(app).next()) {
        let found = format!(
            "{installer} takes the version of the day, but {output} has to be the same on all computers, byte by byte"
        );
        let help = "name versions (PACKAGE=VERSION), ship the image as a tarball, or compare numbers with a tolerance";
        warnings.push(Diagnostic::new(Location::line(dockerfile, *line), found).help(help));
    }
}

/// Whether a RUN has this command with packages, but without versions.
fn takes_any_version(run: &str, installer: &str) -> bool {
    let Some((_, rest)) = run.split_once(installer) else { return false };
    let words = rest.split_whitespace().take_while(|word| !["&&", "||", ";", "|"].contains(word));
    let words: Vec<&str> = words.collect();
    words.iter().any(|word| word.starts_with(|c: char| c.is_ascii_alphanumeric()))
        && !words.iter().any(|word| word.contains('=') || *word == "-r")
}

/// Warns about outputs whose bytes differ from run to run, and words of a shell in the command.
pub fn of_app(app: &AppSpec, command: &Located<Command>, warnings: &mut Vec<Diagnostic>) {
    if app.replication.quorum >= 2 {
        let names: Vec<&str> = exact_outputs(app).collect();
        for output in app.outputs.iter().filter(|output| names.contains(&output.name.as_str())) {
            let lower = output.name.to_ascii_lowercase();
            if COMPRESSED.iter().any(|end| lower.ends_with(end)) {
                let found = format!(
                    "{} is compared byte by byte, but most programs that compress write the time or depend on their version",
                    output.name
                );
                let help = "write the output uncompressed, or without time (gzip -n), or set rule = \"ignore\" for it";
                warnings.push(Diagnostic::new(output.place.clone(), found).help(help));
            }
        }
    }
    if let Some(word) = command.value.shell_word() {
        let found =
            format!("{word:?} in the command reaches the program as an argument: no shell reads the command");
        let help = "let the program write the file, or start a script that does";
        warnings.push(Diagnostic::new(command.place.clone(), found).help(help));
    }
}

/// Outputs of which every byte has to agree.
fn exact_outputs(app: &AppSpec) -> impl Iterator<Item = &str> {
    let has_script = app.script.as_ref().is_some_and(|script| !script.compare.is_empty());
    let rule = |name: &str| {
        let own = app.validate.output.iter().find(|output| output.name == name);
        own.map_or(app.validate.rule, |output| output.rule)
    };
    let names = app.outputs.iter().map(|output| output.name.as_str());
    names.filter(move |name| !has_script && rule(name) == RuleKind::Bytes)
}

/// Warns about names that do not hold what they were made of, and about values that are not there: once each, with their number.
pub fn of_jobs(drafts: &[Draft], warnings: &mut Vec<Diagnostic>) {
    warnings.extend(renamed(drafts));
    warnings.extend(empty_arguments(drafts));
}

/// A warning where names of jobs do not hold all of what they were made of.
fn renamed(drafts: &[Draft]) -> Option<Diagnostic> {
    let mut renamed = drafts.iter().filter_map(|draft| Some((draft, draft.renamed.as_ref()?)));
    let (first, from) = renamed.next()?;
    let count = 1 + renamed.count();
    let found = match count {
        1 => format!("the name of 1 job was changed: {from:?} is {:?}", first.name),
        count => format!("the names of {count} jobs were changed, first {from:?} to {:?}", first.name),
    };
    let help = "names of jobs have letters, digits, _ - and .; results.csv has what they were made of";
    Some(Diagnostic::new(first.origin.place(), found).help(help))
}

/// A warning where an empty value gives some jobs an empty argument, which most likely is a cell that was forgotten.
fn empty_arguments(drafts: &[Draft]) -> Option<Diagnostic> {
    let has_empty = |draft: &&Draft| draft.args.iter().any(String::is_empty);
    let mut empty = drafts.iter().filter(has_empty);
    let first = empty.next()?;
    let count = 1 + empty.count();
    // Where all have one, the command says so.
    (count < drafts.len()).then(|| {
        let jobs = if count == 1 { "1 job gets".to_owned() } else { format!("{count} jobs get") };
        let found = format!("an empty value: {jobs} an empty argument, first {:?}", first.name);
        Diagnostic::new(first.origin.place(), found).help("fill the cell, or remove the row")
    })
}
