//! Scripts of submitters that attack the server, in containers of Docker and of Podman.
//!
//! `BUOY_TEST_ENGINES` names the engines that must answer; without it, those are used that do.

// Not `cfg(test)` to the lint, but nothing else uses it.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use validators::script::container::{ContainerError, Sandbox, ScriptFile};
use validators::script::host::Ended;
use validators::script::{Limits, Purpose, Request, RequestExtraOutput};
use validators::subject::Subject;
use wrapper::engine::Flavor;

/// An image with all that an image can bring: volumes, an entry point, a health check, variables.
const DOCKERFILE: &str = "FROM debian:bookworm-slim\nVOLUME /data /srv/deep\nENTRYPOINT [\"/bin/false\"]\n\
                          HEALTHCHECK --interval=1s CMD echo healthy >> /tmp/health\nENV BASH_ENV=/data/rc\n";

struct Host {
    flavor: Flavor,
    dir: tempfile::TempDir,
    image: String,
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = Command::new(program(self.flavor)).args(["rmi", "--force", &self.image]).output();
    }
}

fn program(flavor: Flavor) -> &'static str {
    match flavor {
        Flavor::Docker => "docker",
        Flavor::Podman => "podman",
    }
}

fn is_wanted(flavor: Flavor) -> bool {
    match std::env::var("BUOY_TEST_ENGINES") {
        Ok(names) => names.split([' ', ',']).any(|name| name == program(flavor)),
        Err(_) => {
            let version = Command::new(program(flavor)).arg("version").output();
            version.is_ok_and(|output| output.status.success())
        }
    }
}

impl Host {
    fn new(flavor: Flavor, test: &str) -> Self {
        let image = format!("buoy-test-sandbox-{test}-{}", std::process::id());
        let build = || {
            let mut command = Command::new(program(flavor));
            command.args(["build", "--no-cache", "--quiet", "--tag", &image]);
            if flavor == Flavor::Podman {
                // Its own format knows no health check.
                command.args(["--format", "docker"]);
            }
            let mut child = command.arg("-").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
            let text = format!("{DOCKERFILE}LABEL org.buoy.test={image}\n");
            child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
            child.wait().unwrap().success()
        };
        // Without a cache, for which the engines look at all images of the host. A build of Podman's fails even so when another test removes an image meanwhile.
        assert!((0..5).any(|_| build()), "the image cannot be built");
        Self { flavor, dir: tempfile::tempdir().unwrap(), image }
    }

    fn state(&self) -> std::path::PathBuf {
        self.dir.path().join("state")
    }

    /// Runs a shell script as a submitter's.
    fn run(&self, script: &str, limits: Limits) -> Result<Ended, ContainerError> {
        self.run_with(script, limits, vec![])
    }

    fn run_with(
        &self,
        script: &str,
        limits: Limits,
        extra_outputs: Vec<RequestExtraOutput>,
    ) -> Result<Ended, ContainerError> {
        use base64::Engine as _;
        let base64 = base64::engine::general_purpose::STANDARD.encode(script);
        let file = ScriptFile { name: "attack.sh".into(), executable: true, base64 };
        let sandbox = Sandbox { image: self.image.clone(), engine: Some(self.flavor), files: vec![file] };
        let request =
            Request { extra_outputs, ..Request::new(Purpose::Assimilate, &Subject::default(), Vec::new()) };
        sandbox.run("/bin/bash", &["/buoy/attack.sh".to_owned()], &request, &limits, &self.state())
    }

