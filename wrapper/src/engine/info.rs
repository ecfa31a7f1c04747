//! What an engine says about itself (`info`), and who its containers' processes are on this host.

use std::path::Path;

use boinc::platform::User;
use serde_json::Value;

/// Whom the user numbers in a container mean on this host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Users {
    /// The users of this host with the same numbers.
    #[default]
    Same,
    /// Root is the user who runs the engine, all others are subordinate ids of that user.
    Rootless,
    /// The daemon maps all users (`userns-remap`); root is this user of the host, if the engine tells.
    Remapped(Option<User>),
}

/// What an engine says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineInfo {
    /// Version of the program that makes the containers.
    pub version: String,
    /// Whom user numbers mean.
    pub users: Users,
    /// `cgroupfs`, `systemd`, or `none`: then the engine has no cgroups for its containers, so that it neither limits nor
    /// pauses them.
    pub cgroup_driver: String,
    /// `1` or `2`.
    pub cgroup_version: String,
    /// How it stores images, such as `overlay2`.
    pub storage_driver: String,
    /// The OCI runtime.
    pub runtime: String,
    /// It can limit memory and processes.
    pub limits: bool,
    /// SELinux decides which files a container may use.
    pub selinux: bool,
    /// Its containers run on another host or in a virtual machine, so that their processes cannot be seen here.
    pub remote: bool,
    /// The init program that it gives containers, if it tells.
    pub init: String,
    /// Bytes of memory where its containers run; 0 if it does not tell.
    pub memory_bytes: u64,
}

impl EngineInfo {
    /// Reads what `info --format '{{json .}}'` prints. A `docker` that is Podman under another name prints what Podman does.
    ///
    /// # Errors
    /// When it is not JSON.
    pub(super) fn parse(stdout: &[u8]) -> Result<Self, String> {
        let json: Value = serde_json::from_slice(stdout).map_err(|error| error.to_string())?;
        Ok(if json["host"].is_object() { Self::of_podman(&json) } else { Self::of_docker(&json) })
    }

    fn of_docker(json: &Value) -> Self {
        let option = |name: &str| {
            let options = json["SecurityOptions"].as_array().into_iter().flatten();
            options.filter_map(Value::as_str).any(|option| option.split(',').next() == Some(name))
        };
        let users = if option("name=rootless") {
            Users::Rootless
        } else if option("name=userns") {
            Users::Remapped(remapped_root(Path::new(&text(&json["DockerRootDir"]))))
        } else {
            Users::Same
        };
        Self {
            version: text(&json["ServerVersion"]),
            users,
            cgroup_driver: text(&json["CgroupDriver"]),
            cgroup_version: text(&json["CgroupVersion"]),
            storage_driver: text(&json["Driver"]),
            runtime: text(&json["DefaultRuntime"]),
            limits: json["MemoryLimit"] == true && json["PidsLimit"] == true,
            selinux: option("name=selinux"),
            remote: text(&json["OperatingSystem"]).contains("Docker Desktop"),
            init: text(&json["InitBinary"]),
            memory_bytes: json["MemTotal"].as_u64().unwrap_or(0),
        }
    }

    fn of_podman(json: &Value) -> Self {
        let host = &json["host"];
        let has = |name: &str| {
            let controllers = host["cgroupControllers"].as_array().into_iter().flatten();
            controllers.filter_map(Value::as_str).any(|controller| controller == name)
        };
        let rootless = host["security"]["rootless"] == true;
        Self {
            version: text(&json["version"]["Version"]),
            users: if rootless { Users::Rootless } else { Users::Same },
            cgroup_driver: text(&host["cgroupManager"]),
            cgroup_version: text(&host["cgroupVersion"]).replace('v', ""),
            storage_driver: text(&json["store"]["graphDriverName"]),
            runtime: text(&host["ociRuntime"]["name"]),
            limits: has("memory") && has("pids"),
            selinux: host["security"]["selinuxEnabled"] == true,
            remote: host["serviceIsRemote"] == true,
            init: String::new(),
            memory_bytes: host["memTotal"].as_u64().unwrap_or(0),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A daemon that maps users keeps its data in a directory named after whom root becomes: `/var/lib/docker/100000.100000`
/// (moby, `daemon/daemon_unix.go`, `setupDaemonRoot`).
fn remapped_root(data: &Path) -> Option<User> {
    let (uid, gid) = data.file_name()?.to_str()?.split_once('.')?;
    Some(User { uid: uid.parse().ok()?, gid: gid.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(json: &str) -> Users {
        EngineInfo::parse(json.as_bytes()).unwrap().users
    }

    #[test]
    fn a_daemon_that_maps_users_names_whom_root_becomes() {
        let json = |root: &str| {
            format!(
                r#"{{"SecurityOptions":["name=seccomp,profile=default","name=userns"],"DockerRootDir":"{root}"}}"#
            )
        };
        let mapped = User { uid: 231_072, gid: 100_000 };
        assert_eq!(users(&json("/var/lib/docker/231072.100000")), Users::Remapped(Some(mapped)));
        assert_eq!(users(&json("/var/lib/docker")), Users::Remapped(None));
        assert_eq!(users(&json("/data/v1.x")), Users::Remapped(None));
    }

    #[test]
    fn rootless_engines_say_so() {
        assert_eq!(
            users(r#"{"SecurityOptions":["name=seccomp,profile=default","name=rootless"]}"#),
            Users::Rootless
        );
        assert_eq!(users(r#"{"host":{"security":{"rootless":true}}}"#), Users::Rootless);
        for same in [
            r#"{"SecurityOptions":["name=seccomp,profile=/etc/rootless.json"]}"#,
            r#"{"SecurityOptions":null}"#,
            r#"{"host":{"security":{"rootless":false}}}"#,
        ] {
            assert_eq!(users(same), Users::Same, "{same}");
        }
    }

    #[test]
    fn both_engines_say_what_they_can_limit() {
        let docker = r#"{"ServerVersion":"26.1.5","MemoryLimit":true,"PidsLimit":true,"CgroupDriver":"systemd",
            "CgroupVersion":"2","Driver":"overlayfs","DefaultRuntime":"runc","InitBinary":"docker-init",
            "OperatingSystem":"Docker Desktop"}"#;
        let info = EngineInfo::parse(docker.as_bytes()).unwrap();
        assert_eq!((info.limits, info.remote, info.init.as_str()), (true, true, "docker-init"));
        let podman = r#"{"host":{"cgroupControllers":["cpu","memory"],"cgroupVersion":"v2","cgroupManager":"systemd",
            "ociRuntime":{"name":"crun"}},"version":{"Version":"5.4.2"}}"#;
        let info = EngineInfo::parse(podman.as_bytes()).unwrap();
        assert_eq!((info.limits, info.version.as_str(), info.cgroup_version.as_str()), (false, "5.4.2", "2"));
        assert!(EngineInfo::parse(b"Server: none").is_err());
    }
}
