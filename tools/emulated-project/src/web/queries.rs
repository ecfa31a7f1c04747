//! Verbs that ask: query_batch, query_batches, query_batch2, query_job, query_completed_job.

use std::fmt::Write as _;

use crate::php::{Php, float_text, htmlspecialchars, to_float, to_int};
use crate::state::Data;
use crate::tables::{Batch, BatchState};
use crate::workunit::{Outcome, ServerState, Workunit};
use crate::xml::Element;

use super::batches::{count_batch, own_batch};
use super::script::Script;
use super::task_pages::state_string;

/// The words of `WU_ERROR_*` in `show_job_details`.
const ERROR_WORDS: [(u32, &str); 6] = [
    (1, "couldnt_send_result"),
    (2, "too_many_error_results"),
    (4, "too_many_success_results"),
    (8, "too_many_total_results"),
    (16, "cancelled"),
    (32, "no_canonical_result"),
];

pub(super) fn batch(script: &mut Script<'_>, message: &Element) -> Php {
    script.page.start_tag("query_batch");
    let user = script.check_permissions(message, None)?;
    let id = own_batch(script, message, user, "not owner of batch")?;
    count_batch(script, id);
    let cpu_time = to_int(&message.text_of("get_cpu_time")) != 0;
    let details = to_int(&message.text_of("get_job_details")) != 0;
    let data = script.data();
    let Some(batch) = data.tables.batch(id as i64) else { return Ok(()) };
    let mut out = batch_params(&data, batch, cpu_time);
    for workunit in data.tables.workunits_of(batch) {
        let (id, name, canonical) = (workunit.id, &workunit.name, workunit.canonical_result);
        let _ = write!(
            out,
            "        <job>\n        <id>{id}</id>\n        <name>{name}</name>\n        \
             <canonical_instance_id>{canonical}</canonical_instance_id>\n"
        );
        if details {
            job_details(workunit, &mut out);
        }
        out.push_str("        </job>\n");
    }
    out.push_str("</query_batch>\n");
    drop(data);
    script.page.echo(&out);
    Ok(())
}

pub(super) fn batches(script: &mut Script<'_>, message: &Element) -> Php {
    script.page.start_tag("query_batches");
    let user = script.check_permissions(message, None)?;
    let cpu_time = to_int(&message.text_of("get_cpu_time")) != 0;
    let own: Vec<(u64, BatchState)> = {
        let data = script.data();
        data.tables.batches.iter().filter(|batch| batch.owner == user).map(|b| (b.id, b.state)).collect()
    };
    for (id, state) in own {
        if state == BatchState::Retired {
            continue;
        }
        if state < BatchState::Complete {
            count_batch(script, id);
        }
        let params = {
            let data = script.data();
            data.tables.batch(id as i64).map(|batch| batch_params(&data, batch, cpu_time))
        };
        script.page.echo(&format!("    <batch>\n{}   </batch>\n", params.unwrap_or_default()));
    }
    script.page.echo("</query_batches>\n");
    Ok(())
}

/// `print_batch_params`; the name goes out unescaped.
fn batch_params(data: &Data, batch: &Batch, cpu_time: bool) -> String {
    let mut out = format!(
        "\n        <id>{}</id>\n        <create_time>{}</create_time>\n        <expire_time>{}</expire_time>\n        \
         <est_completion_time>0</est_completion_time>\n        <njobs>{}</njobs>\n        \
         <fraction_done>{}</fraction_done>\n        <nerror_jobs>{}</nerror_jobs>\n        <state>{}</state>\n        \
         <completion_time>{}</completion_time>\n        <credit_estimate>0</credit_estimate>\n        \
         <credit_canonical>{}</credit_canonical>\n        <name>{}</name>\n        <app_name>{}</app_name>\n",
        batch.id,
        batch.create_time,
        stored_float(batch.expire_time),
        batch.njobs,
        float_text(batch.fraction_done),
        batch.nerror_jobs,
        batch.state as u8,
        batch.completion_time,
        float_text(batch.credit_canonical),
        batch.name,
        batch.app_name,
    );
    if cpu_time {
        let workunits = data.tables.workunits_of(batch);
        let sum: f64 = workunits.flat_map(|workunit| &workunit.instances).map(|i| i.cpu_seconds).sum();
        let _ = writeln!(out, "        <total_cpu_time>{}</total_cpu_time>", float_text(sum));
    }
    out
}

/// A number as the database gives it back.
fn stored_float(value: f64) -> String {
    if value.abs() >= 1e15 { format!("{value:e}") } else { float_text(value) }
}

/// `show_job_details`.
fn job_details(workunit: &Workunit, out: &mut String) {
    for (bit, word) in ERROR_WORDS {
        if workunit.error_mask & bit != 0 {
            let _ = writeln!(out, "   <error>{word}</error>");
        }
    }
    for instance in &workunit.instances {
        if workunit.error_mask != 0 && instance.outcome == Outcome::ClientError {
            let _ = writeln!(out, "            <exit_status>{}</exit_status>", instance.exit_status);
        }
        if instance.id == workunit.canonical_result {
            let _ = writeln!(out, "            <cpu_time>{}</cpu_time>", float_text(instance.cpu_seconds));
        }
    }
    let status = if workunit.error_mask != 0 {
        "error"
    } else if workunit.canonical_result != 0 {
        "done"
    } else if workunit.instances.iter().any(|instance| instance.state == ServerState::InProgress) {
        "in_progress"
    } else {
        "queued"
    };
    let _ = writeln!(out, "            <status>{status}</status>");
}

