//! What the client put into the slot.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::wire::slot::{InputPlace, OutputPlace, PlaceError, is_client_file, resolve_input, resolve_output};

use super::layout::Layout;
use super::manifest::{LinkedOutput, Manifest};

/// A file for the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its name in the slot, maybe with directories.
    pub name: String,
    /// Where its bytes are.
    pub place: InputPlace,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Files that exist.
    pub inputs: Vec<Input>,
    /// Outputs in link mode.
    pub outputs: Vec<LinkedOutput>,
}

impl Survey {
    /// The input of this name.
    pub fn input(&self, name: &str) -> Option<&Input> {
        self.inputs.iter().find(|input| input.name == name)
    }

    /// What is kept of it for later lives.
    pub fn manifest(&self) -> Manifest {
        Manifest {
            inputs: self.inputs.iter().map(|input| input.name.clone()).collect(),
            outputs: self.outputs.clone(),
        }
    }
}

/// Looks through the slot. A link whose target exists is an input, one whose target does not is an output, unless
/// `known` (the manifest of an earlier life) says otherwise. `hidden` names and the running program itself are left out.
///
/// # Errors
/// When a link leads elsewhere than a file of this project, or the slot can't be read.
pub fn survey(
    slot: &Path,
    project_dir: &Path,
    result_name: &str,
    known: Option<&Manifest>,
    hidden: &[&str],
) -> Result<Survey, PlaceError> {
    let mut survey = Survey::default();
    let this_program =
        std::env::current_exe().and_then(fs::metadata).ok().map(|data| (data.dev(), data.ino()));
    let known_outputs: BTreeSet<&str> =
        known.iter().flat_map(|known| &known.outputs).map(|output| output.name.as_str()).collect();
    for name in names(slot, hidden)? {
        let output = |survey: &mut Survey| -> Result<(), PlaceError> {
            if let OutputPlace::Link(target) = resolve_output(slot, project_dir, result_name, &name)? {
                survey.outputs.push(LinkedOutput { name: name.clone(), target });
            }
            Ok(())
        };
        if known_outputs.contains(name.as_str()) {
            output(&mut survey)?;
            continue;
        }
        match resolve_input(slot, project_dir, &name) {
            Ok(place) => {
                let identity = fs::metadata(place.path()).ok().map(|data| (data.dev(), data.ino()));
                if identity.is_none() || identity != this_program {
                    survey.inputs.push(Input { name, place });
                }
            }
            Err(PlaceError::Missing { .. }) => output(&mut survey)?,
            Err(error) => return Err(error),
        }
    }
    Ok(survey)
}

/// All files of a slot that are not the client's or ours, sorted.
fn names(slot: &Path, hidden: &[&str]) -> Result<Vec<String>, PlaceError> {
    let failed = |path: &Path, source: io::Error| PlaceError::Io { path: path.into(), source };
    let mut names = Vec::new();
    let mut open: Vec<PathBuf> = vec![PathBuf::new()];
    while let Some(relative) = open.pop() {
        let directory = slot.join(&relative);
        for entry in fs::read_dir(&directory).map_err(|error| failed(&directory, error))? {
            let entry = entry.map_err(|error| failed(&directory, error))?;
            let kind = entry.file_type().map_err(|error| failed(&entry.path(), error))?;
            let path = relative.join(entry.file_name());
            // A name that is no text can't be BOINC's.
            let Some(name) = path.to_str() else { continue };
            let top = relative.as_os_str().is_empty();
            if top && (name == Layout::OWN || is_client_file(name) || hidden.contains(&name)) {
                continue;
            }
            if kind.is_dir() {
                open.push(path);
            } else if kind.is_file() || kind.is_symlink() {
                names.push(name.to_owned());
            }
        }
    }
    names.sort();
    Ok(names)
}
