//! Finds the one image of an archive: its configuration and its layers.

use std::collections::BTreeMap;
use std::fs::File;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::config::is_digest;
use super::entries::{Entries, Span, read_span};
use super::{ADVICE, ArchiveError, json};
use crate::hex::is_sha256;

const MAX_MANIFEST: u64 = 1 << 20;
const MAX_CONFIG: u64 = 4 << 20;
const SAVED_FIELDS: [&str; 3] = ["Config", "RepoTags", "Layers"];
const OCI_FIELDS: [&str; 9] =
    ["manifests", "config", "layers", "mediaType", "digest", "platform", "architecture", "os", "annotations"];

/// What an archive says its image is.
pub(super) struct Selected {
    pub(super) config: Vec<u8>,
    pub(super) config_digest: String,
    pub(super) layers: Vec<Span>,
    pub(super) names: Vec<String>,
}

/// An entry of manifest.json.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Saved {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
    #[serde(default, rename = "Parent")]
    _parent: serde::de::IgnoredAny,
    #[serde(default, rename = "LayerSources")]
    _layer_sources: serde::de::IgnoredAny,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    #[serde(default)]
    platform: Option<Platform>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Platform {
    architecture: String,
    os: String,
}

impl Descriptor {
    fn is_index(&self) -> bool {
        self.media_type == "application/vnd.oci.image.index.v1+json"
            || self.media_type == "application/vnd.docker.distribution.manifest.list.v2+json"
    }

    /// About an image, not an image: BuildKit's attestations.
    fn is_attestation(&self) -> bool {
        self.platform
            .as_ref()
            .is_some_and(|platform| platform.os == "unknown" && platform.architecture == "unknown")
    }

    fn fits(&self, architecture: Option<&str>) -> bool {
        match (&self.platform, architecture) {
            (Some(platform), Some(wanted)) => platform.os == "linux" && platform.architecture == wanted,
            _ => true,
        }
    }

    fn names(&self) -> impl Iterator<Item = String> {
        let known = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];
        known.into_iter().filter_map(|key| self.annotations.as_ref()?.get(key).cloned())
    }
}

/// Both ways of naming the image are looked at where both are there (Docker since 25), and must agree.
pub(super) fn select(
    file: &mut File,
    entries: &Entries,
    architecture: Option<&str>,
) -> Result<Selected, ArchiveError> {
    let saved = entries.find("manifest.json")?.map(|span| by_manifest(file, entries, span)).transpose()?;
    let index =
        entries.find("index.json")?.map(|span| by_index(file, entries, span, architecture)).transpose()?;
    match (saved, index) {
        (Some(mut saved), Some(index)) if saved.config_digest == index.config_digest => {
            saved.names.extend(index.names);
            Ok(saved)
        }
        (Some(saved), Some(index)) => refuse!(
            "manifest.json and index.json name different images: {} and {}",
            saved.config_digest,
            index.config_digest
        ),
        (Some(one), None) | (None, Some(one)) => Ok(one),
        (None, None) => {
            refuse!("it has neither manifest.json nor index.json; {ADVICE}")
        }
    }
}

fn by_manifest(file: &mut File, entries: &Entries, span: Span) -> Result<Selected, ArchiveError> {
    let images: Vec<Saved> =
        json::parse("manifest.json", &small(file, "manifest.json", span, MAX_MANIFEST)?, &SAVED_FIELDS)?;
    let [image] = <[Saved; 1]>::try_from(images)
        .map_err(|images| format!("it has {} images, expected 1; save one image only", images.len()))?;
    let config = small(file, "the configuration", entries.get(&image.config)?, MAX_CONFIG)?;
    let config_digest = digest_of(&config);
    // Where a file is named by its digest, that is declared.
    let base = image.config.rsplit('/').next().unwrap_or_default();
    let declared = base.strip_suffix(".json").unwrap_or(base);
    let declared = declared.strip_prefix("sha256:").unwrap_or(declared);
    if is_sha256(declared) && config_digest[7..] != *declared {
        refuse!("the configuration's digest is {config_digest}, not {declared} as its name says");
    }
    let layers = image.layers.iter().map(|name| entries.get(name)).collect::<Result<_, _>>()?;
    Ok(Selected { config, config_digest, layers, names: image.repo_tags.unwrap_or_default() })
}

fn by_index(
    file: &mut File,
    entries: &Entries,
    span: Span,
    architecture: Option<&str>,
) -> Result<Selected, ArchiveError> {
    let index: Index =
        json::parse("index.json", &small(file, "index.json", span, MAX_MANIFEST)?, &OCI_FIELDS)?;
    let mut names: Vec<String> = index.manifests.iter().flat_map(Descriptor::names).collect();
    let mut chosen = only(index, architecture)?;
    if chosen.is_index() {
        let inner: Index =
            json::parse("an index", &blob(file, entries, &chosen, MAX_MANIFEST)?, &OCI_FIELDS)?;
        names.extend(inner.manifests.iter().flat_map(Descriptor::names));
        chosen = only(inner, architecture)?;
        if chosen.is_index() {
            refuse!("it has an index in an index; {ADVICE}");
        }
    }
    let manifest: Manifest =
        json::parse("a manifest", &blob(file, entries, &chosen, MAX_MANIFEST)?, &OCI_FIELDS)?;
    let config = blob(file, entries, &manifest.config, MAX_CONFIG)?;
    let config_digest = digest_of(&config);
    let layers = manifest
        .layers
        .iter()
        .map(|layer| entries.get(&blob_name(&layer.digest)?))
        .collect::<Result<_, _>>()?;
    Ok(Selected { config, config_digest, layers, names })
}

/// The one image of an index.
fn only(index: Index, architecture: Option<&str>) -> Result<Descriptor, ArchiveError> {
    let mut images: Vec<Descriptor> =
        index.manifests.into_iter().filter(|image| !image.is_attestation()).collect();
    if images.len() > 1 {
        images.retain(|image| image.fits(architecture));
    }
    let count = images.len();
    match (images.pop(), count) {
        (Some(image), 1) => Ok(image),
        _ => refuse!(
            "it has {count} images for {}, expected 1; save one image for one platform only",
            architecture.unwrap_or("any platform")
        ),
    }
}

fn blob(
    file: &mut File,
    entries: &Entries,
    wanted: &Descriptor,
    limit: u64,
) -> Result<Vec<u8>, ArchiveError> {
    let bytes = small(file, "a manifest or configuration", entries.get(&blob_name(&wanted.digest)?)?, limit)?;
    let found = digest_of(&bytes);
    if found == wanted.digest {
        Ok(bytes)
    } else {
        refuse!("the digest of a file is {found}, not {} as declared", wanted.digest)
    }
}

fn blob_name(digest: &str) -> Result<String, ArchiveError> {
    if !is_digest(digest) {
        refuse!("the digest {digest:?} is not sha256: and 64 digits");
    }
    Ok(format!("blobs/{}", digest.replace(':', "/")))
}

fn small(file: &mut File, what: &str, span: Span, limit: u64) -> Result<Vec<u8>, ArchiveError> {
    if span.size > limit {
        refuse!("{what} has {} bytes, {limit} are the limit", span.size);
    }
    read_span(file, span)
}

pub(super) fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(bytes))
}
