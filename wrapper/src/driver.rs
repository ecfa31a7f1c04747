//! The only loop: gathers events, asks the lifecycle what to do, does it.
//!
//! Between events it sleeps until a waker wakeups; a tenth of a second at most where the client's channels have to be looked at
//! (BOINC: api/boinc_api.cpp, `TIMER_PERIOD`).

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant, SystemTime};

use crate::calls::Calls;
use crate::client_link::ClientLink;
use crate::distro_work;
use crate::engine::{Cancel, Usage, UsageReader};
use crate::exit_watch::ExitWatch;
use crate::job_files::JobFiles;
use crate::lifecycle::{Action, Call, ContainerState, CpuLedger, Ending, Event, Job, Postponed, Reply};
use crate::limits::{ContainerWatch, Exceeded};
use crate::peer::Peer;
use crate::platform::{allow_late_wakeups, on_stop};
use crate::shared::Shared;
use crate::state::Ended;
use crate::waker::Waker;
use crate::workdir::{Layout, clean_up};
use crate::worker::Worker;
use boinc::wire::init_data::InitData;
use boinc::wire::message::AppStatus;

const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// How much later than that the kernel may wake us, together with another thread, which costs less.
const LATE_WAKEUP: Duration = Duration::from_millis(10);
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// How often the CPU time goes to disk, for the case that the next life finds no running container.
const SAVE_INTERVAL: Duration = Duration::from_secs(60);
/// The client waits for our end, two seconds after an abort.
const CLEANUP_TIME_OF_ABORT: Duration = Duration::from_millis(250);
/// And five minutes after a finish file (client/app_control.cpp, `FINISH_FILE_TIMEOUT`).
const CLEANUP_TIME: Duration = Duration::from_secs(20);

/// One life of the wrapper, once everything is read and allowed.
pub struct Driver {
    layout: Layout,
    state_file: PathBuf,
    init_data: InitData,
    sporadic: bool,
    job: Job,
    shared: Arc<Shared>,
    worker: Worker,
    waker: Waker,
    wakeups: Receiver<()>,
    peer: Peer,
    link: ClientLink,
    terminated: Arc<AtomicBool>,
    began: Instant,
    ledger: CpuLedger,
    usage: Option<UsageReader>,
    last_usage: Usage,
    watch: Option<ExitWatch>,
    files: JobFiles,
    limits: ContainerWatch,
    keep_seconds: u64,
    /// Lives that ended before this one because this host could not run the job.
    host_attempts: u32,
    fraction_done: Option<f64>,
    last_report: Option<Instant>,
    next_round: Instant,
    calls_under_way: u32,
    last_note: Instant,
    reported_sporadic: Option<i32>,
}

/// What a driver is made of.
pub struct Parts {
    /// The slot and the work directory.
    pub layout: Layout,
    /// Where the state is kept.
    pub state_file: PathBuf,
    /// The client's words on this task.
    pub init_data: InitData,
    /// `--sporadic` was given.
    pub sporadic: bool,
    /// The job's life so far.
    pub job: Job,
    /// Shared with the calls.
    pub shared: Arc<Shared>,
    /// What carries the calls out.
    pub calls: Calls,
    /// Breaks a call off.
    pub cancel: Cancel,
    /// Who is told how the task ended.
    pub peer: Peer,
    /// The wire to the client.
    pub link: ClientLink,
    /// What the job writes and reads in its work directory.
    pub files: JobFiles,
    /// What the wrapper itself watches.
    pub limits: ContainerWatch,
    /// For how many seconds a paused container is to survive a quit.
    pub keep_seconds: u64,
}

impl Driver {
    /// Starts the worker, and listens to signals.
    ///
    /// # Errors
    /// When the process can have no thread or descriptor.
    pub fn new(parts: Parts) -> std::io::Result<Self> {
        let (waker, wakeups) = Waker::new();
        parts.link.wake(&waker);
        let terminated = Arc::new(AtomicBool::new(false));
        on_stop({
            let (terminated, waker) = (terminated.clone(), waker.clone());
            move || {
                terminated.store(true, Ordering::SeqCst);
                waker.wake();
            }
        })?;
        let mut calls = parts.calls;
        let worker = Worker::start(move |call| calls.perform(call), parts.cancel, waker.clone())?;
        let host_attempts = parts.shared.state().host_attempts;
        let known_seconds = parts.shared.state().cpu_total_seconds.max(parts.init_data.wu_cpu_time);
        let now = Instant::now();
        Ok(Self {
            layout: parts.layout,
            state_file: parts.state_file,
            sporadic: parts.sporadic,
            job: parts.job,
            shared: parts.shared,
            worker,
            waker,
            wakeups,
            peer: parts.peer,
            link: parts.link,
            terminated,
            began: now,
            ledger: CpuLedger::new(known_seconds),
            usage: None,
            last_usage: Usage::default(),
            watch: None,
            files: parts.files,
            limits: parts.limits,
            keep_seconds: parts.keep_seconds,
            host_attempts,
            fraction_done: None,
            last_report: None,
            next_round: now,
            calls_under_way: 0,
            last_note: now,
            reported_sporadic: None,
            init_data: parts.init_data,
        })
    }

