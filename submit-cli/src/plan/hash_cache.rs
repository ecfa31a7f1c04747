//! Keeps the hashes of large files between commands, so that an unchanged image or receptor is read once.
//!
//! A text file in the user's cache directory, a line for each file: length, times of change, inode, hash, path. It only
//! grows by whole lines, so that several commands can write at once; unreadable lines are skipped. Losing it costs
//! only time.

use std::collections::HashMap;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use boinc::platform::{Identity, entry_at};

use crate::plan::content::Content;
use crate::plan::content::{self, ContentHash};
use crate::platform::{resolved, times_of};
use crate::user_dirs;

/// Smaller files are read again, which takes no longer than a lookup.
const WORTH_BYTES: u64 = 1 << 20;
/// A file changed this recently may change again without a new time.
const SETTLED: Duration = Duration::from_secs(2);
/// A longer cache is started again.
const CACHE_BYTES_MAX: u64 = 4 << 20;

/// The hashes of earlier commands.
#[derive(Debug)]
pub struct HashCache {
    file: Option<PathBuf>,
    known: OnceLock<HashMap<String, String>>,
    writing: Mutex<()>,
}

impl HashCache {
    /// The user's: `$XDG_CACHE_HOME/buoy/hashes`, else `~/.cache/buoy/hashes`.
    pub fn of_user() -> Self {
        Self::at(user_dirs::cache().map(|dir| dir.join("hashes")))
    }

    /// One that is kept in `file`; `None` keeps nothing.
    pub fn at(file: Option<PathBuf>) -> Self {
        Self { file, known: OnceLock::new(), writing: Mutex::new(()) }
    }

    /// The hash of a content; a large file is read only if it changed since it was last read.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn hash(&self, content: &Content) -> io::Result<ContentHash> {
        let Content::Path(path) = content else { return content::hash(content) };
        let before = path.metadata()?;
        if before.len() < WORTH_BYTES {
            return content::hash(content);
        }
        let Some(identity) = identity(path, &before) else { return content::hash(content) };
        if let Some(sha256) = self.known().get(&identity) {
            return Ok(ContentHash { sha256: sha256.clone(), bytes: before.len() });
        }
        let hash = content::hash(content)?;
        let unchanged = self::identity(path, &path.metadata()?).is_some_and(|after| after == identity);
        if unchanged && settled(&before) {
            // Without a cache everything works, only slower.
            let _ = self.append(&format!("{} {identity}\n", hash.sha256));
        }
        Ok(hash)
    }

    fn known(&self) -> &HashMap<String, String> {
        self.known.get_or_init(|| {
            let text = self.file.as_ref().and_then(|file| fs::read_to_string(file).ok()).unwrap_or_default();
            text.lines().filter_map(entry).collect()
        })
    }

    fn append(&self, line: &str) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let _writing = self.writing.lock().expect("no thread panics while it writes a line");
        fs::create_dir_all(file.parent().unwrap_or(Path::new("")))?;
        if file.metadata().is_ok_and(|meta| meta.len() > CACHE_BYTES_MAX) {
            fs::remove_file(file)?;
        }
        let mut out: File = OpenOptions::new().create(true).append(true).open(file)?;
        // One write: lines of several commands do not mix.
        out.write_all(line.as_bytes())
    }
}

fn entry(line: &str) -> Option<(String, String)> {
    let (sha256, identity) = line.split_once(' ')?;
    let is_hash = sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_hexdigit());
    is_hash.then(|| (identity.to_owned(), sha256.to_owned()))
}

fn settled(meta: &Metadata) -> bool {
    let changed = meta.modified().ok().and_then(|time| SystemTime::now().duration_since(time).ok());
    changed.is_some_and(|age| age > SETTLED)
}

/// What changes whenever a file's content does.
fn identity(path: &Path, meta: &Metadata) -> Option<String> {
    let path = resolved(path).ok()?;
    let path = path.to_str().filter(|path| !path.contains('\n'))?;
    let [(mtime, mtime_ns), (ctime, ctime_ns)] = times_of(Path::new(path)).ok()?;
    let Identity { device, inode } = entry_at(Path::new(path)).ok()?.identity;
    Some(format!("{} {mtime}.{mtime_ns:09} {ctime}.{ctime_ns:09} {device}:{inode} {path}", meta.len()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    struct Large {
        dir: tempfile::TempDir,
    }

    impl Large {
        /// A file of 2 MiB that was last written an hour ago.
        fn new() -> Self {
            let large = Self { dir: tempfile::tempdir().unwrap() };
            fs::write(large.path(), vec![7; 2 << 20]).unwrap();
            large.age();
            large
        }

        fn path(&self) -> PathBuf {
            self.dir.path().join("large")
        }

        fn age(&self) {
            let hour_ago = SystemTime::now() - Duration::from_secs(3600);
            File::options().write(true).open(self.path()).unwrap().set_modified(hour_ago).unwrap();
        }

        fn content(&self) -> Content {
            Content::Path(self.path())
        }

        fn cache(&self) -> HashCache {
            HashCache::at(Some(self.dir.path().join("cache/hashes")))
        }

        fn cache_lines(&self) -> usize {
            fs::read_to_string(self.dir.path().join("cache/hashes")).unwrap_or_default().lines().count()
        }
    }

    #[test]
    fn a_file_that_did_not_change_is_not_read_again() {
        let large = Large::new();
        let first = large.cache().hash(&large.content()).unwrap();
        assert_eq!(first, content::hash(&large.content()).unwrap());
        // A cache that says something else shows that it is asked.
        let cache = large.dir.path().join("cache/hashes");
        let lie = fs::read_to_string(&cache).unwrap().replace(&first.sha256, &"0".repeat(64));
        fs::write(&cache, lie).unwrap();
        assert_eq!(large.cache().hash(&large.content()).unwrap().sha256, "0".repeat(64));
    }

    #[test]
    fn a_file_that_changed_is_read_again_also_if_its_time_was_set_back() {
        let large = Large::new();
        let first = large.cache().hash(&large.content()).unwrap();
        let modified = large.path().metadata().unwrap().modified().unwrap();
        let file = File::options().write(true).open(large.path()).unwrap();
        file.write_at(b"x", 1000).unwrap();
        file.set_modified(modified).unwrap();
        let second = large.cache().hash(&large.content()).unwrap();
        assert_ne!(first, second);
        assert_eq!(second, content::hash(&large.content()).unwrap());
    }

    #[test]
    fn a_file_just_written_is_not_remembered() {
        let large = Large::new();
        fs::write(large.path(), vec![8; 2 << 20]).unwrap();
        large.cache().hash(&large.content()).unwrap();
        assert_eq!(large.cache_lines(), 0);
    }

    #[test]
    fn a_damaged_cache_is_no_obstacle() {
        let large = Large::new();
        let expected = large.cache().hash(&large.content()).unwrap();
        let cache = large.dir.path().join("cache/hashes");
        let torn = fs::read_to_string(&cache).unwrap();
        fs::write(&cache, format!("{}\nrubbish\n\n{}", &torn[..40], torn.replace(' ', "  "))).unwrap();
        assert_eq!(large.cache().hash(&large.content()).unwrap(), expected);
        assert_eq!(HashCache::at(Some("/proc/nowhere/x".into())).hash(&large.content()).unwrap(), expected);
    }
}
