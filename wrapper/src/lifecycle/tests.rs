//! Rules of a job's life, and invariants over random ones.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// A job with a strict other end: each call must be the expected one.
struct Life {
    job: Job,
    actions: Vec<Action>,
    now: Duration,
}

impl Life {
    fn begin() -> Self {
        let mut life = Self { job: Job::new(0), actions: Vec::new(), now: Duration::ZERO };
        life.event(Event::Tick { now: Duration::ZERO });
        life
    }

    /// A life in which the container runs.
    fn running() -> Self {
        let mut life = Self::begin();
        life.reply(Call::Probe, Reply::Probed);
        life.reply(Call::Inspect, Reply::Container(running()));
        life
    }

    fn event(&mut self, event: Event) {
        self.actions.extend(self.job.step(event));
    }

    #[track_caller]
    fn expect_call(&mut self, call: Call) {
        let calls = self.take_calls();
        assert_eq!(calls, [call]);
    }

    #[track_caller]
    fn expect_quiet(&mut self) {
        let actions = std::mem::take(&mut self.actions);
        assert!(actions.is_empty(), "{actions:?}");
    }

    fn take_calls(&mut self) -> Vec<Call> {
        let mut calls = Vec::new();
        self.actions.retain(|action| match action {
            Action::Call(call) => {
                calls.push(*call);
                false
            }
            Action::Say(_) => false,
            _ => true,
        });
        calls
    }

    #[track_caller]
    fn reply(&mut self, call: Call, reply: Reply) {
        self.expect_call(call);
        self.event(Event::Replied { call, result: Ok(reply) });
    }

    #[track_caller]
    fn fail(&mut self, call: Call, error: CallError) {
        self.expect_call(call);
        self.event(Event::Replied { call, result: Err(error) });
    }

    fn wait(&mut self, duration: Duration) {
        self.now += duration;
        self.event(Event::Tick { now: self.now });
    }

    #[track_caller]
    fn expect_conclusion(&mut self, check: impl Fn(&Ending) -> bool) {
        let at = self
            .actions
            .iter()
            .position(|action| matches!(action, Action::Conclude(ending) if check(ending)));
        let at = at.unwrap_or_else(|| panic!("{:?}", self.actions));
        self.actions.remove(at);
    }

    #[track_caller]
    fn expect_exit(&mut self, check: impl Fn(&Ending) -> bool) {
        self.actions.retain(|action| !matches!(action, Action::Say(_)));
        match self.actions.pop() {
            Some(Action::Exit(ending)) if check(&ending) => {}
            other => panic!("{other:?}, before it {:?}", self.actions),
        }
        self.expect_quiet();
    }
}

const NO_IMAGE: CallError = CallError::NoImage { needs_network: false };

fn running() -> ContainerState {
    ContainerState::Running { pid: Some(42) }
}

fn exited(code: i32) -> Reply {
    Reply::Container(ContainerState::Exited(Exited { code, out_of_memory: false, error: String::new() }))
}

fn second() -> Duration {
    Duration::from_secs(1)
}

#[test]
fn a_first_life_builds_creates_starts_collects_and_cleans_up() {
    let mut life = Life::begin();
    life.reply(Call::Probe, Reply::Probed);
    life.fail(Call::Inspect, CallError::NoContainer);
    life.fail(Call::Create, NO_IMAGE);
    life.reply(Call::MakeImage, Reply::Done);
    life.reply(Call::Create, Reply::Done);
    life.reply(Call::Start, Reply::Container(running()));
    life.expect_quiet();
    life.event(Event::ContainerExited { out_of_memory: false, succeeded: false });
    life.reply(Call::AwaitExit, exited(0));
    life.reply(Call::Collect, Reply::Done);
    life.expect_conclusion(|ending| *ending == Ending::Success);
    life.reply(Call::Logs, Reply::Done);
    life.reply(Call::Remove, Reply::Done);
    life.expect_exit(|ending| *ending == Ending::Success);
}

#[test]
fn an_image_that_is_there_is_not_built() {
    let mut life = Life::begin();
    life.reply(Call::Probe, Reply::Probed);
    life.fail(Call::Inspect, CallError::NoContainer);
    life.reply(Call::Create, Reply::Done);
    life.expect_call(Call::Start);
}

