//! Every command we give the engine, as pure functions of what it needs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::client_config;
use super::command::{Invocation, Keep};
use super::flavor::Flavor;
use super::hardening::Hardening;

mod build;

pub use build::StepSpec;

/// How many lines of a container's log are asked for, its last ones.
pub const LOG_LINES: usize = 10_000;

/// A host path that the container sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Absolute path on the host.
    pub source: PathBuf,
    /// Absolute path in the container.
    pub target: String,
    /// Whether the container may only read it.
    pub read_only: bool,
}

impl Mount {
    /// The value of `--mount`: fields of a CSV line, so that commas and quotes in paths survive.
    fn field(&self) -> String {
        let mut fields = vec![
            "type=bind".to_owned(),
            format!("source={}", self.source.display()),
            format!("target={}", self.target),
        ];
        if self.read_only {
            fields.push("readonly".into());
        }
        fields.iter().map(|field| csv_field(field)).collect::<Vec<_>>().join(",")
    }
}

fn csv_field(text: &str) -> String {
    if text.contains(['"', ',', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// The one GPU that the client assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gpu {
    /// NVIDIA, by device number.
    Nvidia(u32),
    /// Others, by their device nodes.
    Devices(Vec<PathBuf>),
}

/// Everything about a container that is to be made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerSpec {
    /// Its name.
    pub name: String,
    /// What tells it from others of the same name.
    pub mark: String,
    /// The owner of the index that it belongs to; empty if it belongs to none.
    pub owner: String,
    /// The image, by its id.
    pub image: String,
    /// What holds it.
    pub hardening: Hardening,
    /// The directory it starts in.
    pub workdir: String,
    /// SELinux needs labels for this container alone on what it may write.
    pub relabel: bool,
    /// What it sees of the host.
    pub mounts: Vec<Mount>,
    /// Directories of the mounts that it must not see: empty ones are mounted over them.
    pub masked: Vec<String>,
    /// Environment variables.
    pub env: Vec<(String, String)>,
    /// The engine's small init as first process: reaps, forwards signals.
    pub init: bool,
    /// The GPU, if one is assigned and allowed.
    pub gpu: Option<Gpu>,
    /// Values for `-p`, allowed by the policy.
    pub ports: Vec<String>,
    /// Values for `-v`, allowed by the policy.
    pub volumes: Vec<String>,
    /// Raw options, allowed by the policy.
    pub raw_args: Vec<String>,
    /// The argument vector after the image.
    pub args: Vec<String>,
}

/// The host's name in every container: by itself it would be the container's id, another one in each copy of a job.
const HOST_NAME: &str = "buoy";

/// Variables that Podman sets, and Docker does not; here both do, to the same.
const SAME_VARIABLES: [(&str, &str); 2] = [("TERM", "dumb"), ("container", "oci")];

/// The label of the images and build containers that belong to one index, with the index's owner as value.
pub const OWNER_LABEL: &str = "org.buoy.owner";
/// The label that tells a slot's container from others of the same name.
pub const MARK_LABEL: &str = "org.buoy.mark";
/// The label that tells our containers.
pub const CONTAINER_LABEL: &str = "org.buoy.result";

/// The commands of one engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verbs {
    pub(super) flavor: Flavor,
    pub(super) program: PathBuf,
    /// The directory that Docker's program reads instead of the user's configuration, except for `pull`.
    pub(super) client_config: Option<PathBuf>,
}

impl Verbs {
    fn command(&self, verb: &str) -> Invocation {
        let mut command = Invocation::new(&self.program).arg(verb);
        // `pull` is the one that needs the user's credentials.
        if let Some(directory) = self.client_config.as_ref().filter(|_| verb != "pull") {
            command.env.push((client_config::VARIABLE.into(), directory.clone().into()));
        }
        command.env.extend(self.flavor.quiet_variable().map(|name| (name.into(), "1".into())));
        command
    }

    pub(super) fn version(&self) -> Invocation {
        self.command("version").args(["--format", "{{json .}}"]).timeout(Duration::from_secs(20))
    }

    pub(super) fn info(&self) -> Invocation {
        self.command("info").args(["--format", "{{json .}}"]).timeout(Duration::from_secs(20))
    }

    /// The machine that Podman uses by default, which is the one that BOINC's client makes.
    pub(super) fn inspect_machine(&self) -> Invocation {
        self.command("machine").arg("inspect").timeout(Duration::from_secs(20))
    }

    /// CPU time and memory as numbers: without a format there are percentages and rounded text.
    pub(super) fn stats(&self, name: &str) -> Invocation {
        self.command("stats").args(["--no-stream", "--format", "{{json .ContainerStats}}", name])
    }

