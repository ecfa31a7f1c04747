//! Debian's boinc-client in a private data directory.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use wrapper::naming::ContainerName;
use wrapper::state_dir::IMAGES_VARIABLE;

use super::project::{Project, Report, SINGLE, UNIVERSAL};
use crate::support::{Engine, Host, wrapper};

/// With this variable a missing client fails the tests, without it they are left out.
const REQUIRED: &str = "BUOY_TEST_CLIENT";

const PASSWORD: &str = "buoy";

/// How long anything may take that a client does: it polls, backs off, and shares two processors with other tests.
const PATIENCE: Duration = Duration::from_secs(180);

const CC_CONFIG: &str = "<cc_config>\n<log_flags>\n<task>1</task>\n<sched_op_debug>1</sched_op_debug>\n\
    <task_debug>1</task_debug>\n</log_flags>\n<options>\n<ncpus>4</ncpus>\n<skip_cpu_benchmarks>1</skip_cpu_benchmarks>\n\
    <dont_contact_ref_site>1</dont_contact_ref_site>\n<report_results_immediately>1</report_results_immediately>\n\
    <fetch_minimal_work>0</fetch_minimal_work>\n<start_delay>0</start_delay>\n</options>\n</cc_config>\n";

/// Works whatever else the host does.
const PREFERENCES: &str = "<global_preferences>\n<run_if_user_active>1</run_if_user_active>\n\
    <run_on_batteries>1</run_on_batteries>\n<suspend_cpu_usage>0</suspend_cpu_usage>\n<max_ncpus_pct>100</max_ncpus_pct>\n\
    <cpu_usage_limit>100</cpu_usage_limit>\n<leave_apps_in_memory>1</leave_apps_in_memory>\n\
    <ram_max_used_busy_pct>90</ram_max_used_busy_pct>\n<disk_max_used_pct>100</disk_max_used_pct>\n\
    <disk_min_free_gb>0.1</disk_min_free_gb>\n<work_buf_min_days>0.1</work_buf_min_days>\n</global_preferences>\n";

/// A client, killed when this is dropped.
pub struct Client {
    root: tempfile::TempDir,
    engine: Engine,
    host: Host,
    rpc_port: u16,
    child: Option<Child>,
}

impl Client {
    /// A client that is attached to these projects; `None` where no client is installed and none is required. `single` holds
    /// the files of the single-purpose app version: open name and content.
    pub fn start(engine: Engine, projects: &[Project], single: &[(&str, Vec<u8>)]) -> Option<Self> {
        if std::env::var_os(REQUIRED).is_none() && Command::new("boinc").arg("--version").output().is_err() {
            println!("no boinc client is installed: left out");
            return None;
        }
        let root = tempfile::Builder::new().prefix("buoy-client-").tempdir().unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let rpc_port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let write = |name: &str, text: &str| fs::write(root.path().join(name), text).unwrap();
        write("cc_config.xml", CC_CONFIG);
        write("global_prefs_override.xml", PREFERENCES);
        write("gui_rpc_auth.cfg", PASSWORD);
        for project in projects {
            let name = project.escaped_url();
            write(
                &format!("account_{name}.xml"),
                &format!(
                    "<account>\n<master_url>{}</master_url>\n<authenticator>0123456789abcdef</authenticator>\n</account>\n",
                    project.url()
                ),
            );
            install_apps(&root.path().join("projects").join(name), single);
        }
        let host = engine.host();
        let mut client = Self { root, engine, host, rpc_port, child: None };
        client.restart();
        Some(client)
    }

