//! Templates: embedded ones, each of which can be replaced by a file of the same name in a folder of the submitter's.
//!
//! templates/README.md lists them with their variables. A variable that does not exist is an error, not an empty text.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use boinc::spelling::listed_near;
use quick_xml::escape::escape;
use serde::Serialize;
use tera::{Context, Tera};

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
    /// It is not a template.
    #[error("invalid template {}", location(file, *line))]
    Syntax {
        /// The file.
        file: PathBuf,
        /// The line, where it is known.
        line: Option<usize>,
        /// Why.
        source: tera::Error,
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
    /// Rendering failed.
    #[error("failed to render template {}", file.display())]
    Render {
        /// The file.
        file: PathBuf,
        /// Why.
        source: tera::Error,
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
        tera.set_escape_fn(|text| escape(text).into_owned());
        tera.add_raw_template(name, &text).map_err(|source| TemplateError::Syntax {
            file: file.clone(),
            line: syntax_line(&source),
            source,
        })?;
        let failed = |source: tera::Error| failure(&file, &text, source, values);
        let context = Context::from_serialize(values).map_err(failed)?;
        tera.render(name, &context).map_err(failed)
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

/// tera reports where a text is not a template as ` --> LINE:COLUMN`.
fn syntax_line(error: &tera::Error) -> Option<usize> {
    let text = causes(error).find(|cause| cause.contains("-->"))?;
    text.split_once("-->")?.1.trim_start().split(':').next()?.parse().ok()
}

/// tera names a missing variable between backquotes, without its line: the first line that has it.
fn failure(file: &Path, text: &str, source: tera::Error, values: &impl Serialize) -> TemplateError {
    let file = file.to_path_buf();
    let variable = causes(&source)
        .filter(|cause| cause.contains("not found in context"))
        .find_map(|cause| Some(cause.split('`').nth(1)?.to_owned()));
    let Some(variable) = variable else { return TemplateError::Render { file, source } };
    let line = text.lines().position(|line| line.contains(&variable)).map(|at| at + 1);
    let accepted = match serde_json::to_value(values) {
        Ok(serde_json::Value::Object(map)) => {
            listed_near(&variable, &map.keys().map(String::as_str).collect::<Vec<_>>())
        }
        _ => String::new(),
    };
    TemplateError::Variable { file, line, variable, accepted }
}

fn causes(error: &tera::Error) -> impl Iterator<Item = String> {
    let mut next: Option<&dyn std::error::Error> = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error.to_string())
    })
}
