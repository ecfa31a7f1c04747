//! Uploads files, several requests at a time, each as full as the server takes.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use super::backoff::failures;
use super::limits::ServerLimits;
use super::{Link, SubmitError, Submitter, snapshot};
use crate::campaign::event::Event;
use crate::campaign::submitted::FileRow;
use crate::plan::content::Content;
use crate::project::error::ProjectError;
use crate::project::protocol::upload;
use crate::project::retry::Failures;
use crate::project::upload_body::Upload;

/// Key of `meta`: a file of which the server has said that it has another of this name. It is sent until the server takes it
/// or has the same; empty once it has.
const DOUBTED: &str = "doubted_file";

/// What the uploading threads share.
struct Queue {
    files: VecDeque<FileRow>,
    limits: ServerLimits,
    /// Requests that got through: before the first one the limits are not tried in parallel.
    arrived: usize,
    under_way: usize,
    failed: Option<SubmitError>,
}

/// What a thread does next.
enum Next {
    Send(Vec<FileRow>),
    Wait,
    Leave,
}

impl Submitter<'_> {
    /// The file that the server was seen to have with another content.
    pub(super) fn doubted(&self) -> Result<Option<String>, SubmitError> {
        Ok(self.campaign.value(DOUBTED)?.filter(|name| !name.is_empty()))
    }

    /// The server has the doubted file now as it has to be.
    pub(super) fn trust(&mut self) -> Result<(), SubmitError> {
        Ok(self.campaign.set_value(DOUBTED, "")?)
    }

    /// Uploads files that the server was seen not to have.
    pub(super) fn upload(&mut self, files: Vec<FileRow>) -> Result<(), SubmitError> {
        if files.is_empty() {
            return Ok(());
        }
        let before = self.limits;
        let threads = self.link.options.uploads.clamp(1, files.len());
        let queue = Mutex::new(Queue {
            files: files.into(),
            limits: self.limits,
            arrived: 0,
            under_way: 0,
            failed: None,
        });
        let link = self.link;
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| link.upload_from(&queue));
            }
        });
        let queue = queue.into_inner().expect("no thread panics while it holds the lock");
        self.limits = queue.limits;
        if self.limits != before {
            self.limits.save(self.campaign)?;
        }
        match queue.failed {
            Some(error) => {
                if let SubmitError::Project { source: ProjectError::Immutable { name }, .. } = &error {
                    self.campaign.set_value(DOUBTED, name)?;
                }
                Err(error)
            }
            None => Ok(()),
        }
    }
}

