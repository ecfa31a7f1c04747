//! Who is told of a broken rule, also while the routes themselves are broken.

// Not `cfg(test)` to the lint, but nothing else uses it.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::project::{BUNDLE, Project, ROUTE};

const ALERT: &str = "[alert]\ncommand = ['tell']\n";
const SETTINGS: &str = "buoy/state/settings.json";

/// A project whose alert command notes what it is told, and a line that a daemon calls.
struct Told {
    project: Project,
    line: String,
}

impl Told {
    fn new(routes: &str) -> Self {
        let project = Project::new(routes);
        project.script("buoy/tell", &format!("echo \"$1\" >> {}", project.path("told").display()));
        let path = project.upload(&format!("{BUNDLE}__b1__j"), 1, 0, "poses");
        let other = project.output(&format!("{BUNDLE}__b1__j"), 1, 1);
        Self { line: format!("buoy-init  {path} {other}"), project }
    }

    fn routes(&self, text: &str) {
        self.project.write("buoy/routes.toml", text);
        // Else the outage before is still known, and is told once an hour.
        let _ = fs::remove_dir_all(self.project.path("buoy/state/breakers"));
    }

    /// What the command was told since the last time, a line for each.
    fn heard(&self) -> Vec<String> {
        let path = self.project.path("told");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        text.lines().map(str::to_owned).collect()
    }
}

#[test]
fn the_command_is_run_while_routes_toml_is_broken_or_gone() {
    let told = Told::new(&format!("{ALERT}{ROUTE}"));
    told.project.run(&told.line).is(0, "");
    told.routes(&format!("{ALERT}[app.vina"));
    told.project.run(&told.line).has(3, "routes.toml:3");
    let heard = told.heard();
    assert!(heard.len() == 1 && heard[0].starts_with("routes: ") && heard[0].contains(":3:"), "{heard:?}");
    // Gone; what programs write beside it says nothing of the command.
    for directory in ["", "buoy/routes.d"] {
        fs::create_dir_all(told.project.path(directory)).unwrap();
        let _ = fs::remove_file(told.project.path("buoy/routes.toml"));
        let _ = fs::remove_dir_all(told.project.path("buoy/state/breakers"));
        told.project.run(&told.line).has(3, "rout");
        let heard = told.heard();
        assert!(
            heard.len() == 1
                && (heard[0].contains("no route") || heard[0].contains("failed to find the routes file")),
            "{directory:?}: {heard:?}"
        );
    }
    told.routes(&format!("{ALERT}{ROUTE}"));
    told.project.run(&told.line).is(0, "");
}

#[test]
fn a_call_that_makes_no_sense_is_told_by_it_too() {
    let told = Told::new(&format!("{ALERT}{ROUTE}"));
    told.project.run(&told.line).is(0, "");
    told.routes("nonsense");
    told.project.run("buoy-init ").has(3, "");
    assert_eq!(told.heard().len(), 1);
}

#[test]
fn a_command_that_the_admin_has_removed_does_not_come_back() {
    let told = Told::new(&format!("{ALERT}{ROUTE}"));
    told.project.run(&told.line).is(0, "");
    told.routes(ROUTE);
    told.project.run(&told.line).is(0, "");
    told.routes("[app.vina");
    told.project.run(&told.line).has(3, "routes.toml:1");
    assert_eq!(told.heard(), Vec::<String>::new());
}

#[test]
fn the_wait_for_broken_routes_is_as_long_as_the_last_good_ones_say() {
    let told = Told::new(&format!("[breaker]\noutage_seconds = 0\n{ROUTE}"));
    let patient =
        |line: &str| told.project.run_with(line, |command| _ = command.env_remove("BUOY_OUTAGE_SECONDS"));
    patient(&told.line).is(0, "");
    told.routes("[app.vina");
    let answer = patient(&told.line);
    assert!(answer.code == Some(3) && !answer.log.contains("retrying"), "{answer:?}");
}

#[test]
fn what_is_remembered_is_written_when_it_changes_and_for_nobody_else_to_read() {
    let told = Told::new(ROUTE);
    told.project.run(&told.line).is(0, "");
    assert!(!told.project.path(SETTINGS).exists(), "nothing differs from what holds without it");
    told.routes(&format!("{ALERT}[batch_id]\ncommand = ['whose']\n{ROUTE}"));
    told.project.run(&told.line).is(0, "");
    let first = fs::metadata(told.project.path(SETTINGS)).unwrap();
    // A command may hold a password, and routes.toml may be the daemons' alone.
    assert_eq!(first.permissions().mode() & 0o777, 0o600);
    told.project.run(&told.line).is(0, "");
    let second = fs::metadata(told.project.path(SETTINGS)).unwrap();
    assert_eq!(first.modified().unwrap(), second.modified().unwrap());
    assert_eq!(told.project.files("buoy/state"), ["settings.json"], "no temporary file stays");
    // Torn by whatever: it is written anew.
    told.project.write(SETTINGS, "{\"alert\":");
    told.project.run(&told.line).is(0, "");
    told.routes("[app.vina");
    told.project.run(&told.line).has(3, "routes.toml:1");
    assert_eq!(told.heard().len(), 1);
}

#[test]
fn a_memory_that_cannot_be_written_fails_no_call() {
    let told = Told::new(&format!("{ALERT}{ROUTE}"));
    told.project.write("buoy/state", "a file where the directory belongs");
    told.project.run(&told.line).has(0, "settings.json");
}
