//! From the text of a policy file to [`Rules`].

use super::{Rules, VOLUNTEER_FILE, WorkDirectory};
use crate::toml_file::{ConfigErrors, Document, Section};
use std::path::{Component, Path, PathBuf};

const MAX: u64 = i64::MAX as u64;

/// Below this, a container does not start: the engines ask for 6 MB.
const MIN_MEMORY_BYTES: u64 = 6 << 20;

/// A day.
const MAX_KEEP_SECONDS: u64 = 86_400;

pub(super) fn rules(text: &str, file: &str) -> Result<Rules, ConfigErrors> {
    let doc = Document::new(Path::new(file), text);
    let rules = doc.parse().map(|table| {
        let mut top = Section::new(&doc, "", table.get_ref(), 0);
        let rules = Rules {
            network: top.flag("network"),
            builds: top.flag("builds"),
            base_images: patterns(&mut top, "base_images"),
            runtime: runtime(&mut top, file),
            host_user_namespace: of_volunteer(&mut top, "host_user_namespace", file),
            build_network: top.flag("build_network"),
            gpu: top.flag("gpu"),
            project_dir: top.flag("project_dir"),
            ports: top.flag("ports"),
            mounts: mounts(&mut top),
            create_args: options(&mut top),
            image_names: patterns(&mut top, "image_names"),
            max_files: top.whole("max_files", 1..=MAX),
            max_log_bytes: top.whole("max_log_bytes", 1..=MAX),
            pids: top.whole("pids", 1..=MAX),
            memory_bytes: top.whole("memory_bytes", MIN_MEMORY_BYTES..=MAX),
            cpus: top.number("cpus"),
            work_directory: work_directory(&mut top),
            keep_wsl_seconds: top.whole("keep_wsl_seconds", 0..=MAX_KEEP_SECONDS),
        };
        top.finish();
        rules
    });
    doc.finish(rules)
}

fn list(
    top: &mut Section<'_, '_>,
    key: &'static str,
    fits: impl Fn(&str) -> bool,
    accepted: &str,
) -> Option<Vec<String>> {
    let list = top.texts(key)?;
    if !list.iter().all(|item| fits(item.text)) {
        top.refuse(key, accepted);
    }
    Some(list.into_iter().map(|item| item.text.to_owned()).collect())
}

/// A flag that only the host's owner may set.
fn of_volunteer(top: &mut Section<'_, '_>, key: &'static str, file: &str) -> Option<bool> {
    let flag = top.flag(key)?;
    if file != VOLUNTEER_FILE {
        top.fault(key, format!("this key belongs into {VOLUNTEER_FILE} only"));
    }
    Some(flag)
}

/// Which runtime a host has only its owner knows.
fn runtime(top: &mut Section<'_, '_>, file: &str) -> Option<String> {
    let name = top.text("runtime")?.text;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    if file != VOLUNTEER_FILE {
        top.fault("runtime", format!("this key belongs into {VOLUNTEER_FILE} only"));
    } else if name.is_empty() || name.starts_with('-') || !name.chars().all(allowed) {
        top.refuse("runtime", "the name of an OCI runtime that the engine knows, as in \"runsc\"");
    }
    Some(name.to_owned())
}

fn work_directory(top: &mut Section<'_, '_>) -> Option<WorkDirectory> {
    match top.text("work_directory")?.text {
        "distro" => Some(WorkDirectory::Distro),
        "slot" => Some(WorkDirectory::Slot),
        _ => {
            top.refuse("work_directory", "\"distro\" or \"slot\"");
            None
        }
    }
}

fn mounts(top: &mut Section<'_, '_>) -> Option<Vec<PathBuf>> {
    let fits = |item: &str| {
        let path = Path::new(item);
        let parts_are_names = path.components().skip(1).all(|part| matches!(part, Component::Normal(_)));
        path.is_absolute() && parts_are_names && path.components().count() > 1
    };
    let accepted = "a list of absolute directories of the host, not \"/\" itself, without \"..\"";
    Some(list(top, "mounts", fits, accepted)?.into_iter().map(PathBuf::from).collect())
}

fn options(top: &mut Section<'_, '_>) -> Option<Vec<String>> {
    let fits = |item: &str| item.len() > 1 && item.starts_with('-') && !item.contains(char::is_control);
    list(top, "create_args", fits, "a list of options, each one word as in \"--shm-size=1g\"")
}

fn patterns(top: &mut Section<'_, '_>, key: &'static str) -> Option<Vec<String>> {
    let fits = |item: &str| !item.is_empty() && !item.contains(|c: char| c.is_whitespace() || c.is_control());
    list(top, key, fits, "a list of image names, in which \"*\" matches any text")
}
