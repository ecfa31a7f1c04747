//! job_file.php: query_files and upload_files.

use std::collections::hash_map::Entry;

use crate::http::UploadProblem;
use crate::php::{Php, htmlspecialchars, to_int};
use crate::settings::{Installation, PROJECT_ROOT};
use crate::storage::{StoredFile, subdirectory};
use crate::tables::{JobFile, NAME_CHARACTERS, collate};
use crate::xml::Element;

use super::script::Script;
use super::submit_rpc::message;

pub(super) fn run(script: &mut Script<'_>) -> Php {
    script.page.xml_header();
    let message = match message(script) {
        Ok(message) => message,
        Err(text) => {
            let text = format!("can't parse request message: {}", htmlspecialchars(&text));
            return Err(script.page.xml_error(-1, &text));
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
        script.page.note("Warning", "mkdir(): Permission denied");
        let directory = subdirectory(name);
        let text = format!("failed to mkdir: {PROJECT_ROOT}/html/inc/../../download/{directory}\n");
        script.page.echo(&text);
    }
}

/// Inserts a row of `job_file`; a name that has one is a fatal error.
fn insert_record(script: &mut Script<'_>, name: &str, delete_time: i64) -> Php<u64> {
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
    Err(script.page.sql_exception(&message))
}

/// Ties a file to a batch, which works once; nobody looks whether there is such a batch.
fn tie(script: &mut Script<'_>, file: u64, batch: i64) -> Php {
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
    Err(script.page.sql_exception(&message))
}

fn query(script: &mut Script<'_>, message: &Element) -> Php {
    script.page.start_tag("query_files");
    script.check_permissions(message, None)?;
    let delete_time = to_int(&message.text_of("delete_time"));
    let batch = to_int(&message.text_of("batch_id"));
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
            let id = match record {
                Some(id) => id,
                None => insert_record(script, &name, delete_time)?,
            };
            tie(script, id, batch)?;
        } else {
            script.data().tables.job_files.remove(&collate(&name));
            absent.push_str(&format!("<file>{index}</file>\n"));
        }
    }
    script.page.echo(&format!("<absent_files>\n{absent}</absent_files>\n        </query_files>\n    "));
    Ok(())
}

/// `delete_uploaded_files`: a part that PHP has refused has no temporary file.
fn delete_uploaded(script: &mut Script<'_>) -> Php {
    if script.form.uploads.iter().any(|upload| upload.is_array) {
        let message = "unlink(): Argument #1 ($filename) must be of type string, array given";
        return Err(script.page.fatal("TypeError", message));
    }
    if script.form.uploads.iter().any(|upload| upload.content.is_err()) {
        script.page.note("Warning", "unlink(): No such file or directory");
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
        delete_uploaded(script)?;
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
        delete_uploaded(script)?;
        return Err(script.page.xml_error(-1, &format!("{name} upload failed because: {reason}")));
    }
    let uploads = std::mem::take(&mut script.form.uploads);
    let files: Vec<StoredFile> =
        uploads.into_iter().filter_map(|upload| upload.content.ok()).map(StoredFile::new).collect();
    for (name, file) in names.iter().zip(files) {
        store(script, name, file)?;
        let id = insert_record(script, name, delete_time)?;
        tie(script, id, batch)?;
    }
    script.page.echo("<success/>\n        </upload_files>\n    ");
    Ok(())
}

/// `check_download_file` and the move into the download directory.
fn store(script: &mut Script<'_>, name: &str, file: StoredFile) -> Php {
    make_directory(script, name);
    if script.settings.installation == Installation::AsMade {
        script.page.note("Warning", "file_put_contents(): Failed to open stream: No such file or directory");
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
