//! Copies into the work directory what the image has at its place.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use boinc::archive::tar::{Entry, Kind, Reader};
use boinc::nofollow::{Directory, Parent};

use super::layout::Layout;
use super::own::open_work;

/// Unpacks the tar file of [`crate::image::ImageMaker::workdir_files`], and gives the names of all its files. What is there
/// already stays: the job's inputs come first, and so does what an earlier life has unpacked.
///
/// # Errors
/// When the work directory or the file cannot be used.
pub fn fill(layout: &Layout, tar: &Path) -> io::Result<Vec<String>> {
    let work = open_work(layout)?.ok_or(io::ErrorKind::NotFound)?;
    let mut reader = Reader::new(BufReader::new(File::open(tar)?));
    let mut names = Vec::new();
    while let Some(entry) = reader.next_entry().map_err(io::Error::from)? {
        // Names that are not text are of no use as inputs or outputs, and the builder makes none.
        let Ok(name) = String::from_utf8(entry.path.clone()) else { continue };
        let Parent::Found(parent, last) = work.make_parent_of(&name)? else { continue };
        if parent.entry_of(last)?.is_some() {
            names.push(name);
            continue;
        }
        let target = Target { work: &work, directory: &parent, name: last };
        if target.put(&entry, &mut reader)? {
            names.push(name);
        }
    }
    Ok(names)
}

struct Target<'a> {
    work: &'a Directory,
    directory: &'a Directory,
    name: &'a std::ffi::OsStr,
}

impl Target<'_> {
    /// Whether it is a file now.
    fn put(&self, entry: &Entry, body: &mut dyn Read) -> io::Result<bool> {
        match entry.kind {
            Kind::Directory => {
                self.directory.make_directory(self.name, entry.mode | 0o700)?;
                return Ok(false);
            }
            Kind::Symlink => {
                let target: PathBuf = boinc::platform::path_from_bytes(&entry.link);
                self.directory.make_symlink(&target, self.name)?;
                return Ok(false);
            }
            Kind::HardLink => {
                let Ok(source) = std::str::from_utf8(&entry.link) else { return Ok(false) };
                let Parent::Found(parent, last) = self.work.parent_of(source)? else { return Ok(false) };
                self.directory.copy_file(&mut parent.open_file(last)?, self.name)?;
            }
            _ => {
                let mut file = self.directory.create_file(self.name, entry.mode | 0o400)?;
                io::copy(body, &mut file)?;
                if let Ok(seconds) = u64::try_from(entry.mtime) {
                    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))?;
                }
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use boinc::archive::tar::Writer;

    use super::*;

    #[test]
    fn inputs_win_and_links_are_not_followed() {
        let slot = tempfile::tempdir().unwrap();
        let layout = Layout::new(slot.path());
        fs::create_dir_all(layout.work()).unwrap();
        fs::write(layout.work().join("model"), "input").unwrap();
        let mut writer = Writer::new(Vec::new());
        let mut add = |entry: Entry, body: &[u8]| {
            let entry = Entry { size: body.len() as u64, ..entry };
            writer.append(&entry, &mut &body[..]).unwrap();
        };
        let link =
            |path: &str, kind: Kind, to: &str| Entry { link: to.into(), ..Entry::new(path, kind, 0o777) };
        add(Entry::new("model", Kind::File, 0o644), b"image");
        add(Entry { mtime: 86_400, ..Entry::new("lib/a", Kind::File, 0o755) }, b"a");
        add(link("lib/b", Kind::HardLink, "lib/a"), b"");
        add(link("out", Kind::Symlink, "/etc"), b"");
        add(Entry::new("out/evil", Kind::File, 0o644), b"x");
        fs::write(slot.path().join("tar"), writer.finish().unwrap()).unwrap();
        let names = fill(&layout, &slot.path().join("tar")).unwrap();
        assert_eq!(names, ["model", "lib/a", "lib/b"]);
        assert_eq!(fs::read_to_string(layout.work().join("model")).unwrap(), "input");
        assert_eq!(fs::read_to_string(layout.work().join("lib/b")).unwrap(), "a");
        assert_eq!(fs::read_link(layout.work().join("out")).unwrap(), Path::new("/etc"));
        assert!(!Path::new("/etc/evil").exists());
        // Once more, after a kill in the middle: nothing changes, and all names are known.
        fs::write(layout.work().join("lib/a"), "changed").unwrap();
        let names = fill(&layout, &slot.path().join("tar")).unwrap();
        assert!(
            ["model", "lib/a", "lib/b"].iter().all(|name| names.iter().any(|known| known == name)),
            "{names:?}"
        );
        assert_eq!(fs::read_to_string(layout.work().join("lib/a")).unwrap(), "changed");
    }
}
