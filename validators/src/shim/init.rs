//! `buoy-init`: required outputs are there, are files, are not too large, and are as their rules ask for; then what the
//! route's script says.

use super::attempts::{Judged, ask_script, blame_cut, bytes_of, check_whole, request_result, unreadable};
use super::output_name;
use crate::invocation::{ResultFiles, Words};
use crate::judge::{self, Declared};
use crate::script::{Purpose, Request};
use crate::session::{Session, Trouble};
use crate::verdict::Verdict;

pub(super) fn judge(session: &mut Session, words: &Words) -> Result<Judged, Trouble> {
    let call = session.call;
    let files = ResultFiles::new(&words.paths).map_err(|error| blame_cut(error, words.is_cut, call))?;
    let (subject, routed) = session.route(files.workunit())?;
    check_whole(&files, &routed, words.is_cut, call)?;
    let bytes = bytes_of(call, &files);
    let patience = routed.patience(bytes);
    for (number, path) in &files.outputs {
        let name = output_name(&routed, *number);
        let declared = routed.route.outputs.as_ref().and_then(|outputs| outputs.get(*number));
        let declared = declared.map_or(Declared::default(), |output| Declared {
            max_bytes: output.max_bytes,
            optional: output.optional,
        });
        let fault = judge::one(&call.path(path), declared, routed.rule(*number), patience);
        let Some(fault) = fault.map_err(|error| unreadable(&error, &routed, bytes))? else { continue };
        let invalid = format!("{name} {fault}");
        return Ok((Verdict::Invalid, Some(format!("{}: invalid: {invalid}", files.result_name()))));
    }
    let result = request_result(call, &files, &routed, words, 0);
    let request = Request::new(Purpose::Init, &subject, vec![result]);
    let asked = ask_script(session, &routed, &request)?.unwrap_or((Verdict::Valid, None));
    Ok((asked.0, asked.1.map(|line| format!("{}: invalid: {line}", files.result_name()))))
}
