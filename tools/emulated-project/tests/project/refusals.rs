//! What a stock project refuses, changes or does behind one's back, beyond the recordings.

use emulated_project::{BatchState, FileDeletion, Installation, Report, Settings};

use crate::campaign::{ALICE, Campaign, Job, create_batch};
use crate::client::Part;

fn refused(job: Job, words: &str) {
    let mut campaign = Campaign::new();
    let batch = campaign.create("b");
    campaign.upload("input_1", "data");
    let reply = campaign.submit(batch, &job.xml());
    assert!(reply.contains(words), "{reply}");
    assert_eq!(campaign.project.workunit_count(), 0);
    assert_eq!(campaign.state(batch), BatchState::Init);
}

fn stored(command_line: &str) -> String {
    let mut campaign = Campaign::new();
    let batch = campaign.create("b");
    campaign.upload("input_1", "data");
    let reply =
        campaign.submit(batch, &Job { command_line: command_line.to_owned(), ..Job::named("j") }.xml());
    assert!(reply.contains("<batch_id>"), "{reply}");
    campaign.project.workunit("j").unwrap().command_line
}

#[test]
fn quotes_break_out_of_the_statement() {
    refused(
        Job { command_line: "it's".to_owned(), ..Job::named("j") },
        "You have an error in your SQL syntax",
    );
    refused(
        Job { command_line: "say 'hi' x".to_owned(), ..Job::named("j") },
        "You have an error in your SQL syntax",
    );
    refused(Job::named("j\\"), "You have an error in your SQL syntax");
}

#[test]
fn text_is_changed_silently() {
    assert_eq!(stored(r"a\b C:\new"), "a\x08 C:\new");
    assert_eq!(stored("a &lt; b"), "a < b");
    assert_eq!(stored("two ''quotes''"), "two 'quotes'");
    // PHP takes "0" for nothing.
    assert_eq!(stored("0"), "");
}

#[test]
fn names_are_compared_without_case() {
    let mut campaign = Campaign::new();
    let batch = campaign.create("b");
    campaign.upload("input_1", "data");
    let reply = campaign.submit(batch, &(Job::named("Job_a").xml() + &Job::named("job_A").xml()));
    assert!(reply.contains("Duplicate entry 'job_A' for key 'name'"), "{reply}");
    // The same goes for files: another name for the database, another file for the directory.
    assert!(campaign.upload("INPUT_1", "other").contains("Duplicate entry 'INPUT_1' for key 'jf_name'"));
    assert!(campaign.project.file("INPUT_1").is_some());
}

#[test]
fn lines_and_words_have_limits() {
    let long = |length| Job { command_line: "x".repeat(length), ..Job::named("j") };
    refused(long(4100), "fgets() buffer was too small");
    assert_eq!(stored(&"x".repeat(3800)).len(), 3800);
    let mut campaign = Campaign::new();
    let batch = campaign.create("b");
    let inputs: String = (0..100)
        .map(|n| format!("<input_file><mode>local_staged</mode><source>f{n}</source></input_file>"))
        .collect();
    let job = Job::named("j").xml().replace("<input_template>", &format!("{inputs}<input_template>"));
    let reply = campaign.submit(batch, &job);
    assert!(reply.contains("create_work failed: Segmentation fault\n</error_msg>"), "{reply}");
}

