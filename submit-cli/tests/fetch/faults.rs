//! Servers that are down, slow or cut the line, and submitters who press Ctrl-C.

use emulated_project::{Fault, Gate};
use submit_cli::clock::Clock;
use submit_cli::project::error::ProjectError;
use submit_cli::remote::fetch::FetchError;

use crate::support::{Bench, Outputs, Told, expected, outputs};

const JOBS: [&str; 4] = ["a", "b", "c", "d"];

/// What can befall a request.
fn faults() -> Vec<Fault> {
    vec![
        Fault::Lost,
        Fault::ReplyLost,
        Fault::CutAfter(0),
        Fault::CutAfter(700),
        Fault::CutAfter(50_000),
        Fault::Status500,
        Fault::ActThenStatus500,
        Fault::ClosedForMaintenance,
        Fault::Proxy(502, "<html>Bad Gateway</html>".to_owned()),
        Fault::Proxy(200, "<html>Please log in to the hotel's network</html>".to_owned()),
    ]
}

#[test]
fn whatever_befalls_one_request_the_next_fetch_has_everything() {
    for max_bytes in [1 << 20, 1 << 30] {
        for fault in faults() {
            // query_batch, then four jobs of two to four requests.
            for request in [1, 2, 4, 7] {
                let mut bench = Bench::with(&JOBS, Outputs::Kept, max_bytes);
                bench.finish(&JOBS);
                bench.project.faults().at(bench.project.requests().len() as u64 + request, fault.clone());
                let mut once = bench.options();
                once.retry.tries = 1;
                let mut told = Told::default();
                let first = bench.fetch_with(&once, &mut told);
                let case = format!("{fault:?} at {request}: {first:?} {told:?}");
                assert!(told.missing.is_empty(), "{case}");
                let all = expected(&JOBS);
                assert!(
                    outputs(bench.files()).iter().all(|(name, bytes)| all.get(name) == Some(bytes)),
                    "{case}"
                );
                let here = bench.noted().len();
                bench.project.faults().clear();
                assert_eq!(bench.fetch().unwrap().fetched, 4 - here, "{case}");
                assert_eq!(outputs(bench.files()), all, "{case}");
                assert_eq!((bench.noted().len(), bench.parts()), (4, 0), "{case}");
            }
        }
    }
}

#[test]
fn what_passes_is_waited_for() {
    let mut bench = Bench::new(&JOBS);
    bench.finish(&JOBS);
    // Every second request fails, each in another way.
    let mut faults = faults().into_iter().filter(|fault| !matches!(fault, Fault::Proxy(200, _))).cycle();
    bench.project.faults().with(move |arrival| match arrival.number % 2 {
        0 => faults.next().unwrap(),
        _ => Fault::None,
    });
    let mut options = bench.options();
    options.retry.tries = 12;
    assert_eq!(bench.fetch_with(&options, &mut Told::default()).unwrap().fetched, 4);
    assert_eq!(outputs(bench.files()), expected(&JOBS));
}

#[test]
fn a_file_goes_on_where_it_was_cut() {
    let mut bench = Bench::with(&["a"], Outputs::Kept, 1 << 30);
    bench.finish(&["a"]);
    bench.project.faults().on("get_output", 1, Fault::CutAfter(60_000));
    let mut once = bench.options();
    once.retry.tries = 1;
    let mut told = Told::default();
    let outcome = bench.fetch_with(&once, &mut told).unwrap();
    assert_eq!((outcome.fetched, outcome.remaining), (0, 1), "{told:?}");
    assert_eq!(bench.files(), [].into(), "half a file has no name");
    assert_eq!(bench.parts(), 1, "and is kept to go on from");
    bench.fetch().unwrap();
    assert_eq!(outputs(bench.files()), expected(&["a"]));
}

#[test]
fn a_part_that_is_of_another_file_is_not_gone_on_with_for_good() {
    let mut bench = Bench::with(&["a"], Outputs::Kept, 1 << 30);
    bench.finish(&["a"]);
    bench.project.faults().on("get_output", 1, Fault::CutAfter(60_000));
    let mut once = bench.options();
    once.retry.tries = 1;
    bench.fetch_with(&once, &mut Told::default()).unwrap();
    let incoming = bench.results().join(".buoy/incoming");
    let part = std::fs::read_dir(incoming).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&part, vec![7; 200_000]).unwrap();
    bench.fetch().unwrap();
    assert_eq!(outputs(bench.files()), expected(&["a"]));
}

