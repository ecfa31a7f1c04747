//! init_data.xml of the task, with the paths of this system.

use std::path::{Path, PathBuf};

use boinc::platform::path_bytes;
use boinc::wire::init_data::{InitData, InitDataError};

/// Reads init_data.xml of a slot. A client on another system names its directories as that system does, as in
/// `C:\ProgramData\BOINC/projects/HOST`; where they are here follows from the slot, which is `slots/N` in the client's
/// directory.
///
/// # Errors
/// See [`InitData::read`].
pub fn read(slot: &Path) -> Result<InitData, InitDataError> {
    InitData::read(slot).map(|init_data| localized(init_data, slot))
}

fn localized(init_data: InitData, slot: &Path) -> InitData {
    if init_data.project_dir.is_absolute() || init_data.project_dir.as_os_str().is_empty() {
        return init_data;
    }
    let boinc_dir = slot.ancestors().nth(2).unwrap_or(slot).to_owned();
    let project_dir = last_component(&init_data.project_dir).map_or_else(PathBuf::new, |name| {
        // A name that is not one of a directory in `projects` leads to no state directory, which is said.
        boinc_dir.join("projects").join(name)
    });
    InitData { project_dir, boinc_dir, ..init_data }
}

/// What follows the last separator of either system.
fn last_component(path: &Path) -> Option<String> {
    let text = String::from_utf8_lossy(&path_bytes(path)).into_owned();
    let name = text.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next()?;
    (!matches!(name, "" | "." | "..") && !name.ends_with(':')).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project_dir(named: &str) -> String {
        let init_data = InitData { project_dir: named.into(), ..InitData::default() };
        let slot = Path::new("/mnt/c/ProgramData/BOINC/slots/3");
        localized(init_data, slot).project_dir.to_string_lossy().into_owned()
    }

    #[test]
    fn directories_of_windows_are_found_from_the_slot() {
        for named in [
            r"C:\ProgramData\BOINC/projects/example.org_test",
            r"C:\ProgramData\BOINC\projects\example.org_test\",
            "D:/BOINC data/projects/example.org_test",
        ] {
            assert_eq!(project_dir(named), "/mnt/c/ProgramData/BOINC/projects/example.org_test", "{named}");
        }
        assert_eq!(project_dir(r"C:\projects\.."), "");
        assert_eq!(project_dir(r"C:\"), "");
    }

    #[test]
    fn directories_of_this_system_stay() {
        assert_eq!(project_dir("/var/lib/boinc/projects/example.org"), "/var/lib/boinc/projects/example.org");
        assert_eq!(project_dir(""), "");
    }
}
