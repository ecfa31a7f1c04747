//! Shows a campaign that is being watched: a bar on a terminal, lines elsewhere, JSON for programs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use boinc::visible::visible;
use indicatif::{ProgressBar, ProgressStyle};

use super::following::{counts, jobs};
use super::hint;
use super::terminal;
use crate::plan::units::show_duration;
use crate::remote::follow::watch::{WatchEvent, WatchReporter};

/// The reporter that fits for the campaign in this directory: JSON if asked for, else a bar if stderr is a terminal, else
/// lines.
pub fn reporter(json: bool, dir: &Path) -> Box<dyn WatchReporter> {
    match (json, terminal::err_is_terminal()) {
        (true, _) => Box::new(Json),
        (false, true) => Box::new(Bar::new(dir)),
        (false, false) => Box::new(Lines { dir: dir.to_owned() }),
    }
}

/// An object in a line on stdout for each event.
#[derive(Debug)]
struct Json;

impl WatchReporter for Json {
    fn report(&mut self, event: WatchEvent<'_>) {
        terminal::json_event(&event);
    }
}

/// A line on stderr for each event that matters to a log.
#[derive(Debug)]
struct Lines {
    dir: PathBuf,
}

impl WatchReporter for Lines {
    fn report(&mut self, event: WatchEvent<'_>) {
        if let Some(line) = line(&event, &self.dir) {
            let _ = writeln!(terminal::err(), "{line}");
        }
    }
}

/// A bar for all jobs, and lines above it for what went wrong.
#[derive(Debug)]
struct Bar {
    dir: PathBuf,
    bar: ProgressBar,
}

impl Bar {
    fn new(dir: &Path) -> Self {
        let bar = ProgressBar::no_length();
        let style = ProgressStyle::with_template("{bar:24} {pos}/{len} jobs, {wide_msg}")
            .expect("our template is right");
        bar.set_style(style.progress_chars("━╸ "));
        Self { dir: dir.to_owned(), bar }
    }
}

impl WatchReporter for Bar {
    fn report(&mut self, event: WatchEvent<'_>) {
        match event {
            WatchEvent::Begun { jobs, .. } => {
                self.bar.set_length(jobs.total() as u64);
                self.bar.set_position(jobs.over() as u64);
                self.bar.set_message(counts(&jobs));
                self.bar.enable_steady_tick(Duration::from_millis(500));
            }
            WatchEvent::Polled { jobs, seconds_left, .. } => {
                self.bar.set_length(jobs.total() as u64);
                self.bar.set_position(jobs.over() as u64);
                let left = seconds_left
                    .map_or(String::new(), |left| format!("; about {} left", show_duration(left)));
                self.bar.set_message(format!("{}{left}", counts(&jobs)));
                return;
            }
            WatchEvent::Ended { .. } => self.bar.finish_and_clear(),
            WatchEvent::Failed { .. } | WatchEvent::Trouble { .. } | WatchEvent::Problem { .. } => {}
        }
        if let Some(line) = line(&event, &self.dir) {
            self.bar.suspend(|| {
                let _ = writeln!(terminal::err(), "{line}");
            });
        }
    }
}

/// What an event says; nothing for a poll that brought nothing.
fn line(event: &WatchEvent<'_>, dir: &Path) -> Option<String> {
    Some(match event {
        WatchEvent::Begun { app, batch, project, jobs: at } => {
            format!("{app}, batch {batch}, at {project}: {}: {}", jobs(at.total()), counts(at))
        }
        WatchEvent::Polled { changed: 0, .. } => return None,
        WatchEvent::Polled { jobs: at, seconds_left, .. } => {
            let left =
                seconds_left.map_or(String::new(), |left| format!("; about {} left", show_duration(left)));
            format!("[{}/{}] {}{left}", at.over(), at.total(), counts(at))
        }
        WatchEvent::Failed { cause, more, count, example, .. } => {
            let all = if more == count { String::new() } else { format!(" ({count} in all)") };
            format!("{} failed{all}: {}; {}", jobs(*more), visible(cause), hint::logs(dir, example))
        }
        WatchEvent::Trouble { what, next_seconds } => {
            format!("{}; retrying in {}", visible(what), show_duration(*next_seconds))
        }
        WatchEvent::Problem { batch, what } => format!("batch {batch} cannot be followed: {}", visible(what)),
        WatchEvent::Ended { jobs: at, over: true } if at.over() < at.total() => {
            format!(
                "{}; {} not submitted or cannot be followed, see buoy status",
                counts(at),
                jobs(at.total() - at.over())
            )
        }
        WatchEvent::Ended { jobs: at, over: true } => counts(at),
        WatchEvent::Ended { jobs: at, over: false } => {
            format!("{}; the jobs continue, run buoy watch to follow them again", counts(at))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::sent::Counts;

    #[test]
    fn a_watch_in_lines() {
        let at = |in_progress, done, failed| Counts { waiting: 0, unsent: 0, in_progress, done, failed };
        let events = [
            WatchEvent::Begun { app: "vina", batch: "ligands", project: "sea", jobs: at(12, 0, 0) },
            WatchEvent::Polled {
                at: 0.0,
                jobs: at(12, 0, 0),
                changed: 0,
                seconds_left: None,
                next_seconds: Some(7.0),
            },
            WatchEvent::Trouble { what: "cannot reach the project", next_seconds: 9.6 },
            WatchEvent::Failed {
                cause: "exit 139 (segmentation fault) in vina",
                exit_status: Some(139),
                more: 1,
                count: 3,
                example: "aspirin",
            },
            WatchEvent::Polled {
                at: 0.0,
                jobs: at(6, 3, 3),
                changed: 6,
                seconds_left: Some(600.0),
                next_seconds: Some(5.0),
            },
            WatchEvent::Problem { batch: "b.2", what: "the project has no batch b.2" },
            WatchEvent::Ended { jobs: at(0, 9, 3), over: true },
            WatchEvent::Ended { jobs: at(1, 8, 3), over: true },
            WatchEvent::Ended { jobs: at(6, 3, 3), over: false },
        ];
        let text: Vec<String> = events.iter().filter_map(|event| line(event, Path::new("results"))).collect();
        insta::assert_snapshot!(text.join("\n"), @r"
        vina, batch ligands, at sea: 12 jobs: 12 in progress
        cannot reach the project; retrying in 9.6 s
        1 job failed (3 in all): exit 139 (segmentation fault) in vina; buoy logs aspirin
        [6/12] 6 in progress, 3 done, 3 failed; about 10 min left
        batch b.2 cannot be followed: the project has no batch b.2
        9 done, 3 failed
        1 in progress, 8 done, 3 failed; 1 job not submitted or cannot be followed, see buoy status
        6 in progress, 3 done, 3 failed; the jobs continue, run buoy watch to follow them again
        ");
    }
}
