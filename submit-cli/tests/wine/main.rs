//! The real buoy.exe under Wine, next to the buoy of this system. `PLATFORMS=all ./x test` runs these tests.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails, and says where")]

mod desk;
mod wsl;

use std::path::Path;
use std::time::Duration;

use boinc::job::argv::encode;
use emulated_project::{Fault, Gate, Report};

use desk::{Desk, text, with_crlf};
use wsl::Wsl;

/// A science app in text files, with two tables and inputs in a directory.
const APP: &str = r#"name = "dock"
version = "1.0.0"

[image]
files = ["bin/dock.sh", "bin/engine", "bin/notes.txt"]

[run]
command = "--ligand ligand.pdbqt --seed {seed} 'a b' ünïcode"

[[input]]
name = "receptor.pdbqt"
shared = true
file = "data/receptor.pdbqt"

[[input]]
name = "ligand.pdbqt"

[[output]]
name = "poses.pdbqt"
max_size = "1 MB"
"#;

const DOCKERFILE: &str = "FROM debian:bookworm-slim\n# a comment\nCOPY dock.sh engine notes.txt \\\n    /usr/local/bin/\nENTRYPOINT [\"dock.sh\"]\n";

const LIGANDS: &str = "ligand\ndata/l0.pdbqt\ndata/l1.pdbqt\n";
const TABLE: &str = "job,ligand,seed\nj0,data/l0.pdbqt,7\nj1,data/l1.pdbqt,8\n\"j2\",data/l1.pdbqt,9\n";

/// The app, with the line ends of Unix or of Windows in what the submitter writes.
fn write_app(desk: &Desk, crlf: bool) {
    let ends = |text: &str| if crlf { with_crlf(text) } else { text.to_owned() };
    let files =
        [("app.toml", APP), ("Dockerfile", DOCKERFILE), ("jobs.csv", TABLE), ("ligands.csv", LIGANDS)];
    for (name, content) in files {
        desk.write(&format!("dock/{name}"), &ends(content));
    }
    desk.write_program("dock/bin/dock.sh", "#!/bin/sh\nexec engine \"$@\"\n");
    desk.write_program("dock/bin/engine", "\x7fELF\x02\x01\x01");
    desk.write("dock/bin/notes.txt", "not a program\n");
    desk.write("dock/data/receptor.pdbqt", "receptor\n");
    for n in 0..2 {
        desk.write(&format!("dock/data/l{n}.pdbqt"), &format!("ligand {n}\n"));
    }
}

#[test]
fn a_starter_app_is_the_same_on_both_systems() {
    let Some(desk) = Desk::new() else { return };
    for template in ["shell", "python"] {
        desk.succeed(&["init", &format!("win-{template}/my-app"), "--template", template]);
        desk.succeed_here(&["init", &format!("unix-{template}/my-app"), "--template", template]);
        assert_eq!(desk.files(&format!("win-{template}")), desk.files(&format!("unix-{template}")));
        let app = format!("win-{template}/my-app");
        let (windows, unix) = (format!("{template}-by-windows"), format!("{template}-by-unix"));
        desk.succeed(&["pack", &app, "-o", &windows]);
        desk.succeed_here(&["pack", &format!("unix-{template}/my-app"), "-o", &unix]);
        let mut packages = [desk.files(&windows), desk.files(&unix)];
        // The sources of the files have other names in it.
        packages.iter_mut().for_each(|package| drop(package.remove(Path::new("manifest.json"))));
        assert_eq!(packages[0], packages[1]);
    }
}

#[test]
fn a_package_is_the_same_on_both_systems_byte_by_byte() {
    let Some(desk) = Desk::new() else { return };
    for crlf in [false, true] {
        write_app(&desk, crlf);
        for (kind, jobs) in [
            ("table", &["dock/jobs.csv"][..]),
            ("sweep", &["dock/ligands.csv", "--sweep", "seed=1..3"]),
            ("files", &["dock/data/l0.pdbqt", "dock/data/l1.pdbqt", "--command", "--seed 1"]),
        ] {
            let pack = |to: &str| -> Vec<String> {
                let out = ["-o", to];
                let words = ["pack", "dock"].iter().chain(jobs).chain(&out);
                words.map(|&word| word.to_owned()).collect()
            };
            let (windows, unix) = (format!("{kind}-{crlf}-by-windows"), format!("{kind}-{crlf}-by-unix"));
            desk.succeed(&pack(&windows));
            desk.succeed_here(&pack(&unix));
            let files = desk.files(&windows);
            assert!(files.len() >= 8, "{:?}", files.keys());
            assert_eq!(files, desk.files(&unix), "{kind}, CRLF: {crlf}");
        }
    }
}

