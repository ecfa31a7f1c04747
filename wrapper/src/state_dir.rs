//! The wrapper's own directory, where no file of a workunit can be.
//!
//! A workunit's file can have any name in the slot and any physical name in the project directory. But a physical name
//! matches `^[\w\-. ]+$` (BOINC: py/Boinc, html/inc), so none can be, or be below, a name that contains `+`.

use std::io;
use std::path::{Path, PathBuf};

use boinc::hex::hex;
use boinc::platform::{Directory, make_private_directory, user};
use sha2::{Digest, Sha256};

/// Set by a program that runs the wrapper for one user (`buoy run`): the directory that all its projects share for
/// images, in place of one for each project. A client cannot set it from a workunit or an app version.
pub const IMAGES_VARIABLE: &str = "BUOY_IMAGES_DIR";

/// The directory cannot be used. This is a fault of the host: nothing of the job is known to be wrong.
#[derive(Debug, thiserror::Error)]
pub enum StateDirError {
    /// init_data.xml names no project directory.
    #[error("init_data.xml names no project directory, where the wrapper keeps its state")]
    NoProject,
    /// It cannot be made or opened.
    #[error("failed to open the state directory {}: remove what is in its place", path.display())]
    Open {
        /// The directory.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It belongs to another user, who could change what is in it.
    #[error(
        "the state directory {} belongs to user {owner}, not to user {user} who runs the BOINC client: remove it",
        path.display()
    )]
    Owner {
        /// The directory.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Who we are.
        user: u32,
    },
}

/// A directory for the wrapper alone: mode 0700, of the user who runs the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDir {
    path: PathBuf,
}

impl StateDir {
    /// Its name in a project directory.
    pub const NAME: &'static str = "buoy+state";

    /// The state directory of a project, made if it is missing.
    ///
    /// # Errors
    /// When there is no project directory, or something else is in the directory's place. There is no other place
    /// to fall back to: one that others can write would be worse than none.
    pub fn of_project(project_dir: &Path) -> Result<Self, StateDirError> {
        if project_dir.as_os_str().is_empty() {
            return Err(StateDirError::NoProject);
        }
        Self::at(project_dir.join(Self::NAME))
    }

    /// The directory for what concerns images: that of the user if [`IMAGES_VARIABLE`] names one, else the project's.
    ///
    /// # Errors
    /// As for [`StateDir::of_project`].
    pub fn for_images(project: &Self) -> Result<Self, StateDirError> {
        match std::env::var_os(IMAGES_VARIABLE).filter(|value| !value.is_empty()) {
            Some(path) => Self::at(path.into()),
            None => Ok(project.clone()),
        }
    }

    /// The directory of an agent for what concerns the Linux system that it runs in: images lie and end with that, and locks
    /// hold within it only. That of the user if [`IMAGES_VARIABLE`] names one.
    ///
    /// # Errors
    /// As for [`StateDir::of_project`].
    pub fn of_system() -> Result<Self, StateDirError> {
        if let Some(path) = std::env::var_os(IMAGES_VARIABLE).filter(|value| !value.is_empty()) {
            return Self::at(path.into());
        }
        let home = std::env::home_dir().map(|home| home.join(".local/state"));
        let base = if user().is_root() { Some("/var/lib".into()) } else { home };
        let base = base.ok_or_else(|| StateDirError::Open {
            path: "~".into(),
            source: io::ErrorKind::NotFound.into(),
        })?;
        let failed = |source| StateDirError::Open { path: base.clone(), source };
        std::fs::create_dir_all(&base).map_err(failed)?;
        Self::at(base.join("buoy"))
    }

    fn at(path: PathBuf) -> Result<Self, StateDirError> {
        let failed = |source: io::Error| StateDirError::Open { path: path.clone(), source };
        make_private_directory(&path).map_err(failed)?;
        let directory = Directory::open(&path).map_err(failed)?;
        let entry = directory.entry().map_err(failed)?;
        let user = user();
        // On a drive of Windows all files belong to one user, also those that root makes. Whoever owns the directory above
        // could put another one in this place anyway.
        let owns_parent = || {
            let parent = path.parent().and_then(|parent| Directory::open(parent).ok()?.entry().ok());
            parent.is_some_and(|parent| parent.uid == entry.uid)
        };
        if entry.uid != user.uid && !(user.is_root() && owns_parent()) {
            return Err(StateDirError::Owner { path, owner: entry.uid, user: user.uid });
        }
        if entry.mode & 0o077 != 0 {
            directory.set_mode(0o700).map_err(failed)?;
        }
        Ok(Self { path })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// A directory in it, made if it is missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn subdirectory(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        make_private_directory(&path).map(|()| path)
    }

    /// Where the state of a result is kept. The name is a hash, since a server may choose a result's name freely.
    pub fn result(&self, result_name: &str) -> PathBuf {
        let digest = Sha256::digest(result_name.as_bytes());
        self.path.join(Self::RESULTS).join(format!("{}.json", hex(&digest[..16])))
    }

    /// The directory of all results' states, by name.
    pub const RESULTS: &'static str = "results";
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn it_is_made_for_its_owner_alone() {
        let project = tempfile::tempdir().unwrap();
        let state = StateDir::of_project(project.path()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(state.path()), 0o700);
        fs::set_permissions(state.path(), fs::Permissions::from_mode(0o777)).unwrap();
        StateDir::of_project(project.path()).unwrap();
        assert_eq!(mode(state.path()), 0o700);
        assert_eq!(mode(&state.subdirectory("locks").unwrap()), 0o700);
    }

    #[test]
    fn nothing_else_is_taken_in_its_place() {
        let project = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let place = project.path().join(StateDir::NAME);
        symlink(elsewhere.path(), &place).unwrap();
        assert!(matches!(StateDir::of_project(project.path()), Err(StateDirError::Open { .. })));
        fs::remove_file(&place).unwrap();
        fs::write(&place, "").unwrap();
        assert!(matches!(StateDir::of_project(project.path()), Err(StateDirError::Open { .. })));
        assert!(matches!(StateDir::of_project(Path::new("")), Err(StateDirError::NoProject)));
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    }

    #[test]
    fn root_takes_a_directory_of_another_user_only_in_a_directory_of_that_user() {
        if !user().is_root() {
            println!("only root gives files away: left out");
            return;
        }
        let give = |path: &Path| std::os::unix::fs::chown(path, Some(1_000), Some(1_000)).unwrap();
        let project = tempfile::tempdir().unwrap();
        let state = StateDir::of_project(project.path()).unwrap();
        give(state.path());
        let error = StateDir::of_project(project.path()).unwrap_err();
        assert!(matches!(error, StateDirError::Owner { owner: 1_000, user: 0, .. }), "{error}");
        give(project.path());
        StateDir::of_project(project.path()).unwrap();
    }

    #[test]
    fn no_name_of_a_file_of_a_project_leads_there() {
        assert!(boinc::wire::slot::check_open_name(StateDir::NAME).is_err());
        let state = StateDir { path: "/p/buoy+state".into() };
        assert_ne!(state.result("a"), state.result("b"));
        assert_eq!(state.result("../../x").parent(), Some(Path::new("/p/buoy+state/results")));
    }
}
