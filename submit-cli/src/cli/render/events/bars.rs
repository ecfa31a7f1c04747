//! Events on a terminal: a bar for all jobs, or for the bytes of an upload, and one for each slot.

use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use boinc::visible::visible;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::super::terminal;
use super::super::words::counts;
use super::{Shown, text};
use crate::campaign::event::{Event, Reporter, Started};
use crate::campaign::job_view::JobState;
use crate::plan::units::{show_duration, show_size};

const JOBS: &str = "{bar:40} {pos}/{len} jobs, {elapsed}{msg}";
const WATCHED_JOBS: &str = "{bar:24} {pos}/{len} jobs, {wide_msg}";
const BYTES: &str = "{bar:30} {decimal_bytes}/{decimal_total_bytes}, {decimal_bytes_per_sec}, {eta} left";
const SLOT: &str = "  {msg:32!} {bar:24} {prefix}";

/// How often a bar is drawn while nothing happens.
const TICK: Duration = Duration::from_millis(500);

/// Shows events as bars, and lines above them.
pub(super) struct Bars {
    screen: MultiProgress,
    main: ProgressBar,
    lanes: Mutex<Vec<Lane>>,
    shown: Shown,
}

/// The bar of a slot.
struct Lane {
    bar: ProgressBar,
    slot: Option<u32>,
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("our templates are right").progress_chars("━╸ ")
}

impl Bars {
    pub(super) fn new(dir: &Path) -> Self {
        let screen = MultiProgress::new();
        let main = screen.add(ProgressBar::no_length());
        Self { screen, main, lanes: Mutex::default(), shown: Shown::new(dir) }
    }

    fn start(&self, template: &str, length: u64, position: u64) {
        self.main.set_style(style(template));
        self.main.set_length(length);
        self.main.reset();
        self.main.set_position(position);
        self.main.enable_steady_tick(TICK);
    }

    /// Does something with the bar of a slot: its own, a free one, or a new one.
    fn with_lane(&self, slot: u32, act: impl FnOnce(&ProgressBar)) {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let own = lanes.iter().position(|lane| lane.slot == Some(slot));
        let at = own.or_else(|| lanes.iter().position(|lane| lane.slot.is_none())).unwrap_or_else(|| {
            let bar = self.screen.add(ProgressBar::new(1000));
            bar.set_style(style(SLOT));
            lanes.push(Lane { bar, slot: None });
            lanes.len() - 1
        });
        lanes[at].slot = Some(slot);
        act(&lanes[at].bar);
    }

    fn free_lane(&self, slot: u32) {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        for lane in lanes.iter_mut().filter(|lane| lane.slot == Some(slot)) {
            lane.slot = None;
            lane.bar.set_message("");
            lane.bar.set_prefix("");
            lane.bar.set_position(0);
        }
    }

    fn clear(&self) {
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.iter().for_each(|lane| lane.bar.finish_and_clear());
        self.main.finish_and_clear();
    }
}

impl Reporter for Bars {
    fn report(&self, event: Event<'_>) {
        match event {
            Event::Started(Started::Run { jobs, finished_before, .. }) => {
                self.start(JOBS, jobs as u64, finished_before as u64);
            }
            Event::Started(Started::Fetch { jobs, .. }) => self.start(JOBS, jobs as u64, 0),
            Event::Started(Started::Watch { jobs, .. }) => {
                self.start(WATCHED_JOBS, jobs.total() as u64, jobs.finished() as u64);
                self.main.set_message(counts(&jobs));
            }
            Event::FilesChecked { absent_bytes, absent, .. } if absent > 0 => {
                self.start(BYTES, absent_bytes, 0);
            }
            // Requests carry more than the files' bytes, and what is lost goes out twice.
            Event::Sent { bytes } => {
                let left = self.main.length().unwrap_or(0).saturating_sub(self.main.position());
                self.main.inc(bytes.min(left));
            }
            Event::ResultStarted { job, slot, .. } => self.with_lane(slot, |bar| {
                bar.set_message(visible(job).into_owned());
                bar.set_prefix("starting");
                bar.set_position(0);
            }),
            Event::Progress { slot, fraction_done, elapsed_seconds, cpu_seconds, .. } => {
                self.with_lane(slot, |bar| {
                    bar.set_position((fraction_done.unwrap_or(0.0) * 1000.0) as u64);
                    let (elapsed, cpu) = (show_duration(elapsed_seconds), show_duration(cpu_seconds));
                    bar.set_prefix(format!("{elapsed}, {cpu} CPU"));
                });
            }
            Event::ResultExited { slot, .. } => self.free_lane(slot),
            Event::JobFinished { finished, state, .. } => {
                self.main.set_position(finished as u64);
                if state == JobState::Failed {
                    self.main.set_message(", some failed");
                }
            }
            Event::Fetched { finished, .. }
            | Event::Missing { finished, .. }
            | Event::Remaining { finished, .. } => self.main.set_position(finished as u64),
            Event::Downloaded { bytes } => {
                let rate = bytes as f64 / self.main.elapsed().as_secs_f64().max(0.001);
                self.main.set_message(format!(", {}, {}/s", show_size(bytes), show_size(rate as u64)));
            }
            Event::Polled { jobs, seconds_left, .. } => {
                self.main.set_length(jobs.total() as u64);
                self.main.set_position(jobs.finished() as u64);
                let left = seconds_left
                    .map_or(String::new(), |left| format!("; about {} left", show_duration(left)));
                self.main.set_message(format!("{}{left}", counts(&jobs)));
            }
            Event::Batch { .. } | Event::Finished(_) => self.clear(),
            _ => {}
        }
        if text::is_good_news(&event) {
            return;
        }
        let lines = self.shown.lines(&event);
        self.screen.suspend(|| {
            for line in lines {
                let _ = writeln!(terminal::err(), "{line}");
            }
        });
    }
}
