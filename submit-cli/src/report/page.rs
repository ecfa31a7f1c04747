//! What the template of the page shows.

use std::path::{Component, Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use boinc::visible::{visible, visible_lines};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::histogram::{self, Histogram};
use super::material::{Material, ORDER};
use super::progress::{self, Progress};
use super::table::{self, Row, percent};
use super::words::{When, count, when};
use crate::campaign::file_error::FileError;
use crate::campaign::job_view::JobState;

const STYLE: &str = include_str!("../../../templates/report/page.css");
const SCRIPT: &str = include_str!("../../../templates/report/page.js");

/// Everything on the page.
#[derive(Debug, Serialize)]
pub struct Page {
    app: String,
    batch: String,
    project: Option<Project>,
    host: String,
    started: When,
    made: When,
    jobs: String,
    /// How many rows are there without script.
    shown: String,
    more: bool,
    totals: Vec<Total>,
    progress: Option<Progress>,
    histograms: Vec<Histogram>,
    failures: Vec<Failure>,
    rows: Vec<Row>,
    data: String,
    style: &'static str,
    style_hash: String,
    script: &'static str,
    script_hash: String,
}

#[derive(Debug, Serialize)]
struct Project {
    name: String,
    url: String,
    /// The address is one that a browser may be sent to.
    link: bool,
}

#[derive(Debug, Serialize)]
struct Total {
    state: &'static str,
    text: &'static str,
    jobs: String,
    /// Of all jobs, in words.
    share: String,
    /// Where its part of the bar begins, and how wide that is, of 1000.
    x: f64,
    width: f64,
}

#[derive(Debug, Serialize)]
struct Failure {
    cause: String,
    exit_status: String,
    jobs: String,
    example: String,
    /// For a shell, if the name needs no quoting.
    hint: String,
    log_tail: String,
}

impl Page {
    /// Makes the page. Links to outputs begin with `base`; `now` is in seconds since 1970.
    pub fn new(material: &Material, base: &str, now: f64) -> Self {
        let done = || material.jobs.iter().map(|job| &job.view).filter(|view| view.state == JobState::Done);
        let histograms = [
            histogram::draw("Run time", done().filter_map(|view| view.elapsed_seconds)),
            histogram::draw("Processor time", done().filter_map(|view| view.cpu_seconds)),
        ];
        let rows = table::first_rows(material, base);
        Self {
            app: visible(&material.meta.app).into_owned(),
            batch: visible(&material.meta.batch).into_owned(),
            project: material.meta.project.as_ref().map(|project| Project {
                name: visible(&project.name).into_owned(),
                link: project.url.starts_with("https://") || project.url.starts_with("http://"),
                url: project.url.clone(),
            }),
            host: visible(material.meta.host.as_deref().unwrap_or_default()).into_owned(),
            started: when(material.meta.started),
            made: when(now),
            jobs: count(material.jobs.len()),
            shown: count(rows.len()),
            more: rows.len() < material.jobs.len(),
            totals: totals(material),
            progress: progress::draw(&material.history),
            histograms: histograms.into_iter().flatten().collect(),
            failures: failures(material),
            data: table::data(material, base),
            rows,
            style: STYLE,
            style_hash: hash(STYLE),
            script: SCRIPT,
            script_hash: hash(SCRIPT),
        }
    }
}

fn totals(material: &Material) -> Vec<Total> {
    let all = material.jobs.len().max(1) as f64;
    let mut x = 0.0;
    let mut totals = Vec::new();
    for state in ORDER {
        let jobs = material.jobs.iter().filter(|job| job.view.state == state).count();
        if jobs == 0 && matches!(state, JobState::Dropped | JobState::Unsent) {
            continue;
        }
        let width = jobs as f64 / all * 1000.0;
        let percent = width / 10.0;
        let share = match jobs {
            0 => "none".to_owned(),
            _ if percent < 0.1 => "less than 0.1 %".to_owned(),
            _ if percent > 99.9 && percent < 100.0 => "more than 99.9 %".to_owned(),
            _ => format!("{percent:.1} %").replace(".0 %", " %"),
        };
        totals.push(Total { state: state.word(), text: state.text(), jobs: count(jobs), share, x, width });
        x += width;
    }
    totals
}

fn failures(material: &Material) -> Vec<Failure> {
    let plain = |name: &str| {
        !name.starts_with('-') && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
    };
    let row = |failure: &super::material::Failure| Failure {
        cause: visible(&failure.group.cause).into_owned(),
        exit_status: failure.group.exit_status.map(|status| status.to_string()).unwrap_or_default(),
        jobs: count(failure.group.count),
        hint: if plain(&failure.group.example) {
            format!("buoy logs {}", failure.group.example)
        } else {
            String::new()
        },
        example: visible(&failure.group.example).into_owned(),
        log_tail: visible_lines(&failure.log_tail).into_owned(),
    };
    material.failures.iter().map(row).collect()
}

/// For the content security policy: no other script or style has a say.
fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}

/// What links to outputs begin with: the way from the page's directory to the results, percent-encoded, with a slash at
/// its end.
///
/// # Errors
/// One of the directories is not there.
pub fn link_base(results: &Path, file: &Path) -> Result<String, FileError> {
    let absolute = |path: &Path| path.canonicalize().map_err(FileError::at(path, "find it"));
    let dir = match file.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir.to_owned(),
        _ => PathBuf::from("."),
    };
    let (to, from) = (absolute(results)?, absolute(&dir)?);
    let names = |path: &Path| -> Vec<String> {
        path.components()
            .filter_map(|part| match part {
                Component::Normal(name) => Some(percent(&name.to_string_lossy())),
                _ => None,
            })
            .collect()
    };
    let (to, from) = (names(&to), names(&from));
    let shared = to.iter().zip(&from).take_while(|(a, b)| a == b).count();
    let mut base = "./".to_owned();
    base.push_str(&"../".repeat(from.len() - shared));
    to[shared..].iter().for_each(|name| {
        base.push_str(name);
        base.push('/');
    });
    Ok(base)
}
