//! `buoy admin app-version`.

use boinc::frames::{AGENT_FILE, AGENT_FILE_ARM};
use boinc::job::policy::{Policy, Trust, trust_of};
use boinc::job::spec::JobSpec;
use boinc::wire::init_data::InitData;
use insta::assert_snapshot;
use sha2::Digest;

use crate::project::Project;
use crate::update_versions::{AppVersion, File, update_versions};

/// The first bytes of a program for Linux, with `text` after them.
fn elf(machine: u8, text: &str) -> Vec<u8> {
    [b"\x7fELF\x02\x01".as_slice(), &[0; 12], &[machine, 0], &[0; 44], text.as_bytes()].concat()
}

/// The first bytes of a program for macOS.
fn mach_o(kind: u32) -> Vec<u8> {
    [0xFEED_FACF_u32.to_le_bytes(), kind.to_le_bytes()].concat()
}

/// The first bytes of a program for Windows.
fn pe() -> Vec<u8> {
    let mut program = vec![0; 134];
    program[..2].copy_from_slice(b"MZ");
    program[60] = 128;
    program[128..].copy_from_slice(b"PE\0\0\x64\x86");
    program
}

/// The project, and `dist/` as `./x dist` leaves it.
fn project_with_dist() -> Project {
    let wrappers = [
        ("x86_64-pc-linux-gnu/buoy-wrapper", elf(62, "one")),
        ("aarch64-unknown-linux-gnu/buoy-wrapper", elf(183, "two")),
        ("windows_x86_64/buoy-wrapper.exe", pe()),
        ("x86_64-apple-darwin/buoy-wrapper", mach_o(0x0100_0007)),
        ("arm64-apple-darwin/buoy-wrapper", mach_o(0x0100_000C)),
    ];
    wrappers.into_iter().fold(project(), |project, (path, content)| {
        let (platform, name) = path.split_once('/').unwrap();
        let sum = format!("{:x}", sha2::Sha256::digest(&content));
        project
            .with(&format!("dist/{path}"), content)
            .with(&format!("dist/{platform}/BUILD"), "commit: 0123\ntarget: x\n")
            .with(&format!("dist/{platform}/SHA256SUMS"), format!("{sum}  {name}\n{sum}  other\n"))
    })
}

/// A project with an app, and wrappers for two platforms.
fn project() -> Project {
    Project::empty()
        .with("p/config.xml", "<boinc><config></config></boinc>")
        .with("p/project.xml", "<boinc><app><name>universal</name></app></boinc>")
        .with("p/download/.keep", "")
        .with("x86", elf(62, "one"))
        .with("arm", elf(183, "two"))
}

const X86: &str = "--wrapper x86_64-pc-linux-gnu=x86";
const BOTH: &str = "--wrapper x86_64-pc-linux-gnu=x86 --wrapper aarch64-unknown-linux-gnu=arm";

