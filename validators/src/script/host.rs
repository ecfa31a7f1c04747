//! A program on this host, confined: a directory of its own, a clean environment, no inherited descriptors, limits.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use boinc::nofollow::remove_tree;
use boinc::platform::is_executable;

use super::{Limits, Program, last_line};
use crate::platform::run_confined;
use crate::private;

/// How much of what it prints is looked at: its end.
const SAID_BYTES: u64 = 8 << 10;

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code, or how else it ended.
    pub code: Result<i32, String>,
    /// The last line that it printed.
    pub said: String,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Ok(code) => write!(f, "exit {code}")?,
            Err(how) => write!(f, "{how}")?,
        }
        if self.said.is_empty() { Ok(()) } else { write!(f, ": {}", self.said) }
    }
}

/// Where a program is: a relative one starts at `base`.
pub fn resolve(base: &Path, program: &str) -> PathBuf {
    let path = base.join(program);
    // Its working directory is another: a relative base would not do.
    std::path::absolute(&path).unwrap_or(path)
}

/// Whether a program could be run: it is there, executable, and so is the interpreter that its first line names.
///
/// # Errors
/// It could not, and why.
pub fn check(program: &Path) -> Result<(), String> {
    let is_runnable = |path: &Path| match path.metadata() {
        Err(error) => Err(format!("{}: {error}", path.display())),
        Ok(metadata) if !metadata.is_file() => Err(format!("{}: not a file", path.display())),
        Ok(_) if is_executable(path) => Ok(()),
        Ok(_) => Err(format!("{}: not executable by this user; help: chmod +x", path.display())),
    };
    is_runnable(program)?;
    let mut start = Vec::new();
    File::open(program)
        .and_then(|file| file.take(256).read_to_end(&mut start))
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let Some(line) = start.strip_prefix(b"#!") else { return Ok(()) };
    let line = String::from_utf8_lossy(line);
    match line.lines().next().unwrap_or_default().split_whitespace().next() {
        Some(interpreter) => is_runnable(Path::new(interpreter))
            .map_err(|error| format!("{}: its interpreter: {error}", program.display())),
        None => Ok(()),
    }
}

/// Runs a program to its end or its time's, with all it started.
///
/// Its working directory is made below `work` and removed afterwards.
///
/// # Errors
/// It could not be started at all.
pub fn run(program: &Program, limits: &Limits, work: &Path) -> io::Result<Ended> {
    let directory = WorkDirectory::new(work)?;
    let call = directory.0.join("call.json");
    fs::write(&call, &program.input)?;
    let printed =
        File::options().read(true).append(true).create_new(true).open(directory.0.join("printed.log"))?;
    let mut command = Command::new(&program.path);
    command
        .args(&program.arguments)
        .env_clear()
        .envs(environment(&directory.0, &call))
        .envs(program.environment.iter().map(|(key, value)| (key, value)))
        .current_dir(&directory.0)
        .stdin(File::open(&call)?)
        .stdout(printed.try_clone()?)
        .stderr(printed.try_clone()?);
    let code = run_confined(&mut command, limits, &call)?;
    Ok(Ended { code, said: tail(printed).unwrap_or_default() })
}

/// The environment that every script gets.
fn environment(directory: &Path, call: &Path) -> [(&'static str, OsString); 5] {
    [
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into()),
        ("HOME", directory.into()),
        ("TMPDIR", directory.into()),
        ("LC_ALL", "C.UTF-8".into()),
        ("BUOY_CALL", call.into()),
    ]
}

fn tail(mut printed: File) -> io::Result<String> {
    let length = printed.metadata()?.len();
    printed.seek(SeekFrom::Start(length.saturating_sub(SAID_BYTES)))?;
    let mut text = Vec::new();
    printed.take(SAID_BYTES).read_to_end(&mut text)?;
    Ok(last_line(&text))
}

/// A directory that goes with us.
pub(crate) struct WorkDirectory(pub(crate) PathBuf);

impl WorkDirectory {
    pub(crate) fn new(work: &Path) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let work = std::path::absolute(work)?;
        private::create_directory(&work)?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let directory = work.join(format!("{}-{number}", std::process::id()));
        // A killed process of the same number may have left one.
        remove_tree(&directory)?;
        fs::create_dir(&directory)?;
        Ok(Self(directory))
    }
}

