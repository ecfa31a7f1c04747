//! What is to be done with an item of the spool, step by step.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use boinc::calendar::utc;
use boinc::error_chain::chain;
use rusqlite::types::Value;

use crate::outputs::absolute;
use crate::routes::{Author, Routed};
use crate::script::extra_outputs::{self, ExtraOutput, PendingOutputs};
use crate::script::{End, Outcome, Purpose, Request, RequestOutput, RequestResult};
use crate::session::{Failure, FailureClass, Session};
use crate::spec::AssimilateKind;
use crate::spool::{ClaimedItem, WorkunitOutcome, reasons};
use crate::store::batch_id::{self, NoBatchId};
use crate::store::files::{self, StoredFiles};
use crate::store::table::Row;
use crate::store::{hook, table};
use crate::subject::Subject;

/// An item's values are looked for no longer than this.
const VALUES_TIME: Duration = Duration::from_secs(20);

/// Which steps are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Steps {
    /// Those that take no longer than a few file operations; the others are left.
    Quick,
    /// All.
    All,
}

/// Why an item is not done.
#[derive(Debug)]
pub(crate) struct ItemError {
    /// In words.
    pub message: String,
    /// If others would fare the same: what is out.
    pub failure: Option<Failure>,
    /// Nothing is wrong: nobody has to be told.
    pub is_late: bool,
}

impl ItemError {
    pub(super) fn of_item(message: String) -> Self {
        Self { message, failure: None, is_late: false }
    }

    fn later(message: String) -> Self {
        Self { is_late: true, ..Self::of_item(message) }
    }

    fn of_rule(failure: Failure) -> Self {
        Self { message: failure.message.clone(), failure: Some(failure), is_late: false }
    }
}

/// Takes the steps that are left for an item; whether all are done.
///
/// Steps that were done are remembered in the item, so that none is repeated without need.
pub(crate) fn run_steps(
    session: &mut Session,
    claimed: &mut ClaimedItem,
    steps: Steps,
) -> Result<bool, ItemError> {
    let (subject, routed) = session.route(&claimed.item.workunit).map_err(ItemError::of_rule)?;
    let assimilate = &routed.route.assimilate;
    let has_script = match &routed.script {
        // A submitter's is promised a result.
        Some(_)
            if routed.author == Author::Submitter && claimed.item.outcome != WorkunitOutcome::Canonical =>
        {
            false
        }
        Some(script) => !script.spec.assimilate.is_empty(),
        None => false,
    };
    let extra_outputs = routed.script.as_ref().map_or(&[][..], |script| &script.spec.extra_outputs);
    if claimed.state.extra_outputs != extra_outputs {
        // It has run, but made other files than those that are asked for now.
        claimed.state.done.retain(|done| done != "script");
    }
    if assimilate.rule == AssimilateKind::Collect && assimilate.needs_batch_id() {
        if steps == Steps::Quick && claimed.batch_id().is_none() {
            return Ok(false);
        }
        find_batch_id(session, claimed)?;
    }
    let mut work = Work { session, routed: &routed, subject: &subject, files: BTreeMap::new(), values: None };
    type Take<'a> = fn(&mut Work<'a>, &ClaimedItem) -> Result<(), ItemError>;
    let in_turn: [(&str, bool, Take); 5] = [
        ("collect", assimilate.rule == AssimilateKind::Collect, Work::collect),
        ("script", has_script, Work::run_script),
        (
            "extra_outputs",
            has_script && assimilate.rule == AssimilateKind::Collect,
            Work::collect_extra_outputs,
        ),
        ("table", assimilate.table.is_some(), Work::write_row),
        ("hook", assimilate.hook.is_some(), Work::post),
    ];
    for (name, is_wanted, take) in in_turn {
        // What collects is repeated: the later steps say where the files are, and it costs next to nothing.
        let is_repeated = matches!(name, "collect" | "extra_outputs");
        if !is_wanted || (!is_repeated && claimed.state.done.iter().any(|done| done == name)) {
            continue;
        }
        if steps == Steps::Quick && name != "collect" {
            return Ok(false);
        }
        take(&mut work, claimed)?;
        if !is_repeated {
            claimed.state.done.push(name.to_owned());
            if name == "script" {
                claimed.state.extra_outputs = extra_outputs.to_vec();
            }
            // Should it be lost, the step is repeated, which changes nothing.
            let _ = claimed.save();
        }
    }
    Ok(true)
}

