//! Images of ours that were not used for long, that are too many, or that nobody knows any more, go.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use crate::engine::{Cancel, CliEngine, Transport};
use crate::state_dir::StateDir;

use super::build::LOCKS;
use super::index::{Entry, ImageIndex, now};
use super::lock::{HostLock, LockError};

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

/// Held by all builds together, and alone by who removes images that are not in the index: between the moment when an
/// engine has made an image and the one when it is noted, it looks like a leftover.
const BUILDS_LOCK: &str = "making";

/// There while images are made, and after a wrapper that made one was killed or had to leave: the engine may hold what no
/// index and no journal knows.
///
/// It is empty while an image is made. Whoever finds it later, and nobody at work, writes the time into it.
const UNFINISHED: &str = "unfinished";
/// What a killed wrapper has asked of the engine has been done by then.
const COMMANDS_TAKE_SECONDS: u64 = 600;

/// Held while images are made.
pub(super) struct InProgress {
    _lock: HostLock,
    /// Somebody has made images, or is making some, and has not said that all of it is known.
    pub(super) others: bool,
}

/// Notes that images are being made.
pub(super) fn mark_in_progress(state: &StateDir, cancel: &Cancel) -> Result<InProgress, LockError> {
    let lock = HostLock::share(&locks(state), BUILDS_LOCK, cancel)?;
    let path = unfinished(state);
    let others = match File::create_new(&path) {
        Ok(_) => false,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::write(&path, "").is_ok(),
        Err(source) => return Err(LockError::File { path, source }),
    };
    Ok(InProgress { _lock: lock, others })
}

fn unfinished(state: &StateDir) -> PathBuf {
    locks(state).join(UNFINISHED)
}

fn locks(state: &StateDir) -> PathBuf {
    state.join(LOCKS)
}

/// Removes images over the budget, the least recently used first; the one of key `keep` stays. One that a container uses
/// stays too, as the engine refuses its removal. Returns the ids of what was removed.
pub(super) fn sweep<T: Transport>(
    engine: &CliEngine<T>,
    state: &StateDir,
    budget: Budget,
    keep: &str,
) -> Vec<String> {
    let index = ImageIndex::of(state);
    let images = index.all(engine.flavor());
    let mut removed = Vec::new();
    for key in over_budget(&images, budget, keep, now()) {
        let Some((_, entry)) = images.iter().find(|(known, _)| *known == key) else { continue };
        if engine.remove_image(&entry.id).is_ok() {
            // An entry whose image is gone is made again when it is needed.
            let _ = index.forget(engine.flavor(), &key);
            removed.push(entry.id.clone());
        }
    }
    removed
}

/// What a life that was interrupted left goes, if no image is being made now.
pub(super) fn finish_unfinished<T: Transport>(engine: &CliEngine<T>, state: &StateDir, index: &ImageIndex) {
    if unfinished(state).exists() {
        remove_unknown(engine, state, index, Reason::Interrupted);
    }
}

/// Why there may be something that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// There is none: a build has ended well.
    None,
    /// A build has failed.
    Failed,
    /// A wrapper was killed or had to leave; the engine may still do what it was asked.
    Interrupted,
}

/// Removes containers of builds, and images of ours that are not in the index: what a daemon finished after the wrapper was
/// killed, and what a failed build or a damaged index left. While others make images it is left to them, or to the next
/// start.
pub(super) fn remove_unknown<T: Transport>(
    engine: &CliEngine<T>,
    state: &StateDir,
    index: &ImageIndex,
    reason: Reason,
) {
    let Ok(Some(_alone)) = HostLock::try_now(&locks(state), BUILDS_LOCK) else { return };
    if reason != Reason::None && !is_removed(engine, state, index) {
        return;
    }
    let file = unfinished(state);
    let seen = fs::read_to_string(&file).ok().and_then(|text| text.parse::<u64>().ok());
    let is_over = seen.is_some_and(|seen| now().saturating_sub(seen) >= COMMANDS_TAKE_SECONDS);
    // A file that is not written or not removed costs the next start two commands.
    let _ = match (reason, seen) {
        (Reason::Interrupted, None) => fs::write(&file, now().to_string()),
        (Reason::Interrupted, Some(_)) if !is_over => Ok(()),
        _ => fs::remove_file(&file),
    };
}

/// Whether the engine could be asked; what it then still holds is in use.
fn is_removed<T: Transport>(engine: &CliEngine<T>, state: &StateDir, index: &ImageIndex) -> bool {
    let Some(owner) = index.known_owner() else { return true };
    // No build is at work, so that no container of one is needed: not one either that a command has finished after its
    // wrapper was gone, of which no journal knows.
    for id in engine.containers_named(&super::build::container_prefix(&owner)).unwrap_or_default() {
        let _ = engine.remove(&id);
    }
    let Ok(ids) = engine.images_of(&owner) else { return false };
    let known: Vec<Entry> = index.all(engine.flavor()).into_iter().map(|(_, entry)| entry).collect();
    let resumable = super::build::images_of_journals(&state.join(super::build::DIRECTORY));
    let same = |a: &str, b: &str| a.trim_start_matches("sha256:") == b.trim_start_matches("sha256:");
    let is_known = |id: &String| {
        known.iter().any(|entry| same(&entry.id, id)) || resumable.iter().any(|kept| same(kept, id))
    };
    for id in ids.iter().filter(|id| !is_known(id)) {
        let _ = engine.remove_image(id);
    }
    true
}

fn over_budget(images: &[(String, Entry)], budget: Budget, keep: &str, now: u64) -> Vec<String> {
    let mut by_age: Vec<(u64, &str, u64)> =
        images.iter().map(|(key, entry)| (entry.last_use, key.as_str(), entry.size)).collect();
    by_age.sort_unstable();
    let mut total: u64 = by_age.iter().map(|(_, _, size)| size).sum();
    let mut over = Vec::new();
    for (used, key, size) in by_age {
        let old = now.saturating_sub(used) > budget.age_seconds;
        if key != keep && (old || total > budget.bytes) {
            total -= size;
            over.push(key.to_owned());
        }
    }
    over
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn images(list: &[(&str, u64, u64)]) -> Vec<(String, Entry)> {
        let entry = |size, last_use| Entry { size, last_use, ..Entry::default() };
        list.iter().map(|(key, size, used)| ((*key).to_owned(), entry(*size, *used))).collect()
    }

    #[test]
    fn the_least_recently_used_goes_first_and_the_one_in_hand_stays() {
        let images = images(&[("a", 6, 10 * DAY), ("b", 6, 9 * DAY), ("c", 6, 8 * DAY)]);
        let budget = Budget { bytes: 12, age_seconds: 100 * DAY };
        assert_eq!(over_budget(&images, budget, "c", 11 * DAY), ["b"]);
    }

    #[test]
    fn an_image_goes_by_its_age_alone() {
        let images = images(&[("a", 1, 0), ("b", 1, 20 * DAY)]);
        assert_eq!(over_budget(&images, Budget::default(), "x", 21 * DAY), ["a"]);
    }
}
