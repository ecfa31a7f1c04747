//! A volunteer's computer with Windows: a client, a slot and the real front under Wine, the real agent and a real engine on
//! this system, and stand-ins for WSL between them (`tools/wsl-stand-in`).

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use boinc::hex::hex;
use boinc::wire::finish::{Finish, TemporaryExit};
use boinc::wire::init_data::{DockerType, EngineInfo, InitData, WslDistro};
use boinc::wire::slot::write_soft_link;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// The directory that `tools/wine.sh` has filled.
const TOOLS: &str = "BUOY_TEST_WINE";
/// The distro of the emulated computer.
pub const DISTRO: &str = "boinc-buda-runner";
const AGENT: &str = "buoy-wrapper-linux_1.0";
const PATIENCE: Duration = Duration::from_secs(120);
const DOCKERFILE: &str = "FROM scratch\nCOPY busybox /bin/busybox\nWORKDIR /app\n\
                          ENTRYPOINT [\"/bin/busybox\", \"sh\", \"/app/main.sh\"]\n";

static COUNT: AtomicU32 = AtomicU32::new(0);

/// Where the programs are; `None` where these tests were not asked for.
pub fn tools() -> Option<PathBuf> {
    let tools = std::env::var_os(TOOLS).map(PathBuf::from);
    if tools.is_none() {
        println!("{TOOLS} is not set: this test is left out");
    }
    tools
}

/// A command of a program for Windows.
pub fn wine(tools: &Path, program: &str) -> Command {
    let mut command = Command::new("/usr/lib/wine/wine64");
    command.arg(tools.join(program)).env("WINEPREFIX", tools.join("prefix")).env("WINEDEBUG", "-all");
    command
}

/// Lines of a child's output, as they come.
struct Lines {
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Lines {
    fn of(output: impl Read + Send + 'static) -> Self {
        let (send, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        Self { lines, seen: Vec::new() }
    }

    /// The rest of the next line that starts so.
    #[track_caller]
    fn next(&mut self, start: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|error| {
                panic!("waited for {start:?}: {error}; lines before: {:?}", self.seen)
            });
            if let Some(rest) = line.strip_prefix(start) {
                return rest.trim().to_owned();
            }
            self.seen.push(line);
        }
    }
}

/// The stand-in for the virtual machine.
pub struct Relay {
    child: Child,
    lines: Lines,
    pub port: u16,
}

impl Relay {
    /// Starts it, on a free port if this is 0, with the distros of these names.
    pub fn start(tools: &Path, port: u16, distros: &[&str]) -> Self {
        let path = std::env::var("PATH").unwrap();
        let mut child = Command::new(tools.join("relay"))
            .arg(port.to_string())
            .arg(tools.join("prefix/drive_c"))
            .args(distros.iter().map(|name| format!("{name}={path}")))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = Lines::of(child.stdout.take().unwrap());
        let port = lines.next("listening").parse().unwrap();
        Self { child, lines, port }
    }

    /// Waits for the next program that it starts.
    #[track_caller]
    pub fn started(&mut self) -> u32 {
        self.lines.next("start").split(' ').next().unwrap().parse().unwrap()
    }

    /// Ends it, as a power-off does: with it all connections are gone.
    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The computer.
pub struct Host {
    tools: PathBuf,
    engine: &'static str,
    _root: TempDir,
    slot: PathBuf,
    project: PathBuf,
    pub init_data: InitData,
    pub relay: Relay,
    client: Option<(Child, Lines)>,
}

impl Host {
    /// A computer whose job runs this script in a container of busybox.
    pub fn new(tools: &Path, engine: &'static str, script: &str) -> Self {
        let root = tempfile::Builder::new().prefix("buoy-wine-").tempdir().unwrap();
        let unique = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let name = format!("127.0.0.1_wine-{unique}");
        let (slot, project) = (root.path().join("slots/0"), root.path().join("projects").join(&name));
        fs::create_dir_all(&slot).unwrap();
        fs::create_dir_all(&project).unwrap();
        let docker_type = if engine == "docker" { DockerType::Docker } else { DockerType::Podman };
        let distro = WslDistro {
            distro_name: DISTRO.to_owned(),
            wsl_version: 2,
            engine: Some(EngineInfo { version: "1.0".to_owned(), docker_type: Some(docker_type) }),
            ..WslDistro::default()
        };
        let windows = |path: &Path| format!("Z:{}", path.to_str().unwrap().replace('/', "\\"));
        let mut init_data = InitData {
            project_dir: windows(&project).into(),
            boinc_dir: windows(root.path()).into(),
            wu_name: format!("wu_{unique}"),
            result_name: format!("wu_{unique}_0"),
            comm_obj_name: Some(format!("boinc_{unique}")),
            shm_key: None,
            ncpus: 1.0,
            rsc_memory_bound: 256e6,
            rsc_disk_bound: 1e9,
            app_files: vec![AGENT.to_owned()],
            ..InitData::default()
        };
        init_data.host_info.wsl_distros = vec![distro];
        let relay = Relay::start(tools, 0, &[DISTRO]);
        let host = Self {
            tools: tools.to_owned(),
            engine,
            _root: root,
            slot,
            project,
            init_data,
            relay,
            client: None,
        };
        fs::copy(tools.join("buoy-wrapper-linux"), host.project.join(AGENT)).unwrap();
        host.link("buoy-wrapper-linux", AGENT);
        fs::copy("/bin/busybox", host.project.join("phys_busybox")).unwrap();
        fs::set_permissions(host.project.join("phys_busybox"), fs::Permissions::from_mode(0o755)).unwrap();
        host.link("busybox", "phys_busybox");
        host.file("Dockerfile", DOCKERFILE);
        host.file("main.sh", &format!("PATH=/bin\nbusybox --install -s /tmp/b 2>/dev/null\n{script}\n"));
        host
    }

