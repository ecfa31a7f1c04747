//! `buoy-assimilate`.

use std::fs;
use std::os::unix::fs::symlink;

use crate::project::{BUNDLE, Project, ROUTE};

fn workunit() -> String {
    format!("{BUNDLE}__b1__lig_7")
}

fn line(project: &Project) -> String {
    let wu = workunit();
    format!("buoy-assimilate  26 {} {}", project.output(&wu, 1, 0), project.output(&wu, 1, 1))
}

#[test]
fn outputs_are_collected_where_boincs_web_pages_look() {
    let project = Project::new(ROUTE);
    let wu = workunit();
    let poses = project.upload(&wu, 1, 0, "poses");
    project.run(&line(&project)).is(0, "");
    let collected = format!("b1/{wu}__file_poses.pdbqt");
    assert_eq!(project.files("results"), [collected.as_str()]);
    // The server deletes the upload; the daemon may call again after a crash of its own.
    fs::remove_file(poses).unwrap();
    project.run(&line(&project)).is(0, "");
    assert_eq!(project.files("results"), [collected.as_str()]);
    assert_eq!(project.read(&format!("results/{collected}")), "poses");
}

#[test]
fn or_by_job_if_the_route_says_so() {
    let project = Project::new(&format!(
        "{ROUTE}\n[app.vina.assimilate]\nlayout = 'job'\ndirectory = '../my results'\n"
    ));
    let wu = workunit();
    project.upload(&wu, 1, 0, "poses");
    project.upload(&wu, 1, 1, "log");
    project.run(&line(&project)).is(0, "");
    project.run(&format!("buoy-assimilate  --error 2 {BUNDLE}__b1__lig_8 27 41")).is(0, "");
    assert_eq!(
        project.files("my results"),
        ["lig_7/log.txt", "lig_7/poses.pdbqt", "vina-0123456789ab__b1__lig_8_error"]
    );
}

#[test]
fn failed_workunits_are_noted_with_their_reasons() {
    let project = Project::new(ROUTE);
    let wu = workunit();
    for _ in 0..2 {
        project.run(&format!("buoy-assimilate  --error 2 {wu} 26 41")).is(0, "");
        assert_eq!(project.read(&format!("results/b1/{wu}_error")), "0x2 too many error results\n");
    }
    // A workunit of somebody else's goes by the batch's number.
    fs::write(project.path("buoy/routes.toml"), "[default]").unwrap();
    project.run("buoy-assimilate  --error 16 q3_0 26 41").is(0, "");
    assert_eq!(project.read("results/41/q3_0_error"), "0x10 cancelled\n");
}

#[test]
fn without_usable_routes_outputs_wait_in_the_spool_and_hold_nobody_up() {
    for routes in ["[app.vina", "[app.other]"] {
        let project = Project::new(routes);
        let wu = workunit();
        let poses = project.upload(&wu, 1, 0, "poses");
        project.upload(&wu, 1, 1, "log");
        project.run_inline(&line(&project)).has(0, "stays in the spool: ../buoy/routes.toml");
        fs::remove_file(poses).unwrap();
        assert_eq!(project.spooled(), [format!("{wu}_1")]);
        assert!(project.read("buoy/alerts.log").contains("../buoy/routes.toml"));
        // Once they are mended, the daemon's own second call would do it, as the worker does.
        project.write("buoy/routes.toml", ROUTE);
        project.run_inline(&line(&project)).has(0, "");
        let collected = [format!("{wu}__file_log.txt"), format!("{wu}__file_poses.pdbqt")];
        assert_eq!(project.files("results/b1"), collected);
        assert_eq!(project.spooled(), [""; 0]);
    }
}

#[test]
fn logical_names_of_older_servers_are_used_if_the_route_has_none() {
    let project = Project::new("[default]");
    let (a, b) = (project.upload("q3_0", 0, 0, "a"), project.upload("q3_0", 0, 1, "b"));
    // Not so a name that would lead elsewhere.
    project.run(&format!("buoy-assimilate {a} out.txt {b} ../../etc/x q3_0 41")).is(0, "");
    assert_eq!(project.files("results"), ["0/q3_0__file_1", "0/q3_0__file_out.txt"]);
}

#[test]
fn a_missing_output_is_noted_and_holds_nobody_up() {
    let project = Project::new(ROUTE);
    let wu = workunit();
    project.upload(&wu, 1, 1, "log");
    project.run(&line(&project)).has(0, "poses.pdbqt is missing");
    assert_eq!(
        project.read(&format!("results/b1/{wu}_error")),
        "failed to collect outputs: poses.pdbqt is missing\n"
    );
    assert_eq!(project.read(&format!("results/b1/{wu}__file_log.txt")), "log");
}

#[test]
fn something_in_the_way_of_one_workunit_holds_nobody_up() {
    let project = Project::new(ROUTE);
    let wu = workunit();
    let target = format!("results/b1/{wu}__file_poses.pdbqt");
    fs::create_dir_all(project.path(&target)).unwrap();
    project.upload(&wu, 1, 0, "poses");
    project.run_inline(&line(&project)).has(0, "stays in the spool: failed to collect ../results/b1/");
    assert_eq!(project.spooled(), [format!("{wu}_1")]);
    fs::remove_dir(project.path(&target)).unwrap();
    project.run_inline(&line(&project)).is(0, "");
    assert_eq!(project.read(&target), "poses");
}

#[test]
fn only_when_nothing_can_be_kept_does_the_daemon_stop() {
    let project = Project::new(ROUTE);
    let wu = workunit();
    project.upload(&wu, 1, 0, "poses");
    // /proc takes no directories, not even from root.
    symlink("/proc", project.path("buoy/spool")).unwrap();
    project
        .run(&line(&project))
        .has(1, "no results are assimilated until this is fixed: failed to use the spool at ../buoy/spool/");
    project.run(&format!("buoy-assimilate  --error 2 {wu} 26 41")).has(1, "../buoy/spool/");
    let gone = Project::new(ROUTE);
    fs::remove_dir_all(gone.path("upload")).unwrap();
    gone.run(&line(&gone)).has(1, "upload/21c/");
    assert_eq!(gone.spooled(), [""; 0]);
}

#[test]
fn names_never_lead_out_of_the_results() {
    let project = Project::new("[default]");
    let wu = "../../outside";
    project.run(&format!("buoy-assimilate  --error 2 {wu} 26 ../41")).is(0, "");
    assert_eq!(project.files("results"), ["0/wu_26_error"]);
    let wu = workunit();
    project.write("secret", "of the project");
    symlink(project.path("secret"), project.output(&wu, 1, 0)).unwrap();
    project.write("buoy/routes.toml", ROUTE);
    project.run(&line(&project)).has(0, "poses.pdbqt is a symbolic link, not a file");
    assert!(!project.path(&format!("results/b1/{wu}__file_poses.pdbqt")).exists());
}

#[test]
fn four_daemons_at_one_workunit_leave_one_whole_copy() {
    let project = Project::new(ROUTE);
    let wu = workunit();
    let contents = "poses\n".repeat(160);
    project.upload(&wu, 1, 0, &contents);
    let line = line(&project);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    project.run(&line).is(0, "");
                }
            });
        }
    });
    assert_eq!(project.files("results"), [format!("b1/{wu}__file_poses.pdbqt")]);
    assert_eq!(project.read(&format!("results/b1/{wu}__file_poses.pdbqt")), contents);
}
