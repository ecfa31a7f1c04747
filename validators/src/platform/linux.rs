//! Linux, where a project's server runs.

mod confined;

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD};

use super::unix::set_file_mode;

pub(crate) use confined::{detach, run_confined};

/// Gives `source` another name. It is made read-only first: BOINC's upload handler writes into a file that is
/// there (`sched/file_upload_handler.cpp`), so a volunteer could otherwise change it after validation.
pub(crate) fn link_read_only(source: &File, name: &Path) -> io::Result<()> {
    let mode = source.metadata()?.mode();
    set_file_mode(source, mode & 0o777 & !0o222)?;
    let own = format!("/proc/self/fd/{}", source.as_raw_fd());
    Ok(rustix::fs::linkat(CWD, own.as_str(), CWD, name, AtFlags::SYMLINK_FOLLOW)?)
}
