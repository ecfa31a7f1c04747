//! The speed of naming inputs by content, and what an unchanged input costs.

use std::fs::{self, File};
use std::io::Write;
use std::time::{Duration, Instant, SystemTime};

use submit_cli::plan::content;
use submit_cli::plan::content::Content;
use submit_cli::plan::hash_cache::HashCache;

use crate::run::Row;

const BYTES: usize = 1 << 30;

pub fn measure() -> Vec<Row> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("input");
    let piece: Vec<u8> = (0..1 << 20).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let mut file = File::create(&path).unwrap();
    for _ in 0..BYTES / piece.len() {
        file.write_all(&piece).unwrap();
    }
    // A file just written is not remembered: it might be written again within the same tick of the clock.
    file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    drop(file);
    let content = Content::Path(path);
    // What the disk needs to bring it is not ours.
    content::hash(&content).unwrap();
    let began = Instant::now();
    let hash = content::hash(&content).unwrap();
    let speed = BYTES as f64 / 1e9 / began.elapsed().as_secs_f64();

    let cache = dir.path().join("cache");
    HashCache::at(Some(cache.clone())).hash(&content).unwrap();
    let before = bytes_read();
    let again = HashCache::at(Some(cache.clone())).hash(&content).unwrap();
    let read = bytes_read() - before;
    assert_eq!(again.sha256, hash.sha256);
    let list = fs::metadata(cache).map_or(0, |meta| meta.len());
    vec![
        Row::new(
            "hashing 1 GB of inputs, one core, nothing cached",
            format!("{speed:.2} GB/s"),
            "≥ 1 GB/s",
            speed >= 1.0,
        ),
        Row::new(
            "the same unchanged: bytes of it read again",
            format!("{} B", read.saturating_sub(list + 4096)),
            "0 B",
            read <= list + 4096,
        ),
    ]
}

/// Bytes that this process has read from files, by the kernel's count.
fn bytes_read() -> u64 {
    let text = fs::read_to_string("/proc/self/io").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap();
    line.trim().parse().unwrap()
}
