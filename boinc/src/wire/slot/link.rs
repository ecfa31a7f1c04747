//! Links from a slot to files of the project, both kinds.

use crate::atomic_file::write_atomically;
use crate::file_error::{FileError, if_found};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

const START: &str = "<soft_link>";
const END: &str = "</soft_link>";

/// Longer files are not looked into: a link is a path and two tags.
const MAX_LINK_FILE_BYTES: u64 = 4096 + (START.len() + END.len() + 2) as u64;

/// Which of the two forms a link has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// A symbolic link of the file system.
    Symlink,
    /// A text file with `<soft_link>`.
    Text,
}

/// A link as it stands in a slot; nothing is known about the target yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoftLink {
    /// The target as written, mostly `../../projects/HOST/NAME`.
    pub target: PathBuf,
    /// Its form.
    pub kind: LinkKind,
}

impl SoftLink {
    /// The target as a path that can be opened. The client writes targets relative to the slot also for an
    /// entry in a subdirectory (`client/app_start.cpp`, `setup_file`), where a symbolic link so written
    /// leads nowhere; the slot counts then.
    pub fn target_in(&self, slot: &Path, name: &str) -> PathBuf {
        let from_slot = slot.join(&self.target);
        match (self.kind, Path::new(name).parent()) {
            (LinkKind::Symlink, Some(directory)) if !directory.as_os_str().is_empty() => {
                let from_entry = slot.join(directory).join(&self.target);
                if from_entry.exists() { from_entry } else { from_slot }
            }
            _ => from_slot,
        }
    }
}

/// The link named `name` in a slot; `None` if the entry does not exist or is not a link.
///
/// A text counts as a link if it is nothing but the element on one line. (BOINC's `resolve_soft_link`
/// takes any first line that holds the tag; the client writes no other form.)
///
/// # Errors
/// The entry exists but cannot be read.
pub fn read_link(slot: &Path, name: &str) -> Result<Option<SoftLink>, FileError> {
    let path = slot.join(name);
    let link = if_found(read_at(&path)).map_err(FileError::new("cannot read", &path))?;
    Ok(link.flatten())
}

fn read_at(path: &Path) -> io::Result<Option<SoftLink>> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_symlink() {
        return Ok(Some(SoftLink { target: fs::read_link(path)?, kind: LinkKind::Symlink }));
    }
    if !metadata.is_file() || metadata.len() > MAX_LINK_FILE_BYTES {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_LINK_FILE_BYTES).read_to_end(&mut bytes)?;
    Ok(parse(&bytes).map(|target| SoftLink { target, kind: LinkKind::Text }))
}

fn parse(bytes: &[u8]) -> Option<PathBuf> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    let target = text.strip_prefix(START)?.strip_suffix(END)?.trim();
    // `/` and `\` both separate on Windows, where the client writes these links too.
    let whole = !target.is_empty() && !target.contains(['<', '>', '\n', '\r', '\0']);
    whole.then(|| PathBuf::from(target))
}

/// Writes the text form of a link, as `client/app_start.cpp` `make_soft_link` does. `target` is relative
/// to the slot.
///
/// # Errors
/// The file cannot be written.
pub fn write_soft_link(slot: &Path, name: &str, target: &str) -> Result<(), FileError> {
    let path = slot.join(name);
    let text = format!("{START}{target}{END}\n");
    write_atomically(&path, text.as_bytes()).map_err(FileError::new("cannot write the link", &path))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: &str =
        "<soft_link>../../projects/127.0.0.1_8099_buoytest/bt_38debce1fb87347226e0c14d0084ef5c</soft_link>\n";

    #[test]
    fn a_real_clients_link_is_read_and_written_byte_for_byte() {
        let slot = tempfile::tempdir().unwrap();
        fs::write(slot.path().join("input.txt"), RECORDED).unwrap();
        let link = read_link(slot.path(), "input.txt").unwrap().unwrap();
        assert_eq!(link.kind, LinkKind::Text);
        let target = link.target.to_str().unwrap();
        assert_eq!(target, "../../projects/127.0.0.1_8099_buoytest/bt_38debce1fb87347226e0c14d0084ef5c");
        write_soft_link(slot.path(), "again", target).unwrap();
        assert_eq!(fs::read_to_string(slot.path().join("again")).unwrap(), RECORDED);
    }

    #[test]
    fn only_the_whole_element_is_a_link() {
        let slot = tempfile::tempdir().unwrap();
        let table = [
            ("plain text", false),
            ("", false),
            ("<soft_link></soft_link>", false),
            ("<soft_link>a", false),
            ("<xml><soft_link>a</soft_link></xml>", false),
            ("<soft_link>a</soft_link>\nmore data\n", false),
            ("<soft_link>a\nb</soft_link>", false),
            (" <soft_link> a </soft_link>\r\n", true),
        ];
        for (text, is_link) in table {
            fs::write(slot.path().join("f"), text).unwrap();
            assert_eq!(read_link(slot.path(), "f").unwrap().is_some(), is_link, "{text:?}");
        }
        fs::write(slot.path().join("f"), [RECORDED.as_bytes(), &[b' '; 9000]].concat()).unwrap();
        assert_eq!(read_link(slot.path(), "f").unwrap(), None, "too long for a link");
        fs::create_dir(slot.path().join("d")).unwrap();
        assert_eq!(read_link(slot.path(), "d").unwrap(), None);
        assert_eq!(read_link(slot.path(), "absent").unwrap(), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_symlink_in_a_subdirectory_counts_from_the_slot_if_it_leads_nowhere() {
        let root = tempfile::tempdir().unwrap();
        let slot = root.path().join("slots/0");
        fs::create_dir_all(slot.join("sub")).unwrap();
        fs::create_dir_all(root.path().join("projects/p")).unwrap();
        fs::write(root.path().join("projects/p/x"), "data").unwrap();
        std::os::unix::fs::symlink("../../projects/p/x", slot.join("sub/x")).unwrap();
        let link = read_link(&slot, "sub/x").unwrap().unwrap();
        assert_eq!(link.kind, LinkKind::Symlink);
        assert_eq!(fs::read_to_string(link.target_in(&slot, "sub/x")).unwrap(), "data");
    }
}
