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
    /// Go's name of the processor architecture that its containers run on, such as `amd64`.
    pub architecture: String,
    /// Whom user numbers mean.
    pub users: Users,
    /// `cgroupfs`, `systemd`, or `none`: then the engine has no cgroups for its containers, so that it neither limits nor
    /// pauses them.
    pub cgroup_driver: String,
    /// `1` or `2`.
    pub cgroup_version: String,
    /// How it stores images, such as `overlay2`.
    pub storage_driver: String,
    /// Docker has its images in containerd's store.
    pub containerd_images: bool,
    /// The OCI runtime.
    pub runtime: String,
    /// It can limit memory and processes.
    pub limits: bool,
    /// SELinux decides which files a container may use.
    pub selinux: bool,
    /// Its containers run on another host or in a virtual machine, so that their processes cannot be seen here.
    pub remote: bool,
    /// It is a snap, which is confined to files below /home, /mnt and /media; other directories of those names are empty to it.
    pub snap: bool,
    /// The name of the computer that it runs on, if it tells.
    pub host: String,
    /// The init program that it gives containers, if it tells.
    pub init: String,
    /// Bytes of memory where its containers run; 0 if it does not tell.
    pub memory_bytes: u64,
}

impl EngineInfo {
    /// Whether it may see other files than this computer, whose name is `own`, at the same paths.
    pub fn may_see_other_files(&self, own: &str) -> bool {
        self.remote || self.snap || !(self.host.is_empty() || self.host == own)
    }

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
            architecture: go_name(&text(&json["Architecture"])),
            users,
            cgroup_driver: text(&json["CgroupDriver"]),
            cgroup_version: text(&json["CgroupVersion"]),
            storage_driver: text(&json["Driver"]),
            containerd_images: json["DriverStatus"].to_string().contains("io.containerd.snapshotter"),
            runtime: text(&json["DefaultRuntime"]),
            limits: json["MemoryLimit"] == true && json["PidsLimit"] == true,
            selinux: option("name=selinux"),
            remote: text(&json["OperatingSystem"]).contains("Docker Desktop"),
            snap: text(&json["DockerRootDir"]).starts_with("/var/snap/"),
            host: text(&json["Name"]),
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
            architecture: go_name(&text(&host["arch"])),
            users: if rootless { Users::Rootless } else { Users::Same },
            cgroup_driver: text(&host["cgroupManager"]),
            cgroup_version: text(&host["cgroupVersion"]).replace('v', ""),
            storage_driver: text(&json["store"]["graphDriverName"]),
            containerd_images: false,
            runtime: text(&host["ociRuntime"]["name"]),
            // Before version 3.2 it does not tell.
            limits: host.get("cgroupControllers").is_none() || (has("memory") && has("pids")),
            selinux: host["security"]["selinuxEnabled"] == true,
            remote: host["serviceIsRemote"] == true,
            snap: false,
            host: text(&host["hostname"]),
            init: String::new(),
            memory_bytes: host["memTotal"].as_u64().unwrap_or(0),
        }
    }
}

/// The architecture in what Podman's `version --format '{{json .}}'` prints. `Server` is there where the containers run elsewhere.
///
/// # Errors
/// When it has none.
pub(super) fn architecture_of_podman(stdout: &[u8]) -> Result<String, String> {
    let json: Value = serde_json::from_slice(stdout).map_err(|error| error.to_string())?;
    let platform = |side: &str| json[side]["OsArch"].as_str().and_then(|text| text.split('/').nth(1));
    platform("Server").or_else(|| platform("Client")).map(go_name).ok_or_else(|| "it has no OsArch".into())
}

