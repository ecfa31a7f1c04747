//! Who has started this process: the client itself, or a front that talks to the client in its place.

use std::path::Path;

use boinc::frames::{FromAgent, Keep};
use boinc::platform::{User, entry_at, user};
use boinc::wire::finish::{Finish, Message, TemporaryExit};

use crate::engine::Flavor;
use crate::inbox::Inbox;
use crate::lifecycle::Ending;
use crate::outbox::Outbox;

/// Where the client's requests come from, and where reports to it go.
#[derive(Clone, Debug)]
pub enum Peer {
    /// The client: shared memory, and files in the slot.
    Client,
    /// A front: frames in both directions.
    Front {
        /// What it sends.
        inbox: Inbox,
        /// What is sent to it.
        outbox: Outbox,
    },
}

/// Whom the containers of an agent that is root run as, where the slot does not name another user: a user of no account.
const JOB_USER: User = User { uid: 61_900, gid: 61_900 };

/// The longest cause that is passed on, in bytes. A finish file holds less.
const MAX_CAUSE_BYTES: usize = 4_096;

impl Peer {
    /// Whom containers run as in place of root; `None`: as whom the engine's users say.
    ///
    /// A client that is root wants its jobs to be that. But an agent is root only because the engine in its system needs it,
    /// and runs jobs as the user to whom the slot belongs: on a drive of Windows that is the user of the system.
    pub fn job_user(&self, slot: &Path) -> Option<User> {
        if matches!(self, Peer::Client) || !user().is_root() {
            return None;
        }
        let owner = entry_at(slot).ok().filter(|owner| owner.uid != 0 && owner.gid != 0);
        Some(owner.map_or(JOB_USER, |owner| User { uid: owner.uid, gid: owner.gid }))
    }

    /// Tells the client how the task ended, in one line: the rest is in stderr.txt.
    pub fn report(&self, slot: &Path, ending: &Ending) {
        match ending {
            Ending::Success => self.finish(slot, Finish { exit_status: 0, message: None }),
            Ending::Failed(failure) => {
                let message = Some(message(&failure.why, false));
                self.finish(slot, Finish { exit_status: failure.code, message });
            }
            Ending::TryLater { delay, why, .. } => {
                let delay_seconds = u32::try_from(delay.as_secs()).unwrap_or(u32::MAX);
                let later = TemporaryExit { delay_seconds, reason: message(why, true) };
                match self {
                    Peer::Client => match later.write(slot) {
                        Ok(delay) if delay > delay_seconds => {
                            crate::say!("trying again in {delay} s, after so many attempts");
                        }
                        written => say_error(written),
                    },
                    Peer::Front { outbox, .. } => outbox.send(&FromAgent::Later(later)),
                }
            }
            Ending::Quit | Ending::Aborted { .. } => {}
        }
    }

    /// Tells a front for which container its system has to be kept running after a quit, and for how long at most.
    pub fn keep(&self, engine: Flavor, container: &str, seconds: u64) {
        if let Peer::Front { outbox, .. } = self
            && seconds > 0
        {
            let (engine, container) = (engine.program_name().to_owned(), container.to_owned());
            outbox.send(&FromAgent::Keep(Keep { engine, container, seconds }));
        }
    }

    fn finish(&self, slot: &Path, finish: Finish) {
        match self {
            Peer::Client => say_error(finish.write(slot)),
            Peer::Front { outbox, .. } => outbox.send(&FromAgent::Finish(finish)),
        }
    }
}

fn message(text: &str, notice: bool) -> Message {
    let line = text.lines().next().unwrap_or_default();
    Message { text: line[..line.floor_char_boundary(MAX_CAUSE_BYTES)].to_owned(), notice }
}

fn say_error<T>(written: Result<T, boinc::file_error::FileError>) {
    if let Err(error) = written {
        crate::say!("{error}");
    }
}
