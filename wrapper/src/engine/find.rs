//! Which engine this host has.

use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;

use super::flavor::Flavor;
use boinc::platform::is_executable;

/// Where the engines' programs are looked for besides PATH: a client started by an init system may have a short one.
/// The one below /opt/podman is that of Podman's installer for macOS.
const USUAL_PLACES: [&str; 6] =
    ["/usr/bin", "/usr/local/bin", "/bin", "/opt/podman/bin", "/opt/homebrew/bin", "/snap/bin"];

/// The program's absolute path, if it is installed.
pub fn program_of(flavor: Flavor) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    directories(&path)
        .map(|directory| directory.join(flavor.program_name()))
        .find(|program| program.is_file() && is_executable(program))
}

/// The directories to look in. Relative ones are left out: they begin at the slot, where a submitter's files are. Links in the
/// result are kept, because a program may go by the name it is called by (snap).
fn directories(path: &OsStr) -> impl Iterator<Item = PathBuf> {
    env::split_paths(path)
        .chain(USUAL_PLACES.iter().map(PathBuf::from))
        .filter(|directory| directory.is_absolute())
}

/// The engines to try, best first: what the client says first (it has tried it), then Docker, then Podman.
pub fn find(told: Option<Flavor>) -> Vec<(Flavor, PathBuf)> {
    let mut flavors = vec![Flavor::Docker, Flavor::Podman];
    if let Some(told) = told {
        flavors.sort_by_key(|&flavor| flavor != told);
    }
    flavors.into_iter().filter_map(|flavor| Some((flavor, program_of(flavor)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_directories_are_not_looked_in() {
        let path = OsStr::new(".:bin::/opt/engine:../../projects/example.org");
        let found: Vec<PathBuf> = directories(path).collect();
        let expected = ["/opt/engine"].iter().chain(&USUAL_PLACES).map(PathBuf::from);
        assert_eq!(found, expected.collect::<Vec<_>>());
    }
}
