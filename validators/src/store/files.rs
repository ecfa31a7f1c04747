//! Collecting: outputs are put where they belong, by batch and job.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::collect::{self, Collected};
use crate::outputs;
use crate::route::{AssimilateRoute, Layout, NamedFile, PathTemplate};
use crate::routes::Routed;
use crate::script::extra_outputs::ExtraOutput;
use crate::spool::{ClaimedItem, ItemOutput, OutputState, WorkunitOutcome, reasons};
use crate::subject::Subject;
use boinc::file_error::FileError;
use boinc::names::output::is_output_name;

/// Something is in the way, or the place can't be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The system refuses.
    #[error(transparent)]
    File(#[from] FileError),
    /// The names would lead out of the directory for this output.
    #[error("invalid assimilate.path: it leads out of the directory for the output {0}")]
    Outside(String),
    /// A script has made a file with this name of an output, which the route did not know.
    #[error("the assimilate script wrote {0}, which is the name of an output; help: choose another name")]
    Taken(String),
}

/// What collecting has done.
#[derive(Debug, Default)]
pub(crate) struct StoredFiles {
    /// Where each output is, by number; those that were taken.
    pub files: Vec<(usize, PathBuf)>,
    /// For the log.
    pub lines: Vec<String>,
}

impl StoredFiles {
    /// Puts a file in its place.
    fn take(
        &mut self,
        source: &Path,
        number: usize,
        target: PathBuf,
        changed: &mut BTreeSet<PathBuf>,
    ) -> Result<(), StoreError> {
        let (file, _) = outputs::open_regular(source).map_err(io_error(source))?;
        let taken = collect::take(&file, &target, changed).map_err(io_error(&target))?;
        if taken == Collected::Replaced {
            self.lines.push(format!("{}: replaced an older file", target.display()));
        }
        self.files.push((number, target));
        Ok(())
    }
}

/// Where the files of a workunit go.
struct Destination<'a> {
    route: &'a AssimilateRoute,
    subject: &'a Subject,
    /// The top directory, resolved.
    top: PathBuf,
    batch: String,
    /// The batch's number in the database; 0 if it is not asked for, or there is no batch.
    batch_id: String,
    job: String,
}

/// The logical name of an output: the route's, the server's, or its number.
pub(crate) fn name_of(routed: &Routed, output: &ItemOutput) -> String {
    let given = output.logical_name.as_deref().filter(|name| is_output_name(name));
    routed.name(output.number).or(given).map_or_else(|| output.number.to_string(), str::to_owned)
}

/// Puts an item's outputs, or the note of its failure, in their places. `top` is the route's directory, resolved.
pub(crate) fn store_outputs(
    claimed: &ClaimedItem,
    routed: &Routed,
    subject: &Subject,
    top: &Path,
) -> Result<StoredFiles, StoreError> {
    let to = Destination::new(claimed, routed, subject, top);
    let mut placed = StoredFiles::default();
    let mut changed = BTreeSet::new();
    let mut lost = Vec::new();
    for output in &claimed.item.outputs {
        let name = name_of(routed, output);
        let target = to.output(&name, output.number)?;
        match &output.state {
            OutputState::Stored { .. } => {
                placed.take(&claimed.file(output), output.number, target, &mut changed)?;
            }
            OutputState::Missing if routed.output(output.number).is_some_and(|output| output.optional) => {}
            OutputState::Missing if target.is_file() => placed.files.push((output.number, target)),
            OutputState::Missing => lost.push(format!("{name} is missing")),
            OutputState::Malformed { kind } => lost.push(format!("{name} is a {kind}, not a file")),
        }
    }
    let note = match &claimed.item.outcome {
        WorkunitOutcome::Failed { mask } => Some(format!("{mask:#x} {}\n", reasons(*mask))),
        WorkunitOutcome::Canonical if lost.is_empty() => None,
        WorkunitOutcome::Canonical => {
            let text = format!("failed to collect outputs: {}\n", lost.join(", "));
            placed.lines.push(format!("{}: {}", claimed.item.key, text.trim_end()));
            Some(text)
        }
    };
    if let Some(note) = note {
        let path = to.error();
        collect::write(note.as_bytes(), &path, &mut changed).map_err(io_error(&path))?;
    }
    collect::sync(&changed)?;
    Ok(placed)
}

/// Puts what the route's script made beside an item's outputs.
pub(crate) fn store_extra_outputs(
    claimed: &ClaimedItem,
    made: &[ExtraOutput],
    routed: &Routed,
    subject: &Subject,
    top: &Path,
) -> Result<StoredFiles, StoreError> {
    let to = Destination::new(claimed, routed, subject, top);
    let outputs = &claimed.item.outputs;
    let known = routed.route.outputs.as_ref().map_or(0, Vec::len);
    let first = outputs.iter().map(|output| output.number + 1).max().unwrap_or(0).max(known);
    let mut placed = StoredFiles::default();
    let mut changed = BTreeSet::new();
    for file in made {
        if outputs.iter().any(|output| name_of(routed, output) == file.name) {
            return Err(StoreError::Taken(file.name.clone()));
        }
        // The same for each workunit, whatever else its script has made.
        let number = first + file.number;
        placed.take(&file.path, number, to.output(&file.name, number)?, &mut changed)?;
    }
    collect::sync(&changed)?;
    Ok(placed)
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> FileError {
    FileError::new("failed to collect", path)
}

impl<'a> Destination<'a> {
    fn new(claimed: &ClaimedItem, routed: &'a Routed, subject: &'a Subject, top: &Path) -> Self {
        // Names of others go by the batch's number, and 0 stands for none, as upstream has it.
        let batch_id = claimed.batch_id().unwrap_or("0").to_owned();
        Self {
            route: &routed.route.assimilate,
            subject,
            top: top.to_owned(),
            batch: subject.batch.clone().unwrap_or_else(|| batch_id.clone()),
            batch_id,
            job: subject.job.clone().unwrap_or_else(|| subject.workunit.clone()),
        }
    }

    /// Where a layout by batch puts this workunit's files.
    fn batch_directory(&self) -> Option<&str> {
        match (self.route.layout, &self.route.path) {
            (Layout::Batch, None) => Some(&self.batch),
            (Layout::BatchId, None) => Some(&self.batch_id),
            _ => None,
        }
    }

    fn output(&self, name: &str, number: usize) -> Result<PathBuf, StoreError> {
        if let Some(path) = &self.route.path {
            let outside = || StoreError::Outside(name.to_owned());
            let template = PathTemplate::parse(path).map_err(|_| outside())?;
            let file = NamedFile { batch: &self.batch, batch_id: &self.batch_id, output: name, number };
            return Ok(self.top.join(template.render(self.subject, &file).ok_or_else(outside)?));
        }
        Ok(match self.batch_directory() {
            Some(batch) => self.top.join(batch).join(format!("{}__file_{name}", self.subject.workunit)),
            None => self.top.join(&self.job).join(name),
        })
    }

    fn error(&self) -> PathBuf {
        let name = format!("{}_error", self.subject.workunit);
        match self.batch_directory() {
            Some(batch) => self.top.join(batch).join(name),
            None => self.top.join(name),
        }
    }
}
