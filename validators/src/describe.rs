//! Rules in words, for people who check what they wrote.

use crate::rule::{
    Allowance, Check, Column, DecimalMark, Exception, JsonPath, Range, Rule, Tolerance, WordPlace,
};

/// How two results are compared, in one line.
pub fn rule(rule: &Rule) -> String {
    match rule {
        Rule::Bytes => "every byte the same".to_owned(),
        Rule::Ignore => "not compared".to_owned(),
        Rule::Text { ignore_lines } => format!("lines the same{}", left_out(ignore_lines.patterns())),
        Rule::Numbers(rule) => {
            let (tolerance, at) = (tolerance(&rule.tolerance), exceptions(&rule.at, word_place));
            let decimal = decimal(rule.decimal);
            format!(
                "words the same, numbers {decimal}{tolerance}{at}{}",
                left_out(rule.ignore_lines.patterns())
            )
        }
        Rule::Table(rule) => {
            let (tolerance, at) = (tolerance(&rule.tolerance), exceptions(&rule.at, Column::to_string));
            let header = if rule.header { "by the header" } else { "without a header" };
            let keys: Vec<_> = rule.keys.iter().map(Column::to_string).collect();
            let order = match keys.is_empty() {
                true => "rows in order".to_owned(),
                false => format!("rows by {} in any order", keys.join(", ")),
            };
            let (decimal, left_out) = (decimal(rule.decimal), left_out(rule.ignore_lines.patterns()));
            format!("a table {header}, {order}, cells the same, numbers {decimal}{tolerance}{at}{left_out}")
        }
        Rule::Json(rule) => {
            let (tolerance, at) = (tolerance(&rule.tolerance), exceptions(&rule.at, JsonPath::to_string));
            format!("JSON with keys in any order, values the same, numbers {tolerance}{at}")
        }
        Rule::Array { tolerance: limits } => {
            format!("an array of the same shape, elements {}", tolerance(limits))
        }
    }
}

/// What each result must be like, in one line; nothing if nothing is asked.
pub fn check(check: &Check) -> Option<String> {
    let mut parts = Vec::new();
    match (check.min_bytes, check.max_bytes) {
        (Some(min), Some(max)) => parts.push(format!("{min} to {max} bytes")),
        (Some(min), None) => parts.push(format!("at least {min} bytes")),
        (None, Some(max)) => parts.push(format!("at most {max} bytes")),
        (None, None) => {}
    }
    parts.extend(check.must_match.iter().map(|pattern| format!("a line with {:?}", pattern.as_str())));
    parts.extend(check.must_not_match.iter().map(|pattern| format!("no line with {:?}", pattern.as_str())));
    parts.extend(check.words.iter().map(|range| limits(range, &word_place(&range.place))));
    let cells = check.cells.iter().flat_map(|(_, ranges)| ranges);
    parts.extend(cells.map(|range| limits(range, &range.place.to_string())));
    parts.extend(check.values.iter().map(|range| limits(range, &range.place.to_string())));
    parts.extend(check.elements.iter().map(|range| limits(range, "all elements")));
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn decimal(mark: DecimalMark) -> &'static str {
    match mark {
        DecimalMark::Unset => "",
        DecimalMark::Point => "with decimal points ",
        DecimalMark::Comma => "with decimal commas ",
    }
}

fn tolerance(tolerance: &Tolerance) -> String {
    let Tolerance { absolute, relative, ulps } = *tolerance;
    let mut ways = Vec::new();
    if absolute > 0.0 {
        ways.push(format!("{absolute:?}"));
    }
    if relative > 0.0 {
        ways.push(format!("{relative:?} of the larger one"));
    }
    if ulps > 0 {
        ways.push(format!("{ulps} floating-point step{}", if ulps == 1 { "" } else { "s" }));
    }
    if ways.is_empty() { "equal in value".to_owned() } else { format!("within {}", ways.join(" or ")) }
}

fn exceptions<P>(list: &[Exception<P>], place: impl Fn(&P) -> String) -> String {
    let one = |exception: &Exception<P>| match &exception.allowance {
        Allowance::Within(limits) => format!("; {} {}", place(&exception.place), tolerance(limits)),
        Allowance::Ignored => format!("; {} not compared", place(&exception.place)),
    };
    list.iter().map(one).collect()
}

fn left_out(patterns: &[String]) -> String {
    let one = |pattern: &String| format!("; lines with {pattern:?} left out");
    patterns.iter().map(one).collect()
}

fn word_place(place: &WordPlace) -> String {
    match place {
        WordPlace::Column(number) => format!("column {number}"),
        WordPlace::Key(key) => format!("after {key:?}"),
    }
}

fn limits<P>(range: &Range<P>, place: &str) -> String {
    let lines = match &range.lines {
        Some(pattern) => format!(" of lines with {:?}", pattern.as_str()),
        None => String::new(),
    };
    let optional = if range.optional { ", if there" } else { "" };
    let limits = match (range.min, range.max) {
        (Some(min), Some(max)) => format!("from {min:?} to {max:?}"),
        (Some(min), None) => format!("at least {min:?}"),
        (None, Some(max)) => format!("at most {max:?}"),
        (None, None) => "any number".to_owned(),
    };
    format!("{place}{lines} {limits}{optional}")
}

#[cfg(test)]
mod tests {
    use crate::spec::ValidateSpec;

    #[test]
    fn rules_read_as_sentences() {
        for (text, rule, check) in [
            ("", "every byte the same", None),
            (
                "rule = 'numbers'\nabsolute = 0.01\nulps = 1\nignore_lines = ['^#']\n\
                 at = [{ key = 'time', ignore = true }]\ncheck = { min_bytes = 1, ranges = [{ column = 2, max = 0 }] }",
                "words the same, numbers within 0.01 or 1 floating-point step; after \"time\" not compared; lines with \
                 \"^#\" left out",
                Some("at least 1 bytes; column 2 at most 0.0"),
            ),
            (
                "rule = 'table'\nkeys = ['id']\nat = [{ column = 'x', relative = 1e-6 }]\ncheck.must_match = ['a']",
                "a table by the header, rows by column \"id\" in any order, cells the same, numbers equal in value; \
                 column \"x\" within 1e-6 of the larger one",
                Some("a line with \"a\""),
            ),
        ] {
            let made = toml::from_str::<ValidateSpec>(text).unwrap().general().unwrap();
            assert_eq!(
                (super::rule(&made.compare).as_str(), super::check(&made.check).as_deref()),
                (rule, check)
            );
        }
    }
}
