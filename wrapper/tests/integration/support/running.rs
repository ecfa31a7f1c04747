//! The wrapper's process, and the client's side of its shared memory.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use boinc::wire::channel::ClientEnd;
use boinc::wire::finish::{Finish, TemporaryExit};
use boinc::wire::message::{AppStatus, Control, Heartbeat};
use wrapper::state_dir::IMAGES_VARIABLE;

use super::front;
use super::slot::{Slot, wait_until};

const HIDE_ENGINES: &str = "for p in docker podman; do for d in /usr/bin /usr/local/bin /bin; do \
    [ ! -e $d/$p ] || mount --bind /dev/null $d/$p; done; done; exec \"$@\"";

/// The program that the tests start: the built wrapper, or in its place the one of `BUOY_TEST_WRAPPER`, such as the wrapper of
/// another platform in an emulator.
pub fn wrapper() -> PathBuf {
    let program = front::program().map(PathBuf::from);
    program
        .or_else(|| std::env::var_os("BUOY_TEST_WRAPPER").map(PathBuf::from))
        .unwrap_or_else(|| env!("CARGO_BIN_EXE_buoy-wrapper").into())
}

/// A started wrapper. It is killed when this is dropped.
pub struct Running {
    child: Child,
    dir: PathBuf,
    client: ClientEnd,
    beating: Arc<AtomicBool>,
    network_suspended: Arc<AtomicBool>,
    heart: Option<JoinHandle<()>>,
    pub last_status: Option<AppStatus>,
    /// The last working set that was reported, bytes; a job that has just ended has none.
    pub last_wss_bytes: Option<f64>,
    exit: Option<ExitStatus>,
}

impl Running {
    pub fn start(slot: &Slot) -> Self {
        fs::write(slot.dir.join("init_data.xml"), slot.init_data.render()).unwrap();
        for name in ["boinc_finish_called", "boinc_temporary_exit"] {
            let _ = fs::remove_file(slot.dir.join(name));
        }
        let shm_key = slot.init_data.shm_key.unwrap_or(-1);
        let client = ClientEnd::create(&slot.dir, shm_key).unwrap();
        client.reset();
        let stderr = if slot.log_to_full_disk { "/dev/full".into() } else { slot.dir.join("stderr.txt") };
        let stderr = OpenOptions::new().create(true).append(true).open(stderr).unwrap();
        let mut wrapper = wrapper();
        let mut agent = PathBuf::from(env!("CARGO_BIN_EXE_buoy-wrapper"));
        if let Some(user) = slot.host.user() {
            // Places that this user can reach.
            for (program, name) in [(&mut wrapper, "buoy-wrapper"), (&mut agent, "buoy-agent")] {
                let copy = slot.root.path().join(name);
                if !copy.exists() {
                    fs::copy(&*program, &copy).unwrap();
                }
                *program = copy;
            }
            user.own(slot.root.path());
        }
        let mut command = slot.host.command(&wrapper);
        if slot.without_engines {
            // In a mount namespace of its own the directories with engines are empty.
            command = Command::new("unshare");
            command.args(["--mount", "sh", "-c", HIDE_ENGINES, "sh"]).arg(&wrapper);
        }
        command
            .args(&slot.arguments)
            .current_dir(&slot.dir)
            // As the client does: client/app_start.cpp, ACTIVE_TASK::start.
            .env("LD_LIBRARY_PATH", "../../projects/project:.:../..")
            // All tests of a user share their images, as all campaigns of a submitter do.
            .env(IMAGES_VARIABLE, slot.images_dir())
            .env(front::AGENT_VARIABLE, agent)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr);
        command.envs(slot.env.iter().map(|(name, value)| (name, value)));
        if let Some(path) = &slot.path {
            command.env("PATH", path);
        }
        let child = command.spawn().unwrap();
        let beating = Arc::new(AtomicBool::new(true));
        let network_suspended = Arc::new(AtomicBool::new(slot.network_suspended));
        let heart = std::thread::spawn({
            let (beating, network_suspended) = (beating.clone(), network_suspended.clone());
            let client = ClientEnd::attach(&slot.dir, shm_key).unwrap();
            move || {
                while beating.load(Ordering::SeqCst) {
                    let network_suspended = network_suspended.load(Ordering::SeqCst);
                    let heartbeat = Heartbeat { alive: true, network_suspended, ..Heartbeat::default() };
                    let _ = client.send_heartbeat(&heartbeat);
                    std::thread::sleep(Duration::from_millis(200));
                }
            }
        });
        Self {
            child,
            dir: slot.dir.clone(),
            client,
            beating,
            network_suspended,
            heart: Some(heart),
            last_status: None,
            last_wss_bytes: None,
            exit: None,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends one message to the wrapper.
    #[track_caller]
    pub fn send(&self, control: Control) {
        wait_until("the wrapper to take the last message", || self.client.send_control(control).unwrap());
    }

    /// Suspends the client's network, or lets it be used.
    pub fn suspend_network(&self, suspended: bool) {
        self.network_suspended.store(suspended, Ordering::SeqCst);
    }

    /// Stops sending heartbeats.
    pub fn stop_heart(&mut self) {
        self.beating.store(false, Ordering::SeqCst);
        if let Some(heart) = self.heart.take() {
            heart.join().unwrap();
        }
    }

    /// Takes a status message; the strict parser fails on anything a client would not understand.
    pub fn take_status(&mut self) -> Option<AppStatus> {
        let status = self.client.take_status()?.expect("a status that a client understands");
        self.last_wss_bytes = status.wss_bytes.or(self.last_wss_bytes);
        self.last_status = Some(status.clone());
        Some(status)
    }

    /// Waits for the process's end, two minutes at most.
    #[track_caller]
    pub fn wait_for_exit(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            self.take_status();
            if let Some(status) = self.child.try_wait().unwrap() {
                self.take_status();
                self.exit = Some(status);
                return status;
            }
            if Instant::now() > deadline {
                let text = fs::read_to_string(self.dir.join("stderr.txt")).unwrap_or_default();
                panic!("the wrapper is still there after two minutes; stderr.txt:\n{text}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Kills it as nobody would wish.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn finish(&self) -> Option<Finish> {
        Finish::read(&self.dir).unwrap()
    }

    pub fn temporary_exit(&self) -> Option<TemporaryExit> {
        TemporaryExit::read(&self.dir).unwrap()
    }

    /// The job succeeded, by the word of the finish file and of the process.
    #[track_caller]
    pub fn assert_success(&self) {
        self.assert_status(0);
    }

    #[track_caller]
    pub fn assert_status(&self, status: i32) {
        let text = fs::read_to_string(self.dir.join("stderr.txt")).unwrap_or_default();
        let finish = self.finish().unwrap_or_else(|| panic!("no boinc_finish_called; stderr.txt:\n{text}"));
        assert_eq!(finish.exit_status, status, "{finish:?}; stderr.txt:\n{text}");
        assert_eq!(self.exit.and_then(|exit| exit.code()), Some(status & 0xff));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop_heart();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
