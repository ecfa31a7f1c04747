//! Working off the spool: what is to be done with an item, and the worker that goes on after the daemon was answered.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use rusqlite::types::Value;
use rustix::fs::FlockOperation;

use super::item::reasons;
use super::turns::Turns;
use super::{Claimed, Happened, Spool, SpoolError};
use crate::alert::utc;
use crate::routes::{Author, Routed};
use crate::script::made::{self, Made, Making};
use crate::script::{End, Outcome, Purpose, Request, RequestOutput, RequestResult};
use crate::shim::session::{Kind, Session, Trouble};
use crate::shim::{absolute, route, with_causes};
use crate::spec::AssimilateKind;
use crate::store::place::{self, Placed};
use crate::store::table::Row;
use crate::store::{batch_id, hook, table};
use crate::subject::Subject;

/// A worker that has nothing to do but wait ends after this; a later call starts another.
const LONGEST_WAIT: Duration = Duration::from_secs(86_400);

/// How often a waiting worker looks whether there is something new.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// When an item that somebody else is at is looked at again, in seconds.
const AT_WORK_SECONDS: f64 = 5.0;

/// When an item whose state can't be written is looked at again, in seconds.
const UNWRITTEN_SECONDS: f64 = 60.0;

/// A round of the worker's takes no longer, in seconds, but for the item that it is at.
const ROUND_SECONDS: f64 = 30.0;

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
pub(crate) struct Stuck {
    /// In words.
    pub message: String,
    /// If others would fare the same: what is out.
    pub trouble: Option<Trouble>,
    /// Nothing is wrong: nobody has to be told.
    is_late: bool,
}

impl Stuck {
    fn alone(message: String) -> Self {
        Self { message, trouble: None, is_late: false }
    }

    fn late(message: String) -> Self {
        Self { is_late: true, ..Self::alone(message) }
    }

    fn with_all(trouble: Trouble) -> Self {
        Self { message: trouble.message.clone(), trouble: Some(trouble), is_late: false }
    }
}

/// Takes the steps that are left for an item; whether all are done.
///
/// Steps that were done are remembered in the item, so that none is repeated without need.
pub(crate) fn work_on(session: &mut Session, claimed: &mut Claimed, steps: Steps) -> Result<bool, Stuck> {
    let (subject, routed) = route(session, &claimed.item.workunit).map_err(Stuck::with_all)?;
    let assimilate = &routed.route.assimilate;
    let has_script = routed.script.as_ref().is_some_and(|script| !script.spec.assimilate.is_empty());
    if assimilate.rule == AssimilateKind::Collect && assimilate.needs_batch_id() {
        if steps == Steps::Quick && claimed.batch_id().is_none() {
            return Ok(false);
        }
        find_batch_id(session, claimed)?;
    }
    let mut work = Work { session, routed: &routed, subject: &subject, files: BTreeMap::new() };
    type Take<'a> = fn(&mut Work<'a>, &Claimed) -> Result<(), Stuck>;
    let in_turn: [(&str, bool, Take); 5] = [
        ("collect", assimilate.rule == AssimilateKind::Collect, Work::collect),
        ("script", has_script, Work::run_script),
        ("made", has_script && assimilate.rule == AssimilateKind::Collect, Work::collect_made),
        ("table", assimilate.table.is_some(), Work::write_row),
        ("hook", assimilate.hook.is_some(), Work::post),
    ];
    for (name, is_wanted, take) in in_turn {
        // What collects is repeated: the later steps say where the files are, and it costs next to nothing.
        let is_repeated = matches!(name, "collect" | "made");
        if !is_wanted || (!is_repeated && claimed.state.done.iter().any(|done| done == name)) {
            continue;
        }
        if steps == Steps::Quick && name != "collect" {
            return Ok(false);
        }
        take(&mut work, claimed)?;
        if !is_repeated {
            claimed.state.done.push(name.to_owned());
            // Should it be lost, the step is repeated, which changes nothing.
            let _ = claimed.save();
        }
    }
    Ok(true)
}

/// Asks the project for the batch's number, once for an item.
fn find_batch_id(session: &Session, claimed: &mut Claimed) -> Result<(), Stuck> {
    if claimed.batch_id().is_some() {
        return Ok(());
    }
    let found = batch_id::ask(
        session.batch_id_command(),
        &claimed.item.workunit_id,
        &claimed.item.workunit,
        session.base(),
        &session.state.join("work"),
    );
    let key = "batch_id";
    let id = found.map_err(|why| Stuck::with_all(Trouble::new(key, Kind::Broken, why)))?;
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
}

