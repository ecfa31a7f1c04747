//! Programs that bin/start needs. Source: sched/start.

use super::{Findings, Grade, Subject};
use boinc::diagnostic::{Diagnostic, Place};

pub(super) fn look(subject: &Subject<'_>, findings: &mut Findings) {
    let path = subject.project.dir.join("bin/start");
    let text = match std::fs::read(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => {
            let what = Diagnostic::new(Place::file(&path), format!("cannot be read: {error}"));
            findings.note(
                Grade::Wrong,
                what.help("the project's programs are not installed: run BOINC's upgrade script"),
            );
            return;
        }
    };
    let line = text.lines().next().unwrap_or_default();
    let Some(interpreter) = line.strip_prefix("#!") else { return };
    let mut words = interpreter.split_whitespace();
    let program = words.next().unwrap_or_default();
    let missing = match (program.ends_with("/env"), words.next()) {
        (true, Some(name)) => (!subject.host.has_program(name)).then(|| format!("no {name} on PATH")),
        _ => (!std::path::Path::new(program).is_file()).then(|| format!("no {program}")),
    };
    if let Some(missing) = missing {
        let what = Diagnostic::new(Place::line(&path, 1), format!("{line}: there is {missing}"));
        findings.note(Grade::Wrong, what.help("on Debian: apt install python-is-python3"));
    }
}
