//! submit_rpc_handler.php: which verb is called.

use crate::php::{At, Level, Php, SUBMIT_RPC, UTIL_BASIC, htmlspecialchars};
use crate::xml::{self, Element};

use super::script::Script;
use super::{batches, queries, submit};

pub(super) fn run(script: &mut Script<'_>) -> Php {
    script.page.xml_header();
    let message = match message(script, At(SUBMIT_RPC, 1086), At(SUBMIT_RPC, 1104)) {
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
        "get_templates" => queries::templates(script, &message),
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

/// The form field's XML, or the text that is none. `at_field` is where the script reads the field, `at_escape` where it
/// escapes it for its error message.
pub(super) fn message(script: &mut Script<'_>, at_field: At, at_escape: At) -> Result<Element, String> {
    let Some(text) = script.form.field("request") else {
        let null = |function: &str, parameter: &str| {
            format!("{function}(): Passing null to parameter #1 (${parameter}) of type string is deprecated")
        };
        script.page.complain(Level::Warning, "Undefined array key \"request\"", at_field);
        let deprecated = null("simplexml_load_string", "data");
        script.page.complain(Level::Deprecated, &deprecated, At(UTIL_BASIC, 325));
        script.page.complain(Level::Deprecated, &null("htmlspecialchars", "string"), at_escape);
        return Err(String::new());
    };
    if text.is_empty() {
        return Err(text);
    }
    match xml::parse(&text) {
        Ok(element) if element.truthy() => Ok(element),
        Ok(_) => Err(text),
        Err(faults) => {
            for fault in faults {
                for line in [fault.message, fault.context, fault.caret] {
                    script.page.warn(&format!("simplexml_load_string(): {line}"), At(UTIL_BASIC, 325));
                }
            }
            Err(text)
        }
    }
}

fn ping(script: &mut Script<'_>) -> Php {
    script.page.start_tag("ping");
    script.open_database()?;
    script.page.echo("<success>1</success>\n        </ping>\n    ");
    Ok(())
}
