//! A slot and a project directory, laid out as a client does it.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Output;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use boinc::wire::init_data::{DockerType, EngineInfo, InitData, Secret};
use boinc::wire::slot::write_soft_link;
use tempfile::TempDir;
use wrapper::agent_lock::slot_name;
use wrapper::naming::ContainerName;

use super::engine::{Engine, Host, further_engine};
use super::front;
use super::plain_user::PlainUser;
use super::running::Running;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// The Dockerfile of most tests: a static busybox and nothing else.
const BUSYBOX_DOCKERFILE: &str = "FROM scratch\nCOPY busybox /bin/busybox\nWORKDIR /app\n\
                                  ENTRYPOINT [\"/bin/busybox\", \"sh\", \"/app/main.sh\"]\n";

/// A client's data directory with one project and one slot. What is left in the engine goes with it.
pub struct Slot {
    pub engine: Engine,
    pub root: TempDir,
    pub project: PathBuf,
    pub dir: PathBuf,
    pub init_data: InitData,
    pub arguments: Vec<String>,
    pub path: Option<String>,
    /// More variables of the client's environment.
    pub env: Vec<(String, OsString)>,
    pub without_engines: bool,
    pub log_to_full_disk: bool,
    pub own_images: bool,
    /// Where images are kept track of, if neither with the project nor with those of other tests.
    pub images: Option<PathBuf>,
    /// The client's network is suspended when the wrapper starts.
    pub network_suspended: bool,
    /// An agent has the work directory in the slot, as its policy says.
    pub work_in_slot: bool,
    /// Whose engine it is, and so who runs the wrapper.
    pub host: Host,
}

impl Slot {
    /// A slot whose job runs `script` in the shell of a busybox image. Job and project have names of their own.
    pub fn with_script(engine: Engine, script: &str) -> Self {
        Self::with_script_in("", engine, script)
    }

    /// The same in a data directory with this name.
    pub fn with_script_in(data: &str, engine: Engine, script: &str) -> Self {
        let mut slot = Self::empty_in(data, engine);
        slot.copy("Dockerfile", BUSYBOX_DOCKERFILE);
        slot.copy("main.sh", &format!("PATH=/bin\nbusybox --install -s /tmp/b 2>/dev/null\n{script}\n"));
        slot.busybox();
        slot
    }

    /// A slot without any file of a job.
    pub fn empty(engine: Engine) -> Self {
        Self::empty_in("", engine)
    }

    fn empty_in(data: &str, engine: Engine) -> Self {
        let root = tempfile::Builder::new().prefix("buoy-test-").tempdir().unwrap();
        let data: PathBuf = root.path().join(data).components().collect();
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let unique = format!("{}-{number}", std::process::id());
        // The client's name for http://127.0.0.1/test…, a server that answers.
        let project = data.join(format!("projects/127.0.0.1_test-{unique}"));
        let dir = data.join("slots/0");
        fs::create_dir_all(&project).unwrap();
        fs::create_dir_all(&dir).unwrap();
        let init_data = InitData {
            project_dir: project.clone(),
            boinc_dir: data,
            authenticator: Secret::new("0123456789abcdef"),
            wu_name: format!("wu_{unique}"),
            result_name: format!("wu_{unique}_0"),
            shm_key: Some(-1),
            client_pid: Some(std::process::id().cast_signed()),
            ncpus: 1.0,
            rsc_memory_bound: 256e6,
            rsc_disk_bound: 1e9,
            ..InitData::default()
        };
        let mut slot = Self {
            engine,
            root,
            project,
            dir,
            init_data,
            arguments: Vec::new(),
            path: None,
            env: Vec::new(),
            without_engines: false,
            network_suspended: false,
            log_to_full_disk: false,
            own_images: false,
            images: None,
            work_in_slot: false,
            host: engine.host(),
        };
        slot.use_engine(engine);
        slot
    }

