//! What goes wrong on request, and whether the server has acted then.

use std::sync::mpsc;
use std::time::Duration;

use emulated_project::{BatchState, Fault, Gate};

use crate::campaign::{Campaign, Job, create_batch, submit_batch};
use crate::client::Client;

/// One create_batch under a fault: what came back, and how many batches there are.
fn create_under(fault: Fault) -> (Option<String>, usize) {
    let mut campaign = Campaign::new();
    campaign.project.faults().on("create_batch", 1, fault);
    let reply = campaign.client.call("submit_rpc_handler.php", &create_batch("b"));
    let told = reply.map(|reply| format!("{} {}", reply.status_line, reply.text()));
    (told, campaign.project.batches().len())
}

#[test]
fn a_lost_request_does_nothing() {
    assert_eq!(create_under(Fault::Lost), (None, 0));
}

#[test]
fn a_lost_reply_was_acted_upon() {
    assert_eq!(create_under(Fault::ReplyLost), (None, 1));
}

#[test]
fn a_cut_reply_was_acted_upon() {
    let mut campaign = Campaign::new();
    campaign.project.faults().at(1, Fault::CutAfter(200));
    let reply = campaign.client.call("submit_rpc_handler.php", &create_batch("b")).unwrap();
    assert!(reply.is_cut());
    assert_eq!(campaign.project.batches().len(), 1);
    assert_eq!(campaign.project.requests().entries()[0].bytes_out, 200);
}

#[test]
fn an_internal_error_may_have_acted_or_not() {
    let (reply, batches) = create_under(Fault::Status500);
    assert!(reply.unwrap().starts_with("HTTP/1.1 500 "));
    assert_eq!(batches, 0);
    let (reply, batches) = create_under(Fault::ActThenStatus500);
    assert!(reply.unwrap().starts_with("HTTP/1.1 500 "));
    assert_eq!(batches, 1);
}

#[test]
fn a_proxy_answers_for_the_server() {
    let (reply, batches) = create_under(Fault::Proxy(503, "<html>busy</html>".to_owned()));
    assert_eq!(reply.unwrap(), "HTTP/1.1 503 Service Unavailable <html>busy</html>");
    assert_eq!(batches, 0);
}

#[test]
fn a_closed_project_says_so_in_the_requests_element() {
    let (reply, batches) = create_under(Fault::ClosedForMaintenance);
    let reply = reply.unwrap();
    assert!(reply.contains("<create_batch>\n<error>\n    <error_num>-183</error_num>"), "{reply}");
    assert!(reply.contains("project down for maintenance"), "{reply}");
    assert_eq!(batches, 0);
}

#[test]
fn a_slow_server_acts_though_the_client_has_left() {
    let mut campaign = Campaign::new();
    let gate = Gate::new();
    campaign.project.faults().on("create_batch", 1, Fault::Held(gate.clone()));
    let body = b"request=";
    let message = crate::client::url_encode(&create_batch("b"));
    let body = [body, message.as_bytes()].concat();
    campaign
        .client
        .send("POST", "submit_rpc_handler.php", "application/x-www-form-urlencoded", &body)
        .unwrap();
    while campaign.project.requests().peak() == 0 {
        std::thread::yield_now();
    }
    campaign.reconnect();
    // The first is still held: the second is created before it.
    assert_eq!(campaign.create("second"), 1);
    gate.open();
    // Opened for all: this one waits for nothing, and the first one acts some time.
    while campaign.project.batches().len() < 2 {
        std::thread::yield_now();
    }
    assert_eq!(campaign.project.batches()[1].name, "b");
}

#[test]
fn a_request_whose_client_was_cut_off_acts_later() {
    let mut campaign = Campaign::new();
    let gate = Gate::new();
    campaign.project.faults().on_next("create_batch", Fault::ActLater(gate.clone()));
    assert!(campaign.client.rpc(&create_batch("b")).is_none());
    assert!(campaign.project.batches().is_empty());
    gate.open();
    while campaign.project.batches().is_empty() {
        std::thread::yield_now();
    }
}

#[test]
fn a_held_request_does_not_hold_up_the_end() {
    let mut campaign = Campaign::new();
    campaign.project.faults().with(|_| Fault::Slow(Duration::from_secs(3600)));
    campaign.client.send("GET", "index.php", "", b"").unwrap();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        drop(campaign);
        sender.send(()).unwrap();
    });
    receiver.recv_timeout(Duration::from_secs(20)).unwrap();
}

