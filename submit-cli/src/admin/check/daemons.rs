//! `config.xml`: the daemons' command lines. Sources: sched/start, sched/script_validator.cpp, sched/script_assimilator.cpp,
//! sched/validator.cpp, lib/str_util.cpp.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use validators::shim::PROCESS_SPOOL_FLAG;

use super::{Findings, Grade, Subject};
use crate::admin::fix::Fix;
use crate::admin::project_files::XmlFile;
use crate::local::programs::{ASSIMILATE, COMPARE, INIT};
use crate::plan::command::split_words;
use boinc::diagnostic::{Diagnostic, Place};
use boinc::xml::Element;

/// A daemon that is started.
struct Daemon<'a> {
    element: &'a Element,
    place: Place,
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

    /// The name of the file that keeps two of a kind from running; `bin/start` makes the names up in this way.
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

pub(super) fn look(subject: &Subject<'_>, findings: &mut Findings) {
    let Ok(file) = &subject.project.config else { return };
    let Some(boinc) = file.xml.root("boinc") else { return };
    let list = boinc.child("daemons");
    let mut daemons = Vec::new();
    for element in list.into_iter().flat_map(|list| list.children_named("daemon")) {
        if element.flag("disabled") {
            continue;
        }
        let Some(cmd) = element.child("cmd") else {
            let what = Diagnostic::new(file.place(element), "a <daemon> without <cmd>");
            findings.note(Grade::Wrong, what);
            continue;
        };
        match split_words(&cmd.text) {
            Ok(words) => daemons.push(Daemon { element, place: file.place(cmd), words }),
            Err(error) => {
                findings.note(Grade::Wrong, Diagnostic::new(file.place(cmd), format!("<cmd>: {error}")));
            }
        }
    }
    let whole = file.place(list.unwrap_or(boinc));
    needed(&daemons, &whole, findings);
    for daemon in &daemons {
        program(subject, daemon, findings);
        if daemon.program() == "script_validator" || daemon.program() == "script_assimilator" {
            scripts(subject, file, daemon, findings);
        }
    }
    one_of_a_kind(&daemons, findings);
    worker(boinc, &daemons, &whole, findings);
    for app in subject.apps() {
        judges(app, &daemons, &whole, findings);
    }
}

