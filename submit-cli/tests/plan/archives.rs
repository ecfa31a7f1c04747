//! An image archive in `[image]`: its digest, and what is wrong with it.

use boinc::archive::tar::{Entry, Kind, Writer};
use sha2::{Digest, Sha256};

use crate::folder::Folder;

fn tarball(files: &[(&str, &str)]) -> String {
    let mut writer = Writer::new(Vec::new());
    for (name, body) in files {
        let entry = Entry { size: body.len() as u64, ..Entry::new(*name, Kind::File, 0o644) };
        writer.append(&entry, &mut body.as_bytes()).unwrap();
    }
    String::from_utf8(writer.finish().unwrap()).unwrap()
}

fn digest(text: &str) -> String {
    format!("sha256:{:x}", Sha256::digest(text))
}

/// A folder whose app has this archive, and the digest of its configuration.
fn folder(layer: &str, declared: impl Fn(&str) -> String) -> (Folder, String) {
    let diff_id = digest(&tarball(&[("bin/dock", "dock")]));
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{"Entrypoint":["/bin/dock"]}},"rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}}}}"#
    );
    let manifest = r#"[{"Config":"config.json","RepoTags":["dock:latest"],"Layers":["layer.tar"]}]"#;
    let layer = tarball(&[("bin/dock", layer)]);
    let archive = tarball(&[("layer.tar", &layer), ("config.json", &config), ("manifest.json", manifest)]);
    let right = digest(&config);
    let image = format!("tarball = \"image.tar\"\n{}", declared(&right));
    let folder =
        Folder::new().with("image.tar", &archive).replace("app.toml", "files = [\"dock.sh\"]", &image);
    (folder, right)
}

#[test]
fn the_right_digest_is_accepted() {
    let (folder, _) = folder("dock", |right| format!("digest = \"{right}\""));
    let ran = folder.buoy("check . jobs.csv");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn a_missing_or_wrong_digest_is_answered_with_the_right_one() {
    for declared in ["", "digest = \"sha256:12\"", &format!("digest = \"sha256:{}\"", "1".repeat(64))] {
        let (folder, right) = folder("dock", |_| declared.to_owned());
        let stderr = folder.buoy("check . jobs.csv").refused();
        assert!(stderr.contains(&format!("digest = \"{right}\"")), "{stderr}");
        assert!(stderr.contains("1 error;"), "{stderr}");
    }
}

#[test]
fn a_layer_that_is_not_the_declared_one_and_a_file_that_is_no_archive_are_refused() {
    let (broken, _) = folder("duck", |right| format!("digest = \"{right}\""));
    let stderr = broken.buoy("check . jobs.csv").refused();
    assert!(stderr.contains("image.tar: invalid image archive: a layer's digest is sha256:"), "{stderr}");
    let stderr = broken.with("image.tar", "FROM debian\n").buoy("check . jobs.csv").refused();
    assert!(stderr.contains("not an image archive; write it with: docker save IMAGE -o FILE"), "{stderr}");
}
