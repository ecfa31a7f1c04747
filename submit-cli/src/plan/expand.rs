//! From a science app and a batch to jobs: rows × sweep, names, arguments, files.

mod used;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use self::used::Used;
use crate::plan::Origin;
use crate::plan::app::AppSpec;
use crate::plan::batch::BatchSpec;
use crate::plan::command::Command;
use crate::plan::jobs::sweep::{JOBS_MAX, Point};
use crate::plan::jobs::{Naming, Row, Rows};
use crate::plan::names;
use crate::plan::placeholder::{Pattern, Values};
use boinc::diagnostic::{Diagnostic, Diagnostics, Located, Location};

/// What the source of a job gives for it; the bundle's hash and the form of the arguments are not known yet.
pub struct Draft {
    pub name: String,
    /// What the name was made of, if it does not hold all of that.
    pub renamed: Option<String>,
    pub args: Vec<String>,
    /// The values of its parameters.
    pub parameters: Vec<String>,
    /// The files of the app's per-job inputs, one for one.
    pub inputs: Vec<PathBuf>,
    pub origin: Origin,
}

/// How the jobs of a batch are made of its rows.
struct Recipe<'a> {
    rows: &'a Rows,
    command: &'a Command,
    inputs: Vec<Pattern>,
    /// Of those, what the batch says.
    named_inputs: Vec<&'a Pattern>,
    name: Name,
    /// Whether all placeholders have a value.
    is_complete: bool,
}

enum Name {
    /// As the submitter wrote it.
    Given(Pattern),
    /// From a column's value, or its last path component without its extension, and the sweep's values.
    Of(Pattern),
    /// The row's number, and the sweep's values.
    Numbered(usize),
    Sweep,
}

/// Which files were read without a mistake: what follows from one with mistakes is not reported as another.
#[derive(Debug, Clone, Copy)]
pub struct Trust {
    /// `app.toml`.
    pub app: bool,
    /// The batch's file, but for its sweep.
    pub batch: bool,
}

/// Mistakes, by the files that must be read whole to be sure of them.
#[derive(Default)]
struct Findings {
    of_app: Diagnostics,
    of_batch: Diagnostics,
    of_both: Diagnostics,
}

impl Findings {
    fn is_empty(&self) -> bool {
        self.of_app.is_empty() && self.of_batch.is_empty() && self.of_both.is_empty()
    }

    fn hand_over(self, trust: Trust, mistakes: &mut Diagnostics) {
        for (list, is_sure) in
            [(self.of_app, trust.app), (self.of_batch, trust.batch), (self.of_both, trust.app && trust.batch)]
        {
            if is_sure {
                mistakes.append(list);
            }
        }
    }
}

/// Makes the jobs. Mistakes are noted; then the jobs may be incomplete.
pub fn expand(
    app: &AppSpec,
    batch: &BatchSpec,
    rows: &Rows,
    trust: Trust,
    mistakes: &mut Diagnostics,
) -> Vec<Draft> {
    let command = batch.command.as_ref().unwrap_or(&app.command);
    let Some(recipe) = recipe(app, batch, rows, command, trust, mistakes) else { return Vec::new() };
    let count = batch.sweep.count().and_then(|count| count.checked_mul(rows.rows.len()));
    if count.is_none_or(|count| count > JOBS_MAX) {
        let place = batch.sweep_place.clone().unwrap_or_else(Location::command_line);
        let found = format!("{} rows and the sweep make more than {JOBS_MAX} jobs", rows.rows.len());
        mistakes.push(Diagnostic::new(place, found).help("split it into several batches"));
        return Vec::new();
    }
    let mut drafts = Vec::with_capacity(count.unwrap_or(0));
    for row in &rows.rows {
        for point in batch.sweep.points() {
            drafts.push(recipe.job(row, point, drafts.len() + 1));
        }
    }
    if recipe.is_complete {
        check_names(&drafts, mistakes);
    }
    drafts
}

/// Whether a column of a source is a parameter of its jobs; one that names them is not.
fn is_parameter(column: &str) -> bool {
    column != "job"
}

/// The names of the jobs' parameters: the columns of their source, what the batch sweeps, then the inputs whose files the batch
/// names.
pub fn parameters(batch: &BatchSpec, rows: &Rows) -> Vec<String> {
    let columns = rows.columns.iter().filter(|column| is_parameter(column));
    let columns = columns.chain(batch.sweep.axes.iter().map(|axis| &axis.key));
    columns.chain(named_inputs(batch, rows).map(|(name, _)| name)).cloned().collect()
}

/// The per-job inputs whose files the batch names, without those that are called as a column is: that tells the file already.
fn named_inputs<'a>(batch: &'a BatchSpec, rows: &'a Rows) -> impl Iterator<Item = (&'a String, &'a Pattern)> {
    let is_told =
        |name: &String| rows.columns.contains(name) || batch.sweep.axes.iter().any(|axis| axis.key == *name);
    let named = batch.inputs.iter().filter(move |(name, _)| !is_told(&name.value));
    named.map(|(name, pattern)| (&name.value, &pattern.value))
}

