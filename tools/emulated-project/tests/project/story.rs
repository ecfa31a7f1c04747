//! All recordings, one after the other, against one project: what an earlier request did is there for a later one.

use std::collections::BTreeSet;
use std::io::Read;

use emulated_project::{
    Clock, EmulatedProject, FileDeletion, Installation, Permission, Report, Settings, User,
};

use crate::client::{Client, Reply};
use crate::recorded::{self, Expected, MAIN_SH_MD5, ZEROS};

const BOB: &str = "b0b00000000000000000000000000b0b";
const CAROL: &str = "ca000000000000000000000000000000";

/// The recordings that other users than alice sent.
const BOBS: [&str; 5] = [
    "query_batches-none",
    "query_batch-not-owner",
    "submit_batch-not-owner",
    "abort_batch-not-owner",
    "abort_jobs-not-owner",
];
const CAROLS: [&str; 2] = ["create_batch-user-without-permission", "query_files-no-permission"];

/// Recordings of what `buoy` never asks for, which is not emulated. The tests of `buoy` read these replies, too.
const NOT_EMULATED: [&str; 22] = [
    "get_output-batch_files",
    "get_output-batch_files-already-deleted",
    "get_output-workunit_file",
    "get_output-workunit_file-already-deleted",
    "get_output-workunit_file-bad-num",
    "get_output-workunit_file-md5-auth",
    "get_output-workunit_file-no-canonical",
    "get_output2-bad-auth",
    "get_output2-batch",
    "get_output2-file",
    "get_output2-result",
    "get_output2-workunit",
    "get_output3-no-login",
    "get_templates",
    "get_templates-by-job",
    "get_templates-missing",
    "quiet/get_output-workunit_file-bad-num",
    "quiet/get_output2-workunit",
    "quiet/get_templates",
    "quiet/get_templates-missing",
    "submit_batch-inline-input",
    "submit_batch-remote-input",
];

/// A project in the middle of the story.
struct Story {
    project: EmulatedProject,
    client: Client,
    clock: Clock,
    played: BTreeSet<String>,
    wrong: Vec<String>,
}

impl Story {
    fn begin() -> Self {
        let clock = Clock::logical(1_795_486_505.0);
        let project = EmulatedProject::start(Settings {
            clock: clock.clone(),
            installation: Installation::AsMade,
            apps: vec!["universal".to_owned(), "other".to_owned()],
            master_url: Some("http://127.0.0.1:8099/buoytest/".to_owned()),
            // The recorded server could not delete what PHP had stored before its umask was mended.
            file_deletion: FileDeletion::ByHand,
            ..Settings::default()
        })
        .unwrap();
        let universal = Permission::Apps(vec!["universal".to_owned()]);
        for (name, authenticator, submit) in
            [("alice", ZEROS, universal.clone()), ("bob", BOB, universal), ("carol", CAROL, Permission::None)]
        {
            project.add_user(User { name: name.to_owned(), authenticator: authenticator.to_owned(), submit });
        }
        let client = Client::new(&project);
        Self { project, client, clock, played: BTreeSet::new(), wrong: Vec::new() }
    }

    /// Sends a recorded request and compares the reply.
    fn play(&mut self, name: &str) {
        assert!(self.played.insert(name.to_owned()), "{name} was played before");
        let authenticator = if BOBS.contains(&name) {
            BOB
        } else if CAROLS.contains(&name) {
            CAROL
        } else {
            ZEROS
        };
        let sent = recorded::request(name, authenticator);
        let reply = sent.to(&mut self.client);
        if reply.is_cut() || reply.header("Connection") == Some("close") {
            self.client = Client::new(&self.project);
        }
        let mine = self.project.file("bt_868bac8001e33fab1b34c5e4fa64eebd").map(|file| file.md5.to_string());
        if let Err(difference) = compare(name, &reply, &recorded::reply(name), mine.as_deref()) {
            self.wrong.push(format!("{name}: {difference}"));
        }
    }

    fn plays(&mut self, names: &[&str]) {
        for name in names {
            self.play(name);
        }
    }

