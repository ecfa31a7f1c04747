//! What goes wrong, and when.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// What happens to one request.
#[derive(Debug, Clone, Default)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// The request is lost: the connection is closed, the server does nothing.
    Lost,
    /// The server acts; its reply is lost and the connection closed.
    ReplyLost,
    /// The server acts; its reply is cut after so many bytes (of status line, headers and body together).
    CutAfter(usize),
    /// HTTP 500, and the server does nothing.
    Status500,
    /// The server acts; the reply is HTTP 500.
    ActThenStatus500,
    /// The server acts after so long, also if the client is gone by then, and answers.
    Slow(Duration),
    /// The server acts when the gate opens, also if the client is gone by then, and answers.
    Held(Gate),
    /// The connection is closed at once; the server acts all the same, when the gate opens.
    ActLater(Gate),
    /// A `submit_batch` creates so many of its jobs, as always in parts, and then fails in the database.
    FailAfterJobs(usize),
    /// The project answers as one that is closed for maintenance.
    ClosedForMaintenance,
    /// An answer of a proxy in between: this status with this HTML, and the server does nothing.
    Proxy(u16, String),
}

/// Holds requests back until it is opened.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<(Mutex<Passage>, Condvar)>);

#[derive(Debug, Default)]
struct Passage {
    open: bool,
    reached: bool,
}

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets all pass, those to come included.
    pub fn open(&self) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).open = true;
        self.0.1.notify_all();
    }

    /// Waits until a request has come to the gate, at most `limit`. Tells whether one has.
    pub fn wait_until_reached(&self, limit: Duration) -> bool {
        let passage = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.1.wait_timeout_while(passage, limit, |passage| !passage.reached);
        waited.unwrap_or_else(PoisonError::into_inner).0.reached
    }

    /// Waits for the gate, at most `limit`. Tells whether it is open.
    pub(crate) fn wait(&self, limit: Duration) -> bool {
        let mut passage = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        passage.reached = true;
        self.0.1.notify_all();
        let waited = self.0.1.wait_timeout_while(passage, limit, |passage| !passage.open);
        waited.unwrap_or_else(PoisonError::into_inner).0.open
    }
}

/// A request as the plan sees it.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// 1 for the project's first request.
    pub number: u64,
    /// 1 for the first request of this verb.
    pub number_of_verb: u64,
    /// The RPC's name, or the name of the page (`get_output`, `result`, `index`).
    pub verb: String,
    /// Bytes of the request, head included.
    pub bytes_in: u64,
}

type Rule = Box<dyn FnMut(&Arrival) -> Fault + Send>;

/// The plan that is asked at each request. It can be changed while the project runs.
#[derive(Default)]
pub struct FaultPlan(Mutex<Plan>);

#[derive(Default)]
struct Plan {
    by_number: HashMap<u64, Fault>,
    by_verb: HashMap<(String, u64), Fault>,
    rule: Option<Rule>,
    seen: u64,
    seen_of_verb: HashMap<String, u64>,
}

impl FaultPlan {
    /// The `number`th request of the project, from 1, meets this fault.
    pub fn at(&self, number: u64, fault: Fault) {
        self.plan(|plan| plan.by_number.insert(number, fault));
    }

    /// The `number`th request of this verb, counted from the project's start, from 1, meets this fault.
    pub fn on(&self, verb: &str, number: u64, fault: Fault) {
        self.plan(|plan| plan.by_verb.insert((verb.to_owned(), number), fault));
    }

    /// The next request of this verb meets this fault.
    pub fn on_next(&self, verb: &str, fault: Fault) {
        self.plan(|plan| {
            let number = plan.seen_of_verb.get(verb).copied().unwrap_or(0) + 1;
            plan.by_verb.insert((verb.to_owned(), number), fault);
        });
    }

    /// A rule that is asked for each request that nothing else was planned for.
    pub fn with(&self, rule: impl FnMut(&Arrival) -> Fault + Send + 'static) {
        self.plan(|plan| plan.rule = Some(Box::new(rule)));
    }

    /// From now on nothing goes wrong.
    pub fn clear(&self) {
        self.plan(|plan| {
            plan.by_number.clear();
            plan.by_verb.clear();
            plan.rule = None;
        });
    }

    /// Counts a request and decides about it.
    pub(crate) fn decide(&self, verb: &str, bytes_in: u64) -> (Arrival, Fault) {
        self.plan(|plan| {
            plan.seen += 1;
            let of_verb = plan.seen_of_verb.entry(verb.to_owned()).or_insert(0);
            *of_verb += 1;
            let arrival =
                Arrival { number: plan.seen, number_of_verb: *of_verb, verb: verb.to_owned(), bytes_in };
            let planned = plan
                .by_number
                .remove(&arrival.number)
                .or_else(|| plan.by_verb.remove(&(verb.to_owned(), arrival.number_of_verb)));
            let fault =
                planned.unwrap_or_else(|| plan.rule.as_mut().map_or(Fault::None, |rule| rule(&arrival)));
            (arrival, fault)
        })
    }

    fn plan<T>(&self, change: impl FnOnce(&mut Plan) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for FaultPlan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FaultPlan")
    }
}