/// Docker gives the kernel's name of an architecture, everything else Go's.
fn go_name(name: &str) -> String {
    let go = match name {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "i386" | "i686" => "386",
        "armv6l" | "armv7l" => "arm",
        other => other,
    };
    go.to_owned()
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
    fn an_architecture_has_one_name() {
        let of = |json: &str| EngineInfo::parse(json.as_bytes()).unwrap().architecture;
        assert_eq!(of(r#"{"Architecture":"x86_64"}"#), "amd64");
        assert_eq!(of(r#"{"Architecture":"aarch64"}"#), "arm64");
        assert_eq!(of(r#"{"host":{"arch":"arm64"}}"#), "arm64");
        // Podman 4.3 on this host, and its client of a virtual machine.
        let local = br#"{"Client":{"APIVersion":"4.3.1","OsArch":"linux/amd64","Os":"linux"}}"#;
        assert_eq!(architecture_of_podman(local).as_deref(), Ok("amd64"));
        let remote = br#"{"Client":{"OsArch":"darwin/amd64"},"Server":{"OsArch":"linux/arm64"}}"#;
        assert_eq!(architecture_of_podman(remote).as_deref(), Ok("arm64"));
        assert!(architecture_of_podman(b"{}").is_err());
    }

    /// The directory of a snap is from the documentation of Docker's snap, the name of Docker Desktop's computer from that of
    /// Docker Desktop.
    #[test]
    fn engines_that_see_other_files_are_known() {
        let other = |json: &str| EngineInfo::parse(json.as_bytes()).unwrap().may_see_other_files("here");
        assert!(other(r#"{"Name":"here","DockerRootDir":"/var/snap/docker/common/var-lib-docker"}"#));
        assert!(other(r#"{"Name":"docker-desktop","DockerRootDir":"/var/lib/docker"}"#));
        assert!(other(r#"{"host":{"hostname":"here","serviceIsRemote":true}}"#));
        assert!(!other(r#"{"Name":"here","DockerRootDir":"/var/lib/docker"}"#));
        assert!(!other("{}"));
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

    #[test]
    fn podman_3_says_less() {
        // Podman 3.0.1, shortened.
        let podman = r#"{"host":{"arch":"amd64","cgroupManager":"systemd","cgroupVersion":"v1","hostname":"vm",
            "memTotal":25276063744,"ociRuntime":{"name":"crun","package":"crun: /usr/bin/crun"},
            "security":{"apparmorEnabled":false,"rootless":false,"seccompEnabled":true,"selinuxEnabled":false}},
            "store":{"graphDriverName":"overlay"},"version":{"APIVersion":"3.0.0","Version":"3.0.1"}}"#;
        let expected = EngineInfo {
            version: "3.0.1".into(),
            architecture: "amd64".into(),
            cgroup_driver: "systemd".into(),
            cgroup_version: "1".into(),
            storage_driver: "overlay".into(),
            runtime: "crun".into(),
            limits: true,
            host: "vm".into(),
            memory_bytes: 25_276_063_744,
            ..EngineInfo::default()
        };
        assert_eq!(EngineInfo::parse(podman.as_bytes()), Ok(expected));
        let version = br#"{"Client":{"APIVersion":"3.0.0","Version":"3.0.1","OsArch":"linux/amd64"}}"#;
        assert_eq!(architecture_of_podman(version).as_deref(), Ok("amd64"));
    }

    /// From the documentation of Docker 29's API, not from a daemon: containerd's store is the default, and what is empty is
    /// left out.
    #[test]
    fn docker_29_leaves_out_what_is_empty() {
        let docker = r#"{"ServerVersion":"29.0.4","Architecture":"aarch64","Driver":"overlayfs","MemoryLimit":true,
            "DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]],"PidsLimit":true,"CgroupVersion":"2",
            "CgroupDriver":"systemd","DefaultRuntime":"runc","SecurityOptions":["name=seccomp,profile=builtin"]}"#;
        let info = EngineInfo::parse(docker.as_bytes()).unwrap();
        assert_eq!((info.architecture.as_str(), info.cgroup_version.as_str()), ("arm64", "2"));
        assert!(info.containerd_images && info.limits && info.users == Users::Same);
        assert_eq!((info.host.as_str(), info.memory_bytes), ("", 0));
    }

    #[test]
    fn docker_26_and_podman_5_say_the_same_things() {
        // Docker 26.1.5 with containerd's image store.
        let docker = r#"{"Driver":"overlayfs","DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]],
            "MemoryLimit":true,"SwapLimit":true,"PidsLimit":true,"CgroupDriver":"cgroupfs","CgroupVersion":"1",
            "OperatingSystem":"Debian GNU/Linux 13 (trixie)","DockerRootDir":"/var/lib/docker","DefaultRuntime":"runc",
            "ServerVersion":"26.1.5+dfsg1","InitBinary":"docker-init",
            "SecurityOptions":["name=seccomp,profile=builtin"]}"#;
        // Podman 5.4.2.
        let podman = r#"{"host":{"cgroupManager":"cgroupfs","cgroupVersion":"v1",
            "cgroupControllers":["cpuset","cpu","cpuacct","blkio","memory","devices","freezer","pids"],
            "ociRuntime":{"name":"runc","path":"/usr/bin/runc"},"serviceIsRemote":false,
            "security":{"apparmorEnabled":false,"rootless":false,"seccompEnabled":true,"selinuxEnabled":false}},
            "store":{"graphDriverName":"overlay"},"version":{"APIVersion":"5.4.2","Version":"5.4.2"}}"#;
        let expected = EngineInfo {
            cgroup_driver: "cgroupfs".into(),
            cgroup_version: "1".into(),
            runtime: "runc".into(),
            limits: true,
            ..EngineInfo::default()
        };
        assert_eq!(
            EngineInfo::parse(docker.as_bytes()).unwrap(),
            EngineInfo {
                version: "26.1.5+dfsg1".into(),
                storage_driver: "overlayfs".into(),
                containerd_images: true,
                init: "docker-init".into(),
                ..expected.clone()
            }
        );
        assert_eq!(
            EngineInfo::parse(podman.as_bytes()).unwrap(),
            EngineInfo { version: "5.4.2".into(), storage_driver: "overlay".into(), ..expected }
        );
    }
}
