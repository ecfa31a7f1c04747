//! `[validate]` and `[assimilate]` as a submitter writes them in `app.toml`, and as a route carries them.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::rule::{Rule, Tolerance};
use regex_lite::Regex;

/// How two results of a job are compared: one rule for all outputs, and exceptions by output.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidateSpec {
    /// Kind of comparison for outputs without an entry of their own.
    #[serde(default)]
    pub rule: RuleKind,
    /// Absolute tolerance, ≥ 0; only with rule `numbers`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absolute: Option<f64>,
    /// Tolerance relative to the larger of the two numbers, ≥ 0; only with rule `numbers`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative: Option<f64>,
    /// Regular expressions; a line in which one of them is found is left out; only with `text` and `numbers`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore_lines: Vec<String>,
    /// Rules for single outputs. Such a rule stands alone: it takes nothing over from the general one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<OutputRuleSpec>,
}

/// The rule of one output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputRuleSpec {
    /// Logical name of the output, as in `[[output]]` of `app.toml`.
    pub name: String,
    /// Kind of comparison.
    pub rule: RuleKind,
    /// As in [`ValidateSpec::absolute`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absolute: Option<f64>,
    /// As in [`ValidateSpec::relative`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative: Option<f64>,
    /// As in [`ValidateSpec::ignore_lines`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore_lines: Vec<String>,
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
    /// The output is not compared.
    Ignore,
}

impl RuleKind {
    /// The word used in TOML.
    pub fn word(self) -> &'static str {
        match self {
            RuleKind::Bytes => "bytes",
            RuleKind::Text => "text",
            RuleKind::Numbers => "numbers",
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
}

/// A kind of assimilation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AssimilateKind {
    /// Outputs are collected by batch and job.
    #[default]
    Collect,
}

/// A mistake in `[validate]` that only its meaning shows.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SpecError {
    /// A key that the rule does not know.
    #[error("{key}: {option} has no effect with rule = \"{rule}\", it belongs to {belongs_to}")]
    Option {
        /// Where: `validate` or `validate.output "NAME"`.
        key: String,
        /// The key that does not fit.
        option: &'static str,
        /// The rule in force.
        rule: &'static str,
        /// The rules that take the key.
        belongs_to: &'static str,
    },
    /// A tolerance that is negative or not finite.
    #[error("{key}.{option}: {found} is not a tolerance: a finite number that is not negative is accepted")]
    Tolerance {
        /// Where.
        key: String,
        /// `absolute` or `relative`.
        option: &'static str,
        /// The number, as text.
        found: String,
    },
    /// A pattern that is no regular expression.
    #[error("{key}.ignore_lines: {pattern:?} is no regular expression: {reason}")]
    Pattern {
        /// Where.
        key: String,
        /// The pattern.
        pattern: String,
        /// What the parser says.
        reason: String,
    },
    /// A rule for an output that the science app does not declare.
    #[error("{key}: there is no output {name:?}, the outputs are {accepted}")]
    UnknownOutput {
        /// Where.
        key: String,
        /// The name.
        name: String,
        /// The declared outputs.
        accepted: String,
    },
    /// Two rules for one output.
    #[error("{key}: output {name:?} has a rule already")]
    Twice {
        /// Where.
        key: String,
        /// The name.
        name: String,
    },
}

impl ValidateSpec {
    /// The rule of each output of `outputs` (logical names), in that order.
    ///
    /// All mistakes are found, not only the first.
    pub fn rules(&self, outputs: &[&str]) -> Result<Vec<Rule>, Vec<SpecError>> {
        let mut errors = Vec::new();
        let general = self.general().unwrap_or_else(|mut found| {
            errors.append(&mut found);
            Rule::Bytes
        });
        let mut rules = vec![general; outputs.len()];
        for (i, spec) in self.output.iter().enumerate() {
            let key = format!("validate.output {:?}", spec.name);
            if self.output[..i].iter().any(|earlier| earlier.name == spec.name) {
                errors.push(SpecError::Twice { key: key.clone(), name: spec.name.clone() });
            }
            let position = outputs.iter().position(|name| *name == spec.name);
            match (spec.rule(&key), position) {
                (Err(mut found), _) => errors.append(&mut found),
                (Ok(_), None) => errors.push(SpecError::UnknownOutput {
                    key,
                    name: spec.name.clone(),
                    accepted: outputs.join(", "),
                }),
                (Ok(rule), Some(position)) => rules[position] = rule,
            }
        }
        if errors.is_empty() { Ok(rules) } else { Err(errors) }
    }

    /// The rule of outputs that have none of their own.
    pub fn general(&self) -> Result<Rule, Vec<SpecError>> {
        build("validate", self.rule, self.absolute, self.relative, &self.ignore_lines)
    }
}

