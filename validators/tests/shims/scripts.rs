//! Scripts of the admin's in place of built-in rules.

// Not `cfg(test)` to the lint, but nothing else uses it.
#![allow(clippy::unwrap_used)]

use std::fs;

use crate::project::{BUNDLE, Project, ROUTE};

fn workunit() -> String {
    format!("{BUNDLE}__b1__lig_7")
}

/// A project whose science app has these script keys, with two results of one workunit; the line to compare them.
fn project(script: &str, first: &str, second: &str) -> (Project, String) {
    let project = Project::new(&format!("{ROUTE}[app.vina.script]\n{script}\n"));
    let line = project.two_results(&workunit(), first, second);
    (project, line)
}

#[test]
fn a_script_decides_where_bytes_differ() {
    for (body, code) in [("exit 0", 0), ("exit 10", 1), ("exit 75", 3), ("exit 3", 3)] {
        let (project, line) = project("compare = ['judge']", "a", "b");
        project.script("buoy/judge", body);
        assert_eq!(project.run(&line).code, Some(code), "{body}");
    }
}

#[test]
fn equal_bytes_never_start_a_script() {
    let (project, line) = project("compare = ['judge']", "a", "a");
    project.script("buoy/judge", &format!("touch {}; exit 10", project.path("started").display()));
    project.run(&line).is(0, "");
    assert!(!project.path("started").exists());
    project.upload(&workunit(), 1, 0, "b");
    project.run(&line).has(1, "compare script");
    assert!(project.path("started").exists());
}

#[test]
fn whatever_breaks_a_script_invalidates_nothing() {
    let bodies = [
        "exit 1",
        "exit 2",
        "exit 126",
        "exit 127",
        "exit 255",
        "kill -9 $$",
        "kill -11 $$",
        "sleep 600",
        "no-such-command",
    ];
    for body in bodies {
        let (project, line) = project("compare = ['judge']\ninit = ['judge']\ntimeout_seconds = 1", "a", "b");
        project.script("buoy/judge", body);
        project.run(&line).has(3, "compare script is broken: ");
        let words: Vec<_> = line.split_whitespace().collect();
        project.run(&format!("buoy-init  {} {}", words[1], words[2])).has(3, "init script is broken: ");
        assert_eq!(project.read("buoy/alerts.log").lines().count(), 2, "one alert for each, {body}");
    }
    let mode = |bits| std::os::unix::fs::PermissionsExt::from_mode(bits);
    for (text, bits, expected) in [
        (None, 0, "judge: No such file or directory"),
        (Some("#!/bin/sh\nexit 10\n"), 0o644, "Permission denied"),
        (Some("#!/no/such/interpreter\n"), 0o755, "judge: No such file or directory"),
        (Some("no program at all"), 0o755, "compare script is broken: exit 127"),
    ] {
        let (project, line) = project("compare = ['judge']", "a", "b");
        if let Some(text) = text {
            project.write("buoy/judge", text);
            fs::set_permissions(project.path("buoy/judge"), mode(bits)).unwrap();
        }
        project.run(&line).has(3, expected);
    }
}

#[test]
fn scripts_made_for_boinc_keep_their_exit_codes_if_the_route_says_so() {
    for (body, code) in [("exit 1", 1), ("exit 2", 1), ("exit 3", 3), ("exit 127", 3), ("kill -9 $$", 3)] {
        let (project, line) = project("compare = ['judge']\nlegacy = true", "a", "b");
        project.script("buoy/judge", body);
        assert_eq!(project.run(&line).code, Some(code), "{body}");
    }
}

#[test]
fn a_script_gets_paths_as_boincs_do_and_json_with_all_that_is_known() {
    let (project, _) = project("compare = ['judge', '--loose']", "a", "bb");
    let wu = workunit();
    let seen = project.path("seen");
    project.script("buoy/judge", &format!("printf '%s\\n' \"$@\" > {0}; cat >> {0}", seen.display()));
    let path = |n, i| project.output(&wu, n, i);
    // An older server, with ids and run times; paths relative to the daemon's working directory work, too.
    let relative = path(0, 0).replace(project.path("").to_str().unwrap(), "../");
    let line = format!(
        "buoy-compare {relative} {} 27 31.500000 {} {} 28 29.250000",
        path(0, 1),
        path(1, 0),
        path(1, 1)
    );
    project.run(&line).is(0, "");
    let seen = fs::read_to_string(seen).unwrap();
    let lines: Vec<&str> = seen.lines().collect();
    assert_eq!(lines[..5], ["--loose", &path(0, 0), &path(0, 1), &path(1, 0), &path(1, 1)]);
    let json: serde_json::Value = serde_json::from_str(lines[5]).unwrap();
    assert_eq!(json["purpose"], "compare");
    assert_eq!((&json["app"], &json["batch"], &json["job"]), (&"vina".into(), &"b1".into(), &"lig_7".into()));
    let second = &json["results"][1];
    assert_eq!(second["name"], format!("{wu}_1"));
    assert_eq!((&second["id"], &second["run_time_seconds"]), (&28.into(), &29.25.into()));
    let output = &second["outputs"][0];
    assert_eq!((&output["name"], &output["bytes"]), (&"poses.pdbqt".into(), &2.into()));
    assert_eq!(output["path"], path(1, 0));
    assert!(second["outputs"][1]["bytes"].is_null(), "the optional one is not there");
}