    /// Plays a submission into a batch of its own, made for it and named after it.
    fn play_with_batch(&mut self, names: &[&str]) {
        for name in names {
            self.create_batch(name);
            self.play(name);
        }
    }

    fn at(&self, seconds: f64) {
        self.clock.set(seconds);
    }

    /// What nobody recorded, but happened.
    fn create_batch(&mut self, name: &str) {
        let message = format!(
            "<create_batch><authenticator>{ZEROS}</authenticator><app_name>universal</app_name>\
             <batch_name>{name}</batch_name></create_batch>"
        );
        assert!(self.client.rpc(&message).unwrap().contains("<batch_id>"));
    }

    /// Submits jobs like a recorded one into a batch.
    fn submit_like(&mut self, model: &str, job: &str, batch: u64, names: &[&str]) {
        let model = recorded::message(model);
        let start = model.find("    <job>").unwrap();
        let end = model.find("    </job>\n").unwrap() + "    </job>\n".len();
        let jobs: String = names.iter().map(|name| model[start..end].replace(job, name)).collect();
        let message = format!(
            "<submit_batch><authenticator>{ZEROS}</authenticator><batch><app_name>universal</app_name>\
             <batch_id>{batch}</batch_id>{jobs}</batch></submit_batch>"
        );
        let reply = self.client.rpc(&message).unwrap();
        assert!(reply.contains("<batch_id>"), "{reply}");
    }

    /// What a recording that is not emulated leaves behind: a batch with one job.
    fn submit_instead(&mut self, name: &str, batch: u64, job: &str) {
        self.create_batch(name);
        self.submit_like("submit_batch", "main_ok", batch, &[job]);
    }

    fn abort(&mut self, batch: u64) {
        let message = format!(
            "<abort_batch><authenticator>{ZEROS}</authenticator><batch_id>{batch}</batch_id></abort_batch>"
        );
        assert!(self.client.rpc(&message).unwrap().contains("<success>1"));
    }

    fn finish(&self, job: &str, credit: f64) {
        self.project.finish_job(job, Report { credit, ..Report::with_outputs(["out", "log"]) }).unwrap();
    }

    fn fail(&self, job: &str, status: i32) {
        self.project.fail_instance(job, status, "").unwrap();
    }

    /// The file deleter runs, and the files that it could not delete then are there again.
    fn delete_outputs(&self) {
        let kept: Vec<_> =
            self.project.files().into_iter().map(|name| (self.project.file(&name).unwrap(), name)).collect();
        self.project.run_file_deleter();
        for (file, name) in kept {
            self.project.add_download_file(&name, &file.bytes);
        }
    }

    fn display_errors(&self, display: bool) {
        self.project.change_php(|php| php.display_errors = display);
    }
}

#[test]
fn each_recorded_request_is_answered_as_it_was() {
    let mut story = Story::begin();
    as_made(&mut story);
    transport(&mut story);
    files(&mut story);
    batches(&mut story);
    submissions(&mut story);
    first_results(&mut story);
    templates_and_kept_files(&mut story);
    odd_submissions(&mut story);
    aborted(&mut story);
    quiet(&mut story);
    large(&mut story);
    let names = recorded::names();
    assert_eq!(names.len(), 207, "recordings were added or lost: tell the story of each");
    story.played.extend(NOT_EMULATED.map(str::to_owned));
    assert_eq!(names, story.played);
    assert!(
        story.wrong.is_empty(),
        "{} of {} differ:\n{}",
        story.wrong.len(),
        names.len(),
        story.wrong.join("\n")
    );
}

fn as_made(story: &mut Story) {
    story.at(1_795_486_478.0);
    story.create_batch("asmade");
    let failing = recorded::message("asmade-submit_batch-inline-templates").replace(">2<", ">1<");
    assert!(story.client.rpc(&failing).unwrap().contains("create_work failed"));
    story.at(1_795_486_505.0);
    story.plays(&[
        "asmade-create_batch",
        "asmade-query_files-with-batch",
        "asmade-upload_files",
        "asmade-submit_batch-inline-templates",
    ]);
    story.project.change_settings(|settings| settings.installation = Installation::WithoutAssociations);
    story.at(1_795_486_526.0);
    story.plays(&[
        "asmade2-create_batch",
        "asmade2-upload_files-with-batch",
        "asmade2-query_files-with-batch",
        "asmade2-upload_files-no-batch",
    ]);
    story.project.change_settings(|settings| settings.installation = Installation::Complete);
}

