//! `buoy-assimilate`: takes the outputs of a canonical result, or notes that a workunit failed.
//!
//! An exit other than 0 ends the daemon, which then starts with the same workunit again, and no science app's
//! results are taken any more. After exit 0 the server deletes the outputs. So 0 is answered when they are
//! safe, even if not where they belong, and anything else only if nothing can be kept at all.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::{Call, Report, with_causes};
use crate::collect::{self, Collected};
use crate::invocation::{self, Failure, ResultFiles, Words};
use crate::outputs::{self, Found};
use crate::routes::{AssimilateRoute, Layout, Routed};
use crate::workunit_name::WorkunitName;

/// Stops the daemon: nothing can be kept.
const STOP: u8 = 1;

pub(super) fn run(call: &Call) -> Report {
    let mut lines = Vec::new();
    let done = match invocation::failure(call.argv) {
        Ok(Some(failure)) => note_failure(call, &failure, &mut lines),
        Ok(None) => match invocation::words(call.argv) {
            Ok(words) => take_outputs(call, &words, &mut lines),
            Err(error) => Err(error.to_string()),
        },
        Err(error) => Err(error.to_string()),
    };
    if let Err(reason) = &done {
        lines.push(format!("nothing is assimilated until this is mended: {reason}"));
    }
    Report { exit_code: if done.is_ok() { 0 } else { STOP }, lines }
}

/// Where the files of a workunit go.
struct Destination {
    route: AssimilateRoute,
    /// The top directory, resolved.
    directory: PathBuf,
    workunit: String,
    batch: String,
    job: String,
}

impl Destination {
    fn new(call: &Call, route: AssimilateRoute, workunit: &str, batch_id: Option<&str>) -> Self {
        let name = workunit.parse::<WorkunitName>().ok();
        // Names of others go by the batch's number, and 0 stands for none, as upstream has it.
        let batch = name.as_ref().map_or(batch_id.unwrap_or("0"), WorkunitName::batch).to_owned();
        let job = name.as_ref().map_or(workunit, WorkunitName::job).to_owned();
        Self { directory: call.path(&route.directory), workunit: workunit.to_owned(), batch, job, route }
    }

    fn output(&self, name: &str) -> PathBuf {
        match self.route.layout {
            Layout::Batch => self.directory.join(&self.batch).join(format!("{}__file_{name}", self.workunit)),
            Layout::Job => self.directory.join(&self.job).join(name),
        }
    }

    fn error(&self) -> PathBuf {
        let name = format!("{}_error", self.workunit);
        match self.route.layout {
            Layout::Batch => self.directory.join(&self.batch).join(name),
            Layout::Job => self.directory.join(name),
        }
    }
}

/// The route of a workunit; without a usable one, the usual place, so that nothing is lost or held up.
fn route(call: &Call, workunit: Option<&WorkunitName>, lines: &mut Vec<String>) -> Routed {
    call.route(workunit).unwrap_or_else(|error| {
        let place = AssimilateRoute::default().directory;
        lines.push(format!("{}; files go to {} meanwhile", with_causes(&error), place.display()));
        Routed::default()
    })
}

fn note_failure(call: &Call, failure: &Failure, lines: &mut Vec<String>) -> Result<(), String> {
    // A name of someone else's making is not trusted as a path.
    let is_plain = |name: &str| !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\0']);
    let workunit = if is_plain(&failure.workunit) {
        failure.workunit.clone()
    } else {
        format!("wu_{}", failure.workunit_id.replace('/', "_"))
    };
    let batch_id = is_plain(&failure.batch_id).then_some(failure.batch_id.as_str());
    let routed = route(call, workunit.parse().ok().as_ref(), lines);
    let destination = Destination::new(call, routed.route.assimilate, &workunit, batch_id);
    let text = format!("{:#x} {}\n", failure.mask, reasons(failure.mask));
    keep(&destination, &destination.error(), text.as_bytes()).map_err(|(path, error)| message(&path, &error))
}

