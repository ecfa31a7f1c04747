//! What a submitter gets: a directory for each job, and a table of all of them.

use std::path::{Path, PathBuf};

use boinc::calendar::utc;
use boinc::visible::visible;

use super::file_error::write_whole;
use super::job_view::{JobState, JobView};
use super::meta::{CampaignMeta, OutputMeta};
use super::{Campaign, CampaignError};

/// Name of the table in the directory of results.
pub const TABLE_FILE: &str = "results.csv";

/// Name of the report in the directory of results.
pub const REPORT_FILE: &str = "report.html";

/// Number of lines of a failed job's log that are shown.
const TAIL_LINES: usize = 12;

/// The columns before those of parameters and outputs: the fields of [`JobView`].
const COLUMNS: [&str; 13] = [
    "job",
    "state",
    "attempt",
    "workunit",
    "results",
    "exit_status",
    "cause_kind",
    "cause",
    "elapsed_seconds",
    "cpu_seconds",
    "memory_bytes",
    "host",
    "started",
];

/// Whether a name is that of an entry of a directory on every system, and leads nowhere else.
pub fn is_plain(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\\', '\0'])
}

/// Whether the outputs of a job that it must have are in a directory of results.
pub fn has_outputs(results: &Path, job: &str, outputs: &[OutputMeta]) -> bool {
    let dir = results.join(job);
    outputs.iter().filter(|output| !output.optional).all(|output| dir.join(&output.name).is_file())
}

/// The last lines of a log.
pub fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

/// Writes the table of a campaign to a directory that has outputs of it, whole or not at all; its path.
///
/// # Errors
/// The campaign file cannot be read, or the table cannot be written.
pub fn write_table(campaign: &Campaign, dir: &Path) -> Result<PathBuf, CampaignError> {
    let meta = campaign.meta()?.unwrap_or_default();
    let text = table(&campaign.job_views()?, &meta, |path| dir.join(path).is_file());
    let path = dir.join(TABLE_FILE);
    write_whole(&path, text.as_bytes())?;
    Ok(path)
}

/// A row for each job, with a column for each parameter and each output: its path, if it is there.
fn table(jobs: &[JobView], meta: &CampaignMeta, is_there: impl Fn(&str) -> bool) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write = |row: Vec<String>| writer.write_record(row).expect("memory takes it, and rows are even");
    write(header(meta));
    for job in jobs {
        let mut row = fixed(job);
        let value = |name: &String| job.parameters.get(name).map_or("", String::as_str);
        row.extend(meta.parameters.iter().map(|name| cell(value(name))));
        for output in &meta.outputs {
            let path = format!("{}/{}", job.job, output.name);
            let there = job.state == JobState::Done && job.fetched && is_there(&path);
            row.push(if there { path } else { String::new() });
        }
        write(row);
    }
    let bytes = writer.into_inner().expect("memory takes it");
    String::from_utf8(bytes).expect("made of text")
}

/// The names of the columns. A parameter with the name of another column gets a prefix.
fn header(meta: &CampaignMeta) -> Vec<String> {
    let outputs = || meta.outputs.iter().map(|output| output.name.as_str());
    let parameters = meta.parameters.iter().map(|name| {
        let is_taken = COLUMNS.contains(&name.as_str()) || outputs().any(|output| output == name);
        if is_taken { format!("parameter.{name}") } else { name.clone() }
    });
    let fixed = COLUMNS.iter().map(|name| (*name).to_owned());
    fixed.chain(parameters).chain(outputs().map(str::to_owned)).collect()
}

fn fixed(job: &JobView) -> Vec<String> {
    fn text(value: Option<impl ToString>) -> String {
        value.map(|value| value.to_string()).unwrap_or_default()
    }
    let seconds = |value: Option<f64>| text(value.map(|value| format!("{value:.3}")));
    vec![
        job.job.clone(),
        job.state.word().to_owned(),
        job.attempt.to_string(),
        job.workunit.clone(),
        text(job.results),
        text(job.exit_status),
        text(job.cause_kind.map(super::cause::CauseKind::word)),
        // A cause can quote what a job or a build printed.
        cell(job.cause.as_deref().unwrap_or_default()),
        seconds(job.elapsed_seconds),
        seconds(job.cpu_seconds),
        text(job.memory_bytes),
        cell(job.host.as_deref().unwrap_or_default()),
        text(job.started.map(utc)),
    ]
}

