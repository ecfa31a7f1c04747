//! What scripts that assimilate make: files that are kept beside the outputs.
//!
//! Their names are said beforehand, in `extra_outputs`. Each is there, empty, when the script starts, and is filled in its place: a
//! script of a submitter's gets nothing else on the host's disk to write to, so that it can leave neither links nor
//! directories nor files without number there, and its limit of file sizes bounds what it takes. One that stays empty
//! was not made.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use boinc::file_error::if_found;
use boinc::platform::make_private_directory;

use super::RequestExtraOutput;
use crate::bounds::shortened;
use crate::outputs::{self, Found, absolute};
use crate::platform::set_file_mode;
use boinc::names::output::is_output_name;

/// So many files can be made for a workunit.
pub const MOST: usize = 20;

/// Files that a script is to fill, in a directory of their own.
#[derive(Debug)]
pub(crate) struct PendingOutputs {
    directory: PathBuf,
    names: Vec<String>,
}

/// A file that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExtraOutput {
    /// Its number in `extra_outputs`.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
}

impl PendingOutputs {
    /// Makes the empty files, in place of what an earlier try has left.
    pub(crate) fn new(directory: &Path, names: &[String]) -> io::Result<Self> {
        if_found(fs::remove_dir_all(directory))?;
        // For us alone: a script can make a program of a file that runs as its owner.
        make_private_directory(directory)?;
        for name in names {
            File::create_new(directory.join(name))?;
        }
        Ok(Self { directory: directory.to_owned(), names: names.to_vec() })
    }

    /// As a script is told of them.
    pub(crate) fn request(&self) -> Vec<RequestExtraOutput> {
        let directory = absolute(&self.directory);
        self.names
            .iter()
            .map(|name| RequestExtraOutput { name: name.clone(), path: directory.join(name) })
            .collect()
    }

    /// Keeps what was made, for good, in the directory `kept`. The script has ended.
    pub(crate) fn keep(self, kept: &Path) -> io::Result<()> {
        for name in &self.names {
            let path = self.directory.join(name);
            match outputs::open(&path)? {
                Found::File { file, .. } => {
                    // It may have become a program of ours that others can run.
                    set_file_mode(&file, 0o644)?;
                    file.sync_all()?;
                }
                Found::Absent => {}
                Found::Malformed(kind) => {
                    return Err(io::Error::other(format!("{name}: the script replaced it by a {kind}")));
                }
            }
        }
        File::open(&self.directory)?.sync_all()?;
        if_found(fs::remove_dir_all(kept))?;
        fs::rename(&self.directory, kept)
    }
}

/// What was made and kept in this directory, of these names and in their order. It may not be there.
pub(crate) fn existing(directory: &Path, names: &[String]) -> Vec<ExtraOutput> {
    let files = names.iter().enumerate();
    let files =
        files.map(|(number, name)| ExtraOutput { number, name: name.clone(), path: directory.join(name) });
    files.filter(|made| made.path.symlink_metadata().is_ok_and(|m| m.is_file() && m.len() > 0)).collect()
}

/// What is wrong with the names in `extra_outputs`, beside outputs of these names, in words.
pub fn errors(extra_outputs: &[String], outputs: &[&str]) -> Vec<String> {
    let mut errors = Vec::new();
    let key = "script.extra_outputs";
    if extra_outputs.len() > MOST {
        errors.push(format!("{key}: {} files, at most {MOST} are accepted", extra_outputs.len()));
    }
    // An output's name, and the directories that lead to it.
    let taken: HashSet<&str> = outputs
        .iter()
        .filter(|output| is_output_name(output))
        .flat_map(|output| output.match_indices('/').map(|(at, _)| &output[..at]).chain([*output]))
        .collect();
    let mut seen = HashSet::new();
    for name in extra_outputs.iter().take(MOST) {
        // Outputs whose names are not known are called by their numbers.
        let is_number = name.bytes().all(|b| b.is_ascii_digit());
        let shown = shortened(name);
        if !is_output_name(name) || name.contains('/') || is_number {
            errors.push(format!(
                "{key}: invalid file name {shown:?}: expected one without \"/\", not only digits, at most 61 bytes"
            ));
        } else if taken.contains(name.as_str()) {
            errors.push(format!("{key}: {shown:?} is an output; help: choose another name"));
        }
        if !seen.insert(name) {
            errors.push(format!("{key}: {shown:?} is listed twice"));
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn names_that_could_hide_an_output_or_lead_elsewhere_are_refused() {
        let wrong = |extra_outputs: &[&str]| {
            errors(&names(extra_outputs), &["poses.pdbqt", "plots/a.png"]).join("; ")
        };
        assert_eq!(wrong(&["summary.json", "plot.png"]), "");
        for (extra_outputs, expected) in [
            (vec!["../x"], "invalid file name"),
            (vec![".."], "invalid file name"),
            (vec!["a/b"], "invalid file name"),
            (vec![""], "invalid file name"),
            (vec!["0"], "invalid file name"),
            (vec!["poses.pdbqt"], "is an output"),
            (vec!["plots"], "is an output"),
            (vec!["x", "x"], "is listed twice"),
        ] {
            assert!(wrong(&extra_outputs).contains(expected), "{extra_outputs:?}: {}", wrong(&extra_outputs));
        }
        let many: Vec<String> = (0..21).map(|n| format!("f{n}")).collect();
        assert!(errors(&many, &[])[0].contains("21 files"));
    }

    #[test]
    fn what_was_made_is_kept_and_what_stays_empty_was_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let (directory, place) = (dir.path().join("making"), dir.path().join("made"));
        let names = names(&["sum.json", "plot.png"]);
        // Twice: a try that a kill has ended is begun anew.
        for text in ["{\"old\"", "{}"] {
            let making = PendingOutputs::new(&directory, &names).unwrap();
            fs::write(&making.request()[0].path, text).unwrap();
            fs::write(directory.join("other"), "not announced").unwrap();
        }
        let making = PendingOutputs { directory, names: names.clone() };
        making.keep(&place).unwrap();
        let found = existing(&place, &names);
        assert_eq!(found, [ExtraOutput { number: 0, name: "sum.json".into(), path: place.join("sum.json") }]);
        assert_eq!(fs::read_to_string(&found[0].path).unwrap(), "{}");
    }

    #[test]
    fn a_link_in_place_of_a_file_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let names = names(&["sum.json"]);
        let making = PendingOutputs::new(&dir.path().join("making"), &names).unwrap();
        let path = making.request()[0].path.clone();
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
        let error = making.keep(&dir.path().join("made")).unwrap_err();
        assert!(error.to_string().contains("sum.json: the script replaced it by a"), "{error}");
        assert_eq!(existing(&dir.path().join("made"), &names), []);
    }
}
