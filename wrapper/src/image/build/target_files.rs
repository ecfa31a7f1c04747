//! What is known of the files of a container that is being filled.
//!
//! Whether a path is a directory decides what a COPY means, and asking the engine costs up to a tenth of a second.

use std::collections::HashMap;

use crate::engine::Transport;
use boinc::archive::tar::{Kind, Reader};

use super::Builder;
use super::error::BuildError;

/// What is at a path, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A directory.
    Directory,
    /// A file or anything else.
    Other,
    /// Nothing.
    Nothing,
}

/// Knowledge about one container's files. It ends when something runs in it.
#[derive(Debug, Default)]
pub(super) struct TargetFiles {
    known: HashMap<String, Found>,
    /// Everything that is not known is not there.
    complete: bool,
}

impl TargetFiles {
    /// The files of a base image; of the empty one everything is known.
    pub(super) fn of_base(empty: bool) -> Self {
        let mut files = Self { known: HashMap::new(), complete: empty };
        // The engines put these into every container.
        for path in ["/", "/dev", "/etc", "/proc", "/sys"] {
            files.note(path, Found::Directory);
        }
        files
    }

    /// Notes what is at a path now.
    pub(super) fn note(&mut self, path: &str, found: Found) {
        self.known.insert(path.to_owned(), found);
    }

    /// Notes a directory and all that lead to it.
    pub(super) fn note_directories(&mut self, path: &str) {
        for directory in ways(path) {
            let known = self.known.entry(directory.to_owned()).or_insert(Found::Directory);
            if *known == Found::Nothing {
                *known = Found::Directory;
            }
        }
    }

    /// Files came whose names are not known here: only what was a directory still is one.
    pub(super) fn note_unknown_files(&mut self) {
        self.complete = false;
        self.known.retain(|_, found| *found == Found::Directory);
    }

    fn get(&self, path: &str) -> Option<Found> {
        let known = self.known.get(path).copied();
        known.or(self.complete.then_some(Found::Nothing))
    }
}

/// All directories on the way to an absolute path, and the path itself, without `/`.
pub(super) fn ways(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.char_indices().skip(1).filter(|(_, c)| *c == '/').map(|(at, _)| at).chain([path.len()]);
    ends.map(move |end| &path[..end]).filter(|way| way.len() > 1)
}

impl<T: Transport + Clone> Builder<'_, T> {
    /// What is at an absolute path of the container that is being filled.
    pub(super) fn inspect_path(
        &self,
        container: &str,
        path: &str,
        files: &mut TargetFiles,
    ) -> Result<Found, BuildError> {
        if let Some(found) = files.get(path) {
            return Ok(found);
        }
        let container = self.probe.as_deref().unwrap_or(container);
        let found = match self.first_entries(container, path, 1)?.first() {
            Some(Kind::Directory) => Found::Directory,
            Some(_) => Found::Other,
            None => Found::Nothing,
        };
        files.note(path, found);
        Ok(found)
    }

    /// Whether there is anything in a directory of a container.
    pub(super) fn has_files_at(&self, container: &str, path: &str) -> Result<bool, BuildError> {
        Ok(self.first_entries(container, path, 2)?.len() > 1)
    }

    /// The kinds of the first entries of what is at a path; none if there is nothing. The command is ended as soon as
    /// they are known.
    fn first_entries(&self, container: &str, path: &str, count: usize) -> Result<Vec<Kind>, BuildError> {
        let read = self.read_path(container, path, |stream| {
            let mut reader = Reader::new(stream);
            let mut kinds = Vec::new();
            while kinds.len() < count
                && let Some(entry) = reader.next_entry()?
            {
                kinds.push(entry.kind);
            }
            Ok(kinds)
        });
        Ok(read?.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_a_path() {
        assert_eq!(ways("/a/b/c").collect::<Vec<_>>(), ["/a", "/a/b", "/a/b/c"]);
        assert_eq!(ways("/a").collect::<Vec<_>>(), ["/a"]);
        assert_eq!(ways("/").count(), 0);
    }

    #[test]
    fn of_an_empty_base_everything_is_known() {
        let mut files = TargetFiles::of_base(true);
        assert_eq!((files.get("/etc"), files.get("/opt")), (Some(Found::Directory), Some(Found::Nothing)));
        files.note_directories("/opt/a");
        assert_eq!(
            (files.get("/opt"), files.get("/opt/a")),
            (Some(Found::Directory), Some(Found::Directory))
        );
        assert_eq!(TargetFiles::of_base(false).get("/opt"), None);
        files.note("/new", Found::Nothing);
        files.note_directories("/new/b");
        assert_eq!(files.get("/new"), Some(Found::Directory), "it was made since");
        files.note("/file", Found::Other);
        files.note_unknown_files();
        assert_eq!(
            (files.get("/file"), files.get("/x"), files.get("/new")),
            (None, None, Some(Found::Directory))
        );
    }
}
