//! Outputs that the server does not have.

use crate::support::{Bench, Outputs, Told, expected, outputs};

#[test]
fn deleted_outputs_are_told_once_and_the_others_come() {
    for max_bytes in [1 << 20, 1 << 30] {
        let mut bench = Bench::with(&["kept"], Outputs::Kept, max_bytes);
        bench.submit("r0b", &["x", "y", "z"], Outputs::DeletedWhenAssimilated);
        bench.finish(&["kept"]);
        for job in ["x", "y", "z"] {
            let workunit = crate::support::workunit(job) + "-r0b";
            bench.project.finish_job(&workunit, emulated_project::Report::with_outputs(["1", "2"])).unwrap();
        }
        let mut told = Told::default();
        let outcome = bench.fetch_with(&bench.options(), &mut told).unwrap();
        assert_eq!((outcome.fetched, outcome.missing, outcome.remaining), (1, 3, 0), "{told:?}");
        assert_eq!(told.helps.len(), 1, "{told:?}");
        assert!(told.helps[0].contains("<no_delete/>"), "{told:?}");
        assert!(told.missing.iter().all(|(_, cause)| cause == "its outputs are not on the server any more"));
        assert_eq!(outputs(bench.files()), expected(&["kept"]), "no error page is stored");
        assert_eq!(bench.noted(), ["kept"]);
        assert_eq!(bench.parts(), 0);
    }
}

#[test]
fn a_retired_batch_is_said_to_be_the_cause() {
    let mut bench = Bench::with(&["a"], Outputs::DeletedWhenAssimilated, 1 << 20);
    bench.finish(&["a"]);
    bench.client.retire_batch(bench.batch()).unwrap();
    let mut batch = bench.campaign.batches().unwrap().remove(0);
    batch.stage = submit_cli::campaign::submitted::Stage::Retired;
    bench.campaign.save_batch(&batch).unwrap();
    let mut told = Told::default();
    assert_eq!(bench.fetch_with(&bench.options(), &mut told).unwrap().missing, 1);
    assert!(told.missing[0].1.contains("its batch was retired"), "{told:?}");
}

#[test]
fn an_output_that_every_job_has_is_missed() {
    for max_bytes in [1 << 20, 1 << 30] {
        let mut bench = Bench::with(&["a"], Outputs::Kept, max_bytes);
        let report =
            emulated_project::Report { outputs: vec![None, Some(b"log".to_vec())], ..Default::default() };
        bench.project.finish_job(&crate::support::workunit("a"), report).unwrap();
        let mut told = Told::default();
        assert_eq!(bench.fetch_with(&bench.options(), &mut told).unwrap().missing, 1);
        assert!(told.missing[0].1.contains("no poses.txt"), "{told:?}");
        assert_eq!(bench.files(), [].into());
    }
}
