//! What a submitter typed to say which jobs they mean; the same for `run`, `check`, `pack` and a submission.

use std::path::PathBuf;

/// The science app and where its jobs come from.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Sources {
    /// The science app: its directory, its app.toml, or a batch.toml that names it or lies beside it
    pub app: PathBuf,
    /// A batch.toml, a table (.csv .tsv .jsonl), a directory with a directory per job, or input files, one job each.
    /// Without any: batch.toml beside app.toml, else a single job
    pub jobs: Vec<PathBuf>,
    /// Make a job for each value: seed=1..10, t=0..1 step 0.1, mode=fast,slow. Repeated: their product
    #[arg(long, value_name = "KEY=VALUES")]
    pub sweep: Vec<String>,
    /// The command line, instead of that of app.toml or batch.toml
    #[arg(long, allow_hyphen_values = true)]
    pub command: Option<String>,
    /// The file of a shared input, instead of that of app.toml or batch.toml
    #[arg(long, value_name = "INPUT=FILE")]
    pub shared: Vec<String>,
    /// A column of the table that nothing uses, on purpose; * for all
    #[arg(long, value_name = "COLUMN")]
    pub ignore: Vec<String>,
    /// The batch's name [default: from the file the jobs come from]
    #[arg(long)]
    pub name: Option<String>,
}
