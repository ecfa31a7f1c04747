//! The science apps in examples/, run by the real programs with real engines.
//!
//! `BUOY_TEST_ENGINES` (set by `./x test`) names the engines that must answer. Without it a test whose engine is not
//! there is passed over.
#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

mod pages;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

#[test]
fn engine_docker_runs_hello() {
    hello("docker");
}

#[test]
fn engine_podman_runs_hello() {
    hello("podman");
}

#[test]
fn engine_docker_docks_with_the_scores_of_plain_vina() {
    vina("docker");
}

#[test]
fn engine_podman_docks_with_the_scores_of_plain_vina() {
    vina("podman");
}

/// The commands of README's quick start, as they are written there, after the one that builds the programs.
#[test]
fn engine_docker_runs_the_quick_start_of_the_readme() {
    if passed_over("docker") {
        return;
    }
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap();
    let (_, rest) = readme.split_once("## Quick start").unwrap();
    let (quick_start, _) = rest.split_once("\n## ").unwrap();
    let blocks = quick_start.split("```sh\n").skip(1).map(|block| block.split_once("```").unwrap().0);
    let commands: String = blocks.filter(|block| !block.contains("cargo build")).collect();
    assert!(commands.contains("buoy init my-app") && commands.contains("--out light"), "{commands}");
    let dir = tempfile::tempdir().unwrap();
    let path = format!("{}:{}", programs().display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-exc", &commands])
        .current_dir(dir.path())
        .env("PATH", path)
        .env("BUOY_STATE_DIR", dir.path().join("state"))
        .output()
        .unwrap();
    assert_success(&output);
    for results in ["results", "light"] {
        let table = fs::read_to_string(dir.path().join(results).join("results.csv")).unwrap();
        assert!(table.lines().count() > 1 && !table.contains("failed"), "{table}");
    }
}

/// Greetings with quotes, spaces and shell characters arrive as the table has them.
fn hello(engine: &str) {
    if passed_over(engine) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let app = copy_of("hello", dir.path());
    assert_success(&Command::new(app.join("build.sh")).output().unwrap());

    let results = dir.path().join("results");
    assert_success(&run(&app, engine, &results));

    let greeting = |job: &str| fs::read_to_string(results.join(job).join("hello.txt")).unwrap();
    assert_eq!(greeting("plain"), "Hello, world!\n");
    assert_eq!(greeting("spaces"), "Good morning, world!\n".repeat(2));
    assert_eq!(greeting("quotes"), "It's said: \"ahoy\", world!\n".repeat(3));
    assert_eq!(greeting("shell"), "$(whoami); `id` & *, world!\n");
}

/// Ligands are docked, and every score is the one that vina gives by itself. (The demo docks all of them.)
fn vina(engine: &str) {
    if passed_over(engine) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let app = copy_of("vina", dir.path());
    let table = fs::read_to_string(app.join("ligands.csv")).unwrap();
    let chosen = ["ligand,", "ponatinib,", "caffeine,", "aspirin,"];
    let rows = table.lines().filter(|row| chosen.iter().any(|name| row.starts_with(name)));
    fs::write(app.join("ligands.csv"), rows.map(|row| format!("{row}\n")).collect::<String>()).unwrap();

    let (results, plain) = (dir.path().join("results"), dir.path().join("plain"));
    assert_success(&run(&app, engine, &results));
    assert_success(&Command::new(app.join("plain.sh")).arg(&plain).arg(engine).output().unwrap());
    let ranked = Command::new(app.join("rank.sh")).arg(&results).arg(&plain).output().unwrap();
    assert_success(&ranked);

    let table = String::from_utf8(ranked.stdout).unwrap();
    assert!(table.contains("3 of 3 ligands have the same scores as plain vina"), "{table}");
    // A drug that was made for this protein binds better than molecules that were not.
    let rank = |ligand: &str| table.lines().position(|line| line.contains(ligand)).unwrap();
    for other in ["caffeine", "aspirin"] {
        assert!(rank("ponatinib") < rank(other), "ponatinib comes after {other}:\n{table}");
    }
}

fn run(app: &Path, engine: &str, results: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_buoy"));
    command.args(["run", "--engine", engine, "--slots", "2", "--out"]).arg(results).arg(app);
    command
        .env("BUOY_BIN_DIR", programs())
        .env("BUOY_STATE_DIR", results.with_extension("state"))
        .output()
        .unwrap()
}

/// A copy of an example, so that tests neither see nor leave files of other runs.
fn copy_of(example: &str, parent: &Path) -> PathBuf {
    let original = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(example);
    assert_success(&Command::new("cp").arg("-r").arg(original).arg(parent).output().unwrap());
    parent.join(example)
}

/// Whether this engine's tests are to be left out; one that is asked for by name must answer.
fn passed_over(engine: &str) -> bool {
    let answers = || Command::new(engine).arg("info").output().is_ok_and(|output| output.status.success());
    match std::env::var("BUOY_TEST_ENGINES") {
        Ok(wanted) if wanted.split_whitespace().any(|name| name == engine) => {
            assert!(answers(), "{engine} does not answer, and BUOY_TEST_ENGINES is \"{wanted}\"");
            false
        }
        Ok(_) => true,
        Err(_) => !answers(),
    }
}

/// The directory with wrapper and shims. They belong to other packages, so that cargo does not build them for this test; where it
/// builds all packages, `./x test` sets `BUOY_TEST_PROGRAMS_BUILT`.
fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let dir = Path::new(env!("CARGO_BIN_EXE_buoy")).parent().unwrap();
        if std::env::var_os("BUOY_TEST_PROGRAMS_BUILT").is_some() {
            return dir.to_owned();
        }
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--package", "wrapper", "--package", "validators", "--bins"]);
        cargo.arg("--target-dir").arg(dir.parent().unwrap()).current_dir(env!("CARGO_MANIFEST_DIR"));
        if dir.ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.status().unwrap().success(), "cargo build of wrapper and shims");
        dir.to_owned()
    })
}

#[track_caller]
fn assert_success(output: &Output) {
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&said));
}
