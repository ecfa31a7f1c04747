//! `buoy admin routes check` runs scripts in containers, as the daemons do.

use std::fs;
use std::process::{Command, Output, Stdio};

use boinc::names::fan_out::fan_out;
use validators::route::RouteOutput;
use validators::spec::{AssimilateSpec, ValidateSpec};
use validators::submitter_rules::{BundleScript, RuleFile, physical_name, sha256};

use super::support::{Bench, Engine, assert_code, wait_until, with_each_engine};

with_each_engine! {
    scripts_in_containers_are_run => engine_scripts_in_containers_are_run,
    ctrl_c_leaves_no_container_of_a_script => engine_ctrl_c_leaves_no_container_of_a_script,
}

/// A project, and an image of this test alone for its scripts.
struct Project {
    bench: Bench,
    engine: Engine,
    image: String,
}

impl Project {
    /// `[submitter_rules]` has these further keys.
    fn new(engine: Engine, test: &str, keys: &str) -> Self {
        let bench = Bench::new(engine, "");
        let image = format!("buoy-test-routes-{test}:latest");
        bench.image(&image);
        let project = Self { bench, engine, image };
        let engine = engine.program();
        let image = &project.image;
        project.write(
            "buoy/routes.toml",
            &format!("[submitter_rules]\napps = ['*']\nimages = ['{image}']\nengine = '{engine}'\n{keys}"),
        );
        project
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.bench.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Uploads the rule file of a bundle whose scripts are these; a workunit of it.
    fn upload(&self, init: &str, compare: &str) -> String {
        let command = |script: &str| ["/bin/sh", "-c", script, "judge"].map(str::to_owned).to_vec();
        let script =
            BundleScript { init: command(init), compare: command(compare), ..BundleScript::default() };
        let output = RouteOutput { name: "out.txt".into(), max_bytes: None, optional: false };
        let (validate, assimilate) = (ValidateSpec::default(), AssimilateSpec::default());
        let rule = RuleFile::new("fold", vec![], vec![output], validate, assimilate, Some(script)).bytes();
        let hash = &sha256(&rule)[..12];
        let name = physical_name(hash);
        let path = format!("download/{}/{name}", fan_out(&name, 1024));
        self.write(&path, std::str::from_utf8(&rule).unwrap());
        format!("fold-{hash}__b__j")
    }

    fn check(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_buoy"));
        command.args(["admin", "routes", "check"]).args(arguments).current_dir(self.bench.path("."));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Its scripts' containers, which have the image's labels.
    fn containers(&self) -> Vec<String> {
        let filter = format!("label=test={}", self.bench.id());
        self.engine.lines(&["ps", "--all", "--quiet", "--filter", &filter])
    }
}

#[track_caller]
fn assert_says(output: &Output, expected: &str) {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains(expected), "{expected}\n{text}");
}

fn scripts_in_containers_are_run(engine: Engine) {
    let project = Project::new(engine, "run", "");
    let compare =
        "read a < \"$1\"; read b < \"$2\"; [ \"$a\" != \"$b\" ] || exit 0; echo \"$BUOY_JOB: two\"; exit 10";
    let name = project.upload("[ -e /buoy/call.json ] || exit 75; echo no number; exit 1", compare);
    let output = project.check(&[&name]).output().unwrap();
    assert_code(&output, 1);
    assert_says(&output, "wrong: init script: exit 1 (0 good,");
    assert_says(&output, "): no number; the output was made up,");
    assert_says(&output, "compare: runs, answers bad: j: two\n");
    let name = project.upload("exit 10", "exit 0");
    assert_code(&project.check(&[&name]).output().unwrap(), 0);
    // An admin's own scripts run in the engine that is found first.
    if wrapper::engine::find(None).first().is_some_and(|(first, _)| first.program_name() == engine.program())
    {
        let container = &project.image;
        let script =
            "init = ['/bin/sh', '-c', 'echo here; exit 10']\nassimilate = ['/bin/sh', '-c', 'exit 1']";
        project
            .write("buoy/routes.toml", &format!("[app.fold.script]\n{script}\ncontainer = '{container}'\n"));
        let output = project.check(&[]).output().unwrap();
        assert_code(&output, 0);
        assert_says(&output, "init: runs, answers bad: here\n");
        assert_says(&output, "assimilate: exists; not run: it may store results\n");
        project
            .write("buoy/routes.toml", &format!("[app.fold.script]\n{script}\ncontainer = '{container}x'\n"));
        let output = project.check(&[]).output().unwrap();
        assert_code(&output, 1);
        assert_says(&output, "wrong: assimilate script: image ");
    }
    assert_eq!(project.containers(), [""; 0]);
}

fn ctrl_c_leaves_no_container_of_a_script(engine: Engine) {
    let project = Project::new(engine, "stop", "timeout_seconds = 4\n");
    let name = project.upload("sleep 600", "echo x; exit 1");
    let child = project.check(&[&name]).spawn().unwrap();
    wait_until("the container is there", || !project.containers().is_empty());
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().unwrap();
    assert_code(&output, 130);
    assert_eq!(output.stdout, b"", "what was not looked at is not called good");
    assert_eq!(project.containers(), [""; 0]);
}
