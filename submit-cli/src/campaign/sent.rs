//! The part of a campaign file that a submission to a project writes: rounds, batches, workunits, files.
//!
//! What the server is known to have is a row's state; what was only attempted is never taken for done.

mod batches;
mod facts;
mod file_names;
mod files;
mod following;
mod history;
mod workunits;

pub use batches::{BatchRow, Round, RoundRow, Stage};
pub use facts::{FactOutput, Facts};
pub use file_names::FileNames;
pub use files::FileRow;
pub use following::BatchFigures;
pub use history::Moment;
pub use workunits::{Change, Counts, FailureGroup, Filled, NewWorkunit, Verdict, WorkunitRow, WorkunitState};

/// The tables; made in every campaign file of this version.
pub(super) const SCHEMA: &str = "
CREATE TABLE round (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL,
    input_template TEXT NOT NULL,
    output_template TEXT NOT NULL,
    rsc_fpops_est REAL NOT NULL,
    inputs TEXT NOT NULL,
    changed TEXT NOT NULL
);
CREATE TABLE batch (
    id INTEGER PRIMARY KEY,
    round INTEGER NOT NULL REFERENCES round(id),
    part INTEGER NOT NULL,
    name TEXT NOT NULL UNIQUE,
    stage TEXT NOT NULL,
    server_id INTEGER,
    known_until REAL,
    asked REAL
);
CREATE TABLE workunit (
    id INTEGER PRIMARY KEY,
    job TEXT NOT NULL,
    name TEXT NOT NULL UNIQUE,
    attempt INTEGER NOT NULL,
    parent INTEGER REFERENCES workunit(id),
    current INTEGER NOT NULL,
    round INTEGER NOT NULL REFERENCES round(id),
    batch INTEGER REFERENCES batch(id),
    command_line TEXT NOT NULL,
    inputs TEXT NOT NULL,
    state TEXT NOT NULL,
    server_id INTEGER,
    canonical INTEGER,
    exit_status INTEGER,
    cause TEXT,
    cpu_seconds REAL,
    elapsed_seconds REAL,
    changed REAL,
    fetched INTEGER NOT NULL
);
CREATE INDEX workunit_by_state ON workunit(current, state, fetched);
CREATE INDEX workunit_by_batch ON workunit(batch);
CREATE INDEX workunit_by_job ON workunit(job, attempt);
CREATE TABLE file (
    name TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    path TEXT,
    content BLOB
) WITHOUT ROWID;
CREATE TABLE history (
    at REAL PRIMARY KEY,
    waiting INTEGER NOT NULL,
    unsent INTEGER NOT NULL,
    in_progress INTEGER NOT NULL,
    done INTEGER NOT NULL,
    failed INTEGER NOT NULL
);
";

#[cfg(test)]
mod tests;
