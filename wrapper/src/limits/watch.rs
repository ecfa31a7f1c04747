//! When to look, and what a look means.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::bounds::Bounds;
use super::measure::{DiskUse, Doubt, Measured, Target, measure};
use super::processes::{ProcessUse, process_use, tree};
use super::reserve::{FreeSpace, Reserve};
use super::stopped::continue_tree;
use crate::lifecycle::exit_code;
use crate::platform::{SetLimits, own_niceness, process_exists, set_niceness};

const FIRST_LOOK_AFTER: Duration = Duration::from_secs(2);
const POLL_INTERVAL: Duration = Duration::from_secs(10);
/// A look takes this share of the time between two looks, as long as that stays below [`LOOK_AT_LEAST_EVERY`].
const REST_FACTOR: u32 = 4_000;
/// However long a look takes, the next one begins after this.
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_secs(120);
/// No look begins sooner than this after the last one, whatever happens to the free space.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// No job fills a disk faster, bytes a second; it is twice what a fast disk takes.
const FASTEST_FILL: u64 = 4_000_000_000;
/// The free space is asked for before a job can have used it up, within these bounds. At 2 GB/s a job fills less
/// than what stays free in the shorter one.
const FREE_LOOK_AT_MOST_EVERY: Duration = Duration::from_millis(200);
const FREE_LOOK_AT_LEAST_EVERY: Duration = Duration::from_secs(1);
/// How often memory and processes are summed up where the engine cannot limit them.
const SUM_EVERY: Duration = Duration::from_millis(200);
/// A container whose processes cannot be seen for this long has not just ended.
const BLIND_FOR: Duration = Duration::from_secs(10);
/// Looks in a row that found the job hiding what it writes.
const HIDING_LOOKS: u32 = 3;
/// The kernel rounds a limit of memory to pages.
const PAGE_BYTES: u64 = 65_536;

/// Why a container must be stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exceeded {
    /// The job went over a limit: it has failed.
    Job {
        /// The exit status that is reported to the client.
        code: i32,
        /// Which limit, and by how much.
        why: String,
    },
    /// This host cannot run it now: the disk is almost full, or it can neither set nor watch a limit.
    Host {
        /// What is missing, for the volunteer.
        why: String,
    },
}

/// Watches what one container takes: its work directory and, where they can be read, its own layer and volumes; the free
/// space of their disks; memory and processes where the engine has not limited them.
#[derive(Debug)]
pub struct ContainerWatch {
    work: Option<PathBuf>,
    bounds: Bounds,
    target: Option<Target>,
    reserve: Reserve,
    next_look: Option<Instant>,
    next_free_look: Option<Instant>,
    last_look: Option<Instant>,
    looking: Option<Receiver<(Measured, Duration)>>,
    last: Measured,
    hiding: u32,
    /// What the job had written when it was first measured.
    first: Option<DiskUse>,
    free_at_begin: DiskUse,
    free_at_look: DiskUse,
    sums: Sums,
    shortage: Option<String>,
    /// The engine has set no limits and the container's processes are not to be seen from here.
    blind_since: Option<Instant>,
    over: bool,
}

/// Limits that are watched because the engine has not set them.
#[derive(Debug, Default)]
struct Sums {
    memory: bool,
    pids: bool,
    next: Option<Instant>,
    running: Option<Receiver<Option<ProcessUse>>>,
    /// Sums in a row that could not be made.
    failed: u32,
}

impl ContainerWatch {
    /// Watches a container with these bounds. `work` is the directory of this host that it may write to; the container of a
    /// build step has none.
    pub fn new(work: Option<PathBuf>, bounds: Bounds) -> Self {
        Self {
            work,
            bounds,
            target: None,
            reserve: Reserve::default(),
            next_look: None,
            next_free_look: None,
            last_look: None,
            looking: None,
            last: Measured::default(),
            hiding: 0,
            first: None,
            free_at_begin: DiskUse::default(),
            free_at_look: DiskUse::default(),
            sums: Sums::default(),
            shortage: None,
            blind_since: None,
            over: false,
        }
    }

