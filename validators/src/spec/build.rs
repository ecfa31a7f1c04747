//! From a rule's keys to the rule.

use regex::bytes::{Regex, RegexSet};

use super::error::{Errors, Spot};
use super::{CheckSpec, OutputRuleSpec, RangeSpec, RuleKind, SpecError};
use crate::bounds::{MOST_TEXT_BYTES, shortened};
use crate::pattern;
use crate::rule::{
    Allowance, Check, Column, DecimalMark, Exception, JsonPath, JsonRule, NumbersRule, OutputRule, Range,
    Rule, TableRule, Tolerance, WordPlace,
};

/// Regular expressions of one list: bounds memory and time.
const MOST_PATTERNS: usize = 16;
/// Exceptions, key columns or ranges of one rule.
const MOST_PLACES: usize = JsonPath::MOST;

const WITH_NUMBERS: &[RuleKind] = &[RuleKind::Numbers, RuleKind::Table, RuleKind::Json, RuleKind::Array];
const WITH_LINES: &[RuleKind] = &[RuleKind::Text, RuleKind::Numbers, RuleKind::Table];
const WITH_PLACES: &[RuleKind] = &[RuleKind::Numbers, RuleKind::Table, RuleKind::Json];
const WITH_DECIMALS: &[RuleKind] = &[RuleKind::Numbers, RuleKind::Table];
const TABLES: &[RuleKind] = &[RuleKind::Table];

/// Makes the rule, or notes all that is wrong with its keys.
pub(super) fn build(spot: &Spot, keys: &OutputRuleSpec, errors: &mut Errors) -> Option<OutputRule> {
    let before = errors.count();
    fitting_keys(spot, keys, errors);
    for (key, found) in [("at", keys.at.len()), ("keys", keys.keys.len())] {
        limit(&spot.key(key), found, MOST_PLACES, errors);
    }
    let tolerance = tolerance(spot, keys.absolute, keys.relative, keys.ulps, errors);
    let decimal = decimal(spot, keys, errors);
    let ignore_lines = pattern_set(spot, "ignore_lines", &keys.ignore_lines, errors);
    let table = |errors: &mut Errors| TableRule {
        separator: separator(spot, keys, errors),
        header: keys.header.unwrap_or(true),
        keys: key_columns(spot, keys, errors),
        tolerance,
        decimal,
        at: Vec::new(),
        ignore_lines: ignore_lines.clone(),
    };
    let compare = match keys.rule {
        RuleKind::Bytes => Rule::Bytes,
        RuleKind::Text => Rule::Text { ignore_lines: ignore_lines.clone() },
        RuleKind::Numbers => {
            let at = exceptions(spot, keys, word_place, errors);
            Rule::Numbers(NumbersRule { tolerance, decimal, at, ignore_lines: ignore_lines.clone() })
        }
        RuleKind::Table => {
            let at = exceptions(spot, keys, table_place, errors);
            Rule::Table(TableRule { at, ..table(errors) })
        }
        RuleKind::Json => Rule::Json(JsonRule { tolerance, at: exceptions(spot, keys, path_place, errors) }),
        RuleKind::Array => Rule::Array { tolerance },
        RuleKind::Ignore => Rule::Ignore,
    };
    let check = match &keys.check {
        None => Check::default(),
        Some(spec) => {
            let form = match &compare {
                Rule::Table(rule) => Some(rule),
                _ => None,
            };
            let check = check(&spot.key("check"), keys.rule, spec, form, errors);
            Check { decimal, ..check }
        }
    };
    (errors.count() == before).then_some(OutputRule { compare, check })
}

/// Notes keys that the rule does not take.
fn fitting_keys(spot: &Spot, keys: &OutputRuleSpec, errors: &mut Errors) {
    for (key, is_there, kinds) in [
        ("absolute", keys.absolute.is_some(), WITH_NUMBERS),
        ("relative", keys.relative.is_some(), WITH_NUMBERS),
        ("ulps", keys.ulps.is_some(), WITH_NUMBERS),
        ("decimal", keys.decimal.is_some(), WITH_DECIMALS),
        ("ignore_lines", !keys.ignore_lines.is_empty(), WITH_LINES),
        ("separator", keys.separator.is_some(), TABLES),
        ("header", keys.header.is_some(), TABLES),
        ("keys", !keys.keys.is_empty(), TABLES),
        ("at", !keys.at.is_empty(), WITH_PLACES),
    ] {
        if is_there && !kinds.contains(&keys.rule) {
            let belongs_to: Vec<_> = kinds.iter().map(|kind| format!("{:?}", kind.name())).collect();
            errors.push(misplaced(&spot.key(key), keys.rule, &belongs_to.join(", ")));
        }
    }
}