fn needed(daemons: &[Daemon<'_>], whole: &Place, findings: &mut Findings) {
    let runs = |name: &str| daemons.iter().any(|daemon| daemon.program() == name);
    for (name, without) in [
        ("feeder", "no job reaches the scheduler"),
        ("transitioner", "no job is made into copies, given up or finished"),
    ] {
        if !runs(name) {
            let what = Diagnostic::new(whole.clone(), format!("no daemon runs {name}: {without}"));
            findings.note(Grade::Wrong, what.accepted(format!("<daemon><cmd>{name} -d 3</cmd></daemon>")));
        }
    }
    if !runs("file_deleter") {
        let what = Diagnostic::new(
            whole.clone(),
            "no daemon runs file_deleter: inputs and outputs stay until the disk is full",
        );
        let help = "Buoy's templates keep what other jobs need (<no_delete/>)";
        findings
            .note(Grade::Advice, what.accepted("<daemon><cmd>file_deleter -d 3</cmd></daemon>").help(help));
    }
}

/// Whether somebody works off the spool when no workunit comes in, as after a reboot.
fn worker(boinc: &Element, daemons: &[Daemon<'_>], whole: &Place, findings: &mut Findings) {
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
    let what = Diagnostic::new(
        whole.clone(),
        "no task works off the spool: after a reboot what waits there goes on with the next workunit only",
    );
    let task =
        format!("<task><cmd>{ASSIMILATE} {PROCESS_SPOOL_FLAG}</cmd><period>5 min</period></task> in <tasks>");
    findings.note(Grade::Advice, what.accepted(task));
}

fn program(subject: &Subject<'_>, daemon: &Daemon<'_>, findings: &mut Findings) {
    let Some(first) = daemon.words.first() else {
        findings.note(Grade::Wrong, Diagnostic::new(daemon.place.clone(), "<cmd> is empty"));
        return;
    };
    if first.contains('/') {
        return;
    }
    if let Some(fault) = executable_fault(&subject.project.dir.join("bin").join(first))
        && !subject.host.has_program(first)
    {
        let what = Diagnostic::new(daemon.place.clone(), format!("bin/{first} {fault}"));
        findings.note(Grade::Wrong, what.help("put the program there, and chmod +x it"));
    }
}

/// What keeps a program from being started.
fn executable_fault(path: &Path) -> Option<&'static str> {
    match path.metadata() {
        Err(_) => Some("does not exist"),
        Ok(metadata) if !metadata.is_file() => Some("is no file"),
        Ok(_) if super::mode_of(path).is_some_and(|mode| mode & 0o111 == 0) => Some("is not executable"),
        Ok(_) => None,
    }
}

/// Two with the same lock: the second ends at once. Two with the same pid file: bin/stop finds one of them.
fn one_of_a_kind(daemons: &[Daemon<'_>], findings: &mut Findings) {
    for (key, ending, effect) in [
        ("lock_file", ".lock", "only one of the two runs"),
        ("pid_file", ".pid", "bin/stop ends only one of the two"),
    ] {
        let mut first: BTreeMap<String, &Daemon<'_>> = BTreeMap::new();
        for daemon in daemons {
            let name = daemon.file(key, ending);
            let Some(other) = first.get(&name) else {
                first.insert(name, daemon);
                continue;
            };
            let line = other.place.line.unwrap_or_default();
            let found = format!("{} shares {name} with the one in line {line}: {effect}", daemon.program());
            let app = daemon.option("app").unwrap_or("other");
            let own = format!("{}_{app}", daemon.program());
            let what = Diagnostic::new(daemon.place.clone(), found).accepted(format!(
                "<output>{own}.log</output> <pid_file>{own}.pid</pid_file> in this <daemon>"
            ));
            findings.note(Grade::Wrong, what);
            // One message for both files.
            if key == "lock_file" {
                return;
            }
        }
    }
}

fn judges(app: &str, daemons: &[Daemon<'_>], whole: &Place, findings: &mut Findings) {
    let lines = [
        (
            "validator",
            "its results are never judged",
            format!("script_validator --app {app} --init_script {INIT} --compare_script {COMPARE}"),
        ),
        (
            "assimilat",
            "its results are never collected",
            format!("script_assimilator --app {app} --script {ASSIMILATE}"),
        ),
    ];
    for (kind, effect, line) in lines {
        if daemons.iter().any(|daemon| daemon.program().contains(kind) && daemon.option("app") == Some(app)) {
            continue;
        }
        let role = if kind == "validator" { "validator" } else { "assimilator" };
        let found = format!("the app {app} has no {role}: {effect}");
        let what = Diagnostic::new(whole.clone(), found);
        findings.note(Grade::Wrong, what.accepted(format!("<daemon><cmd>{line}</cmd></daemon>")));
    }
}

/// The scripts of a script daemon.
fn scripts(subject: &Subject<'_>, file: &XmlFile, daemon: &Daemon<'_>, findings: &mut Findings) {
    if daemon.option("app").is_none() {
        let what = Diagnostic::new(daemon.place.clone(), format!("{} without --app", daemon.program()));
        findings.note(Grade::Wrong, what.accepted("--app NAME, an app of project.xml"));
    }
    let validates = daemon.program() == "script_validator";
    let options: &[&str] = if validates { &["init_script", "compare_script"] } else { &["script"] };
    for option in options {
        match daemon.option(option) {
            Some(call) => script(subject, file, daemon, option, call, findings),
            None => missing_script(daemon, option, findings),
        }
    }
}

fn missing_script(daemon: &Daemon<'_>, option: &str, findings: &mut Findings) {
    let (grade, found, script) = match option {
        "compare_script" => (Grade::Unsafe, "any two results agree, true or not", COMPARE),
        "init_script" => (Grade::Advice, "results are compared without a look at their files", INIT),
        _ => (Grade::Wrong, "there is nothing that takes the results", ASSIMILATE),
    };
    let what =
        Diagnostic::new(daemon.place.clone(), format!("{} without --{option}: {found}", daemon.program()));
    findings.note(grade, what.accepted(format!("--{option} {script}")));
}

fn script(
    subject: &Subject<'_>,
    file: &XmlFile,
    daemon: &Daemon<'_>,
    option: &str,
    call: &str,
    findings: &mut Findings,
) {
    let mut words = call.split(' ').filter(|word| !word.is_empty());
    let name = words.next().unwrap_or_default();
    let tokens: Vec<&str> = words.collect();
    if let Some(fault) = executable_fault(&subject.project.dir.join("bin").join(name)) {
        let effect = match option {
            "script" => "the daemon ends at the first workunit",
            "init_script" => "every result is thrown away for good",
            _ => "no two results agree",
        };
        let found = format!("--{option}: bin/{name} {fault}, so {effect}");
        let what = Diagnostic::new(daemon.place.clone(), found);
        findings
            .note(Grade::Wrong, what.help(format!("put it into {}/bin, and chmod +x it", shown(subject))));
    }
    let is_ours = [INIT, COMPARE, ASSIMILATE].contains(&name);
    if !tokens.is_empty() {
        let found = format!(
            "--{option} \"{call}\": servers since July 2025 pass no argument at all where words follow the script's name"
        );
        let what = Diagnostic::new(daemon.place.clone(), found).accepted(format!("--{option} {name}"));
        let fix = is_ours.then(|| without_tokens(file, daemon, call, name)).flatten();
        findings.note_fixable(Grade::Wrong, what, fix);
    }
    let role = match option {
        "script" => ASSIMILATE,
        "init_script" => INIT,
        _ => COMPARE,
    };
    if is_ours && name != role {
        let what = Diagnostic::new(
            daemon.place.clone(),
            format!("--{option} {name}: a shim is told apart by its name"),
        );
        findings.note(Grade::Wrong, what.accepted(format!("--{option} {role}")));
    }
    if is_ours {
        routes(subject, daemon, findings);
    }
}

/// Our shims take the same from the short form on every server.
fn without_tokens(file: &XmlFile, daemon: &Daemon<'_>, call: &str, name: &str) -> Option<Fix> {
    let cmd = daemon.element.child("cmd")?;
    let raw = &file.text[cmd.inner.clone()];
    ["\"", "'", "&quot;", "&apos;"].into_iter().find_map(|quote| {
        let old = format!("{quote}{call}{quote}");
        let start = cmd.inner.start + raw.find(&old)?;
        Some(Fix::Text {
            file: file.path.clone(),
            range: start..start + old.len(),
            old,
            new: name.to_owned(),
        })
    })
}

fn routes(subject: &Subject<'_>, daemon: &Daemon<'_>, findings: &mut Findings) {
    let path: PathBuf = subject.project.dir.join("buoy/routes.toml");
    let place = Place::file(&path);
    if findings.list.iter().any(|finding| finding.what.place.file == place.file) {
        return;
    }
    let found = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        Err(error) => format!("cannot be read: {error}"),
        Ok(text) => match text.parse::<toml::Table>() {
            Ok(_) => return,
            Err(error) => format!("not valid TOML: {}", error.message().replace('\n', "; ")),
        },
    };
    let line = daemon.place.line.unwrap_or_default();
    let found = format!("{found}; the scripts of config.xml line {line} can judge nothing without it");
    findings.note(Grade::Wrong, Diagnostic::new(place, found).help("docs/routes-toml.md"));
}

fn shown(subject: &Subject<'_>) -> String {
    subject.project.dir.display().to_string()
}
