//! A submitter's directory, in which both buoy.exe and the buoy of this system work, and an emulated project.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use assert_cmd::cargo::CommandCargoExt;
use emulated_project::{EmulatedProject, Permission, Settings, User};
use tempfile::TempDir;

/// The directory that `tools/wine.sh` has filled: buoy.exe, and Wine's `prefix`.
const TOOLS: &str = "BUOY_TEST_WINE";
const AUTHENTICATOR: &str = "0123456789abcdef0123456789abcdef";

pub struct Desk {
    tools: PathBuf,
    root: TempDir,
    pub project: EmulatedProject,
}

impl Desk {
    /// `None` where these tests were not asked for.
    pub fn new() -> Option<Self> {
        let Some(tools) = std::env::var_os(TOOLS).map(PathBuf::from) else {
            println!("{TOOLS} is not set: this test is left out");
            return None;
        };
        let project = EmulatedProject::start(Settings::default()).unwrap();
        project.add_user(User {
            name: "alice".to_owned(),
            authenticator: AUTHENTICATOR.to_owned(),
            submit: Permission::All,
        });
        let root = tempfile::Builder::new().prefix("buoy-désk-").tempdir().unwrap();
        for directory in ["config", "state"] {
            let path = root.path().join(directory);
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        }
        Some(Self { tools, root, project })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes a file that this system may run.
    pub fn write_program(&self, name: &str, text: &str) {
        self.write(name, text);
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The files of a directory and what is in them, by name.
    pub fn files(&self, name: &str) -> BTreeMap<PathBuf, String> {
        fn add(root: &Path, directory: &Path, files: &mut BTreeMap<PathBuf, String>) {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    add(root, &path, files);
                } else {
                    let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
                    files.insert(path.strip_prefix(root).unwrap().to_owned(), text);
                }
            }
        }
        let mut files = BTreeMap::new();
        add(&self.path(name), &self.path(name), &mut files);
        files
    }

    /// buoy.exe, in the desk's directory.
    pub fn command(&self, args: &[impl AsRef<OsStr>]) -> Command {
        self.windows_command(&self.tool("buoy.exe"), args)
    }

    /// A copy of buoy.exe that is in the desk's directory.
    pub fn command_of(&self, program: &str, args: &[impl AsRef<OsStr>]) -> Command {
        self.windows_command(&self.path(program), args)
    }

    fn windows_command(&self, program: &Path, args: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new("/usr/lib/wine/wine64");
        command
            .arg(program)
            .args(args)
            .env("WINEPREFIX", self.tool("prefix"))
            .env("WINEDEBUG", "-all")
            .env("BUOY_CONFIG_DIR", windows_path(&self.path("config")))
            .env("BUOY_STATE_DIR", windows_path(&self.path("state")));
        self.at_desk(command)
    }

    /// What `tools/wine.sh` has made.
    pub fn tool(&self, name: &str) -> PathBuf {
        self.tools.join(name)
    }

    /// A path of the desk's directory, as this system has it.
    pub fn unix(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().trim_end_matches('/').to_owned()
    }

    /// The same as programs for Windows have it.
    pub fn windows(&self, name: &str) -> String {
        format!("{}\\{name}", windows_path(self.root.path()))
    }

    fn at_desk(&self, mut command: Command) -> Command {
        // Wine takes names of files for UTF-8 only where the locale says so.
        command.current_dir(self.root.path()).env_remove("BUOY_AUTHENTICATOR").env("LC_ALL", "C.UTF-8");
        command.stdin(Stdio::null());
        command
    }

    /// Runs buoy.exe.
    pub fn buoy(&self, args: &[impl AsRef<OsStr>]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs the buoy of this system.
    pub fn buoy_here(&self, args: &[impl AsRef<OsStr>]) -> Output {
        let mut command = Command::cargo_bin("buoy").unwrap();
        command.args(args).env("BUOY_CONFIG_DIR", self.path("config"));
        command.env("BUOY_STATE_DIR", self.path("state-here"));
        self.at_desk(command).output().unwrap()
    }

    /// Runs buoy.exe, which has to succeed.
    #[track_caller]
    pub fn succeed(&self, args: &[impl AsRef<OsStr>]) -> Output {
        succeeded(self.buoy(args))
    }

    /// Runs the buoy of this system, which has to succeed.
    #[track_caller]
    pub fn succeed_here(&self, args: &[impl AsRef<OsStr>]) -> Output {
        succeeded(self.buoy_here(args))
    }

    /// Logs in to the emulated project, on Windows.
    #[track_caller]
    pub fn log_in(&self) {
        self.write("account key.txt", &format!("{AUTHENTICATOR}\r\n"));
        let args =
            ["login", self.project.url(), "--name", "emulated", "--authenticator-file", "account key.txt"];
        self.succeed(&args);
        // Under Wine the files have the modes that Linux gives them, which Linux' buoy refuses.
        for path in self.files("config").into_keys() {
            let path = self.path("config").join(path);
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}

#[track_caller]
fn succeeded(output: Output) -> Output {
    assert_eq!(output.status.code(), Some(0), "{}\n{}", text(&output.stdout), text(&output.stderr));
    output
}

/// A path of this system as Wine shows it to programs.
fn windows_path(path: &Path) -> String {
    format!("Z:{}", path.to_str().unwrap().replace('/', "\\"))
}

/// What a program printed.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The text with the line ends of Windows.
pub fn with_crlf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\n', "\r\n")
}
