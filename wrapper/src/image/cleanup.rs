//! Images of ours that nobody used for long, or that are too many, go.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::engine::{Cancel, CliEngine, Transport};
use crate::naming::ImageName;
use crate::wire::atomic_file::write_atomically;

use super::lock::HostLock;

/// What our images may take on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Bytes in all.
    pub bytes: u64,
    /// Seconds since its last use.
    pub age_seconds: u64,
}

impl Default for Budget {
    /// 10 GB and 14 days: the next batch of a science app comes within days, or not soon.
    fn default() -> Self {
        Self { bytes: 10_000_000_000, age_seconds: 14 * 86_400 }
    }
}

const USES_FILE: &str = "images.json";
const USES_LOCK: &str = "images";

/// Name of an image → seconds since 1970 of its last use.
type Uses = BTreeMap<String, u64>;

/// Notes that an image was used now. A note that can't be written only makes its image look older.
pub fn remember_use(host_dir: &Path, image: &str) {
    let _ = change_uses(host_dir, |uses| {
        uses.insert(image.to_owned(), now());
    });
}

/// Removes images over the budget, the least recently used first; `keep` stays. One that a container uses stays too,
/// as the engine refuses its removal. Returns what was removed.
pub fn sweep<T: Transport>(
    engine: &CliEngine<T>,
    host_dir: &Path,
    budget: Budget,
    keep: &str,
) -> Vec<String> {
    let Ok(mut images) = engine.our_images() else { return Vec::new() };
    // Somebody else's image may begin with the same word.
    for image in &mut images {
        image.repo_tags.retain(|name| ImageName::parse(name).is_some());
    }
    let mut uses = Uses::new();
    let _ = change_uses(host_dir, |known| {
        // An image that we know nothing of (another client's, say) counts as used now, once.
        for name in images.iter().flat_map(|image| &image.repo_tags) {
            known.entry(name.clone()).or_insert_with(now);
        }
        known.retain(|name, _| images.iter().any(|image| image.repo_tags.contains(name)));
        uses.clone_from(known);
    });
    let sizes: Vec<(String, u64)> =
        images.iter().filter_map(|image| Some((image.repo_tags.first()?.clone(), image.size))).collect();
    let mut removed = Vec::new();
    for name in over_budget(&sizes, &uses, budget, keep, now()) {
        if engine.remove_image(&name).is_ok() {
            removed.push(name);
        }
    }
    removed
}

fn over_budget(sizes: &[(String, u64)], uses: &Uses, budget: Budget, keep: &str, now: u64) -> Vec<String> {
    let mut by_age: Vec<(u64, &str, u64)> = sizes
        .iter()
        .map(|(name, size)| (uses.get(name).copied().unwrap_or(now), name.as_str(), *size))
        .collect();
    by_age.sort_unstable();
    let mut total: u64 = by_age.iter().map(|(_, _, size)| size).sum();
    let mut over = Vec::new();
    for (used, name, size) in by_age {
        let old = now.saturating_sub(used) > budget.age_seconds;
        if name != keep && (old || total > budget.bytes) {
            total -= size;
            over.push(name.to_owned());
        }
    }
    over
}

fn change_uses(host_dir: &Path, change: impl FnOnce(&mut Uses)) -> Option<()> {
    let _lock = HostLock::wait(host_dir, USES_LOCK, &Cancel::default()).ok()?;
    let path: PathBuf = host_dir.join(USES_FILE);
    // A damaged note is as good as none.
    let mut uses: Uses =
        fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    change(&mut uses);
    write_atomically(&path, &serde_json::to_vec(&uses).ok()?).ok()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    #[test]
    fn the_least_recently_used_goes_first_and_the_one_in_hand_stays() {
        let sizes = [("a".to_owned(), 6), ("b".to_owned(), 6), ("c".to_owned(), 6)];
        let uses = Uses::from([("a".into(), 10 * DAY), ("b".into(), 9 * DAY), ("c".into(), 8 * DAY)]);
        let budget = Budget { bytes: 12, age_seconds: 100 * DAY };
        assert_eq!(over_budget(&sizes, &uses, budget, "c", 11 * DAY), ["b"]);
    }

    #[test]
    fn an_image_goes_by_its_age_alone() {
        let sizes = [("a".to_owned(), 1), ("b".to_owned(), 1)];
        let uses = Uses::from([("a".into(), 0), ("b".into(), 20 * DAY)]);
        assert_eq!(over_budget(&sizes, &uses, Budget::default(), "x", 21 * DAY), ["a"]);
    }

    #[test]
    fn uses_are_remembered_over_processes() {
        let directory = tempfile::tempdir().unwrap();
        remember_use(directory.path(), "buoy-1");
        remember_use(directory.path(), "buoy-2");
        let text = fs::read_to_string(directory.path().join(USES_FILE)).unwrap();
        assert!(text.contains("buoy-1") && text.contains("buoy-2"), "{text}");
    }
}
