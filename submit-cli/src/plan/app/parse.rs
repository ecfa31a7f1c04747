//! Reads `app.toml`, with all its mistakes at once.

mod image;
mod script;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeValue;
use validators::route::AssimilateRoute;
use validators::spec::{AssimilateSpec, ValidateSpec};

use super::{AppSpec, Gpu, Image, Input, Mode, Output, Replication, Resources};
use boinc::job::spec::PassArgs;
use boinc::spelling::listed_near;

use crate::plan::command::Command;
use crate::{plan::names, plan::units};
use boinc::diagnostic::{Diagnostic, Diagnostics, Located, Location};
use boinc::names::output::{MAX_OUTPUT_NAME_BYTES, is_output_name};
use boinc::toml_file::{Document, Section, Text};

/// Reads the text of an `app.toml`, and nothing else: [`crate::plan::check`] checks the files that it names.
///
/// Mistakes go to `mistakes`; what has them is as if it were not there, so that the rest can be checked. There is no
/// `AppSpec` if the text is not TOML.
pub fn parse(file: &Path, text: &str, mistakes: &mut Diagnostics) -> Option<AppSpec> {
    let doc = Document::new(file, text);
    let Some(table) = doc.parse() else {
        mistakes.append(doc.into_diagnostics());
        return None;
    };
    let mut top = Section::new(&doc, "", table.get_ref(), 0);
    let dir = file.parent().map_or_else(PathBuf::new, Path::to_path_buf);

    let name = app_name(&doc, &mut top);
    let version = top.text("version").map_or("0.0.0", |version| version.text).to_owned();
    let summary = top.text("summary").map_or("", |summary| summary.text).to_owned();
    let (image, workdir) = image::parse(&doc, &mut top, &dir);
    let (command, pass_args) = run(&doc, &mut top);
    let inputs = inputs(&doc, &mut top, &dir);
    let outputs = outputs(&doc, &mut top);
    let resources = resources(&doc, &mut top);
    let replication = replication(&doc, &mut top);
    let script = script::parse(&doc, &mut top, &dir, &outputs);
    let extra_outputs = script.as_ref().map_or(&[][..], |script| &script.extra_outputs);
    let (validate, assimilate) = rules(&doc, &mut top, &outputs, extra_outputs);
    top.finish();
    if let Some(image) = &image {
        one_name_each(&doc, image, &inputs, &outputs);
    }

    mistakes.append(doc.into_diagnostics());
    Some(AppSpec {
        name: name.unwrap_or_else(|| "app".to_owned()),
        version,
        summary,
        file: file.to_path_buf(),
        dir,
        // An image about which nothing is left to check.
        image: image.unwrap_or_else(|| Image::Pinned { name: String::new() }),
        workdir,
        command,
        pass_args,
        inputs,
        outputs,
        resources,
        replication,
        validate,
        assimilate,
        script,
    })
}

fn app_name(doc: &Document<'_>, top: &mut Section<'_, '_>) -> Option<String> {
    let Some(name) = top.text("name") else {
        top.missing("name", "lower-case letters, digits and -, at most 24, such as name = \"dock\"");
        return None;
    };
    if let Err(error) = boinc::names::workunit::check_app(name.text) {
        doc.note(Diagnostic::new(name.place, error.to_string()));
        return None;
    }
    Some(name.text.to_owned())
}

fn run(doc: &Document<'_>, top: &mut Section<'_, '_>) -> (Located<Command>, Option<PassArgs>) {
    let Some(mut section) = top.section("run") else {
        return (Located { value: Command::default(), place: top.place() }, None);
    };
    let place = section.place();
    let command = command(doc, &mut section);
    let pass_args = section.text("pass_args").and_then(|text| {
        let way = PassArgs::parse(text.text);
        if way.is_none() {
            doc.note(one_of(&text, "pass_args", &PassArgs::WORDS));
        }
        way
    });
    section.finish();
    (command.unwrap_or(Located { value: Command::default(), place }), pass_args)
}

/// `command` of a table: a string, cut as a shell would, or a list of words.
pub fn command(doc: &Document<'_>, section: &mut Section<'_, '_>) -> Option<Located<Command>> {
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
        Ok(value) => Some(Located { value, place }),
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
                    "file is for a shared input, but this input differs from job to job",
                )
                .help("add shared = true, or remove file and name the job's file in the batch"),
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

/// BOINC validates output files: without any, a quorum cannot tell a good result from a bad one.
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
        let found = format!("invalid name of an {kind}: {:?} {fault}", name.text);
        doc.note(Diagnostic::new(name.place, found).accepted(names::FILE_NAME_FORM));
        return None;
    }
    if kind == "output" && !is_output_name(name.text) {
        let found = format!("invalid name of an output: {:?} has {} bytes", name.text, name.text.len());
        let accepted = format!("at most {MAX_OUTPUT_NAME_BYTES} bytes");
        doc.note(Diagnostic::new(name.place, found).accepted(accepted));
        return None;
    }
    Some(name.text.to_owned())
}