fn transport(story: &mut Story) {
    story.at(1_795_486_591.0);
    story.plays(&[
        "ping",
        "ping-empty",
        "unknown-command",
        "job_file-unknown-command",
        "malformed-xml",
        "malformed-xml-job_file",
        "no-request-field",
        "raw-xml-body",
        "get-instead-of-post",
        "request-over-post_max_size",
        "missing-page",
    ]);
}

fn files(story: &mut Story) {
    story.plays(&[
        "create_batch",
        "upload_files-two",
        "query_files-some-absent",
        "query_files-no-names",
        "upload_files-rest",
        "create_batch-same-name-again",
        "query_files-all-present",
        "query_files-without-batch",
        "query_files-again-already-tied-to-batch",
        "query_files-bad-name",
        "query_files-unknown-batch",
        "query_files-no-permission",
        "query_files-delete-time",
        "upload_files-empty-file",
        "upload_files-name-with-space",
        "upload_files-same-file-again",
        "upload_files-same-file-again-other-batch",
        "upload_files-same-name-twice-in-one-request",
        "upload_files-immutability",
        "upload_files-bad-name",
        "upload_files-count-mismatch-more-names",
        "upload_files-count-mismatch-more-parts",
        "upload_files-over-max_file_uploads",
        "upload_files-over-upload_max_filesize",
        "upload_files-one-good-one-over-limit",
        "upload_files-over-post_max_size",
        "upload_files-same-field-name",
        "upload_files-same-field-name-array",
    ]);
    story.project.add_download_file("bt_norec", b"norec");
    story.play("upload_files-present-without-record");
    assert!(story.project.file("bt_good1").is_none());
}

fn batches(story: &mut Story) {
    story.at(1_795_486_592.0);
    story.plays(&[
        "create_batch-no-name",
        "create_batch-name-with-markup",
        "create_batch-utf8-name",
        "create_batch-unknown-app",
        "create_batch-app-without-permission",
        "create_batch-user-without-permission",
        "create_batch-bad-authenticator",
        "create_batch-no-authenticator",
        "create_batch-name-too-long",
    ]);
}

fn submissions(story: &mut Story) {
    story.plays(&["submit_batch", "submit_batch-again-wrong-state", "query_batch-fresh"]);
    story.at(1_795_486_592.319_41);
    story.play("query_batch2-fresh");
    story.at(1_795_486_592.0);
    story
        .play_with_batch(&["submit_batch-duplicate-workunit-name", "submit_batch-second-job-duplicate-name"]);
    story.plays(&["query_batch-after-partial-submit", "submit_batch-retry-after-partial"]);
    story.play_with_batch(&[
        "submit_batch-double-quote",
        "submit_batch-single-quote",
        "submit_batch-too-few-inputs",
        "submit_batch-too-many-inputs",
        "submit_batch-absent-input",
        "submit_batch-job-name-with-space",
        "submit_batch-bad-input-template",
        "submit_batch-no-templates",
        "submit_batch-no-name",
        "submit_batch-no-jobs",
    ]);
    story.plays(&[
        "submit_batch-without-batch_id",
        "submit_batch-allocation-priority",
        "submit_batch-unknown-app",
        "submit_batch-unknown-batch",
        "submit_batch-not-owner",
        "submit_batch-bad-authenticator",
        "estimate_batch",
        "estimate_batch-no-fpops",
        "query_batch-init-state",
    ]);
}

