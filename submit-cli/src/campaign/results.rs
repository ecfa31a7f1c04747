//! What a submitter gets: a directory for each job, and a table of all of them.

use std::path::{Path, PathBuf};

use boinc::visible::visible;

use super::file_error::FileError;
use crate::campaign::{JobRecord, JobStatus};
use crate::plan::app::Output;

/// Name of the table in the directory of results.
pub const TABLE_FILE: &str = "results.csv";

/// Name of the report in the directory of results.
pub const REPORT_FILE: &str = "report.html";

/// So many lines of a failed job's log are shown.
const TAIL_LINES: usize = 12;

/// Whether outputs of a finished job are not in its directory any more; those that may be missing don't count.
pub fn is_lost(results: &Path, job: &JobRecord, outputs: &[Output]) -> bool {
    let dir = results.join(&job.name);
    job.status() == JobStatus::Done
        && outputs.iter().filter(|output| !output.optional).any(|output| !dir.join(&output.name).exists())
}

/// The last lines of a log.
pub fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

/// The table of results: a row for each job, in order, with a column for each output.
pub fn table(jobs: &[JobRecord], outputs: &[String], host: &str, results: &Path) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let fixed = [
        "job",
        "status",
        "wall_seconds",
        "cpu_seconds",
        "memory_bytes",
        "host",
        "exit_status",
        "results",
        "cause",
    ];
    let header = fixed.iter().copied().chain(outputs.iter().map(String::as_str));
    let mut write = |row: Vec<String>| writer.write_record(row).expect("memory takes it, and rows are even");
    write(header.map(str::to_owned).collect());
    for job in jobs {
        let telling = job.telling();
        let number = |value: Option<String>| value.unwrap_or_default();
        let mut row = vec![
            job.name.clone(),
            job.status().word().to_owned(),
            number(telling.map(|result| format!("{:.3}", result.elapsed_seconds))),
            number(telling.map(|result| format!("{:.3}", result.cpu_seconds))),
            // A job that ends before it is looked at has used some memory; nobody knows how much.
            number(
                telling.filter(|result| result.peak_bytes > 0).map(|result| result.peak_bytes.to_string()),
            ),
            if telling.is_some() { host.to_owned() } else { String::new() },
            number(telling.and_then(|result| result.exit_status).map(|status| status.to_string())),
            job.results.iter().filter(|result| result.started.is_some()).count().to_string(),
            // A cause can quote what a build printed.
            inert(&visible(job.cause.as_deref().unwrap_or_default())),
        ];
        for output in outputs {
            let path = format!("{}/{output}", job.name);
            let there = job.status() == JobStatus::Done && results.join(&path).exists();
            row.push(if there { path } else { String::new() });
        }
        write(row);
    }
    let bytes = writer.into_inner().expect("memory takes it");
    String::from_utf8(bytes).expect("made of text")
}

/// Writes the table, whole or not at all; its path.
pub fn write_table(
    jobs: &[JobRecord],
    outputs: &[String],
    host: &str,
    results: &Path,
) -> Result<PathBuf, FileError> {
    let path = results.join(TABLE_FILE);
    boinc::atomic_file::write_atomically(&path, table(jobs, outputs, host, results).as_bytes())
        .map_err(FileError::at(&path, "write it"))?;
    Ok(path)
}

/// A text that a spreadsheet takes for text. Where it would take it for a formula, an apostrophe comes first.
pub(crate) fn inert(text: &str) -> String {
    let mark = if text.starts_with(['=', '+', '-', '@', '\t']) { "'" } else { "" };
    format!("{mark}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::ResultRecord;
    use crate::campaign::workunit::{ErrorMask, Outcome, ResultState, ValidateState};

    fn job(name: &str) -> JobRecord {
        JobRecord {
            id: 1,
            name: name.to_owned(),
            wu_name: format!("a-0__b__{name}"),
            fingerprint: String::new(),
            in_plan: true,
            first_n: 0,
            target_nresults: 2,
            errors: ErrorMask::default(),
            canonical: None,
            assimilated: false,
            cause: None,
            results: Vec::new(),
        }
    }

    fn result(n: u32, outcome: Outcome) -> ResultRecord {
        ResultRecord {
            state: ResultState::Over(outcome),
            started: Some(1.0),
            elapsed_seconds: 1.5 + f64::from(n),
            cpu_seconds: 1.25,
            peak_bytes: 4096,
            exit_status: Some(0),
            ..ResultRecord::unsent(n)
        }
    }

    #[test]
    fn the_table_tells_of_the_canonical_result_and_of_the_failure() {
        let dir = tempfile::tempdir().unwrap();
        let valid = Outcome::Success(ValidateState::Valid);
        let mut done = job("aspirin");
        done.results = vec![result(0, valid), result(1, valid)];
        done.canonical = Some(1);
        done.assimilated = true;
        std::fs::create_dir(dir.path().join("aspirin")).unwrap();
        std::fs::write(dir.path().join("aspirin/poses.pdbqt"), "").unwrap();
        let mut failed = job("caffeine");
        let mut error = result(0, Outcome::ClientError);
        error.exit_status = Some(139);
        error.cause = Some("process exited with code 139".to_owned());
        failed.results = vec![error];
        failed.errors = ErrorMask::TOO_MANY_ERRORS;
        failed.assimilated = true;
        failed.cause = Some("code 139, \"twice\"\u{1b}[2J".to_owned());
        let jobs = [done, failed, job("menthol")];
        let outputs = ["poses.pdbqt".to_owned(), "log".to_owned()];
        insta::assert_snapshot!(table(&jobs, &outputs, "host", dir.path()), @r#"
        job,status,wall_seconds,cpu_seconds,memory_bytes,host,exit_status,results,cause,poses.pdbqt,log
        aspirin,done,2.500,1.250,4096,host,0,2,,aspirin/poses.pdbqt,
        caffeine,failed,1.500,1.250,4096,host,139,1,"code 139, ""twice""\u{1b}[2J",,
        menthol,waiting,,,,,,0,,,
        "#);
    }
}
