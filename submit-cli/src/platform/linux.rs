//! Linux, where jobs run.

use std::fs::File;
use std::io;

use rustls::pki_types::CertificateDer;

use super::words::Words;

/// Whether jobs and the programs of a project's server run on this system.
pub const RUNS_JOBS: bool = true;

/// What to do when [`run_on_linux`] fails.
pub const LINUX_HELP: &str = "";

/// Runs `buoy` on another system. This system does not need one.
///
/// # Errors
/// Always [`io::ErrorKind::Unsupported`].
pub fn run_on_linux(_words: Words<'_>) -> io::Result<i32> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The certificates that this system trusts. Those that cannot be read are left out, as other programs do.
pub fn trusted_certificates() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

/// Has an empty file share the blocks of another, on file systems that know that.
///
/// # Errors
/// The file system does not.
pub fn share_blocks(file: &File, source: &File) -> io::Result<()> {
    Ok(rustix::fs::ioctl_ficlone(file, source)?)
}
