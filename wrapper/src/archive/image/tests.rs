use std::fmt::Write as _;
use std::io::{Read, Seek, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use super::select::digest_of;
use super::*;

const NAME: &str = "buoy-0123:latest";
const NO_LIMIT: u64 = u64::MAX;

/// An entry as it is written, allowed or not.
#[derive(Clone, Debug)]
struct Raw {
    name: Vec<u8>,
    flag: u8,
    link: Vec<u8>,
    body: Vec<u8>,
}

fn file(name: &str, body: impl AsRef<[u8]>) -> Raw {
    Raw { name: name.into(), flag: b'0', link: vec![], body: body.as_ref().to_vec() }
}

fn special(name: &str, flag: u8, link: &str) -> Raw {
    Raw { name: name.into(), flag, link: link.into(), body: vec![] }
}

fn pax(records: &[(&str, &str)]) -> Raw {
    let mut text = String::new();
    for (key, value) in records {
        // Short enough for two digits.
        let _ = writeln!(text, "{:02} {key}={value}", key.len() + value.len() + 5);
    }
    Raw { flag: b'x', ..file("PaxHeaders/x", text) }
}

fn gnu_long(flag: u8, name: &str) -> Raw {
    Raw { flag, ..file("././@LongLink", format!("{name}\0")) }
}

fn tarball(entries: &[Raw]) -> Vec<u8> {
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

fn tar_header() -> ::tar::Header {
    let mut header = ::tar::Header::new_ustar();
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

fn layer(text: &str) -> Vec<u8> {
    tarball(&[file("hello", text)])
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn config_of(layers: &[Vec<u8>]) -> Vec<u8> {
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

fn hex(bytes: &[u8]) -> String {
    digest_of(bytes)[7..].to_owned()
}

/// As `docker save` of 20.10 writes it: a layer that is there twice is a symbolic link the second time.
fn docker_20() -> Vec<Raw> {
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

struct Blobs(Vec<Raw>);

impl Blobs {
    fn add(&mut self, media_type: &str, bytes: &[u8]) -> Value {
        self.0.push(file(&format!("blobs/sha256/{}", hex(bytes)), bytes));
        json!({"mediaType": media_type, "digest": digest_of(bytes), "size": bytes.len()})
    }
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// As `podman save --format oci-archive` writes it: layers are compressed.
fn oci() -> Vec<Raw> {
    oci_with(|_, manifest| manifest)
}

fn oci_with(wrap: impl Fn(&mut Blobs, Value) -> Value) -> Vec<Raw> {
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

fn with_platform(mut manifest: Value, os: &str, architecture: &str) -> Value {
    manifest["platform"] = json!({"os": os, "architecture": architecture});
    manifest
}

/// As `docker save` since 25 writes it, with the containerd store and attestations: both manifests, an index in the index.
fn docker_26() -> Vec<Raw> {
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

fn honest() -> Vec<(&'static str, Vec<Raw>)> {
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

fn open(bytes: &[u8]) -> Result<ImageArchive, ArchiveError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    ImageArchive::open(file, Some("amd64"))
}

fn written(archive: &mut ImageArchive) -> Result<Vec<u8>, ArchiveError> {
    let mut out = Vec::new();
    let labels = [("org.buoy.image".to_owned(), "mine".to_owned())];
    archive.write_anew(NAME, &labels, NO_LIMIT, &mut out, &|| false)?;
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
        let bytes = archive.layer_bytes(NO_LIMIT, &|| false).unwrap();
        let distinct: Vec<_> =
            files(&first).into_iter().filter(|(name, _)| name.starts_with("layer-")).collect();
        assert_eq!(bytes, distinct.iter().map(|(_, body)| body.len() as u64).sum::<u64>(), "{form}");
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

fn changed(change: impl Fn(&mut Vec<Raw>)) -> Vec<Raw> {
    let mut entries = docker_20();
    change(&mut entries);
    entries
}

fn with_manifest(manifest: &str) -> Vec<Raw> {
    changed(|entries| {
        entries.retain(|entry| entry.name != b"manifest.json");
        let config = entries.iter().find(|entry| entry.name.ends_with(b".json")).unwrap();
        let manifest = manifest.replace("CONFIG", &String::from_utf8_lossy(&config.name));
        entries.push(file(
            "manifest.json",
            manifest.replace("LAYERS", r#""aa/layer.tar","bb/layer.tar","cc/layer.tar""#),
        ));
    })
}

#[test]
fn what_readers_understand_differently_is_refused() {
    let other = r#"[{"Config":"x.json","RepoTags":["debian:latest"],"Layers":[]}]"#;
    let append = |extra: Vec<Raw>| changed(|entries| entries.extend(extra.clone()));
    let prepend = |extra: Vec<Raw>| changed(|entries| drop(entries.splice(0..0, extra.clone())));
    let table: Vec<(&str, Vec<Raw>)> = vec![
        ("changes the entry", append(vec![pax(&[("path", "manifest.json")]), file("harmless", other)])),
        ("changes the entry", append(vec![pax(&[("size", "0")]), file("x", other)])),
        ("changes the entry", append(vec![pax(&[("linkpath", "/etc")]), special("x", b'2', "aa/json")])),
        ("changes the entry", append(vec![pax(&[("GNU.sparse.name", "manifest.json")]), file("x", other)])),
        ("type 'L'", append(vec![gnu_long(b'L', "manifest.json"), file("harmless", other)])),
        ("type 'K'", append(vec![gnu_long(b'K', "/etc/passwd"), special("x", b'2', "aa/json")])),
        ("type 'g'", prepend(vec![Raw { flag: b'g', ..pax(&[("path", "manifest.json")]) }])),
        ("type 'S'", append(vec![Raw { flag: b'S', ..file("x", "") }])),
        ("type '1'", append(vec![special("hard", b'1', "manifest.json")])),
        ("type '1'", append(vec![special("hard", b'1', "/etc/passwd")])),
        ("type '3'", append(vec![special("null", b'3', "")])),
        ("type '6'", append(vec![special("fifo", b'6', "")])),
        ("type '7'", append(vec![Raw { flag: b'7', ..file("x", "") }])),
        ("not a plain relative path", append(vec![file("x/../manifest.json", other)])),
        ("not a plain relative path", append(vec![file("../outside", "")])),
        ("not a plain relative path", append(vec![file("/etc/cron.d/x", "")])),
        ("not a plain relative path", append(vec![file("aa//x", "")])),
        ("not a plain relative path", append(vec![file("aa/./x", "")])),
        ("not a plain relative path", append(vec![file("aa/x/", "")])),
        ("characters other than", append(vec![file("aa\\x", "")])),
        ("characters other than", append(vec![file("ä", "")])),
        ("twice", append(vec![file("manifest.json", other)])),
        ("twice", prepend(vec![file("manifest.json", other)])),
        ("twice", append(vec![file("./manifest.json", other)])),
        ("not a file of the archive", append(vec![special("lnk", b'2', "/tmp"), file("lnk/file", "x")])),
        ("not a file of the archive", append(vec![special("lnk", b'2', "aa"), file("lnk/file", "x")])),
        ("not a file of the archive", append(vec![special("lnk", b'2', "../../x")])),
        ("not a file of the archive", append(vec![special("l1", b'2', "cc/layer.tar")])),
        ("unusual name", append(vec![special("lnk", b'2', "a\nb")])),
        ("two extended", append(vec![pax(&[("mtime", "1")]), pax(&[("mtime", "2")]), file("x", "")])),
        ("without an entry", append(vec![pax(&[("mtime", "1")])])),
        (
            "\"config\" is written \"Config\"",
            with_manifest(r#"[{"config":"CONFIG","RepoTags":null,"Layers":[LAYERS]}]"#),
        ),
        (
            "is written \"RepoTags\"",
            with_manifest(r#"[{"Config":"CONFIG","repotags":["debian"],"Layers":[LAYERS]}]"#),
        ),
        (
            "is written \"RepoTags\"",
            with_manifest(r#"[{"Config":"CONFIG","RepoTagſ":["debian"],"Layers":[LAYERS]}]"#),
        ),
        ("\"Config\" twice", with_manifest(r#"[{"Config":"x","Config":"CONFIG","Layers":[LAYERS]}]"#)),
        ("\"Layers\" twice", with_manifest(r#"[{"Config":"CONFIG","Layers":[LAYERS],"\u004cayers":[]}]"#)),
        ("unknown field", with_manifest(r#"[{"Config":"CONFIG","Layers":[LAYERS],"Extra":1}]"#)),
        (
            "2 images",
            with_manifest(r#"[{"Config":"CONFIG","Layers":[LAYERS]},{"Config":"CONFIG","Layers":[LAYERS]}]"#),
        ),
        ("0 images", with_manifest("[]")),
        ("trailing", with_manifest(r#"[{"Config":"CONFIG","Layers":[LAYERS]}] []"#)),
        ("is missing", with_manifest(r#"[{"Config":"CONFIG","Layers":["aa/../bb/layer.tar"]}]"#)),
        ("is missing", with_manifest(r#"[{"Config":"/etc/passwd","Layers":[LAYERS]}]"#)),
        ("is a directory", with_manifest(r#"[{"Config":"aa","Layers":[LAYERS]}]"#)),
        ("names 3", with_manifest(r#"[{"Config":"CONFIG","Layers":["aa/layer.tar"]}]"#)),
        ("bytes, 1048576 are the limit", with_manifest(&" ".repeat(1 << 21))),
        (
            "layer's digest",
            with_manifest(r#"[{"Config":"CONFIG","Layers":["aa/layer.tar","aa/layer.tar","aa/layer.tar"]}]"#),
        ),
        (
            "as its name says",
            changed(|entries| {
                entries.iter_mut().find(|entry| entry.name.len() > 60).unwrap().body.push(b' ');
            }),
        ),
        (
            "different images",
            append({
                let mut other = oci();
                other.retain(|entry| !entry.name.ends_with(b"/"));
                other
            }),
        ),
        ("neither manifest.json nor", vec![file("Manifest.json", other)]),
    ];
    for (expected, entries) in table {
        let said = refusal(&entries);
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn an_index_names_one_image_for_one_platform() {
    let index = |make: &dyn Fn(Value) -> Value| {
        oci_with(|blobs, manifest| blobs.add(INDEX, make(manifest).to_string().as_bytes()))
    };
    let arm = |manifest: &Value| with_platform(manifest.clone(), "linux", "arm64");
    let amd = |manifest: &Value| with_platform(manifest.clone(), "linux", "amd64");
    open(&tarball(&index(&|manifest| json!({"manifests": [arm(&manifest), amd(&manifest)]})))).unwrap();
    for (expected, entries) in [
        ("2 images", index(&|manifest| json!({"manifests": [amd(&manifest), amd(&manifest)]}))),
        ("0 images", index(&|manifest| json!({"manifests": [arm(&manifest), arm(&manifest)]}))),
        ("0 images", index(&|_| json!({"manifests": []}))),
        ("\"manifests\" twice", oci_with(|blobs, _| blobs.add(INDEX, br#"{"manifests":[],"manifests":[]}"#))),
        ("is written \"manifests\"", index(&|manifest| json!({"Manifests": [], "manifests": [manifest]}))),
        (
            "an index in an index",
            oci_with(|blobs, manifest| {
                let inner = blobs.add(INDEX, json!({"manifests": [manifest]}).to_string().as_bytes());
                blobs.add(INDEX, json!({"manifests": [inner]}).to_string().as_bytes())
            }),
        ),
        ("not sha256", oci_with(|_, _| json!({"digest": "sha256:../../manifest.json"}))),
        ("is missing", oci_with(|_, _| json!({"digest": digest_of(b"other")}))),
        ("as declared", {
            let mut entries = oci();
            entries
                .iter_mut()
                .find(|entry| entry.body.starts_with(b"{\"architecture"))
                .unwrap()
                .body
                .push(b' ');
            entries
        }),
    ] {
        let said = refusal(&entries);
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

fn with_config(change: impl Fn(&mut Value)) -> Vec<Raw> {
    let layers = [layer("one")];
    let mut config: Value = serde_json::from_slice(&config_of(&layers)).unwrap();
    change(&mut config);
    with_config_text(&config.to_string())
}

fn with_config_text(config: &str) -> Vec<Raw> {
    let manifest = json!([{"Config": "config.json", "Layers": ["1.tar"]}]).to_string();
    vec![file("config.json", config), file("1.tar", layer("one")), file("manifest.json", manifest)]
}

#[test]
fn a_configuration_is_understood_wholly_or_refused() {
    written(&mut open(&tarball(&with_config(|_| ()))).unwrap()).unwrap();
    let text = String::from_utf8(config_of(&[layer("one")])).unwrap();
    for (expected, entries) in [
        ("\"Cmd\" twice", with_config_text(&text.replace("\"User\"", "\"Cmd\":[\"evil\"],\"User\""))),
        ("\"cmd\" is written", with_config_text(&text.replace("\"User\"", "\"cmd\":[\"evil\"],\"User\""))),
        ("\"CONFIG\" is written", with_config_text(&text.replace("\"config\"", "\"CONFIG\""))),
        ("type", with_config(|config| config["config"]["Cmd"] = json!("a string"))),
        ("type", with_config(|config| config["config"]["Env"] = json!([1]))),
        ("NUL", with_config(|config| config["config"]["Env"] = json!(["A=\0"]))),
        ("platform", with_config(|config| config["os"] = json!("linux\n"))),
        ("platform", with_config(|config| config["architecture"] = json!(""))),
        ("root file system", with_config(|config| config["rootfs"]["type"] = json!("base"))),
        ("has 0 layers", with_config(|config| config["rootfs"]["diff_ids"] = json!([]))),
        ("has 501 layers", with_config(|config| config["rootfs"]["diff_ids"] = json!(vec![""; 501]))),
        ("64 digits", with_config(|config| config["rootfs"]["diff_ids"] = json!(["sha256:AA"]))),
        (
            "64 digits",
            with_config(|config| {
                config["rootfs"]["diff_ids"] = json!([format!("sha512:{}", "a".repeat(64))])
            }),
        ),
    ] {
        let said = refusal(&entries);
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn a_layer_that_is_not_what_the_configuration_says_ends_before_the_manifest() {
    let table: Vec<(&str, Vec<u8>)> = vec![
        ("digest", layer("other")),
        ("digest", gzip(&layer("other"))),
        ("decompressed", gzip(&layer("one"))[..80].to_vec()),
        ("decompressed", [gzip(&layer("one")), b"garbage".to_vec()].concat()),
        ("zstd", [&[0x28, 0xb5, 0x2f, 0xfd][..], &[0; 60]].concat()),
        ("xz", b"\xfd7zXZ\0rest".to_vec()),
        ("bzip2", b"BZh91AY".to_vec()),
    ];
    for (expected, body) in table {
        let mut entries = with_config(|_| ());
        entries[1].body = body;
        let mut archive = open(&tarball(&entries)).unwrap();
        let mut out = Vec::new();
        let error = archive.write_anew(NAME, &[], NO_LIMIT, &mut out, &|| false).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
        assert!(!String::from_utf8_lossy(&out).contains("manifest.json"));
    }
    // Parts that were compressed one by one are one layer.
    let mut entries = with_config(|_| ());
    let (first, second) = entries[1].body.split_at(700);
    entries[1].body = [gzip(first), gzip(second)].concat();
    written(&mut open(&tarball(&entries)).unwrap()).unwrap();
}

#[test]
fn what_is_written_is_bounded_and_can_be_cancelled() {
    let mut archive = open(&tarball(&oci())).unwrap();
    let bytes = archive.layer_bytes(NO_LIMIT, &|| false).unwrap();
    let mut out = Vec::new();
    archive.write_anew(NAME, &[], bytes, &mut out, &|| false).unwrap();
    out.clear();
    let error = archive.write_anew(NAME, &[], bytes - 1, &mut out, &|| false).unwrap_err();
    assert!(error.to_string().contains("are over") && out.is_empty(), "{error}");
    let error = archive.write_anew(NAME, &[], bytes, &mut out, &|| true).unwrap_err();
    assert!(matches!(error, ArchiveError::Cancelled), "{error}");
    let error = archive.write_anew(NAME, &[], bytes, &mut &mut [0_u8; 600][..], &|| false).unwrap_err();
    assert!(matches!(error, ArchiveError::Write(_)), "{error}");
}

#[test]
fn an_archive_that_is_incomplete_compressed_or_followed_by_another_is_refused() {
    let whole = tarball(&docker_20());
    for end in (0..whole.len() - 512).step_by(256) {
        assert!(matches!(open(&whole[..end]), Err(ArchiveError::Invalid(_))), "{end} of {}", whole.len());
    }
    let said = refusal_of(&[&whole[..], &tarball(&docker_26())].concat());
    assert!(said.contains("after the end"), "{said}");
    open(&[&whole[..], &[0; 9_000]].concat()).unwrap();
    for (expected, bytes) in [
        ("gzip -d", gzip(&whole)),
        ("zstd -d", [&[0x28, 0xb5, 0x2f, 0xfd][..], &[1; 600]].concat()),
        ("not an image archive", b"FROM debian".to_vec()),
        ("mark of tar", vec![b'x'; 2_000]),
    ] {
        let said = refusal_of(&bytes);
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let many: Vec<Raw> = (0..10_001).map(|index| file(&index.to_string(), "")).collect();
    assert!(refusal(&many).contains("over 10000 entries"));
}

/// One hostile change.
#[derive(Clone, Debug)]
enum Change {
    Flip(Index, Index, u8),
    Swap(Index, Index),
    Duplicate(Index, Index),
    Remove(Index),
    Rename(Index, String),
    Insert(Index, Raw),
    Replace(&'static str, &'static str),
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<Index>;
    let name = || {
        select(vec![
            "manifest.json",
            "index.json",
            "./manifest.json",
            "x/../index.json",
            "aa/layer.tar",
            "/x",
            "repositories",
            "lnk",
        ])
    };
    let hostile = vec![
        pax(&[("path", "manifest.json")]),
        pax(&[("mtime", "1.5"), ("uname", "x")]),
        gnu_long(b'L', "manifest.json"),
        special("lnk", b'2', "/tmp"),
        special("lnk", b'2', "aa/layer.tar"),
        special("hard", b'1', "manifest.json"),
        special("aa", b'5', ""),
        file("repositories", "{}"),
        file("manifest.json", r#"[{"Config":"x","RepoTags":["debian"],"Layers":[]}]"#),
        file("index.json", r#"{"manifests":[]}"#),
        file("lnk/file", "x"),
    ];
    let texts = vec![
        ("\"Config\"", "\"config\""),
        ("\"RepoTags\"", "\"repoTags\""),
        ("\"Layers\"", "\"Layers\":[],\"Layers\""),
        ("\"Cmd\"", "\"cmd\""),
        ("\"Cmd\"", "\"Cmd\":[\"evil\"],\"Cmd\""),
        ("\"manifests\"", "\"Manifests\""),
        ("\"digest\"", "\"digest\":\"sha256:00\",\"digest\""),
        ("debian:bookworm-slim", "busybox:latest"),
        ("null", "[]"),
        ("sha256", "sha512"),
    ];
    prop_oneof![
        (index(), index(), any::<u8>()).prop_map(|(entry, at, value)| Change::Flip(entry, at, value)),
        (index(), index()).prop_map(|(one, other)| Change::Swap(one, other)),
        (index(), index()).prop_map(|(one, to)| Change::Duplicate(one, to)),
        index().prop_map(Change::Remove),
        (index(), name()).prop_map(|(entry, name)| Change::Rename(entry, name.into())),
        (index(), select(hostile)).prop_map(|(at, entry)| Change::Insert(at, entry)),
        select(texts).prop_map(|(from, to)| Change::Replace(from, to)),
    ]
}

fn apply(entries: &mut Vec<Raw>, change: &Change) {
    if entries.is_empty() {
        return;
    }
    let count = entries.len();
    match change {
        Change::Flip(entry, at, value) => {
            let entry = &mut entries[entry.index(count)];
            if !entry.body.is_empty() {
                let at = at.index(entry.body.len());
                entry.body[at] = *value;
            }
        }
        Change::Swap(one, other) => entries.swap(one.index(count), other.index(count)),
        Change::Duplicate(one, to) => entries.insert(to.index(count), entries[one.index(count)].clone()),
        Change::Remove(one) => drop(entries.remove(one.index(count))),
        Change::Rename(entry, name) => entries[entry.index(count)].name = name.clone().into(),
        Change::Insert(at, entry) => entries.insert(at.index(count), entry.clone()),
        Change::Replace(from, to) => {
            for entry in entries {
                if let Ok(text) = String::from_utf8(entry.body.clone()) {
                    entry.body = text.replace(from, to).into();
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_changed_archive_is_refused_or_written_as_what_was_understood(
        form in 0_usize..5,
        changes in prop::collection::vec(change(), 1..4),
        bytes in prop::collection::vec((any::<Index>(), any::<u8>()), 0..3),
    ) {
        let mut entries = honest().swap_remove(form).1;
        changes.iter().for_each(|change| apply(&mut entries, change));
        let mut all = tarball(&entries);
        for (at, value) in bytes {
            let at = at.index(all.len());
            all[at] = value;
        }
        if let Ok(mut archive) = open(&all)
            && let Ok(out) = written(&mut archive)
        {
            check(&archive, &out);
        }
    }
}
