//! Removes the files of batches that have ended: Buoy's inputs and outputs carry `<no_delete/>`, so that BOINC's file_deleter
//! leaves them alone (`sched/file_deleter.cpp`), and nothing else in BOINC removes them.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use boinc::names::fan_out::{FAN_OUT, fan_out};
use boinc::xml::Xml;
use serde::Serialize;

use super::database::{DatabaseError, Sql};
use super::project_files::ProjectFiles;

/// Batches that were aborted or retired (`html/inc/common_defs.inc`, `BATCH_STATE_*`) and of which no instance is unsent or on a
/// host (`db/boinc_db_types.h`, `RESULT_SERVER_STATE_OVER` is 5).
const ENDED: &str = "select id from batch where state in (3,4) and id not in \
                     (select batch from result where server_state<5)";

/// Aborted or retired batches with instances that are not over.
const STILL_RUNNING: &str = "select batch.id, batch.name, count(*) from batch join result on result.batch=batch.id \
                             where batch.state in (3,4) and result.server_state<5 group by batch.id, batch.name order by batch.id";

/// What a file in the download directory may have next to it: its checksum, and what `stage_file --gzip` writes.
const NEXT_TO_INPUT: [&str; 3] = [".md5", ".gz", ".gz.md5"];

/// A file gets this ending until it is clear that no batch has claimed it meanwhile.
const SET_ASIDE: &str = ".buoy-clean";

/// Rows in one statement.
const ROWS: usize = 500;

/// What can be removed.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Removable {
    /// The batches that have ended.
    pub batches: Vec<Batch>,
    /// Aborted or retired batches with instances on hosts; their files stay.
    pub still_running: Vec<StillRunning>,
    /// Inputs that no other batch and no other job uses.
    pub inputs: Vec<File>,
    /// Outputs of the batches' jobs.
    pub outputs: Vec<File>,
}

/// A batch on the project.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Batch {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub name: String,
}

/// A batch that has been aborted or retired, with instances that are not over.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct StillRunning {
    /// The batch.
    #[serde(flatten)]
    pub batch: Batch,
    /// Instances that are unsent or on a host.
    pub instances: u64,
}

/// A file of the project.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct File {
    /// Where it is.
    pub path: PathBuf,
    /// Its size, with what belongs to it.
    pub bytes: u64,
    /// The number of its row in `job_file`; inputs only.
    #[serde(skip)]
    row: u64,
}

