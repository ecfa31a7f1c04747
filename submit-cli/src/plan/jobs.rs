//! Where jobs come from: a table, a directory for each, files, or only a sweep.
//!
//! Each source gives [`Rows`]; `expand` makes jobs of them.

pub mod directories;
pub mod files;
pub mod sweep;
pub mod table;

use std::path::{Path, PathBuf};

use crate::plan::Origin;

/// What a source found, a row for each job.
#[derive(Debug)]
pub struct Rows {
    /// The names of the columns; each row has a value for each.
    pub columns: Vec<String>,
    /// Paths in the rows are relative to this directory.
    pub base: PathBuf,
    /// The rows, in the order in which jobs are made.
    pub rows: Vec<Row>,
    /// Where the names of the jobs come from, if the batch does not set them.
    pub naming: Naming,
}

/// One job's worth of a source.
#[derive(Debug)]
pub struct Row {
    /// A value for each column.
    pub values: Vec<String>,
    pub origin: Origin,
    /// Arguments after those of the command (`cmdline` of a job's directory).
    pub more_args: Vec<String>,
}

/// How jobs are named if the batch does not set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// By column `job`, else the file of the only per-job input, else the number of the row.
    Table,
    Column(usize),
    /// By the sweep's values alone.
    Sweep,
}

impl Rows {
    /// A single row without columns: what a sweep, or a single job, starts from.
    pub fn single(base: PathBuf, origin: Origin) -> Self {
        let row = Row { values: Vec::new(), origin, more_args: Vec::new() };
        Self { columns: Vec::new(), base, rows: vec![row], naming: Naming::Sweep }
    }
}

/// A directory for a message.
pub fn shown_dir(dir: &Path) -> String {
    if dir.as_os_str().is_empty() { "the working directory".to_owned() } else { dir.display().to_string() }
}
