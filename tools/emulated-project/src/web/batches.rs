//! Verbs that change batches: create, abort, retire, expire.

use crate::php::{Php, to_float, to_int, truthy};
use crate::state::Data;
use crate::tables::{BATCH_NAME_CHARACTERS, Batch, BatchState};
use crate::volunteers;
use crate::workunit::CANCELLED;
use crate::xml::Element;

use super::html::{htmlspecialchars, rfc2822};
use super::script::Script;

/// `get_submit_app`: the app's name.
pub(super) fn submit_app(script: &mut Script<'_>, name: &str) -> Php<String> {
    let name = script.escape_string(name)?;
    script.open_database()?;
    let app = script.data().tables.app(&name).map(str::to_owned);
    app.ok_or_else(|| script.error(&format!("app not found: {}", htmlspecialchars(&name))))
}

/// Inserts a batch; a name that is too long is a fatal error.
pub(super) fn insert(script: &mut Script<'_>, mut batch: Batch) -> Php<u64> {
    if !truthy(&batch.name) {
        let user = script.data().tables.users[batch.owner].name.clone();
        batch.name = format!("{user}:{}:{}", batch.app_name, rfc2822(script.now()));
    }
    batch.name = script.escape_string(&batch.name)?;
    if batch.name.chars().count() > BATCH_NAME_CHARACTERS {
        return Err(script.page.sql_exception("Data too long for column 'name' at row 1"));
    }
    batch.create_time = script.now();
    Ok(script.data().tables.insert_batch(batch))
}

pub(super) fn create(script: &mut Script<'_>, message: &Element) -> Php {
    script.page.start_tag("create_batch");
    let app = submit_app(script, &message.text_of("app_name"))?;
    let owner = script.check_permissions(message, Some(&app))?;
    let new = Batch {
        owner,
        app_name: app,
        name: message.text_of("batch_name"),
        expire_time: to_float(&message.text_of("expire_time")),
        ..Batch::default()
    };
    let id = insert(script, new)?;
    script.page.echo(&format!("<batch_id>{id}</batch_id>\n        </create_batch>\n    "));
    Ok(())
}

/// `get_batch`: by id or by name, and that it is the user's.
pub(super) fn own_batch(script: &mut Script<'_>, message: &Element, user: usize, refusal: &str) -> Php<u64> {
    let found = if !message.is_empty_child("batch_id") {
        let id = to_int(&message.text_of("batch_id"));
        script.data().tables.batch(id).map(|batch| (batch.id, batch.owner))
    } else if !message.is_empty_child("batch_name") {
        let name = script.escape_string(&message.text_of("batch_name"))?;
        script.data().tables.batch_named(&name).map(|batch| (batch.id, batch.owner))
    } else {
        return Err(script.error("batch not specified"));
    };
    match found {
        None => Err(script.error("no such batch")),
        Some((_, owner)) if owner != user => Err(script.error(refusal)),
        Some((id, _)) => Ok(id),
    }
}

pub(super) fn abort(script: &mut Script<'_>, message: &Element) -> Php {
    script.page.start_tag("abort_batch");
    let user = script.check_permissions(message, None)?;
    let id = own_batch(script, message, user, "not owner")?;
    let now = script.now();
    let mut data = script.data();
    let workunits = data.tables.workunit_indexes(id);
    for index in &workunits {
        cancel(&mut data, *index, now);
    }
    if let Some(batch) = data.tables.batch_mut(id) {
        batch.state = BatchState::Aborted;
        batch.completion_time = now;
    }
    volunteers::delete_files(&mut data, script.settings.file_deletion, &workunits);
    drop(data);
    script.page.echo("<success>1</success>\n        </abort_batch>\n    ");
    Ok(())
}

