//! The commands by which an image is built: ordinary ones of containers, no builder of the engine's.

use std::time::Duration;

use super::super::command::Invocation;
use super::super::flavor::Flavor;
use super::super::hardening::Hardening;
use super::{Mount, OWNER_LABEL, Verbs};

/// A container in which steps of a build are done. What is given here ends up in the image that is made of it: so it is
/// found by its name, and has no labels but those of the image.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepSpec {
    /// Its name.
    pub name: String,
    /// The owner of the image.
    pub owner: String,
    /// The image that it starts from, by id.
    pub image: String,
    /// The directory that it starts in, and the image's.
    pub workdir: String,
    /// Environment variables of the image.
    pub env: Vec<(String, String)>,
    /// Labels of the image.
    pub labels: Vec<(String, String)>,
    /// What it sees of the host while it runs.
    pub mounts: Vec<Mount>,
    /// Its limits.
    pub hardening: Hardening,
    /// The argument vector that it runs.
    pub command: Vec<String>,
}

/// A commit of a large layer takes minutes where the engine compresses it.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(3_600);

impl Verbs {
    pub(in super::super) fn create_step(&self, spec: &StepSpec) -> Invocation {
        let mut command = self.command("create").args(["--name", &spec.name]);
        command = command.arg("--label").arg(format!("{OWNER_LABEL}={}", spec.owner));
        for (key, value) in &spec.labels {
            command = command.arg("--label").arg(format!("{key}={value}"));
        }
        command = spec.hardening.apply(command, self.flavor);
        if !spec.workdir.is_empty() {
            command = command.args(["--workdir", &spec.workdir]);
        }
        for mount in &spec.mounts {
            command = command.arg("--mount").arg(mount.field());
        }
        for (key, value) in &spec.env {
            command = command.arg("--env").arg(format!("{key}={value}"));
        }
        command = command.args(["--entrypoint", ""]).arg(&spec.image).args(&spec.command);
        command.timeout(Duration::from_secs(300)).surviving()
    }

    /// It is never killed in the middle: Podman would leave an image without a manifest, which makes each later listing of
    /// images fail. What it still finishes after a cancellation is removed with other images that no index knows.
    ///
    /// `changes`: entry point and command of the image. Both are always given, since engines disagree on what a commit
    /// keeps of them. `image`: a name for the image.
    pub(in super::super) fn commit(
        &self,
        name: &str,
        changes: Option<(&[String], &[String])>,
        image: Option<&str>,
    ) -> Invocation {
        let mut command = self.command("commit");
        if self.flavor == Flavor::Podman {
            command = command.arg("--quiet");
        }
        if let Some((entrypoint, cmd)) = changes {
            command = command.arg("--change").arg(format!("ENTRYPOINT {}", json(entrypoint)));
            command = command.arg("--change").arg(format!("CMD {}", json(cmd)));
        }
        command.arg(name).args(image).timeout(COMMIT_TIMEOUT).surviving()
    }

    /// An image of nothing, from an empty tar file on standard input.
    pub(in super::super) fn import(&self, owner: &str) -> Invocation {
        self.command("import").arg("--change").arg(format!("LABEL {OWNER_LABEL}={owner}")).arg("-")
    }

    /// Ids of all containers whose name begins so.
    pub(in super::super) fn containers_named(&self, prefix: &str) -> Invocation {
        let filter = format!("name=^{prefix}");
        self.command("ps").args(["--all", "--quiet", "--no-trunc", "--filter", &filter])
    }

    /// Ids of all containers of an owner.
    pub(in super::super) fn containers_of(&self, owner: &str) -> Invocation {
        let filter = format!("label={OWNER_LABEL}={owner}");
        self.command("ps").args(["--all", "--quiet", "--no-trunc", "--filter", &filter])
    }

    /// Ids of all images of an owner, one on a line; those that others are built on are left out.
    pub(in super::super) fn images_of(&self, owner: &str) -> Invocation {
        let filter = format!("label={OWNER_LABEL}={owner}");
        self.command("image").args(["ls", "--quiet", "--no-trunc", "--filter", &filter])
    }

    /// Looks at a container, with the number of bytes that it has written into its own layer.
    pub(in super::super) fn inspect_size(&self, name: &str) -> Invocation {
        self.command("container").args(["inspect", "--size", name])
    }
}

fn json(words: &[String]) -> String {
    serde_json::Value::from(words.to_vec()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verbs(flavor: Flavor) -> Verbs {
        Verbs { flavor, program: flavor.program_name().into(), client_config: None }
    }

    #[test]
    fn a_step_has_the_limits_of_a_job_and_six_capabilities() {
        let spec = StepSpec {
            name: "buoy-build-1".into(),
            owner: "00ff".into(),
            image: "sha256:aa".into(),
            workdir: "/src".into(),
            env: vec![("A".into(), "b c".into())],
            labels: vec![("v".into(), "1".into())],
            hardening: Hardening {
                user: "0".into(),
                capabilities: &["CHOWN", "SETUID"],
                memory_bytes: 512_000_000,
                cpus: 1.0,
                pids: 64,
                log_bytes: 1_000_000,
                seccomp: Some("/state/seccomp-1.json".into()),
                ..Hardening::default()
            },
            command: ["/bin/sh", "-c", ". /dev/.buoy-env; make"].map(String::from).to_vec(),
            ..StepSpec::default()
        };
        let text = verbs(Flavor::Podman).create_step(&spec).to_string().replace(" --", "\n--");
        // The limit of the user's processes is this host's.
        let lines: Vec<&str> = text.lines().filter(|line| !line.contains("nproc=")).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        podman create
        --name buoy-build-1
        --label org.buoy.owner=00ff
        --label v=1
        --pull never
        --no-healthcheck
        --user 0
        --cap-drop ALL
        --cap-add CHOWN
        --cap-add SETUID
        --security-opt no-new-privileges
        --security-opt seccomp=/state/seccomp-1.json
        --http-proxy=false
        --ulimit core=0
        --ulimit nofile=16384:16384
        --network none
        --pids-limit 64
        --memory 512000000b
        --memory-swap 512000000b
        --shm-size 512000000b
        --cpus 1.000
        --log-driver k8s-file
        --log-opt max-size=1000000
        --workdir /src
        --env 'A=b c'
        --entrypoint '' sha256:aa /bin/sh -c '. /dev/.buoy-env; make'
        "#);
    }

    #[test]
    fn a_commit_gives_entry_point_and_command_exactly() {
        let words = ["a \"b\"".to_owned(), "$x=\\".to_owned()];
        insta::assert_snapshot!(verbs(Flavor::Docker).commit("c", Some((&words, &[])), Some("buoy-1:latest")).to_string(), @r#"docker commit --change 'ENTRYPOINT ["a \"b\"","$x=\\"]' --change 'CMD []' c buoy-1:latest"#);
        assert_eq!(verbs(Flavor::Podman).commit("c", None, None).to_string(), "podman commit --quiet c");
    }
}
