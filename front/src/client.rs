//! The client: its requests and heartbeats, and what it is to learn.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use boinc::frames::Begin;
use boinc::wire::channel::{AppEnd, ChannelName};
use boinc::wire::init_data::InitData;
use boinc::wire::message::{Control, Heartbeat};

use crate::platform::ClientProcess;

/// Without a process to watch, a client that sent no heartbeat for this long is gone (BOINC: api/boinc_api.h,
/// `HEARTBEAT_GIVEUP_SECS`).
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(30);
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The client of this slot. Without shared memory (a run by hand) it never says anything.
#[derive(Debug)]
pub struct Client {
    end: Option<AppEnd>,
    process: Option<ClientProcess>,
    stopped: Arc<AtomicBool>,
    last_heartbeat: Instant,
    last_check: Instant,
    heartbeat: Option<Heartbeat>,
    is_suspended: bool,
    leaving: Option<Leaving>,
    status: Option<String>,
    graphics: Option<String>,
}

/// The request after which nothing else counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaving {
    /// The job is over; else it is started again later.
    pub is_abort: bool,
    /// When it was seen.
    pub since: Instant,
}

/// What an agent has to be told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct News {
    /// Requests, in their order.
    pub requests: Vec<Control>,
    /// The heartbeat, if it says something new.
    pub heartbeat: Option<Heartbeat>,
}

impl Client {
    /// The client behind `end`. `stopped` is set when this process is asked to stop, which is a quit.
    pub fn new(end: Option<AppEnd>, init_data: &InitData, stopped: Arc<AtomicBool>, now: Instant) -> Self {
        let pid = init_data.client_pid.and_then(|pid| u32::try_from(pid).ok());
        Self {
            end,
            process: pid.and_then(ClientProcess::open),
            stopped,
            last_heartbeat: now,
            last_check: now,
            heartbeat: None,
            is_suspended: false,
            leaving: None,
            status: None,
            graphics: None,
        }
    }

    /// What the client has said since the last call. It costs a look at two bytes of memory as a rule.
    pub fn poll(&mut self, now: Instant) -> News {
        let mut news = News::default();
        if self.stopped.swap(false, Ordering::SeqCst) {
            news.requests.push(Control::Quit);
        }
        if let Some(end) = &self.end {
            news.requests.extend(end.take_control());
            if let Some(heartbeat) = end.take_heartbeat() {
                if heartbeat.alive {
                    self.last_heartbeat = now;
                }
                let told = |heartbeat: &Heartbeat| (heartbeat.network_suspended, heartbeat.sporadic_ca);
                if self.heartbeat.as_ref().map(told) != Some(told(&heartbeat)) {
                    self.heartbeat = Some(heartbeat.clone());
                    news.heartbeat = Some(heartbeat);
                }
            }
            if self.leaving.is_none() && self.is_gone(now) {
                crate::say!("the client is gone");
                news.requests.push(Control::Quit);
            }
        }
        self.send_graphics();
        for request in &news.requests {
            match request {
                Control::Suspend => self.is_suspended = true,
                Control::Resume => self.is_suspended = false,
                Control::Quit => {
                    self.leaving.get_or_insert(Leaving { is_abort: false, since: now });
                }
                Control::Abort if !self.leaving.is_some_and(|leaving| leaving.is_abort) => {
                    self.leaving = Some(Leaving { is_abort: true, since: now });
                }
                Control::Abort | Control::RereadAppInfo => {}
            }
        }
        news
    }

    fn is_gone(&mut self, now: Instant) -> bool {
        if now.duration_since(self.last_check) < CHECK_INTERVAL {
            return false;
        }
        self.last_check = now;
        match &self.process {
            Some(process) => !process.is_there(),
            None => now.duration_since(self.last_heartbeat) > HEARTBEAT_TIMEOUT,
        }
    }

    /// The client's last request, if it was to leave.
    pub fn leaving(&self) -> Option<Leaving> {
        self.leaving
    }

    /// What a new agent has to know.
    pub fn begin(&self, arguments: &[String]) -> Begin {
        let request = match self.leaving {
            Some(Leaving { is_abort: true, .. }) => Control::Abort.tag(),
            Some(Leaving { is_abort: false, .. }) => Control::Quit.tag(),
            None if self.is_suspended => Control::Suspend.tag(),
            None => "",
        };
        Begin {
            arguments: arguments.to_vec(),
            requests: request.to_owned(),
            heartbeat: self.heartbeat.as_ref().map(Heartbeat::render).unwrap_or_default(),
        }
    }

    /// Reports this status. While the client has not read the last one this one is not sent: the next is newer.
    pub fn report(&mut self, status: String) {
        if let Some(end) = &self.end {
            send(end.channel(ChannelName::AppStatus).try_send(&status));
        }
        self.status = Some(status);
    }

