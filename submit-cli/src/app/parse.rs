//! Reads `app.toml`, and notes all its mistakes at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeValue;
use validators::spec::{AssimilateSpec, ValidateSpec};

use super::{AppSpec, ContextFile, Gpu, Image, Input, Mode, Output, Replication, Resources};
use crate::command::Command;
use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::nearest::nearest;
use crate::toml_section::{Document, Section, Text};
use crate::{names, units};

/// Reads the text of an `app.toml`. Only the text is looked at; whether the files it names exist is for
/// [`crate::check`].
///
/// Mistakes go to `mistakes`; there is an `AppSpec` only if there were none.
pub fn parse(file: &Path, text: &str, mistakes: &mut Diagnostics) -> Option<AppSpec> {
    let doc = Document::new(file, text);
    let table = doc.parse();
    let mut top = Section::new(&doc, "", table.get_ref(), 0);
    let dir = file.parent().map_or_else(PathBuf::new, Path::to_path_buf);

    let name = app_name(&doc, &mut top);
    let version = top.text("version").map_or("0.0.0", |version| version.text).to_owned();
    let summary = top.text("summary").map_or("", |summary| summary.text).to_owned();
    let (image, workdir) = image(&doc, &mut top, &dir);
    let (command, command_place) = run(&doc, &mut top);
    let inputs = inputs(&doc, &mut top, &dir);
    let outputs = outputs(&doc, &mut top);
    let resources = resources(&doc, &mut top);
    let replication = replication(&doc, &mut top);
    let (validate, assimilate) = rules(&doc, &mut top, &outputs);
    top.finish();
    if let Some(image) = &image {
        one_name_each(&doc, image, &inputs, &outputs);
    }

    let found = doc.into_mistakes();
    let spec = (found.is_empty()).then_some(()).and(name.zip(image)).map(|(name, image)| AppSpec {
        name,
        version,
        summary,
        file: file.to_path_buf(),
        dir,
        image,
        workdir,
        command,
        command_place,
        inputs,
        outputs,
        resources,
        replication,
        validate,
        assimilate,
    });
    mistakes.append(found);
    spec
}

fn app_name(doc: &Document<'_>, top: &mut Section<'_, '_>) -> Option<String> {
    let Some(name) = top.text("name") else {
        top.missing("name", "lower-case letters, digits and -, at most 24, such as name = \"dock\"");
        return None;
    };
    if let Err(error) = validators::workunit_name::check_app(name.text) {
        doc.note(Diagnostic::new(name.place, error.to_string()));
        return None;
    }
    Some(name.text.to_owned())
}

/// `[image]`: the image and the work directory.
fn image(doc: &Document<'_>, top: &mut Section<'_, '_>, dir: &Path) -> (Option<Image>, String) {
    const WORKDIR: &str = "/app";
    let Some(mut section) = top.section("image") else {
        let built = Image::Build {
            dockerfile: dir.join("Dockerfile"),
            files: Vec::new(),
            build_args: BTreeMap::new(),
        };
        return (Some(built), WORKDIR.into());
    };
    let place = section.place();
    let dockerfile = section.text("dockerfile");
    let tarball = section.text("tarball");
    let digest = section.text("digest");
    let pinned = section.text("name");
    let files = section.texts("files");
    let build_args = section.text_map("build_args");
    let workdir = section.text("workdir");
    section.finish();

    let workdir = match workdir {
        None => WORKDIR.to_owned(),
        Some(text) => {
            check_workdir(doc, &text);
            text.text.to_owned()
        }
    };
    let kinds =
        [dockerfile.is_some(), tarball.is_some(), pinned.is_some()].iter().filter(|&&given| given).count();
    if kinds > 1 {
        doc.note(
            Diagnostic::new(place, "[image] names more than one source of the image")
                .accepted("one of dockerfile, tarball (with digest), name"),
        );
        return (None, workdir);
    }
    if kinds == 1 && dockerfile.is_none() {
        for (key, given) in [("files", files.is_some()), ("build_args", build_args.is_some())] {
            if given {
                let found = format!("{key} is for an image that is built, and this one is not");
                doc.note(
                    Diagnostic::new(place.clone(), found).help(format!("take {key} out, or use dockerfile")),
                );
            }
        }
    }
    if digest.is_some() && tarball.is_none() {
        doc.note(
            Diagnostic::new(place.clone(), "digest without tarball in [image]")
                .help("name the tarball; or write the digest into the name: name = \"NAME@sha256:…\""),
        );
    }
    let image = if let Some(tarball) = tarball {
        prebuilt(doc, &place, dir, &tarball, digest.as_ref())
    } else if let Some(name) = pinned {
        self::pinned(doc, &name)
    } else {
        let dockerfile = dir.join(dockerfile.map_or("Dockerfile", |text| text.text));
        let files =
            files.unwrap_or_default().iter().filter_map(|path| context_file(doc, dir, path)).collect();
        let build_args = build_args
            .unwrap_or_default()
            .into_iter()
            .map(|(key, value)| (key.text.to_owned(), value.text.to_owned()))
            .collect();
        Some(Image::Build { dockerfile, files, build_args })
    };
    (image, workdir)
}

