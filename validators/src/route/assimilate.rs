//! `[app.….assimilate]`: where canonical outputs go, and who else is told.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::bounds::shortened;
use crate::pattern::Budget;
use crate::spec::{AssimilateKind, AssimilateSpec};
use crate::subject::Subject;
use crate::values::ValueSpec;

/// So many values a workunit can have.
const MOST_VALUES: usize = 100;

/// Where canonical outputs go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AssimilateRoute {
    /// Kind of assimilation.
    pub rule: AssimilateKind,
    /// How collected files are laid out.
    pub layout: Layout,
    /// Another layout, such as `{app}/{batch}/{job}/{output}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Top directory of collected files; if relative, then to `PROJECT/tmp_HOST`.
    pub directory: PathBuf,
    /// A table of results.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<TableSpec>,
    /// Somebody who is told over HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook: Option<HookSpec>,
    /// Values that are taken from the outputs, for table and hook.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub value: Vec<ValueSpec>,
}

/// How collected files are laid out below the top directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// `BATCH/WORKUNIT__file_OUTPUT`, and `BATCH/WORKUNIT_error`, by the name of the batch.
    #[default]
    Batch,
    /// The same by the batch's number in the database: what BOINC's web pages serve (`html/inc/submit_util.inc`,
    /// `batch_collect_outfile_path`).
    BatchId,
    /// `JOB/OUTPUT`, and `WORKUNIT_error`.
    Job,
}

/// `[….assimilate.table]`: an SQLite file with a row for each workunit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableSpec {
    /// The file; if relative, then to `PROJECT/tmp_HOST`.
    pub file: PathBuf,
    /// The table in it.
    #[serde(default = "default_table")]
    pub name: String,
}

/// `[….assimilate.hook]`: an address that gets a signed POST for each workunit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookSpec {
    /// The address: `https://…`, or `http://…`.
    pub url: String,
    /// File with the secret that signs; if relative, then to `PROJECT/tmp_HOST`. White space around it does not count.
    pub secret_file: PathBuf,
    /// Given up after this.
    #[serde(default = "default_hook_timeout")]
    pub timeout_seconds: u32,
}

fn default_table() -> String {
    "results".to_owned()
}

fn default_hook_timeout() -> u32 {
    30
}

impl Default for AssimilateRoute {
    fn default() -> Self {
        Self {
            rule: AssimilateKind::Collect,
            layout: Layout::Batch,
            path: None,
            directory: PathBuf::from("../results"),
            table: None,
            hook: None,
            value: Vec::new(),
        }
    }
}

impl From<&AssimilateSpec> for AssimilateRoute {
    fn from(spec: &AssimilateSpec) -> Self {
        Self { rule: spec.rule, value: spec.value.clone(), ..Self::default() }
    }
}

impl AssimilateRoute {
    /// Whether files are placed by the batch's number in the database.
    pub fn needs_batch_id(&self) -> bool {
        match &self.path {
            Some(path) => PathTemplate::parse(path).is_ok_and(|template| template.has("batch_id")),
            None => self.layout == Layout::BatchId,
        }
    }

    /// What is wrong with it, in words.
    pub fn errors(&self) -> Vec<String> {
        let mut errors = Vec::new();
        if let Some(path) = &self.path
            && let Err(error) = PathTemplate::parse(path)
        {
            errors.push(format!("assimilate.path: {error}"));
        }
        if let Some(table) = &self.table {
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            let is_name = table.name.bytes().all(plain)
                && table.name.starts_with(|c: char| c.is_ascii_lowercase())
                && table.name.len() <= 40
                && table.name != "sqlite"
                && !table.name.starts_with("sqlite_");
            if !is_name {
                errors.push(format!(
                    "assimilate.table.name: {:?}: lower-case letters, digits and \"_\" are accepted, first a letter",
                    table.name
                ));
            }
        }
        if let Some(hook) = &self.hook
            && !hook.url.starts_with("http://")
            && !hook.url.starts_with("https://")
        {
            errors
                .push(format!("assimilate.hook.url: {:?} does not start with https:// or http://", hook.url));
        }
        if self.value.len() > MOST_VALUES {
            errors.push(format!(
                "assimilate.value: {} entries, at most {MOST_VALUES} are accepted",
                self.value.len()
            ));
        }
        let mut patterns = Budget::new();
        let mut seen = HashSet::new();
        for value in self.value.iter().take(MOST_VALUES) {
            errors.extend(value.errors(&mut patterns));
            if !seen.insert(&value.name) {
                errors.push(format!("assimilate.value {:?} is listed twice", shortened(&value.name)));
            }
        }
        errors
    }
}

