//! The requests of a submission, without sending them.

use serde::Serialize;

use super::limits::ServerLimits;
use super::outgoing::{Outgoing, batch_name};
use crate::campaign::sent::{NewWorkunit, Round};
use crate::project::protocol::submission::{Submission, SubmittedJob};
use crate::project::protocol::upload;

/// Requests of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedRequests {
    /// The request's name.
    pub request: &'static str,
    /// What it is about, for people.
    pub about: String,
    /// How many.
    pub count: usize,
    /// Bytes of all their bodies.
    pub bytes: u64,
}

/// The requests of a submission to a server that has nothing of it, in order.
pub fn plan(outgoing: &Outgoing<'_>, limits: ServerLimits, batch_jobs: usize) -> Vec<PlannedRequests> {
    let names: u64 = outgoing.files.iter().map(|file| file.name.len() as u64 + 40).sum();
    let mut requests = vec![PlannedRequests {
        request: "query_files",
        about: format!("which of {} files exist", outgoing.files.len()),
        count: outgoing.files.len().div_ceil(super::files::NAMES),
        bytes: names,
    }];
    requests.push(uploads(outgoing, limits));
    let app_name = &outgoing.facts.boinc_app;
    for (at, batch) in
        batches(app_name, &outgoing.round, &outgoing.workunits, limits, batch_jobs).into_iter().enumerate()
    {
        let part = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let name = batch_name(&outgoing.facts, &outgoing.round.digest, part);
        let request = |request, about, bytes| PlannedRequests { request, about, count: 1, bytes };
        requests.push(request("create_batch", name, 0));
        requests.push(request("query_files", "associate its files with the batch".to_owned(), names));
        requests.push(request("submit_batch", format!("{} jobs", batch.jobs), batch.bytes));
    }
    requests
}

/// A batch as one request would make it.
struct PlannedBatch {
    jobs: usize,
    bytes: u64,
}

fn batches(
    app_name: &str,
    round: &Round,
    workunits: &[NewWorkunit],
    limits: ServerLimits,
    batch_jobs: usize,
) -> Vec<PlannedBatch> {
    let submission = Submission {
        app_name,
        input_template: &round.input_template,
        output_template: &round.output_template,
        jobs: Vec::new(),
        priority: None,
        rsc_fpops_est: round.rsc_fpops_est,
    };
    let (envelope, sizes) = (submission.envelope_bytes(), submission.job_sizes());
    let mut batches: Vec<PlannedBatch> = Vec::new();
    for workunit in workunits {
        let input_files = [&round.inputs, &workunit.inputs].into_iter().flat_map(|names| names.split(' '));
        let bytes = sizes.of(&SubmittedJob {
            name: &workunit.name,
            command_line: &workunit.command_line,
            input_files: input_files.filter(|name| !name.is_empty()).collect(),
        });
        match batches.last_mut() {
            Some(last) if last.jobs < batch_jobs && last.bytes + bytes <= limits.request_bytes => {
                last.jobs += 1;
                last.bytes += bytes;
            }
            _ => batches.push(PlannedBatch { jobs: 1, bytes: envelope + bytes }),
        }
    }
    batches
}

fn uploads(outgoing: &Outgoing<'_>, limits: ServerLimits) -> PlannedRequests {
    let mut planned = PlannedRequests {
        request: "upload_files",
        about: format!("{} files", outgoing.files.len()),
        count: 0,
        bytes: 0,
    };
    let (mut files, mut bytes) = (0, 0);
    for file in &outgoing.files {
        let more = upload::file_request_bytes(&file.name, file.hash.bytes);
        if files == 0 || files == limits.files || bytes + more > limits.request_bytes {
            planned.count += 1;
            (files, bytes) = (0, upload::envelope_bytes());
            planned.bytes += bytes;
        }
        files += 1;
        bytes += more;
        planned.bytes += more;
    }
    planned
}