fn check_workdir(doc: &Document<'_>, text: &Text<'_>) {
    let plain = text.text.chars().all(|c| c.is_ascii_alphanumeric() || "/_-.".contains(c));
    let lost = text.text.split('/').any(|part| part == ".." || part == ".");
    if !text.text.starts_with('/') || text.text.len() < 2 || !plain || lost {
        doc.note(
            Diagnostic::new(text.place.clone(), format!("workdir is {:?}", text.text))
                .accepted("an absolute path of letters, digits, / _ - and ., other than / itself"),
        );
    }
}

fn context_file(doc: &Document<'_>, dir: &Path, path: &Text<'_>) -> Option<ContextFile> {
    let name = Path::new(path.text).file_name().and_then(|name| name.to_str()).unwrap_or("");
    if let Err(fault) = names::file_name(name) {
        let found = format!("the file {:?} cannot travel: its name {fault}", path.text);
        doc.note(Diagnostic::new(path.place.clone(), found).accepted(names::FILE_NAME_FORM));
        return None;
    }
    Some(ContextFile { path: dir.join(path.text), name: name.to_owned() })
}

fn prebuilt(
    doc: &Document<'_>,
    place: &Place,
    dir: &Path,
    tarball: &Text<'_>,
    digest: Option<&Text<'_>>,
) -> Option<Image> {
    let file = context_file(doc, dir, tarball)?;
    let Some(digest) = digest else {
        doc.note(
            Diagnostic::new(place.clone(), "tarball without digest in [image]")
                .accepted("digest = \"sha256:…\", the image's id")
                .help("docker image inspect --format {{.Id}} IMAGE prints it"),
        );
        return None;
    };
    if !is_digest(digest.text) {
        doc.note(
            Diagnostic::new(digest.place.clone(), format!("digest is {:?}", digest.text))
                .accepted("\"sha256:\" and 64 lower-case hex digits"),
        );
        return None;
    }
    Some(Image::Tarball { file: file.path, name: file.name, digest: digest.text.to_owned() })
}

