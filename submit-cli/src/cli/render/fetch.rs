//! Shows how outputs come in: a bar on a terminal, lines elsewhere, JSON for programs.

use std::io::Write;

use boinc::visible::visible;
use indicatif::{ProgressBar, ProgressStyle};

use super::terminal;
use crate::plan::units::{show_duration, show_size};
use crate::remote::fetch::event::{Event, Reporter};

/// The reporter that fits: JSON if asked for, else a bar if stderr is a terminal, else lines.
pub fn reporter(json: bool) -> Box<dyn Reporter> {
    match (json, terminal::err_is_terminal()) {
        (true, _) => Box::new(Json),
        (false, true) => Box::new(Bar(ProgressBar::no_length())),
        (false, false) => Box::new(Lines),
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
#[derive(Debug)]
struct Lines;

impl Reporter for Lines {
    fn report(&mut self, event: Event<'_>) {
        if let Some(line) = words(&event) {
            let _ = writeln!(terminal::err(), "{line}");
        }
    }
}

/// A bar over jobs, with the bytes that came.
#[derive(Debug)]
struct Bar(ProgressBar);

impl Reporter for Bar {
    fn report(&mut self, event: Event<'_>) {
        match event {
            Event::Begun { jobs, .. } => {
                let style = ProgressStyle::with_template("{bar:40} {pos}/{len} jobs, {elapsed}{msg}");
                self.0.set_style(style.expect("our template is right").progress_chars("━╸ "));
                self.0.set_length(jobs as u64);
                self.0.enable_steady_tick(std::time::Duration::from_millis(500));
            }
            Event::Progress { bytes } => {
                let rate = bytes as f64 / self.0.elapsed().as_secs_f64().max(0.001);
                self.0.set_message(format!(", {}, {}/s", show_size(bytes), show_size(rate as u64)));
            }
            Event::Fetched { over, .. } | Event::Gone { over, .. } | Event::Left { over, .. } => {
                self.0.set_position(over as u64);
            }
            Event::Ended { .. } => self.0.finish_and_clear(),
            Event::Note { .. } => {}
        }
        let is_good_news = matches!(event, Event::Fetched { .. });
        if let Some(line) = words(&event).filter(|_| !is_good_news) {
            self.0.suspend(|| {
                let _ = writeln!(terminal::err(), "{line}");
            });
        }
    }
}

fn words(event: &Event<'_>) -> Option<String> {
    Some(match event {
        Event::Begun { jobs, fetched_before, unfinished, to } => {
            let mut line = format!("{jobs} job{} to fetch to {}", plural(*jobs), to.display());
            if *fetched_before > 0 {
                line.push_str(&format!("; {fetched_before} fetched before"));
            }
            if *unfinished > 0 {
                line.push_str(&format!("; {unfinished} not done"));
            }
            line
        }
        Event::Progress { .. } => return None,
        Event::Fetched { job, files, bytes, over, jobs } => {
            format!("[{over}/{jobs}] {job}: {files} file{}, {}", plural(*files), show_size(*bytes))
        }
        Event::Gone { job, cause, help: Some(help), over, jobs } => {
            format!("[{over}/{jobs}] {}: {}\n  {}", visible(job), visible(cause), visible(help))
        }
        // All that are gone alike are counted at the end.
        Event::Gone { help: None, .. } => return None,
        Event::Left { job, cause, over, jobs } => {
            format!("[{over}/{jobs}] {}: not fetched: {}", visible(job), visible(cause))
        }
        Event::Note { text } => (*text).to_owned(),
        Event::Ended { fetched, gone, left, bytes, interrupted, elapsed_seconds, table: _ } => {
            let rate = show_size((*bytes as f64 / elapsed_seconds.max(0.001)) as u64);
            let mut line = format!(
                "{fetched} job{} fetched, {} in {} ({rate}/s)",
                plural(*fetched),
                show_size(*bytes),
                show_duration(*elapsed_seconds)
            );
            if *gone > 0 {
                line.push_str(&format!(
                    "; outputs of {gone} job{} are no longer on the server",
                    plural(*gone)
                ));
            }
            if *left > 0 {
                line.push_str(&format!("; {left} left, run the same command to resume"));
            }
            if *interrupted {
                line.push_str("; interrupted");
            }
            line
        }
    })
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn lines_say_each_cause_once_and_count_the_rest() {
        let gone = |job, help, over| Event::Gone { job, cause: "gone", help, over, jobs: 4 };
        let events = [
            Event::Begun { jobs: 4, fetched_before: 1, unfinished: 2, to: Path::new("results") },
            Event::Progress { bytes: 5000 },
            Event::Fetched { job: "a", files: 2, bytes: 2048, over: 1, jobs: 4 },
            gone("b", Some("ask"), 2),
            gone("c", None, 3),
            Event::Left { job: "d\u{1b}[2J", cause: "cut", over: 4, jobs: 4 },
            Event::Ended {
                fetched: 1,
                gone: 2,
                left: 1,
                bytes: 2048,
                interrupted: false,
                elapsed_seconds: 2.0,
                table: Path::new("results/results.csv"),
            },
        ];
        let text: Vec<String> = events.iter().filter_map(words).collect();
        insta::assert_snapshot!(text.join("\n"), @r"
        4 jobs to fetch to results; 1 fetched before; 2 not done
        [1/4] a: 2 files, 2 kB
        [2/4] b: gone
          ask
        [4/4] d\u{1b}[2J: not fetched: cut
        1 job fetched, 2 kB in 2 s (1 kB/s); outputs of 2 jobs are no longer on the server; 1 left, run the same command to resume
    ");
    }
}
