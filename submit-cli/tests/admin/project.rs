//! A project's directory, and `buoy` run in it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use assert_cmd::cargo::CommandCargoExt;
use tempfile::TempDir;

/// A directory for one test.
pub struct Project {
    dir: TempDir,
}

/// What a command left.
#[must_use]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Project {
    /// An empty directory.
    pub fn empty() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// Writes a file.
    pub fn with(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let file = self.path(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
        self
    }

    /// Sets the mode of a file or directory.
    pub fn mode(self, path: &str, mode: u32) -> Self {
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// The files below a directory, sorted, relative to it.
    pub fn files(&self, dir: &str) -> Vec<String> {
        let root = self.path(dir);
        let mut files: Vec<String> = walkdir::WalkDir::new(&root)
            .into_iter()
            .map(|entry| entry.unwrap())
            .filter(|entry| !entry.file_type().is_dir())
            .map(|entry| entry.path().strip_prefix(&root).unwrap().to_str().unwrap().to_owned())
            .collect();
        files.sort();
        files
    }

    /// Runs `buoy` with arguments parted by spaces.
    pub fn buoy(&self, args: &str) -> Ran {
        self.buoy_with(&[], args)
    }

    /// The same, with variables of the environment set.
    pub fn buoy_with(&self, variables: &[(&str, &str)], args: &str) -> Ran {
        let mut command = Command::cargo_bin("buoy").unwrap();
        command.args(args.split(' ')).current_dir(self.dir.path()).envs(variables.iter().copied());
        let output = command.output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// Ended well; gives stdout.
    #[track_caller]
    pub fn good(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    /// Refused as bad input; gives stderr.
    #[track_caller]
    pub fn refused(self) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (2, ""), "{}", self.stderr);
        self.stderr
    }

    /// Refused as a wrong command line; gives the first line.
    #[track_caller]
    pub fn refused_command_line(self) -> String {
        self.refused().lines().next().unwrap().to_owned()
    }
}
