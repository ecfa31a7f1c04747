//! A slot directory as BOINC's client lays it out (`client/app_start.cpp`, `setup_slot_dir`).

use std::path::Path;

use boinc::nofollow::remove_tree;
use boinc::wire::slot::SETUP_COMPLETE_FILE;
use wrapper::engine::{Cancel, CliEngine, Flavor, NativeTransport, program_of};
use wrapper::limits::{DiskUse, measure_directory};

use super::layout::Layout;
use crate::campaign::file_error::{FileError, create_dir};
use crate::plan::app::Mode;

/// A file that a task reads.
#[derive(Clone, Debug)]
pub struct InputRef {
    /// Its name in the slot.
    pub open_name: String,
    /// Its name in the project directory.
    pub physical_name: String,
    pub mode: Mode,
}

/// A file that a task writes.
#[derive(Clone, Debug)]
pub struct OutputRef {
    /// Its name in the slot.
    pub open_name: String,
    /// Its name in the project directory and on the server.
    pub physical_name: String,
    /// A larger file fails the task.
    pub max_bytes: u64,
    /// The task may finish without it.
    pub optional: bool,
}

/// Sets a slot up, unless it is set up. The files of the app version come first: a workunit's file does not replace one.
/// The files of an incomplete set-up are removed: one may be half written, and the wrapper has not run yet.
pub fn set_up(
    layout: &Layout,
    slot: &Path,
    app_files: &[InputRef],
    inputs: &[InputRef],
    outputs: &[OutputRef],
) -> Result<(), FileError> {
    let complete = slot.join(SETUP_COMPLETE_FILE);
    if complete.exists() {
        return Ok(());
    }
    remove(slot)?;
    create_dir(slot)?;
    for file in app_files.iter().chain(inputs) {
        set_up_file(layout, slot, &file.open_name, &file.physical_name, file.mode)?;
    }
    for output in outputs {
        set_up_file(layout, slot, &output.open_name, &output.physical_name, Mode::Link)?;
    }
    std::fs::write(&complete, "").map_err(FileError::at(&complete, "write it"))
}

fn set_up_file(
    layout: &Layout,
    slot: &Path,
    open_name: &str,
    physical_name: &str,
    mode: Mode,
) -> Result<(), FileError> {
    let path = slot.join(open_name);
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    if let Some(dir) = path.parent() {
        create_dir(dir)?;
    }
    match mode {
        // Written as the client does, without a sync to disk.
        Mode::Link => {
            let text = format!("<soft_link>{}</soft_link>\n", layout.link_target(physical_name));
            std::fs::write(&path, text).map_err(FileError::at(&path, "write the link"))
        }
        Mode::Copy => std::fs::copy(layout.project_dir().join(physical_name), &path)
            .map(drop)
            .map_err(FileError::at(&path, "copy a file here")),
    }
}

/// What is wrong with a task's outputs (`client/cs_apps.cpp`, `app_finished`). An output that was uploaded before exists.
pub fn check_outputs(layout: &Layout, outputs: &[OutputRef]) -> Option<String> {
    let mut wrong = Vec::new();
    for output in outputs {
        let in_project = layout.project_dir().join(&output.physical_name);
        let size = std::fs::symlink_metadata(in_project)
            .or_else(|_| std::fs::symlink_metadata(layout.upload(&output.physical_name)))
            .map(|meta| meta.len());
        match size {
            Ok(bytes) if bytes > output.max_bytes => wrong.push(format!(
                "output {} has {bytes} bytes, max_size allows {}",
                output.open_name, output.max_bytes
            )),
            Ok(_) => {}
            Err(_) if output.optional => {}
            Err(_) => wrong.push(format!("output {} was not written", output.open_name)),
        }
    }
    (!wrong.is_empty()).then(|| wrong.join("; "))
}

/// Moves a task's outputs to the server's upload directory; existing ones stay.
pub fn upload(layout: &Layout, outputs: &[OutputRef]) -> Result<(), FileError> {
    for output in outputs {
        let from = layout.project_dir().join(&output.physical_name);
        if from.symlink_metadata().is_err() {
            continue;
        }
        let to = layout.upload(&output.physical_name);
        if let Some(dir) = to.parent() {
            create_dir(dir)?;
        }
        std::fs::rename(&from, &to).map_err(FileError::at(&to, "move an output here"))?;
    }
    Ok(())
}

/// Removes an unused slot, whatever a job has left in it: directories without permissions, paths of any length, files of
/// this user's subordinate ids.
pub fn remove(slot: &Path) -> Result<(), FileError> {
    let removed = remove_tree(slot).or_else(|error| match error.kind() {
        std::io::ErrorKind::PermissionDenied if take_back(slot) => remove_tree(slot),
        _ => Err(error),
    });
    removed.map_err(FileError::at(slot, "remove the slot directory"))
}

