//! Taking back jobs that were submitted. Aborting twice is no error for the server, so a lost reply is answered by doing
//! it again.

use super::poll::{Eagerness, poll};
use super::{FollowError, submitted};
use crate::campaign::Campaign;
use crate::campaign::cause::Cause;
use crate::campaign::submitted::{BatchRow, Stage, WorkunitRow};
use crate::project::client::ProjectClient;
use crate::project::error::ProjectError;
use crate::project::protocol::batch::{BatchKey, Details};
use crate::project::protocol::id::BatchId;

/// So many jobs in a request: about 200 KB with the longest names, far below what any server takes, and a lost reply
/// costs little.
const JOBS_IN_A_REQUEST: usize = 1_000;

/// Why it is refused in a local campaign.
const LOCAL: &str = "Ctrl-C ends a buoy run";

/// What was taken back.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Aborted {
    /// Batches that the server has aborted now.
    pub batches: usize,
    /// Jobs that were on the server and not over before.
    pub jobs: usize,
    /// Jobs that were never sent, and will not be.
    pub given_up: usize,
    /// Named jobs that were over already.
    pub finished: usize,
}

/// Aborts all that is not over.
///
/// # Errors
/// The project can't be reached or refuses. What is aborted stays so; doing it again goes on.
pub fn abort_campaign(
    campaign: &mut Campaign,
    client: &ProjectClient,
    now: f64,
) -> Result<Aborted, FollowError> {
    let meta = submitted(campaign, LOCAL)?;
    let before = campaign.counts()?;
    let mut aborted = Aborted { jobs: before.unsent + before.in_progress, ..Aborted::default() };
    for batch in campaign.batches()? {
        if matches!(batch.stage, Stage::Complete | Stage::Aborted | Stage::Retired) {
            continue;
        }
        if let Some(id) = server_id(client, &batch, &meta.project().boinc_app)? {
            client.abort_batch(id)?;
            aborted.batches += 1;
        }
        campaign.note_stage(batch.id, Stage::Aborted)?;
    }
    aborted.given_up = campaign.give_up_waiting(&Cause::aborted(), now)?;
    // What was done before the abort came is told apart by the server.
    poll(campaign, client, now, Eagerness::Eager)?;
    Ok(aborted)
}

/// The server's id of a batch; `None` if it has none. A batch that was only named here may be there all the same, if the
/// reply was lost: its name has the round's digest in it.
fn server_id(
    client: &ProjectClient,
    batch: &BatchRow,
    boinc_app: &str,
) -> Result<Option<BatchId>, FollowError> {
    if let Some(id) = batch.number() {
        return Ok(Some(BatchId(id)));
    }
    match client.batch(&BatchKey::Name(batch.name.clone()), Details::Without) {
        Ok(reply) if reply.app_name == boinc_app => Ok(Some(reply.id)),
        Ok(_) | Err(ProjectError::NoSuchBatch { .. } | ProjectError::NotOwner { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Aborts these attempts, as far as they are not over.
///
/// # Errors
/// The project can't be reached or refuses. What is aborted stays so; doing it again goes on.
pub fn abort_jobs(
    campaign: &mut Campaign,
    client: &ProjectClient,
    now: f64,
    rows: &[WorkunitRow],
) -> Result<Aborted, FollowError> {
    submitted(campaign, LOCAL)?;
    let open: Vec<&WorkunitRow> = rows.iter().filter(|row| !row.state.is_finished()).collect();
    // What no batch has was never sent.
    let (known, waiting): (Vec<&WorkunitRow>, _) = open.iter().partition(|row| row.batch.is_some());
    let names: Vec<&str> = known.iter().map(|row| row.new.name.as_str()).collect();
    let absent = abort_names(&names, |list| client.abort_jobs(list))?;
    let given_up: Vec<i64> = waiting
        .iter()
        .chain(known.iter().filter(|row| absent.contains(&row.new.name)))
        .map(|row| row.id)
        .collect();
    let given_up = campaign.give_up_jobs(&given_up, &Cause::aborted(), now)?;
    poll(campaign, client, now, Eagerness::Eager)?;
    Ok(Aborted { batches: 0, jobs: known.len() - absent.len(), given_up, finished: rows.len() - open.len() })
}

/// Aborts workunits in lists that fit a request. The server stops at a name that it does not know, after those before it; that
/// one is left out, and it goes on with the next. Gives the names that it does not know.
fn abort_names(
    names: &[&str],
    mut request: impl FnMut(&[&str]) -> Result<(), ProjectError>,
) -> Result<Vec<String>, ProjectError> {
    let mut absent = Vec::new();
    for list in names.chunks(JOBS_IN_A_REQUEST) {
        let mut rest = list;
        while !rest.is_empty() {
            match request(rest) {
                Ok(()) => break,
                Err(ProjectError::NoSuchJob { job }) => {
                    let Some(at) = rest.iter().position(|name| *name == job) else {
                        return Err(ProjectError::NoSuchJob { job });
                    };
                    absent.push(job);
                    rest = &rest[at + 1..];
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(absent)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that has all names but these, and stops at the first of them.
    fn without<'a>(
        absent: &'a [&'a str],
        asked: &'a mut Vec<usize>,
        aborted: &'a mut Vec<String>,
    ) -> impl FnMut(&[&str]) -> Result<(), ProjectError> + 'a {
        move |list| {
            asked.push(list.len());
            for name in list {
                if absent.contains(name) {
                    return Err(ProjectError::NoSuchJob { job: (*name).to_owned() });
                }
                aborted.push((*name).to_owned());
            }
            Ok(())
        }
    }

    #[test]
    fn after_an_unknown_job_the_rest_is_aborted() {
        let (mut asked, mut aborted) = (Vec::new(), Vec::new());
        let names = ["a", "b", "c", "d", "e"];
        let absent = abort_names(&names, without(&["b", "e"], &mut asked, &mut aborted)).unwrap();
        assert_eq!(absent, ["b", "e"]);
        assert_eq!((aborted.join(""), asked), ("acd".to_owned(), vec![5, 3]));
    }

    #[test]
    fn many_jobs_go_in_several_requests() {
        let names: Vec<String> = (0..2_500).map(|n| n.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (mut asked, mut aborted) = (Vec::new(), Vec::new());
        abort_names(&names, without(&[], &mut asked, &mut aborted)).unwrap();
        assert_eq!((asked, aborted.len()), (vec![1_000, 1_000, 500], 2_500));
    }

    #[test]
    fn an_unknown_name_that_was_not_asked_about_does_not_loop() {
        let error =
            abort_names(&["a"], |_| Err(ProjectError::NoSuchJob { job: "z".to_owned() })).unwrap_err();
        assert!(matches!(error, ProjectError::NoSuchJob { .. }));
        let error = abort_names(&["a"], |_| Err(ProjectError::BadAuthenticator)).unwrap_err();
        assert!(matches!(error, ProjectError::BadAuthenticator));
    }
}
