//! job_file.php: query_files and upload_files.

use std::collections::hash_map::Entry;

use crate::http::UploadProblem;
use crate::php::{At, DB_CONN, DIR_HIER, JOB_FILE, Php, SUBMIT_DB, Stop, htmlspecialchars, to_int};
use crate::settings::Installation;
use crate::storage::{StoredFile, subdirectory};
use crate::tables::{JobFile, NAME_CHARACTERS, collate};
use crate::xml::Element;

use super::script::Script;
use super::submit_rpc::message;

pub(super) fn run(script: &mut Script<'_>) -> Php {
    script.page.xml_header();
    let message = match message(script, At(JOB_FILE, 299), At(JOB_FILE, 302)) {
        Ok(message) => message,
        Err(text) => {
            let text = format!("can't parse request message: {}", htmlspecialchars(&text));
            return Err(script.page.xml_error_at(-1, &text, Some(At(JOB_FILE, 302))));
        }
    };
    match message.name.as_str() {
        "query_files" => query(script, &message),
        "upload_files" => upload(script, &message),
        _ => Err(script.page.xml_error(-1, "no such action")),
    }
}

/// `is_valid_filename` of html/inc/util_basic.inc: `^[\w\-. ]+$`, at most 255 bytes.
fn is_valid_filename(name: &str) -> bool {
    let name = name.strip_suffix('\n').unwrap_or(name);
    !name.is_empty()
        && name.len() <= 255
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-. ".contains(&byte))
}

/// `dir_hier_path`: makes the subdirectory, or says in the middle of the reply that it can't.
fn make_directory(script: &mut Script<'_>, name: &str) {
    if script.settings.installation == Installation::AsMade {
        script.page.warn("mkdir(): Permission denied", At(DIR_HIER, 32));
        let path = format!("{}/html/inc/../../download/{}", script.page.root(), subdirectory(name));
        script.page.echo(&format!("failed to mkdir: {path}\n"));
    }
}

/// Inserts a row of `job_file`; a name that has one is a fatal error.
fn insert_record(script: &mut Script<'_>, name: &str, delete_time: i64, from: [(At, &str); 2]) -> Php<u64> {
    let mut data = script.data();
    let tables = &mut data.tables;
    let id = tables.next_job_file_id;
    let message = if name.chars().count() > NAME_CHARACTERS {
        "Data too long for column 'name' at row 1".to_owned()
    } else {
        tables.next_job_file_id += 1;
        if let Entry::Vacant(vacant) = tables.job_files.entry(collate(name)) {
            vacant.insert(JobFile { id, delete_time });
            return Ok(id);
        }
        format!("Duplicate entry '{name}' for key 'jf_name'")
    };
    drop(data);
    Err(insert_failed(script, &message, 124, &from))
}

/// Ties a file to a batch, which works once; nobody looks whether there is such a batch.
fn tie(script: &mut Script<'_>, file: u64, batch: i64, from: [(At, &str); 2]) -> Php {
    if batch == 0 {
        return Ok(());
    }
    let message = if script.settings.installation < Installation::Complete {
        "Table 'buoytest.batch_file_assoc' doesn't exist".to_owned()
    } else if !script.data().tables.associations.insert((file, batch as u64)) {
        format!("Duplicate entry '{file}-{batch}' for key 'job_file_id'")
    } else {
        return Ok(());
    };
    Err(insert_failed(script, &message, 145, &from))
}

fn insert_failed(script: &mut Script<'_>, message: &str, line: u32, from: &[(At, &str)]) -> Stop {
    let inner = [(At(DB_CONN, 157), "DbConn->do_query"), (At(SUBMIT_DB, line), "DbConn->insert")];
    script.page.sql_exception(message, &inner, from)
}

fn query(script: &mut Script<'_>, message: &Element) -> Php {
    script.page.start_tag("query_files");
    script.check_permissions(message, None)?;
    let delete_time = to_int(&message.text_of("delete_time"));
    let batch = to_int(&message.text_of("batch_id"));
    let caller = (At(JOB_FILE, 307), "query_files");
    let mut absent = String::new();
    for (index, name) in message.all("phys_name").map(Element::text).enumerate() {
        if !is_valid_filename(&name) {
            return Err(script.page.xml_error(-1, "bad filename"));
        }
        make_directory(script, &name);
        let (record, present, later) = {
            let mut data = script.data();
            let record = data.tables.job_files.get_mut(&collate(&name));
            let later = record.as_ref().is_some_and(|record| record.delete_time < delete_time);
            let id = record.map(|record| {
                record.delete_time = record.delete_time.max(delete_time);
                record.id
            });
            // Each directory has these two.
            let directory = name == "." || name == "..";
            (id, directory || data.storage.download.contains_key(&name), later)
        };
        if later {
            // It was stored; the script takes success for failure.
            return Err(script.page.xml_error(-1, "job_file->update() failed: "));
        }
        if present {
            let from = [(At(JOB_FILE, 135), "BoincJobFile::insert"), caller];
            let id = match record {
                Some(id) => id,
                None => insert_record(script, &name, delete_time, from)?,
            };
            tie(script, id, batch, [(At(JOB_FILE, 146), "BoincBatchFileAssoc::insert"), caller])?;
        } else {
            script.data().tables.job_files.remove(&collate(&name));
            absent.push_str(&format!("<file>{index}</file>\n"));
        }
    }
    script.page.echo(&format!("<absent_files>\n{absent}</absent_files>\n        </query_files>\n    "));
    Ok(())
}

