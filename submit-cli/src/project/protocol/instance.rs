//! The instances of a job (`query_job`).

use boinc::entity::unescape_html;

use super::id::ResultId;
use crate::project::xml::{Elements, number, value};

/// A result: a job at one volunteer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// The result's name.
    pub name: String,
    /// Its number.
    pub id: ResultId,
    /// In the server's words, which can be translated.
    pub state: String,
    /// Sizes of its outputs that are on the server, in the output template's order. A missing output leaves no gap.
    pub output_bytes: Vec<u64>,
}

/// From the inside of `<query_job>`.
pub(crate) fn parse(text: &str) -> Result<Vec<Instance>, String> {
    let instance = |text: &str| {
        Ok(Instance {
            name: value(text, "name").ok_or("no <name> in an <instance>")?.to_owned(),
            id: ResultId(number(text, "id").ok_or("no number in an instance's <id>")?),
            state: unescape_html(value(text, "state").ok_or("no <state> in an <instance>")?),
            output_bytes: Elements::new(text, "<size>", "</size>")
                .map(|size| size?.trim().parse().map_err(|_| "no number in <size>".to_owned()))
                .collect::<Result<_, String>>()?,
        })
    };
    Elements::new(text, "<instance>", "</instance>").map(|text| instance(text?)).collect()
}
