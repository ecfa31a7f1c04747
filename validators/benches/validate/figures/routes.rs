//! What each call of a shim pays for routes.toml.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use validators::routes::Routes;

use crate::run::Row;

const TIMES: usize = 500;

const SCIENCE_APPS: usize = 100;

/// The document that describes the format; its first example is a routes file.
const DOCUMENT: &str = include_str!("../../../../docs/routes-toml.md");

pub fn measure() -> Vec<Row> {
    let workunit = "app57-0123456789ab__b1__lig_7";
    let beside = |number: usize| (format!("app{number}.toml"), science_app(number, ""));
    let many: String =
        (0..SCIENCE_APPS).map(|number| science_app(number, &format!("app.app{number}."))).collect();
    let of_the_document = Files { routes_toml: example(DOCUMENT), routes_d: Vec::new() };
    let one_file = Files { routes_toml: &many, routes_d: Vec::new() };
    let a_file_each = Files { routes_toml: "", routes_d: (0..SCIENCE_APPS).map(beside).collect() };
    vec![
        row(
            "as in docs/routes-toml.md",
            &of_the_document,
            "vina-0123456789ab__b1__lig_7",
            "vina-0123456789ab",
        ),
        row("100 science apps", &one_file, workunit, "app57"),
        row("100 science apps, in routes.d beside it", &a_file_each, workunit, "app57"),
    ]
}

/// A project's routes.
struct Files<'a> {
    routes_toml: &'a str,
    /// Names and contents.
    routes_d: Vec<(String, String)>,
}

fn row(what: &str, files: &Files, workunit: &str, key: &str) -> Row {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("routes.toml");
    fs::write(&path, files.routes_toml).unwrap();
    fs::create_dir(directory.path().join("routes.d")).unwrap();
    for (name, text) in &files.routes_d {
        fs::write(directory.path().join("routes.d").join(name), text).unwrap();
    }
    assert_eq!(find(&path, workunit), key, "{what}: it leads where it should");
    let [open, worst] = times(|| _ = black_box(find(&path, workunit)));
    let [read, _] = times(|| _ = black_box(fs::read(&path).unwrap()));
    let us = |time: Duration| time.as_secs_f64() * 1e6;
    let kilobytes = files.routes_toml.len() as f64 / 1e3;
    Row::new(
        format!("routes.toml of {kilobytes:.1} kB, {what}: read, and the route of a workunit found"),
        format!("p50 {:.0} µs, p95 {:.0} µs (n {TIMES})", us(open), us(worst)),
        "p50 ≤ 1 ms",
        us(open) <= 1000.0,
    )
    .compared(format!("reading its bytes: p50 {:.0} µs", us(read)))
}

fn find(path: &Path, workunit: &str) -> String {
    let routes = Routes::open(path, Path::new("")).unwrap();
    let subject = routes.subject(workunit);
    routes.find(&subject).unwrap().key
}

/// How long it takes: the middle one, and the one that is longer than 19 of 20.
fn times(once: impl Fn()) -> [Duration; 2] {
    let mut times: Vec<Duration> = (0..TIMES)
        .map(|_| {
            let began = Instant::now();
            once();
            began.elapsed()
        })
        .collect();
    times.sort();
    [times[TIMES / 2], times[TIMES * 19 / 20]]
}

/// The first example in TOML.
fn example(document: &str) -> &str {
    let (_, rest) = document.split_once("```toml\n").unwrap();
    rest.split_once("```").unwrap().0
}

/// A science app as a large project has it, its tables named with this before them.
fn science_app(number: usize, before: &str) -> String {
    format!(
        r#"
[[{before}outputs]]
name = "poses.pdbqt"
max_bytes = 1000000
[[{before}outputs]]
name = "scores.csv"
max_bytes = 100000
[[{before}outputs]]
name = "log.txt"
optional = true
[{before}validate]
rule = "numbers"
absolute = 0.01
ignore_lines = ["^REMARK time", "^HOST"]
check = {{ must_match = ["^ENDMDL"], min_bytes = 100 }}
[[{before}validate.output]]
name = "scores.csv"
rule = "table"
keys = ["ligand"]
relative = 1e-6
check = {{ ranges = [{{ column = "energy", min = -50.0, max = 50.0 }}] }}
[[{before}validate.output]]
name = "log.txt"
rule = "ignore"
[{before}assimilate]
layout = "job"
directory = "/srv/app{number}"
[{before}assimilate.table]
file = "../results/app{number}.sqlite"
[[{before}assimilate.value]]
name = "energy"
output = "poses.pdbqt"
pattern = 'REMARK VINA RESULT:\s+(\S+)'
[[{before}assimilate.value]]
name = "seconds"
output = "log.txt"
pattern = 'took (\d+) s'
"#
    )
}
