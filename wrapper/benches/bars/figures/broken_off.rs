//! Abort, quit and suspend while an image is made: how long until nothing of it runs any more.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use boinc::wire::message::Control;
use tempfile::TempDir;

use crate::engine_log::real_program;
use crate::support::{Running, Slot};
use crate::table::Row;
use crate::workbench::{Workbench, await_until};

const BAR_SECONDS: f64 = 2.0;
/// A step that does not end by itself.
const ENDLESS: &str = "RUN [\"/job\", \"tick\", \"600000\"]\n";
/// A step that ends at once, so that its container is committed.
const SHORT: &str = "RUN [\"/job\", \"stamp\", \"1\"]\n";
const CONTROLS: [Control; 3] = [Control::Abort, Control::Quit, Control::Suspend];

/// Where the making of an image is interrupted.
#[derive(Clone, Copy)]
enum During {
    Run,
    /// An engine's command with this verb, which never ends.
    Command(&'static str),
}

pub fn measure(bench: &Workbench) -> Vec<Row> {
    let all = [During::Run, During::Command("pull"), During::Command("load"), During::Command("commit")];
    let mut rows = Vec::new();
    for during in all {
        let seconds = CONTROLS.map(|control| broken_off(bench, during, &control));
        let worst = seconds.iter().copied().fold(0.0, f64::max);
        let (what, until) = match during {
            During::Run => ("a RUN".to_owned(), "nothing of it runs"),
            During::Command(verb) => {
                (format!("{verb} (an engine that does not answer)"), "its command has ended")
            }
        };
        let [abort, quit, suspend] = seconds.map(|seconds| format!("{:.0} ms", seconds * 1e3));
        rows.push(Row::new(
            format!("abort; quit; suspend during {what}: until the wrapper is gone; gone; {until}"),
            format!("{abort}; {quit}; {suspend}"),
            "≤ 2 s",
            worst <= BAR_SECONDS,
        ));
    }
    rows
}

/// Seconds from the client's word until the wrapper is gone and nothing runs, or until nothing runs.
fn broken_off(bench: &Workbench, during: During, control: &Control) -> f64 {
    let tag = format!("broken-off-{control:?}");
    let mut slot = bench.slot(&tag, ["stamp", "1"]);
    let mut slow = None;
    match during {
        During::Run => {
            slot.copy("Dockerfile", &with_step(&bench.dockerfile(&tag), ENDLESS));
        }
        During::Command(verb) => {
            let engine = SlowEngine::new(bench, verb);
            slot.path = Some(engine.path());
            slow = Some(engine);
            match verb {
                "pull" => {
                    let text =
                        format!("FROM localhost/bench-missing:1\nENTRYPOINT [\"/x\"]\nLABEL tag=\"{tag}\"\n");
                    slot.copy("Dockerfile", &text);
                }
                "load" => give_archive(&mut slot, bench, &tag),
                _ => {
                    slot.copy("Dockerfile", &with_step(&bench.dockerfile(&format!("{tag}-commit")), SHORT));
                }
            }
        }
    }
    let mut running = slot.start();
    let prefix = format!("name=^buoy-build-{}-", bench_owner(bench));
    let runs = || {
        let listed = bench.engine.run(&["ps", "--quiet", "--filter", &prefix, "--filter", "status=running"]);
        !listed.is_empty()
    };
    match &slow {
        None => await_start(&slot, &mut running, &runs),
        Some(engine) => await_start(&slot, &mut running, &|| engine.command_runs()),
    }
    let asked = Instant::now();
    running.send(*control);
    let busy = || slow.as_ref().map_or_else(runs, SlowEngine::command_runs);
    if matches!(control, Control::Suspend) {
        await_until("the work to be stopped", || !busy());
        let seconds = asked.elapsed().as_secs_f64();
        running.send(Control::Abort);
        running.wait_for_exit();
        return seconds;
    }
    running.wait_for_exit();
    let seconds = asked.elapsed().as_secs_f64();
    assert!(!busy(), "something still runs: {}", slot.stderr());
    seconds
}

fn await_start(slot: &Slot, running: &mut Running, condition: &dyn Fn() -> bool) {
    await_until("the work to start", || {
        running.take_status();
        let finish = running.finish();
        assert!(finish.is_none(), "it is over already: {finish:?}; {}", slot.stderr());
        condition()
    });
}

/// The owner is named when the first image is made.
fn bench_owner(bench: &Workbench) -> String {
    await_until("an owner", || !bench.owner().is_empty());
    bench.owner()
}

fn with_step(dockerfile: &str, step: &str) -> String {
    dockerfile.replace("WORKDIR /app\n", &format!("WORKDIR /app\n{step}"))
}

/// Makes the slot's image one that is loaded.
fn give_archive(slot: &mut Slot, bench: &Workbench, tag: &str) {
    let name = format!("localhost/buoy-bench-load-{}-{tag}:latest", std::process::id()).to_lowercase();
    let archive = crate::figures::archive::save_image(
        bench.engine,
        &bench.dir(&format!("load-{tag}")),
        &name,
        20_000_000,
    );
    bench.engine.run(&["image", "rm", &name]);
    crate::figures::archive::use_archive(slot, &archive);
}

/// An engine of which one command never ends.
struct SlowEngine {
    dir: TempDir,
}

impl SlowEngine {
    fn new(bench: &Workbench, verb: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("buoy-bench-slow-").tempdir().unwrap();
        let bin = dir.path().join("bin");
        fs::create_dir(&bin).unwrap();
        let script = bin.join(bench.engine.program());
        let text = format!(
            "#!/bin/sh\nif [ \"$1\" = {verb} ]; then echo $$ > {}; exec sleep 300; fi\nexec {} \"$@\"\n",
            dir.path().join("pid").display(),
            real_program(bench.engine).display()
        );
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        Self { dir }
    }

    fn path(&self) -> String {
        format!("{}:{}", self.dir.path().join("bin").display(), std::env::var("PATH").unwrap())
    }

    /// Whether its endless command runs; one that has ended and was not yet waited for does not.
    fn command_runs(&self) -> bool {
        let pid = fs::read_to_string(self.pid_file()).unwrap_or_default();
        let Some(pid) = pid.strip_suffix('\n') else { return false };
        let stat = fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
    }

    fn pid_file(&self) -> PathBuf {
        self.dir.path().join("pid")
    }
}