#[test]
fn a_first_life_in_a_slot_looks_for_no_container() {
    let mut life = Life { job: Job::fresh(), actions: Vec::new(), now: Duration::ZERO };
    life.event(Event::Tick { now: Duration::ZERO });
    life.reply(Call::Probe, Reply::Probed);
    life.fail(Call::Create, CallError::Conflict("the name is taken".into()));
    life.wait(second());
    life.reply(Call::Inspect, Reply::Container(running()));
    life.expect_quiet();
}

#[test]
fn an_image_that_never_stays_is_not_made_for_ever() {
    let mut life = Life::begin();
    life.reply(Call::Probe, Reply::Probed);
    life.fail(Call::Inspect, CallError::NoContainer);
    for _ in 0..3 {
        life.fail(Call::Create, NO_IMAGE);
        life.reply(Call::MakeImage, Reply::Done);
    }
    life.fail(Call::Create, NO_IMAGE);
    life.expect_conclusion(|ending| matches!(ending, Ending::TryLater { .. }));
}

#[test]
fn a_container_that_outlived_the_wrapper_goes_on() {
    let mut life = Life::running();
    life.expect_quiet();
}

#[test]
fn a_job_that_ended_while_the_wrapper_was_away_is_collected_and_not_run_again() {
    let mut life = Life::begin();
    life.reply(Call::Probe, Reply::Probed);
    life.reply(Call::Inspect, exited(0));
    life.expect_call(Call::Collect);
}

#[test]
fn a_container_killed_by_a_reboot_is_started_again() {
    let mut life = Life::begin();
    life.reply(Call::Probe, Reply::Probed);
    life.reply(Call::Inspect, Reply::Container(ContainerState::Killed));
    life.reply(Call::Start, Reply::Container(running()));
    life.expect_quiet();
}

#[test]
fn a_paused_container_follows_the_client() {
    let mut life = Life::begin();
    life.event(Event::Suspend);
    life.reply(Call::Probe, Reply::Probed);
    life.reply(Call::Inspect, Reply::Container(ContainerState::Paused { pid: None }));
    life.expect_quiet();
    life.event(Event::Resume);
    life.reply(Call::Unpause, Reply::Done);
    life.expect_quiet();
}

#[test]
fn suspend_during_the_start_pauses_once_started() {
    let mut life = Life::begin();
    life.reply(Call::Probe, Reply::Probed);
    life.reply(Call::Inspect, Reply::Container(ContainerState::Created));
    life.event(Event::Suspend);
    life.reply(Call::Start, Reply::Container(running()));
    life.reply(Call::Pause, Reply::Done);
    life.expect_quiet();
}

#[test]
fn a_pause_that_races_with_the_end_looks_again_and_collects() {
    let mut life = Life::running();
    life.event(Event::Suspend);
    life.fail(Call::Pause, CallError::Conflict("not running".into()));
    life.wait(second());
    life.reply(Call::Inspect, exited(0));
    life.expect_call(Call::Collect);
}

#[test]
fn quit_freezes_the_container_and_leaves() {
    let mut life = Life::running();
    life.event(Event::Quit);
    life.reply(Call::Pause, Reply::Done);
    life.expect_exit(|ending| *ending == Ending::Quit);
}

#[test]
fn abort_removes_the_container() {
    let mut life = Life::running();
    life.event(Event::Abort);
    life.reply(Call::Remove, Reply::Done);
    life.expect_exit(|ending| matches!(ending, Ending::Aborted { .. }));
}

#[test]
fn quit_during_a_build_breaks_it_off() {
    let mut life = Life::begin();
    life.reply(Call::Probe, Reply::Probed);
    life.fail(Call::Inspect, CallError::NoContainer);
    life.fail(Call::Create, NO_IMAGE);
    life.expect_call(Call::MakeImage);
    life.event(Event::Quit);
    assert_eq!(life.actions, [Action::Cancel]);
    life.actions.clear();
    life.event(Event::Replied { call: Call::MakeImage, result: Err(CallError::Cancelled) });
    life.expect_exit(|ending| *ending == Ending::Quit);
}

#[test]
fn abort_during_a_build_breaks_it_off() {
    let mut life = Life::begin();
    life.reply(Call::Probe, Reply::Probed);
    life.fail(Call::Inspect, CallError::NoContainer);
    life.fail(Call::Create, NO_IMAGE);
    life.expect_call(Call::MakeImage);
    life.event(Event::Abort);
    assert_eq!(life.actions, [Action::Cancel]);
    life.actions.clear();
    life.event(Event::Replied { call: Call::MakeImage, result: Err(CallError::Cancelled) });
    life.expect_exit(|ending| matches!(ending, Ending::Aborted { .. }));
}