    /// Without a format, here and for images: Podman's `{{json .}}` is a list where Docker's is one object; what both print
    /// by themselves is a list.
    pub(super) fn inspect_container(&self, name: &str) -> Invocation {
        self.command("container").args(["inspect", name])
    }

    pub(super) fn inspect_image(&self, image: &str) -> Invocation {
        self.command("image").args(["inspect", image])
    }

    pub(super) fn load_stream(&self, scratch: &Path) -> Invocation {
        self.with_scratch(self.command("load"), scratch)
    }

    pub(super) fn copy_in(&self, name: &str, scratch: &Path) -> Invocation {
        let command = self.command("cp").args(self.flavor.copy_in_options());
        self.with_scratch(command.arg("-").arg(format!("{name}:/")), scratch)
    }

    /// A long command whose standard input may be written into a file in this directory.
    fn with_scratch(&self, command: Invocation, scratch: &Path) -> Invocation {
        let mut command = command.timeout(Duration::from_secs(3_600));
        let variable = self.flavor.scratch_variable();
        command.env.extend(variable.map(|name| (name.into(), scratch.as_os_str().to_owned())));
        command
    }

    pub(super) fn copy_out(&self, name: &str, path: &str) -> Invocation {
        let command = self.command("cp").args(self.flavor.copy_out_options());
        command.arg(format!("{name}:{path}")).arg("-").timeout(Duration::from_secs(3_600))
    }

    pub(super) fn pull(&self, image: &str) -> Invocation {
        self.command("pull").arg(image).timeout(Duration::from_secs(3_600)).keep(Keep::Tail(16 << 10))
    }

    pub(super) fn create(&self, spec: &ContainerSpec) -> Invocation {
        let mut command = self.command("create").args(["--name", &spec.name]);
        command = command.arg("--label").arg(format!("{CONTAINER_LABEL}={}", spec.name));
        command = command.arg("--label").arg(format!("{MARK_LABEL}={}", spec.mark));
        if !spec.owner.is_empty() {
            command = command.arg("--label").arg(format!("{OWNER_LABEL}={}", spec.owner));
        }
        command = spec.hardening.apply(command, self.flavor);
        if spec.init {
            command = command.arg("--init");
        }
        // An engine that shuts down then kills at once, and a job that ended by itself is never mistaken for it.
        command = command.args(["--stop-signal", "SIGKILL"]);
        command = command.args(["--workdir", &spec.workdir, "--hostname", HOST_NAME]);
        command = command.args(self.flavor.same_options());
        for mount in &spec.mounts {
            command = match self.relabelled(mount) {
                Some(volume) if spec.relabel && !mount.read_only => command.arg("--volume").arg(volume),
                _ => command.arg("--mount").arg(mount.field()),
            };
        }
        for directory in &spec.masked {
            let options = self.flavor.empty_tmpfs();
            command = command.arg("--tmpfs").arg(format!("{directory}:ro,size=4k,mode=0500{options}"));
        }
        let own = spec.env.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        for (key, value) in SAME_VARIABLES.into_iter().chain(own) {
            command = command.arg("--env").arg(format!("{key}={value}"));
        }
        command = self.gpu(command, spec.gpu.as_ref());
        for port in &spec.ports {
            command = command.args(["--publish", port]);
        }
        for volume in &spec.volumes {
            command = command.args(["--volume", volume]);
        }
        command
            .args(&spec.raw_args)
            .arg(&spec.image)
            .args(&spec.args)
            .timeout(Duration::from_secs(300))
            .surviving()
    }

    /// The value of `--volume` for a mount whose files get the container's own label; Docker's `--mount` has no such option.
    /// Colons in a path cannot be written so.
    fn relabelled(&self, mount: &Mount) -> Option<String> {
        let source = mount.source.to_str().filter(|source| !source.contains(':'))?;
        Some(format!("{source}:{}:Z", mount.target))
    }

    fn gpu(&self, command: Invocation, gpu: Option<&Gpu>) -> Invocation {
        match (gpu, self.flavor) {
            (None, _) => command,
            (Some(Gpu::Nvidia(number)), Flavor::Docker) => {
                command.arg("--gpus").arg(format!("device={number}"))
            }
            (Some(Gpu::Nvidia(number)), Flavor::Podman) => {
                command.arg("--device").arg(format!("nvidia.com/gpu={number}"))
            }
            (Some(Gpu::Devices(nodes)), _) => {
                nodes.iter().fold(command, |command, node| command.arg("--device").arg(node))
            }
        }
    }

    /// `start`, `pause`, `unpause`, `kill`: a verb and a container.
    pub(super) fn simple(&self, verb: &str, name: &str) -> Invocation {
        self.command(verb).arg(name).surviving()
    }

