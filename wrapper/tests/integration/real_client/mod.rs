//! The wrapper under a stock client: what the client believes, reports and uploads, and what is left behind.

mod client;
mod project;

use std::fs;
use std::process::Command;

use client::Client;
use project::{Input, Job, Project, SINGLE, UNIVERSAL};

use crate::support::{Engine, each_engine};
use crate::{with_each_engine, with_rootless_podman};

with_each_engine!(
    both_kinds_of_apps_are_run_uploaded_and_reported,
    suspend_resume_and_abort_reach_the_job,
    a_client_and_a_wrapper_that_are_killed_lose_nothing,
);

#[test]
fn two_projects_share_four_slots() {
    each_engine(Engine::Docker, of_two_projects);
}

with_rootless_podman!(
    both_kinds_of_apps_are_run_uploaded_and_reported,
    a_client_and_a_wrapper_that_are_killed_lose_nothing,
);

const DOCKERFILE: &str = "FROM scratch\nCOPY --chmod=755 busybox /bin/busybox\n\
    ENTRYPOINT [\"/bin/busybox\", \"sh\", \"/app/main.sh\"]\n";
const JOB_TOML: &str = "pass_args = \"argv\"\n[[outputs]]\nname = \"out.txt\"\n";

/// Appends to `ticks` about twenty times a second until there is a file `go`.
const TICKER: &str = "PATH=/bin\necho start >> starts\n\
    while ! [ -e go ]; do echo x >> ticks; busybox usleep 50000; done\nbusybox cat starts > out.txt\n";

fn busybox() -> Vec<u8> {
    fs::read("/bin/busybox").expect("the static busybox of Debian's busybox-static is installed")
}

fn input(open_name: &'static str, content: impl Into<Vec<u8>>, copy: bool) -> Input {
    Input { open_name, content: content.into(), copy }
}

/// A job of the universal app, which brings everything.
fn universal(name: &str, script: &str, arguments: &str) -> Job {
    Job {
        name: name.to_owned(),
        app: UNIVERSAL,
        inputs: vec![
            input("Dockerfile", DOCKERFILE, true),
            input("job.toml", JOB_TOML, true),
            input("main.sh", script, true),
            input("busybox", busybox(), false),
        ],
        outputs: vec!["out.txt"],
        arguments: arguments.to_owned(),
    }
}

fn single_files(script: &str) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("Dockerfile", DOCKERFILE.into()),
        ("job.toml", JOB_TOML.into()),
        ("main.sh", script.into()),
        ("busybox", busybox()),
    ]
}

#[track_caller]
fn assert_succeeded(client: &Client, project: &Project, job: &str) {
    let report = client.wait_for_report(project, job);
    assert_eq!((report.exit_status, report.state), (0, 5), "{report:?}");
    assert!(report.stderr.contains("the job succeeded"), "{report:?}");
    client.assert_left_nothing(project, job);
}

fn both_kinds_of_apps_are_run_uploaded_and_reported(engine: Engine) {
    let project = Project::start();
    // It ends before the engine has reported that it was started.
    let script = "PATH=/bin\ni=0; while [ $i -lt 50000 ]; do i=$((i+1)); done\n\
        echo \"$1 $(busybox cat in.txt)\" > out.txt\n";
    project.submit(universal("u", script, "universal"));
    let mut failing = universal("f", "echo broken; exit 3", "");
    failing.outputs.clear();
    project.submit(failing);
    let single = Job {
        name: "s".to_owned(),
        app: SINGLE,
        inputs: vec![input("in.txt", "data", false)],
        outputs: vec!["out.txt"],
        arguments: "single".to_owned(),
    };
    project.submit(single);
    let Some(client) = Client::start(engine, std::slice::from_ref(&project), &single_files(script)) else {
        return;
    };
    for job in ["u", "s"] {
        assert_succeeded(&client, &project, job);
        // Under cgroup version 1 a rootless container has no cgroup, and its processes are gone.
        let report = project.report(job).unwrap();
        assert!(report.cpu_seconds > 0.0 || engine == Engine::RootlessPodman, "{report:?}");
    }
    assert_eq!(project.output("s", 0).as_deref(), Some("single data\n"));
    assert_eq!(project.output("u", 0).as_deref(), Some("universal \n"));
    let report = client.wait_for_report(&project, "f");
    assert_eq!((report.exit_status, report.state), (3, 3), "{report:?}");
    assert!(report.stderr.contains("| broken"), "{report:?}");
    client.assert_left_nothing(&project, "f");
}