pub(super) fn abort_jobs(script: &mut Script<'_>, message: &Element) -> Php {
    script.page.start_tag("abort_jobs");
    let user = script.check_permissions(message, None)?;
    for name in message.all("job_name") {
        let name = script.escape_string(&name.text())?;
        let found = {
            let data = script.data();
            let index = data.tables.workunit_named(&name);
            index.map(|index| (index, data.tables.owner_of(&data.tables.workunits[index])))
        };
        let index = match found {
            None => return Err(script.error(&format!("no job {name}"))),
            Some((_, owner)) if owner != Some(user) => return Err(script.error("not owner of batch")),
            Some((index, _)) => index,
        };
        script.page.echo(&format!("<aborted {name}>\n"));
        let now = script.now();
        let mut data = script.data();
        cancel(&mut data, index, now);
        volunteers::delete_files(&mut data, script.settings.file_deletion, &[index]);
    }
    script.page.echo("<success>1</success>\n        </abort_jobs>\n    ");
    Ok(())
}

/// `abort_workunit` of html/inc/submit_util.inc: unsent instances are over, the files may go.
fn cancel(data: &mut Data, index: usize, now: i64) {
    let workunit = &mut data.tables.workunits[index];
    workunit.cancel_unsent();
    if workunit.error_mask & CANCELLED == 0 {
        workunit.error_mask |= CANCELLED;
        workunit.mod_time = now;
    }
    workunit.files_ready_to_delete = true;
}

pub(super) fn retire(script: &mut Script<'_>, message: &Element) -> Php {
    script.page.start_tag("retire_batch");
    let user = script.check_permissions(message, None)?;
    let id = own_batch(script, message, user, "not owner of batch")?;
    count_batch(script, id);
    let now = script.now();
    let state = script.data().tables.batch(id as i64).map(|batch| batch.state);
    let workunits = script.data().tables.workunit_indexes(id);
    let counted = state != Some(BatchState::Init);
    if !counted && !workunits.is_empty() {
        // Nobody has set the field that tells which jobs to cancel.
        script.page.note("Warning", "Undefined property: BoincWorkunit::$status");
    }
    let mut data = script.data();
    let mut cancelled = Vec::new();
    for index in workunits.into_iter().filter(|_| counted) {
        let workunit = &mut data.tables.workunits[index];
        // Only the workunit is cancelled, its unsent instances are left to the transitioner.
        if !workunit.is_over() && !workunit.was_sent() {
            workunit.error_mask |= CANCELLED;
            workunit.files_ready_to_delete = true;
            workunit.mod_time = now;
            workunit.cancel_unsent();
            cancelled.push(index);
        }
    }
    if let Some(batch) = data.tables.batch_mut(id) {
        batch.state = BatchState::Retired;
    }
    volunteers::delete_files(&mut data, script.settings.file_deletion, &cancelled);
    drop(data);
    script.page.echo("<success>1</success>\n        </retire_batch>\n    ");
    Ok(())
}

pub(super) fn set_expire_time(script: &mut Script<'_>, message: &Element) -> Php {
    script.page.start_tag("set_expire_time");
    let user = script.check_permissions(message, None)?;
    let id = own_batch(script, message, user, "not owner of batch")?;
    if let Some(batch) = script.data().tables.batch_mut(id) {
        batch.expire_time = to_float(&message.text_of("expire_time"));
    }
    script.page.echo("<success>1</success></set_expire_time>\n");
    Ok(())
}

/// `get_batch_params` of html/inc/submit_util.inc: counts the jobs and writes state 2 if all are over.
pub(super) fn count_batch(script: &mut Script<'_>, id: u64) {
    script.page.note("Deprecated", "Creation of dynamic property BoincBatch::$njobs_success is deprecated");
    let now = script.now();
    let mut data = script.data();
    let tables = &data.tables;
    let Some(batch) = tables.batch(id as i64) else { return };
    if batch.state == BatchState::Init {
        return;
    }
    let (mut done, mut failed, mut credit) = (0, 0, 0.0);
    for workunit in tables.workunits_of(batch) {
        if workunit.canonical_result != 0 {
            done += 1;
            credit += workunit.canonical_credit;
        } else if workunit.error_mask != 0 {
            failed += 1;
        }
    }
    let all = batch.workunits.len();
    let Some(batch) = data.tables.batch_mut(id) else { return };
    batch.njobs = all;
    if all == 0 {
        return;
    }
    batch.nerror_jobs = failed;
    batch.credit_canonical = credit;
    batch.fraction_done = (done + failed) as f64 / all as f64;
    if done + failed == all && batch.state == BatchState::InProgress {
        batch.state = BatchState::Complete;
        batch.completion_time = now;
    }
}
