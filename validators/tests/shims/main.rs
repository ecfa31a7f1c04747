//! The three programs as the stock daemons run them: by `sh`, in `PROJECT/tmp_HOST`, without an environment.

mod alerts;
mod assimilate;
mod extra_outputs;
mod hostile;
mod project;
mod recovery;
mod scripts;
mod spool;
mod submitter_rules;
mod validate;
