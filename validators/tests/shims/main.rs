//! The three programs as the stock daemons run them: by `sh`, in `PROJECT/tmp_HOST`, without an environment.

mod alerts;
mod assimilate;
mod brought;
mod hostile;
mod made;
mod project;
mod recovery;
mod scripts;
mod spool;
mod validate;
