use std::path::PathBuf;

use super::*;

fn engine(kind: DockerType) -> Engine {
    Engine { kind, version: "1.2.3".to_owned() }
}

fn fine(kind: DockerType) -> EngineReport {
    EngineReport {
        engine: engine(kind),
        info: EngineInfo { limits: true, ..EngineInfo::default() },
        init: true,
        trial: Ok(Trial {
            visible: true,
            cpu_time: true,
            pauses: true,
            memory_limit: true,
            process_limit: true,
        }),
    }
}

fn healthy() -> HostReport {
    HostReport {
        programs: Ok(Programs { dir: PathBuf::from("/usr/bin") }),
        wrapper_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        docker: Ok(fine(DockerType::Docker)),
        podman: Ok(fine(DockerType::Podman)),
        sub_ids: None,
        host: Host {
            name: "host".to_owned(),
            ncpus: 4,
            memory_bytes: 8 << 30,
            swap_bytes: 0,
            disk_total_bytes: 100 << 30,
            disk_free_bytes: 50 << 30,
            disk_executable: true,
            os: String::new(),
            kernel: String::new(),
        },
    }
}

fn grades(facts: &HostReport) -> Vec<(Grade, &'static str)> {
    examine(facts).iter().map(|finding| (finding.grade, finding.about)).collect()
}

#[test]
fn a_healthy_computer_is_fit() {
    let findings = examine(&healthy());
    assert!(findings.iter().all(|finding| finding.grade == Grade::Ok), "{findings:?}");
    assert!(is_fit(&findings));
}

#[test]
fn one_engine_is_enough_and_none_is_not() {
    let missing = || EngineError::NotInstalled { engine: "podman", package: "podman" };
    let mut facts = healthy();
    facts.podman = Err(missing());
    assert!(is_fit(&examine(&facts)));
    assert!(grades(&facts).contains(&(Grade::Note, "podman")));
    facts.docker = Err(EngineError::NoPermission);
    let findings = examine(&facts);
    assert!(!is_fit(&findings));
    let docker = findings.iter().find(|finding| finding.about == "docker").unwrap();
    assert!(docker.found.contains("no permission"), "{}", docker.found);
    assert!(docker.found.contains("group docker"), "{}", docker.found);
}

#[test]
fn odd_hosts_are_named() {
    let found = |change: &dyn Fn(&mut HostReport)| {
        let mut facts = healthy();
        change(&mut facts);
        let odd = examine(&facts).into_iter().find(|finding| finding.grade != Grade::Ok).unwrap();
        (odd.grade, odd.about, odd.found + " / " + &odd.advice.unwrap_or_default())
    };
    let docker = |info: EngineInfo| {
        found(&|facts| {
            let fine = EngineReport { info: info.clone(), ..fine(DockerType::Docker) };
            facts.docker = Ok(fine);
        })
    };
    let (grade, about, text) = docker(EngineInfo { snap: true, limits: true, ..EngineInfo::default() });
    assert_eq!((grade, about), (Grade::Warn, "docker"));
    assert!(text.contains("is a snap") && text.contains("docker.io"), "{text}");
    let (grade, _, text) = docker(EngineInfo { remote: true, limits: true, ..EngineInfo::default() });
    assert_eq!(grade, Grade::Warn);
    assert!(text.contains("virtual machine") && text.contains("share"), "{text}");
    let users = Users::Remapped(None);
    let (grade, _, text) =
        docker(EngineInfo { users, containerd_images: true, limits: true, ..EngineInfo::default() });
    assert_eq!(grade, Grade::Warn);
    assert!(text.contains("containerd-snapshotter"), "{text}");
    let (grade, about, text) = found(&|facts| facts.host.disk_executable = false);
    assert_eq!((grade, about), (Grade::Warn, "disk"));
    assert!(text.contains("noexec"), "{text}");
}

#[test]
fn programs_of_two_versions_are_a_warning_and_missing_ones_bad() {
    let mut facts = healthy();
    facts.wrapper_version = Some("0.0.1".to_owned());
    assert!(grades(&facts).contains(&(Grade::Warn, "programs")));
    facts.wrapper_version = None;
    assert!(grades(&facts).contains(&(Grade::Bad, "programs")));
}

#[test]
fn rootless_podman_wants_sub_ids_and_tells_of_old_cgroups() {
    let mut facts = healthy();
    let info = EngineInfo { users: Users::Rootless, cgroup_version: "1".to_owned(), ..EngineInfo::default() };
    facts.podman = Ok(EngineReport { info, ..fine(DockerType::Podman) });
    facts.sub_ids = Some(0);
    let findings = examine(&facts);
    assert!(findings.iter().any(|f| f.about == "sub-ids" && f.found.contains("has 0 subordinate ids")));
    assert!(grades(&facts).contains(&(Grade::Note, "podman")));
    facts.sub_ids = Some(65_536);
    assert!(!grades(&facts).contains(&(Grade::Warn, "sub-ids")));
}

#[test]
fn what_an_engine_cannot_do_is_said() {
    let mut facts = healthy();
    let trial = |change: fn(&mut Trial)| {
        let mut report = fine(DockerType::Docker);
        change(report.trial.as_mut().unwrap());
        Ok(report)
    };
    facts.docker =
        trial(|trial| trial.process_limit = false).map(|report| EngineReport { init: false, ..report });
    let warnings = grades(&facts).into_iter().filter(|grade| *grade == (Grade::Warn, "docker")).count();
    assert_eq!(warnings, 2);
    facts.docker = trial(|trial| (trial.memory_limit, trial.visible) = (false, false));
    assert!(grades(&facts).contains(&(Grade::Bad, "docker")), "it can neither be set nor watched");
    facts.docker = trial(|trial| trial.pauses = false);
    assert!(grades(&facts).contains(&(Grade::Bad, "docker")), "no job can be suspended");
    facts.docker = trial(|trial| (trial.cpu_time, trial.pauses) = (false, false));
    assert!(grades(&facts).contains(&(Grade::Warn, "docker")));
}

#[test]
fn an_engine_that_answers_and_runs_nothing_is_bad() {
    let why = "failed to start a test container: no space left".to_owned();
    let mut facts = healthy();
    facts.docker = Ok(EngineReport { trial: Err(why.clone()), ..fine(DockerType::Docker) });
    facts.podman = Err(EngineError::NotInstalled { engine: "podman", package: "podman" });
    let findings = examine(&facts);
    assert!(!is_fit(&findings));
    assert!(findings.iter().any(|f| f.grade == Grade::Bad && f.found == why), "{findings:?}");
    assert!(grades(&facts).contains(&(Grade::Bad, "podman")), "no other engine runs jobs");
}

#[test]
fn a_full_disk_is_a_warning() {
    let mut facts = healthy();
    facts.host.disk_free_bytes = 1 << 30;
    facts.host.memory_bytes = 1 << 29;
    assert!(grades(&facts).contains(&(Grade::Warn, "disk")));
    assert!(grades(&facts).contains(&(Grade::Warn, "memory")));
}

#[test]
fn sub_ids_are_counted_by_name_and_by_number() {
    let passwd = "root:x:0:0:root:/root:/bin/sh\nmarie:x:1000:1000::/home/marie:/bin/sh\n";
    let subuid = "marie:100000:65536\n1000:300000:10\nother:1:5\n";
    assert_eq!(count_sub_ids(passwd, subuid, 1000), 65_546);
    assert_eq!(count_sub_ids(passwd, subuid, 1001), 0);
}
