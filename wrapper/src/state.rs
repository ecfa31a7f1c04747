//! What one life of the wrapper tells the next in the same slot.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::engine::Flavor;
use crate::lifecycle::Ending;
use crate::wire::atomic_file::write_atomically;
use crate::workdir::Manifest;

/// Version of the file's format.
const FORMAT: u32 = 1;

/// Written before each step that the next life must know of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    format: u32,
    /// Whose state it is: a slot is used by one result after another.
    pub result_name: String,
    /// The engine that has the container.
    pub engine: Option<Flavor>,
    /// What the slot's container is marked with, so that no other of the same name is taken for it: one of the same result
    /// before the client was set up anew, or somebody else's. Empty before there is one.
    #[serde(default)]
    pub container_mark: String,
    /// Which names are inputs and outputs.
    pub manifest: Option<Manifest>,
    /// CPU seconds used before the present container's counter began.
    pub cpu_base_seconds: f64,
    /// CPU seconds in all when this was written.
    pub cpu_total_seconds: f64,
    /// How often a life ended because this host could not run the job.
    pub host_attempts: u32,
    /// The end, once it is decided: `Some(0)` is success.
    pub ended: Option<Ended>,
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
    /// Reads it. A file of another result, of another format, or a damaged one is as good as none: everything in it can be
    /// found out again, at the cost of some figures.
    pub fn read(path: &Path, result_name: &str) -> Self {
        fs::read(path)
            .ok()
            .and_then(|text| serde_json::from_slice::<State>(&text).ok())
            .filter(|state| state.format == FORMAT && state.result_name == result_name)
            .unwrap_or_else(|| Self { format: FORMAT, result_name: result_name.into(), ..Self::default() })
    }

    /// Writes it whole or not at all.
    ///
    /// # Errors
    /// When the slot can't be written.
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
}