    /// Starts it again over the same data directory.
    pub fn restart(&mut self) {
        if let Host::User(user) = &self.host {
            user.own(self.root.path());
        }
        let bin = self.root.path().join("bin");
        fs::create_dir_all(&bin).unwrap();
        if self.engine != Engine::Docker {
            // This client knows no engines, and the wrapper takes the first that answers.
            let docker = bin.join("docker");
            fs::write(&docker, "#!/bin/sh\necho no daemon >&2\nexit 1\n").unwrap();
            fs::set_permissions(&docker, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let log = File::options().create(true).append(true).open(self.log_path()).unwrap();
        let mut command = self.host.command("boinc");
        command
            .args(["--no_gpus", "--gui_rpc_port", &self.rpc_port.to_string(), "--dir"])
            .arg(self.root.path())
            .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", bin.display()))
            .env(IMAGES_VARIABLE, self.images_dir())
            .current_dir(self.root.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            // A signal of the terminal to the tests is not for it.
            .process_group(0);
        self.child = Some(command.spawn().expect("boinc of Debian's boinc-client is installed"));
        self.wait_until("the client to answer", || self.try_command(&["--get_host_info"]).is_some());
    }

    fn images_dir(&self) -> PathBuf {
        let user = match &self.host {
            Host::User(user) => user.uid(),
            _ => rustix::process::geteuid().as_raw(),
        };
        std::env::temp_dir().join(format!("buoy-test-images-{user}"))
    }

    fn log_path(&self) -> PathBuf {
        self.root.path().with_extension("log")
    }

    /// Kills the client alone, as a crash does: its tasks go on.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// A command of `boinccmd`.
    #[track_caller]
    pub fn command(&self, args: &[&str]) -> String {
        self.try_command(args).unwrap_or_else(|| panic!("boinccmd {args:?}; {}", self.log()))
    }

    fn try_command(&self, args: &[&str]) -> Option<String> {
        let host = format!("127.0.0.1:{}", self.rpc_port);
        let output = self
            .host
            .command("boinccmd")
            .args(["--host", &host, "--passwd", PASSWORD])
            .args(args)
            .output()
            .expect("boinccmd of Debian's boinc-client is installed");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// `suspend`, `resume` or `abort` of a task.
    #[track_caller]
    pub fn task(&self, project: &Project, job: &str, verb: &str) {
        self.command(&["--task", &project.url(), &format!("{job}_0"), verb]);
    }

    /// Waits until the project has a report. The client is asked to send it: by itself it waits for minutes after a failure.
    #[track_caller]
    pub fn wait_for_report(&self, project: &Project, job: &str) -> Report {
        self.wait_until(&format!("the report of {job}"), || {
            let is_reported = project.report(job).is_some();
            if !is_reported {
                thread::sleep(Duration::from_secs(1));
                let _ = self.try_command(&["--project", &project.url(), "update"]);
            }
            is_reported
        });
        project.report(job).expect("it is there")
    }

    /// The state of a task's process as the client believes it: EXECUTING, SUSPENDED, UNINITIALIZED.
    pub fn active_state(&self, job: &str) -> Option<String> {
        let tasks = self.try_command(&["--get_tasks"])?;
        let name = format!("name: {job}_0");
        let task = tasks.split(") -----------").find(|task| task.lines().any(|line| line.trim() == name))?;
        task.lines().find_map(|line| line.trim().strip_prefix("active_task_state: ")).map(str::to_owned)
    }

    /// The slot that runs a job.
    pub fn slot(&self, job: &str) -> Option<PathBuf> {
        let name = format!("<result_name>{job}_0</result_name>");
        let slots = fs::read_dir(self.root.path().join("slots")).ok()?;
        slots.flatten().map(|slot| slot.path()).find(|slot| {
            fs::read_to_string(slot.join("init_data.xml")).is_ok_and(|text| text.contains(&name))
        })
    }

    /// A file in a running job's work directory.
    pub fn work(&self, job: &str, name: &str) -> Option<String> {
        fs::read_to_string(self.slot(job)?.join("buoy/work").join(name)).ok()
    }

    /// The wrapper's processes of this client.
    pub fn wrappers(&self) -> Vec<u32> {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.filter(|pid| {
            fs::read_link(format!("/proc/{pid}/cwd"))
                .is_ok_and(|cwd| cwd.starts_with(self.root.path().join("slots")))
                && fs::read_to_string(format!("/proc/{pid}/comm"))
                    .is_ok_and(|name| name.starts_with("buoy-wrapper"))
        })
        .collect()
    }

    pub fn container(&self, project: &Project, job: &str) -> String {
        let directory = self.root.path().join("projects").join(project.escaped_url());
        ContainerName::of_result(&directory, &format!("{job}_0")).unwrap().as_str().to_owned()
    }

    pub fn container_status(&self, project: &Project, job: &str) -> Option<String> {
        self.engine.status(&self.container(project, job))
    }

    /// The niceness of a container's first process and of a wrapper.
    pub fn nicenesses(&self, project: &Project, job: &str) -> (i32, i32) {
        let container = self.container(project, job);
        let pid = self.engine.run(&["container", "inspect", "--format", "{{.State.Pid}}", &container]);
        (niceness(pid.parse().unwrap()), niceness(self.wrappers()[0]))
    }

    /// Nothing of a finished job is left: no container, and nothing in the slots but what the client removes later.
    #[track_caller]
    pub fn assert_left_nothing(&self, project: &Project, job: &str) {
        assert_eq!(self.container_status(project, job), None, "{}", self.log());
        self.wait_until("the slot to be emptied", || self.slot(job).is_none());
    }

    #[track_caller]
    pub fn wait_until(&self, what: &str, condition: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition() {
            assert!(Instant::now() < deadline, "waited in vain for {what}; {}", self.log());
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// The end of the client's log, and the logs of its slots.
    pub fn log(&self) -> String {
        let log = fs::read_to_string(self.log_path()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let mut text = format!("the client's log:\n{}\n", lines[lines.len().saturating_sub(60)..].join("\n"));
        for slot in fs::read_dir(self.root.path().join("slots")).into_iter().flatten().flatten() {
            let said = fs::read_to_string(slot.path().join("stderr.txt")).unwrap_or_default();
            text.push_str(&format!("{}:\n{said}\n", slot.path().display()));
        }
        text
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.try_command(&["--quit"]);
        if let Some(mut child) = self.child.take() {
            let deadline = Instant::now() + Duration::from_secs(20);
            while child.try_wait().is_ok_and(|status| status.is_none()) && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(100));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_file(self.log_path());
    }
}

/// proc(5), /proc/PID/stat: the 19th field; the second one is in parentheses.
fn niceness(pid: u32) -> i32 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(") ").unwrap().1.split(' ').nth(16).unwrap().parse().unwrap()
}

/// The two apps of a project, as a volunteer with the anonymous platform installs them.
fn install_apps(directory: &Path, single: &[(&str, Vec<u8>)]) {
    fs::create_dir_all(directory).unwrap();
    let put = |name: &str, content: &[u8], mode: u32| {
        fs::write(directory.join(name), content).unwrap();
        fs::set_permissions(directory.join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    put("buoy-wrapper_100", &fs::read(wrapper()).unwrap(), 0o755);
    put("policy_100.toml", b"build_network = false\n", 0o644);
    let reference = |file: &str, open_name: &str, more: &str| {
        format!(
            "<file_ref>\n<file_name>{file}</file_name>\n<open_name>{open_name}</open_name>\n{more}</file_ref>\n"
        )
    };
    let common = format!(
        "<file_ref>\n<file_name>buoy-wrapper_100</file_name>\n<main_program/>\n</file_ref>\n{}",
        reference("policy_100.toml", "policy.toml", "")
    );
    let (mut files, mut own) = (String::new(), String::new());
    for (open_name, content) in single {
        let physical = format!("single_100_{open_name}");
        put(&physical, content, 0o755);
        files.push_str(&format!("<file_info>\n<name>{physical}</name>\n</file_info>\n"));
        own.push_str(&reference(&physical, open_name, "<copy_file/>\n"));
    }
    let version = |app: &str, files: &str| {
        format!(
            "<app_version>\n<app_name>{app}</app_name>\n<version_num>100</version_num>\n<plan_class>docker</plan_class>\n\
             <avg_ncpus>1</avg_ncpus>\n<flops>1e9</flops>\n{files}</app_version>\n"
        )
    };
    let text = format!(
        "<app_info>\n<app>\n<name>{UNIVERSAL}</name>\n</app>\n<app>\n<name>{SINGLE}</name>\n</app>\n\
         <file_info>\n<name>buoy-wrapper_100</name>\n<executable/>\n</file_info>\n\
         <file_info>\n<name>policy_100.toml</name>\n</file_info>\n{files}{}{}</app_info>\n",
        version(UNIVERSAL, &common),
        version(SINGLE, &format!("{common}{own}"))
    );
    fs::write(directory.join("app_info.xml"), text).unwrap();
}