#[test]
fn an_engine_that_hangs_does_not_keep_us_from_leaving() {
    let mut life = Life::running();
    life.event(Event::Quit);
    life.expect_call(Call::Pause);
    life.wait(second() * 2);
    assert_eq!(life.actions[0], Action::Cancel);
    life.expect_exit_after_cancel();
}

impl Life {
    #[track_caller]
    fn expect_exit_after_cancel(&mut self) {
        self.actions.retain(|action| *action != Action::Cancel);
        self.expect_exit(|ending| *ending == Ending::Quit);
    }
}

#[test]
fn a_failed_job_tells_its_exit_status() {
    let mut life = Life::running();
    life.event(Event::ContainerExited { out_of_memory: false, succeeded: false });
    life.reply(Call::AwaitExit, exited(3));
    life.expect_conclusion(|ending| matches!(ending, Ending::Failed(failure) if failure.code == 3));
}

#[test]
fn a_success_that_the_kernel_tells_is_concluded_before_the_engine_is_asked() {
    let mut life = Life::running();
    life.event(Event::ContainerExited { out_of_memory: false, succeeded: true });
    life.reply(Call::Collect, Reply::Done);
    life.expect_conclusion(|ending| *ending == Ending::Success);
    life.reply(Call::AwaitExit, exited(0));
    life.reply(Call::Logs, Reply::Done);
    life.reply(Call::Remove, Reply::Done);
    life.expect_exit(|ending| *ending == Ending::Success);
}

#[test]
fn status_137_is_out_of_memory_only_by_the_kernels_counter() {
    for (counted, code) in [(false, 137), (true, exit_code::MEM_LIMIT_EXCEEDED)] {
        let mut life = Life::running();
        life.event(Event::ContainerExited { out_of_memory: counted, succeeded: false });
        life.reply(Call::AwaitExit, exited(137));
        life.expect_conclusion(|ending| matches!(ending, Ending::Failed(failure) if failure.code == code));
    }
}

#[test]
fn a_container_removed_from_outside_is_made_again_but_not_for_ever() {
    let mut life = Life::running();
    for _ in 0..3 {
        life.event(Event::ContainerExited { out_of_memory: false, succeeded: false });
        life.fail(Call::AwaitExit, CallError::NoContainer);
        life.reply(Call::Create, Reply::Done);
        life.reply(Call::Start, Reply::Container(running()));
    }
    life.event(Event::ContainerExited { out_of_memory: false, succeeded: false });
    life.fail(Call::AwaitExit, CallError::NoContainer);
    life.expect_conclusion(|ending| matches!(ending, Ending::TryLater { .. }));
}

#[test]
fn a_daemon_that_restarts_is_waited_for_and_the_job_goes_on() {
    let mut life = Life::running();
    life.event(Event::ContainerExited { out_of_memory: false, succeeded: false });
    life.fail(Call::AwaitExit, CallError::EngineAway("no".into()));
    for _ in 0..4 {
        life.wait(second() * 10);
        life.fail(Call::Inspect, CallError::EngineAway("no".into()));
    }
    life.wait(second() * 10);
    life.reply(Call::Inspect, Reply::Container(ContainerState::Killed));
    life.reply(Call::Start, Reply::Container(running()));
    life.expect_quiet();
}

#[test]
fn a_daemon_that_goes_away_during_a_start_is_asked_what_came_of_it() {
    let mut life = Life::begin();
    life.reply(Call::Probe, Reply::Probed);
    life.reply(Call::Inspect, Reply::Container(ContainerState::Created));
    life.fail(Call::Start, CallError::EngineAway("EOF".into()));
    life.wait(second() * 10);
    life.reply(Call::Inspect, Reply::Container(running()));
    life.expect_quiet();
}

#[test]
fn a_daemon_that_never_answered_means_to_try_later() {
    let mut life = Life::begin();
    life.reply(Call::Probe, Reply::Probed);
    for _ in 0..3 {
        life.fail(Call::Inspect, CallError::EngineAway("no".into()));
        life.wait(second() * 10);
    }
    life.expect_conclusion(|ending| matches!(ending, Ending::TryLater { .. }));
    life.expect_exit(|ending| matches!(ending, Ending::TryLater { .. }));
}

