//! Commands that change what the shims keep, or run a project's scripts: they do it as its owner, also for root.

use std::path::Path;

use anyhow::{Context, anyhow};

use crate::admin::routes::Place;
use crate::exit::Exit;
use crate::render;

/// For root, runs this very command line again as the owner of `kept`, which is in a project's directory for the shims (that
/// directory counts if it is not there): what root would leave there the daemons could not change, and a project's scripts
/// are not run as root. It has the owner's groups and home, as the daemons have, so that it can use an engine if they can.
///
/// `None` if there is no need: then the working directory is the one for the shims from here on.
///
/// # Errors
/// The owner can't run this program; nobody who goes on here may enter that directory.
pub(super) fn run_as_owner_of(kept: &Path, place: &Place) -> anyhow::Result<Option<Exit>> {
    if let Some(exit) = elsewhere(kept, place)? {
        return Ok(Some(exit));
    }
    // Podman goes back to where it was started, and fails where its user may not be, as in root's home. Not earlier: up to
    // here, paths of the command line start where they were typed.
    let directory = &place.directory;
    std::env::set_current_dir(directory)
        .with_context(|| format!("{}: cannot be made the working directory", directory.display()))?;
    Ok(None)
}

/// How it ended as another user, or was refused; `None` if it is to be done as this one.
#[cfg(target_os = "linux")]
fn elsewhere(kept: &Path, place: &Place) -> anyhow::Result<Option<Exit>> {
    use std::os::unix::fs::MetadataExt;

    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let (kept, owner) = match kept.metadata() {
        Ok(metadata) => (kept, metadata),
        Err(_) => (place.directory.as_path(), place.directory.metadata()?),
    };
    if owner.uid() == 0 {
        // Of a project that is all root's, nobody else can be the owner.
        let admin = place.project.metadata()?;
        return Ok((admin.uid() != 0).then(|| {
            let (kept, directory) = (kept.display(), place.directory.display());
            let admin = linux::Account::of(admin.uid(), admin.gid()).name();
            render::refusal(&anyhow!(
                "{kept} belongs to root, and its project to {admin}: nothing is run or changed there as root; \
                 chown -R {admin} {directory}"
            ))
        }));
    }
    let program = std::env::current_exe()?;
    let ended = linux::Account::of(owner.uid(), owner.gid()).run(&program, &place.project);
    let ended = ended.with_context(|| {
        let (program, kept, uid) = (program.display(), kept.display(), owner.uid());
        format!("{kept} belongs to user {uid}, who cannot run {program}: put it where that user can, or run as that user")
    })?;
    Ok(Some(match ended.status.code() {
        Some(0) => Exit::Done,
        Some(1) => Exit::Findings,
        Some(2) => Exit::BadInput,
        Some(3) => Exit::HostCannot,
        Some(130) => Exit::Interrupted,
        None if ended.interrupted => Exit::Interrupted,
        _ => Exit::Internal,
    }))
}

/// BOINC's server runs on Linux.
#[cfg(not(target_os = "linux"))]
fn elsewhere(_: &Path, _: &Place) -> anyhow::Result<Option<Exit>> {
    Ok(None)
}

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::OsString;
    use std::io;
    use std::os::unix::process::CommandExt;
    use std::path::Path;
    use std::process::{Child, Command, ExitStatus};

    use rustix::fs::{Gid, Uid};
    use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
    use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    use crate::clock::STOPPING;

    /// Who a directory belongs to.
    pub(super) struct Account {
        uid: Uid,
        gid: Gid,
        groups: Vec<Gid>,
        /// Name and home, if the system knows the user.
        person: Option<(String, String)>,
    }

    /// How a program ended.
    pub(super) struct Ended {
        pub(super) status: ExitStatus,
        /// It was asked to stop.
        pub(super) interrupted: bool,
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

        /// The user's name, or number if there is none.
        pub(super) fn name(&self) -> String {
            self.person.as_ref().map_or_else(|| self.uid.to_string(), |(name, _)| name.clone())
        }

        /// Runs a program as this user, with our arguments and a project's whole path, and passes on to it what asks us to
        /// stop; a second time, both end at once.
        pub(super) fn run(&self, program: &Path, project: &Path) -> io::Result<Ended> {
            // Before it starts, so that nothing falls in between.
            let mut signals = Signals::new(STOPPING)?;
            let caught = signals.handle();
            let mut child = self.spawn(program, project)?;
            let pid = Pid::from_child(&child);
            std::thread::scope(|scope| {
                let passing = scope.spawn(move || {
                    let mut interrupted = false;
                    for signal in signals.forever() {
                        let passed_on = Signal::from_named_raw(signal).filter(|_| !interrupted);
                        // It may have ended by itself.
                        let _ = kill_process(pid, passed_on.unwrap_or(Signal::KILL));
                        if interrupted {
                            let _ = emulate_default_handler(signal);
                        }
                        interrupted = true;
                    }
                    interrupted
                });
                // Its number is its own until it is waited for, after the last signal.
                let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
                let over = rustix::io::retry_on_intr(|| waitid(WaitId::Pid(pid), options));
                caught.close();
                let interrupted = passing.join().unwrap_or(true);
                over?;
                Ok(Ended { status: child.wait()?, interrupted })
            })
        }

        fn spawn(&self, program: &Path, project: &Path) -> io::Result<Child> {
            let mut command = Command::new(program);
            command.args(with_project(std::env::args_os().skip(1).collect(), project));
            // A terminal's signal is for all processes of a group: it would get each twice, from there and from us.
            command.process_group(0);
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

    /// Arguments that name this project: the user may not be able to look from root's working directory.
    fn with_project(mut arguments: Vec<OsString>, project: &Path) -> Vec<OsString> {
        // The last one counts; after `--` it would be a name.
        let end = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
        arguments.splice(end..end, ["--project".into(), project.into()]);
        arguments
    }

    /// What a command prints; nothing if it fails.
    fn said(command: &mut Command) -> String {
        let output = command.stderr(std::process::Stdio::null()).output();
        let output = output.ok().filter(|output| output.status.success());
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
    }
}
