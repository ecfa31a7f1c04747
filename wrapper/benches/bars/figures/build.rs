//! Images built as jobs, against the engine's own `build --no-cache` of the same Dockerfiles in the same run.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::stats::Sample;
use crate::support::{Engine, Slot};
use crate::table::Row;
use crate::workbench::{Workbench, resident_peak_bytes};

const ROUNDS: usize = 3;
/// Number of files of the build that copies many.
const FILES: usize = 2_000;
/// The longest build; the measurement is given up then.
const LIMIT: Duration = Duration::from_secs(600);
/// Path of a `docker` program whose `build` uses BuildKit with `DOCKER_BUILDKIT=1`, if that on PATH needs buildx.
const BUILDKIT: &str = "BUOY_BENCH_BUILDKIT";
const VINA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/vina");

/// What is built.
struct Recipe {
    name: &'static str,
    dockerfile: String,
    files: Vec<(String, Vec<u8>)>,
}

fn recipes(bench: &Workbench) -> Vec<Recipe> {
    let read = |path: PathBuf| fs::read(path).unwrap();
    let vina = Path::new(VINA);
    let debian = "FROM debian:bookworm-slim";
    let data = |n: usize| (format!("data/part-{n:04}.dat"), format!("{n}\n").repeat(400).into_bytes());
    let compiler = "RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev";
    vec![
        Recipe {
            name: "examples/vina",
            dockerfile: String::from_utf8(read(vina.join("Dockerfile"))).unwrap(),
            files: vec![("dock.sh".into(), read(vina.join("dock.sh")))],
        },
        Recipe {
            name: "2,000 copied files",
            dockerfile: format!("{debian}\nCOPY data /data/\nENTRYPOINT [\"/bin/true\"]\n"),
            files: (0..FILES).map(data).collect(),
        },
        Recipe {
            name: "python3 and numpy",
            dockerfile: format!(
                "{debian}\nRUN apt-get update && apt-get install -y --no-install-recommends python3 python3-numpy\n\
                 ENTRYPOINT [\"/bin/true\"]\n"
            ),
            files: Vec::new(),
        },
        Recipe {
            name: "a program compiled by gcc, copied into scratch",
            dockerfile: format!(
                "{debian} AS compiler\n{compiler}\nCOPY job.c /src/job.c\n\
                 RUN gcc -O2 -static -s -o /src/job /src/job.c\n\
                 FROM scratch\nCOPY --from=compiler /src/job /job\nENTRYPOINT [\"/job\", \"stamp\", \"1\"]\n"
            ),
            files: vec![("job.c".into(), read(bench.source()))],
        },
    ]
}

/// An engine's own builder.
struct Builder {
    name: &'static str,
    program: PathBuf,
    /// Value of `DOCKER_BUILDKIT`.
    buildkit: &'static str,
    bar: &'static str,
    is_met: fn(ours: f64, theirs: f64) -> bool,
}

fn builders(bench: &Workbench) -> Vec<Builder> {
    let faster = |ours: f64, theirs: f64| ours <= 1.5 * theirs || ours <= theirs + 1.0;
    if bench.engine != Engine::Docker {
        return vec![Builder {
            name: "`podman build`",
            program: "podman".into(),
            buildkit: "0",
            bar: "≤ 1.5 × or ≤ 1 s more",
            is_met: faster,
        }];
    }
    let mut builders = vec![Builder {
        name: "classic builder",
        program: "docker".into(),
        buildkit: "0",
        bar: "≤ 1.1 ×",
        is_met: |ours, theirs| ours <= 1.1 * theirs,
    }];
    let program = std::env::var_os(BUILDKIT).map_or_else(|| "docker".into(), PathBuf::from);
    let buildkit =
        Builder {
            name: "BuildKit", program, buildkit: "1", bar: "≤ 1.5 × or ≤ 1 s more", is_met: faster
        };
    let empty = bench.dir("build-probe");
    fs::write(empty.join("Dockerfile"), "FROM scratch\nCOPY Dockerfile /\n").unwrap();
    match buildkit.try_build(&empty) {
        Ok(image) => {
            let _ = bench.engine.try_run(&["image", "rm", &image]);
            builders.push(buildkit);
        }
        Err(why) => eprintln!("BuildKit is left out ({BUILDKIT} can name a client with it): {why}"),
    }
    builders
}

impl Builder {
    /// Builds a directory and gives the image's id.
    fn try_build(&self, context: &Path) -> Result<String, String> {
        let output = Command::new(&self.program)
            .args(["build", "--no-cache", "--quiet"])
            .arg(context)
            .env("DOCKER_BUILDKIT", self.buildkit)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if !output.status.success() {
            return Err(text(&output.stderr));
        }
        text(&output.stdout).lines().last().map(str::to_owned).ok_or_else(|| "no image id".into())
    }
}

