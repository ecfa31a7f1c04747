//! What assimilate scripts make, and where the files of a batch go by its number.

// Not `cfg(test)` to the lint, but nothing else uses it.
#![allow(clippy::unwrap_used)]

use std::fs;

use boinc::names::fan_out::fan_out;
use validators::route::RouteOutput;
use validators::spec::{AssimilateSpec, ValidateSpec};
use validators::submitter_rules::{RuleFile, physical_name, sha256};
use validators::values::ValueSpec;

use crate::project::{Project, ROUTE, workunit};

const MAKES: &str = "[app.vina.script]\nassimilate = ['take']\nextra_outputs = ['sum.json', 'plot.png']\n\
    [app.vina.assimilate.table]\nfile = '../results/all.sqlite'\n\
    [[app.vina.assimilate.value]]\nname = 'energy'\noutput = 'sum.json'\npath = '/energy'\n";

fn query<T: rusqlite::types::FromSql>(project: &Project, sql: &str) -> T {
    let database = rusqlite::Connection::open(project.path("results/all.sqlite")).unwrap();
    database.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn what_a_script_makes_is_kept_beside_the_outputs_and_gives_values() {
    let project = Project::new(&format!("{ROUTE}{MAKES}"));
    project.script(
        "buoy/take",
        &format!(
            "echo x >> {}; printf '{{\"energy\": %s}}' \"$(cat \"$2\")\" > \"$BUOY_EXTRA_DIR/sum.json\"",
            project.path("ran").display()
        ),
    );
    for _ in 0..2 {
        project.run_inline(&project.handed_over("a", "-7.25")).is(0, "");
    }
    let wu = workunit("a");
    assert_eq!(
        project.files("results"),
        ["all.sqlite".to_owned(), format!("b1/{wu}__file_poses.pdbqt"), format!("b1/{wu}__file_sum.json")],
        "plot.png stayed empty"
    );
    assert_eq!(project.read(&format!("results/b1/{wu}__file_sum.json")), "{\"energy\": -7.25}");
    assert_eq!(query::<f64>(&project, "SELECT energy FROM results"), -7.25);
    let files: String = query(&project, "SELECT files FROM results");
    assert!(files.contains("__file_sum.json"), "{files}");
    assert_eq!((project.read("ran").as_str(), project.spooled().len()), ("x\n", 0));
}

#[test]
fn what_was_made_outlives_a_table_that_cannot_be_written() {
    let project = Project::new(&format!("{ROUTE}{MAKES}"));
    project.script(
        "buoy/take",
        &format!(
            "echo x >> {}; echo '{{\"energy\": 3}}' > \"$BUOY_EXTRA_DIR/sum.json\"",
            project.path("ran").display()
        ),
    );
    project.write("results/all.sqlite", &"precious notes".repeat(100));
    project.run_inline(&project.handed_over("a", "poses")).has(0, "failed to write the table");
    fs::remove_file(project.path("results/all.sqlite")).unwrap();
    project.run_inline(&project.handed_over("a", "poses")).has(0, "");
    assert_eq!(query::<f64>(&project, "SELECT energy FROM results"), 3.0);
    assert_eq!((project.read("ran").as_str(), project.spooled().len()), ("x\n", 0));
}

#[test]
fn what_a_script_that_failed_has_left_is_not_kept() {
    let project = Project::new(&format!("{ROUTE}{MAKES}"));
    project.script("buoy/take", "echo '{\"energy\": 1' > \"$BUOY_EXTRA_DIR/sum.json\"; exit 1");
    project.run_inline(&project.handed_over("a", "poses")).has(0, "assimilate script: exit 1");
    assert_eq!(project.files("results"), [format!("b1/{}__file_poses.pdbqt", workunit("a"))]);
    project.script("buoy/take", "test ! -s \"$BUOY_EXTRA_DIR/sum.json\"");
    project.run_inline(&project.handed_over("a", "poses")).has(0, "");
    assert_eq!(
        (query::<Option<f64>>(&project, "SELECT energy FROM results"), project.spooled().len()),
        (None, 0)
    );
}

#[test]
fn a_file_to_make_may_not_have_the_name_of_an_output() {
    let project = Project::new(&format!("{ROUTE}{}", MAKES.replace("plot.png", "log.txt")));
    project
        .run_inline(&project.handed_over("a", "poses"))
        .has(0, "script.extra_outputs: \"log.txt\" is an output");
    assert_eq!(project.spooled().len(), 1);
}

#[test]
fn values_that_submitters_name_are_columns_of_their_apps_own_table() {
    let project = Project::new(
        "[submitter_rules]\napps = ['vina']\n[submitter_rules.assimilate.table]\nfile = '../results/all.sqlite'\n",
    );
    let output = RouteOutput { name: "out.txt".into(), max_bytes: None, optional: false };
    let value = ValueSpec {
        name: "energy".into(),
        output: "out.txt".into(),
        pattern: Some("E=(.*)".into()),
        path: None,
    };
    let assimilate = AssimilateSpec { value: vec![value], ..AssimilateSpec::default() };
    let bytes =
        RuleFile::new("vina", vec![], vec![output], ValidateSpec::default(), assimilate, None).bytes();
    let hash = &sha256(&bytes)[..12];
    let name = physical_name(hash);
    let text = std::str::from_utf8(&bytes).unwrap();
    project.write(&format!("download/{}/{name}", fan_out(&name, 1024)), text);
    let path = project.upload(&format!("vina-{hash}__b1__a"), 0, 0, "E=-7.25\n");
    project.run_inline(&format!("buoy-assimilate  26 {path}")).is(0, "");
    assert_eq!(query::<f64>(&project, "SELECT energy FROM results_vina"), -7.25);
}

const BY_NUMBER: &str =
    "[app.vina.assimilate]\nlayout = 'batch_id'\n[batch_id]\ncommand = ['batch_of', '--of']\n";

#[test]
fn files_go_by_the_number_of_their_batch_where_boincs_pages_look_for_them() {
    let project = Project::new(&format!("{ROUTE}{BY_NUMBER}"));
    project.script("buoy/batch_of", "test \"$1\" = --of && echo $(($2 + 15))");
    project.run_inline(&project.handed_over("a", "poses")).is(0, "");
    // A failure comes with its number.
    project.run_inline(&format!("buoy-assimilate  --error 2 {} 27 41", workunit("b"))).is(0, "");
    assert_eq!(
        project.files("results"),
        [format!("41/{}__file_poses.pdbqt", workunit("a")), format!("41/{}_error", workunit("b"))]
    );
    // The daemon is not kept waiting for the answer.
    project.script(
        "buoy/batch_of",
        &format!("until [ -e {} ]; do sleep 0.05; done; echo 7", project.path("go").display()),
    );
    project.run(&project.handed_over("c", "poses")).is(0, "");
    assert_eq!(project.spooled(), [format!("{}_1", workunit("c"))]);
    project.write("go", "");
    project.wait_until("the number is known", || project.spooled().is_empty());
    assert_eq!(project.read(&format!("results/7/{}__file_poses.pdbqt", workunit("c"))), "poses");
}

#[test]
fn without_the_number_of_their_batch_outputs_wait_in_the_spool() {
    for (body, expected) in [
        ("echo ../../x", "printed \"../../x\", expected a number"),
        ("echo no database; exit 255", "exit 255: no database"),
    ] {
        let project = Project::new(&format!("{ROUTE}{BY_NUMBER}"));
        project.script("buoy/batch_of", body);
        project.run_inline(&project.handed_over("a", "poses")).has(0, expected);
        assert_eq!(project.spooled().len(), 1);
        assert!(project.read("buoy/alerts.log").contains("batch_id: "));
        project.script("buoy/batch_of", "echo 41");
        project.run_inline(&project.handed_over("a", "poses")).is(0, "");
        assert_eq!(project.files("results"), [format!("41/{}__file_poses.pdbqt", workunit("a"))]);
    }
    let routes = BY_NUMBER.split("[batch_id]").next().unwrap();
    let project = Project::new(&format!("{ROUTE}{routes}"));
    project.run_inline(&project.handed_over("a", "poses")).has(0, "[batch_id] command is needed");
    assert_eq!(project.spooled().len(), 1);
}

/// When an item is tried again, in seconds from now.
fn next_attempt(project: &Project, job: &str) -> f64 {
    let state = project.read(&format!("buoy/spool/waiting/{}_1/state.json", workunit(job)));
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    state["next_attempt"].as_f64().unwrap() - now.as_secs_f64()
}

/// Makes both items due, the bad one first, and lets a worker take a round.
fn process_spool(project: &Project, bad: &str, tries: u32, good: &str) {
    for (job, tries) in [(bad, tries), (good, tries + 1)] {
        let state = format!("{{\"attempts\":{tries},\"next_attempt\":0}}");
        project.write(&format!("buoy/spool/waiting/{}_1/state.json", workunit(job)), &state);
    }
    project.run("buoy-assimilate --process-spool > /dev/null 2>&1 &").is(0, "");
    let has_waited = |job: &str| {
        let path = format!("buoy/spool/waiting/{}_1/state.json", workunit(job));
        fs::read_to_string(project.path(&path)).is_ok_and(|text| text.contains("\"next_attempt\":0"))
    };
    project.wait_until("the round is over", || !has_waited(bad) && !has_waited(good));
}

#[test]
fn a_workunit_whose_batch_nobody_knows_keeps_no_other_waiting() {
    let project = Project::new(&format!("{ROUTE}{BY_NUMBER}"));
    // As a database answers that has lost one.
    project.script("buoy/batch_of", "exit 255");
    for job in ["bad", "good"] {
        project.run_inline(&project.handed_over(job, "poses")).has(0, "batch_id: ");
    }
    assert_eq!(project.read("buoy/alerts.log").lines().count(), 1);
    project.script("buoy/batch_of", "case $3 in *__bad) exit 255;; esac; echo 41");
    process_spool(&project, "bad", 0, "good");
    assert_eq!(project.spooled(), [format!("{}_1", workunit("bad"))]);
}

#[test]
fn a_workunit_of_which_a_script_dies_keeps_no_other_waiting_for_long() {
    let project = Project::new(&format!("{ROUTE}{MAKES}"));
    project.script("buoy/take", "kill -SEGV $$");
    for job in ["bad", "good"] {
        project.run_inline(&project.handed_over(job, job)).has(0, "killed by signal 11");
    }
    project.script("buoy/take", "grep -q bad \"$2\" && kill -SEGV $$; exit 0");
    process_spool(&project, "bad", 12, "good");
    assert!(next_attempt(&project, "bad") > 1_000.0, "{}", next_attempt(&project, "bad"));
    assert!(next_attempt(&project, "good") < 301.0, "{}", next_attempt(&project, "good"));
}

#[test]
fn the_number_of_their_batch_is_in_the_table_where_names_do_not_say_the_batch() {
    let project = Project::new(
        "[default.assimilate]\nlayout = 'batch_id'\n[default.assimilate.table]\nfile = '../results/all.sqlite'\n\
         [batch_id]\ncommand = ['batch_of']\n",
    );
    project.script("buoy/batch_of", "echo 41");
    project.write("upload/21c/q3_0_1_r7_0", "x");
    project.run_inline("buoy-assimilate  26 ../upload/21c/q3_0_1_r7_0").is(0, "");
    assert_eq!(query::<String>(&project, "SELECT batch FROM results"), "41");
}

#[test]
fn a_script_runs_again_if_it_is_to_make_other_files_than_it_has() {
    let project = Project::new(&format!("{ROUTE}{MAKES}"));
    project.script("buoy/take", "echo '{\"energy\": 3}' > \"$BUOY_EXTRA_DIR/sum.json\"");
    project.write("results/all.sqlite", &"precious notes".repeat(100));
    project.run_inline(&project.handed_over("a", "poses")).has(0, "failed to write the table");
    fs::remove_file(project.path("results/all.sqlite")).unwrap();
    project.write("buoy/routes.toml", &format!("{ROUTE}{MAKES}").replace("sum.json", "summary.json"));
    project.script("buoy/take", "echo '{\"energy\": 4}' > \"$BUOY_EXTRA_DIR/summary.json\"");
    project.run_inline(&project.handed_over("a", "poses")).has(0, "");
    assert_eq!((query::<f64>(&project, "SELECT energy FROM results"), project.spooled().len()), (4.0, 0));
}

#[test]
fn a_made_file_has_the_same_number_whatever_else_was_made() {
    let project = Project::new(&format!("{ROUTE}{MAKES}").replace(
        "[app.vina.assimilate.table]",
        "[app.vina.assimilate]\npath = '{job}.{number}'\n[app.vina.assimilate.table]",
    ));
    for (job, extra_outputs) in [("both", "sum.json plot.png"), ("one", "plot.png")] {
        project.script(
            "buoy/take",
            &format!("cd \"$BUOY_EXTRA_DIR\"; for f in {extra_outputs}; do echo {{}} > $f; done"),
        );
        project.run_inline(&project.handed_over(job, "poses")).is(0, "");
    }
    assert_eq!(project.files("results"), ["all.sqlite", "both.0", "both.2", "both.3", "one.0", "one.3"]);
}

#[test]
fn nobody_else_can_run_what_a_script_makes() {
    use std::os::unix::fs::PermissionsExt;
    let project = Project::new(&format!("{ROUTE}{MAKES}"));
    project.script(
        "buoy/take",
        "cp /bin/true \"$BUOY_EXTRA_DIR/plot.png\"; chmod 4755 \"$BUOY_EXTRA_DIR/plot.png\"; exit 1",
    );
    project.run_inline(&project.handed_over("a", "poses")).has(0, "exit 1");
    let making = project.path(&format!("buoy/spool/waiting/{}_1/extra.tmp", workunit("a")));
    assert_eq!(making.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    project.script(
        "buoy/take",
        "cp /bin/true \"$BUOY_EXTRA_DIR/plot.png\"; chmod 4755 \"$BUOY_EXTRA_DIR/plot.png\"",
    );
    project.run_inline(&project.handed_over("a", "poses")).is(0, "");
    let kept = project.path(&format!("results/b1/{}__file_plot.png", workunit("a")));
    assert_eq!(kept.metadata().unwrap().permissions().mode() & 0o7111, 0);
}
