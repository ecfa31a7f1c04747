//! Whether a file in a slot was signed by the project.

use crate::wire::init_data::InitData;
use crate::wire::slot::{InputPath, resolve_input};
use std::fs;
use std::path::Path;

/// Larger files are no configuration; they are not compared.
const MAX_BYTES: u64 = 1 << 20;

/// Where a file in a slot comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// A file of the app version: the project signed it.
    AppVersion,
    /// A workunit's file, or unknown: a submitter's.
    Workunit,
}

/// Where the file `name` in a slot comes from.
///
/// A file is the app version's if its content is that of one of the `<app_file>`s of init_data.xml, which the
/// client has checked against the project's signature: a link to it in the project's directory, or, where
/// the app version copies it to the slot, a file with the same bytes. Anything else is a workunit's, above
/// all a file that only has the right name.
pub fn trust_of(slot: &Path, name: &str, init: &InitData) -> Trust {
    match signed_content(slot, name, init) {
        Some(_) => Trust::AppVersion,
        None => Trust::Workunit,
    }
}

/// The bytes of `name`, if they are those of a file of the app version.
pub(super) fn signed_content(slot: &Path, name: &str, init: &InitData) -> Option<Vec<u8>> {
    if init.project_dir.as_os_str().is_empty() {
        return None;
    }
    match resolve_input(slot, &init.project_dir, name).ok()? {
        InputPath::Link(path) => {
            let physical = path.file_name()?.to_str()?;
            init.app_files.iter().any(|file| file == physical).then(|| read(&path))?
        }
        InputPath::Copy(path) => {
            let bytes = read(&path)?;
            let same = |file: &String| signed_file(init, file).is_some_and(|signed| signed == bytes);
            init.app_files.iter().any(same).then_some(bytes)
        }
    }
}

fn signed_file(init: &InitData, file: &str) -> Option<Vec<u8>> {
    // Physical names have no directories; one that has is not from a client.
    (!file.contains(['/', '\\']) && file != "..").then(|| read(&init.project_dir.join(file)))?
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return None;
    }
    fs::read(path).ok()
}
