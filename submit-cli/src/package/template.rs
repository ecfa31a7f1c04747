//! Templates: embedded ones, each of which can be replaced by a file of the same name in a folder of the submitter's.
//!
//! templates/README.md lists them with their variables. A variable that does not exist is an error, not an empty text.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use boinc::spelling::listed_near;
use quick_xml::escape::escape;
use serde::Serialize;
use tera::{Context, ErrorKind, Tera};

/// The embedded templates, by the path below `templates/`.
const EMBEDDED: [(&str, &str); 10] = [
    (INPUT, include_str!("../../../templates/batch/workunit_in.xml.tera")),
    (OUTPUT, include_str!("../../../templates/batch/workunit_out.xml.tera")),
    (VERSION, include_str!("../../../templates/admin/version.xml.tera")),
    (POLICY, include_str!("../../../templates/admin/policy.toml.tera")),
    (PLAN_CLASS, include_str!("../../../templates/admin/plan_class.xml.tera")),
    (BUDA_APP, include_str!("../../../templates/app/buda/app.toml.tera")),
    (BUDA_DOCKERFILE, include_str!("../../../templates/app/buda/Dockerfile.tera")),
    ("app/shell/app.toml.tera", include_str!("../../../templates/app/shell/app.toml.tera")),
    ("app/python/app.toml.tera", include_str!("../../../templates/app/python/app.toml.tera")),
    (REPORT, include_str!("../../../templates/report/page.html.tera")),
];

/// The input template of a batch.
pub const INPUT: &str = "batch/workunit_in.xml.tera";
/// The output template of a batch.
pub const OUTPUT: &str = "batch/workunit_out.xml.tera";

/// An app version's version.xml; rendered by [`crate::admin::app_version`].
pub const VERSION: &str = "admin/version.xml.tera";
/// The strictest policy.toml; rendered by [`crate::admin::app_version`].
pub const POLICY: &str = "admin/policy.toml.tera";
/// An entry of plan_class_spec.xml; rendered by [`crate::admin::plan_class`].
pub const PLAN_CLASS: &str = "admin/plan_class.xml.tera";
/// The app.toml of an imported BUDA batch; rendered by `create::buda`.
pub const BUDA_APP: &str = "app/buda/app.toml.tera";
/// A Dockerfile for a BUDA batch without an app; rendered by `create::buda`.
pub const BUDA_DOCKERFILE: &str = "app/buda/Dockerfile.tera";

/// The report of a campaign; rendered with [`crate::report::page::Page`].
pub const REPORT: &str = "report/page.html.tera";

/// A set of templates.
#[derive(Debug, Clone, Default)]
pub struct Templates {
    /// Its files take precedence over the embedded ones.
    pub folder: Option<PathBuf>,
}

/// A template that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The folder's file cannot be read.
    #[error("failed to read template {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not a template, or cannot be rendered.
    #[error("invalid template {}: {why}", location(file, *line))]
    Invalid {
        /// The file.
        file: PathBuf,
        /// The line, where it is known.
        line: Option<usize>,
        /// Why.
        why: String,
    },
    /// It uses a variable that does not exist.
    #[error("invalid template {}: unknown variable {variable:?}; accepted: {accepted}", location(file, *line))]
    Variable {
        /// The file.
        file: PathBuf,
        /// The line, where it is known.
        line: Option<usize>,
        /// The variable.
        variable: String,
        /// The variables that exist at the top.
        accepted: String,
    },
}

fn location(file: &Path, line: Option<usize>) -> String {
    match line {
        Some(line) => format!("{}:{line}", file.display()),
        None => file.display().to_string(),
    }
}

impl Templates {
    /// Renders the template `name` with the fields of `values`.
    ///
    /// # Errors
    /// The template cannot be read, is invalid, or uses an unknown variable.
    pub fn render(&self, name: &str, values: &impl Serialize) -> Result<String, TemplateError> {
        let (file, text) = self.text(name)?;
        let mut tera = Tera::default();
        // The five entities of XML are also valid in HTML.
        tera.autoescape_on(vec![".xml.tera", ".html.tera"]);
        // The five named entities only: BOINC's parsers know neither `&#x27;` nor `&#x2F;`, which tera's own function writes
        // (lib/parse.cpp, xml_unescape).
        tera.set_escape_fn(|text, out| out.write_all(escape(text).as_bytes()));
        tera.add_raw_template(name, &text).map_err(|error| invalid(&file, &error))?;
        let context = Context::from_serialize(values).map_err(|error| invalid(&file, &error))?;
        tera.render(name, &context).map_err(|error| {
            match unknown_variable(&tera, name, &text, &context, &error) {
                Some(variable) => {
                    let line = report(&error).map(|report| report.span().start_line);
                    let accepted = match serde_json::to_value(values) {
                        Ok(serde_json::Value::Object(map)) => {
                            listed_near(&variable, &map.keys().map(String::as_str).collect::<Vec<_>>())
                        }
                        _ => String::new(),
                    };
                    TemplateError::Variable { line, accepted, variable, file: file.clone() }
                }
                None => invalid(&file, &error),
            }
        })
    }

    fn text(&self, name: &str) -> Result<(PathBuf, Cow<'static, str>), TemplateError> {
        if let Some(folder) = &self.folder {
            let file = folder.join(name);
            match std::fs::read_to_string(&file) {
                Ok(text) => return Ok((file, text.into())),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(source) => return Err(TemplateError::Read { file, source }),
            }
        }
        let (_, text) =
            EMBEDDED.iter().find(|(known, _)| *known == name).expect("callers name embedded templates");
        Ok((Path::new("templates").join(name), (*text).into()))
    }
}

/// Where an error is, and what it is in one line; its text is a drawing of several.
fn report(error: &tera::Error) -> Option<&tera::ReportError> {
    match error.kind() {
        ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => Some(report),
        _ => None,
    }
}

fn invalid(file: &Path, error: &tera::Error) -> TemplateError {
    let report = report(error);
    TemplateError::Invalid {
        file: file.to_path_buf(),
        line: report.map(|report| report.span().start_line),
        why: report
            .map_or_else(|| error.to_string(), |report| report.message().trim_end_matches('.').to_owned()),
    }
}

/// The variable at the place of an error, if nothing gives it a value.
fn unknown_variable(
    tera: &Tera,
    name: &str,
    text: &str,
    context: &Context,
    error: &tera::Error,
) -> Option<String> {
    let place = text.get(report(error)?.span().range.clone())?;
    let used = tera.get_template_variables(name).ok()?;
    used.into_iter()
        .filter(|variable| !context.contains_key(variable) && place.contains(variable))
        .max_by_key(|variable| variable.len())
        .map(str::to_owned)
}