#[test]
fn a_universal_version_holds_the_wrapper_and_the_strictest_policy() {
    let project = project();
    let ran = project.buoy(&format!("admin app-version p --app universal --number 1.04 {X86}"));
    assert_snapshot!(ran.stderr, @r"
    next: buoy admin plan-class docker --file p/plan_class_spec.xml
    next: bin/update_versions, which signs and installs
    next: buoy admin check p
    ");
    let dir = "p/apps/universal/1.04/x86_64-pc-linux-gnu__docker";
    assert!(ran.good().starts_with(&format!("{dir}: written\n")));
    let versions = update_versions(&project.path("p"), &["universal"]).unwrap();
    let [version] = &versions[..] else { panic!("{versions:?}") };
    assert_eq!(
        (version.number, version.platform.as_str(), version.plan_class.as_str()),
        (104, "x86_64-pc-linux-gnu", "docker")
    );
    assert_eq!(version.api_version, "8.2.0");
    let [program, policy] = &version.files[..] else { panic!("{version:?}") };
    assert_eq!(
        *program,
        File {
            physical_name: "buoy-wrapper_universal_1.04_x86_64-pc-linux-gnu".to_owned(),
            main_program: true,
            executable: true,
            ..File::default()
        }
    );
    assert_eq!(
        (policy.logical_name.as_str(), policy.executable, policy.copy_file),
        ("policy.toml", false, false)
    );
    let text = project.read(&format!("{dir}/{}", policy.physical_name));
    let none = Policy::parse("").unwrap();
    assert_eq!(format!("{:?}", Policy::parse(&text).unwrap()), format!("{none:?}"), "{text}");
}

#[test]
fn each_platform_gets_each_plan_class_and_a_host_fetches_a_file_once() {
    let project = project();
    let classes = "--plan-class docker --plan-class docker_nvidia";
    let _ =
        project.buoy(&format!("admin app-version p --app universal --number 1.00 {BOTH} {classes}")).good();
    let versions = update_versions(&project.path("p"), &["universal"]).unwrap();
    let which: Vec<(&str, &str)> =
        versions.iter().map(|version| (version.platform.as_str(), version.plan_class.as_str())).collect();
    assert_eq!(
        which,
        [
            ("aarch64-unknown-linux-gnu", "docker"),
            ("aarch64-unknown-linux-gnu", "docker_nvidia"),
            ("x86_64-pc-linux-gnu", "docker"),
            ("x86_64-pc-linux-gnu", "docker_nvidia"),
        ]
    );
    // Two wrappers, and a policy with and one without GPU.
    assert_eq!(project.files("p/download").len(), 4 + 1);
    for version in &versions {
        let file = version.files.iter().find(|file| file.logical_name == "policy.toml").unwrap();
        let dir = format!("p/apps/universal/1.00/{}__{}", version.platform, version.plan_class);
        let text = project.read(&format!("{dir}/{}", file.physical_name));
        assert_eq!(text.contains("gpu = true"), version.plan_class == "docker_nvidia", "{text}");
        Policy::parse(&text).unwrap();
    }
}

#[test]
fn one_command_makes_the_versions_of_all_platforms() {
    let project = project_with_dist();
    let classes = ["docker", "docker_mt", "docker_nvidia", "docker_amd", "docker_intel"];
    let options: String = classes.iter().map(|class| format!(" --plan-class {class}")).collect();
    let said =
        project.buoy(&format!("admin app-version p --app universal --number 1.00 --dist dist{options}"));
    assert!(!said.stderr.contains("error"), "{}", said.stderr);
    let _ = said.good();
    let vina = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/vina");
    let _ = project.buoy(&format!("admin app-version p --number 1.00 --dist dist --single {vina}")).good();
    let versions = update_versions(&project.path("p"), &["universal", "vina"]).unwrap();
    let count = |app: &str| versions.iter().filter(|version| version.app == app).count();
    assert_eq!((count("universal"), count("vina")), (5 * classes.len(), 5));
    for version in &versions {
        let main = version.files.iter().find(|file| file.main_program).unwrap();
        assert_eq!(main.physical_name.ends_with(".exe"), version.platform == "windows_x86_64");
        let has_policy = version.files.iter().any(|file| file.logical_name == "policy.toml");
        assert_eq!(has_policy, version.app == "universal");
        let agents = [(AGENT_FILE, "x86_64-pc-linux-gnu"), (AGENT_FILE_ARM, "aarch64-unknown-linux-gnu")];
        for (name, platform) in agents {
            let agent = version.files.iter().find(|file| file.logical_name == name);
            assert_eq!(agent.is_some(), version.platform == "windows_x86_64");
            if let Some(agent) = agent {
                // The front starts it through its link, and it is the same program as that of Linux.
                assert!(agent.executable && !agent.copy_file && !agent.main_program, "{agent:?}");
                assert!(agent.physical_name.ends_with(&format!("_1.00_{platform}")), "{agent:?}");
            }
        }
    }
    // Of each app the wrappers; the universal one's two policies, with and without a GPU.
    let universal = project.files("p/download").iter().filter(|name| name.contains("universal")).count();
    assert_eq!(universal, 5 + 2);
}

#[test]
fn a_dist_directory_that_is_not_as_it_was_built_is_refused() {
    let refused = |project: &Project, more: &str| {
        project
            .buoy(&format!("admin app-version p --app universal --number 1.00 --dist dist{more}"))
            .refused()
    };
    let project = project_with_dist();
    let one = "admin app-version p --app universal --number 1.00 --dist dist --platform";
    let _ = project.buoy(&format!("{one} arm64-apple-darwin")).good();
    let windows = "p/apps/universal/1.00/windows_x86_64__docker";
    let _ = project.buoy(&format!("{one} windows_x86_64")).good();
    assert_eq!(project.files(windows).len(), 5);
    assert!(!project.path("p/apps/universal/1.00/x86_64-pc-linux-gnu__docker").exists());
    let project = project.with("dist/x86_64-pc-linux-gnu/buoy-wrapper", elf(62, "changed"));
    assert_snapshot!(refused(&project, ""), @"error: dist/x86_64-pc-linux-gnu/buoy-wrapper: its content is not the one in SHA256SUMS; build or copy the directory again");
    let project = project_with_dist().with("dist/arm64-apple-darwin/BUILD", "commit: 4567\n");
    assert_snapshot!(refused(&project, ""), @"error: dist: x86_64-pc-linux-gnu and arm64-apple-darwin were built from different commits; build all platforms again with ./x dist");
    std::fs::remove_dir_all(project.path("dist/arm64-apple-darwin")).unwrap();
    assert!(
        refused(&project, " --platform arm64-apple-darwin")
            .contains("failed to read dist/arm64-apple-darwin")
    );
    std::fs::remove_dir_all(project.path("dist")).unwrap();
    assert_snapshot!(refused(&project, ""), @"error: no platform found in dist; build the programs with ./x dist");
    assert!(refused(&project, &format!(" {X86}")).contains("cannot be used with"));
}

#[test]
fn a_file_whose_name_is_that_of_a_signature_is_installed() {
    let app = "name = \"x\"\n[[input]]\nname = \"data.sig\"\nshared = true\nfile = \"data.sig\"\n\
               [[output]]\nname = \"out\"\n";
    let project = project()
        .with("app/app.toml", app)
        .with("app/Dockerfile", "FROM x\nENTRYPOINT [\"/run.sh\"]\n")
        .with("app/data.sig", "1");
    let _ = project.buoy(&format!("admin app-version p --number 1.00 {X86} --single app")).good();
    let versions = update_versions(&project.path("p"), &["x"]).unwrap();
    assert!(versions[0].files.iter().any(|file| file.logical_name == "data.sig"), "{versions:?}");
}

#[test]
fn a_class_of_the_admins_own_gets_a_gpu_if_the_project_says_so() {
    let spec = "<plan_classes><plan_class><name>fast_docker</name><docker/><gpu_type>amd</gpu_type></plan_class></plan_classes>";
    let project = project().with("p/plan_class_spec.xml", spec);
    let ran = project
        .buoy(&format!("admin app-version p --app universal --number 1.00 {X86} --plan-class fast_docker"));
    assert!(!ran.stderr.contains("plan_class_spec"), "{}", ran.stderr);
    let _ = ran.good();
    let files = project.files("p/apps/universal/1.00/x86_64-pc-linux-gnu__fast_docker");
    let policy = files.iter().find(|name| name.ends_with("policy.toml")).unwrap();
    let text = project.read(&format!("p/apps/universal/1.00/x86_64-pc-linux-gnu__fast_docker/{policy}"));
    assert!(text.contains("gpu = true"), "{text}");
}

#[test]
fn writing_the_same_again_changes_nothing_and_signatures_may_be_there() {
    let command = format!("admin app-version p --app universal --number 1.00 {X86}");
    let project = project();
    let _ = project.buoy(&command).good();
    let dir = "p/apps/universal/1.00/x86_64-pc-linux-gnu__docker";
    let project =
        project.with(&format!("{dir}/buoy-wrapper_universal_1.00_x86_64-pc-linux-gnu.sig"), "signed");
    let before = project.files("p");
    let ran = project.buoy(&command);
    assert!(!ran.stderr.contains("update_versions"), "{}", ran.stderr);
    assert!(ran.good().starts_with(&format!("{dir}: there already\n")));
    assert_eq!(project.files("p"), before);
}

#[test]
fn a_version_that_is_there_is_never_changed() {
    let project = project();
    let _ = project.buoy(&format!("admin app-version p --app universal --number 1.00 {X86}")).good();
    let dir = "p/apps/universal/1.00/x86_64-pc-linux-gnu__docker";
    let project = project.with("x86", elf(62, "another")).with("policy.toml", "network = true\n");
    let again = format!("admin app-version p --app universal --number 1.00 {BOTH}");
    assert_snapshot!(project.buoy(&again).refused(), @"error: p/apps/universal/1.00/x86_64-pc-linux-gnu__docker: it exists with another buoy-wrapper_universal_1.00_x86_64-pc-linux-gnu; an app version never changes: use a new version number");
    // Nothing of the other platform either.
    assert_eq!(project.files("p/apps").len(), 3);
    let project = project.with("x86", elf(62, "one"));
    let said = project.buoy(&format!("{again} --policy policy.toml")).refused();
    assert!(said.contains("it exists without universal_1.00_"), "{said}");
    let project = project.with(&format!("{dir}/notes.txt"), "?");
    assert!(
        project
            .buoy(&again)
            .refused()
            .contains("with notes.txt in it, which does not belong to this version")
    );
    assert_snapshot!(project.buoy("admin app-version p --app universal --number 1.5").refused_command_line(), @r#"error: invalid value '1.5' for '--number <MAJOR.MINOR>': invalid version "1.5", which BOINC reads as 1.05; write two digits after the dot"#);
}

#[test]
fn a_published_file_or_another_spelling_of_the_number_needs_a_new_number() {
    let project = project()
        .with("p/download/buoy-wrapper_universal_1.05_x86_64-pc-linux-gnu", "old")
        .with("p/apps/universal/1.6/x/version.xml", "");
    let refused = |number: &str| {
        project.buoy(&format!("admin app-version p --app universal --number {number} {X86}")).refused()
    };
    assert!(refused("1.05").contains("volunteers have a file of this name"));
    assert_snapshot!(refused("1.06"), @"error: p/apps/universal/1.6: BOINC reads this as version 1.06 too; use another version number");
    assert_eq!(project.files("p/apps"), ["universal/1.6/x/version.xml"]);
}

#[test]
fn what_would_not_work_is_refused_by_name() {
    let project = project().with("bad.toml", "netwrok = true\n").with("p/x y", "");
    let refused = |args: &str| project.buoy(&format!("admin app-version p --number 1.00 {args}")).refused();
    assert_snapshot!(refused("--app universal --wrapper windows_x86_64=x86"), @"error: no wrapper for x86_64-pc-linux-gnu found, which the one for windows_x86_64 starts in WSL; specify the static one with --wrapper x86_64-pc-linux-gnu=FILE");
    assert_snapshot!(refused(&format!("--app universal --wrapper windows_x86_64=x86 {X86}")), @"error: x86: expected a program for windows_x86_64, got a program for x86_64-pc-linux-gnu; specify another file with --wrapper windows_x86_64=FILE");
    assert_snapshot!(refused(&format!("--app universal --wrapper windows_x86_64=bad.toml {X86}")), @"error: bad.toml: expected a program for windows_x86_64, got another kind of file; specify another file with --wrapper windows_x86_64=FILE");
    assert_snapshot!(refused("--app universal --platform arm64-apple-darwin"), @"error: no wrapper for arm64-apple-darwin found; specify one with --wrapper arm64-apple-darwin=FILE");
    assert_snapshot!(refused(&format!("--app universal {X86} --policy bad.toml")), @r#"error: bad.toml: policy.toml:1:1: unknown key "netwrok"; accepted: network, ports, builds, runtime, build_network, gpu, mounts, pids, cpus, create_args, project_dir, max_files and 7 more; help: did you mean "network"?"#);
    assert_snapshot!(refused(&format!("--app universal {X86} --plan-class cuda")), @r#"error: invalid plan class "cuda"; accepted: a name with "docker" in it, otherwise clients remove the containers when they start"#);
    assert_snapshot!(refused(&format!("--app universal {X86} --plan-class docker__x")), @r#"error: invalid plan class "docker__x"; accepted: letters, digits, "_", "-" and ".", without "__", at most 128"#);
    assert_snapshot!(refused(&format!("--app a'b {X86}")), @r#"error: invalid BOINC app name "a'b"; accepted: letters, digits, "_", "-" and ".", first a letter or digit, at most 191"#);
    assert!(!project.path("p/apps").exists());
}

#[test]
fn a_dry_run_writes_nothing_and_json_names_every_file() {
    let project = project();
    let command = format!("admin app-version p --app other --number 1.00 {X86}");
    let said = project.buoy(&format!("{command} --dry-run")).good();
    assert!(said.starts_with("p/apps/other/1.00/x86_64-pc-linux-gnu__docker: would be written\n"), "{said}");
    assert!(!project.path("p/apps").exists());
    let json: serde_json::Value =
        serde_json::from_str(&project.buoy(&format!("{command} --json")).good()).unwrap();
    assert_eq!((json["written"].as_bool(), json["versions"][0]["state"].as_str()), (Some(true), Some("new")));
    assert!(json["next"][0].as_str().unwrap().contains("<name>other</name>"), "{json}");
    for file in json["versions"][0]["files"].as_array().unwrap() {
        let path = format!(
            "{}/{}",
            json["versions"][0]["directory"].as_str().unwrap(),
            file["physical_name"].as_str().unwrap()
        );
        assert_eq!(project.path(&path).metadata().unwrap().len(), file["bytes"].as_u64().unwrap());
    }
}

#[test]
fn a_single_purpose_version_carries_everything_of_the_science_app() {
    let vina = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/vina");
    let project = project();
    let _ = project.buoy(&format!("admin app-version p --number 2.00 {X86} --single {vina}")).good();
    let versions = update_versions(&project.path("p"), &["vina"]).unwrap();
    let [version] = &versions[..] else { panic!("{versions:?}") };
    let in_slot: Vec<&str> = version.files.iter().map(|file| file.logical_name.as_str()).collect();
    assert_eq!(in_slot, ["", "job.toml", "Dockerfile", "dock.sh", "receptor.pdbqt", "box.txt"]);
    let file = |name: &str| version.files.iter().find(|file| file.logical_name == name).unwrap();
    assert!(!version.files.iter().any(|file| file.executable && !file.main_program));
    let dir = "p/apps/vina/2.00/x86_64-pc-linux-gnu__docker";
    as_a_client_has_it(&project, dir, version);
    let job = JobSpec::parse(&project.read(&format!("{dir}/{}", file("job.toml").physical_name)), "job.toml")
        .unwrap();
    assert_eq!(job.job_inputs, ["ligand.pdbqt"]);
    assert_eq!(job.build_files.unwrap(), ["dock.sh"]);
}

/// A client links each file into the slot, and lists it as signed: so the wrapper trusts job.toml with everything.
fn as_a_client_has_it(project: &Project, dir: &str, version: &AppVersion) {
    let slot = project.path("slots/0");
    std::fs::create_dir_all(&slot).unwrap();
    let mut init = InitData { project_dir: project.path(dir), ..InitData::default() };
    for file in version.files.iter().filter(|file| !file.logical_name.is_empty()) {
        std::os::unix::fs::symlink(
            format!("../../{dir}/{}", file.physical_name),
            slot.join(&file.logical_name),
        )
        .unwrap();
        assert_eq!(trust_of(&slot, &file.logical_name, &init), Trust::Workunit);
        init.app_files.push(file.physical_name.clone());
        assert_eq!(trust_of(&slot, &file.logical_name, &init), Trust::AppVersion);
    }
}

#[test]
fn a_single_purpose_version_keeps_what_is_executable_and_what_is_copied() {
    let app = "name = \"x\"\n[image]\nfiles = [\"run.sh\", \"same.sh\"]\n[[input]]\nname = \"my data.txt\"\nshared = true\n\
               file = \"d.txt\"\nmode = \"copy\"\n[[output]]\nname = \"out\"\n";
    let project = project()
        .with("app/app.toml", app)
        .with("app/Dockerfile", "FROM x\nCOPY run.sh same.sh /\nENTRYPOINT [\"/run.sh\"]\n")
        .with("app/run.sh", "#!/bin/sh\n")
        .with("app/same.sh", "#!/bin/sh\n")
        .with("app/d.txt", "1")
        .with("policy.toml", "network = true\n")
        .mode("app/run.sh", 0o755);
    let command =
        format!("admin app-version p --number 1.00 {X86} --single app --app my.app --policy policy.toml");
    let _ = project.buoy(&command).good();
    let versions = update_versions(&project.path("p"), &["my.app"]).unwrap();
    let flags = |name: &str| {
        let file = versions[0].files.iter().find(|file| file.logical_name == name).unwrap();
        (file.executable, file.copy_file)
    };
    assert_eq!((flags("run.sh"), flags("same.sh")), ((true, false), (false, false)));
    assert_eq!((flags("my data.txt"), flags("policy.toml")), ((false, true), (false, false)));
}

#[test]
fn mistakes_of_the_science_app_are_said_with_their_lines() {
    let project = project().with("app/app.toml", "name = \"x\"\nnmae = 1\n");
    let said = project.buoy(&format!("admin app-version p --number 1.00 {X86} --single app")).refused();
    assert!(said.contains("app/app.toml:2:1: unknown key \"nmae\""), "{said}");
}

#[test]
fn the_emulation_of_update_versions_rejects_what_it_must() {
    let good = "<version><file><physical_name>a</physical_name><main_program/></file></version>";
    let dir = "apps/universal/1.00/x86_64-pc-linux-gnu__docker";
    let with = |xml: &str| {
        Project::empty()
            .with(&format!("{dir}/version.xml"), xml)
            .with(&format!("{dir}/a"), "")
            .with("download/.keep", "")
    };
    update_versions(&with(good).path(""), &["universal"]).unwrap();
    for (from, to) in [
        ("<main_program/>", ""),
        ("<main_program/>", "<main_programm/>"),
        ("</file>", "</file><file><physical_name>b</physical_name></file>"),
        ("</physical_name>", ""),
        (">a<", ">b<"),
        ("</version>", "</version><version></version>"),
        ("<main_program/>", "<main_program/><logical_name>it's</logical_name>"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert!(update_versions(&with(&bad).path(""), &["universal"]).is_err(), "{bad}");
    }
    assert!(update_versions(&with(good).path(""), &["other"]).is_err());
    let project = with(good).with(&format!("{dir}/stray"), "");
    assert!(update_versions(&project.path(""), &["universal"]).is_err());
    let project = with(good).with(&format!("{dir}/b.sig"), "");
    assert!(update_versions(&project.path(""), &["universal"]).is_err());
    let project = with(good).with("download/a", "other");
    assert!(update_versions(&project.path(""), &["universal"]).is_err());
}
