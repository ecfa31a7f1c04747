//! Pages for people, which programs read, too.

use emulated_project::{EmulatedProject, Report};

use crate::campaign::{ALICE, Campaign, Job, between};
use crate::client::Client;

fn with_failed_job() -> Campaign {
    let mut campaign = Campaign::new();
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
    let campaign = with_failed_job();
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
    let by_name = |name: &str| {
        let query = format!("result.php?result_name={name}");
        page(&campaign.project, &query, &format!("\r\nCookie: auth={ALICE}"))
    };
    assert!(by_name("bad_0").contains("segfault"));
    campaign.project.send_out("bad").unwrap();
    assert!(!by_name("bad_1").contains("<pre>"));
    assert!(by_name("x_0").contains("No such task: x_0<br>"));
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
    assert!(shown("get_output.php?cmd=workunit_files&auth_str=x").starts_with("missing_arg_wu_id.html\n"));
    assert!(
        shown("result.php")
            .starts_with(&format!("{}login_form.php?next_url=result.php\n", campaign.project.url()))
    );
}

#[test]
fn the_server_keeps_the_end_of_stderr() {
    let campaign = with_failed_job();
    let stderr = format!("{}THE END", "é".repeat(50_000));
    campaign.project.fail_instance("bad", 1, &stderr).unwrap();
    let shown = page(&campaign.project, "result.php?result_name=bad_1", &format!("\r\nCookie: auth={ALICE}"));
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
    let campaign = with_failed_job();
    let url = campaign.project.workunit("good").unwrap().inputs[0].url.clone();
    let path = url.strip_prefix(campaign.project.url()).unwrap();
    assert_eq!(Client::new(&campaign.project).get(path).body, b"data");
    assert!(page(&campaign.project, "download/0/input_1", "").contains("404 Not Found"));
}
