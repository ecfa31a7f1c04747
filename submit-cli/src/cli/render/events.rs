//! Shows events of run, submit, watch and fetch: bars on a terminal, lines elsewhere, JSON for programs.

mod bars;
mod text;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::terminal;
use crate::campaign::event::{Event, Reporter};

/// The reporter that fits: JSON if asked for, else bars if stderr is a terminal, else lines. `dir` is the campaign's directory
/// of results.
pub fn reporter(json: bool, dir: &Path) -> Box<dyn Reporter> {
    if json {
        Box::new(Json)
    } else if terminal::err_is_terminal() {
        Box::new(bars::Bars::new(dir))
    } else {
        Box::new(Lines { shown: Shown::new(dir) })
    }
}

/// An object in a line on stdout for each event.
struct Json;

impl Reporter for Json {
    fn report(&self, event: Event<'_>) {
        // Bytes are sent in thousands of pieces; the files that arrived say the same.
        if !matches!(event, Event::Sent { .. }) {
            terminal::json_event(&event);
        }
    }
}

/// Lines on stderr for each event that matters to a log.
struct Lines {
    shown: Shown,
}

impl Reporter for Lines {
    fn report(&self, event: Event<'_>) {
        let mut err = terminal::err();
        for line in self.shown.lines(&event) {
            // There is no place left to report a failure to write to stderr.
            let _ = writeln!(err, "{line}");
        }
    }
}

/// What was shown already: the reason why a result is started again is shown once.
struct Shown {
    dir: PathBuf,
    retries: Mutex<BTreeMap<String, String>>,
}

impl Shown {
    fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), retries: Mutex::default() }
    }

    /// The lines of an event; none if they were shown before.
    fn lines(&self, event: &Event<'_>) -> Vec<String> {
        let mut retries = self.retries.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::ResultRetrying { result, why, .. } => {
                let before = retries.insert((*result).to_owned(), (*why).to_owned());
                if before.as_deref() == Some(*why) {
                    return Vec::new();
                }
            }
            Event::ResultFinished { result, .. } => drop(retries.remove(*result)),
            _ => {}
        }
        text::lines(event, &self.dir)
    }
}
