//! A container's cgroup files: processor time, memory, kills for memory. Reading one costs some microseconds, against
//! two seconds for `docker stats`.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::platform::limits::SetLimits;

/// The open files of one container's cgroup. They stay readable until the cgroup is removed, a few milliseconds after
/// the container's last process.
#[derive(Debug)]
pub struct Cgroup {
    cpu: File,
    cpu_unit: CpuUnit,
    memory: Option<File>,
    memory_stat: Option<File>,
    kills: Option<File>,
    pids_events: Option<File>,
}

/// Where Docker and Podman put the cgroups of containers, with their own manager and with systemd's.
const DEFAULT_PLACES: [&str; 4] = [
    "/docker/{id}",
    "/system.slice/docker-{id}.scope",
    "/libpod_parent/libpod-{id}",
    "/machine.slice/libpod-{id}.scope",
];

impl SetLimits {
    /// Reads them from the cgroup of the process `pid`, if it is the container's own.
    pub fn of(pid: u32, container_id: &str) -> Self {
        let places = Places::of(pid, container_id).unwrap_or_default();
        let read = |directory: &Option<PathBuf>, file: &str| {
            fs::read_to_string(directory.as_ref()?.join(file)).ok().as_deref().and_then(limit)
        };
        Self {
            memory_bytes: read(&places.memory, "memory.limit_in_bytes")
                .or_else(|| read(&places.unified, "memory.max")),
            pids: read(&places.pids, "pids.max").or_else(|| read(&places.unified, "pids.max")),
        }
    }
}

/// `max` is no limit, and neither is the largest number of pages, as version 1 has it.
fn limit(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|limit| *limit < 1 << 60)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CpuUnit {
    /// v1 `cpuacct.usage`: one number, nanoseconds.
    Nanoseconds,
    /// v2 `cpu.stat`: `usage_usec N`.
    UsageUsec,
}

/// Where a process's cgroups are.
#[derive(Debug, Default, PartialEq, Eq)]
struct Places {
    cpuacct: Option<PathBuf>,
    memory: Option<PathBuf>,
    pids: Option<PathBuf>,
    unified: Option<PathBuf>,
}

impl Places {
    fn of(pid: u32, container_id: &str) -> Option<Self> {
        if container_id.is_empty() {
            return None;
        }
        let mountinfo = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let membership = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        Some(places(&mountinfo, &membership, container_id))
    }
}

/// Where the engines put the cgroup of a container by default, which may not be started yet.
#[derive(Debug)]
pub struct NewCgroup(Vec<Places>);

impl NewCgroup {
    /// The places for this container.
    pub fn of(container_id: &str) -> Self {
        let mountinfo = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let of_place = |place: &str| {
            let path = place.replace("{id}", container_id);
            let membership =
                ["1:cpuacct:", "2:memory:", "3:pids:", "0::"].map(|controller| format!("{controller}{path}"));
            places(&mountinfo, &membership.join("\n"), container_id)
        };
        Self(DEFAULT_PLACES.into_iter().map(of_place).collect())
    }

    /// Opens it as soon as it is there.
    pub fn open(&self) -> Option<Cgroup> {
        self.0.iter().find_map(Cgroup::at)
    }
}

impl Cgroup {
    /// Opens the cgroup of the process `pid`, if it is the container's own: its path must hold the container's id,
    /// or the figures would be those of everything else in it too. `None` where there is none, as for a rootless
    /// container under cgroup v1.
    pub fn open(pid: u32, container_id: &str) -> Option<Self> {
        Self::at(&Places::of(pid, container_id)?)
    }

    fn at(places: &Places) -> Option<Self> {
        let open = |directory: &Option<PathBuf>, file: &str| File::open(directory.as_ref()?.join(file)).ok();
        if let Some(cpu) = open(&places.cpuacct, "cpuacct.usage") {
            return Some(Self {
                cpu,
                cpu_unit: CpuUnit::Nanoseconds,
                memory: open(&places.memory, "memory.usage_in_bytes"),
                memory_stat: open(&places.memory, "memory.stat"),
                kills: open(&places.memory, "memory.oom_control"),
                pids_events: open(&places.pids, "pids.events"),
            });
        }
        Some(Self {
            cpu: open(&places.unified, "cpu.stat")?,
            cpu_unit: CpuUnit::UsageUsec,
            memory: open(&places.unified, "memory.current"),
            memory_stat: open(&places.unified, "memory.stat"),
            kills: open(&places.unified, "memory.events"),
            pids_events: open(&places.unified, "pids.events"),
        })
    }

