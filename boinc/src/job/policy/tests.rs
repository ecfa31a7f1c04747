use super::*;
use crate::wire::slot::write_soft_link;
use std::fs;

fn spec(text: &str) -> JobSpec {
    JobSpec::parse(text, "job.toml").unwrap()
}

fn refused(policy: &Policy, text: &str) -> Vec<String> {
    policy.check(&spec(text), Trust::Workunit).iter().map(ToString::to_string).collect()
}

const GREEDY: &str = "network = true\nuse_gpu = true\nproject_dir_mount = '/project'\nportmap = ['80:80']\n\
                      web_graphics_guest_port = 81\nmount = ['/etc:/x']\ncreate_args = '--privileged'\n\
                      image_name = 'evil'\npids = 9999999\n";

#[test]
fn without_a_policy_a_workunit_gets_nothing_that_reaches_out() {
    let refusals = Policy::none().check(&spec(GREEDY), Trust::Workunit);
    let keys: Vec<&str> = refusals.iter().map(|refusal| refusal.key).collect();
    assert_eq!(
        keys,
        [
            "network",
            "use_gpu",
            "project_dir_mount",
            "portmap",
            "web_graphics_guest_port",
            "mount",
            "create_args",
            "image_name",
            "pids"
        ]
    );
    assert_eq!(
        refusals[0].to_string(),
        "job.toml asks for network = true: the app version has no policy.toml, so workunits have network = false"
    );
    assert_eq!(refused(&Policy::none(), "build_args = { A = '1' }\npass_args = 'both'\n"), [""; 0]);
}

#[test]
fn a_job_of_the_app_version_gets_what_it_asks_for() {
    assert_eq!(Policy::none().check(&spec(GREEDY), Trust::AppVersion), []);
    let limits = Policy::none().limits(&spec("pids = 9999999"), Trust::AppVersion);
    assert_eq!((limits.pids, limits.max_files), (9_999_999, DEFAULT_MAX_FILES));
}

#[test]
fn a_policy_allows_what_it_names_and_no_more() {
    let policy = Policy::parse(
        "network = true\ngpu = true\nports = true\nproject_dir = true\ncreate_args = ['--shm-size=1g']\n\
         image_names = ['registry/*@sha256:*']\npids = 5000\n",
    )
    .unwrap();
    let allowed = "network = true\nuse_gpu = true\nportmap = ['80:80']\nproject_dir_mount = '/p'\n\
                   create_args = '--shm-size=1g'\nimage_name = 'registry/vina@sha256:00'\npids = 5000\n";
    assert_eq!(refused(&policy, allowed), [""; 0]);
    assert_eq!(
        refused(&policy, "create_args = '--shm-size=2g'\nimage_name = 'registry/vina:latest'\npids = 5001\n"),
        [
            "job.toml asks for create_args = \"--shm-size=2g\": policy.toml of the app version has create_args = \
             [\"--shm-size=1g\"]",
            "job.toml asks for image_name = \"registry/vina:latest\": policy.toml of the app version has \
             image_names = [\"registry/*@sha256:*\"]",
            "job.toml asks for pids = 5001: policy.toml of the app version has pids = 5000",
        ]
    );
}

#[cfg(unix)]
#[test]
fn mounts_stay_in_the_allowed_directories() {
    let root = tempfile::tempdir().unwrap();
    for directory in ["data/sub", "data2"] {
        fs::create_dir_all(root.path().join(directory)).unwrap();
    }
    std::os::unix::fs::symlink("/etc", root.path().join("data/link")).unwrap();
    let at = |path: &str| root.path().join(path).display().to_string();
    let policy = Policy::parse(&format!("mounts = ['{}']", at("data"))).unwrap();
    let mount = |value: String| refused(&policy, &format!("mount = ['{value}']"));
    for value in [format!("{}:/x", at("data")), format!("{}:/x:ro,Z", at("data/sub"))] {
        assert_eq!(mount(value), [""; 0]);
    }
    let table = [
        (format!("{}:/x", at("data2")), "must lie in one of these"),
        (format!("{}:/x", at("data/link")), "must lie in one of these"),
        (format!("{}:/x", at("data/../data2")), "without \"..\""),
        (format!("{}:/x", at("data/absent")), "must exist"),
        (format!("{}:/x:shared", at("data")), "the options must be ro, rw, z or Z"),
        (format!("{}:x", at("data")), "the container's part"),
        ("volume:/x".to_owned(), "the host's part must be an absolute path"),
        (at("data"), "a mount is HOST:CONTAINER"),
    ];
    for (value, expected) in table {
        let refusals = mount(value.clone());
        assert!(refusals.len() == 1 && refusals[0].contains(expected), "{value}: {refusals:?}");
        assert!(refusals[0].contains("mounts = [\""), "{refusals:?}");
    }
}

