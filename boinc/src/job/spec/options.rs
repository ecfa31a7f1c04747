//! The option strings of upstream's `build_args` and `create_args`, as words.

use std::collections::BTreeMap;

/// Splits an option string as the shell would that upstream gives it to: at white space; single quotes
/// keep all, double quotes all but a backslash before `"`, `\`, `$` and a backquote; a backslash keeps the
/// next character. Nothing is expanded. `None` if a quote is left open.
pub(super) fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => match chars.next()? {
                            c @ ('"' | '\\' | '$' | '`') => word.push(c),
                            c => word.extend(['\\', c]),
                        },
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(chars.next()?),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

/// Reads build arguments: `--build-arg K=V` and `--build-arg=K=V`. `None` if there is anything else, or a `--build-arg` has
/// no `KEY=VALUE`: an engine would take the value from the volunteer's environment.
pub(super) fn take_build_args(words: Vec<String>) -> Option<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let pair = match word.strip_prefix("--build-arg")? {
            "" => words.next()?,
            rest => rest.strip_prefix('=')?.to_owned(),
        };
        let (key, value) = pair.split_once('=').filter(|(key, _)| is_build_key(key))?;
        values.insert(key.to_owned(), value.to_owned());
    }
    Some(values)
}

/// Whether a word can be the name of a build argument: that of a shell variable.
pub(super) fn is_build_key(key: &str) -> bool {
    !key.is_empty()
        && !key.starts_with(|c: char| c.is_ascii_digit())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn option_strings_are_split_as_a_shell_does() {
        let table: [(&str, Option<&[&str]>); 9] = [
            ("", Some(&[])),
            ("  a  b ", Some(&["a", "b"])),
            ("-e 'A=b c' d", Some(&["-e", "A=b c", "d"])),
            ("\"a \\\"b\\\" \\n\"", Some(&["a \"b\" \\n"])),
            ("a\\ b", Some(&["a b"])),
            ("x''y \"\"", Some(&["xy", ""])),
            ("$(id) `id` $HOME", Some(&["$(id)", "`id`", "$HOME"])),
            ("'open", None),
            ("end\\", None),
        ];
        for (text, words) in table {
            let words = words.map(|words| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
            assert_eq!(split(text), words, "{text:?}");
        }
    }

    #[test]
    fn build_arguments_are_read_and_nothing_else() {
        let words = |text| split(text).unwrap();
        let values = take_build_args(words("--build-arg A=1 --build-arg=B=x=y --build-arg 'C=a b'")).unwrap();
        let expected = [("A", "1"), ("B", "x=y"), ("C", "a b")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(values, BTreeMap::from(expected));
        for text in
            ["--build-arg", "--build-arg HOME", "--build-arg =x", "--build-arg=1A=x", "--no-cache", "x"]
        {
            assert_eq!(take_build_args(words(text)), None, "{text}");
        }
    }
}