#[test]
fn a_host_that_never_can_fails_a_job_only_after_its_deadline() {
    let attempt = |attempt, is_overdue| match Ending::host_cannot(attempt, is_overdue, "no engine".into()) {
        Ending::TryLater { delay, .. } => Some(delay),
        ending => {
            assert!(matches!(ending, Ending::Failed(failure) if failure.why.contains("no engine")));
            None
        }
    };
    let delays: Vec<_> = (0..8).map(|number| attempt(number, true)).collect();
    assert!(delays.windows(2).all(|pair| pair[0] < pair[1]), "{delays:?}");
    assert_eq!(attempt(8, true), None);
    assert_eq!(attempt(80, false), delays[7]);
}

#[test]
fn the_last_attempt_of_a_host_that_cannot_cleans_up() {
    let mut life = Life::begin();
    life.job.host_attempts = 8;
    life.job.is_overdue = true;
    life.reply(Call::Probe, Reply::Probed);
    life.reply(Call::Inspect, Reply::Container(ContainerState::Created));
    life.fail(Call::Start, CallError::Host("no space".into()));
    life.expect_conclusion(|ending| matches!(ending, Ending::Failed(_)));
    life.reply(Call::Logs, Reply::Done);
    life.reply(Call::Remove, Reply::Done);
    life.expect_exit(|ending| matches!(ending, Ending::Failed(_)));
}

#[test]
fn a_build_that_fails_ends_the_job_at_once() {
    let mut life = Life::begin();
    life.reply(Call::Probe, Reply::Probed);
    life.fail(Call::Inspect, CallError::NoContainer);
    life.fail(Call::Create, NO_IMAGE);
    life.fail(Call::MakeImage, CallError::Job("step 3 failed".into()));
    life.expect_conclusion(
        |ending| matches!(ending, Ending::Failed(failure) if failure.why == "step 3 failed"),
    );
    life.expect_exit(|ending| matches!(ending, Ending::Failed(_)));
}

#[test]
fn a_job_over_a_limit_is_killed_and_says_so() {
    let mut life = Life::running();
    life.event(Event::LimitExceeded { code: exit_code::DISK_LIMIT_EXCEEDED, why: "too many files".into() });
    life.reply(Call::Kill, Reply::Done);
    life.reply(Call::AwaitExit, exited(137));
    life.expect_conclusion(
        |ending| matches!(ending, Ending::Failed(failure) if failure.code == exit_code::DISK_LIMIT_EXCEEDED),
    );
}

#[test]
fn a_job_that_this_host_cannot_run_any_further_is_tried_later_without_its_container() {
    for (event, seen) in [(None, running()), (Some(Event::Suspend), running())] {
        let mut life = Life::begin();
        life.reply(Call::Probe, Reply::Probed);
        life.reply(Call::Inspect, Reply::Container(seen));
        if let Some(event) = event {
            life.event(event);
            life.reply(Call::Pause, Reply::Done);
        }
        life.event(Event::HostCannot { why: "the disk is almost full".into() });
        life.reply(Call::Remove, Reply::Done);
        life.expect_conclusion(
            |ending| matches!(ending, Ending::TryLater { why, .. } if why == "the disk is almost full"),
        );
    }
}

#[test]
fn a_job_over_its_own_limit_has_failed_even_if_the_disk_is_full_too() {
    let mut life = Life::running();
    life.event(Event::LimitExceeded { code: exit_code::DISK_LIMIT_EXCEEDED, why: "too many bytes".into() });
    life.event(Event::HostCannot { why: "the disk is almost full".into() });
    life.reply(Call::Kill, Reply::Done);
    life.reply(Call::AwaitExit, exited(137));
    life.expect_conclusion(
        |ending| matches!(ending, Ending::Failed(failure) if failure.code == exit_code::DISK_LIMIT_EXCEEDED),
    );
}

#[test]
fn a_job_that_ends_by_itself_while_the_disk_fills_up_counts_as_it_ended() {
    let mut life = Life::running();
    life.event(Event::ContainerExited { out_of_memory: false, succeeded: true });
    life.event(Event::HostCannot { why: "the disk is almost full".into() });
    life.reply(Call::Collect, Reply::Done);
    life.expect_conclusion(|ending| *ending == Ending::Success);
}

