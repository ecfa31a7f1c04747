//! What is measured.

mod hostile;
mod outage;
mod routes;
mod rules;
mod spool;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::material::{Style, write_pair};
use crate::numbers::Numbers;
use crate::pairs::{self, Verdict};
use crate::project::Project;
use crate::run::{Figure, Row};

/// All of them, in the table's order.
pub const FIGURES: &[Figure] = &[
    Figure { name: "numbers", about: "two texts of 1 GB, all numbers different", measure: numbers },
    Figure { name: "bytes", about: "two equal files of 1 GB", measure: bytes },
    Figure { name: "call", about: "a shim on small files, 200 calls", measure: call },
    Figure { name: "routes", about: "routes.toml read, small and large", measure: routes::measure },
    Figure { name: "oracle", about: "a million pairs against exact arithmetic", measure: verdicts },
    Figure {
        name: "outage",
        about: "1,000 workunits with a script that fails among 1,000 good ones",
        measure: outage::of_a_script_that_fails,
    },
    Figure { name: "hang", about: "the same with one that hangs", measure: outage::of_one_that_hangs },
    Figure {
        name: "spool",
        about: "1,000 failing assimilations among 10,000, with kills",
        measure: spool::measure,
    },
    Figure { name: "rules", about: "rule files made to cost time", measure: rules::measure },
    Figure { name: "hostile", about: "outputs made to do harm", measure: hostile::measure },
];

const GIGABYTE: u64 = 1_000_000_000;
const MEMORY_BAR: u64 = 16 << 20;

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn numbers() -> Vec<Row> {
    let styles = [
        (Style::Fixed, "absolute = 0.01", "fixed point (-12.345)"),
        (Style::Fixed, "relative = 1", "fixed point, relative tolerance"),
        (Style::Scientific, "relative = 1e-5", "scientific (-1.234567e-02), relative tolerance"),
        (Style::Atoms, "absolute = 0.01", "atoms of a PDB file"),
    ];
    let mut rows = Vec::new();
    for (style, tolerance, label) in styles {
        let project = Project::new(&format!("rule = 'numbers'\n{tolerance}"));
        let (a, b) = (project.output(0), project.output(1));
        write_pair(style, GIGABYTE, &a, &b);
        let size = fs::metadata(&a).unwrap().len();
        let best =
            (0..3).map(|_| project.run("buoy-compare", &[&a, &b])).min_by_key(|run| run.on_cpu).unwrap();
        assert_eq!(best.code, Some(0), "{label}: the texts agree");
        let rate = megabytes(size) / best.on_cpu.as_secs_f64();
        rows.push(
            Row::new(
                format!("numbers, 1 GB against 1 GB, {label}: of each file, by processor time"),
                format!("{rate:.0} MB/s (wall {:.2} s)", best.wall.as_secs_f64()),
                "≥ 400 MB/s",
                rate >= 400.0,
            )
            .compared(format!("`wc -l` of both: {:.2} s", wc(&[&a, &b]).as_secs_f64())),
        );
        let peak = best.peak_bytes;
        rows.push(Row::new(
            format!("the same: resident memory, peak, {label}"),
            format!("{:.1} MB", megabytes(peak)),
            "≤ 16 MB",
            peak <= MEMORY_BAR,
        ));
    }
    rows
}