impl Recipe<'_> {
    fn parameters(&self, values: &JobValues<'_>) -> Vec<String> {
        let columns = self.rows.columns.iter().zip(&values.row.values);
        let told = columns.filter(|(column, _)| is_parameter(column)).map(|(_, value)| value.as_str());
        let told = told.chain(values.point.pairs().map(|(_, value)| value)).map(str::to_owned);
        told.chain(self.named_inputs.iter().map(|pattern| pattern.fill(values))).collect()
    }

    fn job(&self, row: &Row, point: Point<'_>, index: usize) -> Draft {
        let index = index.to_string();
        let mut values = JobValues { columns: &self.rows.columns, row, point, index: &index, job: "" };
        let (name, renamed) = self.name.of(&values);
        values.job = &name;
        let inputs = self.inputs.iter().map(|path| self.rows.base.join(path.fill(&values))).collect();
        let mut args = self.command.fill(&values);
        args.extend(row.more_args.iter().cloned());
        let parameters = self.parameters(&values);
        Draft { args, parameters, inputs, origin: row.origin.clone(), name, renamed }
    }
}

impl Name {
    /// The name, and the text that it was made of if characters of that are missing.
    fn of(&self, values: &JobValues<'_>) -> (String, Option<String>) {
        let mut parts = Vec::new();
        match self {
            Self::Given(pattern) => return (pattern.fill(values), None),
            Self::Numbered(width) => return (format!("{:0>width$}", values.index), None),
            Self::Of(pattern) => parts.push(pattern.fill(values)),
            Self::Sweep => {}
        }
        parts.extend(values.point.pairs().map(|(key, value)| format!("{key}-{value}")));
        let names: Vec<String> = parts.iter().map(|part| names::to_job_name(part)).collect();
        let name =
            names.iter().filter(|name| !name.is_empty()).map(String::as_str).collect::<Vec<_>>().join("_");
        let renamed = (names != parts).then(|| parts.join("_"));
        (if name.is_empty() { "job".to_owned() } else { name }, renamed)
    }
}

/// A job's values: its row, its point of the sweep, then `index` (from 1) and `job`.
struct JobValues<'a> {
    columns: &'a [String],
    row: &'a Row,
    point: Point<'a>,
    index: &'a str,
    job: &'a str,
}

impl Values for JobValues<'_> {
    fn get(&self, column: &str) -> Option<&str> {
        if let Some(at) = self.columns.iter().position(|name| name == column) {
            return Some(&self.row.values[at]);
        }
        self.point.get(column).or(match column {
            "index" => Some(self.index),
            "job" => Some(self.job),
            _ => None,
        })
    }
}

/// Determines, once for all rows, where everything comes from; every placeholder then has a value and every column a use.
fn recipe<'a>(
    app: &AppSpec,
    batch: &'a BatchSpec,
    rows: &'a Rows,
    command: &'a Located<Command>,
    trust: Trust,
    mistakes: &mut Diagnostics,
) -> Option<Recipe<'a>> {
    let before = mistakes.len();
    let mut used = Used::new(rows, &batch.sweep);
    for (at, axis) in batch.sweep.axes.iter().enumerate() {
        let twice = batch.sweep.axes[..at].iter().any(|other| other.key == axis.key);
        if twice || rows.columns.contains(&axis.key) {
            let place = batch.sweep_place.clone().unwrap_or_else(Location::command_line);
            mistakes.push(Diagnostic::new(
                place,
                format!("sweep {:?} is also the name of another column", axis.key),
            ));
        }
    }
    let mut findings = Findings::default();
    used.all(command.value.columns(), &command.place, "the command", true, &mut findings.of_batch);
    let inputs = inputs(app, batch, rows, &mut used, &mut findings);
    let name = match &batch.job_name {
        Some(name) => {
            used.all(name.value.columns(), &name.place, "the jobs' name", false, &mut findings.of_batch);
            Name::Given(name.value.clone())
        }
        None => default_name(rows, batch, &inputs, &mut used),
    };
    used.unused(batch, &mut findings.of_both);
    let is_complete = mistakes.len() == before && findings.is_empty();
    findings.hand_over(trust, mistakes);
    // Where only the command or the name lacks a column, files can be looked for all the same.
    let is_known = |column: &str| {
        column == "index"
            || rows.columns.iter().any(|other| other == column)
            || batch.sweep.axes.iter().any(|axis| axis.key == column)
    };
    let has_inputs =
        inputs.len() == app.job_inputs().count() && inputs.iter().flat_map(Pattern::columns).all(is_known);
    let named_inputs = named_inputs(batch, rows).map(|(_, pattern)| pattern).collect();
    has_inputs.then_some(Recipe { rows, command: &command.value, inputs, named_inputs, name, is_complete })
}