/// A key that the rule in force does not take; `belongs_to` are the rules that do, quoted.
fn misplaced(spot: &Spot, rule: RuleKind, belongs_to: &str) -> SpecError {
    spot.error(format!("has no effect with rule = \"{}\", it belongs to rule = {belongs_to}", rule.name()))
}

fn limit(spot: &Spot, found: usize, most: usize, errors: &mut Errors) {
    if found > most {
        errors.push(spot.too_many(found, most));
    }
}

fn tolerance(
    spot: &Spot,
    absolute: Option<f64>,
    relative: Option<f64>,
    ulps: Option<u32>,
    errors: &mut Errors,
) -> Tolerance {
    for (key, value) in [("absolute", absolute), ("relative", relative)] {
        if let Some(value) = value
            && !(value.is_finite() && value >= 0.0)
        {
            errors.push(spot.key(key).error(format!(
                "{value} is not a tolerance: a finite number that is not negative is accepted"
            )));
        }
    }
    Tolerance {
        absolute: absolute.unwrap_or_default(),
        relative: relative.unwrap_or_default(),
        ulps: ulps.unwrap_or_default(),
    }
}

/// Whether a text is short enough to be part of a rule.
fn is_short(spot: &Spot, text: &str, errors: &mut Errors) -> bool {
    let is_short = text.len() <= MOST_TEXT_BYTES;
    if !is_short {
        let bytes = text.len();
        errors.push(spot.error(format!("it has {bytes} bytes, at most {MOST_TEXT_BYTES} are accepted")));
    }
    is_short
}

fn pattern(spot: &Spot, text: &str, errors: &mut Errors) -> Option<Regex> {
    if !is_short(spot, text, errors) {
        return None;
    }
    let compiled = errors.patterns.compile(text);
    compiled.map_err(|reason| errors.push(invalid_pattern(spot, text, &reason))).ok()
}

fn invalid_pattern(spot: &Spot, pattern: &str, reason: &str) -> SpecError {
    spot.error(format!("invalid regular expression {:?}: {reason}", shortened(pattern)))
}

fn patterns(spot: &Spot, key: &str, list: &[String], errors: &mut Errors) -> Vec<Regex> {
    limit(&spot.key(key), list.len(), MOST_PATTERNS, errors);
    let one = |(i, text): (usize, &String)| pattern(&spot.item(key, i), text, errors);
    list.iter().take(MOST_PATTERNS).enumerate().filter_map(one).collect()
}

fn pattern_set(spot: &Spot, key: &str, list: &[String], errors: &mut Errors) -> RegexSet {
    // One by one first, since a set does not say which of them it means.
    if patterns(spot, key, list, errors).len() < list.len() {
        return pattern::none();
    }
    pattern::compile_all(list).unwrap_or_else(|reason| {
        errors.push(invalid_pattern(&spot.key(key), &list.join("|"), &reason));
        pattern::none()
    })
}

fn decimal(spot: &Spot, keys: &OutputRuleSpec, errors: &mut Errors) -> DecimalMark {
    match keys.decimal.as_deref() {
        None => DecimalMark::Unset,
        Some(".") => DecimalMark::Point,
        Some(",") => DecimalMark::Comma,
        Some(other) => {
            let found = format!("{:?}", shortened(other));
            errors.push(spot.key("decimal").refusal(found, "\".\" or \",\""));
            DecimalMark::Unset
        }
    }
}

