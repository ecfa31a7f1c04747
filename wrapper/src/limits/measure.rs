//! How much a container has written.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::open_files::{OpenFiles, unlinked_open_files};
use super::processes::tree;
use super::stopped::Stopped;
use boinc::nofollow::{Directory, Entry, Flow, Identity, Visitor, Walked, walk};

/// Walks of one measurement while the container runs; more of them see no more.
const WALKS: u32 = 4;
/// A walk that takes longer than this ends with what it has seen.
const LONGEST_WALK: Duration = Duration::from_secs(30);
/// The container stands still for this long at most while it is measured.
const LONGEST_STOP: Duration = Duration::from_millis(1_500);

/// Bytes on disk and number of files and directories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskUse {
    /// Bytes of allocated blocks.
    pub bytes: u64,
    /// Files, directories and others.
    pub files: u64,
}

impl DiskUse {
    /// Whether either figure is above its limit.
    pub fn exceeds(&self, limit: &DiskUse) -> bool {
        self.bytes > limit.bytes || self.files > limit.files
    }

    /// What is left of this after `other` has been taken away.
    pub(super) fn less(&self, other: &DiskUse) -> DiskUse {
        DiskUse {
            bytes: self.bytes.saturating_sub(other.bytes),
            files: self.files.saturating_sub(other.files),
        }
    }

    /// Both together.
    pub(super) fn plus(&self, other: &DiskUse) -> DiskUse {
        DiskUse {
            bytes: self.bytes.saturating_add(other.bytes),
            files: self.files.saturating_add(other.files),
        }
    }

    fn larger(self, other: Self) -> Self {
        if other.bytes > self.bytes || (other.bytes == self.bytes && other.files > self.files) {
            other
        } else {
            self
        }
    }
}

/// What is to be measured.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// The work directory, and the directories where the engine keeps what the container writes elsewhere.
    pub(super) directories: Vec<PathBuf>,
    /// The container's first process, where this host shows it.
    pub(super) first_process: Option<u32>,
    /// The most that is allowed: counting ends above it.
    pub(super) limit: DiskUse,
    /// The disk has lost more than the limit since the container was first seen. Without that nothing can be hidden that
    /// matters, and the container is not stopped for a measurement.
    pub(super) suspicious: bool,
}

/// What came of a measurement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Measured {
    /// What was seen, at least.
    pub(super) disk: DiskUse,
    /// Why less was seen than is there.
    pub(super) doubt: Doubt,
    /// Processes that let nobody see their open files.
    pub(super) closed_processes: u64,
}

impl Measured {
    /// The later one, with the larger figures of both.
    fn larger(self, later: Self) -> Self {
        Self { disk: self.disk.larger(later.disk), ..later }
    }
}

/// Why a measurement is only a lower bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It is not.
    #[default]
    None,
    /// The disk is slow, or directories came and went and the container's processes cannot be stopped from here.
    Unclear,
    /// Directories stayed closed to their own owner.
    Closed,
    /// Directories moved, and processes were made faster than they could be stopped.
    Restless,
}

/// Measures. If the disk has lost more than the limit, the container's processes stand still meanwhile: a job can follow our
/// walk (inotify) and move what it wrote out of its way.
pub(super) fn measure(target: &Target) -> Measured {
    let mut best = Measured::default();
    for _ in 0..WALKS {
        let (seen, walked) = once(target, Instant::now() + LONGEST_WALK);
        best = best.larger(seen);
        if best.disk.exceeds(&target.limit) || (walked.is_complete() && !target.suspicious) {
            return best;
        }
        if !walked.is_complete() {
            best.doubt = Doubt::Unclear;
        }
        if walked.stopped || target.suspicious {
            break;
        }
    }
    if target.suspicious { best.larger(measure_frozen(target)) } else { best }
}

fn measure_frozen(target: &Target) -> Measured {
    let stopped = match target.first_process.map(Stopped::tree) {
        Some(None) => return Measured { doubt: Doubt::Restless, ..Measured::default() },
        Some(stopped) => stopped,
        None => None,
    };
    let (seen, walked) = once(target, Instant::now() + LONGEST_STOP);
    let doubt = if walked.hidden > 0 {
        Doubt::Closed
    } else if walked.is_complete() && stopped.is_some() {
        Doubt::None
    } else {
        Doubt::Unclear
    };
    Measured { doubt, ..seen }
}

fn once(target: &Target, deadline: Instant) -> (Measured, Walked) {
    let mut count = Count::new(target.limit, deadline);
    let mut all = Walked::default();
    for directory in &target.directories {
        // One that is gone, or that this user may not read at all, as a rootful engine's.
        let Ok(walked) = open(directory).and_then(|directory| walk(&directory, &mut count)) else { continue };
        all.stopped |= walked.stopped;
        all.moved += walked.moved;
        all.hidden += walked.hidden;
    }
    let mut closed_processes = 0;
    if let Some(first) = target.first_process
        && !count.used.exceeds(&target.limit)
    {
        let OpenFiles { files, unreadable } = unlinked_open_files(&tree(first), &count.devices);
        closed_processes = unreadable;
        for (_, bytes) in files {
            count.used.files += 1;
            count.used.bytes += bytes;
        }
    }
    (Measured { disk: count.used, doubt: Doubt::None, closed_processes }, all)
}

/// The work directory itself can be without permissions too.
fn open(path: &Path) -> io::Result<Directory> {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => match Directory::open(path) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Directory::open(parent)?.open_accessible(name)
            }
            result => result,
        },
        _ => Directory::open(path),
    }
}

