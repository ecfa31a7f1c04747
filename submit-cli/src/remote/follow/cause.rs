//! Why a job failed, in one line that a submitter wants to read: from the exit statuses of its failed results and the
//! words that the server gives (`html/user/submit_rpc_handler.php`, `show_job_details`).
//!
//! The same failure gives the same line, so that jobs can be counted by it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::bounds::Bounds;
use crate::local::exit::status;
use crate::plan::units::{show_duration, show_size};
use wrapper::lifecycle::exit_code;

/// What the line may speak of.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// What the job runs.
    pub program: &'a str,
    /// What it may use.
    pub bounds: Bounds,
}

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The exit status that speaks for the job, if any of its results had one.
    pub exit_status: Option<i32>,
    /// One line.
    pub text: String,
}

/// Statuses that BOINC's client gives by itself (`lib/error_numbers.h`), besides those that are named elsewhere.
mod client {
    pub const STATEFILE_WRITE: i32 = 192;
    pub const SIGNAL: i32 = 193;
    pub const CLIENT_EXITING: i32 = 199;
    pub const UNSTARTED_LATE: i32 = 200;
    pub const MISSING_COPROC: i32 = 201;
    pub const ABORTED_BY_PROJECT: i32 = 202;
    pub const UNKNOWN: i32 = 204;
    pub const OUT_OF_MEMORY: i32 = 205;
    pub const NO_SUB_TASKS: i32 = 207;
    pub const SUB_TASK_FAILURE: i32 = 208;
    pub const OVERDUE_EXCEEDED: i32 = 209;
    pub const MD5_FAILED: i32 = -119;
    pub const RSA_FAILED: i32 = -120;
    pub const FILE_TOO_BIG: i32 = -131;
    pub const NOT_FOUND: i32 = -161;
    pub const FILE_MISSING: i32 = -163;
    pub const RESULT_START: i32 = -185;
    pub const RESULT_DOWNLOAD: i32 = -186;
    pub const RESULT_UPLOAD: i32 = -187;
    pub const ABORTED_VIA_GUI: i32 = -197;
    pub const FILE_WRONG_SIZE: i32 = -221;
    pub const HTTP_PERMANENT: i32 = -224;
    pub const ABORTED_ON_EXIT: i32 = -232;
}

/// Signals as a shell's or container's exit status shows them, 128 + n, with what they mean (Linux).
const SIGNALS: [(i32, &str); 13] = [
    (1, "hung up"),
    (2, "interrupted"),
    (4, "illegal instruction"),
    (5, "trap"),
    (6, "aborted itself"),
    (7, "bus error"),
    (8, "arithmetic error"),
    (9, "killed"),
    (11, "segmentation fault"),
    (13, "broken pipe"),
    (15, "terminated"),
    (25, "file too large"),
    (31, "forbidden system call"),
];

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

/// Tells why a job failed: from the exit statuses of its failed results, in any order, and the server's words.
pub fn cause(exit_statuses: &[i32], errors: &[impl AsRef<str>], job: &Job<'_>) -> Cause {
    let says = |word: &str| errors.iter().any(|error| error.as_ref() == word);
    let exit_status = telling(exit_statuses);
    let text = match exit_status {
        _ if says("cancelled") && !failed_before(exit_status, errors.len()) => ABORTED.to_owned(),
        _ if says("too_many_success_results") => "no two results agree".to_owned(),
        _ if says("couldnt_send_result") => format!(
            "no computer could take it: it asks for {} of memory and {} of disk",
            show_size(job.bounds.memory_bytes),
            show_size(job.bounds.disk_bytes)
        ),
        _ if says("no_canonical_result") => "its result is missing on the server".to_owned(),
        Some(status) => exit_words(status, job),
        None if says("too_many_error_results") => format!(
            "its results were refused by the validator, or did not come within {}",
            show_duration(job.bounds.deadline_seconds as f64)
        ),
        None if says("too_many_total_results") => format!(
            "no agreement among all the results it was allowed, or none came within {}",
            show_duration(job.bounds.deadline_seconds as f64)
        ),
        None => match errors.first() {
            Some(word) => format!("the server says {}", word.as_ref().replace('_', " ")),
            None => "the server does not say why".to_owned(),
        },
    };
    Cause { exit_status, text }
}