fn first_results(story: &mut Story) {
    // Results 1 to 6: the first try of each job failed.
    story.project.run_transitioner();
    let unnamed = story.project.workunits().into_iter().find(|workunit| workunit.batch == 19).unwrap().name;
    let others = ["partly_3", unnamed.as_str(), "byname_1", "ap_1"];
    story.at(1_795_486_738.0);
    story.plays(&["work-create_batch", "work-submit_batch"]);
    // Results 7 and 8, then 9 and following.
    story.project.run_transitioner();
    story.fail("main_ok", 1);
    story.fail("main_fail", 1);
    for job in others {
        story.fail(job, 1);
    }
    story.at(1_795_486_900.0);
    story.finish("main_ok", 0.150_129_224_537_04);
    story.fail("main_fail", 3);
    for (job, credit) in others.into_iter().zip([
        0.160_102_308_101_85,
        0.150_074_747_916_67,
        0.160_135_135_416_67,
        0.160_078_628_240_74,
    ]) {
        story.finish(job, credit);
    }
    let completed = recorded::reply("query_completed_job-done").text();
    let stderr = completed
        .split("&lt;stderr_txt&gt;\n")
        .nth(1)
        .unwrap()
        .split("\n&lt;/stderr_txt&gt;")
        .next()
        .unwrap();
    let stderr =
        stderr.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    let report = Report {
        credit: 0.160_062_941_203_7,
        elapsed_seconds: 16.080_742,
        stderr,
        ..Report::with_outputs(["out", "log"])
    };
    story.project.finish_job("work_ok", report).unwrap();
    story.fail("work_fail", 3);
    story.project.send_out("work_fail").unwrap();
    story.delete_outputs();
    story.at(1_795_486_996.0);
    story.plays(&[
        "query_batch-in-progress",
        "query_batch",
        "query_batch-no-details",
        "query_batch-by-name",
        "query_batch-unknown",
        "query_batch-no-batch-given",
        "query_batch-not-owner",
        "query_batch-bad-authenticator",
        "query_batches",
        "query_batches-none",
        "query_completed_job-done",
        "query_completed_job-failed",
        "query_completed_job-unfinished",
        "query_completed_job-unknown",
        "query_job-done",
        "query_job-failed",
        "query_job-unknown",
    ]);
    for (time, name) in [
        (0.7556, "query_batch2"),
        (0.7582, "query_batch2-min_mod_time-future"),
        (0.7642, "query_batch2-min_mod_time-recent"),
        (0.77, "query_batch2-unknown-name"),
        (0.7711, "query_batch2-no-names"),
    ] {
        story.at(1_795_486_996.0 + time);
        story.play(name);
    }
    story.plays(&[
        "get_output-result_file-already-deleted",
        "get_output-result_file-bad-auth",
        "get_output-result_file-failed-instance",
        "get_output-result_file-unknown",
        "get_output-workunit_files-already-deleted",
        "get_output-bad-command",
    ]);
}

/// Puts the templates of a recorded get_templates into the project.
fn add_templates(story: &Story, from: &str, names: [&str; 2]) {
    let reply = recorded::reply(from).text();
    let both = reply.split("<templates>\n").nth(1).unwrap().split("\n</templates>").next().unwrap();
    let (input, output) = both.split_once("</input_template>\n").unwrap();
    story.project.add_template(names[0], &format!("{input}</input_template>"));
    story.project.add_template(names[1], output);
}

fn remove_templates(story: &Story) {
    story.project.remove_template("universal_in");
    story.project.remove_template("universal_out");
}

fn templates_and_kept_files(story: &mut Story) {
    story.at(1_795_487_024.0);
    story.plays(&["keep-create_batch", "keep-submit_batch"]);
    story.fail("work_fail", 3);
    add_templates(story, "get_templates", ["universal_in", "universal_out"]);
    story.play_with_batch(&[
        "submit_batch-wrong-number-of-inputs-project-template",
        "submit_batch-inline-template-differs-from-project-template",
    ]);
    story.play("estimate_batch-with-project-template");
    remove_templates(story);
    // Results 16 and 17; what they sent is in the recorded zip.
    story.project.run_transitioner();
    story.at(1_795_487_053.0);
    let outputs = members(&recorded::reply("get_output-batch_files").body);
    for (job, credit, outputs) in
        [("keep_1", 0.155, &outputs[..2]), ("keep_2", 0.155_107_171_064_81, &outputs[2..])]
    {
        let outputs = outputs.iter().map(|(_, bytes)| bytes.clone());
        story.project.finish_job(job, Report { credit, ..Report::with_outputs(outputs) }).unwrap();
    }
    story.delete_outputs();
    story.plays(&[
        "query_job-done-files-kept",
        "get_output-result_file",
        "get_output-result_file-second",
        "get_output-result_file-bad-num",
        "get_output-workunit_files",
    ]);
}

