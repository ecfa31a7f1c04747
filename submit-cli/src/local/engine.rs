//! The container engine as the emulated client sees it: is there one, and what is left over in it?

use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use boinc::wire::init_data::DockerType;
use serde::Deserialize;
use wrapper::engine::Flavor;
use wrapper::platform::spawn;

use crate::command_log;
use crate::platform::connect;

/// An engine that does not answer for so long counts as not running.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the docker CLI reaches its daemon, unless the environment says otherwise.
const DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// An engine that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    /// Which one.
    pub kind: DockerType,
    /// As it says itself.
    pub version: String,
}

/// Why an engine can't be used, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Its program is not there.
    #[error("{engine}: not installed; install it (Debian: apt-get install {package})")]
    NotInstalled {
        /// The program.
        engine: &'static str,
        /// Debian's package.
        package: &'static str,
    },
    /// The daemon does not answer.
    #[error("docker: its daemon does not answer; start it (systemctl start docker, or dockerd as root)")]
    NotRunning,
    /// The daemon is there, but not for this user.
    #[error(
        "docker: no permission to use {DOCKER_SOCKET}; add the user to the group docker and log in again, or use rootless Podman"
    )]
    NoPermission,
    /// Something else.
    #[error("{engine}: {command} failed: {said}; mend that, or choose another engine with --engine")]
    Failed {
        /// The program.
        engine: &'static str,
        /// The command.
        command: String,
        /// What it said, one line.
        said: String,
    },
    /// No engine at all.
    #[error("no container engine answers; install and start Docker or Podman: {docker}; {podman}")]
    None {
        /// Why not Docker.
        docker: Box<EngineError>,
        /// Why not Podman.
        podman: Box<EngineError>,
    },
}

/// Name of an engine's program.
pub fn program(kind: DockerType) -> &'static str {
    match kind {
        DockerType::Docker => "docker",
        DockerType::Podman => "podman",
    }
}

impl Engine {
    /// As the wrapper names it.
    pub fn flavor(&self) -> Flavor {
        match self.kind {
            DockerType::Docker => Flavor::Docker,
            DockerType::Podman => Flavor::Podman,
        }
    }

    /// The engine that was asked for, or else Docker if it answers, or else Podman.
    pub fn find(wanted: Option<DockerType>) -> Result<Self, EngineError> {
        match wanted {
            Some(kind) => Self::probe(kind),
            None => Self::probe(DockerType::Docker).or_else(|docker| {
                Self::probe(DockerType::Podman).map_err(|podman| EngineError::None {
                    docker: Box::new(docker),
                    podman: Box::new(podman),
                })
            }),
        }
    }

    /// Asks an engine for its version.
    pub fn probe(kind: DockerType) -> Result<Self, EngineError> {
        let engine = program(kind);
        let said = match run(engine, &["version", "--format", "{{json .}}"]) {
            Ok(answer) if answer.status.success() => match version_in(kind, &answer.stdout) {
                Some(version) => return Ok(Self { kind, version }),
                None => "its answer has no version".to_owned(),
            },
            Ok(answer) => answer.complaint(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(EngineError::NotInstalled {
                    engine,
                    package: if kind == DockerType::Docker { "docker.io" } else { "podman" },
                });
            }
            Err(error) => error.to_string(),
        };
        match kind {
            // With DOCKER_HOST the daemon is somewhere else.
            DockerType::Docker if std::env::var_os("DOCKER_HOST").is_none() => {
                Err(docker_problem(Path::new(DOCKER_SOCKET), said))
            }
            DockerType::Docker => Err(docker_failed(said)),
            DockerType::Podman => {
                Err(EngineError::Failed { engine, command: "podman version".to_owned(), said })
            }
        }
    }

    /// Names of the containers, running or not, that begin with `prefix`.
    pub fn containers(&self, prefix: &str) -> Result<Vec<String>, EngineError> {
        let filter = format!("name=^{prefix}");
        let answer = self.ask(&["ps", "--all", "--filter", &filter, "--format", "{{.Names}}"])?;
        Ok(answer.lines().map(str::trim).filter(|name| name.starts_with(prefix)).map(str::to_owned).collect())
    }

    /// Removes containers, whatever their state.
    pub fn remove(&self, names: &[String]) -> Result<(), EngineError> {
        if names.is_empty() {
            return Ok(());
        }
        let mut args = vec!["rm", "--force"];
        args.extend(names.iter().map(String::as_str));
        self.ask(&args).map(drop)
    }

