//! Events in words.

use std::path::Path;

use boinc::visible::{visible, visible_lines};

use super::super::hint;
use super::super::words::{count, counts, jobs as jobs_of};
use crate::campaign::event::{Event, Finished, Started};
use crate::campaign::job_view::JobState;
use crate::plan::units::{show_duration, show_size};

/// Lines of a failed job's log are set off by this.
const LOG_INDENT: &str = "    ";

/// What an event says, as a terminal may show it; nothing for many. `dir` is the campaign's directory of results.
pub(super) fn lines(event: &Event<'_>, dir: &Path) -> Vec<String> {
    let text = match event {
        Event::Started(started) => started_text(started),
        Event::Finished(finished) => finished_text(finished),
        Event::JobFinished { log_tail, .. } => {
            let tail = log_tail.lines().map(|line| format!("\n{LOG_INDENT}{line}"));
            one_line(event, dir).into_iter().chain(tail).collect()
        }
        Event::Rejected { kept, explanation, .. } => {
            let kept = kept.iter().map(|path| format!("{LOG_INDENT}outputs kept in {path}\n"));
            kept.chain(explanation.lines().map(|line| format!("{LOG_INDENT}{line}\n"))).collect()
        }
        event => one_line(event, dir).unwrap_or_default(),
    };
    text.lines().map(|line| visible_lines(line).into_owned()).collect()
}

fn one_line(event: &Event<'_>, dir: &Path) -> Option<String> {
    Some(match event {
        Event::Preparing { result, text, .. } => format!("{result}: {}", visible(text)),
        Event::ResultRetrying { result, after_seconds, why, .. } => {
            format!("{result}: retrying in {}: {}", show_duration(*after_seconds), visible(why))
        }
        Event::ResultFinished { result, cause: Some(cause), .. } => format!("{result}: {}", visible(cause)),
        Event::JobFinished { job, state, cause, finished, jobs, .. } => {
            let cause = cause.map_or(String::new(), |cause| format!(": {}", visible(cause)));
            format!("[{finished}/{jobs}] {job}: {}{cause}", state.text())
        }
        Event::FilesChecked { files, absent: 0, .. } => format!("files    all {files} are on the server"),
        Event::FilesChecked { files, absent, absent_bytes } => {
            format!("files    uploading {absent} of {files} ({})", show_size(*absent_bytes))
        }
        Event::ServerLimit { request_bytes, files } => {
            format!("server   limit: {files} files and {} per request", show_size(*request_bytes))
        }
        Event::Batch { batch, id, present: 0 } => format!("batch    {id}: {batch}"),
        Event::Batch { batch, id, present } => {
            format!("batch    {id}: {batch}, already has {}", jobs_of(*present))
        }
        Event::Submitted { jobs, .. } => format!("jobs     {jobs} submitted"),
        Event::Retrying { doing, why, after_seconds } => {
            format!("failed to {doing}: {}; retrying in {}", visible(why), show_duration(*after_seconds))
        }
        Event::Polled { changed: 0, .. } => return None,
        Event::Polled { jobs, seconds_left, .. } => {
            let left =
                seconds_left.map_or(String::new(), |left| format!("; about {} left", show_duration(left)));
            format!("[{}/{}] {}{left}", jobs.finished(), jobs.total(), counts(jobs))
        }
        Event::Failed { cause, more, count, example, .. } => {
            let all = if more == count { String::new() } else { format!(" ({count} in all)") };
            format!("{} failed{all}: {}; {}", jobs_of(*more), visible(cause), hint::logs(dir, example))
        }
        Event::BatchUnavailable { batch, why } => {
            format!("failed to query batch {batch}, its jobs are left out: {}", visible(why))
        }
        Event::Fetched { job, files, bytes, finished, jobs } => {
            format!("[{finished}/{jobs}] {job}: {}, {}", count(*files, "file", "files"), show_size(*bytes))
        }
        Event::Missing { job, cause, help: Some(help), finished, jobs } => {
            format!("[{finished}/{jobs}] {}: {}\n  help: {}", visible(job), visible(cause), visible(help))
        }
        Event::Remaining { job, cause, finished, jobs } => {
            format!("[{finished}/{jobs}] {}: not fetched: {}", visible(job), visible(cause))
        }
        Event::Note { text } => format!("note: {text}"),
        // Missing outputs with a known cause are counted at the end.
        Event::Missing { help: None, .. }
        | Event::Started(_)
        | Event::Finished(_)
        | Event::Rejected { .. }
        | Event::ResultStarted { .. }
        | Event::Progress { .. }
        | Event::ResultExited { .. }
        | Event::ResultFinished { cause: None, .. }
        | Event::Sent { .. }
        | Event::Uploaded { .. }
        | Event::Downloaded { .. } => return None,
    })
}

