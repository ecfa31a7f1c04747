//! The campaign file: what a campaign has done so far, in SQLite next to its results.
//!
//! Every step of a campaign is one transaction, so that a killed `buoy` resumes where it was. The schema has a version
//! (`PRAGMA user_version`); docs/campaign.md describes it. One table, `workunit`, holds the jobs of campaigns of this host and of
//! submitted ones; what only one of the two needs is in tables of its own.

pub mod bounds;
pub mod cause;
pub mod event;
pub(crate) mod exit_status;
pub mod file_error;
pub mod history;
pub mod job_view;
mod job_views;
pub mod meta;
pub mod results;
pub mod status;
pub mod submitted;
pub mod time_left;
pub(crate) mod utc;
pub mod workunit;

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use file_error::{FileError, create_dir};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior};

mod find;
mod parameters;
mod record;
mod rows;
mod words;

pub use record::{JobRecord, ResultRecord, state_word};

/// Version of the schema that this program writes.
pub const SCHEMA_VERSION: i64 = 3;

/// `PRAGMA application_id` of a campaign file: "BUOY".
const APPLICATION_ID: i64 = 0x4255_4f59;

/// Name of the campaign's own directory beside the results.
pub const STATE_DIR: &str = ".buoy";

const FILE: &str = "campaign.sqlite";
const LOCK: &str = "lock";
/// Held by a process that fetches, which goes beside one that runs, submits or watches.
const FETCH_LOCK: &str = "fetch.lock";

/// `buoy status` tries the lock for a moment, which is no reason to refuse a run.
const LOCK_TRIES: u32 = 5;
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(20);

const SCHEMA: &str = "
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE workunit (
    id INTEGER PRIMARY KEY,
    job TEXT NOT NULL,
    name TEXT NOT NULL UNIQUE,
    attempt INTEGER NOT NULL,
    parent INTEGER REFERENCES workunit(id),
    current INTEGER NOT NULL,
    state TEXT NOT NULL,
    parameters TEXT,
    results INTEGER,
    exit_status INTEGER,
    cause_kind TEXT,
    cause TEXT,
    elapsed_seconds REAL,
    cpu_seconds REAL,
    memory_bytes INTEGER,
    host TEXT,
    started REAL,
    changed REAL,
    fetched INTEGER NOT NULL,
    round INTEGER REFERENCES round(id),
    batch INTEGER REFERENCES batch(id),
    command_line TEXT,
    inputs TEXT,
    server_id INTEGER,
    canonical INTEGER
);
CREATE INDEX workunit_by_state ON workunit(current, state, fetched);
CREATE INDEX workunit_by_batch ON workunit(batch);
CREATE INDEX workunit_by_job ON workunit(job, attempt);
CREATE TABLE history (
    at REAL PRIMARY KEY,
    waiting INTEGER NOT NULL,
    unsent INTEGER NOT NULL,
    in_progress INTEGER NOT NULL,
    done INTEGER NOT NULL,
    failed INTEGER NOT NULL
);
";

/// Why a campaign file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    /// There is none.
    #[error("{}: no campaign in this directory; name the --out directory of a buoy run or buoy submit", .dir.display())]
    Missing {
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// Written by another version of `buoy`.
    #[error("{}: campaign file of version {found}; this buoy reads version {SCHEMA_VERSION}; use the buoy that wrote it, or another directory", .path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// No SQLite database, or a broken one.
    #[error(
        "{}: damaged campaign file; results collected so far are still in the directory above it. Move {} away and run again to start from scratch",
        .path.display(), .path.parent().unwrap_or(.path).display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite said, if it did.
        source: Option<rusqlite::Error>,
    },
    /// Another `buoy` works on it.
    #[error("{}: another buoy process{} is using this campaign; wait for it, stop it, or use another --out", .dir.display(), shown_pid(.holder))]
    Busy {
        /// The campaign's results directory.
        dir: PathBuf,
        /// Process id of the other, as it wrote it; empty on Windows, where a locked file cannot be read.
        holder: String,
    },
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// No job has this name.
    #[error("no job {name} among the {count} of this campaign{hint}")]
    UnknownJob {
        /// As it was typed.
        name: String,
        /// How many jobs there are.
        count: usize,
        /// Names that are like it.
        hint: String,
    },
    /// A statement failed.
    #[error("{}: cannot {doing}", .path.display())]
    Sql {
        /// The campaign file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        source: rusqlite::Error,
    },
}

