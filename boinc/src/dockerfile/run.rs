//! How a RUN is carried out: the words that the container gets.

use super::instruction::{CommandLine, Run};
use super::plan::{ENV_FILE, RunStep, SCRIPT_FILE};

/// Longer scripts are mounted as a file: Linux takes 128 KiB for one argument.
const MAX_ARGUMENT: usize = 120_000;

const POSIX_SHELLS: [&str; 7] = ["ash", "bash", "dash", "ksh", "mksh", "sh", "zsh"];

/// The shell of images that do not name one.
pub(super) fn default_shell() -> Vec<String> {
    vec!["/bin/sh".to_owned(), "-c".to_owned()]
}

/// Whether the words of a SHELL end in a POSIX shell that takes a script as its next argument: `bash -o pipefail -c`,
/// `conda run -n x bash -c`.
pub fn is_posix_shell(shell: &[String]) -> bool {
    let is_shell = |word: &String| POSIX_SHELLS.contains(&word.rsplit('/').next().unwrap_or(word));
    let Some(program) = shell.iter().rposition(is_shell) else { return false };
    let options = &shell[program + 1..];
    let takes_script = options.last().is_some_and(|last| last.starts_with('-') && last.ends_with('c'));
    let mut takes_name = false;
    takes_script
        && options.iter().all(|word| {
            let is_option = word.starts_with(['-', '+']);
            let good = is_option != takes_name;
            takes_name = is_option && word.ends_with('o');
            good
        })
}

/// Makes the step. `args` are the ARG values in scope.
///
/// # Errors
/// What was found, and what to do, where ARG values could not reach the command.
pub(super) fn step(
    run: &Run,
    shell: &[String],
    args: Vec<(String, String)>,
    line: u32,
    text: String,
) -> Result<RunStep, (String, &'static str)> {
    const USE_ENV: &str = "use ENV for these values, or a RUN for /bin/sh before SHELL changes";
    let posix = is_posix_shell(shell);
    let name = || args.first().map_or("", |(name, _)| name.as_str()).to_owned();
    let script = match run {
        Run::Command(CommandLine::Exec(_)) if !args.is_empty() => {
            let found = format!("RUN in exec form after ARG {}: no shell is there that could set it", name());
            return Err((found, "write RUN without JSON, or use ENV for these values"));
        }
        Run::Command(CommandLine::Exec(words)) => {
            return Ok(RunStep {
                line,
                text,
                command: words.clone(),
                script: None,
                reads_env_file: false,
                args,
            });
        }
        Run::Command(CommandLine::Shell(script)) | Run::Script(script) => script,
    };
    let interpreter = match run {
        Run::Script(body) => body.strip_prefix("#!").map(interpreter).transpose()?,
        Run::Command(_) => None,
    };
    let shell_with = |last: String| shell.iter().cloned().chain([last]).collect();
    if !posix {
        if !args.is_empty() {
            return Err((format!("ARG {} and a SHELL that is not a POSIX shell", name()), USE_ENV));
        }
        if let Some(mut words) = interpreter {
            words.push(SCRIPT_FILE.to_owned());
            let script = Some(script.clone().into_bytes());
            return Ok(RunStep { line, text, command: words, script, reads_env_file: false, args });
        }
        if script.len() > MAX_ARGUMENT {
            let found = format!("a script of {} bytes and a SHELL that is not a POSIX shell", script.len());
            return Err((found, "put the script into a file, and COPY it"));
        }
        let command = shell_with(script.clone());
        return Ok(RunStep { line, text, command, script: None, reads_env_file: false, args });
    }
    let (command, script) = if let Some(words) = interpreter {
        // Not by its path: the mount can be of a file system without executables.
        let words: Vec<String> = words.iter().map(|word| quote(word)).collect();
        (format!(". {ENV_FILE}; exec {} {SCRIPT_FILE}", words.join(" ")), Some(script.clone().into_bytes()))
    } else if script.len() > MAX_ARGUMENT {
        (format!(". {ENV_FILE}; . {SCRIPT_FILE}"), Some(script.clone().into_bytes()))
    } else {
        (format!(". {ENV_FILE}; {script}"), None)
    };
    Ok(RunStep { line, text, command: shell_with(command), script, reads_env_file: true, args })
}

/// The program of a `#!` line and its argument, as Linux splits them.
fn interpreter(after: &str) -> Result<Vec<String>, (String, &'static str)> {
    let line = after.split('\n').next().unwrap_or("").trim_matches([' ', '\t']);
    let (program, argument) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    if !program.starts_with('/') {
        return Err((
            format!("the interpreter {program:?} of the script"),
            "write its path: #!/usr/bin/env python3",
        ));
    }
    let argument = argument.trim_start_matches([' ', '\t']);
    let argument = (!argument.is_empty()).then(|| argument.to_owned());
    Ok(std::iter::once(program.to_owned()).chain(argument).collect())
}

/// A word for a POSIX shell.
fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posix_shells_are_known_by_their_name_and_options() {
        let good: [&[&str]; 7] = [
            &["/bin/sh", "-c"],
            &["/bin/bash", "-o", "pipefail", "-c"],
            &["bash", "-euxo", "pipefail", "-c"],
            &["/bin/bash", "-lc"],
            &["conda", "run", "-n", "env", "/bin/bash", "-c"],
            &["/bin/busybox", "sh", "-c"],
            &["/bin/ash", "-eo", "pipefail", "-c"],
        ];
        let bad: [&[&str]; 7] = [
            &["python3", "-c"],
            &["/bin/bash"],
            &["/bin/bash", "-c", "--"],
            &["/usr/local/bin/_dockerfile_shell.sh"],
            &["bash", "-c", "eval"],
            &["bash", "x", "-c"],
            &["pwsh", "-Command"],
        ];
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        for shell in good {
            assert!(is_posix_shell(&words(shell)), "{shell:?}");
        }
        for shell in bad {
            assert!(!is_posix_shell(&words(shell)), "{shell:?}");
        }
    }
}