#[test]
fn paths_with_backslashes_are_accepted_and_go_nowhere() {
    let Some(desk) = Desk::new() else { return };
    write_app(&desk, false);
    desk.succeed_here(&["pack", "dock", "dock/jobs.csv", "-o", "by-unix"]);
    let expected = desk.files("by-unix");
    desk.write("dock/app.toml", &APP.replace("bin/", "bin\\\\").replace("data/", "data\\\\"));
    desk.write("dock/jobs.csv", &TABLE.replace("data/", "data\\"));
    desk.succeed(&["pack", "dock", "dock\\jobs.csv", "-o", "by-windows"]);
    assert_eq!(desk.files("by-windows"), expected);
    // Patterns are for the program to expand: cmd and PowerShell do not.
    desk.write("dock/batch.toml", "command = \"{file} {file:stem}\"\n\n[jobs]\nglob = \"data/l*.pdbqt\"\n");
    desk.succeed(&["pack", "dock", "-o", "patterns-by-windows"]);
    desk.write("dock/app.toml", APP);
    desk.succeed_here(&["pack", "dock", "-o", "patterns-by-unix"]);
    assert_eq!(desk.files("patterns-by-windows"), desk.files("patterns-by-unix"));
}

#[test]
fn errors_name_file_and_line() {
    let Some(desk) = Desk::new() else { return };
    write_app(&desk, true);
    desk.write("dock/app.toml", &with_crlf(&APP.replace("max_size = \"1 MB\"", "max_size = 7\r\nwrong = 1")));
    let output = desk.buoy(&["check", "dock", "dock\\jobs.csv"]);
    assert_eq!(output.status.code(), Some(2));
    let here = desk.buoy_here(&["check", "dock", "dock/jobs.csv"]);
    assert_eq!(text(&output.stderr).replace('\\', "/"), text(&here.stderr).replace('\\', "/"));
}

#[test]
fn what_needs_linux_says_so() {
    let Some(desk) = Desk::new() else { return };
    for command in [&["run", "dock"][..], &["doctor"], &["admin", "check", "."]] {
        let output = desk.buoy(command);
        assert_eq!(output.status.code(), Some(3), "{command:?}");
        let said = text(&output.stderr);
        assert!(said.contains("on Linux") && said.contains("linux\\buoy is missing"), "{said}");
        assert!(said.contains("copy the programs for Linux"), "{said}");
    }
    let script = text(&desk.succeed(&["completions", "powershell"]).stdout);
    assert!(script.contains("Register-ArgumentCompleter"));
}

/// By a `buoy` for Linux that prints what it was given, in the place of the real one.
#[test]
fn what_needs_linux_is_run_in_wsl() {
    let Some(desk) = Desk::new() else { return };
    let wsl = Wsl::start(&desk);
    desk.write_program("pro grams/linux/buoy", "#!/bin/sh\npwd\nprintf '%s\\n' \"$@\"\ncat\nexit 7\n");
    desk.write("dock/sub dir/jobs.csv", "a\n");
    let there = desk.unix("dock/sub dir");
    let absolute = desk.windows("dock\\sub dir\\new\\results");
    let words = [
        "-v",
        "run",
        "dock\\sub dir",
        "dock\\sub dir\\jobs.csv",
        "--command",
        "a \"b\" \\d 'ü'",
        "--out",
        &absolute,
    ];
    let output = wsl.buoy(&desk, &words);
    assert_eq!(output.status.code(), Some(7), "{}", text(&output.stderr));
    let expected = [
        desk.unix(""),
        "run".into(),
        "--command=a \"b\" \\d 'ü'".into(),
        format!("--out={there}/new/results"),
        "--verbose".into(),
        "--".into(),
        "dock/sub dir".into(),
        "dock/sub dir/jobs.csv".into(),
    ];
    assert_eq!(text(&output.stdout).lines().collect::<Vec<_>>(), expected);
}

