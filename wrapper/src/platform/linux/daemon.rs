//! When the host and the engine's daemon were started.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::time::{ClockId, clock_gettime};

use super::ProcessStat;

/// When the system that this process sees was started, seconds since 1970: its first process, which may be much younger than
/// the kernel. The systems of WSL have one kernel for all of them.
pub fn system_started() -> f64 {
    let booted = boot_time();
    started(Path::new("/proc/1")).map_or(booted, |first| first.max(booted))
}

/// When this host was booted, seconds since 1970. `btime` of /proc/stat says the same in whole seconds, which are too many:
/// a daemon can be restarted in the second in which it has started a container.
fn boot_time() -> f64 {
    seconds(ClockId::Realtime) - seconds(ClockId::Boottime)
}

#[expect(clippy::cast_precision_loss, reason = "seconds of this age are far below 2^52")]
fn seconds(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// When the daemon behind `endpoint` (`unix:///var/run/docker.sock`) was started, seconds since 1970. `None` where that can't
/// be told: it is on another host, in a VM, or of another PID namespace.
pub fn docker_daemon_started(endpoint: &str) -> Option<f64> {
    let socket = endpoint.strip_prefix("unix://")?;
    let listener = listening_process(socket)?;
    if is_dockerd(&listener) {
        return started(&listener);
    }
    // Under socket activation it is the init system that has called listen(2). Then the youngest daemon is taken, of which
    // there is one as a rule.
    let daemons =
        fs::read_dir("/proc").ok()?.flatten().map(|entry| entry.path()).filter(|path| is_dockerd(path));
    daemons.filter_map(|path| started(&path)).reduce(f64::max)
}

/// The directory in /proc of the process that listens at a socket: the kernel notes it at listen(2) (unix(7), `SO_PEERCRED`).
fn listening_process(socket: &str) -> Option<PathBuf> {
    let stream = UnixStream::connect(socket).ok()?;
    let peer = rustix::net::sockopt::socket_peercred(&stream).ok()?;
    Some(PathBuf::from(format!("/proc/{}", peer.pid.as_raw_pid())))
}

fn is_dockerd(process: &Path) -> bool {
    fs::read_to_string(process.join("comm")).is_ok_and(|comm| comm.trim() == "dockerd")
}

fn started(process: &Path) -> Option<f64> {
    Some(boot_time() + ProcessStat::read(process)?.start_seconds()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boot_is_when_the_kernel_says() {
        let stat = fs::read_to_string("/proc/stat").unwrap();
        let whole = stat.lines().find_map(|line| line.strip_prefix("btime ")).unwrap();
        let whole: f64 = whole.trim().parse().unwrap();
        assert!((boot_time() - whole).abs() <= 1.0, "{} and {whole}", boot_time());
    }

    const PRINT: &str = "BUOY_TEST_PRINT_START";

    #[test]
    fn print_the_systems_start() {
        if std::env::var_os(PRINT).is_some() {
            println!("\nstarted: {}", system_started());
        }
    }

    #[test]
    fn a_system_in_a_namespace_of_its_own_is_younger_than_the_kernel() {
        assert!(system_started() >= boot_time());
        let before = seconds(ClockId::Realtime);
        let mut unshare = std::process::Command::new("unshare");
        if !rustix::process::geteuid().is_root() {
            unshare.args(["--user", "--map-root-user"]);
        }
        let output = unshare
            .args(["--pid", "--fork", "--mount-proc"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "platform::linux::daemon::tests::print_the_systems_start", "--nocapture"])
            .env(PRINT, "1")
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let told = text.lines().find_map(|line| line.strip_prefix("started: ")).expect(&text);
        assert!(told.parse::<f64>().unwrap() >= before - 0.1, "{told}, not before {before}");
    }

    #[test]
    fn the_process_behind_a_socket_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("sock");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let own = PathBuf::from(format!("/proc/{}", std::process::id()));
        assert_eq!(listening_process(socket.to_str().unwrap()), Some(own));
        assert_eq!(docker_daemon_started("tcp://192.0.2.1:2376"), None);
    }
}
