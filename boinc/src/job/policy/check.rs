//! A job's wishes against rules.

use super::Rules;
use crate::job::spec::{ContainerPath, JobSpec};
use std::path::{Component, Path, PathBuf};

/// Something that a job may not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("job.toml asks for {key} = {value}: {rule}")]
pub struct Refusal {
    /// The key of job.toml.
    pub key: &'static str,
    /// What it asks for.
    pub value: String,
    /// The rule against it, and who gave it.
    pub rule: String,
}

/// What a job asks for against `rules`; `giver` is the start of a sentence that says who gave these.
pub(super) fn refusals(rules: &Rules, giver: &str, spec: &JobSpec) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let mut refuse = |key, value: String, rule: String| {
        refusals.push(Refusal { key, value, rule: format!("{giver} {rule}") });
    };
    if spec.network && rules.network == Some(false) {
        refuse("network", "true".into(), "network = false".into());
    }
    if spec.use_gpu && rules.gpu == Some(false) {
        refuse("use_gpu", "true".into(), "gpu = false".into());
    }
    if let (Some(path), Some(false)) = (&spec.project_dir_mount, rules.project_dir) {
        refuse("project_dir_mount", quoted(path.as_str()), "project_dir = false".into());
    }
    if rules.ports == Some(false) {
        for port in &spec.portmap {
            refuse("portmap", quoted(port), "ports = false".into());
        }
        if let Some(port) = spec.web_graphics_guest_port {
            refuse("web_graphics_guest_port", port.to_string(), "ports = false".into());
        }
    }
    if let Some(allowed) = &rules.mounts {
        for mount in &spec.mount {
            if let Err(why) = check_mount(mount, allowed) {
                refuse(
                    "mount",
                    quoted(mount),
                    format!("mounts = {}; {why}", listed(allowed.iter().map(|p| p.display()))),
                );
            }
        }
    }
    if let Some(allowed) = &rules.create_args {
        for word in spec.create_args.iter().filter(|word| !allowed.contains(word)) {
            refuse("create_args", quoted(word), format!("create_args = {}", listed(allowed)));
        }
    }
    if let (Some(name), Some(allowed)) = (&spec.image_name, &rules.image_names)
        && !allowed.iter().any(|pattern| matches(pattern, name))
    {
        refuse("image_name", quoted(name), format!("image_names = {}", listed(allowed)));
    }
    if spec.image_name.is_none() && spec.tarballs.is_none() && rules.builds == Some(false) {
        refuse(
            "image",
            "(none)".into(),
            "builds = false, so a prebuilt image is needed: image with digest".into(),
        );
    }
    for (key, asked, allowed) in [
        ("max_files", spec.limits.max_files, rules.max_files),
        ("max_log_bytes", spec.limits.max_log_bytes, rules.max_log_bytes),
        ("pids", spec.limits.pids, rules.pids),
    ] {
        if let (Some(asked), Some(allowed)) = (asked, allowed)
            && asked > allowed
        {
            refuse(key, asked.to_string(), format!("{key} = {allowed}"));
        }
    }
    refusals
}

/// `HOST:CONTAINER` or `HOST:CONTAINER:OPTIONS` with HOST, all links resolved, in an allowed directory.
fn check_mount(mount: &str, allowed: &[PathBuf]) -> Result<(), &'static str> {
    let parts: Vec<&str> = mount.split(':').collect();
    let (host, container, options) = match parts[..] {
        [host, container] => (Path::new(host), container, ""),
        [host, container, options] => (Path::new(host), container, options),
        _ => return Err("a mount is HOST:CONTAINER or HOST:CONTAINER:OPTIONS"),
    };
    if !host.is_absolute() || host.components().any(|part| part == Component::ParentDir) {
        return Err("the host's part must be an absolute path without \"..\"");
    }
    if ContainerPath::new(container).is_none() {
        return Err("the container's part must be an absolute path without \"..\", and not \"/\"");
    }
    if !options.is_empty() && !options.split(',').all(|option| matches!(option, "ro" | "rw" | "z" | "Z")) {
        return Err("the options must be ro, rw, z or Z");
    }
    // The engine would make a directory that is not there, as root.
    let host = host.canonicalize().map_err(|_| "the host's part must exist")?;
    let inside = allowed
        .iter()
        .filter_map(|directory| directory.canonicalize().ok())
        .any(|directory| host.starts_with(directory));
    if inside { Ok(()) } else { Err("the host's part must lie in one of these") }
}

/// Whether a name fits a pattern in which `*` is any text. Only the last `*` takes more when a part does not fit, so the
/// time is at most proportional to the product of the lengths.
pub fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn listed<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| quoted(&item.to_string())).collect();
    format!("[{}]", items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        let table = [
            ("debian:12", "debian:12", true),
            ("debian:12", "debian:123", false),
            ("debian:*", "debian:12", true),
            ("debian:*", "debian", false),
            ("*", "", true),
            ("registry/*@sha256:*", "registry/a/b@sha256:00", true),
            ("registry/*@sha256:*", "registry/a/b:latest", false),
            ("registry/*", "evil/registry/x", false),
            ("*a*b", "xaxxb", true),
            ("*a*b", "xbxa", false),
            ("a*a", "a", false),
            ("**", "x", true),
        ];
        for (pattern, name, expected) in table {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
