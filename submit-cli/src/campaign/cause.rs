//! Why a job failed, in one line that a submitter wants to read: from the exit statuses of its failed results and the
//! words that a server gives (`html/user/submit_rpc_handler.php`, `show_job_details`).
//!
//! The same failure has the same kind, so that jobs can be counted by it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;
use wrapper::lifecycle::exit_code;

use super::bounds::Bounds;
use super::exit_status as status;
use super::words;
use crate::plan::units::{show_duration, show_size};

/// What kind of failure it is. Jobs are counted by it, those of [`CauseKind::Exit`] and [`CauseKind::Signal`] by exit status
/// too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseKind {
    /// The program ended with an exit status of its own.
    Exit,
    /// A signal or exception ended the program.
    Signal,
    /// It used more memory than its bound.
    Memory,
    /// It wrote more than its disk bound.
    Disk,
    /// It ran longer than its bound.
    Time,
    /// An output is missing, too large, or was not uploaded.
    Output,
    /// It could not be started: a policy, or its image.
    Start,
    /// An input did not arrive.
    Input,
    /// The validator refused its results, or they do not agree.
    Validation,
    /// It was started again too often.
    Restarts,
    /// It did not come back in time.
    Deadline,
    /// No host can take it.
    NoHost,
    /// The host or its client failed.
    Host,
    /// A volunteer, the submitter or the project aborted it.
    Aborted,
    /// Nothing more is known.
    Unknown,
}

/// All kinds, with the words that the campaign file, tables and JSON use.
const KINDS: [(&str, CauseKind); 15] = [
    ("exit", CauseKind::Exit),
    ("signal", CauseKind::Signal),
    ("memory", CauseKind::Memory),
    ("disk", CauseKind::Disk),
    ("time", CauseKind::Time),
    ("output", CauseKind::Output),
    ("start", CauseKind::Start),
    ("input", CauseKind::Input),
    ("validation", CauseKind::Validation),
    ("restarts", CauseKind::Restarts),
    ("deadline", CauseKind::Deadline),
    ("no_host", CauseKind::NoHost),
    ("host", CauseKind::Host),
    ("aborted", CauseKind::Aborted),
    ("unknown", CauseKind::Unknown),
];

impl CauseKind {
    /// The word for tables and JSON.
    pub fn word(self) -> &'static str {
        words::of(&KINDS, self)
    }

    /// The kind of a word; `Unknown` for any other.
    pub(crate) fn of_word(word: &str) -> Self {
        words::find(&KINDS, word, "kind of cause").unwrap_or(Self::Unknown)
    }

    /// The exit status says it all: the words of whoever noticed it would only repeat it.
    fn is_said_by_status(self) -> bool {
        matches!(self, Self::Exit | Self::Signal | Self::Memory | Self::Disk | Self::Time | Self::Aborted)
    }
}

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// What kind of failure it is.
    pub kind: CauseKind,
    /// The exit status that counts for the job, if any of its results had one.
    pub exit_status: Option<i32>,
    /// One line.
    pub text: String,
}

/// What a cause may speak of.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The science app.
    pub program: &'a str,
    /// What a job may use.
    pub bounds: Bounds,
}

/// What Windows reports for a process that crashed (NTSTATUS).
const CRASHES: [(u32, &str); 7] = [
    (0xC000_0005, "access violation"),
    (0xC000_001D, "illegal instruction"),
    (0xC000_0094, "division by zero"),
    (0xC000_00FD, "stack overflow"),
    (0xC000_0135, "a DLL is missing"),
    (0xC000_0142, "a DLL could not be initialised"),
    (0xC000_0409, "stack buffer overrun"),
];

impl Cause {
    fn new(kind: CauseKind, exit_status: Option<i32>, text: impl Into<String>) -> Self {
        Self { kind, exit_status, text: text.into() }
    }

    /// That the submitter aborted it.
    pub fn aborted() -> Self {
        Self::new(CauseKind::Aborted, None, "aborted")
    }

    /// With the words of whoever noticed the failure, where they say more than the exit status.
    pub(crate) fn with_detail(mut self, detail: Option<&str>) -> Self {
        match detail {
            None => {}
            Some(_) if self.kind.is_said_by_status() => {}
            Some(detail) if self.kind == CauseKind::Validation => {
                self.text = format!("{}: {detail}", self.text)
            }
            Some(detail) => self.text = detail.to_owned(),
        }
        self
    }