#[test]
fn the_volunteer_can_only_tighten() {
    let project = Policy::parse("network = true\npids = 100\nimage_names = ['a*']\n").unwrap();
    let tight =
        project.clone().tightened("network = false\npids = 50\nimage_names = ['*b']\ngpu = true\n").unwrap();
    assert_eq!(
        refused(&tight, "network = true\npids = 60\nuse_gpu = true\n"),
        [
            "job.toml asks for use_gpu = true: policy.toml of the app version has gpu = false",
            "job.toml asks for network = true: buoy-volunteer.toml of this host has network = false",
            "job.toml asks for pids = 60: buoy-volunteer.toml of this host has pids = 50",
        ]
    );
    assert_eq!(refused(&tight, "image_name = 'ab'"), [""; 0]);
    assert_eq!(refused(&tight, "image_name = 'ac'").len(), 1);
    assert_eq!(refused(&tight, "image_name = 'bb'").len(), 1);
    let loose = project.tightened("network = true\npids = 1000000\n").unwrap();
    assert_eq!(refused(&loose, "pids = 101").len(), 1);
    let signed = tight.check(&spec("network = true"), Trust::AppVersion);
    assert_eq!(signed.len(), 1, "holds for the project's own jobs too");
}

#[test]
fn limits_are_the_least_of_what_all_say() {
    let none = Policy::none().limits(&spec(""), Trust::Workunit);
    let expected = RunLimits {
        max_files: DEFAULT_MAX_FILES,
        max_log_bytes: DEFAULT_MAX_LOG_BYTES,
        pids: DEFAULT_PIDS,
        memory_bytes: None,
        cpus: None,
    };
    assert_eq!(none, expected);
    let policy = Policy::parse("pids = 64\nmemory_bytes = 1000000000\ncpus = 2\n").unwrap();
    let policy = policy.tightened("max_files = 10\nmemory_bytes = 500000000\ncpus = 2.5\n").unwrap();
    let limits = policy.limits(&spec("pids = 8\nmax_files = 50\n"), Trust::Workunit);
    assert_eq!((limits.pids, limits.max_files, limits.max_log_bytes), (8, 10, DEFAULT_MAX_LOG_BYTES));
    assert_eq!((limits.memory_bytes, limits.cpus), (Some(500_000_000), Some(2.0)));
    let signed = policy.limits(&spec("pids = 4096"), Trust::AppVersion);
    assert_eq!((signed.pids, signed.memory_bytes, signed.cpus), (4096, Some(500_000_000), Some(2.5)));
}

#[test]
fn builds_have_network_unless_somebody_says_no() {
    let offline = Policy::parse("build_network = false").unwrap();
    assert!(Policy::none().build_network(Trust::Workunit));
    assert!(!offline.build_network(Trust::Workunit) && offline.build_network(Trust::AppVersion));
    let volunteer = Policy::none().tightened("build_network = false").unwrap();
    assert!(!volunteer.build_network(Trust::Workunit) && !volunteer.build_network(Trust::AppVersion));
}

