//! Jobs from a table: CSV, TSV, or a JSON object a line. The first line of a CSV or TSV names the columns.

use std::path::Path;
use std::sync::Arc;

use super::{Naming, Row, Rows};
use crate::plan::Origin;
use boinc::diagnostic::{Diagnostic, Diagnostics, Location};
use boinc::spelling::listed;

/// The forms of a table, distinguished by the extension of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Values separated by commas, semicolons or tabs: by what the first lines agree on.
    Csv,
    Tsv,
    /// A JSON object on each line, all with the same keys.
    Jsonl,
}

impl Format {
    /// By the extension of a file's name; `None` if it is not a table's.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "tsv" => Some(Self::Tsv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            _ => None,
        }
    }
}

/// Reads a table; the mistakes of all rows are noted, and the good rows given.
pub fn read(path: &Path, mistakes: &mut Diagnostics) -> Option<Rows> {
    let Some(format) = Format::of(path) else {
        mistakes.push(
            Diagnostic::new(Location::file(path), "not a table, by its extension")
                .accepted(".csv, .tsv, .jsonl"),
        );
        return None;
    };
    if path.exists() && !path.is_file() {
        mistakes.push(Diagnostic::new(Location::file(path), "the table is not a regular file"));
        return None;
    }
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            mistakes
                .push(Diagnostic::new(Location::file(path), format!("failed to read the table: {error}")));
            return None;
        }
    };
    parse(path, format, &bytes, mistakes)
}

/// Reads the bytes of a table that is `path`.
pub fn parse(path: &Path, format: Format, bytes: &[u8], mistakes: &mut Diagnostics) -> Option<Rows> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let before = mistakes.len();
    let table = match format {
        Format::Csv => {
            let (separator, start) = csv_separator(bytes);
            delimited(path, separator, bytes, start, mistakes)
        }
        Format::Tsv => delimited(path, b'\t', bytes, 0, mistakes),
        Format::Jsonl => json_lines(path, bytes, mistakes),
    };
    let (columns, rows) = table?;
    if !check_columns(path, &columns, mistakes) {
        return None;
    }
    if rows.is_empty() && mistakes.len() == before {
        mistakes.push(
            Diagnostic::new(Location::file(path), "the table has no rows").help("add a line for each job"),
        );
    }
    let base = path.parent().map(Path::to_path_buf).unwrap_or_default();
    Some(Rows { columns, base, rows, naming: Naming::Table })
}

type Table = (Vec<String>, Vec<Row>);

/// What separates the values of a CSV, and where its first line starts: a line `sep=;`, as Excel reads and writes it, says so
/// itself. Else the separator that gives the first lines the same number of values, more than one.
fn csv_separator(bytes: &[u8]) -> (u8, usize) {
    // Where lines have several of them in equal numbers, a comma is a part of the values, as in 1,5.
    const SEPARATORS: [u8; 3] = [b'\t', b';', b','];
    /// Rows that are looked at.
    const ROWS: usize = 50;
    let first = bytes.split(|&b| b == b'\n').next().unwrap_or(bytes);
    if let [b's', b'e', b'p', b'=', separator] = first.strip_suffix(b"\r").unwrap_or(first)
        && (SEPARATORS.contains(separator) || *separator == b'|')
    {
        return (*separator, (first.len() + 1).min(bytes.len()));
    }
    let widths = |separator: u8| {
        let mut reader = reader(separator, bytes);
        let rows = reader.byte_records().map_while(Result::ok).filter(|row| !is_blank(row));
        rows.take(ROWS).map(|row| row.len()).collect::<Vec<_>>()
    };
    let is_even = |separator: &u8| {
        let widths = widths(*separator);
        widths.first().is_some_and(|&first| first > 1 && widths.iter().all(|&width| width == first))
    };
    let is_in_first = |separator: &u8| first.contains(separator);
    let separator = SEPARATORS.into_iter().find(is_even).or(SEPARATORS.into_iter().find(is_in_first));
    (separator.unwrap_or(b','), 0)
}

fn reader(separator: u8, bytes: &[u8]) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().delimiter(separator).flexible(true).has_headers(false).from_reader(bytes)
}

/// Whether no cell holds anything: spreadsheets leave such rows behind.
fn is_blank(row: &csv::ByteRecord) -> bool {
    row.iter().all(|cell| cell.trim_ascii().is_empty())
}

