//! From the text of job.toml to a [`JobSpec`].

use super::options::{is_build_key, split, take_build_args};
use super::{ContainerPath, Digest, JobSpec, OutputSpec, PassArgs, Tarball};
use crate::config::{ConfigErrors, Entry, Reader};
use crate::dockerfile::is_stage_name;
use crate::wire::slot::{check_open_name, is_client_file, is_own_name};
use toml::de::DeTable;

const KEYS: [&str; 21] = [
    "workdir",
    "project_dir_mount",
    "image_name",
    "image",
    "digest",
    "use_gpu",
    "web_graphics_guest_port",
    "mount",
    "portmap",
    "build_args",
    "target",
    "create_args",
    "verbose",
    "build_files",
    "job_inputs",
    "pass_args",
    "network",
    "outputs",
    "max_files",
    "max_log_bytes",
    "pids",
];

const OUTPUT_KEYS: [&str; 3] = ["name", "max_bytes", "optional"];

/// The engines take up to 2^63 − 1, TOML's largest.
const MAX: u64 = i64::MAX as u64;

pub(super) fn job_spec(text: &str, file: &str) -> Result<JobSpec, ConfigErrors> {
    let mut reader = Reader::new(file, text);
    let mut spec = JobSpec::default();
    let Some(table) = reader.document() else { return reader.finish(spec) };
    let (mut image, mut digest) = (None, None);
    let mut image_name_at = None;
    for entry in reader.entries(&table, &KEYS) {
        match entry.key {
            "image" => image = slot_name(&mut reader, entry).map(|name| (entry, name)),
            "digest" => {
                digest = checked(&mut reader, entry, Digest::new, Digest::ACCEPTED).map(|d| (entry, d))
            }
            "image_name" => {
                spec.image_name = checked(&mut reader, entry, image_name, IMAGE_NAME);
                image_name_at = Some(entry);
            }
            _ => set(&mut reader, &mut spec, entry),
        }
    }
    match (image, digest) {
        (Some((_, file)), Some((_, digest))) => spec.tarball = Some(Tarball { file, digest }),
        (Some((entry, _)), None) if !table.contains_key("digest") => {
            reader.refuse(
                entry,
                "a prebuilt image needs a digest beside it: digest = \"sha256:...\" is its id",
            );
        }
        (None, Some((entry, _))) if !table.contains_key("image") => {
            reader.refuse(entry, "a digest belongs to a prebuilt image: image = \"NAME.tar\"");
        }
        _ => {}
    }
    if let (Some(entry), true) = (image_name_at, spec.tarball.is_some()) {
        reader.refuse(entry, "one of image and image_name is accepted, not both");
    }
    reader.finish(spec)
}

fn set(reader: &mut Reader<'_>, spec: &mut JobSpec, entry: Entry<'_>) {
    match entry.key {
        "workdir" => assign(&mut spec.workdir, container_path(reader, entry)),
        "project_dir_mount" => spec.project_dir_mount = container_path(reader, entry),
        "use_gpu" => assign(&mut spec.use_gpu, reader.boolean(entry)),
        // 0 is upstream's "none".
        "web_graphics_guest_port" => {
            let port = reader.integer(entry, 0, 65_535).and_then(|port| u16::try_from(port).ok());
            spec.web_graphics_guest_port = port.filter(|port| *port != 0);
        }
        "mount" => assign(&mut spec.mount, values(reader, entry)),
        "portmap" => assign(&mut spec.portmap, values(reader, entry)),
        "build_args" => build_args(reader, spec, entry),
        "target" => {
            let accepted =
                "the name of a stage is accepted: a letter, then letters, digits, \"_\", \".\" and \"-\"";
            let stage = |text: &str| is_stage_name(text).then(|| text.to_owned());
            spec.target = checked(reader, entry, stage, accepted);
        }
        "create_args" => assign(&mut spec.create_args, words(reader, entry)),
        "verbose" => {
            assign(&mut spec.verbose, reader.integer(entry, 0, 2).and_then(|level| u8::try_from(level).ok()));
        }
        "build_files" => spec.build_files = slot_names(reader, entry),
        "job_inputs" => assign(&mut spec.job_inputs, slot_names(reader, entry)),
        "pass_args" => {
            let accepted = "\"env\" (in ARGS), \"argv\" (as a vector) or \"both\" is accepted";
            assign(&mut spec.pass_args, checked(reader, entry, PassArgs::parse, accepted));
        }
        "network" => assign(&mut spec.network, reader.boolean(entry)),
        "outputs" => assign(&mut spec.outputs, outputs(reader, entry)),
        "max_files" => spec.limits.max_files = reader.integer(entry, 1, MAX),
        "max_log_bytes" => spec.limits.max_log_bytes = reader.integer(entry, 1, MAX),
        "pids" => spec.limits.pids = reader.integer(entry, 1, MAX),
        _ => {}
    }
}

/// A value that could not be read leaves the default: its fault is noted, so nobody sees the spec.
fn assign<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn checked<T>(
    reader: &mut Reader<'_>,
    entry: Entry<'_>,
    check: impl Fn(&str) -> Option<T>,
    accepted: &str,
) -> Option<T> {
    let value = check(&reader.string(entry)?);
    if value.is_none() {
        reader.refuse(entry, accepted);
    }
    value
}

