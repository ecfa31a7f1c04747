//! Image archives: honest ones of each form run, hostile ones leave nothing behind.

use std::fs;
use std::io::Write;
use std::path::Path;

use boinc::archive::tar::{Entry, Kind, Writer};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wrapper::image::ImageKey;

use crate::support::{Engine, Slot};
use crate::with_each_engine;

with_each_engine!(
    archives_of_each_form_run_and_their_names_stay_with_their_owners,
    hostile_archives_load_nothing_and_change_nothing,
    a_layer_that_lies_at_its_very_end_loads_nothing,
    an_archive_for_another_architecture_is_refused_before_it_is_loaded,
    of_an_archive_for_each_architecture_that_of_the_engine_is_loaded,
);

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    digest(bytes)[7..].to_owned()
}

#[derive(Clone)]
struct File {
    entry: Entry,
    body: Vec<u8>,
}

fn file(name: &str, body: impl AsRef<[u8]>) -> File {
    let body = body.as_ref().to_vec();
    File { entry: Entry { size: body.len() as u64, ..Entry::new(name, Kind::File, 0o755) }, body }
}

fn link(kind: Kind, name: &str, target: &str) -> File {
    File { entry: Entry { link: target.into(), ..Entry::new(name, kind, 0o777) }, body: vec![] }
}

fn tarball(files: &[File]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for File { entry, body } in files {
        writer.append(entry, &mut &body[..]).unwrap();
    }
    writer.finish().unwrap()
}

/// An image of this test's own: its layers and its configuration.
struct Image {
    layers: Vec<Vec<u8>>,
    config: Vec<u8>,
    label: String,
}

impl Image {
    fn of(slot: &Slot, variant: &str) -> Self {
        let busybox =
            fs::read("/bin/busybox").expect("the static busybox of Debian's busybox-static is installed");
        let script = "#!/bin/busybox sh\n/bin/busybox echo ran > /app/out.txt\n";
        let layers = vec![tarball(&[file("bin/busybox", busybox)]), tarball(&[file("bin/run", script)])];
        let label = format!("{}-{variant}", slot.init_data.wu_name);
        let config = json!({
            "architecture": "amd64", "os": "linux",
            "config": {"Entrypoint": ["/bin/run"], "WorkingDir": "/app", "Labels": {"test": label}},
            "rootfs": {"type": "layers", "diff_ids": layers.iter().map(|layer| digest(layer)).collect::<Vec<_>>()},
        });
        Self { layers, config: config.to_string().into_bytes(), label }
    }

    fn manifest(&self, name: &str) -> Value {
        json!([{"Config": format!("{}.json", hex(&self.config)), "RepoTags": [name], "Layers": ["0/layer.tar", "1/layer.tar"]}])
    }

    /// In the form of `docker save`.
    fn saved(&self, name: &str) -> Vec<File> {
        let mut files: Vec<File> = self
            .layers
            .iter()
            .enumerate()
            .map(|(index, layer)| file(&format!("{index}/layer.tar"), layer))
            .collect();
        files.push(file(&format!("{}.json", hex(&self.config)), &self.config));
        files.push(file("manifest.json", self.manifest(name).to_string()));
        files
    }

