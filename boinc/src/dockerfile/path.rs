//! Paths in an image.

/// Longest path, and longest component: Linux's limits.
const MAX_PATH: usize = 4095;
const MAX_COMPONENT: usize = 255;

/// The kernel's file systems: nothing of an image can be below them.
const KERNEL: [&str; 3] = ["/dev", "/proc", "/sys"];

/// `path` seen from `directory`, without `.`, `..`, empty components and a slash at the end.
pub(super) fn absolute(directory: &str, path: &str) -> String {
    let all = if path.starts_with('/') { path.to_owned() } else { format!("{directory}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in all.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Whether a path of COPY says that it is a directory.
pub(super) fn names_a_directory(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some("" | "." | ".."))
}

/// Whether `path` is `directory` or below it; both normalized.
pub(super) fn is_below(path: &str, directory: &str) -> bool {
    directory == "/"
        || path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Why an image cannot have something at a normalized path.
pub(super) fn fault(path: &str) -> Option<String> {
    if let Some(c) = path.chars().find(|c| c.is_control()) {
        return Some(format!("a path with the control character U+{:04X}", u32::from(c)));
    }
    if path.len() > MAX_PATH || path.split('/').any(|part| part.len() > MAX_COMPONENT) {
        return Some(format!("a path of more than {MAX_PATH} bytes, or a name of more than {MAX_COMPONENT}"));
    }
    let kernel = KERNEL.iter().find(|directory| is_below(path, directory))?;
    Some(format!("the path {path:?}: {kernel} belongs to the kernel"))
}

/// A source in the build context: relative, normalized, `.` for all of it. `None` if it leaves the context.
pub(super) fn in_context(source: &str) -> Option<String> {
    let parts: Vec<&str> = source.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return None;
    }
    Some(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalized() {
        let table = [
            ("/", "a", "/a"),
            ("", "a/", "/a"),
            ("/w", ".", "/w"),
            ("/w", "../../..", "/"),
            ("/w/x", "../y//./z", "/w/y/z"),
            ("/w", "/abs/", "/abs"),
            ("/w", "", "/w"),
        ];
        for (directory, path, expected) in table {
            assert_eq!(absolute(directory, path), expected, "{directory} {path}");
        }
        assert!(["a/", ".", "./", "a/.", "..", "/", ""].into_iter().all(names_a_directory));
        assert!(!["a", "/a", "a.", "..a"].into_iter().any(names_a_directory));
    }

    #[test]
    fn the_kernels_file_systems_are_not_for_images() {
        for path in ["/proc", "/proc/self/x", "/sys/a", "/dev", "/dev/shm/x"] {
            assert!(fault(path).is_some(), "{path}");
        }
        for path in ["/", "/process", "/a/proc", "/devel"] {
            assert_eq!(fault(path), None, "{path}");
        }
        assert!(fault(&format!("/{}", "x".repeat(256))).is_some());
    }

    #[test]
    fn sources_stay_in_the_context() {
        assert_eq!(in_context("./a//b/").as_deref(), Some("a/b"));
        assert_eq!(in_context("/").as_deref(), Some("."));
        assert_eq!(in_context(""), Some(".".to_owned()));
        assert_eq!(in_context("a/../b"), None);
    }
}
