//! `batch.toml`: the jobs of a batch. The format is described in docs/batch-toml.md.

use std::path::{Path, PathBuf};

use toml::de::DeValue;

use crate::plan::app::parse::command;
use crate::plan::command::Command;
use crate::plan::jobs::sweep::{self, Axis, Sweep};
use crate::plan::placeholder::Pattern;
use boinc::diagnostic::{Diagnostic, Diagnostics, Located, Location};
use boinc::toml_file::{Document, Section, Text};

/// The jobs of a batch, as `batch.toml` and the command line describe them.
#[derive(Debug, Clone, Default)]
pub struct BatchSpec {
    pub name: Option<Located<String>>,
    /// The science app: a directory or an `app.toml`.
    pub app: Option<PathBuf>,
    /// The command line, instead of the app's.
    pub command: Option<Located<Command>>,
    /// Where jobs come from; `None`: from the sweep alone.
    pub source: Option<JobSource>,
    /// The names of the jobs.
    pub job_name: Option<Located<Pattern>>,
    /// Files of per-job inputs, by the input's name.
    pub inputs: Vec<(Located<String>, Located<Pattern>)>,
    /// Files of shared inputs, by the input's name.
    pub shared: Vec<(Located<String>, PathBuf)>,
    pub sweep: Sweep,
    /// Where the sweep is written.
    pub sweep_place: Option<Location>,
    /// Columns that are unused on purpose; `*` for all.
    pub ignore: Vec<String>,
    /// Something besides the sweep could not be read: what seems to be missing may be in the file.
    pub is_incomplete: bool,
}

#[derive(Debug, Clone)]
pub enum JobSource {
    /// A row for each job.
    Table(PathBuf),
    /// A directory for each job, in this one.
    Directories(PathBuf),
    /// A job for each file.
    Files(Vec<PathBuf>),
    /// A job for each file that one of the patterns matches, below this directory.
    Globs(PathBuf, Vec<Located<String>>),
}

/// Reads the text of a `batch.toml` as far as it is valid; mistakes go to `mistakes`.
pub fn parse(file: &Path, text: &str, mistakes: &mut Diagnostics) -> BatchSpec {
    let doc = Document::new(file, text);
    let dir = file.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let Some(table) = doc.parse() else {
        mistakes.append(doc.into_diagnostics());
        return BatchSpec { is_incomplete: true, ..BatchSpec::default() };
    };
    let mut top = Section::new(&doc, "", table.get_ref(), 0);
    let name = top.text("name").map(Located::from);
    let app = top.text("app").map(|app| dir.join(app.text));
    let command = command(&doc, &mut top);
    let jobs = jobs(&doc, &mut top, &dir);
    let shared = top.text_map("shared").unwrap_or_default();
    let shared = shared.into_iter().map(|(name, path)| (name.into(), dir.join(path.text))).collect();
    let before_sweep = doc.mistakes();
    let (sweep, sweep_place) = sweep(&doc, &mut top).unzip();
    let of_sweep = doc.mistakes() - before_sweep;
    top.finish();
    let is_incomplete = doc.mistakes() > of_sweep;
    mistakes.append(doc.into_diagnostics());
    let sweep = sweep.unwrap_or_default();
    BatchSpec { name, app, command, shared, sweep, sweep_place, is_incomplete, ..jobs }
}

/// `[jobs]`: the keys of a batch that it sets.
fn jobs(doc: &Document<'_>, top: &mut Section<'_, '_>, dir: &Path) -> BatchSpec {
    let Some(mut section) = top.section("jobs") else { return BatchSpec::default() };
    let table = section.text("table").map(|path| JobSource::Table(dir.join(path.text)));
    let directories = section.text("dir").map(|path| JobSource::Directories(dir.join(path.text)));
    let globs = globs(doc, &mut section, dir);
    let name = section.text("name");
    let ignore = section.texts("ignore").unwrap_or_default();
    let inputs = section.text_map("inputs").unwrap_or_default();
    let place = section.place();
    section.finish();

    let mut sources = [table, directories, globs].into_iter().flatten();
    let source = sources.next();
    if sources.next().is_some() {
        let found = "[jobs] names more than one source of jobs";
        doc.note(Diagnostic::new(place, found).accepted("one of table, dir, glob"));
    }
    let inputs = inputs.into_iter().filter_map(|(name, path)| Some((name.into(), pattern(doc, &path)?)));
    BatchSpec {
        source,
        job_name: name.and_then(|name| pattern(doc, &name)),
        inputs: inputs.collect(),
        ignore: ignore.iter().map(|column| column.text.to_owned()).collect(),
        ..BatchSpec::default()
    }
}

