//! Lists of files, by physical name.

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

/// Physical names of files, in order. The campaign file has them as one text, since no name contains a space.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileNames(pub Vec<String>);

impl ToSql for FileNames {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.join(" ").into())
    }
}

impl FromSql for FileNames {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(Self(value.as_str()?.split_whitespace().map(str::to_owned).collect()))
    }
}
