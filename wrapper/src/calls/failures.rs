//! What the lifecycle is told of failures of the engine and of the making of images.

use crate::engine::{EngineError, MachineError};
use crate::image::{Blame, BuildError, MakeError, TarballError, WorkdirFilesError};
use crate::lifecycle::CallError;
use boinc::error_chain::chain;

/// Sorts the failure of a command.
pub(super) fn classify(error: EngineError) -> CallError {
    match error {
        EngineError::NoContainer => CallError::NoContainer,
        EngineError::NoImage => CallError::NoImage { needs_network: true },
        EngineError::Conflict(why) => CallError::Conflict(why),
        EngineError::Away(why) => CallError::EngineAway(why),
        error @ EngineError::TimedOut { .. } => CallError::EngineAway(chain(&error)),
        EngineError::Cancelled => CallError::Cancelled,
        error @ (EngineError::BadProgram(_)
        | EngineError::BadArguments(_)
        | EngineError::NotPulled { is_certain: true, .. }
        | EngineError::NoPath(_)) => CallError::Job(chain(&error)),
        error @ (EngineError::NotInstalled { .. }
        | EngineError::NotShared(_)
        | EngineError::TooOld(_)
        | EngineError::NoPermission(_)
        | EngineError::NoSpace(_)) => CallError::Host(chain(&error)),
        error @ (EngineError::ImagesChanged(_)
        | EngineError::NotPulled { .. }
        | EngineError::NoInit(_)
        | EngineError::Input { .. }
        | EngineError::Unreadable { .. }
        | EngineError::Failed { .. }) => CallError::Transient(chain(&error)),
    }
}

/// Sorts the failure of a command that is not about the job's own container or image: tried again without an end it would
/// be a busy loop.
pub(super) fn classify_unrelated(error: EngineError) -> CallError {
    match error {
        error @ (EngineError::NoContainer
        | EngineError::NoImage
        | EngineError::NoPath(_)
        | EngineError::Conflict(_)) => CallError::Transient(chain(&error)),
        error => classify(error),
    }
}

pub(super) fn classify_machine(error: MachineError) -> CallError {
    match error {
        MachineError::Engine(error) => classify_unrelated(error),
        error => CallError::Host(chain(&error)),
    }
}

/// Why there is no image.
pub(super) enum NoImageMade {
    /// Something that needs the network failed. Whether this host is online has to be found out.
    Network(String),
    /// Anything else.
    Other(CallError),
}

pub(super) fn classify_make(error: MakeError) -> NoImageMade {
    NoImageMade::Other(match error {
        MakeError::Engine(error) => return classify_pull(error, classify_unrelated),
        MakeError::Build(error) if error.blame() != Blame::Host => {
            return build_failed("", &error.report(), error.blame());
        }
        MakeError::Build(error @ BuildError::Internal(_)) => CallError::Transient(chain(&error)),
        MakeError::Build(error) => CallError::Host(chain(&error)),
        MakeError::FailedBefore { seconds, said, blame } => {
            return build_failed(&format!(" ({seconds} s ago)"), &said, blame);
        }
        MakeError::Lock(crate::image::LockError::Cancelled) => CallError::Cancelled,
        MakeError::Workdir(WorkdirFilesError::Engine(error)) => classify_unrelated(error),
        MakeError::Workdir(error) => classify_workdir_files(error),
        error @ (MakeError::Lock(_) | MakeError::Index(_) | MakeError::Journal(_)) => {
            CallError::Host(chain(&error))
        }
        MakeError::Tarball(TarballError::Engine(error)) => return classify_pull(error, classify),
        MakeError::Tarball(error @ TarballError::NotStored { .. }) => CallError::Transient(chain(&error)),
        MakeError::Tarball(error) if error.is_the_hosts() => CallError::Host(chain(&error)),
        MakeError::Tarball(error) => CallError::Job(chain(&error)),
    })
}

fn classify_pull(error: EngineError, otherwise: fn(EngineError) -> CallError) -> NoImageMade {
    match error {
        error @ EngineError::NotPulled { is_certain: false, .. } => NoImageMade::Network(chain(&error)),
        error => NoImageMade::Other(otherwise(error)),
    }
}

/// Sorts the failure to have what the job's own image has at the work directory.
pub(super) fn classify_workdir_files(error: WorkdirFilesError) -> CallError {
    match error {
        WorkdirFilesError::Engine(error @ EngineError::NoImage) => classify(error),
        WorkdirFilesError::Engine(error) => classify_unrelated(error),
        error @ WorkdirFilesError::TooMuch(_) => CallError::Job(error.to_string()),
        error => CallError::Host(chain(&error)),
    }
}

/// The first line is for the client, the rest for stderr.txt.
fn build_failed(when: &str, report: &str, blame: Blame) -> NoImageMade {
    let (headline, rest) = report.split_once('\n').unwrap_or((report, ""));
    let rest: String = rest.lines().map(|line| format!("\n{line}")).collect();
    let why = format!("failed to build the image{when}: {headline}{rest}");
    match blame {
        Blame::Network => NoImageMade::Network(why),
        Blame::Job | Blame::Host => NoImageMade::Other(CallError::Job(why)),
    }
}
