//! The transition function.

use std::time::Duration;

use super::action::{Action, Call};
use super::ending::{Ending, Failure, exit_code};
use super::event::{CallError, ContainerState, Event, Exited, Reply};
use super::job::{CleanupStep, Job, Wanted};
use boinc::signal::signal_of_status;

/// A quit or abort is obeyed within two seconds: whatever is in flight is broken off after this.
const QUIT_TIMEOUT: Duration = Duration::from_millis(1_200);
/// And after this we go, whatever is still in flight: what is left behind is looked at by the next life.
const QUIT_DEADLINE: Duration = Duration::from_millis(1_700);
/// How long a daemon may be away in the middle of a job before this attempt is given up.
const ENGINE_AWAY_TIMEOUT: Duration = Duration::from_secs(600);
/// How long it may be away once the client knows the end, so that the container can still be removed. (The client gives an
/// app 300 s after its finish file.)
const CLEANUP_TIMEOUT: Duration = Duration::from_secs(120);
/// How often a daemon that never answered is asked before this attempt is given up.
const FIRST_ASKS: u32 = 3;
const MAX_TRANSIENT_FAILURES: u32 = 4;
const MAX_CONFLICTS: u32 = 20;
const MAX_RECREATED: u32 = 3;
const MAX_IMAGES_LOST: u32 = 3;
const MAX_RESTARTED: u32 = 20;

impl Job {
    /// Takes one event in and says what to do. After [`Action::Exit`] nothing more is asked for.
    pub fn step(&mut self, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.over {
            return actions;
        }
        match event {
            Event::Tick { now } => self.now = self.now.max(now),
            Event::Suspend => self.want(Wanted::Suspend),
            Event::Resume => self.want(Wanted::Run),
            Event::Network(network) => self.network = network,
            Event::Quit => self.want(Wanted::Quit),
            Event::Abort => self.want(Wanted::Abort),
            Event::ContainerExited { out_of_memory, succeeded } => {
                self.out_of_memory |= out_of_memory;
                if matches!(self.seen, ContainerState::Running { .. } | ContainerState::Paused { .. }) {
                    self.ahead_of_engine = succeeded;
                    self.seen = if succeeded {
                        ContainerState::Exited(Exited { code: 0, out_of_memory: false, error: String::new() })
                    } else {
                        ContainerState::Ended
                    };
                }
            }
            Event::LimitExceeded { code, why } => {
                if self.pending_failure.is_none() && self.ending.is_none() {
                    actions.push(Action::Say(format!("stopping the job: {why}")));
                    self.pending_failure = Some(Failure { code, why });
                }
            }
            Event::HostCannot { why } => {
                if self.pending_failure.is_none() && self.ending.is_none() && self.host_cannot.is_none() {
                    actions.push(Action::Say(format!("stopping the job for now: {why}")));
                    self.host_cannot = Some(why);
                }
            }
            Event::Replied { call, result } => self.replied(call, result, &mut actions),
        }
        self.advance(&mut actions);
        actions
    }

    fn want(&mut self, wanted: Wanted) {
        let final_already = matches!(self.wanted, Wanted::Quit | Wanted::Abort);
        let abort_after_quit = self.wanted == Wanted::Quit && wanted == Wanted::Abort;
        if final_already && !abort_after_quit {
            return;
        }
        self.wanted = wanted;
        if matches!(wanted, Wanted::Quit | Wanted::Abort) {
            self.quit_since = Some(self.now);
            self.not_before = Duration::ZERO;
        }
    }

    fn quitting(&self) -> bool {
        matches!(self.wanted, Wanted::Quit | Wanted::Abort)
    }

    fn quit_is_urgent(&self) -> bool {
        self.quit_since.is_some_and(|since| self.now >= since + QUIT_TIMEOUT)
    }

    fn advance(&mut self, actions: &mut Vec<Action>) {
        if self.over {
            return;
        }
        self.hold_or_continue(actions);
        if let Some(call) = self.in_flight {
            let break_off = self.quitting() && (call.is_long() || self.quit_is_urgent());
            if break_off && !self.cancelling {
                self.cancelling = true;
                actions.push(Action::Cancel);
            }
            if self.quit_since.is_some_and(|since| self.now >= since + QUIT_DEADLINE) {
                let ending =
                    self.ending.as_ref().map_or_else(|| self.quit_ending(), |(ending, _)| ending.clone());
                self.exit(ending, actions);
            }
            return;
        }
        if self.now < self.not_before {
            return;
        }
        match self.next() {
            Next::Call(call) => {
                self.in_flight = Some(call);
                actions.push(Action::Call(call));
            }
            Next::Decide(ending) => {
                self.decide(ending, actions);
                self.advance(actions);
            }
            Next::GiveUp(why) => self.give_up_for_now(why, actions),
            Next::Exit(ending) => self.exit(ending, actions),
            Next::Nothing => {}
        }
    }