    /// From the exit statuses of a job's failed results, in any order, and the server's words.
    pub fn of(exit_statuses: &[i32], errors: &[impl AsRef<str>], subject: &Subject<'_>) -> Self {
        use CauseKind::{Aborted, Deadline, Host, NoHost, Unknown, Validation};
        let says = |word: &str| errors.iter().any(|error| error.as_ref() == word);
        let exit_status = most_informative(exit_statuses);
        let deadline = || show_duration(subject.bounds.deadline_seconds as f64);
        let (kind, text) = match exit_status {
            _ if says("cancelled") && !failed_before(exit_status, errors.len()) => {
                (Aborted, Self::aborted().text)
            }
            _ if says("too_many_success_results") => (Validation, "no two results agree".to_owned()),
            _ if says("couldnt_send_result") => (
                NoHost,
                format!(
                    "no host can take it: it asks for {} of memory and {} of disk",
                    show_size(subject.bounds.memory_bytes),
                    show_size(subject.bounds.disk_bytes)
                ),
            ),
            _ if says("no_canonical_result") => (Host, "its result is missing on the server".to_owned()),
            Some(status) => of_status(status, subject),
            None if says("too_many_error_results") => (
                Deadline,
                format!("the validator refused its results, or they did not come within {}", deadline()),
            ),
            None if says("too_many_total_results") => (
                Validation,
                format!(
                    "all allowed results are used up without agreement, or none came within {}",
                    deadline()
                ),
            ),
            None => match errors.first() {
                Some(word) => (Unknown, format!("the server reports: {}", word.as_ref().replace('_', " "))),
                None => (Unknown, "the server does not report why".to_owned()),
            },
        };
        Self::new(kind, exit_status, text)
    }
}

/// Whether a job that was cancelled had failed before that: `abort_batch` marks all jobs of a batch
/// (`html/inc/submit_util.inc`), and each instance that a volunteer's client ends then counts as an error.
fn failed_before(exit_status: Option<i32>, errors: usize) -> bool {
    let by_abort = [
        status::ABORTED_BY_CLIENT,
        status::ABORTED_BY_PROJECT,
        status::ABORTED_VIA_GUI,
        status::OLD_ABORTED_VIA_GUI,
    ];
    errors > 1 && exit_status.is_none_or(|status| !by_abort.contains(&status))
}

/// A status as BOINC means it: some are negative, and arrive as unsigned numbers of 32 bits where they were printed so.
pub fn normal(status: i64) -> i32 {
    // Numbers beyond 32 bits are not exit statuses of any client; the low bits are as good as anything.
    status as i32
}

/// The status that counts for the job: the one most of its failed results have; among equals one of the program's own,
/// then one of the wrapper's and client's judgement, then what happened outside of the job.
fn most_informative(statuses: &[i32]) -> Option<i32> {
    let mut counts: BTreeMap<i32, usize> = BTreeMap::new();
    for status in statuses {
        *counts.entry(*status).or_default() += 1;
    }
    counts.into_iter().max_by_key(|&(status, count)| (count, Reverse(rank(status)))).map(|(status, _)| status)
}

/// Smaller is more informative.
fn rank(status: i32) -> u8 {
    match status {
        1..=191 => 0,
        exit_code::CHILD_FAILED
        | status::DISK_LIMIT_EXCEEDED
        | status::TIME_LIMIT_EXCEEDED
        | status::MEM_LIMIT_EXCEEDED
        | exit_code::INIT_FAILURE => 1,
        0 => 2,
        _ => 3,
    }
}

