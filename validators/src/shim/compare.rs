//! `buoy-compare`: whether all outputs of two results agree.

use std::path::Path;
use std::sync::Arc;

use super::attempts::{Judged, ask_script, bytes_of, check_whole, cut_or, request_result, unreadable};
use super::output_name;
use crate::compare::Outcome;
use crate::invocation::{ArgWords, ResultFiles};
use crate::judge;
use crate::outputs::{self, Found};
use crate::routes::Routed;
use crate::script::{Purpose, Request};
use crate::session::{Failure, Session};
use crate::verdict::Verdict;

pub(super) fn judge(session: &mut Session, words: &ArgWords) -> Result<Judged, Failure> {
    let call = session.call;
    let (a, b) = ResultFiles::two(&words.paths).map_err(|error| cut_or(error, words.is_cut, call))?;
    let (subject, routed) = session.route(a.workunit())?;
    for files in [&a, &b] {
        check_whole(files, &routed, words.is_cut, call)?;
    }
    let has_script = routed.script.as_ref().is_some_and(|script| !script.spec.compare.is_empty());
    let mut is_same = true;
    let byte_by_byte = Arc::default();
    let bytes = bytes_of(call, &a).saturating_add(bytes_of(call, &b));
    let budget = routed.cpu_budget(bytes);
    for ((number, path_a), (_, path_b)) in a.outputs.iter().zip(&b.outputs) {
        let (path_a, path_b) = (call.path(path_a), call.path(path_b));
        let (name_a, name_b) = (a.result_name(), b.result_name());
        // A script gets results whose bytes differ, whatever the rules are.
        let rule = if has_script { &byte_by_byte } else { routed.rule(*number) };
        let outcome = judge::compare_outputs((&path_a, &name_a), (&path_b, &name_b), rule, budget);
        let Outcome::Different(how) = outcome.map_err(|error| unreadable(&error, &routed, bytes))? else {
            continue;
        };
        let is_file = |path: &Path| is_file(path, &routed, bytes);
        if has_script && is_file(&path_a)? && is_file(&path_b)? {
            is_same = false;
            continue;
        }
        let name = output_name(&routed, *number);
        return Ok((Verdict::Invalid, Some(differ(&a, &b, &format!("{name} {how}")))));
    }
    if is_same {
        return Ok((Verdict::Valid, None));
    }
    ask(session, &routed, &subject, words, (&a, &b))
}

fn ask(
    session: &Session,
    routed: &Routed,
    subject: &crate::subject::Subject,
    words: &ArgWords,
    (a, b): (&ResultFiles, &ResultFiles),
) -> Result<Judged, Failure> {
    let results = vec![
        request_result(session.call, a, routed, words, 0),
        request_result(session.call, b, routed, words, 1),
    ];
    let request = Request::new(Purpose::Compare, subject, results);
    // There is one: it was asked for because bytes differ.
    let (verdict, line) = ask_script(session, routed, &request)?.unwrap_or((Verdict::Invalid, None));
    Ok((verdict, line.map(|line| differ(a, b, &line))))
}

fn differ(a: &ResultFiles, b: &ResultFiles, how: &str) -> String {
    format!("{} and {} differ: {how}", a.result_name(), b.result_name())
}

/// Whether an output is one that a script may see.
fn is_file(path: &Path, routed: &Routed, bytes: u64) -> Result<bool, Failure> {
    let found =
        outputs::open(path).map_err(|error| unreadable(&judge::unreadable(path)(error), routed, bytes))?;
    Ok(matches!(found, Found::File { .. }))
}