fn delimited(
    path: &Path,
    separator: u8,
    bytes: &[u8],
    start: usize,
    mistakes: &mut Diagnostics,
) -> Option<Table> {
    let file: Arc<Path> = Arc::from(path);
    let mut reader = reader(separator, &bytes[start..]);
    let lines_before = u64::from(start > 0);
    let mut record = csv::ByteRecord::new();
    let mut columns: Option<Vec<String>> = None;
    let mut rows = Vec::new();
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                mistakes.push(Diagnostic::new(Location::file(path), format!("invalid table: {error}")));
                return None;
            }
        }
        if is_blank(&record) {
            continue;
        }
        let line = lines_before + record.position().map_or(0, csv::Position::line);
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        let place = Location::line(path, line);
        let Some(columns) = &columns else {
            let header =
                record.iter().map(|name| text(&place, "a column's name", name.trim_ascii(), mistakes));
            columns = Some(header.collect::<Option<_>>()?);
            continue;
        };
        if let [only] = columns.as_slice()
            && only.starts_with('#')
            && record.len() > 1
        {
            // Nothing that follows could be understood.
            mistakes.push(
                Diagnostic::new(Location::line(path, 1), format!("the first line is a comment: {only:?}"))
                    .accepted("the columns' names")
                    .help("remove the line: a table has no comments"),
            );
            return None;
        }
        if record.len() != columns.len() {
            let separator = char::from(separator);
            let found = format!(
                "{} value(s) separated by {separator:?}, but the first line names {} columns",
                record.len(),
                columns.len()
            );
            mistakes.push(Diagnostic::new(place, found).help(ragged_help(&record, columns)));
            continue;
        }
        let values = record.iter().zip(columns).map(|(value, column)| {
            text(&place, &format_args!("column {column:?}").to_string(), value, mistakes)
        });
        if let Some(values) = values.collect() {
            rows.push(Row {
                values,
                origin: Origin { file: Arc::clone(&file), line },
                more_args: Vec::new(),
            });
        }
    }
    match columns {
        Some(columns) => Some((columns, rows)),
        None => {
            let found = "the table is empty";
            mistakes.push(
                Diagnostic::new(Location::file(path), found).accepted("a first line with the columns' names"),
            );
            None
        }
    }
}

fn ragged_help(record: &csv::ByteRecord, columns: &[String]) -> String {
    if record.len() > columns.len() {
        "put double quotes around a value that contains the separator".to_owned()
    } else {
        format!("add a value for {:?}", columns[record.len()])
    }
}

/// A value as text. A line break is refused: it would break a server's job list (create_work reads lines).
fn text(place: &Location, what: &str, value: &[u8], mistakes: &mut Diagnostics) -> Option<String> {
    let Ok(value) = std::str::from_utf8(value) else {
        let diagnostic = Diagnostic::new(place.clone(), format!("{what} is not UTF-8 text"));
        mistakes.push(diagnostic.help("save the table in UTF-8"));
        return None;
    };
    if let Some(c) = value.chars().find(|c| c.is_control() && *c != '\t') {
        let c = if matches!(c, '\n' | '\r') {
            "a line break".to_owned()
        } else {
            format!("the control character U+{:04X}", u32::from(c))
        };
        mistakes.push(Diagnostic::new(place.clone(), format!("{what} has {c} in its value")));
        return None;
    }
    Some(value.to_owned())
}

/// Each line an object; numbers are taken as they are written.
fn json_lines(path: &Path, bytes: &[u8], mistakes: &mut Diagnostics) -> Option<Table> {
    type Object<'a> = std::collections::BTreeMap<String, &'a serde_json::value::RawValue>;
    let file: Arc<Path> = Arc::from(path);
    let mut columns: Option<Vec<String>> = None;
    let mut rows = Vec::new();
    for (number, line) in (1u32..).zip(bytes.split(|&b| b == b'\n')) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let place = Location::line(path, number);
        let object: Object<'_> = match serde_json::from_slice(line) {
            Ok(object) => object,
            Err(error) => {
                let found = format!("invalid JSON object: {error}");
                mistakes.push(Diagnostic::new(place, found));
                continue;
            }
        };
        let columns = columns.get_or_insert_with(|| object.keys().cloned().collect());
        if !object.keys().eq(columns.iter()) {
            let keys: Vec<&str> = object.keys().map(String::as_str).collect();
            let found = format!("the keys are {}, but the first line has {}", listed(&keys), listed(columns));
            mistakes.push(Diagnostic::new(place, found));
            continue;
        }
        let values = object.iter().map(|(key, raw)| json_value(&place, key, raw.get(), mistakes));
        if let Some(values) = values.collect() {
            rows.push(Row {
                values,
                origin: Origin { file: Arc::clone(&file), line: number },
                more_args: Vec::new(),
            });
        }
    }
    Some((columns.unwrap_or_default(), rows))
}

fn json_value(place: &Location, key: &str, raw: &str, mistakes: &mut Diagnostics) -> Option<String> {
    match raw.as_bytes().first() {
        Some(b'"') => {
            let value: String = serde_json::from_str(raw).ok()?;
            text(place, &format!("column {key:?}"), value.as_bytes(), mistakes)
        }
        Some(b'{' | b'[' | b'n') => {
            let found = format!("column {key:?} is {raw}");
            mistakes
                .push(Diagnostic::new(place.clone(), found).accepted("a string, a number, true or false"));
            None
        }
        _ => Some(raw.to_owned()),
    }
}

