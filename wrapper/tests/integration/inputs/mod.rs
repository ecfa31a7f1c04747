//! Inputs as people send them: for each a Dockerfile, a script and the right end, as data. A right end is what `docker run` or a
//! careful reader would expect, or the right party to blame. Each input runs on each engine, as root and as an ordinary user.
//!
//! `./x test` runs every eighteenth on this host's own engines, `ENGINES=all ./x test` all of them on all engines.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::{
    Dockerd, Engine, Host, PlainUser, Slot, each_engine, engine_name, summary_of_all_inputs,
};

/// A Dockerfile whose program is the shell with main.sh.
macro_rules! main {
    ($start:literal) => {
        concat!($start, "WORKDIR /app\nENTRYPOINT [\"sh\", \"/app/main.sh\"]\n")
    };
}

mod builds;
mod ends;
mod image_files;
mod leftovers;
mod surroundings;
mod words;

/// An image, a job, and how that has to end.
pub struct Input {
    name: &'static str,
    /// The Dockerfile, after [`BASE`] unless it has a FROM itself.
    dockerfile: &'static str,
    /// `main.sh`, which most Dockerfiles here run.
    script: &'static str,
    /// Further files of the slot.
    files: &'static [(&'static str, &'static str)],
    job_toml: &'static str,
    /// The project's policy, besides that a build has no network: a rootless engine would need /dev/net/tun for one.
    policy: &'static str,
    arguments: &'static [&'static str],
    /// Bytes of memory, if not what other tests have.
    memory: Option<f64>,
    right: Right,
}

