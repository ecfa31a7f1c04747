//! Replicas, agreement and disagreement, through the real shims.

use super::support::{Bench, assert_code, stderr};

const PAIR: &str = "[replication]\nquorum = 2\ntotal = 2\nmax_errors = 2\nmax_total = 6\nmax_success = 3\n";

#[test]
fn two_results_that_agree_are_enough() {
    let bench = Bench::new(PAIR);
    bench.jobs(&[("same", "out:out.txt=x")]);
    assert_code(&bench.run(&[]), 0);
    assert_eq!(bench.table()["same"]["results"], "2");
    assert_eq!(bench.read("results/same/out.txt"), "x");
}

#[test]
fn results_that_never_agree_end_the_job() {
    let bench = Bench::new(PAIR);
    bench.jobs(&[("random", "out:out.txt=%n")]);
    assert_code(&bench.run(&[]), 1);
    let row = &bench.table()["random"];
    assert_eq!((row["state"].as_str(), row["results"].as_str()), ("failed", "4"));
    assert!(row["cause"].contains("no two results agree"), "{}", row["cause"]);
    assert!(!bench.path("results/random/out.txt").exists());
}

/// What two results differ in is there to be looked at, compared, and judged by better rules.
#[test]
fn outputs_that_disagree_are_kept_explained_and_judged_again_when_only_the_rules_have_changed() {
    let bench = Bench::new(PAIR);
    bench.jobs(&[("close", "out:out.txt=1.00%n"), ("same", "out:out.txt=x")]);
    let ran = bench.run(&[]);
    assert_code(&ran, 1);
    let said = stderr(&ran);
    for n in 0..4 {
        assert_eq!(bench.read(&format!("results/.buoy/rejected/close/{n}/out.txt")), format!("1.00{n}"));
        assert!(
            said.contains(&format!(
                "outputs kept in {}\n",
                bench.path(&format!("results/.buoy/rejected/close/{n}")).display()
            )),
            "{said}"
        );
    }
    assert!(said.contains("rejected/close/0/out.txt line 1: 1.000\n"), "{said}");
    assert!(said.contains("rejected/close/1/out.txt line 1: 1.001\n"), "{said}");
    assert!(
        said.contains("help: out.txt of these two agrees with rule = \"numbers\", relative = 1e-3"),
        "{said}"
    );
    assert!(!bench.path("results/.buoy/rejected/same").exists());

    // The rule that was suggested makes two of them agree; nothing runs again.
    let started = bench.traced("start");
    bench.write("app.toml", &(bench.read("app.toml") + "[validate]\nrule = \"numbers\"\nrelative = 1e-3\n"));
    let ran = bench.run(&[]);
    assert_code(&ran, 0);
    let said = stderr(&ran);
    assert!(said.contains("1 are judged again without running them; 1 are done and keep"), "{said}");
    assert_eq!(bench.traced("start"), started);
    assert_eq!(bench.read("results/close/out.txt"), "1.000");
    assert!(!bench.path("results/.buoy/rejected/close").exists());
    assert_eq!(bench.table()["close"]["state"], "done");

    // A change to the program is another campaign.
    bench.write("run.sh", "#!/bin/sh\n:\n");
    let ran = bench.run(&[]);
    assert_code(&ran, 2);
    assert!(stderr(&ran).contains("results of bundle"), "{}", stderr(&ran));
}

#[test]
fn an_output_that_fails_its_check_is_kept_and_judged_again() {
    let bench = Bench::new("[validate]\ncheck.must_match = [\"^END$\"]\n");
    bench.jobs(&[("short", "out:out.txt=x")]);
    let ran = bench.run(&["--replicas", "1"]);
    assert_code(&ran, 1);
    assert!(stderr(&ran).contains("results/.buoy/rejected/short/0\n"), "{}", stderr(&ran));
    let started = bench.traced("start");
    bench.write("app.toml", &bench.read("app.toml").replace("^END$", "^x$"));
    assert_code(&bench.run(&["--replicas", "1"]), 0);
    assert_eq!(bench.traced("start"), started);
    assert_eq!(bench.read("results/short/out.txt"), "x");
}

#[test]
fn kept_slots_are_compared_by_their_outputs() {
    let bench = Bench::new(PAIR);
    bench.jobs(&[("random", "out:out.txt=%n")]);
    assert_code(&bench.run(&["--keep"]), 1);
    let mut kept: Vec<_> = std::fs::read_dir(bench.path("results/.buoy/kept"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    kept.sort();
    let compared = bench.buoy().arg("compare").args(&kept[..2]).args(["--app", "."]).output().unwrap();
    assert_code(&compared, 1);
    let said = String::from_utf8_lossy(&compared.stdout).into_owned();
    assert!(said.contains("first    line 1: 0\nsecond   line 1: 1\n"), "{said}");
}

#[test]
fn a_third_result_decides_between_two_that_differ() {
    let bench = Bench::new(PAIR);
    bench.jobs(&[("odd", "out:out.txt=even only:0:out:out.txt=odd")]);
    assert_code(&bench.run(&[]), 0);
    assert_eq!(bench.read("results/odd/out.txt"), "even");
    assert_eq!(bench.table()["odd"]["results"], "3");
}

#[test]
fn an_error_is_replaced_by_another_result() {
    let bench = Bench::new(PAIR);
    bench.jobs(&[("once", "only:0:exit:7 out:out.txt=x")]);
    assert_code(&bench.run(&[]), 0);
    assert_eq!(bench.table()["once"]["results"], "3");
}

#[test]
fn replicas_overrides_the_app() {
    let bench = Bench::new(PAIR);
    bench.jobs(&[("one", "out:out.txt=x")]);
    assert_code(&bench.run(&["--replicas", "1"]), 0);
    assert_eq!(bench.traced("start"), 1);
}

#[test]
fn outputs_that_seem_to_have_decimal_commas_are_asked_about() {
    let numbers = |rest: &str| Bench::new(&format!("{PAIR}[validate]\nrule = \"numbers\"\n{rest}"));
    let bench = numbers("");
    bench.jobs(&[("one", "out:out.txt=0,05")]);
    let output = bench.run(&[]);
    assert_code(&output, 0);
    let said = stderr(&output);
    assert!(said.contains("note: out.txt has \"0,05\" in line 1: add decimal = \",\" to its rule"), "{said}");
    let bench = numbers("decimal = \",\"\n");
    bench.jobs(&[("one", "out:out.txt=0,05")]);
    assert!(!stderr(&bench.run(&[])).contains("decimal"));
}
