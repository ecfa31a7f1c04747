//! macOS, where submitters send jobs and fetch their results.

use std::fs::File;
use std::io;

use rustls::pki_types::CertificateDer;

use super::words::Words;

/// Whether jobs and the programs of a project's server run on this system.
pub const RUNS_JOBS: bool = false;

/// What to do when [`run_on_linux`] fails.
pub const LINUX_HELP: &str = "use a computer or a virtual machine with Linux";

/// Runs `buoy` on another system. There is none at hand.
///
/// # Errors
/// Always [`io::ErrorKind::Unsupported`].
pub fn run_on_linux(_words: Words<'_>) -> io::Result<i32> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "buoy for macOS has no Linux system to run it in"))
}

/// The certificates that Mozilla trusts. The system's own are asked for by libraries of Apple's, which can only be linked on a
/// Mac.
pub fn trusted_certificates() -> Vec<CertificateDer<'static>> {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS.to_vec()
}

/// Has an empty file share the blocks of another. It would have to be made so, so it is copied.
///
/// # Errors
/// Always [`io::ErrorKind::Unsupported`].
pub fn share_blocks(_file: &File, _source: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