/// Asks the project for the batch's number, once for an item.
fn find_batch_id(session: &Session, claimed: &mut ClaimedItem) -> Result<(), ItemError> {
    if claimed.batch_id().is_some() {
        return Ok(());
    }
    let found = batch_id::query(
        session.batch_id_command(),
        &claimed.item.workunit_id,
        &claimed.item.workunit,
        session.base(),
        &session.state.join("work"),
    );
    let key = "batch_id";
    let id = found.map_err(|error| match error {
        NoBatchId::CommandFailed(why) => ItemError::of_rule(Failure::new(key, FailureClass::Broken, why)),
        NoBatchId::NoNumber(why) => ItemError::of_item(format!("{key}: {why}")),
    })?;
    session.succeeded(key);
    claimed.state.batch_id = Some(id);
    // Should it be lost, it is asked again.
    let _ = claimed.save();
    Ok(())
}

/// One item's work.
struct Work<'a> {
    session: &'a Session<'a>,
    routed: &'a Routed,
    subject: &'a Subject,
    /// Where each output was collected, by number; behind them what the script made.
    files: BTreeMap<usize, PathBuf>,
    /// The values, once they were read.
    values: Option<Vec<(String, Option<String>)>>,
}

impl Work<'_> {
    fn collect(&mut self, claimed: &ClaimedItem) -> Result<(), ItemError> {
        let top = self.session.call.directory.join(&self.routed.route.assimilate.directory);
        let placed = files::store_outputs(claimed, self.routed, self.subject, &top)
            .map_err(|error| ItemError::of_item(chain(&error)))?;
        self.keep(placed);
        Ok(())
    }

    /// Collects what the script made, beside the outputs.
    fn collect_extra_outputs(&mut self, claimed: &ClaimedItem) -> Result<(), ItemError> {
        let top = self.session.call.directory.join(&self.routed.route.assimilate.directory);
        let placed =
            files::store_extra_outputs(claimed, &self.made(claimed), self.routed, self.subject, &top)
                .map_err(|error| ItemError::of_item(chain(&error)))?;
        self.keep(placed);
        Ok(())
    }

    fn keep(&mut self, placed: StoredFiles) {
        for line in placed.lines {
            self.session.log(&line);
        }
        self.files.extend(placed.files);
    }

    fn made(&self, claimed: &ClaimedItem) -> Vec<ExtraOutput> {
        let names = self.routed.script.as_ref().map_or(&[][..], |script| &script.spec.extra_outputs);
        extra_outputs::existing(&claimed.extra(), names)
    }

    /// What the route wants to know of the outputs, and of what the script made.
    fn values(&mut self, claimed: &ClaimedItem) -> Result<Vec<(String, Option<String>)>, ItemError> {
        if let Some(values) = &self.values {
            return Ok(values.clone());
        }
        let deadline = Instant::now() + VALUES_TIME;
        let made = self.made(claimed);
        let mut values = Vec::new();
        for spec in &self.routed.route.assimilate.value {
            let output = claimed.item.outputs.iter().find(|output| {
                files::name_of(self.routed, output) == spec.output && output.state.bytes().is_some()
            });
            let path = output
                .map(|output| claimed.file(output))
                .or_else(|| made.iter().find(|made| made.name == spec.output).map(|made| made.path.clone()));
            let value = match path {
                Some(path) => spec.read(&path, deadline).map_err(|error| {
                    ItemError::of_item(format!("value {:?}: {}: {error}", spec.name, path.display()))
                })?,
                None => None,
            };
            values.push((spec.name.clone(), value));
        }
        Ok(self.values.insert(values).clone())
    }

    /// Where the outputs were collected, as whole paths.
    fn collected(&self) -> Vec<String> {
        self.files.values().map(|path| absolute(path).display().to_string()).collect()
    }

    fn write_row(&mut self, claimed: &ClaimedItem) -> Result<(), ItemError> {
        let Some(spec) = &self.routed.route.assimilate.table else { return Ok(()) };
        let file = self.session.call.directory.join(&spec.file);
        // Names of values are columns: what submitters name must not use up those of all.
        let name = match (self.routed.author, &self.subject.app) {
            (Author::Submitter, Some(app)) => format!("{}_{}", spec.name, app.replace('-', "_")),
            _ => spec.name.clone(),
        };
        let item = &claimed.item;
        let text = |text: &str| Value::Text(text.to_owned());
        let known = |value: &Option<String>| value.clone().map_or(Value::Null, Value::Text);
        let (status, mask) = match item.outcome {
            WorkunitOutcome::Canonical => ("done", None),
            WorkunitOutcome::Failed { mask } => ("failed", Some(mask)),
        };
        let files = self.collected();
        let row = Row {
            own: [
                text(&item.workunit),
                known(&self.subject.app),
                known(&self.subject.hash),
                known(&self.subject.batch.clone().or(claimed.batch_id().map(str::to_owned))),
                known(&self.subject.job),
                item.instance.map_or(Value::Null, |n| text(&format!("{}_{n}", item.workunit))),
                text(status),
                mask.map_or(Value::Null, |mask| Value::Integer(i64::from(mask))),
                mask.map_or(Value::Null, |mask| text(&reasons(mask))),
                text(&utc(item.received)),
                text(&serde_json::to_string(&files).expect("texts become JSON")),
            ],
            values: self.values(claimed)?,
        };
        let key = self.key("table");
        table::write(&file, &name, &row)
            .map_err(|error| ItemError::of_rule(Failure::new(&key, FailureClass::Broken, chain(&error))))?;
        self.session.succeeded(&key);
        Ok(())
    }

    fn run_script(&mut self, claimed: &ClaimedItem) -> Result<(), ItemError> {
        let Some(script) = &self.routed.script else { return Ok(()) };
        let unmade = |error| ItemError::of_item(format!("failed to keep the extra outputs: {error}"));
        let making =
            PendingOutputs::new(&claimed.extra_temporary(), &script.spec.extra_outputs).map_err(unmade)?;
        let request = Request { extra_outputs: making.request(), ..self.request(claimed) };
        let stuck =
            |message| Failure::of_script(self.routed, Purpose::Assimilate, FailureClass::Broken, message);
        match script.run(&request, &self.session.state) {
            None | Some(Outcome::Good) => {
                making.keep(&claimed.extra()).map_err(unmade)?;
                self.session.succeeded(&stuck(String::new()).key);
                Ok(())
            }
            Some(Outcome::Bad(said)) => {
                Err(ItemError::of_item(format!("assimilate script rejected it: {said}")))
            }
            Some(Outcome::Later(said)) => {
                Err(ItemError::later(format!("assimilate script asks to retry later: {said}")))
            }
            // With code 1 or 2 it may be this one item's contents.
            Some(Outcome::Broken { end: End::Exit, how }) => {
                Err(ItemError::of_item(format!("assimilate script: {how}")))
            }
            Some(Outcome::Broken { how, .. }) => {
                Err(ItemError::of_rule(stuck(format!("assimilate script is broken: {how}"))))
            }
        }
    }

    fn post(&mut self, claimed: &ClaimedItem) -> Result<(), ItemError> {
        let Some(spec) = &self.routed.route.assimilate.hook else { return Ok(()) };
        let mut body = serde_json::to_value(self.request(claimed)).expect("texts and numbers become JSON");
        let values: serde_json::Map<_, _> =
            self.values(claimed)?.into_iter().map(|(name, value)| (name, value.into())).collect();
        body["item"] = claimed.item.key.as_str().into();
        body["received"] = utc(claimed.item.received).into();
        body["files"] = self.collected().into();
        body["values"] = values.into();
        let body = body.to_string();
        let posted = hook::post(spec, self.session.call.directory, &claimed.item.key, body.as_bytes());
        let key = self.key("hook");
        match posted {
            Ok(()) => {
                self.session.succeeded(&key);
                Ok(())
            }
            Err(error) if error.concerns_all() => {
                Err(ItemError::of_rule(Failure::new(&key, FailureClass::Broken, chain(&error))))
            }
            Err(error) => Err(ItemError::of_item(chain(&error))),
        }
    }

    fn key(&self, step: &str) -> String {
        format!("{}.{step}", self.routed.key)
    }

    fn request(&self, claimed: &ClaimedItem) -> Request {
        let item = &claimed.item;
        let outputs = item.outputs.iter().map(|output| RequestOutput {
            number: output.number,
            name: Some(files::name_of(self.routed, output)),
            physical_name: output.physical_name.clone(),
            path: absolute(&claimed.file(output)),
            bytes: output.state.bytes(),
        });
        let result = RequestResult {
            name: item.instance.map(|n| format!("{}_{n}", item.workunit)),
            instance: item.instance,
            outputs: outputs.filter(|output| output.bytes.is_some()).collect(),
            ..RequestResult::default()
        };
        let (mask, results) = match item.outcome {
            WorkunitOutcome::Canonical => (None, vec![result]),
            WorkunitOutcome::Failed { mask } => (Some(mask), Vec::new()),
        };
        Request {
            workunit_id: Some(item.workunit_id.clone()),
            batch_id: claimed.batch_id().map(str::to_owned),
            error_mask: mask,
            error: mask.map(reasons),
            ..Request::new(Purpose::Assimilate, self.subject, results)
        }
    }
}
