use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use emulated_project::Fault;
use submit_cli::remote::follow::poll::Eagerness;

use crate::sea::{Sea, wu};

/// A campaign of which one job is done, two crashed, one ran out of memory, and one is out.
fn campaign() -> Sea {
    let sea = Sea::new(&[&["aspirin", "menthol", "caffeine", "ponatinib", "glucose"]]);
    sea.log_in();
    sea.finish("aspirin", "");
    sea.fail(&wu("menthol"), 139, "boom\n");
    sea.fail(&wu("caffeine"), 139, "boom\n");
    sea.fail(&wu("ponatinib"), 198, "");
    sea.project.send_out(&wu("glucose")).unwrap();
    sea
}

/// Without what differs from run to run.
fn plain(sea: &Sea, text: &str) -> String {
    text.replace(sea.project.url(), "URL").replace(&sea.dir.path().display().to_string(), "DIR")
}

#[test]
fn status_asks_the_project_and_groups_failures() {
    let sea = campaign();
    let text = sea.buoy(&["status"]).with(0);
    insta::assert_snapshot!(plain(&sea, &text), @r"
        vina, batch ligands, at sea (URL): 5 jobs: 1 in progress, 1 done, 3 failed
        failed   2 jobs: exit 139 (segmentation fault) in vina; buoy logs menthol
        failed   1 job: out of memory at 1 GB (198); buoy logs ponatinib
        outputs of 1 job are ready; run buoy fetch
        ");
    let text = sea.buoy(&["status", "results", "--offline", "--jobs"]).with(0);
    insta::assert_snapshot!(plain(&sea, &text), @r"
    vina, batch ligands, at sea (URL): 5 jobs: 1 in progress, 1 done, 3 failed
    failed   2 jobs: exit 139 (segmentation fault) in vina; buoy logs menthol
    failed   1 job: out of memory at 1 GB (198); buoy logs ponatinib
    outputs of 1 job are ready; run buoy fetch
    JOB        STATE        ATTEMPT  ELAPSED  CPU   EXIT  CAUSE
    aspirin    done         0                 12 s
    menthol    failed       0                       139   exit 139 (segmentation fault) in vina
    caffeine   failed       0                       139   exit 139 (segmentation fault) in vina
    ponatinib  failed       0                       198   out of memory at 1 GB (198)
    glucose    in progress  0
    ");
}

#[test]
fn status_in_json_holds_counts_failures_batches_and_jobs() {
    let sea = campaign();
    let json: serde_json::Value =
        serde_json::from_str(&sea.buoy(&["status", "--json", "--jobs"]).with(0)).unwrap();
    assert_eq!(
        json["jobs"],
        serde_json::json!({"waiting": 0, "unsent": 0, "in_progress": 1, "done": 1, "failed": 3, "dropped": 0})
    );
    assert_eq!(json["failures"][0]["count"], 2);
    assert_eq!(json["failures"][0]["example"], "menthol");
    assert_eq!(json["batches"][0]["stage"], "submitted");
    assert_eq!(json["list"].as_array().unwrap().len(), 5);
    assert_eq!(json["list"][3]["cause"], "out of memory at 1 GB (198)");
    assert!(json["problem"].is_null());
}

#[test]
fn a_project_that_is_down_is_said_and_what_is_known_is_shown() {
    let sea = campaign();
    sea.buoy(&["status"]).with(0);
    sea.project.set_closed(true);
    let ran = sea.buoy(&["status"]);
    let text = ran.with(0);
    assert!(text.contains("ago: failed to query the project: the project is closed"), "{text}");
    assert!(text.contains("2 jobs: exit 139 (segmentation fault) in vina; buoy logs menthol"), "{text}");
}

#[test]
fn a_submitter_who_is_not_logged_in_is_told_how_to() {
    let sea = campaign();
    std::fs::remove_dir_all(sea.path("config")).unwrap();
    let text = sea.buoy(&["status"]).with(2);
    assert!(text.contains(&format!("buoy login {} --name sea", sea.project.url())), "{text}");
    assert!(sea.buoy(&["watch"]).said(2).contains("not logged in to "));
}

#[test]
fn watch_says_what_fails_and_ends_with_the_campaign() {
    let sea = campaign();
    sea.finish("glucose", "");
    let said = sea.buoy(&["watch", "results"]).said(1);
    insta::assert_snapshot!(plain(&sea, &said), @r"
        vina, batch ligands, at sea: 5 jobs: 5 unsent
        2 jobs failed: exit 139 (segmentation fault) in vina; buoy logs menthol
        1 job failed: out of memory at 1 GB (198); buoy logs ponatinib
        [5/5] 2 done, 3 failed
        2 done, 3 failed
        ");
    let events = sea.buoy(&["watch", "--json"]).with(1);
    let kinds: Vec<String> = events
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["event"].to_string())
        .collect();
    assert_eq!(kinds, ["\"started\"", "\"polled\"", "\"finished\""]);
}

#[test]
fn an_interrupted_watch_ends_at_once_with_its_own_code() {
    let sea = campaign();
    let mut watch = sea.command(&["watch"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(watch.stderr.take().unwrap());
    let mut lines = String::new();
    // After the first answer it waits.
    while !lines.contains("[4/5]") {
        assert!(said.read_line(&mut lines).unwrap() > 0, "{lines}");
    }
    let pid = rustix::process::Pid::from_child(&watch);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(watch.wait().unwrap().code(), Some(130));
    said.read_to_string(&mut lines).unwrap();
    assert!(lines.contains("the jobs continue"), "{lines}");
    assert!(sea.buoy(&["status", "--offline"]).with(0).contains("1 in progress"));
}

#[test]
fn logs_prints_the_log_of_a_failed_job() {
    let sea = campaign();
    sea.buoy(&["status"]).with(0);
    let ran = sea.buoy(&["logs", "menthol"]);
    assert_eq!(ran.stdout.trim_end(), "boom");
    assert!(ran.stderr.contains("exit status 139"), "{}", ran.stderr);
    let json: serde_json::Value =
        serde_json::from_str(&sea.buoy(&["logs", "menthol", "--json"]).with(0)).unwrap();
    assert_eq!(json["text"].as_str().unwrap().trim_end(), "boom");
    assert!(sea.buoy(&["logs", "mentol"]).said(2).contains("did you mean menthol?"));
    assert!(sea.buoy(&["logs", "ponatinib"]).said(2).contains("show no log"));
}

#[test]
fn a_log_reaches_no_terminal_as_it_is() {
    let mut sea = Sea::new(&[&["honest", "hostile", "other"]]);
    let printed = "| docked\n| buoy: the job succeeded\n| gr\\u{f6}\\u{df}er \\u{3c}/b> \\u{1b}[2J\n";
    let log =
        format!("buoy: buoy-wrapper 1.0 starting\nbuoy: what the science app printed:\n{printed}buoy: end\n");
    sea.fail(&wu("honest"), 3, &log);
    sea.fail(&wu("hostile"), 3, "\u{1b}[2J\u{1b}]0;title\u{7}100%\rbuoy: x\u{202e}\u{9b}31m\u{200b}end\n");
    sea.fail(&wu("other"), 3, "| no wrapper of ours\n");
    sea.poll(Eagerness::Eager);
    sea.log_in();
    assert_eq!(sea.buoy(&["logs", "honest"]).with(0).trim_end(), log.trim_end());
    assert_eq!(
        sea.buoy(&["logs", "honest", "--app-only"]).with(0),
        "docked\nbuoy: the job succeeded\ngrößer </b> \\u{1b}[2J\n"
    );
    let shown = "\\u{1b}[2J\\u{1b}]0;title\\u{7}100%\\rbuoy: x\\u{202e}\\u{9b}31m\\u{200b}end";
    assert_eq!(sea.buoy(&["logs", "hostile"]).with(0).trim_end(), shown);
    let json = sea.buoy(&["logs", "hostile", "--json"]).with(0);
    assert!(!json.contains(|c| c != '\n' && boinc::visible::is_terminal_control(c)), "{json}");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(json["text"].as_str().unwrap().starts_with("\u{1b}[2J"), "{json}");
    assert!(sea.buoy(&["logs", "other", "--app-only"]).said(2).contains("not written by buoy-wrapper"));
}

#[test]
fn abort_wants_a_yes_and_takes_jobs_or_all() {
    let sea = campaign();
    sea.buoy(&["status"]).with(0);
    sea.project.clock().advance(60.0);
    assert!(sea.buoy(&["abort"]).said(2).contains("--yes"));
    assert!(sea.buoy(&["abort", "results", "glucos", "--yes"]).said(2).contains("did you mean glucose?"));
    assert_eq!(sea.buoy(&["abort", "glucose", "--yes"]).with(0), "aborted 1 job on the project\n");
    assert!(sea.buoy(&["abort", "--yes"]).said(2).contains("nothing to abort"));
}

#[test]
fn retry_adds_a_round_with_what_is_changed() {
    let sea = campaign();
    sea.buoy(&["status"]).with(0);
    assert!(sea.buoy(&["retry", "--with", "memory=lots"]).said(2).contains("a number and a unit"));
    assert!(sea.buoy(&["retry", "aspirin"]).said(2).contains("job aspirin is done"));
    let events = sea.buoy(&["retry", "ponatinib", "--with", "memory=4 GB", "--json"]).with(0);
    let first: serde_json::Value = serde_json::from_str(events.lines().next().unwrap()).unwrap();
    assert_eq!(
        first,
        serde_json::json!({"event": "retried", "jobs": ["ponatinib"], "changed": "memory=4 GB"})
    );
    let name = wu("ponatinib-r1");
    let again = sea.project.workunit(&name).unwrap();
    assert_eq!((again.rsc_memory_bound, again.command_line.as_str()), (4e9, "--x 1"));
    sea.project.finish_job(&name, emulated_project::Report::with_outputs(["poses"])).unwrap();
    let text = sea.buoy(&["status"]).with(0);
    assert!(text.contains("1 in progress, 2 done, 2 failed"), "{text}");
    let jobs = sea.buoy(&["status", "--jobs"]).with(0);
    let row: Vec<&str> =
        jobs.lines().find(|row| row.starts_with("ponatinib")).unwrap().split_whitespace().collect();
    assert_eq!(row[..3], ["ponatinib", "done", "1"], "{jobs}");
}

/// What the campaign file says may be old.
#[test]
fn retry_asks_the_server_which_jobs_have_failed() {
    let sea = campaign();
    let retried = sea.buoy(&["retry", "--json"]).with(0);
    let first: serde_json::Value = serde_json::from_str(retried.lines().next().unwrap()).unwrap();
    assert_eq!(first["event"], "retried");
    assert_eq!(first["jobs"].as_array().unwrap().len(), 3, "{retried}");
}

#[test]
fn a_list_tells_when_a_job_changed_and_not_when_somebody_asked() {
    let sea = campaign();
    // It is on the list once it was watched.
    sea.finish("glucose", "");
    sea.buoy(&["watch"]).said(1);
    let age = || {
        let list: serde_json::Value = serde_json::from_str(&sea.buoy(&["list", "--json"]).with(0)).unwrap();
        list["campaigns"][0]["age_seconds"].as_f64().unwrap()
    };
    let before = age();
    // As if that had been an hour ago.
    let db = rusqlite::Connection::open(sea.path("results/.buoy/campaign.sqlite")).unwrap();
    db.execute("UPDATE history SET at = at - 3600", []).unwrap();
    drop(db);
    sea.buoy(&["status"]).with(0);
    assert!(age() >= before + 3600.0, "{}", age());
}

#[test]
fn a_retry_whose_reply_was_lost_goes_on_with_the_same_command() {
    let sea = campaign();
    sea.buoy(&["status"]).with(0);
    std::fs::rename(sea.path("config"), sea.path("elsewhere")).unwrap();
    sea.buoy(&["retry"]).said(2);
    assert_eq!(sea.counts().waiting, 0, "who cannot submit adds nothing");
    std::fs::rename(sea.path("elsewhere"), sea.path("config")).unwrap();
    sea.project.faults().with(|arrival| match arrival.verb == "submit_batch" {
        true => Fault::Proxy(403, "<html>no</html>".to_owned()),
        false => Fault::None,
    });
    assert_ne!(sea.buoy(&["retry"]).code, 0);
    assert_eq!(sea.counts().waiting, 3);
    sea.project.faults().clear();
    assert!(sea.buoy(&["retry"]).with(0).starts_with("resuming the last retry"));
    assert_eq!((sea.counts().waiting, sea.counts().unsent), (0, 3));
    assert_eq!(sea.project.workunit_count(), 8, "each once");
}

#[test]
fn retire_refuses_while_something_would_be_lost() {
    let sea = campaign();
    let said = sea.buoy(&["retire"]).said(2);
    assert!(said.contains("1 jobs are unfinished") && said.contains("--force"), "{said}");
    assert_eq!(
        sea.buoy(&["retire", "--force"]).with(0),
        "retired 1 batch: the project's administrator can remove their inputs and outputs now\n"
    );
}

#[test]
fn list_shows_campaigns_of_this_computer_and_foreign_batches() {
    let sea = campaign();
    assert_eq!(sea.buoy(&["list"]).with(0), "no campaigns\n");
    sea.finish("glucose", "");
    sea.buoy(&["watch"]).said(1);
    sea.client.create_batch("universal", "by hand").unwrap();
    let text = plain(&sea, &sea.buoy(&["list", "--remote"]).with(0));
    assert!(text.contains("DIR/results  vina  ligands  sea      2 done, 3 failed"), "{text}");
    assert!(text.contains("by hand  universal  init   0") && !text.contains("part.0"), "{text}");
    std::fs::remove_dir_all(sea.path("results")).unwrap();
    assert!(sea.buoy(&["list"]).with(0).contains("directory not found; use --prune to forget it"));
    assert_eq!(sea.buoy(&["list", "--prune"]).with(0), "no campaigns\n");
}
