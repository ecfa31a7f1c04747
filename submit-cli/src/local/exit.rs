//! What the end of a wrapper's process means, by the rules of BOINC's client
//! (`client/app_control.cpp`, `handle_exited_app` and the functions that it calls).

use std::time::Duration;

use crate::campaign::exit_status as status;
use crate::campaign::workunit::Restarts;

/// How often an app may leave without a finish file before the client gives up
/// (`handle_premature_exit`, `handle_temporary_exit`: more than 100 is an error).
pub const MAX_PREMATURE_EXITS: u32 = 100;

/// How often a task may ask to be tried again later. A volunteer's client goes on for 100 times, which
/// is days; a submitter at the keyboard wants to hear the reason.
pub const MAX_TEMPORARY_EXITS: u32 = 5;

/// The longest delay that is waited out here, whatever the task asked for.
pub const LONGEST_DELAY: Duration = Duration::from_secs(10);

/// Pause before a task that left without a word is started again. The client's scheduler needs about
/// a second for it.
pub const PAUSE_AFTER_PREMATURE_EXIT: Duration = Duration::from_millis(100);

/// How the wrapper's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessEnd {
    /// It exited with this status, 0 to 255.
    Exited(i32),
    /// This signal killed it.
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

/// What the slot says about the end: the two files that an app may leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Farewell {
    /// `boinc_finish_called` is there.
    pub finish_called: bool,
    /// The message in that file.
    pub message: Option<String>,
    /// `boinc_temporary_exit` is there and can be read.
    pub temporary: Option<Postponed>,
}

/// Contents of `boinc_temporary_exit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Postponed {
    /// For how long the task does not want to be started.
    pub delay: Duration,
    /// Why, in the task's words.
    pub reason: String,
}

/// What the client had asked of the task before it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing: it ran.
    Run,
    /// To leave for good, because of this failure.
    Abort(Failure),
    /// To leave, since the user stops everything.
    Stop,
}

/// Why a result is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// As a client reports it.
    pub exit_status: i32,
    /// For people, one line.
    pub cause: String,
}

/// What becomes of the task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its outputs are to be looked at.
    Finished,
    /// It is an error.
    Failed(Failure),
    /// The client starts it again in the same slot.
    Restart {
        /// Not before this time has passed.
        after: Duration,
        /// For people, one line.
        why: String,
    },
    /// It stopped because it was told to; it is to be run from the start some other day.
    Stopped,
}

/// Judges the end of a task's process and counts restarts.
pub fn judge(end: ProcessEnd, left: &Farewell, asked: &Asked, restarts: &mut Restarts) -> Ending {
    match asked {
        Asked::Abort(failure) => return Ending::Failed(failure.clone()),
        Asked::Stop => return Ending::Stopped,
        Asked::Run => {}
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
        ProcessEnd::Exited(code) => match (&left.temporary, code, left.finish_called) {
            (Some(postponed), _, _) => temporary(restarts, postponed),
            (None, 0, true) => Ending::Finished,
            (None, 0, false) => {
                premature(restarts, "the wrapper exited with zero status but no finish file".to_owned())
            }
            (None, code, _) => Ending::Failed(Failure {
                exit_status: code,
                cause: left.message.clone().unwrap_or_else(|| format!("process exited with code {code}")),
            }),
        },
    }
}

/// Signals that the client takes for an accident from outside: the task is started again.
fn restarts_after(signal: i32) -> bool {
    crate::platform::OUTSIDE_SIGNALS.contains(&signal)
}

fn premature(restarts: &mut Restarts, why: String) -> Ending {
    restarts.premature += 1;
    if restarts.premature > MAX_PREMATURE_EXITS {
        return Ending::Failed(Failure {
            exit_status: status::TOO_MANY_EXITS,
            cause: format!("{why}, {} times in all", restarts.premature),
        });
    }
    Ending::Restart { after: PAUSE_AFTER_PREMATURE_EXIT, why }
}

