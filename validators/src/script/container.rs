//! A script in a container: no network, nothing but read-only outputs and its own files, limits.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use boinc::file_error::FileError;
use boinc::hex::hex;
use boinc::platform::{entry_at, path_bytes, set_mode};
use boinc::visible::{is_terminal_control, visible};
use serde::{Deserialize, Serialize};
use wrapper::engine::{
    Cancel, CliEngine, ContainerSpec, ContainerUser, EngineError, Flavor, Hardening, ImageDetails, Mount,
    UserError,
};
use wrapper::seccomp;

use super::host::{Ended, WorkDirectory};
use super::traced::Traced;
use super::{Limits, Request, last_line};
use crate::private;

/// Processes in a container, at most.
const PROCESSES: u64 = 64;

/// Containers of scripts at one time, in one project.
const SLOTS: usize = 64;

/// How much of what it prints the engine keeps, in bytes.
const LOG_BYTES: u64 = 100_000;

/// How much of what it prints is looked at, in bytes.
const SAID_BYTES: usize = 8 << 10;

/// Where things are in the container.
const WORK: &str = "/buoy";

/// Where the outputs are in it.
const RESULTS: &str = "/results";

/// Where the files are in it that a script fills.
const MADE: &str = "/extra";

/// How a script is run in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// The image; it must be on this host.
    pub image: String,
    /// Which engine; else the first that is installed.
    pub engine: Option<Flavor>,
    /// Files that it finds in its working directory.
    pub files: Vec<ScriptFile>,
}

/// A file that a script brings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptFile {
    /// Its name: a single one.
    pub name: String,
    /// Whether it is executable.
    #[serde(default)]
    pub executable: bool,
    /// What is in it, in base64.
    pub base64: String,
}

impl ScriptFile {
    /// Whether the name can be a file's in the working directory.
    pub fn has_plain_name(&self) -> bool {
        !matches!(self.name.as_str(), "" | "." | "..")
            && self.name.len() <= 255
            && !self.name.contains('/')
            && !self.name.contains(is_terminal_control)
    }
}

/// A script could not be run in a container.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// There is no engine or no image, the image has a volume without a limit, or a file of the script's makes no sense.
    #[error("{0}")]
    Refused(String),
    /// The engine fails.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A file can't be put in its place.
    #[error(transparent)]
    Prepare(#[from] FileError),
}

/// What a call needs can't be put in its place.
fn prepare(path: &Path) -> impl FnOnce(io::Error) -> FileError {
    FileError::new("failed to prepare a script in a container:", path)
}

impl Sandbox {
    /// Runs `program` with `arguments` and the positional ones of `request`.
    ///
    /// # Errors
    /// It could not be run: nothing is said about any result.
    pub fn run(
        &self,
        program: &str,
        arguments: &[String],
        request: &Request,
        limits: &Limits,
        state: &Path,
    ) -> Result<Ended, ContainerError> {
        let cancel = Cancel::default();
        let (engine, image) = self.engine(&cancel)?;
        // Whoever reads these may be elsewhere than we are.
        let settings = std::path::absolute(state.join("engine")).map_err(prepare(state))?;
        private::create_directory(&settings).map_err(prepare(&settings))?;
        let engine = engine.without_client_settings(&settings).map_err(prepare(&settings))?;
        let version = engine.info()?.version;
        let seccomp = seccomp::file_in(&settings, engine.flavor(), &version).map_err(prepare(&settings))?;
        let work = state.join("work");
        let directory = WorkDirectory::new(&work).map_err(prepare(&work))?;
        self.lay_out(&directory.0)?;
        let (mounts, inside) = mounts(request, &directory.0);
        let call = directory.0.join("call.json");
        fs::write(&call, inside.json()).map_err(prepare(&call))?;
        let user = match engine.container_user(false, None) {
            Ok(user) if user.owner.is_none() => user,
            Err(UserError::Engine(error)) => return Err(error.into()),
            _ => {
                open_to_others(&directory.0, &mounts)?;
                ContainerUser { ids: "0:0".into(), ..ContainerUser::default() }
            }
        };
        let slot = Slot::take(state).map_err(prepare(state))?;
        // One that a killed shim left running.
        engine.remove(&slot.name)?;
        let mut env: Vec<(String, String)> = inside
            .environment()
            .into_iter()
            .map(|(key, value)| (key, value.to_string_lossy().into_owned()))
            .collect();
        env.push(("BUOY_CALL".into(), format!("{WORK}/call.json")));
        env.push(("HOME".into(), "/tmp".into()));
        let flavor = engine.flavor();
        let spec = ContainerSpec {
            name: slot.name.clone(),
            mark: "script".into(),
            // By its id: its name may lead to another image by now.
            image: image.id,
            hardening: Hardening {
                user: user.ids,
                host_user_namespace: user.host_user_namespace,
                file_bytes: limits.output_bytes,
                memory_bytes: limits.memory_bytes,
                cpus: 1.0,
                pids: PROCESSES,
                log_bytes: LOG_BYTES,
                seccomp: Some(seccomp),
                ..Hardening::default()
            },
            workdir: WORK.into(),
            mounts,
            env,
            init: true,
            // An image's own entry point would get the script as its argument.
            raw_args: ["--entrypoint".into(), program.into()]
                .into_iter()
                .chain(disk_options(flavor, image.config.volumes.keys(), limits)?)
                .collect(),
            args: arguments
                .iter()
                .cloned()
                .chain(inside.positional().iter().map(|word| word.to_string_lossy().into_owned()))
                .collect(),
            ..ContainerSpec::default()
        };
        let created = engine.create(&spec).map_err(ContainerError::from);
        let ended = created.and_then(|_| follow(&engine, &cancel, &slot.name, limits));
        // A leftover is removed before the next of this slot; the first error is the one that matters.
        let removed = engine.remove(&slot.name);
        let ended = ended?;
        removed?;
        Ok(ended)
    }

