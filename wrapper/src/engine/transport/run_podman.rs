//! Podman through `Run_Podman`, the program with which BOINC's client for macOS runs it (client/Run_Podman.cpp).
//!
//! All containers of a client are in one virtual machine, that of the user `boinc_project`, and `Run_Podman` becomes that user. But
//! it joins its arguments with spaces, cuts what is longer than 2,048 bytes, has a login shell read the rest as a command line,
//! and ends with status 0 whatever becomes of it. So no argument of the engine goes through it: a script has the command, and a
//! file gets its exit status.

use std::env;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::command::Invocation;
use super::native::{self, Outside};
use super::script::Script;
use super::{Cancel, Captured, Consumer, Producer, Transport, TransportError};
use crate::platform;

/// Names the program in place of BOINC's own. The program must be trusted: a client passes on no variable of a workunit.
pub const RUN_PODMAN_VARIABLE: &str = "BUOY_RUN_PODMAN";

/// The program's buffer for the whole command line, and more than it puts in front of our part of it.
const BUFFER_BYTES: usize = 2_048;
const PREFIX_BYTES: usize = 256;

/// A command that was run ended by a signal, as shells report it.
const BY_SIGNAL: i32 = 128;

/// Podman through `Run_Podman`.
#[derive(Clone, Debug)]
pub struct RunPodman {
    program: PathBuf,
    /// Where the scripts are, which is only this user's.
    directory: Arc<Path>,
}

impl RunPodman {
    /// The program of this host; `None` where BOINC's client runs Podman directly. Scripts are put into a directory below `state`,
    /// and those that killed wrappers have left there are removed.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub fn find(state: &Path) -> io::Result<Option<Self>> {
        let named = env::var_os(RUN_PODMAN_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
        named.or_else(platform::run_podman).map(|program| Self::new(program, state)).transpose()
    }

    fn new(program: PathBuf, state: &Path) -> io::Result<Self> {
        let directory = Script::directory_in(state)?;
        Ok(Self { program, directory: directory.into() })
    }

    /// The program's path.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The command that `Run_Podman` is given: words that mean the same once joined and read by a shell.
    fn call(&self, invocation: &Invocation, script: &Script) -> io::Result<Invocation> {
        let word = boinc::shell::word(&script.path().to_string_lossy());
        if PREFIX_BYTES + word.len() > BUFFER_BYTES {
            let why = format!("the path {word} is too long for {}", self.program.display());
            return Err(io::Error::new(io::ErrorKind::InvalidFilename, why));
        }
        Ok(Invocation {
            program: self.program.clone(),
            args: vec!["/bin/sh".into(), word.into()],
            env: Vec::new(),
            ..invocation.clone()
        })
    }
}

impl Transport for RunPodman {
    fn stream(
        &self,
        invocation: &Invocation,
        input: Option<Producer<'_>>,
        output: Option<Consumer<'_>>,
        cancel: &Cancel,
    ) -> Result<Captured, TransportError> {
        let start_error =
            |source| TransportError::Start { program: invocation.program.display().to_string(), source };
        // The kernel does not end it with us, but it sees the end of an input that only we have.
        let survives = input.is_none() && invocation.survives;
        let ends_with_input = input.is_none() && !survives;
        let script = Script::write(&self.directory, invocation, ends_with_input).map_err(start_error)?;
        let call = self.call(invocation, &script).map_err(start_error)?;
        let mut enough = false;
        let outside = Outside { holds_input: ends_with_input, end: Some(&|| script.kill()) };
        let captured = match output {
            Some(consumer) => {
                let mut watched = |piece: &[u8]| {
                    let flow = consumer(piece);
                    enough |= flow == ControlFlow::Break(());
                    flow
                };
                native::stream(&call, input, Some(&mut watched), cancel, &outside)
            }
            None => native::stream(&call, input, None, cancel, &outside),
        };
        let mut captured = match captured {
            Err(TransportError::Cancelled) if survives => {
                script.leave();
                return Err(TransportError::Cancelled);
            }
            result => result.map_err(|error| name_command(error, invocation))?,
        };
        if enough {
            return Ok(captured);
        }
        captured.status = match script.status() {
            Some(status) if status > BY_SIGNAL => -1,
            Some(status) => status,
            None => {
                let said =
                    format!("\n{} ended without an exit status of {invocation}", self.program.display());
                captured.stderr.extend_from_slice(said.as_bytes());
                -1
            }
        };
        Ok(captured)
    }

    fn has_machine(&self) -> bool {
        true
    }
}

/// An error names the engine's command, not ours.
fn name_command(error: TransportError, invocation: &Invocation) -> TransportError {
    match error {
        TransportError::TimedOut { seconds, .. } => {
            TransportError::TimedOut { command: invocation.to_string(), seconds }
        }
        TransportError::Input { source, .. } => {
            TransportError::Input { command: invocation.to_string(), source }
        }
        error => error,
    }
}

#[cfg(test)]
mod tests;