fn pinned(doc: &Document<'_>, name: &Text<'_>) -> Option<Image> {
    let good = name.text.split_once('@').is_some_and(|(repository, digest)| {
        !repository.is_empty()
            && !repository.starts_with('-')
            && repository.chars().all(|c| c.is_ascii_alphanumeric() || "/_-.:".contains(c))
            && is_digest(digest)
    });
    if !good {
        doc.note(
            Diagnostic::new(name.place.clone(), format!("the image's name is {:?}", name.text)).accepted(
                "NAME@sha256: and 64 lower-case hex digits, so that every host runs the same image",
            ),
        );
        return None;
    }
    Some(Image::Pinned { name: name.text.to_owned() })
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

fn run(doc: &Document<'_>, top: &mut Section<'_, '_>) -> (Command, Place) {
    let Some(mut section) = top.section("run") else { return (Command::default(), top.place()) };
    let place = section.value("command").map_or(section.place(), |value| doc.place(value.span().start));
    let command = command_value(doc, &mut section);
    section.finish();
    (command.unwrap_or_default(), place)
}

/// `command` of a table: a string, cut as a shell would, or a list of words.
pub fn command_value(doc: &Document<'_>, section: &mut Section<'_, '_>) -> Option<Command> {
    let value = section.value("command")?;
    let place = doc.place(value.span().start);
    let parsed = match value.get_ref() {
        DeValue::String(text) => Command::parse(text),
        DeValue::Array(_) => {
            let words = section.texts_in("command", value)?;
            Command::from_words(&words.iter().map(|word| word.text).collect::<Vec<_>>())
        }
        _ => {
            section.wrong_type("command", value, "a string, or a list of words");
            return None;
        }
    };
    match parsed {
        Ok(command) => Some(command),
        Err(error) => {
            doc.note(Diagnostic::new(place, error.to_string()));
            None
        }
    }
}

fn inputs(doc: &Document<'_>, top: &mut Section<'_, '_>, dir: &Path) -> Vec<Input> {
    let mut inputs = Vec::new();
    for mut section in top.sections("input") {
        let place = section.place();
        let name = slot_name(doc, &mut section, "input");
        let shared = section.flag("shared").unwrap_or(false);
        let file = section.text("file");
        let mode = section.text("mode");
        let sticky = section.flag("sticky").unwrap_or(false);
        let gzip = section.flag("gzip").unwrap_or(false);
        section.finish();
        let mode = mode.map_or(Some(Mode::Link), |text| match text.text {
            "link" => Some(Mode::Link),
            "copy" => Some(Mode::Copy),
            _ => {
                doc.note(one_of(&text, "mode", &["link", "copy"]));
                None
            }
        });
        if let (Some(file), false) = (&file, shared) {
            doc.note(
                Diagnostic::new(
                    file.place.clone(),
                    "file is for a shared input, and this one differs from job to job",
                )
                .help("add shared = true, or take file out and name the job's file in the batch"),
            );
        }
        if let (Some(name), Some(mode)) = (name, mode) {
            inputs.push(Input {
                name,
                shared,
                file: file.map(|file| dir.join(file.text)),
                mode,
                sticky,
                gzip,
                place,
            });
        }
    }
    inputs
}

fn outputs(doc: &Document<'_>, top: &mut Section<'_, '_>) -> Vec<Output> {
    const MAX_BYTES: u64 = 10_000_000;
    let mut outputs = Vec::new();
    for mut section in top.sections("output") {
        let place = section.place();
        let name = slot_name(doc, &mut section, "output");
        let max_bytes = size(doc, &mut section, "max_size", MAX_BYTES);
        let optional = section.flag("optional").unwrap_or(false);
        section.finish();
        if let Some(name) = name {
            outputs.push(Output { name, max_bytes, optional, place });
        }
    }
    if outputs.is_empty() {
        top_needs_output(doc, top);
    }
    outputs
}

/// BOINC validates output files: without any, a quorum can't tell a good result from a bad one.
fn top_needs_output(doc: &Document<'_>, top: &mut Section<'_, '_>) {
    if top.value("output").is_none() {
        doc.note(
            Diagnostic::new(top.place(), "the app has no output")
                .help("declare what a job writes: [[output]] with name = \"result.txt\""),
        );
    }
}

fn slot_name(doc: &Document<'_>, section: &mut Section<'_, '_>, kind: &str) -> Option<String> {
    let Some(name) = section.text("name") else {
        section.missing("name", "the file's name in the container");
        return None;
    };
    if let Err(fault) = names::file_name(name.text) {
        let found = format!("the {kind}'s name {:?} {fault}", name.text);
        doc.note(Diagnostic::new(name.place, found).accepted(names::FILE_NAME_FORM));
        return None;
    }
    Some(name.text.to_owned())
}

fn resources(doc: &Document<'_>, top: &mut Section<'_, '_>) -> Resources {
    const FLOPS: f64 = 1e12;
    const BOUND_FACTOR: f64 = 100.0;
    const MEMORY: u64 = 512_000_000;
    const DISK: u64 = 1_000_000_000;
    const DEADLINE: Duration = Duration::from_secs(7 * 86_400);
    let mut resources = Resources {
        flops: FLOPS,
        flops_bound: FLOPS * BOUND_FACTOR,
        memory_bytes: MEMORY,
        disk_bytes: DISK,
        deadline: DEADLINE,
        cpus: 1.0,
        gpu: None,
        network: false,
    };
    let Some(mut section) = top.section("resources") else { return resources };
    resources.flops = section.number("flops").unwrap_or(FLOPS);
    resources.flops_bound = section.number("flops_bound").unwrap_or(resources.flops * BOUND_FACTOR);
    resources.memory_bytes = size(doc, &mut section, "memory", MEMORY);
    resources.disk_bytes = size(doc, &mut section, "disk", DISK);
    if let Some(text) = section.text("deadline") {
        // delay_bound is an int of seconds (db/boinc_db_types.h).
        let seconds = 1..=u64::try_from(i32::MAX).unwrap_or(0);
        match units::duration(text.text).filter(|time| seconds.contains(&time.as_secs())) {
            Some(deadline) => resources.deadline = deadline,
            None => doc.note(
                Diagnostic::new(text.place, format!("deadline is {:?}", text.text))
                    .accepted(units::DURATION_FORM),
            ),
        }
    }
    resources.cpus = section.number("cpus").unwrap_or(1.0);
    if let Some(text) = section.text("gpu") {
        match text.text {
            "nvidia" => resources.gpu = Some(Gpu::Nvidia),
            "amd" => resources.gpu = Some(Gpu::Amd),
            "intel" => resources.gpu = Some(Gpu::Intel),
            _ => doc.note(one_of(&text, "gpu", &["nvidia", "amd", "intel"])),
        }
    }
    resources.network = section.flag("network").unwrap_or(false);
    if resources.flops_bound < resources.flops {
        doc.note(Diagnostic::new(
            section.place(),
            "flops_bound is less than flops: every job would be given up",
        ));
    }
    section.finish();
    resources
}

/// BOINC's defaults (sched/sched_config.h and tools/create_work.cpp); create_work refuses what breaks the order
/// quorum ≤ total ≤ max_success ≤ max_total.
fn replication(doc: &Document<'_>, top: &mut Section<'_, '_>) -> Replication {
    let Some(mut section) = top.section("replication") else {
        return Replication { quorum: 2, total: 2, max_errors: 3, max_total: 10, max_success: 6 };
    };
    let quorum = section.count("quorum").unwrap_or(2);
    let total = section.count("total").unwrap_or(quorum);
    let max_errors = section.count("max_errors").unwrap_or(3);
    let max_success = section.count("max_success").unwrap_or(total.max(6));
    let max_total = section.count("max_total").unwrap_or(max_success.max(max_errors).max(10));
    for (small, less, large, more) in [
        ("quorum", quorum, "total", total),
        ("total", total, "max_success", max_success),
        ("max_success", max_success, "max_total", max_total),
        ("max_errors", max_errors, "max_total", max_total),
    ] {
        if less > more {
            doc.note(
                Diagnostic::new(section.place(), format!("{small} is {less}, and {large} is {more}"))
                    .accepted(format!("{small} not greater than {large}")),
            );
        }
    }
    section.finish();
    Replication { quorum, total, max_errors, max_total, max_success }
}

/// `[validate]` and `[assimilate]`, whose keys the validators know.
fn rules(
    doc: &Document<'_>,
    top: &mut Section<'_, '_>,
    outputs: &[Output],
) -> (ValidateSpec, AssimilateSpec) {
    #[derive(Default, serde::Deserialize)]
    struct Rules {
        #[serde(default)]
        validate: ValidateSpec,
        #[serde(default)]
        assimilate: AssimilateSpec,
    }
    let place = match top.value("validate") {
        Some(value) => doc.place(value.span().start),
        None => top.place(),
    };
    let written = top.value("assimilate").is_some() || top.value("validate").is_some();
    if !written {
        return Default::default();
    }
    let rules: Rules = match toml::from_str(doc.text) {
        Ok(rules) => rules,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            doc.note(Diagnostic::new(doc.place(at), error.message().replace('\n', "; ")));
            return Default::default();
        }
    };
    let names: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
    if let Err(errors) = rules.validate.rules(&names) {
        for error in errors {
            doc.note(Diagnostic::new(place.clone(), error.to_string()));
        }
    }
    (rules.validate, rules.assimilate)
}

