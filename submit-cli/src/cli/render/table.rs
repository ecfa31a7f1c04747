//! Tables for people: columns of text without borders, as wide as their longest cell.

use boinc::visible::visible;
use comfy_table::{ContentArrangement, Table, presets};

/// A table with a line for each row. The last column may be long, so no line is broken.
pub(super) fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    table.add_rows(rows.map(|row| row.iter().map(|cell| visible(cell).into_owned()).collect::<Vec<_>>()));
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines = table.lines().map(|line| format!("{}\n", line.trim_end()));
    lines.collect()
}
