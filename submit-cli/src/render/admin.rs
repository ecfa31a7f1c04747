//! What `buoy admin` did or found.

use std::io::{self, Write};
use std::path::Path;

use crate::admin::plan_class::Merged;

/// Prints which plan classes went into a file.
///
/// # Errors
/// stdout is closed.
pub fn merged(file: &Path, merged: &Merged) -> io::Result<()> {
    let mut out = io::stdout().lock();
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