    /// Whether it would run at all: an engine is there and has the image.
    ///
    /// # Errors
    /// It would not, and why.
    pub fn check(&self) -> Result<(), ContainerError> {
        self.engine(&Cancel::default()).map(drop)
    }

    fn engine(&self, cancel: &Cancel) -> Result<(CliEngine<Traced>, ImageDetails), ContainerError> {
        let Some((flavor, path)) = wrapper::engine::find(self.engine).into_iter().next() else {
            let why = "failed to find Docker or Podman, which scripts in containers need";
            return Err(ContainerError::Refused(why.to_owned()));
        };
        let engine = CliEngine::new(flavor, path, Traced, cancel.clone(), false);
        match engine.image(&self.image)? {
            Some(image) => Ok((engine, image)),
            None => {
                let (engine, image) = (flavor.program_name(), &self.image);
                Err(ContainerError::Refused(format!(
                    "image {image} is not on this host; help: run {engine} pull {image}"
                )))
            }
        }
    }

    fn lay_out(&self, directory: &Path) -> Result<(), ContainerError> {
        for file in &self.files {
            let broken = || {
                let name = &file.name;
                ContainerError::Refused(format!(
                    "invalid script file {name:?}: expected a plain name and base64"
                ))
            };
            if !file.has_plain_name() || file.name == "call.json" {
                return Err(broken());
            }
            let bytes = STANDARD.decode(&file.base64).map_err(|_| broken())?;
            let path = directory.join(&file.name);
            let mode = if file.executable { 0o755 } else { 0o644 };
            // The directory is new: what is there already is another of its files.
            File::create_new(&path)
                .and_then(|mut file| file.write_all(&bytes))
                .and_then(|()| set_mode(&path, mode))
                .map_err(prepare(&path))?;
        }
        Ok(())
    }
}

/// Options that leave nothing to write but memory: the container's own layer is read-only, and a volume of the image,
/// which would be on the host's disk without any limit, is in memory too.
fn disk_options<'a>(
    flavor: Flavor,
    volumes: impl Iterator<Item = &'a String>,
    limits: &Limits,
) -> Result<Vec<String>, ContainerError> {
    let mut options = vec!["--read-only".to_owned()];
    // With a read-only layer Podman makes the other two, as large as they come.
    let directories: &[&str] = match flavor {
        Flavor::Docker => &["/tmp"],
        Flavor::Podman => &["/tmp", "/var/tmp", "/run"],
    };
    for directory in directories {
        options.extend(["--tmpfs".to_owned(), format!("{directory}:rw,size={}", limits.output_bytes)]);
    }
    for volume in volumes {
        let volume = volume.trim_end_matches('/');
        // A comma would begin another option.
        if !volume.starts_with('/')
            || volume.contains([',', '"', '='])
            || volume.contains(is_terminal_control)
        {
            return Err(ContainerError::Refused(format!(
                "the image declares the volume {:?}, whose size cannot be limited; help: build the image without it",
                visible(volume)
            )));
        }
        let is_ours = [WORK, MADE, RESULTS].iter().any(|ours| Path::new(volume).starts_with(ours));
        if !is_ours && !directories.contains(&volume) {
            let size = limits.output_bytes;
            options
                .extend(["--mount".to_owned(), format!("type=tmpfs,destination={volume},tmpfs-size={size}")]);
        }
    }
    Ok(options)
}