#[test]
fn a_submission_may_fail_with_part_of_its_jobs_created() {
    let mut campaign = Campaign::new();
    let batch = campaign.create("b");
    campaign.upload("input_1", "data");
    let jobs: Vec<String> = (0..10).map(|number| Job::named(&format!("job_{number}")).xml()).collect();
    campaign.project.faults().on("submit_batch", 1, Fault::FailAfterJobs(7));
    let reply = campaign.submit(batch, &jobs.concat());
    assert!(reply.contains("create_work failed: Database error: Lost connection to server"), "{reply}");
    assert_eq!(campaign.project.workunit_count(), 7);
    assert_eq!(campaign.state(batch), BatchState::Init);
    let told: Vec<String> = campaign.statuses("b", None).into_iter().map(|(name, _)| name).collect();
    assert_eq!(told.len(), 7);
    // The rest goes into the same batch; what exists does not go in twice.
    let again = campaign.submit(batch, &jobs[6..].concat());
    assert!(again.contains("Duplicate entry 'job_6' for key 'name'"), "{again}");
    assert_eq!(campaign.project.workunit_count(), 7);
    assert!(campaign.submit(batch, &jobs[7..].concat()).contains("<batch_id>"));
    assert_eq!(campaign.project.workunit_count(), 10);
    assert_eq!(campaign.state(batch), BatchState::InProgress);
}

#[test]
fn a_submission_may_fail_with_all_or_none_of_its_jobs_created() {
    for created in [0, 3] {
        let mut campaign = Campaign::new();
        let batch = campaign.create("b");
        campaign.upload("input_1", "data");
        let jobs: String = (0..3).map(|number| Job::named(&format!("job_{number}")).xml()).collect();
        campaign.project.faults().on("submit_batch", 1, Fault::FailAfterJobs(created));
        assert!(campaign.submit(batch, &jobs).contains("create_work failed"));
        assert_eq!(campaign.project.workunit_count(), created);
        assert_eq!(campaign.state(batch), BatchState::Init);
    }
}

#[test]
fn a_submission_that_dies_early_breaks_its_pipe() {
    let mut campaign = Campaign::new();
    let batch = campaign.create("b");
    campaign.upload("input_1", "data");
    let long = "x".repeat(2000);
    let job = |name: String, input: &str| {
        Job { command_line: long.clone(), input: input.to_owned(), ..Job::named(&name) }.xml()
    };
    let mut jobs = job("first".to_owned(), "absent");
    jobs.extend((0..100).map(|number| job(format!("job_{number}"), "input_1")));
    let reply = campaign.submit(batch, &jobs);
    assert!(reply.contains("<b>Notice</b>:  fwrite(): Write of "), "{reply}");
    assert!(reply.contains("bytes failed with errno=32 Broken pipe"), "{reply}");
    assert!(reply.contains("create_work failed: md5_file: can't open"), "{reply}");
}

#[test]
fn two_submissions_at_once_create_each_job_once() {
    let mut campaign = Campaign::new();
    let batch = campaign.create("b");
    campaign.upload("input_1", "data");
    let jobs: String = (0..200).map(|number| Job::named(&format!("job_{number}")).xml()).collect();
    let message = submit_batch(batch, &jobs);
    let replies: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| Client::new(&campaign.project).rpc(&message).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let good = replies.iter().filter(|reply| reply.contains("<batch_id>")).count();
    assert_eq!(good, 1, "{replies:?}");
    for reply in &replies {
        let known = ["<batch_id>", "Duplicate entry", "batch not in init state"];
        assert!(known.iter().any(|known| reply.contains(known)), "{reply}");
    }
    assert_eq!(campaign.project.workunit_count(), 200);
}

#[test]
fn the_journal_tells_what_was_asked() {
    let mut campaign = Campaign::new();
    campaign.create("b");
    campaign.upload("input_1", "data");
    campaign.client.get("get_project_config.php");
    campaign.client.get("");
    let entries = campaign.project.requests().entries();
    let verbs: Vec<&str> = entries.iter().map(|entry| entry.verb.as_str()).collect();
    assert_eq!(verbs, ["create_batch", "upload_files", "get_project_config", "index"]);
    assert!(entries.iter().all(|entry| entry.status == 200 && entry.bytes_in > 50 && entry.bytes_out > 100));
    assert_eq!(campaign.project.requests().connections(), 1, "the connection is kept open");
    assert_eq!(campaign.project.requests().peak(), 1);
}

#[test]
fn requests_at_the_same_time_are_counted() {
    let campaign = Campaign::new();
    let gate = Gate::new();
    let held = gate.clone();
    campaign.project.faults().with(move |_| Fault::Held(held.clone()));
    let mut clients: Vec<Client> = (0..5).map(|_| Client::new(&campaign.project)).collect();
    for client in &mut clients {
        client.send("GET", "", "", b"").unwrap();
    }
    while campaign.project.requests().peak() < 5 {
        std::thread::yield_now();
    }
    gate.open();
    for client in &mut clients {
        assert_eq!(client.receive().unwrap().status_line, "HTTP/1.1 200 OK");
    }
    assert_eq!(campaign.project.requests().peak_of("index"), 5);
}