/// Why nothing, or not everything, was removed.
#[derive(Debug, thiserror::Error)]
pub enum CleanError {
    /// The database.
    #[error("failed to read the project's database")]
    Database(#[from] DatabaseError),
    /// A file.
    #[error("failed to remove {}", path.display())]
    Remove {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Where a project's files are.
struct Directories {
    download: PathBuf,
    upload: PathBuf,
    fan_out: u32,
}

impl Directories {
    fn of(project: &ProjectFiles) -> Self {
        let fan_out = project.setting_text("uldl_dir_fanout").and_then(|text| text.parse().ok());
        Self {
            download: project.download_dir(),
            upload: project.directory("upload_dir", "upload"),
            fan_out: fan_out.unwrap_or(FAN_OUT),
        }
    }

    fn path(&self, directory: &Path, name: &str) -> PathBuf {
        directory.join(fan_out(name, self.fan_out)).join(name)
    }
}

/// Finds what can be removed; changes nothing. `now` is seconds since 1970.
///
/// # Errors
/// The database cannot be read.
pub fn removable(project: &ProjectFiles, sql: &dyn Sql, now: f64) -> Result<Removable, CleanError> {
    let directories = Directories::of(project);
    let batches = sql.rows(&format!("select id, name from batch where id in ({ENDED}) order by id"))?;
    let batches = batches.iter().map(|row| batch(row)).collect::<Result<Vec<_>, _>>()?;
    let still_running = sql.rows(STILL_RUNNING)?;
    let still_running = still_running.iter().map(|row| {
        let instances = number(row.get(2).map_or("", String::as_str))?;
        Ok(StillRunning { batch: batch(row)?, instances })
    });
    let still_running = still_running.collect::<Result<Vec<_>, DatabaseError>>()?;
    let mut inputs = Vec::new();
    for (row, name) in unused_inputs(sql, now)? {
        let path = directories.path(&directories.download, &name);
        if let Some(bytes) = size(&path) {
            inputs.push(File { path, bytes, row });
        }
    }
    let mut outputs = Vec::new();
    for row in sql.rows(&format!("select name, xml_doc_in from result where batch in ({ENDED})"))? {
        let [result, xml] = &row[..] else { return Err(unexpected(&row).into()) };
        for name in file_names(xml) {
            // A template of a submitter's can name any file.
            let is_output = name.strip_prefix(result.as_str()).is_some_and(|rest| rest.starts_with("_r"));
            let path = directories.path(&directories.upload, &name);
            if let Some(bytes) = size(&path).filter(|_| is_output && is_physical_name(&name)) {
                outputs.push(File { path, bytes, row: 0 });
            }
        }
    }
    Ok(Removable { batches, still_running, inputs, outputs })
}

/// Removes what was found. An input that a batch has been associated with since then stays.
///
/// # Errors
/// A file cannot be removed, or the database not be changed; the same call again removes the rest.
pub fn remove(found: &Removable, sql: &dyn Sql, now: f64) -> Result<(), CleanError> {
    for output in &found.outputs {
        remove_file(&output.path)?;
    }
    // Who asks for an input from now on is told that it is absent, and sends it again.
    for path in found.inputs.iter().flat_map(input_files) {
        rename(&path, &set_aside(&path))?;
    }
    let unused: BTreeSet<u64> = unused_inputs(sql, now)?.into_iter().map(|(row, _)| row).collect();
    let (gone, claimed): (Vec<&File>, Vec<&File>) =
        found.inputs.iter().partition(|input| unused.contains(&input.row));
    for path in claimed.into_iter().flat_map(input_files) {
        // It may have been sent again.
        if !path.exists() {
            rename(&set_aside(&path), &path)?;
        }
        remove_file(&set_aside(&path))?;
    }
    for some in gone.chunks(ROWS) {
        for path in some.iter().copied().flat_map(input_files) {
            remove_file(&set_aside(&path))?;
        }
        let rows: Vec<String> = some.iter().map(|input| input.row.to_string()).collect();
        let rows = rows.join(",");
        sql.rows(&format!("delete from batch_file_assoc where job_file_id in ({rows})"))?;
        sql.rows(&format!("delete from job_file where id in ({rows})"))?;
    }
    Ok(())
}

/// Inputs of ended batches that no other batch and no unfinished job uses: row of `job_file` and name.
fn unused_inputs(sql: &dyn Sql, now: f64) -> Result<Vec<(u64, String)>, CleanError> {
    let files = sql.rows(&format!(
        "select id, name from job_file where delete_time<{now} \
         and id in (select job_file_id from batch_file_assoc where batch_id in ({ENDED})) \
         and id not in (select job_file_id from batch_file_assoc where batch_id not in ({ENDED})) order by id"
    ))?;
    if files.is_empty() {
        return Ok(Vec::new());
    }
    // Jobs of other batches, and of none, that were made without telling the server which files a batch has.
    let others = sql.rows(&format!(
        "select xml_doc from workunit where file_delete_state=0 and batch not in ({ENDED})"
    ))?;
    let used: HashSet<String> = others.iter().flatten().flat_map(|xml| file_names(xml)).collect();
    let mut unused = Vec::new();
    for row in &files {
        let [id, name] = &row[..] else { return Err(unexpected(row).into()) };
        if !used.contains(name) && is_physical_name(name) {
            unused.push((number(id)?, name.clone()));
        }
    }
    Ok(unused)
}

/// The names in the `<file_info>`s of a workunit's or result's XML. The database's client writes line ends as `\n`.
fn file_names(xml: &str) -> Vec<String> {
    let xml = Xml::read(xml.replace("\\n", "\n").replace("\\t", "\t"));
    let infos = xml.roots.iter().filter(|root| root.name == "file_info");
    infos.filter_map(|info| Some(info.child("name")?.text.trim().to_owned())).collect()
}

/// As BOINC's web code accepts them (`is_valid_filename`).
fn is_physical_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-. ".contains(c))
}

/// Bytes of a file and of what belongs to it, set aside or not; `None` if there is nothing.
fn size(path: &Path) -> Option<u64> {
    let paths = files_of(path).into_iter().flat_map(|path| [set_aside(&path), path]);
    let sizes = paths.filter_map(|path| path.symlink_metadata().ok()).map(|meta| meta.len());
    sizes.reduce(|a, b| a + b)
}

/// A file and what may be next to it.
fn files_of(path: &Path) -> Vec<PathBuf> {
    let others = NEXT_TO_INPUT.map(|ending| with_ending(path, ending));
    [path.to_owned()].into_iter().chain(others).collect()
}

fn input_files(input: &File) -> Vec<PathBuf> {
    files_of(&input.path)
}

/// Does nothing if the file does not exist.
fn rename(from: &Path, to: &Path) -> Result<(), CleanError> {
    match std::fs::rename(from, to) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(CleanError::Remove { path: from.to_owned(), source })
        }
        _ => Ok(()),
    }
}

fn set_aside(path: &Path) -> PathBuf {
    with_ending(path, SET_ASIDE)
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn remove_file(path: &Path) -> Result<(), CleanError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(CleanError::Remove { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

fn batch(row: &[String]) -> Result<Batch, DatabaseError> {
    let [id, name, ..] = row else { return Err(unexpected(row)) };
    Ok(Batch { id: number(id)?, name: name.clone() })
}

fn number(text: &str) -> Result<u64, DatabaseError> {
    text.parse().map_err(|_| DatabaseError::Answer { line: text.to_owned() })
}

fn unexpected(row: &[String]) -> DatabaseError {
    DatabaseError::Answer { line: row.join("\t") }
}

#[cfg(test)]
mod tests;
