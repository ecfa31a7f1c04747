//! Parameters of jobs in the campaign file.

use rusqlite::Row;

use super::job_view::Parameters;

/// Parameters as the campaign file has them: a JSON object.
pub(super) fn parameters_text(parameters: &Parameters) -> String {
    serde_json::to_string(parameters).expect("texts become JSON")
}

pub(super) fn read_parameters(row: &Row<'_>) -> rusqlite::Result<Parameters> {
    let text: Option<String> = row.get("parameters")?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}