    /// Runs to the end of this life.
    pub fn run(mut self) -> Ending {
        allow_late_wakeups(LATE_WAKEUP);
        // The first call is due now, not after the first silence.
        self.waker.wake();
        loop {
            let is_woken = self.wakeups.recv_timeout(self.patience()).is_ok();
            if !is_woken && Instant::now() < self.next_round && !self.link.has_request() {
                continue;
            }
            for event in self.gather() {
                if let Some(ending) = self.take(event) {
                    self.finish(&ending);
                    if !matches!(ending, Ending::Quit | Ending::TryLater { .. }) {
                        let aborted = matches!(ending, Ending::Aborted { .. });
                        self.clean_up(if aborted { CLEANUP_TIME_OF_ABORT } else { CLEANUP_TIME });
                    }
                    return ending;
                }
            }
            self.next_round = self.next_round(Instant::now());
        }
    }

    /// The client removes what is in the slot, and nothing else.
    fn clean_up(&self, patience: Duration) {
        if self.layout.is_in_slot() {
            clean_up(&self.layout, patience);
        } else {
            distro_work::remove(&self.layout.own(), patience);
        }
    }

    /// How long to wait for a wakeup.
    fn patience(&self) -> Duration {
        if self.link.wakes() {
            self.next_round.saturating_duration_since(Instant::now()).max(POLL_INTERVAL)
        } else {
            POLL_INTERVAL
        }
    }

    fn gather(&mut self) -> Vec<Event> {
        let now = Instant::now();
        let mut events = vec![Event::Tick { now: now.duration_since(self.began) }];
        if self.terminated.swap(false, Ordering::SeqCst) {
            events.push(Event::Quit);
        }
        events.extend(self.link.poll(now));
        if let Some(watch) = self.watch.take_if(|watch| watch.is_over()) {
            // The cgroup is there for some milliseconds more: this reading is the last and the best.
            self.measure(UsageReader::read_finally);
            self.limits.end();
            let succeeded = watch.succeeded() == Some(true);
            let out_of_memory = self.last_usage.memory_kills > 0;
            events.push(Event::ContainerExited { out_of_memory, succeeded });
        }
        self.limits.check(now);
        match self.limits.exceeded() {
            Some(Exceeded::Job { code, why }) => events.push(Event::LimitExceeded { code, why }),
            Some(Exceeded::Host { why }) => {
                // That the job could be started is no sign that it can be run: the delays must go on growing.
                self.shared.state().host_attempts = self.host_attempts;
                events.push(Event::HostCannot { why });
            }
            None => {}
        }
        while let Some((call, result)) = self.worker.outcome() {
            self.calls_under_way = self.calls_under_way.saturating_sub(1);
            events.push(Event::Replied { call, result });
        }
        if self.last_report.is_none_or(|last| now.duration_since(last) >= REPORT_INTERVAL) {
            self.last_report = Some(now);
            self.each_second(now);
        }
        events
    }

    /// Until when there is nothing to do unless somebody wakes us or the client asks for something: while a container runs or is
    /// paused, and no call is under way, all the rest is due once a second.
    fn next_round(&self, now: Instant) -> Instant {
        match (self.last_report, self.limits.next_check()) {
            (Some(last), Some(check)) if self.watch.is_some() && self.calls_under_way == 0 => {
                check.min(last + REPORT_INTERVAL)
            }
            _ => now,
        }
    }

    fn take(&mut self, event: Event) -> Option<Ending> {
        if let Event::Replied { call, result: Ok(Reply::Container(seen)) } = &event {
            let (call, seen) = (*call, seen.clone());
            self.follow(call, &seen);
        }
        for action in self.job.step(event) {
            match action {
                Action::Call(call) => {
                    self.calls_under_way += 1;
                    self.worker.begin(call);
                }
                Action::Cancel => self.worker.cancel(),
                Action::Hold(hold) => self.worker.hold(hold),
                Action::Say(text) => crate::say!("{text}"),
                Action::Conclude(ending) => self.conclude(&ending),
                Action::Exit(ending) => return Some(ending),
            }
        }
        None
    }

