//! From the text of job.toml to a [`JobSpec`].

use super::options::{is_build_key, split, take_build_args};
use super::{
    ContainerPath, DEFAULT_VERBOSE, Digest, JobSpec, Limits, OutputSpec, PassArgs, Tarball, Tarballs,
};
use crate::dockerfile::is_stage_name;
use crate::toml_file::{ConfigErrors, Document, Section, Text, TextOrMap};
use crate::wire::slot::check_job_name;
use std::collections::BTreeMap;
use std::path::Path;

/// The engines take up to 2^63 − 1, TOML's largest.
const MAX: u64 = i64::MAX as u64;

pub(super) fn job_spec(text: &str, file: &str) -> Result<JobSpec, ConfigErrors> {
    let doc = Document::new(Path::new(file), text);
    let spec = doc.parse().map(|table| {
        let mut top = Section::new(&doc, "", table.get_ref(), 0);
        let spec = spec(&mut top);
        top.finish();
        spec
    });
    doc.finish(spec)
}

/// A value that could not be read leaves the default: its mistake is recorded, so the spec is not returned.
pub(super) fn spec(top: &mut Section<'_, '_>) -> JobSpec {
    let (pass_args, stage) = (
        "\"env\" (in ARGS), \"argv\" (as a vector) or \"both\"",
        "the name of a stage: a letter, then letters, digits, \"_\", \".\" and \"-\"",
    );
    JobSpec {
        workdir: container_path(top, "workdir").unwrap_or_default(),
        project_dir_mount: container_path(top, "project_dir_mount"),
        image_name: top.checked("image_name", image_name, IMAGE_NAME),
        tarballs: tarballs(top),
        use_gpu: top.flag("use_gpu").unwrap_or_default(),
        // 0 is upstream's "none".
        web_graphics_guest_port: top
            .whole("web_graphics_guest_port", 0..=65_535)
            .and_then(|port| u16::try_from(port).ok())
            .filter(|port| *port != 0),
        mount: values(top, "mount"),
        portmap: values(top, "portmap"),
        build_args: build_args(top).unwrap_or_default(),
        target: top.checked("target", |text| is_stage_name(text).then(|| text.to_owned()), stage),
        create_args: words(top, "create_args").unwrap_or_default(),
        verbose: top
            .whole("verbose", 0..=2)
            .and_then(|level| u8::try_from(level).ok())
            .unwrap_or(DEFAULT_VERBOSE),
        build_files: slot_names(top, "build_files"),
        job_inputs: slot_names(top, "job_inputs").unwrap_or_default(),
        pass_args: top.checked("pass_args", PassArgs::parse, pass_args).unwrap_or_default(),
        network: top.flag("network").unwrap_or_default(),
        outputs: outputs(top),
        limits: Limits {
            max_files: top.whole("max_files", 1..=MAX),
            max_log_bytes: top.whole("max_log_bytes", 1..=MAX),
            pids: top.whole("pids", 1..=MAX),
        },
    }
}

fn tarballs(top: &mut Section<'_, '_>) -> Option<Tarballs> {
    let files = top.text_or_map("image");
    let digests = top.text_or_map("digest");
    match (top.has("image"), top.has("digest")) {
        (true, false) => top.fault("image", "a prebuilt image needs its id, digest = \"sha256:...\""),
        (false, true) => top.fault("digest", "a digest belongs to a prebuilt image, image = \"NAME.tar\""),
        (true, true) if top.has("image_name") => {
            top.refuse("image_name", "one of image and image_name, not both");
        }
        _ => {}
    }
    match (files?, digests?) {
        (TextOrMap::Text(file), TextOrMap::Text(digest)) => tarball(top, &file, &digest).map(Tarballs::One),
        (TextOrMap::Map(files), TextOrMap::Map(digests)) => Some(each_tarball(top, &files, &digests)),
        _ => {
            top.fault(
                "digest",
                "image and digest are both one text, or both a table with the same architectures",
            );
            None
        }
    }
}

fn tarball(top: &Section<'_, '_>, file: &Text<'_>, digest: &Text<'_>) -> Option<Tarball> {
    if let Some(fault) = name_fault(file.text) {
        top.fault("image", fault);
    }
    let digest = Digest::new(digest.text);
    if digest.is_none() {
        top.refuse("digest", Digest::ACCEPTED);
    }
    Some(Tarball { file: file.text.to_owned(), digest: digest? })
}

