//! A single-purpose app: jobs bring their own inputs only, and the rest must be what is installed.

use std::process::Command;

use assert_cmd::cargo::CommandCargoExt;
use emulated_project::Settings;

use crate::campaign::Bench;

/// The wrapper of this platform, as far as anybody looks at it.
const ELF: &[u8] = b"\x7fELF\x02\x01\0\0\0\0\0\0\0\0\0\0\0\0\x3e\0 and more";

const SUBMIT: [&str; 5] = ["submit", ".", "jobs.csv", "--yes", "--detach"];

/// A project whose app `dock` is what `buoy admin app-version --single` makes of the bench's science app.
fn bench() -> Bench {
    let settings = Settings { apps: vec!["dock".to_owned()], ..Settings::default() };
    let mut bench = Bench::with(2, settings);
    bench.entry.app_name = "dock".to_owned();
    bench.log_in();
    install(&bench, "2.01");
    bench
}

fn install(bench: &Bench, number: &str) {
    std::fs::create_dir_all(bench.path("admin")).unwrap();
    std::fs::write(bench.path("wrapper"), ELF).unwrap();
    let mut admin = Command::cargo_bin("buoy").unwrap();
    admin.args(["admin", "app-version", "admin", "--number", number, "--single", "."]);
    admin.args(["--wrapper", "x86_64-pc-linux-gnu=wrapper"]).current_dir(bench.path(""));
    let output = admin.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let version = std::fs::read_dir(bench.path("admin/apps/dock").join(number)).unwrap().next().unwrap();
    let files = std::fs::read_dir(version.unwrap().path()).unwrap();
    let files: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    bench.project.install_version("dock", number.replace('.', "").parse().unwrap(), &files);
}

fn refused(bench: &Bench) -> String {
    let output = bench.ran(&SUBMIT);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    said
}

#[test]
fn jobs_bring_their_own_inputs_only() {
    let bench = bench();
    let output = bench.ran(&SUBMIT);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    for workunit in bench.project.workunits() {
        let names: Vec<&str> = workunit.inputs.iter().map(|input| input.open_name.as_str()).collect();
        assert_eq!(names, ["ligand.pdbqt"]);
    }
    // The rule file is for the server.
    let sent = bench.project.files();
    assert_eq!(sent.iter().filter(|name| !name.starts_with("buoy_rule_")).count(), 2, "{sent:?}");
}

/// What a client would silently replace by the app version's file is an error.
#[test]
fn a_changed_shared_file_is_refused_until_that_version_is_installed() {
    let bench = bench();
    for (file, text) in [
        ("receptor.pdbqt", "another receptor\n"),
        ("dock.sh", "#!/bin/sh\n# changed\n"),
        ("Dockerfile", "FROM debian:bookworm\nCOPY dock.sh /usr/local/bin/\n"),
    ] {
        let before = std::fs::read_to_string(bench.path(file)).unwrap();
        bench.write(file, text);
        let said = refused(&bench);
        assert!(said.contains("version 2.01 of the single-purpose app dock holds other files"), "{said}");
        assert_eq!(bench.project.workunit_count(), 0);
        bench.write(file, &before);
        let _ = std::fs::remove_dir_all(bench.path("results"));
    }
    bench.write("receptor.pdbqt", "another receptor\n");
    install(&bench, "2.02");
    assert_eq!(bench.ran(&SUBMIT).status.code(), Some(0));
}

#[test]
fn where_the_project_shows_nothing_the_submitter_says_what_is_installed() {
    let bench = bench();
    bench.project.install_version("dock", 300, &[]);
    let output = bench.ran(&["submit", ".", "jobs.csv", "--yes", "--detach", "--installed"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(bench.project.workunits().iter().all(|workunit| workunit.inputs.len() == 1));
    // It is remembered; more jobs are compared again, or nothing is sent.
    bench.jobs(3);
    assert!(refused(&bench).contains("does not show its app versions"));
}
