//! The requests of a submission, without sending them.

use serde::Serialize;

use super::limits::ServerLimits;
use super::submission_plan::{SubmissionPlan, batch_name, submission};
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

/// The requests of a submission to a server that has none of its files and jobs, in order.
pub(crate) fn requests(
    plan: &SubmissionPlan,
    limits: ServerLimits,
    batch_jobs: usize,
) -> Vec<PlannedRequests> {
    let names: u64 = plan.files.iter().map(|file| file.name.len() as u64 + 40).sum();
    let mut requests = vec![PlannedRequests {
        request: "query_files",
        about: format!("which of {} files exist", plan.files.len()),
        count: plan.files.len().div_ceil(super::files::NAMES),
        bytes: names,
    }];
    requests.push(uploads(plan, limits));
    for (part, batch) in (1..).zip(batches(plan, limits, batch_jobs)) {
        let name = batch_name(&plan.meta, &plan.round.digest, part);
        let request = |request, about, bytes| PlannedRequests { request, about, count: 1, bytes };
        requests.push(request("create_batch", name, 0));
        requests.push(request("query_files", "associate its files with the batch".to_owned(), names));
        requests.push(request("submit_batch", format!("{} jobs", batch.jobs), batch.bytes));
    }
    requests
}

/// A batch that one request creates.
struct PlannedBatch {
    jobs: usize,
    bytes: u64,
}

fn batches(plan: &SubmissionPlan, limits: ServerLimits, batch_jobs: usize) -> Vec<PlannedBatch> {
    let submission = submission(&plan.meta.project().boinc_app, &plan.round, &plan.workunits);
    let (envelope, sizes) = (submission.envelope_bytes(), submission.job_sizes());
    let mut batches: Vec<PlannedBatch> = Vec::new();
    for bytes in submission.jobs.iter().map(|job| sizes.of(job)) {
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

fn uploads(plan: &SubmissionPlan, limits: ServerLimits) -> PlannedRequests {
    let mut planned = PlannedRequests {
        request: "upload_files",
        about: format!("{} files", plan.files.len()),
        count: 0,
        bytes: 0,
    };
    let (mut files, mut bytes) = (0, 0);
    for file in &plan.files {
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