fn odd_submissions(story: &mut Story) {
    story.at(1_795_487_077.0);
    add_templates(story, "get_templates", ["my_in.xml", "my_out.xml"]);
    story.play_with_batch(&[
        "submit_batch-template-filenames",
        "submit_batch-template-filenames-wrong-number",
        "submit_batch-template-filename-absent",
        "submit_batch-job-name-too-long",
    ]);
    story.submit_instead("submit_batch-inline-input", 31, "inl_1");
    story.play_with_batch(&["submit_batch-unknown-mode"]);
    story.submit_instead("submit_batch-remote-input", 33, "rem_1");
    story.play_with_batch(&[
        "submit_batch-newline-in-command-line",
        "submit_batch-long-command-line",
        "submit_batch-many-words",
        "submit_batch-command-line-markup",
        "submit_batch-command-line-backslash",
    ]);
    let stored = |name| story.project.workunit(name).unwrap().command_line;
    assert_eq!(stored("cb_1"), "a\x08 $HOME `id` ; x");
    assert_eq!(stored("cm_1"), "a < b & c");
}

fn aborted(story: &mut Story) {
    story.at(1_795_487_078.0);
    story.plays(&[
        "abort-create_batch",
        "abort-submit_batch",
        "abort_jobs",
        "abort_jobs-again",
        "abort_jobs-second-unknown",
        "abort_jobs-not-owner",
        "abort_jobs-none",
        "query_batch-after-abort_jobs",
        "abort_batch-not-owner",
        "abort_batch",
        "abort_batch-again",
        "abort_batch-unknown",
        "query_batch-aborted",
        "submit_batch-aborted-batch",
        "query_job-aborted-unsent",
    ]);
    story.at(1_795_487_078.067_4);
    story.play("query_batch2-aborted");
    story.at(1_795_487_078.0);
    story.plays(&[
        "set_expire_time",
        "retire_batch-aborted",
        "retire_batch-unknown",
        "query_batch-retired",
        "query_batch-by-name-retired",
    ]);
    story.at(1_795_487_129.0);
    story.create_batch("q2");
    story.submit_like("submit_batch", "main_ok", 40, &["q2_0", "q2_1"]);
    story.play("query_batch-complete");
    story.at(1_795_487_151.666);
    story.play("query_batch2-min_mod_time");
    story.at(1_795_487_192.0);
    for batch in [20, 31, 33, 36, 37, 38, 40] {
        story.abort(batch);
    }
    story.create_batch("q3");
    story.submit_like("submit_batch", "main_ok", 41, &["q3_0", "q3_1", "q3_2"]);
    story.finish("q3_0", 0.16);
    story.finish("q3_1", 0.165_165_271_780_98);
    story.at(1_795_487_226.0);
    story.create_batch("lnk");
    story.submit_like("submit_batch", "main_ok", 42, &["lnk_1"]);
    story.project.send_out("lnk_1").unwrap();
}

