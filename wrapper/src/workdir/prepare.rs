//! Lays the work directory out. Doing it again changes nothing, and a file that the job has changed wins over a copy that an
//! older client has put into the slot afresh.
//!
//! The job may have run before, and what it left is not to be trusted: nothing is written through a link of its making.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::engine::Mount;
use crate::wire::slot::InputPlace;

use super::inside::detour;
use super::layout::Layout;
use super::survey::Survey;

/// The work directory can't be laid out.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The disk's fault.
    #[error("can't put {} into the work directory", path.display())]
    Put {
        /// What could not be put there.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The job's doing: a directory that its files need has become something else.
    #[error("the job has replaced the directory {} of its files by a link or a file", path.display())]
    Replaced {
        /// What is no directory any more.
        path: PathBuf,
    },
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
        let failed = |source| PrepareError::Put { path: place.clone(), source };
        check_way(&work, &input.name)?;
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
        check_way(&work, &output.name)?;
        if let Some(parent) = work.join(&output.name).parent() {
            make_directory(parent)?;
        }
    }
    let init_data = work.join("init_data.xml");
    write_anew(&init_data, cleaned_init_data)
        .map_err(|source| PrepareError::Put { path: init_data, source })?;
    Ok(mounts)
}

fn check_way(work: &Path, name: &str) -> Result<(), PrepareError> {
    detour(work, name).map_or(Ok(()), |path| Err(PrepareError::Replaced { path }))
}

fn make_directory(path: &Path) -> Result<(), PrepareError> {
    fs::create_dir_all(path).map_err(|source| PrepareError::Put { path: path.into(), source })
}

fn write_anew(path: &Path, text: &str) -> io::Result<()> {
    remove_if_there(path)?;
    File::create_new(path)?.write_all(text.as_bytes())
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A copy that is there whole or not at all, so that a kill leaves no half file behind.
pub(super) fn copy_whole(source: &Path, place: &Path) -> io::Result<()> {
    let mut name = place.file_name().unwrap_or_default().to_owned();
    name.push(".buoy-part");
    let part = place.with_file_name(name);
    remove_if_there(&part)?;
    fs::copy(source, &part)?;
    fs::rename(&part, place)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::workdir::Input;

    struct Bench {
        directory: tempfile::TempDir,
        layout: Layout,
    }

    impl Bench {
        /// A slot, and a file of the host beside it.
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let layout = Layout::new(directory.path().join("slot"));
            fs::create_dir_all(layout.work()).unwrap();
            fs::create_dir(directory.path().join("home")).unwrap();
            fs::write(directory.path().join("home/precious"), "old").unwrap();
            Self { directory, layout }
        }

        fn home(&self) -> PathBuf {
            self.directory.path().join("home")
        }

        fn prepare(&self, copied: &str) -> Result<Vec<Mount>, PrepareError> {
            let source = self.layout.slot.join(copied);
            fs::create_dir_all(source.parent().unwrap()).unwrap();
            fs::write(&source, "new").unwrap();
            let input = Input { name: copied.into(), place: InputPlace::Copy(source) };
            let survey = Survey { inputs: vec![input], outputs: Vec::new() };
            prepare(&self.layout, &survey, "/app", "<app_init_data>", |_| true)
        }

        fn assert_home_is_untouched(&self) {
            assert_eq!(fs::read_to_string(self.home().join("precious")).unwrap(), "old");
            assert_eq!(fs::read_dir(self.home()).unwrap().count(), 1);
        }
    }

    #[test]
    fn nothing_is_written_through_links_that_an_earlier_life_of_the_job_left() {
        let bench = Bench::new();
        for name in ["init_data.xml", "main.sh.buoy-part"] {
            symlink(bench.home().join("precious"), bench.layout.work().join(name)).unwrap();
        }
        bench.prepare("main.sh").unwrap();
        bench.assert_home_is_untouched();
        let read = |name: &str| fs::read_to_string(bench.layout.work().join(name)).unwrap();
        assert_eq!((read("init_data.xml").as_str(), read("main.sh").as_str()), ("<app_init_data>", "new"));
    }

    #[test]
    fn a_directory_that_became_a_link_is_refused() {
        let bench = Bench::new();
        symlink(bench.home(), bench.layout.work().join("autostart")).unwrap();
        let error = bench.prepare("autostart/evil").unwrap_err().to_string();
        assert!(
            error.starts_with("the job has replaced the directory ") && error.contains("autostart"),
            "{error}"
        );
        bench.assert_home_is_untouched();
    }
}
