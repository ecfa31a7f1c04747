//! Assimilation through the spool: tables, scripts, hooks, and the process that works it off.

// Not `cfg(test)` to the lint, but nothing else uses it.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::project::{Project, ROUTE, workunit};

fn with(more: &str) -> Project {
    Project::new(&format!("{ROUTE}{more}"))
}

const TABLE: &str = "[app.vina.assimilate.table]\nfile = '../results/all.sqlite'\n\
    [[app.vina.assimilate.value]]\nname = 'energy'\noutput = 'poses.pdbqt'\npattern = 'RESULT: +(\\S+)'\n";

fn rows(project: &Project) -> Vec<(String, String, Option<f64>, Option<String>)> {
    let database = rusqlite::Connection::open(project.path("results/all.sqlite")).unwrap();
    let mut statement =
        database.prepare("SELECT job, status, energy, error FROM results ORDER BY job").unwrap();
    let rows =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn a_table_has_a_row_for_each_workunit_with_values_from_its_outputs() {
    let project = with(TABLE);
    for _ in 0..2 {
        project.run_inline(&project.handed_over("a", "REMARK RESULT:  -7.25\n")).is(0, "");
        project.run_inline(&project.handed_over("b", "nothing\n")).is(0, "");
        project.run_inline(&format!("buoy-assimilate  --error 6 {} 27 41", workunit("c"))).is(0, "");
    }
    let failed = Some("too many error results, too many success results".to_owned());
    assert_eq!(
        rows(&project),
        [
            ("a".to_owned(), "done".to_owned(), Some(-7.25), None),
            ("b".to_owned(), "done".to_owned(), None, None),
            ("c".to_owned(), "failed".to_owned(), None, failed),
        ]
    );
    assert_eq!(project.spooled(), [""; 0]);
}

#[test]
fn what_takes_time_is_done_after_the_daemon_was_answered() {
    let project = with("[app.vina.script]\nassimilate = ['take']\n");
    let seen = project.path("seen");
    let go = project.path("go");
    project.script(
        "buoy/take",
        &format!(
            "while [ ! -e {} ]; do sleep 0.05; done; echo \"$1 $(cat \"$2\")\" >> {}",
            go.display(),
            seen.display()
        ),
    );
    project.run(&project.handed_over("a", "poses")).is(0, "");
    // The outputs are gone from the upload directory before the script has even looked.
    fs::remove_file(project.output(&workunit("a"), 1, 0)).unwrap();
    assert!(!seen.exists());
    assert_eq!(project.read(&format!("results/b1/{}__file_poses.pdbqt", workunit("a"))), "poses");
    fs::write(go, "").unwrap();
    project.wait_until("the script has run", || project.spooled().is_empty());
    assert_eq!(fs::read_to_string(seen).unwrap(), "26 poses\n");
}

#[test]
fn a_rule_that_fails_hangs_or_is_missing_holds_nobody_up_and_loses_nothing() {
    for (body, expected) in [
        (Some("exit 1"), "assimilate script: exit 1"),
        (Some("exit 10"), "rejected it"),
        (Some("exit 75"), "asks to retry later"),
        (Some("sleep 600"), "took longer than 1 s"),
        (None, "No such file"),
    ] {
        let project = with("[app.vina.script]\nassimilate = ['take']\ntimeout_seconds = 1\n");
        if let Some(body) = body {
            project.script("buoy/take", body);
        }
        project.run_inline(&project.handed_over("a", "poses")).has(0, expected);
        assert_eq!(project.spooled(), [format!("{}_1", workunit("a"))]);
        let state = project.read(&format!("buoy/spool/waiting/{}_1/state.json", workunit("a")));
        assert!(state.contains(expected) && state.contains("\"attempts\":1"), "{state}");
        // Once it is mended, the daemon's second call or a later try does the rest, once.
        project.script("buoy/take", &format!("echo x >> {}", project.path("seen").display()));
        for _ in 0..3 {
            project.run_inline(&project.handed_over("a", "poses")).has(0, "");
        }
        assert_eq!(project.read("seen"), "x\n");
        assert_eq!(project.spooled(), [""; 0]);
    }
}

#[test]
fn somebody_is_told_once_that_items_stay_in_the_spool() {
    for (body, is_told) in [("exit 1", true), ("exit 10", true), ("exit 75", false)] {
        let project = with("[app.vina.script]\nassimilate = ['take']\n");
        project.script("buoy/take", body);
        for job in ["a", "b", "a"] {
            project.run_inline(&project.handed_over(job, "poses")).has(0, "stays in the spool");
        }
        let alerts = fs::read_to_string(project.path("buoy/alerts.log")).unwrap_or_default();
        assert_eq!(alerts.lines().count(), usize::from(is_told), "{body}: {alerts}");
        assert_eq!(
            alerts.contains("__a_1 stays in the spool: assimilate script"),
            is_told,
            "{body}: {alerts}"
        );
    }
}

#[test]
fn workunits_of_others_are_told_of_together() {
    let project = Project::new("[default.script]\nassimilate = ['take']\n");
    project.script("buoy/take", "exit 1");
    for n in 0..3 {
        project.write(&format!("upload/21c/q{n}_0_r7_0"), "x");
        project
            .run_inline(&format!("buoy-assimilate  2{n} ../upload/21c/q{n}_0_r7_0"))
            .has(0, "stays in the spool");
    }
    assert_eq!(project.read("buoy/alerts.log").lines().count(), 1);
}

#[test]
fn a_worker_goes_on_as_the_program_that_an_upgrade_has_put_in_its_place() {
    let project = with("[app.vina.script]\nassimilate = ['take']\n");
    project.script("buoy/take", "exit 1");
    let installed = project.path("bin/buoy-assimilate");
    let original = installed.canonicalize().unwrap();
    fs::remove_file(&installed).unwrap();
    fs::copy(&original, &installed).unwrap();
    project.run(&project.handed_over("a", "poses")).is(0, "");
    let state = format!("buoy/spool/waiting/{}_1/state.json", workunit("a"));
    project.wait_until("the worker waits", || {
        fs::read_to_string(project.path(&state)).is_ok_and(|text| text.contains("\"attempts\":1"))
    });
    project.script("bin/new", &format!("echo \"$@\" > {}", project.path("called").display()));
    fs::rename(project.path("bin/new"), &installed).unwrap();
    // Something new wakes it.
    fs::create_dir(project.path("buoy/spool/waiting/x")).unwrap();
    project.wait_until("the new program was called", || project.path("called").exists());
    project.wait_until("it was told what to do", || !project.read("called").is_empty());
    assert_eq!(project.read("called").trim(), "--process-spool");
}

#[test]
fn the_worker_tries_again_by_itself() {
    // The second try is after 15 s of real time: so the first is made by the shim's worker, with a script that is
    // mended while the item still waits, and a new item wakes the worker.
    let project = with("[app.vina.script]\nassimilate = ['take']\n");
    project.script("buoy/take", "exit 1");
    project.run(&project.handed_over("a", "poses")).is(0, "");
    let state = format!("buoy/spool/waiting/{}_1/state.json", workunit("a"));
    let has_failed =
        || fs::read_to_string(project.path(&state)).is_ok_and(|text| text.contains("\"attempts\":1"));
    project.wait_until("the first try has failed", has_failed);
    project.script("buoy/take.new", "exit 0");
    fs::rename(project.path("buoy/take.new"), project.path("buoy/take")).unwrap();
    project.run(&project.handed_over("b", "poses")).is(0, "");
    project.wait_until("the new item is done", || project.spooled() == [format!("{}_1", workunit("a"))]);
    project.wait_until("the old one is tried again", || project.spooled().is_empty());
    assert!(project.read("buoy/spool/worker.log").contains("stays in the spool: assimilate script: exit 1"));
}

#[test]
fn what_a_killed_shim_left_behind_is_not_taken_for_an_item() {
    let project = with("");
    let wu = workunit("a");
    project.write(&format!("buoy/spool/incoming/{wu}_1-77/files/x"), "half");
    project.run_inline(&project.handed_over("a", "poses")).is(0, "");
    assert_eq!(project.files("results"), [format!("b1/{wu}__file_poses.pdbqt")]);
}

#[test]
fn collected_files_have_the_paths_that_a_template_says() {
    let project = with("[app.vina.assimilate]\npath = '{app}/{batch}/{job}/{output}'\n");
    project.run_inline(&project.handed_over("a", "poses")).is(0, "");
    assert_eq!(project.files("results"), ["vina/b1/a/poses.pdbqt"]);
    let project = with("[app.vina.assimilate]\nrule = 'none'\n");
    project.run_inline(&project.handed_over("a", "poses")).is(0, "");
    assert_eq!(project.files("results"), [""; 0]);
}

#[test]
fn outputs_that_a_cut_line_lost_are_taken_all_the_same() {
    use boinc::names::fan_out::fan_out;
    let outputs: Vec<_> = (0..3).map(|i| format!("{{name = 'o{i}'}}")).collect();
    let project = Project::new(&format!("[app.vina]\noutputs = [{}]", outputs.join(", ")));
    let wu = workunit("a");
    let mut paths = Vec::new();
    for i in 0..3 {
        let name = format!("{wu}_0_r5_{i}");
        let relative = format!("upload/{}/{name}", fan_out(&name, 1024));
        project.write(&relative, &i.to_string());
        paths.push(project.path(&relative).to_str().unwrap().to_owned());
    }
    project.run_inline(&format!("buoy-assimilate  26 {}", paths[0])).is(0, "");
    let names: Vec<_> = (0..3).map(|i| format!("b1/{wu}__file_o{i}")).collect();
    assert_eq!(project.files("results"), names);
    assert_eq!(project.read(&format!("results/{}", names[2])), "2");
}

/// A server on loopback that answers each request with the next status and hands on what it got.
fn server(statuses: Vec<u16>) -> (u16, Receiver<(Vec<String>, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for status in statuses {
            let (stream, _) = listener.accept().unwrap();
            send.send(answer(stream, status)).unwrap();
        }
    });
    (port, receive)
}