fn temporary(restarts: &mut Restarts, postponed: &Postponed) -> Ending {
    restarts.temporary += 1;
    if restarts.temporary > MAX_TEMPORARY_EXITS {
        return Ending::Failed(Failure {
            exit_status: status::TOO_MANY_EXITS,
            cause: format!(
                "the task asked {} times for a later try; the last reason: {}",
                restarts.temporary, postponed.reason
            ),
        });
    }
    Ending::Restart {
        after: postponed.delay.min(LONGEST_DELAY),
        why: format!("postponed: {}", postponed.reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn farewell(finish_called: bool, temporary: Option<&str>) -> Farewell {
        Farewell {
            finish_called,
            message: None,
            temporary: temporary
                .map(|reason| Postponed { delay: Duration::from_secs(600), reason: reason.to_owned() }),
        }
    }

    fn judged(end: ProcessEnd, left: Farewell) -> Ending {
        judge(end, &left, &Asked::Run, &mut Restarts::default())
    }

    #[test]
    fn only_exit_0_with_a_finish_file_is_a_finish() {
        assert_eq!(judged(ProcessEnd::Exited(0), farewell(true, None)), Ending::Finished);
        assert!(matches!(judged(ProcessEnd::Exited(0), farewell(false, None)), Ending::Restart { .. }));
    }

    #[test]
    fn a_bad_exit_status_is_an_error_with_or_without_a_finish_file() {
        for finish_called in [false, true] {
            let ending = judged(ProcessEnd::Exited(3), farewell(finish_called, None));
            assert!(matches!(ending, Ending::Failed(Failure { exit_status: 3, .. })), "{ending:?}");
        }
    }

    #[test]
    fn the_tasks_own_words_are_the_cause() {
        let left = Farewell { message: Some("out of memory".to_owned()), ..farewell(true, None) };
        let failure = Failure { exit_status: 137, cause: "out of memory".to_owned() };
        assert_eq!(judged(ProcessEnd::Exited(137), left), Ending::Failed(failure));
    }

    #[test]
    fn a_temporary_exit_counts_more_than_the_exit_status_and_its_delay_is_capped() {
        for code in [0, 1] {
            let ending = judged(ProcessEnd::Exited(code), farewell(true, Some("no space")));
            assert_eq!(
                ending,
                Ending::Restart { after: LONGEST_DELAY, why: "postponed: no space".to_owned() }
            );
        }
    }

    #[test]
    fn a_task_that_is_postponed_again_and_again_fails_with_the_reason() {
        let mut restarts = Restarts::default();
        let left = farewell(false, Some("cannot reach the engine"));
        for _ in 0..MAX_TEMPORARY_EXITS {
            let ending = judge(ProcessEnd::Exited(0), &left, &Asked::Run, &mut restarts);
            assert!(matches!(ending, Ending::Restart { .. }));
        }
        match judge(ProcessEnd::Exited(0), &left, &Asked::Run, &mut restarts) {
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
        let silent = Farewell::default();
        for _ in 0..100 {
            let ending = judge(ProcessEnd::Exited(0), &silent, &Asked::Run, &mut restarts);
            assert!(matches!(ending, Ending::Restart { .. }));
        }
        let ending = judge(ProcessEnd::Exited(0), &silent, &Asked::Run, &mut restarts);
        assert!(matches!(ending, Ending::Failed(Failure { exit_status: status::TOO_MANY_EXITS, .. })));
    }

    #[test]
    fn a_kill_from_outside_is_a_restart_and_a_crash_an_error() {
        for signal in [1, 2, 3, 9, 15] {
            assert!(matches!(
                judged(ProcessEnd::Killed(signal), Farewell::default()),
                Ending::Restart { .. }
            ));
        }
        for signal in [6, 7, 11] {
            assert!(matches!(judged(ProcessEnd::Killed(signal), Farewell::default()), Ending::Failed(_)));
        }
    }

    #[test]
    fn after_an_abort_the_exit_status_does_not_matter() {
        let failure = Failure { exit_status: status::DISK_LIMIT_EXCEEDED, cause: "disk".to_owned() };
        let asked = Asked::Abort(failure.clone());
        for end in [ProcessEnd::Exited(0), ProcessEnd::Exited(9), ProcessEnd::Killed(9)] {
            let ending = judge(end, &farewell(true, Some("x")), &asked, &mut Restarts::default());
            assert_eq!(ending, Ending::Failed(failure.clone()));
            let ending = judge(end, &farewell(true, None), &Asked::Stop, &mut Restarts::default());
            assert_eq!(ending, Ending::Stopped);
        }
    }
}
