//! The scripts of a route, run once on made-up results, as the shims run them.

use std::fs;
use std::io;
use std::path::Path;

use boinc::names::workunit::{HASH_DIGITS, OutputName, WorkunitName};
use serde::Serialize;
use validators::routes::Routed;
use validators::script::{End, Outcome, Purpose, Request, RequestOutput, RequestResult, Script};
use validators::subject::Subject;

use crate::clock::Clock;

/// Why a script that fails on a made-up output would fail on real ones.
const ANYBODY: &str = "the output was made up, as a volunteer can send anything: a script must answer it with exit code 10 (or 0), \
                       otherwise validation of this app is suspended";

/// Why a script that assimilates is not run.
const STORES: &str = "it may store results";

/// A script of a route.
#[derive(Debug, Serialize)]
pub struct ScriptReport {
    /// When the shims run it.
    pub purpose: Purpose,
    /// What was found out about it.
    #[serde(flatten)]
    pub status: ScriptStatus,
}

/// Whether a script can be run, and how it answers.
#[derive(Debug, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum ScriptStatus {
    /// It ran, and answered.
    Runs {
        /// Its answer to a made-up result, or of two that differ.
        answer: Answer,
        /// The last line that it printed, if its answer is not good.
        said: String,
    },
    /// It is there, or its image is, and was not run.
    Exists {
        /// Why it was not run; `null` if nothing was to be run.
        not_run: Option<&'static str>,
    },
    /// It cannot be run, or gives no valid answer.
    Broken {
        /// The error.
        why: String,
    },
}

/// What a script can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Acceptable; the same.
    Good,
    /// Not acceptable; different.
    Bad,
    /// It cannot decide yet.
    Later,
}

impl Answer {
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Later => "later",
        }
    }
}

/// Checks all scripts of a route, and with `clock` runs those that judge, until the user wants to stop.
pub(super) fn inspect(routed: &Routed, subject: &Subject, clock: Option<&dyn Clock>) -> Vec<ScriptReport> {
    let Some(script) = &routed.script else { return Vec::new() };
    let all = [Purpose::Init, Purpose::Compare, Purpose::Assimilate].into_iter();
    let reports = all.filter_map(|purpose| {
        let status = match (script.check(purpose)?, clock) {
            (Err(why), _) => ScriptStatus::Broken { why },
            (Ok(()), None) => ScriptStatus::Exists { not_run: None },
            (Ok(()), Some(_)) if purpose == Purpose::Assimilate => {
                ScriptStatus::Exists { not_run: Some(STORES) }
            }
            (Ok(()), Some(clock)) if clock.interrupted() => {
                ScriptStatus::Exists { not_run: Some("interrupted") }
            }
            (Ok(()), Some(_)) => run(script, routed, subject, purpose)?,
        };
        Some(ScriptReport { purpose, status })
    });
    reports.collect()
}

/// Runs the script for a purpose; `None` if there is none.
fn run(script: &Script, routed: &Routed, subject: &Subject, purpose: Purpose) -> Option<ScriptStatus> {
    // Gone afterwards, and not the project's: whoever checks leaves nothing there.
    let directory = match tempfile::Builder::new().prefix("buoy-routes-").tempdir() {
        Ok(directory) => directory,
        Err(error) => return Some(ScriptStatus::Broken { why: unprepared(&error) }),
    };
    let instances = if purpose == Purpose::Compare { 0..2 } else { 0..1 };
    let results: io::Result<Vec<_>> =
        instances.map(|instance| make_up(directory.path(), routed, subject, instance)).collect();
    let results = match results {
        Ok(results) => results,
        Err(error) => return Some(ScriptStatus::Broken { why: unprepared(&error) }),
    };
    let request = Request::new(purpose, subject, results);
    Some(match script.run(&request, &directory.path().join("state"))? {
        Outcome::Good => ScriptStatus::Runs { answer: Answer::Good, said: String::new() },
        Outcome::Bad(said) => ScriptStatus::Runs { answer: Answer::Bad, said },
        Outcome::Later(said) => ScriptStatus::Runs { answer: Answer::Later, said },
        Outcome::Broken { end: End::NotStarted, how } => ScriptStatus::Broken { why: how },
        Outcome::Broken { how, .. } => ScriptStatus::Broken { why: format!("{how}; {ANYBODY}") },
    })
}

fn unprepared(error: &io::Error) -> String {
    format!("not run: failed to create made-up outputs in {}: {error}", std::env::temp_dir().display())
}

/// Writes a result's outputs: those that the route lists, or one. No two are the same.
fn make_up(directory: &Path, routed: &Routed, subject: &Subject, instance: u32) -> io::Result<RequestResult> {
    let directory = directory.canonicalize()?;
    let count = routed.route.outputs.as_ref().map_or(1, Vec::len);
    let mut outputs = Vec::new();
    for number in 0..count {
        let name = OutputName {
            workunit: subject.workunit.clone(),
            instance,
            random: 1_000_000_000,
            // Counted as the template counts, far below 2^32.
            output: u32::try_from(number).unwrap_or(u32::MAX),
        };
        let physical_name = name.to_string();
        let path = directory.join(&physical_name);
        let text =
            format!("made up by buoy admin routes check: output {number} of result {instance}, of no job\n");
        fs::write(&path, &text)?;
        outputs.push(RequestOutput {
            number,
            name: routed.name(number).map(str::to_owned),
            physical_name,
            path,
            bytes: Some(text.len() as u64),
        });
    }
    Ok(RequestResult {
        name: Some(format!("{}_{instance}", subject.workunit)),
        instance: Some(instance),
        outputs,
        ..RequestResult::default()
    })
}

/// A workunit that there could be for a route of this key: `APP-HASH`, `APP` or `default`.
pub(super) fn made_up_subject(key: &str) -> Subject {
    let no_hash = "0".repeat(HASH_DIGITS);
    let key = if key == "default" { "made-up" } else { key };
    let of_bundle = key.rsplit_once('-').and_then(|(app, hash)| named(app, hash));
    of_bundle.or_else(|| named(key, &no_hash)).unwrap_or_else(|| Subject {
        workunit: "made_up".to_owned(),
        app: Some(key.to_owned()),
        ..Subject::default()
    })
}

fn named(app: &str, hash: &str) -> Option<Subject> {
    let name = WorkunitName::new(app, hash, "made-up", "made-up").ok()?;
    Some(Subject::new(&name.to_string(), &[]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_workunit_leads_to_the_route_it_is_for() {
        for (key, keys) in [
            ("vina", vec!["vina-000000000000", "vina"]),
            ("vina-0123456789ab", vec!["vina-0123456789ab", "vina"]),
            ("my-app", vec!["my-app-000000000000", "my-app"]),
            ("default", vec!["made-up-000000000000", "made-up"]),
            ("No App", vec!["No App"]),
        ] {
            assert_eq!(made_up_subject(key).keys(), keys, "{key}");
        }
    }
}
