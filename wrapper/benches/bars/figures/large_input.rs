//! A link-mode input of 2 GB: the job sees it, and nobody reads, writes or stores a byte of it.

use std::collections::HashSet;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate};

use crate::engine_log::EngineLog;
use crate::support::Slot;
use crate::table::Row;
use crate::workbench::{Workbench, await_job};

const BYTES: u64 = 2_000_000_000;
/// The wrapper's and the engine's own reading differs between two jobs by so much.
const NOISE_BYTES: u64 = 1_000_000;

pub fn measure(bench: &Workbench) -> Vec<Row> {
    bench.warm("large-input");
    let log = EngineLog::new(bench.engine);
    let large = seen_with_input(bench, BYTES, &log);
    let small = seen_with_input(bench, 1, &EngineLog::new(bench.engine));

    assert_eq!(log.named_commits(), 1, "the image was built with the input in the slot");
    let copied = log.largest_copy();
    assert!(copied > 0, "the job's program was copied into the image");
    let in_image = copied > BYTES / 2;
    let moved = large.io_bytes.saturating_sub(small.io_bytes);
    let stored = large.slot_bytes.saturating_sub(small.slot_bytes);
    let (size, mode) = large.report.trim().split_once(' ').expect("a size and a mode");
    assert_eq!(size, BYTES.to_string(), "the job sees the whole input");
    vec![
        Row::new("2 GB link-mode input: stored again", format!("{stored} B"), "0 B", stored == 0),
        Row::new(
            "2 GB link-mode input: read and written, more than for 1 byte",
            format!("{:.1} MB", moved as f64 / 1e6),
            "0 B",
            moved < NOISE_BYTES,
        ),
        Row::new(
            "2 GB link-mode input: copied into the image",
            if in_image { "yes" } else { "no" },
            "no",
            !in_image,
        )
        .upstream("yes, for each workunit"),
        Row::new("2 GB link-mode input: in the container", mode, "read-only", mode == "read-only"),
    ]
}

struct ContainerState {
    /// What the job found.
    report: String,
    /// Through read and write, of the wrapper and the programs it waited for (/proc/PID/io).
    io_bytes: u64,
    /// Allocated in the slot while the job ran.
    slot_bytes: u64,
}

fn seen_with_input(bench: &Workbench, bytes: u64, log: &EngineLog) -> ContainerState {
    let mut slot = bench.slot(&format!("large-input-{bytes}"), ["probe", "input.bin"]);
    slot.copy("job.toml", "pass_args = \"both\"\njob_inputs = [\"input.bin\"]\n");
    slot.path = Some(log.path());
    let file = File::create(slot.project.join("phys_input")).unwrap();
    fallocate(&file, FallocateFlags::empty(), 0, bytes).unwrap();
    slot.link("input.bin", "phys_input");
    let mut running = slot.start();
    await_job(&slot, &mut running, "probe");
    let io_bytes = io_bytes(running.pid());
    let slot_bytes = allocated(&slot);
    running.wait_for_exit();
    running.assert_success();
    ContainerState { report: fs::read_to_string(slot.dir.join("probe")).unwrap(), io_bytes, slot_bytes }
}

fn io_bytes(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/io")).unwrap();
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().parse::<u64>().unwrap()
    };
    value("rchar:") + value("wchar:")
}

/// Bytes allocated in the slot, in whole megabytes; a hard link to a file of the project counts as nothing.
fn allocated(slot: &Slot) -> u64 {
    let mut seen: HashSet<u64> = fs::read_dir(&slot.project)
        .unwrap()
        .map(|entry| fs::metadata(entry.unwrap().path()).unwrap().ino())
        .collect();
    fn add(dir: &Path, seen: &mut HashSet<u64>) -> u64 {
        let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
        entries
            .map(|entry| {
                let meta = entry.metadata().unwrap();
                if meta.is_dir() {
                    add(&entry.path(), seen)
                } else if seen.insert(meta.ino()) {
                    meta.blocks() * 512
                } else {
                    0
                }
            })
            .sum()
    }
    add(&slot.dir, &mut seen) / 1_000_000 * 1_000_000
}
