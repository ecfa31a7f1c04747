//! What the exit of a wrapper means, by the rules of BOINC's client
//! (`client/app_control.cpp`, `handle_exited_app` and the functions that it calls).

use std::time::Duration;

use boinc::wire::finish::{Finish, TemporaryExit};

use crate::campaign::exit_status as status;
use crate::campaign::workunit::Restarts;

/// How often an app may exit without a finish file before the client gives up
/// (`handle_premature_exit`, `handle_temporary_exit`: more than 100 is an error).
pub const MAX_PREMATURE_EXITS: u32 = 100;

/// How often a task may postpone itself. A volunteer's client allows 100 times, which is days; a submitter needs to see
/// the reason sooner.
pub const MAX_TEMPORARY_EXITS: u32 = 5;

/// The longest delay until a postponed task is started again.
pub const LONGEST_DELAY: Duration = Duration::from_secs(10);

/// Pause before a task that exited without a finish file is started again. The client's scheduler needs about a second.
pub const PAUSE_AFTER_PREMATURE_EXIT: Duration = Duration::from_millis(100);

/// How the wrapper's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessEnd {
    /// With this exit status, 0 to 255.
    Exited(i32),
    Killed(i32),
}

impl From<std::process::ExitStatus> for ProcessEnd {
    fn from(status: std::process::ExitStatus) -> Self {
        match (status.code(), wrapper::platform::signal_of(status)) {
            (Some(code), _) => Self::Exited(code),
            (None, Some(signal)) => Self::Killed(signal),
            (None, None) => Self::Exited(-1),
        }
    }
}

/// The two files that an app may leave in the slot when it exits, if they exist and can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExitReport {
    pub finish: Option<Finish>,
    pub temporary: Option<TemporaryExit>,
}

/// What the client had asked the task to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    Run,
    /// To exit for good, because of this failure.
    Abort(Failure),
    /// To exit, because the user interrupted the run.
    Stop,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// As the client reports it.
    pub exit_status: i32,
    pub cause: String,
}

/// What happens to the task next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    Finished,
    Failed(Failure),
    /// The client starts it again in the same slot.
    Restart {
        after: Duration,
        why: String,
    },
    /// It stopped on request; the next run continues it.
    Stopped,
}

/// Classifies the end of a task's process, and counts restarts.
pub fn classify(end: ProcessEnd, left: &ExitReport, asked: &Asked, restarts: &mut Restarts) -> Ending {
    match asked {
        Asked::Abort(failure) => return Ending::Failed(failure.clone()),
        // It may have ended before it was asked.
        Asked::Stop if left.finish.is_none() && left.temporary.is_none() => return Ending::Stopped,
        Asked::Run | Asked::Stop => {}
    }
    match end {
        ProcessEnd::Killed(signal) if restarts_after(signal) => {
            premature(restarts, format!("the wrapper was killed by signal {signal}"))
        }
        ProcessEnd::Killed(signal) => Ending::Failed(Failure {
            exit_status: signal,
            cause: format!("the wrapper died of signal {signal}"),
        }),
        // A temporary exit counts with every exit status, also a bad one.
        ProcessEnd::Exited(code) => match (&left.temporary, code, &left.finish) {
            (Some(exit), _, _) => temporary(restarts, exit),
            (None, 0, Some(_)) => Ending::Finished,
            (None, 0, None) => {
                premature(restarts, "the wrapper exited with zero status but no finish file".to_owned())
            }
            (None, code, finish) => {
                let message = finish.as_ref().and_then(|finish| finish.message.as_ref());
                let cause = message.map(|message| message.text.clone());
                let cause = cause.unwrap_or_else(|| format!("process exited with code {code}"));
                Ending::Failed(Failure { exit_status: code, cause })
            }
        },
    }
}

/// Signals that the client attributes to an accident outside: the task is started again.
fn restarts_after(signal: i32) -> bool {
    crate::platform::OUTSIDE_SIGNALS.contains(&signal)
}

fn premature(restarts: &mut Restarts, why: String) -> Ending {
    restarts.premature += 1;
    if restarts.premature > MAX_PREMATURE_EXITS {
        return Ending::Failed(Failure {
            exit_status: status::TOO_MANY_EXITS,
            cause: format!("{why}, {} times in total", restarts.premature),
        });
    }
    Ending::Restart { after: PAUSE_AFTER_PREMATURE_EXIT, why }
}

fn temporary(restarts: &mut Restarts, exit: &TemporaryExit) -> Ending {
    restarts.temporary += 1;
    if restarts.temporary > MAX_TEMPORARY_EXITS {
        return Ending::Failed(Failure {
            exit_status: status::TOO_MANY_EXITS,
            cause: format!(
                "the task postponed itself {} times, last reason: {}",
                restarts.temporary, exit.reason.text
            ),
        });
    }
    Ending::Restart {
        after: Duration::from_secs(exit.delay_seconds.into()).min(LONGEST_DELAY),
        why: format!("postponed: {}", exit.reason.text),
    }
}

