//! The seccomp profile of our containers: the engine's default, without the sockets that lead out of a container.
//!
//! A vsock is not part of a network namespace, so `--network none` does not stop it: Docker 20.10 and Podman 4.3 let a
//! container open one to the host, and on WSL the volunteer's drives are served there. `AF_ALG` has been a way into the
//! kernel too often. Both are denied here, and every way around that denial is closed: `socketcall` passes its arguments
//! in memory, where a filter cannot read them, and `io_uring` opens sockets without a system call.
//!
//! Everything else is answered as the engine's default profile does; `tests/integration/seccomp.rs` compares both filters.

mod domains;
mod host;
mod rules;
mod table;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::engine::Flavor;
use boinc::atomic_file::write_atomically;
use boinc::hex::hex;
use rules::Profile;

/// Where Podman looks for its own profile, first match first.
const PODMAN_PROFILES: [&str; 2] = ["/etc/containers/seccomp.json", "/usr/share/containers/seccomp.json"];

/// The value for `--security-opt seccomp=FILE`, as JSON, for all processor architectures.
///
/// Docker: our own table. Podman: the host's profile, read strictly and written again with our changes; our own table
/// where the host has none or one that is not understood (a line in the log names it then).
///
/// `version` is the version of Docker's daemon, `"20.10.24"`: Docker 26 allows more calls than Docker 20.10 by itself. With an
/// unknown version (`""`) the calls of Docker 20.10 are allowed. Podman's is not looked at.
pub fn profile(flavor: Flavor, version: &str) -> Vec<u8> {
    let profile = match flavor {
        Flavor::Docker => table::docker(version),
        Flavor::Podman => of_host(&PODMAN_PROFILES.map(Path::new)).unwrap_or_else(table::podman),
    };
    profile.to_json()
}

/// Writes the profile into `directory`, unless it is there, and gives its path. The file's name holds the hash of its
/// content, so that a profile that a container of an earlier version needs is not replaced.
///
/// The engine's command line reads it as the user who runs it, so nobody else needs access.
///
/// # Errors
/// When the file cannot be written.
pub fn file_in(directory: &Path, flavor: Flavor, version: &str) -> io::Result<PathBuf> {
    let json = profile(flavor, version);
    let path = directory.join(format!("seccomp-{}.json", hex(&Sha256::digest(&json)[..8])));
    // Not only whether it is there: what it says counts.
    if fs::read(&path).is_ok_and(|found| found == json) {
        return Ok(path);
    }
    fs::create_dir_all(directory)?;
    write_atomically(&path, &json)?;
    Ok(path)
}

/// The first of these files, with our changes.
fn of_host(paths: &[&Path]) -> Option<Profile> {
    let path = paths.iter().find(|path| path.exists())?;
    match host::read(path) {
        Ok(profile) => Some(domains::close(profile)),
        Err(error) => {
            crate::say!(
                "the seccomp profile of this host is not used, but buoy's own: {}",
                boinc::error_chain::chain(&error)
            );
            None
        }
    }
}

#[cfg(test)]
mod tests;
