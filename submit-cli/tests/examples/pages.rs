//! What the pages say: command lines that `buoy` takes, and files that its readers take.

use std::fs;
use std::path::{Path, PathBuf};

use boinc::job::policy::Policy;
use boinc::job::spec::JobSpec;
use clap::{Command, CommandFactory, Parser};
use submit_cli::cli::Cli;
use submit_cli::plan::load;
use submit_cli::plan::sources::Sources;
use validators::routes::Routes;

/// README.md and docs/.
fn pages() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let docs = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> = docs.chain([root.join("README.md")]).collect();
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    pages.into_iter().map(|page| (page.clone(), fs::read_to_string(page).unwrap())).collect()
}

/// The blocks of a page in this language, each with the number of its first line.
fn blocks(text: &str, language: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in text.lines().enumerate() {
        let fence = line.trim_start().strip_prefix("```");
        match (fence, &mut open) {
            (Some(name), None) => open = Some((number + 2, name.to_owned() + "\n")),
            (Some(_), Some(_)) => {
                let (number, block) = open.take().unwrap();
                if let Some(block) = block.strip_prefix(&format!("{language}\n")) {
                    blocks.push((number, block.to_owned()));
                }
            }
            (None, Some((_, block))) => block.push_str(&format!("{line}\n")),
            (None, None) => {}
        }
    }
    blocks
}

/// The words of a command line, without what a shell would do with them. Words of the pages have no blanks.
fn words(command: &str) -> Vec<String> {
    let command = command.split(" #").next().unwrap();
    command.split_whitespace().map(|word| word.trim_matches(['\'', '"']).to_owned()).collect()
}

#[test]
fn buoy_takes_every_command_of_the_pages() {
    let mut seen = 0;
    for (page, text) in pages() {
        for (number, block) in blocks(&text, "sh") {
            for (offset, line) in block.lines().enumerate() {
                let line = line.trim_start().trim_start_matches("$ ");
                if !line.starts_with("buoy ") {
                    continue;
                }
                let taken = Cli::try_parse_from(words(line));
                assert!(
                    taken.is_ok(),
                    "{}:{}: {line}\n{}",
                    page.display(),
                    number + offset,
                    taken.unwrap_err()
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen} commands were found");
}

/// Between the lines a command is named without all its arguments: the verbs and the options exist.
#[test]
fn the_text_of_the_pages_names_verbs_and_options_that_exist() {
    let mut buoy = Cli::command();
    buoy.build();
    let mut seen = 0;
    for (page, text) in pages() {
        for (number, line) in text.lines().enumerate() {
            for code in line.split('`').skip(1).step_by(2).filter(|code| code.starts_with("buoy ")) {
                if let Err(why) = check_names(&buoy, &words(code)[1..]) {
                    panic!("{}:{}: `{code}`: {why}", page.display(), number + 1);
                }
                seen += 1;
            }
        }
    }
    assert!(seen > 100, "{seen} commands were found");
}

fn check_names(buoy: &Command, words: &[String]) -> Result<(), String> {
    let mut command = buoy;
    for word in words {
        if let Some(option) = word.strip_prefix("--") {
            let name = option.split('=').next().unwrap();
            if !command.get_arguments().any(|arg| arg.get_long() == Some(name)) {
                return Err(format!("{} has no option --{name}", command.get_name()));
            }
        } else if let Some(verb) = command.find_subcommand(word) {
            command = verb;
        } else if command.has_subcommands() && !word.starts_with('-') && word != "COMMAND" {
            return Err(format!("{} has no command {word}", command.get_name()));
        }
    }
    Ok(())
}

/// A whole file is taken as it is. Of a part of one, every key is known where it stands: the rest is missing.
#[test]
fn the_readers_know_every_key_of_the_pages() {
    let mut seen = 0;
    for (page, text) in pages() {
        let name = page.file_stem().unwrap().to_str().unwrap().to_owned();
        for (number, block) in blocks(&text, "toml") {
            let mistakes = match (name.as_str(), first_table(&block)) {
                ("login", _) => continue,
                ("job-toml", _) => said(JobSpec::parse(&block, "job.toml")),
                ("policy", _) => said(Policy::parse(&block)),
                ("batch-toml", _) => unknown(&mistakes_of_app(APP, Some(&block))),
                ("app-toml", "") => unknown(&mistakes_of_app(&block, None)),
                (_, "") => unknown(&mistakes_of_app(&format!("{APP}[validate]\n{block}"), None)),
                (_, "script" | "validate" | "validate.output" | "assimilate" | "image") => {
                    unknown(&mistakes_of_app(&format!("{APP}{block}"), None))
                }
                _ => said_of_routes(&block),
            };
            assert_eq!(mistakes, "", "{}:{number}", page.display());
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen} files were found");
}

const APP: &str = "name = \"vina\"\nversion = \"1\"\n";

/// The name of the first table, if no key is before it.
fn first_table(block: &str) -> &str {
    let line =
        block.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#')).unwrap_or_default();
    line.trim_start_matches('[')
        .split_once(']')
        .filter(|_| line.starts_with('['))
        .map_or("", |(name, _)| name)
}

fn said<T, E: std::fmt::Display>(read: Result<T, E>) -> String {
    read.map_or_else(|error| error.to_string(), |_| String::new())
}

fn mistakes_of_app(app: &str, batch: Option<&str>) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let (file, jobs) = (dir.path().join("app.toml"), dir.path().join("batch.toml"));
    fs::write(&file, app).unwrap();
    let mut sources = Sources { app: file, ..Sources::default() };
    if let Some(batch) = batch {
        // Where the app is, a page may say as it likes.
        let lines = batch.lines().filter(|line| !line.starts_with("app ="));
        fs::write(&jobs, lines.collect::<Vec<_>>().join("\n")).unwrap();
        sources.jobs = vec![jobs];
    }
    let mistakes = load::load(&sources).err().unwrap_or_default();
    mistakes.iter().map(ToString::to_string).collect()
}

fn unknown(mistakes: &[String]) -> String {
    let of_the_text = |said: &&String| said.contains("unknown key") || said.contains("TOML");
    mistakes.iter().filter(of_the_text).cloned().collect::<Vec<_>>().join("\n")
}

fn said_of_routes(block: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("routes.toml");
    fs::write(&file, block).unwrap();
    said(Routes::open(&file, dir.path()))
}