fn each_tarball(
    top: &Section<'_, '_>,
    files: &[(Text<'_>, Text<'_>)],
    digests: &[(Text<'_>, Text<'_>)],
) -> Tarballs {
    let mut each = BTreeMap::new();
    if files.is_empty() {
        top.refuse("image", "a table with one architecture at least");
    }
    for (name, file) in files {
        let digest = digests.iter().find(|(other, _)| other.text == name.text);
        if !Tarballs::is_architecture(name.text) {
            top.fault("image", format!("{:?} is not {}", name.text, Tarballs::ARCHITECTURE));
        } else if digest.is_none() {
            top.fault("digest", format!("{:?} of image is missing", name.text));
        }
        if let Some(tarball) = digest.and_then(|(_, digest)| tarball(top, file, digest)) {
            each.insert(name.text.to_owned(), tarball);
        }
    }
    for (name, _) in
        digests.iter().filter(|(name, _)| !files.iter().any(|(other, _)| other.text == name.text))
    {
        top.fault("digest", format!("{:?} is not among the architectures of image", name.text));
    }
    Tarballs::Each(each)
}

fn container_path(top: &mut Section<'_, '_>, key: &'static str) -> Option<ContainerPath> {
    let path = top.checked(key, ContainerPath::new, ContainerPath::ACCEPTED)?;
    if path.is_of_engine() {
        top.refuse(key, ContainerPath::NOT_OF_ENGINE);
        return None;
    }
    Some(path)
}

const IMAGE_NAME: &str = "an image's name, as NAME:TAG or NAME@sha256:DIGEST, of letters, digits and \"._-/:@\", \
                          not starting with \"-\" or \"boinc__\"";

fn image_name(name: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric()) && !name.starts_with("boinc__");
    (begins && name.len() <= 512 && name.chars().all(allowed)).then(|| name.to_owned())
}

fn name_fault(name: &str) -> Option<String> {
    check_job_name(name).err().map(|fault| format!("the file name {name:?} {fault}"))
}

fn slot_name(section: &mut Section<'_, '_>, key: &'static str) -> Option<String> {
    let name = section.text(key)?.text;
    if let Some(fault) = name_fault(name) {
        section.fault(key, fault);
        return None;
    }
    Some(name.to_owned())
}

fn strings(section: &mut Section<'_, '_>, key: &'static str) -> Option<Vec<String>> {
    Some(section.texts(key)?.into_iter().map(|text| text.text.to_owned()).collect())
}

fn slot_names(top: &mut Section<'_, '_>, key: &'static str) -> Option<Vec<String>> {
    let names = strings(top, key)?;
    let twice = |(at, name): (usize, &String)| {
        names[..at].contains(name).then(|| format!("the file name {name:?} is listed twice"))
    };
    let fault =
        names.iter().find_map(|name| name_fault(name)).or_else(|| names.iter().enumerate().find_map(twice));
    if let Some(fault) = fault {
        top.fault(key, fault);
    }
    Some(names)
}

/// Values of the engine's options: not empty, on one line.
fn values(top: &mut Section<'_, '_>, key: &'static str) -> Vec<String> {
    let values = strings(top, key).unwrap_or_default();
    if values.iter().any(|value| value.is_empty() || value.contains(char::is_control)) {
        top.refuse(key, "a list of strings that are not empty and have no control characters");
    }
    values
}

fn words(top: &mut Section<'_, '_>, key: &'static str) -> Option<Vec<String>> {
    let value = top.value(key)?;
    let words = match value.get_ref().as_str() {
        Some(text) => split(text),
        None => Some(strings(top, key)?),
    };
    let words = words.filter(|words| !words.iter().any(|word| word.contains('\0')));
    if words.is_none() {
        top.refuse(key, "a string of options with all quotes closed, or a list of words");
    }
    words
}

fn build_args(top: &mut Section<'_, '_>) -> Option<BTreeMap<String, String>> {
    const KEY: &str = "build_args";
    if top.value(KEY)?.get_ref().is_table() {
        let args = top.text_map(KEY)?;
        if args.iter().any(|(key, value)| !is_build_key(key.text) || value.text.contains('\0')) {
            top.refuse(KEY, "a table of KEY = \"value\", with keys of letters, digits and \"_\"");
        }
        return Some(args.iter().map(|(key, value)| (key.text.to_owned(), value.text.to_owned())).collect());
    }
    let values = take_build_args(words(top, KEY)?);
    if values.is_none() {
        top.refuse(
            KEY,
            "only --build-arg KEY=VALUE, with a key of letters, digits and \"_\": images are built without the engine's own \
             builder, so they have no other options",
        );
    }
    values
}

fn outputs(top: &mut Section<'_, '_>) -> Vec<OutputSpec> {
    let mut outputs: Vec<OutputSpec> = Vec::new();
    for mut section in top.sections("outputs") {
        let name = slot_name(&mut section, "name");
        let max_bytes = section.whole("max_bytes", 0..=MAX);
        let optional = section.flag("optional").unwrap_or_default();
        if !section.has("name") {
            section.missing("name", "the file's name in the work directory");
        }
        if let Some(name) = name {
            if outputs.iter().any(|other| other.name == name) {
                section.fault("name", "this output is listed twice");
            }
            outputs.push(OutputSpec { name, max_bytes, optional });
        }
        section.finish();
    }
    outputs
}