    /// The container runs. `freezes_by_signal`: its engine has no cgroups for it. `first_process` is its first process where
    /// this host shows it; `written` is where the engine keeps what the container writes outside its mounts.
    pub fn begin(
        &mut self,
        freezes_by_signal: bool,
        first_process: Option<u32>,
        container_id: &str,
        written: Vec<PathBuf>,
    ) {
        let directories: Vec<PathBuf> = self.work.iter().cloned().chain(written).collect();
        self.reserve = Reserve::new(&directories);
        self.target = Some(Target { directories, first_process, limit: self.bounds.disk, suspicious: false });
        self.free_at_begin = self.reserve.measure().free;
        self.free_at_look = self.free_at_begin;
        self.next_look.get_or_insert(Instant::now() + FIRST_LOOK_AFTER);
        let set = first_process.map(|pid| SetLimits::of(pid, container_id));
        self.sums = match set {
            Some(set) => Sums {
                memory: set.memory_bytes.is_none_or(|limit| limit > self.bounds.memory_bytes + PAGE_BYTES),
                pids: set.pids.is_none_or(|limit| limit > self.bounds.pids),
                ..Sums::default()
            },
            // Its processes are not to be seen from here. An engine with a daemon sets what it was asked to.
            None => Sums::default(),
        };
        // It may just have ended.
        let blind = first_process.is_none() && freezes_by_signal;
        self.blind_since = blind.then(Instant::now);
        if let Some(first) = first_process {
            lower_priority(first);
        }
        if let Some(first) = first_process
            && !freezes_by_signal
        {
            continue_tree(first);
        }
    }

    /// The container's processes are gone: what they take is no question any more, only what they have written.
    pub fn end(&mut self) {
        self.sums = Sums::default();
        self.blind_since = None;
    }

    /// Whether one of the disks that the container writes to is almost full now, as a sentence for the volunteer.
    pub fn shortage_of_disk(&self) -> Option<String> {
        self.reserve.measure().shortage
    }

    /// Starts what is due; call it several times a second. Measuring runs beside the caller, for a directory of many files
    /// takes long.
    pub fn check(&mut self, now: Instant) {
        if self.over || self.target.is_none() {
            return;
        }
        self.sum_up(now);
        if self.looking.is_some() {
            return;
        }
        if self.next_free_look.is_some_and(|next| now < next) {
            return;
        }
        let FreeSpace { free, room, shortage } = self.reserve.measure();
        self.next_free_look = Some(now + until_free_look(room));
        let rested = self.last_look.is_none_or(|last| now >= last + LOOK_AT_MOST_EVERY);
        self.shortage = shortage;
        let due = self.next_look.is_some_and(|next| now >= next);
        if due || (rested && (self.shortage.is_some() || self.may_be_over(&free))) {
            self.free_at_look = free;
            self.last_look = Some(now);
            self.measure();
        }
    }

    /// When [`check`](Self::check) has something to do next; `None` while it has something under way.
    pub fn next_check(&self) -> Option<Instant> {
        let is_at_rest = self.looking.is_none() && !self.sums.memory && !self.sums.pids;
        self.next_free_look.filter(|_| is_at_rest && self.blind_since.is_none())
    }

    /// Whether the disk has lost so much free space since the last look that the job may be over its bound soon.
    fn may_be_over(&self, free: &DiskUse) -> bool {
        let left = self.bounds.disk.less(&self.last.disk);
        self.free_at_look.less(free).exceeds(&DiskUse { bytes: left.bytes / 2, files: left.files / 2 })
    }

    /// What the disk has lost since the container was first seen, and what the job had written by then. A file system that
    /// does not count free files loses none.
    fn lost(&self) -> DiskUse {
        self.free_at_begin.less(&self.free_at_look).plus(&self.first.unwrap_or_default())
    }

