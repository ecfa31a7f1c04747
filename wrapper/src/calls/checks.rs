//! What is looked at before a job is started: whether this computer can run it at all.

use super::failures::{classify, classify_machine};
use super::{Calls, new_mark};
use crate::engine::{CliEngine, HostTransport, Transport};
use crate::image::ImageSource;
use crate::lifecycle::CallError;
use crate::shared_files::sees_files;
use boinc::error_chain::chain;
use boinc::platform::host_name;

impl Calls {
    /// Refuses a virtual machine that does not run or does not share what containers of this task use.
    pub(super) fn check_machine(&self, engine: &CliEngine<HostTransport>) -> Result<(), CallError> {
        let (slot, project) = (&self.assignment.layout.slot, &self.assignment.init_data.project_dir);
        engine.check_machine(&[slot, project, self.assignment.images.path()]).map_err(classify_machine)
    }

    /// An engine that may see other files than this computer is asked for one, before the job is started.
    pub(super) fn check_files_are_shared(&self) -> Result<(), CallError> {
        let engine = self.engine()?;
        let info = engine.info().map_err(classify)?;
        if !info.may_see_other_files(&host_name()) {
            return Ok(());
        }
        let work = self.assignment.layout().work();
        let seen = sees_files(engine, self.name(), &work, self.assignment.workdir(), &new_mark());
        if matches!(seen, Ok(true)) {
            return Ok(());
        }
        // The next attempt would start it.
        engine.remove(self.name()).map_err(classify)?;
        Err(CallError::Host(match seen {
            Err(error) => chain(&error),
            Ok(_) if info.snap => format!(
                "Docker is a snap, which does not see {}: install Docker from another package (Debian, Ubuntu: docker.io), \
                 or Podman",
                work.display()
            ),
            Ok(_) => format!(
                "the engine runs in a virtual machine or on another computer, and does not see {}: share this directory \
                 with it, or install an engine that runs here",
                work.display()
            ),
        }))
    }
}

/// An image that has a name of its own may be for other processors; one that we made is for the engine's.
pub(super) fn check_architecture<T: Transport>(
    engine: &CliEngine<T>,
    source: &ImageSource,
    found: &str,
) -> Result<(), CallError> {
    let ImageSource::Named(name) = source else { return Ok(()) };
    let wanted = engine.architecture().map_err(classify)?;
    if found.is_empty() || found == wanted {
        return Ok(());
    }
    Err(CallError::Job(format!(
        "the image {name} is for linux/{found}, but the engine of this computer runs images for linux/{wanted}"
    )))
}
