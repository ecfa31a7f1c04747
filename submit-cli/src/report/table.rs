//! The table of jobs: the first rows as HTML, all of them as data for the page's script.
//!
//! A hundred thousand rows of HTML would make any browser crawl. The script keeps the data and shows a page of it at a
//! time; without script the first rows are there, and the page says how many there are in all.

use std::collections::HashMap;

use boinc::visible::visible;
use serde::Serialize;
use serde_json::{Value, json};

use super::material::{Job, Material, ORDER};
use crate::campaign::job_view::JobView;
use crate::plan::units::show_duration;

/// Rows of a page; `templates/report/page.js` shows as many.
pub(super) const PAGE_ROWS: usize = 100;

/// Everything for the script. Texts that many jobs share are said once.
#[derive(Debug, Serialize)]
struct Data<'a> {
    /// Rows of a page.
    page: usize,
    /// What links begin with.
    base: &'a str,
    states: Vec<[&'static str; 2]>,
    files: &'a [String],
    /// Which files are there: lists of indexes.
    sets: Vec<&'a [usize]>,
    /// Causes, and what became of earlier attempts; the first is empty.
    texts: Vec<String>,
    /// Name, state, attempts, exit status or null, run time, processor time (seconds or null), cause, earlier, set.
    rows: Vec<Packed>,
}

type Packed = (String, usize, u32, Option<i32>, Option<f64>, Option<f64>, usize, usize, usize);

/// The first rows.
pub(super) fn first_rows(material: &Material, base: &str) -> Vec<Value> {
    let link = |job: &str, file: &str| {
        let href = format!("{base}{}/{}", percent(job), percent(file));
        json!({ "name": file, "href": href })
    };
    let row = |Job { view, earlier, files }: &Job| {
        let files: Vec<Value> = files.iter().map(|&at| link(&view.job, &material.files[at])).collect();
        json!({
            "name": visible(&view.job),
            "state": view.state,
            "state_text": view.state.text(),
            "attempts": attempts(view),
            "earlier": one_line(earlier),
            "exit_status": view.exit_status.map(|status| status.to_string()).unwrap_or_default(),
            "elapsed": view.elapsed_seconds.map(show_duration).unwrap_or_default(),
            "cpu": view.cpu_seconds.map(show_duration).unwrap_or_default(),
            "cause": view.cause.as_deref().map(one_line).unwrap_or_default(),
            "files": files,
        })
    };
    material.jobs.iter().take(PAGE_ROWS).map(row).collect()
}

/// All rows, as JSON that can stand in a `<script>` element.
pub(super) fn data(material: &Material, base: &str) -> String {
    let mut texts = Pool::default();
    texts.index(String::new());
    let mut sets: Pool<&[usize]> = Pool::default();
    let rows = material
        .jobs
        .iter()
        .map(|job| {
            let state = ORDER.iter().position(|state| *state == job.view.state);
            (
                visible(&job.view.job).into_owned(),
                state.expect("all are there"),
                attempts(&job.view),
                job.view.exit_status,
                job.view.elapsed_seconds.map(milliseconds),
                job.view.cpu_seconds.map(milliseconds),
                texts.index(job.view.cause.as_deref().map(one_line).unwrap_or_default()),
                texts.index(one_line(&job.earlier)),
                sets.index(&job.files[..]),
            )
        })
        .collect();
    let data = Data {
        page: PAGE_ROWS,
        base,
        states: ORDER.map(|state| [state.word(), state.text()]).to_vec(),
        files: &material.files,
        sets: sets.items,
        texts: texts.items,
        rows,
    };
    let json = serde_json::to_string(&data).expect("texts and finite numbers become JSON");
    // `</script>` and `<!--` end or change an element wherever they stand.
    json.replace('<', "\\u003c")
}

/// Number of times it was tried: attempts on a project, results on this host.
fn attempts(view: &JobView) -> u32 {
    view.results.unwrap_or(view.attempt + 1)
}

fn milliseconds(seconds: f64) -> f64 {
    if seconds.is_finite() { (seconds * 1000.0).round() / 1000.0 } else { 0.0 }
}

/// A cause can quote what a build printed.
fn one_line(text: &str) -> String {
    visible(&text.replace(['\n', '\t'], " ")).into_owned()
}

/// A part of a path, as `encodeURIComponent` of the page's script encodes it.
pub(super) fn percent(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Items, each once.
#[derive(Debug)]
struct Pool<T> {
    items: Vec<T>,
    known: HashMap<T, usize>,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { items: Vec::new(), known: HashMap::new() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Pool<T> {
    fn index(&mut self, item: T) -> usize {
        if let Some(&at) = self.known.get(&item) {
            return at;
        }
        self.items.push(item.clone());
        self.known.insert(item, self.items.len() - 1);
        self.items.len() - 1
    }
}
