//! What `buoy admin routes check` sees without running anything, and `buoy admin spool`.

use insta::assert_snapshot;

use crate::folder::Folder;

const ROUTES: &str = "\
[app.vina]
outputs = [{ name = 'poses.pdbqt' }]
validate.rule = 'numbers'
validate.absolute = 0.01
[app.vina.script]
assimilate = ['take', '--all']
[app.fold]
validate.absolute = 1
[submitter_rules]
apps = ['*']
images = ['python:3']
";

fn project() -> Folder {
    Folder::new().with("buoy/routes.toml", ROUTES)
}

fn dir(folder: &Folder, text: &str) -> String {
    text.replace(folder.path("").canonicalize().unwrap().to_str().unwrap(), "DIR")
}

#[test]
fn routes_are_checked_with_names_scripts_and_the_lines_for_config_xml() {
    let folder = project();
    let names = "vina-0123456789ab__b1__lig_7_0_r12345_0 q3_0";
    let answer = folder.buoy(&format!("admin routes check {names}"));
    assert_eq!(answer.code, 1);
    assert_snapshot!(dir(&folder, &answer.stdout), @r#"
    routes   DIR/buoy/routes.toml
    fold
             wrong: DIR/buoy/routes.toml:8:10: app."fold": validate.absolute: has no effect with rule = "bytes", it belongs to rule = "numbers", "table", "json", "array"
    vina     outputs poses.pdbqt; compare by rule numbers; assimilate by take --all; collect in ../results
             wrong: assimilate script: DIR/buoy/take: No such file or directory (os error 2)
    submitter rules for *: scripts in python:3; rule files in ../download
    name     vina-0123456789ab__b1__lig_7: app vina, batch b1, job lig_7: route vina
    name     q3_0: app ?, batch ?, job ?: DIR/buoy/routes.toml: no route for workunit q3_0, whose name does not contain a science app ([[names]] can define it); help: add [app."APP"] or [default] there, or routes.d/APP.toml next to it

    for <daemons> in config.xml (script names only, without tokens):
    <daemon><cmd>script_validator --app universal --init_script buoy-init --compare_script buoy-compare</cmd></daemon>
    <daemon><cmd>script_assimilator --app universal --script buoy-assimilate</cmd></daemon>

    for <tasks>, to process the spool after a reboot too:
    <task><cmd>buoy-assimilate --process-spool</cmd><period>5 min</period></task>
    "#);
    let folder = folder.with("buoy/routes.toml", "[app.vina\n");
    assert_snapshot!(dir(&folder, &folder.buoy("admin routes check").stdout), @r#"
    broken: DIR/buoy/routes.toml:1:10: not valid TOML: unclosed table, expected `]`
            no result is validated or invalidated until it is fixed
    "#);
}

#[test]
fn a_directory_that_is_no_project_is_refused() {
    assert_snapshot!(Folder::new().buoy("admin routes check").stderr, @"error: missing directory ./buoy: name the directory of a BOINC project with --project DIR, and create buoy/ with routes.toml in it");
}

#[test]
fn what_waits_is_listed_tried_again_and_dropped() {
    let folder = project();
    let item = |job: &str| {
        format!(
            "{{\"version\":1,\"key\":\"vina-0123456789ab__b1__{job}.failed-2\",\"workunit\":\"vina-0123456789ab__b1__{job}\",\
             \"instance\":null,\"workunit_id\":\"26\",\"batch_id\":\"41\",\"received\":1000.0,\
             \"outcome\":{{\"failed\":{{\"mask\":2}}}},\"outputs\":[]}}"
        )
    };
    let mut folder = folder;
    for job in ["a", "b"] {
        let place = format!("buoy/spool/waiting/vina-0123456789ab__b1__{job}.failed-2");
        folder = folder.with(&format!("{place}/item.json"), &item(job)).with(&format!("{place}/lock"), "");
    }
    assert_snapshot!(folder.buoy("admin spool list").stdout, @r#"
    vina-0123456789ab__b1__a.failed-2 (0 B, not tried yet, next now)
    vina-0123456789ab__b1__b.failed-2 (0 B, not tried yet, next now)
    "#);
    let answer = folder.buoy("admin spool retry");
    assert_eq!(answer.code, 1);
    assert_snapshot!(dir(&folder, &answer.stdout), @r#"
    vina-0123456789ab__b1__a.failed-2 stays in the spool: assimilate script is broken: DIR/buoy/take: No such file or directory (os error 2)
    ALERT: vina.assimilate: assimilate script is broken: DIR/buoy/take: No such file or directory (os error 2)
    0 done, 2 still waiting
    "#);
    assert!(folder.read("results/b1/vina-0123456789ab__b1__a_error").starts_with("0x2 "));
    assert_snapshot!(folder.buoy("admin spool retry nothing").stderr, @r#"error: nothing: not in the spool; buoy admin spool list shows the names"#);
    assert_snapshot!(folder.buoy("admin spool drop vina-0123456789ab__b1__b.failed-2").stdout, @r#"1 dropped"#);
    let folder = folder.with("buoy/routes.toml", "[app.vina]\n");
    assert_snapshot!(folder.buoy("admin spool retry").stdout, @r#"1 done, 0 still waiting"#);
    assert_eq!(folder.buoy("admin spool list").stdout, "");
}

#[test]
fn an_item_that_cannot_be_read_hides_no_other_and_can_be_dropped() {
    let folder = project()
        .with("buoy/spool/waiting/torn_0/item.json", "{\"vers")
        .with("buoy/spool/waiting/torn_0/lock", "");
    let listed = folder.buoy("admin spool list");
    assert_snapshot!(
        dir(&folder, &listed.stdout),
        @"torn_0 (cannot be read): DIR/buoy/spool/waiting/torn_0/item.json: EOF while parsing a string at line 1 column 6"
    );
    let json: serde_json::Value =
        serde_json::from_str(&folder.buoy("admin spool list --json").stdout).unwrap();
    assert_eq!(json[0]["item"]["key"], "torn_0");
    assert_snapshot!(folder.buoy("admin spool drop torn_0").stdout, @"1 dropped");
    assert_eq!(folder.buoy("admin spool list").stdout, "");
}
