//! The spool: what an assimilator was handed, kept until all that is to be done with it is done.
//!
//! ```text
//! spool/waiting/ITEM/item.json    what was handed over; ITEM is the result's name, or WORKUNIT.failed-MASK
//!                    files/       the outputs, under their names on the server
//!                    extra/       files that the route's script wrote, complete
//!                    extra.tmp/   the same while the script runs, or after it was interrupted
//!                    state.json   attempts so far, if there were any
//!                    lock         held by whoever works on it
//! spool/incoming/                 items that are not complete yet, or are being removed
//! spool/done/XX/ITEM              it is done; kept for a while, so that a repeated call changes nothing. Holds the
//!                                 workunit's number in the database, by which another of the same name is told apart
//! ```
//!
//! An item appears whole or not at all, and is on the disk before the daemon is told that the workunit is
//! assimilated. Everything that is done with it can be done twice.

mod claimed;
mod item;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::io::ErrorKind::{AlreadyExists, DirectoryNotEmpty};
use std::path::{Path, PathBuf};

use boinc::file_error::{FileError, if_found};
use sha2::{Digest, Sha256};

use crate::collect;
use crate::outputs::{self, Found};
use crate::private;

pub use claimed::ClaimedItem;
pub use item::{Item, ItemOutput, ItemState, OutputState, WorkunitOutcome};
pub(crate) use item::{VERSION, is_number, reasons};

/// Directory of items that are being written or removed.
const INCOMING: &str = "incoming";

/// Directory of an item's outputs.
const FILES: &str = "files";

/// Largest item.json, in bytes: that of the most outputs, with the longest names.
const ITEM_BYTES: u64 = 4 << 20;

/// Largest state.json, in bytes.
const STATE_BYTES: u64 = 64 << 10;

/// So long it is remembered that an item is done, in seconds.
const REMEMBERED_SECONDS: u64 = 30 * 86_400;

/// What is left over is looked for no more often than this, in seconds: there can be a million marks.
const TIDY_SECONDS: f64 = 86_400.0;

/// The spool of a project.
#[derive(Clone, Debug)]
pub struct Spool {
    directory: PathBuf,
}

/// The spool can't be used.
pub type SpoolError = FileError;

/// What became of an item that was to be put into the spool.
#[derive(Debug)]
pub enum Put {
    /// It is there, and ours to work on.
    New(Box<ClaimedItem>),
    /// It was there already, under this name.
    Waiting(String),
    /// All was done with it before.
    Done,
}

/// An item, looked at without working on it.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// What was handed over.
    pub item: Item,
    /// Tries so far.
    pub state: ItemState,
    /// Bytes of its outputs.
    pub bytes: u64,
}

/// An item's name, and what is in it or why that can't be read.
pub type Listed = (String, Result<Waiting, SpoolError>);

pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> SpoolError {
    FileError::new("failed to use the spool at", path)
}