/// Lets a container's user, who is nobody on this host, read what is mounted and write what it is to write. The directories
/// of both are this user's alone, so nobody else gets at the files.
fn open_to_others(directory: &Path, mounts: &[Mount]) -> Result<(), ContainerError> {
    let set_mode = |path: &Path, mode| set_mode(path, mode).map_err(prepare(path));
    set_mode(directory, 0o755)?;
    set_mode(&directory.join("call.json"), 0o644)?;
    for Mount { source, read_only, .. } in mounts {
        let mode = entry_at(source).map_err(prepare(source))?.mode;
        if !read_only {
            set_mode(source, 0o666)?;
        } else if mode & 0o004 == 0 {
            return Err(ContainerError::Refused(format!(
                "failed to show {} to a script in a container: the Docker daemon remaps users (userns-remap), and the \
                 file is not readable by other users",
                source.display()
            )));
        }
    }
    Ok(())
}

/// Starts a container and sees to its end.
fn follow(
    engine: &CliEngine<Traced>,
    cancel: &Cancel,
    name: &str,
    limits: &Limits,
) -> Result<Ended, ContainerError> {
    match engine.start(name) {
        // The engine says in its own words why the program in it can't be run.
        Err(EngineError::BadProgram(said)) => {
            return Ok(Ended { code: Ok(127), said: last_line(said.as_bytes()) });
        }
        done => done?,
    }
    let code = match wait_in_time(engine, cancel, name, limits)? {
        Some(code) => Ok(code),
        None => Err(format!("took longer than {} s", limits.timeout.as_secs())),
    };
    let memory = engine.inspect(name)?.is_some_and(|inspected| inspected.oom_killed);
    let code = match code {
        Ok(code) if code != 0 && memory => Err("used more memory than memory_mb allows".to_owned()),
        code => code,
    };
    let said = engine.logs(name, SAID_BYTES)?;
    Ok(Ended { code, said: last_line(&said) })
}

/// The container's exit code; `None` if its time was up before.
fn wait_in_time(
    engine: &CliEngine<Traced>,
    cancel: &Cancel,
    name: &str,
    limits: &Limits,
) -> Result<Option<i32>, ContainerError> {
    let deadline = Instant::now() + limits.timeout;
    let (over, ended) = mpsc::channel();
    let timer = {
        let cancel = cancel.clone();
        let timeout = limits.timeout;
        std::thread::spawn(move || {
            if let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(timeout) {
                cancel.cancel();
            }
        })
    };
    let waited = loop {
        match engine.wait(name) {
            Ok(code) => break Ok(Some(code)),
            Err(EngineError::Cancelled) => break Ok(None),
            // The engine's own wait is bounded, too.
            Err(EngineError::TimedOut { .. }) if Instant::now() < deadline => {}
            Err(EngineError::TimedOut { .. }) => break Ok(None),
            Err(error) => break Err(error.into()),
        }
    };
    // The timer may have ended by itself.
    let _ = over.send(());
    let _ = timer.join();
    cancel.reset();
    waited
}

/// The mounts of a call, and the call as the container sees it.
fn mounts(request: &Request, directory: &Path) -> (Vec<Mount>, Request) {
    let mut mounts = vec![Mount { source: directory.to_owned(), target: WORK.into(), read_only: true }];
    let mut inside = request.clone();
    // An optional output that is not there has no mount, and is passed all the same.
    for (n, result) in inside.results.iter_mut().enumerate() {
        for output in &mut result.outputs {
            let target = format!("{RESULTS}/{n}/{}", output.physical_name);
            if output.bytes.is_some() {
                mounts.push(Mount { source: output.path.clone(), target: target.clone(), read_only: true });
            }
            output.path = target.into();
        }
    }
    // Each file by itself: in a directory a script could leave anything, in any number.
    for made in &mut inside.extra_outputs {
        let target = format!("{MADE}/{}", made.name);
        mounts.push(Mount { source: made.path.clone(), target: target.clone(), read_only: false });
        made.path = target.into();
    }
    (mounts, inside)
}

/// A place for one container of a project: its name is known to whoever has the lock, so that what a killed shim left
/// is found again.
struct Slot {
    name: String,
    _lock: File,
}

