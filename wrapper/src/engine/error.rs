//! Why a command of the engine failed, sorted by what the caller does next.

use std::io;

use super::transport::{Captured, TransportError};

/// A failed command.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The program can't be started.
    #[error("can't run {program}: it is not installed, or not on PATH of the BOINC client")]
    NotInstalled {
        /// What was looked for.
        program: String,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// The daemon's socket refuses this user.
    #[error(
        "no permission to use the engine: add the user that runs the BOINC client to the engine's group (docker), \
         or install rootless Podman; the engine said: {0}"
    )]
    NoPermission(String),
    /// The daemon does not answer.
    #[error("the engine's daemon does not answer: {0}")]
    Away(String),
    /// No such container.
    #[error("no such container")]
    NoContainer,
    /// No such file or directory in the container.
    #[error("no such file in the container: {0}")]
    NoPath(String),
    /// No such image.
    #[error("no such image")]
    NoImage,
    /// Its name is taken, or it is in another state than the command needs.
    #[error("{0}")]
    Conflict(String),
    /// Somebody else removed an image or a layer that the command had just found: Podman keeps nobody from it.
    #[error("the engine's images changed meanwhile: {0}")]
    ImagesChanged(String),
    /// The disk is full.
    #[error("no space left for the engine: {0}")]
    NoSpace(String),
    /// What should be mounted is not there for the engine: it runs in a virtual machine or a confined package.
    #[error("the engine does not see a file or directory of this computer: {0}")]
    NotShared(String),
    /// Its program does not know an option of ours.
    #[error(
        "the container engine is too old: Docker 20.10 or Podman 3.3, or a newer version, is needed; it reported: {0}"
    )]
    TooOld(String),
    /// The engine lacks its own small init program (docker-init, catatonit).
    #[error("the engine has no init program: {0}")]
    NoInit(String),
    /// An image could not be fetched.
    #[error("failed to pull {image}: {said}")]
    NotPulled {
        /// Its name.
        image: String,
        /// The engine's words.
        said: String,
        /// The registry says that it has no image of this digest. A name without a digest can be given to an image later.
        is_certain: bool,
    },
    /// The image's program can't be run: it is not there, or made for other machines.
    #[error("the image's program can't be run: {0}")]
    BadProgram(String),
    /// The system takes no such command line: what the job put into it is too long, or has a NUL.
    #[error("an argument of the engine's command is too long or has a NUL: {0}")]
    BadArguments(String),
    /// It took longer than allowed.
    #[error("{command} did not end within {seconds} s")]
    TimedOut {
        /// The command.
        command: String,
        /// The limit.
        seconds: u64,
    },
    /// Broken off at our own wish.
    #[error("cancelled")]
    Cancelled,
    /// What should go into its standard input could not be produced; the command was killed.
    #[error("failed to produce the input of {command}")]
    Input {
        /// The command.
        command: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Its answer can't be read.
    #[error("{command} gave an answer that can't be read: {why}")]
    Unreadable {
        /// The command.
        command: String,
        /// What was wrong.
        why: String,
    },
    /// Anything else.
    #[error("{command} failed with status {status}: {said}")]
    Failed {
        /// The command.
        command: String,
        /// Its exit status; −1 for a death by signal.
        status: i32,
        /// The end of what it said.
        said: String,
    },
}

impl From<TransportError> for EngineError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Start { source, .. } if is_of_arguments(&source) => {
                EngineError::BadArguments(source.to_string())
            }
            TransportError::Start { program, source } => EngineError::NotInstalled { program, source },
            TransportError::TimedOut { command, seconds } => EngineError::TimedOut { command, seconds },
            TransportError::Cancelled => EngineError::Cancelled,
            TransportError::Input { command, source } => EngineError::Input { command, source },
        }
    }
}

/// Whether a program was not started for its arguments.
fn is_of_arguments(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ArgumentListTooLong | io::ErrorKind::InvalidInput)
}

/// What the kernel says of a full disk (`ENOSPC`, `EDQUOT`).
const FULL_DISK: [&str; 2] = ["no space left on device", "disk quota exceeded"];

/// The line near the end of a build's output that tells of a full disk. A step's program says more after it, as `dd` and
/// `dpkg` do.
pub fn full_disk(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let mut lines = text.lines().rev().filter(|line| !line.trim().is_empty()).take(20);
    let told = |line: &&str| FULL_DISK.iter().any(|words| line.to_lowercase().contains(words));
    lines.find(told).map(|line| line.trim().to_owned())
}

