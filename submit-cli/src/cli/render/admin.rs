//! What `buoy admin` did or found.

use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::terminal;
use crate::admin::app_version::{Outcome, Tree, VersionFile};
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
    let file = |file: &VersionFile| {
        json!({
            "physical_name": file.physical_name,
            "logical_name": file.logical_name,
            "main_program": file.main_program,
            "bytes": file.hash.bytes,
            "sha256": file.hash.sha256,
        })
    };
    let version = |(tree, outcome): (&Tree, &Outcome)| {
        json!({
            "directory": dir.join("apps").join(&tree.path).display().to_string(),
            "platform": tree.platform.name(),
            "plan_class": tree.plan_class,
            "state": outcome,
            "files": tree.files.iter().map(file).collect::<Vec<_>>(),
        })
    };
    let versions: Vec<Value> = installed.trees.iter().zip(installed.outcomes).map(version).collect();
    let number = installed.number.to_string();
    let all = json!({
        "app": installed.app,
        "number": number,
        "written": !dry_run,
        "versions": versions,
        "next": next,
    });
    terminal::json(&all)
}
