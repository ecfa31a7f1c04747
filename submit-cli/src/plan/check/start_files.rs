//! The build files that an image starts: whether a kernel or a shell on a volunteer's computer takes them.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use boinc::diagnostic::{Diagnostic, Location};
use boinc::dockerfile::{ContextSource, Scan, pattern};

use crate::plan::app::ContextFile;
use crate::plan::content::is_regular;
use crate::platform;
use boinc::diagnostic::Diagnostics;

/// Bytes of a file that are looked at.
const LOOKED_AT: u64 = 4096;

/// Shells that take a carriage return for a part of the command.
const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ash", "ksh", "zsh"];

/// Checks the files of the image that its ENTRYPOINT or CMD names as programs, or as scripts of a shell. A file that a RUN
/// names may be changed by it, and is left alone.
pub fn check(
    dockerfile: &Path,
    files: &[ContextFile],
    scan: &Scan,
    mistakes: &mut Diagnostics,
    warnings: &mut Vec<Diagnostic>,
) {
    let (words, line) = match (&scan.config.entrypoint, &scan.config.cmd) {
        (words, _) if !words.is_empty() => (words, scan.entrypoint),
        (_, words) => (words, scan.cmd),
    };
    let Some(program) = words.first() else { return };
    let is_shell = SHELLS.contains(&last_part(program));
    let script = words.iter().skip(1).find(|word| !word.starts_with('-')).filter(|_| is_shell);
    for (word, is_program) in [(Some(program), true), (script, false)] {
        let name = word.map(|word| last_part(word));
        let Some(file) = files.iter().find(|file| Some(file.name.as_str()) == name) else { continue };
        let is_changed = scan.runs.iter().any(|(_, text)| {
            text.contains(&file.name) || ["chmod", "dos2unix", "<<"].iter().any(|word| text.contains(word))
        });
        let Some(sources) = copied(scan, &file.name).filter(|_| !is_changed) else { continue };
        let Ok(start) = start_of(&file.path) else { continue };
        let place = Location::line(&file.path, 1);
        let first_line = start.split(|&b| b == b'\n').next().unwrap_or_default();
        let started_by = format!("started by line {} of {}", line.unwrap_or(1), dockerfile.display());
        let is_text = start.starts_with(b"#!") || !is_program;
        if is_text && first_line.ends_with(b"\r") {
            let found = format!(
                "the line ends in a carriage return, which Linux takes for a part of it; {started_by}"
            );
            mistakes.push(Diagnostic::new(place, found).help("save the file with Unix line ends (LF)"));
        } else if is_program && !start.starts_with(b"#!") && !start.starts_with(b"\x7fELF") {
            let found =
                format!("neither a Linux program nor a script with #! in its first line; {started_by}");
            warnings.push(Diagnostic::new(place, found).help(
                "add #!/bin/sh as the first line, or name the interpreter: ENTRYPOINT [\"sh\", \"FILE\"]",
            ));
        } else if is_program
            && !platform::is_program(&file.path)
            && sources.iter().all(|source| source.mode.is_none())
        {
            let found = format!("the file is not executable; {started_by}");
            warnings.push(
                Diagnostic::new(Location::file(&file.path), found)
                    .help(format!("chmod +x {}, or COPY --chmod=755", file.path.display())),
            );
        }
    }
}

fn last_part(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// The instructions that copy a file of the image, if one does.
fn copied<'s>(scan: &'s Scan, name: &str) -> Option<Vec<&'s ContextSource>> {
    let takes = |source: &&ContextSource| match &source.pattern {
        Some(text) => text == "." || pattern::matches(text, name).unwrap_or(false),
        None => false,
    };
    let sources: Vec<_> = scan.context.iter().filter(takes).collect();
    (!sources.is_empty()).then_some(sources)
}

fn start_of(path: &Path) -> io::Result<Vec<u8>> {
    is_regular(path)?;
    let mut start = Vec::new();
    File::open(path)?.take(LOOKED_AT).read_to_end(&mut start)?;
    Ok(start)
}
