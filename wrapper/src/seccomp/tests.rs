use std::fs;

use super::rules::{Action, Rule};
use super::*;

fn rules_of(profile: &Profile, name: &str) -> Vec<Rule> {
    profile.syscalls.iter().filter(|rule| rule.names.iter().any(|one| one == name)).cloned().collect()
}

fn host_profile(text: &str) -> Option<Profile> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("seccomp.json");
    fs::write(&path, text).unwrap();
    of_host(&[&dir.path().join("missing.json"), &path])
}

/// A host's profile with one rule that allows these calls.
fn allowing(names: &str, more: &str) -> String {
    format!(
        r#"{{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "defaultErrno": "ENOSYS",
            "syscalls": [{{"names": [{names}], "action": "SCMP_ACT_ALLOW", "args": null{more}}}]}}"#
    )
}

#[test]
fn no_profile_lets_a_socket_be_opened_unseen() {
    let text = allowing(r#""read", "socket", "socketcall", "io_uring_setup", "io_uring_enter""#, "");
    let profiles =
        [table::docker(""), table::docker("29.1.0"), table::podman(), host_profile(&text).unwrap()];
    for profile in profiles {
        for name in ["io_uring_setup", "io_uring_enter", "io_uring_register"] {
            assert_eq!(rules_of(&profile, name), [], "{name}");
        }
        let socketcall = rules_of(&profile, "socketcall");
        assert!(matches!(&socketcall[..], [rule] if rule.action == Action::Errno && rule.args.is_empty()));
        assert_eq!(profile.syscalls[0], socketcall[0], "before the rules on socket");
        let socket = rules_of(&profile, "socket");
        assert!(socket.iter().all(|rule| rule.args.len() == 1), "{socket:?}");
        assert_eq!(socket.iter().filter(|rule| rule.action == Action::Errno).count(), 2);
    }
    let open = host_profile(r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}"#).unwrap();
    assert!(rules_of(&open, "io_uring_setup").iter().all(|rule| rule.action == Action::Errno));
    assert_eq!(rules_of(&open, "io_uring_setup").len(), 1);
}

#[test]
fn what_a_host_denies_stays_denied() {
    let profile = host_profile(&allowing(r#""read""#, "")).unwrap();
    assert_eq!(rules_of(&profile, "read").len(), 1);
    assert!(rules_of(&profile, "socket").iter().all(|rule| rule.action == Action::Errno));
    assert_eq!(rules_of(&profile, "write"), []);
    assert_eq!(profile.default_errno_ret, Some(38));
}

#[test]
fn what_is_read_of_a_hosts_profile_is_written_again() {
    let more = r#", "comment": "c", "includes": {"caps": ["CAP_SYS_ADMIN"], "minKernel": "4.8"},
        "excludes": {"arches": ["s390"]}, "errnoRet": 1, "errno": "EPERM""#;
    let profile = host_profile(&allowing(r#""bpf""#, more)).unwrap();
    let again: Profile = serde_json::from_slice(&profile.to_json()).unwrap();
    assert_eq!(again, profile);
    assert_eq!(rules_of(&again, "bpf")[0].includes.caps, ["CAP_SYS_ADMIN"]);
}

#[test]
fn a_hosts_profile_that_is_not_understood_is_not_used() {
    let unknown = [
        allowing(r#""read""#, r#", "strict": true"#),
        allowing(r#""read""#, r#", "includes": {"users": ["x"]}"#),
        allowing(r#""read""#, "").replace("SCMP_ACT_ALLOW", "SCMP_ACT_NOTIFY"),
        allowing(r#""read""#, "").replace(r#""syscalls""#, r#""flags": [], "syscalls""#),
        "{".to_owned(),
        String::new(),
    ];
    for text in unknown {
        assert_eq!(host_profile(&text), None, "{text}");
    }
}

#[test]
fn newer_calls_are_allowed_with_a_newer_docker_only() {
    for (version, expected) in
        [("", 0), ("20.10.24+dfsg1", 0), ("25.0.5", 0), ("26.1.5+dfsg1", 1), ("29.1.2", 1), ("x", 0)]
    {
        assert_eq!(rules_of(&table::docker(version), "pkey_alloc").len(), expected, "{version:?}");
    }
}

#[test]
fn no_call_is_in_the_table_twice() {
    let mut names: Vec<String> =
        table::docker("26").syscalls.into_iter().flat_map(|rule| rule.names).collect();
    names.retain(|name| !["socket", "socketpair", "clone", "personality"].contains(&name.as_str()));
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn the_file_is_written_once_and_is_what_its_name_says() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let file = |version| file_in(&state, Flavor::Docker, version).unwrap();
    let path = file("20.10.24");
    assert_eq!(fs::read(&path).unwrap(), profile(Flavor::Docker, ""));
    let inode = |path: &Path| std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap());
    let before = inode(&path);
    assert_eq!(file("20.10.24"), path);
    assert_eq!(inode(&path), before);
    assert_ne!(file("26.1.5"), path);
    fs::write(&path, "{}").unwrap();
    assert_eq!(fs::read(file("20.10.24")).unwrap(), profile(Flavor::Docker, ""));
    assert_eq!(fs::read_dir(&state).unwrap().count(), 2);
}
