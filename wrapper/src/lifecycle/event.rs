//! What can happen to a job.

use std::time::Duration;

use super::action::Call;
use super::network::Network;

/// What was last seen of the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerState {
    /// Nobody looked yet, or the last look is no longer to be trusted.
    Unknown,
    /// The engine has no container of this name.
    Absent,
    /// Created, never started.
    Created,
    /// Running; `pid` is its first process on this host where that can be told.
    Running {
        /// Its first process.
        pid: Option<u32>,
    },
    /// Frozen.
    Paused {
        /// Its first process.
        pid: Option<u32>,
    },
    /// Its first process has ended; the engine has not yet said how.
    Ended,
    /// The job's program ended by itself, or was killed by the kernel.
    Exited(Exited),
    /// Killed by a reboot, a restart of the engine or somebody's `kill`: not the job's own end, so the same
    /// container is started again.
    Killed,
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exited {
    /// Exit status of the container's first process, 0 to 255.
    pub code: i32,
    /// The kernel's or the engine's own word that a process of it was killed for memory.
    pub out_of_memory: bool,
    /// The engine's word on why it could not be started; empty as a rule.
    pub error: String,
}

/// Why a call failed, sorted by what happens next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No container of that name: it is made again.
    #[error("the container is gone")]
    NoContainer,
    /// No image of that name: it is made again.
    #[error("the image is gone")]
    NoImage {
        /// Making it fetches a base image, or runs steps that have a network.
        needs_network: bool,
    },
    /// The container is in another state than believed, or its name is taken: look again.
    #[error("the container is in another state than expected: {0}")]
    Conflict(String),
    /// The engine's daemon does not answer; it may come back.
    #[error("the engine does not answer: {0}")]
    EngineAway(String),
    /// This host can't run it as it is: no engine, no permission, no space.
    #[error("{0}")]
    Host(String),
    /// The job itself is at fault: a build that fails, a refusal, a broken file. Trying again can't help.
    #[error("{0}")]
    Job(String),
    /// Work that needs the network failed, and nothing shows whether the network, what was asked for, or the job is at
    /// fault.
    #[error("{why}")]
    Network {
        /// What failed.
        why: String,
        /// The project's server could be reached right after it.
        online: bool,
    },
    /// Stopped at our own wish.
    #[error("cancelled")]
    Cancelled,
    /// Anything else: tried again a few times.
    #[error("{0}")]
    Transient(String),
}

/// The answer to a [`Call`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The engine answers.
    Probed,
    /// The container as it is now (inspect, start, wait for its exit).
    Container(ContainerState),
    /// Done as asked.
    Done,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Time passed; `now` is monotonic, counted from the wrapper's start.
    Tick {
        /// Since the wrapper's start.
        now: Duration,
    },
    /// The client says suspend.
    Suspend,
    /// The client says resume.
    Resume,
    /// What the client says about its network has changed.
    Network(Network),
    /// The client says quit, is gone, or a termination signal came: stop using the processor and leave.
    Quit,
    /// The client says abort.
    Abort,
    /// The container's first process has ended; `out_of_memory` is the kernel's counter read just then.
    ContainerExited {
        /// The kernel killed a process of it for memory.
        out_of_memory: bool,
        /// The kernel says that it ended with status 0, and so with it all other processes of the container. Else the
        /// engine has to be asked.
        succeeded: bool,
    },
    /// The job went over a limit that the wrapper watches; the text says which.
    LimitExceeded {
        /// The exit status that tells the client.
        code: i32,
        /// Which limit, and by how much.
        why: String,
    },
    /// This host cannot run the job any further, as when its disk is almost full: the container is removed, the work
    /// directory stays, and the job is tried again later.
    HostCannot {
        /// What is missing, for the volunteer.
        why: String,
    },
    /// A call came back.
    Replied {
        /// The call that was in flight.
        call: Call,
        /// What came of it.
        result: Result<Reply, CallError>,
    },
}