/// query_batch2: only statuses, and only what changed after `min_mod_time`. The database keeps whole seconds, so a
/// change in the second that `server_time` lies in is missed by the next poll that passes it on as it is.
pub(super) fn batch_statuses(script: &mut Script<'_>, message: &Element) -> Php {
    script.page.start_tag("query_batch2");
    let user = script.check_permissions(message, None)?;
    let mut batches = Vec::new();
    for name in message.all("batch_name") {
        let name = script.escape_string(&name.text())?;
        let found = script.data().tables.batch_named(&name).map(|batch| (batch.id, batch.owner));
        match found {
            None => return Err(script.error(&format!("no batch named {name}"))),
            Some((_, owner)) if owner != user => {
                return Err(script.error(&format!("not owner of {name}")));
            }
            Some((id, _)) => batches.push(id),
        }
    }
    let min_mod_time = to_float(&message.text_of("min_mod_time"));
    let mut out = format!("<server_time>{}</server_time>\n", float_text(script.settings.clock.now()));
    let data = script.data();
    for id in batches {
        let Some(batch) = data.tables.batch(id as i64) else { continue };
        let changed: Vec<&Workunit> = data
            .tables
            .workunits_of(batch)
            .filter(|workunit| min_mod_time == 0.0 || workunit.mod_time as f64 > min_mod_time)
            .collect();
        let _ = writeln!(out, "   <batch_size>{}</batch_size>", changed.len());
        for workunit in changed {
            let status = if workunit.canonical_result != 0 {
                "DONE"
            } else if workunit.error_mask != 0 {
                "ERROR"
            } else if workunit.was_sent() {
                "IN_PROGRESS"
            } else {
                "UNSENT"
            };
            let _ = write!(
                out,
                "    <job>\n        <job_name>{}</job_name>\n        <status>{status}</status>\n    </job>\n",
                workunit.name
            );
        }
    }
    drop(data);
    out.push_str("</query_batch2>\n");
    script.page.echo(&out);
    Ok(())
}

/// The place of a workunit, if there is one and it is the user's.
fn own_workunit(script: &mut Script<'_>, found: Option<usize>, user: usize) -> Php<usize> {
    let Some(index) = found else { return Err(script.error("no such job")) };
    let owner = {
        let data = script.data();
        data.tables.owner_of(&data.tables.workunits[index])
    };
    if owner == Some(user) { Ok(index) } else { Err(script.error("not owner")) }
}

pub(super) fn job(script: &mut Script<'_>, message: &Element) -> Php {
    script.page.start_tag("query_job");
    let user = script.check_permissions(message, None)?;
    let id = to_int(&message.text_of("job_id"));
    let index = script.data().tables.workunit_index(id);
    let index = own_workunit(script, index, user)?;
    let data = script.data();
    let workunit = &data.tables.workunits[index];
    let mut out = String::new();
    for instance in &workunit.instances {
        let _ = write!(
            out,
            "    <instance>\n        <name>{}</name>\n        <id>{}</id>\n        <state>{}</state>\n",
            instance.name,
            instance.id,
            state_string(instance)
        );
        if instance.state == ServerState::Over {
            for file in instance.outputs.iter().filter_map(|name| data.storage.upload.get(name)) {
                let size = file.bytes.len();
                let _ =
                    write!(out, "        <outfile>\n            <size>{size}</size>\n        </outfile>\n");
            }
        }
        out.push_str("</instance>\n");
    }
    drop(data);
    out.push_str("</query_job>\n");
    script.page.echo(&out);
    Ok(())
}

/// query_completed_job: works for a job with a canonical result; for others the script uses a variable that is not set.
pub(super) fn completed_job(script: &mut Script<'_>, message: &Element) -> Php {
    script.page.start_tag("query_completed_job");
    let user = script.check_permissions(message, None)?;
    let name = script.escape_string(&message.text_of("job_name"))?;
    let index = script.data().tables.workunit_named(&name);
    let index = own_workunit(script, index, user)?;
    let data = script.data();
    let workunit = &data.tables.workunits[index];
    let mut out = format!("<completed_job>\n   <error_mask>{}</error_mask>\n", workunit.error_mask);
    let canonical = workunit.instances.iter().find(|instance| instance.id == workunit.canonical_result);
    if let Some(instance) = canonical {
        let _ = write!(
            out,
            "   <canonical_resultid>{}</canonical_resultid>\n   <exit_status>{}</exit_status>\n   \
             <elapsed_time>{}</elapsed_time>\n   <cpu_time>{}</cpu_time>\n   <stderr_out><![CDATA[\n{}   \
             ]]></stderr_out>\n</completed_job>\n        </query_completed_job>\n    ",
            instance.id,
            instance.exit_status,
            float_text(instance.elapsed_seconds),
            float_text(instance.cpu_seconds),
            htmlspecialchars(&instance.stderr_out)
        );
    }
    let answered = canonical.is_some();
    drop(data);
    script.page.echo(&out);
    if answered {
        return Ok(());
    }
    script.page.note("Warning", "Undefined variable $job_id");
    Err(script.page.sql_exception("You have an error in your SQL syntax"))
}
