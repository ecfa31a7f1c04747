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
