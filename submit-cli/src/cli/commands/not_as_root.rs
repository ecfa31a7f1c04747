//! Commands that change the shims' files or run a project's scripts refuse to do it as root in another user's project.

use std::path::Path;

use anyhow::{Context, anyhow};
use boinc::platform::{entry_at, user};
use boinc::shell;

use crate::admin::routes::ProjectPaths;
use crate::admin::server_host::account_name;
use crate::cli::exit::Exit;
use crate::cli::render;

/// Refuses root if the project, its directory for the shims or `kept` in it belongs to another user: the daemons could not
/// change files that root leaves there, and a project's scripts are not run as root.
///
/// `None` if this user may continue: then the working directory is the one for the shims from here on.
///
/// # Errors
/// This user may not enter that directory.
pub(super) fn refuse_root(kept: &Path, paths: &ProjectPaths) -> anyhow::Result<Option<Exit>> {
    if user().uid == 0 {
        let owned = [&paths.project, &paths.directory, kept]
            .into_iter()
            .find_map(|path| entry_at(path).ok().map(|entry| (path, entry.uid)).filter(|&(_, uid)| uid != 0));
        if let Some((path, uid)) = owned {
            let owner = account_name(uid).unwrap_or_else(|| uid.to_string());
            let exit = render::refusal(&anyhow!(
                "{} belongs to {owner}: as root, nothing is run or changed there",
                path.display()
            ));
            render::help(&format!("run {}", as_owner(uid)));
            return Ok(Some(exit));
        }
    }
    // Podman returns to the directory where it was started, and fails if its user may not enter it. Not earlier: up to here,
    // paths of the command line start where they were typed.
    let directory = &paths.directory;
    std::env::set_current_dir(directory)
        .with_context(|| format!("failed to enter {}", directory.display()))?;
    Ok(None)
}

/// This command line, to be typed by root, as another user.
fn as_owner(uid: u32) -> String {
    // sudo also takes numbers, which accounts outside /etc/passwd have, too.
    let owner = account_name(uid).unwrap_or_else(|| format!("#{uid}"));
    let typed = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    let words = ["sudo", "-u", &owner, "buoy"].map(str::to_owned).into_iter().chain(typed);
    shell::join(words)
}
