//! One output of one or of two results, by the rule of a science app: what the shims and `buoy compare` do.

use std::io;
use std::path::Path;
use std::sync::Arc;

use boinc::file_error::FileError;

use crate::compare::{self, Outcome, check, compare};
use crate::cpu_budget::CpuBudget;
use crate::outputs::{self, Found};
use crate::route::RouteOutput;
use crate::rule::{OutputRule, Rule};

/// An output that the system does not let us see: nothing can be said about it now.
pub type Unreadable = FileError;

pub(crate) fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Unreadable {
    FileError::new("failed to read the output", path)
}

/// What is said about an output beside its rule.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutputLimits {
    /// Largest size accepted, in bytes.
    pub max_bytes: Option<u64>,
    /// Whether it may be missing.
    pub optional: bool,
}

impl From<&RouteOutput> for OutputLimits {
    fn from(output: &RouteOutput) -> Self {
        Self { max_bytes: output.max_bytes, optional: output.optional }
    }
}

/// Looks at an output by itself: what is wrong with it, to follow its name, or nothing.
pub fn check_output(
    path: &Path,
    declared: OutputLimits,
    rule: &Arc<OutputRule>,
    budget: CpuBudget,
) -> Result<Option<String>, Unreadable> {
    let (file, bytes) = match outputs::open(path).map_err(unreadable(path))? {
        Found::Absent if declared.optional => return Ok(None),
        Found::Absent => return Ok(Some("is missing".to_owned())),
        Found::Malformed(kind) => return Ok(Some(format!("is a {kind}, not a file"))),
        Found::File { file, bytes } => (file, bytes),
    };
    match declared.max_bytes {
        Some(limit) if bytes > limit => Ok(Some(format!("has {bytes} bytes, at most {limit} are accepted"))),
        _ => {
            let rule = Arc::clone(rule);
            let checked = budget.run(move || check(&rule.check, budget.reader(&file), bytes));
            checked.flatten().map_err(unreadable(path))
        }
    }
}

/// Compares an output of two results, each with its name for messages.
pub fn compare_outputs(
    a: (&Path, &str),
    b: (&Path, &str),
    rule: &Arc<OutputRule>,
    budget: CpuBudget,
) -> Result<Outcome, Unreadable> {
    if matches!(rule.compare, Rule::Ignore) {
        return Ok(Outcome::Same);
    }
    let open = |path: &Path| outputs::open(path).map_err(unreadable(path));
    let how = match (open(a.0)?, open(b.0)?) {
        (Found::Absent, Found::Absent) => return Ok(Outcome::Same),
        (Found::File { file: file_a, bytes: bytes_a }, Found::File { file: file_b, bytes: bytes_b }) => {
            if !matches!(rule.compare, Rule::Bytes) || bytes_a == bytes_b {
                let rule = Arc::clone(rule);
                let compared = budget
                    .run(move || compare(&rule.compare, budget.reader(&file_a), budget.reader(&file_b)));
                return compared.flatten().map_err(unreadable(a.0));
            }
            format!("{bytes_a} against {bytes_b} bytes")
        }
        (Found::Malformed(kind), _) => format!("in {} it is a {kind}, not a file", a.1),
        (_, Found::Malformed(kind)) => format!("in {} it is a {kind}, not a file", b.1),
        (Found::Absent, _) => format!("{} does not have it", a.1),
        (_, Found::Absent) => format!("{} does not have it", b.1),
    };
    Ok(Outcome::Different(how))
}

/// The first word of an output that seems to have a decimal comma, about which its rule is silent, and its line; nothing if the
/// output is not a file.
///
/// # Errors
/// The file cannot be read.
pub fn decimal_comma(path: &Path, rule: &OutputRule) -> io::Result<Option<(usize, String)>> {
    match outputs::open(path)? {
        Found::File { file, .. } => compare::decimal_comma(&rule.compare, file),
        Found::Absent | Found::Malformed(_) => Ok(None),
    }
}
