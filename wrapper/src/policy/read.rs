//! From the text of a policy file to [`Rules`].

use super::{Rules, VOLUNTEER_FILE};
use crate::config::{ConfigErrors, Entry, Reader};
use std::path::{Component, Path, PathBuf};

const KEYS: [&str; 16] = [
    "network",
    "builds",
    "base_images",
    "runtime",
    "build_network",
    "gpu",
    "project_dir",
    "ports",
    "mounts",
    "create_args",
    "image_names",
    "max_files",
    "max_log_bytes",
    "pids",
    "memory_bytes",
    "cpus",
];

const MAX: u64 = i64::MAX as u64;

/// Below this, a container does not start: the engines ask for 6 MB.
const MIN_MEMORY_BYTES: u64 = 6 << 20;

pub(super) fn rules(text: &str, file: &str) -> Result<Rules, ConfigErrors> {
    let mut reader = Reader::new(file, text);
    let mut rules = Rules::default();
    let Some(table) = reader.document() else { return reader.finish(rules) };
    for entry in reader.entries(&table, &KEYS) {
        match entry.key {
            "network" => rules.network = reader.boolean(entry),
            "builds" => rules.builds = reader.boolean(entry),
            "base_images" => rules.base_images = patterns(&mut reader, entry),
            "runtime" => rules.runtime = runtime(&mut reader, entry, file),
            "build_network" => rules.build_network = reader.boolean(entry),
            "gpu" => rules.gpu = reader.boolean(entry),
            "project_dir" => rules.project_dir = reader.boolean(entry),
            "ports" => rules.ports = reader.boolean(entry),
            "mounts" => rules.mounts = mounts(&mut reader, entry),
            "create_args" => rules.create_args = options(&mut reader, entry),
            "image_names" => rules.image_names = patterns(&mut reader, entry),
            "max_files" => rules.max_files = reader.integer(entry, 1, MAX),
            "max_log_bytes" => rules.max_log_bytes = reader.integer(entry, 1, MAX),
            "pids" => rules.pids = reader.integer(entry, 1, MAX),
            "memory_bytes" => rules.memory_bytes = reader.integer(entry, MIN_MEMORY_BYTES, MAX),
            "cpus" => rules.cpus = reader.positive(entry),
            _ => {}
        }
    }
    reader.finish(rules)
}

fn list(
    reader: &mut Reader<'_>,
    entry: Entry<'_>,
    fits: impl Fn(&str) -> bool,
    accepted: &str,
) -> Option<Vec<String>> {
    let list = reader.strings(entry)?;
    if !list.iter().all(|item| fits(item)) {
        reader.refuse(entry, accepted);
        return None;
    }
    Some(list)
}

/// Which runtime a host has only its owner knows.
fn runtime(reader: &mut Reader<'_>, entry: Entry<'_>, file: &str) -> Option<String> {
    if file != VOLUNTEER_FILE {
        reader.refuse(entry, format!("runtime is accepted in {VOLUNTEER_FILE} only"));
        return None;
    }
    let name = reader.string(entry)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    if name.is_empty() || name.starts_with('-') || !name.chars().all(allowed) {
        reader.refuse(entry, "the name of an OCI runtime that the engine knows is accepted, as in \"runsc\"");
        return None;
    }
    Some(name)
}

fn mounts(reader: &mut Reader<'_>, entry: Entry<'_>) -> Option<Vec<PathBuf>> {
    let fits = |item: &str| {
        let path = Path::new(item);
        let parts_are_names = path.components().skip(1).all(|part| matches!(part, Component::Normal(_)));
        path.is_absolute() && parts_are_names && path.components().count() > 1
    };
    let accepted = "a list of absolute directories of the host is accepted, not \"/\" itself, without \"..\"";
    Some(list(reader, entry, fits, accepted)?.into_iter().map(PathBuf::from).collect())
}

fn options(reader: &mut Reader<'_>, entry: Entry<'_>) -> Option<Vec<String>> {
    let fits = |item: &str| item.len() > 1 && item.starts_with('-') && !item.contains(char::is_control);
    list(reader, entry, fits, "a list of options is accepted, each one word as in \"--shm-size=1g\"")
}

fn patterns(reader: &mut Reader<'_>, entry: Entry<'_>) -> Option<Vec<String>> {
    let fits = |item: &str| !item.is_empty() && !item.contains(|c: char| c.is_whitespace() || c.is_control());
    list(reader, entry, fits, "a list of image names is accepted, \"*\" in them standing for any text")
}
