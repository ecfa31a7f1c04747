//! What the client put into the slot.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use boinc::nofollow::{Directory, Flow, walk_paths};
use boinc::platform::entry_at;
use boinc::wire::slot::{
    InputPath, OutputPath, SlotPathError, is_client_file, resolve_input, resolve_output,
};

use super::layout::Layout;
use super::manifest::Manifest;

/// A file for the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its name in the slot, maybe with directories.
    pub name: String,
    /// Where its bytes are.
    pub place: InputPath,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlotScan {
    /// Files that exist.
    pub inputs: Vec<Input>,
    /// Names of outputs in link mode.
    pub outputs: Vec<String>,
}

impl SlotScan {
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
pub fn scan_slot(
    slot: &Path,
    project_dir: &Path,
    result_name: &str,
    known: Option<&Manifest>,
    hidden: &[&str],
) -> Result<SlotScan, SlotPathError> {
    let mut scan = SlotScan::default();
    let identity = |path: &Path| entry_at(path).ok().map(|entry| entry.identity);
    let this_program = std::env::current_exe().ok().and_then(|path| identity(&path));
    let known_outputs: BTreeSet<&str> =
        known.iter().flat_map(|known| &known.outputs).map(String::as_str).collect();
    for name in names(slot, hidden)? {
        let output = |scan: &mut SlotScan| -> Result<(), SlotPathError> {
            if let OutputPath::Link(_) = resolve_output(slot, project_dir, result_name, &name)? {
                scan.outputs.push(name.clone());
            }
            Ok(())
        };
        if known_outputs.contains(name.as_str()) {
            output(&mut scan)?;
            continue;
        }
        match resolve_input(slot, project_dir, &name) {
            Ok(place) => {
                let identity = identity(place.path());
                if identity.is_none() || identity != this_program {
                    scan.inputs.push(Input { name, place });
                }
            }
            Err(SlotPathError::Missing { .. }) => output(&mut scan)?,
            Err(error) => return Err(error),
        }
    }
    Ok(scan)
}

/// All files of a slot that are not the client's or ours, sorted.
fn names(slot: &Path, hidden: &[&str]) -> Result<Vec<String>, SlotPathError> {
    let failed = |source| SlotPathError::Io { path: slot.into(), source };
    let mut found = Vec::new();
    let walked = walk_paths(&Directory::open(slot).map_err(failed)?, |path, entry| {
        let top = path.parent() == Some(Path::new(""));
        // A name that is not text cannot be BOINC's.
        let Some(name) = path.to_str() else { return Flow::Skip };
        // Our own directory. In other letter case the name is a workunit's, and refused with a message.
        let own = top && name == Layout::OWN;
        if own || (top && (is_client_file(name) || hidden.contains(&name))) {
            return Flow::Skip;
        }
        if entry.is_file() || entry.is_symlink() {
            found.push(name.to_owned());
        }
        Flow::Enter
    })
    .map_err(failed)?;
    if !walked.is_complete() {
        return Err(failed(io::Error::other("not all directories in it can be read")));
    }
    found.sort();
    Ok(found)
}
