//! Shows a running campaign: bars on a terminal, lines elsewhere, JSON for programs.

use std::collections::BTreeMap;
use std::io::Write;

use boinc::visible::{visible, visible_lines};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::terminal;
use crate::campaign::progress::{Event, Reporter};
use crate::plan::units::show_duration;

/// Lines of a failed job's log are set off by this.
const LOG_INDENT: &str = "    ";

/// The reporter that fits: JSON if asked for, else bars if stderr is a terminal, else lines.
pub fn reporter(json: bool) -> Box<dyn Reporter> {
    match (json, terminal::err_is_terminal()) {
        (true, _) => Box::new(Json),
        (false, true) => Box::new(Bars::new()),
        (false, false) => Box::new(Lines::default()),
    }
}

/// An object in a line on stdout for each event.
#[derive(Debug)]
struct Json;

impl Reporter for Json {
    fn report(&mut self, event: Event<'_>) {
        terminal::json_event(&event);
    }
}

/// A line on stderr for each event that matters to a log.
#[derive(Debug, Default)]
struct Lines {
    said: Said,
}

impl Reporter for Lines {
    fn report(&mut self, event: Event<'_>) {
        let mut err = terminal::err();
        if self.said.already(&event) {
            return;
        }
        for line in lines(&event) {
            let _ = writeln!(err, "{line}");
        }
    }
}

/// Why each result was started again last: the same reason is said once.
#[derive(Debug, Default)]
struct Said {
    restarts: BTreeMap<String, String>,
}

impl Said {
    fn already(&mut self, event: &Event<'_>) -> bool {
        match event {
            Event::Restarting { result, why, .. } => {
                let before = self.restarts.insert((*result).to_owned(), (*why).to_owned());
                before.as_deref() == Some(*why)
            }
            Event::ResultOver { result, .. } => {
                self.restarts.remove(*result);
                false
            }
            _ => false,
        }
    }
}

/// What an event says, as a terminal may show it; nothing for most.
fn lines(event: &Event<'_>) -> Vec<String> {
    words(event).iter().map(|line| visible_lines(line).into_owned()).collect()
}

fn words(event: &Event<'_>) -> Vec<String> {
    match event {
        Event::Begun { jobs, finished_before, going_on, slots, engine, results } => {
            let s = if *jobs == 1 { "" } else { "s" };
            let mut line = format!(
                "{jobs} job{s}, {slots} in parallel, with {engine}; results in {}",
                results.display()
            );
            if *finished_before > 0 {
                line.push_str(&format!("; {finished_before} finished before"));
            }
            if *going_on > 0 {
                line.push_str(&format!("; resuming {going_on} results"));
            }
            vec![line]
        }
        Event::Restarting { result, after_seconds, why, .. } => {
            vec![format!("{result}: retrying in {}: {}", show_duration(*after_seconds), visible(why))]
        }
        Event::ResultOver { result, cause: Some(cause), .. } => vec![format!("{result}: {}", visible(cause))],
        Event::JobOver { job, status, exit_status, cause, log_tail, over, jobs } => {
            let mut line = format!("[{over}/{jobs}] {job}: {status}");
            match (cause, exit_status) {
                (Some(cause), Some(status)) => {
                    line.push_str(&format!(" (exit status {status}): {}", visible(cause)))
                }
                (Some(cause), None) => line.push_str(&format!(": {}", visible(cause))),
                (None, _) => {}
            }
            let tail = log_tail.lines().map(|line| format!("{LOG_INDENT}{line}"));
            std::iter::once(line).chain(tail).collect()
        }
        Event::Note { text } => vec![(*text).to_owned()],
        Event::Ended { done, failed, left, interrupted, elapsed_seconds, table } => {
            let mut line = format!("{done} done, {failed} failed");
            if *left > 0 {
                line.push_str(&format!(", {left} left"));
            }
            line.push_str(&format!(" after {}; table: {}", show_duration(*elapsed_seconds), table.display()));
            if *interrupted {
                line.push_str("\ninterrupted; run the same command to resume");
            }
            vec![line]
        }
        Event::Started { .. }
        | Event::Progress { .. }
        | Event::Left { .. }
        | Event::ResultOver { cause: None, .. } => Vec::new(),
    }
}

/// A bar for all jobs, and one for each slot.
#[derive(Debug)]
struct Bars {
    screen: MultiProgress,
    jobs: ProgressBar,
    lanes: Vec<Lane>,
    said: Said,
}

/// A bar, and the slot it shows.
#[derive(Debug)]
struct Lane {
    bar: ProgressBar,
    slot: Option<u32>,
}

impl Bars {
    fn new() -> Self {
        let screen = MultiProgress::new();
        let jobs = screen.add(ProgressBar::no_length());
        Self { screen, jobs, lanes: Vec::new(), said: Said::default() }
    }

