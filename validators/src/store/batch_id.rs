//! The number of a workunit's batch in the database, which servers do not tell an assimilator of a good workunit.

use std::path::Path;
use std::time::Duration;

use crate::script::{Limits, Program, host};
use crate::spool::is_number;

/// The command is given up after this.
const COMMAND_SECONDS: u64 = 10;

/// Why the number is not known, in words.
#[derive(Debug)]
pub(crate) enum NoBatchId {
    /// The command can't be run, or does not end in time: for all workunits alike.
    CommandFailed(String),
    /// It says no number for this workunit.
    NoNumber(String),
}

/// Asks the admin's command (`[batch_id]` of the routes file); relative programs start at `base`.
///
/// # Errors
/// It gives no number.
pub(crate) fn query(
    command: &[String],
    workunit_id: &str,
    workunit: &str,
    base: &Path,
    work: &Path,
) -> Result<String, NoBatchId> {
    use NoBatchId::{CommandFailed, NoNumber};
    let program = Program::of_admin(command, &[workunit_id, workunit], base, &[])
        .ok_or_else(|| CommandFailed("[batch_id] command names no program".to_owned()))?;
    let limits = Limits { timeout: Duration::from_secs(COMMAND_SECONDS), ..Limits::default() };
    let path = program.path.display();
    let ended =
        host::run(&program, &limits, work).map_err(|error| CommandFailed(format!("{path}: {error}")))?;
    match &ended.code {
        // A file's name is made of it.
        Ok(0) if is_number(&ended.said) => Ok(ended.said),
        Ok(0) => Err(NoNumber(format!("{path}: printed {:?}, expected a number", ended.said))),
        Ok(_) => Err(NoNumber(format!("{path}: {ended}"))),
        Err(_) => Err(CommandFailed(format!("{path}: {ended}"))),
    }
}
