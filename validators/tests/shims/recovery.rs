//! What happens to the spool after deaths, power failures and an admin's root shell.

// Not `cfg(test)` to the lint, but nothing else uses it.
#![allow(clippy::unwrap_used)]

use std::fs;

use crate::project::{Project, ROUTE, workunit};

const SCRIPT: &str = "[app.vina.script]\nassimilate = ['take']\n";

/// The line for a workunit of this name and number in the database.
fn handed_over(project: &Project, job: &str, id: u32, contents: &str) -> String {
    let wu = workunit(job);
    // Another file, as a server has it: the one that was taken may be the same as a collected one.
    let _ = fs::remove_file(project.output(&wu, 1, 0));
    project.upload(&wu, 1, 0, contents);
    format!("buoy-assimilate  {id} {} {}", project.output(&wu, 1, 0), project.output(&wu, 1, 1))
}

fn with(more: &str) -> Project {
    Project::new(&format!("{ROUTE}{more}"))
}

#[test]
fn a_new_item_does_not_wait_for_the_next_try_of_one_that_is_stuck() {
    let project = with(SCRIPT);
    project.script("buoy/take", "exit 0");
    // The last worker has gone, and has left word that nothing is due for hours.
    project.write("buoy/spool/next_attempt", "99999999999");
    project.run(&handed_over(&project, "a", 26, "poses")).is(0, "");
    project.wait_until("the new item is done", || project.spooled().is_empty());
}

#[test]
fn a_new_workunit_of_an_old_name_is_taken() {
    let project = with("");
    let collected = format!("results/b1/{}__file_poses.pdbqt", workunit("a"));
    project.run_inline(&handed_over(&project, "a", 26, "old")).is(0, "");
    project.run_inline(&handed_over(&project, "a", 26, "changed afterwards")).is(0, "");
    assert_eq!(project.read(&collected), "old", "the same call twice changes nothing");
    // The old one was purged from the database, and the same batch was submitted again.
    project.run_inline(&handed_over(&project, "a", 901, "new")).has(0, "replaced an older file");
    assert_eq!(project.read(&collected), "new");
    let failed = |id| format!("buoy-assimilate  --error 2 {} {id} 41", workunit("c"));
    project.run_inline(&failed(27)).is(0, "");
    project.run_inline(&failed(902)).is(0, "");
}

#[test]
fn a_new_workunit_is_taken_while_an_old_one_of_its_name_still_waits() {
    let project = with(SCRIPT);
    project.script("buoy/take", "exit 10");
    let line = handed_over(&project, "a", 26, "old");
    project.run_inline(&line).has(0, "rejected it");
    let line = handed_over(&project, "a", 901, "new");
    project.run_inline(&line).has(0, "rejected it");
    project.run_inline(&line).has(0, "rejected it");
    let waiting = project.spooled();
    assert_eq!(waiting, [format!("{}_1", workunit("a")), format!("{}_1.again-901", workunit("a"))]);
    for (key, contents) in waiting.iter().zip(["old", "new"]) {
        let files = format!("buoy/spool/waiting/{key}/files");
        assert_eq!(project.read(&format!("{files}/{}", project.files(&files)[0])), contents);
    }
    let seen = project.path("seen");
    project.script("buoy/take", &format!("echo \"$1 $(cat \"$2\")\" >> {}", seen.display()));
    project.run_inline(&line).is(0, "");
    project.run_inline(&line).is(0, "");
    assert_eq!(fs::read_to_string(seen).unwrap(), "901 new\n");
}

#[test]
fn an_item_that_ends_its_worker_does_not_keep_the_others_waiting() {
    let project = with(SCRIPT);
    // As a crash of ours would, on one item's contents.
    project.script("buoy/take", "case \"$(cat \"$2\")\" in poison) kill -9 $PPID; sleep 60;; esac");
    project.run(&handed_over(&project, "a", 26, "poison")).is(0, "");
    let state = format!("buoy/spool/waiting/{}_1/state.json", workunit("a"));
    project.wait_until("its worker is at it", || project.path(&state).exists());
    for job in ["b", "c", "d"] {
        project.run(&handed_over(&project, job, 27, "poses")).is(0, "");
    }
    project.wait_until("the others are done", || {
        // The daemon goes on with others, and each call looks after the spool.
        project.run(&format!("buoy-assimilate  --error 2 {} 28 41", workunit("z"))).is(0, "");
        project.spooled() == [format!("{}_1", workunit("a"))]
    });
    let text = project.read(&state);
    assert!(text.contains("interrupted") && text.contains("\"attempts\":1"), "{text}");
}

#[test]
fn an_item_that_cannot_be_put_away_does_not_keep_the_others_waiting() {
    let project = with(SCRIPT);
    let go = project.path("go");
    project.script("buoy/take", &format!("while [ ! -e {} ]; do sleep 0.05; done", go.display()));
    // A file is where the note that it is done belongs.
    let done = {
        use sha2::{Digest, Sha256};
        let digest = Sha256::digest(format!("{}_1", workunit("a")));
        format!("buoy/spool/done/{:02x}", digest[0])
    };
    project.write(&done, "");
    for job in ["a", "b", "c"] {
        project.run(&handed_over(&project, job, 26, "poses")).is(0, "");
    }
    fs::write(go, "").unwrap();
    project.wait_until("the others are done", || project.spooled() == [format!("{}_1", workunit("a"))]);
    assert!(project.read("buoy/spool/worker.log").contains("stays in the spool"));
}

