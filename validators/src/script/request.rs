//! What a script is told: JSON on its standard input, paths as arguments, a few environment variables.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::subject::Subject;

/// What a script is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Is one result acceptable?
    Init,
    /// Do two results agree?
    Compare,
    /// Here is a canonical result, or a failure.
    Assimilate,
}

impl Purpose {
    /// Its word in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Purpose::Init => "init",
            Purpose::Compare => "compare",
            Purpose::Assimilate => "assimilate",
        }
    }
}

/// Version of the JSON's form.
const VERSION: u32 = 1;

/// A call of a script. What is not known is `null`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Request {
    /// Version of this form.
    pub version: u32,
    /// What it is called for.
    pub purpose: Purpose,
    /// The workunit's name.
    pub workunit: String,
    /// The science app.
    pub app: Option<String>,
    /// The bundle's hash.
    pub hash: Option<String>,
    /// The batch.
    pub batch: Option<String>,
    /// The job.
    pub job: Option<String>,
    /// The workunit's number in the database; only for an assimilator.
    pub workunit_id: Option<String>,
    /// The batch's number in the database; only for a failure.
    pub batch_id: Option<String>,
    /// Why the workunit failed, as BOINC's bits; `null` if it did not.
    pub error_mask: Option<u32>,
    /// The same in words.
    pub error: Option<String>,
    /// One result, or two to compare.
    pub results: Vec<RequestResult>,
    /// Files that it may fill; only for an assimilator. All are in one directory.
    pub extra_outputs: Vec<RequestExtraOutput>,
}

/// A file that a script may fill. It is there, and empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestExtraOutput {
    /// Its name, as `extra_outputs` has it.
    pub name: String,
    /// Where it is, absolute.
    #[serde(serialize_with = "lossy")]
    pub path: PathBuf,
}

/// A result.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RequestResult {
    /// `<workunit>_<n>`, where it is known.
    pub name: Option<String>,
    /// n.
    pub instance: Option<u32>,
    /// Its number in the database: only from servers that still pass it.
    pub id: Option<u64>,
    /// Seconds: only from servers that still pass them.
    pub run_time_seconds: Option<f64>,
    /// Its outputs, in the order of their numbers.
    pub outputs: Vec<RequestOutput>,
}

/// An output.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RequestOutput {
    /// Its number in the output template.
    pub number: usize,
    /// Its logical name, where the outputs are known.
    pub name: Option<String>,
    /// Its name on the server.
    pub physical_name: String,
    /// Where it is, absolute.
    #[serde(serialize_with = "lossy")]
    pub path: PathBuf,
    /// Its size; `null` if an optional output is not there.
    pub bytes: Option<u64>,
}

fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

impl Request {
    /// A call about a workunit.
    pub fn new(purpose: Purpose, subject: &Subject, results: Vec<RequestResult>) -> Self {
        Self {
            version: VERSION,
            purpose,
            workunit: subject.workunit.clone(),
            app: subject.app.clone(),
            hash: subject.hash.clone(),
            batch: subject.batch.clone(),
            job: subject.job.clone(),
            workunit_id: None,
            batch_id: None,
            error_mask: None,
            error: None,
            results,
            extra_outputs: Vec::new(),
        }
    }

    /// The arguments that BOINC's own scripts get: all paths, flat; for an assimilator the workunit's number before
    /// them, or `--error MASK WU_NAME WU_ID BATCH_ID`.
    pub fn positional(&self) -> Vec<OsString> {
        let id = || OsString::from(self.workunit_id.as_deref().unwrap_or("0"));
        if let Some(mask) = self.error_mask {
            let batch = self.batch_id.as_deref().unwrap_or("0").into();
            let mask = mask.cast_signed().to_string().into();
            return vec!["--error".into(), mask, self.workunit.clone().into(), id(), batch];
        }
        let paths =
            self.results.iter().flat_map(|result| &result.outputs).map(|output| output.path.clone().into());
        let first = (self.purpose == Purpose::Assimilate).then(id);
        first.into_iter().chain(paths).collect()
    }

    /// What it finds in its environment.
    pub fn environment(&self) -> Vec<(String, OsString)> {
        let text = |value: &Option<String>| OsString::from(value.clone().unwrap_or_default());
        [
            ("BUOY_PURPOSE", self.purpose.name().into()),
            ("BUOY_WORKUNIT", self.workunit.clone().into()),
            ("BUOY_APP", text(&self.app)),
            ("BUOY_HASH", text(&self.hash)),
            ("BUOY_BATCH", text(&self.batch)),
            ("BUOY_JOB", text(&self.job)),
        ]
        .into_iter()
        .chain(self.extra_directory().map(|directory| ("BUOY_EXTRA_DIR", directory.into())))
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
    }

    fn extra_directory(&self) -> Option<&Path> {
        self.extra_outputs.first()?.path.parent()
    }

    /// Itself as JSON.
    pub fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers become JSON")
    }
}
