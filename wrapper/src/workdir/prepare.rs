//! Lays the work directory out. Doing it again changes nothing, and a file that the job has changed wins over a copy that an
//! older client has put into the slot afresh.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::engine::Mount;
use crate::wire::slot::InputPlace;

use super::layout::Layout;
use super::survey::Survey;

/// The work directory can't be laid out.
#[derive(Debug, thiserror::Error)]
#[error("can't put {} into the work directory", path.display())]
pub struct PrepareError {
    /// What could not be put there.
    pub path: PathBuf,
    /// Why not.
    #[source]
    pub source: io::Error,
}

/// Puts everything in place and says what is to be mounted. `stays(name)`: the next life of the wrapper needs this file in
/// the slot (Dockerfile, job.toml, files of the image), so the job gets a copy.
///
/// # Errors
/// When a file can't be moved or made: a full disk, a directory that can't be written.
pub fn prepare(
    layout: &Layout,
    survey: &Survey,
    workdir: &str,
    cleaned_init_data: &str,
    stays: impl Fn(&str) -> bool,
) -> Result<Vec<Mount>, PrepareError> {
    let work = layout.work();
    make_directory(&work)?;
    let mut mounts = vec![Mount { source: work.clone(), target: workdir.to_owned(), read_only: false }];
    for input in &survey.inputs {
        let place = work.join(&input.name);
        let failed = |source| PrepareError { path: place.clone(), source };
        if let Some(parent) = place.parent() {
            make_directory(parent)?;
        }
        let there = fs::symlink_metadata(&place).is_ok();
        match &input.place {
            InputPlace::Link(source) => {
                if !there {
                    // The engine would make the mount point itself, as root.
                    OpenOptions::new().create_new(true).write(true).open(&place).map_err(failed)?;
                }
                mounts.push(Mount {
                    source: source.clone(),
                    target: format!("{}/{}", workdir.trim_end_matches('/'), input.name),
                    read_only: true,
                });
            }
            InputPlace::Copy(source) if stays(&input.name) => {
                if !there {
                    copy_whole(source, &place).map_err(failed)?;
                }
            }
            InputPlace::Copy(source) if there => fs::remove_file(source).map_err(failed)?,
            InputPlace::Copy(source) => fs::rename(source, &place).map_err(failed)?,
        }
    }
    for output in &survey.outputs {
        if let Some(parent) = work.join(&output.name).parent() {
            make_directory(parent)?;
        }
    }
    let init_data = work.join("init_data.xml");
    fs::write(&init_data, cleaned_init_data).map_err(|source| PrepareError { path: init_data, source })?;
    Ok(mounts)
}

fn make_directory(path: &Path) -> Result<(), PrepareError> {
    fs::create_dir_all(path).map_err(|source| PrepareError { path: path.into(), source })
}

/// A copy that is there whole or not at all, so that a kill leaves no half file behind.
pub(super) fn copy_whole(source: &Path, place: &Path) -> io::Result<()> {
    let mut name = place.file_name().unwrap_or_default().to_owned();
    name.push(".buoy-part");
    let part = place.with_file_name(name);
    fs::copy(source, &part)?;
    fs::rename(&part, place)
}
