//! What can be removed from a project.

use std::io::{self, Write};

use boinc::visible::visible;
use serde::Serialize;

use super::terminal;
use super::words::count;
use crate::admin::clean::{File, Removable};
use crate::plan::units::show_size;

/// Prints a line for each batch, and what is removed.
///
/// # Errors
/// stdout is closed.
pub fn text(found: &Removable, delete: bool) -> io::Result<()> {
    let mut out = terminal::out();
    for batch in &found.batches {
        writeln!(out, "batch {}: {}", batch.id, visible(&batch.name))?;
    }
    for running in &found.still_running {
        let (id, name) = (running.batch.id, visible(&running.batch.name));
        let instances = count(running.instances as usize, "instance", "instances");
        writeln!(out, "batch {id}: {name}: left alone, {instances} not finished")?;
    }
    let sum = |files: &[File]| show_size(files.iter().map(|file| file.bytes).sum());
    let verb = if delete { "removing" } else { "would remove" };
    writeln!(
        out,
        "{verb} {} ({}) and {} ({}){}",
        count(found.inputs.len(), "input", "inputs"),
        sum(&found.inputs),
        count(found.outputs.len(), "output", "outputs"),
        sum(&found.outputs),
        if delete { "" } else { "; run with --delete to remove them" }
    )
}

/// Prints all of it as one JSON object.
///
/// # Errors
/// stdout is closed.
pub fn json(found: &Removable, removed: bool) -> io::Result<()> {
    #[derive(Serialize)]
    struct Clean<'a> {
        #[serde(flatten)]
        found: &'a Removable,
        removed: bool,
    }
    terminal::json(&Clean { found, removed })
}
