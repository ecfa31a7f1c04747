//! Ties a batch to its files on the server, so that none is cleaned away while the batch is active.
//!
//! The server ends in an error at the first file that is tied already, and leaves those after it as they are. After a
//! lost reply it is not known how far it came. Where PHP hides its errors, that one is an HTTP status 500 with the reply's
//! beginning.
//!
//! A project as `make_project` leaves it has no table for this (it is in db/schema_condor.sql only). Then nothing is
//! tied: no cleaner of such a project looks at the table either.

use super::reporter::SubmitEvent;
use super::{Link, SubmitError};
use crate::project::error::ProjectError;
use crate::project::protocol::id::BatchId;

/// So many names in one request.
const NAMES: usize = 5_000;

impl Link<'_> {
    /// Ties files to a batch; those that the server turns out not to have.
    pub(super) fn tie<'n>(&self, batch: BatchId, names: &[&'n str]) -> Result<Vec<&'n str>, SubmitError> {
        let mut absent = Vec::new();
        for some in names.chunks(NAMES) {
            self.tie_some(batch, some, &mut absent)?;
        }
        Ok(absent)
    }

    /// Names are tied in order, so the tied ones are those before some place. It is found by halves.
    fn tie_some<'n>(
        &self,
        batch: BatchId,
        names: &[&'n str],
        absent: &mut Vec<&'n str>,
    ) -> Result<(), SubmitError> {
        if names.is_empty() || self.tie_at_once(batch, names, absent)? == Tied::Now || names.len() == 1 {
            return Ok(());
        }
        let (rest, last) = names.split_at(names.len() - 1);
        if self.tie_at_once(batch, last, absent)? == Tied::Before {
            // The last one was tied before, so all were.
            return Ok(());
        }
        let (left, right) = rest.split_at(rest.len() / 2);
        self.tie_some(batch, left, absent)?;
        self.tie_some(batch, right, absent)
    }

    fn tie_at_once<'n>(
        &self,
        batch: BatchId,
        names: &[&'n str],
        absent: &mut Vec<&'n str>,
    ) -> Result<Tied, SubmitError> {
        let mut tries = 0;
        let tied = self.persist("tie files to the batch", || {
            tries += 1;
            match self.client.tie_files(batch, names) {
                Err(ProjectError::DuplicateRecord { .. }) => Ok(None),
                Err(ProjectError::ServerError { begun: true, .. }) => Ok(None),
                Err(ProjectError::FatalError { message, .. }) if message.contains("doesn't exist") => {
                    self.reporter.report(SubmitEvent::Untied { why: &message });
                    Ok(Some(Vec::new()))
                }
                answer => answer.map(Some),
            }
        })?;
        Ok(match tied {
            Some(indexes) => {
                absent.extend(indexes.into_iter().filter_map(|index| names.get(index).copied()));
                Tied::Now
            }
            None if tries == 1 => Tied::Before,
            None => Tied::Unsure,
        })
    }
}

/// When files were tied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tied {
    /// By this call.
    Now,
    /// At least one of them before it.
    Before,
    /// At least one of them before it, or by a try of this call whose reply was lost.
    Unsure,
}
