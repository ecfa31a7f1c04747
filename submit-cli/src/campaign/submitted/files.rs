//! The files that a campaign's jobs need on the server, and where they are on this computer.

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::params;

use super::super::{Campaign, CampaignError};
use crate::plan::content::Content;
use crate::plan::content::ContentHash;

/// A file that jobs use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// Its physical name.
    pub name: String,
    /// What it must hold.
    pub hash: ContentHash,
    /// Where that is.
    pub content: Content,
}

impl Campaign {
    /// Notes files; those that are noted already get the place that is given now.
    pub fn save_files<'a>(
        &mut self,
        files: impl IntoIterator<Item = &'a FileRow>,
    ) -> Result<(), CampaignError> {
        self.step(|transaction| {
            let mut insert = transaction
                .prepare_cached("INSERT OR REPLACE INTO file (name, bytes, sha256, path, content) VALUES (?1, ?2, ?3, ?4, ?5)")?;
            for file in files {
                let (path, bytes) = match &file.content {
                    Content::Path(path) => (Some(path.to_string_lossy()), None),
                    Content::Bytes(bytes) => (None, Some(&bytes[..])),
                };
                insert.execute(params![file.name, file.hash.bytes as i64, file.hash.sha256, path, bytes])?;
            }
            Ok(())
        })
    }

    /// Whether a file of this name is noted.
    pub fn has_file(&self, name: &str) -> Result<bool, CampaignError> {
        self.read(|db| {
            db.query_row("SELECT EXISTS (SELECT 1 FROM file WHERE name = ?1)", [name], |row| row.get(0))
        })
    }

    /// All files, by name.
    pub fn files(&self) -> Result<Vec<FileRow>, CampaignError> {
        self.read(|db| {
            db.prepare_cached("SELECT name, bytes, sha256, path, content FROM file ORDER BY name")?
                .query_map([], |row| {
                    let path: Option<String> = row.get(3)?;
                    let content: Option<Vec<u8>> = row.get(4)?;
                    Ok(FileRow {
                        name: row.get(0)?,
                        hash: ContentHash { bytes: row.get::<_, i64>(1)? as u64, sha256: row.get(2)? },
                        content: match path {
                            Some(path) => Content::Path(PathBuf::from(path)),
                            None => Content::Bytes(Arc::from(content.unwrap_or_default())),
                        },
                    })
                })?
                .collect()
        })
    }
}
