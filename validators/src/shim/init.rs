//! `buoy-init`: required outputs are there, are files, and are not too large.

use super::{Call, Judgement, output_name};
use crate::invocation::{InvocationError, ResultFiles, line_bytes, words};
use crate::outputs::{self, Found};
use crate::routes::Routed;
use crate::verdict::Verdict;

pub(super) fn run(call: &Call) -> Judgement {
    let words = words(call.argv)?;
    if words.paths.is_empty() {
        return Err(InvocationError::NoPaths.into());
    }
    let files = ResultFiles::new(&words.paths).map_err(|error| blame_cut(error, words.is_cut, call))?;
    let routed = call.route(files.workunit().as_ref())?;
    check_whole(&files, &routed, words.is_cut, call)?;
    for (number, path) in &files.outputs {
        let name = output_name(&routed, *number);
        let declared = routed.route.outputs.as_ref().and_then(|outputs| outputs.get(*number));
        let found =
            outputs::open(&call.path(path)).map_err(|source| Unreadable { path: path.clone(), source })?;
        let invalid = match found {
            Found::Absent if declared.is_some_and(|output| output.optional) => continue,
            Found::Absent => format!("{name} is missing"),
            Found::Malformed(kind) => format!("{name} is a {kind}, not a file"),
            Found::File { bytes, .. } => match declared.and_then(|output| output.max_bytes) {
                Some(limit) if bytes > limit => {
                    format!("{name} has {bytes} bytes, at most {limit} are accepted")
                }
                _ => continue,
            },
        };
        return Ok((Verdict::Invalid, Some(format!("{}: invalid: {invalid}", files.result_name()))));
    }
    Ok((Verdict::Valid, None))
}

/// An output that the system does not let us see.
#[derive(Debug, thiserror::Error)]
#[error("{path}: can't read this output")]
pub(super) struct Unreadable {
    /// The file.
    pub path: std::path::PathBuf,
    /// What the system says.
    pub source: std::io::Error,
}

/// Names that make no sense at the end of a line as long as the daemon's buffer have been cut.
pub(super) fn blame_cut(error: InvocationError, is_cut: bool, call: &Call) -> InvocationError {
    if is_cut { InvocationError::Cut { bytes: line_bytes(call.argv) } } else { error }
}

/// Checks that the line holds all outputs of a result.
pub(super) fn check_whole(
    files: &ResultFiles,
    routed: &Routed,
    is_cut: bool,
    call: &Call,
) -> Result<(), InvocationError> {
    let expected = routed.route.outputs.as_ref().map(Vec::len);
    files.check_whole(expected).map_err(|error| blame_cut(error, is_cut, call))?;
    // Without a list of outputs nobody knows what a cut line has lost.
    if is_cut && expected.is_none() {
        return Err(InvocationError::Cut { bytes: line_bytes(call.argv) });
    }
    Ok(())
}
