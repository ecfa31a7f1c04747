//! A result's page (`result.php`): the only place where a failed job's stderr is.

use boinc::entity::unescape_html;

use super::completed::stderr_txt;
use crate::project::scrub::Scrubber;

/// What was found on the page. Everything can be missing: pages differ between projects, versions and languages.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TaskPage {
    /// The result's name.
    pub name: Option<String>,
    /// What the client sent, as text.
    pub stderr: Option<String>,
    /// Exit status.
    pub exit_status: Option<i32>,
    /// In the page's words.
    pub outcome: Option<String>,
    /// In the page's words.
    pub server_state: Option<String>,
    /// In the page's words, such as "1 min 3 sec".
    pub run_time: Option<String>,
    /// In the page's words.
    pub cpu_time: Option<String>,
    /// In the page's words.
    pub sent: Option<String>,
    /// In the page's words.
    pub received: Option<String>,
}

impl TaskPage {
    pub(crate) fn without(self, secret: &Scrubber) -> Self {
        let shown = |text: Option<String>| text.map(|text| secret.shown(&text));
        Self {
            name: shown(self.name),
            stderr: shown(self.stderr),
            exit_status: self.exit_status,
            outcome: shown(self.outcome),
            server_state: shown(self.server_state),
            run_time: shown(self.run_time),
            cpu_time: shown(self.cpu_time),
            sent: shown(self.sent),
            received: shown(self.received),
        }
    }

    /// What the job wrote to stderr, without what the client wrote around it.
    pub fn stderr_txt(&self) -> Option<&str> {
        self.stderr.as_deref().map(stderr_txt)
    }
}

/// The rows between that of the workunit and that of the exit status (`html/inc/result.inc`, `show_result`): where a page
/// is translated, order tells what labels don't.
const ROWS_AFTER_WORKUNIT: [&str; 8] = [
    "Created",
    "Sent",
    "Report deadline",
    "Received",
    "Server state",
    "Outcome",
    "Client state",
    "Computer ID",
];

/// Finds what it can.
pub(crate) fn parse(html: &str) -> TaskPage {
    let rows = rows(html);
    let workunit = rows.iter().position(|row| row.raw_value.contains("workunit.php?wuid="));
    let text = |row: &Row<'_>| Some(text_of(row.raw_value)).filter(|text| !text.is_empty() && text != "---");
    let labelled = |label: &str| rows.iter().find(|row| row.label == label).and_then(text);
    let nth_after_workunit = |n: usize| workunit.and_then(|at| rows.get(at + 1 + n)).and_then(text);
    let field = |label: &str| {
        let place = ROWS_AFTER_WORKUNIT.iter().position(|known| *known == label);
        labelled(label).or_else(|| place.and_then(nth_after_workunit))
    };
    let exit_row = rows.iter().position(|row| exit_status(row.raw_value).is_some());
    // After it come run time, CPU time, credit and validate state for a success; "Priority" is never translated.
    let success = exit_row.is_some_and(|at| rows.get(at + 5).is_some_and(|row| row.label == "Priority"));
    let nth_after_exit =
        |n: usize| exit_row.filter(|_| success).and_then(|at| rows.get(at + n)).and_then(text);
    TaskPage {
        name: labelled("Name").or_else(|| workunit?.checked_sub(1).and_then(|at| text(&rows[at]))),
        stderr: stderr(html, exit_row.map(|at| &rows[at])),
        exit_status: exit_row.and_then(|at| exit_status(rows[at].raw_value)),
        outcome: field("Outcome"),
        server_state: field("Server state"),
        run_time: labelled("Run time").or_else(|| nth_after_exit(1)),
        cpu_time: labelled("CPU time").or_else(|| nth_after_exit(2)),
        sent: field("Sent"),
        received: field("Received"),
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

/// The `<pre>` that a client's text is in, else the first one after the exit status, which only a task that is over has.
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