fn default_name(rows: &Rows, batch: &BatchSpec, inputs: &[Pattern], used: &mut Used<'_>) -> Name {
    match rows.naming {
        Naming::Sweep => Name::Sweep,
        Naming::Column(at) => Name::Of(Pattern::column_stem(&rows.columns[at])),
        Naming::Table => {
            if rows.columns.iter().any(|column| column == "job") {
                used.note("job");
                return Name::Given(Pattern::column("job"));
            }
            match inputs {
                [only] if only.columns().next().is_some() => Name::Of(only.clone().stem()),
                _ => Name::Numbered((rows.rows.len() * batch.sweep.count().unwrap_or(1)).to_string().len()),
            }
        }
    }
}

/// Where each per-job input's file comes from: from the batch, else from the column of its name (or of its name without
/// the extension), else from the files themselves if it is the only one.
fn inputs(
    app: &AppSpec,
    batch: &BatchSpec,
    rows: &Rows,
    used: &mut Used<'_>,
    findings: &mut Findings,
) -> Vec<Pattern> {
    let names: Vec<&str> = app.job_inputs().map(|input| input.name.as_str()).collect();
    for (name, _) in &batch.inputs {
        if !names.contains(&name.value.as_str()) {
            let found = format!("the app does not declare a per-job input {:?}", name.value);
            findings
                .of_app
                .push(Diagnostic::new(name.place.clone(), found).accepted_words(&name.value, &names));
        }
    }
    let mut patterns = Vec::with_capacity(names.len());
    for input in app.job_inputs() {
        if let Some((_, pattern)) = batch.inputs.iter().find(|(name, _)| name.value == input.name) {
            let what = format!("the file of input {:?}", input.name);
            used.all(pattern.value.columns(), &pattern.place, &what, false, &mut findings.of_batch);
            patterns.push(pattern.value.clone());
            continue;
        }
        let stem = Path::new(&input.name).file_stem().and_then(|stem| stem.to_str()).unwrap_or(&input.name);
        let column = [input.name.as_str(), stem]
            .into_iter()
            .find(|name| rows.columns.iter().any(|column| column == name))
            .or((rows.columns == ["file"] && names.len() == 1).then_some("file"));
        match column {
            Some(column) => {
                used.note(column);
                patterns.push(Pattern::column(column));
            }
            None => findings.of_both.push(no_file(app, &input.name, stem, &input.place, rows)),
        }
    }
    // Files that are not an input create jobs only by their names, which a command can use.
    if names.is_empty() && rows.columns == ["file"] {
        let place = rows.rows.first().map_or_else(Location::command_line, |row| row.origin.place());
        let found = "files are named, but the app does not declare a per-job input for them";
        findings.of_app.push(
            Diagnostic::new(place, found)
                .help(format!("add [[input]] with a name to {}", app.file.display())),
        );
    }
    patterns
}

fn no_file(app: &AppSpec, name: &str, stem: &str, place: &Location, rows: &Rows) -> Diagnostic {
    let found = format!("no file for the per-job input {name:?}");
    let help = match rows.naming {
        Naming::Sweep => format!("name the jobs' files: buoy check {} FILE…", app.file.display()),
        Naming::Table if stem != name => format!(
            "add a column {stem:?} or {name:?} with a path in each row, or [jobs.inputs] {name:?} = \"…\" to batch.toml"
        ),
        Naming::Table => format!(
            "add a column {name:?} with a path in each row, or [jobs.inputs] {name:?} = \"…\" to batch.toml"
        ),
        Naming::Column(_) => {
            format!("add [jobs.inputs] {name:?} = \"{{file:dir}}/{{file:stem}}.EXT\" to batch.toml")
        }
    };
    Diagnostic::new(place.clone(), found).help(help)
}

/// Names are valid and unique; BOINC's database does not distinguish upper and lower case.
fn check_names(drafts: &[Draft], mistakes: &mut Diagnostics) {
    let mut first: HashMap<String, &Draft> = HashMap::with_capacity(drafts.len());
    for draft in drafts {
        if let Err(error) = boinc::names::workunit::check_job(&draft.name) {
            mistakes.push(Diagnostic::new(draft.origin.place(), error.to_string()));
        }
        match first.entry(draft.name.to_ascii_lowercase()) {
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(draft);
            }
            std::collections::hash_map::Entry::Occupied(entry) => {
                let other = entry.get();
                let found = format!(
                    "a second job is named {:?}, the first one is {}",
                    draft.name,
                    other.origin.place()
                );
                mistakes.push(Diagnostic::new(draft.origin.place(), found).help(
                    "set names that differ in more than case, with name = \"…\" in [jobs] or a column job",
                ));
            }
        }
    }
}