/// The right end.
pub enum Right {
    /// The job succeeds, and this is in out.txt.
    Out(&'static str),
    /// The job has failed with one of these statuses, and stderr.txt says all this. Engines that name the same fault by
    /// different statuses are why there can be several.
    Fault(&'static [i32], &'static [&'static str]),
    /// Either of the two above, since engines differ in it and docs/environment.md says so.
    OutOrFault(&'static str, &'static [i32]),
    /// The host cannot now: nothing is held against the job, and the reason says one of these.
    Later(&'static [&'static str]),
}

/// All programs of busybox, and a place for temporary files.
const BASE: &str = "FROM scratch\nCOPY busybox /bin/busybox\n\
    RUN [\"/bin/busybox\", \"sh\", \"-c\", \"/bin/busybox --install -s /bin; /bin/busybox mkdir -m 1777 /tmp\"]\nENV PATH=/bin\n";

/// What an input is that says nothing.
const INPUT: Input = Input {
    name: "",
    dockerfile: main!(""),
    script: "echo ok > out.txt",
    files: &[],
    job_toml: "",
    policy: "build_network = false\n",
    arguments: &[],
    memory: None,
    right: Right::Out("ok\n"),
};

const TABLES: &[&[Input]] = &[
    leftovers::INPUTS,
    ends::INPUTS,
    words::INPUTS,
    image_files::INPUTS,
    builds::INPUTS,
    surroundings::INPUTS,
];

/// What Docker 26 says of some commits where it both remaps users and has its images in containerd's store. `buoy doctor` names
/// such hosts; a job is postponed there, which is right.
const UNABLE: &str = "cannot be mapped to a container ID";

/// This is no test of speed, and the host may be busy.
const PATIENCE: Duration = Duration::from_secs(600);

/// How many run at a time.
const AT_A_TIME: usize = 2;

/// Runs the table and prints how it went; `with` gives a slot to the one who is tested.
#[track_caller]
fn run(who: &str, slot: impl Fn() -> Slot + Sync) {
    let summary = summary_of_all_inputs();
    let step = if summary.is_some() { 1 } else { 35 };
    let name = std::env::var("BUOY_TEST_INPUT").unwrap_or_default();
    let inputs = TABLES.iter().copied().flatten().step_by(step);
    let inputs: Vec<&Input> = inputs.filter(|input| input.name.contains(&name)).collect();
    let (next, wrong, postponed) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let may_be_unable = who.contains("containerd") && who.contains("userns-remap");
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(input) = inputs.get(next.fetch_add(1, Ordering::SeqCst)) {
                    if let Err(found) = input.try_in(slot()) {
                        if may_be_unable
                            && found.starts_with("None Some(TemporaryExit")
                            && found.contains(UNABLE)
                        {
                            postponed.fetch_add(1, Ordering::SeqCst);
                            continue;
                        }
                        println!("{who}: {}: {found}\n", input.name);
                        wrong.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner();
    let mut line = format!("{who}: {} inputs: {} right", inputs.len(), inputs.len() - wrong);
    if let postponed @ 1.. = postponed.into_inner() {
        line.push_str(&format!(", {postponed} of them postponed, which the engine cannot store"));
    }
    line.push('\n');
    print!("{line}");
    if let Some(path) = summary {
        fs::File::options().append(true).create(true).open(path).unwrap().write_all(line.as_bytes()).unwrap();
    }
    assert_eq!(wrong, 0, "inputs that are not right");
}

impl Input {
    const fn files(self, files: &'static [(&'static str, &'static str)]) -> Self {
        Self { files, ..self }
    }

    const fn job_toml(self, job_toml: &'static str) -> Self {
        Self { job_toml, ..self }
    }

    fn try_in(&self, mut slot: Slot) -> Result<(), String> {
        let own = self.dockerfile.trim_start_matches('\u{feff}').trim_start().to_lowercase();
        let has_base = own.starts_with("from") || own.starts_with('#') || own.is_empty();
        let dockerfile =
            if has_base { self.dockerfile.to_owned() } else { format!("{BASE}{}", self.dockerfile) };
        slot.busybox().copy("Dockerfile", &dockerfile).copy("main.sh", self.script);
        slot.copy("job.toml", self.job_toml).app_file("policy.toml", self.policy);
        for (name, content) in self.files {
            slot.copy(name, content);
        }
        slot.link_input("linked", b"linked\n");
        if !self.arguments.is_empty() {
            slot.argument(&boinc::job::argv::encode(self.arguments));
        }
        slot.init_data.rsc_memory_bound = self.memory.unwrap_or(slot.init_data.rsc_memory_bound);
        let mut running = slot.start();
        if running.wait_at_most(PATIENCE).is_none() {
            return Err(format!("the wrapper does not end\n{}", slot.stderr()));
        }
        let (finish, later) = (running.finish(), running.temporary_exit());
        let out = fs::read_to_string(slot.dir.join("out.txt")).unwrap_or_default();
        let status = finish.map(|finish| finish.exit_status);
        let says = |words: &[&str]| words.iter().all(|words| slot.stderr().contains(words));
        let right = match &self.right {
            Right::Out(expected) => status == Some(0) && out == *expected,
            Right::Fault(statuses, words) => {
                status.is_some_and(|status| statuses.contains(&status)) && says(words)
            }
            Right::OutOrFault(expected, statuses) => {
                (status == Some(0) && out == *expected)
                    || status.is_some_and(|status| statuses.contains(&status))
            }
            Right::Later(words) => {
                let says = |text: &str| words.iter().any(|words| text.contains(words));
                status.is_none() && later.as_ref().is_some_and(|later| says(&later.reason.text))
            }
        };
        if !right {
            return Err(format!("{status:?} {later:?}, out.txt {out:?}\n{}", slot.stderr()));
        }
        if status.is_some() && slot.status().is_some() {
            return Err("the container is still there".to_owned());
        }
        // As a client does before the next task.
        let removed = slot.host.command("rm").arg("-rf").arg(slot.dir.join("buoy")).output().unwrap();
        if !removed.status.success() {
            return Err(format!("cannot be emptied: {}", String::from_utf8_lossy(&removed.stderr)));
        }
        Ok(())
    }
}

/// This host's engine, or the one that is first on PATH.
fn on(engine: Engine) {
    each_engine(engine, |engine| {
        run(&engine_name(engine), || Slot::empty(engine));
    });
}

#[test]
fn docker() {
    on(Engine::Docker);
}

#[test]
fn podman() {
    on(Engine::Podman);
}

#[test]
fn podman_of_a_user() {
    on(Engine::RootlessPodman);
}

/// All inputs in a daemon of the test's own; with its images apart, for it goes with them.
fn in_daemon(start: impl FnOnce() -> Option<Dockerd>, of_user: bool, allowed: &str, what: &str) {
    if summary_of_all_inputs().is_none() {
        return;
    }
    let Some(daemon) = start() else { return };
    let images = tempfile::tempdir().unwrap();
    if of_user {
        PlainUser::of_tests().own(images.path());
    }
    run(&format!("{} {what}", engine_name(Engine::Docker)), || {
        let mut slot = Slot::empty(Engine::Docker);
        slot.host = if of_user {
            Host::UserSocket(PlainUser::of_tests(), daemon.socket())
        } else {
            Host::Socket(daemon.socket())
        };
        slot.images = Some(PathBuf::from(images.path()));
        fs::write(slot.root.path().join("buoy-volunteer.toml"), allowed).unwrap();
        slot
    });
}

#[test]
fn docker_of_a_user() {
    in_daemon(Dockerd::start_for_user, true, "", "as a user");
}

#[test]
fn docker_that_is_rootless() {
    in_daemon(Dockerd::start_rootless, true, "", "rootless");
}

#[test]
fn docker_that_maps_users() {
    in_daemon(Dockerd::start_remapping, false, "", "with userns-remap, as root");
}

#[test]
fn docker_that_maps_users_for_a_user() {
    in_daemon(Dockerd::start_remapping, true, "host_user_namespace = true\n", "with userns-remap, as a user");
}
