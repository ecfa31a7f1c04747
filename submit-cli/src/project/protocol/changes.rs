//! What has changed in a batch (`query_batch2`).

use crate::project::xml::{Elements, number, value};

/// Changes of one batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Changes {
    /// The server's clock, seconds since 1970: ask from here the next time.
    pub server_time: f64,
    /// The jobs that changed.
    pub jobs: Vec<ChangedJob>,
}

/// A job that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedJob {
    /// The workunit's name.
    pub name: String,
    /// Where it is now.
    pub state: ChangedState,
}

/// Where a changed job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangedState {
    /// There is a canonical instance.
    Done,
    /// Failed for good.
    Error,
    /// At least one instance was sent.
    InProgress,
    /// None was sent yet.
    Unsent,
}

/// From the inside of `<query_batch2>` that asked for one batch.
pub(crate) fn parse(text: &str) -> Result<Changes, String> {
    let jobs = Elements::new(text, "<job>", "</job>").map(|job| {
        let job = job?;
        let word = value(job, "status").ok_or("no <status> in a <job>")?;
        let state = match word {
            "DONE" => ChangedState::Done,
            "ERROR" => ChangedState::Error,
            "IN_PROGRESS" => ChangedState::InProgress,
            "UNSENT" => ChangedState::Unsent,
            word => return Err(format!("status \"{word}\", which is unknown")),
        };
        let name = value(job, "job_name").ok_or("no <job_name> in a <job>")?.to_owned();
        Ok(ChangedJob { name, state })
    });
    let changes = Changes {
        server_time: number(text, "server_time").ok_or("no number in <server_time>")?,
        jobs: jobs.collect::<Result<_, String>>()?,
    };
    // A reply that lost its middle would otherwise look like one of few changes.
    match number::<usize>(text, "batch_size") {
        Some(told) if told != changes.jobs.len() => {
            Err(format!("{} jobs where <batch_size> says {told}", changes.jobs.len()))
        }
        _ => Ok(changes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_disagrees_is_an_error() {
        let text = "<server_time>5.5</server_time><batch_size>2</batch_size>\
                    <job><job_name>a</job_name><status>DONE</status></job>";
        assert_eq!(parse(text).unwrap_err(), "1 jobs where <batch_size> says 2");
    }
}