fn suspend_resume_and_abort_reach_the_job(engine: Engine) {
    let project = Project::start();
    project.submit(universal("t", TICKER, ""));
    project.submit(universal("a", TICKER, ""));
    let Some(client) = Client::start(engine, std::slice::from_ref(&project), &single_files(TICKER)) else {
        return;
    };
    let ticks = |job: &str| client.work(job, "ticks").map_or(0, |text| text.len());
    for job in ["t", "a"] {
        client.wait_until("the first ticks", || ticks(job) > 4);
    }
    let (of_job, of_wrapper) = client.nicenesses(&project, "t");
    assert!(of_wrapper > 0 && of_job == of_wrapper, "the volunteer's priority: {of_job}, {of_wrapper}");
    client.task(&project, "t", "suspend");
    client.wait_until("the pause", || client.container_status(&project, "t").as_deref() == Some("paused"));
    client.wait_until("what the client says of it", || {
        client.active_state("t").as_deref() == Some("SUSPENDED")
    });
    client.task(&project, "a", "abort");
    client.task(&project, "t", "resume");
    client.wait_until("the end of the pause", || {
        client.container_status(&project, "t").as_deref() == Some("running")
    });
    client.wait_until("the client to see it", || client.active_state("t").as_deref() == Some("EXECUTING"));
    fs::write(client.slot("t").unwrap().join("buoy/work/go"), "").unwrap();
    assert_succeeded(&client, &project, "t");
    assert_eq!(project.output("t", 0).as_deref(), Some("start\n"), "it was started once");
    let report = client.wait_for_report(&project, "a");
    assert_eq!(report.state, 6, "{report:?}");
    client.assert_left_nothing(&project, "a");
}

fn a_client_and_a_wrapper_that_are_killed_lose_nothing(engine: Engine) {
    let project = Project::start();
    project.submit(universal("k", TICKER, ""));
    let Some(mut client) = Client::start(engine, std::slice::from_ref(&project), &single_files(TICKER))
    else {
        return;
    };
    client.wait_until("the first ticks", || client.work("k", "ticks").is_some_and(|text| text.len() > 4));
    // The client alone: the wrapper sees that it is gone, and leaves with the container paused.
    client.kill();
    client.wait_until("the wrapper to leave", || client.wrappers().is_empty());
    client.restart();
    client.wait_until("the wrapper to be started again", || client.wrappers().len() == 1);
    let ticks = |client: &Client| client.work("k", "ticks").map_or(0, |text| text.len());
    let before = ticks(&client);
    client.wait_until("the job to go on", || ticks(&client) > before);
    // The wrapper alone: the client starts it again, over the container that has gone on meanwhile.
    let pid = client.wrappers()[0].to_string();
    assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    client.wait_until("another wrapper", || {
        client.wrappers().first().is_some_and(|other| other.to_string() != pid)
    });
    fs::write(client.slot("k").unwrap().join("buoy/work/go"), "").unwrap();
    assert_succeeded(&client, &project, "k");
    assert_eq!(project.output("k", 0).as_deref(), Some("start\n"), "it was started once");
}

fn of_two_projects(engine: Engine) {
    let projects = [Project::start(), Project::start()];
    for project in &projects {
        for job in ["x", "y"] {
            project.submit(universal(job, TICKER, ""));
        }
    }
    let Some(client) = Client::start(engine, &projects, &single_files(TICKER)) else { return };
    client.wait_until("four running jobs", || client.wrappers().len() == 4);
    let slots = fs::read_dir(client.slot("x").unwrap().parent().unwrap()).unwrap();
    let slots: Vec<_> = slots.map(|slot| slot.unwrap().path()).collect();
    for slot in &slots {
        client.wait_until("all jobs", || slot.join("buoy/work/ticks").exists());
    }
    for slot in slots {
        fs::write(slot.join("buoy/work/go"), "").unwrap();
    }
    for project in &projects {
        for job in ["x", "y"] {
            assert_succeeded(&client, project, job);
            assert_eq!(project.output(job, 0).as_deref(), Some("start\n"));
        }
    }
}