/// What a status means.
fn of_status(status: i32, subject: &Subject<'_>) -> (CauseKind, String) {
    use CauseKind::{Aborted, Deadline, Disk, Exit, Host, Input, Memory, Output, Restarts, Start, Time};
    let Subject { program, bounds } = subject;
    let deadline = || show_duration(bounds.deadline_seconds as f64);
    let (kind, text) = match status {
        0 => (Output, "an output is missing, too large, or could not be uploaded (exit 0)"),
        status::STATEFILE_WRITE => (Host, "a volunteer's client could not write its state file (192)"),
        status::SIGNAL => return (CauseKind::Signal, format!("{program} was killed by a signal (193)")),
        status::ABORTED_BY_CLIENT => (Aborted, "aborted by the volunteer's client (194)"),
        exit_code::CHILD_FAILED => {
            return (
                Output,
                format!("{program} finished, but an output is missing or not as declared (195)"),
            );
        }
        status::DISK_LIMIT_EXCEEDED => {
            return (Disk, format!("over the disk limit of {} (196)", show_size(bounds.disk_bytes)));
        }
        status::TIME_LIMIT_EXCEEDED => (Time, "over the time limit, flops_bound (197)"),
        status::MEM_LIMIT_EXCEEDED => {
            return (Memory, format!("out of memory at {} (198)", show_size(bounds.memory_bytes)));
        }
        status::CLIENT_EXITING => (Host, "the volunteer's client was stopped (199)"),
        status::UNSTARTED_LATE => {
            return (Deadline, format!("not started before its deadline of {} (200)", deadline()));
        }
        status::MISSING_COPROC => (Host, "the volunteer's GPU is gone (201)"),
        status::ABORTED_BY_PROJECT => (Aborted, "aborted by the project (202)"),
        status::ABORTED_VIA_GUI | status::OLD_ABORTED_VIA_GUI => (Aborted, "aborted by volunteers"),
        status::UNKNOWN => (Host, "an unknown error of the volunteer's client (204)"),
        status::OUT_OF_MEMORY => (Host, "no memory left on the volunteer's host (205)"),
        exit_code::INIT_FAILURE => {
            (Start, "could not be started: refused by a policy, or its image could not be built (206)")
        }
        status::NO_SUB_TASKS | status::SUB_TASK_FAILURE => {
            return (Exit, format!("a sub-task of {program} failed ({status})"));
        }
        status::OVERDUE_EXCEEDED => {
            return (Deadline, format!("given up after its deadline of {} (209)", deadline()));
        }
        status::MD5_FAILED | status::RSA_FAILED => (Input, "a file arrived damaged at volunteers"),
        status::FILE_TOO_BIG => (Output, "an output is larger than its max_size (-131)"),
        status::COULD_NOT_START | status::RESULT_START => {
            (Host, "the wrapper could not be started on volunteers' hosts")
        }
        status::NOT_FOUND | status::FILE_MISSING => (Input, "a file is missing on volunteers' hosts"),
        status::RESULT_DOWNLOAD | status::FILE_WRONG_SIZE | status::HTTP_PERMANENT => {
            (Input, "an input file is gone from the server (-186)")
        }
        status::RESULT_UPLOAD => (Output, "an output could not be uploaded (-187)"),
        status::TOO_MANY_EXITS => (Restarts, "started again too often without finishing (-226)"),
        status::ABORTED_ON_EXIT => (Host, "the volunteer's client was stopped (-232)"),
        _ => return own_exit(status, program),
    };
    (kind, text.to_owned())
}

