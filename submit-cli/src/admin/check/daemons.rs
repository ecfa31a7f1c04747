//! `config.xml`: the daemons' command lines. Sources: sched/start, sched/script_validator.cpp, sched/script_assimilator.cpp,
//! sched/validator.cpp, lib/str_util.cpp.

use std::path::Path;

use boinc::diagnostic::Location;
use boinc::xml::Element;
use validators::shim::PROCESS_SPOOL_FLAG;

use super::{Findings, Grade, Subject};
use crate::admin::fix::Fix;
use crate::admin::project_files::XmlFile;
use crate::local::programs::{ASSIMILATE, COMPARE, INIT};
use crate::plan::command::split_words;

/// A daemon that is started.
struct Daemon<'a> {
    element: &'a Element,
    place: Location,
    words: Vec<String>,
}

impl Daemon<'_> {
    /// The program, without directories.
    fn program(&self) -> &str {
        let word = self.words.iter().map(String::as_str).find(|word| *word != "run_in_ops");
        word.map_or("", |word| word.rsplit('/').next().unwrap_or(word))
    }

    /// What follows an option; BOINC takes one or two hyphens (`is_arg` in lib/util.cpp).
    fn option(&self, name: &str) -> Option<&str> {
        let at = self.words.iter().position(|word| {
            word.strip_prefix("--").or(word.strip_prefix('-')).is_some_and(|option| option == name)
        })?;
        self.words.get(at + 1).map(String::as_str)
    }

    /// The name of the file that keeps two of a kind from running, as `bin/start` chooses it.
    fn file(&self, key: &str, ending: &str) -> String {
        let text = |name: &str| {
            self.element.child(name).map(|child| child.text.as_str()).filter(|text| !text.is_empty())
        };
        match (text(key), text("output")) {
            (Some(name), _) => name.to_owned(),
            (None, Some(output)) if key == "lock_file" && !output.starts_with("/dev/") => {
                format!("{output}{ending}")
            }
            _ => format!("{}{ending}", self.program()),
        }
    }
}

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let Ok(file) = &subject.project.config else { return };
    let Some(boinc) = file.xml.root("boinc") else { return };
    let list = boinc.child("daemons");
    let mut daemons = Vec::new();
    for element in list.into_iter().flat_map(|list| list.children_named("daemon")) {
        if element.flag("disabled") {
            continue;
        }
        let Some(cmd) = element.child("cmd") else {
            findings.wrong(file.place(element), "a <daemon> without <cmd>");
            continue;
        };
        let place = file.place(cmd);
        match split_words(&cmd.text) {
            Ok(words) => daemons.push(Daemon { element, place, words }),
            Err(error) => drop(findings.wrong(place, format!("<cmd>: {error}"))),
        }
    }
    let whole = file.place(list.unwrap_or(boinc));
    check_required(&daemons, &whole, findings);
    for daemon in &daemons {
        check_program(subject, daemon, findings);
        if daemon.program() == "script_validator" || daemon.program() == "script_assimilator" {
            check_scripts(subject, file, daemon, findings);
        }
    }
    check_shared_files(&daemons, findings);
    check_worker(boinc, &daemons, &whole, findings);
    for app in subject.apps() {
        check_app(app, &daemons, &whole, findings);
    }
}

