//! The engines that tests run with.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output};

use super::plain_user::PlainUser;

/// Docker or Podman, as the client numbers them, and Podman as an ordinary user has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Docker,
    Podman,
    RootlessPodman,
}

impl Engine {
    pub fn program(self) -> &'static str {
        match self {
            Engine::Docker => "docker",
            Engine::Podman | Engine::RootlessPodman => "podman",
        }
    }

    /// Runs a command of the engine and gives its standard output.
    ///
    /// Podman fails a build when another test removes an image meanwhile: it is asked again.
    #[track_caller]
    pub fn run(self, args: &[&str]) -> String {
        let mut output = self.try_run(args);
        for _ in 0..10 {
            let said = String::from_utf8_lossy(&output.stderr);
            if said.contains("locating image with ID") || said.contains("layer not known") {
                output = self.try_run(args);
            }
        }
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert!(output.status.success(), "{self:?} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        text
    }

    pub fn try_run(self, args: &[&str]) -> Output {
        self.host().command(self.program()).args(args).output().expect("the engine's program runs")
    }

    /// `State.Status` of a container; `None` if there is none.
    pub fn status(self, container: &str) -> Option<String> {
        let output = self.try_run(&["container", "inspect", "--format", "{{.State.Status}}", container]);
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Where it is found.
    pub fn host(self) -> Host {
        match self {
            Engine::Docker | Engine::Podman => Host::Shared,
            Engine::RootlessPodman => Host::User(PlainUser::of_tests()),
        }
    }

    /// Whether it is to be tested.
    pub fn is_wanted(self) -> bool {
        if self == Engine::RootlessPodman {
            return Engine::Podman.is_wanted() && PlainUser::can_run_containers();
        }
        match std::env::var("BUOY_TEST_ENGINES") {
            Ok(list) => list.split([',', ' ']).any(|name| name == self.program()),
            Err(_) => {
                let answers = Command::new(self.program())
                    .args(["version", "--format", "{{json .}}"])
                    .output()
                    .is_ok_and(|output| output.status.success());
                if !answers {
                    println!("{} does not answer and is left out", self.program());
                }
                answers
            }
        }
    }
}

/// The further engine that is first on PATH, as ENGINES=all of `./x test` names it; `None`: this host's own are tested.
pub fn further_engine() -> Option<String> {
    std::env::var("BUOY_TEST_FURTHER_ENGINE").ok()
}

/// Where the summary of all inputs goes, if all are to be tried, which takes minutes for each engine.
pub fn summary_of_all_inputs() -> Option<PathBuf> {
    std::env::var_os("BUOY_TEST_ALL_INPUTS").map(PathBuf::from)
}

/// What a summary calls an engine: its name, its version, and whose it is.
pub fn engine_name(engine: Engine) -> String {
    let format = if engine == Engine::Docker { "{{.Server.Version}}" } else { "{{.Client.Version}}" };
    let version = engine.run(&["version", "--format", format]);
    let program = further_engine().unwrap_or_else(|| engine.program().to_owned());
    let user = if engine == Engine::RootlessPodman { " as a user" } else { "" };
    format!("{program} {version}{user}")
}

/// Whose engine it is.
#[derive(Clone, Debug)]
pub enum Host {
    /// The one that this host has for everybody.
    Shared,
    /// A Docker daemon behind this socket.
    Socket(PathBuf),
    /// An ordinary user's own.
    User(PlainUser),
    /// A Docker daemon behind this socket, as an ordinary user uses it.
    UserSocket(PlainUser, PathBuf),
}

impl Host {
    /// A command that talks to this engine.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        match self {
            Host::Shared => Command::new(program),
            Host::Socket(path) => {
                let mut command = Command::new(program);
                command.env("DOCKER_HOST", format!("unix://{}", path.display()));
                command
            }
            Host::User(user) => user.command(program.as_ref()),
            Host::UserSocket(user, path) => {
                let mut command = user.command(program.as_ref());
                command.env("DOCKER_HOST", format!("unix://{}", path.display()));
                command
            }
        }
    }

    /// Who uses it, if that is not the user of the tests.
    pub fn user(&self) -> Option<&PlainUser> {
        match self {
            Host::Shared | Host::Socket(_) => None,
            Host::User(user) | Host::UserSocket(user, _) => Some(user),
        }
    }
}

/// Runs a test with one engine, if it is to be tested.
pub fn each_engine(engine: Engine, test: impl FnOnce(Engine)) {
    if engine.is_wanted() {
        test(engine);
    }
}

/// Makes of each function `fn name(engine: Engine)` the test `rootless::name`, for Podman as an ordinary user has it.
#[macro_export]
macro_rules! with_rootless_podman {
    ($($name:ident),+ $(,)?) => {
        mod rootless {
            $(#[test] fn $name() {
                $crate::support::each_engine($crate::support::Engine::RootlessPodman, super::$name);
            })+
        }
    };
}

/// Makes of each function `fn name(engine: Engine)` two tests: `docker::name` and `podman::name`.
#[macro_export]
macro_rules! with_each_engine {
    ($($name:ident),+ $(,)?) => {
        mod docker {
            $(#[test] fn $name() {
                $crate::support::each_engine($crate::support::Engine::Docker, super::$name);
            })+
        }
        mod podman {
            $(#[test] fn $name() {
                $crate::support::each_engine($crate::support::Engine::Podman, super::$name);
            })+
        }
    };
}
