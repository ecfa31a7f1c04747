//! Servers that answer what no server should.

use std::thread;
use std::time::Duration;

use emulated_project::{Fault, Gate};
use submit_cli::project::error::ProjectError;
use submit_cli::remote::submission::SubmitError;

use crate::campaign::Bench;

const WITHIN: Duration = Duration::from_secs(60);

/// A whole reply with an error, as the project's web code writes it.
pub fn refusal(request: &str, message: &str) -> Fault {
    let error = format!("<error>\n<error_num>-1</error_num>\n<error_msg>{message}</error_msg>\n</error>\n");
    Fault::Proxy(
        200,
        format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<{request}>\n{error}</{request}>\n"),
    )
}

#[test]
fn a_database_that_is_busy_while_jobs_are_made_is_waited_for() {
    let bench = Bench::new(5);
    let busy = "create_work failed: Database error: Deadlock found when trying to get lock; try restarting transaction";
    for number in [1, 2] {
        bench.project.faults().on("submit_batch", number, refusal("submit_batch", busy));
    }
    bench.submit().unwrap();
    bench.assert_all_there_once();
}

#[test]
fn a_batch_that_is_made_and_not_found_is_not_made_for_ever() {
    let bench = Bench::new(5);
    bench.project.faults().with(|arrival| match arrival.verb.as_str() {
        "query_batch" => refusal("query_batch", "no batch named x"),
        // The test would never end.
        "create_batch" if arrival.number_of_verb > 20 => refusal("create_batch", "no submit access"),
        _ => Fault::None,
    });
    let error = bench.submit().unwrap_err();
    assert!(matches!(error, SubmitError::GaveUp { .. }), "{error:?}");
    assert_eq!(bench.project.requests().count("create_batch"), 1);
    bench.project.faults().clear();
    bench.submit().unwrap();
    bench.assert_all_there_once();
}

#[test]
fn another_file_of_the_same_name_is_not_taken_for_ours() {
    let bench = Bench::new(3);
    let name = {
        let twin = Bench::new(3);
        twin.submit().unwrap();
        twin.project.files().remove(0)
    };
    let gate = Gate::new();
    bench.project.faults().on("upload_files", 1, Fault::Held(gate.clone()));
    let error = thread::scope(|scope| {
        let submission = scope.spawn(|| bench.submit().unwrap_err());
        assert!(gate.wait_until_reached(WITHIN));
        bench.project.add_download_file(&name, b"something else");
        gate.open();
        submission.join().unwrap()
    });
    let is_it = |error: &SubmitError| matches!(error, SubmitError::Project { source: ProjectError::Immutable { name: told }, .. } if *told == name);
    assert!(is_it(&error), "{error:?}");
    // It is on the server: that alone must not make it good the next time.
    let again = bench.submit().unwrap_err();
    assert!(is_it(&again), "{again:?}");
    assert_eq!(bench.project.workunit_count(), 0);
    bench.project.remove_download_file(&name);
    bench.submit().unwrap();
    bench.assert_all_there_once();
}
