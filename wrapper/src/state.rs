//! What one life of the wrapper leaves for the next life of the same result.
//!
//! It is kept in the state directory, never in the slot: a workunit's file could have its name there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::engine::Flavor;
use crate::lifecycle::{Ending, NetworkFailures};
use crate::state_dir::StateDir;
use crate::workdir::Manifest;
use boinc::atomic_file::write_atomically;
use boinc::wire::init_data::InitData;

/// Version of the file's format.
const FORMAT: u32 = 2;

/// A state that was written this recently is never taken for one that its slot has left behind.
const MIN_AGE: Duration = Duration::from_secs(86_400);

/// Written before each step that the next life must know of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    format: u32,
    /// Whose state it is.
    pub result_name: String,
    /// The slot that it was written for, by which states that are no longer needed are found.
    pub slot: PathBuf,
    /// The engine that has the container.
    pub engine: Option<Flavor>,
    /// What the slot's container is marked with, so that no other of the same name is taken for it: one of the same result
    /// before the client was set up anew, or somebody else's. Empty before there is one.
    #[serde(default)]
    pub container_mark: String,
    /// Which names are inputs and outputs.
    pub manifest: Option<Manifest>,
    /// Whether an agent has the work directory in the slot, once that is decided: the policy may be another one later.
    #[serde(default)]
    pub work_is_in_slot: Option<bool>,
    /// What the image has at the work directory was copied there.
    #[serde(default)]
    pub workdir_is_filled: bool,
    /// CPU seconds used before the present container's counter began.
    pub cpu_base_seconds: f64,
    /// CPU seconds in all when this was written.
    pub cpu_total_seconds: f64,
    /// How often a life ended because this host could not run the job.
    pub host_attempts: u32,
    /// Work that needs the network failed while the host was online.
    #[serde(default)]
    network_failures: Option<FailureCount>,
    /// The end, once it is decided: `Some(0)` is success.
    pub ended: Option<Ended>,
}

/// Failures since a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FailureCount {
    count: u32,
    /// The first of them, seconds since 1970.
    first: u64,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Exit status; 0 is success.
    pub code: i32,
    /// The cause of a failure.
    pub why: String,
}

impl State {
    /// Reads the state of a result. A file of another format or a damaged one counts as none: everything in it can be
    /// found out again, at the cost of some figures.
    pub fn read(path: &Path, result_name: &str, slot: &Path) -> Self {
        fs::read(path)
            .ok()
            .and_then(|text| serde_json::from_slice::<State>(&text).ok())
            .filter(|state| state.format == FORMAT && state.result_name == result_name)
            .unwrap_or_else(|| Self {
                format: FORMAT,
                result_name: result_name.into(),
                slot: slot.to_owned(),
                ..Self::default()
            })
    }

    /// Writes it whole or not at all.
    ///
    /// # Errors
    /// When the state directory cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let text = serde_json::to_vec(self).map_err(io::Error::other)?;
        write_atomically(path, &text)
    }

    /// The end as the lifecycle knows it.
    pub fn ending(&self) -> Option<Ending> {
        self.ended.as_ref().map(|ended| match ended.code {
            0 => Ending::Success,
            code => Ending::failed(code, ended.why.clone()),
        })
    }

    /// Whether the work directory was laid out before.
    pub fn is_prepared(&self) -> bool {
        self.manifest.is_some()
    }

    /// The work directory is gone with all that the job has made: it is filled again, and a container that has it in sight is
    /// not used any more. Another system may have taken the place of the one that was there, with another engine.
    pub fn forget_work(&mut self) {
        self.workdir_is_filled = false;
        self.container_mark.clear();
        self.engine = None;
    }

    /// The failures of the network so far, as the lifecycle counts them.
    pub fn network_failures(&self, now: SystemTime) -> NetworkFailures {
        self.network_failures.map_or_else(NetworkFailures::default, |failures| NetworkFailures {
            count: failures.count,
            since_first: Duration::from_secs(seconds(now).saturating_sub(failures.first)),
        })
    }

    /// Counts one more.
    pub fn count_network_failure(&mut self, now: SystemTime) {
        let failures = self.network_failures.get_or_insert(FailureCount { count: 0, first: seconds(now) });
        failures.count += 1;
    }

    /// The network has served the job: earlier failures are no evidence any more.
    pub fn forget_network_failures(&mut self) {
        self.network_failures = None;
    }

    /// Removes states whose slots now hold other results, or none. A state that cannot be removed only takes space.
    pub fn remove_abandoned(directory: &StateDir, now: SystemTime) {
        let results = directory.join(StateDir::RESULTS);
        for entry in fs::read_dir(results).into_iter().flatten().flatten() {
            let age = entry
                .metadata()
                .and_then(|data| data.modified())
                .ok()
                .and_then(|at| now.duration_since(at).ok());
            if age.is_some_and(|age| age >= MIN_AGE) && Self::is_abandoned(&entry.path()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn is_abandoned(path: &Path) -> bool {
        let Ok(text) = fs::read(path) else { return false };
        let Ok(state) = serde_json::from_slice::<State>(&text) else { return true };
        InitData::read(&state.slot).map_or(true, |init_data| init_data.result_name != state.result_name)
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_goes_when_its_slot_has_another_result() {
        let root = tempfile::tempdir().unwrap();
        let directory = StateDir::of_project(root.path()).unwrap();
        let slot = root.path().join("slot");
        fs::create_dir(&slot).unwrap();
        let init_data = |name: &str| InitData { result_name: name.into(), ..InitData::default() }.render();
        fs::write(slot.join("init_data.xml"), init_data("wu_0")).unwrap();
        let path = directory.result("wu_0");
        State::read(&path, "wu_0", &slot).write(&path).unwrap();
        let later = SystemTime::now() + 2 * MIN_AGE;
        State::remove_abandoned(&directory, later);
        assert!(path.exists(), "its slot is still its own");
        fs::write(slot.join("init_data.xml"), init_data("wu_1")).unwrap();
        State::remove_abandoned(&directory, SystemTime::now());
        assert!(path.exists(), "it was written just now");
        State::remove_abandoned(&directory, later);
        assert!(!path.exists());
    }

    #[test]
    fn a_state_of_another_result_or_format_is_not_believed() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("state.json");
        let state = State {
            ended: Some(Ended { code: 0, why: String::new() }),
            ..State::read(&path, "wu_0", root.path())
        };
        state.write(&path).unwrap();
        assert!(State::read(&path, "wu_0", root.path()).ended.is_some());
        assert!(State::read(&path, "wu_1", root.path()).ended.is_none());
        let text = fs::read_to_string(&path).unwrap().replace("\"format\":2", "\"format\":1");
        fs::write(&path, text).unwrap();
        assert!(State::read(&path, "wu_0", root.path()).ended.is_none());
    }
}
