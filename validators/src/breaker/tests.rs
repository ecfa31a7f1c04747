//! Outages, on a clock that only waits and attempts move.

use super::*;

fn failure(attempt: u32) -> FailedAttempt<'static> {
    FailedAttempt { key: "vina", budget: "vina", error: "exit 1", seconds: 0.5, attempt, limit_seconds: 60.0 }
}

/// Lets a rule fail at one call after the other; how long all of them took, and how often it was tried.
fn outage(breakers: &Breakers, failure: &FailedAttempt, calls: u32, start: f64) -> (f64, u32) {
    let (mut now, mut attempts) = (start, 0);
    for _ in 0..calls {
        for attempt in 0.. {
            if breakers.admit(failure.key, failure.budget, failure.limit_seconds, now).unwrap().is_some() {
                break;
            }
            attempts += 1;
            now += failure.seconds;
            match breakers.failed(&FailedAttempt { attempt, ..*failure }, now).unwrap().pause {
                Some(pause) => now += pause,
                None => break,
            }
        }
        // The daemon's own work.
        now += 0.01;
    }
    (now - start, attempts)
}

#[test]
fn an_outage_is_waited_for_once_however_many_calls_there_are() {
    let dir = tempfile::tempdir().unwrap();
    let breakers = Breakers::new(dir.path());
    let (seconds, _) = outage(&breakers, &failure(0), 1, 1000.0);
    assert!((55.0..58.5).contains(&seconds), "{seconds}");
    let (seconds, attempts) = outage(&breakers, &failure(0), 10_000, 1000.0 + seconds);
    assert!(attempts >= 3, "it is still tried now and then: {attempts}");
    assert!(seconds < 100.0 * 1.03, "waiting and trying take a fiftieth: {seconds}");
}

#[test]
fn a_rule_that_hangs_is_not_tried_at_each_call() {
    let dir = tempfile::tempdir().unwrap();
    let breakers = Breakers::new(dir.path());
    let hangs = FailedAttempt { seconds: 60.0, ..failure(0) };
    let (seconds, attempts) = outage(&breakers, &hangs, 1000, 1000.0);
    assert!(attempts == 1 && seconds < 71.0, "{attempts} {seconds}");
}

#[test]
fn the_last_attempt_that_hangs_ends_within_the_time_for_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let breakers = Breakers::new(dir.path());
    let hangs = FailedAttempt { seconds: 10.0, ..failure(0) };
    let (seconds, attempts) = outage(&breakers, &hangs, 1000, 1000.0);
    assert!(attempts == 5 && seconds - 10.0 < 60.0, "{attempts} {seconds}");
}

#[test]
fn somebody_is_told_at_once_and_then_every_hour() {
    let dir = tempfile::tempdir().unwrap();
    let breakers = Breakers::new(dir.path());
    let alert = |now| breakers.failed(&failure(0), now).unwrap().alert;
    assert!(alert(5000.0));
    assert!(!alert(5001.0));
    assert!(!alert(8000.0));
    assert!(alert(8601.0));
}

#[test]
fn a_success_ends_it_and_tells_how_long_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let breakers = Breakers::new(dir.path());
    assert_eq!(breakers.succeeded("vina", 1.0).unwrap(), None);
    breakers.failed(&failure(0), 5000.0).unwrap();
    breakers.failed(&failure(1), 5001.0).unwrap();
    let before = breakers.succeeded("vina", 5002.0).unwrap().unwrap();
    assert_eq!((before.failures, before.since, before.error.as_str()), (2, 5000.0, "exit 1"));
    assert_eq!(breakers.succeeded("vina", 5003.0).unwrap(), None);
    assert!(!breakers.list(5003.0).unwrap()[0].1.open);
}

#[test]
fn one_that_fails_now_and_then_does_not_get_the_whole_time_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let breakers = Breakers::new(dir.path());
    let mut now = 1000.0;
    let mut total = 0.0;
    for _ in 0..100 {
        let (seconds, _) = outage(&breakers, &failure(0), 1, now);
        now += seconds;
        total += seconds;
        breakers.succeeded("vina", now).unwrap();
    }
    assert!(total < 60.0 + 100.0 * 1.5, "{total}");
    // After a quiet hour it does.
    let (seconds, _) = outage(&breakers, &failure(0), 1, now + 4000.0);
    assert!(seconds > 55.0, "{seconds}");
}

