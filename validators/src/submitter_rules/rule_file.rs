//! A bundle's rule file, and how it is read: a submitter wrote it, and each call of a shim pays for it.

use boinc::spelling::shortened_to;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::bounds::{self, MOST_OUTPUTS, MOST_SCRIPT_FILES, MOST_WORDS};
use crate::route::RouteOutput;
use crate::script::container::ScriptFile;
use crate::script::extra_outputs;
use crate::spec::{AssimilateSpec, ValidateSpec};

/// A rule file may not be larger than this, scripts included.
pub const MAX_BYTES: u64 = 4 << 20;

/// What a rule file says of outputs, rules and values may not take more than this.
pub const MAX_RULES_BYTES: usize = 256 << 10;

/// Version of the rule file's form.
const VERSION: u32 = 1;

/// What a bundle brings for its own judgement.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleFile {
    version: u32,
    /// The science app's name.
    pub app: String,
    /// The bundle's other files: `SHA256 MODE NAME`, one each.
    pub files: Vec<String>,
    /// The outputs, in the order of the output template.
    pub outputs: Vec<RouteOutput>,
    /// `[validate]`.
    pub validate: ValidateSpec,
    /// `[assimilate]`.
    pub assimilate: AssimilateSpec,
    /// `[script]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<BundleScript>,
}

/// A rule file whose parts are not read yet: first it is known how long they are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts<'a> {
    version: u32,
    app: String,
    /// Known by the file's hash: whoever runs the jobs looks at them.
    #[serde(rename = "files")]
    _files: IgnoredAny,
    #[serde(borrow)]
    outputs: &'a RawValue,
    #[serde(borrow)]
    validate: &'a RawValue,
    #[serde(borrow)]
    assimilate: &'a RawValue,
    #[serde(borrow)]
    script: Option<&'a RawValue>,
}

/// Scripts that a submitter brings; they run in a container of the project's choice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleScript {
    /// As in [`ScriptSpec::init`].
    #[serde(default, deserialize_with = "words", skip_serializing_if = "Vec::is_empty")]
    pub init: Vec<String>,
    /// As in [`ScriptSpec::compare`].
    #[serde(default, deserialize_with = "words", skip_serializing_if = "Vec::is_empty")]
    pub compare: Vec<String>,
    /// As in [`ScriptSpec::assimilate`].
    #[serde(default, deserialize_with = "words", skip_serializing_if = "Vec::is_empty")]
    pub assimilate: Vec<String>,
    /// As in [`ScriptSpec::extra_outputs`].
    #[serde(default, deserialize_with = "extra_outputs", skip_serializing_if = "Vec::is_empty")]
    pub extra_outputs: Vec<String>,
    /// As in [`ScriptSpec::legacy`].
    #[serde(default)]
    pub legacy: bool,
    /// The image, one of those that the project has; without it the first of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Files in the working directory.
    #[serde(default, deserialize_with = "files", skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ScriptFile>,
}

fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    bounds::list(deserializer, "words of a script's command", MOST_WORDS)
}

fn extra_outputs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    bounds::list(deserializer, "script.extra_outputs", extra_outputs::MOST)
}

fn files<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ScriptFile>, D::Error> {
    bounds::list(deserializer, "script.files", MOST_SCRIPT_FILES)
}

impl RuleFile {
    /// What a bundle brings.
    pub fn new(
        app: &str,
        files: Vec<String>,
        outputs: Vec<RouteOutput>,
        validate: ValidateSpec,
        assimilate: AssimilateSpec,
        script: Option<BundleScript>,
    ) -> Self {
        Self { version: VERSION, app: app.to_owned(), files, outputs, validate, assimilate, script }
    }

    /// The file's bytes; their sha-256 is the bundle's hash.
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers become JSON")
    }

    /// Reads a rule file. What it costs is bounded by its size: each list has a limit, and so have outputs, rules and
    /// values together. What is in `files` is left out.
    ///
    /// # Errors
    /// It is not of this form, or larger than what a server accepts; in words.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let parts: Parts = serde_json::from_slice(bytes).map_err(|error| reason(&error))?;
        if parts.version != VERSION {
            return Err(format!("unsupported version {}, expected {VERSION}", parts.version));
        }
        let length = [parts.outputs, parts.validate, parts.assimilate]
            .map(|part| part.get().len())
            .iter()
            .sum::<usize>();
        if length > MAX_RULES_BYTES {
            return Err(format!(
                "outputs, validate and assimilate have {length} bytes, at most {MAX_RULES_BYTES} are accepted"
            ));
        }
        let mut outputs = serde_json::Deserializer::from_str(parts.outputs.get());
        Ok(Self {
            version: parts.version,
            app: parts.app,
            files: Vec::new(),
            outputs: bounds::list(&mut outputs, "outputs", MOST_OUTPUTS).map_err(|error| reason(&error))?,
            validate: part("validate", parts.validate)?,
            assimilate: part("assimilate", parts.assimilate)?,
            script: parts.script.map(|script| part("script", script)).transpose()?,
        })
    }
}

fn part<T: DeserializeOwned>(key: &str, part: &RawValue) -> Result<T, String> {
    serde_json::from_str(part.get()).map_err(|error| format!("{key}: {}", reason(&error)))
}

/// The parser quotes what it finds, which may be long.
fn reason(error: &serde_json::Error) -> String {
    shortened_to(&error.to_string(), 300).into_owned()
}

#[cfg(test)]
mod tests;