#[test]
fn templates_are_checked_one_by_one() {
    let wrong = |from: &str, to: &str, words: &str| {
        let mut campaign = Campaign::new();
        let batch = campaign.create("b");
        campaign.upload("input_1", "data");
        let job = Job::named("j").xml();
        assert!(job.contains(from));
        let reply = campaign.submit(batch, &job.replace(from, to));
        assert!(reply.contains(words), "{:.100}: {:.600}", to, reply);
        assert_eq!(campaign.project.workunit_count(), 0);
    };
    wrong("<open_name>in.txt</open_name>", "<other/>", "No open name found and copy_file not specified");
    wrong("<open_name>in.txt</open_name>", "loose text", "unexpected XML tag or syntax");
    wrong(
        "<max_total_results>4",
        "<max_total_results>3",
        "max_success_results > max_total_results; can't create job",
    );
    wrong("<max_error_results>1", "<max_error_results>0", "no max_error_results given; can't create job");
    wrong("<file_ref><open_name>in.txt</open_name></file_ref>", "<x/>", "#file refs != #file infos");
    let filling = |bytes| format!("<x>{}</x><min_quorum>", "y".repeat(bytes));
    wrong("<min_quorum>", &filling(66_000), "unexpected XML tag or syntax\ncreate_work() failed: -112");
    // Far longer templates than the buffer for them kill it.
    wrong("<min_quorum>", &filling(70_000), "create_work failed: Segmentation fault\n</error_msg>");
    let job = Job { command_line: "c".repeat(3800), ..Job::named("j") }.xml();
    let mut campaign = Campaign::new();
    let batch = campaign.create("b");
    campaign.upload("input_1", "data");
    let reply = campaign.submit(batch, &job.replace("<min_quorum>", &filling(62_000)));
    assert!(reply.contains("create_work: WU XML field is too long (66"), "{}", &reply[..200]);
}

#[test]
fn a_missing_output_template_file_loses_jobs_without_an_error() {
    let mut campaign = Campaign::new();
    let batch = campaign.create("b");
    campaign.upload("input_1", "data");
    let job = Job::named("j").xml();
    let (start, rest) = job.split_once("<output_template>").unwrap();
    let job = format!("{start}{}", rest.split_once("</output_template>").unwrap().1);
    assert!(campaign.submit(batch, &job).contains("<batch_id>"));
    assert_eq!(campaign.project.workunit_count(), 0);
    // After a job with one, its row goes in a second time.
    let batch = campaign.create("b2");
    let reply = campaign.submit(batch, &(Job::named("good").xml() + &job));
    assert!(
        reply.contains("create_work: result template file ./templates/universal_out doesn't exist"),
        "{reply}"
    );
    assert!(reply.contains("Duplicate entry 'good' for key 'name'"), "{reply}");
}

#[test]
fn oddities_of_files_and_modes() {
    let mut campaign = Campaign::new();
    let query =
        |names: &str| format!("<query_files><authenticator>{ALICE}</authenticator>{names}</query_files>");
    // A directory is there, too.
    let reply = campaign.client.call("job_file.php", &query("<phys_name>..</phys_name>")).unwrap().text();
    assert!(!reply.contains("<file>"), "{reply}");
    let batch = campaign.create("b");
    let reply = campaign.submit(batch, &Job::named("j").xml().replace("local_staged", "local"));
    assert!(reply.contains("unsupported file mode: local"), "{reply}");
}

#[test]
fn inputs_vanish_when_the_first_job_that_uses_them_is_over() {
    let mut campaign = Campaign::new();
    let batch = campaign.create("b");
    campaign.upload("input_1", "data");
    let job = |name: &str| Job { input_info: "", output_info: "", ..Job::named(name) }.xml();
    campaign.submit(batch, &(job("one") + &job("two")));
    campaign.project.finish_job("one", Report::with_outputs(["out"])).unwrap();
    assert!(campaign.project.file("input_1").is_none());
    assert!(campaign.project.output_files().is_empty());
    let query = format!(
        "<query_files><authenticator>{ALICE}</authenticator><phys_name>input_1</phys_name></query_files>"
    );
    assert!(campaign.client.call("job_file.php", &query).unwrap().text().contains("<file>0</file>"));
}

#[test]
fn marked_files_stay() {
    let mut campaign = Campaign::on(Settings { file_deletion: FileDeletion::ByHand, ..Settings::default() });
    let batch = campaign.create("b");
    campaign.upload("input_1", "data");
    campaign.submit(batch, &(Job::named("one").xml() + &Job { output_info: "", ..Job::named("two") }.xml()));
    for name in ["one", "two"] {
        campaign.project.finish_job(name, Report::with_outputs(["out"])).unwrap();
    }
    assert_eq!(campaign.project.output_files().len(), 2);
    campaign.project.run_file_deleter();
    assert!(campaign.project.file("input_1").is_some());
    assert_eq!(campaign.project.output_files().len(), 1);
}