fn check_required(daemons: &[Daemon<'_>], whole: &Location, findings: &mut Findings) {
    for (name, grade, effect) in [
        ("feeder", Grade::Wrong, "no job reaches the scheduler"),
        ("transitioner", Grade::Wrong, "no instances of jobs are created, and no job ends"),
        ("file_deleter", Grade::Advice, "inputs and outputs are kept until the disk is full"),
    ] {
        if daemons.iter().any(|daemon| daemon.program() == name) {
            continue;
        }
        let finding = findings.note(grade, whole.clone(), format!("no daemon runs {name}: {effect}"));
        finding.accepted(format!("<daemon><cmd>{name} -d 3</cmd></daemon>"));
        if name == "file_deleter" {
            finding.help("add it: Buoy's templates keep the files that other jobs need (<no_delete/>)");
        }
    }
}

/// Whether the spool is also processed when no workunit comes in, as after a reboot.
fn check_worker(boinc: &Element, daemons: &[Daemon<'_>], whole: &Location, findings: &mut Findings) {
    let is_ours = |daemon: &Daemon<'_>| {
        daemon.option("script").and_then(|call| call.split(' ').next()) == Some(ASSIMILATE)
    };
    let tasks = boinc.child("tasks").into_iter().flat_map(|list| list.children_named("task"));
    let has_task = tasks
        .filter(|task| !task.flag("disabled"))
        .filter_map(|task| task.child("cmd"))
        .any(|cmd| cmd.text.split_whitespace().any(|word| word == PROCESS_SPOOL_FLAG));
    if has_task || !daemons.iter().any(is_ours) {
        return;
    }
    findings
        .note(
            Grade::Advice,
            whole.clone(),
            "no task processes the spool: after a reboot, its items wait until the next workunit",
        )
        .accepted(format!(
            "<task><cmd>{ASSIMILATE} {PROCESS_SPOOL_FLAG}</cmd><period>5 min</period></task> in <tasks>"
        ));
}

fn check_program(subject: &Subject<'_>, daemon: &Daemon<'_>, findings: &mut Findings) {
    let Some(first) = daemon.words.first() else {
        findings.wrong(daemon.place.clone(), "<cmd> is empty");
        return;
    };
    if first.contains('/') || subject.host.has_program(first) {
        return;
    }
    if let Some(fault) = executable_fault(&subject.project.dir.join("bin").join(first)) {
        findings
            .wrong(daemon.place.clone(), format!("bin/{first} {fault}"))
            .help(format!("install the program there, and run chmod +x bin/{first}"));
    }
}

/// What keeps a program from being started.
fn executable_fault(path: &Path) -> Option<&'static str> {
    match path.metadata() {
        Err(_) => Some("does not exist"),
        Ok(metadata) if !metadata.is_file() => Some("is not a file"),
        Ok(_) if super::mode_of(path).is_some_and(|mode| mode & 0o111 == 0) => Some("is not executable"),
        Ok(_) => None,
    }
}

