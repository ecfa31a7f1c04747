//! What comes of each recorded reply.

use std::fmt::{Debug, Write};
use std::sync::Arc;

use submit_cli::project::client::ProjectClient;
use submit_cli::project::error::ProjectError;
use submit_cli::project::protocol::batch::{BatchKey, BatchReply, Details};
use submit_cli::project::protocol::id::{BatchId, WorkunitId};
use submit_cli::project::protocol::submission::{Submission, SubmittedJob};
use submit_cli::project::upload_body::{Upload, UploadBody};

use crate::recorded::{Pair, named, pairs};
use crate::server::{KEY, Server};

/// A submission of one job.
pub fn submission() -> Submission<'static> {
    Submission {
        app_name: "universal",
        input_template: "<input_template>\n<workunit>\n</workunit>\n</input_template>",
        output_template: "<output_template>\n<result>\n</result>\n</output_template>",
        jobs: vec![SubmittedJob { name: "job", command_line: "", input_files: vec![] }],
        priority: None,
        rsc_fpops_est: 1e10,
    }
}

/// A few files of one byte.
fn uploads(count: usize) -> Vec<Upload> {
    let upload = |n| Upload { name: format!("file_{n}"), body: UploadBody::Bytes(Arc::from(*b"x")) };
    (0..count).map(upload).collect()
}

/// Makes the request that the reply belongs to, and says in a line or more what came of it.
pub fn outcome(client: &ProjectClient, pair: &Pair) -> String {
    if pair.line.contains("get_output") {
        let mut file = Vec::new();
        let done = client.download_output("result", 0, 0, &mut file);
        return told(done)
            .replace("Ok", &format!("Ok {:?}", String::from_utf8_lossy(&file[..file.len().min(20)])));
    }
    match pair.command() {
        "create_batch" => told(client.create_batch("universal", "batch")),
        "submit_batch" => {
            let id =
                pair.request.split("<batch_id>").nth(1).and_then(|rest| rest.split('<').next()?.parse().ok());
            told(client.submit_batch(BatchId(id.unwrap_or(1)), &submission()))
        }
        "estimate_batch" => told(client.estimate_batch(&submission())),
        "query_files" => told(client.absent_files(&["file_0", "file_1", "file_2", "file_3"])),
        "upload_files" => told(client.upload_files(uploads(25), &|_| ())),
        "query_batch" => match client.batch(&BatchKey::Id(BatchId(1)), Details::With) {
            Ok(batch) => brief(&batch),
            error => told(error),
        },
        "query_batches" => match client.batches() {
            Ok(batches) => batches.iter().map(brief).collect::<Vec<_>>().join("\n    "),
            error => told(error),
        },
        "query_batch2" => match client.changes("batch", None) {
            Ok(changes) => {
                let (first, last) = (changes.jobs.first(), changes.jobs.last());
                format!("Ok {} jobs at {}, {first:?} to {last:?}", changes.jobs.len(), changes.server_time)
            }
            error => told(error),
        },
        "query_job" => told(client.instances(WorkunitId(1))),
        "query_completed_job" => match client.completed_job("job") {
            Ok(mut job) => {
                let stderr = job.stderr_txt().to_owned();
                job.stderr = format!("{}…{}", &stderr[..40], &stderr[stderr.len() - 40..]);
                format!("Ok {job:?}")
            }
            error => told(error),
        },
        "abort_batch" => told(client.abort_batch(BatchId(1))),
        "abort_jobs" => told(client.abort_jobs(&["job_0", "job_1"])),
        "retire_batch" => told(client.retire_batch(BatchId(1))),
        // Whatever else was asked: a ping is the plainest request.
        _ => told(client.ping()),
    }
}

fn told<T: Debug>(done: Result<T, ProjectError>) -> String {
    match done {
        Ok(value) => format!("Ok {value:?}"),
        Err(error) => {
            let variant = format!("{error:?}");
            let variant = variant.split([' ', '(']).next().unwrap().to_owned();
            let mut marks = String::new();
            if error.maybe_done() {
                marks.push_str(", maybe done");
            }
            if error.try_again() {
                marks.push_str(", try again");
            }
            format!("{variant}{marks}: {error}")
        }
    }
}

fn brief(batch: &BatchReply) -> String {
    let mut text = format!(
        "Ok {} {:?} of {} {:?}, {} jobs, {} failed, done {}",
        batch.id,
        batch.name,
        batch.app_name,
        batch.state,
        batch.job_count,
        batch.failed_count,
        batch.fraction_done
    );
    for job in batch.jobs.iter().take(3) {
        let canonical = job.canonical_instance.map(|id| id.0);
        write!(text, "; {} {} {canonical:?}", job.id, job.name).unwrap();
        if let Some(details) = &job.details {
            write!(
                text,
                " {:?} {:?} {:?} {:?}",
                details.status, details.exit_statuses, details.cpu_seconds, details.errors
            )
            .unwrap();
        }
    }
    if batch.jobs.len() > 3 {
        write!(text, "; … {} in all", batch.jobs.len()).unwrap();
    }
    text
}

#[test]
fn each_recorded_reply_gives_a_value_or_the_error_of_its_reaction() {
    let server = Server::new();
    let client = server.client();
    let mut table = String::new();
    for pair in pairs() {
        server.plan(pair.wire());
        let outcome = outcome(&client, pair);
        server.asked();
        assert!(!outcome.contains(KEY), "{}: {outcome}", pair.name);
        writeln!(table, "{}: {}", pair.name, outcome.replace(&server.url(), "URL/")).unwrap();
    }
    insta::assert_snapshot!("replies", table);
}

#[test]
fn a_message_that_quotes_the_request_does_not_show_the_authenticator() {
    let server = Server::with([named("malformed-xml").wire()]);
    let error = server.client().ping().unwrap_err();
    assert!(matches!(error, ProjectError::Refused { .. }), "{error:?}");
    assert!(!format!("{error:?} {error} {:?}", error.help()).contains("00000000"), "{error:?}");
}

#[test]
fn an_sql_statement_is_cut() {
    let server = Server::with([
        named("submit_batch-duplicate-workunit-name").wire(),
        named("submit_batch-single-quote").wire(),
    ]);
    let client = server.client();
    let error = client.submit_batch(BatchId(1), &submission()).unwrap_err();
    assert!(matches!(&error, ProjectError::DuplicateWorkunit { name } if name == "main_ok"), "{error:?}");
    let error = client.submit_batch(BatchId(1), &submission()).unwrap_err();
    assert!(
        matches!(&error, ProjectError::CreateWork { .. }) && !error.to_string().contains("insert into"),
        "{error}"
    );
}
