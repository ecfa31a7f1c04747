//! Which engine this host has.

use std::env;
use std::path::{Path, PathBuf};

use super::flavor::Flavor;

/// Where the engines' programs are looked for besides PATH: a client started by an init system may have a short one.
const USUAL_PLACES: [&str; 5] = ["/usr/bin", "/usr/local/bin", "/bin", "/opt/homebrew/bin", "/snap/bin"];

/// The program's path, if it is installed.
pub fn program_of(flavor: Flavor) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(USUAL_PLACES.iter().map(PathBuf::from))
        .map(|directory| directory.join(flavor.program_name()))
        .find(|program| is_executable(program))
}

fn is_executable(program: &Path) -> bool {
    program.is_file() && rustix::fs::access(program, rustix::fs::Access::EXEC_OK).is_ok()
}

/// The engines to try, best first: what the client says first (it has tried it), then Docker, then Podman.
pub fn find(told: Option<Flavor>) -> Vec<(Flavor, PathBuf)> {
    let mut flavors = vec![Flavor::Docker, Flavor::Podman];
    if let Some(told) = told {
        flavors.sort_by_key(|&flavor| flavor != told);
    }
    flavors.into_iter().filter_map(|flavor| Some((flavor, program_of(flavor)?))).collect()
}