#[test]
fn a_body_over_the_limit_is_an_empty_request() {
    let mut campaign = Campaign::new();
    campaign.project.change_php(|php| php.post_max_size = 1000);
    let reply = campaign.client.rpc(&create_batch(&"n".repeat(200))).unwrap();
    assert!(reply.contains("<batch_id>"), "{reply}");
    let reply = campaign.client.rpc(&create_batch(&"n".repeat(1000))).unwrap();
    assert!(reply.contains("can't parse request message: </error_msg>"), "{reply}");
    assert_eq!(campaign.create("next"), 2, "the connection goes on after a body that was thrown away");
}

#[test]
fn upload_limits_are_those_of_php() {
    let mut campaign = Campaign::new();
    campaign.project.change_php(|php| {
        php.upload_max_filesize = 10;
        php.max_file_uploads = 2;
    });
    let message = |names: usize| {
        let names: String = (0..names).map(|n| format!("<phys_name>f{n}</phys_name>")).collect();
        format!("<upload_files><authenticator>{ALICE}</authenticator>{names}</upload_files>")
    };
    let parts: Vec<Part> = (0..3).map(|n| Part::new(&format!("f{n}"), "0123456789")).collect();
    let reply = campaign.client.upload(&message(2), &parts[..2]).unwrap().text();
    assert!(reply.contains("<success/>"), "{reply}");
    let reply = campaign.client.upload(&message(3), &parts).unwrap().text();
    assert!(reply.contains("# of uploaded files (2) doesn't agree with request (3)"), "{reply}");
    let reply = campaign.client.upload(&message(1), &[Part::new("big", "01234567890")]).unwrap().text();
    assert!(
        reply.contains("big upload failed because: The uploaded file exceeds upload_max_filesize"),
        "{reply}"
    );
}

#[test]
fn a_log_costs_notes_in_each_reply() {
    let mut campaign = Campaign::on(Settings { remote_submit_log: true, ..Settings::default() });
    let reply = campaign.client.rpc(&create_batch("b")).unwrap();
    assert_eq!(reply.matches("<b>Deprecated</b>:  Function strftime() is deprecated").count(), 2, "{reply}");
    campaign.project.change_php(|php| php.display_errors = false);
    let reply = campaign.client.rpc(&create_batch("b")).unwrap();
    assert!(!reply.contains("Deprecated"), "{reply}");
}

#[test]
fn retiring_a_half_submitted_batch_cancels_nothing() {
    let mut campaign = Campaign::new();
    let batch = campaign.create("b");
    campaign.upload("input_1", "data");
    campaign.project.faults().on("submit_batch", 1, emulated_project::Fault::FailAfterJobs(1));
    campaign.submit(batch, &(Job::named("one").xml() + &Job::named("two").xml()));
    let retire = format!(
        "<retire_batch><authenticator>{ALICE}</authenticator><batch_id>{batch}</batch_id></retire_batch>"
    );
    let reply = campaign.client.rpc(&retire).unwrap();
    assert!(reply.contains("Undefined property: BoincWorkunit::$status"), "{reply}");
    assert_eq!(campaign.state(batch), BatchState::Retired);
    assert!(!campaign.project.workunit("one").unwrap().is_over());
}

#[test]
fn a_project_as_made_takes_no_files() {
    let mut campaign = Campaign::on(Settings { installation: Installation::AsMade, ..Settings::default() });
    let reply = campaign.upload("input_1", "data");
    assert!(reply.contains("file operation failed; check permissions in download/*"), "{reply}");
    assert!(campaign.project.files().is_empty());
}

#[test]
fn no_form_is_no_request() {
    let mut campaign = Campaign::new();
    let body = format!("--xxBOUNDARYxx\r\n\r\nrequest={}", create_batch("b"));
    let reply = campaign
        .client
        .request("POST", "submit_rpc_handler.php", "multipart/form-data", body.as_bytes())
        .unwrap();
    assert!(reply.text().contains("Undefined array key \"request\""));
    let reply = campaign.client.upload(&create_batch("b"), &[]).unwrap();
    assert!(reply.text().contains("no such action"), "multipart fields are read, too");
}
