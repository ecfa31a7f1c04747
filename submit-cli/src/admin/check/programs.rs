//! Programs that bin/start needs. Source: sched/start.

use std::path::Path;

use boinc::diagnostic::Location;

use super::{Findings, Subject};

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let path = subject.project.dir.join("bin/start");
    let text = match std::fs::read(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => {
            let help = "run BOINC's upgrade script, which installs the project's programs";
            findings.unreadable(&path, &error).help(help);
            return;
        }
    };
    let line = text.lines().next().unwrap_or_default();
    let Some(interpreter) = line.strip_prefix("#!") else { return };
    let mut words = interpreter.split_whitespace();
    let program = words.next().unwrap_or_default();
    let missing = match (program.ends_with("/env"), words.next()) {
        (true, Some(name)) => (!subject.host.has_program(name)).then(|| format!("{name} is not on PATH")),
        _ => (!Path::new(program).is_file()).then(|| format!("{program} does not exist")),
    };
    if let Some(missing) = missing {
        let found = format!("{line}: {missing}");
        findings.wrong(Location::line(&path, 1), found).help("on Debian: apt install python-is-python3");
    }
}
