//! Hashes many files in parallel, each of them once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::plan::content::Content;
use crate::plan::content::ContentHash;
use crate::plan::hash_cache::HashCache;

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("failed to read {}", file.display())]
pub struct HashError {
    pub file: PathBuf,
    pub source: std::io::Error,
}

/// The hashes of some contents.
#[derive(Debug)]
pub struct Hashes<'a> {
    hashes: HashMap<Key<'a>, ContentHash>,
}

/// A path, or the text itself: many jobs may name one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key<'a> {
    Path(&'a Path),
    Bytes(&'a [u8]),
}

impl<'a> Key<'a> {
    fn of(content: &'a Content) -> Self {
        match content {
            Content::Path(path) => Self::Path(path),
            Content::Bytes(bytes) => Self::Bytes(bytes),
        }
    }
}

impl<'a> Hashes<'a> {
    /// The hash of one of the contents that were hashed.
    ///
    /// # Panics
    /// The content was not among them.
    pub fn of(&self, content: &'a Content) -> &ContentHash {
        &self.hashes[&Key::of(content)]
    }
}

/// Hashes contents on all processors.
///
/// # Errors
/// One of the files that cannot be read.
pub fn hash_all<'a>(contents: impl Iterator<Item = &'a Content>) -> Result<Hashes<'a>, HashError> {
    let mut seen = HashMap::new();
    let mut list: Vec<&'a Content> = Vec::new();
    for content in contents {
        seen.entry(Key::of(content)).or_insert_with(|| list.push(content));
    }
    let cache = HashCache::of_user();
    let next = AtomicUsize::new(0);
    let hashes = Mutex::new(HashMap::with_capacity(list.len()));
    let work = || -> Result<(), HashError> {
        let mut mine = Vec::new();
        while let Some(content) = list.get(next.fetch_add(1, Ordering::Relaxed)) {
            mine.push((Key::of(content), hash_of(content, &cache)?));
        }
        hashes.lock().expect("no thread panics while it holds the lock").extend(mine);
        Ok(())
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(list.len());
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("hashing does not panic"))
    })?;
    Ok(Hashes { hashes: hashes.into_inner().expect("all threads have ended") })
}

fn hash_of(content: &Content, cache: &HashCache) -> Result<ContentHash, HashError> {
    cache.hash(content).map_err(|source| {
        let Content::Path(path) = content else { unreachable!("bytes in memory can be read") };
        HashError { file: path.clone(), source }
    })
}
