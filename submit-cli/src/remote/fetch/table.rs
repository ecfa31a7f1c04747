//! `results.csv` of a campaign that went to a project.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use boinc::visible::visible;

use super::FetchError;
use crate::campaign::Campaign;
use crate::campaign::file_error::FileError;
use crate::campaign::results::{TABLE_FILE, inert};
use crate::campaign::sent::{Facts, WorkunitRow, WorkunitState};

/// Writes it, whole or not at all; its path.
pub(super) fn write(campaign: &Campaign, facts: &Facts, dir: &Path) -> Result<PathBuf, FetchError> {
    let outputs: Vec<&str> = facts.outputs.iter().map(|output| output.name.as_str()).collect();
    let mut rows = campaign.current()?;
    // In the order of the jobs' source, also those that were tried again later.
    let first = campaign.first_attempts()?;
    let places: HashMap<&str, i64> =
        first.iter().map(|workunit| (workunit.new.job.as_str(), workunit.id)).collect();
    rows.sort_by_key(|row| places.get(row.new.job.as_str()).copied());
    let text = table(&rows, &outputs, |path| dir.join(path).is_file());
    let path = dir.join(TABLE_FILE);
    boinc::atomic_file::write_atomically(&path, text.as_bytes())
        .map_err(|error| FetchError::file(FileError::at(&path, "write it")(error)))?;
    Ok(path)
}

/// A row for each job, with a column for each output: its path, if it is there.
fn table(rows: &[WorkunitRow], outputs: &[&str], is_there: impl Fn(&str) -> bool) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let fixed = ["job", "status", "attempt", "exit_status", "cause", "cpu_seconds", "elapsed_seconds"];
    let mut write = |row: Vec<String>| writer.write_record(row).expect("memory takes it, and rows are even");
    write(fixed.iter().chain(outputs).map(|name| (*name).to_owned()).collect());
    for row in rows {
        let seconds = |value: Option<f64>| value.map(|value| format!("{value:.3}")).unwrap_or_default();
        let mut record = vec![
            row.new.job.clone(),
            row.state.word().to_owned(),
            (row.attempt + 1).to_string(),
            row.exit_status.map(|status| status.to_string()).unwrap_or_default(),
            // A cause can quote what a job printed.
            inert(&visible(row.cause.as_deref().unwrap_or_default())),
            seconds(row.cpu_seconds),
            seconds(row.elapsed_seconds),
        ];
        for output in outputs {
            let path = format!("{}/{output}", row.new.job);
            let there = row.state == WorkunitState::Done && row.fetched && is_there(&path);
            record.push(if there { path } else { String::new() });
        }
        write(record);
    }
    let bytes = writer.into_inner().expect("memory takes it");
    String::from_utf8(bytes).expect("made of text")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::sent::{FileNames, NewWorkunit, Round};

    #[test]
    fn a_cause_is_no_formula() {
        for (text, expected) in [
            ("=HYPERLINK(\"http://x\")", "'=HYPERLINK(\"http://x\")"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("exit status 1: =1", "exit status 1: =1"),
            ("", ""),
        ] {
            assert_eq!(inert(text), expected);
        }
    }

    #[test]
    fn rows_are_in_the_order_of_the_jobs_also_after_a_retry() {
        let dir = tempfile::tempdir().unwrap();
        let mut campaign = Campaign::open_for_run(dir.path()).unwrap();
        let round = Round::of_no_files();
        let new = |job: &str, name: &str| NewWorkunit {
            job: job.to_owned(),
            name: name.to_owned(),
            command_line: String::new(),
            inputs: FileNames::default(),
        };
        campaign.add_round(&round, &[new("sea", "w-sea"), new("harbour", "w-harbour")]).unwrap();
        campaign.add_round(&round, &[new("sea", "w-sea.r1")]).unwrap();
        let facts = Facts {
            project: String::new(),
            url: String::new(),
            boinc_app: String::new(),
            app: String::new(),
            bundle: String::new(),
            batch: String::new(),
            outputs: Vec::new(),
            program: String::new(),
            memory_bytes: 0,
            disk_bytes: 0,
            deadline_seconds: 0,
            begun: 0.0,
        };
        let path = write(&campaign, &facts, dir.path()).unwrap();
        insta::assert_snapshot!(std::fs::read_to_string(path).unwrap(), @r"
        job,status,attempt,exit_status,cause,cpu_seconds,elapsed_seconds
        sea,waiting,2,,,,
        harbour,waiting,1,,,,
        ");
    }
}