    /// The client has found this engine.
    pub fn use_engine(&mut self, engine: Engine) {
        let docker_type = match engine {
            Engine::Docker => DockerType::Docker,
            Engine::Podman | Engine::RootlessPodman => DockerType::Podman,
        };
        self.engine = engine;
        self.init_data.host_info.engine =
            Some(EngineInfo { version: "20.10".into(), docker_type: Some(docker_type) });
    }

    /// A file in copy mode.
    pub fn copy(&mut self, name: &str, content: &str) -> &mut Self {
        let path = self.dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    /// An input in link mode: a file of the project with the physical name `phys_<name>`.
    pub fn link_input(&mut self, name: &str, content: &[u8]) -> PathBuf {
        let physical = format!("phys_{name}");
        let path = self.project.join(&physical);
        fs::write(&path, content).unwrap();
        self.link(name, &physical);
        path
    }

    /// An output in link mode; gives where it will be.
    pub fn link_output(&mut self, name: &str, number: u32) -> PathBuf {
        let physical = format!("{}_r12345_{number}", self.init_data.result_name);
        self.link(name, &physical);
        self.project.join(physical)
    }

    /// A file of the app version: signed by the project, listed in init_data.xml.
    pub fn app_file(&mut self, name: &str, content: &str) -> &mut Self {
        let physical = format!("app_{name}");
        fs::write(self.project.join(&physical), content).unwrap();
        self.link(name, &physical);
        self.init_data.app_files.push(physical);
        self
    }

    pub fn link(&mut self, name: &str, physical: &str) {
        let project = self.project.file_name().unwrap().to_str().unwrap();
        write_soft_link(&self.dir, name, &format!("../../projects/{project}/{physical}")).unwrap();
    }

    /// The static busybox of this host, in link mode.
    pub fn busybox(&mut self) -> &mut Self {
        let physical = self.project.join("phys_busybox");
        fs::copy("/bin/busybox", &physical)
            .expect("the static busybox of Debian's busybox-static is installed");
        fs::set_permissions(&physical, fs::Permissions::from_mode(0o755)).unwrap();
        self.link("busybox", "phys_busybox");
        self
    }

    /// Makes the image another one than those of other tests.
    pub fn own_image(&mut self) -> &mut Self {
        let line = format!("\nLABEL test=\"{}\"\n", self.init_data.result_name);
        let path = self.dir.join("Dockerfile");
        let text = fs::read_to_string(&path).unwrap() + &line;
        fs::write(path, text).unwrap();
        self
    }

    /// Makes this a further slot of another slot's client: same project directory, same locks.
    pub fn join_project_of(&mut self, other: &Slot) {
        for entry in fs::read_dir(&self.project).unwrap() {
            let entry = entry.unwrap();
            let _ = fs::hard_link(entry.path(), other.project.join(entry.file_name()));
        }
        let own = self.project.file_name().unwrap().to_owned();
        fs::remove_dir_all(&self.project).unwrap();
        std::os::unix::fs::symlink(&other.project, self.root.path().join("projects").join(own)).unwrap();
        self.init_data.project_dir.clone_from(&other.project);
        self.project.clone_from(&other.project);
    }

    /// A `docker` that only says this, in front of PATH; the client names no other engine.
    pub fn fake_docker(&mut self, script: &str) {
        assert_eq!(self.engine, Engine::Docker);
        self.fake_engine(script);
    }

    /// The engine's program is this script, in front of PATH.
    pub fn fake_engine(&mut self, script: &str) {
        let bin = self.root.path().join("bin");
        fs::create_dir_all(&bin).unwrap();
        let program = bin.join(self.engine.program());
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        self.path = Some(format!("{}:/usr/bin:/bin", bin.display()));
    }

    /// Runs the wrapper where no engine is installed.
    pub fn isolate_from_engines(&mut self) {
        self.without_engines = true;
    }

    pub fn argument(&mut self, argument: &str) -> &mut Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Where the wrapper keeps images: with its own state if `own_images` was called, else with those of other tests.
    pub fn images_dir(&self) -> PathBuf {
        if self.own_images {
            return PathBuf::new();
        }
        if let Some(images) = &self.images {
            return images.clone();
        }
        let own = || rustix::process::geteuid().as_raw();
        let user = self.host.user().map_or_else(own, PlainUser::uid);
        let engine = further_engine().unwrap_or_default();
        std::env::temp_dir().join(format!("buoy-test-images-{user}{engine}"))
    }

    /// Has the images of this slot's project kept apart, as a client does.
    pub fn own_images(&mut self) -> &mut Self {
        self.own_images = true;
        self
    }

    /// The state directory of the project.
    pub fn state_dir(&self) -> PathBuf {
        self.project.join("buoy+state")
    }

    /// The container's name, as the contracts have it.
    pub fn container(&self) -> String {
        ContainerName::of_result(&self.project, &self.init_data.result_name).unwrap().as_str().to_owned()
    }

    /// Takes away what a job has left, as a client does for the next one; its inputs stay.
    pub fn clear(&self) {
        self.remove_own_dir();
        for name in ["starts", "out.txt", "stderr.txt"] {
            fs::remove_file(self.dir.join(name)).unwrap();
        }
    }

    fn remove_own_dir(&self) {
        let removed = fs::remove_dir_all(self.dir.join("buoy"));
        assert!(removed.is_ok() || front::is_in_use(), "{removed:?}");
    }

    /// Makes this the slot of another result of the same app, as a client does: the job's main.sh is there again.
    pub fn clear_for_next(&mut self, result_name: &str) {
        let script = fs::read(self.work("main.sh")).unwrap();
        self.remove_own_dir();
        let _ = fs::remove_file(self.dir.join("seen"));
        fs::write(self.dir.join("main.sh"), script).unwrap();
        self.init_data.result_name = format!("{}_{result_name}", self.init_data.wu_name);
    }

    /// What the slot's engine says to a command.
    pub fn try_ask(&self, args: &[&str]) -> Output {
        self.host.command(self.engine.program()).args(args).output().expect("the engine's program runs")
    }

    /// `State.Status` of the slot's container; `None` if there is none.
    pub fn status(&self) -> Option<String> {
        let name = self.container();
        let output = self.try_ask(&["container", "inspect", "--format", "{{.State.Status}}", &name]);
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// The job's processes stand still: by the engine's word, or where that has no freezer for them, by the kernel's.
    pub fn is_frozen(&self) -> bool {
        if self.engine != Engine::RootlessPodman || self.status().as_deref() != Some("running") {
            return self.status().as_deref() == Some("paused");
        }
        let output = self.try_ask(&["container", "inspect", "--format", "{{.State.Pid}}", &self.container()]);
        let pid = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.lines().any(|line| line.starts_with("State:") && line.contains("(stopped)"))
    }

    /// Starts the wrapper as a client does.
    pub fn start(&self) -> Running {
        Running::start(self)
    }

    /// Starts it and waits for its end.
    #[track_caller]
    pub fn run(&self) -> Running {
        let mut running = self.start();
        running.wait_for_exit();
        running
    }

    pub fn stderr(&self) -> String {
        fs::read_to_string(self.dir.join("stderr.txt")).unwrap_or_default()
    }

    /// A file that the running job sees.
    pub fn work(&self, name: &str) -> PathBuf {
        self.own_dir().join("work").join(name)
    }

    /// The directory that holds the job's work directory.
    pub fn own_dir(&self) -> PathBuf {
        if !front::is_in_use() || self.work_in_slot {
            return self.dir.join("buoy");
        }
        self.distro_dir().join("work").join(slot_name(&self.dir.canonicalize().unwrap()))
    }

    /// The directory of all agents in their system.
    pub fn distro_dir(&self) -> PathBuf {
        let images = self.images_dir();
        if images == PathBuf::new() { PathBuf::from("/var/lib/buoy") } else { images }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let _ = self.try_ask(&["rm", "--force", &self.container()]);
        if front::is_in_use() && !self.work_in_slot {
            let _ = fs::remove_dir_all(self.own_dir());
        }
    }
}

/// Waits for a condition, for a minute at most.
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "waited a minute for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
