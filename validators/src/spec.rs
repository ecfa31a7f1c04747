//! `[validate]` and `[assimilate]` as a submitter writes them in `app.toml`, and as a route carries them.

mod build;
mod error;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use boinc::spelling::listed_near;
use serde::{Deserialize, Serialize};

use crate::bounds::{MOST_OUTPUTS, shortened};
use crate::rule::{Column, OutputRule};
use crate::values::ValueSpec;
pub use error::SpecError;
use error::{Errors, Spot};

/// Defines a table that holds a rule's keys.
macro_rules! rule_table {
    ($(#[$about:meta])* pub struct $name:ident { $($own:tt)* } $($last:tt)*) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($own)*
            /// Absolute tolerance, ≥ 0; for rules that compare numbers.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub absolute: Option<f64>,
            /// Tolerance relative to the larger of the two numbers, ≥ 0; for rules that compare numbers.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub relative: Option<f64>,
            /// Floating-point steps that two numbers may be apart; for rules that compare numbers.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub ulps: Option<u32>,
            /// What stands before the fraction of a number, `"."` or `","`: `numbers`, `table`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub decimal: Option<String>,
            /// Regular expressions; a line in which one is found is left out: `text`, `numbers`, `table`.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            pub ignore_lines: Vec<String>,
            /// What separates cells, one ASCII character: `table`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub separator: Option<String>,
            /// Whether the first row names the columns: `table`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub header: Option<bool>,
            /// Columns that identify a row, whose order does not count then: `table`.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            pub keys: Vec<Column>,
            /// Places with a tolerance of their own: `numbers`, `table`, `json`.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            pub at: Vec<AtSpec>,
            /// What each result's output must be like by itself.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub check: Option<CheckSpec>,
            $($last)*
        }
    };
}

rule_table! {
    /// How results of a job are judged: one rule for all outputs, and others for single outputs.
    pub struct ValidateSpec {
        /// Kind of comparison for outputs without an entry of their own.
        #[serde(default)]
        pub rule: RuleKind,
    }
    /// Rules for single outputs. Such a rule stands alone: it takes nothing over from the general one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<OutputRuleSpec>,
}

rule_table! {
    /// The rule of one output.
    pub struct OutputRuleSpec {
        /// Logical name of the output, as in `[[output]]` of `app.toml`.
        pub name: String,
        /// Kind of comparison.
        pub rule: RuleKind,
    }
}

/// The general rule, as that of an output without a name.
impl From<&ValidateSpec> for OutputRuleSpec {
    fn from(spec: &ValidateSpec) -> Self {
        Self {
            name: String::new(),
            rule: spec.rule,
            absolute: spec.absolute,
            relative: spec.relative,
            ulps: spec.ulps,
            decimal: spec.decimal.clone(),
            ignore_lines: spec.ignore_lines.clone(),
            separator: spec.separator.clone(),
            header: spec.header,
            keys: spec.keys.clone(),
            at: spec.at.clone(),
            check: spec.check.clone(),
        }
    }
}

/// A place with a tolerance of its own, or one that is not compared. Exactly one of `column`, `key` and `path`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtSpec {
    /// A column: of a line by number (`numbers`), of a table by number or name (`table`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<Column>,
    /// The word that stands before the number (`numbers`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// A path (`json`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// As in [`ValidateSpec::absolute`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absolute: Option<f64>,
    /// As in [`ValidateSpec::relative`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative: Option<f64>,
    /// As in [`ValidateSpec::ulps`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ulps: Option<u32>,
    /// What is there is not compared.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignore: bool,
}

/// What each result's output must be like by itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckSpec {
    /// Smallest size, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_bytes: Option<u64>,
    /// Largest size, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// Regular expressions, each of which must be found in some line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub must_match: Vec<String>,
    /// Regular expressions, none of which may be found in any line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub must_not_match: Vec<String>,
    /// Numbers that must be there, between limits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<RangeSpec>,
}

