//! Tries an engine: `buoy` itself runs in a container as a job would. It is on every host that has `buoy doctor`, and needs
//! neither a registry nor a build.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use wrapper::engine::{Flavor, Mount};
use wrapper::trial::{END, GIVEN, MADE, Program, Trial, TrialError};

/// Where the program is in the container.
const INSIDE: &str = "/buoy";

/// The options of `buoy` by which it knows that it is in there.
const COMMAND: [&str; 2] = ["doctor", "--in-container"];

/// Longest run of the program in the container, if nothing tells it to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a container of this engine over a directory on the disk of `dir`, which is removed again.
///
/// # Errors
/// No job can run.
pub fn run(flavor: Flavor, engine: PathBuf, dir: &Path) -> Result<Trial, TrialError> {
    let prepare = |source| TrialError::Prepare { path: dir.to_owned(), source };
    // The engine knows paths from the root directory only.
    let dir = fs::canonicalize(dir).map_err(prepare)?;
    let prefix = format!(".buoy-doctor-{}-", flavor.program_name());
    let work = tempfile::Builder::new().prefix(&prefix).tempdir_in(&dir).map_err(prepare)?;
    let maps = fs::read_to_string("/proc/self/maps").map_err(prepare)?;
    let program = program(&std::env::current_exe().map_err(prepare)?, &maps);
    wrapper::trial::run(flavor, engine, work.path(), &program)
}

/// This program with the libraries that it has loaded, by the kernel's list of its memory.
fn program(exe: &Path, maps: &str) -> Program {
    let mut files = vec![Mount { source: exe.to_owned(), target: INSIDE.into(), read_only: true }];
    let mut loader = None;
    for line in maps.lines() {
        let Some(path) = line.split_once('/').map(|(_, path)| PathBuf::from(format!("/{path}"))) else {
            continue;
        };
        let is_code = line.split(' ').nth(1).is_some_and(|rights| rights.contains('x'));
        if !is_code || path == exe || files.iter().any(|file| file.source == path) {
            continue;
        }
        let target = path.display().to_string();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("ld-") || name.starts_with("ld.") || name.starts_with("ld64") {
            loader = Some(target.clone());
        }
        files.push(Mount { source: path, target, read_only: true });
    }
    let command = loader.into_iter().chain([INSIDE.to_owned()]).chain(COMMAND.map(str::to_owned));
    Program { command: command.collect(), files }
}

/// What this program does in the container: shows that it reads and writes, then uses a processor until it is to end.
///
/// # Errors
/// A file cannot be read or written, or the program was not told to end in time.
pub fn run_inside() -> io::Result<()> {
    let part = format!("{MADE}.part");
    fs::write(&part, fs::read(GIVEN)?)?;
    fs::rename(&part, MADE)?;
    let deadline = Instant::now() + PATIENCE;
    while !Path::new(END).exists() {
        if Instant::now() > deadline {
            return Err(io::Error::from(io::ErrorKind::TimedOut));
        }
        let round = Instant::now();
        while round.elapsed() < Duration::from_millis(10) {
            std::hint::spin_loop();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_brings_its_libraries_and_is_started_by_its_loader() {
        let maps = "5581-5582 r--p 00000000 fe:00 12 /usr/bin/buoy\n\
            5582-5583 r-xp 00001000 fe:00 12 /usr/bin/buoy\n\
            7f01-7f02 r-xp 00026000 fe:00 13 /usr/lib/x86_64-linux-gnu/libc.so.6\n\
            7f03-7f04 r--p 00000000 fe:00 15 /usr/share/locale/x\n\
            7f05-7f06 r-xp 00001000 fe:00 14 /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2\n\
            7ffd-7ffe r-xp 00000000 00:00 0 [vdso]\n";
        let Program { files, command } = program(Path::new("/usr/bin/buoy"), maps);
        let targets: Vec<&str> = files.iter().map(|file| file.target.as_str()).collect();
        let library = "/usr/lib/x86_64-linux-gnu/libc.so.6";
        let loader = "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2";
        assert_eq!(targets, [INSIDE, library, loader]);
        assert_eq!(command, [loader, INSIDE, "doctor", "--in-container"]);
        let alone = program(Path::new("/usr/bin/buoy"), "5582-5583 r-xp 0 fe:00 12 /usr/bin/buoy\n");
        assert_eq!(alone.command, [INSIDE, "doctor", "--in-container"]);
    }
}