/// Whether a job that was cancelled had failed before that: `abort_batch` marks all jobs of a batch
/// (`html/inc/submit_util.inc`), and each instance that a volunteer's client ends then counts as an error.
fn failed_before(exit_status: Option<i32>, errors: usize) -> bool {
    let by_abort = [
        status::ABORTED_BY_CLIENT,
        client::ABORTED_BY_PROJECT,
        status::ABORTED_VIA_GUI,
        client::ABORTED_VIA_GUI,
    ];
    errors > 1 && exit_status.is_none_or(|status| !by_abort.contains(&status))
}

/// The cause of a job that was aborted.
pub const ABORTED: &str = "aborted";

/// A status as BOINC means it: some are negative, and arrive as unsigned numbers of 32 bits where they were printed so.
pub fn normal(status: i64) -> i32 {
    // Numbers beyond 32 bits are no exit status of any client; the low bits are as good as anything.
    status as i32
}

/// The status that speaks for the job: the one most of its failed results have; among equals one of the program's own,
/// then one of the wrapper's and client's judgement, then what happened outside of the job.
fn telling(statuses: &[i32]) -> Option<i32> {
    let mut counts: BTreeMap<i32, usize> = BTreeMap::new();
    for status in statuses {
        *counts.entry(*status).or_default() += 1;
    }
    counts.into_iter().max_by_key(|&(status, count)| (count, Reverse(rank(status)))).map(|(status, _)| status)
}

/// Smaller is more telling.
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

/// A status in words.
pub fn exit_words(status: i32, job: &Job<'_>) -> String {
    let program = job.program;
    let fixed = match status {
        0 => "an output is missing, too large, or could not be uploaded (exit 0)",
        client::STATEFILE_WRITE => "a volunteer's client could not write its state file (192)",
        client::SIGNAL => return format!("{program} was killed by a signal (193)"),
        status::ABORTED_BY_CLIENT => "aborted by the volunteer's client (194)",
        exit_code::CHILD_FAILED => {
            return format!("{program} ended well, but an output is missing or not as declared (195)");
        }
        status::DISK_LIMIT_EXCEEDED => {
            return format!("over the disk limit of {} (196)", show_size(job.bounds.disk_bytes));
        }
        status::TIME_LIMIT_EXCEEDED => "over the time limit, flops_bound (197)",
        status::MEM_LIMIT_EXCEEDED => {
            return format!("out of memory at {} (198)", show_size(job.bounds.memory_bytes));
        }
        client::CLIENT_EXITING => "the volunteer's client was ended (199)",
        client::UNSTARTED_LATE => {
            return format!(
                "not started before its deadline of {} (200)",
                show_duration(job.bounds.deadline_seconds as f64)
            );
        }
        client::MISSING_COPROC => "the volunteer's GPU is gone (201)",
        client::ABORTED_BY_PROJECT => "aborted by the project (202)",
        status::ABORTED_VIA_GUI | client::ABORTED_VIA_GUI => "aborted by volunteers",
        client::UNKNOWN => "an unknown error of the volunteer's client (204)",
        client::OUT_OF_MEMORY => "no memory left on the volunteer's computer (205)",
        exit_code::INIT_FAILURE => {
            "could not be started: refused by a policy, or its image could not be built (206)"
        }
        client::NO_SUB_TASKS | client::SUB_TASK_FAILURE => {
            return format!("a sub-task of {program} failed ({status})");
        }
        client::OVERDUE_EXCEEDED => {
            return format!(
                "given up after its deadline of {} (209)",
                show_duration(job.bounds.deadline_seconds as f64)
            );
        }
        client::MD5_FAILED | client::RSA_FAILED => "a file arrived damaged at volunteers",
        client::FILE_TOO_BIG => "an output is larger than its max_size (-131)",
        status::COULD_NOT_START | client::RESULT_START => {
            "the wrapper could not be started on volunteers' computers"
        }
        client::NOT_FOUND | client::FILE_MISSING => "a file is missing on volunteers' computers",
        client::RESULT_DOWNLOAD | client::FILE_WRONG_SIZE | client::HTTP_PERMANENT => {
            "an input file is gone from the server (-186)"
        }
        client::RESULT_UPLOAD => "an output could not be uploaded (-187)",
        status::TOO_MANY_EXITS => "started again too often without an end (-226)",
        client::ABORTED_ON_EXIT => "the volunteer's client was ended (-232)",
        126 => return format!("exit 126 (cannot be executed) in {program}"),
        127 => return format!("exit 127 (command not found) in {program}"),
        _ => return own_exit(status, program),
    };
    fixed.to_owned()
}

