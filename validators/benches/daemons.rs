//! `./x bench daemons [NAME…]`: what the stock daemons get from the shims when rules break and processes die.
//!
//! How each figure is taken is described in docs/benchmarks.md.

#![expect(clippy::unwrap_used, reason = "a figure that can't be measured ends with its reason in the table")]

mod run;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use run::{Figure, Row};
use validators::brought::fan_out;

const HASH: &str = "0123456789ab";

const FIGURES: &[Figure] = &[
    Figure { name: "call", about: "a shim on small files, 500 calls", measure: call },
    Figure {
        name: "outage",
        about: "1,000 workunits with a script that fails among 1,000 good ones",
        measure: outage_of_a_script_that_fails,
    },
    Figure { name: "hang", about: "the same with one that hangs", measure: outage_of_one_that_hangs },
    Figure { name: "spool", about: "1,000 failing assimilations among 10,000, with kills", measure: spool },
];

fn main() -> ExitCode {
    run::run(FIGURES)
}

/// A project on the disk, with the shims that cargo has built for benchmarks.
struct Project {
    root: tempfile::TempDir,
}

impl Project {
    fn new(routes: &str) -> Self {
        let project = Self { root: tempfile::tempdir().unwrap() };
        for directory in ["bin", "buoy", "tmp_host", "upload"] {
            fs::create_dir_all(project.path(directory)).unwrap();
        }
        for (name, program) in [
            ("buoy-init", env!("CARGO_BIN_EXE_buoy-init")),
            ("buoy-compare", env!("CARGO_BIN_EXE_buoy-compare")),
            ("buoy-assimilate", env!("CARGO_BIN_EXE_buoy-assimilate")),
        ] {
            symlink(program, project.path("bin").join(name)).unwrap();
        }
        fs::write(project.path("buoy/routes.toml"), routes).unwrap();
        project
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.root.path().join(relative)
    }