    /// Runs a command of this engine; its standard output.
    pub fn ask(&self, args: &[&str]) -> Result<String, EngineError> {
        let engine = program(self.kind);
        let failed =
            |said| EngineError::Failed { engine, command: format!("{engine} {}", args.join(" ")), said };
        match run(engine, args) {
            Ok(answer) if answer.status.success() => Ok(answer.stdout),
            Ok(answer) => Err(failed(answer.complaint())),
            Err(error) => Err(failed(error.to_string())),
        }
    }
}

/// Why the docker CLI gets no answer: asked of its socket, not of its prose.
fn docker_problem(socket: &Path, said: String) -> EngineError {
    match connect(socket) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => EngineError::NoPermission,
        Err(_) => EngineError::NotRunning,
        Ok(()) => docker_failed(said),
    }
}

fn docker_failed(said: String) -> EngineError {
    EngineError::Failed { engine: "docker", command: "docker version".to_owned(), said }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Versions {
    client: Option<Version>,
    server: Option<Version>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    version: String,
}

/// The version that does the work: Docker's daemon, Podman itself.
fn version_in(kind: DockerType, json: &str) -> Option<String> {
    let versions: Versions = serde_json::from_str(json.trim()).ok()?;
    match kind {
        DockerType::Docker => versions.server.map(|server| server.version),
        DockerType::Podman => versions.client.map(|client| client.version),
    }
}

struct Answer {
    status: ExitStatus,
    stdout: String,
    stderr: String,
}

impl Answer {
    fn complaint(&self) -> String {
        let last = self.stderr.lines().rfind(|line| !line.trim().is_empty());
        last.unwrap_or("it said nothing").trim().to_owned()
    }
}

fn run(program: &str, args: &[&str]) -> io::Result<Answer> {
    let started = Instant::now();
    let answer = run_to_end(program, args);
    command_log::report(program, args.first().copied(), started, answer.as_ref().map(|answer| answer.status));
    answer
}

fn run_to_end(program: &str, args: &[&str]) -> io::Result<Answer> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawn(&mut command, true)?;
    let read = |pipe: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            // What was read before an error is still of use.
            let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let stdout = read(child.stdout.take().map(|pipe| Box::new(pipe) as _));
    let stderr = read(child.stderr.take().map(|pipe| Box::new(pipe) as _));
    let begun = Instant::now();
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None if begun.elapsed() > PATIENCE => {
                child.kill()?;
                child.wait()?;
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("no answer within {} s", PATIENCE.as_secs()),
                ));
            }
            None => std::thread::park_timeout(Duration::from_millis(2)),
        }
    };
    Ok(Answer {
        status,
        stdout: stdout.join().unwrap_or_default(),
        stderr: stderr.join().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_json() {
        let docker = r#"{"Client":{"Version":"28.2.2","ApiVersion":"1.41"},"Server":{"Platform":{"Name":""},"Version":"20.10.24+dfsg1"}}"#;
        assert_eq!(version_in(DockerType::Docker, docker).as_deref(), Some("20.10.24+dfsg1"));
        let no_server = r#"{"Client":{"Version":"28.2.2"},"Server":null}"#;
        assert_eq!(version_in(DockerType::Docker, no_server), None);
        let podman = r#"{"Client":{"APIVersion":"4.3.1","Version":"4.3.1","GoVersion":"go1.19.8"}}"#;
        assert_eq!(version_in(DockerType::Podman, podman).as_deref(), Some("4.3.1"));
    }

    #[test]
    fn a_daemon_that_does_not_answer_is_told_from_one_that_refuses() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("docker.sock");
        let message = |said: &str| docker_problem(&socket, said.to_owned()).to_string();
        let not_running =
            "docker: its daemon does not answer; start it (systemctl start docker, or dockerd as root)";
        assert_eq!(message("x"), not_running, "no socket");
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        assert_eq!(message("x"), not_running, "a socket that nobody listens on");
        std::fs::remove_file(&socket).unwrap();
        let _daemon = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert_eq!(
            message("server is too old"),
            "docker: docker version failed: server is too old; mend that, or choose another engine with --engine"
        );
        assert_eq!(
            EngineError::NoPermission.to_string(),
            "docker: no permission to use /var/run/docker.sock; add the user to the group docker and log in again, \
             or use rootless Podman"
        );
    }
}
