//! The limits that the wrapper itself watches: bytes and files that the job writes. (Memory, processors and processes
//! are limited by the kernel; time by the client.)

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::lifecycle::exit_code;
use crate::workdir::{Weight, weigh};

const FIRST_LOOK_AFTER: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// A look may take this share of the time between two looks at most.
const REST_FACTOR: u32 = 4_000;

/// Watches the work directory and, where they can be read, the container's own layer and volumes.
#[derive(Debug)]
pub struct LimitWatch {
    work: PathBuf,
    written: Vec<PathBuf>,
    limit: Weight,
    next_look: Option<Instant>,
    looking: Option<Receiver<(Weight, Duration)>>,
    exceeded: bool,
}

impl LimitWatch {
    /// Watches `work`; begins when the container runs.
    pub fn new(work: PathBuf, limit: Weight) -> Self {
        Self { work, written: Vec::new(), limit, next_look: None, looking: None, exceeded: false }
    }

    /// The container runs; `written` is where the engine keeps what it writes elsewhere.
    pub fn begin(&mut self, written: Vec<PathBuf>) {
        self.written = written;
        self.next_look.get_or_insert(Instant::now() + FIRST_LOOK_AFTER);
    }

    /// Starts a look if it is time. It runs beside the main loop, for a directory of many files takes long.
    pub fn look(&mut self, now: Instant) {
        if self.looking.is_some() || self.exceeded || self.next_look.is_none_or(|next| now < next) {
            return;
        }
        let (done, looking) = channel();
        self.looking = Some(looking);
        let (work, written, limit) = (self.work.clone(), self.written.clone(), self.limit);
        thread::spawn(move || {
            let began = Instant::now();
            let mut weight = weigh(&work, limit);
            for directory in written {
                let more = weigh(&directory, limit);
                weight.bytes += more.bytes;
                weight.files += more.files;
            }
            // Nobody listens any more when the job is over.
            let _ = done.send((weight, began.elapsed()));
        });
    }

    /// The exit status and cause, once, when a limit was passed.
    pub fn exceeded(&mut self) -> Option<(i32, String)> {
        let (weight, took) = self.looking.as_ref()?.try_recv().ok()?;
        self.looking = None;
        self.next_look = Some(Instant::now() + LOOK_EVERY.max(took * REST_FACTOR));
        let why = self.verdict(weight)?;
        self.exceeded = true;
        Some((exit_code::DISK_LIMIT_EXCEEDED, why))
    }

    fn verdict(&self, weight: Weight) -> Option<String> {
        if weight.files > self.limit.files {
            Some(format!(
                "the job made more than {} files, its limit (max_files of job.toml, within the project's policy)",
                self.limit.files
            ))
        } else if weight.bytes > self.limit.bytes {
            Some(format!(
                "the job wrote more than {} bytes, its disk limit (rsc_disk_bound of the workunit)",
                self.limit.bytes
            ))
        } else {
            None
        }
    }
}
