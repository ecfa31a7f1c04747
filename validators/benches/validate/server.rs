//! A server whose daemons run the shims, line by line.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use boinc::names::fan_out::fan_out;

/// The bundle's hash in all workunits' names.
pub const HASH: &str = "0123456789ab";

/// A project on the disk, with the shims that cargo has built for benchmarks.
pub struct Server {
    root: tempfile::TempDir,
}

impl Server {
    pub fn new(routes: &str) -> Self {
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

    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.path().join(relative)
    }

    pub fn script(&self, name: &str, body: &str) {
        let path = self.path("buoy").join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn upload(&self, workunit: &str, n: u32, contents: &str) -> String {
        let name = format!("{workunit}_{n}_r7_0");
        let directory = self.path("upload").join(fan_out(&name, 1024));
        fs::create_dir_all(&directory).unwrap();
        let path = directory.join(name);
        fs::write(&path, contents).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Runs a line as the daemons do; its exit code.
    pub fn run(&self, line: &str) -> i32 {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("../bin/{line}")]).env_clear().current_dir(self.path("tmp_host"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().unwrap().code().unwrap_or(-1)
    }
}
