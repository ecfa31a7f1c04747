mod changed;
mod drafts;
mod hostile;

use std::io::{Read, Seek, Write};

use serde_json::{Value, json};

use super::select::digest_of;
use super::*;
use drafts::*;

const NAME: &str = "buoy-0123:latest";
const NO_LIMIT: u64 = u64::MAX;

fn open(bytes: &[u8]) -> Result<ImageArchive, ArchiveError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    ImageArchive::open(file, Some("amd64"))
}

fn written(archive: &mut ImageArchive) -> Result<Vec<u8>, ArchiveError> {
    let mut out = Vec::new();
    let labels = [("org.buoy.image".to_owned(), "mine".to_owned())];
    archive.rewrite(NAME, &labels, NO_LIMIT, &mut out, &|| false)?;
    Ok(out)
}

fn refusal(entries: &[Raw]) -> String {
    refusal_of(&tarball(entries))
}

fn refusal_of(bytes: &[u8]) -> String {
    match open(bytes).and_then(|mut archive| written(&mut archive)) {
        Err(error @ ArchiveError::Invalid(_)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// What another reader finds in what was written: the files in their order.
fn files(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = ::tar::Archive::new(bytes);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        assert!(entry.header().entry_type().is_file());
        let mut body = Vec::new();
        entry.read_to_end(&mut body).unwrap();
        (entry.path().unwrap().to_str().unwrap().to_owned(), body)
    });
    entries.collect()
}

/// What was written is one image with our name, and its configuration and layers are those of the archive.
fn check(archive: &ImageArchive, bytes: &[u8]) {
    let files = files(bytes);
    let (last, manifest) = files.last().unwrap();
    assert_eq!(last, "manifest.json");
    let manifest: Value = serde_json::from_slice(manifest).unwrap();
    let image = &manifest[0];
    assert_eq!((manifest.as_array().unwrap().len(), &image["RepoTags"]), (1, &json!([NAME])));
    assert_eq!(image.as_object().unwrap().len(), 3);
    let body = |name: &Value| {
        let mut named = files.iter().filter(|(file, _)| file == name.as_str().unwrap());
        let (_, body) = named.next().unwrap();
        assert!(named.next().is_none());
        body
    };
    let config: Value = serde_json::from_slice(body(&image["Config"])).unwrap();
    let layers = image["Layers"].as_array().unwrap();
    let digests: Vec<String> = layers.iter().map(|name| digest_of(body(name))).collect();
    assert_eq!(config["rootfs"], json!({"type": "layers", "diff_ids": digests}));
    assert_eq!(config["architecture"], archive.architecture());
    assert_eq!(config["os"], archive.os());
    let list = |key: &str| -> Vec<String> {
        config["config"].get(key).map_or(vec![], |list| serde_json::from_value(list.clone()).unwrap())
    };
    let text = |key: &str| config["config"].get(key).map_or("", |text| text.as_str().unwrap()).to_owned();
    assert_eq!(list("Entrypoint"), archive.config().entrypoint());
    assert_eq!(list("Cmd"), archive.config().cmd());
    assert_eq!(list("Env"), archive.config().env());
    assert_eq!(text("WorkingDir"), archive.config().working_dir());
    assert_eq!(text("User"), archive.config().user());
    let known = ["User", "Env", "Entrypoint", "Cmd", "WorkingDir", "Shell", "Labels"];
    let keys = config["config"].as_object().unwrap().keys();
    assert_eq!(keys.filter(|key| !known.contains(&key.as_str())).count(), 0, "{config}");
    assert_eq!(config["config"]["Labels"]["org.buoy.image"], "mine");
    assert_eq!(config["history"].as_array().unwrap().len(), digests.len());
    let mut wanted: Vec<&str> =
        layers.iter().chain([&image["Config"]]).map(|name| name.as_str().unwrap()).collect();
    wanted.sort_unstable();
    wanted.dedup();
    assert_eq!(files.len(), wanted.len() + 1, "nothing else is written");
}

#[test]
fn every_honest_form_is_read_and_written_in_one_form() {
    for (form, entries) in honest() {
        let mut archive = open(&tarball(&entries)).unwrap_or_else(|error| panic!("{form}: {error}"));
        assert_eq!((archive.os(), archive.architecture()), ("linux", "amd64"), "{form}");
        assert_eq!(archive.config().entrypoint(), ["/bin/run", "-x"], "{form}");
        let first = written(&mut archive).unwrap_or_else(|error| panic!("{form}: {error}"));
        check(&archive, &first);
        assert!(first == written(&mut archive).unwrap(), "{form}: the same bytes");
        let bytes: u64 = archive.lengths(NO_LIMIT, &|| false).unwrap().values().sum();
        let distinct: Vec<_> =
            files(&first).into_iter().filter(|(name, _)| name.starts_with("layer-")).collect();
        assert_eq!(bytes, distinct.iter().map(|(_, body)| body.len() as u64).sum::<u64>(), "{form}");
        archive.mark_layers("00ff-");
        let marked = written(&mut archive).unwrap();
        let layers: Vec<_> =
            files(&marked).into_iter().filter(|(name, _)| name.starts_with("layer-00ff-")).collect();
        assert_eq!(layers.len(), distinct.len(), "{form}: no layer has a name of another load");
        assert!(open(&marked).unwrap().config_digest() == open(&first).unwrap().config_digest(), "{form}");
        let mut again = open(&first).unwrap();
        let second = written(&mut again).unwrap();
        check(&again, &second);
    }
}

#[test]
fn the_digest_is_that_of_the_configuration_as_it_is_in_the_archive_and_names_are_only_reported() {
    let archive = open(&tarball(&docker_20())).unwrap();
    assert_eq!(archive.config_digest(), digest_of(&config_of(&[layer("one"), layer("two"), layer("one")])));
    assert_eq!(archive.names(), ["debian:bookworm-slim"]);
    let both = open(&tarball(&docker_26())).unwrap();
    assert_eq!(both.config_digest(), open(&tarball(&oci())).unwrap().config_digest());
    assert!(both.names().contains(&"docker.io/library/debian:bookworm-slim".to_owned()));
    let text = String::from_utf8_lossy(&written(&mut { both }).unwrap()).into_owned();
    assert!(!text.contains("debian"));
}