    /// A build follows suspend and resume. One that is held when the client wants us to leave stays held until it is
    /// broken off.
    fn hold_or_continue(&mut self, actions: &mut Vec<Action>) {
        let follows = self.in_flight.is_some_and(Call::can_be_held);
        let waits = self.image_needs_network && self.network_is_closed();
        let hold = follows && (self.wanted == Wanted::Suspend || waits || (self.holding && self.quitting()));
        if hold != self.holding {
            self.holding = hold;
            actions.push(Action::Hold(hold));
        }
    }

    fn exit(&mut self, ending: Ending, actions: &mut Vec<Action>) {
        self.over = true;
        actions.push(Action::Exit(ending));
    }

    /// What to do next, from what is wanted and what was seen; nothing is in flight.
    fn next(&self) -> Next {
        if let Some((ending, cleanup)) = &self.ending {
            return if self.quit_is_urgent() || self.seen == ContainerState::Absent {
                Next::Exit(ending.clone())
            } else if !self.probed {
                Next::Call(Call::Probe)
            } else {
                Next::Call(match cleanup {
                    CleanupStep::Await => Call::AwaitExit,
                    CleanupStep::Logs => Call::Logs,
                    CleanupStep::Remove => Call::Remove,
                })
            };
        }
        if self.quitting() && self.quit_is_urgent() {
            return Next::Exit(self.quit_ending());
        }
        if !self.probed {
            return if self.quitting() { Next::Exit(self.quit_ending()) } else { Next::Call(Call::Probe) };
        }
        match self.wanted {
            Wanted::Abort => match self.seen {
                ContainerState::Absent => Next::Exit(self.quit_ending()),
                _ => Next::Call(Call::Remove),
            },
            Wanted::Quit => match self.seen {
                ContainerState::Unknown => Next::Call(Call::Inspect),
                ContainerState::Running { .. } => Next::Call(Call::Pause),
                _ => Next::Exit(Ending::Quit),
            },
            Wanted::Suspend | Wanted::Run => self.next_of_wanted_job(),
        }
    }

    fn next_of_wanted_job(&self) -> Next {
        let run = self.wanted == Wanted::Run && !(self.has_network && self.network_is_closed());
        let makes_image =
            self.wanted == Wanted::Run && !(self.image_needs_network && self.network_is_closed());
        match (&self.seen, &self.pending_failure) {
            (ContainerState::Unknown, _) => Next::Call(Call::Inspect),
            (ContainerState::Ended, _) => Next::Call(Call::AwaitExit),
            (ContainerState::Running { .. } | ContainerState::Paused { .. }, Some(_)) => {
                Next::Call(Call::Kill)
            }
            (_, Some(pending_failure)) => Next::Decide(Ending::Failed(pending_failure.clone())),
            (ContainerState::Exited(exited), None) => self.next_after(exited),
            (ContainerState::Absent, None) if let Some(why) = &self.host_cannot => Next::GiveUp(why.clone()),
            (_, None) if self.host_cannot.is_some() => Next::Call(Call::Remove),
            (ContainerState::Running { .. }, None) if !run => Next::Call(Call::Pause),
            (ContainerState::Paused { .. }, None) if run => Next::Call(Call::Unpause),
            (ContainerState::Created | ContainerState::Killed, None) if run => Next::Call(Call::Start),
            (ContainerState::Absent, None) if self.image_is_missing && makes_image => {
                Next::Call(Call::MakeImage)
            }
            (ContainerState::Absent, None) if self.wanted == Wanted::Run && !self.image_is_missing => {
                Next::Call(Call::Create)
            }
            _ => Next::Nothing,
        }
    }

