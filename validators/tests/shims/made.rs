//! What assimilate scripts make, and where the files of a batch go by its number.

// Not `cfg(test)` to the lint, but nothing else uses it.
#![allow(clippy::unwrap_used)]

use std::fs;

use validators::brought::{RuleFile, fan_out, physical_name, sha256};
use validators::routes::RouteOutput;
use validators::spec::{AssimilateSpec, ValidateSpec};
use validators::values::ValueSpec;

use crate::project::{BUNDLE, Project, ROUTE};

fn workunit(job: &str) -> String {
    format!("{BUNDLE}__b1__{job}")
}

fn handed_over(project: &Project, job: &str, contents: &str) -> String {
    let wu = workunit(job);
    project.upload(&wu, 1, 0, contents);
    format!("buoy-assimilate  26 {}", project.output(&wu, 1, 0))
}

const MAKES: &str = "[app.vina.script]\nassimilate = ['take']\nmakes = ['sum.json', 'plot.png']\n\
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
            "echo x >> {}; printf '{{\"energy\": %s}}' \"$(cat \"$2\")\" > \"$BUOY_MADE/sum.json\"",
            project.path("ran").display()
        ),
    );
    for _ in 0..2 {
        project.run_inline(&handed_over(&project, "a", "-7.25")).is(0, "");
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
            "echo x >> {}; echo '{{\"energy\": 3}}' > \"$BUOY_MADE/sum.json\"",
            project.path("ran").display()
        ),
    );
    project.write("results/all.sqlite", &"precious notes".repeat(100));
    project.run_inline(&handed_over(&project, "a", "poses")).has(0, "cannot write the table");
    fs::remove_file(project.path("results/all.sqlite")).unwrap();
    project.run_inline(&handed_over(&project, "a", "poses")).has(0, "");
    assert_eq!(query::<f64>(&project, "SELECT energy FROM results"), 3.0);
    assert_eq!((project.read("ran").as_str(), project.spooled().len()), ("x\n", 0));
}

#[test]
fn what_a_script_that_failed_has_left_is_not_kept() {
    let project = Project::new(&format!("{ROUTE}{MAKES}"));
    project.script("buoy/take", "echo '{\"energy\": 1' > \"$BUOY_MADE/sum.json\"; exit 1");
    project.run_inline(&handed_over(&project, "a", "poses")).has(0, "assimilate script: exit 1");
    assert_eq!(project.files("results"), [format!("b1/{}__file_poses.pdbqt", workunit("a"))]);
    project.script("buoy/take", "test ! -s \"$BUOY_MADE/sum.json\"");
    project.run_inline(&handed_over(&project, "a", "poses")).has(0, "");
    assert_eq!(
        (query::<Option<f64>>(&project, "SELECT energy FROM results"), project.spooled().len()),
        (None, 0)
    );
}

#[test]
fn a_file_to_make_may_not_have_the_name_of_an_output() {
    let project = Project::new(&format!("{ROUTE}{}", MAKES.replace("plot.png", "log.txt")));
    project.run_inline(&handed_over(&project, "a", "poses")).has(0, "script.makes: \"log.txt\" is an output");
    assert_eq!(project.spooled().len(), 1);
}

#[test]
fn values_that_submitters_name_are_columns_of_their_apps_own_table() {
    let project = Project::new(
        "[brought]\napps = ['vina']\n[brought.assimilate.table]\nfile = '../results/all.sqlite'\n",
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
    project.run_inline(&handed_over(&project, "a", "poses")).is(0, "");
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
    project.run(&handed_over(&project, "c", "poses")).is(0, "");
    assert_eq!(project.spooled(), [format!("{}_1", workunit("c"))]);
    project.write("go", "");
    project.wait_until("the number is known", || project.spooled().is_empty());
    assert_eq!(project.read(&format!("results/7/{}__file_poses.pdbqt", workunit("c"))), "poses");
}

#[test]
fn without_the_number_of_their_batch_outputs_wait_in_the_spool() {
    for (body, expected) in [
        ("echo ../../x", "printed \"../../x\", a number is needed"),
        ("echo no database; exit 1", "exit 1: no database"),
    ] {
        let project = Project::new(&format!("{ROUTE}{BY_NUMBER}"));
        project.script("buoy/batch_of", body);
        project.run_inline(&handed_over(&project, "a", "poses")).has(0, expected);
        assert_eq!(project.spooled().len(), 1);
        assert!(project.read("buoy/alerts.log").contains("batch_id: "));
        project.script("buoy/batch_of", "echo 41");
        project.run_inline(&handed_over(&project, "a", "poses")).has(0, "batch_id: works again");
        assert_eq!(project.files("results"), [format!("41/{}__file_poses.pdbqt", workunit("a"))]);
    }
    let routes = BY_NUMBER.split("[batch_id]").next().unwrap();
    let project = Project::new(&format!("{ROUTE}{routes}"));
    project.run_inline(&handed_over(&project, "a", "poses")).has(0, "[batch_id] command is needed");
    assert_eq!(project.spooled().len(), 1);
}
