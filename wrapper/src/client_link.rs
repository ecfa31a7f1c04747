//! The wire to the client: its wishes as events, our figures as messages.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::inbox::Inbox;
use crate::lifecycle::{Event, Network};
use crate::outbox::Outbox;
use crate::peer::Peer;
use crate::platform::ClientProcess;
use crate::waker::Waker;
use boinc::frames::FromAgent;
use boinc::wire::channel::{AppEnd, ChannelName};
use boinc::wire::init_data::InitData;
use boinc::wire::message::{AppStatus, Control, GraphicsReply};
use boinc::wire::segment::SegmentError;

/// Without a process to look at, a client that sent no heartbeat for this long is gone (BOINC: api/boinc_api.h,
/// `HEARTBEAT_GIVEUP_SECS`).
const HEARTBEAT_PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AT_CLIENT_EVERY: Duration = Duration::from_secs(1);

/// The client of this slot.
#[derive(Debug)]
pub struct ClientLink {
    wire: Wire,
    last_heartbeat: Instant,
    last_look: Instant,
    sporadic_ca: Option<i32>,
    network: Network,
    graphics: Option<GraphicsReply>,
}

#[derive(Debug)]
enum Wire {
    /// No shared memory, as in a run by hand: the client never says anything.
    None,
    Channels {
        end: AppEnd,
        client: Option<ClientProcess>,
    },
    Front {
        inbox: Inbox,
        outbox: Outbox,
    },
}

impl ClientLink {
    /// Attaches the channels, or takes the frames.
    ///
    /// # Errors
    /// When init_data.xml names shared memory that can't be attached.
    pub fn attach(slot: &Path, init_data: &InitData, peer: &Peer) -> Result<Self, SegmentError> {
        let wire = match peer {
            Peer::Client => match init_data.shm_key {
                Some(key) => Wire::Channels {
                    end: AppEnd::attach(slot, key)?,
                    client: init_data.client_pid.map(|pid| ClientProcess::open(pid.try_into().unwrap_or(0))),
                },
                None => Wire::None,
            },
            Peer::Front { inbox, outbox } => Wire::Front { inbox: inbox.clone(), outbox: outbox.clone() },
        };
        let now = Instant::now();
        Ok(Self {
            network: if matches!(wire, Wire::None) { Network::Allowed } else { Network::Unknown },
            wire,
            last_heartbeat: now,
            last_look: now,
            sporadic_ca: None,
            graphics: None,
        })
    }

    /// Whether what the client says wakes the loop, so that there is no need to look.
    pub fn wakes(&self) -> bool {
        matches!(self.wire, Wire::Front { .. })
    }

    /// Has `waker` woken when the client has said something, if that is possible.
    pub fn wake(&self, waker: &Waker) {
        if let Wire::Front { inbox, .. } = &self.wire {
            inbox.wake(waker.clone());
        }
    }

    /// What the client said since the last call, and whether it is still there.
    pub fn poll(&mut self, now: Instant) -> Vec<Event> {
        let (requests, heartbeat) = match &self.wire {
            Wire::None => return Vec::new(),
            Wire::Channels { end, .. } => (end.take_control(), end.take_heartbeat()),
            Wire::Front { inbox, .. } => (inbox.take_requests(), inbox.take_heartbeat()),
        };
        let mut events: Vec<Event> = requests.into_iter().filter_map(event).collect();
        if let Some(heartbeat) = heartbeat {
            if heartbeat.alive {
                self.last_heartbeat = now;
            }
            self.sporadic_ca = heartbeat.sporadic_ca.or(self.sporadic_ca);
            let network = if heartbeat.network_suspended { Network::Suspended } else { Network::Allowed };
            if network != self.network {
                self.network = network;
                events.push(Event::Network(network));
            }
        }
        if let Some(reply) = self.graphics.take()
            && !self.send_graphics(&reply)
        {
            self.graphics = Some(reply);
        }
        if self.wakes() || now.duration_since(self.last_look) >= LOOK_AT_CLIENT_EVERY {
            self.last_look = now;
            if let Some(who) = self.gone(now) {
                crate::say!("{who}");
                events.push(Event::Quit);
            }
        }
        events
    }

    /// Why nobody is there any more; `None` while somebody is.
    fn gone(&self, now: Instant) -> Option<String> {
        let is_gone = match &self.wire {
            Wire::None => false,
            Wire::Channels { client: Some(client), .. } => !client.is_there(),
            Wire::Channels { client: None, .. } => {
                now.duration_since(self.last_heartbeat) > HEARTBEAT_PATIENCE
            }
            Wire::Front { inbox, .. } => return inbox.gone(now),
        };
        is_gone.then(|| "the client is gone".to_owned())
    }

    /// Whether the client has asked for something that [`poll`](Self::poll) would give: a look at one byte.
    pub fn has_request(&self) -> bool {
        match &self.wire {
            Wire::None => false,
            Wire::Channels { end, .. } => end.channel(ChannelName::ProcessControlRequest).is_full(),
            Wire::Front { inbox, .. } => inbox.has_request(),
        }
    }

    /// What the client has said about its network so far.
    pub fn network(&self) -> Network {
        self.network
    }

    /// The client's state of a sporadic app, as it last told.
    pub fn sporadic_ca(&self) -> Option<i32> {
        self.sporadic_ca
    }

    /// Tells the client where the job's graphics are, as soon as it listens.
    pub fn announce_graphics(&mut self, reply: GraphicsReply) {
        self.graphics = Some(reply);
    }

    /// Whether the reply is on its way.
    fn send_graphics(&self, reply: &GraphicsReply) -> bool {
        match &self.wire {
            Wire::None => true,
            Wire::Channels { end, .. } => end.send_graphics(reply).unwrap_or(true),
            Wire::Front { outbox, .. } => {
                outbox.send(&FromAgent::Graphics(reply.render()));
                true
            }
        }
    }

    /// Reports; a report that the client has not read yet stays, and this one is dropped: the next is newer.
    pub fn report(&self, status: &AppStatus) {
        match &self.wire {
            Wire::None => {}
            // Our own text is short and without NUL, the only errors there are.
            Wire::Channels { end, .. } => drop(end.send_status(status)),
            Wire::Front { outbox, .. } => outbox.send(&FromAgent::Status(status.render())),
        }
    }

    /// The last report: it replaces an unread one, for the client reads the channel once more after our exit (BOINC:
    /// client/app_control.cpp, `handle_exited_app`). A front does so with the last report that it got.
    pub fn report_finally(&self, status: &AppStatus) {
        match &self.wire {
            Wire::Channels { end, .. } => {
                drop(end.channel(ChannelName::AppStatus).put_over(&status.render()))
            }
            Wire::None | Wire::Front { .. } => self.report(status),
        }
    }
}

fn event(request: Control) -> Option<Event> {
    match request {
        Control::Quit => Some(Event::Quit),
        Control::Abort => Some(Event::Abort),
        Control::Suspend => Some(Event::Suspend),
        Control::Resume => Some(Event::Resume),
        // What it would tell (preferences, proxy) counts from the container's next creation.
        Control::RereadAppInfo => None,
    }
}