    /// Containers of this test's image.
    fn containers(&self) -> Vec<String> {
        let filter = format!("label=org.buoy.test={}", self.image);
        let output = Command::new(program(self.flavor))
            .args(["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().split_whitespace().map(str::to_owned).collect()
    }
}

fn limits(seconds: u64) -> Limits {
    Limits { timeout: Duration::from_secs(seconds), memory_bytes: 100_000_000, output_bytes: 1_000_000 }
}

/// A test for each engine.
macro_rules! for_each_engine {
    ($($test:ident),* $(,)?) => {
        mod engine_docker {
            $(#[test] fn $test() { super::with(wrapper::engine::Flavor::Docker, stringify!($test), super::$test); })*
        }
        mod engine_podman {
            $(#[test] fn $test() { super::with(wrapper::engine::Flavor::Podman, stringify!($test), super::$test); })*
        }
    };
}

fn with(flavor: Flavor, name: &str, test: fn(&Host)) {
    if is_wanted(flavor) {
        let host = Host::new(flavor, name);
        test(&host);
        assert_eq!(host.containers(), Vec::<String>::new(), "containers are left");
        let left: Vec<_> = fs::read_dir(host.state().join("work")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

for_each_engine!(
    nothing_but_memory_can_be_written,
    volumes_hold_no_more_than_the_limit,
    there_is_no_way_out,
    nobody_gains_rights,
    memory_and_processes_end,
    what_it_prints_is_cut_and_made_visible,
    a_file_that_it_makes_is_bounded_and_alone,
    it_is_held_as_a_job_is,
);

/// What a script says at its end, which must be good.
fn said(host: &Host, script: &str) -> String {
    let ended = host.run(script, limits(60)).unwrap();
    assert_eq!(ended.code, Ok(0), "{ended}");
    ended.said
}

fn nothing_but_memory_can_be_written(host: &Host) {
    // Whatever can be written is in memory.
    let script = r#"
        for d in $(find / -xdev -type d 2>/dev/null; awk '{print $2}' /proc/mounts); do
            case $d in /proc*|/sys*|/dev*) continue;; esac
            if touch "$d/x" 2>/dev/null; then
                kind=$(awk -v d="$d" '$2 == d {k = $3} END {print k}' /proc/mounts)
                case $kind in tmpfs) ;; *) bad="$bad $d($kind)";; esac
            fi
        done
        echo "bad:$bad"
    "#;
    assert_eq!(said(host, script), "bad:");
}

fn volumes_hold_no_more_than_the_limit(host: &Host) {
    let script = r#"
        for d in /data /srv/deep /tmp; do
            head -c 900000 /dev/zero > $d/a && head -c 900000 /dev/zero > $d/b && bad="$bad $d"
        done 2>/dev/null
        echo "bad:$bad"
    "#;
    assert_eq!(said(host, script), "bad:");
}

fn there_is_no_way_out(host: &Host) {
    let script = r#"
        links=$(ls /sys/class/net | grep -v '^lo$')
        # AF_VSOCK reaches the host past a network namespace; AF_ALG reaches the kernel.
        for family in 40 38; do
            perl -e 'exit(socket(my $s, shift, 1, 0) ? 1 : 0)' $family || bad="$bad $family"
        done
        env | grep -i proxy
        echo "bad:$links$bad"
    "#;
    assert_eq!(said(host, script), "bad:");
}

fn nobody_gains_rights(host: &Host) {
    let script = r#"
        set -- $(awk '/^(CapEff|CapPrm|CapBnd|CapInh|NoNewPrivs|Seccomp):/ {print $2}' /proc/self/status)
        mount -t tmpfs none /mnt 2>/dev/null && bad=mount
        chmod u+s /buoy/attack.sh 2>/dev/null && bad="$bad chmod"
        unshare -r true 2>/dev/null && bad="$bad unshare"
        mknod /tmp/disk b 8 0 2>/dev/null && bad="$bad mknod"
        echo "$* bad:$bad"
    "#;
    let zero = "0000000000000000";
    assert_eq!(said(host, script), format!("{zero} {zero} {zero} {zero} 1 2 bad:"));
}

fn memory_and_processes_end(host: &Host) {
    let start = Instant::now();
    let ended = host.run("perl -e '$x = q(x) x 300_000_000; print length $x'", limits(30)).unwrap();
    assert!(ended.code.is_err() || ended.code == Ok(137), "{ended}");
    let ended = host.run("f() { f | f & }; f; sleep 100", limits(3)).unwrap();
    assert!(ended.code != Ok(0), "{ended}");
    // In memory, too.
    let ended = host.run("cat /dev/zero > /dev/shm/x", limits(10)).unwrap();
    assert!(ended.code != Ok(0), "{ended}");
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

fn what_it_prints_is_cut_and_made_visible(host: &Host) {
    let ended = host
        .run(r"printf 'x\033[2J\033]0;t\007\rbuoy-init: ALERT\342\200\256\n'; exit 10", limits(30))
        .unwrap();
    assert_eq!(ended.code, Ok(10));
    assert_eq!(ended.said, "x\\u{1b}[2J\\u{1b}]0;t\\u{7}\\rbuoy-init: ALERT\\u{202e}");
    let ended = host.run("yes buoy-init: ALERT: forged", limits(3)).unwrap();
    assert!(ended.said.len() < 1_000 && ended.code.is_err(), "{ended}");
    let ended = host.run("head -c 3000000 /dev/zero | tr '\\0' x", limits(30)).unwrap();
    assert!(ended.said.len() < 1_000, "{}", ended.said.len());
}

fn a_file_that_it_makes_is_bounded_and_alone(host: &Host) {
    let extra = host.dir.path().join("extra");
    fs::create_dir(&extra).unwrap();
    let path = extra.join("sum.json");
    fs::write(&path, "").unwrap();
    let script = r#"
        exec 2>/dev/null
        touch "$BUOY_EXTRA_DIR/other" 2>/dev/null && echo other
        ln -s /etc/passwd "$BUOY_EXTRA_DIR/link" 2>/dev/null && echo link
        rm -f "$BUOY_EXTRA_DIR/sum.json" 2>/dev/null && echo removed
        mv /tmp "$BUOY_EXTRA_DIR/sum.json" 2>/dev/null && echo moved
        chmod 4777 "$BUOY_EXTRA_DIR/sum.json"
        head -c 5000000 /dev/zero > "$BUOY_EXTRA_DIR/sum.json" && echo large
        truncate -s 1T "$BUOY_EXTRA_DIR/sum.json" 2>/dev/null && echo sparse
        echo end
    "#;
    let made = vec![RequestExtraOutput { name: "sum.json".into(), path: path.clone() }];
    let ended = host.run_with(script, limits(30), made).unwrap();
    assert_eq!(ended.said, "end", "{ended}");
    assert!(path.symlink_metadata().unwrap().is_file());
    assert!(path.metadata().unwrap().len() <= 1_000_000);
    assert_eq!(fs::read_dir(&extra).unwrap().count(), 1);
}

fn it_is_held_as_a_job_is(host: &Host) {
    std::thread::scope(|scope| {
        let run = scope.spawn(|| host.run("sleep 4", limits(30)).unwrap());
        let deadline = Instant::now() + Duration::from_secs(25);
        let json = loop {
            assert!(Instant::now() < deadline, "the container is not seen");
            let Some(id) = host.containers().pop() else { continue };
            let output = Command::new(program(host.flavor)).args(["inspect", &id]).output().unwrap();
            let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            if list[0]["State"]["Running"] == true {
                break list[0].clone();
            }
        };
        let image = Command::new(program(host.flavor))
            .args(["image", "inspect", "--format", "{{.Id}}", &host.image])
            .output()
            .unwrap();
        let image = String::from_utf8(image.stdout).unwrap().trim().trim_start_matches("sha256:").to_owned();
        let hosts = &json["HostConfig"];
        // Created from the image's id, not from a name that may have changed meanwhile.
        let key = if host.flavor == Flavor::Docker { &json["Config"]["Image"] } else { &json["Image"] };
        assert!(key.as_str().unwrap().ends_with(&image), "{key} {image}");
        assert_eq!(hosts["ReadonlyRootfs"], true);
        assert_eq!(hosts["NetworkMode"], "none");
        assert_eq!(hosts["PidsLimit"], 64);
        assert_eq!(hosts["Memory"], 100_000_000);
        assert_eq!(hosts["MemorySwap"], 100_000_000);
        let options = hosts["SecurityOpt"].to_string();
        assert!(options.contains("seccomp") && options.contains("no-new-privileges"), "{options}");
        let health = &json["Config"]["Healthcheck"];
        assert!(health.is_null() || health["Test"] == serde_json::json!(["NONE"]), "{health}");
        let binds = |mount: &serde_json::Value| mount["Type"] == "volume";
        assert!(!json["Mounts"].as_array().unwrap().iter().any(binds), "{}", json["Mounts"]);
        run.join().unwrap();
    });
    let modes = |path: &Path| {
        use std::os::unix::fs::PermissionsExt;
        path.metadata().unwrap().permissions().mode() & 0o777
    };
    for directory in ["work", "containers", "engine"] {
        assert_eq!(modes(&host.state().join(directory)), 0o700, "{directory}");
    }
}