    /// In the form of OCI, with compressed layers.
    fn oci(&self, name: &str) -> Vec<File> {
        let mut files = Vec::new();
        let mut blob = |bytes: &[u8]| {
            files.push(file(&format!("blobs/sha256/{}", hex(bytes)), bytes));
            json!({"digest": digest(bytes), "size": bytes.len(), "mediaType": "application/vnd.oci.image.manifest.v1+json"})
        };
        let layers: Vec<Value> = self
            .layers
            .iter()
            .map(|layer| {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(layer).unwrap();
                blob(&encoder.finish().unwrap())
            })
            .collect();
        let manifest = json!({"schemaVersion": 2, "config": blob(&self.config), "layers": layers});
        let mut manifest = blob(manifest.to_string().as_bytes());
        manifest["annotations"] =
            json!({"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name});
        files.push(file("index.json", json!({"schemaVersion": 2, "manifests": [manifest]}).to_string()));
        files.push(file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#));
        files
    }

    /// Ids of all images of this host that carry the label of this one.
    fn loaded(&self, engine: Engine) -> Vec<String> {
        let filter = format!("label=test={}", self.label);
        let ids = engine.run(&["image", "ls", "--all", "--quiet", "--no-trunc", "--filter", &filter]);
        ids.lines().map(str::to_owned).collect()
    }
}

/// A slot whose job is to run the image in this archive.
fn slot_with(engine: Engine, archive: &[u8], config: &[u8]) -> Slot {
    let mut slot = Slot::empty(engine);
    fs::write(slot.project.join("phys_image.tar"), archive).unwrap();
    slot.link("image.tar", "phys_image.tar");
    slot.copy("job.toml", &format!("image = \"image.tar\"\ndigest = \"{}\"\n", digest(config)));
    slot
}

/// Another science app's image under a name, which is removed with it.
struct Victim {
    engine: Engine,
    name: String,
    id: String,
}

impl Victim {
    fn make(slot: &Slot) -> Self {
        let name = format!("localhost/victim-{}:latest", slot.init_data.wu_name);
        let path = slot.root.path().join("victim.tar");
        fs::write(&path, tarball(&[file("victim", &slot.init_data.wu_name)])).unwrap();
        slot.engine.run(&["import", path.to_str().unwrap(), &name]);
        Self { engine: slot.engine, id: Self::id(slot.engine, &name), name }
    }

    fn id(engine: Engine, name: &str) -> String {
        engine.run(&["image", "inspect", "--format", "{{.Id}}", name])
    }

    #[track_caller]
    fn assert_unharmed(&self) {
        assert_eq!(Self::id(self.engine, &self.name), self.id, "{} names another image", self.name);
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.engine.try_run(&["image", "rm", &self.name]);
    }
}

fn archives_of_each_form_run_and_their_names_stay_with_their_owners(engine: Engine) {
    let host = Slot::empty(engine);
    let victim = Victim::make(&host);
    for form in ["saved", "oci", "both"] {
        let image = Image::of(&host, form);
        let files = match form {
            "saved" => image.saved(&victim.name),
            "oci" => image.oci(&victim.name),
            _ => [image.saved(&victim.name), image.oci(&victim.name)].concat(),
        };
        let slot = slot_with(engine, &tarball(&files), &image.config);
        slot.run().assert_success();
        assert_eq!(fs::read_to_string(slot.dir.join("out.txt")).unwrap(), "ran\n", "{form}");
        victim.assert_unharmed();
        assert_eq!(image.loaded(engine).len(), 1, "{form}");
        let leftovers = fs::read_dir(slot.dir.join("buoy")).unwrap().flatten();
        let leftovers: Vec<_> =
            leftovers.map(|entry| entry.file_name()).filter(|name| name == "context").collect();
        assert!(leftovers.is_empty(), "{form}: {leftovers:?}");
        for id in image.loaded(engine) {
            engine.try_run(&["image", "rm", "--force", &id]);
        }
    }
}

fn hostile_archives_load_nothing_and_change_nothing(engine: Engine) {
    let host = Slot::empty(engine);
    let victim = Victim::make(&host);
    let outside = host.root.path().join("outside");
    fs::create_dir(&outside).unwrap();
    for case in [
        "pax path",
        "dotted path",
        "second manifest",
        "second archive",
        "lower case",
        "duplicate key",
        "hard link",
        "link and file below it",
        "absolute name",
        "parent name",
        "index of another image",
        "wrong layer",
    ] {
        let image = Image::of(&host, &case.replace(' ', "-"));
        let evil = Image::of(&host, &format!("evil-{}", case.replace(' ', "-")));
        let mut files = image.saved("harmless:latest");
        let evil_manifest = evil.manifest(&victim.name).to_string();
        files.push(file(&format!("{}.json", hex(&evil.config)), &evil.config));
        let manifest = files.iter().position(|file| file.entry.path == b"manifest.json").unwrap();
        let mut after = Vec::new();
        let mut text = |from: &str, to: &str| {
            let changed = String::from_utf8(files[manifest].body.clone()).unwrap().replace(from, to);
            assert_ne!(changed.as_bytes(), files[manifest].body);
            files[manifest] = file("manifest.json", changed);
        };
        match case {
            // A name that is not ASCII is written as a record of PAX.
            "pax path" => files.push(file("ä/../manifest.json", &evil_manifest)),
            "dotted path" => files.push(file("x/../manifest.json", &evil_manifest)),
            "second manifest" => files.push(file("manifest.json", &evil_manifest)),
            "second archive" => after = tarball(&evil.saved(&victim.name)),
            "lower case" => text("\"RepoTags\"", &format!("\"repotags\":[\"{}\"],\"RepoTags\"", victim.name)),
            "duplicate key" => {
                text("\"RepoTags\"", &format!("\"RepoTags\":[\"{}\"],\"RepoTags\"", victim.name))
            }
            "hard link" => files.push(link(Kind::HardLink, "hard", "/etc/passwd")),
            "link and file below it" => {
                files.insert(0, link(Kind::Symlink, "lnk", outside.to_str().unwrap()));
                files.insert(1, file("lnk/file", "written outside"));
            }
            "absolute name" => files.push(file(outside.join("file").to_str().unwrap(), "written outside")),
            "parent name" => files.push(file("../../../../../../../../tmp/buoy-outside", "written outside")),
            "index of another image" => files.extend(evil.oci(&victim.name)),
            "wrong layer" => files[1] = file("1/layer.tar", &evil.layers[0]),
            _ => unreachable!(),
        }
        let slot = slot_with(engine, &[tarball(&files), after].concat(), &image.config);
        slot.run().assert_status(206);
        assert!(slot.stderr().contains("image archive"), "{case}: {}", slot.stderr());
        victim.assert_unharmed();
        for image in [&image, &evil] {
            assert!(image.loaded(engine).is_empty(), "{case}");
        }
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{case}");
        assert!(!Path::new("/tmp/buoy-outside").exists(), "{case}");
        let key = ImageKey::of_tarball(&digest(&image.config)).image_name();
        assert!(!engine.try_run(&["image", "inspect", key.as_str()]).status.success(), "{case}");
    }
}

fn a_layer_that_lies_at_its_very_end_loads_nothing(engine: Engine) {
    let host = Slot::empty(engine);
    let image = Image::of(&host, "lie");
    let mut files = image.saved("x:latest");
    // Long enough that the engine has read most of it when the lie is found.
    *files[1].body.last_mut().unwrap() ^= 1;
    let slot = slot_with(engine, &tarball(&files), &image.config);
    slot.run().assert_status(206);
    assert!(slot.stderr().contains("a layer's digest is"), "{}", slot.stderr());
    assert!(image.loaded(engine).is_empty());
}

fn an_archive_for_another_architecture_is_refused_before_it_is_loaded(engine: Engine) {
    let host = Slot::empty(engine);
    let mut image = Image::of(&host, "foreign");
    let foreign = if cfg!(target_arch = "x86_64") { "arm64" } else { "riscv64" };
    image.config = String::from_utf8(image.config).unwrap().replace("amd64", foreign).into_bytes();
    let slot = slot_with(engine, &tarball(&image.saved("x:latest")), &image.config);
    slot.run().assert_status(206);
    let said = slot.stderr();
    assert!(
        said.contains(&format!("is for linux/{foreign}, but the engine of this computer runs")),
        "{said}"
    );
    assert!(!said.contains("loading image"), "{said}");
    assert!(image.loaded(engine).is_empty());
}

fn of_an_archive_for_each_architecture_that_of_the_engine_is_loaded(engine: Engine) {
    let host = Slot::empty(engine);
    let image = Image::of(&host, "each");
    let config = String::from_utf8(image.config.clone()).unwrap();
    let foreign = ["arm64", "riscv64"].map(|architecture| {
        let config = config.replace("amd64", architecture).into_bytes();
        Image { config, layers: image.layers.clone(), label: image.label.clone() }
    });
    let job_toml = |files: [(&str, &[u8]); 2]| {
        let names = files.map(|(name, _)| format!("{name} = \"{name}.tar\"")).join(", ");
        let digests = files.map(|(name, config)| format!("{name} = \"{}\"", digest(config))).join(", ");
        format!("image = {{ {names} }}\ndigest = {{ {digests} }}\n")
    };
    let slot_of = |files: [(&str, &Image); 2]| {
        let mut slot = Slot::empty(engine);
        for (name, image) in files {
            let path = format!("phys_{name}.tar");
            fs::write(slot.project.join(&path), tarball(&image.saved("x:latest"))).unwrap();
            slot.link(&format!("{name}.tar"), &path);
        }
        slot.copy("job.toml", &job_toml(files.map(|(name, image)| (name, image.config.as_slice()))));
        slot
    };
    let slot = slot_of([("amd64", &image), ("arm64", &foreign[0])]);
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("out.txt")).unwrap(), "ran\n");
    assert_eq!(image.loaded(engine).len(), 1);
    for id in image.loaded(engine) {
        engine.try_run(&["image", "rm", "--force", &id]);
    }
    let slot = slot_of([("arm64", &foreign[0]), ("riscv64", &foreign[1])]);
    slot.run().assert_status(206);
    let said = slot.stderr();
    assert!(
        said.contains(
            "the job has images for linux/arm64 and linux/riscv64, but the engine of this computer runs images for \
             linux/amd64"
        ),
        "{said}"
    );
    assert!(image.loaded(engine).is_empty());
}
