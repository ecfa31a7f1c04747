//! A look into a tarball of images before the engine loads it.
//!
//! Loading sets the names that a tarball carries, whatever they are: one that says `debian:bookworm-slim` would become the base
//! of other people's images on a volunteer's host. So only tarballs without names are loaded; they are checked by
//! digest and get our own name.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A tarball that is not loaded.
#[derive(Debug, thiserror::Error)]
pub enum TarballError {
    /// It can't be read.
    #[error("can't read the image tarball {}", path.display())]
    Read {
        /// The tarball.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It is not what `docker save` writes.
    #[error("{} is no image tarball: {why}; make it with: docker save IMAGE_ID -o FILE (not compressed)", path.display())]
    Format {
        /// The tarball.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// It would set names.
    #[error(
        "{} carries the image name {name:?}, which would replace an image of that name on the host; save it by its id, \
         which carries none: docker save $(docker image inspect --format '{{{{.Id}}}}' {name}) -o FILE",
        path.display()
    )]
    Named {
        /// The tarball.
        path: PathBuf,
        /// The name.
        name: String,
    },
}

const BLOCK: u64 = 512;
/// Manifests are a few kilobytes.
const MAX_MANIFEST_BYTES: u64 = 1 << 20;
/// An image has some hundred layers at most.
const MAX_ENTRIES: usize = 100_000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ManifestEntry {
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct OciIndex {
    #[serde(default)]
    manifests: Vec<OciDescriptor>,
}

#[derive(Deserialize)]
struct OciDescriptor {
    #[serde(default)]
    annotations: Option<std::collections::BTreeMap<String, String>>,
}

/// Refuses a tarball that would name images, or that is none.
pub(super) fn check(path: &Path) -> Result<(), TarballError> {
    let read = |source| TarballError::Read { path: path.into(), source };
    let format = |why: &str| TarballError::Format { path: path.into(), why: why.into() };
    let named = |name: String| TarballError::Named { path: path.into(), name };
    let mut file = File::open(path).map_err(read)?;
    let mut has_manifest = false;
    for _ in 0..MAX_ENTRIES {
        let mut header = [0_u8; BLOCK as usize];
        match file.read_exact(&mut header) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            result => result.map_err(read)?,
        }
        if header.iter().all(|&byte| byte == 0) {
            break;
        }
        if &header[257..262] != b"ustar" {
            return Err(format("it is no tar file, or a compressed one"));
        }
        let size = parse_size(&header[124..136]).ok_or_else(|| format("a size in it can't be read"))?;
        let name = entry_name(&header);
        match name.trim_start_matches("./") {
            "manifest.json" => {
                has_manifest = true;
                let entries: Vec<ManifestEntry> = read_json(&mut file, size).map_err(|why| format(&why))?;
                if let Some(name) = entries.into_iter().filter_map(|entry| entry.repo_tags).flatten().next() {
                    return Err(named(name));
                }
            }
            "index.json" => {
                let index: OciIndex = read_json(&mut file, size).map_err(|why| format(&why))?;
                let name = index.manifests.into_iter().filter_map(|manifest| manifest.annotations).find_map(
                    |mut annotations| {
                        annotations
                            .remove("io.containerd.image.name")
                            .or_else(|| annotations.remove("org.opencontainers.image.ref.name"))
                    },
                );
                if let Some(name) = name {
                    return Err(named(name));
                }
            }
            "repositories" => {
                let names: std::collections::BTreeMap<String, serde_json::Value> =
                    read_json(&mut file, size).map_err(|why| format(&why))?;
                if let Some(name) = names.into_keys().next() {
                    return Err(named(name));
                }
            }
            _ => skip(&mut file, size).map_err(read)?,
        }
        let padding = size.next_multiple_of(BLOCK) - size;
        skip(&mut file, padding).map_err(read)?;
    }
    if has_manifest { Ok(()) } else { Err(format("it holds no manifest.json")) }
}

fn skip(file: &mut File, bytes: u64) -> io::Result<()> {
    let bytes = i64::try_from(bytes).map_err(io::Error::other)?;
    file.seek(SeekFrom::Current(bytes)).map(drop)
}

fn read_json<T: for<'a> Deserialize<'a>>(file: &mut File, size: u64) -> Result<T, String> {
    if size > MAX_MANIFEST_BYTES {
        return Err(format!("its manifest has {size} bytes"));
    }
    let mut text = Vec::new();
    file.by_ref().take(size).read_to_end(&mut text).map_err(|error| error.to_string())?;
    serde_json::from_slice(&text).map_err(|error| error.to_string())
}

/// Octal digits, or base 256 for what does not fit (GNU tar).
fn parse_size(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        return field[4..]
            .iter()
            .try_fold(0_u64, |sum, &byte| sum.checked_mul(256)?.checked_add(byte.into()));
    }
    let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    u64::from_str_radix(text, 8).ok()
}

fn entry_name(header: &[u8]) -> String {
    let text = |range: std::ops::Range<usize>| {
        String::from_utf8_lossy(&header[range]).trim_end_matches('\0').to_owned()
    };
    text(0..100)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    fn tarball(manifest: &str) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("layer"), vec![7_u8; 3_000]).unwrap();
        fs::write(directory.path().join("manifest.json"), manifest).unwrap();
        let path = directory.path().join("image.tar");
        let made = Command::new("tar")
            .arg("-C")
            .arg(directory.path())
            .args(["-cf"])
            .arg(&path)
            .args(["layer", "manifest.json"])
            .status()
            .unwrap();
        assert!(made.success());
        (directory, path)
    }

    #[test]
    fn a_tarball_without_names_is_welcome() {
        let (_directory, path) = tarball(r#"[{"Config":"x.json","RepoTags":null,"Layers":["layer"]}]"#);
        check(&path).unwrap();
    }

    #[test]
    fn a_tarball_that_would_take_a_name_is_refused() {
        let (_directory, path) = tarball(r#"[{"RepoTags":["debian:bookworm-slim"]}]"#);
        let error = check(&path).unwrap_err().to_string();
        assert!(error.contains("debian:bookworm-slim") && error.contains("docker save $("), "{error}");
    }

    #[test]
    fn something_else_is_no_tarball() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("image.tar.gz");
        fs::write(&path, vec![0x1f; 2_000]).unwrap();
        assert!(check(&path).unwrap_err().to_string().contains("not compressed"));
    }
}
