//! What becomes of workunits when daemons' shims and the spool's workers are killed, and some cannot be assimilated.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::numbers::Numbers;
use crate::run::Row;
use crate::server::{HASH, Server};

/// 1,000 failed assimilations among 10,000 good ones, four daemons at once, kill -9 now and then.
pub fn measure() -> Vec<Row> {
    const DAEMONS: usize = 4;
    const WORKUNITS: usize = 11_000;
    let server = Server::new("[app.good]\n[app.bad.script]\nassimilate = ['broken']\n");
    server.script("broken", "exit 1");
    // Every eleventh is bad.
    let name = |n: usize| format!("{}-{HASH}__b__j{n}", if n.is_multiple_of(11) { "bad" } else { "good" });
    let paths: Vec<String> =
        (0..WORKUNITS).map(|n| server.upload(&name(n), 0, &format!("output {n}"))).collect();
    let (ended, killed, workers_killed) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for daemon in 0..DAEMONS {
            let (server, paths, ended, killed, workers_killed) =
                (&server, &paths, &ended, &killed, &workers_killed);
            scope.spawn(move || {
                let mut random = Numbers::new(daemon as u64 + 1);
                for (n, path) in paths.iter().enumerate() {
                    // Each has its share, and each hundredth workunit is everybody's.
                    if n % DAEMONS != daemon && !n.is_multiple_of(100) {
                        continue;
                    }
                    if random.below(50) == 0 {
                        killed.fetch_add(
                            usize::from(killed_call(server, n, path, &mut random)),
                            Ordering::Relaxed,
                        );
                    }
                    if random.below(500) == 0 {
                        workers_killed.fetch_add(kill_workers(server), Ordering::Relaxed);
                    }
                    if server.run(&format!("buoy-assimilate  {n} {path}")) == 0 {
                        // As the server's file_deleter does; another daemon may have been faster.
                        let _ = fs::remove_file(path);
                    } else {
                        ended.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    let collected = (0..WORKUNITS)
        .filter(|n| !n.is_multiple_of(11))
        .filter(|n| {
            let path = server.path(&format!("results/b/{}__file_0", name(*n)));
            fs::read_to_string(path).is_ok_and(|text| text == format!("output {n}"))
        })
        .count();
    let files = fs::read_dir(server.path("results/b")).unwrap().count();
    let bad_files = (0..WORKUNITS).filter(|n| n.is_multiple_of(11)).count();
    let (waiting, bad) = waiting(&server);
    let (killed, workers_killed) = (killed.into_inner(), workers_killed.into_inner());
    kill_workers(&server);
    let about = format!(
        "1,000 failing assimilations among 10,000, {DAEMONS} daemons, {killed} shims and {workers_killed} workers killed"
    );
    let other = files - collected - bad_files;
    let daemons = ended.into_inner();
    let is_kept = bad == 1_000 && waiting == 1_000;
    vec![
        Row::new(format!("{about}: collected"), collected.to_string(), "10000", collected == 10_000),
        Row::new("… of them twice, or something else there", other.to_string(), "0", other == 0),
        Row::new("… in the spool, with their error", bad.to_string(), "1000", is_kept),
        Row::new("… daemons ended", daemons.to_string(), "0", daemons == 0),
        Row::without_bar("… workunits assimilated in a second", format!("{:.0}", WORKUNITS as f64 / seconds)),
    ]
}

/// How many items wait in the spool, and how many of these are bad ones whose error is noted. The worker gets time for a
/// first try of each.
fn waiting(server: &Server) -> (usize, usize) {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let items: Vec<_> = fs::read_dir(server.path("buoy/spool/waiting"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        let is_bad_and_noted = |item: &&PathBuf| {
            let state = fs::read_to_string(item.join("state.json")).unwrap_or_default();
            item.file_name().unwrap().to_string_lossy().starts_with("bad-")
                && state.contains("assimilate script: exit 1")
        };
        let noted = items.iter().filter(is_bad_and_noted).count();
        if noted == items.len() || Instant::now() > deadline {
            return (items.len(), noted);
        }
        // A worker that was killed last is followed by one that the next call starts.
        server.run("buoy-assimilate --process-spool &");
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Starts a call and kills it in the middle; whether it was still running.
fn killed_call(server: &Server, n: usize, path: &str, random: &mut Numbers) -> bool {
    let mut command = Command::new(server.path("bin/buoy-assimilate"));
    command.args([&n.to_string(), path]).env_clear().current_dir(server.path("tmp_host"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    std::thread::sleep(Duration::from_micros(random.below(12_000)));
    let was_running = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    was_running
}

/// Kills the processes that work off this project's spool; how many.
fn kill_workers(server: &Server) -> usize {
    let directory = server.path("tmp_host").canonicalize().unwrap();
    let mut killed = 0;
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let process = entry.path();
        let is_worker =
            fs::read(process.join("cmdline")).is_ok_and(|words| contains(&words, b"--process-spool"));
        if !is_worker || !fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == directory) {
            continue;
        }
        let Some(pid) = process.file_name().and_then(|name| name.to_str()?.parse().ok()) else { continue };
        if let Some(pid) = rustix::process::Pid::from_raw(pid) {
            killed += usize::from(rustix::process::kill_process(pid, rustix::process::Signal::KILL).is_ok());
        }
    }
    killed
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