#[test]
fn a_log_that_cannot_be_had_does_not_change_the_end() {
    let mut life = Life::running();
    life.event(Event::ContainerExited { out_of_memory: false, succeeded: false });
    life.reply(Call::AwaitExit, exited(0));
    life.reply(Call::Collect, Reply::Done);
    life.expect_conclusion(|ending| *ending == Ending::Success);
    life.fail(Call::Logs, CallError::Transient("no".into()));
    life.fail(Call::Remove, CallError::Transient("no".into()));
    life.expect_exit(|ending| *ending == Ending::Success);
}

#[test]
fn an_engine_that_is_away_at_the_end_is_waited_for_so_that_the_container_goes() {
    let mut life = Life::running();
    life.event(Event::ContainerExited { out_of_memory: false, succeeded: true });
    life.reply(Call::Collect, Reply::Done);
    life.expect_conclusion(|ending| *ending == Ending::Success);
    life.fail(Call::AwaitExit, CallError::EngineAway("no".into()));
    life.expect_quiet();
    life.wait(second() * 10);
    life.reply(Call::AwaitExit, Reply::Container(ContainerState::Killed));
    life.reply(Call::Logs, Reply::Done);
    life.reply(Call::Remove, Reply::Done);
    life.expect_exit(|ending| *ending == Ending::Success);
}

#[test]
fn what_an_earlier_life_concluded_is_only_cleaned_up() {
    let mut life = Life::begin();
    life.job = Job::finished_before(Ending::Success);
    life.actions.clear();
    life.event(Event::Tick { now: second() });
    life.reply(Call::Probe, Reply::Probed);
    life.reply(Call::Remove, Reply::Done);
    life.expect_exit(|ending| *ending == Ending::Success);
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Suspend),
        4 => Just(Event::Resume),
        2 => any::<bool>().prop_map(|suspended| {
            Event::Network(if suspended { Network::Suspended } else { Network::Allowed })
        }),
        1 => Just(Event::Quit),
        1 => Just(Event::Abort),
        3 => any::<(bool, bool)>().prop_map(|(out_of_memory, succeeded)| Event::ContainerExited { out_of_memory, succeeded }),
        1 => Just(Event::LimitExceeded { code: 196, why: "files".into() }),
        1 => Just(Event::HostCannot { why: "disk".into() }),
    ]
}

fn any_seen() -> impl Strategy<Value = ContainerState> {
    prop_oneof![
        Just(ContainerState::Created),
        Just(running()),
        Just(ContainerState::Paused { pid: None }),
        Just(ContainerState::Killed),
        (0..256_i32, any::<bool>()).prop_map(|(code, out_of_memory)| ContainerState::Exited(Exited {
            code,
            out_of_memory,
            error: String::new()
        })),
    ]
}

fn any_error() -> impl Strategy<Value = CallError> {
    prop_oneof![
        Just(CallError::NoContainer),
        Just(NO_IMAGE),
        Just(CallError::NoImage { needs_network: true }),
        Just(CallError::Conflict("c".into())),
        Just(CallError::EngineAway("a".into())),
        Just(CallError::Host("h".into())),
        Just(CallError::Job("j".into())),
        any::<bool>().prop_map(|online| CallError::Network { why: "n".into(), online }),
        Just(CallError::Transient("u".into())),
    ]
}

#[derive(Debug, Clone)]
enum Turn {
    Event(Event),
    Answer(Result<ContainerState, CallError>),
    Wait(u64),
}

fn any_turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        2 => any_event().prop_map(Turn::Event),
        5 => prop_oneof![4 => any_seen().prop_map(Ok), 1 => any_error().prop_map(Err)].prop_map(Turn::Answer),
        3 => (0..15_000_u64).prop_map(Turn::Wait),
    ]
}

