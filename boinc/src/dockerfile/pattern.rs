//! Patterns of COPY and ADD: the rules of Go's `filepath.Match`, which the engines' own builders follow.
//!
//! `*` is any number of characters but `/`, `?` one of them, `[a-z]` and `[^a-z]` one of a set, `\` makes the next
//! character an ordinary one. A path is matched component by component.

/// A pattern that no name can match: an open set, an empty range, a backslash at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the pattern has an open or empty set, or ends with a backslash")]
pub struct BadPattern;

/// Whether a component has one of `*`, `?`, `[` and `\`; otherwise it is a name.
pub fn is_pattern(component: &str) -> bool {
    component.contains(['*', '?', '[', '\\'])
}

/// Checks each component of a pattern.
///
/// # Errors
/// When it is not a pattern.
pub fn check(pattern: &str) -> Result<(), BadPattern> {
    pattern.split('/').try_for_each(|component| parse(component).map(drop))
}

/// Whether `name`, one component of a path, matches `pattern`, one component of a pattern.
///
/// The time is at most proportional to the product of the lengths.
///
/// # Errors
/// When it is not a pattern.
pub fn matches(pattern: &str, name: &str) -> Result<bool, BadPattern> {
    let parts = parse(pattern)?;
    let name: Vec<char> = name.chars().collect();
    // After a mismatch only the last star takes one character more: earlier stars need not be tried again.
    let (mut part, mut at) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        match parts.get(part) {
            Some(Part::Star) => {
                star = Some((part + 1, at));
                part += 1;
                continue;
            }
            Some(Part::One(set)) if name.get(at).is_some_and(|&c| c != '/' && set.has(c)) => {
                part += 1;
                at += 1;
                continue;
            }
            None if at == name.len() => return Ok(true),
            _ => {}
        }
        match star {
            Some((after, from)) if from < name.len() && name[from] != '/' => {
                star = Some((after, from + 1));
                (part, at) = (after, from + 1);
            }
            _ => return Ok(false),
        }
    }
}

enum Part {
    Star,
    One(Set),
}

/// One character.
struct Set {
    /// Inclusive.
    ranges: Vec<(char, char)>,
    negated: bool,
}

impl Set {
    fn has(&self, c: char) -> bool {
        self.ranges.iter().any(|&(low, high)| (low..=high).contains(&c)) != self.negated
    }
}

fn parse(component: &str) -> Result<Vec<Part>, BadPattern> {
    let mut parts = Vec::new();
    let mut chars = component.chars().peekable();
    while let Some(c) = chars.next() {
        let set = match c {
            '*' => {
                parts.push(Part::Star);
                continue;
            }
            '?' => Set { ranges: Vec::new(), negated: true },
            '[' => set(&mut chars)?,
            '\\' => {
                let c = chars.next().ok_or(BadPattern)?;
                Set { ranges: vec![(c, c)], negated: false }
            }
            c => Set { ranges: vec![(c, c)], negated: false },
        };
        parts.push(Part::One(set));
    }
    Ok(parts)
}

fn set(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Set, BadPattern> {
    let negated = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        if !ranges.is_empty() && chars.next_if_eq(&']').is_some() {
            return Ok(Set { ranges, negated });
        }
        let low = member(chars)?;
        let high = if chars.next_if_eq(&'-').is_some() { member(chars)? } else { low };
        ranges.push((low, high));
    }
}

fn member(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<char, BadPattern> {
    match chars.next() {
        None | Some('-' | ']') => Err(BadPattern),
        Some('\\') => chars.next().ok_or(BadPattern),
        Some(c) => Ok(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_go() {
        // The table of Go's own documentation of filepath.Match, in words of our own.
        let table = [
            ("abc", "abc", true),
            ("*", "abc", true),
            ("*c", "abc", true),
            ("a*", "a", true),
            ("a*", "abc", true),
            ("a*", "ab/c", false),
            ("a*b*c*d*e*", "axbxcxdxexxx", true),
            ("a*b?c*x", "abxbbxdbxebxczzx", true),
            ("a*b?c*x", "abxbbxdbxebxczzy", false),
            ("ab[c]", "abc", true),
            ("ab[b-d]", "abc", true),
            ("ab[e-g]", "abc", false),
            ("ab[^c]", "abc", false),
            ("ab[^e-g]", "abc", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "ab", false),
            ("a?b", "a☺b", true),
            ("a[^a]b", "a☺b", true),
            ("a???b", "a☺b", false),
            ("[a-ζ]*", "α", true),
            ("*[a-ζ]", "A", false),
            ("a?b", "a/b", false),
            ("[\\]a]", "]", true),
            ("[\\-]", "-", true),
            ("[x\\-]", "z", false),
            ("*x", "xxx", true),
            ("", "", true),
            ("", "a", false),
            ("?", "", false),
            ("[!a]", "!", true),
        ];
        for (pattern, name, expected) in table {
            assert_eq!(matches(pattern, name), Ok(expected), "{pattern} {name}");
        }
    }

    #[test]
    fn bad_patterns_are_errors_whatever_the_name_is() {
        for pattern in
            ["[]a]", "[-]", "[x-]", "[-x]", "a\\", "[a-b-c]", "[", "[^", "[^bc", "a[", "a[\\", "x/[", "[]"]
        {
            assert_eq!(check(pattern), Err(BadPattern), "{pattern}");
        }
        assert_eq!(check("a/*.[ch]/b\\[c"), Ok(()));
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = "a*".repeat(2_000) + "b";
        assert_eq!(matches(&pattern, &"a".repeat(20_000)), Ok(false));
    }
}
