//! Which files of the context a Dockerfile asks for.

/// The sources of all COPY and ADD instructions that come from the build context: names, patterns or directories as
/// they are written. `None` if they can't be told from the text (a variable in a source), so that everything has to be
/// taken for one.
pub fn copied_sources(dockerfile: &str) -> Option<Vec<String>> {
    let mut sources = Vec::new();
    for instruction in instructions(dockerfile) {
        let mut words = instruction.split_ascii_whitespace();
        let Some(verb) = words.next() else { continue };
        if !verb.eq_ignore_ascii_case("COPY") && !verb.eq_ignore_ascii_case("ADD") {
            continue;
        }
        let rest = instruction[verb.len()..].trim_start();
        let (from_elsewhere, operands) = without_flags(rest);
        if from_elsewhere {
            continue;
        }
        let mut operands = split_operands(operands);
        // The last one is where to.
        operands.pop();
        for source in operands {
            if source.contains('$') {
                return None;
            }
            let elsewhere = source.contains("://") || source.starts_with("git@") || source.starts_with("<<");
            if !elsewhere {
                sources.push(source);
            }
        }
    }
    Some(sources)
}

/// Instructions with their continuation lines joined; comments and empty lines left out. The escape character of a
/// `# escape=` directive is honoured.
pub(super) fn instructions(dockerfile: &str) -> Vec<String> {
    let escape = dockerfile
        .lines()
        .map_while(|line| line.trim_start().strip_prefix('#'))
        .find_map(|comment| comment.trim().strip_prefix("escape="))
        .and_then(|value| value.trim().chars().next())
        .unwrap_or('\\');
    let mut instructions = Vec::new();
    let mut current = String::new();
    for line in dockerfile.lines() {
        let trimmed = line.trim();
        if trimmed.starts_with('#') || (trimmed.is_empty() && !current.is_empty()) {
            continue;
        }
        match trimmed.strip_suffix(escape) {
            Some(part) => {
                current.push_str(part);
                current.push(' ');
            }
            None => {
                current.push_str(trimmed);
                instructions.push(std::mem::take(&mut current));
            }
        }
    }
    instructions.push(current);
    instructions.retain(|instruction| !instruction.trim().is_empty());
    instructions
}

/// Whether a `--from=` takes the files from another stage, and what follows the flags.
fn without_flags(mut rest: &str) -> (bool, &str) {
    let mut from_elsewhere = false;
    while let Some(flag) = rest.strip_prefix("--") {
        let end = flag.find(char::is_whitespace).unwrap_or(flag.len());
        from_elsewhere |= flag[..end].starts_with("from=");
        rest = flag[end..].trim_start();
    }
    (from_elsewhere, rest)
}

fn split_operands(text: &str) -> Vec<String> {
    if text.starts_with('[')
        && let Ok(list) = serde_json::from_str::<Vec<String>>(text)
    {
        return list;
    }
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_patterns_and_lists_are_sources_and_the_last_word_is_not() {
        let dockerfile = "FROM debian\n# COPY no /no\nCOPY a.sh *.py /app/\nadd [\"b c.txt\", \"/x/\"]\n\
                          COPY --chown=1:1 \\\n  d.bin \\\n  # a comment between\n  /app/\n";
        assert_eq!(
            copied_sources(dockerfile).unwrap(),
            ["a.sh", "*.py", "b c.txt", "d.bin"].map(String::from)
        );
    }

    #[test]
    fn other_stages_addresses_and_inline_files_need_nothing_of_the_context() {
        let dockerfile =
            "COPY --from=build /x /y\nADD https://example.org/x.tgz /x\nCOPY <<EOF /z\nhello\nEOF\n";
        assert_eq!(copied_sources(dockerfile).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_variable_can_name_anything() {
        assert_eq!(copied_sources("ARG F\nCOPY $F /x\n"), None);
    }
}