fn separator(spot: &Spot, keys: &OutputRuleSpec, errors: &mut Errors) -> u8 {
    match keys.separator.as_deref().unwrap_or(",").as_bytes() {
        &[byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !b"\"\n\r.+-".contains(&byte) => byte,
        found => {
            let found = format!("{:?}", shortened(&String::from_utf8_lossy(found)));
            let accepted = "one character such as \",\", \";\", \"|\" or \"\\t\"";
            errors.push(spot.key("separator").refusal(found, accepted));
            b','
        }
    }
}

fn key_columns(spot: &Spot, keys: &OutputRuleSpec, errors: &mut Errors) -> Vec<Column> {
    let has_header = keys.header.unwrap_or(true);
    for (i, column) in keys.keys.iter().take(MOST_PLACES).enumerate() {
        named_column(&spot.item("keys", i), column, has_header, errors);
    }
    keys.keys.iter().take(MOST_PLACES).cloned().collect()
}

fn named_column(spot: &Spot, column: &Column, has_header: bool, errors: &mut Errors) {
    let Column::Name(name) = column else { return };
    if is_short(spot, name, errors) && !has_header {
        let accepted = "with header = false a column's number from 1";
        errors.push(spot.refusal(format_args!("{name:?}"), accepted));
    }
}

/// The three keys that can say a place.
struct PlaceKeys<'a> {
    column: Option<&'a Column>,
    key: Option<&'a str>,
    path: Option<&'a str>,
}

impl<'a> PlaceKeys<'a> {
    fn new(column: &'a Option<Column>, key: &'a Option<String>, path: &'a Option<String>) -> Self {
        Self { column: column.as_ref(), key: key.as_deref(), path: path.as_deref() }
    }

    fn wrong(&self, spot: &Spot, accepted: &str, rule: &str, errors: &mut Errors) {
        let found = match (self.column, self.key, self.path) {
            (None, None, None) => "no place is given",
            (Some(_), None, None) => "column is given",
            (None, Some(_), None) => "key is given",
            (None, None, Some(_)) => "path is given",
            _ => "several places are given",
        };
        errors.push(spot.error(format!("{found}, but with rule = \"{rule}\" {accepted}")));
    }
}

fn word_place(spot: &Spot, place: &PlaceKeys, _: bool, errors: &mut Errors) -> Option<WordPlace> {
    match place {
        PlaceKeys { column: Some(Column::Number(number)), key: None, path: None } => {
            Some(WordPlace::Column(number.get()))
        }
        PlaceKeys { column: Some(Column::Name(name)), key: None, path: None } => {
            let accepted = "a column's number from 1; names belong to rule = \"table\"";
            errors.push(spot.key("column").refusal(format_args!("{:?}", shortened(name)), accepted));
            None
        }
        PlaceKeys { column: None, key: Some(key), path: None } => {
            if !is_short(&spot.key("key"), key, errors) {
                return None;
            }
            if crate::compare::is_key(key.as_bytes()) {
                return Some(WordPlace::Key((*key).to_owned()));
            }
            let accepted = "a single word of letters, digits and _ . + - that is not a number";
            errors.push(spot.key("key").refusal(format_args!("{key:?}"), accepted));
            None
        }
        other => {
            other.wrong(spot, "either column or key says the place", "numbers", errors);
            None
        }
    }
}

fn table_place(spot: &Spot, place: &PlaceKeys, has_header: bool, errors: &mut Errors) -> Option<Column> {
    match place {
        PlaceKeys { column: Some(column), key: None, path: None } => {
            named_column(&spot.key("column"), column, has_header, errors);
            Some((*column).clone())
        }
        other => {
            other.wrong(spot, "column says the place", "table", errors);
            None
        }
    }
}

fn path_place(spot: &Spot, place: &PlaceKeys, _: bool, errors: &mut Errors) -> Option<JsonPath> {
    match place {
        PlaceKeys { column: None, key: None, path: Some(text) } => {
            if !is_short(&spot.key("path"), text, errors) {
                return None;
            }
            let path = JsonPath::parse(text);
            if path.is_none() {
                errors.push(spot.key("path").refusal(format_args!("{text:?}"), JsonPath::FORM));
            }
            path
        }
        other => {
            other.wrong(spot, "path says the place", "json", errors);
            None
        }
    }
}

