//! get_output2.php: works for single files only; whatever needs a zip dies.

use crate::http::Reply;
use crate::php::{At, DIR_HIER, GET_OUTPUT2, Stop, to_int};
use crate::state::Data;
use crate::workunit::{Instance, Workunit};

use super::get_output::download;
use super::script::Script;
use super::site::{missing_number, missing_text};
use super::{PHP_HTML, finish};

pub(super) fn run(mut script: Script<'_>) -> Reply {
    if let Some(reply) = super::site::out_of_order(&mut script) {
        return reply;
    }
    for name in ["cmd", "auth"] {
        if script.request.parameter(name).is_none() {
            return missing_text(&mut script, name);
        }
    }
    let text = |name: &str| script.request.parameter(name).unwrap_or_default();
    let (command, auth) = (text("cmd"), text("auth"));
    let wanted = match command.as_str() {
        "result" => "result_id",
        "workunit" => "wu_id",
        "batch" => "batch_id",
        "file" => "result_id",
        _ => return Reply::new(200, PHP_HTML, b"bad cmd\n".to_vec()),
    };
    let number = |name: &str| {
        let value = script.request.parameter(name)?;
        value.trim().parse::<f64>().ok().map(|_| to_int(&value))
    };
    let Some(id) = number(wanted) else { return missing_number(wanted) };
    let file = number("file_num");
    let data = script.data();
    let answer = match command.as_str() {
        "file" if file.is_none() => return missing_number("file_num"),
        "file" => single(&data, id, &auth, file),
        "result" => single(&data, id, &auth, None),
        "workunit" => workunit(&data, id),
        _ => batch(&data, id),
    };
    drop(data);
    match answer {
        Answer::File(name, bytes) => download(&name, bytes),
        Answer::Text(text) => Reply::new(200, PHP_HTML, text.into_bytes()),
        Answer::NoWorkunit => {
            script.page.warn("Undefined variable $result_id", At(GET_OUTPUT2, 117));
            script.page.echo("no workunit for ");
            finish(script.page, Ok(()), PHP_HTML)
        }
        Answer::Dies(callers) => {
            for line in if command == "batch" { [134, 150].as_slice() } else { [86].as_slice() } {
                script.page.warn("mkdir(): No such file or directory", At(GET_OUTPUT2, *line));
            }
            let stop = die(&mut script, callers);
            finish(script.page, Err(stop), PHP_HTML)
        }
    }
}

enum Answer {
    File(String, Vec<u8>),
    Text(String),
    /// Its message uses a variable of another function.
    NoWorkunit,
    /// `upload_path` divides by a fan-out that it forgot; the frames around it.
    Dies(&'static [(At, &'static str)]),
}

/// The second call of `upload_path` has no fan-out: it is no static variable, as the directory is.
fn die(script: &mut Script<'_>, callers: &[(At, &str)]) -> Stop {
    script.page.warn("Undefined variable $uldl_dir_fanout", At(DIR_HIER, 45));
    let mut trace = vec![(At(DIR_HIER, 29), "filename_hash"), (At(DIR_HIER, 45), "dir_hier_path")];
    trace.extend_from_slice(callers);
    script.page.fatal("DivisionByZeroError", "Modulo by zero", At(DIR_HIER, 25), &trace)
}

fn single(data: &Data, id: i64, auth: &str, file: Option<i64>) -> Answer {
    let Some((workunit, instance)) = data.tables.result(id) else {
        return Answer::Text(format!("no result {id}"));
    };
    let Some(batch) = data.tables.batch(workunit.batch as i64) else {
        return Answer::Text(format!("no batch for {id}"));
    };
    if data.tables.users[batch.owner].authenticator != auth {
        return Answer::Text("bad auth".to_owned());
    }
    match file {
        Some(file) => stored(data, workunit, instance, file),
        None if instance.outputs.len() == 1 => stored(data, workunit, instance, 0),
        None => Answer::Dies(&[
            (At(GET_OUTPUT2, 89), "upload_path"),
            (At(GET_OUTPUT2, 112), "do_result_aux"),
            (At(GET_OUTPUT2, 181), "do_result"),
        ]),
    }
}

fn stored(data: &Data, workunit: &Workunit, instance: &Instance, number: i64) -> Answer {
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    let file = instance.outputs.get(number).and_then(|name| data.storage.upload.get(name));
    let open_name = workunit.outputs.get(number).map_or("", |output| output.open_name.as_str());
    let bytes = file.map(|file| file.bytes.to_vec()).unwrap_or_default();
    Answer::File(format!("{}__{open_name}", instance.name), bytes)
}

/// The authenticator is not looked at here.
fn workunit(data: &Data, id: i64) -> Answer {
    let Some(index) = data.tables.workunit_index(id) else { return Answer::NoWorkunit };
    let workunit = &data.tables.workunits[index];
    match data.tables.result(workunit.canonical_result as i64) {
        Some((_, instance)) if instance.outputs.len() == 1 => stored(data, workunit, instance, 0),
        _ => Answer::Dies(&[
            (At(GET_OUTPUT2, 89), "upload_path"),
            (At(GET_OUTPUT2, 121), "do_result_aux"),
            (At(GET_OUTPUT2, 184), "do_wu"),
        ]),
    }
}

fn batch(data: &Data, id: i64) -> Answer {
    match data.tables.batch(id) {
        None => Answer::Text(format!("no batch {id}")),
        Some(_) => Answer::Dies(&[(At(GET_OUTPUT2, 153), "upload_path"), (At(GET_OUTPUT2, 187), "do_batch")]),
    }
}