impl CampaignError {
    /// Whether the submitter named what is not there.
    pub fn is_bad_input(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::UnknownJob { .. })
    }
}

/// The right to fetch; given back when dropped.
#[derive(Debug)]
pub struct FetchLock {
    _file: File,
}

/// An open campaign.
#[derive(Debug)]
pub struct Campaign {
    db: Connection,
    path: PathBuf,
    /// Held by the one process that works on it.
    lock: Option<File>,
}

impl Campaign {
    /// Opens the campaign of a results directory for work, or makes a new one. One process at a time.
    pub fn open_for_run(results: &Path) -> Result<Self, CampaignError> {
        let dir = results.join(STATE_DIR);
        create_dir(&dir)?;
        let lock = lock(results, &dir.join(LOCK))?;
        let path = dir.join(FILE);
        let db = Connection::open(&path).map_err(|source| sql(&path, "open it", source))?;
        let mut campaign = Self { db, path, lock: Some(lock) };
        campaign.prepare()?;
        Ok(campaign)
    }

    /// Opens the campaign of a results directory to look at it; also while another process works on it.
    pub fn open_to_read(results: &Path) -> Result<Self, CampaignError> {
        let path = results.join(STATE_DIR).join(FILE);
        if !path.exists() {
            return Err(CampaignError::Missing { dir: results.to_owned() });
        }
        // Read-write, since a reader of a database in WAL mode needs its shared index.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(&path, flags).map_err(|source| sql(&path, "open it", source))?;
        let campaign = Self { db, path, lock: None };
        match campaign.version()? {
            0 => Err(CampaignError::Missing { dir: results.to_owned() }),
            _ => Ok(campaign),
        }
    }

    /// Opens the campaign of a results directory to note what the server tells, also while another process works on
    /// it: what `follow` writes may be written twice, in any order.
    pub fn open_to_follow(results: &Path) -> Result<Self, CampaignError> {
        let campaign = Self::open_to_read(results)?;
        campaign
            .db
            .execute_batch("PRAGMA synchronous = NORMAL")
            .map_err(|source| sql(&campaign.path, "prepare it", source))?;
        Ok(campaign)
    }

    /// Lets other processes work on the campaign from now on; what `follow` does needs no lock.
    pub fn release(&mut self) {
        self.lock = None;
    }

    /// Whether a process works on the campaign of a results directory.
    pub fn is_active(results: &Path) -> Result<bool, CampaignError> {
        let path = results.join(STATE_DIR).join(LOCK);
        let file = match File::open(&path) {
            Ok(file) => file,
            // A copy of a campaign can be without it.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(FileError::at(&path, "open the lock")(error).into()),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(FileError::at(&path, "try the lock")(error).into()),
        }
    }

    /// Keeps other processes from fetching until the answer is dropped. What a fetch writes can be written beside
    /// another process that works on the campaign.
    ///
    /// # Errors
    /// `Busy` while another process fetches.
    pub fn lock_to_fetch(&self, results: &Path) -> Result<FetchLock, CampaignError> {
        lock(results, &results.join(STATE_DIR).join(FETCH_LOCK)).map(|file| FetchLock { _file: file })
    }

    /// The campaign file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The version of the file; 0 for a new one. Refuses what this program does not understand.
    fn version(&self) -> Result<i64, CampaignError> {
        let pragma = |name: &str| {
            self.db
                .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
                .map_err(|source| sql(&self.path, "read it", source))
        };
        let (application, version) = (pragma("application_id")?, pragma("user_version")?);
        if application != APPLICATION_ID && (application, version) != (0, 0) {
            return Err(CampaignError::Damaged { path: self.path.clone(), source: None });
        }
        if version != SCHEMA_VERSION && version != 0 {
            return Err(CampaignError::Version { path: self.path.clone(), found: version });
        }
        Ok(version)
    }