impl Slot {
    fn take(state: &Path) -> io::Result<Self> {
        use sha2::{Digest, Sha256};
        let locks = std::path::absolute(state)?.join("containers");
        private::create_directory(&locks)?;
        let digest = Sha256::digest(path_bytes(&locks));
        let project = hex(&digest[..5]);
        for n in 0..SLOTS {
            let lock = File::options()
                .write(true)
                .create(true)
                .truncate(false)
                .open(locks.join(format!("{n}.lock")))?;
            if lock.try_lock().is_ok() {
                return Ok(Self { name: format!("buoy-script-{project}-{n}"), _lock: lock });
            }
        }
        Err(io::Error::other(format!("{SLOTS} scripts run in containers already")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Purpose, RequestExtraOutput, RequestOutput, RequestResult};
    use crate::subject::Subject;

    #[test]
    fn a_container_may_write_the_files_that_it_makes_and_nothing_else() {
        let made = RequestExtraOutput { name: "sum.json".into(), path: "/spool/x/making/sum.json".into() };
        let request = Request {
            extra_outputs: vec![made],
            ..Request::new(Purpose::Assimilate, &Subject::default(), vec![])
        };
        let (mounts, inside) = mounts(&request, Path::new("/w"));
        let writable: Vec<_> = mounts.iter().filter(|mount| !mount.read_only).collect();
        assert_eq!(writable.len(), 1);
        assert_eq!(writable[0].target, "/extra/sum.json");
        assert!(inside.environment().contains(&("BUOY_EXTRA_DIR".to_owned(), "/extra".into())));
    }

    #[test]
    fn another_user_in_the_container_reads_and_writes_what_a_script_may() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, mode| {
            let path = dir.path().join(name);
            fs::write(&path, "x").unwrap();
            set_mode(&path, mode).unwrap();
            path
        };
        let mode = |path: &Path| entry_at(path).unwrap().mode & 0o777;
        let call = file("call.json", 0o600);
        let mount =
            |source: &Path, read_only| Mount { source: source.to_owned(), target: "/x".into(), read_only };
        let (result, made) = (file("result", 0o644), file("made", 0o600));
        let mounts = [mount(dir.path(), true), mount(&result, true), mount(&made, false)];
        open_to_others(dir.path(), &mounts).unwrap();
        assert_eq!((mode(dir.path()), mode(&call), mode(&made), mode(&result)), (0o755, 0o644, 0o666, 0o644));
        let closed = file("closed", 0o640);
        let error = open_to_others(dir.path(), &[mount(&closed, true)]).unwrap_err().to_string();
        assert!(error.contains("closed") && error.contains("userns-remap"), "{error}");
        assert_eq!(mode(&closed), 0o640);
    }

    fn disk(flavor: Flavor, volumes: &[&str]) -> Result<String, String> {
        let volumes: Vec<String> = volumes.iter().map(|&volume| volume.to_owned()).collect();
        let limits = Limits { output_bytes: 1_000, ..Limits::default() };
        disk_options(flavor, volumes.iter(), &limits)
            .map(|options| options.join(" "))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn volumes_of_the_image_are_not_on_the_hosts_disk() {
        assert_eq!(disk(Flavor::Docker, &[]).unwrap(), "--read-only --tmpfs /tmp:rw,size=1000");
        let options = disk(Flavor::Docker, &["/data", "/srv/x/", "/tmp", "/results/0", "/extra"]).unwrap();
        assert!(options.contains("--mount type=tmpfs,destination=/data,tmpfs-size=1000"), "{options}");
        assert!(options.contains("destination=/srv/x,"), "{options}");
        assert_eq!(options.matches("type=tmpfs").count(), 2, "{options}");
        assert!(disk(Flavor::Podman, &[]).unwrap().contains("--tmpfs /var/tmp:rw,size=1000"));
        for volume in ["/a,source=/etc", "data", "/a\"b", "/a\n", ""] {
            assert!(disk(Flavor::Docker, &[volume]).unwrap_err().contains("cannot be limited"), "{volume:?}");
        }
    }

    #[test]
    fn files_of_a_script_stay_in_their_directory_and_replace_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file =
            |name: &str| ScriptFile { name: name.into(), executable: false, base64: STANDARD.encode("x") };
        let lay_out = |names: &[&str]| {
            let sandbox = Sandbox {
                image: "i".into(),
                engine: None,
                files: names.iter().map(|name| file(name)).collect(),
            };
            sandbox.lay_out(dir.path())
        };
        for name in ["../x", "/etc/x", "..", "", "a/b", "call.json", "a\nb", "\u{202e}x", &"x".repeat(300)] {
            assert!(lay_out(&[name]).is_err(), "{name:?}");
        }
        lay_out(&["a"]).unwrap();
        assert!(lay_out(&["b", "b"]).is_err());
    }

    #[test]
    fn a_container_sees_the_outputs_read_only_under_their_own_names() {
        let output = |n: usize, bytes| RequestOutput {
            number: n,
            name: None,
            physical_name: format!("--q_{n}"),
            path: format!("/upload/1/--q_{n}").into(),
            bytes,
        };
        let result =
            RequestResult { outputs: vec![output(0, Some(3)), output(1, None)], ..Default::default() };
        let request = Request::new(Purpose::Compare, &Subject::default(), vec![result.clone(), result]);
        let (mounts, inside) = mounts(&request, Path::new("/w"));
        assert_eq!(inside.positional()[..2], ["/results/0/--q_0", "/results/0/--q_1"]);
        assert_eq!(mounts.len(), 3, "the one that is not there is not mounted: {mounts:?}");
        assert!(mounts.iter().all(|mount| mount.read_only));
    }
}
