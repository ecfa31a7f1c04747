//! The container engine as the emulated client uses it: finds one, lists and removes containers.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use boinc::error_chain::chain;
use boinc::wire::init_data::DockerType;
use serde::Deserialize;
use wrapper::engine::{Cancel, Flavor, Invocation, NativeTransport, Transport, TransportError};

use crate::command_log;
use crate::platform::connect;

/// An engine that does not respond within this time counts as not running.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Where the docker CLI reaches its daemon, unless the environment says otherwise.
const DOCKER_SOCKET: &str = "/var/run/docker.sock";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    pub kind: DockerType,
    /// As the engine reports it.
    pub version: String,
}

/// Why an engine cannot be used, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("failed to run {engine}: it is not installed; install it (Debian: apt-get install {package})")]
    NotInstalled { engine: &'static str, package: &'static str },
    /// The daemon does not respond.
    #[error("failed to reach the docker daemon: start it (systemctl start docker, or dockerd as root)")]
    NotRunning,
    /// The daemon runs, but this user may not use it.
    #[error(
        "failed to reach the docker daemon: no permission to use {DOCKER_SOCKET}; add the user to the group docker and log in \
         again, or use rootless Podman"
    )]
    NoPermission,
    #[error("failed to run {command}: {output}; fix it, or choose another engine with --engine")]
    Failed {
        command: String,
        /// Last line of its output.
        output: String,
    },
    #[error("no container engine responds: install and start Docker or Podman: {docker}; {podman}")]
    None { docker: Box<EngineError>, podman: Box<EngineError> },
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

    /// The given engine; default: Docker if it responds, otherwise Podman.
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
        let error = match run(kind, &["version", "--format", "{{json .}}"]) {
            Ok(json) => match version_in(kind, &json) {
                Some(version) => return Ok(Self { kind, version }),
                None => EngineError::Failed {
                    command: format!("{} version", program(kind)),
                    output: "its reply has no version".to_owned(),
                },
            },
            Err(error) => error,
        };
        // With DOCKER_HOST the daemon is elsewhere.
        let is_local_docker = kind == DockerType::Docker && std::env::var_os("DOCKER_HOST").is_none();
        Err(match error {
            EngineError::Failed { .. } if is_local_docker => docker_problem(Path::new(DOCKER_SOCKET), error),
            error => error,
        })
    }

    /// Names of the containers, running or not, that start with `prefix`.
    pub fn containers(&self, prefix: &str) -> Result<Vec<String>, EngineError> {
        let filter = format!("name=^{prefix}");
        let reply = self.ask(&["ps", "--all", "--filter", &filter, "--format", "{{.Names}}"])?;
        Ok(reply.lines().map(str::trim).filter(|name| name.starts_with(prefix)).map(str::to_owned).collect())
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
        run(self.kind, args)
    }
}

/// Why the docker CLI gets no reply, by its socket: its messages differ between versions.
fn docker_problem(socket: &Path, error: EngineError) -> EngineError {
    match connect(socket) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => EngineError::NoPermission,
        Err(_) => EngineError::NotRunning,
        Ok(()) => error,
    }
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

/// Runs a command of an engine; its standard output.
fn run(kind: DockerType, args: &[&str]) -> Result<String, EngineError> {
    let engine = program(kind);
    let invocation = Invocation::new(engine).args(args.iter().copied()).timeout(TIMEOUT).surviving();
    let failed = |output: &str| EngineError::Failed {
        command: invocation.to_string(),
        output: output.trim().to_owned(),
    };
    let started = Instant::now();
    let done = NativeTransport.run(&invocation, &Cancel::default());
    command_log::report(engine, args.first().copied(), started, done.as_ref().map(|done| done.status));
    match done {
        Ok(done) if done.status == 0 => Ok(String::from_utf8_lossy(&done.stdout).into_owned()),
        Ok(done) => {
            let text = String::from_utf8_lossy(&done.stderr);
            Err(failed(text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it printed nothing")))
        }
        Err(TransportError::Start { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            let package = if kind == DockerType::Docker { "docker.io" } else { "podman" };
            Err(EngineError::NotInstalled { engine, package })
        }
        Err(error) => Err(failed(&chain(&error))),
    }
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
    fn a_daemon_that_does_not_respond_is_distinguished_from_one_that_refuses() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("docker.sock");
        let failed = || EngineError::Failed {
            command: "docker version".to_owned(),
            output: "server is too old".to_owned(),
        };
        let message = || docker_problem(&socket, failed()).to_string();
        let not_running =
            "failed to reach the docker daemon: start it (systemctl start docker, or dockerd as root)";
        assert_eq!(message(), not_running, "no socket");
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        assert_eq!(message(), not_running, "a socket without a listener");
        std::fs::remove_file(&socket).unwrap();
        let _daemon = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert_eq!(
            message(),
            "failed to run docker version: server is too old; fix it, or choose another engine with --engine"
        );
        assert_eq!(
            EngineError::NoPermission.to_string(),
            "failed to reach the docker daemon: no permission to use /var/run/docker.sock; add the user to the group \
             docker and log in again, or use rootless Podman"
        );
    }
}
