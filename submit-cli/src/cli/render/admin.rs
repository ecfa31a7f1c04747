//! What `buoy admin` did or found.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::terminal;
use crate::admin::app_version::Outcome;
use crate::admin::next_steps::Installed;
use crate::admin::plan_class::Merged;

/// Prints which plan classes went into a file.
///
/// # Errors
/// stdout is closed.
pub fn merged(file: &Path, merged: &Merged) -> io::Result<()> {
    let mut out = terminal::out();
    let file = file.display();
    for (names, what) in
        [(&merged.added, "added"), (&merged.replaced, "replaced"), (&merged.unchanged, "there already")]
    {
        for name in names {
            writeln!(out, "{file}: {name}: {what}")?;
        }
    }
    Ok(())
}

/// Prints app versions, a line for each file, and what to do next.
///
/// # Errors
/// stdout is closed.
pub fn app_versions(dir: &Path, installed: &Installed<'_>, next: &[String], dry_run: bool) -> io::Result<()> {
    let mut out = terminal::out();
    for (tree, outcome) in installed.trees.iter().zip(installed.outcomes) {
        let state = match (outcome, dry_run) {
            (Outcome::New, true) => "would be written",
            (Outcome::New, false) => "written",
            (Outcome::Unchanged, _) => "there already",
        };
        writeln!(out, "{}: {state}", dir.join("apps").join(&tree.path).display())?;
        for file in &tree.files {
            let role = match &file.logical_name {
                Some(name) => name.as_str(),
                None => "main program",
            };
            writeln!(out, "  {} ({role}, {} bytes)", file.physical_name, file.hash.bytes)?;
        }
        writeln!(out, "  version.xml")?;
    }
    for step in next {
        // Advice, not data.
        let _ = writeln!(terminal::err(), "next: {step}");
    }
    Ok(())
}

/// Prints app versions as JSON.
///
/// # Errors
/// stdout is closed.
pub fn app_versions_json(
    dir: &Path,
    installed: &Installed<'_>,
    next: &[String],
    dry_run: bool,
) -> io::Result<()> {
    #[derive(Serialize)]
    struct File<'a> {
        physical_name: &'a str,
        logical_name: Option<&'a str>,
        main_program: bool,
        bytes: u64,
        sha256: &'a str,
    }
    #[derive(Serialize)]
    struct Version<'a> {
        directory: String,
        platform: &'static str,
        plan_class: &'a str,
        state: Outcome,
        files: Vec<File<'a>>,
    }
    let versions: Vec<Version<'_>> = installed
        .trees
        .iter()
        .zip(installed.outcomes)
        .map(|(tree, outcome)| Version {
            directory: dir.join("apps").join(&tree.path).display().to_string(),
            platform: tree.platform.name(),
            plan_class: &tree.plan_class,
            state: *outcome,
            files: tree
                .files
                .iter()
                .map(|file| File {
                    physical_name: &file.physical_name,
                    logical_name: file.logical_name.as_deref(),
                    main_program: file.main_program,
                    bytes: file.hash.bytes,
                    sha256: &file.hash.sha256,
                })
                .collect(),
        })
        .collect();
    let number = installed.number.to_string();
    let all = serde_json::json!({
        "app": installed.app,
        "number": number,
        "written": !dry_run,
        "versions": versions,
        "next": next,
    });
    terminal::json(&all)
}