fn quiet(story: &mut Story) {
    story.display_errors(false);
    story.at(1_795_487_268.0);
    story.plays(&[
        "quiet/create_batch",
        "quiet/create_batch-name-too-long",
        "quiet/malformed-xml",
        "quiet/no-request-field",
        "quiet/query_files-some-absent",
        "quiet/query_files-again-already-tied-to-batch",
        "quiet/upload_files-same-file-again",
        "quiet/upload_files-same-name-twice-in-one-request",
        "quiet/upload_files-over-max_file_uploads",
        "quiet/upload_files-over-post_max_size",
        "quiet/upload_files-over-upload_max_filesize",
        "quiet/upload_files-same-field-name-array",
        "quiet/query_batches",
        "quiet/submit_batch-duplicate-workunit-name",
        "quiet/query_batch",
        "quiet/query_batch-aborted",
        "quiet/query_batch-complete",
        "quiet/query_completed_job-done",
        "quiet/query_completed_job-failed",
    ]);
    add_templates(story, "quiet/get_templates", ["universal_in", "universal_out"]);
    story.plays(&[
        "quiet/estimate_batch-with-project-template",
        "quiet/submit_batch-with-project-template-present",
    ]);
    remove_templates(story);
    story.plays(&["quiet/retire_batch", "quiet/query_batches-after-retire"]);
    add_templates(story, "quiet/get_templates", ["my_in.xml", "my_out.xml"]);
    story.play_with_batch(&[
        "quiet/submit_batch-template-filenames",
        "quiet/submit_batch-template-filenames-wrong-number",
    ]);
    story.display_errors(true);
}

fn large(story: &mut Story) {
    // Two jobs with inputs of their own, one of which is aborted: the deleter takes what both need.
    story.create_batch("shared-inputs");
    let asked = recorded::message("query_files-inputs-deleted-under-an-unsent-job");
    let mut model = recorded::message("submit_batch");
    let inputs: Vec<&str> =
        asked.split("<phys_name>").skip(1).map(|part| part.split('<').next().unwrap()).collect();
    for (old, new) in [
        "bt_73588e5ffca61a6f1a8cfe56e3fac5a9",
        "bt_f54b5aebcb430187662634a0a5e5936a",
        "bt_868bac8001e33fab1b34c5e4fa64eebd",
        "bt_38debce1fb87347226e0c14d0084ef5c",
    ]
    .into_iter()
    .zip(inputs)
    {
        story.project.add_download_file(new, new.as_bytes());
        model = model.replace(old, new);
    }
    let model = model
        .replace("<batch_id>4<", "<batch_id>46<")
        .replace("main_ok", "shared_1")
        .replace("main_fail", "shared_2");
    assert!(story.client.rpc(&model).unwrap().contains("<batch_id>46<"));
    story.project.change_settings(|settings| settings.file_deletion = FileDeletion::AtOnce);
    let abort = format!(
        "<abort_jobs><authenticator>{ZEROS}</authenticator><job_name>shared_1</job_name></abort_jobs>"
    );
    assert!(story.client.rpc(&abort).unwrap().contains("<success>1"));
    story.play("query_files-inputs-deleted-under-an-unsent-job");
    story.at(1_795_487_743.0);
    story.create_batch("big");
    story.play("submit_batch-700-jobs-last-name-taken");
    story.at(1_795_487_743.072_3);
    story.play("query_batch2-after-700-jobs");
    let big = story.project.workunit_names().iter().filter(|name| name.starts_with("big_")).count();
    assert_eq!(big, 506);
}

