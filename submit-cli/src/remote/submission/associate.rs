//! Associates a batch with its files on the server, so that none is removed while the batch is active.
//!
//! The server stops with an error at the first file that is associated already, and does not process those after it. After a
//! lost reply it is not known how far it came. Where PHP hides its errors, that one is HTTP status 500 with the reply's
//! beginning.
//!
//! A project as `make_project` leaves it has no table for this (it is in db/schema_condor.sql only). Then nothing is
//! associated: no cleaner of such a project reads the table either.

use super::{Link, SubmitError};
use crate::campaign::event::Event;
use crate::project::error::ProjectError;
use crate::project::protocol::id::BatchId;

/// Names in one request.
const NAMES: usize = 5_000;

impl Link<'_> {
    /// Associates files with a batch; returns those that the server does not have.
    pub(super) fn associate<'n>(
        &self,
        batch: BatchId,
        names: &[&'n str],
    ) -> Result<Vec<&'n str>, SubmitError> {
        let mut absent = Vec::new();
        for some in names.chunks(NAMES) {
            self.associate_chunk(batch, some, &mut absent)?;
        }
        Ok(absent)
    }

    /// Names are processed in order, so the associated ones are those before some name. It is found by bisection.
    fn associate_chunk<'n>(
        &self,
        batch: BatchId,
        names: &[&'n str],
        absent: &mut Vec<&'n str>,
    ) -> Result<(), SubmitError> {
        if names.is_empty()
            || self.associate_at_once(batch, names, absent)? == Associated::Now
            || names.len() == 1
        {
            return Ok(());
        }
        let (rest, last) = names.split_at(names.len() - 1);
        if self.associate_at_once(batch, last, absent)? == Associated::Before {
            // The last one was associated before, so all were.
            return Ok(());
        }
        let (left, right) = rest.split_at(rest.len() / 2);
        self.associate_chunk(batch, left, absent)?;
        self.associate_chunk(batch, right, absent)
    }

    fn associate_at_once<'n>(
        &self,
        batch: BatchId,
        names: &[&'n str],
        absent: &mut Vec<&'n str>,
    ) -> Result<Associated, SubmitError> {
        let mut tries = 0;
        let done = self.persist("associate files with the batch", || {
            tries += 1;
            match self.client.associate_files(batch, names) {
                Err(ProjectError::DuplicateRecord { .. }) => Ok(None),
                Err(ProjectError::ServerError { begun: true, .. }) => Ok(None),
                Err(ProjectError::FatalError { message, .. }) if message.contains("doesn't exist") => {
                    let text = format!(
                        "the project does not keep a list of the files of a batch (its administrator can apply \
                         db/schema_condor.sql): {message}"
                    );
                    self.reporter.report(Event::Note { text: &text });
                    Ok(Some(Vec::new()))
                }
                answer => answer.map(Some),
            }
        })?;
        Ok(match done {
            Some(indexes) => {
                absent.extend(indexes.into_iter().filter_map(|index| names.get(index).copied()));
                Associated::Now
            }
            None if tries == 1 => Associated::Before,
            None => Associated::Unsure,
        })
    }
}

/// When files were associated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Associated {
    /// By this call.
    Now,
    /// At least one of them before it.
    Before,
    /// At least one of them before it, or by a try of this call whose reply was lost.
    Unsure,
}
