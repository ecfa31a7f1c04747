//! One image per content and host: built once, loaded when prebuilt, told when it can't be made.

use std::fs;
use std::process::Command;

use boinc::archive::image::ImageArchive;

use crate::support::{Engine, Slot};
use crate::with_each_engine;

with_each_engine!(
    the_second_job_of_an_app_builds_nothing,
    many_slots_starting_at_once_build_once,
    a_build_that_fails_shows_its_last_lines_and_is_not_retried,
    a_missing_dockerfile_is_refused,
    arguments_that_the_entry_point_drops_are_refused,
    a_program_that_is_not_in_the_image_is_the_jobs_fault,
    inputs_are_not_in_the_build_context,
    a_prebuilt_tarball_is_loaded_and_checked_by_digest,
    a_tarball_may_carry_names,
);

fn the_second_job_of_an_app_builds_nothing(engine: Engine) {
    let mut first = Slot::with_script(engine, "true");
    first.own_image();
    first.run().assert_success();
    assert!(first.stderr().contains("building image"), "{}", first.stderr());
    let mut second = Slot::with_script(engine, "echo another job");
    second.copy("Dockerfile", &fs::read_to_string(first.dir.join("Dockerfile")).unwrap());
    second.run().assert_success();
    assert!(!second.stderr().contains("building image"), "{}", second.stderr());
}

fn many_slots_starting_at_once_build_once(engine: Engine) {
    let mut first = Slot::with_script(engine, "true");
    first.own_image();
    let dockerfile = fs::read_to_string(first.dir.join("Dockerfile")).unwrap();
    let mut slots: Vec<Slot> = (1..8)
        .map(|_| {
            let mut slot = Slot::with_script(engine, "true");
            slot.copy("Dockerfile", &dockerfile);
            // The slots of one client share a project directory, where the lock is.
            slot.join_project_of(&first);
            slot
        })
        .collect();
    slots.push(first);
    let mut running: Vec<_> = slots.iter().map(Slot::start).collect();
    for running in &mut running {
        running.wait_for_exit();
        running.assert_success();
    }
    let builds = slots.iter().filter(|slot| slot.stderr().contains("building image")).count();
    assert_eq!(builds, 1);
}

fn a_build_that_fails_shows_its_last_lines_and_is_not_retried(engine: Engine) {
    let mut slot = Slot::empty(engine);
    slot.copy(
        "Dockerfile",
        "FROM scratch\nCOPY busybox /bin/busybox\nENTRYPOINT [\"/bin/busybox\"]\n\
         RUN [\"/bin/busybox\", \"sh\", \"-c\", \"echo compiling; echo undefined symbol 42; exit 5\"]\n",
    );
    slot.app_file("policy.toml", "build_network = false\n").busybox().own_image();
    let running = slot.run();
    running.assert_status(206);
    let said = running.finish().and_then(|finish| finish.message).expect("a message for the client").text;
    assert!(
        said.starts_with("failed to build the image: line 4: RUN ") && said.contains("status 5"),
        "{said}"
    );
    assert!(
        !said.contains("last lines") && said.len() < 300,
        "the client gets a line, not the build's output: {said}"
    );
    assert!(slot.stderr().contains("the last lines of the step"), "{}", slot.stderr());
    assert!(slot.stderr().contains("undefined symbol 42"), "{}", slot.stderr());
    // A client that starts it again anyway hears the same at once.
    slot.run().assert_status(206);
    assert_eq!(slot.stderr().matches("building image").count(), 1);
    // And so does the next task of the same app.
    let mut next = Slot::empty(engine);
    next.copy("Dockerfile", &fs::read_to_string(slot.dir.join("Dockerfile")).unwrap());
    next.app_file("policy.toml", "build_network = false\n").busybox().join_project_of(&slot);
    next.run().assert_status(206);
    assert!(!next.stderr().contains("building image"), "{}", next.stderr());
    assert!(next.stderr().contains("undefined symbol 42"), "{}", next.stderr());
}

fn a_missing_dockerfile_is_refused(engine: Engine) {
    let mut slot = Slot::empty(engine);
    slot.copy("main.sh", "true");
    slot.run().assert_status(206);
    assert!(slot.stderr().contains("Dockerfile is missing"), "{}", slot.stderr());
}

fn a_program_that_is_not_in_the_image_is_the_jobs_fault(engine: Engine) {
    let mut slot = Slot::empty(engine);
    slot.copy("Dockerfile", "FROM scratch\nCOPY busybox /bin/busybox\nENTRYPOINT [\"/bin/nope\"]\n")
        .busybox();
    let running = slot.run();
    // With the engine's init as first process it is that which does not find it: docker-init exits with 127, catatonit with 1.
    let status = running.finish().expect("an end").exit_status;
    assert!(matches!(status, 1 | 127 | 206), "{status}");
    assert!(slot.stderr().to_lowercase().contains("no such file"), "{}", slot.stderr());
}

