//! Failed jobs once more: new workunits with the same inputs and arguments, in a round of their own.
//!
//! A workunit's name can't be used twice (BOINC's are unique in a project), so an attempt gets the job's name with `-rN`
//! after it: with a dot in the name, the server's zip of its outputs would be empty (`html/user/get_output.php`, which relies
//! on `zip` to add `.zip` to the name). A round is made for each round that failed jobs come from, since its templates are what is changed.

use std::collections::{BTreeMap, HashSet};

use boinc::names::workunit::{MAX_BYTES, NameError, WorkunitName};
use sha2::{Digest, Sha256};

use super::{FollowError, submitted};
use crate::campaign::bounds;
use crate::campaign::job_view::JobState;
use crate::campaign::submitted::{NewWorkunit, Round, RoundRow, WorkunitRow};
use crate::campaign::{Campaign, CampaignError};
use crate::plan::content;
use crate::plan::units;
use crate::remote::submission::submission_plan::digest;

/// Digits that stand for the rest of a job's name where it is too long for another attempt's.
const SHORT_DIGITS: usize = 8;

/// A kind of value, and how it is written.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Size,
    Time,
    Operations,
    Count,
}

impl Kind {
    fn accepted(self) -> &'static str {
        match self {
            Self::Size => units::SIZE_FORM,
            Self::Time => units::DURATION_FORM,
            Self::Operations => "a number, as in 1e12",
            Self::Count => "a whole number from 1 to 1000",
        }
    }

    fn parse(self, text: &str) -> Option<f64> {
        match self {
            Self::Size => units::size(text).filter(|&bytes| bytes > 0).map(|bytes| bytes as f64),
            // delay_bound is an int of seconds (db/boinc_db_types.h).
            Self::Time => units::duration(text)
                .map(|time| time.as_secs())
                .filter(|seconds| (1..=i32::MAX as u64).contains(seconds))
                .map(|seconds| seconds as f64),
            Self::Operations => text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0),
            Self::Count => text
                .parse()
                .ok()
                .filter(|count| (1..=1000).contains(count))
                .map(|count: u32| f64::from(count)),
        }
    }

    /// As it stands in a template.
    fn write(self, value: f64) -> String {
        match self {
            Self::Operations => format!("{value:e}"),
            Self::Size | Self::Time | Self::Count => format!("{value:.0}"),
        }
    }
}

/// What can be changed: the key as in `app.toml`, the element of the template, the kind of value.
const KEYS: [(&str, &str, Kind); 10] = [
    ("memory", "rsc_memory_bound", Kind::Size),
    ("disk", "rsc_disk_bound", Kind::Size),
    ("deadline", "delay_bound", Kind::Time),
    (FLOPS, "rsc_fpops_est", Kind::Operations),
    (FLOPS_BOUND, "rsc_fpops_bound", Kind::Operations),
    ("quorum", "min_quorum", Kind::Count),
    ("total", "target_nresults", Kind::Count),
    ("max_errors", "max_error_results", Kind::Count),
    ("max_success", "max_success_results", Kind::Count),
    ("max_total", "max_total_results", Kind::Count),
];
const FLOPS: &str = "flops";
const FLOPS_BOUND: &str = "flops_bound";

/// What must not be greater than what; create_work refuses the counts otherwise.
const ORDER: [(&str, &str); 5] = [
    ("quorum", "total"),
    ("total", "max_success"),
    ("max_success", "max_total"),
    ("max_errors", "max_total"),
    (FLOPS, FLOPS_BOUND),
];

/// What the next attempts get another value of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    values: BTreeMap<&'static str, f64>,
    words: Vec<String>,
}