    fn measure(&mut self) {
        let suspicious = self.lost().exceeds(&self.bounds.disk);
        let Some(target) = self.target.clone() else { return };
        let target = Target { suspicious, ..target };
        let (done, looking) = channel();
        self.looking = Some(looking);
        thread::spawn(move || {
            let began = Instant::now();
            let measured = measure(&target);
            // Nobody listens any more when the job has ended.
            let _ = done.send((measured, began.elapsed()));
        });
    }

    fn sum_up(&mut self, now: Instant) {
        let Some(first) = self.target.as_ref().and_then(|target| target.first_process) else { return };
        let due = self.sums.next.is_none_or(|next| now >= next);
        if !(self.sums.memory || self.sums.pids) || !due || self.sums.running.is_some() {
            return;
        }
        self.sums.next = Some(now + SUM_EVERY);
        let limit = self.bounds.memory_bytes;
        let (done, running) = channel();
        self.sums.running = Some(running);
        thread::spawn(move || {
            let _ = done.send(process_use(first, limit));
        });
    }

    /// Why the container must be stopped, once.
    pub fn exceeded(&mut self) -> Option<Exceeded> {
        if self.over {
            return None;
        }
        let blind = self.blind_since.is_some_and(|since| since.elapsed() > BLIND_FOR);
        let found = blind.then(cannot_watch).or_else(|| self.take_sum()).or_else(|| self.take_check());
        self.over = found.is_some();
        found
    }

    fn take_sum(&mut self) -> Option<Exceeded> {
        let used = self.sums.running.as_ref()?.try_recv().ok()?;
        self.sums.running = None;
        let Some(used) = used else {
            // One that is gone hides nothing; its end may be noticed late, while the engine does not answer.
            if self
                .target
                .as_ref()
                .and_then(|target| target.first_process)
                .is_none_or(|pid| !process_exists(pid))
            {
                self.sums = Sums::default();
                return None;
            }
            self.sums.failed += 1;
            return (SUM_EVERY * self.sums.failed > BLIND_FOR).then(cannot_watch);
        };
        self.sums.failed = 0;
        let bounds = &self.bounds;
        if self.sums.memory && used.memory_bytes > bounds.memory_bytes {
            return Some(Exceeded::Job {
                code: exit_code::MEM_LIMIT_EXCEEDED,
                why: format!(
                    "out of memory: the job used {} bytes, more than its memory limit of {} (rsc_memory_bound of the \
                     workunit)",
                    used.memory_bytes, bounds.memory_bytes
                ),
            });
        }
        (self.sums.pids && used.tasks > bounds.pids).then(|| Exceeded::Job {
            code: exit_code::CHILD_FAILED,
            why: format!(
                "the job had {} processes and threads, more than its limit of {} (pids of job.toml, within the \
                 project's policy)",
                used.tasks, bounds.pids
            ),
        })
    }

    fn take_check(&mut self) -> Option<Exceeded> {
        let (measured, took) = self.looking.as_ref()?.try_recv().ok()?;
        self.looking = None;
        let rest = (took * REST_FACTOR).clamp(POLL_INTERVAL, LOOK_AT_LEAST_EVERY);
        self.next_look = Some(Instant::now() + rest);
        self.last = measured;
        self.first.get_or_insert(measured.disk);
        let hides = matches!(measured.doubt, Doubt::Closed | Doubt::Restless);
        self.hiding = if hides { self.hiding + 1 } else { 0 };
        if hides {
            // Three such looks soon follow each other.
            self.next_look = Some(Instant::now() + LOOK_AT_MOST_EVERY);
        }
        let job = self.verdict(measured.disk).or_else(|| self.hidden_use(&measured));
        job.map(|why| Exceeded::Job { code: exit_code::DISK_LIMIT_EXCEEDED, why })
            .or_else(|| self.shortage.take().map(|why| Exceeded::Host { why }))
    }

    fn verdict(&self, used: DiskUse) -> Option<String> {
        let limit = &self.bounds.disk;
        if used.files > limit.files {
            Some(format!(
                "the job made more than {} files, its limit (max_files of job.toml, within the project's policy)",
                limit.files
            ))
        } else if used.bytes > limit.bytes {
            Some(format!(
                "the job wrote more than {} bytes, its disk limit (rsc_disk_bound of the workunit)",
                limit.bytes
            ))
        } else {
            None
        }
    }

