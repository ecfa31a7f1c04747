//! The directories of a local campaign: those of an emulated client and of an emulated project.

use std::io;
use std::path::{Path, PathBuf};

use boinc::names::fan_out::{FAN_OUT, fan_out};
use md5::{Digest, Md5};

use crate::campaign::STATE_DIR;

/// The directories of one campaign; all paths are absolute.
#[derive(Clone, Debug)]
pub struct Layout {
    results: PathBuf,
    state: PathBuf,
    project: String,
}

impl Layout {
    /// For the campaign of a results directory that exists. `project` names the client's project directory, and so
    /// the campaign's containers.
    pub fn new(results: &Path, project: &str) -> io::Result<Self> {
        let results = results.canonicalize()?;
        Ok(Self { state: results.join(STATE_DIR), results, project: project.to_owned() })
    }

    /// A project name that no other campaign on this host has: `127.0.0.1_buoy_local_` and 8 hex digits of the directory's
    /// path. A client names the directory of http://127.0.0.1/… like this, and the wrapper reads the server's host off it.
    pub fn project_name(results: &Path) -> io::Result<String> {
        let path = results.canonicalize()?;
        let digest = Md5::digest(boinc::platform::path_bytes(&path));
        Ok(format!(
            "127.0.0.1_buoy_local_{:08x}",
            u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
        ))
    }

    pub fn create(&self) -> io::Result<()> {
        let dirs =
            [self.project_dir(), self.slots(), self.bin(), self.daemon_dir(), self.logs(), self.upload_dir()];
        for dir in dirs {
            std::fs::create_dir_all(dir)?;
        }
        std::fs::create_dir_all(self.routes().parent().unwrap_or(&self.state))
    }

    /// Name of the project directory: `<project>` in the names of containers.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// The directory of results, with a directory for each job.
    pub fn results(&self) -> &Path {
        &self.results
    }

    /// The emulated client's data directory (`<boinc_dir>`).
    pub fn boinc_dir(&self) -> PathBuf {
        self.state.join("client")
    }

    pub fn project_dir(&self) -> PathBuf {
        self.boinc_dir().join("projects").join(&self.project)
    }

    /// The target of a soft link in a slot to a file of the project directory.
    pub fn link_target(&self, physical_name: &str) -> String {
        format!("../../projects/{}/{physical_name}", self.project)
    }

    pub fn slots(&self) -> PathBuf {
        self.boinc_dir().join("slots")
    }

    pub fn slot(&self, slot: u32) -> PathBuf {
        self.slots().join(slot.to_string())
    }

    /// `PROJECT/bin` of the emulated server.
    pub fn bin(&self) -> PathBuf {
        self.server().join("bin")
    }

    /// `PROJECT/tmp_HOST`: the working directory of the server's daemons.
    pub fn daemon_dir(&self) -> PathBuf {
        self.server().join("tmp_local")
    }

    /// The routes of the shims.
    pub fn routes(&self) -> PathBuf {
        self.server().join("buoy").join("routes.toml")
    }

    pub fn daemon_log(&self) -> PathBuf {
        self.state.join("daemons.log")
    }

    /// Path of an uploaded file, with the fan-out of `dir_hier_path`.
    pub fn upload(&self, physical_name: &str) -> PathBuf {
        self.upload_dir().join(fan_out(physical_name, FAN_OUT)).join(physical_name)
    }

    /// Path of a file in the server's download directory.
    pub fn download(&self, physical_name: &str) -> PathBuf {
        self.server().join("download").join(fan_out(physical_name, FAN_OUT)).join(physical_name)
    }

    /// The same path as an argument of the daemons: relative to their working directory, since a shell splits it at
    /// spaces, which the path to a submitter's results may contain.
    pub fn upload_argument(&self, physical_name: &str) -> String {
        format!("../upload/{}/{physical_name}", fan_out(physical_name, FAN_OUT))
    }

    pub fn logs(&self) -> PathBuf {
        self.state.join("logs")
    }

    pub fn log(&self, result_name: &str) -> PathBuf {
        self.logs().join(format!("{result_name}.txt"))
    }

    pub fn kept(&self, result_name: &str) -> PathBuf {
        self.state.join("kept").join(result_name)
    }

    /// Outputs of a job's results that did not become canonical, a directory for each result. Named by the job, since the
    /// workunit's name changes with the rules.
    pub fn rejected(&self, job: &str) -> PathBuf {
        self.state.join("rejected").join(job)
    }

    fn upload_dir(&self) -> PathBuf {
        self.server().join("upload")
    }

    fn server(&self) -> PathBuf {
        self.state.join("server")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_name_depends_on_the_directory_alone() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let name = Layout::project_name(a.path()).unwrap();
        assert_eq!(name, Layout::project_name(&a.path().join(".")).unwrap());
        assert_ne!(name, Layout::project_name(b.path()).unwrap());
    }
}