fn container_path(reader: &mut Reader<'_>, entry: Entry<'_>) -> Option<ContainerPath> {
    let path = checked(reader, entry, ContainerPath::new, ContainerPath::ACCEPTED)?;
    if path.is_of_engine() {
        reader.refuse(entry, ContainerPath::NOT_OF_ENGINE);
        return None;
    }
    Some(path)
}

const IMAGE_NAME: &str = "an image's name is accepted, as NAME:TAG or NAME@sha256:DIGEST, \
                          of letters, digits and \"._-/:@\", not beginning with \"-\" or \"boinc__\"";

fn image_name(name: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric()) && !name.starts_with("boinc__");
    (begins && name.len() <= 512 && name.chars().all(allowed)).then(|| name.to_owned())
}

/// A file name in the slot that is the job's to use.
fn name_fault(name: &str) -> Option<String> {
    match check_open_name(name) {
        Err(fault) => Some(format!("the file name {name:?} {fault}")),
        Ok(_) if is_client_file(name) => Some(format!("the file name {name:?} belongs to the BOINC client")),
        Ok(_) if is_own_name(name) => {
            Some(format!("the file name {name:?} belongs to the wrapper, as all names below \"buoy\" do"))
        }
        Ok(_) => None,
    }
}

fn slot_name(reader: &mut Reader<'_>, entry: Entry<'_>) -> Option<String> {
    let name = reader.string(entry)?;
    if let Some(fault) = name_fault(&name) {
        reader.refuse(entry, fault);
        return None;
    }
    Some(name)
}

fn slot_names(reader: &mut Reader<'_>, entry: Entry<'_>) -> Option<Vec<String>> {
    let names = reader.strings(entry)?;
    let twice = |(at, name): (usize, &String)| {
        names[..at].contains(name).then(|| format!("the file name {name:?} stands there twice"))
    };
    let fault =
        names.iter().find_map(|name| name_fault(name)).or_else(|| names.iter().enumerate().find_map(twice));
    if let Some(fault) = fault {
        reader.refuse(entry, fault);
        return None;
    }
    Some(names)
}

/// Values of the engine's options: not empty, on one line.
fn values(reader: &mut Reader<'_>, entry: Entry<'_>) -> Option<Vec<String>> {
    let values = reader.strings(entry)?;
    if values.iter().any(|value| value.is_empty() || value.contains(char::is_control)) {
        reader.refuse(entry, "a list of texts that are not empty and have no control characters is accepted");
        return None;
    }
    Some(values)
}

fn words(reader: &mut Reader<'_>, entry: Entry<'_>) -> Option<Vec<String>> {
    let words = match reader.string_or_list(entry)? {
        Ok(text) => split(&text),
        Err(list) => Some(list),
    };
    let words = words.filter(|words| !words.iter().any(|word| word.contains('\0')));
    if words.is_none() {
        reader.refuse(entry, "a string of options with all quotes closed, or a list of words, is accepted");
    }
    words
}

fn build_args(reader: &mut Reader<'_>, spec: &mut JobSpec, entry: Entry<'_>) {
    if let Some(table) = entry.table() {
        for (key, value) in table {
            match value.get_ref().as_str().filter(|value| !value.contains('\0')) {
                Some(value) if is_build_key(key.get_ref()) => {
                    spec.build_args.insert(key.get_ref().to_string(), value.to_owned());
                }
                _ => reader.refuse(
                    entry,
                    "a table of KEY = \"value\" is accepted, keys of letters, digits and \"_\"",
                ),
            }
        }
        return;
    }
    let Some(words) = words(reader, entry) else { return };
    match take_build_args(words) {
        Some(values) => spec.build_args = values,
        None => reader.refuse(
            entry,
            "only --build-arg KEY=VALUE is accepted, the key of letters, digits and \"_\": images are built without the \
             engine's own builder, so they have no other options",
        ),
    }
}

fn outputs(reader: &mut Reader<'_>, entry: Entry<'_>) -> Option<Vec<OutputSpec>> {
    let mut outputs: Vec<OutputSpec> = Vec::new();
    for table in reader.tables(entry)? {
        if let Some(output) = output(reader, entry, table) {
            if outputs.iter().any(|other| other.name == output.name) {
                reader.refuse(entry, format!("the output {:?} stands there twice", output.name));
            }
            outputs.push(output);
        }
    }
    Some(outputs)
}

fn output(reader: &mut Reader<'_>, list: Entry<'_>, table: &DeTable<'_>) -> Option<OutputSpec> {
    let (mut name, mut max_bytes, mut optional) = (None, None, false);
    for entry in reader.entries(table, &OUTPUT_KEYS) {
        match entry.key {
            "name" => name = slot_name(reader, entry),
            "max_bytes" => max_bytes = reader.integer(entry, 0, MAX),
            _ => assign(&mut optional, reader.boolean(entry)),
        }
    }
    if !table.contains_key("name") {
        reader.refuse(list, "each output needs a name");
    }
    Some(OutputSpec { name: name?, max_bytes, optional })
}