/// Compares a reply with the recorded one; what cannot be equal is made equal first: the random parts of outputs' names and
/// with them their directories, names of temporary zips, and the checksum of the one file whose content was not recorded.
/// Beyond that only the prose of errors may differ.
fn compare(name: &str, reply: &Reply, expected: &Expected, main_sh: Option<&str>) -> Result<(), String> {
    if reply.status_line != expected.status_line {
        return Err(format!("{:?} instead of {:?}", reply.status_line, expected.status_line));
    }
    for header in ["Content-Type", "Content-Disposition", "Location"] {
        let wanted = expected.headers.iter().find(|(key, _)| key == header).map(|(_, value)| level(value));
        let got = reply.header(header).map(level);
        if got != wanted {
            return Err(format!("{header}: {got:?} instead of {wanted:?}"));
        }
    }
    if reply.body.starts_with(b"PK") || expected.body.starts_with(b"PK") {
        let leveled = |body: &[u8]| -> Vec<_> {
            members(body).into_iter().map(|(name, bytes)| (level(&name), bytes)).collect()
        };
        let (got, wanted) = (leveled(&reply.body), leveled(&expected.body));
        return if got == wanted { Ok(()) } else { Err(format!("{got:?} instead of {wanted:?}")) };
    }
    if reply.is_cut() {
        return Err("the connection was cut".to_owned());
    }
    let mut got = level(&reply.text());
    if let Some(main_sh) = main_sh {
        got = got.replace(main_sh, MAIN_SH_MD5);
    }
    // The recording's own clean-up took this directory for the machine's.
    let wanted = level(&expected.text().replace("templates/TMP/", "templates/tmp/"));
    let (got, wanted) = (without_prose(&got), without_prose(&wanted));
    if let Some((start, rest)) = wanted.split_once("\n(... cut here") {
        let end = rest.split_once("...)\n").unwrap().1.trim_end_matches('\n');
        let fits = got.starts_with(start) && got.trim_end().ends_with(end) && got.len() > 10_000;
        return if fits { Ok(()) } else { Err(format!("does not begin or end as recorded: {got:.600}")) };
    }
    if got == wanted {
        return Ok(());
    }
    let place = got.bytes().zip(wanted.bytes()).take_while(|(a, b)| a == b).count();
    let around = |text: &str| {
        let from = place.saturating_sub(60);
        String::from_utf8_lossy(&text.as_bytes()[from..(place + 80).min(text.len())]).into_owned()
    };
    Err(format!("at byte {place} of {name}\n   got:  {:?}\n   want: {:?}", around(&got), around(&wanted)))
}

/// Leaves out the prose of errors, of which `buoy` reads a few words: of PHP's notes there stays the severity, one for any
/// number in a row, and of a fatal error what it says before the place and the trace. What the database quotes of a
/// statement and the lines of the server's scripts go.
fn without_prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, note)) = rest.split_once("<br />\n<b>") {
        let (severity, note) = note.split_once("</b>:  ").unwrap();
        let (message, after) = note.split_once("</b><br />\n").unwrap();
        let kept = if severity == "Fatal error" { message.split(" in /PROJECT").next().unwrap() } else { "" };
        let note = format!("[{severity}: {kept}]\n");
        out.push_str(before);
        if !out.ends_with(&note) {
            out.push_str(&note);
        }
        rest = after;
    }
    out.push_str(rest);
    let out = without(&out, "; check the manual", "' at line 1").replace("' at line 1", "");
    without(&without(&out, "\nquery=", "\nwu.insert_batch()"), "    <file>/", "</error>")
}

/// Leaves out each part from `start` up to `end`, which stays.
fn without(text: &str, start: &str, end: &str) -> String {
    let mut parts = text.split(start);
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        out.push_str(&part[part.find(end).unwrap()..]);
    }
    out
}

/// Makes random parts equal: `_r123_`, the directory before such a name, `boinc_wu_…_XXXXXX.zip`.
fn level(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("_r") {
        let digits = rest[start + 2..].bytes().take_while(u8::is_ascii_digit).count();
        out.push_str(&rest[..start + 2]);
        rest = &rest[start + 2..];
        if digits > 0 && rest[digits..].starts_with('_') {
            out.push('N');
            rest = &rest[digits..];
            if let Some(upload) = out.rfind("/upload/") {
                let directory = upload + "/upload/".len();
                if let Some(slash) = out[directory..].find('/').filter(|slash| *slash <= 3) {
                    out.replace_range(directory..directory + slash, "D");
                }
            }
        }
    }
    out.push_str(rest);
    if out.starts_with("attachment; filename=boinc_") && out.ends_with(".zip") {
        let end = out.len() - "XXXXXX.zip".len();
        out.truncate(end);
    }
    out
}

/// Names and contents of a zip's members.
fn members(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut member = archive.by_index(index).unwrap();
            let mut content = Vec::new();
            member.read_to_end(&mut content).unwrap();
            (member.name().unwrap().into_owned(), content)
        })
        .collect()
}
