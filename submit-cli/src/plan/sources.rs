//! The arguments that select the jobs; the same for `run`, `check`, `pack` and `submit`.

use std::path::PathBuf;

/// The science app and where its jobs come from.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Sources {
    /// Science app: its directory, its app.toml, or a batch.toml that names it or is next to it
    pub app: PathBuf,
    /// Source of the jobs: a batch.toml, a table (.csv, .tsv, .jsonl), a directory with one directory per job, or input
    /// files, one job each [default: the batch.toml next to app.toml, otherwise a single job]
    pub jobs: Vec<PathBuf>,
    /// Create a job for each value: seed=1..10, t=0..1 step 0.1, mode=fast,slow (repeat for all combinations)
    #[arg(long, value_name = "KEY=VALUES")]
    pub sweep: Vec<String>,
    /// Command line, overrides app.toml and batch.toml
    #[arg(long, allow_hyphen_values = true)]
    pub command: Option<String>,
    /// File of a shared input, overrides app.toml and batch.toml
    #[arg(long, value_name = "INPUT=FILE")]
    pub shared: Vec<String>,
    /// Column of the table that is unused on purpose; * for all
    #[arg(long, value_name = "COLUMN")]
    pub ignore: Vec<String>,
    /// Name of the batch [default: from the file that the jobs come from]
    #[arg(long)]
    pub name: Option<String>,
}