impl Link<'_> {
    /// A thread's work.
    fn upload_from(&self, queue: &Mutex<Queue>) {
        let mut failures = failures();
        loop {
            // On its own line: the lock must not be held while the step is taken.
            let step = next(&mut lock(queue));
            match step {
                Next::Leave => return,
                Next::Wait => {
                    self.clock.pause(std::time::Duration::from_millis(20));
                }
                Next::Send(group) => {
                    let done = self.send_group(queue, group, &mut failures);
                    let mut queue = lock(queue);
                    queue.under_way -= 1;
                    if let Err(error) = done {
                        queue.failed.get_or_insert(error);
                    }
                }
            }
            if self.clock.interrupted() {
                lock(queue).failed.get_or_insert(SubmitError::Interrupted);
            }
        }
    }

    /// Sends a group; what did not arrive goes back into the queue.
    fn send_group(
        &self,
        queue: &Mutex<Queue>,
        group: Vec<FileRow>,
        failures: &mut Failures<'_>,
    ) -> Result<(), SubmitError> {
        let uploads: Vec<Upload> =
            group.iter().map(|file| snapshot::take(file, &self.options.staging)).collect::<Result<_, _>>()?;
        let body_bytes = upload::envelope_bytes()
            + uploads
                .iter()
                .map(|file| upload::file_request_bytes(&file.name, file.body.bytes()))
                .sum::<u64>();
        let attempt = failures.attempt();
        let sent = self.client.upload_files(uploads.clone(), &|bytes| {
            self.reporter.report(Event::Sent { bytes });
        });
        drop(attempt);
        uploads.iter().for_each(snapshot::forget);
        let error = match sent {
            Ok(()) => {
                failures.reset();
                lock(queue).arrived += 1;
                self.reporter.report(Event::Uploaded {
                    files: group.len(),
                    bytes: group.iter().map(|file| file.hash.bytes).sum(),
                });
                return Ok(());
            }
            Err(error) => error,
        };
        match error {
            ProjectError::TooManyFiles { sent, accepted } => {
                self.learn(queue, group, |limits| limits.refused_files(sent, accepted), error)
            }
            ProjectError::RequestTooLarge { .. } if group.len() > 1 => {
                self.learn(queue, group, |limits| limits.refused_bytes(body_bytes), error)
            }
            // One file alone over post_max_size is as final as one over upload_max_filesize.
            ProjectError::RequestTooLarge { .. } => Err(too_large(&group[0])),
            ProjectError::FileTooLarge { ref name } => {
                let largest = group.iter().max_by_key(|file| file.hash.bytes);
                let file = group.iter().find(|file| file.name == *name).or(largest);
                file.map_or(Ok(()), |file| Err(too_large(file)))
            }
            // Whoever asks is told that the file is there; jobs must not get it.
            source @ ProjectError::Immutable { .. } => {
                Err(SubmitError::Project { doing: "upload files", source })
            }
            // Part of the files may be there now: the record that is in the way tells of one.
            error
                if error.maybe_done()
                    || error.try_again()
                    || matches!(error, ProjectError::DuplicateRecord { .. }) =>
            {
                self.wait("upload files", failures, error)?;
                self.put_back_absent(queue, group, failures)
            }
            source => Err(SubmitError::Project { doing: "upload files", source }),
        }
    }

    /// Goes on with less in a request.
    fn learn(
        &self,
        queue: &Mutex<Queue>,
        group: Vec<FileRow>,
        less: impl FnOnce(&mut ServerLimits) -> bool,
        error: ProjectError,
    ) -> Result<(), SubmitError> {
        let mut queue = lock(queue);
        if !less(&mut queue.limits) {
            return Err(SubmitError::Project { doing: "upload files", source: error });
        }
        queue.files.extend(group);
        let ServerLimits { request_bytes, files } = queue.limits;
        self.reporter.report(Event::ServerLimit { request_bytes, files });
        Ok(())
    }

    /// Asks which of a group's files did not arrive. If some did, by this request or by somebody else's, that is no failure
    /// in a row.
    fn put_back_absent(
        &self,
        queue: &Mutex<Queue>,
        group: Vec<FileRow>,
        failures: &mut Failures<'_>,
    ) -> Result<(), SubmitError> {
        let names: Vec<&str> = group.iter().map(|file| file.name.as_str()).collect();
        let absent =
            self.persist("query which files the project has", || self.client.absent_files(&names))?;
        if absent.len() < group.len() {
            failures.reset();
            lock(queue).arrived += 1;
        }
        let back = absent.into_iter().filter_map(|index| group.get(index).cloned());
        lock(queue).files.extend(back);
        Ok(())
    }
}

fn lock<'q>(queue: &'q Mutex<Queue>) -> MutexGuard<'q, Queue> {
    queue.lock().expect("no thread panics while it holds the lock")
}

/// Takes the next group: as many files as the limits allow.
fn next(queue: &mut Queue) -> Next {
    if queue.failed.is_some() || (queue.files.is_empty() && queue.under_way == 0) {
        return Next::Leave;
    }
    // The first request alone finds out what the server takes; and a group under way may come back.
    if queue.files.is_empty() || (queue.arrived == 0 && queue.under_way > 0) {
        return Next::Wait;
    }
    let mut group: Vec<FileRow> = Vec::new();
    let mut bytes = upload::envelope_bytes();
    while let Some(file) = queue.files.front() {
        let more = request_bytes(file);
        let full = group.len() == queue.limits.files || bytes + more > queue.limits.request_bytes;
        if full && !group.is_empty() {
            break;
        }
        bytes += more;
        group.extend(queue.files.pop_front());
    }
    queue.under_way += 1;
    Next::Send(group)
}

/// Bytes that a file adds to a request.
fn request_bytes(file: &FileRow) -> u64 {
    upload::file_request_bytes(&file.name, file.hash.bytes)
}

fn too_large(file: &FileRow) -> SubmitError {
    let place = match &file.content {
        Content::Path(path) => path.display().to_string(),
        Content::Bytes(_) => file.name.clone(),
    };
    SubmitError::FileTooLarge { place, bytes: file.hash.bytes }
}
