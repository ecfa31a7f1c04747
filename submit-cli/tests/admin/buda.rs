//! `buoy init --from-buda`: what BUDA has becomes a science app that passes `buoy check`.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use insta::assert_snapshot;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::project::Project;

const DESC: &str = r#"{
    "user_id": 1, "create_time": 1700000000, "name": "worker", "long_name": "Does\n \"work\"",
    "max_nbytes_mb": 2, "input_file_names": ["in", "params.txt"], "output_file_names": ["out"],
    "max_delay_days": 1.5, "description": "", "gzip_output": true, "sci_kw": [], "submitters": []
}"#;

const VARIANT: &str = r#"{
    "dockerfile": "Dockerfile_worker_2", "app_files": ["main_3.sh", "worker"], "cpu_type": "intel", "plan_class": "",
    "file_infos": "<file_info>\n</file_info>", "file_refs": "", "dockerfile_phys": "buda_worker_intel_cpu_1", "app_files_phys": []
}"#;

/// An app as BUDA keeps it: its Dockerfile copies nothing, since the slot is mounted over the working directory.
fn with_app() -> Project {
    Project::empty()
        .with("buda/worker/desc.json", DESC)
        .with("buda/worker/template_in", "")
        .with("buda/worker/intel_cpu/variant.json", VARIANT)
        .with(
            "buda/worker/intel_cpu/Dockerfile_worker_2",
            "FROM debian\nWORKDIR /app\nENV ARGS \"\"\nCMD ./main_3.sh ${ARGS}\n",
        )
        .with("buda/worker/intel_cpu/main_3.sh", "#! /bin/bash\n./worker $ARGS in out\n")
        .with("buda/worker/intel_cpu/worker", "\x7fELF")
        .with("buda/worker/intel_cpu/.md5/worker", "0 4")
}

type Member<'a> = (&'a str, &'a [u8]);

