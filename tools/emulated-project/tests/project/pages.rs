//! Pages for people, which programs read, too.

use emulated_project::{EmulatedProject, Failure, FailurePhase, Report, Settings};

use crate::campaign::{ALICE, Campaign, Job, between};
use crate::client::Client;

fn with_failed_job(settings: Settings) -> Campaign {
    let mut campaign = Campaign::on(settings);
    let batch = campaign.create("b");
    campaign.upload("input_1", "data");
    campaign.submit(batch, &(Job::named("bad").xml() + &Job::named("good").xml()));
    campaign.project.fail_instance("bad", 139, "segfault in <main> & more").unwrap();
    campaign.project.finish_job("good", Report::with_outputs(["out"])).unwrap();
    campaign
}

fn page(project: &EmulatedProject, page: &str, headers: &str) -> String {
    let mut client = Client::new(project);
    // The content type is the only header that the client sets: more lines ride along with it.
    let reply = client.request("GET", page, &format!("x{headers}"), b"").unwrap();
    format!("{}\n{}", reply.header("Location").unwrap_or_default(), reply.text())
}

#[test]
fn a_task_page_shows_stderr_to_whoever_has_a_cookie() {
    let campaign = with_failed_job(Settings::default());
    let refused = page(&campaign.project, "result.php?resultid=1", "");
    assert!(refused.contains("login_form.php?next_url=result.php%3Fresultid%3D1"), "{refused}");
    let shown = page(&campaign.project, "result.php?resultid=1", &format!("\r\nCookie: auth={ALICE}"));
    assert!(shown.contains(">139 (0x0000008B) Unknown error code</td>"), "{shown}");
    assert!(shown.contains(">Computation error</td>"), "{shown}");
    let stderr = between(&shown, "<h3>Stderr output</h3> <pre>", "</pre>");
    assert!(
        stderr.contains("&lt;stderr_txt&gt;\nsegfault in &lt;main&gt; &amp; more\n&lt;/stderr_txt&gt;"),
        "{stderr}"
    );
    assert!(stderr.contains("process exited with code 139 (0x8b, -117)"), "{stderr}");
    let german = page(
        &campaign.project,
        "result.php?result_name=bad_0",
        &format!("\r\nCookie: auth={ALICE}\r\nAccept-Language: de-DE,de;q=0.9"),
    );
    assert!(german.contains("<h3>Stderr Ausgabe</h3> <pre>"), "{german}");
}

#[test]
fn older_projects_show_tasks_to_everybody() {
    let campaign = with_failed_job(Settings { task_pages_require_login: false, ..Settings::default() });
    let workunit = page(&campaign.project, "workunit.php?wuid=1", "");
    assert!(workunit.contains("<a href=\"result.php?resultid=1\">1</a>"), "{workunit}");
    assert!(workunit.contains("<td>Error while computing</td>"), "{workunit}");
    assert!(workunit.contains("/input_1>in.txt</a></td>\n<td>4</td>"), "{workunit}");
    let in_progress = with_failed_job(Settings { task_pages_require_login: false, ..Settings::default() });
    in_progress.project.send_out("bad").unwrap();
    assert!(!page(&in_progress.project, "result.php?resultid=2", "").contains("<pre>"));
    assert!(page(&campaign.project, "result.php?resultid=99", "").contains("No such task: 99<br>"));
    assert!(page(&campaign.project, "workunit.php?wuid=99", "").contains("can't find workunit<br>"));
    assert!(page(&campaign.project, "result.php?resultid=abc", "").starts_with("non_num_arg.html\n"));
    assert!(page(&campaign.project, "workunit.php?wuid=1&x=2", "").starts_with("extra_arg_x.html\n"));
}

