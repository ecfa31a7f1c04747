//! Deciding about results, over and over while a rule is out.

use std::path::Path;
use std::time::Duration;

use boinc::error_chain::chain;

use crate::cpu_budget;
use crate::invocation::{ArgWords, InvocationError, ResultFiles, parse_args};
use crate::judge::Unreadable;
use crate::outputs::absolute;
use crate::routes::Routed;
use crate::script::{Outcome, Request, RequestOutput, RequestResult, RunsIn};
use crate::session::{CALLS_KEY, Call, Failure, FailureClass, Session, UPLOAD_KEY};
use crate::verdict::Verdict;

/// A verdict, and a line for the log if it is not a good one.
pub(super) type Judged = (Verdict, Option<String>);

/// One attempt at a decision.
pub(super) type Judge = fn(&mut Session, &ArgWords) -> Result<Judged, Failure>;

/// Runs a validator's shim; its exit code.
pub(super) fn run(call: &Call, judge: Judge) -> u8 {
    let mut session = Session::new(call);
    let words = parse_args(call.argv)
        .and_then(|words| if words.paths.is_empty() { Err(InvocationError::no_paths()) } else { Ok(words) });
    let words = match words {
        Ok(words) => words,
        Err(error) => {
            // For the admin's alert command.
            let _ = session.routes();
            return undecided(&session, &permanent(error), 0.0, 0);
        }
    };
    let mut attempt = 0;
    loop {
        let start = call.clock.now();
        match judge(&mut session, &words) {
            Ok((verdict, line)) => {
                session.succeeded(UPLOAD_KEY);
                if let Some(line) = line {
                    session.log(&line);
                }
                return verdict.exit_code();
            }
            Err(failure) if failure.class == FailureClass::BreakerOpen => {
                session.log(&format!("undecided: {} is suspended: {}", failure.key, failure.message));
                return Verdict::Transient.exit_code();
            }
            Err(failure) => {
                let seconds = (call.clock.now() - start).max(0.0);
                let pause = match failure.class {
                    FailureClass::Later => session.delayed(&failure, seconds, attempt),
                    class => session
                        .failed(&failure, seconds, attempt)
                        .pause
                        .filter(|_| class != FailureClass::Permanent),
                };
                let Some(pause) = pause else {
                    session.log(&format!("undecided: {}", failure.message));
                    return Verdict::Transient.exit_code();
                };
                if attempt == 0 {
                    session.log(&format!("{}; retrying for a while", failure.message));
                }
                call.clock.pause(Duration::from_secs_f64(pause));
                attempt += 1;
            }
        }
    }
}

fn undecided(session: &Session, failure: &Failure, seconds: f64, attempt: u32) -> u8 {
    session.failed(failure, seconds, attempt);
    session.log(&format!("undecided: {}", failure.message));
    Verdict::Transient.exit_code()
}

pub(super) fn permanent(error: InvocationError) -> Failure {
    Failure::new(CALLS_KEY, FailureClass::Permanent, error.to_string())
}

/// Names that make no sense at the end of a line as long as the daemon's buffer have been cut.
pub(super) fn cut_or(error: InvocationError, is_cut: bool, call: &Call) -> Failure {
    permanent(if is_cut { InvocationError::cut(call.argv) } else { error })
}

/// Checks that the line holds all outputs of a result.
pub(super) fn check_whole(
    files: &ResultFiles,
    routed: &Routed,
    is_cut: bool,
    call: &Call,
) -> Result<(), Failure> {
    let expected = routed.route.outputs.as_ref().map(Vec::len);
    files.check_whole(expected).map_err(|error| cut_or(error, is_cut, call))?;
    // Without a list of outputs nobody knows what a cut line has lost.
    if is_cut && expected.is_none() {
        return Err(permanent(InvocationError::cut(call.argv)));
    }
    Ok(())
}

/// Bytes of a result's outputs, as far as they can be seen.
pub(super) fn bytes_of(call: &Call, files: &ResultFiles) -> u64 {
    let bytes = |path: &Path| std::fs::symlink_metadata(call.path(path)).map_or(0, |metadata| metadata.len());
    files.outputs.iter().map(|(_, path)| bytes(path)).fold(0, u64::saturating_add)
}

/// An output that the system does not let us see, or whose rule takes too long for outputs of so many bytes.
pub(super) fn unreadable(error: &Unreadable, routed: &Routed, bytes: u64) -> Failure {
    if cpu_budget::is_exceeded(&error.source) {
        return Failure::of_slow_rule(routed, bytes);
    }
    Failure::new(UPLOAD_KEY, FailureClass::Broken, chain(error))
}

/// Asks the route's script, if it has one for this purpose.
pub(super) fn ask_script(
    session: &Session,
    routed: &Routed,
    request: &Request,
) -> Result<Option<Judged>, Failure> {
    let Some(script) = &routed.script else { return Ok(None) };
    if script.spec.command(request.purpose).is_empty() {
        return Ok(None);
    }
    let failure = |class, message| Failure::of_script(routed, request.purpose, class, message);
    let what = format!("{} script", request.purpose.name());
    if let RunsIn::Forbidden(why) = &script.runs_in {
        return Err(failure(FailureClass::Permanent, format!("{what} is not allowed: {why}")));
    }
    session.admit(routed, request.purpose)?;
    let verdict = match script.run(request, &session.state) {
        None => return Ok(None),
        Some(Outcome::Good) => (Verdict::Valid, None),
        Some(Outcome::Bad(said)) => {
            let said = if said.is_empty() { "no reason given".to_owned() } else { said };
            (Verdict::Invalid, Some(format!("{what}: {said}")))
        }
        Some(Outcome::Later(said)) => {
            let said = if said.is_empty() { said } else { format!(": {said}") };
            return Err(failure(FailureClass::Later, format!("{what} asks to retry later{said}")));
        }
        Some(Outcome::Broken { how, .. }) => {
            return Err(failure(FailureClass::Broken, format!("{what} is broken: {how}")));
        }
    };
    session.succeeded(&failure(FailureClass::Broken, String::new()).key);
    Ok(Some(verdict))
}

/// A result as a script is told of it; `position` among the results of the call.
pub(super) fn request_result(
    call: &Call,
    files: &ResultFiles,
    routed: &Routed,
    words: &ArgWords,
    position: usize,
) -> RequestResult {
    let outputs = files.outputs.iter().map(|(number, path)| {
        let path = absolute(&call.path(path));
        RequestOutput {
            number: *number,
            name: routed.name(*number).map(str::to_owned),
            physical_name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            bytes: std::fs::symlink_metadata(&path).ok().filter(|m| m.is_file()).map(|m| m.len()),
            path,
        }
    });
    RequestResult {
        name: files.identity.as_ref().map(|_| files.result_name()),
        instance: files.identity.as_ref().map(|(_, instance)| *instance),
        id: words.ids.get(position).copied(),
        run_time_seconds: words.run_times.get(position).copied(),
        outputs: outputs.collect(),
    }
}

#[cfg(test)]
mod tests;