    /// What a job hides from its limit counts as exceeding it. A slow walk is no evidence. There must be a disk that has lost
    /// more than the job's limit, and directories that stay closed to their owner, processes that cannot be stopped, or
    /// processes whose open files are secret.
    fn hidden_use(&self, measured: &Measured) -> Option<String> {
        let what = match measured.doubt {
            _ if self.hiding < HIDING_LOOKS => "",
            Doubt::Closed => "keeps directories closed to the user it runs as",
            Doubt::Restless => "moves its directories and starts processes faster than they can be stopped",
            Doubt::None | Doubt::Unclear => "",
        };
        let unseen = self.lost().less(&measured.disk);
        let what = if what.is_empty() && measured.closed_processes > 0 && unseen.exceeds(&self.bounds.disk) {
            "closes its list of open files while the disk fills up"
        } else {
            what
        };
        (!what.is_empty()).then(|| {
            format!(
                "the job hides what it writes from its disk limit, which counts as exceeding it: it {what}"
            )
        })
    }
}

/// Gives a container's processes our own priority, which the client has set as the volunteer wants it: an engine's daemon starts
/// them at its own. Their children inherit it.
fn lower_priority(first: u32) {
    let niceness = own_niceness();
    if niceness > 0 {
        for process in tree(first) {
            set_niceness(process, niceness);
        }
    }
}

/// The time in which a job cannot use this many bytes of a disk.
fn until_free_look(room: u64) -> Duration {
    let milliseconds = room / (FASTEST_FILL / 1_000);
    Duration::from_millis(milliseconds).clamp(FREE_LOOK_AT_MOST_EVERY, FREE_LOOK_AT_LEAST_EVERY)
}

