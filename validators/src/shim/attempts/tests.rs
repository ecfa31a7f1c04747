//! Scripts that say "later", on a clock that only waits and attempts move.

use std::cell::RefCell;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use boinc::clock::Clock;

use crate::breaker::Breakers;
use crate::session::{Call, breaker_directory};
use crate::shim::{Shim, run};

const START: f64 = 1_000_000.0;

/// A project whose compare script notes each attempt; each takes a fixed time on the project's clock.
struct Project {
    root: tempfile::TempDir,
    slept: Mutex<f64>,
    attempt_seconds: f64,
}

impl Clock for Project {
    fn now(&self) -> f64 {
        START + *self.slept.lock().unwrap() + self.attempt_seconds * f64::from(self.asked())
    }

    fn pause(&self, wait: Duration) -> bool {
        *self.slept.lock().unwrap() += wait.as_secs_f64();
        true
    }
}

impl Project {
    /// `body` is the script's, after it has noted the attempt; it finds the number of attempts in `$n`.
    fn new(attempt_seconds: f64, body: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        for directory in ["buoy", "tmp_host", "upload"] {
            fs::create_dir(root.path().join(directory)).unwrap();
        }
        let project = Self { root, slept: Mutex::new(0.0), attempt_seconds };
        project.write("asked", "");
        let routes = "[app.vina]\nscript.compare = ['judge']\n";
        project.write("buoy/routes.toml", routes);
        project.script(body);
        project
    }

    fn script(&self, body: &str) {
        let asked = self.path("asked");
        let text = format!("#!/bin/sh\necho x >> {0}\nn=$(wc -l < {0})\n{body}\n", asked.display());
        self.write("buoy/judge", &text);
        fs::set_permissions(self.path("buoy/judge"), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.root.path().join(relative)
    }

    fn write(&self, relative: &str, text: &str) {
        fs::write(self.path(relative), text).unwrap();
    }

    /// How often the script was asked.
    fn asked(&self) -> u32 {
        fs::read_to_string(self.path("asked")).unwrap().lines().count().try_into().unwrap()
    }

    fn passed(&self) -> f64 {
        self.now() - START
    }

    /// Compares two results of the workunit of this job; the answer, and the log.
    fn compare(&self, job: u32) -> (u8, String) {
        let mut argv = vec![OsString::from("buoy-compare")];
        for instance in 0..2 {
            let path = self.path(&format!("upload/vina-0123456789ab__b__j{job}_{instance}_r1_0"));
            fs::write(&path, instance.to_string()).unwrap();
            argv.push(path.into());
        }
        let log = RefCell::new(String::new());
        let note = |line: &str| log.borrow_mut().push_str(&format!("{line}\n"));
        let call = Call {
            argv: &argv,
            directory: &self.path("tmp_host"),
            routes: None,
            outage: None,
            inline: true,
            clock: self,
            log: &note,
        };
        let answer = run(Shim::Compare, &call);
        (answer, log.into_inner())
    }

    fn breakers(&self) -> Breakers {
        Breakers::new(&breaker_directory(&self.path("buoy/routes.toml")))
    }

    /// Rules that are called out.
    fn out(&self) -> Vec<String> {
        let all = self.breakers().list(self.now()).unwrap();
        all.into_iter().filter(|(_, record)| record.open).map(|(key, _)| key).collect()
    }

    fn is_anybody_told(&self) -> bool {
        self.path("buoy/alerts.log").exists()
    }
}

#[test]
fn later_of_one_pair_is_waited_for_and_refuses_no_other_pair() {
    let project = Project::new(0.5, "exit 75");
    for job in 0..40 {
        let before = project.asked();
        let (answer, log) = project.compare(job);
        assert!(answer == 3 && log.contains("asks to retry later"), "{answer} {log}");
        assert!(project.asked() > before, "job {job} was not asked about: {log}");
    }
    // A first attempt is made for each in any case; all else is bounded by the time for waiting.
    let waited = project.passed() - 40.0 * 0.5;
    assert!((50.0..60.5).contains(&waited), "{waited}");
    assert!(!project.is_anybody_told());
    assert_eq!(project.out(), Vec::<String>::new());
}

#[test]
fn a_pair_that_is_decided_later_is_judged_as_any_other() {
    for (code, verdict) in [(0, 0), (10, 1)] {
        let project = Project::new(0.5, &format!("[ $n -gt 3 ] || exit 3\nexit {code}"));
        let (answer, log) = project.compare(0);
        assert_eq!((answer, project.asked()), (verdict, 4), "{log}");
        assert!(!log.contains("works again") && !project.is_anybody_told(), "{log}");
        let (answer, _) = project.compare(1);
        assert_eq!((answer, project.asked()), (verdict, 5));
    }
}

#[test]
fn a_slow_script_that_says_later_is_asked_once_a_call_when_no_time_is_left() {
    let project = Project::new(20.0, "exit 75");
    project.compare(0);
    assert!(project.asked() == 3 && project.passed() < 20.0 + 60.0, "{}", project.passed());
    for job in 1..10 {
        project.compare(job);
    }
    assert_eq!(project.asked(), 3 + 9);
}

#[test]
fn the_time_comes_back_when_nothing_has_said_later_for_a_while() {
    let project = Project::new(0.5, "exit 75");
    project.compare(0);
    let (asked, passed) = (project.asked(), project.passed());
    // It says so all the time: nothing comes back.
    for job in 1..100 {
        project.pause(Duration::from_secs(100));
        project.compare(job);
    }
    assert_eq!(project.asked(), asked + 99);
    project.pause(Duration::from_secs(2 * 3600));
    let before = project.passed();
    project.compare(100);
    assert!((project.passed() - before - passed).abs() < 2.0, "{}", project.passed() - before);
}

#[test]
fn an_outage_takes_nothing_of_the_time_for_later_and_the_other_way_round() {
    let project = Project::new(0.5, "exit 75");
    project.compare(0);
    project.script("exit 1");
    let before = project.passed();
    let (_, log) = project.compare(1);
    assert!(project.passed() - before > 50.0, "{log}");
    assert!(log.contains("ALERT: vina.compare"), "{log}");
}

#[test]
fn a_broken_script_that_says_later_works_again() {
    let project = Project::new(0.5, "exit 1");
    assert_eq!(project.compare(0).0, 3);
    assert_eq!(project.out(), ["vina.compare"]);
    project.script("exit 75");
    // When it is tried the next time.
    project.pause(Duration::from_secs(60));
    let (answer, log) = project.compare(1);
    assert!(answer == 3 && log.contains("works again"), "{log}");
    assert_eq!(project.out(), Vec::<String>::new());
    let before = project.asked();
    project.compare(2);
    assert!(project.asked() > before);
}

#[test]
fn where_no_time_can_be_counted_nobody_waits() {
    let project = Project::new(0.5, "exit 75");
    fs::create_dir_all(project.path("buoy/state")).unwrap();
    project.write("buoy/state/breakers", "a file where the directory belongs");
    let (answer, log) = project.compare(0);
    assert_eq!((answer, project.asked()), (3, 1), "{log}");
    assert!(log.contains("failed to write circuit breakers") && !project.is_anybody_told(), "{log}");
}
