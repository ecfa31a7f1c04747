//! A task in a slot: the wrapper's process and the client's end of the channel to it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use boinc::wire::channel::ClientEnd;
use boinc::wire::finish::{Finish, TemporaryExit};
use boinc::wire::message::{AppStatus, Control, Heartbeat};
use boinc::wire::segment::MMAP_KEY;
use boinc::wire::slot::STDERR_FILE;
use wrapper::platform::{ProcessWatch, spawn};
use wrapper::state_dir::IMAGES_VARIABLE;

use super::exit::{Asked, ExitReport, Failure, ProcessEnd};
use super::layout::Layout;
use super::limits::{Limits, Usage};
use super::slot;
use crate::campaign::exit_status as status;
use crate::campaign::file_error::{FileError, remove_file};
use crate::platform::call_by;
use crate::user_dirs;

/// How long a task may take to exit after a quit or an abort (`QUIT_TIMEOUT`, `ABORT_TIMEOUT`).
const LEAVE_TIMEOUT: Duration = Duration::from_secs(60);

/// How long its process may exist after it has written its finish file (`FINISH_FILE_TIMEOUT`).
const FINISH_TIMEOUT: Duration = Duration::from_secs(300);

/// How often the slot is measured. A client does it every 5 minutes at most; here a job over its limit is found sooner.
const DISK_INTERVAL: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Start<'a> {
    pub layout: &'a Layout,
    /// The slot, which is set up.
    pub slot: u32,
    /// Physical name of the main program.
    pub program: &'a str,
    pub args: &'a [String],
    /// The bounds that it is held to.
    pub limits: Limits,
    /// Wall time of earlier starts, seconds.
    pub elapsed_before: f64,
    /// Processor time of earlier starts, seconds.
    pub cpu_before: f64,
}

#[derive(Debug)]
pub struct Task {
    dir: PathBuf,
    process: ProcessWatch,
    link: ClientEnd,
    unsent: VecDeque<Control>,
    started: Instant,
    elapsed_before: f64,
    limits: Limits,
    usage: Usage,
    disk_seen: Option<Instant>,
    status: AppStatus,
    peak_bytes: u64,
    asked: Asked,
    deadline: Option<Instant>,
    finish_seen: Option<Instant>,
    /// What of the wrapper's log was read by [`Task::preparation`].
    log_read: u64,
    cpu_before: f64,
}

/// Longest part of the wrapper's log that is read at once.
const MAX_PREPARATION_BYTES: u64 = 16 << 10;

/// Where the wrapper keeps track of the images of all campaigns of this user; `None` without a home directory: then each
/// campaign has images of its own.
fn images_dir() -> Option<PathBuf> {
    let own = user_dirs::state()?;
    std::fs::create_dir_all(&own).ok()?;
    // A directory of its own: `buoy-wrapper --clean` removes it as a whole.
    Some(own.join("images"))
}