/// Numbers that must be there, between limits. Exactly one of `column`, `key` and `path`; none with rule `array`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RangeSpec {
    /// As in [`AtSpec::column`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<Column>,
    /// As in [`AtSpec::key`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// As in [`AtSpec::path`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Only lines, or rows of a table, in which this regular expression is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<String>,
    /// Smallest number accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Largest number accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Whether there may be no such number.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// A kind of comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleKind {
    /// Every byte must be the same.
    #[default]
    Bytes,
    /// Lines must be the same, apart from their ends and from blanks before them.
    Text,
    /// Like text, but numbers may differ within a tolerance and blanks between words do not count.
    Numbers,
    /// A table of cells: CSV, TSV and the like.
    Table,
    /// JSON.
    Json,
    /// A binary array: npy, PGM, PPM.
    Array,
    /// The output is not compared.
    Ignore,
}

impl RuleKind {
    /// The word used in TOML.
    pub fn name(self) -> &'static str {
        match self {
            RuleKind::Bytes => "bytes",
            RuleKind::Text => "text",
            RuleKind::Numbers => "numbers",
            RuleKind::Table => "table",
            RuleKind::Json => "json",
            RuleKind::Array => "array",
            RuleKind::Ignore => "ignore",
        }
    }
}

/// What happens to the outputs of a job whose results agreed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssimilateSpec {
    /// Kind of assimilation.
    #[serde(default)]
    pub rule: AssimilateKind,
    /// Values that are taken from the outputs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub value: Vec<ValueSpec>,
}

/// A kind of assimilation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AssimilateKind {
    /// Outputs are collected by batch and job.
    #[default]
    Collect,
    /// Outputs are not collected: a table, a script or a hook takes what it needs.
    None,
}

impl ValidateSpec {
    /// The rule of each output of `outputs` (logical names), in that order.
    ///
    /// All mistakes are found, not only the first; the first [`MAX_LISTED_ERRORS`](crate::bounds::MAX_LISTED_ERRORS) are listed.
    pub fn rules(&self, outputs: &[&str]) -> Result<Rules, Vec<SpecError>> {
        let mut errors = Errors::new();
        let general = Arc::new(self.build_general(&mut errors).unwrap_or_default());
        let mut rules = vec![Arc::clone(&general); outputs.len()];
        let positions: HashMap<&str, usize> =
            outputs.iter().enumerate().rev().map(|(position, name)| (*name, position)).collect();
        let mut seen = HashSet::new();
        if self.output.len() > MOST_OUTPUTS {
            errors.push(Spot::validate().key("output").too_many(self.output.len(), MOST_OUTPUTS));
        }
        for (i, spec) in self.output.iter().take(MOST_OUTPUTS).enumerate() {
            let spot = Spot::output(i, &spec.name);
            let name = shortened(&spec.name);
            if !seen.insert(spec.name.as_str()) {
                errors.push(spot.key("name").error(format!("output {name:?} has a rule already")));
            }
            let rule = build::build(&spot, spec, &mut errors);
            match (rule, positions.get(spec.name.as_str())) {
                (None, _) => {}
                (Some(_), None) => {
                    let accepted = listed_near(&spec.name, outputs);
                    let fault = format!("unknown output {name:?}; outputs: {accepted}");
                    errors.push(spot.key("name").error(fault));
                }
                (Some(rule), Some(&position)) => rules[position] = Arc::new(rule),
            }
        }
        if errors.count() == 0 { Ok(Rules { outputs: rules, general }) } else { Err(errors.into_list()) }
    }

    /// The rule of outputs that have none of their own.
    pub fn general(&self) -> Result<OutputRule, Vec<SpecError>> {
        let mut errors = Errors::new();
        let rule = self.build_general(&mut errors);
        rule.ok_or_else(|| errors.into_list())
    }

    fn build_general(&self, errors: &mut Errors) -> Option<OutputRule> {
        build::build(&Spot::validate(), &self.into(), errors)
    }
}

/// Rules, ready to use.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// That of each output, in order.
    pub outputs: Vec<Arc<OutputRule>>,
    /// That of outputs which have none of their own.
    pub general: Arc<OutputRule>,
}
