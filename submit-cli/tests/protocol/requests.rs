//! Whether we send what a stock server was sent when its replies were recorded.

use std::fmt::Write;
use std::sync::Arc;

use submit_cli::project::address::{PlainHttp, ProjectUrl};
use submit_cli::project::authenticator::Authenticator;
use submit_cli::project::client::ProjectClient;
use submit_cli::project::error::ProjectError;
use submit_cli::project::options::ClientOptions;
use submit_cli::project::protocol::batch::{BatchKey, Details};
use submit_cli::project::protocol::id::{BatchId, WorkunitId};
use submit_cli::project::protocol::submission::{Submission, SubmittedJob};
use submit_cli::project::upload_body::{Upload, UploadBody};

use crate::element::Element;
use crate::recorded::pairs;
use crate::server::Server;

/// What the recorded requests hold and ours leave out, since it is the default or has no effect.
fn left_out(command: &str) -> &'static [&'static str] {
    match command {
        "create_batch" => &["expire_time"],
        "query_batch" | "query_batches" => &["get_cpu_time"],
        "submit_batch" => &["rsc_fpops_est", "batch_name"],
        _ => &[],
    }
}

/// Makes the recorded request by our means; `None` if we never make one like it.
fn send(client: &ProjectClient, request: &Element) -> Option<Result<(), ProjectError>> {
    let id = |tag: &str| request.get(tag).and_then(|text| text.parse().ok());
    let batch = || id("batch_id").map(BatchId);
    let done = match request.tag.as_str() {
        "ping" => client.ping(),
        "create_batch" => client.create_batch(request.get("app_name")?, request.get("batch_name")?).map(drop),
        "submit_batch" => return submit(client, request.child("batch")?),
        "query_files" => {
            request.get("delete_time").is_none().then_some(())?;
            let names = request.texts("phys_name");
            match batch() {
                Some(batch) => client.associate_files(batch, &names).map(drop),
                None => client.absent_files(&names).map(drop),
            }
        }
        "upload_files" => {
            // Associated with the batch afterwards, see `associate_files`.
            request.get("batch_id").is_none().then_some(())?;
            let body = || UploadBody::Bytes(Arc::from(*b"x"));
            let upload = |name: &&str| Upload { name: (*name).to_owned(), body: body() };
            client.upload_files(request.texts("phys_name").iter().map(upload).collect(), &|_| ())
        }
        "query_batch" => {
            let details =
                if request.get("get_job_details").is_some() { Details::With } else { Details::Without };
            let key = match batch() {
                Some(batch) => BatchKey::Id(batch),
                None => BatchKey::Name(request.get("batch_name")?.to_owned()),
            };
            client.batch(&key, details).map(drop)
        }
        "query_batches" => client.batches().map(drop),
        "query_batch2" => match request.texts("batch_name")[..] {
            // Ours goes back by ten seconds.
            [name] => client.changes(name, id_f64(request, "min_mod_time").map(|time| time + 10.0)).map(drop),
            _ => return None,
        },
        "query_job" => client.instances(WorkunitId(id("job_id")?)).map(drop),
        "query_completed_job" => client.completed_job(request.get("job_name")?).map(drop),
        "abort_batch" => client.abort_batch(batch()?),
        "abort_jobs" => client.abort_jobs(&request.texts("job_name")),
        "retire_batch" => client.retire_batch(batch()?),
        _ => return None,
    };
    Some(done)
}

fn id_f64(request: &Element, tag: &str) -> Option<f64> {
    request.get(tag)?.parse().ok()
}

fn submit(client: &ProjectClient, batch: &Element) -> Option<Result<(), ProjectError>> {
    let id = BatchId(batch.get("batch_id")?.parse().ok()?);
    batch.child("allocation_priority").is_none().then_some(())?;
    let first = batch.child("job")?;
    let (input, output) = (first.child("input_template")?.xml(), first.child("output_template")?.xml());
    let jobs: Option<Vec<SubmittedJob<'_>>> = batch
        .all("job")
        .map(|job| {
            let sources = job
                .all("input_file")
                .map(|file| (file.get("mode") == Some("local_staged")).then(|| file.get("source"))?);
            Some(SubmittedJob {
                name: job.get("name")?,
                command_line: job.get("command_line").unwrap_or_default(),
                input_files: sources.collect::<Option<_>>()?,
            })
        })
        .collect();
    let submission = Submission {
        app_name: batch.get("app_name")?,
        input_template: &input,
        output_template: &output,
        jobs: jobs?,
        priority: batch.get("priority").and_then(|text| text.parse().ok()),
        rsc_fpops_est: 1e10,
    };
    Some(client.submit_batch(id, &submission))
}

#[test]
fn requests_are_those_that_a_server_was_recorded_with() {
    let server = Server::new();
    let mut table = String::new();
    for pair in pairs().iter().filter(|pair| pair.line.starts_with("POST")) {
        let Some(recorded) = Element::parse(&pair.request) else {
            writeln!(table, "{}: not ours (no XML)", pair.name).unwrap();
            continue;
        };
        let Some(Ok(key)) = recorded.get("authenticator").map(Authenticator::parse) else {
            writeln!(table, "{}: not ours (no authenticator)", pair.name).unwrap();
            continue;
        };
        server.plan(pair.wire());
        let url = ProjectUrl::parse(&server.url(), PlainHttp::Refuse).unwrap();
        let client = ProjectClient::new(url, key, ClientOptions::default()).unwrap();
        let verdict = match send(&client, &recorded) {
            None => "not ours".to_owned(),
            Some(Err(error @ ProjectError::Unsendable { .. })) => {
                format!("refused before it is sent: {error}")
            }
            Some(_) => {
                let asked = server.asked();
                assert_eq!(
                    asked[0].line.split(' ').nth(1),
                    Some(format!("/buoytest/{}", &pair.line[5..]).as_str())
                );
                let sent = Element::parse(&asked[0].request()).unwrap();
                let tags = left_out(&recorded.tag);
                assert_eq!(sent.without(tags).xml(), recorded.without(tags).xml(), "{}", pair.name);
                "same".to_owned()
            }
        };
        server.forget();
        writeln!(table, "{}: {verdict}", pair.name).unwrap();
    }
    insta::assert_snapshot!("requests", table);
}

#[test]
fn an_estimate_is_asked_for_with_one_job_of_all_operations() {
    let server = Server::with([crate::recorded::named("estimate_batch").wire()]);
    let mut submission = crate::replies::submission();
    submission.jobs = vec![submission.jobs[0].clone(); 10_000];
    assert_eq!(server.client().estimate_batch(&submission).unwrap(), 20.0);
    insta::assert_snapshot!(server.asked()[0].request(), @"
    <estimate_batch>
    <authenticator>00000000000000000000000000000000</authenticator>
    <batch>
    <app_name>universal</app_name>
    <job>
    <rsc_fpops_est>100000000000000</rsc_fpops_est>
    </job>
    </batch>
    </estimate_batch>
    ");
}

#[test]
fn a_batch_with_all_its_jobs_is_begun_by_a_submission_without_any() {
    let server = Server::with([crate::recorded::named("submit_batch-no-jobs").wire()]);
    server.client().start_batch(BatchId(20), "universal").unwrap();
    insta::assert_snapshot!(server.asked()[0].request(), @"
    <submit_batch>
    <authenticator>00000000000000000000000000000000</authenticator>
    <batch>
    <app_name>universal</app_name>
    <batch_id>20</batch_id>
    </batch>
    </submit_batch>
    ");
}
