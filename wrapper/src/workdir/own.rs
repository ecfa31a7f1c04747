//! The directory that holds the work directory, opened without following links: `buoy` in the slot or one elsewhere, for this
//! process's user alone, and `work` in it.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use super::layout::Layout;
use boinc::nofollow::Directory;

/// Other local users must not reach what is below: a job can make a set-user-id file in its work directory.
pub const OWN_MODE: u32 = 0o700;

/// The directory that holds the work directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    /// The workunit's doing: a file of it has this name.
    #[error(
        "{name:?} in the slot is {found}, but that name is the wrapper's own: a file of the workunit has it"
    )]
    Taken {
        name: PathBuf,
        /// What is there.
        found: &'static str,
    },
    #[error("failed to open {}", path.display())]
    Open {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// Makes and opens the work directory.
///
/// # Errors
/// When something else has its name or that of the directory that holds it, or it cannot be made.
pub(super) fn make_work(layout: &Layout) -> Result<Directory, OwnError> {
    let own = make_own(layout)?;
    make(&own, Layout::WORK.as_ref(), 0o755, &layout.work(), layout)
}

/// Makes and opens the directory that holds the work directory.
///
/// # Errors
/// When something else has its name, or it cannot be made.
pub(super) fn make_own(layout: &Layout) -> Result<Directory, OwnError> {
    let path = layout.own();
    let failed = |source| OwnError::Open { path: path.clone(), source };
    let (parent, name) = parent_of(&path).map_err(failed)?;
    let own = make(&parent, name, OWN_MODE, &path, layout)?;
    if own.entry().map_err(failed)?.mode != OWN_MODE {
        parent.change_mode(name, |entry| entry.is_directory().then_some(OWN_MODE)).map_err(failed)?;
    }
    Ok(own)
}

/// Opens the work directory; `None` if there is none.
///
/// # Errors
/// When something else has its name, or it cannot be opened.
pub(super) fn open_work(layout: &Layout) -> io::Result<Option<Directory>> {
    let own = layout.own();
    let opened = parent_of(&own)
        .and_then(|(parent, name)| parent.open_accessible(name))
        .and_then(|own| own.open_accessible(Layout::WORK));
    match opened {
        Ok(work) => Ok(Some(work)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn parent_of(own: &Path) -> io::Result<(Directory, &OsStr)> {
    let (Some(parent), Some(name)) = (own.parent(), own.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    Ok((Directory::open(parent)?, name))
}

fn make(
    parent: &Directory,
    last: &OsStr,
    mode: u32,
    path: &Path,
    layout: &Layout,
) -> Result<Directory, OwnError> {
    let failed = |source| OwnError::Open { path: path.to_owned(), source };
    parent.make_directory(last, mode).map_err(failed)?;
    match parent.entry_of(last).map_err(failed)? {
        Some(entry) if !entry.is_directory() && layout.is_in_slot() => {
            let name = path.strip_prefix(&layout.slot).unwrap_or(path).to_owned();
            Err(OwnError::Taken { name, found: entry.description() })
        }
        _ => parent.open_accessible(last).map_err(failed),
    }
}
