//! Whose fault it is that a command of the engine failed: the Dockerfile's, whose values are in it, or the host's.
//!
//! The engine's words do not tell: they hold paths and names of the Dockerfile. So a command that failed is followed by
//! another one that has nothing of the Dockerfile in it. If that one works, and the first fails again, the difference
//! between them is the cause.

use std::io::{self, Write};
use std::thread;

use crate::engine::{EngineError, Status, StepSpec, Transport};
use boinc::archive::tar::{Entry, Kind, Writer};
use boinc::dockerfile::ImageConfig;

use super::error::BuildError;
use super::stage::NO_COMMAND;
use super::{Builder, POLL_INTERVAL};

/// Longest part of an engine's message that is shown: Podman prints all its options before the cause.
const SHOWN_CHARS: usize = 300;

/// Whether a failure can come from values of the Dockerfile. For the others there is other evidence.
fn may_be_the_jobs(error: &EngineError) -> bool {
    match error {
        EngineError::NotInstalled { .. }
        | EngineError::TimedOut { .. }
        | EngineError::Cancelled
        | EngineError::Input { .. }
        | EngineError::Unreadable { .. }
        // A full disk would stop the next command too, but not one that writes nothing.
        | EngineError::NoSpace(_)
        | EngineError::NotPulled { .. }
        | EngineError::NotShared(_)
        | EngineError::TooOld(_)
        | EngineError::BadProgram(_)
        | EngineError::BadArguments(_) => false,
        EngineError::NoPermission(_)
        | EngineError::Away(_)
        | EngineError::NoContainer
        | EngineError::NoPath(_)
        | EngineError::NoImage
        | EngineError::Conflict(_)
        | EngineError::ImagesChanged(_)
        | EngineError::NoInit(_)
        | EngineError::Failed { .. } => true,
    }
}

fn refused(error: &EngineError) -> String {
    let text = error.to_string();
    let count = text.chars().count();
    if count <= SHOWN_CHARS {
        return text;
    }
    format!("...{}", text.chars().skip(count - SHOWN_CHARS).collect::<String>())
}

impl<T: Transport + Clone> Builder<'_, T> {
    /// Does what depends on the Dockerfile, and once more if it fails although `control` works.
    fn attribute<V>(
        &self,
        mut attempt: impl FnMut(bool) -> Result<V, EngineError>,
        control: impl Fn() -> bool,
    ) -> Result<V, BuildError> {
        for again in [false, true] {
            match attempt(again) {
                Err(error) if may_be_the_jobs(&error) && control() => {
                    if again {
                        return Err(BuildError::Impossible { why: refused(&error) });
                    }
                    thread::sleep(POLL_INTERVAL);
                }
                result => return result.map_err(BuildError::from),
            }
        }
        Err(BuildError::Internal("no attempt".into()))
    }

    /// Reads from the files of a container. Any container can be read from.
    pub(super) fn attribute_read<V>(
        &self,
        container: &str,
        mut attempt: impl FnMut() -> Result<V, EngineError>,
    ) -> Result<V, BuildError> {
        self.attribute(
            |_| attempt(),
            || self.breaking.read_out(container, "/", |stream| stream.read(&mut [0]).is_ok()).is_ok(),
        )
    }

    /// Writes files into a container. A host that cannot write, or that cannot make files of this owner, cannot do it for
    /// another container of the same image either.
    pub(super) fn attribute_write<V>(
        &self,
        (uid, gid): (u64, u64),
        mut attempt: impl FnMut() -> Result<V, EngineError>,
    ) -> Result<V, BuildError> {
        let entry = Entry { uid, gid, ..Entry::new(".buoy-control", Kind::File, 0o600) };
        let write = |name: &str| {
            let entry = &entry;
            let producer = Box::new(move |out: &mut dyn Write| {
                let mut writer = Writer::new(out);
                writer.append(entry, &mut io::empty())?;
                writer.finish().map(drop)
            });
            self.copy_in(name, producer).is_ok()
        };
        self.attribute(|_| attempt(), || self.with_plain(&self.image, write))
    }

    /// Creates a container with the Dockerfile's values. One of its name is left over from a build that was killed.
    pub(super) fn create_container(&self, spec: &StepSpec) -> Result<(), BuildError> {
        self.attribute(
            |again| {
                if again {
                    self.breaking.remove(&spec.name)?;
                }
                match self.breaking.create_step(spec) {
                    Err(EngineError::Conflict(_)) => {
                        self.breaking.remove(&spec.name)?;
                        self.breaking.create_step(spec)
                    }
                    result => result,
                }
            },
            || self.with_plain(&spec.image, |_| true),
        )
    }

    /// Starts a container with the Dockerfile's values; one that has run is never started again.
    pub(super) fn start_container(&self, container: &str, image: &str) -> Result<(), BuildError> {
        self.attribute(
            |_| {
                self.engine.start(container).or_else(|error| match self.engine.inspect(container) {
                    Ok(Some(seen)) if seen.status == Status::Created => Err(error),
                    // A start that the engine reports as failed, and has done.
                    Ok(Some(_)) => Ok(()),
                    Ok(None) => Err(EngineError::NoContainer),
                    Err(error) => Err(error),
                })
            },
            || {
                // A host that comes so far as to miss the program can start containers.
                self.with_plain(image, |name| {
                    matches!(self.breaking.start(name), Err(EngineError::BadProgram(_)))
                })
            },
        )
    }

    /// Asks something of a container of this image that has nothing of the Dockerfile.
    fn with_plain(&self, image: &str, ask: impl FnOnce(&str) -> bool) -> bool {
        let name = self.journal.control_container();
        let spec = StepSpec {
            command: vec![NO_COMMAND.to_owned()],
            workdir: "/".into(),
            ..self.spec(&name, image, &ImageConfig { user: "0".into(), ..ImageConfig::default() })
        };
        let _ = self.cleaning.remove(&name);
        let answer = self.breaking.create_step(&spec).is_ok() && ask(&name);
        let _ = self.cleaning.remove(&name);
        answer
    }
}
