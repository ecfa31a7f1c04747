//! A submission that is killed, as by `kill -9` or a power cut, while the server works on a request.

use std::process::Stdio;
use std::time::Duration;

use emulated_project::{Fault, Gate};

use crate::campaign::Bench;

/// So many requests has a small campaign, with those that ask before it begins.
const REQUESTS: u64 = 9;

#[test]
fn killed_at_any_request_the_same_command_goes_on() {
    for acted in ["before the kill", "after the next run"] {
        for number in 1..=REQUESTS {
            let bench = Bench::new(4);
            bench.log_in();
            let gate = Gate::new();
            bench.project.faults().at(number, Fault::Held(gate.clone()));
            let args = ["submit", ".", "jobs.csv", "--yes", "--detach"];
            let mut child = bench.buoy(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            assert!(gate.wait_until_reached(Duration::from_secs(60)), "no request {number}");
            if acted == "before the kill" {
                gate.open();
            }
            child.kill().unwrap();
            child.wait().unwrap();
            let again = bench.ran(&args);
            gate.open();
            assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
            // What was held back may have been done just now.
            assert!(bench.ran(&args).status.success());
            bench.assert_all_there_once();
        }
    }
}
