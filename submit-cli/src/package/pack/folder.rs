//! Writes a package to a folder: `manifest.json`, `jobs.txt`, `templates/`, `files/`.
//!
//! The folder appears as a whole or not at all.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use boinc::platform::replace;
use serde_json::{Value, json};

use super::{Package, PackedFile};
use crate::plan::Plan;
use crate::plan::content::Content;
use crate::plan::content::{ContentHash, hash};
use crate::platform::path_text;

/// Version of the folder's layout and of manifest.json.
const VERSION: u32 = 1;

/// Why a folder was not written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("invalid folder {}: it already exists", dir.display())]
    Exists { dir: PathBuf },
    /// A file changed after it was read.
    #[error("failed to pack {}: it has changed since it was read; run the same command again", file.display())]
    Changed { file: PathBuf },
    #[error("failed to write {}", file.display())]
    Write { file: PathBuf, source: io::Error },
}

/// Writes the package of `plan` to the folder `dir`, which must not exist. Files are hard links where the file system
/// allows it, and copies elsewhere.
///
/// # Errors
/// The folder exists, a file changed, or something cannot be written.
pub fn write(package: &Package<'_>, plan: &Plan, dir: &Path) -> Result<(), FolderError> {
    if dir.symlink_metadata().is_ok() {
        return Err(FolderError::Exists { dir: dir.to_path_buf() });
    }
    let mut name = dir.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".partial-{}", std::process::id()));
    let partial = dir.with_file_name(name);
    let failed = |source| FolderError::Write { file: dir.to_path_buf(), source };
    let written = fill(package, plan, &partial).and_then(|()| replace(&partial, dir).map_err(failed));
    if written.is_err() {
        // The error that matters is the one that is returned.
        let _ = fs::remove_dir_all(&partial);
    }
    written
}

fn fill(package: &Package<'_>, plan: &Plan, dir: &Path) -> Result<(), FolderError> {
    let files = dir.join("files");
    for folder in [dir, &files, &dir.join("templates")] {
        fs::create_dir(folder).map_err(|source| FolderError::Write { file: folder.to_path_buf(), source })?;
    }
    for (name, file) in &package.files {
        install(file.content, &file.hash, &files.join(name))?;
    }
    for template in [&package.input_template, &package.output_template] {
        save(&dir.join(&template.name), |out| out.write_all(template.text.as_bytes()))?;
    }
    save(&dir.join("jobs.txt"), |out| package.job_lines.iter().try_for_each(|line| writeln!(out, "{line}")))?;
    save(&dir.join("manifest.json"), |out| {
        serde_json::to_writer_pretty(&mut *out, &manifest(package, plan))?;
        writeln!(out)
    })
}

fn manifest(package: &Package<'_>, plan: &Plan) -> Value {
    let file = |(name, file): (&String, &PackedFile<'_>)| {
        let source = match file.content {
            Content::Path(path) => Some(path_text(path).unwrap_or_else(|| path.to_string_lossy())),
            Content::Bytes(_) => None,
        };
        json!({
            "name": name,
            "sha256": file.hash.sha256,
            "bytes": file.hash.bytes,
            "gzip": file.gzip,
            "source": source,
        })
    };
    json!({
        "version": VERSION,
        "app": plan.app.name,
        "app_version": plan.app.version,
        "bundle": plan.bundle.sha256,
        "batch": plan.batch,
        "jobs": plan.jobs.len(),
        "input_template": package.input_template.name,
        "output_template": package.output_template.name,
        "files": package.files.iter().map(file).collect::<Vec<_>>(),
    })
}

fn save(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<fs::File>) -> io::Result<()>,
) -> Result<(), FolderError> {
    let done = fs::File::create_new(path).and_then(|file| {
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        out.flush()
    });
    done.map_err(|source| FolderError::Write { file: path.to_path_buf(), source })
}

fn install(content: &Content, expected: &ContentHash, target: &Path) -> Result<(), FolderError> {
    let failed = |source| FolderError::Write { file: target.to_path_buf(), source };
    let source = match content {
        Content::Bytes(bytes) => return fs::write(target, bytes).map_err(failed),
        Content::Path(source) => source,
    };
    // A link to a symbolic link would not be a file of its own.
    let linked =
        source.symlink_metadata().is_ok_and(|meta| meta.is_file()) && fs::hard_link(source, target).is_ok();
    if !linked {
        fs::copy(source, target).map_err(failed)?;
    }
    let length = target.metadata().map_err(failed)?.len();
    let same = length == expected.bytes
        && (linked || hash(&Content::Path(target.to_path_buf())).map_err(failed)? == *expected);
    if same { Ok(()) } else { Err(FolderError::Changed { file: source.clone() }) }
}
