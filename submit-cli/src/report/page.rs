//! What the template of the page shows.

use std::path::{Component, Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use boinc::visible::{visible, visible_lines};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::histogram::{self, Histogram};
use super::material::{Material, ORDER};
use super::progress;
use super::table::{self, percent};
use super::words::{count, when};
use crate::campaign::file_error::FileError;
use crate::campaign::job_view::JobState;
use crate::platform::resolved;

const STYLE: &str = include_str!("../../../templates/report/page.css");
const SCRIPT: &str = include_str!("../../../templates/report/page.js");

/// Everything on the page, as its template reads it. Links to outputs begin with `base`; `now` is in seconds since 1970.
pub fn page(material: &Material, base: &str, now: f64) -> Value {
    let done = || material.jobs.iter().map(|job| &job.view).filter(|view| view.state == JobState::Done);
    let histograms = [
        histogram::draw("Run time", done().filter_map(|view| view.elapsed_seconds)),
        histogram::draw("Processor time", done().filter_map(|view| view.cpu_seconds)),
    ];
    let histograms: Vec<Histogram> = histograms.into_iter().flatten().collect();
    let rows = table::first_rows(material, base);
    json!({
        "app": visible(&material.meta.app),
        "batch": visible(&material.meta.batch),
        "project": material.meta.project.as_ref().map(|project| json!({
            "name": visible(&project.name),
            "url": project.url,
            // A browser may be sent there.
            "link": project.url.starts_with("https://") || project.url.starts_with("http://"),
        })),
        "host": visible(material.meta.host.as_deref().unwrap_or_default()),
        "started": when(material.meta.started),
        "made": when(now),
        "jobs": count(material.jobs.len()),
        // How many rows are there without script.
        "shown": count(rows.len()),
        "more": rows.len() < material.jobs.len(),
        "totals": totals(material),
        "progress": progress::draw(&material.history),
        "histograms": histograms,
        "failures": material.failures.iter().map(failure).collect::<Vec<_>>(),
        "data": table::data(material, base),
        "rows": rows,
        "style": STYLE,
        "style_hash": hash(STYLE),
        "script": SCRIPT,
        "script_hash": hash(SCRIPT),
    })
}

/// Each state with its share of all jobs in words, and where its part of the bar begins and how wide that is, of 1000.
fn totals(material: &Material) -> Vec<Value> {
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
        totals.push(json!({
            "state": state, "text": state.text(), "jobs": count(jobs), "share": share, "x": x, "width": width,
        }));
        x += width;
    }
    totals
}

fn failure(failure: &super::material::Failure) -> Value {
    let group = &failure.group;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    // For a shell, if the name needs no quoting.
    let can_be_typed = !group.example.starts_with('-') && group.example.chars().all(is_plain);
    json!({
        "cause": visible(&group.cause),
        "exit_status": group.exit_status.map(|status| status.to_string()).unwrap_or_default(),
        "jobs": count(group.count),
        "example": visible(&group.example),
        "hint": if can_be_typed { format!("buoy logs {}", group.example) } else { String::new() },
        "log_tail": visible_lines(&failure.log_tail),
    })
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
    let absolute = |path: &Path| resolved(path).map_err(FileError::at(path, "find it"));
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