    /// CPU seconds of all its processes since it was started.
    pub fn cpu_seconds(&self) -> Option<f64> {
        let text = read(&self.cpu)?;
        match self.cpu_unit {
            CpuUnit::Nanoseconds => text.trim().parse::<f64>().ok().map(|ns| ns / 1e9),
            CpuUnit::UsageUsec => field(&text, "usage_usec").map(|us| us / 1e6),
        }
    }

    /// Bytes of memory, without the page cache that the kernel can drop at any time.
    pub fn memory_bytes(&self) -> Option<f64> {
        let used: f64 = read(self.memory.as_ref()?)?.trim().parse().ok()?;
        let stat = self.memory_stat.as_ref().and_then(read).unwrap_or_default();
        let droppable = field(&stat, "total_inactive_file").or_else(|| field(&stat, "inactive_file"));
        Some((used - droppable.unwrap_or(0.0)).max(0.0))
    }

    /// How many processes the kernel has killed in it for memory.
    pub fn memory_kills(&self) -> Option<u64> {
        counter(self.kills.as_ref()?, "oom_kill")
    }

    /// How often the limit of processes refused one.
    pub fn refused_forks(&self) -> Option<u64> {
        counter(self.pids_events.as_ref()?, "max")
    }
}

fn read(file: &File) -> Option<String> {
    let mut buffer = [0_u8; 8_192];
    let count = file.read_at(&mut buffer, 0).ok()?;
    Some(String::from_utf8_lossy(&buffer[..count]).into_owned())
}

fn counter(file: &File, key: &str) -> Option<u64> {
    read(file)?.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

fn field(text: &str, key: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

/// Finds the directories from `/proc/self/mountinfo` and `/proc/PID/cgroup` (proc(5), cgroups(7)).
fn places(mountinfo: &str, membership: &str, container_id: &str) -> Places {
    let mut places = Places::default();
    for line in membership.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        if !path.contains(container_id) {
            continue;
        }
        for controller in controllers.split(',') {
            let Some(directory) = mounted(mountinfo, controller, path) else { continue };
            match controller {
                "cpuacct" => places.cpuacct = Some(directory),
                "memory" => places.memory = Some(directory),
                "pids" => places.pids = Some(directory),
                "" => places.unified = Some(directory),
                _ => {}
            }
        }
    }
    places
}

/// The directory of `path` in the hierarchy of `controller`, or in the unified one if that is empty.
fn mounted(mountinfo: &str, controller: &str, path: &str) -> Option<PathBuf> {
    mountinfo.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(3);
        let (root, mount_point) = (left.next()?, left.next()?);
        let mut right = right.split(' ');
        let (kind, _, options) = (right.next()?, right.next()?, right.next()?);
        let fits = match kind {
            "cgroup2" => controller.is_empty(),
            "cgroup" => !controller.is_empty() && options.split(',').any(|option| option == controller),
            _ => false,
        };
        let relative = if root == "/" { path } else { path.strip_prefix(root)? };
        fits.then(|| Path::new(mount_point).join(relative.trim_start_matches('/')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "bb09544b4e27";

    #[test]
    fn the_hierarchies_of_version_1() {
        let mountinfo = "33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct\n\
                         35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
                         41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
        let membership = "4:memory:/docker/bb09544b4e27\n2:cpuacct:/docker/bb09544b4e27\n0::/\n";
        assert_eq!(
            places(mountinfo, membership, ID),
            Places {
                cpuacct: Some("/sys/fs/cgroup/cpuacct/docker/bb09544b4e27".into()),
                memory: Some("/sys/fs/cgroup/memory/docker/bb09544b4e27".into()),
                pids: None,
                unified: None,
            }
        );
    }

    #[test]
    fn the_unified_hierarchy_with_systemd() {
        let mountinfo = "26 23 0:22 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
        let membership = "0::/system.slice/docker-bb09544b4e27.scope\n";
        assert_eq!(
            places(mountinfo, membership, ID).unified,
            Some("/sys/fs/cgroup/system.slice/docker-bb09544b4e27.scope".into())
        );
    }

    #[test]
    fn a_cgroup_that_is_not_the_containers_own_is_not_read() {
        let mountinfo = "26 23 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        assert_eq!(places(mountinfo, "0::/user.slice/user-1000.slice\n", ID), Places::default());
    }

    #[test]
    fn no_limit_is_told_from_a_limit() {
        let table = [
            ("max\n", None),
            ("9223372036854771712\n", None),
            ("256000000\n", Some(256_000_000)),
            ("x", None),
        ];
        for (text, expected) in table {
            assert_eq!(limit(text), expected, "{text:?}");
        }
    }

    #[test]
    fn counters_are_read_by_their_whole_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "oom_kill_disable 1\nunder_oom 0\noom_kill 3\n").unwrap();
        assert_eq!(counter(file.as_file(), "oom_kill"), Some(3));
    }
}
