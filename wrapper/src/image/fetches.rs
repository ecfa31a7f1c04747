//! What a build fetches from the network although its steps have none: the engine itself does it, from the host's
//! network, so that also addresses that only the host reaches would be open to a Dockerfile.

use std::collections::BTreeMap;

use super::copied::instructions;

/// The build argument that names another program to read the Dockerfile, as `# syntax=` does (BuildKit).
const SYNTAX_ARGUMENT: &str = "BUILDKIT_SYNTAX";

/// The first thing that would be fetched, as it is written: an ADD from an address, or from a variable that can hold one;
/// a program to read the Dockerfile. Base images come from registries in any case and don't count.
pub fn fetched(dockerfile: &str, build_args: &BTreeMap<String, String>) -> Option<String> {
    if let Some(value) = build_args.get(SYNTAX_ARGUMENT) {
        return Some(format!("{SYNTAX_ARGUMENT}={value}"));
    }
    let syntax = dockerfile.lines().find(|line| {
        let comment = line.trim_start_matches('\u{feff}').trim_start().strip_prefix(['#', '/']);
        comment.is_some_and(|text| {
            let text = text.trim_start_matches('/').trim_start();
            text.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("syntax"))
                && text[6..].trim_start().starts_with('=')
        })
    });
    syntax.map(|line| line.trim().to_owned()).or_else(|| {
        instructions(dockerfile).into_iter().find(|instruction| {
            let mut words = instruction.split_ascii_whitespace().peekable();
            words.next_if(|word| word.eq_ignore_ascii_case("ONBUILD"));
            words.next().is_some_and(|verb| verb.eq_ignore_ascii_case("ADD"))
                && words.any(|word| word.contains("://") || word.contains("git@") || word.contains('$'))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engine_would_fetch_is_found() {
        let none = BTreeMap::new();
        let table = [
            ("FROM debian\nADD a.tar /\nCOPY $X /\nRUN curl http://x\n# see syntax below\n", None),
            ("FROM x\nADD http://192.168.1.1/ /r\n", Some("ADD http://192.168.1.1/ /r")),
            (
                "FROM x\nadd \\\n  --chown=1 [\"https://h/x\", \"/\"]\n",
                Some("add  --chown=1 [\"https://h/x\", \"/\"]"),
            ),
            ("FROM x\nADD git@h:r.git /r\n", Some("ADD git@h:r.git /r")),
            ("ARG U=http://h/\nFROM x\nADD $U /r\n", Some("ADD $U /r")),
            ("FROM x AS a\nONBUILD ADD http://h/ /\nFROM a\n", Some("ONBUILD ADD http://h/ /")),
            ("#Syntax = evil/frontend\nFROM x\n", Some("#Syntax = evil/frontend")),
            ("// syntax=evil/frontend\n", Some("// syntax=evil/frontend")),
        ];
        for (dockerfile, expected) in table {
            assert_eq!(fetched(dockerfile, &none).as_deref(), expected, "{dockerfile}");
        }
        let argument = BTreeMap::from([("BUILDKIT_SYNTAX".to_owned(), "evil/x".to_owned())]);
        assert_eq!(fetched("FROM x\n", &argument).as_deref(), Some("BUILDKIT_SYNTAX=evil/x"));
    }
}