fn inputs_are_not_in_the_build_context(engine: Engine) {
    let mut slot = Slot::with_script(engine, "true");
    slot.copy(
        "Dockerfile",
        "FROM scratch\nCOPY . /context/\nCOPY busybox /bin/busybox\nWORKDIR /app\n\
         ENTRYPOINT [\"/bin/busybox\", \"sh\", \"-c\", \"/bin/busybox ls /context > /app/seen\"]\n",
    );
    slot.copy("job.toml", "job_inputs = [\"ligand.pdbqt\"]\n");
    slot.copy("shared.dat", "goes in").copy("ligand.pdbqt", "stays out");
    slot.run().assert_success();
    let seen = fs::read_to_string(slot.dir.join("seen")).unwrap();
    assert!(seen.contains("shared.dat") && !seen.contains("ligand"), "{seen}");
}

/// Saves an image of the test's own and gives the digest of its configuration.
fn saved_image(slot: &Slot, file: &str, by_name: bool) -> String {
    let engine = slot.engine;
    let tree = slot.root.path().join("tree");
    fs::create_dir_all(tree.join("bin")).unwrap();
    fs::create_dir(tree.join("app")).unwrap();
    fs::copy("/bin/busybox", tree.join("bin/busybox")).unwrap();
    let layer = slot.root.path().join("layer.tar");
    let mut tar = Command::new("tar");
    tar.arg("--file").arg(&layer).arg("--directory").arg(&tree).args(["--create", "bin", "app"]);
    assert!(tar.status().unwrap().success());
    let name = format!("localhost/buoy-test-{}", slot.init_data.wu_name);
    // Imported, not built: the engines' builders look at all images of the host for their cache, and fail when another
    // test removes one meanwhile.
    let label = format!("LABEL test={}", slot.init_data.result_name);
    let changes = [&label, "WORKDIR /app", r#"ENTRYPOINT ["/bin/busybox", "touch", "/app/out.txt"]"#];
    let mut import = vec!["import"];
    import.extend(changes.iter().flat_map(|change| ["--change", change]));
    import.extend([layer.to_str().unwrap(), &name]);
    engine.run(&import);
    let id = engine.run(&["image", "inspect", "--format", "{{.Id}}", &name]);
    let id = if id.starts_with("sha256:") { id } else { format!("sha256:{id}") };
    let path = slot.project.join(format!("phys_{file}"));
    let what = if by_name { name.as_str() } else { id.as_str() };
    let saved = Command::new(engine.program())
        .args(match engine {
            Engine::Docker => ["save", "--output"].as_slice(),
            Engine::Podman | Engine::RootlessPodman => {
                ["save", "--format", "docker-archive", "--output"].as_slice()
            }
        })
        .arg(&path)
        .arg(what)
        .output()
        .unwrap();
    assert!(saved.status.success(), "{}", String::from_utf8_lossy(&saved.stderr));
    engine.run(&["image", "rm", &name]);
    let archive = ImageArchive::open(fs::File::open(&path).unwrap(), None).unwrap();
    let has_own_store = || !engine.run(&["info", "--format", "{{.DriverStatus}}"]).contains("containerd");
    if engine == Engine::Docker && has_own_store() {
        assert_eq!(archive.config_digest(), id, "with Docker's own store the id of an image is its digest");
    }
    archive.config_digest().to_owned()
}

fn a_prebuilt_tarball_is_loaded_and_checked_by_digest(engine: Engine) {
    let mut slot = Slot::empty(engine);
    let digest = saved_image(&slot, "vina.tar", false);
    slot.link("vina.tar", "phys_vina.tar");
    slot.copy("job.toml", &format!("image = \"vina.tar\"\ndigest = \"{digest}\"\n"));
    slot.run().assert_success();
    assert!(slot.dir.join("out.txt").exists());
    assert!(slot.stderr().contains("loading image"), "{}", slot.stderr());
    let mut other = Slot::empty(engine);
    let right = saved_image(&other, "vina.tar", false);
    other.link("vina.tar", "phys_vina.tar");
    let wrong = "1".repeat(64);
    other.copy("job.toml", &format!("image = \"vina.tar\"\ndigest = \"sha256:{wrong}\"\n"));
    other.run().assert_status(206);
    assert!(other.stderr().contains("does not hold the image sha256:111"), "{}", other.stderr());
    assert!(other.stderr().contains(&format!("digest = \"{right}\"")), "{}", other.stderr());
}

fn a_tarball_may_carry_names(engine: Engine) {
    let mut slot = Slot::empty(engine);
    let digest = saved_image(&slot, "vina.tar", true);
    slot.link("vina.tar", "phys_vina.tar");
    slot.copy("job.toml", &format!("image = \"vina.tar\"\ndigest = \"{digest}\"\n"));
    slot.run().assert_success();
    let name = format!("localhost/buoy-test-{}", slot.init_data.wu_name);
    assert!(!engine.try_run(&["image", "inspect", &name]).status.success(), "the archive's name was set");
}

fn arguments_that_the_entry_point_drops_are_refused(engine: Engine) {
    let mut slot = Slot::empty(engine);
    slot.copy(
        "Dockerfile",
        "FROM scratch\nCOPY busybox /bin/busybox\nENTRYPOINT [\"/bin/sh\", \"-c\", \"/bin/busybox echo seed 42\"]\n",
    );
    slot.copy("job.toml", "pass_args = \"argv\"\n").busybox();
    slot.argument("--seed").argument("7");
    slot.run().assert_status(206);
    assert!(slot.stderr().contains("drops the job's arguments"), "{}", slot.stderr());
}