    fn next_after(&self, exited: &Exited) -> Next {
        if exited.code == 0 {
            return Next::Call(Call::Collect);
        }
        let ran_out = exited.out_of_memory || self.out_of_memory;
        Next::Decide(if !exited.error.is_empty() {
            Ending::failed(
                exit_code::INIT_FAILURE,
                format!("the container could not be started: {}", exited.error),
            )
        } else if exited.code == 137 && ran_out {
            Ending::failed(
                exit_code::MEM_LIMIT_EXCEEDED,
                "out of memory: the kernel killed the job at its memory limit",
            )
        } else {
            let code = exited.code;
            // Nothing is known of the cause but the status itself: a shell's 127 has many causes.
            let hint = match signal_of_status(code) {
                _ if ran_out => " (the kernel killed a process of it for memory)".to_owned(),
                Some((signal, meaning)) => format!(" (signal {signal}: {meaning})"),
                None => String::new(),
            };
            Ending::failed(code, format!("the science app exited with status {code}{hint}"))
        })
    }

    fn replied(&mut self, call: Call, result: Result<Reply, CallError>, actions: &mut Vec<Action>) {
        debug_assert_eq!(self.in_flight, Some(call), "a reply to a call that is not in flight");
        self.in_flight = None;
        self.cancelling = false;
        match result {
            Ok(reply) => {
                // An engine that the client or an earlier life names is believed without asking it.
                self.engine_answered |= call != Call::Probe;
                self.away_since = None;
                if call != Call::Inspect {
                    self.transient_failures = 0;
                }
                self.answered(call, reply, actions);
            }
            Err(error) => self.failed(call, error, actions),
        }
    }

    fn answered(&mut self, call: Call, reply: Reply, actions: &mut Vec<Action>) {
        match (call, reply) {
            (Call::Probe, _) => self.probed = true,
            (Call::MakeImage, _) => self.image_is_missing = false,
            (Call::Create, _) => {
                self.seen = ContainerState::Created;
                self.had_container = true;
            }
            (Call::Pause, _) => {
                if let ContainerState::Running { pid } = self.seen {
                    self.seen = ContainerState::Paused { pid };
                }
            }
            (Call::Unpause, _) => {
                if let ContainerState::Paused { pid } = self.seen {
                    self.seen = ContainerState::Running { pid };
                }
            }
            (Call::Kill, _) => self.seen = ContainerState::Ended,
            (Call::Collect, _) => self.decide(Ending::Success, actions),
            (Call::AwaitExit, _) if self.ending.is_some() => self.set_cleanup_step(CleanupStep::Logs),
            (Call::Logs, _) => self.set_cleanup_step(CleanupStep::Remove),
            (Call::Remove, _) => self.removed(actions),
            (_, Reply::Container(seen)) => self.observe(seen, actions),
            (_, Reply::Probed | Reply::Done) => {}
        }
    }

    fn observe(&mut self, seen: ContainerState, actions: &mut Vec<Action>) {
        if seen == ContainerState::Killed && self.pending_failure.is_none() {
            self.restarted += 1;
            if self.restarted > MAX_RESTARTED {
                self.pending_failure = Some(Failure {
                    code: exit_code::CHILD_FAILED,
                    why: format!("the container was killed from outside {} times", self.restarted),
                });
            } else {
                actions.push(Action::Say(
                    "the container was killed from outside (reboot, engine restart): it is started again"
                        .into(),
                ));
            }
        }
        self.seen = seen;
        self.had_container = true;
    }

    fn set_cleanup_step(&mut self, cleanup: CleanupStep) {
        if let Some((_, next)) = &mut self.ending {
            *next = cleanup;
        }
    }

    fn removed(&mut self, actions: &mut Vec<Action>) {
        self.seen = ContainerState::Absent;
        if let Some((ending, _)) = self.ending.clone() {
            self.exit(ending, actions);
        }
    }

