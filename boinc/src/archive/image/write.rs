//! Writes the image again, in the form of `docker save`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::super::tar::{Entry, Kind, Writer};
use super::layer::{Cancelled, broken};
use super::select::digest_of;
use super::{ArchiveError, ImageArchive, Layer};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Saved<'a> {
    config: &'a str,
    repo_tags: [&'a str; 1],
    layers: Vec<&'a str>,
}

impl ImageArchive {
    /// Has the layers named by `mark`, letters and digits that no other load has, in what is written.
    ///
    /// Docker with containerd's image store takes up a layer of the same file name where an earlier load broke off, also of
    /// another image: after that it stores a mixture, or refuses (Docker 26.1.5: "unable to resume write to
    /// tar-layer-002.tar: unable to discard to offset").
    pub fn mark_layers(&mut self, mark: &str) {
        mark.clone_into(&mut self.mark);
    }

    /// Writes the image in the form of `docker save`, under `name`, with further `labels`. The same archive, name and labels
    /// give the same bytes. The manifest comes last, after all layers were found to have their digests: what was
    /// written before an error names no image.
    ///
    /// # Errors
    /// [`ArchiveError::Invalid`] when a layer is not what the configuration says, or all together are over `most` bytes;
    /// [`ArchiveError::Read`], [`ArchiveError::Write`], [`ArchiveError::Cancelled`].
    pub fn rewrite(
        &mut self,
        name: &str,
        labels: &[(String, String)],
        most: u64,
        out: &mut dyn Write,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<(), ArchiveError> {
        let lengths = self.lengths(most, cancelled)?;
        let mut tar = Writer::new(out);
        let mut files: BTreeMap<&str, String> = BTreeMap::new();
        for layer in &self.layers {
            // A layer that is there twice is written once.
            if files.contains_key(layer.diff_id.as_str()) {
                continue;
            }
            let file = format!("layer-{}{:03}.tar", self.mark, files.len() + 1);
            let size = lengths.get(layer.diff_id.as_str()).copied().unwrap_or_default();
            write_layer(&mut tar, &mut self.file, layer, &file, size, cancelled)?;
            files.insert(&layer.diff_id, file);
        }
        let config = self.config.written(labels)?;
        let config_file = format!("{}.json", &digest_of(&config)["sha256:".len()..]);
        let manifest = Saved {
            config: &config_file,
            repo_tags: [name],
            layers: self
                .layers
                .iter()
                .filter_map(|layer| files.get(layer.diff_id.as_str()))
                .map(String::as_str)
                .collect(),
        };
        let manifest = serde_json::to_vec(&[manifest]).map_err(|error| ArchiveError::Write(error.into()))?;
        for (file, text) in [(config_file.as_str(), &config), ("manifest.json", &manifest)] {
            tar.append(&entry(file, text.len() as u64), &mut &text[..]).map_err(ArchiveError::Write)?;
        }
        tar.finish().map(drop).map_err(ArchiveError::Write)
    }

    pub(super) fn lengths(
        &mut self,
        most: u64,
        cancelled: Cancelled<'_>,
    ) -> Result<BTreeMap<String, u64>, ArchiveError> {
        let mut lengths = BTreeMap::new();
        let mut left = most;
        for layer in &self.layers {
            if lengths.contains_key(&layer.diff_id) {
                continue;
            }
            let length = layer.length(&mut self.file, left, cancelled)?;
            left = left
                .checked_sub(length)
                .ok_or_else(|| format!("its layers are over {most} bytes when they are not compressed"))?;
            lengths.insert(layer.diff_id.clone(), length);
        }
        Ok(lengths)
    }
}

fn entry(name: &str, size: u64) -> Entry {
    Entry { size, ..Entry::new(name, Kind::File, 0o644) }
}

fn write_layer<W: Write>(
    tar: &mut Writer<W>,
    file: &mut File,
    layer: &Layer,
    name: &str,
    size: u64,
    cancelled: Cancelled<'_>,
) -> Result<(), ArchiveError> {
    let mut checked = Checked { bytes: layer.open(file)?, hash: Sha256::new(), error: None, cancelled };
    let written = tar.append(&entry(name, size), &mut checked);
    if let Some(error) = checked.error {
        return Err(error);
    }
    written.map_err(ArchiveError::Write)?;
    let found = format!("sha256:{:x}", checked.hash.finalize());
    if found == layer.diff_id {
        return Ok(());
    }
    refuse!("a layer's digest is {found}, not {} as the configuration says", layer.diff_id)
}

/// Hashes what passes, and keeps its own error apart from that of the writer.
struct Checked<'a> {
    bytes: Box<dyn Read + 'a>,
    hash: Sha256,
    error: Option<ArchiveError>,
    cancelled: Cancelled<'a>,
}

impl Read for Checked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if (self.cancelled)() {
            self.error = Some(ArchiveError::Cancelled);
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        match self.bytes.read(buffer) {
            Ok(0) => {
                self.error =
                    Some(ArchiveError::Invalid("a layer became shorter while it was read".to_owned()));
                Ok(0)
            }
            Ok(count) => {
                self.hash.update(&buffer[..count]);
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                self.error = Some(broken(error));
                Err(kind.into())
            }
        }
    }
}