/// A status that is the program's own, or that is not documented.
fn own_exit(status: i32, program: &str) -> (CauseKind, String) {
    if let Some((_, meaning)) = signal_of_status(status) {
        return (CauseKind::Signal, format!("exit {status} ({meaning}) in {program}"));
    }
    let bits = status as u32;
    if bits >= 0xC000_0000 && status < -1_000_000 {
        let meaning = CRASHES.iter().find(|(code, _)| *code == bits);
        let meaning = meaning.map_or(String::new(), |(_, meaning)| format!(" ({meaning})"));
        return (CauseKind::Signal, format!("exit 0x{bits:08X}{meaning} in {program}"));
    }
    if status < 0 {
        return (CauseKind::Host, format!("error {status} of the volunteer's client"));
    }
    (CauseKind::Exit, format!("exit {status} in {program}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: Subject<'static> = Subject {
        program: "vina",
        bounds: Bounds { memory_bytes: 1_000_000_000, disk_bytes: 2_000_000_000, deadline_seconds: 259_200 },
    };

    #[test]
    fn each_failure_has_its_line() {
        let none: &[&str] = &[];
        let too_many: &[&str] = &["too_many_error_results"];
        type Row<'a> = (&'a [i32], &'a [&'a str], Option<i32>, &'a str);
        let table: &[Row<'_>] = &[
            (&[139, 139, 139], too_many, Some(139), "exit 139 (segmentation fault) in vina"),
            (&[3], too_many, Some(3), "exit 3 in vina"),
            (&[1, 3], too_many, Some(3), "exit 3 in vina"),
            (&[132], too_many, Some(132), "exit 132 (illegal instruction) in vina"),
            (&[137], too_many, Some(137), "exit 137 (killed) in vina"),
            (&[127], too_many, Some(127), "exit 127 in vina"),
            (&[198, 198], too_many, Some(198), "out of memory at 1 GB (198)"),
            (&[196], too_many, Some(196), "over the disk limit of 2 GB (196)"),
            (&[197], too_many, Some(197), "over the time limit, flops_bound (197)"),
            (&[195], too_many, Some(195), "vina finished, but an output is missing or not as declared (195)"),
            (
                &[206],
                too_many,
                Some(206),
                "could not be started: refused by a policy, or its image could not be built (206)",
            ),
            (&[200], too_many, Some(200), "not started before its deadline of 3 days (200)"),
            (&[0], too_many, Some(0), "an output is missing, too large, or could not be uploaded (exit 0)"),
            (&[-186], too_many, Some(-186), "an input file is gone from the server (-186)"),
            (&[-226], too_many, Some(-226), "started again too often without finishing (-226)"),
            (&[203], too_many, Some(203), "aborted by volunteers"),
            (&[-197], too_many, Some(-197), "aborted by volunteers"),
            (&[194], too_many, Some(194), "aborted by the volunteer's client (194)"),
            (&[-1_073_741_819], too_many, Some(-1_073_741_819), "exit 0xC0000005 (access violation) in vina"),
            (&[-1_073_741_000], too_many, Some(-1_073_741_000), "exit 0xC0000338 in vina"),
            (&[-107], too_many, Some(-107), "error -107 of the volunteer's client"),
            // One abort by a volunteer says nothing about the job; two of three do.
            (&[203, 139], too_many, Some(139), "exit 139 (segmentation fault) in vina"),
            (&[203, 203, 139], too_many, Some(203), "aborted by volunteers"),
            (
                &[-186, 206],
                too_many,
                Some(206),
                "could not be started: refused by a policy, or its image could not be built (206)",
            ),
            (&[], &["cancelled"], None, "aborted"),
            (&[202, 202], &["too_many_error_results", "cancelled"], Some(202), "aborted"),
            (
                &[139],
                &["too_many_error_results", "cancelled"],
                Some(139),
                "exit 139 (segmentation fault) in vina",
            ),
            (&[139], &["cancelled"], Some(139), "aborted"),
            (&[], &["too_many_success_results"], None, "no two results agree"),
            (&[1], &["too_many_total_results", "too_many_success_results"], Some(1), "no two results agree"),
            (
                &[],
                &["couldnt_send_result"],
                None,
                "no host can take it: it asks for 1 GB of memory and 2 GB of disk",
            ),
            (&[], &["no_canonical_result"], None, "its result is missing on the server"),
            (&[], too_many, None, "the validator refused its results, or they did not come within 3 days"),
            (
                &[],
                &["too_many_total_results"],
                None,
                "all allowed results are used up without agreement, or none came within 3 days",
            ),
            (&[], &["something_new"], None, "the server reports: something new"),
            (&[], none, None, "the server does not report why"),
        ];
        for (statuses, errors, exit_status, text) in table {
            let cause = Cause::of(statuses, errors, &JOB);
            assert_eq!(
                (cause.exit_status, cause.text.as_str()),
                (*exit_status, *text),
                "{statuses:?} {errors:?}"
            );
        }
    }

    #[test]
    fn the_order_of_results_does_not_change_the_line() {
        let errors = ["too_many_error_results"];
        assert_eq!(Cause::of(&[3, 139], &errors, &JOB), Cause::of(&[139, 3], &errors, &JOB));
    }

    #[test]
    fn unsigned_forms_are_the_same_status() {
        for (printed, status) in
            [(4_294_967_110, -186), (-186, -186), (3_221_225_477, -1_073_741_819), (139, 139)]
        {
            assert_eq!(normal(printed), status);
        }
    }

    #[test]
    fn each_status_that_the_client_names_has_words_of_its_own() {
        for status in
            (192..=209).chain([-119, -120, -131, -148, -161, -163, -185, -186, -187, -197, -226, -232])
        {
            let (_, words) = of_status(status, &JOB);
            let unknown =
                [format!("exit {status} in vina"), format!("error {status} of the volunteer's client")];
            assert!(!unknown.contains(&words), "{status}: {words}");
        }
    }

    #[test]
    fn each_kind_has_a_word_of_its_own() {
        for (word, kind) in KINDS {
            assert_eq!((kind.word(), CauseKind::of_word(word)), (word, kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), word);
        }
    }

    #[test]
    fn details_are_kept_where_the_status_does_not_say_them() {
        let none: &[&str] = &[];
        let text = |status, detail| Cause::of(&[status], none, &JOB).with_detail(Some(detail)).text;
        assert_eq!(text(206, "Dockerfile:3: unknown instruction"), "Dockerfile:3: unknown instruction");
        assert_eq!(text(3, "process exited with code 3"), "exit 3 in vina");
    }
}