/// Has rootless Podman give this user the files that a killed wrapper has left to subordinate ids.
fn take_back(slot: &Path) -> bool {
    program_of(Flavor::Podman).is_some_and(|program| {
        let podman = CliEngine::new(Flavor::Podman, program, NativeTransport, Cancel::default(), false);
        podman.take_back(slot).is_ok()
    })
}

/// Disk usage of a slot, bytes; unreadable files count as empty.
pub fn disk_usage(slot: &Path) -> u64 {
    let no_limit = DiskUse { bytes: u64::MAX, files: u64::MAX };
    measure_directory(slot, no_limit).map_or(0, |used| used.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bench {
        _dir: tempfile::TempDir,
        layout: Layout,
    }

    fn bench() -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path(), "project").unwrap();
        layout.create().unwrap();
        Bench { _dir: dir, layout }
    }

    fn input(open_name: &str, mode: Mode) -> InputRef {
        InputRef {
            open_name: open_name.to_owned(),
            physical_name: format!("bf_{}", open_name.replace('/', "_")),
            mode,
        }
    }

    fn output(open_name: &str, max_bytes: u64, optional: bool) -> OutputRef {
        OutputRef {
            open_name: open_name.to_owned(),
            physical_name: format!("wu_0_r1_{open_name}"),
            max_bytes,
            optional,
        }
    }

    #[test]
    fn a_slot_looks_like_a_recorded_one() {
        let Bench { _dir, layout } = bench();
        let slot = layout.slot(0);
        let files = [input("linked", Mode::Link), input("deep/er/copied", Mode::Copy)];
        std::fs::write(layout.project_dir().join("bf_deep_er_copied"), "text").unwrap();
        set_up(&layout, &slot, &files, &[], &[output("log.txt", 9, false)]).unwrap();

        let read = |name: &str| std::fs::read_to_string(slot.join(name)).unwrap();
        assert_eq!(read("linked"), "<soft_link>../../projects/project/bf_linked</soft_link>\n");
        assert_eq!(read("deep/er/copied"), "text");
        assert_eq!(read("log.txt"), "<soft_link>../../projects/project/wu_0_r1_log.txt</soft_link>\n");
        assert_eq!(read("boinc_setup_complete"), "");
    }

    #[test]
    fn a_workunit_does_not_replace_a_file_of_the_app_version() {
        let Bench { _dir, layout } = bench();
        let slot = layout.slot(0);
        let mut forged = input("policy.toml", Mode::Link);
        forged.physical_name = "bf_forged".to_owned();
        set_up(&layout, &slot, &[input("policy.toml", Mode::Link)], &[forged], &[]).unwrap();
        let text = std::fs::read_to_string(slot.join("policy.toml")).unwrap();
        assert!(text.contains("bf_policy.toml"), "{text}");
    }

    #[test]
    fn a_slot_whose_set_up_was_cut_short_is_set_up_anew() {
        let Bench { _dir, layout } = bench();
        let slot = layout.slot(0);
        std::fs::create_dir_all(&slot).unwrap();
        std::fs::write(slot.join("linked"), "").unwrap();
        std::fs::write(slot.join("copied"), "te").unwrap();
        std::fs::write(layout.project_dir().join("bf_copied"), "text").unwrap();
        let files = [input("linked", Mode::Link), input("copied", Mode::Copy)];
        set_up(&layout, &slot, &files, &[], &[]).unwrap();
        let read = |name: &str| std::fs::read_to_string(slot.join(name)).unwrap();
        assert_eq!(read("linked"), "<soft_link>../../projects/project/bf_linked</soft_link>\n");
        assert_eq!(read("copied"), "text");
    }

    #[test]
    fn a_complete_slot_is_left_alone() {
        let Bench { _dir, layout } = bench();
        let slot = layout.slot(0);
        set_up(&layout, &slot, &[input("a", Mode::Link)], &[], &[]).unwrap();
        std::fs::remove_file(slot.join("a")).unwrap();
        set_up(&layout, &slot, &[input("a", Mode::Link)], &[], &[]).unwrap();
        assert!(!slot.join("a").exists());
    }

    #[test]
    fn outputs_are_checked_for_presence_and_size_also_after_their_upload() {
        let Bench { _dir, layout } = bench();
        let outputs = [
            output("big", 3, false),
            output("fine", 4, false),
            output("none", 9, false),
            output("maybe", 9, true),
        ];
        for name in ["big", "fine"] {
            std::fs::write(layout.project_dir().join(format!("wu_0_r1_{name}")), "text").unwrap();
        }
        let expected = "output big has 4 bytes, max_size allows 3; output none was not written";
        assert_eq!(check_outputs(&layout, &outputs).as_deref(), Some(expected));
        upload(&layout, &outputs).unwrap();
        upload(&layout, &outputs).unwrap();
        assert_eq!(check_outputs(&layout, &outputs).as_deref(), Some(expected));
        assert_eq!(check_outputs(&layout, &outputs[1..2]), None);
        assert!(layout.upload("wu_0_r1_fine").exists());
    }
}