fn resources(doc: &Document<'_>, top: &mut Section<'_, '_>) -> Resources {
    const FLOPS: f64 = 1e12;
    const MEMORY: u64 = 512_000_000;
    const DISK: u64 = 1_000_000_000;
    const DEADLINE: Duration = Duration::from_secs(7 * 86_400);
    let mut resources = Resources {
        flops: FLOPS,
        flops_bound: default_bound(FLOPS),
        memory_bytes: MEMORY,
        disk_bytes: DISK,
        deadline: DEADLINE,
        cpus: 1.0,
        gpu: None,
        network: false,
    };
    let Some(mut section) = top.section("resources") else { return resources };
    resources.flops = section.number("flops").unwrap_or(FLOPS);
    resources.flops_bound = section.number("flops_bound").unwrap_or(default_bound(resources.flops));
    resources.memory_bytes = size(doc, &mut section, "memory", MEMORY);
    resources.disk_bytes = size(doc, &mut section, "disk", DISK);
    // delay_bound is an int of seconds (db/boinc_db_types.h).
    let seconds = 1..=u64::try_from(i32::MAX).unwrap_or(0);
    let deadline = |text: &str| units::duration(text).filter(|time| seconds.contains(&time.as_secs()));
    let form = (units::DURATION_FORM, "s");
    resources.deadline = quantity(doc, &mut section, "deadline", form, deadline).unwrap_or(DEADLINE);
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
            "flops_bound is less than flops: clients would abort every job",
        ));
    }
    section.finish();
    resources
}

/// 100 times the estimate, and some hours of any processor at least: the client's limit on elapsed time comes from it
/// (client/app_control.cpp), and building the image counts.
fn default_bound(flops: f64) -> f64 {
    (100.0 * flops).max(1e14)
}

/// BOINC's defaults (sched/sched_config.h and tools/create_work.cpp); create_work refuses values that break the order
/// quorum ≤ total ≤ max_success ≤ max_total.
fn replication(doc: &Document<'_>, top: &mut Section<'_, '_>) -> Replication {
    let Some(mut section) = top.section("replication") else {
        return Replication { quorum: 2, total: 2, max_errors: 3, max_total: 10, max_success: 6 };
    };
    let quorum = section.count("quorum").unwrap_or(2);
    let total = section.count("total").unwrap_or(quorum);
    // Missing keys follow the ones that are set.
    let max_total = section.count("max_total");
    let within = |number: u32| max_total.map_or(number, |most| number.min(most.max(total)));
    let max_errors = section.count("max_errors").unwrap_or(within(3));
    let max_success = section.count("max_success").unwrap_or(within(total.max(6)));
    let max_total = max_total.unwrap_or(max_success.max(max_errors).max(10));
    for (small, less, large, more) in [
        ("quorum", quorum, "total", total),
        ("total", total, "max_success", max_success),
        ("max_success", max_success, "max_total", max_total),
        ("max_errors", max_errors, "max_total", max_total),
    ] {
        if less > more {
            doc.note(
                Diagnostic::new(section.place(), format!("{small} is {less}, but {large} is {more}"))
                    .accepted(format!("{small} at most {large}")),
            );
        }
    }
    section.finish();
    Replication { quorum, total, max_errors, max_total, max_success }
}

/// `[validate]` and `[assimilate]`, whose keys the validators define.
fn rules(
    doc: &Document<'_>,
    top: &mut Section<'_, '_>,
    outputs: &[Output],
    extra_outputs: &[String],
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
    let values_place = match top.value("assimilate") {
        Some(value) => doc.place(value.span().start),
        None => top.place(),
    };
    let written = top.value("assimilate").is_some() || top.value("validate").is_some();
    if !written {
        return Default::default();
    }
    let Some(rules) = doc.deserialize::<Rules>() else { return Default::default() };
    let names: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
    if let Err(errors) = rules.validate.rules(&names) {
        for error in errors {
            let place = doc.locate(&error.path).unwrap_or_else(|| place.clone());
            doc.note(Diagnostic::new(place, error.to_string()));
        }
    }
    let sources: Vec<&str> = names.into_iter().chain(extra_outputs.iter().map(String::as_str)).collect();
    let unknown = rules.assimilate.value.iter().filter(|value| !sources.contains(&value.output.as_str()));
    let unknown = unknown.map(|value| {
        let (name, output) = (&value.name, &value.output);
        let sources = listed_near(output, &sources);
        format!("assimilate.value {name:?}: unknown output {output:?}, the outputs are {sources}")
    });
    for mistake in AssimilateRoute::from(&rules.assimilate).errors().into_iter().chain(unknown) {
        doc.note(Diagnostic::new(values_place.clone(), mistake));
    }
    (rules.validate, rules.assimilate)
}