/// Measures one directory that no process writes to; counting ends above `limit`.
///
/// # Errors
/// When it cannot be read.
pub fn measure_directory(path: &Path, limit: DiskUse) -> io::Result<DiskUse> {
    let mut count = Count::new(limit, Instant::now() + LONGEST_WALK);
    walk(&open(path)?, &mut count)?;
    Ok(count.used)
}

struct Count {
    used: DiskUse,
    limit: DiskUse,
    deadline: Instant,
    /// Inodes with several names: their bytes count once.
    linked: HashSet<Identity>,
    devices: HashSet<u64>,
}

impl Count {
    fn new(limit: DiskUse, deadline: Instant) -> Self {
        Self { used: DiskUse::default(), limit, deadline, linked: HashSet::new(), devices: HashSet::new() }
    }
}

impl Visitor for Count {
    fn entry(&mut self, _: &Directory, _: &OsStr, entry: &Entry) -> Flow {
        self.used.files += 1;
        self.devices.insert(entry.identity.device);
        if entry.is_directory() || entry.links < 2 || self.linked.insert(entry.identity) {
            self.used.bytes += entry.allocated_bytes;
        }
        let late = self.used.files.is_multiple_of(64) && Instant::now() > self.deadline;
        if late || self.used.exceeds(&self.limit) { Flow::Stop } else { Flow::Enter }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::process::{Command, Stdio};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    const NO_LIMIT: DiskUse = DiskUse { bytes: u64::MAX, files: u64::MAX };

    fn target(directory: &Path, first_process: Option<u32>) -> Target {
        let directories = vec![directory.to_owned()];
        Target { directories, first_process, limit: NO_LIMIT, suspicious: false }
    }

    #[test]
    fn counts_what_is_there_and_stops_at_the_limit() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("sub")).unwrap();
        for number in 0..20 {
            fs::write(directory.path().join(format!("sub/{number}")), vec![1_u8; 4_096]).unwrap();
        }
        let all = measure_directory(directory.path(), NO_LIMIT).unwrap();
        assert_eq!(all.files, 21);
        assert!(all.bytes >= 20 * 4_096, "{all:?}");
        let limit = DiskUse { files: 5, ..NO_LIMIT };
        assert_eq!(measure_directory(directory.path(), limit).unwrap().files, 6);
    }

    #[test]
    fn the_bytes_of_an_inode_count_once() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("a"), vec![1_u8; 1 << 20]).unwrap();
        for name in ["b", "c", "d"] {
            fs::hard_link(directory.path().join("a"), directory.path().join(name)).unwrap();
        }
        let used = measure_directory(directory.path(), NO_LIMIT).unwrap();
        assert_eq!(used.files, 4);
        assert!((1 << 20..2 << 20).contains(&used.bytes), "{used:?}");
    }

    #[test]
    fn a_deleted_file_that_a_process_keeps_open_counts() {
        let directory = tempfile::tempdir().unwrap();
        let mut process = Command::new("sh")
            .args(["-c", "exec 3>gone; rm gone; head -c 3000000 /dev/zero >&3; (echo ready; exec sleep 60)"])
            .current_dir(directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        fs::write(directory.path().join("file"), "x").unwrap();
        let mut ready = [0_u8; 6];
        io::Read::read_exact(process.stdout.as_mut().unwrap(), &mut ready).unwrap();
        let measured = measure(&target(directory.path(), Some(process.id())));
        let children = tree(process.id());
        for pid in children {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
        process.wait().unwrap();
        assert!(measured.disk.bytes >= 3_000_000, "{measured:?}");
        assert_eq!((measured.disk.files, measured.doubt), (2, Doubt::None));
    }

    /// A directory with three megabytes that is moved between two places as fast as can be.
    #[test]
    fn a_directory_that_is_moved_about_is_measured_while_its_mover_stands_still() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["x", "y", "x/d"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        fs::write(directory.path().join("x/d/big"), vec![1_u8; 3 << 20]).unwrap();
        let script = "import os\nwhile True:\n os.rename('x/d', 'y/d')\n os.rename('y/d', 'x/d')\n";
        let Ok(mut process) =
            Command::new("python3").args(["-c", script]).current_dir(directory.path()).spawn()
        else {
            println!("no python3 here: left out");
            return;
        };
        let target = Target { suspicious: true, ..target(directory.path(), Some(process.id())) };
        let seen: Vec<_> = (0..20).map(|_| measure(&target)).collect();
        process.kill().unwrap();
        process.wait().unwrap();
        for measured in seen {
            assert!(measured.disk.bytes >= 3 << 20 && measured.doubt == Doubt::None, "{measured:?}");
        }
    }

    #[test]
    fn what_grows_without_end_while_it_is_read_ends_the_walk_at_the_limit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        let over = Arc::new(AtomicBool::new(false));
        let writer = std::thread::spawn({
            let (over, path) = (over.clone(), path.clone());
            move || {
                let mut number = 0;
                while !over.load(Ordering::SeqCst) {
                    let mut file = fs::File::create(path.join(number.to_string())).unwrap();
                    file.write_all(b"x").unwrap();
                    number += 1;
                }
            }
        });
        let limit = DiskUse { files: 300, ..NO_LIMIT };
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut seen = DiskUse::default();
        while seen.files <= 300 && Instant::now() < deadline {
            seen = measure_directory(&path, limit).unwrap();
        }
        over.store(true, Ordering::SeqCst);
        writer.join().unwrap();
        assert_eq!(seen.files, 301);
    }
}
