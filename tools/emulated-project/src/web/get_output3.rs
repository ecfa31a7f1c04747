//! get_output3.php: what an assimilator has collected in `results/`; wants a login, which is a cookie.

use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::http::Reply;
use crate::php::{At, htmlspecialchars, to_int};

use super::PHP_HTML;
use super::get_output::download;
use super::script::Script;
use super::site::{error_page, login_first, missing_number, missing_text, out_of_order};

pub(super) fn run(mut script: Script<'_>) -> Reply {
    if let Some(reply) = out_of_order(&mut script) {
        return reply;
    }
    let Some(action) = script.request.parameter("action") else {
        return missing_text(&mut script, "action");
    };
    match action.as_str() {
        "get_file" => file(script),
        "get_batch_zip" => batch_zip(script),
        _ => Reply::new(200, PHP_HTML, Vec::new()),
    }
}

fn number(script: &Script<'_>, name: &str) -> Result<i64, Reply> {
    let value = script.request.parameter(name).filter(|value| value.trim().parse::<f64>().is_ok());
    value.map(|value| to_int(&value)).ok_or_else(|| missing_number(name))
}

/// `check_auth`: the batch must be the visitor's.
fn refused(script: &mut Script<'_>, batch: i64) -> Option<Reply> {
    let Some(user) = script.logged_in() else { return Some(login_first(script)) };
    let owner = script.data().tables.batch(batch).map(|batch| batch.owner);
    (owner != Some(user)).then(|| error_page(script, "not owner"))
}

fn file(mut script: Script<'_>) -> Reply {
    let (result, index) = match (number(&script, "result_id"), number(&script, "index")) {
        (Ok(result), Ok(index)) => (result, index),
        (Err(reply), _) | (_, Err(reply)) => return reply,
    };
    let found = {
        let data = script.data();
        data.tables
            .result(result)
            .map(|(workunit, _)| (workunit.name.clone(), workunit.batch, workunit.outputs.clone()))
    };
    let Some((workunit, batch, outputs)) = found else {
        // Without a session there is no telling whether the result exists.
        return if script.logged_in().is_none() {
            login_first(&script)
        } else {
            error_page(&mut script, "no result")
        };
    };
    if let Some(reply) = refused(&mut script, batch as i64) {
        return reply;
    }
    let Some(output) = usize::try_from(index).ok().and_then(|index| outputs.get(index)) else {
        return error_page(&mut script, "bad index");
    };
    let name = format!("{workunit}__file_{}", output.open_name);
    let stored = script.data().storage.results.get(&(batch, name.clone())).cloned();
    if script.request.parameter("download").is_some_and(|value| !value.is_empty()) {
        // A missing file is sent as an empty one.
        return download(&name, stored.map(|file| file.bytes.to_vec()).unwrap_or_default());
    }
    script.page.echo("<pre>\n");
    match stored {
        Some(file) => script.page.echo(&htmlspecialchars(&String::from_utf8_lossy(&file.bytes))),
        None => {
            let message = format!(
                "file_get_contents(../../results/{batch}/{name}): Failed to open stream: No such file or directory"
            );
            script.page.warn(&message, At("/html/user/get_output3.php", 74));
        }
    }
    script.page.echo("</pre>\n");
    Reply::new(200, PHP_HTML, script.page.into_bytes()).streamed()
}

fn batch_zip(mut script: Script<'_>) -> Reply {
    let batch = match number(&script, "batch_id") {
        Ok(batch) => batch,
        Err(reply) => return reply,
    };
    if let Some(reply) = refused(&mut script, batch) {
        return reply;
    }
    let files: Vec<_> = {
        let data = script.data();
        let results = data.storage.results.iter().filter(|((id, _), _)| *id == batch as u64);
        results.map(|((_, name), file)| (name.clone(), file.clone())).collect()
    };
    if files.is_empty() {
        return error_page(&mut script, "no batch dir");
    }
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, file) in files {
        // Memory takes whatever is written, and the names are short.
        if writer.start_file(name, SimpleFileOptions::default()).is_err()
            || writer.write_all(&file.bytes).is_err()
        {
            return error_page(&mut script, "Zip failed: ");
        }
    }
    let bytes = writer.finish().map(Cursor::into_inner).unwrap_or_default();
    download(&format!("batch_{batch}.zip"), bytes)
}
