//! `buoy admin routes check` runs scripts that judge, once, on made-up outputs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use assert_cmd::cargo::CommandCargoExt;
use boinc::names::fan_out::fan_out;
use insta::assert_snapshot;
use validators::route::RouteOutput;
use validators::spec::{AssimilateSpec, ValidateSpec};
use validators::submitter_rules::{BundleScript, RuleFile, physical_name, sha256};

use crate::folder::Folder;

const VINA: &str = "\
[app.vina]
outputs = [{ name = 'poses.pdbqt' }, { name = 'log.txt', optional = true }]
[app.vina.script]
init = ['judge', '--one']
compare = ['judge', '--two']
assimilate = ['judge', '--store']
";

/// Notes how it was called.
const NOTE: &str = "echo \"$BUOY_PURPOSE $1 $#\" >> \"${0%/*}/called\"";

/// A folder with these routes.
fn project(routes: &str) -> Folder {
    Folder::new().with("buoy/routes.toml", routes)
}

/// Adds a shell script beside the routes.
fn script(folder: Folder, name: &str, body: &str) -> Folder {
    let path = format!("buoy/{name}");
    let folder = folder.with(&path, &format!("#!/bin/sh\n{body}\n"));
    fs::set_permissions(folder.path(&path), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// What `check` prints about routes, without the lines for config.xml.
fn checked(folder: &Folder, arguments: &str) -> (i32, String) {
    let answer =
        folder.run(&["admin routes check", arguments].join(" ").split_whitespace().collect::<Vec<_>>());
    let directory = folder.path("").canonicalize().unwrap();
    let text = answer.stdout.replace(directory.to_str().unwrap(), "DIR");
    (answer.code, text.split("\n\nfor <daemons>").next().unwrap().to_owned())
}

#[test]
fn scripts_that_judge_are_run_once_and_those_that_store_are_not() {
    let body = format!("{NOTE}\n[ $1 = --two ] && exit 0\ncat \"$2\"\nexit 10");
    let folder = script(project(VINA), "judge", &body);
    let (code, text) = checked(&folder, "--no-run");
    assert_eq!(code, 0);
    assert_snapshot!(text, @r"
    routes   DIR/buoy/routes.toml
    vina     outputs poses.pdbqt, log.txt; init by judge --one; compare by judge --two; assimilate by judge --store; collect in ../results
             init: exists
             compare: exists
             assimilate: exists
    ");
    assert!(!folder.path("buoy/called").exists());
    let (code, text) = checked(&folder, "");
    assert_eq!(code, 0);
    assert_snapshot!(text, @r"
    routes   DIR/buoy/routes.toml
    vina     outputs poses.pdbqt, log.txt; init by judge --one; compare by judge --two; assimilate by judge --store; collect in ../results
             init: runs, answers bad: made up by buoy admin routes check: output 0 of result 0, of no job
             compare: runs, answers good
             assimilate: exists; not run: it may store results
    ");
    assert_eq!(folder.read("buoy/called"), "init --one 3\ncompare --two 5\n");
}

#[test]
fn a_script_gets_results_as_from_a_daemon_and_two_that_differ() {
    let folder = script(
        project("[app.vina.script]\ncompare = ['judge']\ninit = ['judge']\n"),
        "judge",
        "cp \"$BUOY_CALL\" \"${0%/*}/$BUOY_PURPOSE.json\"\n[ $BUOY_PURPOSE = init ] && exit 0\n! cmp -s \"$1\" \"$2\"",
    );
    let (code, text) = checked(&folder, "vina-0123456789ab__b1__lig_7_1_r5_0");
    assert_eq!(code, 0, "{text}");
    let call: serde_json::Value = serde_json::from_str(&folder.read("buoy/compare.json")).unwrap();
    assert_eq!((&call["app"], &call["job"]), (&"vina".into(), &"lig_7".into()), "it leads there");
    let names = [0, 1].map(|n| call["results"][n]["outputs"][0]["physical_name"].as_str().unwrap());
    for (n, name) in names.into_iter().enumerate() {
        assert!(name.starts_with(&format!("vina-0123456789ab__b1__lig_7_{n}_r")), "{name}");
    }
    let (_, _) = checked(&folder, "");
    let call: serde_json::Value = serde_json::from_str(&folder.read("buoy/init.json")).unwrap();
    assert_eq!(call["app"], "vina", "without a name there is one made up");
    assert_eq!(call["results"].as_array().unwrap().len(), 1);
}

#[test]
fn a_script_that_answers_nonsense_with_anything_but_10_is_told_as_broken() {
    let routes = "[app.deaf.script]\ncompare = ['hang']\ntimeout_seconds = 1\n\
                  [app.legacy.script]\ninit = ['strict']\nlegacy = true\n\
                  [app.lost.script]\ninit = ['lost']\n\
                  [app.strict.script]\ninit = ['strict']\n\
                  [app.wait.script]\ninit = ['wait']\n";
    let mut folder = project(routes);
    for (name, body) in [
        ("hang", "sleep 600"),
        ("lost", "echo loading\n. /no/such/module"),
        ("strict", "read n < \"$1\"\n[ -z \"${n##[0-9]*}\" ] && exit 0\necho \"ValueError: $n\"\nexit 1"),
        ("wait", "exit 75"),
    ] {
        folder = script(folder, name, body);
    }
    let (code, text) = checked(&folder, "");
    assert_eq!(code, 1);
    assert_snapshot!(text, @r"
    routes   DIR/buoy/routes.toml
    deaf     compare by hang; collect in ../results
             wrong: compare script: took longer than 1 s; the output was made up, as a volunteer can send anything: a script must answer it with exit code 10 (or 0), otherwise validation of this app is suspended
    legacy   init by strict; compare by rule bytes; collect in ../results
             init: runs, answers bad: ValueError: made up by buoy admin routes check: output 0 of result 0, of no job
    lost     init by lost; compare by rule bytes; collect in ../results
             wrong: init script: exit 2 (0 good, 10 bad, 75 later; anything else is a broken script, unless legacy = true): DIR/buoy/lost: 3: .: cannot open /no/such/module: No such file; the output was made up, as a volunteer can send anything: a script must answer it with exit code 10 (or 0), otherwise validation of this app is suspended
    strict   init by strict; compare by rule bytes; collect in ../results
             wrong: init script: exit 1 (0 good, 10 bad, 75 later; anything else is a broken script, unless legacy = true): ValueError: made up by buoy admin routes check: output 0 of result 0, of no job; the output was made up, as a volunteer can send anything: a script must answer it with exit code 10 (or 0), otherwise validation of this app is suspended
    wait     init by wait; compare by rule bytes; collect in ../results
             init: runs, answers later
    ");
    assert_eq!(checked(&folder, "--no-run").0, 0, "all are there");
}

#[test]
fn json_says_how_each_script_stands_and_what_config_xml_needs() {
    let folder = script(project(VINA), "judge", "[ $1 = --one ] && exit 10\necho no module\nexit 2");
    let answer = folder.buoy("admin routes check --json");
    assert_eq!(answer.code, 1);
    let json: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    let scripts = &json["routes"][0]["scripts"];
    assert_eq!(
        scripts[0],
        serde_json::json!({"purpose": "init", "state": "runs", "answer": "bad", "said": ""})
    );
    assert_eq!((&scripts[1]["purpose"], &scripts[1]["state"]), (&"compare".into(), &"broken".into()));
    assert!(scripts[1]["why"].as_str().unwrap().contains(": no module; "), "{scripts}");
    assert_eq!(
        scripts[2],
        serde_json::json!({"purpose": "assimilate", "state": "exists", "not_run": "it may store results"})
    );
    assert_eq!(
        json["config_xml"]["tasks"][0],
        "<task><cmd>buoy-assimilate --process-spool</cmd><period>5 min</period></task>"
    );
}

#[test]
fn nothing_is_left_and_no_breaker_is_touched() {
    let folder = script(project(VINA), "judge", "exit 1").with("temporary/x", "");
    let before = folder.tree();
    let mut command = Command::cargo_bin("buoy").unwrap();
    command.args(["admin", "routes", "check"]).current_dir(folder.path(""));
    let answer = command.env("TMPDIR", folder.path("temporary")).output().unwrap();
    assert_eq!(answer.status.code(), Some(1));
    assert_eq!(folder.tree(), before);
}

#[test]
fn a_script_that_a_bundle_brings_and_the_project_does_not_allow_is_told() {
    let output = RouteOutput { name: "out.txt".into(), max_bytes: None, optional: false };
    let script =
        BundleScript { init: vec!["judge".into()], image: Some("mine".into()), ..BundleScript::default() };
    let (validate, assimilate) = (ValidateSpec::default(), AssimilateSpec::default());
    let rule = RuleFile::new("fold", vec![], vec![output], validate, assimilate, Some(script)).bytes();
    let hash = sha256(&rule)[..12].to_owned();
    let name = physical_name(&hash);
    let folder = project("[submitter_rules]\napps = ['fold']\nimages = ['theirs']\n")
        .with(&format!("download/{}/{name}", fan_out(&name, 1024)), std::str::from_utf8(&rule).unwrap());
    let (code, text) = checked(&folder, &format!("fold-{hash}__b__j fold-{hash}__b__k"));
    assert_eq!(code, 1);
    assert_snapshot!(text.replace(&hash, "HASH"), @r#"
    routes   DIR/buoy/routes.toml
    submitter rules for fold: scripts in theirs; rule files in ../download
    fold-HASH outputs out.txt; init by judge; compare by rule bytes; collect in ../results; rules of the bundle
             wrong: init script: image "mine" is not allowed; submitter_rules.images of this project: ["theirs"]
    name     fold-HASH__b__j: app fold, batch b, job j: route fold-HASH
    name     fold-HASH__b__k: app fold, batch b, job k: route fold-HASH
    "#);
}