#[test]
fn mistakes_in_a_policy_have_line_and_key() {
    let table = [
        ("netwrk = true", "policy.toml:1:1: unknown key \"netwrk\"; accepted: network, builds, "),
        ("netwrk = true", "; help: did you mean \"network\"?"),
        ("\nnetwork = 'yes'", "policy.toml:2:11: network is 'yes' (string); accepted: true or false"),
        (
            "mounts = ['data']",
            "policy.toml:1:10: mounts is ['data']; accepted: a list of absolute directories",
        ),
        ("mounts = ['/']", "not \"/\" itself"),
        ("mounts = ['/a/../b']", "without \"..\""),
        ("create_args = ['shm']", "accepted: a list of options"),
        ("image_names = ['a b']", "accepted: a list of image names"),
        ("cpus = 0", "accepted: a number greater than 0"),
        ("memory_bytes = 100", "accepted: a whole number, 6291456 or more"),
        ("pids = 1\npids = 2", "not valid TOML: duplicate key"),
    ];
    for (text, expected) in table {
        let message = Policy::parse(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{text}: {message}");
    }
    let message = Policy::none().tightened("gpus = false").unwrap_err().to_string();
    assert!(message.starts_with("buoy-volunteer.toml:1:1: unknown key"), "{message}");
}

/// A client's data directory with one project and one slot.
struct Host {
    root: tempfile::TempDir,
    init: InitData,
}

impl Host {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for directory in ["slots/0", "projects/p"] {
            fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        let init = InitData {
            project_dir: root.path().join("projects/p"),
            boinc_dir: root.path().to_owned(),
            app_files: vec!["signed_1".to_owned(), "buoy-wrapper_1".to_owned()],
            ..InitData::default()
        };
        fs::write(init.project_dir.join("signed_1"), "network = true\n").unwrap();
        fs::write(init.project_dir.join("theirs_1"), "ports = true\n").unwrap();
        Self { root, init }
    }

    fn slot(&self) -> PathBuf {
        self.root.path().join("slots/0")
    }

    fn link(&self, target: &str) {
        write_soft_link(&self.slot(), POLICY_FILE, target).unwrap();
    }

    fn trust(&self) -> Trust {
        trust_of(&self.slot(), POLICY_FILE, &self.init)
    }
}

#[test]
fn only_a_link_to_an_app_file_or_its_very_bytes_are_trusted() {
    let host = Host::new();
    assert_eq!(host.trust(), Trust::Workunit, "nothing there");
    host.link("../../projects/p/signed_1");
    assert_eq!(host.trust(), Trust::AppVersion);
    for target in ["../../projects/p/theirs_1", "../../../signed_1", "../../projects/p/absent"] {
        host.link(target);
        assert_eq!(host.trust(), Trust::Workunit, "{target}");
    }
    fs::write(host.slot().join(POLICY_FILE), "network = true\n").unwrap();
    assert_eq!(host.trust(), Trust::AppVersion, "a copy of a signed file");
    fs::write(host.slot().join(POLICY_FILE), "network = true\nports = true\n").unwrap();
    assert_eq!(host.trust(), Trust::Workunit);
}

#[test]
fn a_workunits_own_policy_counts_for_nothing() {
    let host = Host::new();
    host.link("../../projects/p/theirs_1");
    let policy = Policy::load(&host.slot(), &host.init).unwrap();
    assert!(policy.ignored_workunit_policy());
    assert_eq!(refused(&policy, "portmap = ['80:80']").len(), 1);
    host.link("../../projects/p/signed_1");
    let policy = Policy::load(&host.slot(), &host.init).unwrap();
    assert!(!policy.ignored_workunit_policy());
    assert_eq!(refused(&policy, "network = true"), [""; 0]);
}

#[test]
fn the_volunteers_file_is_found_in_the_clients_directory() {
    let host = Host::new();
    assert_eq!(Policy::load(&host.slot(), &host.init).unwrap(), Policy::none());
    fs::write(host.root.path().join(VOLUNTEER_FILE), "pids = 7\n").unwrap();
    let policy = Policy::load(&host.slot(), &host.init).unwrap();
    assert_eq!(policy.limits(&spec(""), Trust::Workunit).pids, 7);
    fs::write(host.root.path().join(VOLUNTEER_FILE), "pids = \n").unwrap();
    assert!(matches!(Policy::load(&host.slot(), &host.init), Err(PolicyError::Config(_))));
}

#[test]
fn builds_can_be_forbidden_and_base_images_be_listed() {
    let policy = Policy::parse("builds = false\nbase_images = ['debian:*']\n").unwrap();
    let refusals = refused(&policy, "");
    assert!(refusals.len() == 1 && refusals[0].contains("builds = false"), "{refusals:?}");
    let prebuilt = format!("image = 'x.tar'\ndigest = 'sha256:{}'\n", "0".repeat(64));
    assert_eq!(refused(&policy, &prebuilt), [""; 0]);
    assert_eq!(policy.base_images(Trust::Workunit), [["debian:*"]]);
    assert!(policy.base_images(Trust::AppVersion).is_empty());
    let policy = policy.tightened("base_images = ['debian:12']\nruntime = 'runsc'\n").unwrap();
    assert_eq!(policy.base_images(Trust::Workunit).len(), 2);
    assert_eq!(policy.runtime(), Some("runsc"));
}

#[test]
fn a_project_does_not_choose_the_runtime() {
    let error = Policy::parse("runtime = 'runc'\n").unwrap_err().to_string();
    assert!(error.contains("buoy-volunteer.toml only"), "{error}");
    assert!(Policy::none().tightened("runtime = '--privileged'\n").is_err());
}

#[test]
fn only_the_volunteer_gives_up_the_daemons_user_namespace() {
    assert!(Policy::none().tightened("host_user_namespace = true\n").unwrap().host_user_namespace());
    assert!(!Policy::none().tightened("host_user_namespace = false\n").unwrap().host_user_namespace());
    assert!(!Policy::none().host_user_namespace());
    let error = Policy::parse("host_user_namespace = true\n").unwrap_err().to_string();
    assert!(error.contains("buoy-volunteer.toml only"), "{error}");
}

#[test]
fn the_volunteer_decides_where_agents_have_work_directories() {
    use WorkDirectory::{Distro, Slot};
    assert_eq!(Policy::none().work_directory(), Distro);
    let of_project = Policy::parse("work_directory = \"slot\"\n").unwrap();
    assert_eq!(of_project.work_directory(), Slot);
    assert_eq!(of_project.clone().tightened("").unwrap().work_directory(), Slot);
    assert_eq!(of_project.tightened("work_directory = \"distro\"\n").unwrap().work_directory(), Distro);
    let error = Policy::parse("work_directory = \"here\"\n").unwrap_err().to_string();
    assert!(error.contains("work_directory") && error.contains("\"slot\""), "{error}");
}

#[test]
fn wsl_is_kept_for_an_hour_unless_a_policy_says_otherwise() {
    assert_eq!(Policy::none().keep_wsl_seconds(), 3_600);
    let of_project = Policy::parse("keep_wsl_seconds = 60\n").unwrap();
    assert_eq!(of_project.keep_wsl_seconds(), 60);
    assert_eq!(of_project.tightened("keep_wsl_seconds = 0\n").unwrap().keep_wsl_seconds(), 0);
    assert!(Policy::parse("keep_wsl_seconds = 86401\n").is_err());
}