impl Changes {
    /// Reads `KEY=VALUE`s, with keys and values as in `app.toml`.
    ///
    /// # Errors
    /// The first that is not understood.
    pub fn parse(given: &[impl AsRef<str>]) -> Result<Self, FollowError> {
        let mut changes = Self::default();
        for given in given.iter().map(AsRef::as_ref) {
            let refuse = |found: String, accepted: String| {
                FollowError::Refused(format!("--with {given}: {found}; accepted: {accepted}"))
            };
            let keys = || KEYS.map(|(key, _, _)| key).join(", ");
            let (key, value) = given.split_once('=').ok_or_else(|| {
                refuse("no \"=\" in it".to_owned(), format!("KEY=VALUE with one of {}", keys()))
            })?;
            let (key, value) = (key.trim(), value.trim().trim_matches('"'));
            let (key, _, kind) = KEYS
                .iter()
                .find(|(known, _, _)| *known == key)
                .ok_or_else(|| refuse(format!("there is no {key:?} to change"), keys()))?;
            let number = kind
                .parse(value)
                .ok_or_else(|| refuse(format!("{value:?} is no {key}"), kind.accepted().to_owned()))?;
            if changes.values.insert(*key, number).is_some() {
                return Err(refuse(format!("{key} is given twice"), "each key once".to_owned()));
            }
            changes.words.push(format!("{key}={value}"));
        }
        Ok(changes)
    }

    /// For people: `memory=4 GB, deadline=3 days`; empty if nothing changes.
    pub fn words(&self) -> String {
        self.words.join(", ")
    }

    /// A template with these values.
    fn apply(&self, template: &str) -> Result<String, FollowError> {
        let mut values = self.values.clone();
        // As in app.toml, where the bound follows the estimate.
        if let (Some(flops), None) = (values.get(FLOPS), values.get(FLOPS_BOUND)) {
            let bound = bounds::number(template, "rsc_fpops_bound").unwrap_or(0.0).max(100.0 * flops);
            values.insert(FLOPS_BOUND, bound);
        }
        let mut text = template.to_owned();
        for (key, tag, kind) in KEYS {
            if let Some(value) = values.get(key) {
                text = bounds::with(&text, tag, &kind.write(*value)).ok_or_else(no_workunit)?;
            }
        }
        let found = |key: &str| {
            let (_, tag, _) = KEYS.iter().find(|(known, _, _)| *known == key)?;
            bounds::number(&text, tag)
        };
        for (small, large) in ORDER {
            let is_touched = values.contains_key(small) || values.contains_key(large);
            if let (true, Some(less), Some(more)) = (is_touched, found(small), found(large))
                && less > more
            {
                return Err(FollowError::Refused(format!(
                    "{small} would be {less}, and {large} {more}; {small} must not be greater than {large}: change both \
                     with --with"
                )));
            }
        }
        Ok(text)
    }
}

/// What is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retried {
    /// Numbers of the rounds in the campaign file.
    pub rounds: Vec<i64>,
    /// The jobs.
    pub jobs: Vec<String>,
}

/// Adds rounds to the campaign for jobs that failed: those that are named, else all. Nothing is sent. What was added and not
/// sent yet is not added again.
///
/// # Errors
/// A job has not failed, none has, or the changes do not go together; nothing is added then.
pub fn retry(campaign: &mut Campaign, jobs: &[String], changes: &Changes) -> Result<Retried, FollowError> {
    let meta = submitted(campaign, "buoy run --retry tries its failed jobs again")?;
    let rounds = campaign.rounds()?;
    let failed = chosen(campaign, jobs, &rounds, changes)?;
    let mut names = campaign.workunit_names()?;
    let mut new: Vec<(Round, Vec<NewWorkunit>)> = Vec::new();
    for RoundRow { id, round } in rounds {
        let of_round: Vec<&WorkunitRow> = failed.iter().filter(|row| row.round == id).collect();
        if of_round.is_empty() {
            continue;
        }
        let workunits = of_round
            .into_iter()
            .map(|row| Ok(NewWorkunit { name: next_name(row, &mut names)?, ..row.new.clone() }))
            .collect::<Result<Vec<_>, FollowError>>()?;
        let input_template = changes.apply(&round.input_template)?;
        let rsc_fpops_est = bounds::number(&input_template, "rsc_fpops_est").unwrap_or(round.rsc_fpops_est);
        let mut round = Round { input_template, rsc_fpops_est, changed: changes.words(), ..round };
        round.digest = digest(&meta.project().boinc_app, &round, &workunits);
        new.push((round, workunits));
    }
    let rounds = new
        .iter()
        .map(|(round, workunits)| campaign.add_round(round, workunits))
        .collect::<Result<Vec<_>, CampaignError>>()?;
    Ok(Retried { rounds, jobs: failed.into_iter().map(|row| row.new.job).collect() })
}