impl Drop for WorkDirectory {
    fn drop(&mut self) {
        // What another user has made unremovable is left: its name says whose it was.
        let _ = remove_tree(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn sh(script: &str, limits: Limits) -> Ended {
        let dir = tempfile::tempdir().unwrap();
        let program = Program {
            path: "/bin/sh".into(),
            arguments: ["-c", script].map(OsString::from).to_vec(),
            environment: vec![],
            input: b"{\"x\":1}".to_vec(),
        };
        run(&program, &limits, &dir.path().join("work")).unwrap()
    }

    fn seconds(seconds: u64) -> Limits {
        Limits { timeout: Duration::from_secs(seconds), ..Limits::default() }
    }

    #[test]
    fn it_reads_its_input_and_works_in_a_directory_of_its_own() {
        let ended = sh("cat; cat \"$BUOY_CALL\"; pwd > here && test -s here && exit 7", seconds(20));
        assert_eq!((ended.code, ended.said.as_str()), (Ok(7), "{\"x\":1}{\"x\":1}"));
    }

    #[test]
    fn nothing_of_the_daemons_environment_or_descriptors_reaches_it() {
        let ended = sh("env | cut -d= -f1 | sort | tr '\\n' ' '", seconds(20));
        // PWD, OLDPWD, SHLVL and _ are the shell's own.
        for word in ended.said.split(' ') {
            let known = ["BUOY_CALL", "HOME", "LC_ALL", "PATH", "TMPDIR", "PWD", "OLDPWD", "SHLVL", "_"];
            assert!(known.contains(&word), "{ended}");
        }
        let kept = File::open("/dev/null").unwrap();
        rustix::io::fcntl_setfd(&kept, rustix::io::FdFlags::empty()).unwrap();
        let ended = sh("ls /proc/self/fd | tr '\\n' ' '", seconds(20));
        // The fourth is what ls reads the directory with.
        assert_eq!(ended.said, "0 1 2 3", "{ended}");
    }

    #[test]
    fn all_it_started_ends_with_its_time() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        let start = Instant::now();
        let ended = sh(&format!("sleep 600 & echo $! > {}; wait", file.display()), seconds(1));
        assert_eq!(ended.code, Err("took longer than 1 s".to_owned()));
        assert!(start.elapsed() < Duration::from_secs(20));
        assert_gone(&file);
    }

    #[test]
    fn what_it_leaves_running_ends_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        let ended = sh(&format!("sleep 600 & echo $! > {}", file.display()), seconds(20));
        assert_eq!(ended.code, Ok(0));
        assert_gone(&file);
    }

    #[test]
    fn what_has_left_its_process_group_ends_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        let leave = "setsid sh -c 'echo $$ > FILE.new; mv FILE.new FILE; exec sleep 600' > /dev/null 2>&1 &
                     while ! test -s FILE; do sleep 0.01; done";
        let ended = sh(&leave.replace("FILE", file.to_str().unwrap()), seconds(20));
        assert_eq!(ended.code, Ok(0), "{ended}");
        assert_gone(&file);
    }

    /// Killed processes whose parent is gone are reaped by another: they may be seen a moment longer.
    fn assert_gone(file: &Path) {
        let pid = fs::read_to_string(file).unwrap().trim().to_owned();
        let deadline = Instant::now() + Duration::from_secs(20);
        while let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) {
            if stat.contains(") Z ") {
                break;
            }
            assert!(Instant::now() < deadline, "{stat}");
            std::thread::yield_now();
        }
    }

    #[test]
    fn limits_of_files_and_processor_time_hold() {
        let little = Limits { output_bytes: 1_000_000, ..seconds(60) };
        let ended = sh("exec dd if=/dev/zero of=big bs=100000 count=100", little);
        assert_eq!(ended.code, Err("wrote more than output_mb allows".to_owned()), "{ended}");
        let ended = sh("while :; do :; done", seconds(1));
        assert!(ended.code.is_err(), "{ended}");
    }

    #[test]
    fn one_that_is_not_there_is_an_error_of_the_system() {
        let dir = tempfile::tempdir().unwrap();
        let program =
            Program { path: "/nowhere".into(), arguments: vec![], environment: vec![], input: vec![] };
        let error = run(&program, &seconds(1), dir.path()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "its directory stays");
    }
}