/// A status that is the program's own, or that nobody knows.
fn own_exit(status: i32, program: &str) -> String {
    if let Some((_, meaning)) = SIGNALS.iter().find(|(signal, _)| status == 128 + signal) {
        return format!("exit {status} ({meaning}) in {program}");
    }
    let bits = status as u32;
    if bits >= 0xC000_0000 && status < -1_000_000 {
        return match CRASHES.iter().find(|(code, _)| *code == bits) {
            Some((_, meaning)) => format!("exit 0x{bits:08X} ({meaning}) in {program}"),
            None => format!("exit 0x{bits:08X} in {program}"),
        };
    }
    match status < 0 {
        true => format!("error {status} of the volunteer's client"),
        false => format!("exit {status} in {program}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: Job<'static> = Job {
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
            (&[127], too_many, Some(127), "exit 127 (command not found) in vina"),
            (&[198, 198], too_many, Some(198), "out of memory at 1 GB (198)"),
            (&[196], too_many, Some(196), "over the disk limit of 2 GB (196)"),
            (&[197], too_many, Some(197), "over the time limit, flops_bound (197)"),
            (
                &[195],
                too_many,
                Some(195),
                "vina ended well, but an output is missing or not as declared (195)",
            ),
            (
                &[206],
                too_many,
                Some(206),
                "could not be started: refused by a policy, or its image could not be built (206)",
            ),
            (&[200], too_many, Some(200), "not started before its deadline of 3 days (200)"),
            (&[0], too_many, Some(0), "an output is missing, too large, or could not be uploaded (exit 0)"),
            (&[-186], too_many, Some(-186), "an input file is gone from the server (-186)"),
            (&[-226], too_many, Some(-226), "started again too often without an end (-226)"),
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
                "no computer could take it: it asks for 1 GB of memory and 2 GB of disk",
            ),
            (&[], &["no_canonical_result"], None, "its result is missing on the server"),
            (&[], too_many, None, "its results were refused by the validator, or did not come within 3 days"),
            (
                &[],
                &["too_many_total_results"],
                None,
                "no agreement among all the results it was allowed, or none came within 3 days",
            ),
            (&[], &["something_new"], None, "the server says something new"),
            (&[], none, None, "the server does not say why"),
        ];
        for (statuses, errors, exit_status, text) in table {
            let expected = Cause { exit_status: *exit_status, text: (*text).to_owned() };
            assert_eq!(cause(statuses, errors, &JOB), expected, "{statuses:?} {errors:?}");
        }
    }

    #[test]
    fn the_order_of_results_does_not_change_the_line() {
        let errors = ["too_many_error_results"];
        assert_eq!(cause(&[3, 139], &errors, &JOB), cause(&[139, 3], &errors, &JOB));
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
            let words = exit_words(status, &JOB);
            let unknown =
                [format!("exit {status} in vina"), format!("error {status} of the volunteer's client")];
            assert!(!unknown.contains(&words), "{status}: {words}");
        }
    }
}