/// The last attempts that failed, all or those of the named jobs. One that an earlier call has made already with the same
/// changes, and that was not sent yet, needs no other.
fn no_workunit() -> FollowError {
    FollowError::Refused(
        "the input template of this campaign has no <workunit>, so nothing in it can be changed; retry without --with"
            .to_owned(),
    )
}

fn chosen(
    campaign: &Campaign,
    jobs: &[String],
    rounds: &[RoundRow],
    changes: &Changes,
) -> Result<Vec<WorkunitRow>, FollowError> {
    if jobs.is_empty() {
        let failed = campaign.current_in(JobState::Failed)?;
        let is_nothing_left = failed.is_empty() && campaign.counts()?.waiting == 0;
        let nothing = "no job of this campaign has failed; there is nothing to try again";
        return if is_nothing_left { Err(FollowError::Refused(nothing.to_owned())) } else { Ok(failed) };
    }
    let is_made = |row: &WorkunitRow| {
        let of = rounds.iter().find(|round| round.id == row.round);
        row.attempt > 0 && of.is_some_and(|round| round.round.changed == changes.words())
    };
    let mut seen = HashSet::new();
    let mut chosen = Vec::new();
    for job in jobs.iter().filter(|job| seen.insert(job.as_str())) {
        let last = campaign.attempts(job)?.pop();
        match last {
            Some(row) if row.state == JobState::Failed => chosen.push(row),
            Some(row) if row.state == JobState::Waiting && is_made(&row) => {}
            last => {
                let state = last.map_or("not of this campaign", |row| row.state.word());
                let text = format!("job {job} is {state}; only failed jobs are tried again");
                return Err(FollowError::Refused(text));
            }
        }
    }
    Ok(chosen)
}

/// The name of the next attempt: the job's with `-rN` after it, or another number where that is taken.
fn next_name(row: &WorkunitRow, names: &mut HashSet<String>) -> Result<String, FollowError> {
    let failed = |error: NameError| {
        FollowError::Refused(format!("job {}: no name for another attempt: {error}", row.new.job))
    };
    let last: WorkunitName = row.new.name.parse().map_err(failed)?;
    for attempt in row.attempt + 1.. {
        let suffix = format!("-r{attempt}");
        let room = MAX_BYTES - last.to_string().len() + last.job().len() - suffix.len();
        let job = format!("{}{suffix}", shortened(&row.new.job, room));
        let name =
            WorkunitName::new(last.app(), last.hash(), last.batch(), &job).map_err(failed)?.to_string();
        if names.insert(name.to_ascii_lowercase()) {
            return Ok(name);
        }
    }
    unreachable!("a campaign has fewer names than there are numbers")
}

/// A job's name cut to so many bytes, with a few digits for what was cut off.
fn shortened(job: &str, room: usize) -> String {
    if job.len() <= room {
        return job.to_owned();
    }
    let hash = content::hex(&Sha256::digest(job.as_bytes()));
    let kept = room.saturating_sub(SHORT_DIGITS + 1).max(1);
    // Names of jobs are ASCII, so any place is good for a cut; "__file" must not end there.
    format!("{}-{}", job[..kept].trim_end_matches('_'), &hash[..SHORT_DIGITS])
}

#[cfg(test)]
mod tests;