#[test]
fn a_closed_project_ends_it_and_says_what_to_do() {
    let mut bench = Bench::new(&JOBS);
    bench.finish(&JOBS);
    bench.project.set_closed(true);
    let error = bench.fetch().unwrap_err();
    assert!(
        matches!(&error, FetchError::Project { source, .. } if matches!(**source, ProjectError::Maintenance { .. })),
        "{error:?}"
    );
    assert_eq!(error.to_string(), "the project harbour does not give its outputs");
    bench.project.set_closed(false);
    assert_eq!(bench.fetch().unwrap().fetched, 4);
}

#[test]
fn one_job_that_never_comes_does_not_hold_up_the_others() {
    let mut bench = Bench::new(&JOBS);
    bench.finish(&JOBS);
    let mut seen = 0;
    bench.project.faults().with(move |arrival| {
        seen += usize::from(arrival.verb == "get_output");
        // The first job's zip, and after it its single files.
        if arrival.verb == "get_output" && seen == 1 { Fault::Status500 } else { Fault::None }
    });
    let mut options = bench.options();
    options.parallel = 1;
    options.retry.tries = 1;
    let mut told = Told::default();
    assert_eq!(bench.fetch_with(&options, &mut told).unwrap().fetched, 4);
    assert_eq!(told.notes.len(), 1, "the zip that did not come is said: {told:?}");
}

#[test]
fn a_stop_leaves_whole_jobs_and_the_next_fetch_goes_on() {
    let mut bench = Bench::new(&JOBS);
    bench.finish(&JOBS);
    let mut told = Told { stop_after: Some(1), ..Told::default() };
    let mut options = bench.options();
    options.parallel = 1;
    let outcome = bench.fetch_with(&options, &mut told).unwrap();
    assert!(outcome.interrupted && outcome.fetched >= 1 && outcome.remaining >= 1, "{outcome:?}");
    assert_eq!(bench.noted().len(), outcome.fetched);
    assert_eq!(bench.fetch().unwrap().fetched, outcome.remaining);
    assert_eq!(outputs(bench.files()), expected(&JOBS));
}

#[test]
fn a_stop_ends_a_download_that_is_under_way() {
    let mut bench = Bench::new(&["a", "b"]);
    bench.finish(&["a", "b"]);
    let gate = Gate::new();
    // The second job's reply is held until the stop was asked for.
    let mut seen = 0;
    let held = gate.clone();
    bench.project.faults().with(move |arrival| {
        seen += usize::from(arrival.verb == "get_output");
        if arrival.verb == "get_output" && seen == 2 { Fault::Held(held.clone()) } else { Fault::None }
    });
    let mut told = Told { stop_after: Some(1), ..Told::default() };
    let opener = std::sync::Arc::clone(&told.clock);
    let waiting = std::thread::spawn(move || {
        while !opener.interrupted() {
            std::thread::yield_now();
        }
        gate.open();
    });
    let mut options = bench.options();
    options.parallel = 2;
    let outcome = bench.fetch_with(&options, &mut told).unwrap();
    waiting.join().unwrap();
    assert!(outcome.interrupted, "{outcome:?}");
    bench.project.faults().clear();
    bench.fetch().unwrap();
    assert_eq!(outputs(bench.files()), expected(&["a", "b"]));
}

#[test]
fn an_ill_server_is_not_asked_for_ever() {
    let names: Vec<String> = (0..60).map(|n| format!("job{n}")).collect();
    let jobs: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut bench = Bench::new(&jobs);
    bench.finish(&jobs);
    bench.project.faults().with(|arrival| match arrival.verb.as_str() {
        "get_output" | "query_job" => Fault::Status500,
        _ => Fault::None,
    });
    let mut options = bench.options();
    options.retry.tries = 1;
    let error = bench.fetch_with(&options, &mut Told::default()).unwrap_err();
    assert!(matches!(error, FetchError::Ill { .. }), "{error:?}");
    assert!(bench.project.requests().count("get_output") < 40);
    bench.project.faults().clear();
    assert_eq!(bench.fetch().unwrap().fetched, 60);
}