#[test]
fn rules_that_share_a_budget_wait_no_longer_together_than_one() {
    let dir = tempfile::tempdir().unwrap();
    let breakers = Breakers::new(dir.path());
    let mut now = 1000.0;
    for n in 0..50 {
        let key = format!("submitted-{n}");
        let one = FailedAttempt { key: &key, budget: "submitted", ..failure(0) };
        now += outage(&breakers, &one, 1, now).0;
    }
    assert!(now - 1000.0 < 60.0 + 50.0, "{now}");
}

#[test]
fn what_is_only_delayed_is_never_out_and_shares_its_time_with_its_budget_alone() {
    let dir = tempfile::tempdir().unwrap();
    let breakers = Breakers::new(dir.path());
    let mut now = 1000.0;
    for _ in 0..50 {
        for attempt in 0.. {
            now += 0.5;
            let budget = "submitted.later";
            let delay = FailedAttempt { budget, ..failure(attempt) };
            match breakers.delayed(&delay, now).unwrap() {
                Some(pause) => now += pause,
                None => break,
            }
        }
        assert_eq!(breakers.admit("vina-1.compare", "submitted", 60.0, now).unwrap(), None);
    }
    assert!((55.0..60.0).contains(&(now - 1000.0 - 50.0 * 0.5)), "{now}");
    assert!(breakers.list(now).unwrap().iter().all(|(_, record)| !record.open));
    let one = FailedAttempt { key: "vina-1.compare", budget: "submitted", ..failure(0) };
    assert!(outage(&breakers, &one, 1, now).0 > 50.0, "an outage has its own");
}

#[test]
fn what_nobody_waits_for_takes_nothing_of_the_time_that_rules_share() {
    let dir = tempfile::tempdir().unwrap();
    let breakers = Breakers::new(dir.path());
    let honest = FailedAttempt { key: "a", budget: "submitted", ..failure(0) };
    let mut now = 1000.0 + outage(&breakers, &honest, 1, 1000.0).0;
    for _ in 0..100 {
        now += 100.0;
        let refused = FailedAttempt { key: "b", budget: "submitted", limit_seconds: 0.0, ..failure(0) };
        assert_eq!(breakers.failed(&refused, now).unwrap().pause, None);
    }
    let (seconds, _) = outage(&breakers, &FailedAttempt { key: "c", ..honest }, 1, now);
    assert!(seconds > 50.0, "its time has come back: {seconds}");
}

#[test]
fn records_of_what_is_over_are_removed_in_time_and_open_ones_stay() {
    let dir = tempfile::tempdir().unwrap();
    let breakers = Breakers::new(dir.path());
    breakers.is_alert_due("told", 1000.0).unwrap();
    breakers.failed(&failure(0), 5_000_000.0).unwrap();
    breakers.tidy(5_000_001.0);
    let left: Vec<_> = breakers.list(5_000_001.0).unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(left, ["vina"]);
}

#[test]
fn a_record_that_was_torn_by_a_kill_counts_as_new() {
    let dir = tempfile::tempdir().unwrap();
    let breakers = Breakers::new(dir.path());
    breakers.failed(&failure(0), 5000.0).unwrap();
    fs::write(dir.path().join("vina.json"), "{\"open\": tr").unwrap();
    assert_eq!(breakers.admit("vina", "vina", 60.0, 5001.0).unwrap(), None);
    fs::write(dir.path().join("vina.json"), "").unwrap();
    assert!(breakers.failed(&failure(0), 5002.0).unwrap().alert);
}

#[test]
fn keys_never_lead_out_of_the_directory() {
    let breakers = Breakers::new(Path::new("/x"));
    assert_eq!(breakers.path("../../a b"), Path::new("/x/.._.._a_b.json"));
}
