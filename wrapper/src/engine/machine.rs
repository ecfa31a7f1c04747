//! Podman's virtual machine, on systems that have no containers of their own.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::cli::CliEngine;
use super::error::EngineError;
use super::output::{parse_list, parse_time};
use super::transport::Transport;

/// What `machine inspect` reports.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MachineJson {
    name: String,
    state: String,
    #[serde(default)]
    last_up: String,
    #[serde(default)]
    config_dir: FileJson,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct FileJson {
    path: PathBuf,
}

/// The part of a machine's configuration that `machine inspect` leaves out.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ConfigJson {
    #[serde(default)]
    mounts: Vec<MountJson>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct MountJson {
    source: PathBuf,
    target: PathBuf,
}

/// Podman's virtual machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// `running`, `stopped`, `starting` or `unknown`.
    pub state: String,
    /// When it was last started or stopped in an orderly way, seconds since 1970.
    pub last_up: Option<f64>,
    /// The directories that it shares with this host under the same path; `None` if that cannot be read.
    pub shared: Option<Vec<PathBuf>>,
}

/// The virtual machine cannot be used as it is. This is a fault of the host.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// Podman does not answer.
    #[error("failed to look at Podman's virtual machine")]
    Engine(#[from] EngineError),
    /// There is none.
    #[error("Podman has no virtual machine; restart the BOINC client, which creates and starts one")]
    Missing,
    /// It does not run.
    #[error(
        "Podman's virtual machine {name} is not running (state: {state}); restart the BOINC client, which starts it"
    )]
    NotRunning {
        /// Its name.
        name: String,
        /// What it does instead.
        state: String,
    },
    /// Its containers cannot see a directory.
    #[error(
        "Podman's virtual machine {name} does not share {} with this computer (shared: {}); move BOINC's data directory \
         below a shared directory, or create the machine again with `podman machine init -v DIRECTORY:DIRECTORY`",
        path.display(), list(shared)
    )]
    NotShared {
        /// Its name.
        name: String,
        /// What it would have to share.
        path: PathBuf,
        /// What it shares.
        shared: Vec<PathBuf>,
    },
    /// It has less memory than the job may use.
    #[error(
        "the job may use {} MB of memory, and the virtual machine of {engine} has {} MB; give the virtual machine more \
         memory (Podman: `podman machine stop`, `podman machine set --memory {}`) and restart the BOINC client",
        wanted_bytes.div_ceil(1_000_000), bytes / 1_000_000, (wanted_bytes >> 20) + OWN_MEBIBYTES
    )]
    TooSmall {
        /// The engine's name.
        engine: &'static str,
        /// What the job may use.
        wanted_bytes: u64,
        /// What the machine has.
        bytes: u64,
    },
}

/// What a machine's own system needs of its memory.
const OWN_MEBIBYTES: u64 = 512;

fn list(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    if paths.is_empty() { "nothing".to_owned() } else { paths.join(", ") }
}

impl Machine {
    /// Whether it can run containers that use these paths.
    ///
    /// # Errors
    /// It does not run, or does not share one of them.
    pub fn check(&self, paths: &[&Path]) -> Result<(), MachineError> {
        if self.state != "running" {
            return Err(MachineError::NotRunning { name: self.name.clone(), state: self.state.clone() });
        }
        let Some(shared) = &self.shared else { return Ok(()) };
        match paths.iter().find(|path| !shared.iter().any(|directory| path.starts_with(directory))) {
            None => Ok(()),
            Some(path) => Err(MachineError::NotShared {
                name: self.name.clone(),
                path: path.to_path_buf(),
                shared: shared.clone(),
            }),
        }
    }
}

impl From<MachineJson> for Machine {
    fn from(json: MachineJson) -> Self {
        let shared = shared(&json.config_dir.path.join(format!("{}.json", json.name)));
        Self {
            last_up: parse_time(&json.last_up).filter(|&seconds| seconds > 0.0),
            shared,
            name: json.name,
            state: json.state,
        }
    }
}

/// The directories that the machine with this configuration has under their paths of this host.
fn shared(config: &Path) -> Option<Vec<PathBuf>> {
    let config: ConfigJson = serde_json::from_slice(&fs::read(config).ok()?).ok()?;
    let same = config.mounts.into_iter().filter(|mount| mount.source == mount.target);
    Some(same.map(|mount| mount.target).collect())
}