    fn prepare(&mut self) -> Result<(), CampaignError> {
        let version = self.version()?;
        let path = self.path.clone();
        let failed = |doing| move |source| sql(&path, doing, source);
        self.db
            .query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))
            .and_then(|()| self.db.execute_batch("PRAGMA synchronous = NORMAL"))
            .map_err(failed.clone()("prepare it"))?;
        if version < SCHEMA_VERSION {
            let transaction = self
                .db
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(failed.clone()("begin"))?;
            // Another process may have made them since.
            let version = transaction
                .pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))
                .map_err(failed.clone()("read it"))?;
            if version == SCHEMA_VERSION {
                return Ok(());
            }
            [SCHEMA, rows::SCHEMA, submitted::SCHEMA]
                .into_iter()
                .try_for_each(|tables| transaction.execute_batch(tables))
                .and_then(|()| transaction.pragma_update(None, "application_id", APPLICATION_ID))
                .and_then(|()| transaction.pragma_update(None, "user_version", SCHEMA_VERSION))
                .and_then(|()| transaction.commit())
                .map_err(failed("make its tables"))?;
            return Ok(());
        }
        let verdict: String =
            self.db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed("check it"))?;
        if verdict != "ok" {
            return Err(CampaignError::Damaged { path: self.path.clone(), source: None });
        }
        Ok(())
    }
}

impl Campaign {
    /// Reads from the file.
    fn read<T>(&self, act: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, CampaignError> {
        act(&self.db).map_err(|source| sql(&self.path, "read from it", source))
    }

    /// Writes to the file: all or nothing.
    fn step<T>(
        &mut self,
        act: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, CampaignError> {
        let done = self.db.transaction().and_then(|transaction| {
            let value = act(&transaction)?;
            transaction.commit()?;
            Ok(value)
        });
        done.map_err(|source| sql(&self.path, "write to it", source))
    }

    /// A value about the campaign as a whole.
    ///
    /// # Errors
    /// The campaign file cannot be read.
    pub fn value(&self, key: &str) -> Result<Option<String>, CampaignError> {
        self.read(|db| {
            db.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0)).optional()
        })
    }

    /// Sets such a value.
    ///
    /// # Errors
    /// The campaign file cannot be written.
    pub fn set_value(&mut self, key: &str, value: &str) -> Result<(), CampaignError> {
        self.step(|transaction| {
            transaction.execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", [key, value]).map(drop)
        })
    }
}

/// Sorts an error of SQLite: a damaged file asks for something else than a failed statement.
fn sql(path: &Path, doing: &'static str, source: rusqlite::Error) -> CampaignError {
    let damaged =
        matches!(source.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt));
    if damaged {
        return CampaignError::Damaged { path: path.to_owned(), source: Some(source) };
    }
    CampaignError::Sql { path: path.to_owned(), doing, source }
}

fn shown_pid(holder: &str) -> String {
    if holder.is_empty() { String::new() } else { format!(" (PID {holder})") }
}

fn lock(results: &Path, path: &Path) -> Result<File, CampaignError> {
    let io = |doing| FileError::at(path, doing);
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(io("open the lock"))?;
    let mut taken = file.try_lock();
    for _ in 0..LOCK_TRIES {
        if !matches!(taken, Err(TryLockError::WouldBlock)) {
            break;
        }
        std::thread::park_timeout(LOCK_PAUSE);
        taken = file.try_lock();
    }
    match taken {
        Ok(()) => {
            // For the message of the next one only.
            file.set_len(0)
                .and_then(|()| file.rewind())
                .and_then(|()| write!(file, "{}", std::process::id()))
                .map_err(io("write the lock"))?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Windows refuses to read what another process has locked.
            let _ = file.read_to_string(&mut holder);
            Err(CampaignError::Busy { dir: results.to_owned(), holder: holder.trim().to_owned() })
        }
        Err(TryLockError::Error(error)) => Err(io("lock it")(error).into()),
    }
}

#[cfg(test)]
mod tests;
