//! An ordinary user, as whom a client and its engine run without root's rights.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Made by `./x setup` for the tests.
pub const NAME: &str = "buoy-test";

/// The user.
#[derive(Clone, Debug)]
pub struct PlainUser {
    uid: u32,
    runtime_dir: PathBuf,
}

impl PlainUser {
    /// The user that the set-up has made.
    #[track_caller]
    pub fn of_tests() -> Self {
        Self::look_up().expect("the tests' own user is there")
    }

    /// Whether there is such a user, whom we may be, and whose Podman runs.
    pub fn can_run_containers() -> bool {
        static ABLE: OnceLock<bool> = OnceLock::new();
        *ABLE.get_or_init(|| {
            let able = Self::look_up().is_some_and(|user| {
                user.command(OsStr::new("podman"))
                    .arg("info")
                    .output()
                    .is_ok_and(|output| output.status.success())
            });
            if !able {
                println!("no rootless Podman of the user {NAME}, which root's ./x setup makes: left out");
            }
            able
        })
    }

    /// The tests' own user, if this process may be that user.
    pub fn look_up() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let output = Command::new("id").args(["-u", NAME]).output().ok()?;
        let uid: u32 = String::from_utf8_lossy(&output.stdout).trim().parse().ok()?;
        // What an init system makes at a log-in; Podman refuses to be without.
        let runtime_dir = std::env::temp_dir().join(format!("buoy-test-run-{uid}"));
        fs::create_dir_all(&runtime_dir).ok()?;
        chown(&runtime_dir, Some(uid), Some(uid)).ok()?;
        Some(Self { uid, runtime_dir })
    }

    /// A command in this user's name and environment.
    pub fn command(&self, program: &OsStr) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", NAME, "--regid", NAME, "--init-groups"]).arg(program).env_clear();
        // With the engine that is tested first on it, as root has it.
        command
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", format!("/home/{NAME}"));
        command.env("XDG_RUNTIME_DIR", &self.runtime_dir).current_dir("/");
        if let Some(settings) = std::env::var_os("CONTAINERS_CONF") {
            // The user may not be able to read the repository.
            let copy = self.runtime_dir.join("containers.conf");
            if !copy.exists() {
                fs::copy(settings, &copy).expect("the settings can be copied");
            }
            command.env("CONTAINERS_CONF", copy);
        }
        command
    }

    /// Gives the user a directory with all that is in it.
    pub fn own(&self, directory: &Path) {
        let owner = format!("{0}:{0}", self.uid);
        let given = Command::new("chown").args(["-R", "--no-dereference", &owner]).arg(directory).status();
        assert!(given.is_ok_and(|status| status.success()), "{} can be given away", directory.display());
    }

    /// The user's number.
    pub fn uid(&self) -> u32 {
        self.uid
    }
}