/// A path with places for what is known of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTemplate {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// One of [`PLACEHOLDERS`].
    Placeholder(&'static str),
}

/// What is known of an output.
const PLACEHOLDERS: [&str; 8] = ["app", "hash", "batch", "batch_id", "job", "workunit", "output", "number"];

/// What a path is made of, beside what the workunit's name says.
#[derive(Clone, Copy, Debug)]
pub struct NamedFile<'a> {
    /// Name of the batch; its number, where names do not say it.
    pub batch: &'a str,
    /// Its number in the database, 0 for none.
    pub batch_id: &'a str,
    /// Logical name of the output, or of what a script made.
    pub output: &'a str,
    /// Its number.
    pub number: usize,
}

impl PathTemplate {
    /// Reads a template; the error is what is wrong, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) =
                after.split_once('}').ok_or_else(|| format!("{text:?}: a \"}}\" is missing"))?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let known = PLACEHOLDERS.into_iter().find(|known| *known == name).ok_or_else(|| {
                format!("unknown placeholder {{{name}}}; accepted: {}", PLACEHOLDERS.join(", "))
            })?;
            parts.push(Part::Placeholder(known));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        let template = Self { parts };
        if !template.has("output") && !template.has("number") {
            return Err(format!(
                "{text:?}: outputs would replace each other: {{output}} or {{number}} is needed"
            ));
        }
        if !template.has("workunit") && !template.has("job") {
            return Err(format!(
                "{text:?}: jobs would replace each other: {{job}} or {{workunit}} is needed"
            ));
        }
        Ok(template)
    }

    fn has(&self, placeholder: &'static str) -> bool {
        self.parts.contains(&Part::Placeholder(placeholder))
    }

    /// The path of an output below the top directory; `None` if it would lead out of it.
    pub fn render(&self, subject: &Subject, file: &NamedFile) -> Option<PathBuf> {
        let known = |value: &Option<String>| value.clone().unwrap_or_else(|| "unknown".to_owned());
        let value = |placeholder| match placeholder {
            "app" => known(&subject.app),
            "hash" => known(&subject.hash),
            "batch" => file.batch.to_owned(),
            "batch_id" => file.batch_id.to_owned(),
            "job" => subject.job.as_ref().unwrap_or(&subject.workunit).clone(),
            "output" => file.output.to_owned(),
            "number" => file.number.to_string(),
            _ => subject.workunit.clone(),
        };
        let text = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Placeholder(placeholder) => value(*placeholder),
        };
        let text: String = self.parts.iter().map(text).collect();
        let is_inside = text.split('/').all(|part| !matches!(part, "" | "." | "..")) && !text.contains('\0');
        is_inside.then(|| Path::new(&text).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_places_outputs_by_what_is_known_of_them() {
        let template = PathTemplate::parse("{app}/{batch}/{job}.{number}-{output}").unwrap();
        let subject = Subject::new("vina-0123456789ab__b1__lig_7", &[]);
        let file = NamedFile { batch: "b1", batch_id: "41", output: "poses.pdbqt", number: 2 };
        let path = template.render(&subject, &file).unwrap();
        assert_eq!(path, Path::new("vina/b1/lig_7.2-poses.pdbqt"));
        let foreign = Subject::new("q3_0", &[]);
        let by_number = PathTemplate::parse("{app}/{batch_id}/{job}.{number}-{output}").unwrap();
        let path = by_number.render(&foreign, &NamedFile { output: "x", number: 0, ..file }).unwrap();
        assert_eq!(path, Path::new("unknown/41/q3_0.0-x"));
    }

    #[test]
    fn no_name_leads_out_of_the_directory() {
        let template = PathTemplate::parse("{workunit}/{output}").unwrap();
        for (workunit, output) in [("..", "x"), ("a", ".."), ("a", "../x"), ("/etc", "x"), ("", "x")] {
            let file = NamedFile { batch: "b", batch_id: "0", output, number: 0 };
            assert_eq!(template.render(&Subject::new(workunit, &[]), &file), None, "{workunit} {output}");
        }
    }

    #[test]
    fn templates_that_lose_files_are_refused() {
        for (text, expected) in [
            ("{job}", "outputs would replace each other"),
            ("{output}", "jobs would replace each other"),
            ("{jib}/{output}", "unknown placeholder {jib}"),
            ("{job", "is missing"),
        ] {
            assert!(PathTemplate::parse(text).unwrap_err().contains(expected), "{text}");
        }
    }
}