/// `delete_uploaded_files`, called at `line`: a part that PHP has refused has no temporary file.
fn delete_uploaded(script: &mut Script<'_>, line: u32) -> Php {
    let parts: Vec<(bool, bool)> =
        script.form.uploads.iter().map(|upload| (upload.is_array, upload.content.is_err())).collect();
    for (is_array, refused) in parts {
        if is_array {
            let message = "unlink(): Argument #1 ($filename) must be of type string, array given";
            let trace = [
                (At(JOB_FILE, 177), "unlink"),
                (At(JOB_FILE, line), "delete_uploaded_files"),
                (At(JOB_FILE, 310), "upload_files"),
            ];
            return Err(script.page.fatal("TypeError", message, At(JOB_FILE, 177), &trace));
        }
        if refused {
            script.page.warn("unlink(): No such file or directory", At(JOB_FILE, 177));
        }
    }
    Ok(())
}

fn upload(script: &mut Script<'_>, message: &Element) -> Php {
    script.page.start_tag("upload_files");
    script.check_permissions(message, None)?;
    let delete_time = to_int(&message.text_of("delete_time"));
    let batch = to_int(&message.text_of("batch_id"));
    let names: Vec<String> = message.all("phys_name").map(Element::text).collect();
    let parts = script.form.uploads.len();
    if parts != names.len() {
        delete_uploaded(script, 190)?;
        let text = format!("# of uploaded files ({parts}) doesn't agree with request ({})", names.len());
        return Err(script.page.xml_error(-1, &text));
    }
    if names.iter().any(|name| !is_valid_filename(name)) {
        return Err(script.page.xml_error(-1, "bad filename"));
    }
    let refused = script.form.uploads.iter().find_map(|upload| match &upload.content {
        _ if upload.is_array => Some((upload.name.clone(), "")),
        Err(problem) => Some((upload.name.clone(), description(*problem))),
        Ok(_) => None,
    });
    if let Some((name, reason)) = refused {
        delete_uploaded(script, 215)?;
        return Err(script.page.xml_error(-1, &format!("{name} upload failed because: {reason}")));
    }
    let uploads = std::mem::take(&mut script.form.uploads);
    let files: Vec<StoredFile> =
        uploads.into_iter().filter_map(|upload| upload.content.ok()).map(StoredFile::new).collect();
    let caller = (At(JOB_FILE, 310), "upload_files");
    for (name, file) in names.iter().zip(files) {
        store(script, name, file)?;
        let from = [(At(JOB_FILE, 256), "BoincJobFile::insert"), caller];
        let id = insert_record(script, name, delete_time, from)?;
        tie(script, id, batch, [(At(JOB_FILE, 263), "BoincBatchFileAssoc::insert"), caller])?;
    }
    script.page.echo("<success/>\n        </upload_files>\n    ");
    Ok(())
}

/// `check_download_file` and the move into the download directory.
fn store(script: &mut Script<'_>, name: &str, file: StoredFile) -> Php {
    make_directory(script, name);
    if script.settings.installation == Installation::AsMade {
        let path =
            format!("{}/html/inc/../../download/{}/{name}.md5", script.page.root(), subdirectory(name));
        let warning = format!("file_put_contents({path}): Failed to open stream: No such file or directory");
        script.page.warn(&warning, At(DIR_HIER, 115));
        return Err(script.page.xml_error(-1, "file operation failed; check permissions in download/*"));
    }
    let mut data = script.data();
    let differs = match data.storage.download.get(name) {
        Some(present) => present.md5 != file.md5 || present.bytes.len() != file.bytes.len(),
        None => {
            data.storage.download.insert(name.to_owned(), file);
            false
        }
    };
    drop(data);
    if differs {
        return Err(script.page.xml_error(-1, &format!("file immutability violation for {name}")));
    }
    Ok(())
}

/// `upload_error_description`.
fn description(problem: UploadProblem) -> &'static str {
    match problem {
        UploadProblem::TooLarge => "The uploaded file exceeds upload_max_filesize of php.ini.",
        UploadProblem::Partial => "The uploaded file was only partially uploaded.",
        UploadProblem::NoFile => "No file was uploaded.",
    }
}
