#![cfg(unix)]

use super::super::write_soft_link;
use super::*;
use std::os::unix::fs::symlink;

fn is_refused<T>(answer: Result<T, SlotPathError>, why: &str) -> bool {
    matches!(answer, Err(SlotPathError::Refused(text)) if text.contains(why))
}

/// A client's data directory with a project, a neighbour and a slot.
struct Host {
    root: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for directory in ["slots/0", "projects/p/sub", "projects/other"] {
            fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        for file in ["projects/p/lig_1", "projects/p/.secret", "projects/p/sub/x", "projects/other/x"] {
            fs::write(root.path().join(file), file).unwrap();
        }
        Self { root }
    }

    fn slot(&self) -> PathBuf {
        self.root.path().join("slots/0")
    }

    fn project(&self) -> PathBuf {
        self.root.path().join("projects/p")
    }

    fn input(&self, name: &str) -> Result<InputPath, SlotPathError> {
        resolve_input(&self.slot(), &self.project(), name)
    }

    fn output(&self, name: &str) -> Result<OutputPath, SlotPathError> {
        resolve_output(&self.slot(), &self.project(), "wu_0", name)
    }

    fn link(&self, name: &str, target: &str) {
        let _ = fs::remove_file(self.slot().join(name));
        write_soft_link(&self.slot(), name, target).unwrap();
    }
}

#[test]
fn both_kinds_of_links_lead_to_the_projects_file() {
    let host = Host::new();
    let file = fs::canonicalize(host.project()).unwrap().join("lig_1");
    host.link("text", "../../projects/p/lig_1");
    symlink("../../projects/p/lig_1", host.slot().join("symlink")).unwrap();
    fs::write(host.slot().join("copy"), "data").unwrap();
    assert_eq!(host.input("text").unwrap(), InputPath::Link(file.clone()));
    assert_eq!(host.input("symlink").unwrap(), InputPath::Link(file));
    assert_eq!(host.input("copy").unwrap(), InputPath::Copy(host.slot().join("copy")));
}

#[test]
fn forged_links_are_refused() {
    let host = Host::new();
    for target in [
        "../../../../../../../../etc/passwd",
        "/etc/passwd",
        "../../projects/other/x",
        "../../projects/p/sub/x",
        "../../projects/p/../other/x",
        "../../projects/p",
        "../../nowhere/at/all",
        "init_data.xml",
    ] {
        host.link("text", target);
        assert!(is_refused(host.input("text"), "which is not directly in"), "{target}");
        let _ = fs::remove_file(host.slot().join("symlink"));
        symlink(target, host.slot().join("symlink")).unwrap();
        assert!(is_refused(host.input("symlink"), "which is not directly in"), "{target}");
        assert!(is_refused(host.output("text"), "which is not directly in"), "{target}");
    }
    host.link("text", "../../projects/p/.secret");
    assert!(is_refused(host.input("text"), "a link to the hidden file"));
}

#[test]
fn a_projects_file_that_is_a_link_to_elsewhere_is_refused() {
    let host = Host::new();
    symlink("/etc/passwd", host.project().join("evil")).unwrap();
    symlink("/etc/passwd", host.project().join("wu_0_r1_0")).unwrap();
    host.link("in", "../../projects/p/evil");
    host.link("out", "../../projects/p/wu_0_r1_0");
    assert!(is_refused(host.input("in"), "which is not directly in"));
    assert!(is_refused(host.output("out"), "which is not a regular file"));
}

#[test]
fn a_link_between_files_of_the_project_is_followed() {
    let host = Host::new();
    symlink("lig_1", host.project().join("alias")).unwrap();
    host.link("in", "../../projects/p/alias");
    assert!(host.input("in").unwrap().path().ends_with("p/lig_1"));
}

#[test]
fn a_directory_of_the_slot_that_leads_elsewhere_is_refused() {
    let host = Host::new();
    symlink("/etc", host.slot().join("dir")).unwrap();
    assert!(is_refused(host.input("dir/passwd"), "which is not directly in"));
}

#[test]
fn what_is_missing_or_no_file_is_told_apart() {
    let host = Host::new();
    host.link("gone", "../../projects/p/absent");
    fs::create_dir(host.slot().join("dir")).unwrap();
    assert!(matches!(host.input("gone"), Err(SlotPathError::Missing { .. })));
    assert!(matches!(host.input("absent"), Err(SlotPathError::Missing { .. })));
    assert!(is_refused(host.input("dir"), "which is not a regular file"));
    assert!(is_refused(host.input("../x"), "has a part"));
    assert!(is_refused(host.input("init_data.xml"), "belongs to the BOINC client"));
    fs::create_dir(host.slot().join("buoy")).unwrap();
    fs::write(host.slot().join("buoy/state.json"), "{}").unwrap();
    for name in ["buoy/state.json", "BUOY/x", "buoy", "Buoy"] {
        assert!(is_refused(host.input(name), "belongs to the wrapper"), "{name}");
        assert!(is_refused(host.output(name), "belongs to the wrapper"), "{name}");
    }
}

#[test]
fn outputs_go_where_the_links_say_if_it_is_this_tasks_place() {
    let host = Host::new();
    let project = fs::canonicalize(host.project()).unwrap();
    assert_eq!(host.output("log.txt").unwrap(), OutputPath::Copy(host.slot().join("log.txt")));
    host.link("log.txt", "../../projects/p/wu_0_r1218595912_1");
    assert_eq!(host.output("log.txt").unwrap(), OutputPath::Link(project.join("wu_0_r1218595912_1")));
    symlink("../../projects/p/wu_0_r7_0", host.slot().join("sym")).unwrap();
    assert_eq!(host.output("sym").unwrap(), OutputPath::Link(project.join("wu_0_r7_0")));
    for (target, result_name) in [
        ("lig_1", "wu_0"),
        ("wu_0", "wu_0"),
        ("wu_01_r1_0", "wu_0"),
        ("wu_0_1_r1_0", "wu_0"),
        ("wu_0_x", "wu_0"),
    ] {
        host.link("log.txt", &format!("../../projects/p/{target}"));
        let place = resolve_output(&host.slot(), &host.project(), result_name, "log.txt");
        assert!(is_refused(place, "does not begin with"), "{target}");
    }
}

#[test]
fn a_refusal_names_the_file_the_target_and_what_is_accepted() {
    let host = Host::new();
    host.link("lig", "../../../etc/passwd");
    let message = host.input("lig").unwrap_err().to_string();
    let project = fs::canonicalize(host.project()).unwrap();
    let expected =
        format!("\"lig\" is a link to ../../../etc/passwd, which is not directly in {}", project.display());
    assert_eq!(message, expected);
}