    /// The bar of a slot; a free one, or a new one, if it has none.
    fn lane(&mut self, slot: u32) -> &ProgressBar {
        let found = self.lanes.iter().position(|lane| lane.slot == Some(slot));
        let at =
            found.or_else(|| self.lanes.iter().position(|lane| lane.slot.is_none())).unwrap_or_else(|| {
                let bar = self.screen.add(ProgressBar::new(1000));
                bar.set_style(style("  {msg:32!} {bar:24} {prefix}"));
                self.lanes.push(Lane { bar, slot: None });
                self.lanes.len() - 1
            });
        self.lanes[at].slot = Some(slot);
        &self.lanes[at].bar
    }

    fn free(&mut self, slot: u32) {
        for lane in self.lanes.iter_mut().filter(|lane| lane.slot == Some(slot)) {
            lane.slot = None;
            lane.bar.set_message("");
            lane.bar.set_prefix("");
            lane.bar.set_position(0);
        }
    }
}

impl Reporter for Bars {
    fn report(&mut self, event: Event<'_>) {
        match event {
            Event::Begun { jobs, finished_before, .. } => {
                self.jobs.set_length(jobs as u64);
                self.jobs.set_position(finished_before as u64);
                self.jobs.set_style(style("{bar:40} {pos}/{len} jobs, {elapsed}{msg}"));
                self.jobs.enable_steady_tick(std::time::Duration::from_millis(500));
            }
            Event::Started { job, slot, .. } => {
                let bar = self.lane(slot);
                bar.set_message(visible(job).into_owned());
                bar.set_prefix("starting");
                bar.set_position(0);
            }
            Event::Progress { slot, fraction_done, elapsed_seconds, cpu_seconds, .. } => {
                let bar = self.lane(slot);
                bar.set_position((fraction_done.unwrap_or(0.0) * 1000.0) as u64);
                bar.set_prefix(format!(
                    "{}, {} CPU",
                    show_duration(elapsed_seconds),
                    show_duration(cpu_seconds)
                ));
            }
            Event::Left { slot, .. } => self.free(slot),
            Event::JobOver { over, status, .. } => {
                self.jobs.set_position(over as u64);
                if status != "done" {
                    self.jobs.set_message(", some failed");
                }
            }
            Event::Ended { .. } => {
                self.lanes.iter().for_each(|lane| lane.bar.finish_and_clear());
                self.jobs.finish_and_clear();
            }
            Event::Restarting { .. } | Event::ResultOver { .. } | Event::Note { .. } => {}
        }
        let is_good_news = matches!(event, Event::JobOver { status: "done", .. });
        if !is_good_news && !self.said.already(&event) {
            for line in lines(&event) {
                // What can't be shown is in the table and the logs.
                let _ = self.screen.println(line);
            }
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("our templates are right").progress_chars("━╸ ")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn lines_can_be_read_without_colour() {
        let events = [
            Event::Begun {
                jobs: 12,
                finished_before: 3,
                going_on: 2,
                slots: 2,
                engine: "docker 20.10.24",
                results: Path::new("/data/results"),
            },
            Event::Started { job: "aspirin", result: "v-1__b__aspirin_0", slot: 0, again: false },
            Event::ResultOver {
                job: "aspirin",
                result: "v-1__b__aspirin_0",
                slot: 0,
                state: "error",
                exit_status: Some(3),
                cause: Some("process exited with code 3"),
                elapsed_seconds: 1.0,
                cpu_seconds: 1.0,
            },
            Event::JobOver {
                job: "aspirin",
                status: "failed",
                exit_status: Some(3),
                cause: Some("process exited with code 3 (too many errors)"),
                log_tail: "cannot open ligand\nbye",
                over: 4,
                jobs: 12,
            },
            Event::JobOver {
                job: "menthol",
                status: "done",
                exit_status: Some(0),
                cause: None,
                log_tail: "",
                over: 5,
                jobs: 12,
            },
            Event::Ended {
                done: 11,
                failed: 1,
                left: 0,
                interrupted: false,
                elapsed_seconds: 65.43,
                table: Path::new("/data/results/results.csv"),
            },
        ];
        let text: Vec<String> = events.iter().flat_map(lines).collect();
        insta::assert_snapshot!(text.join("\n"), @r"
        12 jobs, 2 in parallel, with docker 20.10.24; results in /data/results; 3 finished before; resuming 2 results
        v-1__b__aspirin_0: process exited with code 3
        [4/12] aspirin: failed (exit status 3): process exited with code 3 (too many errors)
            cannot open ligand
            bye
        [5/12] menthol: done
        11 done, 1 failed after 65 s; table: /data/results/results.csv
        ");
    }

    #[test]
    fn what_a_job_printed_does_not_reach_the_terminal_as_it_is() {
        let event = Event::JobOver {
            job: "x",
            status: "failed",
            exit_status: Some(3),
            cause: Some("\u{1b}[1Acause"),
            log_tail: "\u{1b}[2Jgone\n\u{1b}]0;title\u{7}",
            over: 1,
            jobs: 1,
        };
        let text = lines(&event).join("\n");
        assert!(!text.contains('\u{1b}') && text.contains("\\u{1b}[2Jgone"), "{text:?}");
    }

    #[test]
    fn an_event_in_json_names_its_kind() {
        let event = Event::Note { text: "a \"note\"" };
        assert_eq!(serde_json::to_string(&event).unwrap(), r#"{"event":"note","text":"a \"note\""}"#);
    }
}