/// Sorts the failure of a command by its words, since the engines' exit status (1 or 125) does not tell.
///
/// The fixtures in the tests are what Docker 20.10, 26.1 and 28, and Podman 3.0, 4.3 and 5.4 say. Only the last lines are looked at,
/// for a build prints whatever its steps print.
pub fn classify(command: &str, captured: &Captured) -> EngineError {
    let said = last_lines(&captured.stderr, 5);
    let text = said.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&[
        "permission denied while trying to connect",
        "dial unix /var/run/docker.sock: connect: permission denied",
    ]) {
        EngineError::NoPermission(said)
    } else if has(&[
        "cannot connect to the docker daemon",
        "failed to connect to the docker api",
        "is the docker daemon running",
        "error during connect",
        "connection reset by peer",
        "unexpected eof",
        "transport is closing",
        "cannot connect to podman",
        "unable to connect to podman",
    ]) {
        EngineError::Away(said)
    } else if has(&["invoke a command that was not found", "exec format error"])
        || (has(&["exec: ", "executable file"])
            && has(&[
                "not found in $path",
                "no such file or directory",
                "permission denied",
                "is a directory",
            ])
            && !has(&["docker-init", "catatonit"]))
    {
        EngineError::BadProgram(said)
    } else if has(&["docker-init", "catatonit", "init binary", "container-init binary"]) {
        EngineError::NoInit(said)
    } else if has(&FULL_DISK) {
        EngineError::NoSpace(full_disk(&captured.stderr).unwrap_or(said))
    } else if has(&["bind source path does not exist", "mounts denied", "is not shared from the host"]) {
        EngineError::NotShared(said)
    } else if has(&["no such container:path", "could not find the file", "could not be found on container"]) {
        EngineError::NoPath(said)
    } else if has(&["no such container", "no container with name or id", "no container with id"])
        || (has(&["error: container \""]) && has(&["\" does not exist"]))
    {
        EngineError::NoContainer
    } else if has(&["layer not known", "locating image with id"]) {
        EngineError::ImagesChanged(said)
    } else if has(&["no such image", "image not known", "unable to find image"]) {
        EngineError::NoImage
    } else if has(&[
        "is already in use",
        "is not running",
        "is not paused",
        "is already paused",
        "is paused",
        "container state improper",
        "is already in progress",
        "cannot pause",
        "can only kill running containers",
    ]) {
        EngineError::Conflict(said)
    } else if has(&["unknown flag: --", "unknown shorthand flag: "]) {
        EngineError::TooOld(said)
    } else {
        EngineError::Failed { command: command.to_owned(), status: captured.status, said }
    }
}

/// Sorts the failure of a pull. What is not the engine's own trouble is that of the network or the registry.
pub fn not_pulled(image: &str, error: EngineError) -> EngineError {
    let said = match error {
        EngineError::Failed { said, .. } => said,
        EngineError::NoImage => "the registry has no such image".to_owned(),
        error @ EngineError::TimedOut { .. } => error.to_string(),
        error => return error,
    };
    let text = said.to_lowercase();
    let is_missing =
        ["manifest unknown", "not found", "no such image"].iter().any(|word| text.contains(word));
    EngineError::NotPulled {
        image: image.to_owned(),
        is_certain: is_missing && image.contains("@sha256:"),
        said,
    }
}