    pub(super) fn wait(&self, name: &str) -> Invocation {
        self.command("wait").args(self.flavor.wait_options()).arg(name).timeout(Duration::from_secs(20))
    }

    /// The same for a command that is there before the end, as long as it takes.
    pub(super) fn wait_for_end(&self, name: &str) -> Invocation {
        self.command("wait").arg(name).timeout(Duration::from_secs(366 * 86_400))
    }

    pub(super) fn logs(&self, name: &str, since: Option<f64>, bytes: usize) -> Invocation {
        let mut command = self.command("logs").args(["--tail", &LOG_LINES.to_string()]);
        if let Some(since) = since {
            command = command.arg("--since").arg(format!("{since:.6}"));
        }
        command.arg(name).keep(Keep::Tail(bytes))
    }

    pub(super) fn remove(&self, name: &str, options: &[&str]) -> Invocation {
        self.command("rm").args(["--force", "--volumes"]).args(options).arg(name).surviving()
    }

    pub(super) fn remove_all(&self, names: &[String]) -> Invocation {
        self.command("rm").args(["--force", "--volumes"]).args(names).surviving()
    }

    pub(super) fn remove_image(&self, image: &str) -> Invocation {
        self.command("image").args(["rm", image]).surviving()
    }

    /// The engine's events "this container was killed by order" between two moments, in seconds since 1970.
    pub(super) fn kill_events(&self, id: &str, since: f64, until: f64) -> Invocation {
        let command = self.command("events").args(["--filter", &format!("container={id}")]);
        let command = command.args(["--filter", "event=kill", "--format", "{{json .}}"]);
        let command = match self.flavor {
            Flavor::Docker => {
                command.arg("--since").arg(format!("{since:.6}")).arg("--until").arg(format!("{until:.6}"))
            }
            // It knows whole seconds only, and stops by itself.
            Flavor::Podman => {
                command.args(["--stream=false", "--since"]).arg(format!("{:.0}", since.floor()))
            }
        };
        command.timeout(Duration::from_secs(5))
    }

    /// Where Docker's daemon listens, by `DOCKER_HOST` or the user's context.
    pub(super) fn endpoint(&self) -> Invocation {
        self.command("context").args(["inspect", "--format", "{{json .Endpoints.docker.Host}}"])
    }

    /// Gives a directory with all that is in it to root of a rootless Podman's containers, who is this user. Links are not
    /// followed.
    pub(super) fn take_back(&self, directory: &Path) -> Invocation {
        self.command("unshare").args(["chown", "-hR", "0:0", "--"]).arg(directory)
    }