#[cfg(test)]
mod tests {
    use boinc::wire::finish::Message;

    use super::*;

    fn report(finish_called: bool, temporary: Option<&str>) -> ExitReport {
        let message = |text: &str| Message { text: text.to_owned(), notice: false };
        ExitReport {
            finish: finish_called.then_some(Finish { exit_status: 0, message: None }),
            temporary: temporary.map(|reason| TemporaryExit { delay_seconds: 600, reason: message(reason) }),
        }
    }

    fn judged(end: ProcessEnd, left: ExitReport) -> Ending {
        classify(end, &left, &Asked::Run, &mut Restarts::default())
    }

    #[test]
    fn only_exit_0_with_a_finish_file_is_a_finish() {
        assert_eq!(judged(ProcessEnd::Exited(0), report(true, None)), Ending::Finished);
        assert!(matches!(judged(ProcessEnd::Exited(0), report(false, None)), Ending::Restart { .. }));
    }

    #[test]
    fn a_bad_exit_status_is_an_error_with_or_without_a_finish_file() {
        for finish_called in [false, true] {
            let ending = judged(ProcessEnd::Exited(3), report(finish_called, None));
            assert!(matches!(ending, Ending::Failed(Failure { exit_status: 3, .. })), "{ending:?}");
        }
    }

    #[test]
    fn the_tasks_own_words_are_the_cause() {
        let message = Some(Message { text: "out of memory".to_owned(), notice: false });
        let left = ExitReport { finish: Some(Finish { exit_status: 137, message }), temporary: None };
        let failure = Failure { exit_status: 137, cause: "out of memory".to_owned() };
        assert_eq!(judged(ProcessEnd::Exited(137), left), Ending::Failed(failure));
    }

    #[test]
    fn a_temporary_exit_counts_more_than_the_exit_status_and_its_delay_is_capped() {
        for code in [0, 1] {
            let ending = judged(ProcessEnd::Exited(code), report(true, Some("no space")));
            assert_eq!(
                ending,
                Ending::Restart { after: LONGEST_DELAY, why: "postponed: no space".to_owned() }
            );
        }
    }

    #[test]
    fn a_task_that_is_postponed_again_and_again_fails_with_the_reason() {
        let mut restarts = Restarts::default();
        let left = report(false, Some("cannot reach the engine"));
        for _ in 0..MAX_TEMPORARY_EXITS {
            let ending = classify(ProcessEnd::Exited(0), &left, &Asked::Run, &mut restarts);
            assert!(matches!(ending, Ending::Restart { .. }));
        }
        match classify(ProcessEnd::Exited(0), &left, &Asked::Run, &mut restarts) {
            Ending::Failed(failure) => {
                assert_eq!(failure.exit_status, status::TOO_MANY_EXITS);
                assert!(failure.cause.contains("cannot reach the engine"), "{}", failure.cause);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_101st_premature_exit_is_an_error() {
        let mut restarts = Restarts::default();
        let silent = ExitReport::default();
        for _ in 0..100 {
            let ending = classify(ProcessEnd::Exited(0), &silent, &Asked::Run, &mut restarts);
            assert!(matches!(ending, Ending::Restart { .. }));
        }
        let ending = classify(ProcessEnd::Exited(0), &silent, &Asked::Run, &mut restarts);
        assert!(matches!(ending, Ending::Failed(Failure { exit_status: status::TOO_MANY_EXITS, .. })));
    }

    #[test]
    fn a_kill_from_outside_is_a_restart_and_a_crash_an_error() {
        for signal in [1, 2, 3, 9, 15] {
            assert!(matches!(
                judged(ProcessEnd::Killed(signal), ExitReport::default()),
                Ending::Restart { .. }
            ));
        }
        for signal in [6, 7, 11] {
            assert!(matches!(judged(ProcessEnd::Killed(signal), ExitReport::default()), Ending::Failed(_)));
        }
    }

    #[test]
    fn after_an_abort_the_exit_status_does_not_matter() {
        let failure = Failure { exit_status: status::DISK_LIMIT_EXCEEDED, cause: "disk".to_owned() };
        let asked = Asked::Abort(failure.clone());
        for end in [ProcessEnd::Exited(0), ProcessEnd::Exited(9), ProcessEnd::Killed(9)] {
            let ending = classify(end, &report(true, Some("x")), &asked, &mut Restarts::default());
            assert_eq!(ending, Ending::Failed(failure.clone()));
            let ending = classify(end, &report(false, None), &Asked::Stop, &mut Restarts::default());
            assert_eq!(ending, Ending::Stopped);
        }
        let ended_before = (ProcessEnd::Exited(0), report(true, None));
        let ending = classify(ended_before.0, &ended_before.1, &Asked::Stop, &mut Restarts::default());
        assert_eq!(ending, Ending::Finished, "a job that had ended when it was asked to stop");
    }
}
