//! Why a job failed, in one line that a submitter wants to read: from the exit statuses of its failed results and the
//! words that a server gives (`html/user/submit_rpc_handler.php`, `show_job_details`).
//!
//! The same failure has the same kind, so that jobs can be counted by it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use boinc::signal::signal_of_status;
use wrapper::lifecycle::exit_code;

use super::bounds::Bounds;
use super::exit_status as status;
use super::words::words;
use crate::plan::units::{show_duration, show_size};

words! {
    /// What kind of failure it is. Jobs are counted by it, those of [`CauseKind::Exit`] and [`CauseKind::Signal`] by exit status
    /// too.
    pub enum CauseKind {
        /// The program ended with an exit status of its own.
        Exit = "exit",
        /// A signal or exception ended the program.
        Signal = "signal",
        /// It used more memory than its bound.
        Memory = "memory",
        /// It wrote more than its disk bound.
        Disk = "disk",
        /// It ran longer than its bound.
        Time = "time",
        /// An output is missing, too large, or was not uploaded.
        Output = "output",
        /// It could not be started: a policy, or its image.
        Start = "start",
        /// An input did not arrive.
        Input = "input",
        /// The validator refused its results, or they do not agree.
        Validation = "validation",
        /// It was started again too often.
        Restarts = "restarts",
        /// It did not come back in time.
        Deadline = "deadline",
        /// No host can take it.
        NoHost = "no_host",
        /// The host or its client failed.
        Host = "host",
        /// A volunteer, the submitter or the project aborted it.
        Aborted = "aborted",
        /// Nothing more is known.
        Unknown = "unknown",
    }
}

impl CauseKind {
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

/// What exit statuses mean: a line for each, with its kind and the text for a submitter.
const STATUSES: &str = include_str!("exit_statuses.txt");

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
    let Subject { program, bounds } = subject;
    if let Some((kind, text)) = listed(status) {
        let text = text
            .replace("{memory}", &show_size(bounds.memory_bytes))
            .replace("{disk}", &show_size(bounds.disk_bytes))
            .replace("{deadline}", &show_duration(bounds.deadline_seconds as f64));
        return (kind, text.replace("{program}", program));
    }
    if let Some((_, meaning)) = signal_of_status(status) {
        return (CauseKind::Signal, format!("exit {status} ({meaning}) in {program}"));
    }
    let bits = status as u32;
    if bits >= 0xC000_0000 && status < -1_000_000 {
        return (CauseKind::Signal, format!("exit 0x{bits:08X} in {program}"));
    }
    if status < 0 {
        return (CauseKind::Host, format!("error {status} of the volunteer's client"));
    }
    (CauseKind::Exit, format!("exit {status} in {program}"))
}

/// Kind and text of a status that is in the list.
fn listed(status: i32) -> Option<(CauseKind, &'static str)> {
    let number = status.to_string();
    let is_it = |line: &&str| line.split(' ').next() == Some(&number);
    let mut parts = STATUSES.lines().find(is_it)?.splitn(3, ' ').skip(1);
    Some((CauseKind::of_word(parts.next()?)?, parts.next()?))
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
    fn each_line_of_the_list_is_read() {
        for line in STATUSES.lines().filter(|line| !line.starts_with('#')) {
            let status = line.split(' ').next().unwrap();
            assert!(listed(status.parse().unwrap()).is_some_and(|(_, text)| line.ends_with(text)), "{line}");
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