#[test]
fn a_script_never_sees_what_is_no_file() {
    let (project, line) = project("compare = ['judge']\ninit = ['judge']", "a", "b");
    project.script("buoy/judge", &format!("touch {}", project.path("started").display()));
    let output = project.output(&workunit(), 0, 0);
    fs::remove_file(&output).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &output).unwrap();
    project.run(&line).has(1, "symbolic link");
    project
        .run(&format!("buoy-init  {output} {}", project.output(&workunit(), 0, 1)))
        .has(1, "symbolic link");
    assert!(!project.path("started").exists());
}

#[test]
fn names_like_options_are_paths_to_a_script() {
    let project = Project::new("[default]\nscript.init = ['judge']");
    let seen = project.path("seen");
    project.script("buoy/judge", &format!("printf '%s\\n' \"$@\" > {}", seen.display()));
    let output = project.upload("--error", 0, 0, "a");
    project.run(&format!("buoy-init  {output}")).is(0, "");
    assert_eq!(fs::read_to_string(seen).unwrap(), format!("{output}\n"));
}

#[test]
fn somebody_is_told_by_a_command_of_the_admins_once() {
    let (project, line) = project("compare = ['judge']", "a", "b");
    let told = project.path("told");
    project.script("buoy/tell", &format!("echo \"$1:$2\" >> {0}; cat >> {0}", told.display()));
    let routes = project.read("buoy/routes.toml");
    project.write("buoy/routes.toml", &format!("{routes}[alert]\ncommand = ['tell', 'me']\n"));
    project.script("buoy/judge", "echo who are you >&2; exit 1");
    for _ in 0..3 {
        project.run(&line).has(3, "who are you");
    }
    let text = fs::read_to_string(&told).unwrap();
    assert!(text.starts_with("me:vina.compare: compare script is broken: exit 1"), "{text}");
    assert_eq!(text.matches("vina.compare").count(), 2, "as an argument and on its input, once: {text}");
    // A command that is broken itself stops nothing.
    project.write("buoy/routes.toml", &format!("{routes}[alert]\ncommand = ['gone']\n"));
    fs::remove_dir_all(project.path("buoy/state")).unwrap();
    project.run(&line).has(3, "alert command");
}

#[test]
fn a_wait_ends_with_the_outage_and_the_log_says_so() {
    let (project, line) = project("compare = ['judge']", "a", "b");
    // Broken at first, and mended by the third attempt.
    let tries = project.path("tries");
    project
        .script("buoy/judge", &format!("echo x >> {0}; [ $(wc -l < {0}) -ge 3 ] || exit 1", tries.display()));
    let patient = |line: &str| project.run_with(line, |command| _ = command.env("BUOY_OUTAGE_SECONDS", "60"));
    patient(&line).has(0, "vina.compare: works again after ");
    assert_eq!(fs::read_to_string(&tries).unwrap().lines().count(), 3);
    patient(&line).is(0, "");
}

#[test]
fn an_outage_is_waited_for_once_over_all_calls() {
    let (project, line) = project("compare = ['judge']", "a", "b");
    project.script("buoy/judge", "exit 1");
    let patient =
        |line: &str| project.run_with(line, |command| _ = command.env("BUOY_OUTAGE_SECONDS", "1.5"));
    let start = std::time::Instant::now();
    patient(&line).has(3, "retrying for a while");
    let first = start.elapsed();
    assert!(first.as_secs_f64() > 1.2, "{first:?}");
    for _ in 0..20 {
        patient(&line).has(3, "");
    }
    // Other science apps are not held up, and neither is this one by its own wait any more.
    assert!(start.elapsed().as_secs_f64() < first.as_secs_f64() + 10.0 * 1.5, "{:?}", start.elapsed());
    assert_eq!(project.read("buoy/alerts.log").lines().count(), 1);
}

#[test]
fn names_made_by_others_are_read_by_the_patterns_of_the_routes() {
    let routes = format!("[[names]]\npattern = 'dock_(?<batch>\\d+)_(?<job>.+)'\napp = 'vina'\n{ROUTE}");
    let project = Project::new(&routes);
    let poses = project.upload("dock_7_aspirin", 0, 0, "x");
    let log = project.output("dock_7_aspirin", 0, 1);
    project.run(&format!("buoy-init  {poses} {log}")).is(0, "");
    project.run_inline(&format!("buoy-assimilate  26 {poses} {log}")).is(0, "");
    assert_eq!(project.files("results"), ["7/dock_7_aspirin__file_poses.pdbqt"]);
    project.upload("fold_1", 0, 0, "x");
    project
        .run(&format!("buoy-init  {}", project.output("fold_1", 0, 0)))
        .has(3, "no route for workunit fold_1, whose name does not contain a science app");
}

#[test]
fn a_daemon_with_little_to_spend_still_runs_scripts() {
    let project = Project::new(&format!("{ROUTE}[app.vina.script]\ninit = ['judge']\n"));
    project.script("buoy/judge", "exit 0");
    let path = project.upload(&format!("{BUNDLE}__b1__j"), 1, 0, "poses");
    let line = format!("buoy-init  {path}");
    let other = project.output(&format!("{BUNDLE}__b1__j"), 1, 1);
    project.run_with_limit("-n 64", &format!("{line} {other}")).is(0, "");
}