fn bytes() -> Vec<Row> {
    let project = Project::new("rule = 'bytes'");
    let (a, b) = (project.output(0), project.output(1));
    write_pair(Style::Fixed, GIGABYTE, &a, &b);
    fs::copy(&a, &b).unwrap();
    let size = fs::metadata(&a).unwrap().len();
    let best = (0..5).map(|_| project.run("buoy-compare", &[&a, &b])).min_by_key(|run| run.wall).unwrap();
    assert_eq!(best.code, Some(0), "equal files agree");
    let rate = size as f64 / 1e9 / best.wall.as_secs_f64();
    let cmp = (0..3).map(|_| time(Command::new("cmp").args([&a, &b]))).min().unwrap();
    let mut rows = vec![
        Row::new(
            "same bytes, 1 GB against 1 GB: of each file",
            format!("{rate:.2} GB/s"),
            "≥ 2 GB/s",
            rate >= 2.0,
        )
        .compared(format!("`cmp`: {:.2} GB/s", size as f64 / 1e9 / cmp.as_secs_f64())),
    ];
    for rule in ["text", "numbers", "table", "json"] {
        let other = Project::new(&format!("rule = '{rule}'"));
        let files = [other.output(0), other.output(1)];
        fs::rename(&a, &files[0]).unwrap();
        fs::rename(&b, &files[1]).unwrap();
        let run = other.run("buoy-compare", &[&files[0], &files[1]]);
        assert_eq!(run.code, Some(0), "equal files agree");
        fs::rename(&files[0], &a).unwrap();
        fs::rename(&files[1], &b).unwrap();
        let rate = size as f64 / 1e9 / run.wall.as_secs_f64();
        rows.push(Row::without_bar(format!("the same with rule {rule}"), format!("{rate:.2} GB/s")));
    }
    rows
}

fn call() -> Vec<Row> {
    let validate = "rule = 'numbers'\nabsolute = 0.01\nignore_lines = ['^REMARK time']\n\
                    check = { must_match = ['^ATOM'], ranges = [{ column = 7, min = 0 }] }";
    let project = Project::new(validate);
    let (a, b) = (project.output(0), project.output(1));
    write_pair(Style::Atoms, 4000, &a, &b);
    let program = time_of_nothing();
    ["buoy-init", "buoy-compare"]
        .map(|shim| {
            let files: &[&Path] = if shim == "buoy-init" { &[&a] } else { &[&a, &b] };
            let mut times: Vec<Duration> = (0..200)
                .map(|_| {
                    let (code, wall) = project.time(shim, files);
                    assert_eq!(code, Some(0));
                    wall
                })
                .collect();
            times.sort();
            let ms = |at: usize| times[at].as_secs_f64() * 1e3;
            Row::new(
                format!("a call of {shim} on files of 4 kB, with patterns and ranges"),
                format!("p50 {:.2} ms, p95 {:.2} ms, max {:.2} ms (n 200)", ms(99), ms(189), ms(199)),
                "p50 ≤ 3 ms",
                ms(99) <= 3.0,
            )
            .compared(format!("`true`: p50 {:.2} ms", program.as_secs_f64() * 1e3))
        })
        .into()
}

fn verdicts() -> Vec<Row> {
    const PAIRS: usize = 1_000_000;
    let mut numbers = Numbers::new(11);
    let (mut wrong, mut asymmetric, mut agreed) = (0, 0, 0);
    let began = Instant::now();
    for _ in 0..PAIRS {
        let pair = pairs::next(&mut numbers);
        let Verdict { expected, found, exchanged } = pair.judge();
        if found != [expected; 2] {
            eprintln!("wrong: {pair:?}");
        }
        wrong += usize::from(found != [expected; 2]);
        asymmetric += usize::from(found != exchanged);
        agreed += usize::from(expected);
    }
    vec![
        Row::new(
            "a million random pairs, half of them at the border: wrong verdicts; other when exchanged",
            format!("{wrong}; {asymmetric} ({agreed} agree, {:.0} s)", began.elapsed().as_secs_f64()),
            "0; 0",
            wrong + asymmetric == 0,
        )
        .compared("exact rational arithmetic"),
    ]
}

fn wc(files: &[&Path]) -> Duration {
    time(Command::new("wc").arg("-l").args(files).stdout(Stdio::null()))
}

fn time(command: &mut Command) -> Duration {
    let began = Instant::now();
    assert!(command.status().unwrap().success());
    began.elapsed()
}

fn time_of_nothing() -> Duration {
    let mut times: Vec<Duration> = (0..50).map(|_| time(&mut Command::new("true"))).collect();
    times.sort();
    times[25]
}