impl<T: Transport> CliEngine<T> {
    /// Podman's virtual machine, the one that BOINC's client uses; `None` if this engine needs none.
    ///
    /// # Errors
    /// [`MachineError::Missing`] if there is none, or when Podman does not answer.
    pub fn machine(&self) -> Result<Option<Machine>, MachineError> {
        if !self.has_machine() {
            return Ok(None);
        }
        let command = self.verbs.inspect_machine();
        let captured = match self.run(&command) {
            Err(EngineError::Failed { said, .. }) if said.contains("does not exist") => {
                return Err(MachineError::Missing);
            }
            result => result?,
        };
        let machines: Vec<MachineJson> = self.read(&command, parse_list(&captured.stdout))?;
        machines.into_iter().next().map(|json| Some(json.into())).ok_or(MachineError::Missing)
    }

    /// Whether there is so much memory where containers run. The client schedules by the memory of this computer, and a virtual
    /// machine has a part of that.
    ///
    /// # Errors
    /// [`MachineError::TooSmall`], or when the engine does not answer.
    pub fn check_memory(&self, wanted_bytes: u64) -> Result<(), MachineError> {
        let info = self.info()?;
        if !info.remote || info.memory_bytes == 0 || wanted_bytes <= info.memory_bytes {
            return Ok(());
        }
        let engine = self.flavor().program_name();
        Err(MachineError::TooSmall { engine, wanted_bytes, bytes: info.memory_bytes })
    }

    /// Whether the engine's virtual machine, if it needs one, runs and shares these paths.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn check_machine(&self, paths: &[&Path]) -> Result<(), MachineError> {
        self.machine()?.map_or(Ok(()), |machine| machine.check(paths))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Podman 5 prints (cmd/podman/machine/inspect.go), shortened.
    fn inspected(directory: &Path, state: &str) -> Machine {
        let json = format!(
            r#"[{{"ConfigDir":{{"Path":"{}"}},"ConnectionInfo":{{"PodmanSocket":{{"Path":"/p.sock"}},"PodmanPipe":null}},
            "Created":"2026-10-01T10:00:00.5+02:00","LastUp":"2026-11-24T03:20:10.25+01:00",
            "Name":"podman-machine-default","Resources":{{"CPUs":4,"DiskSize":100,"Memory":2048,"USBs":[]}},
            "State":"{state}","UserModeNetworking":true,"Rootful":false,"Rosetta":true}}]"#,
            directory.display()
        );
        let machines: Vec<MachineJson> = parse_list(json.as_bytes()).unwrap();
        machines.into_iter().next().unwrap().into()
    }

    fn configured(mounts: &str) -> (tempfile::TempDir, Machine) {
        let directory = tempfile::tempdir().unwrap();
        let config = format!(r#"{{"Name":"podman-machine-default","Mounts":[{mounts}],"Version":1}}"#);
        fs::write(directory.path().join("podman-machine-default.json"), config).unwrap();
        let machine = inspected(directory.path(), "running");
        (directory, machine)
    }

    #[test]
    fn a_machine_that_does_not_run_says_so_and_what_to_do() {
        let stopped = inspected(Path::new("/none"), "stopped");
        assert_eq!(stopped.last_up, Some(1_795_486_810.25));
        let why = stopped.check(&[]).unwrap_err().to_string();
        assert_eq!(
            why,
            "Podman's virtual machine podman-machine-default is not running (state: stopped); restart the BOINC client, \
             which starts it"
        );
    }

    #[test]
    fn paths_outside_the_shared_directories_are_refused() {
        let (_directory, machine) = configured(
            r#"{"Source":"/Library","Target":"/Library","Type":"virtiofs"},{"Source":"/a","Target":"/b"}"#,
        );
        let slot = Path::new("/Library/Application Support/BOINC Data/slots/0");
        machine.check(&[slot]).unwrap();
        for outside in ["/Libraryx/slots/0", "/private/tmp/slots/0", "/a/slots/0", "/b/slots/0"] {
            let why = machine.check(&[slot, Path::new(outside)]).unwrap_err().to_string();
            assert!(
                why.contains(&format!("does not share {outside} with this computer (shared: /Library);")),
                "{why}"
            );
        }
    }

    #[test]
    fn a_machine_without_shares_shares_nothing_and_unknown_ones_are_not_judged() {
        let (_directory, machine) = configured("");
        let why = machine.check(&[Path::new("/Library/x")]).unwrap_err().to_string();
        assert!(why.contains("(shared: nothing)"), "{why}");
        inspected(Path::new("/none"), "running").check(&[Path::new("/Library/x")]).unwrap();
    }
}
