//! Whether the arguments of a job reach the program that an image starts.

use super::spec::PassArgs;
use crate::dockerfile::is_posix_shell;

/// Arguments that an entry point does not hand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LostArguments {
    /// None of them reaches the program: `ENTRYPOINT program`, which starts `sh -c program`.
    All,
    /// The first one becomes the shell's `$0`, which the script does not use: `ENTRYPOINT program "$@"`.
    First,
}

/// Which arguments are lost when a container starts with `entrypoint`, the image's entry point in exec form, followed by the
/// words of a job; `None` if all of them arrive, or if nothing in the entry point tells.
///
/// A shell form is `SHELL -c SCRIPT`: engines add the words of a job after the script, where only a script that uses its
/// positional parameters sees them. With [`PassArgs::sets_env`] a script that names `ARGS` has them too.
pub fn lost_arguments(entrypoint: &[String], pass_args: PassArgs) -> Option<LostArguments> {
    if !pass_args.sets_argv() {
        return None;
    }
    let at = (1..entrypoint.len()).find(|&at| is_posix_shell(&entrypoint[..at]))?;
    let script = &entrypoint[at];
    if pass_args.sets_env() && script.contains("ARGS") {
        return None;
    }
    let used = Used::by(script);
    // A word after the script is `$0`, and the arguments start at `$1`.
    let takes_first = used.name || at + 1 < entrypoint.len();
    match (used.name || used.rest, takes_first) {
        (false, _) => Some(LostArguments::All),
        (true, false) => Some(LostArguments::First),
        (true, true) if !used.rest && at + 1 < entrypoint.len() => Some(LostArguments::All),
        (true, true) => None,
    }
}

/// Positional parameters that a script uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Used {
    /// `$0`.
    name: bool,
    /// `$1` and higher, `$@`, `$*`.
    rest: bool,
}

impl Used {
    /// Reads a script as a POSIX shell would, as far as quotes go: what is in single quotes is not for this shell.
    fn by(script: &str) -> Self {
        let mut used = Self::default();
        let mut bytes = script.bytes().peekable();
        let mut is_quoted = false;
        while let Some(byte) = bytes.next() {
            match byte {
                b'\\' => {
                    bytes.next();
                }
                b'"' => is_quoted = !is_quoted,
                b'\'' if !is_quoted => {
                    bytes.by_ref().find(|&byte| byte == b'\'');
                }
                b'$' => {
                    bytes.next_if_eq(&b'{');
                    match bytes.next_if(|byte| byte.is_ascii_digit() || b"@*$".contains(byte)) {
                        Some(b'0') => used.name = true,
                        Some(b'$') | None => {}
                        Some(_) => used.rest = true,
                    }
                }
                _ => {}
            }
        }
        used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(words: &[&str], pass_args: PassArgs) -> Option<LostArguments> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        lost_arguments(&words, pass_args)
    }

    #[test]
    fn a_shell_hands_arguments_on_only_where_its_script_uses_them() {
        let form = |script| lost(&["/bin/sh", "-c", script], PassArgs::Both);
        for script in [
            "sh /opt/sim.sh",
            "exec program",
            "awk '{print $1}' in > out",
            "program \\$@",
            "program $$",
            "echo 'it'\"'\"'s $1'",
            "program $#",
            "program $ARG",
        ] {
            assert_eq!(form(script), Some(LostArguments::All), "{script}");
        }
        for script in ["exec program \"$@\"", "program $*", "program $1 $2", "program ${1:-7}"] {
            assert_eq!(form(script), Some(LostArguments::First), "{script}");
        }
        for script in [
            "exec p \"$0\" \"$@\"",
            "p $0",
            "p ${0} ${@}",
            "p \"it's $0\" $*",
            "p $ARGS",
            "exec p ${ARGS}",
            "python3 -c 'import os; os.environ[\"ARGS\"]'",
        ] {
            assert_eq!(form(script), None, "{script}");
        }
    }

    #[test]
    fn a_word_after_the_script_is_its_name() {
        let shell = ["/bin/bash", "-o", "pipefail", "-c"];
        let form = |rest: &[&str]| lost(&[&shell, rest].concat(), PassArgs::Argv);
        assert_eq!(form(&["exec p \"$@\"", "p"]), None);
        assert_eq!(form(&["exec p", "p"]), Some(LostArguments::All));
        assert_eq!(form(&["exec p \"$0\"", "p"]), Some(LostArguments::All));
        assert_eq!(form(&["exec p $ARGS"]), Some(LostArguments::All), "ARGS is not set");
    }

    #[test]
    fn other_entry_points_and_other_ways_lose_nothing() {
        for words in [
            &[][..],
            &["/opt/program"],
            &["sh", "/opt/sim.sh"],
            &["/bin/sh", "-c"],
            &["python3", "-c", "print(1)"],
            &["bash", "-l", "/entry.sh", "-c", "x"],
        ] {
            assert_eq!(lost(words, PassArgs::Both), None, "{words:?}");
        }
        assert_eq!(lost(&["/bin/sh", "-c", "program"], PassArgs::Env), None);
        assert_eq!(
            lost(&["tini", "--", "sh", "-c", "program"], PassArgs::Both),
            Some(LostArguments::All),
            "an init before the shell changes nothing"
        );
    }
}
