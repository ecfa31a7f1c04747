//! What differs between the engines, asked as questions.

use boinc::platform::User;
use boinc::wire::init_data::DockerType;

/// Which command line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavor {
    /// Docker, or something that talks like it.
    Docker,
    /// Podman.
    Podman,
}

impl From<DockerType> for Flavor {
    /// The engine that a client's init_data.xml names.
    fn from(kind: DockerType) -> Self {
        match kind {
            DockerType::Docker => Self::Docker,
            DockerType::Podman => Self::Podman,
        }
    }
}

impl Flavor {
    /// The engine whose program has this name.
    pub fn named(program_name: &str) -> Option<Self> {
        [Flavor::Docker, Flavor::Podman].into_iter().find(|flavor| flavor.program_name() == program_name)
    }

    /// The program's name.
    pub fn program_name(self) -> &'static str {
        match self {
            Flavor::Docker => "docker",
            Flavor::Podman => "podman",
        }
    }

    /// The log driver whose file the engine itself can read back and keep within a size.
    pub(super) fn log_driver(self) -> &'static str {
        match self {
            Flavor::Docker => "json-file",
            Flavor::Podman => "k8s-file",
        }
    }

    /// How much of a container's output the engine keeps, as `--log-opt`s.
    ///
    /// A full log is begun anew, and Docker reads the one before it only if it is told to keep two: otherwise the last words
    /// of a job that has just filled one would be a few lines, or none. Podman keeps one in any case.
    pub(super) fn log_options(self, bytes: u64) -> Vec<String> {
        match self {
            Flavor::Docker => vec![format!("max-size={}", (bytes / 2).max(4_096)), "max-file=2".to_owned()],
            Flavor::Podman => vec![format!("max-size={}", bytes.max(4_096))],
        }
    }

    /// How an image of this host is named without any registry being asked.
    pub fn local_image(self, name: &str) -> String {
        match self {
            Flavor::Docker => format!("{name}:latest"),
            Flavor::Podman => format!("localhost/{name}:latest"),
        }
    }

    /// The variable with the directory for temporary copies, where the engine's program makes some: Podman writes what
    /// `load` and `cp` read from standard input into a file first. After a `cp` it stays there (Podman 4.3), as after a death
    /// by signal.
    pub(super) fn scratch_variable(self) -> Option<&'static str> {
        match self {
            Flavor::Docker => None,
            Flavor::Podman => Some("TMPDIR"),
        }
    }

    /// Podman 5 warns of an old kind of cgroups with each command, on standard error, where `logs` also prints what a job has
    /// printed; not with this variable.
    pub(super) fn quiet_variable(self) -> Option<&'static str> {
        match self {
            Flavor::Docker => None,
            Flavor::Podman => Some("PODMAN_IGNORE_CGROUPSV1_WARNING"),
        }
    }

    /// The owners in a tar stream are kept: by default in Docker, not in Podman.
    pub(super) fn copy_in_options(self) -> &'static [&'static str] {
        match self {
            Flavor::Docker => &[],
            Flavor::Podman => &["-a=false"],
        }
    }

    /// A tar stream out of a container has the files' owners. Podman (4.3.1, 5.4.2) has the container's user in their place.
    pub fn tells_owners(self) -> bool {
        self == Flavor::Docker
    }

    /// A symbolic link that is named itself is followed: by default in Podman, not in Docker.
    pub(super) fn copy_out_options(self) -> &'static [&'static str] {
        match self {
            Flavor::Docker => &["-L"],
            Flavor::Podman => &[],
        }
    }

    /// Options by which a container is as with the other engine: Podman would make a file system of its own for a program
    /// that is called `init`, and takes the umask from its settings.
    pub(super) fn same_options(self) -> &'static [&'static str] {
        match self {
            Flavor::Docker => &[],
            Flavor::Podman => &["--systemd=false", "--umask=0022"],
        }
    }

    /// Further options of a tmpfs that is to be empty: Podman copies what is below it into it.
    pub(super) fn empty_tmpfs(self) -> &'static str {
        match self {
            Flavor::Docker => "",
            Flavor::Podman => ",notmpcopyup",
        }
    }

    /// Podman hands the proxy variables of its own environment on; Docker does not.
    pub(super) fn passes_proxy_itself(self) -> bool {
        self == Flavor::Podman
    }

    /// We ask when the first process is gone, and Podman's status comes some milliseconds after that: by itself it would
    /// look again after 250 ms. Docker's daemon tells without polling.
    pub(super) fn wait_options(self) -> &'static [&'static str] {
        match self {
            Flavor::Docker => &[],
            Flavor::Podman => &["--interval", "10ms"],
        }
    }

    /// What has a forced removal kill the container's processes at once, as Docker does by itself: Podman would ask them to end,
    /// which processes that are stopped by a signal do not see, and wait for 10 s.
    pub(super) fn kill_at_once(self) -> &'static [&'static str] {
        match self {
            Flavor::Docker => &[],
            Flavor::Podman => &["--time", "0"],
        }
    }

    /// Containers live under a daemon, so that its restart can kill them.
    pub(super) fn has_daemon(self) -> bool {
        self == Flavor::Docker
    }

    /// Whether the program itself makes a user namespace in which `own` is root: Podman does for everybody but root.
    pub(super) fn has_user_namespace(self, own: User) -> bool {
        self == Flavor::Podman && !own.is_root()
    }

    /// Whether one `rm` can be given several names. Of names of which one is missing, Podman 4.3 removes none, and reports a
    /// success.
    pub(super) fn removes_several(self) -> bool {
        self == Flavor::Docker
    }
}
