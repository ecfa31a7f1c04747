//! The statement that inserts workunits: text goes into it unescaped, so the database's rules for quotes and
//! backslashes apply to it.

use std::collections::HashSet;

use crate::tables::{NAME_CHARACTERS, Tables, collate};
use crate::workunit::Workunit;

/// Columns of `workunit` (db/schema.sql).
const COLUMNS: usize = 35;
/// What MariaDB shows of the place of a syntax error.
const NEAR_BYTES: usize = 77;

/// A row to be inserted.
#[derive(Debug, Clone)]
pub(super) struct Row {
    workunit: Workunit,
    /// Its value list, as `db_print_values` writes it.
    pub(super) text: String,
    /// Something in it ends a string too early.
    suspicious: bool,
}

impl Row {
    pub(super) fn new(
        workunit: Workunit,
        xml: String,
        output_template: &str,
        app_id: usize,
        app_version: i64,
    ) -> Self {
        let w = &workunit;
        let text = format!(
            "(0, {now}, {app_id}, '{}', '{xml}', {}, {:.6}, {:.6}, {:.6}, {:.6}, 0, 0, 0.000000, {now}, {}, 0, 0, 0, \
             0, 0.000000, {}, {}, {}, {}, {}, '{output_template}', {}, NOW(), 0.000000, 0, 0, 0, -1, '', {app_version} )",
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
        let suspicious = [w.name.as_str(), &xml, output_template]
            .iter()
            .any(|text| text.contains('\'') || text.ends_with('\\'));
        Self { workunit, text, suspicious }
    }
}

/// The whole statement, as an error message quotes it.
pub(super) fn statement(rows: &[Row]) -> String {
    let texts: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
    format!("insert into workunit values {}", texts.join(","))
}

/// Inserts all rows or none; the error is the database's message.
pub(super) fn insert(tables: &mut Tables, mut rows: Vec<Row>, now: i64) -> Result<(), String> {
    for index in 0..rows.len() {
        if rows[index].suspicious {
            let rest: Vec<&str> = rows[index..].iter().map(|row| row.text.as_str()).collect();
            let rest = rest.join(",");
            let values = values(&rest).map_err(syntax_error)?;
            if values.len() != COLUMNS {
                return Err(format!("Column count doesn't match value count at row {}", index + 1));
            }
            if let Value::Text(name) = &values[3] {
                rows[index].workunit.name.clone_from(name);
            }
        } else {
            rows[index].workunit.name = unescape(&rows[index].workunit.name);
        }
        let command_line = unescape(&rows[index].workunit.command_line.replace("''", "'"));
        rows[index].workunit.command_line = command_line;
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

fn syntax_error(rest: &str) -> String {
    let near = if rest.len() > NEAR_BYTES + 3 {
        format!("{}...", super::truncated(rest, NEAR_BYTES))
    } else {
        rest.to_owned()
    };
    format!(
        "You have an error in your SQL syntax; check the manual that corresponds to your MariaDB server version for the \
         right syntax to use near '{near}' at line 1"
    )
}

enum Value {
    Text(String),
    Other,
}

/// The values of the first row in `text`; the error is the place that the database does not understand.
fn values(text: &str) -> Result<Vec<Value>, &str> {
    let mut rest = text.strip_prefix('(').ok_or(text)?;
    let mut values = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.starts_with('\'') {
            let mut whole = String::new();
            // Strings that stand side by side are one.
            while let Some(body) = rest.strip_prefix('\'') {
                let (part, after) = string(body).ok_or(rest)?;
                whole.push_str(&part);
                rest = after.trim_start();
            }
            values.push(Value::Text(whole));
        } else if let Some(after) = rest.strip_prefix("NOW()") {
            values.push(Value::Other);
            rest = after.trim_start();
        } else {
            let length =
                rest.bytes().take_while(|byte| byte.is_ascii_digit() || b"-.e".contains(byte)).count();
            if length == 0 {
                return Err(rest);
            }
            values.push(Value::Other);
            rest = rest[length..].trim_start();
        }
        if let Some(after) = rest.strip_prefix(',') {
            rest = after;
        } else if rest.starts_with(')') {
            return Ok(values);
        } else {
            return Err(rest);
        }
    }
}

/// A string up to its closing quote, and what follows.
fn string(body: &str) -> Option<(String, &str)> {
    let mut end = 0;
    let bytes = body.as_bytes();
    loop {
        match bytes.get(end)? {
            b'\\' => end += 2,
            b'\'' if bytes.get(end + 1) == Some(&b'\'') => end += 2,
            b'\'' => break,
            _ => end += 1,
        }
    }
    Some((unescape(&body[..end].replace("''", "'")), &body[end + 1..]))
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
    use super::{string, unescape, values};

    #[test]
    fn backslashes_change_what_is_stored() {
        assert_eq!(unescape(r"a\b $HOME"), "a\x08 $HOME");
        assert_eq!(unescape(r"C:\dir\new"), "C:dir\new");
        assert_eq!(unescape(r"50\%"), r"50\%");
    }

    #[test]
    fn quotes_end_strings_or_join_them() {
        assert_eq!(string("it''s' x").unwrap(), ("it's".to_owned(), " x"));
        assert_eq!(values("('say 'hi' there')").err(), Some("hi' there')"));
        assert!(values("('a' 'b', 1)").is_ok());
    }
}
