//! submit_rpc_handler.php: which verb is called.

use crate::php::{Php, htmlspecialchars};
use crate::xml::{self, Element};

use super::script::Script;
use super::{batches, queries, submit};

pub(super) fn run(script: &mut Script<'_>) -> Php {
    script.page.xml_header();
    let message = match message(script) {
        Ok(message) => message,
        Err(text) => {
            script.log();
            let text = format!("can't parse request message: {}", htmlspecialchars(&text));
            return Err(script.page.xml_error(-1, &text));
        }
    };
    script.log();
    match message.name.as_str() {
        "abort_batch" => batches::abort(script, &message),
        "abort_jobs" => batches::abort_jobs(script, &message),
        "create_batch" => batches::create(script, &message),
        "estimate_batch" => submit::estimate(script, &message),
        "ping" => ping(script),
        "query_batch" => queries::batch(script, &message),
        "query_batch2" => queries::batch_statuses(script, &message),
        "query_batches" => queries::batches(script, &message),
        "query_job" => queries::job(script, &message),
        "query_completed_job" => queries::completed_job(script, &message),
        "retire_batch" => batches::retire(script, &message),
        "set_expire_time" => batches::set_expire_time(script, &message),
        "submit_batch" => submit::submit(script, &message),
        _ => Err(script.error("bad command")),
    }?;
    script.log();
    Ok(())
}

/// The form field's XML, or the text that is none.
pub(super) fn message(script: &mut Script<'_>) -> Result<Element, String> {
    let Some(text) = script.form.field("request") else {
        script.page.note("Warning", "Undefined array key \"request\"");
        let null =
            "simplexml_load_string(): Passing null to parameter #1 ($data) of type string is deprecated";
        script.page.note("Deprecated", null);
        return Err(String::new());
    };
    match xml::parse(&text) {
        Some(element) if element.truthy() => return Ok(element),
        None if !text.is_empty() => script.page.note("Warning", "simplexml_load_string(): parser error"),
        _ => {}
    }
    Err(text)
}

fn ping(script: &mut Script<'_>) -> Php {
    script.page.start_tag("ping");
    script.open_database()?;
    script.page.echo("<success>1</success>\n        </ping>\n    ");
    Ok(())
}