    fn failed(&mut self, call: Call, error: CallError, actions: &mut Vec<Action>) {
        if self.ending.is_some() {
            if matches!(error, CallError::EngineAway(_)) {
                let since = *self.away_since.get_or_insert(self.now);
                self.transient_failures += 1;
                if self.now < since + CLEANUP_TIMEOUT {
                    return self.pause_before_next(self.transient_failures);
                }
            }
            // The client knows the end already: a log or a removal that fails must not change it.
            if !matches!(error, CallError::NoContainer | CallError::Cancelled) {
                actions.push(Action::Say(format!("cleaning up: {error}")));
            }
            return match call {
                Call::AwaitExit => self.set_cleanup_step(CleanupStep::Logs),
                Call::Logs => self.set_cleanup_step(CleanupStep::Remove),
                _ => self.removed(actions),
            };
        }
        match error {
            CallError::Cancelled => {}
            CallError::NoContainer => self.lost_container(actions),
            CallError::NoImage { needs_network } => {
                self.image_needs_network = needs_network;
                self.lost_image(actions);
            }
            CallError::Conflict(why) => {
                self.seen = ContainerState::Unknown;
                self.conflicts += 1;
                self.pause_before_next(self.conflicts);
                if self.conflicts > MAX_CONFLICTS {
                    self.give_up_for_now(why, actions);
                }
            }
            CallError::EngineAway(why) => {
                if matches!(call, Call::Start | Call::AwaitExit) {
                    // What came of the container meanwhile?
                    self.seen = ContainerState::Unknown;
                }
                self.engine_is_away(why, actions);
            }
            CallError::Host(why) => self.give_up_for_now(why, actions),
            CallError::Network { why, online } => {
                let ending = Ending::network_failed(self.network_failures, online, why);
                self.postpone(ending, actions);
            }
            CallError::Job(why) => {
                let code =
                    if call == Call::Collect { exit_code::CHILD_FAILED } else { exit_code::INIT_FAILURE };
                self.decide(Ending::failed(code, why), actions);
            }
            CallError::Transient(why) => {
                self.transient_failures += 1;
                if self.transient_failures > MAX_TRANSIENT_FAILURES {
                    self.give_up_for_now(why, actions);
                } else {
                    actions.push(Action::Say(format!("{call:?} failed, trying again: {why}")));
                    if call != Call::Collect {
                        self.seen = ContainerState::Unknown;
                    }
                    self.pause_before_next(self.transient_failures);
                }
            }
        }
    }

    fn lost_container(&mut self, actions: &mut Vec<Action>) {
        self.seen = ContainerState::Absent;
        if !std::mem::take(&mut self.had_container) || self.quitting() {
            return;
        }
        self.recreated += 1;
        if self.recreated > MAX_RECREATED {
            let why = format!("the container was gone {} times", self.recreated);
            self.give_up_for_now(why, actions);
        } else {
            actions.push(Action::Say(
                "the container is gone: it is made again over the same work directory".into(),
            ));
        }
    }

    fn lost_image(&mut self, actions: &mut Vec<Action>) {
        self.image_is_missing = true;
        self.images_lost += 1;
        if self.images_lost > MAX_IMAGES_LOST {
            self.give_up_for_now("the image is gone again as soon as it is made".into(), actions);
        }
    }

    fn engine_is_away(&mut self, why: String, actions: &mut Vec<Action>) {
        let since = *self.away_since.get_or_insert(self.now);
        self.transient_failures += 1;
        let patient = if self.engine_answered {
            self.now < since + ENGINE_AWAY_TIMEOUT
        } else {
            self.transient_failures < FIRST_ASKS
        };
        if !patient {
            return self.give_up_for_now(why, actions);
        }
        if self.transient_failures == 1 {
            actions.push(Action::Say(format!("the engine does not answer, waiting for it: {why}")));
        }
        self.pause_before_next(self.transient_failures);
    }

    fn pause_before_next(&mut self, times: u32) {
        let seconds = f64::from(2_u32.saturating_pow(times.min(6).saturating_sub(1))) * 0.5;
        let longest = if self.quitting() { 0.2 } else { 10.0 };
        self.not_before = self.now + Duration::from_secs_f64(seconds.min(longest));
    }

    fn give_up_for_now(&mut self, why: String, actions: &mut Vec<Action>) {
        self.postpone(Ending::host_cannot(self.host_attempts, self.is_overdue, why), actions);
    }

    fn postpone(&mut self, ending: Ending, actions: &mut Vec<Action>) {
        if self.quitting() {
            return self.exit(self.quit_ending(), actions);
        }
        match ending {
            // For good: what there is of a container goes too.
            failed @ Ending::Failed(_) => self.decide(failed, actions),
            later => {
                actions.push(Action::Conclude(later.clone()));
                self.exit(later, actions);
            }
        }
    }

    fn decide(&mut self, ending: Ending, actions: &mut Vec<Action>) {
        let cleanup = if self.ahead_of_engine { CleanupStep::Await } else { CleanupStep::Logs };
        self.ending = Some((ending.clone(), cleanup));
        actions.push(Action::Conclude(ending));
    }

    fn quit_ending(&self) -> Ending {
        match self.wanted {
            Wanted::Abort => Ending::Aborted { removed: self.seen == ContainerState::Absent },
            _ => Ending::Quit,
        }
    }
}

enum Next {
    Call(Call),
    Decide(Ending),
    Exit(Ending),
    GiveUp(String),
    Nothing,
}