fn reply_to(call: Call, seen: ContainerState) -> Reply {
    match call {
        Call::Probe => Reply::Probed,
        Call::Inspect | Call::Start | Call::AwaitExit => Reply::Container(seen),
        _ => Reply::Done,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_happens_the_rules_hold(
        turns in proptest::collection::vec(any_turn(), 1..80),
        has_network in any::<bool>(),
    ) {
        let mut job = Job::new(0).with_network(Network::Unknown, NetworkFailures::default(), has_network);
        let (mut in_flight, mut over, mut concluded) = (None::<Call>, false, None::<Ending>);
        let mut now = Duration::ZERO;
        let mut leaving_since = None;
        let mut feed = |job: &mut Job, event: Event, in_flight: &mut Option<Call>, over: &mut bool| {
            for action in job.step(event) {
                assert!(!*over, "{action:?} after the exit");
                match action {
                    Action::Call(call) => {
                        assert!(in_flight.is_none(), "{call:?} while {in_flight:?} is in flight");
                        *in_flight = Some(call);
                    }
                    Action::Cancel => assert!(in_flight.is_some(), "nothing to cancel"),
                    Action::Hold(_) => assert!(*in_flight == Some(Call::MakeImage) || in_flight.is_none()),
                    Action::Conclude(ending) => {
                        assert!(concluded.is_none(), "concluded twice: {concluded:?}, then {ending:?}");
                        concluded = Some(ending);
                    }
                    Action::Exit(ending) => {
                        *over = true;
                        match &concluded {
                            Some(told) => assert_eq!(told, &ending, "the client was told otherwise"),
                            None => assert!(matches!(ending, Ending::Quit | Ending::Aborted { .. })),
                        }
                    }
                    Action::Say(_) => {}
                }
            }
        };
        feed(&mut job, Event::Tick { now }, &mut in_flight, &mut over);
        for turn in turns {
            match turn {
                Turn::Event(event) => {
                    if matches!(event, Event::Quit | Event::Abort) && leaving_since.is_none() {
                        leaving_since = Some(now);
                    }
                    feed(&mut job, event, &mut in_flight, &mut over);
                }
                Turn::Answer(result) => {
                    if let Some(call) = in_flight.take() && !over {
                        let result = result.map(|seen| reply_to(call, seen));
                        feed(&mut job, Event::Replied { call, result }, &mut in_flight, &mut over);
                    }
                }
                Turn::Wait(milliseconds) => {
                    now += Duration::from_millis(milliseconds);
                    feed(&mut job, Event::Tick { now }, &mut in_flight, &mut over);
                }
            }
            if let Some(since) = leaving_since {
                let obeyed = over || now < since + Duration::from_secs(2);
                prop_assert!(obeyed, "still here {:?} after quit or abort", now - since);
            }
        }
    }

    #[test]
    fn processor_time_never_falls(
        base in 0.0..1e6_f64,
        steps in proptest::collection::vec((0..3_u8, 0.0..1e5_f64), 0..50),
    ) {
        let mut ledger = CpuLedger::new(base);
        let mut last = ledger.total_seconds();
        for (kind, seconds) in steps {
            match kind {
                0 => ledger.observe(seconds),
                1 => ledger.restarted(),
                _ => ledger.attach(seconds.min(last)),
            }
            prop_assert!(ledger.total_seconds() >= last - 1e-6);
            last = ledger.total_seconds();
        }
    }
}

/// A life that may have failed for the network before, in the state of the client's network.
fn with_network(network: Network, failures: NetworkFailures, has_network: bool) -> Life {
    let job = Job::new(0).with_network(network, failures, has_network);
    let mut life = Life { job, actions: Vec::new(), now: Duration::ZERO };
    life.event(Event::Tick { now: Duration::ZERO });
    life.reply(Call::Probe, Reply::Probed);
    life
}

#[test]
fn an_image_that_needs_the_network_waits_until_the_client_allows_it() {
    let mut life = with_network(Network::Suspended, NetworkFailures::default(), false);
    life.fail(Call::Inspect, CallError::NoContainer);
    life.fail(Call::Create, CallError::NoImage { needs_network: true });
    life.wait(second() * 600);
    life.expect_quiet();
    assert!(life.job.waits_for_network());
    life.event(Event::Network(Network::Allowed));
    life.expect_call(Call::MakeImage);
    assert!(!life.job.waits_for_network());
    life.event(Event::Network(Network::Suspended));
    assert_eq!(std::mem::take(&mut life.actions), [Action::Hold(true)], "a step in the middle stands still");
    assert!(life.job.waits_for_network());
    life.event(Event::Network(Network::Allowed));
    assert_eq!(std::mem::take(&mut life.actions), [Action::Hold(false)]);
}

#[test]
fn an_image_that_needs_no_network_is_made_while_it_is_suspended() {
    let mut life = with_network(Network::Suspended, NetworkFailures::default(), false);
    life.fail(Call::Inspect, CallError::NoContainer);
    life.fail(Call::Create, NO_IMAGE);
    life.reply(Call::MakeImage, Reply::Done);
    life.reply(Call::Create, Reply::Done);
    life.expect_call(Call::Start);
    assert!(!life.job.waits_for_network());
}

#[test]
fn the_first_heartbeat_is_waited_for_but_not_for_long() {
    let mut life = with_network(Network::Unknown, NetworkFailures::default(), false);
    life.fail(Call::Inspect, CallError::NoContainer);
    life.fail(Call::Create, CallError::NoImage { needs_network: true });
    life.wait(second());
    life.expect_quiet();
    life.wait(second() * 10);
    life.expect_call(Call::MakeImage);
}

#[test]
fn a_job_with_a_network_stands_still_while_it_is_suspended() {
    let mut life = with_network(Network::Allowed, NetworkFailures::default(), true);
    life.reply(Call::Inspect, Reply::Container(running()));
    life.event(Event::Network(Network::Suspended));
    life.reply(Call::Pause, Reply::Done);
    assert!(life.job.waits_for_network());
    life.wait(second() * 600);
    life.expect_quiet();
    life.event(Event::Network(Network::Allowed));
    life.expect_call(Call::Unpause);
}

#[test]
fn a_failure_of_the_network_is_no_failure_of_the_job_for_a_day() {
    let fail = |failures: NetworkFailures, online: bool| {
        let mut life = with_network(Network::Allowed, failures, false);
        life.fail(Call::Inspect, CallError::NoContainer);
        life.fail(Call::Create, CallError::NoImage { needs_network: true });
        life.fail(Call::MakeImage, CallError::Network { why: "no route".into(), online });
        let conclusion = life.actions.iter().find_map(|action| match action {
            Action::Conclude(ending) => Some(ending.clone()),
            _ => None,
        });
        conclusion.expect("a conclusion")
    };
    let old = NetworkFailures { count: 5, since_first: second() * 90_000 };
    let new = NetworkFailures { count: 5, since_first: second() * 900 };
    assert!(matches!(fail(old, true), Ending::Failed(failure) if failure.why.contains("6 attempts")));
    assert!(matches!(fail(new, true), Ending::TryLater { postponed: Postponed::Network, .. }));
    assert!(matches!(fail(old, false), Ending::TryLater { postponed: Postponed::Offline, .. }));
}

#[test]
fn a_status_of_a_signal_names_it_and_others_guess_nothing() {
    let why = |code: i32| {
        let mut life = Life::running();
        life.event(Event::ContainerExited { out_of_memory: false, succeeded: false });
        life.reply(Call::AwaitExit, exited(code));
        let why = life.actions.iter().find_map(|action| match action {
            Action::Conclude(Ending::Failed(failure)) => Some(failure.why.clone()),
            _ => None,
        });
        why.expect("a failure")
    };
    assert_eq!(why(127), "the science app exited with status 127");
    assert_eq!(why(139), "the science app exited with status 139 (signal 11: segmentation fault)");
}

/// A life in which an image is being made.
fn making() -> Life {
    let mut life = Life::begin();
    life.reply(Call::Probe, Reply::Probed);
    life.fail(Call::Inspect, CallError::NoContainer);
    life.fail(Call::Create, NO_IMAGE);
    life.expect_call(Call::MakeImage);
    life
}

#[test]
fn a_build_is_held_while_the_client_suspends() {
    let mut life = making();
    life.event(Event::Suspend);
    assert_eq!(std::mem::take(&mut life.actions), [Action::Hold(true)]);
    life.wait(second());
    life.expect_quiet();
    life.event(Event::Resume);
    assert_eq!(std::mem::take(&mut life.actions), [Action::Hold(false)]);
    life.event(Event::Suspend);
    life.actions.clear();
    life.event(Event::Replied { call: Call::MakeImage, result: Ok(Reply::Done) });
    assert_eq!(std::mem::take(&mut life.actions), [Action::Hold(false)], "nothing is created after it");
    life.event(Event::Resume);
    life.expect_call(Call::Create);
}

#[test]
fn a_build_that_is_held_stays_so_until_a_quit_breaks_it_off() {
    let mut life = making();
    life.event(Event::Suspend);
    life.actions.clear();
    life.event(Event::Quit);
    assert_eq!(std::mem::take(&mut life.actions), [Action::Cancel]);
    life.event(Event::Replied { call: Call::MakeImage, result: Err(CallError::Cancelled) });
    assert!(life.actions.contains(&Action::Hold(false)), "{:?}", life.actions);
}
