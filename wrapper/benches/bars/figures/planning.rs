//! Expand, check, render: a table of 10,000 jobs, as for `buoy pack`, without writing it out.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::stats::Sample;
use crate::table::Row;
use crate::workbench::{Workbench, resident_peak_bytes};

const JOBS: usize = 10_000;
const LIGANDS: usize = 100;

pub fn measure(bench: &Workbench) -> Vec<Row> {
    let dir = bench.dir("planning");
    fs::write(dir.join("Dockerfile"), "FROM debian:bookworm-slim\nWORKDIR /app\n").unwrap();
    fs::write(dir.join("receptor.pdbqt"), "ATOM\n".repeat(40_000)).unwrap();
    fs::create_dir(dir.join("ligands")).unwrap();
    for n in 0..LIGANDS {
        fs::write(dir.join(format!("ligands/{n}.pdbqt")), format!("ATOM {n}\n").repeat(400)).unwrap();
    }
    let app = "name = \"bench\"\nversion = \"1\"\nsummary = \"Planned by the benchmark\"\n\
               [run]\ncommand = \"--ligand ligand.pdbqt --seed {seed} --note '{note}'\"\n\
               [[input]]\nname = \"receptor.pdbqt\"\nshared = true\nfile = \"receptor.pdbqt\"\n\
               [[input]]\nname = \"ligand.pdbqt\"\n\
               [[output]]\nname = \"poses.pdbqt\"\nmax_size = \"1 MB\"\n\
               [resources]\nflops = 1e12\nmemory = \"512 MB\"\ndisk = \"200 MB\"\ndeadline = \"3 days\"\n";
    fs::write(dir.join("app.toml"), app).unwrap();
    let mut table = "name,ligand,seed,note\n".to_owned();
    for n in 0..JOBS {
        writeln!(table, "job-{n},ligands/{}.pdbqt,{n},it's job {n}", n % LIGANDS).unwrap();
    }
    fs::write(dir.join("jobs.csv"), table).unwrap();
    fs::write(dir.join("batch.toml"), "[jobs]\ntable = \"jobs.csv\"\nname = \"{name}\"\n").unwrap();

    let buoy = bench.program("buoy");
    let runs: Vec<(f64, f64)> = (0..7)
        .map(|_| {
            let began = Instant::now();
            let said = File::create(dir.join("said")).unwrap();
            let mut child = Command::new(&buoy)
                .args(["pack", ".", "--dry-run"])
                .current_dir(&dir)
                .stdout(said)
                .spawn()
                .unwrap();
            let mut peak_bytes = 0.0;
            let status = loop {
                // The kernel keeps the peak, but only while the process lives.
                peak_bytes = resident_peak_bytes(child.id()).unwrap_or(peak_bytes);
                if let Some(status) = child.try_wait().unwrap() {
                    break status;
                }
                sleep(Duration::from_millis(1));
            };
            assert!(status.success(), "buoy pack --dry-run: {status}");
            let seconds = began.elapsed().as_secs_f64();
            let said = fs::read_to_string(dir.join("said")).unwrap();
            assert!(said.contains("10000 lines"), "all jobs are planned: {said}");
            (seconds, peak_bytes)
        })
        .collect();
    let seconds = Sample::new(runs.iter().map(|run| run.0).collect());
    let megabytes = Sample::new(runs.iter().map(|run| run.1 / 1e6).collect());
    vec![Row::new(
        "expand + check + render 10,000 jobs from a table (`buoy pack --dry-run`)",
        format!("p50 {:.2} s, max {:.2} s; {:.0} MB", seconds.median(), seconds.max(), megabytes.max()),
        "≤ 0.5 s, ≤ 100 MB",
        seconds.median() <= 0.5 && megabytes.max() <= 100.0,
    )]
}
