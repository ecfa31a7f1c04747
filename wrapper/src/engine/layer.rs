//! Where a running container's own layer is, by the kernel's word.
//!
//! Docker with containerd's image store does not tell (`GraphDriver.Data` is null there), so the mounts of the container's
//! first process are read instead: its root directory is an overlay, whose upper directory is the layer.

use std::fs;

/// The upper directory of the root of the container `id`, whose first process is `pid`. `None` where the root is no overlay,
/// or where that process is not the container's: we may be in another PID namespace than the engine.
pub(super) fn layer_of(pid: u32, id: &str) -> Option<String> {
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
    if id.len() < 64 || !read("cgroup")?.contains(id) {
        return None;
    }
    upper_of_root(&read("mountinfo")?)
}

/// From the lines of `/proc/PID/mountinfo` (proc(5)). The job has no rights to mount anything over its root.
fn upper_of_root(mounts: &str) -> Option<String> {
    let mut roots = mounts.lines().filter(|line| line.split(' ').nth(4) == Some("/"));
    let (_, filesystem) = roots.next_back()?.split_once(" - ")?;
    let mut fields = filesystem.split(' ');
    let (kind, _source, options) = (fields.next()?, fields.next()?, fields.next()?);
    let upper = options.split(',').find_map(|option| option.strip_prefix("upperdir="))?;
    // A relative one begins where the engine was; with a backslash there are characters that would have to be guessed.
    (kind == "overlay" && upper.starts_with('/') && !upper.contains('\\')).then(|| upper.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layer_is_the_upper_directory_of_the_root() {
        // Docker 26.1.5, containerd's image store; the paths are shortened.
        let mounts = "346 416 0:125 / / rw,relatime - overlay overlay rw,lowerdir=/d/snapshots/877/fs:/d/snapshots/623/fs,\
                      upperdir=/d/snapshots/878/fs,workdir=/d/snapshots/878/work\n\
                      347 346 0:131 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw\n";
        assert_eq!(upper_of_root(mounts).as_deref(), Some("/d/snapshots/878/fs"));
    }

    #[test]
    fn a_root_that_is_no_overlay_or_has_a_strange_path_has_none() {
        for mounts in [
            "1 0 254:0 / / rw,relatime - ext4 /dev/vda rw",
            "1 0 0:9 / / rw - overlay overlay rw,lowerdir=l/A,upperdir=id/diff,workdir=id/work",
            "1 0 0:9 / / rw - overlay overlay rw,lowerdir=/a,upperdir=/with\\040space,workdir=/w",
            "2 1 0:9 / /mnt rw - overlay overlay rw,lowerdir=/a,upperdir=/b,workdir=/w",
            "",
        ] {
            assert_eq!(upper_of_root(mounts), None, "{mounts}");
        }
    }

    #[test]
    fn a_process_that_is_not_the_containers_is_not_asked() {
        assert_eq!(layer_of(std::process::id(), &"0".repeat(64)), None);
    }
}
