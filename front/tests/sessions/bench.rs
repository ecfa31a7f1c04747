//! A slot with a client's end of its shared memory, and agents that are shell scripts.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

use boinc::frames::{FromAgent, Hello, Keep, to_bytes};
use boinc::wire::channel::ClientEnd;
use boinc::wire::finish::{Finish, TemporaryExit};
use boinc::wire::init_data::{INIT_DATA_FILE, InitData};
use boinc::wire::message::Control;
use boinc::wire::segment::MMAP_KEY;
use front::agent::{AgentCommand, Explanation};
use front::times::Times;
use tempfile::TempDir;

pub struct Bench {
    root: TempDir,
    pub slot: PathBuf,
    pub client: ClientEnd,
    pub times: Times,
    pub arguments: Vec<OsString>,
}

impl Bench {
    pub fn new() -> Self {
        Self::with_init_data(InitData {
            client_pid: Some(std::process::id().cast_signed()),
            ..InitData::default()
        })
    }

    pub fn with_init_data(init_data: InitData) -> Self {
        let root = tempfile::tempdir().unwrap();
        let slot = root.path().join("slot");
        fs::create_dir(&slot).unwrap();
        let init_data = InitData { shm_key: Some(MMAP_KEY), ..init_data };
        fs::write(slot.join(INIT_DATA_FILE), init_data.render()).unwrap();
        let client = ClientEnd::create(&slot, MMAP_KEY).unwrap();
        let millisecond = Duration::from_millis(1);
        let times = Times {
            silence: 20_000 * millisecond,
            pauses: vec![millisecond; 4],
            quit: 600 * millisecond,
            abort: 900 * millisecond,
            ..Times::default()
        };
        Self { root, slot, client, times, arguments: Vec::new() }
    }

    /// What a working agent says first.
    pub fn hello(&self) -> Hello {
        Hello {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            arch: "x86_64".to_owned(),
            uid: 0,
            directory: "/slot".to_owned(),
            boot_id: "boot".to_owned(),
            memory_bytes: 1 << 33,
            init_data_sha256: Hello::init_data_sha256_of(&self.slot).unwrap(),
        }
    }

    /// Keeps a file for the agent's script.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        fs::write(self.root.path().join(name), content).unwrap();
        self
    }

    /// Keeps messages for the agent's script.
    pub fn frames(&self, name: &str, messages: &[FromAgent]) -> &Self {
        self.file(name, messages.iter().flat_map(|message| to_bytes(message).unwrap()).collect::<Vec<_>>())
    }

    /// The front with agents that run this script, where `hello` holds the first frame and each start is a line in
    /// `starts`.
    pub fn run(&self, script: &str) -> Ended {
        self.frames("hello", &[FromAgent::Hello(self.hello())]);
        self.run_without_hello(script)
    }

    /// The same without a file `hello`.
    pub fn run_without_hello(&self, script: &str) -> Ended {
        let begun = Instant::now();
        let status = front::run::run(&self.slot, self.arguments.clone(), &self.times, &|_| {
            let mut command = Command::new("sh");
            command.args(["-c", &format!("echo start >> starts\n{script}")]).current_dir(self.root.path());
            let kept = self.path("kept");
            let keeper = Rc::new(move |keep: &Keep| {
                let mut command = Command::new("sh");
                command.args(["-c", "echo $1 $2 $3 >> $0"]).arg(&kept);
                command.args([&keep.engine, &keep.container, &keep.seconds.to_string()]);
                command
            });
            Ok(AgentCommand {
                command,
                keeper,
                explain: |end| Explanation {
                    text: format!("the agent {}", end.in_words()),
                    is_final: end.exit_code == Some(255),
                },
                memory_help: "; give it more",
                restart_help: "; restart it",
            })
        });
        Ended {
            status,
            finish: Finish::read(&self.slot).unwrap(),
            later: TemporaryExit::read(&self.slot).unwrap(),
            starts: self.read("starts").lines().count(),
            took: begun.elapsed(),
        }
    }

    /// A file of the agent's script.
    pub fn read(&self, name: &str) -> String {
        fs::read(self.root.path().join(name))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Waits for a file of the agent's script.
    #[track_caller]
    pub fn await_file(&self, name: &str) {
        wait_for(&self.path(name));
    }

    /// Waits for a file of the agent's script, then sends a request as the client.
    pub fn request_after(&self, name: &str, control: Control) -> impl FnOnce() + Send + 'static {
        let (path, slot) = (self.path(name), self.slot.clone());
        move || {
            wait_for(&path);
            let client = ClientEnd::attach(&slot, MMAP_KEY).unwrap();
            while !client.send_control(control).unwrap() {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

#[track_caller]
fn wait_for(path: &Path) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !path.exists() {
        assert!(Instant::now() < deadline, "waited in vain for {}", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[derive(Debug)]
pub struct Ended {
    pub status: i32,
    pub finish: Option<Finish>,
    pub later: Option<TemporaryExit>,
    pub starts: usize,
    pub took: Duration,
}

impl Ended {
    /// The front has asked to be started later, for this reason.
    #[track_caller]
    pub fn assert_later(&self, reason: &str) {
        let later = self.later.as_ref().unwrap_or_else(|| panic!("no temporary exit: {self:?}"));
        assert!(later.reason.text.contains(reason) && later.reason.notice, "{later:?}");
        assert_eq!((self.status, &self.finish), (0, &None));
    }
}