/// Two with the same lock: the second ends at once. Two with the same pid file: bin/stop finds one of them. One message for
/// each daemon, with all that it shares.
fn check_shared_files(daemons: &[Daemon<'_>], findings: &mut Findings) {
    for (at, daemon) in daemons.iter().enumerate() {
        let shared = [
            ("lock_file", ".lock", "only one of the two runs"),
            ("pid_file", ".pid", "bin/stop ends only one of the two"),
        ];
        let shared = shared.into_iter().filter_map(|(key, ending, effect)| {
            let name = daemon.file(key, ending);
            let other = daemons[..at].iter().find(|other| other.file(key, ending) == name)?;
            let line = other.place.line.unwrap_or_default();
            Some(format!("{name} with the daemon in line {line}: {effect}"))
        });
        let shared: Vec<String> = shared.collect();
        if shared.is_empty() {
            continue;
        }
        let program = daemon.program();
        let own = format!("{program}_{}", daemon.option("app").unwrap_or("other"));
        findings
            .wrong(daemon.place.clone(), format!("{program} shares {}", shared.join("; ")))
            .accepted(format!("<output>{own}.log</output> <pid_file>{own}.pid</pid_file> in this <daemon>"));
    }
}

fn check_app(app: &str, daemons: &[Daemon<'_>], whole: &Location, findings: &mut Findings) {
    for (role, kind, effect, line) in [
        (
            "validator",
            "validator",
            "its results are never validated",
            format!("script_validator --app {app} --init_script {INIT} --compare_script {COMPARE}"),
        ),
        (
            "assimilator",
            "assimilat",
            "its results are never collected",
            format!("script_assimilator --app {app} --script {ASSIMILATE}"),
        ),
    ] {
        if daemons.iter().any(|daemon| daemon.program().contains(kind) && daemon.option("app") == Some(app)) {
            continue;
        }
        findings
            .wrong(whole.clone(), format!("the app {app} has no {role}: {effect}"))
            .accepted(format!("<daemon><cmd>{line}</cmd></daemon>"));
    }
}

/// The scripts of a script daemon.
fn check_scripts(subject: &Subject<'_>, file: &XmlFile, daemon: &Daemon<'_>, findings: &mut Findings) {
    let program = daemon.program();
    if daemon.option("app").is_none() {
        findings
            .wrong(daemon.place.clone(), format!("{program} without --app"))
            .accepted("--app NAME, an app of project.xml");
    }
    let options: &[&str] =
        if program == "script_validator" { &["init_script", "compare_script"] } else { &["script"] };
    for option in options {
        let (shim, grade, effect) = match *option {
            "compare_script" => (COMPARE, Grade::Unsafe, "any two results are valid, also false ones"),
            "init_script" => (INIT, Grade::Advice, "results are compared without a check of their files"),
            _ => (ASSIMILATE, Grade::Wrong, "nothing collects the results"),
        };
        match daemon.option(option) {
            Some(call) => check_script(subject, file, daemon, (option, shim), call, findings),
            None => {
                findings
                    .note(grade, daemon.place.clone(), format!("{program} without --{option}: {effect}"))
                    .accepted(format!("--{option} {shim}"));
            }
        }
    }
}

/// `shim` is the one of ours that this option is for.
fn check_script(
    subject: &Subject<'_>,
    file: &XmlFile,
    daemon: &Daemon<'_>,
    (option, shim): (&str, &str),
    call: &str,
    findings: &mut Findings,
) {
    let mut words = call.split(' ').filter(|word| !word.is_empty());
    let name = words.next().unwrap_or_default();
    let place = || daemon.place.clone();
    let path = subject.project.dir.join("bin").join(name);
    if let Some(fault) = executable_fault(&path) {
        let effect = match option {
            "script" => "the daemon ends at the first workunit",
            "init_script" => "every result is rejected for good",
            _ => "no two results agree",
        };
        findings
            .wrong(place(), format!("--{option}: bin/{name} {fault}, so {effect}"))
            .help(format!("install it as {}, and make it executable (chmod +x)", path.display()));
    }
    let is_ours = [INIT, COMPARE, ASSIMILATE].contains(&name);
    if words.next().is_some() {
        findings
            .wrong(
                place(),
                format!(
                    "--{option} \"{call}\": servers since July 2025 pass no argument at all if words follow the script's name"
                ),
            )
            .accepted(format!("--{option} {name}"))
            .fix(is_ours.then(|| without_tokens(file, daemon, call, name)).flatten());
    }
    if !is_ours {
        return;
    }
    if name != shim {
        findings
            .wrong(place(), format!("--{option} {name}: this program has another purpose"))
            .accepted(format!("--{option} {shim}"));
    }
    check_routes(subject, daemon, findings);
}

/// Our shims take the same from the short form on every server.
fn without_tokens(file: &XmlFile, daemon: &Daemon<'_>, call: &str, name: &str) -> Option<Fix> {
    let cmd = daemon.element.child("cmd")?;
    let raw = &file.text[cmd.inner.clone()];
    ["\"", "'", "&quot;", "&apos;"].into_iter().find_map(|quote| {
        let old = format!("{quote}{call}{quote}");
        let start = cmd.inner.start + raw.find(&old)?;
        Some(file.replace(start..start + old.len(), name.to_owned()))
    })
}

fn check_routes(subject: &Subject<'_>, daemon: &Daemon<'_>, findings: &mut Findings) {
    let path = subject.project.dir.join("buoy/routes.toml");
    let place = Location::file(&path);
    if findings.list.iter().any(|finding| finding.what.place.file == place.file) {
        return;
    }
    let found = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "this file does not exist".to_owned(),
        Err(error) => format!("failed to read this file: {error}"),
        Ok(text) => match text.parse::<toml::Table>() {
            Ok(_) => return,
            Err(error) => format!("invalid TOML: {}", error.message().replace('\n', "; ")),
        },
    };
    let line = daemon.place.line.unwrap_or_default();
    findings
        .wrong(place, format!("{found}; the scripts of config.xml line {line} need it to validate results"))
        .help("see docs/routes-toml.md");
}
