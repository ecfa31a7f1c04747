//! A result's page (`result.php`): the only place where a failed job's stderr is.

use boinc::entity::unescape_html;

use super::completed::stderr_txt;
use crate::project::scrub::Scrubber;

/// What was found on the page. Everything can be missing: pages differ between projects, versions and languages.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TaskPage {
    /// What the client sent, as text.
    pub stderr: Option<String>,
    /// Exit status.
    pub exit_status: Option<i32>,
    /// In the page's words.
    pub outcome: Option<String>,
}

impl TaskPage {
    pub(crate) fn without(self, secret: &Scrubber) -> Self {
        let shown = |text: Option<String>| text.map(|text| secret.shown(&text));
        Self { stderr: shown(self.stderr), outcome: shown(self.outcome), ..self }
    }

    /// What the job wrote to stderr, without what the client wrote around it.
    pub fn stderr_txt(&self) -> Option<&str> {
        self.stderr.as_deref().map(stderr_txt)
    }
}

/// Rows from that of the workunit to that of the outcome (`html/inc/result.inc`, `show_result`): where a page is translated, the
/// order is what is left.
const OUTCOME_AFTER_WORKUNIT: usize = 6;

/// Finds what it can.
pub(crate) fn parse(html: &str) -> TaskPage {
    let rows = rows(html);
    let labelled = rows.iter().find(|row| row.label == "Outcome");
    let ordered = || {
        let workunit = rows.iter().position(|row| row.raw_value.contains("workunit.php?wuid="))?;
        rows.get(workunit + OUTCOME_AFTER_WORKUNIT)
    };
    let outcome = labelled.or_else(ordered).map(|row| text_of(row.raw_value));
    let exit_row = rows.iter().find(|row| exit_status(row.raw_value).is_some());
    TaskPage {
        stderr: stderr(html, exit_row),
        exit_status: exit_row.and_then(|row| exit_status(row.raw_value)),
        outcome: outcome.filter(|text| !text.is_empty() && text != "---"),
    }
}

struct Row<'a> {
    label: String,
    raw_value: &'a str,
}

/// The rows of two cells of all tables.
fn rows(html: &str) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for row in html.split("<tr").skip(1) {
        let row = row.split("</tr>").next().unwrap_or(row);
        let cells: Vec<&str> = row
            .split("<td")
            .skip(1)
            .filter_map(|cell| Some(cell.split_once('>')?.1.split("</td>").next().unwrap_or_default()))
            .collect();
        if let [label, raw_value] = cells[..] {
            rows.push(Row { label: text_of(label), raw_value });
        }
    }
    rows
}

/// `3 (0x00000003) Unknown error code`: a number and the same in hexadecimal.
fn exit_status(raw: &str) -> Option<i32> {
    let (number, rest) = raw.trim().split_once(" (0x")?;
    let digits = rest.split_once(')')?.0;
    let status: i32 = number.parse().ok()?;
    (digits.len() == 8 && u32::from_str_radix(digits, 16).ok()? == status as u32).then_some(status)
}

/// The `<pre>` that a client's text is in, else the first one after the exit status, which only a finished task has.
fn stderr(html: &str, exit_row: Option<&Row<'_>>) -> Option<String> {
    let inside = |at: usize| {
        let inside = html[at..].split_once('>')?.1;
        Some(&inside[..inside.find("</pre>")?])
    };
    let after = exit_row.map(|row| row.raw_value.as_ptr() as usize - html.as_ptr() as usize);
    let starts = || html.match_indices("<pre").map(|(at, _)| at);
    let sent = starts().filter_map(inside).find(|text| text.contains("&lt;core_client_version&gt;"));
    let text = sent.or_else(|| inside(starts().find(|at| after.is_some_and(|after| *at > after))?))?;
    Some(unescape_html(text).trim().to_owned())
}

/// Text without tags.
fn text_of(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        rest = tag.split_once('>').map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    unescape_html(&text).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