impl Task {
    /// Starts the wrapper in its slot as the client does (`client/app_start.cpp`, `start`). `on_exit` is called from
    /// another thread as soon as its process has ended.
    pub fn start(
        start: &Start<'_>,
        on_exit: impl FnOnce(ProcessEnd) + Send + 'static,
    ) -> Result<Self, FileError> {
        let dir = start.layout.slot(start.slot);
        remove_file(&dir.join(boinc::wire::finish::TEMPORARY_EXIT_FILE))?;
        let link = ClientEnd::create(&dir, MMAP_KEY).map_err(io::Error::other);
        let link = link.map_err(FileError::at(&dir, "create shared memory in it"))?;
        link.reset();
        let log = dir.join(STDERR_FILE);
        let stderr = File::options().create(true).append(true).open(&log);
        let stderr = stderr.map_err(FileError::at(&log, "open it"))?;
        let program = start.layout.project_dir().join(start.program);
        let mut command = Command::new(&program);
        if let Some(images) = images_dir() {
            command.env(IMAGES_VARIABLE, images);
        }
        call_by(&mut command, &start.layout.link_target(start.program));
        command
            .args(start.args)
            .current_dir(&dir)
            .env("LD_LIBRARY_PATH", library_path(start.layout))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr);
        // A Ctrl-C in the terminal is for buoy, which tells the wrapper over its channel.
        let child = spawn(&mut command, true);
        let mut child = child.map_err(FileError::at(&program, "start it"))?;
        let process = ProcessWatch::open(child.id());
        let process = process.map_err(FileError::at(&program, "watch its process"))?;
        std::thread::spawn(move || {
            // Only this thread waits for the child, so there is always a status to get.
            on_exit(child.wait().map_or(ProcessEnd::Killed(0), ProcessEnd::from));
        });
        Ok(Self {
            dir,
            process,
            link,
            unsent: VecDeque::new(),
            started: Instant::now(),
            elapsed_before: start.elapsed_before,
            limits: start.limits,
            usage: Usage::default(),
            disk_seen: None,
            status: AppStatus {
                current_cpu_time: start.cpu_before,
                checkpoint_cpu_time: start.cpu_before,
                ..AppStatus::default()
            },
            peak_bytes: 0,
            asked: Asked::Run,
            deadline: None,
            finish_seen: None,
            log_read: std::fs::metadata(&log).map_or(0, |log| log.len()),
            cpu_before: start.cpu_before,
        })
    }

    /// What the client does once a second: heartbeat, messages, limits, timeouts.
    pub fn tick(&mut self, now: Instant) {
        // An unread heartbeat means that the app is slow; the next one is enough.
        let _ = self.link.send_heartbeat(&Heartbeat {
            alive: true,
            wss_bytes: Some(self.usage.memory_bytes),
            max_wss_bytes: Some(self.limits.memory_bytes),
            ..Heartbeat::default()
        });
        self.send_unsent();
        self.take_status();
        if self.deadline.is_some_and(|deadline| now > deadline) {
            self.kill();
        }
        if self.asked == Asked::Run {
            self.watch_finish_file(now);
            self.watch_limits(now);
        }
    }

    /// Asks the task to freeze its job and exit. The next run continues it.
    pub fn quit(&mut self) {
        if self.asked == Asked::Run {
            self.unsent.push_back(Control::Quit);
            self.deadline = Some(Instant::now() + LEAVE_TIMEOUT);
            self.asked = Asked::Stop;
        }
        self.send_unsent();
    }

    /// What the wrapper has said since the last call, until the job uses its first processor time: images that are fetched or
    /// built, and what is waited for.
    pub fn preparation(&mut self) -> Vec<String> {
        let has_ended = [boinc::wire::finish::FINISH_FILE, boinc::wire::finish::TEMPORARY_EXIT_FILE]
            .iter()
            .any(|name| self.dir.join(name).exists());
        if has_ended || self.status.current_cpu_time > self.cpu_before {
            return Vec::new();
        }
        let mut added = Vec::new();
        let read = File::open(self.dir.join(STDERR_FILE)).and_then(|mut log| {
            log.seek(SeekFrom::Start(self.log_read))?;
            log.take(MAX_PREPARATION_BYTES).read_to_end(&mut added)
        });
        // Only whole lines; what cannot be read now is read the next time.
        let end = added.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        if read.is_err() || end == 0 {
            return Vec::new();
        }
        self.log_read += end as u64;
        let text = String::from_utf8_lossy(&added[..end]);
        let said = text.lines().filter_map(|line| line.strip_prefix(wrapper::log::OWN_PREFIX));
        // Each start has a line with the wrapper's name and version.
        said.filter(|line| !line.starts_with("buoy-wrapper ")).map(str::to_owned).collect()
    }

    /// Asks the task to exit for good.
    pub fn abort(&mut self, asked: Asked) {
        if self.asked == Asked::Run {
            self.unsent.push_back(Control::Abort);
            self.deadline = Some(Instant::now() + LEAVE_TIMEOUT);
        }
        self.asked = asked;
        self.send_unsent();
    }

    pub fn kill(&self) {
        // If it has exited, the event is on its way.
        self.process.kill();
    }

    /// Reads what the task has left in its slot after its process has ended.
    pub fn exit_report(&mut self) -> (ExitReport, Asked) {
        self.take_status();
        // The client ignores a file that it cannot read.
        let report = ExitReport {
            finish: Finish::read(&self.dir).ok().flatten(),
            temporary: TemporaryExit::read(&self.dir).ok().flatten(),
        };
        (report, self.asked.clone())
    }

    /// Wall time since the first start, seconds.
    pub fn elapsed_seconds(&self) -> f64 {
        self.elapsed_before + self.started.elapsed().as_secs_f64()
    }

    /// CPU time that the task reported last, seconds.
    pub fn cpu_seconds(&self) -> f64 {
        self.status.current_cpu_time
    }

    /// CPU time at the last checkpoint, seconds.
    pub fn checkpoint_cpu_seconds(&self) -> f64 {
        self.status.checkpoint_cpu_time
    }

    /// Progress, 0 to 1, if the task has reported any.
    pub fn fraction_done(&self) -> Option<f64> {
        self.status.fraction_done.map(|fraction| fraction.clamp(0.0, 1.0))
    }

    /// The largest working set that was reported, bytes.
    pub fn peak_bytes(&self) -> u64 {
        self.peak_bytes
    }

    fn send_unsent(&mut self) {
        while let Some(&control) = self.unsent.front() {
            match self.link.send_control(control) {
                Ok(false) => return,
                // A request from here always fits.
                Ok(true) | Err(_) => self.unsent.pop_front(),
            };
        }
    }

    fn take_status(&mut self) {
        // The client ignores a status that it cannot read.
        if let Some(Ok(status)) = self.link.take_status() {
            let fraction_done = status.fraction_done.or(self.status.fraction_done);
            if let Some(bytes) = status.wss_bytes {
                self.usage.memory_bytes = bytes;
                self.peak_bytes = self.peak_bytes.max(bytes as u64);
            }
            self.status = AppStatus { fraction_done, ..status };
        }
    }

    fn watch_finish_file(&mut self, now: Instant) {
        match self.finish_seen {
            Some(seen) if now > seen + FINISH_TIMEOUT => self.abort(Asked::Abort(Failure {
                exit_status: status::ABORTED_BY_CLIENT,
                cause: "process still present 5 min after writing finish file".to_owned(),
            })),
            Some(_) => {}
            None if self.dir.join(boinc::wire::finish::FINISH_FILE).exists() => self.finish_seen = Some(now),
            None => {}
        }
    }

    fn watch_limits(&mut self, now: Instant) {
        self.usage.elapsed_seconds = self.elapsed_seconds();
        if self.disk_seen.is_none_or(|seen| now > seen + DISK_INTERVAL) {
            self.disk_seen = Some(now);
            self.usage.disk_bytes = Some(slot::disk_usage(&self.dir));
        }
        if let Some(failure) = self.limits.exceeded(&self.usage) {
            self.abort(Asked::Abort(failure));
        }
    }
}

/// The client puts the project directory, the slot and its own directory first.
fn library_path(layout: &Layout) -> std::ffi::OsString {
    let mut path = std::ffi::OsString::from(format!("../../projects/{}:.:../..", layout.project()));
    if let Some(theirs) = std::env::var_os("LD_LIBRARY_PATH") {
        path.push(":");
        path.push(theirs);
    }
    path
}
