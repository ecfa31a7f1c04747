//! An image archive of 500 MB: read, written again and loaded, against the engine's plain `load` of the same file.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use boinc::archive::image::ImageArchive;
use boinc::archive::tar::{Entry, Kind, Writer};
use wrapper::engine::{Cancel, CliEngine, Flavor, NativeTransport, program_of};
use wrapper::image::{Load, load};

use crate::stats::Sample;
use crate::support::{Engine, Slot};
use crate::table::Row;
use crate::workbench::{Workbench, await_until, resident_peak_bytes};

const BYTES: u64 = 500_000_000;
const ROUNDS: usize = 3;

pub fn measure(bench: &Workbench) -> Vec<Row> {
    let dir = bench.dir("archive");
    let name = format!("localhost/buoy-bench-archive-{}:latest", std::process::id());
    let path = save_image(bench.engine, &dir, &name, BYTES);
    let digest = ImageArchive::open(File::open(&path).unwrap(), None).unwrap().config_digest().to_owned();
    let flavor = match bench.engine {
        Engine::Docker => Flavor::Docker,
        Engine::Podman | Engine::RootlessPodman => Flavor::Podman,
    };
    let program = program_of(flavor).expect("the engine's program is installed");
    let cancel = Cancel::default();
    let engine = CliEngine::new(flavor, program, NativeTransport, cancel.clone(), false);
    let scratch = dir.join("scratch");
    let (mut ours, mut raw, mut copies) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bench.engine.run(&["image", "rm", &name]);
        let began = Instant::now();
        bench.engine.run(&["load", "--input", path.to_str().unwrap()]);
        raw.push(began.elapsed().as_secs_f64());
        bench.engine.run(&["image", "rm", &name]);
        let wanted = Load {
            path: &path,
            digest: &digest,
            name: &name,
            labels: &[],
            most_bytes: u64::MAX,
            scratch: &scratch,
        };
        let began = Instant::now();
        let largest = largest_while(&scratch, || load(&engine, &wanted, &cancel).unwrap());
        ours.push(began.elapsed().as_secs_f64());
        copies.push(largest as f64 / 1e6);
    }
    bench.engine.run(&["image", "rm", &name]);
    let peak = peak_while_loading(bench, &path) / 1e6;
    let median = |values| Sample::new(values).median();
    let (ours, raw, copies) = (median(ours), median(raw), median(copies));
    vec![
        Row::new(
            "image archive of 500 MB: read strictly, written again and loaded",
            format!("{ours:.1} s"),
            "≤ 1.5 × plain load",
            ours <= 1.5 * raw,
        )
        .raw(format!("{raw:.1} s")),
        Row::without_bar("… temporary files of the engine's program in the slot", format!("{copies:.0} MB")),
        Row::new(
            "wrapper's resident memory while it loads this archive, peak",
            format!("{peak:.1} MB"),
            "≤ 5 MB",
            peak <= 5.0,
        ),
    ]
}

/// The most memory of a wrapper whose job's image is this archive.
fn peak_while_loading(bench: &Workbench, archive: &Path) -> f64 {
    let mut slot = bench.empty_slot();
    use_archive(&mut slot, archive);
    let mut running = slot.start();
    let mut peak = 0.0_f64;
    await_until("the archive to be loaded", || {
        peak = peak.max(resident_peak_bytes(running.pid()).unwrap_or(0.0));
        running.take_status();
        let said = slot.stderr();
        assert!(running.finish().is_none() || said.contains(" is ready"), "{said}");
        said.contains(" is ready")
    });
    running.wait_for_exit();
    peak
}

/// Makes the slot's image this archive.
pub fn use_archive(slot: &mut Slot, archive: &Path) {
    let digest = ImageArchive::open(File::open(archive).unwrap(), None).unwrap().config_digest().to_owned();
    let physical = slot.project.join("phys_image.tar");
    if fs::hard_link(archive, &physical).is_err() {
        fs::copy(archive, &physical).unwrap();
    }
    slot.link("image.tar", "phys_image.tar");
    slot.copy("job.toml", &format!("image = \"image.tar\"\ndigest = \"{digest}\"\n"));
}

/// Half of it is random, as programs and data are mixed.
pub fn save_image(engine: Engine, dir: &Path, name: &str, bytes: u64) -> PathBuf {
    let layer = dir.join("layer.tar");
    let mut writer = Writer::new(io::BufWriter::new(File::create(&layer).unwrap()));
    let random = File::open("/dev/urandom").unwrap().take(bytes / 2);
    let mut body = random.chain(io::repeat(b'x'));
    writer.append(&Entry { size: bytes, ..Entry::new("data", Kind::File, 0o644) }, &mut body).unwrap();
    writer.finish().unwrap().flush().unwrap();
    engine.run(&["import", layer.to_str().unwrap(), name]);
    fs::remove_file(layer).unwrap();
    let path = dir.join("image.tar");
    engine.run(&["save", "--output", path.to_str().unwrap(), name]);
    path
}

/// The most bytes that were in a directory while `work` ran.
fn largest_while<T>(dir: &Path, work: impl FnOnce() -> T) -> u64 {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut largest = 0;
            while !done.load(Ordering::SeqCst) {
                largest = largest.max(bytes_in(dir));
                thread::sleep(Duration::from_millis(50));
            }
            largest
        });
        work();
        done.store(true, Ordering::SeqCst);
        watch.join().unwrap()
    })
}

fn bytes_in(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => bytes_in(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}