    fn script(&self, name: &str, body: &str) {
        let path = self.path("buoy").join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn upload(&self, workunit: &str, n: u32, contents: &str) -> String {
        let name = format!("{workunit}_{n}_r7_0");
        let directory = self.path("upload").join(fan_out(&name, 1024));
        fs::create_dir_all(&directory).unwrap();
        let path = directory.join(name);
        fs::write(&path, contents).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Runs a line as the daemons do; its exit code.
    fn run(&self, line: &str) -> i32 {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("../bin/{line}")]).env_clear().current_dir(self.path("tmp_host"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().unwrap().code().unwrap_or(-1)
    }
}

fn call() -> Vec<Row> {
    const CALLS: u32 = 500;
    let project = Project::new("[app.good]\nvalidate.rule = 'numbers'\nvalidate.absolute = 0.1\n");
    let wu = format!("good-{HASH}__b__j");
    let (a, b) = (project.upload(&wu, 0, "1.00\n"), project.upload(&wu, 1, "1.01\n"));
    let one = |(name, arguments): (&str, Vec<&String>)| {
        let start = Instant::now();
        for _ in 0..CALLS {
            let mut command = Command::new(project.path("bin").join(name));
            command.args(&arguments).env_clear().current_dir(project.path("tmp_host"));
            assert!(command.status().unwrap().success());
        }
        let milliseconds = start.elapsed().as_secs_f64() * 1e3 / f64::from(CALLS);
        let figure = format!("one call of {name}, small files");
        Row::new(figure, format!("{milliseconds:.2} ms"), "≤ 3 ms", milliseconds <= 3.0)
    };
    [("buoy-init", vec![&a]), ("buoy-compare", vec![&a, &b])].map(one).into()
}

fn outage_of_a_script_that_fails() -> Vec<Row> {
    outage("fails", "exit 1", 60)
}

fn outage_of_one_that_hangs() -> Vec<Row> {
    outage("hangs", "exec sleep 600", 10)
}

/// 1,000 workunits of an app with a broken script among 1,000 of a good one, validated one after the other.
fn outage(how: &str, body: &str, timeout_seconds: u32) -> Vec<Row> {
    const WORKUNITS: u32 = 1_000;
    let project = Project::new(&format!(
        "[app.good.validate]\nrule = 'bytes'\n[app.bad.script]\ncompare = ['broken']\ntimeout_seconds = {timeout_seconds}\n"
    ));
    project.script("broken", body);
    let (mut good_time, mut bad_time) = (Duration::ZERO, Duration::ZERO);
    let (mut validated, mut invalidated, mut good_lost) = (0, 0, 0);
    for n in 0..WORKUNITS {
        for app in ["good", "bad"] {
            let wu = format!("{app}-{HASH}__b__j{n}");
            let second = if app == "good" { "x" } else { "y" };
            let (a, b) = (project.upload(&wu, 0, "x"), project.upload(&wu, 1, second));
            let start = Instant::now();
            let inits = [&a, &b].map(|path| project.run(&format!("buoy-init  {path}")));
            let compared = project.run(&format!("buoy-compare  {a} {b}"));
            match app {
                "good" => {
                    good_time += start.elapsed();
                    validated += u32::from(inits == [0, 0] && compared == 0);
                    good_lost += u32::from(inits != [0, 0] || compared != 0);
                }
                _ => {
                    bad_time += start.elapsed();
                    invalidated += u32::from(inits != [0, 0] || !matches!(compared, 0 | 3));
                }
            }
        }
    }
    // What the good app would have waited for in any case, had the other one been good, too.
    let delay = bad_time.saturating_sub(good_time).as_secs_f64();
    let what = format!("{WORKUNITS} workunits with a script that {how} among {WORKUNITS} good ones");
    let lost = invalidated + good_lost;
    vec![
        Row::new(format!("{what}: honest results invalidated"), lost.to_string(), "0", lost == 0),
        Row::new(
            format!("{what}: good ones validated"),
            validated.to_string(),
            "1000",
            validated == WORKUNITS,
        ),
        Row::new(
            format!("{what}: good ones delayed in all"),
            format!("{delay:.1} s"),
            "≤ 60 s",
            delay <= 60.0,
        )
        .compared(format!("their own calls: {:.1} s", good_time.as_secs_f64())),
    ]
}

/// 1,000 failed assimilations among 10,000 good ones, four daemons at once, kill -9 now and then.
fn spool() -> Vec<Row> {
    const DAEMONS: usize = 4;
    const WORKUNITS: usize = 11_000;
    let project = Project::new("[app.good]\n[app.bad.script]\nassimilate = ['broken']\n");
    project.script("broken", "exit 1");
    // Every eleventh is bad.
    let name = |n: usize| format!("{}-{HASH}__b__j{n}", if n.is_multiple_of(11) { "bad" } else { "good" });
    let paths: Vec<String> =
        (0..WORKUNITS).map(|n| project.upload(&name(n), 0, &format!("output {n}"))).collect();
    let (ended, killed, workers_killed) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for daemon in 0..DAEMONS {
            let (project, paths, ended, killed, workers_killed) =
                (&project, &paths, &ended, &killed, &workers_killed);
            scope.spawn(move || {
                let mut random = Random(daemon as u64 + 1);
                for (n, path) in paths.iter().enumerate() {
                    // Each has its share, and each hundredth workunit is everybody's.
                    if n % DAEMONS != daemon && !n.is_multiple_of(100) {
                        continue;
                    }
                    if random.below(50) == 0 {
                        killed.fetch_add(
                            usize::from(killed_call(project, n, path, &mut random)),
                            Ordering::Relaxed,
                        );
                    }
                    if random.below(500) == 0 {
                        workers_killed.fetch_add(kill_workers(project), Ordering::Relaxed);
                    }
                    if project.run(&format!("buoy-assimilate  {n} {path}")) == 0 {
                        // As the server's file_deleter does; another daemon may have been faster.
                        let _ = fs::remove_file(path);
                    } else {
                        ended.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    let collected = (0..WORKUNITS)
        .filter(|n| !n.is_multiple_of(11))
        .filter(|n| {
            let path = project.path(&format!("results/b/{}__file_0", name(*n)));
            fs::read_to_string(path).is_ok_and(|text| text == format!("output {n}"))
        })
        .count();
    let files = fs::read_dir(project.path("results/b")).unwrap().count();
    let bad_files = (0..WORKUNITS).filter(|n| n.is_multiple_of(11)).count();
    let waiting: Vec<String> = fs::read_dir(project.path("buoy/spool/waiting"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let (killed, workers_killed) = (killed.into_inner(), workers_killed.into_inner());
    kill_workers(&project);
    let about = format!(
        "1,000 failing assimilations among 10,000, {DAEMONS} daemons, {killed} shims and {workers_killed} workers killed"
    );
    let bad = waiting.iter().filter(|key| key.starts_with("bad-")).count();
    let other = files - collected - bad_files;
    let daemons = ended.into_inner();
    let is_kept = bad == 1_000 && waiting.len() == 1_000;
    vec![
        Row::new(format!("{about}: collected"), collected.to_string(), "10000", collected == 10_000),
        Row::new("… of them twice, or something else there", other.to_string(), "0", other == 0),
        Row::new("… in the spool, with their error", bad.to_string(), "1000", is_kept),
        Row::new("… daemons ended", daemons.to_string(), "0", daemons == 0),
        Row::without_bar("… workunits assimilated in a second", format!("{:.0}", WORKUNITS as f64 / seconds)),
    ]
}

/// Starts a call and kills it in the middle; whether it was still running.
fn killed_call(project: &Project, n: usize, path: &str, random: &mut Random) -> bool {
    let mut command = Command::new(project.path("bin/buoy-assimilate"));
    command.args([&n.to_string(), path]).env_clear().current_dir(project.path("tmp_host"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    std::thread::sleep(Duration::from_micros(random.below(12_000)));
    let was_running = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    was_running
}

/// Kills the processes that work off this project's spool; how many.
fn kill_workers(project: &Project) -> usize {
    let directory = project.path("tmp_host").canonicalize().unwrap();
    let mut killed = 0;
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let process = entry.path();
        let is_worker =
            fs::read(process.join("cmdline")).is_ok_and(|words| contains(&words, b"--work-off-spool"));
        if !is_worker || !fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == directory) {
            continue;
        }
        let Some(pid) = process.file_name().and_then(|name| name.to_str()?.parse().ok()) else { continue };
        if let Some(pid) = rustix::process::Pid::from_raw(pid) {
            killed += usize::from(rustix::process::kill_process(pid, rustix::process::Signal::KILL).is_ok());
        }
    }
    killed
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Numbers that look random, and are the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
