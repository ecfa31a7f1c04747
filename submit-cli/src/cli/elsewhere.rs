//! A command line again, as it was understood, for the `buoy` of another system.

use std::any::TypeId;
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::platform::PathThere;

/// The words after the program's name that give the same `matches` there. `command` was built, so that each of its commands
/// knows the options of all.
///
/// # Errors
/// When a path has no name there.
pub fn words(command: &Command, matches: &ArgMatches, path: PathThere<'_>) -> io::Result<Vec<OsString>> {
    let mut words = Vec::new();
    let mut positionals = Vec::new();
    let sub = matches.subcommand();
    for arg in command.get_arguments() {
        let id = arg.get_id().as_str();
        let is_given = matches.value_source(id) == Some(ValueSource::CommandLine);
        // An option of all commands is known to the last of them too.
        if !is_given || (sub.is_some() && arg.is_global_set()) {
            continue;
        }
        let name = arg.get_long().map(|long| format!("--{long}"));
        match (arg.get_action(), name) {
            (ArgAction::Count, Some(name)) => {
                words.extend((0..matches.get_count(id)).map(|_| OsString::from(&name)));
            }
            (ArgAction::SetTrue | ArgAction::SetFalse, Some(name)) => words.push(name.into()),
            (_, name) => {
                for value in matches.get_raw(id).into_iter().flatten() {
                    let value = value_there(arg, value, path)?;
                    match &name {
                        Some(name) => {
                            let mut word = OsString::from(format!("{name}="));
                            word.push(value);
                            words.push(word);
                        }
                        None => positionals.push(value.into_owned()),
                    }
                }
            }
        }
    }
    if let Some((name, matches)) = sub
        && let Some(command) = command.find_subcommand(name)
    {
        words.push(name.into());
        words.extend(self::words(command, matches, path)?);
    } else if !positionals.is_empty() {
        words.push("--".into());
        words.extend(positionals);
    }
    Ok(words)
}

/// A value, which is a path if its type says so, or ends in one if its form in the help says so.
fn value_there<'a>(arg: &Arg, value: &'a OsStr, path: PathThere<'_>) -> io::Result<Cow<'a, OsStr>> {
    if arg.get_value_parser().type_id() == TypeId::of::<PathBuf>() {
        return path(value).map(Cow::Owned);
    }
    let form = arg.get_value_names().and_then(|names| names.first());
    if let (true, Some(text)) = (form.is_some_and(|form| form.ends_with("=FILE")), value.to_str())
        && let Some((name, file)) = text.split_once('=')
    {
        let mut word = OsString::from(format!("{name}="));
        word.push(path(OsStr::new(file))?);
        return Ok(Cow::Owned(word));
    }
    Ok(Cow::Borrowed(value))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    fn there(line: &[&str]) -> Vec<String> {
        let mut command = Cli::command();
        command.build();
        let matches = command.clone().try_get_matches_from([&["buoy"], line].concat()).unwrap();
        let path = |path: &OsStr| Ok(OsString::from(format!("/there/{}", path.to_str().unwrap())));
        let words = words(&command, &matches, &path).unwrap();
        words.into_iter().map(|word| word.into_string().unwrap()).collect()
    }

    #[test]
    fn each_kind_of_argument_is_given_again() {
        let line = [
            "-vv",
            "run",
            "app",
            "jobs.csv",
            "--slots",
            "4",
            "--shared",
            "in=file",
            "--sweep",
            "a=1..2",
            "--sweep",
            "b=3",
            "--keep",
            "--out=results",
            "--command",
            "--x '\\d' *",
        ];
        assert_eq!(
            there(&line),
            [
                "run",
                "--sweep=a=1..2",
                "--sweep=b=3",
                "--command=--x '\\d' *",
                "--shared=in=/there/file",
                "--out=/there/results",
                "--slots=4",
                "--keep",
                "--verbose",
                "--verbose",
                "--",
                "/there/app",
                "/there/jobs.csv",
            ]
        );
    }

    #[test]
    fn it_means_the_same_there() {
        let lines: [&[&str]; 4] = [
            &["doctor"],
            &["run", "--engine", "podman", "--json", "-v", "--", "-app"],
            &["admin", "check", "project", "-v"],
            &["run", "app", "--retry"],
        ];
        for line in lines {
            let mut command = Cli::command();
            command.build();
            let matches = |line: &[OsString]| command.clone().try_get_matches_from(line).unwrap();
            let first: Vec<OsString> = [&["buoy"], line].concat().iter().map(OsString::from).collect();
            let same = |path: &OsStr| Ok(path.to_owned());
            let again = words(&command, &matches(&first), &same).unwrap();
            let again = [vec![OsString::from("buoy")], again].concat();
            assert_eq!(words(&command, &matches(&again), &same).unwrap(), again[1..], "{line:?}");
        }
    }
}