fn size(doc: &Document<'_>, section: &mut Section<'_, '_>, key: &'static str, default: u64) -> u64 {
    let size = |text: &str| units::size(text).filter(|&bytes| bytes > 0);
    quantity(doc, section, key, (units::SIZE_FORM, "B"), size).unwrap_or(default)
}

/// A text with a unit; the help for a bare number proposes `unit`.
fn quantity<T>(
    doc: &Document<'_>,
    section: &mut Section<'_, '_>,
    key: &'static str,
    (form, unit): (&str, &str),
    read: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let value = section.value(key)?;
    let written = doc.text.get(value.span()).unwrap_or_default();
    let quantity = value.get_ref().as_str().and_then(read);
    if quantity.is_none() {
        let place = doc.place(value.span().start);
        let mut diagnostic = Diagnostic::new(place, format!("{key} is {written}")).accepted(form);
        if value.get_ref().is_integer() {
            diagnostic = diagnostic.help(format!("write {key} = \"{written} {unit}\""));
        }
        doc.note(diagnostic);
    }
    quantity
}

fn one_of(text: &Text<'_>, key: &str, words: &[&'static str]) -> Diagnostic {
    let list: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    Diagnostic::new(text.place.clone(), format!("{key} is {:?}", text.text))
        .accepted_words(text.text, words)
        .accepted(list.join(", "))
}

/// Everything in a slot has a name of its own, also on a host that ignores case.
fn one_name_each(doc: &Document<'_>, image: &Image, inputs: &[Input], outputs: &[Output]) {
    let mut taken: BTreeMap<String, String> = BTreeMap::new();
    let whole = || Location::file(doc.file);
    let all = image
        .slot_names()
        .map(|name| (name, "file of the image", whole()))
        .chain(inputs.iter().map(|input| (input.name.as_str(), "input", input.place.clone())))
        .chain(outputs.iter().map(|output| (output.name.as_str(), "output", output.place.clone())));
    for (name, kind, place) in all {
        let what = format!("{kind} {name:?}");
        if let Some(other) = taken.get(&name.to_ascii_lowercase()) {
            let found = format!("{what} has the same name as {other}");
            doc.note(Diagnostic::new(place, found));
        } else {
            taken.insert(name.to_ascii_lowercase(), what);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const APP: &str = include_str!("../../../../examples/vina/app.toml");

    fn check(text: &str) -> Result<AppSpec, Vec<Diagnostic>> {
        let mut mistakes = Diagnostics::new();
        let app = parse(Path::new("app.toml"), text, &mut mistakes);
        assert!(app.is_some() || !mistakes.is_empty(), "an app or mistakes");
        mistakes.into_result(app)
    }

    #[test]
    fn the_least_app_has_the_documented_defaults() {
        let app = check("name = \"x\"\n[[output]]\nname = \"y\"\n").unwrap();
        assert_eq!(app.workdir.as_str(), "/app");
        assert_eq!(app.outputs[0].max_bytes, 10_000_000);
        let resources = Resources {
            flops: 1e12,
            flops_bound: 1e14,
            memory_bytes: 512_000_000,
            disk_bytes: 1_000_000_000,
            deadline: Duration::from_secs(7 * 86_400),
            cpus: 1.0,
            gpu: None,
            network: false,
        };
        assert_eq!(app.resources, resources);
        let replication = Replication { quorum: 2, total: 2, max_errors: 3, max_total: 10, max_success: 6 };
        assert_eq!(app.replication, replication);
    }

    #[test]
    fn replication_that_is_raised_takes_the_rest_with_it() {
        let text = "name = \"x\"\n[[output]]\nname = \"y\"\n[replication]\nquorum = 12\n";
        let replication =
            Replication { quorum: 12, total: 12, max_errors: 3, max_total: 12, max_success: 12 };
        assert_eq!(check(text).unwrap().replication, replication);
    }

    #[test]
    fn replication_that_is_lowered_takes_the_rest_with_it() {
        let text = "name = \"x\"\n[[output]]\nname = \"y\"\n[replication]\nquorum = 1\nmax_total = 2\n";
        let replication = Replication { quorum: 1, total: 1, max_errors: 2, max_total: 2, max_success: 2 };
        assert_eq!(check(text).unwrap().replication, replication);
    }

    proptest! {
        #[test]
        fn a_file_damaged_anywhere_gives_an_app_or_mistakes(at in 0..APP.len(), length in 0..30usize, new in "\\PC{0,5}") {
            let end = (at + length).min(APP.len());
            if APP.is_char_boundary(at) && APP.is_char_boundary(end) {
                let _ = check(&format!("{}{new}{}", &APP[..at], &APP[end..]));
            }
        }
    }
}
