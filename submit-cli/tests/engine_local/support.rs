//! A science app from busybox in a temporary directory, and an engine.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Debian's busybox-static.
const BUSYBOX: &str = "/bin/busybox";

/// An engine to test with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Docker,
    Podman,
}

impl Engine {
    /// Its program.
    pub fn program(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }

    /// Whether it is to be tested: named in the variable, or, without it, answering.
    pub fn is_wanted(self) -> bool {
        match std::env::var("BUOY_TEST_ENGINES") {
            Ok(names) => names.split([' ', ',']).any(|name| name == self.program()),
            Err(_) => {
                let version =
                    Command::new(self.program()).args(["version", "--format", "{{json .}}"]).output();
                version.is_ok_and(|output| output.status.success())
            }
        }
    }

    /// Lines that a command of it prints.
    ///
    /// Podman fails a listing or a build when another test removes an image meanwhile: it is asked again.
    #[track_caller]
    pub fn lines(self, args: &[&str]) -> Vec<String> {
        let run = || Command::new(self.program()).args(args).output().unwrap();
        let mut output = run();
        for _ in 0..10 {
            let said = String::from_utf8_lossy(&output.stderr);
            if said.contains("locating image with ID") || said.contains("layer not known") {
                output = run();
            }
        }
        assert!(output.status.success(), "{self:?} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }
}

/// A row of `results.csv`, by column.
pub type Row = BTreeMap<String, String>;

/// A campaign's directory.
pub struct Bench {
    dir: tempfile::TempDir,
    engine: Engine,
}

impl Bench {
    /// An app whose jobs run their argument as a shell script; `out.txt` is its output.
    pub fn new(engine: Engine, more: &str) -> Self {
        let bench = Self { dir: tempfile::tempdir().unwrap(), engine };
        fs::copy(BUSYBOX, bench.path("busybox")).unwrap_or_else(|error| panic!("{BUSYBOX}: {error}"));
        fs::set_permissions(bench.path("busybox"), fs::Permissions::from_mode(0o755)).unwrap();
        // An image of this test alone, so that it is built here and removed here.
        let id = bench.id();
        let dockerfile = format!(
            "FROM scratch\nLABEL test={id}\nCOPY busybox /bin/sh\nWORKDIR /app\nENTRYPOINT [\"/bin/sh\", \"-c\"]\n"
        );
        fs::write(bench.path("Dockerfile"), dockerfile).unwrap();
        let app = format!(
            "name = \"engine-test\"\nversion = \"1\"\n[image]\nfiles = [\"busybox\"]\n[run]\ncommand = \"{{script}}\"\n\
             [[output]]\nname = \"out.txt\"\nmax_size = \"1 kB\"\n\
             [resources]\nflops = 1e9\nmemory = \"64 MB\"\ndisk = \"10 MB\"\ndeadline = \"1 day\"\n{more}"
        );
        fs::write(bench.path("app.toml"), app).unwrap();
        bench
    }

    /// The value of its images' label `test`.
    pub fn id(&self) -> String {
        self.dir.path().file_name().unwrap().to_string_lossy().into_owned()
    }

    /// Writes the table of jobs: name and script.
    pub fn jobs(&self, jobs: &[(&str, &str)]) {
        let mut writer = csv::Writer::from_path(self.path("jobs.csv")).unwrap();
        writer.write_record(["job", "script"]).unwrap();
        for (name, script) in jobs {
            writer.write_record([name, script]).unwrap();
        }
        writer.flush().unwrap();
    }

    /// A file of the bench.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Reads one.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// `buoy run . jobs.csv`, not started yet.
    pub fn buoy(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_buoy"));
        command
            .args(["run", ".", "jobs.csv", "--slots", "2", "--engine", self.engine.program()])
            .current_dir(self.dir.path())
            .env("BUOY_BIN_DIR", programs())
            .env("BUOY_STATE_DIR", self.path("state"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Makes an image with busybox as its shell, under this name; it goes with the bench.
    ///
    /// It is imported, not built: the engines' builders look at all images of the host for their cache, and fail when
    /// another test removes one meanwhile.
    pub fn image(&self, name: &str) {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("bin")).unwrap();
        fs::create_dir(root.path().join("app")).unwrap();
        fs::copy(self.path("busybox"), root.path().join("bin/sh")).unwrap();
        let archive = root.path().join("root.tar");
        let mut tar = Command::new("tar");
        tar.arg("--file").arg(&archive).arg("--directory").arg(root.path()).args(["--create", "bin", "app"]);
        assert!(tar.status().unwrap().success());
        let label = format!("LABEL test={}", self.id());
        let change = ["import", "--change", &label, "--change", "WORKDIR /app"];
        self.engine.lines(&[change.as_slice(), &[archive.to_str().unwrap(), name]].concat());
    }

    /// Runs it to its end.
    pub fn run(&self) -> Output {
        self.buoy().output().unwrap()
    }

    /// The table of results by job.
    pub fn table(&self) -> BTreeMap<String, Row> {
        let mut reader = csv::Reader::from_path(self.path("results/results.csv")).unwrap();
        let rows = reader.deserialize::<Row>().map(Result::unwrap);
        rows.map(|row| (row["job"].clone(), row)).collect()
    }

    /// How the names of this campaign's containers begin.
    pub fn containers_prefix(&self) -> String {
        let project =
            fs::read_dir(self.path("results/.buoy/client/projects")).unwrap().next().unwrap().unwrap();
        format!("boinc__{}__", project.file_name().to_string_lossy())
    }

    /// Names of this campaign's containers.
    pub fn containers(&self) -> Vec<String> {
        let names = self.engine.lines(&["ps", "--all", "--format", "{{.Names}}"]);
        let prefix = self.containers_prefix();
        names.into_iter().filter(|name| name.starts_with(&prefix)).collect()
    }

    /// Neither a container nor a slot is left over.
    #[track_caller]
    pub fn assert_nothing_left(&self) {
        assert_eq!(self.containers(), Vec::<String>::new());
        let slots = fs::read_dir(self.path("results/.buoy/client/slots")).unwrap();
        let left: Vec<_> = slots.map(|entry| entry.unwrap().path()).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let filter = format!("label=test={}", self.id());
        for image in self.engine.lines(&["images", "--quiet", "--filter", &filter]) {
            // Layers of one build may be listed too and go with their image.
            let _ = Command::new(self.engine.program()).args(["rmi", "--force", &image]).output();
        }
    }
}

/// The exit code, with everything that was said if it is another one.
#[track_caller]
pub fn assert_code(output: &Output, code: i32) {
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&said));
}

/// Waits for something to become true, up to a deadline.
#[track_caller]
pub fn wait_until(what: &str, is_true: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The directory with the real wrapper and shims. They belong to other packages, so that cargo does not build them for us; where it
/// builds all packages, `./x test` sets `BUOY_TEST_PROGRAMS_BUILT`.
fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let dir = Path::new(env!("CARGO_BIN_EXE_buoy")).parent().unwrap();
        if std::env::var_os("BUOY_TEST_PROGRAMS_BUILT").is_some() {
            return dir.to_owned();
        }
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "-p", "wrapper", "-p", "validators", "--bins", "--target-dir"]);
        cargo.arg(dir.parent().unwrap()).current_dir(env!("CARGO_MANIFEST_DIR"));
        if dir.ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.status().unwrap().success(), "cargo build of the wrapper and the shims");
        dir.to_owned()
    })
}

/// Makes of each function `fn name(engine: Engine)` two tests, `docker::engine_name` and `podman::engine_name`.
macro_rules! with_each_engine {
    ($($name:ident => $test:ident),+ $(,)?) => {
        mod docker {
            $(#[test] fn $test() {
                let engine = $crate::support::Engine::Docker;
                if engine.is_wanted() { super::$name(engine) }
            })+
        }
        mod podman {
            $(#[test] fn $test() {
                let engine = $crate::support::Engine::Podman;
                if engine.is_wanted() { super::$name(engine) }
            })+
        }
    };
}
pub(crate) use with_each_engine;