/// A text that a terminal and a spreadsheet take for text. Where a spreadsheet would take it for a formula, an apostrophe comes
/// first; a number stays a number.
fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t']) && text.parse::<f64>().is_err();
    format!("{}{}", if is_formula { "'" } else { "" }, visible(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::cause::CauseKind;
    use crate::campaign::job_view::Parameters;
    use crate::campaign::meta::OutputMeta;

    fn view(job: &str, state: JobState) -> JobView {
        JobView {
            job: job.to_owned(),
            state,
            attempt: 0,
            workunit: format!("a-0__b__{job}"),
            results: None,
            exit_status: None,
            cause_kind: None,
            cause: None,
            elapsed_seconds: None,
            cpu_seconds: None,
            memory_bytes: None,
            host: None,
            started: None,
            fetched: false,
            parameters: Parameters::new(),
        }
    }

    #[test]
    fn a_table_has_the_fields_of_a_job_then_its_parameters_and_outputs() {
        let done = JobView {
            results: Some(2),
            exit_status: Some(0),
            elapsed_seconds: Some(2.5),
            cpu_seconds: Some(1.25),
            memory_bytes: Some(4096),
            host: Some("host".to_owned()),
            started: Some(1_735_689_600.0),
            fetched: true,
            parameters: [("seed", "-1e-3"), ("state", "x")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..view("aspirin", JobState::Done)
        };
        let failed = JobView {
            exit_status: Some(139),
            attempt: 1,
            cause_kind: Some(CauseKind::Signal),
            cause: Some("exit 139, \"twice\"\u{1b}[2J".to_owned()),
            ..view("caffeine", JobState::Failed)
        };
        let meta = CampaignMeta {
            parameters: vec!["seed".to_owned(), "state".to_owned()],
            outputs: ["poses.pdbqt", "log"]
                .map(|name| OutputMeta { name: name.to_owned(), ..OutputMeta::default() })
                .into(),
            ..CampaignMeta::default()
        };
        let jobs = [done, failed, view("menthol", JobState::Waiting)];
        insta::assert_snapshot!(table(&jobs, &meta, |path| path.ends_with("pdbqt")), @r#"
        job,state,attempt,workunit,results,exit_status,cause_kind,cause,elapsed_seconds,cpu_seconds,memory_bytes,host,started,seed,parameter.state,poses.pdbqt,log
        aspirin,done,0,a-0__b__aspirin,2,0,,,2.500,1.250,4096,host,2025-01-01T00:00:00Z,-1e-3,x,aspirin/poses.pdbqt,
        caffeine,failed,1,a-0__b__caffeine,,139,signal,"exit 139, ""twice""\u{1b}[2J",,,,,,,,,
        menthol,waiting,0,a-0__b__menthol,,,,,,,,,,,,,
        "#);
    }

    #[test]
    fn the_columns_are_the_fields_of_the_json_in_their_order() {
        let json = serde_json::to_string(&view("a", JobState::Done)).unwrap();
        let places: Vec<Option<usize>> =
            COLUMNS.iter().map(|name| json.find(&format!("\"{name}\":"))).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{json}");
    }

    #[test]
    fn a_cell_is_not_a_formula() {
        for (text, expected) in [
            ("=HYPERLINK(\"http://x\")", "'=HYPERLINK(\"http://x\")"),
            ("+1", "+1"),
            ("-1", "-1"),
            ("-1+1", "'-1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("exit status 1: =1", "exit status 1: =1"),
            ("", ""),
        ] {
            assert_eq!(cell(text), expected);
        }
    }
}
