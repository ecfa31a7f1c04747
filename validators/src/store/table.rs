//! A table of results in an SQLite file: a row for each workunit, with values from its outputs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, TransactionBehavior, params_from_iter};

use crate::values::OWN_COLUMNS;

/// Others may be writing: so long is waited for them.
const BUSY: Duration = Duration::from_secs(20);

/// The table can't be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write the table of results {path}")]
pub(crate) struct TableError {
    path: PathBuf,
    source: rusqlite::Error,
}

/// A row: the table's own columns in their order, and the values by name.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub own: [Value; OWN_COLUMNS.len()],
    pub values: Vec<(String, Option<String>)>,
}

/// Writes the row of a workunit, in place of the one that is there. Columns that are missing are added.
pub(crate) fn write(file: &Path, table: &str, row: &Row) -> Result<(), TableError> {
    let failed = |source| TableError { path: file.to_owned(), source };
    if let Some(directory) = file.parent() {
        // If it can't be made, opening the file says so.
        let _ = std::fs::create_dir_all(directory);
    }
    let mut connection = Connection::open(file).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    put(&mut connection, table, row).map_err(failed)
}

fn put(connection: &mut Connection, table: &str, row: &Row) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // A job may be called 007, and a hash may look like 12e456789012.
    let kind = |column: &str| if column == "error_mask" { "INTEGER" } else { "TEXT" };
    let columns: String =
        OWN_COLUMNS[1..].iter().map(|column| format!(", \"{column}\" {}", kind(column))).collect();
    transaction.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS \"{table}\" (\"{}\" TEXT PRIMARY KEY{columns})",
        OWN_COLUMNS[0]
    ))?;
    let there: Vec<String> = transaction
        .prepare(&format!("SELECT name FROM pragma_table_info('{table}')"))?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    // Their names were checked when the route was read.
    for (name, _) in row.values.iter().filter(|(name, _)| !there.contains(name)) {
        // NUMERIC: what looks like a number is stored as one.
        transaction.execute_batch(&format!("ALTER TABLE \"{table}\" ADD COLUMN \"{name}\" NUMERIC"))?;
    }
    let names: Vec<String> = OWN_COLUMNS
        .iter()
        .copied()
        .chain(row.values.iter().map(|(name, _)| name.as_str()))
        .map(|name| format!("\"{name}\""))
        .collect();
    let places = vec!["?"; names.len()].join(", ");
    let values = row
        .own
        .iter()
        .cloned()
        .chain(row.values.iter().map(|(_, value)| value.clone().map_or(Value::Null, Value::Text)));
    transaction.execute(
        &format!("INSERT OR REPLACE INTO \"{table}\" ({}) VALUES ({places})", names.join(", ")),
        params_from_iter(values),
    )?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(workunit: &str, values: &[(&str, Option<&str>)]) -> Row {
        let own = std::array::from_fn(|n| if n == 0 { Value::Text(workunit.into()) } else { Value::Null });
        let values =
            values.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect();
        Row { own, values }
    }

    fn all(file: &Path) -> Vec<(String, Value)> {
        let connection = Connection::open(file).unwrap();
        let mut statement =
            connection.prepare("SELECT workunit, energy FROM results ORDER BY workunit").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    #[test]
    fn a_row_is_written_once_however_often_and_numbers_are_numbers() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("new/results.sqlite");
        write(&file, "results", &row("b", &[])).unwrap();
        for _ in 0..2 {
            write(&file, "results", &row("a", &[("energy", Some("-7.25"))])).unwrap();
        }
        write(&file, "results", &row("c", &[("energy", Some("'); DROP TABLE results; --"))])).unwrap();
        let text = Value::Text("'); DROP TABLE results; --".into());
        let expected = [("a", Value::Real(-7.25)), ("b", Value::Null), ("c", text)];
        assert_eq!(all(&file), expected.map(|(name, value)| (name.to_owned(), value)));
    }

    #[test]
    fn names_that_look_like_numbers_stay_as_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("results.sqlite");
        let own = OWN_COLUMNS.map(|column| match column {
            "hash" => Value::Text("12e456789012".into()),
            "job" => Value::Text("007".into()),
            "error_mask" => Value::Integer(2),
            _ => Value::Null,
        });
        write(&file, "results", &Row { own, values: vec![] }).unwrap();
        let read = |row: &rusqlite::Row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]);
        let found: [Value; 3] = Connection::open(&file)
            .unwrap()
            .query_row("SELECT hash, job, error_mask FROM results", [], read)
            .unwrap();
        let text = |text: &str| Value::Text(text.into());
        assert_eq!(found, [text("12e456789012"), text("007"), Value::Integer(2)]);
    }

    #[test]
    fn several_write_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("results.sqlite");
        std::thread::scope(|scope| {
            for n in 0..4 {
                let file = &file;
                scope.spawn(move || {
                    for m in 0..10 {
                        let name = format!("{n}-{m}");
                        write(file, "results", &row(&name, &[("energy", Some("1"))])).unwrap();
                    }
                });
            }
        });
        assert_eq!(all(&file).len(), 40);
    }

    #[test]
    fn a_file_that_is_no_database_is_an_error_with_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("results.sqlite");
        std::fs::write(&file, "precious notes".repeat(100)).unwrap();
        let error = write(&file, "results", &row("a", &[])).unwrap_err();
        assert!(error.to_string().contains("results.sqlite"), "{error}");
        assert!(std::fs::read_to_string(&file).unwrap().starts_with("precious"));
    }
}
