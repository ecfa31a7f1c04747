//! Lines that say when and where a program ran: they differ in each run, and hold no result.

use validators::rule::Rule;

use super::texts::Texts;

/// Words before a value that is another one in each run.
const MARKERS: [&str; 22] = [
    "time",
    "date",
    "elapsed",
    "duration",
    "seconds",
    "started",
    "finished",
    "began",
    "ended",
    "created",
    "generated",
    "wall",
    "walltime",
    "cpu",
    "clock",
    "timestamp",
    "host",
    "hostname",
    "machine",
    "pid",
    "uuid",
    "timing",
];

/// Words that can come between such a word and its value.
const FILLERS: [&str; 6] = ["at", "on", "in", "is", "since", "s"];

/// Words that can come after a value that is not a time of day: its unit.
const UNIT_WORDS: usize = 2;

/// More patterns are a sign that it is not a matter of single lines.
const MOST_PATTERNS: usize = 5;

/// Regular expressions, each of which fits lines that differ and say when or where; empty if there are none, or too many. None
/// fits a line that is equal in both.
pub(super) fn patterns(texts: &Texts, rule: &Rule) -> Vec<String> {
    let mut patterns: Vec<String> = Vec::new();
    for pair in texts.differing(rule) {
        let (Some((_, a)), Some((_, b))) = pair else { return Vec::new() };
        let (a, b) = (String::from_utf8_lossy(a), String::from_utf8_lossy(b));
        match pattern(&a, &b) {
            Some(pattern) if !patterns.contains(&pattern) => patterns.push(pattern),
            _ => {}
        }
        if patterns.len() > MOST_PATTERNS {
            return Vec::new();
        }
    }
    patterns
}

/// A regular expression for two lines that differ in a time, a duration, a host or a process only.
fn pattern(a: &str, b: &str) -> Option<String> {
    let words: [Vec<&str>; 2] = [a, b].map(|line| line.split_whitespace().collect());
    let first = words[0].iter().zip(&words[1]).take_while(|(a, b)| a == b).count();
    let fixed = words[0][..first].iter().take_while(|word| !word.contains(|c: char| c.is_ascii_digit()));
    let fixed = fixed.count();
    let marker = if words.iter().all(|words| words.get(first).is_some_and(|word| is_time(word))) {
        // The day before it is the same in both, and another one tomorrow.
        words[0][..fixed].iter().position(|word| is_any(word, &MARKERS))?
    } else {
        let has_only_a_unit = words.iter().all(|words| words.len() <= first + 1 + UNIT_WORDS);
        let last = words[0][..first].iter().rposition(|word| !is_filler(word))?;
        (has_only_a_unit && fixed == first && is_any(words[0][last], &MARKERS)).then_some(last)?
    };
    let prefix: Vec<String> = words[0][..=marker].iter().map(|word| escaped(word)).collect();
    let prefix = prefix.join("\\s+");
    let end = if prefix.ends_with(|c: char| c.is_ascii_alphanumeric()) { "\\b" } else { "" };
    Some(format!("^\\s*{prefix}{end}"))
}

/// Whether one of the words that letters make in this one is listed.
fn is_any(word: &str, listed: &[&str]) -> bool {
    let mut parts = word.split(|c: char| !c.is_ascii_alphabetic());
    parts.any(|part| listed.contains(&part.to_ascii_lowercase().as_str()))
}

/// A word without letters, or one that only leads to the value.
fn is_filler(word: &str) -> bool {
    !word.contains(|c: char| c.is_ascii_alphabetic()) || is_any(word, &FILLERS)
}

/// `12:30:59`, `2026-11-30`, `2026-11-30T12:30:59Z` and the like.
fn is_time(word: &str) -> bool {
    let shape: String = word
        .chars()
        .map(|c| if c.is_ascii_digit() { '9' } else { c })
        .filter(|c| !"[](),;".contains(*c))
        .collect();
    ["99:99", "9:99", "9999-99-99", "99/99/", "9/99/", "99.99.9999"]
        .iter()
        .any(|form| shape.starts_with(form))
}

/// A text as a regular expression that fits nothing else.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() && !"_-:=/,;#%&@!~'\"`<>".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_say_when_or_where_have_a_pattern() {
        for (a, b, expected) in [
            ("Started: Mon Nov 30 09:12:44 2026", "Started: Mon Nov 30 09:12:45 2026", "^\\s*Started:"),
            ("# date 2026-11-30T09:12:44Z", "# date 2026-12-01T09:12:44Z", "^\\s*#\\s+date\\b"),
            ("elapsed time = 12.5 s", "elapsed time = 13.5 s", "^\\s*elapsed\\s+time\\b"),
            ("Host: node17", "Host: desktop", "^\\s*Host:"),
        ] {
            assert_eq!(pattern(a, b).as_deref(), Some(expected), "{a}");
        }
    }

    #[test]
    fn lines_with_results_have_none() {
        for (a, b) in [
            ("energy -7.2", "energy -9.1"),
            ("time step 5 energy -3.2", "time step 5 energy -3.3"),
            ("step 5 time 0.25 energy -3.2", "step 5 time 0.26 energy -3.2"),
            ("ligand aspirin", "ligand ibuprofen"),
            ("time 0.5 energy -3.2 gap 0.1", "time 0.6 energy -3.2 gap 0.1"),
            ("1.5", "1.6"),
        ] {
            assert_eq!(pattern(a, b), None, "{a}");
        }
    }
}
