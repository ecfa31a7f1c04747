//! A science app, a fake engine and a fake wrapper in a temporary directory.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// A campaign's directory.
pub struct Bench {
    dir: tempfile::TempDir,
}

/// A row of `results.csv`, by column.
pub type Row = BTreeMap<String, String>;

impl Bench {
    /// An app with one output, `out.txt`, and what else `more` says.
    pub fn new(more: &str) -> Self {
        let bench = Self { dir: tempfile::tempdir().unwrap() };
        let app = format!(
            "name = \"fake\"\nversion = \"1\"\n[image]\ndockerfile = \"Dockerfile\"\n[run]\ncommand = \"{{steps}}\"\n\
             [[output]]\nname = \"out.txt\"\nmax_size = \"10 B\"\n\
             [resources]\nflops = 1e9\nmemory = \"64 MB\"\ndisk = \"10 MB\"\ndeadline = \"1 day\"\n{more}"
        );
        bench.write("app.toml", &app);
        bench.write("Dockerfile", "FROM scratch\nCOPY run.sh /\nENTRYPOINT [\"/run.sh\"]\n");
        bench.write(
            "app.toml",
            &app.replace("dockerfile = \"Dockerfile\"", "dockerfile = \"Dockerfile\"\nfiles = [\"run.sh\"]"),
        );
        bench.write("run.sh", "#!/bin/sh\n");
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(bench.path("run.sh"), executable).unwrap();
        let bin = bench.path("bin");
        fs::create_dir(&bin).unwrap();
        symlink(env!("CARGO_BIN_EXE_fake-wrapper"), bin.join("buoy-wrapper")).unwrap();
        for shim in ["buoy-init", "buoy-compare", "buoy-assimilate"] {
            symlink(shims().join(shim), bin.join(shim)).unwrap();
        }
        bench.write(
            "bin/docker",
            "#!/bin/sh\ncase $1 in version) echo '{\"Client\":{\"Version\":\"1\"},\"Server\":{\"Version\":\"1\"}}';; esac\n",
        );
        fs::set_permissions(bin.join("docker"), fs::Permissions::from_mode(0o755)).unwrap();
        bench
    }

    /// Writes the table of jobs: name and what the wrapper does.
    pub fn jobs(&self, jobs: &[(&str, &str)]) {
        let mut writer = csv::Writer::from_path(self.path("jobs.csv")).unwrap();
        writer.write_record(["job", "steps"]).unwrap();
        for (name, steps) in jobs {
            writer.write_record([name, steps]).unwrap();
        }
        writer.flush().unwrap();
    }

    /// A file of the bench.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes one.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Reads one.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// `buoy` with the fakes.
    pub fn buoy(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_buoy"));
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .current_dir(self.dir.path())
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("BUOY_BIN_DIR", self.path("bin"))
            .env("BUOY_STATE_DIR", self.path("state"))
            .env("FAKE_WRAPPER_TRACE", self.path("trace"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// `buoy run . jobs.csv` with these arguments, to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.buoy().args(["run", ".", "jobs.csv", "--slots", "2"]).args(arguments).output().unwrap()
    }

    /// The table of results by job.
    pub fn table(&self) -> BTreeMap<String, Row> {
        let mut reader = csv::Reader::from_path(self.path("results/results.csv")).unwrap();
        let rows = reader.deserialize::<Row>().map(Result::unwrap);
        rows.map(|row| (row["job"].clone(), row)).collect()
    }

    /// How often the trace says this of a result.
    pub fn traced(&self, what: &str) -> usize {
        let trace = fs::read_to_string(self.path("trace")).unwrap_or_default();
        trace.lines().filter(|line| line.starts_with(what)).count()
    }

    /// No slot is left over.
    #[track_caller]
    pub fn assert_no_slot(&self) {
        let slots = fs::read_dir(self.path("results/.buoy/client/slots")).unwrap();
        let left: Vec<_> = slots.map(|entry| entry.unwrap().path()).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// The exit code, with everything that was said if it is another one.
#[track_caller]
pub fn assert_code(output: &Output, code: i32) {
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&said));
}

/// What was said on stderr.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The directory with the real shims. They belong to another package, so that cargo does not build them for us; where it builds all
/// packages, `./x test` sets `BUOY_TEST_PROGRAMS_BUILT`.
fn shims() -> &'static Path {
    static SHIMS: OnceLock<PathBuf> = OnceLock::new();
    SHIMS.get_or_init(|| {
        let dir = Path::new(env!("CARGO_BIN_EXE_buoy")).parent().unwrap();
        if std::env::var_os("BUOY_TEST_PROGRAMS_BUILT").is_some() {
            return dir.to_owned();
        }
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--package", "validators", "--bins", "--target-dir"]);
        cargo.arg(dir.parent().unwrap()).current_dir(env!("CARGO_MANIFEST_DIR"));
        if dir.ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.status().unwrap().success(), "cargo build of the shims");
        dir.to_owned()
    })
}