pub fn measure(bench: &Workbench) -> Vec<Row> {
    let builders = builders(bench);
    let mut rows = Vec::new();
    let mut peak = 0.0_f64;
    for recipe in recipes(bench) {
        let mut ours = Vec::new();
        let mut theirs: Vec<Vec<f64>> = builders.iter().map(|_| Vec::new()).collect();
        for round in 0..ROUNDS {
            let dockerfile =
                format!("{}LABEL {}\n", recipe.dockerfile, bench.label(&format!("round-{round}")));
            let seen = build_by_wrapper(bench, &recipe, &dockerfile);
            peak = peak.max(seen.peak_bytes);
            ours.push(seen.seconds);
            let context = bench.dir(&format!("{}-{round}", recipe.name.replace(['/', ' ', ','], "-")));
            write_files(&context, &recipe, &dockerfile);
            for (builder, times) in builders.iter().zip(&mut theirs) {
                let began = Instant::now();
                let image = builder.try_build(&context).unwrap();
                times.push(began.elapsed().as_secs_f64());
                let _ = bench.engine.try_run(&["image", "rm", &image]);
            }
            fs::remove_dir_all(context).unwrap();
            let last: Vec<f64> = theirs.iter().filter_map(|times| times.last().copied()).collect();
            eprintln!("build: {}: {:.2} s; {last:.2?} s", recipe.name, seen.seconds);
        }
        let ours = Sample::new(ours).median();
        for (builder, times) in builders.iter().zip(theirs) {
            let theirs = Sample::new(times).median();
            let figure = format!("image built as a job ÷ {}: {}", builder.name, recipe.name);
            let measured = format!("{:.2} ({ours:.2} s)", ours / theirs);
            let row = Row::new(figure, measured, builder.bar, (builder.is_met)(ours, theirs));
            rows.push(row.raw(format!("{theirs:.2} s")));
        }
    }
    rows.push(Row::new(
        "wrapper's resident memory while it builds, peak",
        format!("{:.1} MB", peak / 1e6),
        "≤ 5 MB",
        peak <= 5e6,
    ));
    rows
}

struct ContainerState {
    seconds: f64,
    peak_bytes: f64,
}

/// From "building image" to "is ready", as a client sees them in stderr.txt.
fn build_by_wrapper(bench: &Workbench, recipe: &Recipe, dockerfile: &str) -> ContainerState {
    let mut slot = bench.empty_slot();
    write_files(&slot.dir, recipe, dockerfile);
    let names: Vec<String> = recipe.files.iter().map(|(name, _)| format!("{name:?}")).collect();
    slot.copy("job.toml", &format!("build_files = [{}]\n", names.join(", ")));
    slot.init_data.rsc_memory_bound = 2e9;
    slot.init_data.rsc_disk_bound = 8e9;
    // A builder of the engine takes all processors that there are.
    slot.init_data.ncpus = thread::available_parallelism().map_or(1, usize::from) as f64;
    let mut running = slot.start();
    let mut peak_bytes = 0.0_f64;
    let mut await_line = |what: &str| {
        let began = Instant::now();
        loop {
            let text = slot.stderr();
            if let Some(line) = text.lines().find(|line| line.contains(what)) {
                return (Instant::now(), line.to_owned());
            }
            peak_bytes = peak_bytes.max(resident_peak_bytes(running.pid()).unwrap_or(0.0));
            running.take_status();
            assert!(running.finish().is_none() && began.elapsed() < LIMIT, "no {what:?}: {text}");
            thread::sleep(Duration::from_millis(2));
        }
    };
    let (began, _) = await_line("building image");
    let (ended, line) = await_line(" is ready");
    running.wait_for_exit();
    let _ = slot.try_ask(&["rm", "--force", &slot.container()]);
    remove_image(&slot, &line);
    ContainerState { seconds: (ended - began).as_secs_f64(), peak_bytes }
}

/// Removes the image that a line `… image ID is ready (… MB)` names.
fn remove_image(slot: &Slot, line: &str) {
    let id = line.split("image ").nth(1).and_then(|rest| rest.split(' ').next()).expect("an image id");
    let removed = slot.try_ask(&["image", "rm", "--force", id]);
    assert!(removed.status.success(), "{}", String::from_utf8_lossy(&removed.stderr));
}

fn write_files(dir: &Path, recipe: &Recipe, dockerfile: &str) {
    fs::write(dir.join("Dockerfile"), dockerfile).unwrap();
    for (name, content) in &recipe.files {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    }
}