/// `glob`: a pattern, or a list of them.
fn globs(doc: &Document<'_>, section: &mut Section<'_, '_>, dir: &Path) -> Option<JobSource> {
    let value = section.value("glob")?;
    let patterns = match value.get_ref() {
        DeValue::String(text) => {
            vec![Located { value: text.clone().into_owned(), place: doc.place(value.span().start) }]
        }
        _ => section.texts_in("glob", value)?.into_iter().map(Located::from).collect(),
    };
    Some(JobSource::Globs(dir.to_path_buf(), patterns))
}

/// `[sweep]`: for each key a range, or a list.
fn sweep(doc: &Document<'_>, top: &mut Section<'_, '_>) -> Option<(Sweep, Location)> {
    let value = top.value("sweep")?;
    let Some(table) = value.get_ref().as_table() else {
        top.wrong_type("sweep", value, "a table of ranges and lists");
        return None;
    };
    // In the order in which they are written, which the table itself does not keep.
    let mut keys: Vec<_> = table.iter().collect();
    keys.sort_by_key(|(key, _)| key.span().start);
    let mut axes = Vec::with_capacity(keys.len());
    for (key, value) in keys {
        let values = match value.get_ref() {
            DeValue::String(text) => sweep::values(text),
            DeValue::Array(list) => list.iter().map(|item| scalar(doc, item)).collect(),
            _ => {
                top.wrong_type(key.get_ref(), value, sweep::FORM);
                continue;
            }
        };
        axes.push(axis(key.get_ref(), values).unwrap_or_else(|found| {
            doc.note(Diagnostic::new(doc.place(value.span().start), found).accepted(sweep::FORM));
            // Its placeholders are not unknown as well.
            Axis { key: key.get_ref().to_string(), values: vec![String::new()] }
        }));
    }
    Some((Sweep { axes }, doc.place(value.span().start)))
}

/// A parameter of a sweep, if its name and its values are good.
///
/// # Errors
/// What is wrong with them.
pub fn axis(key: &str, values: Result<Vec<String>, String>) -> Result<Axis, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if key.is_empty() || !key.chars().all(good) {
        return Err(format!("sweep key {key:?} has characters other than letters, digits, _ and -"));
    }
    let values = values.map_err(|fault| format!("sweep {key:?} has {fault}"))?;
    if values.is_empty() {
        return Err(format!("sweep {key:?} has no values"));
    }
    if let Some(bad) = values.iter().find(|value| value.chars().any(char::is_control)) {
        return Err(format!("sweep {key:?} has a control character in {bad:?}"));
    }
    Ok(Axis { key: key.to_owned(), values })
}

/// A value of a list as it is written: `0.10` stays `0.10`.
fn scalar(doc: &Document<'_>, item: &toml::Spanned<DeValue<'_>>) -> Result<String, String> {
    match item.get_ref() {
        DeValue::String(text) => Ok(text.clone().into_owned()),
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) => {
            Ok(doc.text.get(item.span()).unwrap_or_default().to_owned())
        }
        other => {
            let written = doc.text.get(item.span()).unwrap_or_default();
            Err(format!("the value {written} ({})", other.type_str()))
        }
    }
}

fn pattern(doc: &Document<'_>, text: &Text<'_>) -> Option<Located<Pattern>> {
    match Pattern::parse(text.text) {
        Ok(value) => Some(Located { value, place: text.place.clone() }),
        Err(error) => {
            doc.note(Diagnostic::new(text.place.clone(), error.to_string()));
            None
        }
    }
}