#[test]
fn output_pages_want_their_parameters() {
    let campaign = Campaign::new();
    let shown = |query: &str| page(&campaign.project, query, "");
    assert!(
        shown("get_output.php?cmd=result_file&auth_str=x").contains("missing or bad parameter: result_name")
    );
    let number = shown("get_output.php?cmd=result_file&auth_str=x&result_name=a&file_num=b");
    assert!(number.starts_with("missing_arg_file_num.html\n"), "{number}");
    assert!(shown("get_output.php?cmd=batch_files&auth_str=x").starts_with("missing_arg_batch_name.html\n"));
    let by_name = shown("get_output.php?cmd=batch_files&auth_str=x&batch_name=5");
    assert!(by_name.contains("Uncaught Error: Call to undefined method BoincBatch::lookup()"), "{by_name}");
    assert!(
        shown("result.php")
            .starts_with(&format!("{}login_form.php?next_url=result.php\n", campaign.project.url()))
    );
}

#[test]
fn the_server_keeps_the_end_of_stderr() {
    let campaign = with_failed_job(Settings { task_pages_require_login: false, ..Settings::default() });
    let stderr = format!("{}THE END", "é".repeat(50_000));
    let failure = Failure { exit_status: 1, stderr, phase: FailurePhase::Computing };
    campaign.project.fail("bad", &failure).unwrap();
    let shown = page(&campaign.project, "result.php?result_name=bad_1", "");
    assert!(shown.contains("THE END\n&lt;/stderr_txt&gt;"));
    assert!(shown.len() < 70_000);
}

#[test]
fn a_project_can_be_told_from_another_site() {
    let campaign = Campaign::new();
    let front = page(&campaign.project, "", "");
    assert!(front.contains("<link rel=\"boinc_scheduler\" href=\"http://127.0.0.1:"), "{front}");
    let config = page(&campaign.project, "get_project_config.php", "");
    assert!(config.contains(&format!("<master_url>{}</master_url>", campaign.project.url())), "{config}");
    campaign.project.set_closed(true);
    for closed in ["get_project_config.php", "get_output.php?cmd=x", "result.php?resultid=1"] {
        let shown = page(&campaign.project, closed, "");
        assert!(shown.contains("<h2>Project down for maintenance</h2>"), "{closed}: {shown}");
    }
    assert!(page(&campaign.project, "", "").contains("temporarily shut down for maintenance"));
}

#[test]
fn inputs_can_be_fetched_as_volunteers_do() {
    let campaign = with_failed_job(Settings::default());
    let url = campaign.project.workunit("good").unwrap().inputs[0].url.clone();
    let path = url.strip_prefix(campaign.project.url()).unwrap();
    assert_eq!(Client::new(&campaign.project).get(path).body, b"data");
    assert!(page(&campaign.project, "download/0/input_1", "").contains("404 Not Found"));
}

#[test]
fn collected_outputs_outlive_the_upload_directory() {
    let mut campaign = Campaign::on(Settings { collects_outputs: true, ..Settings::default() });
    let batch = campaign.create("b");
    campaign.upload("input_1", "data");
    let job = |name: &str| Job { output_info: "", ..Job::named(name) }.xml();
    campaign.submit(batch, &(job("good") + &job("bad")));
    campaign.project.finish_job("good", Report::with_outputs(["result"])).unwrap();
    for _ in 0..2 {
        campaign.project.fail_instance("bad", 1, "").unwrap();
    }
    assert!(campaign.project.output_files().is_empty());
    let names: Vec<String> = campaign.project.collected_files().into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["bad_error", "good__file_out.txt"]);
    let get = "get_output3.php?action=get_file&result_id=1&index=0&download=1";
    assert!(page(&campaign.project, get, "").contains("login_form.php"));
    let cookie = format!("\r\nCookie: auth={ALICE}");
    assert_eq!(page(&campaign.project, get, &cookie), "\nresult");
    let mut client = Client::new(&campaign.project);
    let zip =
        client.request("GET", "get_output3.php?action=get_batch_zip&batch_id=1", &format!("x{cookie}"), b"");
    assert!(zip.unwrap().body.starts_with(b"PK"));
}
