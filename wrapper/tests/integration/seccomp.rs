//! Our seccomp profile against the engine's default: the same answers, but for the sockets that lead out of a container.
//!
//! Two ways to see it, with a program of C (`seccomp/probe.c`): inside containers each call is made with arguments that can do
//! no harm, and from outside the filter of a running container is read and asked about calls that would.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use wrapper::engine::Flavor;

use crate::support::{Engine, Host, Slot};
use crate::{with_each_engine, with_rootless_podman};

with_each_engine!(
    each_call_is_answered_as_the_default_profile_answers_it,
    only_two_socket_families_are_denied,
    the_filter_differs_from_the_default_one_in_sockets_only,
    a_build_step_gets_the_same_filter_as_a_job,
    a_job_opens_no_socket_that_leads_to_its_host,
    ordinary_programs_run,
);
with_rootless_podman!(
    each_call_is_answered_as_the_default_profile_answers_it,
    only_two_socket_families_are_denied,
    the_filter_differs_from_the_default_one_in_sockets_only,
    a_build_step_gets_the_same_filter_as_a_job,
    a_job_opens_no_socket_that_leads_to_its_host,
);

const AF_ALG: &str = "0x26";
const AF_VSOCK: &str = "0x28";
const EPERM: &str = "1";
const ENOSYS: &str = "38";
const EAFNOSUPPORT: &str = "97";

/// The capabilities of a RUN step.
const OF_A_BUILD: [&str; 6] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETGID", "SETUID"];

/// The probe, on this host and as an image of an engine's. The image goes with it.
struct Probe {
    engine: Engine,
    dir: TempDir,
    image: String,
}

impl Probe {
    /// `None`, with a word, where it cannot be had.
    fn new(engine: Engine) -> Option<Self> {
        if !cfg!(target_arch = "x86_64") {
            println!("the probe knows the calls of x86-64 only: left out");
            return None;
        }
        let dir = tempfile::Builder::new().prefix("buoy-probe-").tempdir().unwrap();
        compile(&dir.path().join("probe"));
        run(Command::new("tar")
            .arg("-C")
            .arg(dir.path())
            .args(["-cf"])
            .arg(dir.path().join("tar"))
            .arg("probe"));
        if let Host::User(user) = engine.host() {
            user.own(dir.path());
        }
        let name = dir.path().file_name().unwrap().to_str().unwrap().to_lowercase();
        let image = match engine {
            Engine::Docker => format!("{name}:latest"),
            Engine::Podman | Engine::RootlessPodman => format!("localhost/{name}:latest"),
        };
        engine.run(&["import", dir.path().join("tar").to_str().unwrap(), &image]);
        Some(Self { engine, dir, image })
    }

    /// Our profile for this engine, as a value of `--security-opt`.
    fn profile(&self) -> String {
        let flavor = match self.engine {
            Engine::Docker => Flavor::Docker,
            Engine::Podman | Engine::RootlessPodman => Flavor::Podman,
        };
        let path = wrapper::seccomp::file_in(self.dir.path(), flavor, &version_of(self.engine)).unwrap();
        format!("seccomp={}", path.display())
    }

    /// The options of a job's container.
    fn options<'a>(&'a self, profile: Option<&'a str>, capabilities: &[&'a str]) -> Vec<&'a str> {
        let mut options =
            vec!["--cap-drop", "ALL", "--network", "none", "--security-opt", "no-new-privileges"];
        options.extend(capabilities.iter().flat_map(|name| ["--cap-add", name]));
        options.extend(profile.iter().flat_map(|profile| ["--security-opt", profile]));
        options
    }

    /// What the probe sees inside a container, by what it asked.
    fn inside(&self, mode: &str, profile: Option<&str>) -> BTreeMap<String, String> {
        let mut words = vec!["run", "--rm"];
        words.extend(self.options(profile, &[]));
        words.extend([self.image.as_str(), "/probe", mode]);
        answers(&self.engine.run(&words))
    }

    /// What the filter of a running container answers, by what would be asked.
    fn outside(&self, profile: Option<&str>, capabilities: &[&str]) -> BTreeMap<String, String> {
        let name = format!("{}-waiting", self.dir.path().file_name().unwrap().to_str().unwrap());
        let mut words = vec!["run", "--detach", "--name", &name];
        words.extend(self.options(profile, capabilities));
        words.extend([self.image.as_str(), "/probe", "wait"]);
        self.engine.run(&words);
        let pid = self.engine.run(&["container", "inspect", "--format", "{{.State.Pid}}", &name]);
        let output = Command::new(self.dir.path().join("probe")).args(["verdicts", &pid]).output().unwrap();
        self.engine.run(&["kill", &name]);
        self.engine.run(&["rm", "--force", &name]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        answers(&String::from_utf8_lossy(&output.stdout))
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let _ = self.engine.try_run(&["image", "rm", "--force", &self.image]);
    }
}