    /// A signal to processes of a rootless container, sent from within its user namespace.
    pub(super) fn signal(&self, signal: &str, pids: &[u32]) -> Invocation {
        self.command("unshare").args(["kill", "-s", signal, "--"]).args(pids.iter().map(ToString::to_string))
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn verbs_of(flavor: Flavor) -> Verbs {
        Verbs { flavor, program: flavor.program_name().into(), client_config: None }
    }

    fn spec() -> ContainerSpec {
        ContainerSpec {
            name: "boinc__example.org__vina_1_0".into(),
            mark: "18f0".into(),
            image: "buoy-0123:latest".into(),
            hardening: Hardening {
                user: "1000:1000".into(),
                memory_bytes: 512_000_000,
                cpus: 1.0,
                pids: 1_024,
                log_bytes: 10_000_000,
                seccomp: Some("/var/lib/boinc/projects/p/buoy+state/seccomp-0123.json".into()),
                runtime: Some("runsc".into()),
                ..Hardening::default()
            },
            workdir: "/app".into(),
            mounts: vec![
                Mount {
                    source: "/var/lib/boinc/slots/0/buoy/work".into(),
                    target: "/app".into(),
                    read_only: false,
                },
                Mount { source: "/var/a,b/in\"put".into(), target: "/app/in".into(), read_only: true },
            ],
            env: vec![("ARGS".into(), " $(touch x) ; `y`".into())],
            init: true,
            gpu: Some(Gpu::Nvidia(1)),
            args: vec!["--name".into(), "a b".into()],
            ..ContainerSpec::default()
        }
    }

    #[test]
    fn a_container_is_created_with_nothing_it_was_not_given() {
        let verbs = verbs_of(Flavor::Docker);
        insta::assert_snapshot!(verbs.create(&spec()).to_string().replace(" --", "\n--"), @r#"
    docker create
    --name boinc__example.org__vina_1_0
    --label org.buoy.result=boinc__example.org__vina_1_0
    --label org.buoy.mark=18f0
    --pull never
    --no-healthcheck
    --user 1000:1000
    --cap-drop ALL
    --security-opt no-new-privileges
    --security-opt seccomp=/var/lib/boinc/projects/p/buoy+state/seccomp-0123.json
    --runtime runsc
    --ulimit core=0
    --ulimit nofile=16384:16384
    --network none
    --pids-limit 1024
    --memory 512000000b
    --memory-swap 512000000b
    --shm-size 512000000b
    --cpus 1.000
    --log-driver json-file
    --log-opt max-size=5000000
    --log-opt max-file=2
    --init
    --stop-signal SIGKILL
    --workdir /app
    --hostname buoy
    --mount type=bind,source=/var/lib/boinc/slots/0/buoy/work,target=/app
    --mount 'type=bind,"source=/var/a,b/in""put",target=/app/in,readonly'
    --env TERM=dumb
    --env container=oci
    --env 'ARGS= $(touch x) ; `y`'
    --gpus device=1 buoy-0123:latest
    --name 'a b'
    "#);
    }

    #[test]
    fn a_profile_and_a_runtime_are_named_only_where_there_are_some() {
        let spec = ContainerSpec { hardening: Hardening::default(), ..spec() };
        let text = verbs_of(Flavor::Podman).create(&spec).to_string();
        assert!(!text.contains("seccomp") && !text.contains("--runtime"), "{text}");
    }

    #[test]
    fn only_what_a_container_may_write_is_relabelled() {
        let spec = ContainerSpec { relabel: true, ..spec() };
        let text = verbs_of(Flavor::Docker).create(&spec).to_string();
        assert!(text.contains("--volume /var/lib/boinc/slots/0/buoy/work:/app:Z "), "{text}");
        assert_eq!((text.matches("--volume").count(), text.matches("--mount").count()), (1, 1), "{text}");
    }

    #[test]
    fn settings_of_the_users_client_are_for_nothing_but_a_pull() {
        let config = "/state/docker-config";
        let verbs = Verbs { client_config: Some(config.into()), ..verbs_of(Flavor::Docker) };
        let expected = [(OsString::from("DOCKER_CONFIG"), OsString::from(config))];
        assert_eq!(verbs.create(&spec()).env, expected);
        assert_eq!(verbs.simple("start", "c1").env, expected);
        assert_eq!(verbs.pull("debian").env, []);
    }

    #[test]
    fn podman_is_told_its_own_log_driver_and_gpu() {
        let verbs = verbs_of(Flavor::Podman);
        let text = verbs.create(&spec()).to_string();
        assert!(text.contains("--log-driver k8s-file"), "{text}");
        assert!(text.contains("--device nvidia.com/gpu=1"), "{text}");
        assert!(text.contains("--http-proxy=false"), "{text}");
        assert!(text.contains("--systemd=false"), "{text}");
    }

    #[test]
    fn podmans_own_warning_is_not_among_what_a_job_printed() {
        let quiet: (OsString, OsString) = ("PODMAN_IGNORE_CGROUPSV1_WARNING".into(), "1".into());
        assert_eq!(verbs_of(Flavor::Podman).logs("c1", None, 10).env, [quiet]);
        assert_eq!(verbs_of(Flavor::Docker).logs("c1", None, 10).env, []);
    }

    #[test]
    fn podman_looks_again_soon_for_the_status_of_a_job_that_has_just_ended() {
        let wait = |flavor| verbs_of(flavor).wait("c1").to_string();
        assert_eq!(wait(Flavor::Podman), "podman wait --interval 10ms c1");
        assert_eq!(wait(Flavor::Docker), "docker wait c1");
    }

    #[test]
    fn tar_streams_keep_their_owners_and_follow_a_link_that_is_named() {
        let docker = verbs_of(Flavor::Docker);
        assert_eq!(docker.copy_in("c1", Path::new("/s")).to_string(), "docker cp - c1:/");
        assert_eq!(docker.copy_out("c1", "/etc/passwd").to_string(), "docker cp -L c1:/etc/passwd -");
        assert_eq!(docker.load_stream(Path::new("/slot/buoy")).env, []);
        let podman = verbs_of(Flavor::Podman);
        assert_eq!(podman.copy_in("c1", Path::new("/s")).to_string(), "podman cp -a=false - c1:/");
        assert_eq!(podman.copy_out("c1", "/etc/passwd").to_string(), "podman cp c1:/etc/passwd -");
        let load = podman.load_stream(Path::new("/slot/buoy"));
        assert_eq!(
            (load.to_string().as_str(), load.env.last()),
            ("podman load", Some(&("TMPDIR".into(), "/slot/buoy".into())))
        );
    }
}
