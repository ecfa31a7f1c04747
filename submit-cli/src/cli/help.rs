//! The layout of help texts: commands in groups, and examples below a command's options.

use std::fmt::Write;

use clap::Command;
use clap::builder::styling::Styles;

/// The groups of `buoy --help`, with the commands of each in the order in which a user needs them.
const GROUPS: [(&str, &[&str]); 4] = [
    ("Set up this computer", &["doctor", "login", "logout", "completions"]),
    ("Describe and try", &["init", "check", "run", "compare"]),
    (
        "Submit and follow",
        &["submit", "pack", "status", "watch", "list", "logs", "fetch", "report", "retry", "abort", "retire"],
    ),
    ("Administer a project", &["admin"]),
];

/// What to type, and what it does.
pub(crate) type Example = (&'static str, &'static str);

/// The template of `buoy --help`. clap lists commands in one group only, so the groups are written here, with the names
/// and summaries of the commands themselves.
pub(crate) fn overview(buoy: &Command) -> String {
    let styles = Styles::default();
    let (header, literal) = (styles.get_header(), styles.get_literal());
    let width = buoy.get_subcommands().map(|command| command.get_name().len()).max().unwrap_or(0);
    let mut text = "{about-with-newline}\n{usage-heading} {usage}\n".to_owned();
    for (group, names) in GROUPS {
        let _ = writeln!(text, "\n{header}{group}:{header:#}");
        for command in names.iter().filter_map(|name| buoy.find_subcommand(name)) {
            let name = command.get_name();
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "  {literal}{name:width$}{literal:#}  {about}");
        }
    }
    let _ = write!(text, "\n{header}Options:{header:#}\n{{options}}{{after-help}}");
    text
}

/// Examples for the end of a command's help.
pub(crate) fn examples(list: &[Example]) -> String {
    let styles = Styles::default();
    let header = styles.get_header();
    let mut text = format!("{header}Examples:{header:#}");
    for (command, what) in list {
        let _ = write!(text, "\n  # {what}\n  {command}");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::cli::Cli;

    /// The commands that do something, without those that only hold others.
    fn leaves(command: &Command, found: &mut Vec<Command>) {
        if !command.has_subcommands() {
            found.push(command.clone());
        }
        command.get_subcommands().for_each(|command| leaves(command, found));
    }

    #[test]
    fn each_command_is_in_one_group() {
        let listed: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        let buoy = Cli::command();
        let commands: BTreeSet<&str> = buoy.get_subcommands().map(Command::get_name).collect();
        assert_eq!(listed.len(), commands.len());
        assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), commands);
    }

    #[test]
    fn each_command_has_a_summary_and_two_examples_that_can_be_typed() {
        let mut commands = Vec::new();
        leaves(&Cli::command(), &mut commands);
        for command in commands {
            let name = command.get_name();
            let about = command.get_about().unwrap_or_else(|| panic!("{name}: no summary")).to_string();
            assert!(about.len() <= 72 && !about.ends_with('.'), "{name}: {about}");
            let help = command.get_after_help().unwrap_or_else(|| panic!("{name}: no examples")).to_string();
            let lines: Vec<&str> = help.lines().filter(|line| line.starts_with("  buoy ")).collect();
            assert!(lines.len() >= 2, "{name}: {help}");
            for line in lines {
                // What a shell does with them is not for buoy: a redirection, and quotes around a value.
                let words =
                    line.split(" > ").next().unwrap_or(line).replace(['"', '\''], "").replace(" GB", "GB");
                let parsed = Cli::try_parse_from(words.split_whitespace());
                assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
                assert!(line.contains(name), "{name}: {line}");
            }
        }
    }
}
