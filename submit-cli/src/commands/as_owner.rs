//! Commands that change what the shims keep, or run a project's scripts: they do it as its owner, also for root.

use std::path::Path;

use crate::exit::Exit;

/// Runs this very command line again as the owner of a directory, for root: what root would leave there the daemons could
/// not change, and a project's scripts are not run as root. It has the owner's groups and home, as the daemons have, so
/// that it can use an engine if they can. `None` if there is no need.
///
/// # Errors
/// The owner can't run this program.
#[cfg(target_os = "linux")]
pub(super) fn run_as_owner_of(directory: &Path) -> anyhow::Result<Option<Exit>> {
    use std::os::unix::fs::MetadataExt;

    use anyhow::Context;

    use crate::clock::{Clock, SystemClock};

    let Ok(owner) = directory.metadata() else { return Ok(None) };
    if !rustix::process::geteuid().is_root() || owner.uid() == 0 {
        return Ok(None);
    }
    let account = linux::Account::of(owner.uid(), owner.gid());
    let program = std::env::current_exe()?;
    // The other process answers to them; the second one ends both.
    let clock = SystemClock::catching_signals()?;
    let ended = account.spawn(&program).and_then(|mut child| child.wait()).with_context(|| {
        let (program, directory, uid) = (program.display(), directory.display(), owner.uid());
        format!("{directory} belongs to user {uid}, who cannot run {program}: put it where that user can, or run as that user")
    })?;
    Ok(Some(match ended.code() {
        Some(0) => Exit::Done,
        Some(1) => Exit::Findings,
        Some(2) => Exit::BadInput,
        Some(3) => Exit::HostCannot,
        Some(130) => Exit::Interrupted,
        None if clock.interrupted() => Exit::Interrupted,
        _ => Exit::Internal,
    }))
}

/// BOINC's server runs on Linux.
#[cfg(not(target_os = "linux"))]
pub(super) fn run_as_owner_of(_: &Path) -> anyhow::Result<Option<Exit>> {
    Ok(None)
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::path::Path;
    use std::process::{Child, Command};

    use rustix::fs::{Gid, Uid};
    use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

    /// Who a directory belongs to.
    pub(super) struct Account {
        uid: Uid,
        gid: Gid,
        groups: Vec<Gid>,
        /// Name and home, if the system knows the user.
        person: Option<(String, String)>,
    }

    impl Account {
        /// What the system knows of a user, by whatever means it knows users; `gid` stands in where it does not.
        pub(super) fn of(uid: u32, gid: u32) -> Self {
            let entry = said(Command::new("getent").args(["passwd", &uid.to_string()]));
            let fields: Vec<&str> = entry.trim_end().split(':').collect();
            let (gid, person) = match fields[..] {
                [name, _, _, main, _, home, _] => {
                    (main.parse().unwrap_or(gid), Some((name.to_owned(), home.to_owned())))
                }
                _ => (gid, None),
            };
            let groups = match &person {
                Some((name, _)) => said(Command::new("id").args(["-G", "--", name])),
                None => String::new(),
            };
            let groups = groups.split_whitespace().filter_map(|group| group.parse().ok());
            let groups: Vec<Gid> = groups.chain([gid]).map(Gid::from_raw).collect();
            Self { uid: Uid::from_raw(uid), gid: Gid::from_raw(gid), groups, person }
        }

        /// Starts a program as this user, with our arguments.
        pub(super) fn spawn(&self, program: &Path) -> io::Result<Child> {
            let mut command = Command::new(program);
            command.args(std::env::args_os().skip(1));
            // What an engine keeps for root is not this user's.
            for variable in ["HOME", "USER", "LOGNAME", "XDG_RUNTIME_DIR"] {
                command.env_remove(variable);
            }
            if let Some((name, home)) = &self.person {
                command.env("HOME", home).env("USER", name).env("LOGNAME", name);
            }
            // To the kernel a user is a thread's, and what that thread starts has it, with all its groups, which
            // Command can't set yet. The other threads stay root, and wait.
            let spawned = std::thread::scope(|scope| {
                let other = scope.spawn(|| {
                    set_thread_groups(&self.groups)?;
                    set_thread_res_gid(self.gid, self.gid, self.gid)?;
                    set_thread_res_uid(self.uid, self.uid, self.uid)?;
                    command.spawn()
                });
                other.join()
            });
            spawned.unwrap_or_else(|_| Err(io::Error::other("the thread that starts it has ended")))
        }
    }

    /// What a command prints; nothing if it fails.
    fn said(command: &mut Command) -> String {
        let output = command.stderr(std::process::Stdio::null()).output();
        let output = output.ok().filter(|output| output.status.success());
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
    }
}