impl Spool {
    /// The spool that belongs to routes at this path: `spool` beside it.
    pub fn for_routes(routes_toml: &Path) -> Self {
        Self { directory: routes_toml.with_file_name("spool") }
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The directory of all items; its time of change shows what is new.
    pub(crate) fn waiting(&self) -> PathBuf {
        self.directory.join("waiting")
    }

    fn place(&self, key: &str) -> PathBuf {
        self.waiting().join(key)
    }

    fn done_mark(&self, key: &str) -> PathBuf {
        let digest = Sha256::digest(key);
        self.directory.join("done").join(format!("{:02x}", digest[0])).join(key)
    }

    /// Takes outputs into the spool, durably. `sources` are their paths, in the order of `item.outputs`, whose states
    /// are filled in.
    ///
    /// # Errors
    /// Nothing was kept: the spool can't be written, or the outputs can't be seen at present.
    pub fn put(&self, mut item: Item, sources: &[PathBuf]) -> Result<Put, SpoolError> {
        // A workunit that was purged from the database leaves its name to another.
        let again = reused_name_key(&item);
        let known = [self.known(&item.key, &item.workunit_id), self.known(&again, &item.workunit_id)];
        let is_name_taken = matches!(known[0], Known::Other);
        for (known, key) in known.into_iter().zip([&item.key, &again]) {
            match known {
                Known::Done => return Ok(Put::Done),
                Known::Waiting => return Ok(Put::Waiting(key.clone())),
                Known::Other | Known::No => {}
            }
        }
        if is_name_taken {
            item.key = again;
        }
        let place = self.place(&item.key);
        let incoming = self.directory.join(INCOMING).join(format!("{}-{}", item.key, std::process::id()));
        if_found(fs::remove_dir_all(&incoming)).map_err(at(&incoming))?;
        let lock = self.make(&mut item, sources, &incoming).inspect_err(|_| {
            // The first error is the one that matters; what stays is not taken for an item.
            let _ = fs::remove_dir_all(&incoming);
        })?;
        match fs::rename(&incoming, &place) {
            // Another daemon was faster. It may even have finished, so that the item is gone by now.
            Err(error) if matches!(error.kind(), DirectoryNotEmpty | AlreadyExists) => {
                let _ = fs::remove_dir_all(&incoming);
                drop(lock);
                return Ok(Put::Waiting(item.key));
            }
            renamed => renamed.map_err(at(&place))?,
        }
        let waiting = self.waiting();
        File::open(&waiting).and_then(|directory| directory.sync_all()).map_err(at(&waiting))?;
        let claimed = ClaimedItem { directory: place, item, state: ItemState::default(), _lock: lock };
        Ok(Put::New(Box::new(claimed)))
    }

    /// What is known of an item of this name, and whether it is of this workunit.
    fn known(&self, key: &str, workunit_id: &str) -> Known {
        let is_same =
            |other: &str| other == workunit_id || [other, workunit_id].iter().any(|id| is_unknown(id));
        if self.place(key).exists() {
            // One that can't be read is there all the same.
            let other = self.read(key).ok().flatten();
            let is_other = other.is_some_and(|(item, _)| !is_same(&item.workunit_id));
            return if is_other { Known::Other } else { Known::Waiting };
        }
        match fs::read_to_string(self.done_mark(key)) {
            Ok(other) if is_same(&other) => Known::Done,
            Ok(_) => Known::Other,
            Err(_) => Known::No,
        }
    }

    fn make(&self, item: &mut Item, sources: &[PathBuf], incoming: &Path) -> Result<File, SpoolError> {
        let waiting = self.waiting();
        private::create_directory(&waiting).map_err(at(&waiting))?;
        private::create_directory(incoming).map_err(at(incoming))?;
        let mut changed = BTreeSet::new();
        for (output, source) in item.outputs.iter_mut().zip(sources) {
            output.state = match outputs::open(source).map_err(at(source))? {
                Found::File { file, bytes } => {
                    let target = incoming.join(FILES).join(&output.physical_name);
                    collect::take(&file, &target, &mut changed).map_err(at(&target))?;
                    OutputState::Stored { bytes }
                }
                Found::Absent => OutputState::Missing,
                Found::Malformed(kind) => OutputState::Malformed { kind: kind.to_owned() },
            };
        }
        let path = incoming.join("lock");
        let lock = File::create_new(&path).map_err(at(&path))?;
        lock.try_lock().map_err(|error| at(&path)(error.into()))?;
        let path = incoming.join("item.json");
        let text = serde_json::to_vec(item).expect("texts and numbers become JSON");
        collect::write(&text, &path, &mut changed).map_err(at(&path))?;
        changed.insert(incoming.to_owned());
        collect::sync(&changed)?;
        Ok(lock)
    }

    /// Takes an item to work on; `None` if it is not there any more, or somebody else is at it.
    ///
    /// # Errors
    /// It is broken.
    pub fn claim(&self, key: &str) -> Result<Option<ClaimedItem>, SpoolError> {
        let Some(lock) = self.lock(key)? else { return Ok(None) };
        // It may have been finished between opening and locking.
        let Some((item, state)) = self.read(key)? else { return Ok(None) };
        Ok(Some(ClaimedItem { directory: self.place(key), item, state, _lock: lock }))
    }

    fn lock(&self, key: &str) -> Result<Option<File>, SpoolError> {
        let path = self.place(key).join("lock");
        let lock = if_found(File::options().write(true).open(&path)).map_err(at(&path))?;
        Ok(lock.filter(|lock| lock.try_lock().is_ok()))
    }

    fn read(&self, key: &str) -> Result<Option<(Item, ItemState)>, SpoolError> {
        let directory = self.place(key);
        let path = directory.join("item.json");
        let text = if_found(outputs::read_regular(&path, ITEM_BYTES)).map_err(at(&path))?;
        let Some(text) = text else { return Ok(None) };
        let item: Item = serde_json::from_slice(&text).map_err(|error| at(&path)(error.into()))?;
        item.check(key).map_err(|why| at(&path)(io::Error::other(why)))?;
        Ok(Some((item, state_in(&directory))))
    }

    /// How far an item has come. One that is not there, or whose note is torn, counts as new.
    pub(crate) fn state(&self, key: &str) -> ItemState {
        state_in(&self.place(key))
    }

    /// Whether an item is there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.place(key).exists()
    }

    /// Names of all items, sorted.
    ///
    /// # Errors
    /// The spool can't be read; that there is none is no error.
    pub fn keys(&self) -> Result<Vec<String>, SpoolError> {
        let waiting = self.waiting();
        let entries = if_found(fs::read_dir(&waiting)).map_err(at(&waiting))?;
        let mut keys = Vec::new();
        for entry in entries.into_iter().flatten() {
            let entry = entry.map_err(at(&waiting))?;
            keys.extend(entry.file_name().into_string().ok());
        }
        keys.sort();
        Ok(keys)
    }

