//! `buoy-compare`: whether all outputs of two results agree.

use super::init::{Unreadable, blame_cut, check_whole};
use super::{Call, Judgement, output_name};
use crate::compare::{Outcome, compare};
use crate::invocation::{InvocationError, ResultFiles, words};
use crate::outputs::{self, Found};
use crate::rule::Rule;
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
        let rule = routed.rule(*number);
        if matches!(rule, Rule::Ignore) {
            continue;
        }
        let open = |path: &std::path::PathBuf| {
            outputs::open(&call.path(path)).map_err(|source| Unreadable { path: path.clone(), source })
        };
        let how = match (open(path_a)?, open(path_b)?) {
            (Found::Absent, Found::Absent) => continue,
            (Found::File { file: file_a, bytes: bytes_a }, Found::File { file: file_b, bytes: bytes_b }) => {
                if matches!(rule, Rule::Bytes) && bytes_a != bytes_b {
                    format!("{bytes_a} against {bytes_b} bytes")
                } else {
                    let source = |source| Unreadable { path: path_a.clone(), source };
                    match compare(rule, file_a, file_b).map_err(source)? {
                        Outcome::Same => continue,
                        Outcome::Different(how) => how,
                    }
                }
            }
            (Found::Malformed(kind), _) => format!("in {} it is a {kind}, not a file", a.result_name()),
            (_, Found::Malformed(kind)) => format!("in {} it is a {kind}, not a file", b.result_name()),
            (Found::Absent, _) => format!("{} does not have it", a.result_name()),
            (_, Found::Absent) => format!("{} does not have it", b.result_name()),
        };
        let (a, b, name) = (a.result_name(), b.result_name(), output_name(&routed, *number));
        return Ok((Verdict::Invalid, Some(format!("{a} and {b} differ: {name} {how}"))));
    }
    Ok((Verdict::Valid, None))
}