fn compile(program: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/seccomp/probe.c");
    run(Command::new("cc").args(["-static", "-O1", "-o"]).arg(program).arg(source));
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn version_of(engine: Engine) -> String {
    match engine {
        Engine::Docker => engine.run(&["version", "--format", "{{.Server.Version}}"]),
        Engine::Podman | Engine::RootlessPodman => String::new(),
    }
}

/// Lines of three words that ask and one that answers.
fn answers(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(asked, answer)| (asked.to_owned(), answer.to_owned()))
        .collect()
}

/// What is not answered alike, with the second answer.
fn differences(
    default: &BTreeMap<String, String>,
    ours: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let asked: BTreeSet<&String> = default.keys().chain(ours.keys()).collect();
    asked
        .into_iter()
        .filter(|asked| default.get(*asked) != ours.get(*asked))
        .map(|asked| (asked.clone(), ours.get(asked).cloned().unwrap_or_default()))
        .collect()
}

/// Docker 20.10 allows `io_uring`, whose requests open sockets too; Docker 25 and Podman deny it themselves.
fn allows_io_uring(engine: Engine) -> bool {
    engine == Engine::Docker && version_of(engine).split('.').next().unwrap().parse::<u32>().unwrap() < 25
}

fn each_call_is_answered_as_the_default_profile_answers_it(engine: Engine) {
    let Some(probe) = Probe::new(engine) else { return };
    let (default, ours) = (probe.inside("calls", None), probe.inside("calls", Some(&probe.profile())));
    assert_eq!(default.len(), 470, "{default:?}");
    let mut expected = BTreeMap::new();
    if allows_io_uring(engine) {
        expected.extend([425, 426, 427].map(|n| (format!("call {n} {:#x}", -1_i64), EPERM.to_owned())));
    }
    assert_eq!(differences(&default, &ours), expected);
}

fn only_two_socket_families_are_denied(engine: Engine) {
    let Some(probe) = Probe::new(engine) else { return };
    let (default, ours) = (probe.inside("families", None), probe.inside("families", Some(&probe.profile())));
    let programs_of_32_bits_run = default.get("int80 20 0x0").is_some_and(|answer| answer == "0");
    println!("programs of 32 bits run here: {programs_of_32_bits_run}");
    for (asked, answer) in &ours {
        let (call, domain) = (asked.split(' ').next().unwrap(), asked.rsplit(' ').next().unwrap());
        // The kernel takes the lower half of the number as the family.
        let denied = [AF_ALG, AF_VSOCK, "0x100000026", "0x100000028"].contains(&domain);
        let expected = match call {
            "socketcall" if programs_of_32_bits_run => {
                if engine == Engine::Docker {
                    ENOSYS
                } else {
                    EPERM
                }
            }
            "int80" | "socketcall" => continue,
            _ if denied && (programs_of_32_bits_run || !call.ends_with("32")) => EAFNOSUPPORT,
            _ => &default[asked],
        };
        assert_eq!(answer, expected, "{asked}");
    }
    assert_eq!(ours.get("socket 41 0x2").map(String::as_str), Some("0"));
    assert_eq!(ours.len(), default.len());
    let ring = probe.inside("uring", Some(&probe.profile()));
    assert!(ring.values().all(|answer| [EPERM, ENOSYS].contains(&answer.as_str())), "{ring:?}");
}

