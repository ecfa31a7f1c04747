//! `buoy-compare`: whether all outputs of two results agree.

use super::init::{blame_cut, check_whole};
use super::{Call, Judgement, output_name};
use crate::compare::Outcome;
use crate::invocation::{InvocationError, ResultFiles, words};
use crate::judge;
use crate::verdict::Verdict;

pub(super) fn run(call: &Call) -> Judgement {
    let words = words(call.argv)?;
    if words.paths.is_empty() {
        return Err(InvocationError::NoPaths.into());
    }
    let (a, b) = ResultFiles::two(&words.paths).map_err(|error| blame_cut(error, words.is_cut, call))?;
    let routed = call.route(a.workunit().as_ref())?;
    for files in [&a, &b] {
        check_whole(files, &routed, words.is_cut, call)?;
    }
    for ((number, path_a), (_, path_b)) in a.outputs.iter().zip(&b.outputs) {
        let (path_a, path_b) = (call.path(path_a), call.path(path_b));
        let (name_a, name_b) = (a.result_name(), b.result_name());
        let outcome = judge::two((&path_a, &name_a), (&path_b, &name_b), routed.rule(*number))?;
        let Outcome::Different(how) = outcome else { continue };
        let name = output_name(&routed, *number);
        return Ok((Verdict::Invalid, Some(format!("{name_a} and {name_b} differ: {name} {how}"))));
    }
    Ok((Verdict::Valid, None))
}