fn started_text(started: &Started<'_>) -> String {
    let also = |number: usize, what: &str| match number {
        0 => String::new(),
        number => format!("; {number} {what}"),
    };
    match started {
        Started::Run { jobs, finished_before, resumed, slots, engine, results } => format!(
            "{}, {slots} in parallel, with {engine}; results in {}{}{}",
            jobs_of(*jobs),
            results.display(),
            also(*finished_before, "finished before"),
            also(*resumed, "resumed")
        ),
        Started::Watch { app, batch, project, jobs } => {
            format!("{app}, batch {batch}, at {project}: {}: {}", jobs_of(jobs.total()), counts(jobs))
        }
        Started::Fetch { jobs, fetched_before, unfinished, to } => format!(
            "{} to fetch to {}{}{}",
            jobs_of(*jobs),
            to.display(),
            also(*fetched_before, "fetched before"),
            also(*unfinished, "not done")
        ),
    }
}

fn finished_text(finished: &Finished<'_>) -> String {
    match finished {
        Finished::Run { jobs, interrupted, elapsed_seconds, table } => {
            let resume = if *interrupted { "\ninterrupted; run the same command to resume" } else { "" };
            format!(
                "{} after {}; table: {}{resume}",
                counts(jobs),
                show_duration(*elapsed_seconds),
                table.display()
            )
        }
        Finished::Submit { jobs, waiting: 0 } => format!("done     all {jobs} jobs are on the server"),
        Finished::Submit { jobs, waiting } => {
            format!("done     {waiting} of {jobs} jobs are not on the server yet")
        }
        Finished::Watch { jobs, interrupted: true } => {
            format!("{}; the jobs continue, run buoy watch to follow them again", counts(jobs))
        }
        Finished::Watch { jobs, .. } if jobs.finished() < jobs.total() => format!(
            "{}; {} not submitted or cannot be followed, see buoy status",
            counts(jobs),
            jobs_of(jobs.total() - jobs.finished())
        ),
        Finished::Watch { jobs, .. } => counts(jobs),
        Finished::Fetch { fetched, missing, remaining, bytes, interrupted, elapsed_seconds, table: _ } => {
            let rate = show_size((*bytes as f64 / elapsed_seconds.max(0.001)) as u64);
            let mut line = format!(
                "{} fetched, {} in {} ({rate}/s)",
                jobs_of(*fetched),
                show_size(*bytes),
                show_duration(*elapsed_seconds)
            );
            if *missing > 0 {
                line.push_str(&format!("; outputs of {} are missing", jobs_of(*missing)));
            }
            if *remaining > 0 {
                line.push_str(&format!("; {remaining} remaining, run the same command to resume"));
            }
            if *interrupted {
                line.push_str("; interrupted");
            }
            line
        }
    }
}