    /// All items, by name; one that can't be read, with the reason, among the others.
    ///
    /// # Errors
    /// The spool can't be read.
    pub fn list(&self) -> Result<Vec<Listed>, SpoolError> {
        let mut found = Vec::new();
        for key in self.keys()? {
            let waiting = self.read(&key).map(|read| {
                read.map(|(item, state)| {
                    let bytes = item.outputs.iter().filter_map(|output| output.state.bytes()).sum();
                    Waiting { item, state, bytes }
                })
            });
            // What was finished in the meantime is not there any more.
            found.extend(waiting.transpose().map(|waiting| (key, waiting)));
        }
        Ok(found)
    }

    /// Whether something of this workunit is still to be done.
    ///
    /// # Errors
    /// The spool can't be read.
    pub fn is_waiting(&self, workunit: &str) -> Result<Option<ItemState>, SpoolError> {
        let belongs =
            |key: &&String| key.strip_prefix(workunit).is_some_and(|rest| rest.starts_with(['_', '.']));
        let keys = self.keys()?;
        for key in keys.iter().filter(belongs) {
            if let Some((item, state)) = self.read(key)?
                && item.workunit == workunit
            {
                return Ok(Some(state));
            }
        }
        Ok(None)
    }

    /// Removes an item with its outputs for good; whether it was there and nobody was at it.
    ///
    /// # Errors
    /// It can't be removed.
    pub fn drop_item(&self, key: &str) -> Result<bool, SpoolError> {
        let Some(_lock) = self.lock(key)? else { return Ok(false) };
        // One that can't be read can be dropped, too.
        let workunit_id = self.read(key).ok().flatten().map(|(item, _)| item.workunit_id);
        self.remove_item(key, &workunit_id.unwrap_or_default()).map(|()| true)
    }

    /// Notes that all is done with an item, and removes it.
    pub(crate) fn finish(&self, claimed: ClaimedItem) -> Result<(), SpoolError> {
        self.remove_item(&claimed.item.key, &claimed.item.workunit_id)
    }

    fn remove_item(&self, key: &str, workunit_id: &str) -> Result<(), SpoolError> {
        let mark = self.done_mark(key);
        if let Some(parent) = mark.parent() {
            private::create_directory(parent).map_err(at(parent))?;
        }
        fs::write(&mark, workunit_id).map_err(at(&mark))?;
        // Out of sight first: what a kill leaves is not taken for an item.
        let incoming = self.directory.join(INCOMING);
        private::create_directory(&incoming).map_err(at(&incoming))?;
        let away = incoming.join(format!("{key}-{}-done", std::process::id()));
        let _ = fs::remove_dir_all(&away);
        let place = self.place(key);
        fs::rename(&place, &away).map_err(at(&place))?;
        fs::remove_dir_all(&away).map_err(at(&away))
    }

    /// Removes what killed shims have left, and marks of what was done long ago, once a day; whether it was time for it.
    pub(crate) fn tidy(&self, now: f64) -> bool {
        let age = |path: &Path| {
            let modified = path.metadata().ok()?.modified().ok()?;
            let since = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
            Some(now - since.as_secs_f64())
        };
        let last_cleanup = self.directory.join("last_cleanup");
        if age(&last_cleanup).is_some_and(|age| (0.0..TIDY_SECONDS).contains(&age)) {
            return false;
        }
        // If it can't be written, the next one looks again.
        let _ = fs::write(&last_cleanup, "");
        let children = |path: &Path| {
            fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect::<Vec<_>>()
        };
        // What can't be removed does no harm, and is tried again.
        for path in children(&self.directory.join(INCOMING)) {
            if age(&path).is_some_and(|age| age > 3_600.0) {
                let _ = fs::remove_dir_all(&path);
            }
        }
        for directory in children(&self.directory.join("done")) {
            for path in children(&directory) {
                if age(&path).is_some_and(|age| age > REMEMBERED_SECONDS as f64) {
                    let _ = fs::remove_file(&path);
                }
            }
        }
        true
    }
}

/// What is known of an item's name.
enum Known {
    /// Nothing.
    No,
    /// The item waits.
    Waiting,
    /// All was done with it.
    Done,
    /// It is another workunit's.
    Other,
}

/// Whether this is no workunit's number: servers that pass tokens may not tell it, and a kill may have torn the note.
fn is_unknown(workunit_id: &str) -> bool {
    matches!(workunit_id, "" | "0")
}

/// The name of an item whose own is another workunit's. Its number in the database sets it apart.
fn reused_name_key(item: &Item) -> String {
    const KEPT: usize = 180;
    let id: String = item.workunit_id.chars().filter(char::is_ascii_alphanumeric).take(20).collect();
    format!("{}.again-{id}", &item.key[..item.key.floor_char_boundary(KEPT)])
}

/// A state that is not there or torn counts as new.
fn state_in(directory: &Path) -> ItemState {
    let read = outputs::read_regular(&directory.join("state.json"), STATE_BYTES).ok();
    let state: Option<ItemState> = read.and_then(|text| serde_json::from_slice(&text).ok());
    state.unwrap_or_default().sanitized()
}