/// Whether placeholders can name each column.
fn check_columns(path: &Path, columns: &[String], mistakes: &mut Diagnostics) -> bool {
    let before = mistakes.len();
    for (number, column) in columns.iter().enumerate() {
        let place = Location::line(path, 1);
        if column.is_empty() {
            let found = format!("column {} has no name", number + 1);
            mistakes.push(Diagnostic::new(place, found).help("name each column in the first line"));
        } else if column.contains([':', '{', '}']) {
            let found = format!("column {column:?} has : {{ or }} in its name");
            mistakes.push(
                Diagnostic::new(place, found)
                    .help("rename it: a placeholder cannot contain these characters"),
            );
        } else if columns[..number].contains(column) {
            mistakes.push(Diagnostic::new(place, format!("two columns are named {column:?}")));
        }
    }
    mistakes.len() == before
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(format: Format, bytes: &[u8]) -> Vec<Vec<String>> {
        let mut mistakes = Diagnostics::new();
        let rows = parse(Path::new("t"), format, bytes, &mut mistakes).unwrap();
        assert!(mistakes.is_empty());
        rows.rows.into_iter().map(|row| row.values).collect()
    }

    /// Anything a cell may hold: no line breaks, no control characters. A line must not be blank.
    fn cell() -> impl Strategy<Value = String> {
        "[ -~äß€]{0,11}[!-~äß€]"
    }

    #[test]
    fn what_spreadsheets_leave_behind_is_cleaned() {
        let expected = [["A", "1,5"], ["B", "2,5"]];
        for text in [
            "mol;temp\r\nA;1,5\r\nB;2,5\r\n;\r\n;\r\n",
            "mol;temp\n\nA;1,5\n ; \nB;2,5\n",
            "sep=;\r\nmol;temp\r\nA;1,5\r\nB;2,5\r\n",
            "sep=\t\nmol\ttemp\nA\t1,5\nB\t2,5\n",
            "\u{feff}sep=|\nmol|temp\nA|1,5\nB|2,5\n",
            "mol\ttemp\nA\t1,5\nB\t2,5\n",
            "mol;temp,K\nA;1,5\nB;2,5\n",
            "mol,temp\nA,\"1,5\"\nB,\"2,5\"\n,\n",
        ] {
            assert_eq!(rows(Format::Csv, text.as_bytes()), expected, "{text:?}");
        }
        assert_eq!(rows(Format::Tsv, b"mol\ttemp\nA\t1\n\t\n"), [["A", "1"]]);
        // A cell alone can be empty.
        assert_eq!(rows(Format::Csv, b"mol;temp\nA;\n;1\n"), [["A", ""], ["", "1"]]);
        assert_eq!(rows(Format::Csv, b"text\na;b\nc\n"), [["a;b"], ["c"]], "one column");
    }

    #[test]
    fn a_row_that_does_not_fit_says_which_separator_was_taken_and_where() {
        for (text, expected) in [
            ("a,b\n1,2\n3\n", "t:3: 1 value(s) separated by ',', but the first line names 2 columns"),
            ("sep=;\na;b\n1;2;3\n", "t:3: 3 value(s) separated by ';', but the first line names 2 columns"),
            ("a\tb\n1\n", "t:2: 1 value(s) separated by '\\t', but the first line names 2 columns"),
            ("# made by x\nmol,temp\nA,1.5\n", "t:1: the first line is a comment: \"# made by x\""),
        ] {
            let mut mistakes = Diagnostics::new();
            let rows = parse(Path::new("t"), Format::Csv, text.as_bytes(), &mut mistakes);
            let list = mistakes.into_result(rows.filter(|_| false)).unwrap_err();
            assert!(list[0].to_string().contains(expected), "{text:?}: {}", list[0]);
        }
    }

    proptest! {
        #[test]
        fn cells_are_read_as_they_were_written(table in prop::collection::vec(prop::collection::vec(cell(), 3), 1..8)) {
            for (format, delimiter) in [(Format::Csv, b','), (Format::Csv, b';'), (Format::Tsv, b'\t')] {
                let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
                for row in std::iter::once(&vec!["a".into(), "b".into(), "c".into()]).chain(&table) {
                    writer.write_record(row).unwrap();
                }
                prop_assert_eq!(&rows(format, &writer.into_inner().unwrap()), &table);
            }
            let lines: Vec<String> = table
                .iter()
                .map(|row| serde_json::json!({ "a": row[0], "b": row[1], "c": row[2] }).to_string())
                .collect();
            prop_assert_eq!(&rows(Format::Jsonl, lines.join("\n").as_bytes()), &table);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for format in [Format::Csv, Format::Tsv, Format::Jsonl] {
                let _ = parse(Path::new("t"), format, &bytes, &mut Diagnostics::new());
            }
        }
    }
}
