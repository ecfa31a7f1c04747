//! An image archive in `[image]`: its digest, and what is wrong with it.

use boinc::archive::tar::{Entry, Kind, Writer};
use boinc::job::spec::Tarballs;
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
    folder_with(layer, str::to_owned, declared)
}

/// The same with another configuration, and its right digest.
fn changed(change: impl Fn(&str) -> String) -> (Folder, String) {
    folder_with("dock", change, |right| format!("digest = \"{right}\""))
}

fn folder_with(
    layer: &str,
    change: impl Fn(&str) -> String,
    declared: impl Fn(&str) -> String,
) -> (Folder, String) {
    let diff_id = digest(&tarball(&[("bin/dock", "dock")]));
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{"Entrypoint":["/bin/dock"]}},"rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}}}}"#
    );
    let config = change(&config);
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

#[test]
fn an_archive_whose_program_does_not_get_the_arguments_is_refused() {
    for (from, to, expected) in [
        ("\"Entrypoint\":[\"/bin/dock\"]", "\"Cmd\":[\"/bin/dock\"]", "a CMD without ENTRYPOINT"),
        ("[\"/bin/dock\"]", "[\"/bin/sh\",\"-c\",\"/bin/dock\"]", "ENTRYPOINT starts a shell"),
        ("\"Entrypoint\":[\"/bin/dock\"]", "", "neither an ENTRYPOINT nor a CMD"),
    ] {
        let (folder, _) = changed(|config| config.replace(from, to));
        let stderr = folder.buoy("check . jobs.csv").refused();
        assert!(stderr.starts_with("error: image.tar: ") && stderr.contains(expected), "{stderr}");
        let env = folder.replace("app.toml", "[run]", "[run]\npass_args = \"env\"").buoy("check . jobs.csv");
        assert_eq!(env.code == 0, !to.is_empty(), "{}", env.stderr);
    }
}

#[test]
fn an_archive_for_another_architecture_is_a_warning() {
    let (folder, _) = changed(|config| config.replace("amd64", "arm64"));
    let ran = folder.buoy("check . jobs.csv");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.starts_with("warning: image.tar: the image is for arm64"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("a BOINC app whose versions are all for this architecture"),
        "{}",
        ran.stderr
    );
}

/// A folder with an archive for each of these architectures, and the digests of their configurations.
fn folder_for(architectures: [&str; 2], image: impl Fn(&str, &str) -> String) -> (Folder, [String; 2]) {
    let layer = tarball(&[("bin/dock", "dock")]);
    let config = |architecture: &str| {
        format!(
            r#"{{"architecture":"{architecture}","os":"linux","config":{{"Entrypoint":["/bin/dock"]}},"rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
            digest(&layer)
        )
    };
    let manifest = r#"[{"Config":"config.json","RepoTags":["dock:latest"],"Layers":["layer.tar"]}]"#;
    let mut folder = Folder::new();
    for (file, architecture) in ["first.tar", "second.tar"].into_iter().zip(architectures) {
        let config = config(architecture);
        let files = [("layer.tar", layer.as_str()), ("config.json", &config), ("manifest.json", manifest)];
        folder = folder.with(file, &tarball(&files));
    }
    let digests = architectures.map(|architecture| digest(&config(architecture)));
    (folder.replace("app.toml", "files = [\"dock.sh\"]", &image(&digests[0], &digests[1])), digests)
}

const OF_BOTH: &str = "tarball = { amd64 = \"first.tar\", arm64 = \"second.tar\" }\n";

#[test]
fn each_architecture_can_have_an_archive() {
    let declared = |first: &str, second: &str| {
        format!("{OF_BOTH}digest = {{ amd64 = \"{first}\", arm64 = \"{second}\" }}")
    };
    let (folder, digests) = folder_for(["amd64", "arm64"], declared);
    let ran = folder.buoy("check . jobs.csv");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    folder.packed_jobs(&[".", "jobs.csv"]);
    let template = folder.template("in");
    let [first, second] = ["<open_name>first.tar</open_name>", "<open_name>second.tar</open_name>"];
    assert!(template.contains(first) && template.contains(second), "{template}");
    let files = folder.tree();
    let texts = files.iter().filter(|path| path.is_file()).map(|path| folder.read(path));
    let job_toml = texts.into_iter().find(|text| text.starts_with("[digest]") || text.contains("\n[digest]"));
    let spec = boinc::job::spec::JobSpec::parse(&job_toml.expect("a job.toml"), "job.toml").unwrap();
    let Some(Tarballs::Each(each)) = spec.tarballs else { panic!("{spec:?}") };
    let found = ["amd64", "arm64"].map(|name| each[name].digest.as_str().to_owned());
    assert_eq!(found, digests);
}

#[test]
fn digests_that_are_missing_or_wrong_and_archives_in_the_wrong_place_are_told() {
    let (folder, [amd64, arm64]) = folder_for(["amd64", "arm64"], |_, _| OF_BOTH.to_owned());
    let stderr = folder.buoy("check . jobs.csv").refused();
    assert!(stderr.contains("tarball without digest for amd64 in [image]"), "{stderr}");
    assert!(
        stderr.contains(&format!("write digest = {{ amd64 = \"{amd64}\", arm64 = \"{arm64}\" }}")),
        "{stderr}"
    );
    let swapped = |first: &str, second: &str| {
        format!("{OF_BOTH}digest = {{ amd64 = \"{second}\", arm64 = \"{first}\" }}")
    };
    let stderr = folder_for(["amd64", "arm64"], swapped).0.buoy("check . jobs.csv").refused();
    assert!(stderr.contains(&format!("accepted: amd64 = \"{amd64}\" in digest")), "{stderr}");
    let declared = |first: &str, second: &str| {
        format!("{OF_BOTH}digest = {{ amd64 = \"{first}\", arm64 = \"{second}\", riscv64 = \"{first}\" }}")
    };
    let stderr = folder_for(["arm64", "arm64"], declared).0.buoy("check . jobs.csv").refused();
    assert!(stderr.contains("digest of [image] has \"riscv64\", which tarball has not"), "{stderr}");
    let declared = |first: &str, second: &str| {
        format!("{OF_BOTH}digest = {{ amd64 = \"{first}\", arm64 = \"{second}\" }}")
    };
    let stderr = folder_for(["arm64", "arm64"], declared).0.buoy("check . jobs.csv").refused();
    assert!(stderr.contains("first.tar: the image is for arm64, but [image] names it for amd64"), "{stderr}");
}

#[test]
fn an_archive_with_too_much_at_the_work_directory_is_refused_with_advice() {
    let files: Vec<String> = (0..=20_000).map(|n| format!("app/{n}")).collect();
    let layer = tarball(&files.iter().map(|name| (name.as_str(), "")).collect::<Vec<_>>());
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{"Entrypoint":["/bin/dock"]}},"rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
        digest(&layer)
    );
    let manifest = r#"[{"Config":"config.json","RepoTags":["dock:latest"],"Layers":["layer.tar"]}]"#;
    let archive = tarball(&[("layer.tar", &layer), ("config.json", &config), ("manifest.json", manifest)]);
    let image = format!("tarball = \"image.tar\"\ndigest = \"{}\"", digest(&config));
    let folder =
        Folder::new().with("image.tar", &archive).replace("app.toml", "files = [\"dock.sh\"]", &image);
    insta::assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r"
    error: image.tar: the image has 0 MB and 20001 files at /app, where each job's work directory is
      accepted: up to 100 MB and 20000 files, which each job gets a copy of
      help: put files that do not change into another directory of the image, such as /opt
    1 error; nothing was changed
    ");
}
