//! The standard streams of a process that talks through them.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

/// Takes standard input and output over. Whatever else of this process, or of what it starts, reads or writes standard
/// streams gets /dev/null from now on, standard error included.
///
/// # Errors
/// When the process can have no more descriptors.
pub fn take_standard_streams() -> io::Result<(File, File)> {
    // These copies are closed in every program that is started.
    let input = io::stdin().as_fd().try_clone_to_owned()?;
    let output = io::stdout().as_fd().try_clone_to_owned()?;
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    rustix::stdio::dup2_stdout(&nothing)?;
    rustix::stdio::dup2_stderr(&nothing)?;
    Ok((input.into(), output.into()))
}
