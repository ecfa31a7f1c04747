//! What only a submitted campaign has: rounds, batches and files, and what is noted of its workunits.
//!
//! What the server is known to have is a row's state; what was only attempted is never taken as done.

mod batches;
mod file_names;
mod files;
mod status_updates;
mod workunits;

pub use batches::{BatchRow, Round, RoundRow, Stage};
pub use file_names::FileNames;
pub use files::FileRow;
pub use status_updates::BatchFigures;
pub use workunits::{Change, Filled, NewWorkunit, Verdict, WorkunitRow};

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
CREATE TABLE file (
    name TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    path TEXT,
    content BLOB
) WITHOUT ROWID;
";

#[cfg(test)]
mod tests;
