//! Our directory in the slot, opened without following links: `buoy`, for the client's user alone, and `buoy/work` in it.

use std::io;
use std::path::Path;

use super::layout::Layout;
use boinc::nofollow::Directory;

/// Other local users must not reach what is below: a job can make a set-user-id file in its work directory.
pub const OWN_MODE: u32 = 0o700;

/// Our directory in the slot cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    /// The workunit's doing: a file of it has this name.
    #[error(
        "{name:?} in the slot is {found}, but that name is the wrapper's own: a file of the workunit has it"
    )]
    Taken {
        name: &'static str,
        /// What is there.
        found: &'static str,
    },
    #[error("failed to open {name:?} in the slot")]
    Open {
        name: &'static str,
        #[source]
        source: io::Error,
    },
}

/// Makes and opens the work directory.
///
/// # Errors
/// When something else has its name or that of `buoy`, or it cannot be made.
pub(super) fn make_work(slot: &Directory) -> Result<Directory, OwnError> {
    let own = make(slot, Layout::OWN, "buoy", OWN_MODE)?;
    let failed = |source| OwnError::Open { name: "buoy", source };
    if own.entry().map_err(failed)?.mode != OWN_MODE {
        slot.change_mode(Layout::OWN, |entry| entry.is_directory().then_some(OWN_MODE)).map_err(failed)?;
    }
    make(&own, Layout::WORK, "buoy/work", 0o755)
}

/// Opens the work directory; `None` if there is none.
///
/// # Errors
/// When something else has its name, or it cannot be opened.
pub(super) fn open_work(slot: &Path) -> io::Result<Option<Directory>> {
    let opened = Directory::open(slot)
        .and_then(|slot| slot.open_accessible(Layout::OWN))
        .and_then(|own| own.open_accessible(Layout::WORK));
    match opened {
        Ok(work) => Ok(Some(work)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn make(parent: &Directory, last: &str, name: &'static str, mode: u32) -> Result<Directory, OwnError> {
    let failed = |source| OwnError::Open { name, source };
    parent.make_directory(last, mode).map_err(failed)?;
    let entry = parent.entry_of(last).map_err(failed)?;
    match entry {
        Some(entry) if !entry.is_directory() => Err(OwnError::Taken { name, found: entry.description() }),
        _ => parent.open_accessible(last).map_err(failed),
    }
}
