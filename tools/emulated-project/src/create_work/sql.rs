//! The statement that inserts workunits: text goes into it unescaped, so the database's rules for quotes and
//! backslashes apply to it.

use std::collections::HashSet;

use crate::tables::{NAME_CHARACTERS, Tables, collate};
use crate::workunit::Workunit;

/// A row to be inserted.
#[derive(Debug, Clone)]
pub(super) struct Row {
    workunit: Workunit,
    /// Bytes of its value list, as `db_print_values` writes it.
    pub(super) length: usize,
    /// Something in it ends a string too early.
    broken: bool,
}

impl Row {
    pub(super) fn new(workunit: Workunit, xml: &str, output_template: &str) -> Self {
        let w = &workunit;
        let text = format!(
            "(0, {now}, 1, '{}', '{xml}', {}, {:.6}, {:.6}, {:.6}, {:.6}, 0, 0, 0.000000, {now}, {}, 0, 0, 0, \
             0, 0.000000, {}, {}, {}, {}, {}, '{output_template}', {}, NOW(), 0.000000, 0, 0, 0, -1, '', 0 )",
            w.name,
            w.batch,
            w.rsc_fpops_est,
            w.rsc_fpops_bound,
            w.rsc_memory_bound,
            w.rsc_disk_bound,
            w.delay_bound,
            w.min_quorum,
            w.target_nresults,
            w.max_error_results,
            w.max_total_results,
            w.max_success_results,
            w.priority,
            now = w.create_time,
        );
        let broken = [w.name.as_str(), xml, output_template].iter().any(|text| ends_early(text));
        Self { length: text.len(), broken, workunit }
    }
}

/// Inserts all rows or none; the error is the database's message.
pub(super) fn insert(tables: &mut Tables, mut rows: Vec<Row>, now: i64) -> Result<(), String> {
    if rows.iter().any(|row| row.broken) {
        return Err("You have an error in your SQL syntax".to_owned());
    }
    for row in &mut rows {
        for text in [&mut row.workunit.name, &mut row.workunit.command_line] {
            *text = unescape(&text.replace("''", "'"));
        }
    }
    let count = rows.len() as u64;
    let mut names = HashSet::new();
    for (index, row) in rows.iter().enumerate() {
        let name = &row.workunit.name;
        let failure = if name.chars().count() > NAME_CHARACTERS {
            Some((format!("Data too long for column 'name' at row {}", index + 1), index > 0))
        } else if tables.workunit_named(name).is_some() || !names.insert(collate(name)) {
            Some((format!("Duplicate entry '{name}' for key 'name'"), true))
        } else {
            None
        };
        if let Some((message, reserved)) = failure {
            // The ids of all rows were set aside when the first was written, and are gone.
            if reserved {
                tables.next_workunit_id += count;
            }
            return Err(message);
        }
    }
    for row in rows {
        let mut workunit = row.workunit;
        workunit.id = tables.next_workunit_id;
        workunit.mod_time = now;
        tables.next_workunit_id += 1;
        tables.insert_workunit(workunit);
    }
    Ok(())
}

/// Whether a text ends the string that it is put into: with a quote that is not doubled, or by taking the string's own
/// quote with a backslash.
fn ends_early(text: &str) -> bool {
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let second = match character {
            '\\' => characters.next().is_some(),
            '\'' => characters.next() == Some('\''),
            _ => true,
        };
        if !second {
            return true;
        }
    }
    false
}

/// MariaDB's backslashes: some become control characters, others vanish.
fn unescape(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some('b') => out.push('\x08'),
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('0') => out.push('\0'),
            Some('Z') => out.push('\x1a'),
            Some(wildcard @ ('%' | '_')) => out.extend(['\\', wildcard]),
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{ends_early, unescape};

    #[test]
    fn backslashes_change_what_is_stored() {
        assert_eq!(unescape(r"a\b $HOME"), "a\x08 $HOME");
        assert_eq!(unescape(r"C:\dir\new"), "C:dir\new");
        assert_eq!(unescape(r"50\%"), r"50\%");
    }

    #[test]
    fn quotes_end_strings_unless_they_are_doubled() {
        for text in ["it's", "say 'hi' there", r"a\", r"a\\'"] {
            assert!(ends_early(text), "{text}");
        }
        for text in ["it''s", r"it\'s", r"a\\", ""] {
            assert!(!ends_early(text), "{text}");
        }
    }
}