impl OutputRuleSpec {
    fn rule(&self, key: &str) -> Result<Rule, Vec<SpecError>> {
        build(key, self.rule, self.absolute, self.relative, &self.ignore_lines)
    }
}

fn build(
    key: &str,
    kind: RuleKind,
    absolute: Option<f64>,
    relative: Option<f64>,
    ignore_lines: &[String],
) -> Result<Rule, Vec<SpecError>> {
    let mut errors = Vec::new();
    for (option, value) in [("absolute", absolute), ("relative", relative)] {
        let Some(value) = value else { continue };
        if kind != RuleKind::Numbers {
            let (rule, belongs_to) = (kind.word(), "rule = \"numbers\"");
            errors.push(SpecError::Option { key: key.to_owned(), option, rule, belongs_to });
        } else if !value.is_finite() || value < 0.0 {
            errors.push(SpecError::Tolerance { key: key.to_owned(), option, found: value.to_string() });
        }
    }
    if !ignore_lines.is_empty() && !matches!(kind, RuleKind::Text | RuleKind::Numbers) {
        let (rule, belongs_to) = (kind.word(), "rule = \"text\" and rule = \"numbers\"");
        errors.push(SpecError::Option { key: key.to_owned(), option: "ignore_lines", rule, belongs_to });
    }
    let mut patterns = Vec::new();
    for pattern in ignore_lines {
        match Regex::new(pattern) {
            Ok(regex) => patterns.push(regex),
            Err(error) => errors.push(SpecError::Pattern {
                key: key.to_owned(),
                pattern: pattern.clone(),
                reason: error.to_string(),
            }),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let tolerance =
        Tolerance { absolute: absolute.unwrap_or_default(), relative: relative.unwrap_or_default() };
    Ok(match kind {
        RuleKind::Bytes => Rule::Bytes,
        RuleKind::Text => Rule::Text { ignore_lines: patterns },
        RuleKind::Numbers => Rule::Numbers { tolerance, ignore_lines: patterns },
        RuleKind::Ignore => Rule::Ignore,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> ValidateSpec {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn bytes_are_compared_unless_told_otherwise() {
        assert_eq!(spec(""), ValidateSpec::default());
        assert!(matches!(spec("").rules(&["a", "b"]).as_deref(), Ok([Rule::Bytes, Rule::Bytes])));
    }

    #[test]
    fn an_output_can_have_a_rule_of_its_own() {
        let spec = spec(
            "rule = 'numbers'\nabsolute = 0.01\nrelative = 1e-6\nignore_lines = ['^REMARK']\n\
             [[output]]\nname = 'log.txt'\nrule = 'ignore'\n",
        );
        let rules = spec.rules(&["poses.pdbqt", "log.txt"]).unwrap();
        let Rule::Numbers { tolerance, ignore_lines } = &rules[0] else { panic!("{rules:?}") };
        assert_eq!(*tolerance, Tolerance { absolute: 0.01, relative: 1e-6 });
        assert!(ignore_lines[0].is_match("REMARK 1"));
        assert!(matches!(rules[1], Rule::Ignore));
        let again: ValidateSpec = toml::from_str(&toml::to_string(&spec).unwrap()).unwrap();
        assert_eq!(again, spec);
    }

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let spec = spec(
            "rule = 'text'\nabsolute = 1\nignore_lines = ['(']\n[[output]]\nname = 'a'\nrule = 'numbers'\n\
             relative = -1.0\n[[output]]\nname = 'x'\nrule = 'bytes'\n[[output]]\nname = 'x'\nrule = 'bytes'\n\
             ignore_lines = ['y']",
        );
        let errors = spec.rules(&["a", "b"]).unwrap_err();
        let text: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            text[0],
            "validate: absolute has no effect with rule = \"text\", it belongs to rule = \"numbers\""
        );
        assert!(text[1].starts_with("validate.ignore_lines: \"(\" is no regular expression"), "{text:?}");
        assert_eq!(
            text[2..],
            [
                "validate.output \"a\".relative: -1 is not a tolerance: a finite number that is not negative is accepted",
                "validate.output \"x\": there is no output \"x\", the outputs are a, b",
                "validate.output \"x\": output \"x\" has a rule already",
                "validate.output \"x\": ignore_lines has no effect with rule = \"bytes\", it belongs to rule = \
                 \"text\" and rule = \"numbers\"",
            ]
        );
    }

    #[test]
    fn an_unknown_key_or_rule_is_an_error() {
        assert!(toml::from_str::<ValidateSpec>("rul = 'bytes'").is_err());
        assert!(toml::from_str::<ValidateSpec>("rule = 'fuzzy'").is_err());
        assert!(toml::from_str::<AssimilateSpec>("rule = 'burn'").is_err());
        assert_eq!(toml::from_str::<AssimilateSpec>("rule = 'collect'").unwrap(), AssimilateSpec::default());
    }
}
