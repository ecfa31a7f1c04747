//! `--verbose`: requests are logged to stderr, and no line of it proves who is asking.

use emulated_project::{Fault, Report};

use crate::campaign::{AUTHENTICATOR, Bench};

impl Bench {
    /// A campaign whose only job has finished.
    fn finished() -> Self {
        let bench = Self::new(1);
        bench.log_in();
        bench.submit().unwrap();
        for name in bench.project.workunit_names() {
            while bench.project.workunit(&name).unwrap().canonical_result == 0 {
                bench.project.finish_job(&name, Report::with_outputs(["poses"])).unwrap();
            }
        }
        bench
    }

    fn stderr_of(&self, args: &[&str]) -> String {
        let output = self.ran(args);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        assert!(!stderr.contains(AUTHENTICATOR), "{stderr}");
        stderr.replace(self.project.url(), "URL/")
    }
}

/// The value of the query that proves whose output is asked for.
fn proofs(log: &str) -> Vec<&str> {
    log.split("auth_str=").skip(1).map(|rest| rest.split([' ', '&', '"']).next().unwrap()).collect()
}

#[test]
fn a_request_is_logged_with_its_result() {
    let bench = Bench::finished();
    let log = bench.stderr_of(&["-v", "status"]);
    let line = log.lines().find(|line| line.contains("query_batch2")).expect("a line of a request");
    for part in [
        "INFO",
        "request",
        "method=POST",
        "submit_rpc_handler.php\"",
        "status=200",
        "received_bytes=",
        "seconds=",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(!log.contains("DEBUG"), "{log}");

    let quiet = Bench::finished().stderr_of(&["status"]);
    assert!(!quiet.contains("request"), "{quiet}");
}

#[test]
fn more_is_logged_when_asked_twice_and_no_download_shows_its_proof() {
    let bench = Bench::finished();
    let log = bench.stderr_of(&["fetch", "-vv"]);
    assert!(log.contains("DEBUG") && log.contains("reply text="), "{log}");
    let proofs = proofs(&log);
    assert!(!proofs.is_empty() && proofs.iter().all(|proof| *proof == "hidden"), "{log}");
}

#[test]
fn each_attempt_has_its_number() {
    let bench = Bench::new(1);
    bench.log_in();
    bench.project.faults().on("query_files", 1, Fault::Status500);
    let log = bench.stderr_of(&["-v", "submit", ".", "jobs.csv", "--yes", "--detach"]);
    assert!(log.contains("waiting before the next attempt"), "{log}");
    for attempt in ["attempt{number=1}: request", "attempt{number=2}: request"] {
        assert!(log.contains(attempt), "{attempt}: {log}");
    }
}

#[test]
fn a_login_does_not_log_the_authenticator() {
    let bench = Bench::new(1);
    let args = ["-vv", "login", bench.project.url(), "--stdin", "--name", "other"];
    let mut command = bench.buoy(&args);
    let key = bench.path("key");
    std::fs::write(&key, AUTHENTICATOR).unwrap();
    let output = command.stdin(std::fs::File::open(key).unwrap()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("estimate_batch") && !stderr.contains(AUTHENTICATOR), "{stderr}");
}