/// A zip file of these members; a name that ends in / is a directory.
fn zip(members: &[Member<'_>]) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in members {
        if name.ends_with('/') {
            writer.add_directory(*name, SimpleFileOptions::default()).unwrap();
        } else {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(content).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

const BATCH: [Member<'_>; 6] = [
    ("shared_input_files/params.txt", b"p"),
    ("job1/", b""),
    ("job1/in", b"one"),
    ("job1/cmdline", b" --fast 'two words' \n"),
    ("job2/in", b"two"),
    ("__MACOSX/job1/._in", b"?"),
];

#[test]
fn an_app_and_its_batch_pass_the_check_at_once() {
    let project = with_app().with("batch.zip", zip(&BATCH));
    let ran = project.buoy("init worker --from-buda buda/worker --from-buda batch.zip");
    assert_snapshot!(ran.stderr, @r"
    note: 2 jobs
    note: variant intel_cpu
    note: outputs are not compressed for transfer, as they were with BUDA
    next: buoy check worker, then buoy run worker
    ");
    assert_snapshot!(ran.good(), @r"
    worker/app.toml
    worker/Dockerfile
    worker/batch.toml
    worker/jobs
    worker/main_3.sh
    worker/worker
    ");
    assert_snapshot!(project.read("worker/app.toml"), @r#"
    # Imported from BOINC's BUDA. All keys: docs/app-toml.md
    name = "worker"
    version = "0.1.0"
    summary = 'Does "work"'

    [image]
    dockerfile = "Dockerfile"
    files = ["main_3.sh", "worker"]      # as with BUDA, the program also finds them in its working directory

    [run]
    pass_args = "env"           # programs for BUDA read $ARGS
    command = ""                # arguments of every job; a job's own are in its file "cmdline"

    [[input]]
    name = "in"
    shared = false
    mode = "copy"               # as with BUDA; "link" is read-only and costs nothing

    [[input]]
    name = "params.txt"
    shared = true
    mode = "copy"               # as with BUDA; "link" is read-only and costs nothing

    [[output]]
    name = "out"
    max_size = "2097152 B"

    [resources]                 # BUDA asks for run times when a batch is sent; these are what its form proposes
    flops = 1.8576e14           # half a day on a processor of 4.3 GFLOPS
    flops_bound = 3.7152e14     # a day
    memory = "500 MB"
    disk = "1 GB"
    deadline = "1.5 days"

    [replication]               # BUDA's default: a single copy, which nobody checks
    quorum = 1                  # 2: two volunteers' results must agree
    max_errors = 2
    max_success = 3
    max_total = 3

    [validate]
    rule = "bytes"              # with a quorum of 2: how two results are compared
    "#);
    let mode = project.path("worker/worker").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0o111);
    assert_eq!(
        project.files("worker/jobs"),
        ["job1/cmdline", "job1/in", "job2/in", "shared_input_files/params.txt"]
    );
    let said = project.buoy("check worker").good();
    assert!(
        said.contains("2 jobs, 1 copy of each") && said.contains("first    job1: --fast 'two words'"),
        "{said}"
    );
}

#[test]
fn an_app_alone_takes_batches_later() {
    let project = with_app().with("later/job/in", "1").with("later/job/params.txt", "2");
    let ran = project.buoy("init worker --from-buda buda/worker/intel_cpu");
    assert!(
        ran.stderr.ends_with("next: buoy check worker JOBS, then buoy run worker JOBS\n"),
        "{}",
        ran.stderr
    );
    let _ = ran.good();
    assert!(project.buoy("check worker later").good().contains("1 job"));
    let toml = project.read("worker/app.toml");
    assert_eq!(toml.matches("shared = false").count(), 2, "{toml}");
}

#[test]
fn a_batch_alone_gives_its_files_and_says_what_is_missing() {
    for batch in ["batch.zip", "unpacked"] {
        let mut project = Project::empty().with("batch.zip", zip(&BATCH));
        for (name, content) in BATCH.iter().filter(|(name, _)| !name.ends_with('/') && !name.starts_with('_'))
        {
            project = project.with(&format!("unpacked/{name}"), content);
        }
        let ran = project.buoy(&format!("init dock --from-buda {batch}"));
        assert!(ran.stderr.contains("note: the batch has no program"), "{}", ran.stderr);
        let _ = ran.good();
        let toml = project.read("dock/app.toml");
        assert!(
            toml.contains("name = \"params.txt\"\nshared = true")
                && toml.contains("name = \"in\"\nshared = false"),
            "{toml}"
        );
        assert!(project.buoy("check dock").good().contains("2 jobs"));
    }
}

#[test]
fn what_the_check_finds_in_a_dockerfile_is_said_at_once() {
    let dockerfile = "FROM debian\nCOPY lib/x /\nCMD ./main_3.sh\n";
    let project = with_app().with("buda/worker/intel_cpu/Dockerfile_worker_2", dockerfile);
    let ran = project.buoy("init worker --from-buda buda/worker");
    assert!(ran.stderr.contains("to fix: worker/Dockerfile:2:6: COPY takes \"lib/x\""), "{}", ran.stderr);
    assert_eq!((ran.code, project.read("worker/Dockerfile").as_str()), (1, dockerfile));
}

#[test]
fn variants_and_their_plan_classes() {
    let gpu = VARIANT
        .replace("\"plan_class\": \"\"", "\"plan_class\": \"docker_nvidia_cuda\"")
        .replace("intel\"", "arm\"");
    let project = with_app()
        .with("buda/worker/arm_docker_nvidia_cuda/variant.json", gpu)
        .with("buda/worker/arm_docker_nvidia_cuda/Dockerfile_worker_2", "FROM debian\nCMD x\n")
        .with("buda/worker/arm_docker_nvidia_cuda/main_3.sh", "")
        .with("buda/worker/arm_docker_nvidia_cuda/worker", "");
    let usual = project.buoy("init a --from-buda buda/worker");
    assert!(usual.stderr.contains("note: variant intel_cpu\n"), "{}", usual.stderr);
    let named = project.buoy("init b --from-buda buda/worker --variant arm_docker_nvidia_cuda");
    assert!(named.stderr.contains("the variant is for ARM CPUs"), "{}", named.stderr);
    assert!(project.read("b/app.toml").contains("\ngpu = \"nvidia\"\n"));
    assert_snapshot!(project.buoy("init c --from-buda buda/worker --variant cuda").refused(), @r#"error: invalid BUDA app buda/worker: no variant "cuda"; variants: arm_docker_nvidia_cuda, intel_cpu"#);
}

#[test]
fn descriptions_that_are_wrong() {
    let refused = |project: Project| project.buoy("init x --from-buda buda/worker").refused();
    let variant = "buda/worker/intel_cpu/variant.json";
    assert_snapshot!(refused(with_app().with(variant, "{")), @r"
    error: invalid BUDA description buda/worker/intel_cpu/variant.json
      cause: EOF while parsing an object at line 1 column 1
    ");
    assert_snapshot!(refused(with_app().with(variant, VARIANT.replace("worker\"]", "../../desc.json\"]"))), @r#"error: invalid BUDA description buda/worker/intel_cpu/variant.json: file name "../../desc.json" leads to another directory"#);
    assert_snapshot!(refused(with_app().with(variant, VARIANT.replace("Dockerfile_worker_2", "/etc/passwd"))), @r#"error: invalid BUDA description buda/worker/intel_cpu/variant.json: file name "/etc/passwd" is not the name of a file in the variant's directory"#);
    assert_snapshot!(refused(with_app().with("buda/worker/desc.json", DESC.replace("[\"out\"]", "[]"))), @r"error: invalid BUDA description buda/worker/desc.json: output_file_names is empty");
    assert_snapshot!(refused(with_app().with(variant, VARIANT.replace("\"main_3.sh\"", "\"gone.sh\""))), @r"
    error: failed to read buda/worker/intel_cpu/gone.sh
      cause: No such file or directory (os error 2)
    ");
    let project = with_app();
    std::fs::remove_file(project.path("buda/worker/intel_cpu/worker")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", project.path("buda/worker/intel_cpu/worker")).unwrap();
    assert_snapshot!(refused(project), @"error: invalid file of the app buda/worker/intel_cpu/worker: not a regular file");
    assert_snapshot!(Project::empty().buoy("init x --from-buda nowhere").refused(), @r"error: invalid argument nowhere: no such file or directory");
    assert_snapshot!(with_app().buoy("init x --from-buda buda/worker --from-buda buda/worker").refused(), @r"error: invalid argument buda/worker: a second app; accepted: one app's directory, one batch, or one of each");
}

/// Refused, and nothing is left.
#[track_caller]
fn refused_zip(bytes: Vec<u8>) -> String {
    let project = Project::empty().with("b.zip", bytes);
    let said = project.buoy("init x --from-buda b.zip").refused();
    let left = std::fs::read_dir(project.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["b.zip"]);
    said
}

#[test]
fn members_that_lead_elsewhere_are_refused() {
    for name in ["../evil", "job/../../evil", "/etc/evil", "job/./in", "job\\in", "C:evil", "job//in"] {
        let said = refused_zip(zip(&[("job/in", b""), (name, b"x")]));
        assert!(said.starts_with("error: invalid zip file b.zip: "), "{name}: {said}");
        assert!(
            said.contains("leads out") || said.contains("is an absolute path or contains : or"),
            "{name}: {said}"
        );
    }
}

#[test]
fn links_files_at_the_top_and_deep_ones_are_refused() {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.add_symlink("job/in", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    assert_snapshot!(refused_zip(writer.finish().unwrap().into_inner()), @r#"error: invalid zip file b.zip: "job/in" is a link; accepted: JOB/FILE"#);
    assert_snapshot!(refused_zip(zip(&[("in", b"x")])), @r#"error: invalid zip file b.zip: "in" is a file among the jobs' directories; accepted: JOB/FILE"#);
    assert_snapshot!(refused_zip(zip(&[("batch/job/in", b"x")])), @r#"error: invalid zip file b.zip: "batch/job/in" is in a deeper directory; accepted: JOB/FILE"#);
    assert_snapshot!(refused_zip(zip(&[("a/in", b"x"), ("A/in", b"y")])), @r#"error: invalid zip file b.zip: "A/in" is listed twice, ignoring case; accepted: JOB/FILE"#);
    assert_snapshot!(refused_zip(zip(&[("shared_input_files/in", b"x")])), @r"error: invalid batch b.zip: no jobs in it; accepted: a directory for each job");
    assert_snapshot!(refused_zip(b"no zip".to_vec()), @r"
    error: invalid zip file b.zip
      cause: invalid Zip archive: Could not find EOCD
    ");
}

#[test]
fn a_bomb_is_stopped_while_it_unpacks() {
    let zeros = vec![0; 100 << 20];
    let bomb = zip(&[("job/in", &zeros)]);
    assert!(bomb.len() < 200_000);
    let said = refused_zip(bomb);
    assert!(said.contains("bytes when unpacked, from "), "{said}");
}

#[test]
fn links_in_a_directory_are_refused() {
    let project = Project::empty().with("b/job/other", "");
    std::os::unix::fs::symlink("/etc/passwd", project.path("b/job/in")).unwrap();
    assert_snapshot!(project.buoy("init x --from-buda b").refused(), @r"error: invalid part of the batch b/job/in: not a regular file; accepted: JOB/FILE");
    assert!(!project.path("x").exists());
}