fn answer(mut stream: TcpStream, status: u16) -> (Vec<String>, String) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        headers.push(line);
    }
    let length =
        headers.iter().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    write!(stream, "HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\nLocation: /x\r\n\r\n")
        .unwrap();
    (headers, String::from_utf8(body).unwrap())
}

#[test]
fn a_hook_gets_a_signed_post_until_it_takes_it() {
    use hmac::Mac;
    let (port, receive) = server(vec![503, 302, 404, 204]);
    let project = with(&format!(
        "{TABLE}[app.vina.assimilate.hook]\nurl = 'http://127.0.0.1:{port}/buoy?x=1'\nsecret_file = '../buoy/secret'\n"
    ));
    project.write("buoy/secret", "0123456789abcdef\n");
    let line = project.handed_over("a", "REMARK RESULT:  -7.25\n");
    let mut bodies = Vec::new();
    for status in [503, 302, 404] {
        project.run_inline(&line).has(0, &format!("answered with status {status}"));
        bodies.push(receive.recv_timeout(Duration::from_secs(60)).unwrap());
    }
    assert_eq!(project.spooled(), [format!("{}_1", workunit("a"))]);
    project.run_inline(&line).has(0, "");
    bodies.push(receive.recv_timeout(Duration::from_secs(60)).unwrap());
    assert_eq!(project.spooled(), [""; 0]);
    for (headers, body) in bodies {
        assert_eq!(headers[0], "post /buoy?x=1 http/1.1");
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(b"0123456789abcdef").unwrap();
        mac.update(body.as_bytes());
        let signature: String =
            mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(headers.contains(&format!("x-buoy-signature: sha256={signature}")), "{headers:?}");
        assert!(headers.contains(&format!("x-buoy-item: {}_1", workunit("a"))), "{headers:?}");
        let json: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((&json["values"]["energy"], &json["job"]), (&"-7.25".into(), &"a".into()));
        let file = json["files"][0].as_str().unwrap();
        assert!(fs::read_to_string(file).is_ok_and(|text| text.contains("RESULT")), "{file}");
    }
    // Once it was taken, the same call tells nobody again: the server takes no more connections.
    project.run_inline(&line).is(0, "");
}

#[test]
fn a_hook_that_cannot_be_reached_or_signed_keeps_its_items() {
    let project =
        with("[app.vina.assimilate.hook]\nurl = 'http://127.0.0.1:9/'\nsecret_file = '../buoy/secret'\n");
    let line = project.handed_over("a", "poses");
    project.run_inline(&line).has(0, "failed to read the secret");
    project.write("buoy/secret", "short");
    project.run_inline(&line).has(0, "at least 16 are required");
    project.write("buoy/secret", "0123456789abcdef");
    project.run_inline(&line).has(0, "failed to reach");
    assert_eq!(project.spooled().len(), 1);
    assert!(project.read("buoy/alerts.log").contains("vina.hook: "));
}
