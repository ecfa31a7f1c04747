//! Archives as the tools write them, entry by entry, so that a test can change them.

use std::fmt::Write as _;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::digest_of;

/// An entry as it is written, allowed or not.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    pub(super) name: Vec<u8>,
    pub(super) flag: u8,
    pub(super) link: Vec<u8>,
    pub(super) body: Vec<u8>,
}

pub(super) fn file(name: &str, body: impl AsRef<[u8]>) -> Raw {
    Raw { name: name.into(), flag: b'0', link: vec![], body: body.as_ref().to_vec() }
}

pub(super) fn special(name: &str, flag: u8, link: &str) -> Raw {
    Raw { name: name.into(), flag, link: link.into(), body: vec![] }
}

pub(super) fn pax(records: &[(&str, &str)]) -> Raw {
    let mut text = String::new();
    for (key, value) in records {
        // Short enough for two digits.
        let _ = writeln!(text, "{:02} {key}={value}", key.len() + value.len() + 5);
    }
    Raw { flag: b'x', ..file("PaxHeaders/x", text) }
}

pub(super) fn gnu_long(flag: u8, name: &str) -> Raw {
    Raw { flag, ..file("././@LongLink", format!("{name}\0")) }
}

pub(super) fn tarball(entries: &[Raw]) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in entries {
        let mut header = tar_header();
        let block = header.as_mut_bytes();
        block[..entry.name.len().min(100)].copy_from_slice(&entry.name[..entry.name.len().min(100)]);
        block[156] = entry.flag;
        block[157..157 + entry.link.len()].copy_from_slice(&entry.link);
        header.set_size(entry.body.len() as u64);
        header.set_cksum();
        all.extend_from_slice(header.as_bytes());
        all.extend_from_slice(&entry.body);
        all.resize(all.len().next_multiple_of(512), 0);
    }
    all.resize(all.len() + 1_024, 0);
    all
}