#[test]
fn a_rule_that_works_again_is_not_called_broken_any_more() {
    let project = with("[app.vina.assimilate.table]\nfile = '../results/all.sqlite'\n");
    fs::create_dir_all(project.path("results/all.sqlite")).unwrap();
    let line = handed_over(&project, "a", 26, "poses");
    project.run_inline(&line).has(0, "failed to write the table of results");
    fs::remove_dir(project.path("results/all.sqlite")).unwrap();
    project.run_inline(&line).has(0, "vina.table: works again");
    project.write("buoy/routes.toml", "[app.vina");
    let line = handed_over(&project, "b", 27, "poses");
    project.run_inline(&line).has(0, "stays in the spool");
    project.write("buoy/routes.toml", ROUTE);
    project.run_inline(&line).has(0, "routes: works again");
}

#[test]
fn a_table_names_collected_files_by_their_whole_paths() {
    let project = with("[app.vina.assimilate.table]\nfile = '../results/all.sqlite'\n");
    project.run_inline(&handed_over(&project, "a", 26, "poses")).is(0, "");
    let database = rusqlite::Connection::open(project.path("results/all.sqlite")).unwrap();
    let files: String = database.query_row("SELECT files FROM results", [], |row| row.get(0)).unwrap();
    let file = project.path("results/b1").join(format!("{}__file_poses.pdbqt", workunit("a")));
    let whole = file.canonicalize().unwrap();
    assert_eq!(files, format!("[\"{}\"]", whole.display()));
}

const WORK: &str = "buoy-assimilate --process-spool";

#[test]
fn what_waits_after_a_reboot_is_worked_off_without_another_workunit() {
    let project = with(SCRIPT);
    project.script("buoy/take", "exit 10");
    project.run_inline(&handed_over(&project, "a", 26, "poses")).has(0, "rejected it");
    let key = format!("{}_1", workunit("a"));
    assert_eq!(project.spooled(), [key.as_str()]);
    // Mended, and hours have gone by.
    project.script("buoy/take", "exit 0");
    fs::remove_file(project.path(&format!("buoy/spool/waiting/{key}/state.json"))).unwrap();
    project.run(WORK).is(0, "");
    assert_eq!(project.spooled(), [""; 0]);
}

/// Submitters read it, so that nobody submits jobs whose results cannot be validated.
#[test]
fn the_task_publishes_which_science_apps_have_a_route() {
    let project = Project::new("[app.vina.validate]\nrule = 'text'\n[submitter_rules]\napps = ['fold']\n");
    fs::create_dir_all(project.path("download")).unwrap();
    project.run(WORK).is(0, "");
    assert_eq!(project.read("download/buoy_routes.json"), r#"{"all":false,"apps":["fold","vina"]}"#);
    project.write("buoy/routes.d/dock-0123456789ab.toml", "");
    project.run(WORK).is(0, "");
    assert!(project.read("download/buoy_routes.json").contains("dock-0123456789ab"));
    project.write("buoy/routes.toml", "[default]\n");
    project.run(WORK).is(0, "");
    assert!(project.read("download/buoy_routes.json").contains(r#""all":true"#));
}

#[test]
fn a_worker_without_work_ends_at_once() {
    let project = with("");
    project.run(WORK).is(0, "");
    assert_eq!(project.files("buoy"), ["routes.toml"], "there is no spool yet");
    project.run_inline(&handed_over(&project, "a", 26, "poses")).is(0, "");
    project.run(WORK).is(0, "");
    assert_eq!(project.spooled(), [""; 0]);
}

#[test]
fn a_second_worker_ends_at_once_and_does_nothing_twice() {
    let project = with(SCRIPT);
    let (seen, go) = (project.path("seen"), project.path("go"));
    let body = format!("echo x >> {}; while [ ! -e {} ]; do sleep 0.05; done", seen.display(), go.display());
    project.script("buoy/take", &body);
    project.run(&handed_over(&project, "a", 26, "poses")).is(0, "");
    project.wait_until("the first worker is at it", || seen.exists());
    // The script goes on only after it has ended.
    project.run(WORK).is(0, "");
    assert_eq!(project.spooled().len(), 1);
    fs::write(go, "").unwrap();
    project.wait_until("the first worker has done it", || project.spooled().is_empty());
    assert_eq!(fs::read_to_string(seen).unwrap(), "x\n");
}

#[test]
fn old_marks_are_looked_for_once_a_day() {
    let project = with("");
    project.run_inline(&handed_over(&project, "a", 26, "poses")).is(0, "");
    let old = || {
        project.write("buoy/spool/done/00/old", "1");
        let file = fs::File::options().write(true).open(project.path("buoy/spool/done/00/old")).unwrap();
        file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(31 * 86_400))
            .unwrap();
    };
    let is_there = || project.path("buoy/spool/done/00/old").exists();
    old();
    project.run(WORK).is(0, "");
    assert!(!is_there());
    old();
    project.run(WORK).is(0, "");
    assert!(is_there(), "a task runs it every few minutes, and there can be a million of them");
    fs::remove_file(project.path("buoy/spool/last_cleanup")).unwrap();
    project.run(WORK).is(0, "");
    assert!(!is_there());
}