fn exceptions<P>(
    spot: &Spot,
    keys: &OutputRuleSpec,
    place: impl Fn(&Spot, &PlaceKeys, bool, &mut Errors) -> Option<P>,
    errors: &mut Errors,
) -> Vec<Exception<P>> {
    let mut found = Vec::new();
    for (i, spec) in keys.at.iter().take(MOST_PLACES).enumerate() {
        let spot = spot.item("at", i);
        let has_tolerance = spec.absolute.is_some() || spec.relative.is_some() || spec.ulps.is_some();
        let tolerance = tolerance(&spot, spec.absolute, spec.relative, spec.ulps, errors);
        if has_tolerance == spec.ignore {
            let accepted = "either a tolerance (absolute, relative, ulps) or ignore = true";
            errors.push(spot.error(format!("missing: {accepted}")));
        }
        let place_keys = PlaceKeys::new(&spec.column, &spec.key, &spec.path);
        let place = place(&spot, &place_keys, keys.header.unwrap_or(true), errors);
        let allowance = if spec.ignore { Allowance::Ignored } else { Allowance::Within(tolerance) };
        found.extend(place.map(|place| Exception { place, allowance }));
    }
    found
}

fn check(
    spot: &Spot,
    rule: RuleKind,
    spec: &CheckSpec,
    form: Option<&TableRule>,
    errors: &mut Errors,
) -> Check {
    let mut check = Check {
        min_bytes: spec.min_bytes,
        max_bytes: spec.max_bytes,
        must_match: patterns(spot, "must_match", &spec.must_match, errors),
        must_not_match: patterns(spot, "must_not_match", &spec.must_not_match, errors),
        ..Check::default()
    };
    if let (Some(min), Some(max)) = (spec.min_bytes, spec.max_bytes)
        && min > max
    {
        errors.push(spot.key("min_bytes").refusal(min, &format!("at most max_bytes, which is {max}")));
    }
    limit(&spot.key("ranges"), spec.ranges.len(), MOST_PATTERNS, errors);
    let mut cells = Vec::new();
    for (i, range) in spec.ranges.iter().take(MOST_PATTERNS).enumerate() {
        let spot = spot.item("ranges", i);
        let place = PlaceKeys::new(&range.column, &range.key, &range.path);
        let lines = range.lines.as_ref().and_then(|text| pattern(&spot.key("lines"), text, errors));
        limits(&spot, range, errors);
        if range.lines.is_some() && matches!(rule, RuleKind::Json | RuleKind::Array) {
            errors.push(misplaced(&spot.key("lines"), rule, "\"numbers\", \"table\""));
        }
        match (rule, form) {
            (RuleKind::Json, _) => {
                let place = path_place(&spot, &place, true, errors);
                check.values.extend(place.map(|place| made(range, place, None)));
            }
            (RuleKind::Array, _) => match place {
                PlaceKeys { column: None, key: None, path: None } => {
                    check.elements.push(made(range, (), None))
                }
                other => other.wrong(&spot, "all elements are meant", "array", errors),
            },
            (_, Some(form)) => {
                let place = table_place(&spot, &place, form.header, errors);
                cells.extend(place.map(|place| made(range, place, lines)));
            }
            _ => {
                let place = word_place(&spot, &place, true, errors);
                check.words.extend(place.map(|place| made(range, place, lines)));
            }
        }
    }
    check.cells = form.filter(|_| !cells.is_empty()).map(|form| (form.clone(), cells));
    check
}

fn limits(spot: &Spot, range: &RangeSpec, errors: &mut Errors) {
    for (key, value) in [("min", range.min), ("max", range.max)] {
        if let Some(value) = value
            && !value.is_finite()
        {
            errors.push(spot.key(key).refusal(value, "a finite number"));
        }
    }
    match (range.min, range.max) {
        (None, None) => errors.push(spot.error("missing: min or max".to_owned())),
        (Some(min), Some(max)) if min > max => {
            errors.push(spot.key("min").refusal(min, &format!("at most max, which is {max}")));
        }
        _ => {}
    }
}

fn made<P>(range: &RangeSpec, place: P, lines: Option<Regex>) -> Range<P> {
    Range { place, lines, min: range.min, max: range.max, optional: range.optional }
}