pub(super) fn tar_header() -> ::tar::Header {
    let mut header = ::tar::Header::new_ustar();
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

pub(super) fn layer(text: &str) -> Vec<u8> {
    tarball(&[file("hello", text)])
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn config_of(layers: &[Vec<u8>]) -> Vec<u8> {
    let diff_ids: Vec<String> = layers.iter().map(|layer| digest_of(layer)).collect();
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "created": "2026-11-29T00:00:00Z",
        "docker_version": "20.10.24",
        "container_config": {"Cmd": ["/bin/sh", "-c", "#(nop)"], "Labels": null},
        "config": {
            "User": "1000",
            "Env": ["PATH=/bin", "A=b c"],
            "Entrypoint": ["/bin/run", "-x"],
            "Cmd": ["a"],
            "WorkingDir": "/app",
            "ExposedPorts": {"80/tcp": {}},
            "Volumes": {"/data": {}},
            "OnBuild": ["RUN evil"],
            "Healthcheck": {"Test": ["CMD", "evil"]},
            "StopSignal": "SIGSTOP",
            "Labels": {"org.example": "1", "Org.Example": "2"},
        },
        "history": [{"created_by": "x"}],
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    serde_json::to_vec(&config).unwrap()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    digest_of(bytes)[7..].to_owned()
}

/// As `docker save` of 20.10 writes it: a layer that is there twice is a symbolic link the second time.
pub(super) fn docker_20() -> Vec<Raw> {
    let layers = [layer("one"), layer("two"), layer("one")];
    let config = config_of(&layers);
    let config_name = format!("{}.json", hex(&config));
    let manifest = json!([{
        "Config": config_name, "RepoTags": ["debian:bookworm-slim"],
        "Layers": ["aa/layer.tar", "bb/layer.tar", "cc/layer.tar"],
    }]);
    vec![
        special("aa/", b'5', ""),
        file("aa/VERSION", "1.0"),
        file("aa/json", "{}"),
        file("aa/layer.tar", &layers[0]),
        special("bb/", b'5', ""),
        file("bb/layer.tar", &layers[1]),
        special("cc/layer.tar", b'2', "../aa/layer.tar"),
        file(&config_name, &config),
        file("manifest.json", manifest.to_string()),
        file("repositories", r#"{"debian":{"bookworm-slim":"aa"}}"#),
    ]
}

pub(super) struct Blobs(Vec<Raw>);

impl Blobs {
    pub(super) fn add(&mut self, media_type: &str, bytes: &[u8]) -> Value {
        self.0.push(file(&format!("blobs/sha256/{}", hex(bytes)), bytes));
        json!({"mediaType": media_type, "digest": digest_of(bytes), "size": bytes.len()})
    }
}

pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// As `podman save --format oci-archive` writes it: layers are compressed.
pub(super) fn oci() -> Vec<Raw> {
    oci_with(|_, manifest| manifest)
}

pub(super) fn oci_with(wrap: impl Fn(&mut Blobs, Value) -> Value) -> Vec<Raw> {
    let layers = [layer("one"), layer("two")];
    let mut blobs = Blobs(vec![special("blobs/", b'5', ""), special("blobs/sha256/", b'5', "")]);
    let config = blobs.add("application/vnd.oci.image.config.v1+json", &config_of(&layers));
    let stored: Vec<Value> = layers
        .iter()
        .map(|layer| blobs.add("application/vnd.oci.image.layer.v1.tar+gzip", &gzip(layer)))
        .collect();
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": stored});
    let manifest = blobs.add(MANIFEST, manifest.to_string().as_bytes());
    let chosen = wrap(&mut blobs, manifest);
    let index = json!({"schemaVersion": 2, "manifests": [chosen]});
    blobs.0.push(file("index.json", index.to_string()));
    blobs.0.push(file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#));
    blobs.0
}

pub(super) fn with_platform(mut manifest: Value, os: &str, architecture: &str) -> Value {
    manifest["platform"] = json!({"os": os, "architecture": architecture});
    manifest
}

/// As `docker save` since 25 writes it, with the containerd store and attestations: both manifests, an index in the index.
pub(super) fn docker_26() -> Vec<Raw> {
    let mut all = oci_with(|blobs, manifest| {
        let image = with_platform(manifest, "linux", "amd64");
        let attestation = with_platform(blobs.add(MANIFEST, b"{}"), "unknown", "unknown");
        let inner = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [image, attestation]});
        let mut inner = blobs.add(INDEX, inner.to_string().as_bytes());
        inner["annotations"] = json!({
            "io.containerd.image.name": "docker.io/library/debian:bookworm-slim",
            "org.opencontainers.image.ref.name": "bookworm-slim",
        });
        inner
    });
    let named = |bytes: Vec<u8>| format!("blobs/sha256/{}", hex(&bytes));
    let layers = [layer("one"), layer("two")];
    let manifest = json!([{
        "Config": named(config_of(&layers)), "RepoTags": ["debian:bookworm-slim"],
        "Layers": [named(gzip(&layers[0])), named(gzip(&layers[1]))],
        "LayerSources": {digest_of(&layers[0]): {"mediaType": "x", "size": 1, "digest": "y"}},
    }]);
    all.push(file("manifest.json", manifest.to_string()));
    all
}

pub(super) fn honest() -> Vec<(&'static str, Vec<Raw>)> {
    let podman = {
        let layers = [layer("one")];
        let config = config_of(&layers);
        let (config_name, layer_name) =
            (format!("{}.json", hex(&config)), format!("{}.tar", hex(&layers[0])));
        let manifest = json!([{"Config": config_name, "RepoTags": [], "Layers": [layer_name]}]);
        vec![
            file(&layer_name, &layers[0]),
            file(&config_name, &config),
            special("02/layer.tar", b'2', &format!("../{layer_name}")),
            file("manifest.json", manifest.to_string()),
            file("repositories", "{}"),
        ]
    };
    let crane = {
        let layers = [layer("one")];
        let config = config_of(&layers);
        let manifest = json!([{"Config": digest_of(&config), "RepoTags": null, "Layers": ["1.tar.gz"]}]);
        vec![
            file(&digest_of(&config), &config),
            file("1.tar.gz", gzip(&layers[0])),
            file("manifest.json", manifest.to_string()),
        ]
    };
    vec![
        ("docker 20", docker_20()),
        ("docker 26", docker_26()),
        ("oci", oci()),
        ("podman", podman),
        ("crane", crane),
    ]
}