    /// A file of the job in the slot. Line ends are those of Windows, where that may not matter.
    pub fn file(&self, name: &str, text: &str) {
        let text = if name.ends_with(".sh") { text.to_owned() } else { text.replace('\n', "\r\n") };
        fs::write(self.slot.join(name), text).unwrap();
    }

    fn link(&self, name: &str, physical: &str) {
        let project = self.project.file_name().unwrap().to_str().unwrap();
        write_soft_link(&self.slot, name, &format!("../../projects/{project}/{physical}")).unwrap();
    }

    /// Starts the client, which starts the front.
    pub fn start(&mut self) {
        for name in ["boinc_finish_called", "boinc_temporary_exit"] {
            let _ = fs::remove_file(self.slot.join(name));
        }
        // A process id that only the client itself knows.
        let text = self.init_data.render();
        let text = text.replace("<wu_cpu_time>", "<client_pid>CLIENT_PID</client_pid>\n<wu_cpu_time>");
        fs::write(self.slot.join("init_data.xml"), text).unwrap();
        let front = format!("Z:{}", self.tools.join("buoy-wrapper.exe").display()).replace('/', "\\");
        let mut child = wine(&self.tools, "client.exe")
            .arg(self.init_data.comm_obj_name.as_deref().unwrap())
            .arg(front)
            .current_dir(&self.slot)
            .env("BUOY_TEST_WSL_PORT", self.relay.port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = Lines::of(child.stdout.take().unwrap());
        lines.next("started");
        self.client = Some((child, lines));
    }

    /// Has the client send a request.
    #[track_caller]
    pub fn request(&mut self, request: &str) {
        let (child, _) = self.client.as_mut().unwrap();
        writeln!(child.stdin.as_mut().unwrap(), "{request}").unwrap();
    }

    /// Waits for the front's end. Gives its exit status.
    #[track_caller]
    pub fn exit_status(&mut self) -> i32 {
        let (mut child, mut lines) = self.client.take().unwrap();
        let status = lines.next("exit").parse().unwrap();
        let _ = child.wait();
        status
    }

    /// Waits until the container is in this state.
    #[track_caller]
    pub fn wait_for_container(&self, state: &str) {
        self.wait_until(&format!("a container that is {state}"), || {
            self.container_state().as_deref() == Some(state)
        });
    }

    #[track_caller]
    pub fn wait_until(&self, what: &str, condition: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition() {
            assert!(Instant::now() < deadline, "waited for {what}: {}", self.log());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// `State.Status` of the job's container; `None` if there is none.
    pub fn container_state(&self) -> Option<String> {
        let name = self.container_name()?;
        let output = self.ask(&["container", "inspect", "--format", "{{.State.Status}}", &name]);
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// The name of the job's container; `None` if there is none.
    pub fn container_name(&self) -> Option<String> {
        let output = self.ask(&["ps", "--all", "--filter", &self.name_filter(), "--format", "{{.Names}}"]);
        let name = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        (!name.is_empty()).then_some(name)
    }

    /// Kills the job's container behind the wrapper's back.
    pub fn kill_container(&self) {
        let name = self.container_name().unwrap();
        assert!(self.ask(&["kill", &name]).status.success());
    }

    fn name_filter(&self) -> String {
        format!("name={}", self.init_data.result_name)
    }

    pub fn ask(&self, args: &[&str]) -> Output {
        Command::new(self.engine).args(args).output().unwrap()
    }

    /// What the job writes into its work directory.
    pub fn work(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.work_file(name)).ok()
    }

    /// A file of the job's work directory, which is in the agent's own system.
    pub fn work_file(&self, name: &str) -> PathBuf {
        let system = std::env::var_os("BUOY_IMAGES_DIR").map_or_else(
            || match rustix::process::geteuid().is_root() {
                true => PathBuf::from("/var/lib/buoy"),
                false => std::env::home_dir().unwrap().join(".local/state/buoy"),
            },
            PathBuf::from,
        );
        let slot = self.slot.canonicalize().unwrap();
        let slot_name = hex(&Sha256::digest(slot.as_os_str().as_encoded_bytes())[..16]);
        system.join("work").join(slot_name).join("work").join(name)
    }

    /// A file of the slot.
    pub fn slot_file(&self, name: &str) -> PathBuf {
        self.slot.join(name)
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.slot.join("stderr.txt")).unwrap_or_default()
    }

    pub fn finish(&self) -> Option<Finish> {
        Finish::read(&self.slot).unwrap()
    }

    pub fn later(&self) -> Option<TemporaryExit> {
        TemporaryExit::read(&self.slot).unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some((mut client, _)) = self.client.take() {
            let _ = client.stdin.as_mut().map(|stdin| writeln!(stdin, "kill"));
            thread::sleep(Duration::from_millis(300));
            let _ = client.kill();
            let _ = client.wait();
        }
        let output = self.ask(&["ps", "--all", "--quiet", "--filter", &self.name_filter()]);
        for id in String::from_utf8_lossy(&output.stdout).split_whitespace() {
            let _ = self.ask(&["rm", "--force", id]);
        }
    }
}
