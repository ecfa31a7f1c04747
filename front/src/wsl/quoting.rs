//! One command line out of many arguments: wsl.exe splits it again, by the rules of `CommandLineToArgvW`.

/// The arguments as one command line. What needs no quotes has none: wsl.exe passes a program's path on as it was written.
pub fn quote<'a>(arguments: impl IntoIterator<Item = &'a str>) -> String {
    let mut line = String::new();
    for argument in arguments {
        if !line.is_empty() {
            line.push(' ');
        }
        push(&mut line, argument);
    }
    line
}

/// Whether an argument is the same with and without quotes.
pub(super) fn needs_quotes(argument: &str) -> bool {
    argument.is_empty() || argument.contains([' ', '\t', '\n', '\x0b', '"'])
}

fn push(line: &mut String, argument: &str) {
    if !needs_quotes(argument) {
        line.push_str(argument);
        return;
    }
    line.push('"');
    let mut backslashes = 0;
    for c in argument.chars() {
        match c {
            '\\' => backslashes += 1,
            // Backslashes count double before a quotation mark, and only there.
            '"' => {
                line.extend(std::iter::repeat_n('\\', backslashes + 1));
                backslashes = 0;
            }
            _ => backslashes = 0,
        }
        line.push(c);
    }
    line.extend(std::iter::repeat_n('\\', backslashes));
    line.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `CommandLineToArgvW`, for all arguments but the program's name.
    fn split(line: &str) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut rest = line.chars().peekable();
        while rest.peek().is_some() {
            let mut argument = String::new();
            let mut quoted = false;
            while let Some(c) = rest.next_if(|c| quoted || ![' ', '\t'].contains(c)) {
                match c {
                    '\\' => {
                        let mut count = 1;
                        while rest.next_if_eq(&'\\').is_some() {
                            count += 1;
                        }
                        if rest.peek() == Some(&'"') {
                            argument.extend(std::iter::repeat_n('\\', count / 2));
                            if count % 2 == 1 {
                                rest.next();
                                argument.push('"');
                            }
                        } else {
                            argument.extend(std::iter::repeat_n('\\', count));
                        }
                    }
                    '"' if quoted && rest.next_if_eq(&'"').is_some() => argument.push('"'),
                    '"' => quoted = !quoted,
                    c => argument.push(c),
                }
            }
            arguments.push(argument);
            while rest.next_if(|c| [' ', '\t'].contains(c)).is_some() {}
        }
        arguments
    }

    #[test]
    fn examples_of_microsofts_documentation() {
        let table: [(&[&str], &str); 6] = [
            (&["abc", "d", "e"], "abc d e"),
            (&["a\\\\b", "de fg", "h"], "a\\\\b \"de fg\" h"),
            (&["a\\\"b", "c", "d"], "\"a\\\\\\\"b\" c d"),
            (&["a\\\\b c", "d", "e"], "\"a\\\\b c\" d e"),
            (&["", "C:\\data\\"], "\"\" C:\\data\\"),
            (&["C:\\my data\\"], "\"C:\\my data\\\\\""),
        ];
        for (arguments, line) in table {
            assert_eq!(quote(arguments.iter().copied()), line);
            assert_eq!(split(line), arguments);
        }
        assert_eq!(split("a\"b\"\" c d"), ["ab\" c d"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn ten_thousand_vectors_come_out_as_they_went_in(
            arguments in prop::collection::vec(
                prop_oneof!["[ \"\\\\\ta-c]{0,12}", "[^\0]{0,12}", "\\PC{0,12}"],
                0..6,
            ),
        ) {
            let line = quote(arguments.iter().map(String::as_str));
            prop_assert_eq!(split(&line), arguments);
        }
    }
}