/// A job that failed is worth a line also where a bar shows the others.
pub(super) fn is_good_news(event: &Event<'_>) -> bool {
    matches!(
        event,
        Event::JobFinished { state: JobState::Done, .. } | Event::Fetched { .. } | Event::Polled { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::cause::CauseKind;
    use crate::campaign::job_view::Counts;

    fn text(events: &[Event<'_>]) -> String {
        let lines: Vec<String> = events.iter().flat_map(|event| lines(event, Path::new("results"))).collect();
        lines.join("\n")
    }

    #[test]
    fn a_run_in_lines() {
        let events = [
            Event::Started(Started::Run {
                jobs: 3,
                finished_before: 1,
                resumed: 0,
                slots: 2,
                engine: "docker 26",
                results: Path::new("out"),
            }),
            Event::ResultRetrying {
                job: "a",
                result: "w_0",
                slot: 0,
                after_seconds: 10.0,
                why: "postponed: no room",
            },
            Event::JobFinished {
                job: "a",
                state: JobState::Done,
                exit_status: Some(0),
                cause_kind: None,
                cause: None,
                log_tail: "",
                finished: 2,
                jobs: 3,
            },
            Event::JobFinished {
                job: "b",
                state: JobState::Failed,
                exit_status: Some(3),
                cause_kind: Some(CauseKind::Exit),
                cause: Some("exit 3 in vina"),
                log_tail: "first\nlast\u{1b}[2J",
                finished: 3,
                jobs: 3,
            },
            Event::Finished(Finished::Run {
                jobs: Counts { done: 2, failed: 1, ..Counts::default() },
                interrupted: true,
                elapsed_seconds: 90.0,
                table: Path::new("out/results.csv"),
            }),
        ];
        insta::assert_snapshot!(text(&events), @r"
        3 jobs, 2 in parallel, with docker 26; results in out; 1 finished before
        w_0: retrying in 10 s: postponed: no room
        [2/3] a: done
        [3/3] b: failed: exit 3 in vina
            first
            last\u{1b}[2J
        2 done, 1 failed after 90 s; table: out/results.csv
        interrupted; run the same command to resume
        ");
    }

    #[test]
    fn a_submission_in_lines() {
        let events = [
            Event::FilesChecked { files: 12, absent: 0, absent_bytes: 0 },
            Event::FilesChecked { files: 12, absent: 3, absent_bytes: 4096 },
            Event::ServerLimit { request_bytes: 4 << 20, files: 20 },
            Event::Batch { batch: "a-0__b.d.1", id: 41, present: 0 },
            Event::Batch { batch: "a-0__b.d.1", id: 41, present: 506 },
            Event::Submitted { batch: "a-0__b.d.1", jobs: 701 },
            Event::Retrying { after_seconds: 0.5, doing: "submit jobs", why: "closed\u{1b}[2J" },
            Event::Sent { bytes: 1 },
            Event::Finished(Finished::Submit { jobs: 701, waiting: 0 }),
        ];
        insta::assert_snapshot!(text(&events), @r"
        files    all 12 are on the server
        files    uploading 3 of 12 (4.1 kB)
        server   limit: 20 files and 4.2 MB per request
        batch    41: a-0__b.d.1
        batch    41: a-0__b.d.1, already has 506 jobs
        jobs     701 submitted
        failed to submit jobs: closed\u{1b}[2J; retrying in 0.5 s
        done     all 701 jobs are on the server
        ");
    }

    #[test]
    fn a_watch_in_lines() {
        let at = |in_progress, done, failed| Counts { in_progress, done, failed, ..Counts::default() };
        let polled = |jobs, changed, seconds_left| Event::Polled {
            at: 0.0,
            jobs,
            changed,
            seconds_left,
            next_seconds: Some(7.0),
        };
        let finished = |jobs, interrupted| Event::Finished(Finished::Watch { jobs, interrupted });
        let events = [
            Event::Started(Started::Watch {
                app: "vina",
                batch: "ligands",
                project: "sea",
                jobs: at(12, 0, 0),
            }),
            polled(at(12, 0, 0), 0, None),
            Event::Retrying {
                doing: "query the project",
                why: "cannot reach the project",
                after_seconds: 9.6,
            },
            Event::Failed {
                cause_kind: CauseKind::Signal,
                cause: "exit 139 (segmentation fault) in vina",
                exit_status: Some(139),
                more: 1,
                count: 3,
                example: "aspirin",
            },
            polled(at(6, 3, 3), 6, Some(600.0)),
            Event::BatchUnavailable { batch: "b.2", why: "the project has no batch b.2" },
            finished(at(0, 9, 3), false),
            finished(at(1, 8, 3), false),
            finished(at(6, 3, 3), true),
        ];
        insta::assert_snapshot!(text(&events), @r"
        vina, batch ligands, at sea: 12 jobs: 12 in progress
        failed to query the project: cannot reach the project; retrying in 9.6 s
        1 job failed (3 in all): exit 139 (segmentation fault) in vina; buoy logs aspirin
        [6/12] 6 in progress, 3 done, 3 failed; about 10 min left
        failed to query batch b.2, its jobs are left out: the project has no batch b.2
        9 done, 3 failed
        1 in progress, 8 done, 3 failed; 1 job not submitted or cannot be followed, see buoy status
        6 in progress, 3 done, 3 failed; the jobs continue, run buoy watch to follow them again
        ");
    }

    #[test]
    fn a_fetch_says_each_cause_once_and_counts_the_rest() {
        let missing = |job, help, finished| Event::Missing { job, cause: "gone", help, finished, jobs: 4 };
        let events = [
            Event::Started(Started::Fetch {
                jobs: 4,
                fetched_before: 1,
                unfinished: 2,
                to: Path::new("results"),
            }),
            Event::Downloaded { bytes: 5000 },
            Event::Fetched { job: "a", files: 2, bytes: 2048, finished: 1, jobs: 4 },
            missing("b", Some("ask"), 2),
            missing("c", None, 3),
            Event::Remaining { job: "d\u{1b}[2J", cause: "cut", finished: 4, jobs: 4 },
            Event::Finished(Finished::Fetch {
                fetched: 1,
                missing: 2,
                remaining: 1,
                bytes: 2048,
                interrupted: false,
                elapsed_seconds: 2.0,
                table: Path::new("results/results.csv"),
            }),
        ];
        insta::assert_snapshot!(text(&events), @r"
        4 jobs to fetch to results; 1 fetched before; 2 not done
        [1/4] a: 2 files, 2 kB
        [2/4] b: gone
          help: ask
        [4/4] d\u{1b}[2J: not fetched: cut
        1 job fetched, 2 kB in 2 s (1 kB/s); outputs of 2 jobs are missing; 1 remaining, run the same command to resume
        ");
    }
}
