//! Asks the server which files it does not have, and uploads them.

use std::collections::{BTreeSet, HashSet};

use super::{SubmitError, Submitter};
use crate::campaign::event::Event;
use crate::campaign::submitted::FileRow;
use crate::project::error::ProjectError;

/// So many names in one question: about 400 kB, and a stat and a row of a table each for the server.
pub(super) const NAMES: usize = 5_000;

impl Submitter<'_> {
    /// Makes sure that the server has these files.
    pub(super) fn upload_missing(&mut self, names: &BTreeSet<&str>) -> Result<(), SubmitError> {
        let names: Vec<&str> = names.iter().copied().collect();
        let doubted = self.doubted()?;
        let doubted = names.iter().copied().find(|name| doubted.as_deref() == Some(*name));
        let absent: BTreeSet<&str> = self.absent(&names)?.into_iter().chain(doubted).collect();
        let files: Vec<FileRow> =
            self.campaign.files()?.into_iter().filter(|file| absent.contains(file.name.as_str())).collect();
        self.link.reporter.report(Event::FilesChecked {
            files: names.len(),
            absent: absent.len(),
            absent_bytes: files.iter().map(|file| file.hash.bytes).sum(),
        });
        if let Some(unknown) = not_among(&absent, &files) {
            let source = ProjectError::AbsentInput { name: unknown.to_owned() };
            return Err(SubmitError::Project {
                doing: "upload a file that the campaign does not know",
                source,
            });
        }
        self.upload(files)?;
        match doubted {
            Some(_) => self.trust(),
            None => Ok(()),
        }
    }

    /// Those of the names that the server does not have.
    fn absent<'n>(&self, names: &[&'n str]) -> Result<Vec<&'n str>, SubmitError> {
        let mut absent = Vec::new();
        let mut at = 0;
        let mut many = NAMES;
        while at < names.len() {
            let some = &names[at..names.len().min(at + many)];
            let asked = self.link.persist("query which files the project has", || {
                match self.link.client.absent_files(some) {
                    // Not an error here: it is asked again, for less.
                    Err(ProjectError::RequestTooLarge { .. }) if some.len() > 1 => Ok(None),
                    answer => answer.map(Some),
                }
            })?;
            match asked {
                Some(indexes) => {
                    absent.extend(indexes.into_iter().filter_map(|index| some.get(index).copied()));
                    at += some.len();
                }
                None => many = some.len() / 2,
            }
        }
        Ok(absent)
    }
}

/// The first of the names that no file has.
fn not_among<'n>(names: &BTreeSet<&'n str>, files: &[FileRow]) -> Option<&'n str> {
    let known: HashSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
    names.iter().find(|name| !known.contains(*name)).copied()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::plan::content::Content;
    use crate::plan::content::ContentHash;

    #[test]
    fn each_of_a_hundred_thousand_files_is_looked_for_once() {
        let names: Vec<String> = (0..100_000).map(|n| format!("buoy_{n:032}.pdbqt")).collect();
        let row = |name: &String| FileRow {
            name: name.clone(),
            hash: ContentHash { sha256: String::new(), bytes: 0 },
            content: Content::Bytes([].into()),
        };
        let files: Vec<FileRow> = names.iter().map(row).collect();
        let mut absent: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        let begin = Instant::now();
        assert_eq!(not_among(&absent, &files), None);
        // Each compared with each takes minutes.
        assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
        absent.insert("buoy_x");
        assert_eq!(not_among(&absent, &files), Some("buoy_x"));
    }
}
