//! `[script]` of `app.toml`: programs that validate and assimilate results.

use std::path::Path;

use validators::script::extra_outputs;

use super::image::context_file;
use crate::plan::app::{JudgeScript, Output};
use boinc::diagnostic::Diagnostic;
use boinc::toml_file::{Document, Section};

/// Reads the section, if there is one.
pub(super) fn parse(
    doc: &Document<'_>,
    top: &mut Section<'_, '_>,
    dir: &Path,
    outputs: &[Output],
) -> Option<JudgeScript> {
    let mut section = top.section("script")?;
    let place = section.place();
    let init = words(doc, &mut section, "init");
    let compare = words(doc, &mut section, "compare");
    let assimilate = words(doc, &mut section, "assimilate");
    let extra_outputs: Vec<String> =
        section.texts("extra_outputs").unwrap_or_default().iter().map(|name| name.text.to_owned()).collect();
    let legacy = section.flag("legacy").unwrap_or(false);
    let image = section.text("image").map(|image| image.text.to_owned());
    let files = section.texts("files").unwrap_or_default();
    let files: Vec<_> = files.iter().filter_map(|file| context_file(doc, dir, file)).collect();
    if image.is_none() {
        section.missing(
            "image",
            "an image that the project has for scripts, such as image = \"python:3.12-slim\"",
        );
    }
    section.finish();
    if init.is_empty() && compare.is_empty() && assimilate.is_empty() {
        doc.note(
            Diagnostic::new(place.clone(), "[script] does not name a program")
                .accepted("init, compare or assimilate, such as compare = [\"python3\", \"compare.py\"]"),
        );
    }
    if assimilate.is_empty() && !extra_outputs.is_empty() {
        doc.note(
            Diagnostic::new(place.clone(), "extra_outputs has no effect without assimilate")
                .accepted("assimilate with the program that writes these files"),
        );
    }
    let outputs: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
    for mistake in extra_outputs::errors(&extra_outputs, &outputs) {
        doc.note(Diagnostic::new(place.clone(), mistake));
    }
    Some(JudgeScript { init, compare, assimilate, extra_outputs, legacy, image: image?, files, place })
}

fn words(doc: &Document<'_>, section: &mut Section<'_, '_>, key: &'static str) -> Vec<String> {
    let Some(words) = section.texts(key) else { return Vec::new() };
    let broken = words.first().filter(|word| word.text.is_empty());
    if let Some(word) = words.iter().find(|word| word.text.contains('\0')).or(broken) {
        doc.note(
            Diagnostic::new(word.place.clone(), format!("{key} is {:?}", word.text))
                .accepted("a program and its arguments"),
        );
        return Vec::new();
    }
    words.iter().map(|word| word.text.to_owned()).collect()
}
