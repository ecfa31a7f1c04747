//! get_output.php: output files, one by one or as a zip.

use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::http::Reply;
use crate::php::{htmlspecialchars, to_int};
use crate::settings::PROJECT_ROOT;
use crate::state::Data;
use crate::storage::{md5_hex, subdirectory};

use super::PHP_HTML;
use super::script::Script;
use super::site::{missing_number, missing_text};

pub(super) fn run(mut script: Script<'_>) -> Reply {
    if let Some(reply) = super::site::out_of_order(&mut script) {
        return reply;
    }
    let (Ok(reply) | Err(reply)) = answer(&mut script);
    reply
}

/// `do_download`.
fn download(name: &str, bytes: Vec<u8>) -> Reply {
    Reply::new(200, "application/octet-stream", bytes)
        .header("Content-Description", "File Transfer")
        .header("Content-Disposition", format!("attachment; filename={name}"))
        .header("Content-Transfer-Encoding", "binary")
        .header("Expires", "0")
        .header("Cache-Control", "must-revalidate, post-check=0, pre-check=0")
        .header("Pragma", "public")
}

/// What the script says in the place of a file.
fn text<T>(message: impl Into<String>) -> Result<T, Reply> {
    Err(Reply::new(200, PHP_HTML, format!("ERROR: {}", message.into()).into_bytes()))
}

fn answer(script: &mut Script<'_>) -> Result<Reply, Reply> {
    let command = parameter(script, "cmd")?;
    let auth = parameter(script, "auth_str")?;
    match command.as_str() {
        "result_file" => {
            let name = parameter(script, "result_name")?;
            let number = number(script, "file_num")?;
            result_file(script, &name, number, &auth)
        }
        "workunit_files" => {
            let workunit = number(script, "wu_id")?;
            workunit_files(script, workunit, &auth)
        }
        _ => Ok(Reply::new(200, PHP_HTML, "bad command\n".into())),
    }
}

fn parameter(script: &mut Script<'_>, name: &str) -> Result<String, Reply> {
    match script.request.parameter(name) {
        Some(value) => Ok(value),
        None => Err(missing_text(script, name)),
    }
}

fn number(script: &Script<'_>, name: &str) -> Result<i64, Reply> {
    match script.request.parameter(name).filter(|value| value.trim().parse::<f64>().is_ok()) {
        Some(value) => Ok(to_int(&value)),
        None => Err(missing_number(name)),
    }
}

/// The authenticator of a batch's owner.
fn secret(data: &Data, batch: u64) -> Result<String, Reply> {
    match data.tables.batch(batch as i64) {
        None => text(format!("no batch {batch}")),
        Some(batch) => Ok(data.tables.users[batch.owner].authenticator.clone()),
    }
}

fn result_file(script: &Script<'_>, name: &str, number: i64, auth: &str) -> Result<Reply, Reply> {
    let data = script.data();
    let Some((workunit, instance)) = data.tables.result_named(name.trim()) else {
        return text(format!("no job instance {}", htmlspecialchars(name)));
    };
    let secret = secret(&data, workunit.batch)?;
    if md5_hex(format!("{secret}{}", instance.name).as_bytes()) != auth {
        return text("bad authenticator");
    }
    let count = instance.outputs.len();
    let Some(name) = usize::try_from(number).ok().and_then(|number| instance.outputs.get(number)) else {
        return text(format!("bad file num: {number} > {count}"));
    };
    match data.storage.upload.get(name) {
        Some(file) => Ok(download(name, file.bytes.to_vec())),
        None => text(format!("no such file {}", upload_path(name))),
    }
}

fn workunit_files(script: &Script<'_>, id: i64, auth: &str) -> Result<Reply, Reply> {
    let data = script.data();
    let Some(index) = data.tables.workunit_index(id) else {
        return text(format!("no workunit {id}"));
    };
    let workunit = &data.tables.workunits[index];
    if md5_hex(format!("{}{id}", secret(&data, workunit.batch)?).as_bytes()) != auth {
        return text("bad authenticator");
    }
    let Some((_, instance)) = data.tables.result(workunit.canonical_result as i64) else {
        return text(format!("no canonical result for wu {}", htmlspecialchars(&workunit.name)));
    };
    // `tempnam` and ".zip".
    let name = format!("boinc_wu_{}_{:06x}.zip", workunit.name, script.state.random() % 0x100_0000);
    Ok(download(&name, zip(&data, &instance.outputs)))
}

/// A zip of the outputs that are there, by their physical names; without any the file is empty, which is no zip.
fn zip(data: &Data, names: &[String]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let mut empty = true;
    for name in names {
        let Some(file) = data.storage.upload.get(name) else { continue };
        empty = false;
        // Writing to memory does not fail, and names of outputs are short.
        let started = writer.start_file(name.as_str(), SimpleFileOptions::default());
        if started.is_err() || writer.write_all(&file.bytes).is_err() {
            return Vec::new();
        }
    }
    match writer.finish() {
        Ok(zip) if !empty => zip.into_inner(),
        _ => Vec::new(),
    }
}

fn upload_path(name: &str) -> String {
    format!("{PROJECT_ROOT}/upload/{}/{name}", subdirectory(name))
}