/// The last `count` lines that are not empty, joined by " | ".
pub fn last_lines(text: &[u8], count: usize) -> String {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(stderr: &str) -> EngineError {
        classify("start", &Captured { status: 1, stderr: stderr.into(), ..Captured::default() })
    }

    #[test]
    fn a_daemon_that_is_not_there_is_away() {
        for text in [
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            // Docker 29, as its users report it.
            "failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct and if the \
             daemon is running: dial unix /var/run/docker.sock: connect: no such file or directory",
            "error during connect: Get \"http://%2Fvar%2Frun%2Fdocker.sock/v1.41/containers/x/json\": read unix \
             @->/run/docker.sock: read: connection reset by peer",
        ] {
            assert!(matches!(class(text), EngineError::Away(_)), "{text}");
        }
    }

    #[test]
    fn a_socket_that_refuses_is_a_matter_of_permission() {
        for text in [
            "permission denied while trying to connect to the Docker daemon socket at \
             unix:///var/run/docker.sock: Get \"http://...\": dial unix /var/run/docker.sock: connect: \
             permission denied",
            // Docker 29, as its users report it.
            "permission denied while trying to connect to the docker API at unix:///var/run/docker.sock",
        ] {
            assert!(matches!(class(text), EngineError::NoPermission(_)), "{text}");
        }
    }

    #[test]
    fn missing_things_are_told_apart() {
        for text in [
            "Error: No such container: x",
            "Error response from daemon: No such container: x",
            "Error: no container with name or ID \"x\" found: no such container",
            "Error: container \"x\" does not exist",
        ] {
            assert!(matches!(class(text), EngineError::NoContainer), "{text}");
        }
        for text in [
            "Error: No such image: buoy-1:latest",
            "Error response from daemon: No such image: buoy-1:latest",
            "Error: localhost/buoy-1:latest: image not known",
            "Unable to find image 'buoy-1:latest' locally",
        ] {
            assert!(matches!(class(text), EngineError::NoImage), "{text}");
        }
    }

    #[test]
    fn what_podman_3_says() {
        // Podman 3.0.1.
        let no_container = "Error: no container with name or ID nope found: no such container";
        assert!(matches!(class(no_container), EngineError::NoContainer));
        let no_container = "Error: error inspecting object: no such container nope";
        assert!(matches!(class(no_container), EngineError::NoContainer));
        for no_image in [
            "Error: error inspecting object: unable to find a name and tag match for nope in repotags: no such image",
            "Error: error inspecting object: unable to find 'localhost/bb' in local storage: no such image",
        ] {
            assert!(matches!(class(no_image), EngineError::NoImage), "{no_image}");
        }
        for option in ["Error: unknown flag: --time", "Error: unknown shorthand flag: 'a' in -a=false"] {
            assert!(matches!(class(option), EngineError::TooOld(_)), "{option}");
        }
    }

    #[test]
    fn a_path_that_is_not_in_a_container_is_not_a_missing_container() {
        for text in [
            "Error: No such container:path: x:/missing",
            "Error response from daemon: Could not find the file /missing in container x",
            "Error: \"/missing\" could not be found on container x: no such file or directory",
        ] {
            assert!(matches!(class(text), EngineError::NoPath(_)), "{text}");
        }
    }

    #[test]
    fn a_program_that_is_not_in_the_image_is_the_jobs_fault() {
        for text in [
            "Error response from daemon: failed to create task for container: OCI runtime create failed: runc create \
             failed: unable to start container process: exec: \"nope\": executable file not found in $PATH: unknown",
            "Error: unable to start container \"x\": runc: exec failed: unable to start container process: exec: \
             \"/nope\": stat /nope: no such file or directory: OCI runtime attempted to invoke a command that was \
             not found",
        ] {
            assert!(matches!(class(text), EngineError::BadProgram(_)), "{text}");
        }
    }

    /// The first is what Docker 20.10 says; the second is from reports about Docker Desktop.
    #[test]
    fn a_directory_that_the_engine_does_not_see_is_not_shared() {
        for text in [
            "docker: Error response from daemon: invalid mount config for type \"bind\": bind source path does not exist: /x.",
            "Error response from daemon: Mounts denied: \nThe path /x is not shared from the host and is not known to Docker.",
        ] {
            assert!(matches!(class(text), EngineError::NotShared(_)), "{text}");
        }
    }

    #[test]
    fn a_taken_name_and_a_wrong_state_mean_to_look_again() {
        for text in [
            "Error response from daemon: Conflict. The container name \"/x\" is already in use by container \"1\".",
            "Error response from daemon: Container 1 is not running",
            "Error response from daemon: Container x is not paused",
            "Error: \"created\" is not running, can't pause: container state improper",
        ] {
            assert!(matches!(class(text), EngineError::Conflict(_)), "{text}");
        }
    }

    #[test]
    fn an_image_that_went_meanwhile_is_no_failed_build() {
        for text in [
            "Error: checking if cached image exists from a previous build: getting top layer info: layer not known",
            "Error: reading image \"0da2\": locating image with ID \"0da2\": image not known",
        ] {
            assert!(matches!(class(text), EngineError::ImagesChanged(_)), "{text}");
        }
    }

    #[test]
    fn a_full_disk_is_the_hosts() {
        assert!(matches!(class("write /var/lib/x: no space left on device"), EngineError::NoSpace(_)));
    }

    #[test]
    fn a_step_of_a_build_that_found_the_disk_full_says_more_after_it() {
        let build = b"dd: error writing '/data': No space left on device\n3+0 records in\n2+0 records out\n\
            Removing intermediate container 49ca69e4cfd4\nThe command 'dd' returned a non-zero code: 1";
        assert_eq!(full_disk(build).as_deref(), Some("dd: error writing '/data': No space left on device"));
        assert_eq!(full_disk(b"The command 'false' returned a non-zero code: 1"), None);
    }

    #[test]
    fn only_the_end_of_what_was_said_counts() {
        let text = format!("no space left on device\n{}", "step\n".repeat(10));
        assert!(matches!(class(&text), EngineError::Failed { .. }));
    }

    /// Word for word, without most of the ids' digits.
    #[test]
    fn docker_26_and_podman_5_are_understood() {
        let no_container = [
            // Docker 26.1.5: start, cp, rm without the container.
            "Error response from daemon: No such container: nosuch\nError: failed to start containers: nosuch",
            "Error response from daemon: No such container: nosuch",
            // Podman 5.4.2.
            "Error: no container with name or ID \"nosuch\" found: no such container",
            "Error: no such container nosuch",
            "Error: container \"nosuch\" does not exist",
        ];
        let no_image =
            ["Error response from daemon: No such image: nosuch:latest", "Error: nosuch: image not known"];
        let no_path = [
            "Error response from daemon: Could not find the file /missing in container c",
            "Error: \"/missing\" could not be found on container c: no such file or directory",
        ];
        let conflict = [
            "Error response from daemon: Conflict. The container name \"/c\" is already in use by container \"1c0f\". \
             You have to remove (or rename) that container to be able to reuse that name.",
            "Error response from daemon: container 1c0f is not running",
            "Error response from daemon: Container 1c0f is not paused",
            "Error response from daemon: Container 1c0f is already paused",
            "Error response from daemon: cannot kill container: c: container 1c0f is not running",
            "Error: creating container storage: the container name \"c\" is already in use by 9af6. You have to remove \
             that container to be able to reuse that name: that name is already in use, or use --replace to instruct \
             Podman to do so.",
            "Error: \"created\" is not running, can't pause: container state improper",
            "Error: \"9af6\" is already paused: container state improper",
            "Error: \"9af6\" is not paused, can't unpause: container state improper",
            "Error: can only kill running containers. 9af6 is in state exited: container state improper",
        ];
        let docker = "Error response from daemon: failed to create task for container: failed to create shim task: OCI \
                      runtime create failed: runc create failed: unable to start container process: exec: ";
        let podman = "runc: runc create failed: unable to start container process: exec: ";
        let bad_program = [
            format!(
                "{docker}\"/nope\": stat /nope: no such file or directory: unknown\nError: failed to start containers: c"
            ),
            format!(
                "{docker}\"nope\": executable file not found in $PATH: unknown\nError: failed to start containers: c"
            ),
            format!(
                "{docker}\"/etc\": is a directory: unknown: permission denied\nError: failed to start containers: c"
            ),
            format!(
                "{docker}\"/etc/passwd\": permission denied: unknown\nError: failed to start containers: c"
            ),
            format!(
                "Error: unable to start container \"4c18\": {podman}\"/nope\": stat /nope: no such file or directory: OCI \
                 runtime attempted to invoke a command that was not found"
            ),
            format!(
                "Error: OCI runtime error: unable to start container \"3b17\": {podman}\"/etc\": is a directory"
            ),
            format!(
                "Error: unable to start container \"2ebe\": {podman}\"/etc/passwd\": permission denied: OCI permission denied"
            ),
        ];
        for text in no_container {
            assert!(matches!(class(text), EngineError::NoContainer), "{text}");
        }
        for text in no_image {
            assert!(matches!(class(text), EngineError::NoImage), "{text}");
        }
        for text in no_path {
            assert!(matches!(class(text), EngineError::NoPath(_)), "{text}");
        }
        for text in conflict {
            assert!(matches!(class(text), EngineError::Conflict(_)), "{text}");
        }
        for text in &bad_program {
            assert!(matches!(class(text), EngineError::BadProgram(_)), "{text}");
        }
        for unreachable in [
            // Docker 26.1.5, Podman 5.4.2.
            "Error response from daemon: Get \"https://registry.invalid/v2/\": dial tcp: lookup registry.invalid on \
             10.0.0.53:53: dial udp 10.0.0.53:53: connect: network is unreachable",
            "Error: initializing source docker://registry.invalid/tool:1: pinging container registry registry.invalid: Get \
             \"https://registry.invalid/v2/\": dial tcp: lookup registry.invalid on 10.0.0.53:53: dial udp 10.0.0.53:53: \
             connect: network is unreachable",
        ] {
            let error = not_pulled("registry.invalid/tool@sha256:00", class(unreachable));
            assert!(matches!(error, EngineError::NotPulled { is_certain: false, .. }), "{error}");
        }
    }
}
