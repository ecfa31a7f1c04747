//! This computer: names that lead elsewhere, a full disk, two at once.

use std::os::unix::fs::symlink;

use emulated_project::Report;
use sha2::{Digest, Sha256};
use submit_cli::remote::fetch::FetchError;

use crate::support::{Bench, Outputs, Told, expected, outputs, workunit};

#[test]
fn an_output_whose_name_leads_elsewhere_is_refused() {
    for name in ["../poses.txt", "..", "/etc/passwd", "", "a/b"] {
        let mut bench = Bench::new(&["a"]);
        bench.finish(&["a"]);
        bench.facts.outputs[0].name = name.to_owned();
        let error = bench.fetch().unwrap_err();
        assert!(matches!(error, FetchError::OutputName { .. }), "{error:?}");
        assert_eq!(bench.project.requests().len(), 0);
    }
}

#[test]
fn a_job_whose_name_leads_elsewhere_is_left_and_the_others_come() {
    let mut bench = Bench::new(&["a"]);
    for (round, job) in [("r1", ".."), ("r2", ".buoy"), ("r3", "results.csv")] {
        bench.submit(round, &[job], Outputs::Kept);
        bench
            .project
            .finish_job(&format!("{}-{round}", workunit(job)), Report::with_outputs(["1", "2"]))
            .unwrap();
    }
    bench.finish(&["a"]);
    let mut told = Told::default();
    let outcome = bench.fetch_with(&bench.options(), &mut told).unwrap();
    assert_eq!((outcome.fetched, told.remaining.len()), (1, 3), "{told:?}");
    assert_eq!(outputs(bench.files()), expected(&["a"]));
    assert!(!bench.path("poses.txt").exists());
}

#[test]
fn a_full_disk_ends_it_with_what_to_do_and_the_next_fetch_goes_on() {
    let mut bench = Bench::with(&["a"], Outputs::Kept, 1 << 30);
    bench.finish(&["a"]);
    // Whatever is written to /dev/full finds no room.
    let hash = Sha256::digest(workunit("a"));
    let hex: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let incoming = bench.results().join(".buoy/incoming");
    let part = incoming.join(format!("{hex}.0.part"));
    std::fs::create_dir_all(&incoming).unwrap();
    symlink("/dev/full", &part).unwrap();
    let error = bench.fetch().unwrap_err();
    assert!(matches!(error, FetchError::NoRoom { .. }), "{error:?}");
    assert!(
        error
            .to_string()
            .ends_with("no room left; make some and run the same command again: it goes on from there")
    );
    assert_eq!((bench.files().len(), bench.noted().len()), (0, 0));
    std::fs::remove_file(part).unwrap();
    bench.fetch().unwrap();
    assert_eq!(outputs(bench.files()), expected(&["a"]));
}

#[test]
fn two_at_once_are_one_too_many() {
    let mut bench = Bench::new(&["a"]);
    bench.finish(&["a"]);
    let lock = bench.campaign.lock_to_fetch(&bench.results()).unwrap();
    let error = bench.fetch().unwrap_err();
    let holder = std::process::id().to_string();
    assert!(matches!(&error, FetchError::Busy { holder: found, .. } if *found == holder), "{error:?}");
    drop(lock);
    assert_eq!(bench.fetch().unwrap().fetched, 1);
}