/// With the real `buoy` of this system, which reports that the app does not exist.
#[test]
fn an_error_on_linux_is_that_of_the_command() {
    let Some(desk) = Desk::new() else { return };
    let wsl = Wsl::start(&desk);
    let buoy = assert_cmd::cargo::cargo_bin("buoy");
    desk.write_program("pro grams/linux/buoy", &format!("#!/bin/sh\nexec {} \"$@\"\n", buoy.display()));
    let output = wsl.buoy(&desk, &["run", "no\\such app"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("no/such app"), "{}", text(&output.stderr));
}

#[test]
fn two_results_are_compared() {
    let Some(desk) = Desk::new() else { return };
    write_app(&desk, false);
    for (name, poses) in [("a", "1.0\n"), ("b", "1.0\n"), ("c", "2.0\n")] {
        desk.write(&format!("{name}/poses.pdbqt"), poses);
    }
    assert_eq!(desk.buoy(&["compare", "a", "b", "--app", "dock"]).status.code(), Some(0));
    let output = desk.buoy(&["compare", "a", "c", "--app", "dock"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let here = desk.buoy_here(&["compare", "a", "c", "--app", "dock"]);
    assert_eq!(text(&output.stdout), text(&here.stdout));
}

#[test]
fn a_campaign_from_login_to_its_results() {
    let Some(desk) = Desk::new() else { return };
    write_app(&desk, true);
    desk.log_in();
    let listed = text(&desk.succeed(&["login", "--list"]).stdout);
    assert!(listed.contains("emulated"), "{listed}");
    desk.succeed(&["submit", "dock", "dock\\jobs.csv", "--yes", "--detach"]);
    let names = desk.project.workunit_names();
    assert_eq!(names.len(), 3);
    for workunit in desk.project.workunits() {
        let inputs: Vec<&str> = workunit.inputs.iter().map(|input| input.physical_name.as_str()).collect();
        assert!(!inputs.is_empty() && inputs.iter().all(|name| !name.contains('\\')), "{inputs:?}");
        let words = |seed| ["--ligand", "ligand.pdbqt", "--seed", seed, "a b", "ünïcode"];
        let expected = ["7", "8", "9"].map(|seed| encode(&words(seed)));
        assert!(expected.contains(&workunit.command_line), "{}", workunit.command_line);
    }
    // Again: nothing is sent twice.
    desk.succeed(&["submit", "dock", "dock\\jobs.csv", "--yes", "--detach"]);
    assert_eq!(desk.project.workunit_count(), 3);
    let status = text(&desk.succeed(&["status"]).stdout);
    assert!(status.contains("3 unsent"), "{status}");
    for name in &names[..2] {
        while desk.project.workunit(name).unwrap().canonical_result == 0 {
            desk.project.finish_job(name, Report::with_outputs(["poses\n"])).unwrap();
        }
    }
    while desk.project.workunit(&names[2]).unwrap().error_mask == 0 {
        desk.project.send_out(&names[2]).unwrap();
        desk.project.fail_instance(&names[2], 139, "boom").unwrap();
    }
    let watched = desk.buoy(&["watch"]);
    assert_eq!(watched.status.code(), Some(1), "{}", text(&watched.stderr));
    // A job has failed.
    let fetched = desk.buoy(&["fetch"]);
    assert_eq!(fetched.status.code(), Some(0), "{}", text(&fetched.stderr));
    for job in ["j0", "j1"] {
        assert_eq!(desk.read(&format!("results/{job}/poses.pdbqt")), "poses\n");
    }
    assert_eq!(desk.read("results/results.csv").lines().count(), 4);
    desk.succeed(&["report", "results"]);
    assert!(desk.read("results/report.html").contains("./j0/poses.pdbqt"));
    let logs = desk.buoy(&["logs", "j2"]);
    assert_eq!(logs.status.code(), Some(0), "{}", text(&logs.stderr));
    // The same campaign, seen from Linux.
    let here = text(&desk.buoy_here(&["status"]).stdout);
    assert_eq!(text(&desk.succeed(&["status"]).stdout), here);
    desk.succeed(&["retry"]);
    assert_eq!(desk.project.workunit_count(), 4);
    desk.succeed(&["abort", "--yes"]);
    let list = text(&desk.succeed(&["list"]).stdout);
    assert!(list.contains("results") && !list.contains("\\\\?\\"), "{list}");
    desk.succeed(&["retire", "--force"]);
    desk.succeed(&["logout", "emulated"]);
}

#[test]
fn a_campaign_in_use_is_left_alone() {
    let Some(desk) = Desk::new() else { return };
    write_app(&desk, false);
    desk.log_in();
    let gate = Gate::new();
    desk.project.faults().on("submit_batch", 1, Fault::Held(gate.clone()));
    let submit = ["submit", "dock", "dock\\jobs.csv", "--yes", "--detach"];
    let mut first = desk.command(&submit).spawn().unwrap();
    assert!(gate.wait_until_reached(Duration::from_secs(60)));
    let second = desk.buoy(&submit);
    gate.open();
    assert!(first.wait().unwrap().success());
    assert_ne!(second.status.code(), Some(0));
    let said = text(&second.stderr);
    assert!(said.contains("another buoy process") && said.contains("is using this campaign"), "{said}");
    assert_eq!(desk.project.workunit_count(), 3);
}