    /// Reports the last status again, in place of one that the client has not read: it reads the channel once more after
    /// our exit (BOINC: client/app_control.cpp, `handle_exited_app`).
    pub fn report_finally(&self) {
        if let (Some(end), Some(status)) = (&self.end, &self.status) {
            send(end.channel(ChannelName::AppStatus).put_over(status));
        }
    }

    /// Tells the client where the graphics are, as soon as it has read the last reply.
    pub fn announce_graphics(&mut self, reply: String) {
        self.graphics = Some(reply);
        self.send_graphics();
    }

    fn send_graphics(&mut self) {
        let (Some(end), Some(reply)) = (&self.end, &self.graphics) else { return };
        if send(end.channel(ChannelName::GraphicsReply).try_send(reply)).unwrap_or(true) {
            self.graphics = None;
        }
    }
}

/// The value; `None` for a text that does not fit in a channel, which is said.
fn send<T>(sent: Result<T, boinc::wire::channel::ChannelError>) -> Option<T> {
    sent.inspect_err(|error| crate::say!("failed to report to the client: {error}")).ok()
}

#[cfg(test)]
mod tests {
    use boinc::wire::channel::ClientEnd;
    use boinc::wire::message::AppStatus;
    use boinc::wire::segment::MMAP_KEY;

    use super::*;

    struct Bench {
        _slot: tempfile::TempDir,
        theirs: ClientEnd,
        client: Client,
        stopped: Arc<AtomicBool>,
        now: Instant,
    }

    impl Bench {
        fn new() -> Self {
            let slot = tempfile::tempdir().unwrap();
            let theirs = ClientEnd::create(slot.path(), MMAP_KEY).unwrap();
            let end = AppEnd::attach(slot.path(), MMAP_KEY).unwrap();
            let (stopped, now) = (Arc::default(), Instant::now());
            let init_data = InitData { client_pid: None, ..InitData::default() };
            let client = Client::new(Some(end), &init_data, Arc::clone(&stopped), now);
            Self { _slot: slot, theirs, client, stopped, now }
        }

        fn requests(&mut self) -> Vec<Control> {
            self.client.poll(self.now).requests
        }

        fn begin(&self) -> String {
            self.client.begin(&[]).requests
        }
    }

    #[test]
    fn a_new_agent_is_told_what_still_counts() {
        let mut bench = Bench::new();
        assert_eq!(bench.begin(), "");
        for (request, counts) in [
            (Control::Suspend, "<suspend/>"),
            (Control::Resume, ""),
            (Control::Suspend, "<suspend/>"),
            (Control::Quit, "<quit/>"),
            (Control::Resume, "<quit/>"),
            (Control::Abort, "<abort/>"),
            (Control::Quit, "<abort/>"),
        ] {
            bench.theirs.send_control(request).unwrap();
            assert_eq!(bench.requests(), [request]);
            assert_eq!(bench.begin(), counts);
        }
    }

    #[test]
    fn only_a_heartbeat_with_news_is_passed_on() {
        let mut bench = Bench::new();
        let mut heartbeat = Heartbeat { alive: true, wss_bytes: Some(1.0), ..Heartbeat::default() };
        let mut passed_on = |heartbeat: &Heartbeat| {
            bench.theirs.send_heartbeat(heartbeat).unwrap();
            bench.client.poll(bench.now).heartbeat.is_some()
        };
        assert!(passed_on(&heartbeat));
        heartbeat.wss_bytes = Some(2.0);
        assert!(!passed_on(&heartbeat));
        heartbeat.network_suspended = true;
        assert!(passed_on(&heartbeat) && !passed_on(&heartbeat));
        assert!(bench.client.begin(&[]).heartbeat.contains("<network_suspended/>"));
    }

    #[test]
    fn a_client_without_heartbeats_and_a_signal_are_a_quit() {
        let mut bench = Bench::new();
        bench.now += HEARTBEAT_TIMEOUT;
        assert_eq!(bench.requests(), []);
        bench.now += 2 * CHECK_INTERVAL;
        assert_eq!(bench.requests(), [Control::Quit]);
        let mut bench = Bench::new();
        bench.stopped.store(true, Ordering::SeqCst);
        assert_eq!(bench.requests(), [Control::Quit]);
        assert_eq!(bench.client.leaving(), Some(Leaving { is_abort: false, since: bench.now }));
    }

    #[test]
    fn the_last_status_replaces_an_unread_one() {
        let mut bench = Bench::new();
        let status = |seconds| AppStatus { current_cpu_time: seconds, ..AppStatus::default() }.render();
        bench.client.report(status(1.0));
        bench.client.report(status(2.0));
        bench.client.report_finally();
        let read = bench.theirs.take_status().unwrap().unwrap();
        assert!((read.current_cpu_time - 2.0).abs() < 1e-9, "{read:?}");
    }
}