fn the_filter_differs_from_the_default_one_in_sockets_only(engine: Engine) {
    let Some(probe) = Probe::new(engine) else { return };
    let (default, ours) = (probe.outside(None, &[]), probe.outside(Some(&probe.profile()), &[]));
    assert!(default.len() > 2_000, "{default:?}");
    let calls: BTreeSet<String> = differences(&default, &ours)
        .keys()
        .map(|asked| asked.rsplit_once(' ').unwrap().0.to_owned())
        .collect();
    let sockets = [
        ("x86_64 41", true),
        ("x86_64 53", true),
        ("i386 359", true),
        ("i386 360", true),
        ("i386 102", true),
        ("x32 41", true),
        ("x32 53", true),
        ("x86_64 425", allows_io_uring(engine)),
        ("x86_64 426", allows_io_uring(engine)),
        ("x86_64 427", allows_io_uring(engine)),
        ("i386 425", allows_io_uring(engine)),
        ("i386 426", allows_io_uring(engine)),
        ("i386 427", allows_io_uring(engine)),
        ("x32 425", allows_io_uring(engine)),
        ("x32 426", allows_io_uring(engine)),
        ("x32 427", allows_io_uring(engine)),
    ];
    let expected = sockets.iter().filter(|(_, differs)| *differs).map(|(call, _)| (*call).to_owned());
    assert_eq!(calls, expected.collect::<BTreeSet<_>>());
    // Of the two calls only the first argument matters, and there only the two families.
    for (asked, answer) in differences(&default, &ours) {
        let (call, value) = asked.rsplit_once(' ').unwrap();
        if ["x86_64 41", "x86_64 53", "x32 41", "x32 53", "i386 359", "i386 360"].contains(&call) {
            let family = value.strip_prefix("0=0x").and_then(|value| u64::from_str_radix(value, 16).ok());
            assert!(family.is_some_and(|family| matches!(family & 0xffff_ffff, 38 | 40)), "{asked}");
            assert_eq!(answer, "00050061", "{asked}");
        }
    }
}

/// None of its capabilities unlocks a call in the default profile, so one profile serves both.
fn a_build_step_gets_the_same_filter_as_a_job(engine: Engine) {
    let Some(probe) = Probe::new(engine) else { return };
    for profile in [None, Some(probe.profile())] {
        let (job, build) =
            (probe.outside(profile.as_deref(), &[]), probe.outside(profile.as_deref(), &OF_A_BUILD));
        assert_eq!(differences(&job, &build), BTreeMap::new());
    }
}

fn a_job_opens_no_socket_that_leads_to_its_host(engine: Engine) {
    let mut slot = Slot::with_script(engine, "/bin/probe families > families; /bin/probe uring > uring");
    compile(&slot.project.join("phys_probe"));
    slot.link("probe", "phys_probe");
    let dockerfile = fs::read_to_string(slot.dir.join("Dockerfile")).unwrap();
    slot.copy("Dockerfile", &format!("{dockerfile}COPY probe /bin/probe\n"));
    slot.run().assert_success();
    let read = |name: &str| answers(&fs::read_to_string(slot.dir.join(name)).unwrap());
    let families = read("families");
    for (asked, answer) in &families {
        if asked.ends_with(AF_VSOCK) || asked.ends_with(AF_ALG) {
            assert_ne!(answer, "0", "{asked}");
        }
    }
    assert_eq!(families[&format!("socket 41 {AF_VSOCK}")], EAFNOSUPPORT);
    assert_eq!(families[&format!("socketpair 53 {AF_ALG}")], EAFNOSUPPORT);
    assert_eq!(families["socket 41 0x1"], "0");
    let ring = read("uring");
    assert!(ring.len() == 3 && ring.values().all(|answer| answer != "0"), "{ring:?}");
}

/// Programs of a whole distribution: threads, pipes, temporary files, locks, time, sockets within the container.
fn ordinary_programs_run(engine: Engine) {
    const SCRIPT: &str = "set -e\n\
        apt-get check; apt-cache stats; dpkg --verify libc6; date; df; ls -lR /etc\n\
        seq 200000 | sort --parallel=2 -rn | gzip | zcat | tail -n 1; tar -c /usr/bin | md5sum\n\
        perl -MSocket -e 'socketpair(A, B, AF_UNIX, SOCK_STREAM, 0) || die; socket(C, AF_INET, SOCK_STREAM, 0) || die'\n\
        timeout 5 bash -c 'sleep 0.1 & wait; flock /tmp/lock true; nice -n 5 true; mktemp'\n\
        ! perl -MSocket -e 'socket(A, 40, SOCK_STREAM, 0) || die'\n\
        echo all of it";
    if engine.try_run(&["image", "inspect", "debian:bookworm-slim"]).status.success() {
        let Some(probe) = Probe::new(engine) else { return };
        let profile = probe.profile();
        let mut words = vec!["run", "--rm", "--pull", "never"];
        words.extend(probe.options(Some(&profile), &[]));
        words.extend(["debian:bookworm-slim", "bash", "-c", SCRIPT]);
        let said = engine.run(&words);
        assert!(said.ends_with("all of it"), "{said}");
    } else {
        println!("no image of Debian: left out");
    }
}
