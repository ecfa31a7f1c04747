//! The wire to the client: its wishes as events, our figures as messages.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::lifecycle::{Event, Network};
use crate::platform::ClientProcess;
use boinc::wire::channel::{AppEnd, ChannelName};
use boinc::wire::init_data::InitData;
use boinc::wire::message::{AppStatus, Control, GraphicsReply};
use boinc::wire::segment::SegmentError;

/// Without a process to look at, a client that sent no heartbeat for this long is gone (BOINC: api/boinc_api.h,
/// `HEARTBEAT_GIVEUP_SECS`).
const HEARTBEAT_PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AT_CLIENT_EVERY: Duration = Duration::from_secs(1);

/// The client of this slot. Without shared memory (a run by hand) it never says anything.
#[derive(Debug)]
pub struct ClientLink {
    end: Option<AppEnd>,
    client: Option<ClientProcess>,
    last_heartbeat: Instant,
    last_look: Instant,
    sporadic_ca: Option<i32>,
    network: Network,
    graphics: Option<GraphicsReply>,
}

impl ClientLink {
    /// Attaches the channels.
    ///
    /// # Errors
    /// When init_data.xml names shared memory that can't be attached.
    pub fn attach(slot: &Path, init_data: &InitData) -> Result<Self, SegmentError> {
        let end = init_data.shm_key.map(|key| AppEnd::attach(slot, key)).transpose()?;
        let now = Instant::now();
        let network = if end.is_some() { Network::Unknown } else { Network::Allowed };
        Ok(Self {
            end,
            client: init_data.client_pid.map(|pid| ClientProcess::open(pid.try_into().unwrap_or(0))),
            last_heartbeat: now,
            last_look: now,
            sporadic_ca: None,
            network,
            graphics: None,
        })
    }

    /// What the client said since the last call, and whether it is still there.
    pub fn poll(&mut self, now: Instant) -> Vec<Event> {
        let mut events = Vec::new();
        let Some(end) = &self.end else { return events };
        for control in end.take_control() {
            match control {
                Control::Quit => events.push(Event::Quit),
                Control::Abort => events.push(Event::Abort),
                Control::Suspend => events.push(Event::Suspend),
                Control::Resume => events.push(Event::Resume),
                // What it would tell (preferences, proxy) counts from the container's next creation.
                Control::RereadAppInfo => {}
            }
        }
        if let Some(heartbeat) = end.take_heartbeat() {
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
            && !end.send_graphics(&reply).unwrap_or(true)
        {
            self.graphics = Some(reply);
        }
        if now.duration_since(self.last_look) >= LOOK_AT_CLIENT_EVERY {
            self.last_look = now;
            let gone = match &self.client {
                Some(client) => !client.is_there(),
                None => now.duration_since(self.last_heartbeat) > HEARTBEAT_PATIENCE,
            };
            if gone {
                crate::say!("the client is gone");
                events.push(Event::Quit);
            }
        }
        events
    }

    /// Whether the client has asked for something that [`poll`](Self::poll) would give: a look at one byte.
    pub fn has_request(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.channel(ChannelName::ProcessControlRequest).is_full())
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

    /// Reports; a report that the client has not read yet stays, and this one is dropped: the next is newer.
    pub fn report(&self, status: &AppStatus) {
        if let Some(end) = &self.end {
            // Our own text is short and without NUL, the only errors there are.
            let _ = end.send_status(status);
        }
    }

    /// The last report: it replaces an unread one, for the client reads the channel once more after our exit (BOINC:
    /// client/app_control.cpp, `handle_exited_app`).
    pub fn report_finally(&self, status: &AppStatus) {
        if let Some(end) = &self.end {
            let _ = end.channel(ChannelName::AppStatus).put_over(&status.render());
        }
    }
}
