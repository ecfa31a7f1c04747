//! What is refused.

use serde_json::{Value, json};

use super::drafts::*;
use super::*;

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
        let error = archive.rewrite(NAME, &[], NO_LIMIT, &mut out, &|| false).unwrap_err().to_string();
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
    let bytes: u64 = archive.lengths(NO_LIMIT, &|| false).unwrap().values().sum();
    let mut out = Vec::new();
    archive.rewrite(NAME, &[], bytes, &mut out, &|| false).unwrap();
    out.clear();
    let error = archive.rewrite(NAME, &[], bytes - 1, &mut out, &|| false).unwrap_err();
    assert!(error.to_string().contains("are over") && out.is_empty(), "{error}");
    let error = archive.rewrite(NAME, &[], bytes, &mut out, &|| true).unwrap_err();
    assert!(matches!(error, ArchiveError::Cancelled), "{error}");
    let error = archive.rewrite(NAME, &[], bytes, &mut &mut [0_u8; 600][..], &|| false).unwrap_err();
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
