//! `{placeholders}`: a text in which column names are replaced by the values of a job.
//!
//! `{seed}` is the value of column `seed`; `{file:name}` its last path component, `{file:stem}` that without its last
//! extension, `{file:dir}` what comes before it. `{{` and `}}` are single braces.

use std::path::Path;

/// A text with placeholders, cut into parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Column { name: String, form: Form },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Whole,
    Name,
    Stem,
    Dir,
}

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// `{` without its `}`.
    #[error("\"{{\" without a closing \"}}\" in {text:?}; write \"{{{{\" for a literal brace")]
    Unclosed { text: String },
    /// `}` without a `{`.
    #[error("\"}}\" without an opening \"{{\" in {text:?}; write \"}}}}\" for a literal brace")]
    Unopened { text: String },
    /// `{}` or a form that does not exist.
    #[error(
        "invalid placeholder {{{inside}}}; accepted: {{column}}, {{column:name}}, {{column:stem}}, {{column:dir}}"
    )]
    Form {
        /// The text between the braces.
        inside: String,
    },
}

/// The values of one job, by column.
pub trait Values {
    /// The value of a column, or `None` if there is no such column.
    fn get(&self, column: &str) -> Option<&str>;
}

impl Pattern {
    /// The value of a column.
    pub fn column(name: &str) -> Self {
        Self { parts: vec![Part::Column { name: name.to_owned(), form: Form::Whole }] }
    }

    /// The last path component of a column's value, without its extension.
    pub fn column_stem(name: &str) -> Self {
        Self::column(name).stem()
    }

    /// The last placeholder alone, with `:stem`: what distinguishes the files that this pattern names.
    #[must_use]
    pub fn stem(self) -> Self {
        let last = self.parts.into_iter().rev().find_map(|part| match part {
            Part::Column { name, .. } => Some(Part::Column { name, form: Form::Stem }),
            Part::Text(_) => None,
        });
        Self { parts: last.into_iter().collect() }
    }

    /// Cuts a text into parts.
    ///
    /// # Errors
    /// A brace without its counterpart, or an unknown form.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            let after = &rest[at + 1..];
            if after.starts_with(brace) {
                plain.push_str(brace);
                rest = &after[1..];
            } else if brace == "}" {
                return Err(PatternError::Unopened { text: text.to_owned() });
            } else {
                let Some(end) = after.find(['{', '}']).filter(|&end| after.as_bytes()[end] == b'}') else {
                    return Err(PatternError::Unclosed { text: text.to_owned() });
                };
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                }
                parts.push(column(&after[..end])?);
                rest = &after[end + 1..];
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() || parts.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self { parts })
    }

    /// The columns it needs, in order, possibly more than once.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Column { name, .. } => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The text with all placeholders filled. A column that `values` does not have gives nothing; callers check
    /// [`columns`](Self::columns) once, before they fill many.
    pub fn fill(&self, values: &impl Values) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Column { name, form } => out.push_str(shaped(values.get(name).unwrap_or(""), *form)),
            }
        }
        out
    }
}

fn column(inside: &str) -> Result<Part, PatternError> {
    let (name, form) = match inside.rsplit_once(':') {
        Some((name, "name")) => (name, Form::Name),
        Some((name, "stem")) => (name, Form::Stem),
        Some((name, "dir")) => (name, Form::Dir),
        Some(_) => return Err(PatternError::Form { inside: inside.to_owned() }),
        None => (inside, Form::Whole),
    };
    if name.trim().is_empty() {
        return Err(PatternError::Form { inside: inside.to_owned() });
    }
    Ok(Part::Column { name: name.to_owned(), form })
}

fn shaped(value: &str, form: Form) -> &str {
    let path = Path::new(value);
    // A value without a last component (empty, "..") is left as it is: what uses it refuses it by name.
    match form {
        Form::Whole => value,
        Form::Name => path.file_name().and_then(|name| name.to_str()).unwrap_or(value),
        Form::Stem => path.file_stem().and_then(|stem| stem.to_str()).unwrap_or(value),
        Form::Dir => match path.parent().and_then(|dir| dir.to_str()) {
            Some("") | None => ".",
            Some(dir) => dir,
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Row;

    impl Values for Row {
        fn get(&self, column: &str) -> Option<&str> {
            match column {
                "file" => Some("dir/a.b.c"),
                "two words" => Some("2"),
                _ => None,
            }
        }
    }

    #[test]
    fn placeholders_are_filled_in_their_forms() {
        for (text, filled) in [
            ("", ""),
            ("{file}", "dir/a.b.c"),
            ("{file:name}", "a.b.c"),
            ("{file:stem}", "a.b"),
            ("{file:dir}", "dir"),
            ("x{two words}y{{{file:stem}}}", "x2y{a.b}"),
        ] {
            assert_eq!(Pattern::parse(text).unwrap().fill(&Row), filled, "{text}");
        }
    }

    #[test]
    fn other_braces_are_refused() {
        for text in ["{", "}", "{}", "{ }", "a{b", "a}b", "{a{b}}", "{a:size}", "{:stem}"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_written_with_doubled_braces(text in "\\PC*") {
            let pattern = Pattern::parse(&text.replace('{', "{{").replace('}', "}}")).unwrap();
            prop_assert_eq!(pattern.fill(&Row), text);
        }

        #[test]
        fn a_value_is_never_read_as_a_pattern(value in "\\PC*") {
            struct One(String);
            impl Values for One {
                fn get(&self, _: &str) -> Option<&str> {
                    Some(&self.0)
                }
            }
            prop_assert_eq!(Pattern::parse("<{x}>").unwrap().fill(&One(value.clone())), format!("<{value}>"));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[{}:a]*") {
            let _ = Pattern::parse(&text);
        }
    }
}
