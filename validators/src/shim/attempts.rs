//! Deciding about results, over and over while a rule is out.

use std::path::Path;
use std::time::Duration;

use boinc::error_chain::chain;

use crate::invocation::{InvocationError, ResultFiles, Words, line_bytes, words};
use crate::judge::Unreadable;
use crate::outputs::absolute;
use crate::patience;
use crate::routes::Routed;
use crate::script::{Outcome, Place, Request, RequestOutput, RequestResult};
use crate::session::{CALLS_KEY, Call, Kind, Session, Trouble, UPLOAD_KEY};
use crate::verdict::Verdict;

/// A verdict, and a line for the log if it is not a good one.
pub(super) type Judged = (Verdict, Option<String>);

/// One attempt at a decision.
pub(super) type Judge = fn(&mut Session, &Words) -> Result<Judged, Trouble>;

/// Runs a validator's shim; its exit code.
pub(super) fn run(call: &Call, judge: Judge) -> u8 {
    let mut session = Session::new(call);
    let words = words(call.argv)
        .and_then(|words| if words.paths.is_empty() { Err(InvocationError::NoPaths) } else { Ok(words) });
    let words = match words {
        Ok(words) => words,
        Err(error) => {
            // For the admin's alert command.
            let _ = session.routes();
            return undecided(&session, &hopeless(error), 0.0, 0);
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
            Err(trouble) if trouble.kind == Kind::Refused => {
                session.log(&format!("can't decide: {} is out: {}", trouble.key, trouble.message));
                return Verdict::Transient.exit_code();
            }
            Err(trouble) => {
                let seconds = (call.clock.now() - start).max(0.0);
                let pause = match trouble.kind {
                    Kind::Later => session.delayed(&trouble, seconds, attempt),
                    kind => {
                        session.failed(&trouble, seconds, attempt).pause.filter(|_| kind != Kind::Hopeless)
                    }
                };
                let Some(pause) = pause else {
                    session.log(&format!("can't decide: {}", trouble.message));
                    return Verdict::Transient.exit_code();
                };
                if attempt == 0 {
                    session.log(&format!("{}; trying again for a while", trouble.message));
                }
                call.clock.pause(Duration::from_secs_f64(pause));
                attempt += 1;
            }
        }
    }
}

fn undecided(session: &Session, trouble: &Trouble, seconds: f64, attempt: u32) -> u8 {
    session.failed(trouble, seconds, attempt);
    session.log(&format!("can't decide: {}", trouble.message));
    Verdict::Transient.exit_code()
}

pub(super) fn hopeless(error: InvocationError) -> Trouble {
    Trouble::new(CALLS_KEY, Kind::Hopeless, error.to_string())
}

/// Names that make no sense at the end of a line as long as the daemon's buffer have been cut.
pub(super) fn blame_cut(error: InvocationError, is_cut: bool, call: &Call) -> Trouble {
    hopeless(if is_cut { InvocationError::Cut { bytes: line_bytes(call.argv) } } else { error })
}

/// Checks that the line holds all outputs of a result.
pub(super) fn check_whole(
    files: &ResultFiles,
    routed: &Routed,
    is_cut: bool,
    call: &Call,
) -> Result<(), Trouble> {
    let expected = routed.route.outputs.as_ref().map(Vec::len);
    files.check_whole(expected).map_err(|error| blame_cut(error, is_cut, call))?;
    // Without a list of outputs nobody knows what a cut line has lost.
    if is_cut && expected.is_none() {
        return Err(hopeless(InvocationError::Cut { bytes: line_bytes(call.argv) }));
    }
    Ok(())
}

/// Bytes of a result's outputs, as far as they can be seen.
pub(super) fn bytes_of(call: &Call, files: &ResultFiles) -> u64 {
    let bytes = |path: &Path| std::fs::symlink_metadata(call.path(path)).map_or(0, |metadata| metadata.len());
    files.outputs.iter().map(|(_, path)| bytes(path)).fold(0, u64::saturating_add)
}

/// An output that the system does not let us see, or whose rule takes too long for outputs of so many bytes.
pub(super) fn unreadable(error: &Unreadable, routed: &Routed, bytes: u64) -> Trouble {
    if patience::is_used_up(&error.source) {
        return Trouble::of_slow_rule(routed, bytes);
    }
    Trouble::new(UPLOAD_KEY, Kind::Broken, chain(error))
}

/// Asks the route's script, if it has one for this purpose.
pub(super) fn ask_script(
    session: &Session,
    routed: &Routed,
    request: &Request,
) -> Result<Option<Judged>, Trouble> {
    let Some(script) = &routed.script else { return Ok(None) };
    if script.spec.command(request.purpose).is_empty() {
        return Ok(None);
    }
    let trouble = |kind, message| Trouble::of_script(routed, request.purpose, kind, message);
    let what = format!("{} script", request.purpose.word());
    if let Place::Refused(why) = &script.place {
        return Err(trouble(Kind::Hopeless, format!("{what} is not allowed: {why}")));
    }
    session.admit(routed, request.purpose)?;
    let verdict = match script.run(request, &session.state) {
        None => return Ok(None),
        Some(Outcome::Good) => (Verdict::Valid, None),
        Some(Outcome::Bad(said)) => {
            let said = if said.is_empty() { "says so and nothing else".to_owned() } else { said };
            (Verdict::Invalid, Some(format!("{what}: {said}")))
        }
        Some(Outcome::Later(said)) => {
            let said = if said.is_empty() { said } else { format!(": {said}") };
            return Err(trouble(Kind::Later, format!("{what} says later{said}")));
        }
        Some(Outcome::Broken { how, .. }) => {
            return Err(trouble(Kind::Broken, format!("{what} is broken: {how}")));
        }
    };
    session.succeeded(&trouble(Kind::Broken, String::new()).key);
    Ok(Some(verdict))
}

/// A result as a script is told of it; `position` among the results of the call.
pub(super) fn request_result(
    call: &Call,
    files: &ResultFiles,
    routed: &Routed,
    words: &Words,
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
