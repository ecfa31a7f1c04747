//! What is known of the job at one moment.

use std::time::Duration;

use super::action::Call;
use super::ending::{Ending, Failure};
use super::event::ContainerState;
use super::network::{Network, NetworkFailures};

/// A client sends a heartbeat each second.
const FIRST_HEARTBEAT_WITHIN: Duration = Duration::from_secs(5);

/// What the client wants. Leaving and aborting are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Run it.
    Run,
    /// Keep it, but use no processor.
    Suspend,
    /// Freeze it and leave; the client starts us again later.
    Quit,
    /// Throw it away.
    Abort,
}

/// What remains to be done once the job's end is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CleanupStep {
    /// The engine has yet to notice the end, which the kernel told us; before that its log may lack the last lines.
    Await,
    Logs,
    Remove,
}

/// The job.
#[derive(Clone, Debug)]
pub struct Job {
    pub(super) wanted: Wanted,
    pub(super) probed: bool,
    pub(super) seen: ContainerState,
    /// The engine said so; until then it is believed to be there, which is so for all jobs of an app but the first.
    pub(super) image_is_missing: bool,
    pub(super) images_lost: u32,
    pub(super) in_flight: Option<Call>,
    pub(super) cancelling: bool,
    /// The call in flight was told to hold.
    pub(super) holding: bool,
    pub(super) now: Duration,
    /// No call before this moment, after a failure.
    pub(super) not_before: Duration,
    pub(super) quit_since: Option<Duration>,
    /// When the engine stopped answering.
    pub(super) away_since: Option<Duration>,
    pub(super) engine_answered: bool,
    pub(super) transient_failures: u32,
    pub(super) conflicts: u32,
    pub(super) recreated: u32,
    /// This life has seen a container, or made one.
    pub(super) had_container: bool,
    pub(super) restarted: u32,
    pub(super) out_of_memory: bool,
    /// The end is known from the kernel, and perhaps not yet to the engine.
    pub(super) ahead_of_engine: bool,
    pub(super) pending_failure: Option<Failure>,
    /// Why this host cannot run it any further.
    pub(super) host_cannot: Option<String>,
    pub(super) ending: Option<(Ending, CleanupStep)>,
    pub(super) over: bool,
    pub(super) host_attempts: u32,
    /// Its deadline has passed.
    pub(super) is_overdue: bool,
    pub(super) network: Network,
    pub(super) network_failures: NetworkFailures,
    pub(super) image_needs_network: bool,
    /// The container has a network.
    pub(super) has_network: bool,
}

impl Job {
    /// A job of which nothing is known. `host_attempts` is how often earlier lives of the wrapper in this slot
    /// gave up because the host could not run it.
    pub fn new(host_attempts: u32) -> Self {
        Self {
            wanted: Wanted::Run,
            probed: false,
            seen: ContainerState::Unknown,
            image_is_missing: false,
            images_lost: 0,
            in_flight: None,
            cancelling: false,
            holding: false,
            now: Duration::ZERO,
            not_before: Duration::ZERO,
            quit_since: None,
            away_since: None,
            engine_answered: false,
            transient_failures: 0,
            conflicts: 0,
            recreated: 0,
            had_container: false,
            restarted: 0,
            out_of_memory: false,
            ahead_of_engine: false,
            pending_failure: None,
            host_cannot: None,
            ending: None,
            over: false,
            host_attempts,
            is_overdue: false,
            network: Network::Allowed,
            network_failures: NetworkFailures::default(),
            image_needs_network: false,
            has_network: false,
        }
    }

    /// With whether its deadline has passed.
    pub fn overdue(self, is_overdue: bool) -> Self {
        Self { is_overdue, ..self }
    }

    /// With what is known of the network: the client's word at this moment, the failures of earlier lives, and whether the
    /// container has a network.
    pub fn with_network(
        self,
        network: Network,
        network_failures: NetworkFailures,
        has_network: bool,
    ) -> Self {
        Self { network, network_failures, has_network, ..self }
    }

    /// Whether it waits for the client to allow the network.
    pub fn waits_for_network(&self) -> bool {
        let needs = match (&self.seen, self.in_flight) {
            (_, Some(Call::MakeImage)) => self.image_needs_network,
            (_, Some(_)) => false,
            (ContainerState::Absent, _) if self.image_is_missing => self.image_needs_network,
            (ContainerState::Absent | ContainerState::Unknown | ContainerState::Ended, _) => false,
            (ContainerState::Exited(_), _) => false,
            (_, None) => self.has_network,
        };
        needs && self.wanted == Wanted::Run && self.ending.is_none() && self.network_is_closed()
    }

    /// Whether nothing may use the network now.
    pub(super) fn network_is_closed(&self) -> bool {
        match self.network {
            Network::Allowed => false,
            Network::Suspended => true,
            Network::Unknown => self.now < FIRST_HEARTBEAT_WITHIN,
        }
    }

    /// A job in a slot where no life of the wrapper has been before: there is no container to look for. (Should there be one
    /// after all, its name is found taken.)
    pub fn fresh() -> Self {
        Self { seen: ContainerState::Absent, ..Self::new(0) }
    }

    /// A job that an earlier life of the wrapper finished, but perhaps without cleaning up.
    pub fn finished_before(ending: Ending) -> Self {
        Self { ending: Some((ending, CleanupStep::Remove)), ..Self::new(0) }
    }
}