impl Work<'_> {
    fn collect(&mut self, claimed: &Claimed) -> Result<(), Stuck> {
        let top = self.session.call.directory.join(&self.routed.route.assimilate.directory);
        let placed = place::place(claimed, self.routed, self.subject, &top)
            .map_err(|error| Stuck::alone(with_causes(&error)))?;
        self.keep(placed);
        Ok(())
    }

    /// Collects what the script made, beside the outputs.
    fn collect_made(&mut self, claimed: &Claimed) -> Result<(), Stuck> {
        let top = self.session.call.directory.join(&self.routed.route.assimilate.directory);
        let placed = place::place_made(claimed, &self.made(claimed), self.routed, self.subject, &top)
            .map_err(|error| Stuck::alone(with_causes(&error)))?;
        self.keep(placed);
        Ok(())
    }

    fn keep(&mut self, placed: Placed) {
        for line in placed.lines {
            self.session.log(&line);
        }
        self.files.extend(placed.files);
    }

    fn made(&self, claimed: &Claimed) -> Vec<Made> {
        let names = self.routed.script.as_ref().map_or(&[][..], |script| &script.spec.makes);
        made::kept(&claimed.made(), names)
    }

    fn values(&self, claimed: &Claimed) -> Result<Vec<(String, Option<String>)>, Stuck> {
        let mut values = Vec::new();
        for spec in &self.routed.route.assimilate.value {
            let output = claimed.item.outputs.iter().find(|output| {
                place::name_of(self.routed, output) == spec.output && output.state.bytes().is_some()
            });
            let path = output.map(|output| claimed.file(output)).or_else(|| {
                self.made(claimed).into_iter().find(|made| made.name == spec.output).map(|made| made.path)
            });
            let value = match path {
                Some(path) => {
                    spec.read(&path).map_err(|error| Stuck::alone(format!("{}: {error}", path.display())))?
                }
                None => None,
            };
            values.push((spec.name.clone(), value));
        }
        Ok(values)
    }

    /// Where the outputs were collected, as whole paths.
    fn collected(&self) -> Vec<String> {
        self.files.values().map(|path| absolute(path).display().to_string()).collect()
    }

    fn write_row(&mut self, claimed: &Claimed) -> Result<(), Stuck> {
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
        let (status, mask) = match item.happened {
            Happened::Done => ("done", None),
            Happened::Failed { mask } => ("failed", Some(mask)),
        };
        let files = self.collected();
        let row = Row {
            own: [
                text(&item.workunit),
                known(&self.subject.app),
                known(&self.subject.hash),
                known(&self.subject.batch.clone().or(item.batch_id.clone())),
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
            .map_err(|error| Stuck::with_all(Trouble::new(&key, Kind::Broken, with_causes(&error))))?;
        self.session.succeeded(&key);
        Ok(())
    }

    fn run_script(&mut self, claimed: &Claimed) -> Result<(), Stuck> {
        let Some(script) = &self.routed.script else { return Ok(()) };
        let unmade = |error| Stuck::alone(format!("files of the assimilate script: {error}"));
        let making = Making::new(&claimed.making(), &script.spec.makes).map_err(unmade)?;
        let request = Request { made: making.request(), ..self.request(claimed) };
        let stuck = |message| Trouble::of_script(self.routed, Purpose::Assimilate, Kind::Broken, message);
        match script.run(&request, &self.session.state) {
            None | Some(Outcome::Good) => {
                making.keep(&claimed.made()).map_err(unmade)?;
                self.session.succeeded(&stuck(String::new()).key);
                Ok(())
            }
            Some(Outcome::Bad(said)) => Err(Stuck::alone(format!("assimilate script refuses it: {said}"))),
            Some(Outcome::Later(said)) => Err(Stuck::late(format!("assimilate script says later: {said}"))),
            // With code 1 or 2 it may be this one item's contents.
            Some(Outcome::Broken { end: End::Exit, how }) => {
                Err(Stuck::alone(format!("assimilate script: {how}")))
            }
            Some(Outcome::Broken { how, .. }) => {
                Err(Stuck::with_all(stuck(format!("assimilate script is broken: {how}"))))
            }
        }
    }

    fn post(&mut self, claimed: &Claimed) -> Result<(), Stuck> {
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
                Err(Stuck::with_all(Trouble::new(&key, Kind::Broken, with_causes(&error))))
            }
            Err(error) => Err(Stuck::alone(with_causes(&error))),
        }
    }

    fn key(&self, step: &str) -> String {
        format!("{}.{step}", self.routed.key)
    }

    fn request(&self, claimed: &Claimed) -> Request {
        let item = &claimed.item;
        let outputs = item.outputs.iter().map(|output| RequestOutput {
            number: output.number,
            name: Some(place::name_of(self.routed, output)),
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
        let (mask, results) = match item.happened {
            Happened::Done => (None, vec![result]),
            Happened::Failed { mask } => (Some(mask), Vec::new()),
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

/// How things stand after a round.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outlook {
    /// Items that were finished.
    pub finished: usize,
    /// Items that were tried and failed, or stand behind one that did.
    pub stuck: usize,
    /// When the next one is due, seconds since 1970; `None` if nothing is left.
    pub next_try: Option<f64>,
}

impl Outlook {
    /// One that is left is due then.
    fn is_due(&mut self, at: f64) {
        self.next_try = Some(self.next_try.map_or(at, |next_try| next_try.min(at)));
    }
}

/// Which items a round takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Round<'a> {
    /// Those whose time has come.
    Due,
    /// These, or all if there are none, whether their time has come or not.
    Named(&'a [String]),
}

/// Works on items once. A round of those that are due is over when it has taken long, so that what is new is seen.
fn round(session: &mut Session, spool: &Spool, which: Round) -> Result<Outlook, SpoolError> {
    let start = session.call.clock.now();
    let mut outlook = Outlook::default();
    let mut wanted = Vec::new();
    for key in spool.keys()? {
        let state = super::state_in(&spool.place(&key));
        let is_wanted = match which {
            Round::Due => state.next_try <= start,
            Round::Named(names) => names.is_empty() || names.contains(&key),
        };
        match is_wanted {
            true => wanted.push((key, state)),
            false => outlook.is_due(state.next_try),
        }
    }
    let mut turns = Turns::new(wanted);
    let mut out: BTreeMap<String, (String, f64)> = BTreeMap::new();
    while let Some(key) = turns.next(session.call.clock.now()) {
        let now = session.call.clock.now();
        if matches!(which, Round::Due) && now - start > ROUND_SECONDS {
            outlook.is_due(now);
            break;
        }
        let worked = spool.claim(&key).and_then(|claimed| match claimed {
            Some(claimed) => one(session, spool, claimed, which, &mut out, &mut outlook),
            None => Ok(spool.has(&key).then_some(now + AT_WORK_SECONDS)),
        });
        // The others must not wait for one whose state can't be read or written.
        let again = worked.unwrap_or_else(|error| {
            session.log(&format!("{key} stays in the spool: {}", with_causes(&error)));
            outlook.stuck += 1;
            Some(now + UNWRITTEN_SECONDS)
        });
        if let Some(again) = again {
            outlook.is_due(again);
        }
    }
    Ok(outlook)
}

/// Works on one item; when it is to be tried again. `out` holds what has turned out to be out of order in this round.
fn one(
    session: &mut Session,
    spool: &Spool,
    mut claimed: Claimed,
    which: Round,
    out: &mut BTreeMap<String, (String, f64)>,
    outlook: &mut Outlook,
) -> Result<Option<f64>, SpoolError> {
    let now = session.call.clock.now();
    let rule = rule_of(&claimed);
    if let Some((message, next_try)) = out.get(&rule) {
        outlook.stuck += 1;
        claimed.state.error = message.clone();
        claimed.state.next_try = *next_try;
        claimed.save()?;
        return Ok(Some(*next_try));
    }
    if claimed.state.is_begun && matches!(which, Round::Due) {
        // Were it tried at once, one that ends each process would keep all others waiting.
        outlook.stuck += 1;
        let stuck = Stuck::alone("the process that worked on it has ended".to_owned());
        note_stuck(session, &mut claimed, &stuck, now)?;
        return Ok(Some(claimed.state.next_try));
    }
    claimed.state.is_begun = true;
    // On a full disk it is worked on all the same, which makes room.
    let _ = claimed.save();
    match work_on(session, &mut claimed, Steps::All) {
        Ok(_) => {
            outlook.finished += 1;
            spool.finish(claimed)?;
            Ok(None)
        }
        Err(stuck) => {
            outlook.stuck += 1;
            note_stuck(session, &mut claimed, &stuck, now)?;
            if stuck.trouble.is_some() {
                out.insert(rule, (stuck.message, claimed.state.next_try));
            }
            Ok(Some(claimed.state.next_try))
        }
    }
}

/// Items of the same rule, as far as their names tell.
fn rule_of(claimed: &Claimed) -> String {
    let workunit = &claimed.item.workunit;
    workunit.split_once("__").map_or(workunit.as_str(), |(bundle, _)| bundle).to_owned()
}

/// Notes in the item that it is stuck, and tells somebody if it is more than the item.
pub(crate) fn note_stuck(
    session: &Session,
    claimed: &mut Claimed,
    stuck: &Stuck,
    now: f64,
) -> Result<(), SpoolError> {
    claimed.state.failed(stuck.message.clone(), now);
    session.log(&format!("{} stays in the spool: {}", claimed.item.key, stuck.message));
    match &stuck.trouble {
        // Nobody waits here: what counts is that somebody is told, once.
        Some(trouble) => {
            session.failed(&Trouble { kind: Kind::Hopeless, ..trouble.clone() }, 0.0, 0);
        }
        None if stuck.is_late => {}
        None => {
            let text = format!("{} stays in the spool: {}", claimed.item.key, stuck.message);
            session.tell(&format!("spool-{}", rule_of(claimed)), &text);
        }
    }
    claimed.save()
}

/// Works on the named items now, or on all, whether their time has come or not.
///
/// # Errors
/// The spool can't be read or written.
pub(crate) fn retry(session: &mut Session, spool: &Spool, names: &[String]) -> Result<Outlook, SpoolError> {
    round(session, spool, Round::Named(names))
}

/// The process that works off the spool of a project: one at a time.
pub(crate) struct Worker {
    spool: Spool,
}

impl Worker {
    pub(crate) fn new(spool: &Spool) -> Self {
        Self { spool: spool.clone() }
    }

    fn lock(&self) -> Option<File> {
        let path = self.spool.directory().join("worker.lock");
        let lock = File::options().write(true).create(true).truncate(false).open(path).ok()?;
        rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).ok()?;
        Some(lock)
    }

    fn next_file(&self) -> PathBuf {
        self.spool.directory().join("next")
    }

    /// Forgets when the last one had something to do next: there is something new.
    pub(crate) fn wake(&self) {
        // It may not be there.
        let _ = fs::remove_file(self.next_file());
    }

    /// Whether one should be started: there is something to do, and nobody at it.
    pub(crate) fn is_needed(&self, now: f64) -> bool {
        let has_items = fs::read_dir(self.spool.waiting()).is_ok_and(|mut entries| entries.next().is_some());
        if !has_items {
            return false;
        }
        let next: f64 = fs::read_to_string(self.next_file())
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0.0);
        next <= now && self.lock().is_some()
    }

    /// Works until nothing is left; waits for what is to be tried again.
    pub(crate) fn work(&self, session: &mut Session) -> Result<(), SpoolError> {
        let start = session.call.clock.now();
        loop {
            // Another one is at it, and will see what is new.
            let Some(lock) = self.lock() else { return Ok(()) };
            self.spool.tidy(start);
            loop {
                let seen = self.last_change();
                let outlook = round(session, &self.spool, Round::Due)?;
                self.write_next(outlook.next_try)?;
                let now = session.call.clock.now();
                let is_over = now - start > LONGEST_WAIT.as_secs_f64();
                match outlook.next_try {
                    Some(next_try) if !is_over => self.wait(session, next_try, seen),
                    _ => break,
                }
            }
            drop(lock);
            // Whoever has added something while the lock was held counts on us.
            if self.due(session.call.clock.now())? == 0
                || session.call.clock.now() - start > LONGEST_WAIT.as_secs_f64()
            {
                return Ok(());
            }
        }
    }

    fn due(&self, now: f64) -> Result<usize, SpoolError> {
        let keys = self.spool.keys()?;
        Ok(keys.iter().filter(|key| super::state_in(&self.spool.place(key)).next_try <= now).count())
    }

    fn last_change(&self) -> Option<SystemTime> {
        self.spool.waiting().metadata().and_then(|metadata| metadata.modified()).ok()
    }

    /// Waits until something is due, or there is something new.
    fn wait(&self, session: &Session, until: f64, seen: Option<SystemTime>) {
        let clock = session.call.clock;
        loop {
            let left = Duration::from_secs_f64((until - clock.now()).max(0.0));
            // At least once: where something new comes all the time, a look at everything each time is too much.
            clock.sleep(left.min(LOOK_EVERY));
            if clock.now() >= until || self.last_change() != seen || seen.is_none() {
                return;
            }
        }
    }

    fn write_next(&self, next_try: Option<f64>) -> Result<(), SpoolError> {
        let path = self.next_file();
        match next_try {
            Some(next_try) => fs::write(&path, next_try.to_string()).map_err(super::at(&path)),
            None => {
                self.wake();
                Ok(())
            }
        }
    }
}