fn size(doc: &Document<'_>, section: &mut Section<'_, '_>, key: &'static str, default: u64) -> u64 {
    let Some(text) = section.text(key) else { return default };
    match units::size(text.text).filter(|&bytes| bytes > 0) {
        Some(bytes) => bytes,
        None => {
            let found = format!("{key} is {:?}", text.text);
            doc.note(Diagnostic::new(text.place, found).accepted(units::SIZE_FORM));
            default
        }
    }
}

fn one_of(text: &Text<'_>, key: &str, words: &[&'static str]) -> Diagnostic {
    let list: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    let diagnostic =
        Diagnostic::new(text.place.clone(), format!("{key} is {:?}", text.text)).accepted(list.join(", "));
    match nearest(text.text, words.iter().copied()) {
        Some(meant) => diagnostic.help(format!("did you mean {meant:?}?")),
        None => diagnostic,
    }
}

/// Everything in a slot has a name of its own, also on a host that does not tell upper from lower case.
fn one_name_each(doc: &Document<'_>, image: &Image, inputs: &[Input], outputs: &[Output]) {
    let mut taken: BTreeMap<String, String> = BTreeMap::new();
    let whole = || Place::file(doc.file);
    let context: Vec<&str> = match image {
        Image::Build { files, .. } => files.iter().map(|file| file.name.as_str()).collect(),
        Image::Tarball { name, .. } => vec![name.as_str()],
        Image::Pinned { .. } => Vec::new(),
    };
    let all = context
        .into_iter()
        .map(|name| (name, "file of the image", whole()))
        .chain(inputs.iter().map(|input| (input.name.as_str(), "input", input.place.clone())))
        .chain(outputs.iter().map(|output| (output.name.as_str(), "output", output.place.clone())));
    for (name, kind, place) in all {
        let what = format!("{kind} {name:?}");
        if let Some(other) = taken.get(&name.to_ascii_lowercase()) {
            let found = format!("{what} has the name of {other}; in a slot each file needs one of its own");
            doc.note(Diagnostic::new(place, found));
        } else {
            taken.insert(name.to_ascii_lowercase(), what);
        }
    }
}
