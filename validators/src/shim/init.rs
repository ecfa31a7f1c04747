//! `buoy-init`: required outputs are there, are files, are not too large, and are as their rules ask for.

use super::{Call, Judgement, output_name};
use crate::invocation::{InvocationError, ResultFiles, line_bytes, words};
use crate::judge::{self, Declared};
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
        let declared = declared.map_or(Declared::default(), |output| Declared {
            max_bytes: output.max_bytes,
            optional: output.optional,
        });
        let Some(fault) = judge::one(&call.path(path), declared, routed.rule(*number))? else { continue };
        let invalid = format!("{name} {fault}");
        return Ok((Verdict::Invalid, Some(format!("{}: invalid: {invalid}", files.result_name()))));
    }
    Ok((Verdict::Valid, None))
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