    /// The container was looked at: watch its first process and its figures.
    fn follow(&mut self, call: Call, seen: &ContainerState) {
        if call == Call::Start {
            self.ledger.restarted();
            if let Some(usage) = self.shared.take_early_usage() {
                self.last_usage = usage;
                self.ledger.observe(usage.cpu_seconds);
            }
        }
        let (ContainerState::Running { pid } | ContainerState::Paused { pid }) = seen else { return };
        if self.watch.is_some() && call != Call::Start {
            return;
        }
        let Some(container) = self.shared.container() else { return };
        self.peer.keep(container.engine.flavor(), &container.name, self.keep_seconds);
        if call == Call::Start {
            let mut state = self.shared.state();
            state.host_attempts = 0;
            state.forget_network_failures();
            drop(state);
            self.note();
        } else {
            let base = self.shared.state().cpu_base_seconds;
            self.ledger.attach(base);
        }
        let visible = pid.filter(|&pid| container.owns(pid));
        self.limits.begin(container.freezes_by_signal, visible, &container.id, container.written.clone());
        self.usage = match visible {
            Some(pid) => Some(UsageReader::open(pid, &container.id)),
            None if container.engine.tells_cpu_time() => {
                Some(UsageReader::ask(&container.engine, &container.name))
            }
            None => None,
        };
        let by_process = visible.and_then(|pid| ExitWatch::on_process(pid, self.waker.clone()));
        self.watch = Some(by_process.unwrap_or_else(|| {
            ExitWatch::on_command(&container.engine, &container.name, self.waker.clone())
        }));
    }

    fn measure(&mut self, read: fn(&mut UsageReader) -> Usage) {
        if let Some(usage) = &mut self.usage {
            self.last_usage = read(usage);
            self.ledger.observe(self.last_usage.cpu_seconds);
        }
    }

    fn each_second(&mut self, now: Instant) {
        self.measure(UsageReader::read);
        if let Some(fraction) = self.files.fraction_done() {
            self.fraction_done = Some(fraction);
        }
        if self.sporadic
            && let Some(state) = self.link.sporadic_ca()
            && self.reported_sporadic != Some(state)
        {
            self.files.write_sporadic_ca(state);
            self.reported_sporadic = Some(state);
        }
        self.link.report(&self.status());
        if now.duration_since(self.last_note) >= SAVE_INTERVAL {
            self.last_note = now;
            self.note();
        }
    }

    fn status(&self) -> AppStatus {
        let cpu_seconds = self.ledger.total_seconds();
        AppStatus {
            current_cpu_time: cpu_seconds,
            // A container outlives us and the client: what it has computed is not lost by a restart.
            checkpoint_cpu_time: cpu_seconds,
            fraction_done: self.fraction_done.map(|fraction| self.init_data.overall_fraction(fraction)),
            wss_bytes: (self.last_usage.memory_bytes > 0.0).then_some(self.last_usage.memory_bytes),
            want_network: self.job.waits_for_network(),
            sporadic_ac: self.sporadic.then(|| self.files.sporadic_ac()).flatten(),
            ..AppStatus::default()
        }
    }

    /// Notes the CPU time for the next life.
    fn note(&self) {
        let mut state = self.shared.state();
        state.cpu_base_seconds = self.ledger.base_seconds();
        state.cpu_total_seconds = self.ledger.total_seconds();
        if let Err(error) = state.write(&self.state_file) {
            crate::say!("can't write {}: {error}", self.state_file.display());
        }
    }

    /// Tells the client at once, before the log is fetched and the container removed.
    fn conclude(&self, ending: &Ending) {
        self.link.report_finally(&self.status());
        self.peer.report(&self.layout.slot, ending);
        let mut state = self.shared.state();
        state.cpu_total_seconds = self.ledger.total_seconds();
        match ending {
            Ending::Success => state.ended = Some(Ended { code: 0, why: String::new() }),
            Ending::Failed(failure) => {
                state.ended = Some(Ended { code: failure.code, why: failure.why.clone() });
            }
            Ending::TryLater { postponed: Postponed::Host, .. } => state.host_attempts += 1,
            Ending::TryLater { postponed: Postponed::Network, .. } => {
                state.count_network_failure(SystemTime::now())
            }
            Ending::TryLater { postponed: Postponed::Offline, .. } => {}
            Ending::Quit | Ending::Aborted { .. } => {}
        }
        if let Err(error) = state.write(&self.state_file) {
            crate::say!("can't write {}: {error}", self.state_file.display());
        }
    }

    fn finish(&mut self, ending: &Ending) {
        self.measure(UsageReader::read_finally);
        self.link.report_finally(&self.status());
        if matches!(ending, Ending::Quit) {
            self.note();
        }
        let forks = match self.last_usage.refused_forks {
            0 => String::new(),
            count => format!("; {count} new processes were refused by the limit of processes"),
        };
        crate::say!(
            "{}; {:.1} s of CPU time{forks}",
            crate::digest::summary(ending),
            self.ledger.total_seconds()
        );
    }
}
