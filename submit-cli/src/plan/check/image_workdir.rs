//! What an image archive has at the work directory: each job gets a copy, so it must not be much.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::thread;

use boinc::archive::image::{ArchiveError, ImageArchive};
use boinc::archive::tar::{Kind, Reader, TarError};

/// The start of a name that takes away what an earlier layer has (OCI image layer specification, "Whiteouts").
const WHITEOUT: &[u8] = b".wh.";
/// Takes away all that earlier layers have in its directory.
const OPAQUE: &[u8] = b".wh..wh..opq";

/// What an image has in a directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Contents {
    pub bytes: u64,
    /// Files, directories and links.
    pub entries: u64,
}

/// What the image has in `directory`, an absolute path in it, after all layers. Links on the way are not followed.
///
/// # Errors
/// The archive cannot be read, or is not one.
pub(super) fn contents(archive: &mut ImageArchive, directory: &str) -> Result<Contents, ArchiveError> {
    let (layers, mut out) = io::pipe().map_err(ArchiveError::Read)?;
    thread::scope(|scope| {
        let written = scope.spawn(move || archive.rewrite("buoy-check", &[], u64::MAX, &mut out, &|| false));
        let counted = count(layers, directory.trim_matches('/').as_bytes());
        // Its error says more than that of the reader, which sees a stream that ends.
        written.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        counted.map_err(|error| ArchiveError::Read(error.into()))
    })
}

fn count(mut stream: impl Read, directory: &[u8]) -> Result<Contents, TarError> {
    let counted = count_layers(Reader::new(&mut stream), directory);
    // Who writes would fail otherwise, and with another error.
    io::copy(&mut stream, &mut io::sink()).map_err(TarError::Read)?;
    counted
}

fn count_layers(mut archive: Reader<impl Read>, directory: &[u8]) -> Result<Contents, TarError> {
    let mut found = BTreeMap::new();
    while let Some(file) = archive.next_entry()? {
        if file.path.ends_with(b".tar") {
            add_layer(Reader::new(&mut archive), directory, &mut found)?;
        }
    }
    Ok(Contents { bytes: found.values().sum(), entries: found.len() as u64 })
}

/// Adds what a layer has below the directory, by path.
fn add_layer(
    mut layer: Reader<impl Read>,
    directory: &[u8],
    found: &mut BTreeMap<Vec<u8>, u64>,
) -> Result<(), TarError> {
    let mut own = BTreeMap::new();
    while let Some(entry) = layer.next_entry()? {
        let path = entry.path.strip_prefix(b"./").unwrap_or(&entry.path);
        let path = path.strip_prefix(b"/").unwrap_or(path);
        let name_at = path.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
        let (parent, name) = path.split_at(name_at);
        if name == OPAQUE {
            remove(found, &parent[..name_at.saturating_sub(1)]);
        } else if let Some(name) = name.strip_prefix(WHITEOUT) {
            remove(found, &[parent, name].concat());
        } else if path.strip_prefix(directory).is_some_and(|rest| rest.starts_with(b"/")) {
            own.insert(path.to_vec(), if entry.kind == Kind::File { entry.size } else { 0 });
        } else if path == directory && entry.kind != Kind::Directory {
            remove(found, directory);
        }
    }
    found.extend(own);
    Ok(())
}

/// Takes away a path and all below it.
fn remove(found: &mut BTreeMap<Vec<u8>, u64>, path: &[u8]) {
    found.retain(|known, _| {
        !known.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    });
}

#[cfg(test)]
mod tests {
    use boinc::archive::tar::{Entry, Writer};

    use super::*;

    fn tar<'a>(files: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new());
        for (name, body) in files {
            let kind = if name.ends_with('/') { Kind::Directory } else { Kind::File };
            let entry = Entry { size: body.len() as u64, ..Entry::new(name, kind, 0o644) };
            writer.append(&entry, &mut &body[..]).unwrap();
        }
        writer.finish().unwrap()
    }

    fn counted(layers: &[&[(&str, usize)]]) -> (u64, u64) {
        let layers: Vec<Vec<u8>> = layers
            .iter()
            .map(|files| tar(files.iter().map(|(name, size)| (*name, vec![b'x'; *size]))))
            .collect();
        let names: Vec<String> = (1..=layers.len()).map(|n| format!("layer-{n:03}.tar")).collect();
        let archive =
            tar(names.iter().map(String::as_str).zip(layers).chain([("manifest.json", vec![b'{'])]));
        let contents = count(&archive[..], b"srv/app").unwrap();
        (contents.bytes, contents.entries)
    }

    #[test]
    fn only_what_is_below_the_directory_counts() {
        let layer: &[_] =
            &[("srv/", 0), ("srv/app/", 0), ("srv/app/a", 3), ("srv/app/d/", 0), ("srv/apple", 50), ("a", 9)];
        assert_eq!(counted(&[layer]), (3, 2));
        assert_eq!(counted(&[&[("./srv/app/a", 3)], &[("/srv/app/b", 4)]]), (7, 2));
        assert_eq!(counted(&[&[("srv/other", 3)]]), (0, 0));
    }

    #[test]
    fn later_layers_replace_and_take_away() {
        let first: &[_] = &[("srv/app/a", 3), ("srv/app/d/x", 10), ("srv/app/d/y", 20)];
        assert_eq!(counted(&[first, &[("srv/app/a", 1)]]), (31, 3));
        assert_eq!(counted(&[first, &[("srv/app/d/.wh.x", 0)]]), (23, 2));
        assert_eq!(counted(&[first, &[("srv/app/.wh.d", 0), ("srv/app/e", 5)]]), (8, 2));
        assert_eq!(counted(&[first, &[("srv/app/d/.wh..wh..opq", 0), ("srv/app/d/z", 2)]]), (5, 2));
        assert_eq!(counted(&[first, &[("srv/.wh.app", 0)]]), (0, 0));
    }
}
