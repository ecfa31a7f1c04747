//! Who a container runs as, so that the client's user can use the files that it makes.

use std::path::Path;

use boinc::platform::{User, entry_at, user};

use super::cli::CliEngine;
use super::error::EngineError;
use super::flavor::Flavor;
use super::info::{EngineInfo, Users};
use super::transport::Transport;
use crate::platform::selinux_is_enforced;

/// Who a container runs as, and who that is on this host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerUser {
    /// The value of `--user`: numbers in the container's own user namespace.
    pub ids: String,
    /// It is to have no user namespace but the engine's own (`--userns=host`).
    pub host_user_namespace: bool,
    /// The user of this host who has to own what the container writes to, if that is not the user of this process.
    pub owner: Option<User>,
    /// SELinux lets it use only files that are labelled for containers.
    pub relabel: bool,
}

impl ContainerUser {
    /// Whether it can read a file of this host that this process's user can read.
    pub fn can_read(&self, path: &Path) -> bool {
        let by_others = || entry_at(path).is_ok_and(|entry| entry.mode & 0o004 != 0);
        !self.relabel && (self.owner.is_none() || by_others())
    }
}

/// No container of this engine can use the files of this process's user.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The engine does not answer.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The daemon maps users, and this process may not give files away.
    #[error(
        "failed to map user {uid} into a container: the Docker daemon remaps users (userns-remap); set \
         host_user_namespace = true in buoy-volunteer.toml, run the BOINC client as root, or use Podman"
    )]
    Remapped {
        /// The user of this process.
        uid: u32,
    },
    /// The daemon maps users, and does not tell to whom.
    #[error(
        "failed to map root into a container: the Docker daemon remaps users (userns-remap) and does not report to whom; \
         set host_user_namespace = true in buoy-volunteer.toml"
    )]
    UnknownMapping,
    /// The daemon of an ordinary user cannot reach root's files.
    #[error(
        "failed to use rootless Docker as root: it belongs to another user, who cannot reach root's files; run the BOINC \
         client as that user, or start a Docker daemon of root's"
    )]
    NotOurs,
}

impl<T: Transport> CliEngine<T> {
    /// Who a container has to run as. `host_user_namespace`: the volunteer allows `--userns=host`. `job_user`: who that is
    /// in place of this process's user, which has to be root then.
    ///
    /// # Errors
    /// When no user of a container can be given the files of this process's user.
    pub fn container_user(
        &self,
        host_user_namespace: bool,
        job_user: Option<User>,
    ) -> Result<ContainerUser, UserError> {
        let own = user();
        let EngineInfo { users, selinux, .. } = self.info()?;
        // Podman labels its containers wherever the kernel heeds labels, Docker's daemon if it is told to.
        let relabel = (selinux || self.flavor() == Flavor::Podman) && selinux_is_enforced();
        let is_rootless_podman = self.flavor() == Flavor::Podman && users == Users::Rootless;
        if is_rootless_podman {
            // By itself Podman would heed `userns` of containers.conf, which may map root to a subordinate id.
            return Ok(ContainerUser { ids: "0:0".into(), host_user_namespace: true, owner: None, relabel });
        }
        Ok(ContainerUser { relabel, ..choose(users, own, job_user, host_user_namespace)? })
    }

    /// Gives files of this user's subordinate ids back to the user, with all else in `directory`; only Podman has them.
    ///
    /// # Errors
    /// When they stay as they are.
    pub fn take_back(&self, directory: &Path) -> Result<(), EngineError> {
        if !self.flavor().has_user_namespace(user()) || self.is_remote() {
            return Ok(());
        }
        self.run(&self.verbs.take_back(directory)).map(drop)
    }
}

fn choose(
    users: Users,
    own: User,
    job_user: Option<User>,
    host_user_namespace: bool,
) -> Result<ContainerUser, UserError> {
    let same = |host_user_namespace| {
        let User { uid, gid } = job_user.unwrap_or(own);
        ContainerUser {
            ids: format!("{uid}:{gid}"),
            host_user_namespace,
            owner: job_user,
            ..ContainerUser::default()
        }
    };
    let root_is = match users {
        Users::Same => return Ok(same(false)),
        Users::Remapped(_) if host_user_namespace => return Ok(same(true)),
        Users::Rootless if own.is_root() => return Err(UserError::NotOurs),
        Users::Rootless => own,
        Users::Remapped(Some(root)) => root,
        Users::Remapped(None) => return Err(UserError::UnknownMapping),
    };
    if root_is.uid != own.uid && !own.is_root() {
        return Err(UserError::Remapped { uid: own.uid });
    }
    let owner = (root_is.uid != own.uid).then_some(root_is);
    Ok(ContainerUser { ids: "0:0".into(), owner, ..ContainerUser::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: User = User { uid: 0, gid: 0 };
    const BOINC: User = User { uid: 120, gid: 130 };
    const MAPPED: User = User { uid: 100_000, gid: 100_000 };

    fn ids(users: Users, own: User, allowed: bool) -> Result<(String, bool, Option<User>), String> {
        choose(users, own, None, allowed)
            .map(|user| (user.ids, user.host_user_namespace, user.owner))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_are_the_same_where_nothing_is_mapped() {
        assert_eq!(ids(Users::Same, BOINC, true), Ok(("120:130".into(), false, None)));
        assert_eq!(ids(Users::Same, ROOT, false), Ok(("0:0".into(), false, None)));
    }

    #[test]
    fn a_job_of_an_agent_is_not_the_root_of_its_system() {
        let job_user = User { uid: 1_000, gid: 1_001 };
        for (users, owner) in [(Users::Same, job_user), (Users::Remapped(Some(MAPPED)), MAPPED)] {
            let user = choose(users, ROOT, Some(job_user), false).unwrap();
            assert_eq!(user.owner, Some(owner));
        }
        assert_eq!(choose(Users::Same, ROOT, Some(job_user), false).unwrap().ids, "1000:1001");
    }

    #[test]
    fn a_file_that_the_container_may_not_read_is_known_before() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut user = ContainerUser { owner: Some(MAPPED), ..ContainerUser::default() };
        for (mode, readable) in [(0o644, true), (0o640, false)] {
            boinc::platform::set_mode(file.path(), mode).unwrap();
            assert_eq!(user.can_read(file.path()), readable, "{mode:o}");
        }
        user.owner = None;
        assert!(user.can_read(file.path()));
        user.relabel = true;
        assert!(!user.can_read(file.path()), "a file of the project must not be relabelled");
    }

    #[test]
    fn root_of_a_rootless_engine_is_its_user() {
        assert_eq!(ids(Users::Rootless, BOINC, false), Ok(("0:0".into(), false, None)));
        assert!(ids(Users::Rootless, ROOT, true).unwrap_err().contains("rootless Docker as root"));
    }

    #[test]
    fn a_mapped_user_gets_the_files_or_the_volunteer_allows_the_hosts_namespace() {
        let remapped = Users::Remapped(Some(MAPPED));
        assert_eq!(ids(remapped, ROOT, false), Ok(("0:0".into(), false, Some(MAPPED))));
        assert_eq!(ids(remapped, MAPPED, false), Ok(("0:0".into(), false, None)));
        assert_eq!(ids(remapped, BOINC, true), Ok(("120:130".into(), true, None)));
        let why = ids(remapped, BOINC, false).unwrap_err();
        assert!(why.contains("user 120") && why.contains("host_user_namespace = true"), "{why}");
        assert!(ids(Users::Remapped(None), ROOT, false).is_err());
    }
}
