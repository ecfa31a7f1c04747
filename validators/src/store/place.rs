//! Collecting: outputs are put where they belong, by batch and job.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::collect::{self, Collected};
use crate::routes::{AssimilateRoute, Layout, PathTemplate, Routed, is_output_name};
use crate::spool::{Claimed, Happened, ItemOutput, OutputState};
use crate::subject::Subject;

/// Something is in the way, or the place can't be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaceError {
    /// The system refuses.
    #[error("{path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The names would lead out of the directory.
    #[error("{output}: assimilate.path gives no path inside the directory for it")]
    Outside {
        /// The output.
        output: String,
    },
}

/// What collecting has done.
#[derive(Debug, Default)]
pub(crate) struct Placed {
    /// Where each output is, by number; those that were taken.
    pub files: Vec<(usize, PathBuf)>,
    /// For the log.
    pub lines: Vec<String>,
}

/// Where the files of a workunit go.
struct Destination<'a> {
    route: &'a AssimilateRoute,
    subject: &'a Subject,
    /// The top directory, resolved.
    top: PathBuf,
    batch: String,
    job: String,
}

/// The logical name of an output: the route's, the server's, or its number.
pub(crate) fn name_of(routed: &Routed, output: &ItemOutput) -> String {
    let given = output.given_name.as_deref().filter(|name| is_output_name(name));
    routed.name(output.number).or(given).map_or_else(|| output.number.to_string(), str::to_owned)
}

/// Puts an item's outputs, or the note of its failure, in their places. `top` is the route's directory, resolved.
pub(crate) fn place(
    claimed: &Claimed,
    routed: &Routed,
    subject: &Subject,
    top: &Path,
) -> Result<Placed, PlaceError> {
    // Names of others go by the batch's number, and 0 stands for none, as upstream has it.
    let batch = subject.batch.clone().or(claimed.item.batch_id.clone()).unwrap_or_else(|| "0".to_owned());
    let job = subject.job.clone().unwrap_or_else(|| subject.workunit.clone());
    let to = Destination { route: &routed.route.assimilate, subject, top: top.to_owned(), batch, job };
    let mut placed = Placed::default();
    let mut changed = BTreeSet::new();
    let mut lost = Vec::new();
    for output in &claimed.item.outputs {
        let name = name_of(routed, output);
        let target = to.output(&name, output.number)?;
        match &output.state {
            OutputState::Taken { .. } => {
                let path = claimed.file(output);
                let file = File::open(&path).map_err(io_error(&path))?;
                let taken = collect::take(&file, &target, &mut changed).map_err(io_error(&target))?;
                if taken == Collected::Replaced {
                    placed.lines.push(format!("{}: replaced an older file", target.display()));
                }
                placed.files.push((output.number, target));
            }
            OutputState::Missing if is_optional(routed, output.number) => {}
            OutputState::Missing if target.is_file() => placed.files.push((output.number, target)),
            OutputState::Missing => lost.push(format!("{name} is missing")),
            OutputState::Malformed { kind } => lost.push(format!("{name} is a {kind}, not a file")),
        }
    }
    let note = match &claimed.item.happened {
        Happened::Failed { mask } => Some(format!("{mask:#x} {}\n", crate::spool::reasons(*mask))),
        Happened::Done if lost.is_empty() => None,
        Happened::Done => {
            let text = format!("outputs could not be taken: {}\n", lost.join(", "));
            placed.lines.push(format!("{}: {}", claimed.item.key, text.trim_end()));
            Some(text)
        }
    };
    if let Some(note) = note {
        let path = to.error();
        collect::write(note.as_bytes(), &path, &mut changed).map_err(io_error(&path))?;
    }
    collect::sync(&changed).map_err(|(path, source)| PlaceError::Io { path, source })?;
    Ok(placed)
}

fn is_optional(routed: &Routed, number: usize) -> bool {
    routed
        .route
        .outputs
        .as_ref()
        .and_then(|outputs| outputs.get(number))
        .is_some_and(|output| output.optional)
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> PlaceError {
    let path = path.to_owned();
    move |source| PlaceError::Io { path, source }
}

impl Destination<'_> {
    fn output(&self, name: &str, number: usize) -> Result<PathBuf, PlaceError> {
        if let Some(path) = &self.route.path {
            let outside = || PlaceError::Outside { output: name.to_owned() };
            let template = PathTemplate::parse(path).map_err(|_| outside())?;
            let path = template.render(self.subject, &self.batch, name, number).ok_or_else(outside)?;
            return Ok(self.top.join(path));
        }
        Ok(match self.route.layout {
            Layout::Batch => {
                self.top.join(&self.batch).join(format!("{}__file_{name}", self.subject.workunit))
            }
            Layout::Job => self.top.join(&self.job).join(name),
        })
    }

    fn error(&self) -> PathBuf {
        let name = format!("{}_error", self.subject.workunit);
        match (self.route.layout, &self.route.path) {
            (Layout::Batch, None) => self.top.join(&self.batch).join(name),
            _ => self.top.join(name),
        }
    }
}
