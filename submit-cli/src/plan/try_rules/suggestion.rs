//! The smallest change to a rule with which two outputs that differ would agree. Each change is tried with the rule's own
//! comparison, so that it is never a guess; where none helps, there is none.

use std::path::Path;

use validators::compare::Outcome;
use validators::cpu_budget::CpuBudget;
use validators::judge;
use validators::rule::Rule;
use validators::spec::{RuleKind, ValidateSpec};

use super::texts::Texts;
use super::volatile;
use crate::plan::app::AppSpec;

/// Relative tolerances that are tried end here: what differs by more is another result.
const MOST_RELATIVE_EXPONENT: i32 = -2;

/// The smallest one: some steps of double precision.
const LEAST_EXPONENT: i32 = -15;

/// An absolute tolerance may be this part of the largest number: it is for numbers close to zero.
const MOST_OF_LARGEST: f64 = 1e-3;

/// A change to the rule of one output.
#[derive(Clone, Debug, Default, PartialEq)]
struct Change {
    rule: Option<RuleKind>,
    ignore_lines: Vec<String>,
    relative: Option<f64>,
    absolute: Option<f64>,
}

struct Attempt<'a> {
    validate: &'a ValidateSpec,
    names: &'a [&'a str],
    output: usize,
    files: [&'a Path; 2],
}

/// The keys of `[validate]` that would make two outputs agree, as they are written in app.toml; `None` if there are none.
pub(super) fn suggestion(
    app: &AppSpec,
    names: &[&str],
    output: usize,
    files: [&Path; 2],
    texts: &Texts,
    rule: &Rule,
) -> Option<String> {
    let attempt = Attempt { validate: &app.validate, names, output, files };
    let of_output = app.validate.output.iter().find(|spec| spec.name == names[output]);
    let kind = of_output.map_or(app.validate.rule, |spec| spec.rule);
    let kinds: &[RuleKind] = match kind {
        RuleKind::Bytes | RuleKind::Text if !texts.are_text() => return None,
        RuleKind::Bytes | RuleKind::Text => &[RuleKind::Text, RuleKind::Numbers],
        RuleKind::Ignore => return None,
        RuleKind::Numbers => &[RuleKind::Numbers],
        RuleKind::Table => &[RuleKind::Table],
        RuleKind::Json => &[RuleKind::Json],
        RuleKind::Array => &[RuleKind::Array],
    };
    let patterns = volatile::patterns(texts, rule);
    let changes = kinds.iter().flat_map(|&new| {
        let without = Change { rule: (new != kind).then_some(new), ..Change::default() };
        let with = Change { ignore_lines: patterns.clone(), ..without.clone() };
        if patterns.is_empty() { vec![without] } else { vec![without, with] }
    });
    let changes: Vec<Change> = changes.collect();
    let found = changes.iter().find(|change| attempt.agrees(change)).cloned();
    let found = found.or_else(|| {
        let numeric = changes.iter().filter(|change| change.rule.unwrap_or(kind) != RuleKind::Text);
        numeric.into_iter().find_map(|change| attempt.with_tolerance(change, texts))
    });
    found.map(|change| change.keys())
}

impl Attempt<'_> {
    fn agrees(&self, change: &Change) -> bool {
        let mut spec = self.validate.clone();
        let (rule, ignore_lines, relative, absolute) =
            match spec.output.iter_mut().find(|spec| spec.name == self.names[self.output]) {
                Some(own) => (&mut own.rule, &mut own.ignore_lines, &mut own.relative, &mut own.absolute),
                None => (&mut spec.rule, &mut spec.ignore_lines, &mut spec.relative, &mut spec.absolute),
            };
        *rule = change.rule.unwrap_or(*rule);
        ignore_lines.extend(change.ignore_lines.iter().cloned());
        *relative = change.relative.or(*relative);
        *absolute = change.absolute.or(*absolute);
        let Ok(rules) = spec.rules(self.names) else { return false };
        let [a, b] = self.files.map(|path| (path, ""));
        let outcome = judge::compare_outputs(a, b, &rules.outputs[self.output], CpuBudget::unlimited());
        matches!(outcome, Ok(Outcome::Same))
    }

    /// The same change with the smallest tolerance that helps.
    fn with_tolerance(&self, change: &Change, texts: &Texts) -> Option<Change> {
        let relative = |value| Change { relative: Some(value), ..change.clone() };
        let absolute = |value| Change { absolute: Some(value), ..change.clone() };
        let largest = largest_number(&texts.a).max(largest_number(&texts.b));
        let most = (MOST_OF_LARGEST * largest).log10().floor();
        let most_absolute = if most.is_finite() { most as i32 } else { LEAST_EXPONENT };
        self.smallest(relative, MOST_RELATIVE_EXPONENT).or_else(|| self.smallest(absolute, most_absolute))
    }

    fn smallest(&self, with: impl Fn(f64) -> Change, most_exponent: i32) -> Option<Change> {
        let steps =
            (LEAST_EXPONENT..most_exponent).flat_map(|exponent| [1, 2, 5].map(|digit| (digit, exponent)));
        let steps: Vec<f64> = steps
            .chain([(1, most_exponent)])
            .map(|(digit, exponent)| format!("{digit}e{exponent}").parse().expect("a number was written"))
            .collect();
        // A larger tolerance never makes equal outputs differ.
        let at = steps.partition_point(|&value| !self.agrees(&with(value)));
        steps.get(at).map(|&value| with(value))
    }
}

impl Change {
    fn keys(&self) -> String {
        let rule = self.rule.map(|rule| format!("rule = {:?}", rule.name()));
        let patterns = toml::Value::from(self.ignore_lines.clone()).to_string();
        let ignore_lines = (!self.ignore_lines.is_empty()).then(|| format!("ignore_lines = {patterns}"));
        let relative = self.relative.map(|value| format!("relative = {value:e}"));
        let absolute = self.absolute.map(|value| format!("absolute = {value:e}"));
        let keys = [rule, ignore_lines, relative, absolute].into_iter().flatten();
        keys.collect::<Vec<_>>().join(", ")
    }
}

/// The largest magnitude of the numbers in a text.
fn largest_number(bytes: &[u8]) -> f64 {
    let text = String::from_utf8_lossy(bytes);
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c)));
    let numbers = words.filter(|word| word.contains(|c: char| c.is_ascii_digit()));
    let numbers = numbers.filter_map(|word| word.parse::<f64>().ok());
    numbers.map(f64::abs).filter(|number| number.is_finite()).fold(0.0, f64::max)
}