fn take_outputs(call: &Call, words: &Words, lines: &mut Vec<String>) -> Result<(), String> {
    let id = words.first_number.as_deref().unwrap_or("0");
    if words.paths.is_empty() {
        lines.push(format!("workunit {id} has no outputs: there is nothing to take"));
        return Ok(());
    }
    let files = ResultFiles::new(&words.paths).unwrap_or_else(|error| {
        lines.push(format!("{error}; the files of workunit {id} are kept by number"));
        ResultFiles::unnamed(&words.paths)
    });
    let workunit =
        files.identity.as_ref().map_or_else(|| format!("wu_{id}"), |(workunit, _)| workunit.clone());
    let routed = route(call, files.workunit().as_ref(), lines);
    let destination = Destination::new(call, routed.route.assimilate.clone(), &workunit, None);
    let mut lost = Vec::new();
    let mut directories = BTreeSet::new();
    for (position, (number, path)) in files.outputs.iter().enumerate() {
        let given = words.names[position].as_deref().filter(|name| crate::routes::is_output_name(name));
        let name = routed.name(*number).or(given).map_or_else(|| number.to_string(), str::to_owned);
        let target = destination.output(&name);
        let is_optional = routed
            .route
            .outputs
            .as_ref()
            .and_then(|outputs| outputs.get(*number))
            .is_some_and(|o| o.optional);
        let source = call.path(path);
        let file = match outputs::open(&source).map_err(|error| message(&source, &error))? {
            Found::File { file, .. } => file,
            // Taken already by a call that was interrupted, or allowed to be missing.
            Found::Absent if is_optional || target.is_file() => continue,
            Found::Absent => {
                lost.push(format!("{name} is missing"));
                continue;
            }
            Found::Malformed(kind) => {
                lost.push(format!("{name} is a {kind}, not a file"));
                continue;
            }
        };
        let taken = collect::take(&file, &target, &mut directories).or_else(|error| {
            if !is_about_the_name(&error) {
                return Err((target.clone(), error));
            }
            // Something else is in the way of this one workunit: no reason to hold up the others.
            let aside = destination.directory.join("unplaced").join(path.file_name().unwrap_or_default());
            lines.push(format!("{}: it is kept as {}", message(&target, &error), aside.display()));
            collect::take(&file, &aside, &mut directories).map_err(|error| (aside, error))
        });
        match taken {
            Ok(Collected::Replaced) => lines.push(format!("{}: replaced an older file", target.display())),
            Ok(Collected::New | Collected::Already) => {}
            Err((path, error)) => return Err(message(&path, &error)),
        }
    }
    collect::sync(&directories).map_err(|(path, error)| message(&path, &error))?;
    if !lost.is_empty() {
        let text = format!("outputs could not be taken: {}\n", lost.join(", "));
        lines.push(format!("{}: {}", files.result_name(), text.trim_end()));
        keep(&destination, &destination.error(), text.as_bytes())
            .map_err(|(path, error)| message(&path, &error))?;
    }
    Ok(())
}

/// Writes a small file, or aside if something is in its way.
fn keep(destination: &Destination, path: &Path, text: &[u8]) -> Result<(), (PathBuf, io::Error)> {
    let mut directories = BTreeSet::new();
    collect::write(text, path, &mut directories).map_err(|error| (path.to_owned(), error)).or_else(
        |(path, error)| {
            if !is_about_the_name(&error) {
                return Err((path, error));
            }
            let aside = destination.directory.join("unplaced").join(path.file_name().unwrap_or_default());
            collect::write(text, &aside, &mut directories).map_err(|error| (aside, error))
        },
    )?;
    collect::sync(&directories)
}

fn is_about_the_name(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, InvalidFilename, IsADirectory, NotADirectory};
    matches!(error.kind(), AlreadyExists | InvalidFilename | IsADirectory | NotADirectory)
}

fn message(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// The reasons in words (`db/boinc_db_types.h`, `WU_ERROR_*`).
fn reasons(mask: u32) -> String {
    const WORDS: [&str; 6] = [
        "could not send result",
        "too many error results",
        "too many success results",
        "too many total results",
        "cancelled",
        "no canonical result",
    ];
    let known = WORDS.iter().enumerate().filter(|(bit, _)| mask & (1 << bit) != 0).map(|(_, words)| *words);
    let mut words: Vec<_> = known.map(str::to_owned).collect();
    let unknown = mask & !((1 << WORDS.len()) - 1);
    if unknown != 0 {
        words.push(format!("unknown reason {unknown:#x}"));
    }
    if words.is_empty() { "no reason given".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::reasons;

    #[test]
    fn each_bit_of_the_mask_has_its_words() {
        assert_eq!(reasons(2), "too many error results");
        assert_eq!(reasons(1 | 16), "could not send result, cancelled");
        assert_eq!(reasons(32 | 128), "no canonical result, unknown reason 0x80");
        assert_eq!(reasons(0), "no reason given");
    }
}