fn cannot_watch() -> Exceeded {
    Exceeded::Host {
        why: "this engine can limit neither memory nor processes of a container (rootless Podman without cgroup \
              version 2), and /proc does not show its processes, so that they cannot be watched either; `buoy doctor` \
              shows what to change"
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::{Child, Command};

    use super::*;

    fn bounds() -> Bounds {
        let disk = DiskUse { bytes: 1 << 40, files: 1_000 };
        Bounds { disk, memory_bytes: 1 << 40, pids: 1_000 }
    }

    /// Looks until something is exceeded, ten seconds at most.
    fn follow(watch: &mut ContainerWatch) -> Option<Exceeded> {
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            watch.check(Instant::now());
            if let Some(exceeded) = watch.exceeded() {
                return Some(exceeded);
            }
            thread::sleep(Duration::from_millis(20));
        }
        None
    }

    fn watch(work: &Path, bounds: Bounds, process: Option<&Child>) -> ContainerWatch {
        let mut watch = ContainerWatch::new(Some(work.to_owned()), bounds);
        watch.begin(false, process.map(Child::id), "no-such-id", Vec::new());
        watch
    }

    #[test]
    fn a_process_that_is_gone_is_not_one_that_cannot_be_watched() {
        let work = tempfile::tempdir().unwrap();
        let mut ended = Command::new("true").spawn().unwrap();
        ended.wait().unwrap();
        let mut watch = watch(work.path(), bounds(), Some(&ended));
        let until = Instant::now() + BLIND_FOR + Duration::from_secs(2);
        while Instant::now() < until {
            watch.check(Instant::now());
            assert_eq!(watch.exceeded(), None);
            thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    fn files_over_the_limit_are_the_jobs_failure_and_reported_once() {
        let work = tempfile::tempdir().unwrap();
        for number in 0..11 {
            fs::write(work.path().join(number.to_string()), "").unwrap();
        }
        let disk = DiskUse { files: 10, ..bounds().disk };
        let mut watch = watch(work.path(), Bounds { disk, ..bounds() }, None);
        let Some(Exceeded::Job { code, why }) = follow(&mut watch) else { panic!("nothing was exceeded") };
        assert_eq!(code, exit_code::DISK_LIMIT_EXCEEDED);
        assert!(why.contains("more than 10 files"), "{why}");
        watch.check(Instant::now());
        assert_eq!(watch.exceeded(), None);
    }

    #[test]
    fn memory_that_no_cgroup_limits_is_watched() {
        let work = tempfile::tempdir().unwrap();
        let script = "dd if=/dev/zero bs=30M count=1 2>/dev/null | sleep 30";
        let mut process = Command::new("bash").args(["-c", script]).spawn().unwrap();
        let mut watch = watch(work.path(), Bounds { memory_bytes: 20_000_000, ..bounds() }, Some(&process));
        let exceeded = follow(&mut watch);
        for pid in super::super::processes::tree(process.id()) {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
        process.wait().unwrap();
        let Some(Exceeded::Job { code: 198, why }) = exceeded else { panic!("{exceeded:?}") };
        assert!(why.starts_with("out of memory: the job used "), "{why}");
    }

    #[test]
    fn processes_that_no_cgroup_limits_are_watched() {
        let work = tempfile::tempdir().unwrap();
        let script = "for i in 1 2 3 4 5 6; do sleep 30 & done; wait";
        let mut process = Command::new("bash").args(["-c", script]).spawn().unwrap();
        let mut watch = watch(work.path(), Bounds { pids: 5, ..bounds() }, Some(&process));
        let exceeded = follow(&mut watch);
        for pid in super::super::processes::tree(process.id()).into_iter().rev() {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
        process.wait().unwrap();
        let Some(Exceeded::Job { code: 195, why }) = exceeded else { panic!("{exceeded:?}") };
        assert!(why.starts_with("the job had 7 processes and threads, more than its limit of 5"), "{why}");
    }

    #[test]
    fn hiding_is_the_jobs_failure_only_after_three_looks() {
        let mut watch = ContainerWatch::new(None, bounds());
        let closed = Measured { doubt: Doubt::Closed, ..Measured::default() };
        let mut verdicts = Vec::new();
        for measured in [closed, Measured::default(), closed, closed, closed] {
            let (done, looking) = channel();
            watch.looking = Some(looking);
            done.send((measured, Duration::ZERO)).unwrap();
            verdicts.push(watch.take_check().is_some());
        }
        assert_eq!(verdicts, [false, false, false, false, true]);
    }

    #[test]
    fn a_slow_walk_and_an_unclear_one_blame_nobody() {
        let mut watch = ContainerWatch::new(None, bounds());
        for _ in 0..10 {
            let (done, looking) = channel();
            watch.looking = Some(looking);
            let unclear = Measured { doubt: Doubt::Unclear, ..Measured::default() };
            done.send((unclear, Duration::from_secs(30))).unwrap();
            assert_eq!(watch.take_check(), None);
            let next = watch.next_look.unwrap().saturating_duration_since(Instant::now());
            assert!(next <= LOOK_AT_LEAST_EVERY, "a slow walk makes looks rare: {next:?}");
        }
    }

    #[test]
    fn secret_open_files_count_only_if_the_disk_has_lost_more_than_the_limit() {
        let mut watch = ContainerWatch::new(None, bounds());
        let closed = Measured { closed_processes: 1, ..Measured::default() };
        assert_eq!(watch.hidden_use(&closed), None);
        watch.free_at_begin = DiskUse { bytes: 3 << 40, files: 0 };
        watch.free_at_look = DiskUse { bytes: 1 << 40, files: 0 };
        assert!(watch.hidden_use(&closed).is_some());
        assert_eq!(watch.hidden_use(&Measured::default()), None, "another program may fill the disk");
    }

    #[test]
    fn the_fuller_a_disk_the_more_often_it_is_looked_at() {
        let times = [0, 1_000_000_000, 2_000_000_000, 1 << 50].map(|room| until_free_look(room).as_millis());
        assert_eq!(times, [200, 250, 500, 1_000]);
    }
}
