//! `buoy-init`: required outputs are there, are files, are not too large, and are as their rules ask for; then what the
//! route's script says.

use super::attempts::{Judged, ask_script, bytes_of, check_whole, cut_or, request_result, unreadable};
use super::output_name;
use crate::invocation::{ArgWords, ResultFiles};
use crate::judge::{self, OutputLimits};
use crate::script::{Purpose, Request};
use crate::session::{Failure, Session};
use crate::verdict::Verdict;

pub(super) fn judge(session: &mut Session, words: &ArgWords) -> Result<Judged, Failure> {
    let call = session.call;
    let files = ResultFiles::new(&words.paths).map_err(|error| cut_or(error, words.is_cut, call))?;
    let (subject, routed) = session.route(files.workunit())?;
    check_whole(&files, &routed, words.is_cut, call)?;
    let bytes = bytes_of(call, &files);
    let budget = routed.cpu_budget(bytes);
    for (number, path) in &files.outputs {
        let name = output_name(&routed, *number);
        let declared = routed.output(*number).map_or(OutputLimits::default(), OutputLimits::from);
        let fault = judge::check_output(&call.path(path), declared, routed.rule(*number), budget);
        let Some(fault) = fault.map_err(|error| unreadable(&error, &routed, bytes))? else { continue };
        let invalid = format!("{name} {fault}");
        return Ok((Verdict::Invalid, Some(format!("{}: invalid: {invalid}", files.result_name()))));
    }
    let result = request_result(call, &files, &routed, words, 0);
    let request = Request::new(Purpose::Init, &subject, vec![result]);
    let asked = ask_script(session, &routed, &request)?.unwrap_or((Verdict::Valid, None));
    Ok((asked.0, asked.1.map(|line| format!("{}: invalid: {line}", files.result_name()))))
}
