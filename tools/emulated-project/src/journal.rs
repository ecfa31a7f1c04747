//! What was asked of the project.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::fault::Fault;

/// One request.
#[derive(Debug, Clone)]
pub struct Entry {
    /// 1 for the project's first request.
    pub number: u64,
    /// The RPC's name, or the name of the page (`get_output`, `result`, `index`).
    pub verb: String,
    /// Bytes of the request, head included.
    pub bytes_in: u64,
    /// Bytes of the reply that were written, head included; 0 if none was.
    pub bytes_out: u64,
    /// The reply's status; 0 if none was sent.
    pub status: u16,
    /// What the plan made of it.
    pub fault: Fault,
}

/// All requests so far, in the order in which they ended.
#[derive(Debug, Default)]
pub struct Journal(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    entries: Vec<Entry>,
    running: HashMap<String, usize>,
    peaks: HashMap<String, usize>,
    peak: usize,
    connections: u64,
}

impl Journal {
    /// The requests that are over.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.book(|book| book.entries.clone())
    }

    /// How many requests of this verb are over.
    #[must_use]
    pub fn count(&self, verb: &str) -> usize {
        self.book(|book| book.entries.iter().filter(|entry| entry.verb == verb).count())
    }

    /// How many requests are over.
    #[must_use]
    pub fn len(&self) -> usize {
        self.book(|book| book.entries.len())
    }

    /// Whether nothing was asked yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all requests of this verb, heads included.
    #[must_use]
    pub fn bytes_in(&self, verb: &str) -> u64 {
        self.book(|book| book.entries.iter().filter(|e| e.verb == verb).map(|e| e.bytes_in).sum())
    }

    /// How many requests were worked on at the same time at most.
    #[must_use]
    pub fn peak(&self) -> usize {
        self.book(|book| book.peak)
    }

    /// The same for one verb.
    #[must_use]
    pub fn peak_of(&self, verb: &str) -> usize {
        self.book(|book| book.peaks.get(verb).copied().unwrap_or(0))
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.book(|book| book.connections)
    }

    /// Forgets everything so far; requests that are running are noted when they end.
    pub fn clear(&self) {
        self.book(|book| {
            book.entries.clear();
            book.peak = book.running.values().sum();
            book.peaks = book.running.clone();
        });
    }

    pub(crate) fn connected(&self) {
        self.book(|book| book.connections += 1);
    }

    pub(crate) fn begin(&self, verb: &str) {
        self.book(|book| {
            let running = book.running.entry(verb.to_owned()).or_insert(0);
            *running += 1;
            let running = *running;
            let peak = book.peaks.entry(verb.to_owned()).or_insert(0);
            *peak = running.max(*peak);
            book.peak = book.peak.max(book.running.values().sum());
        });
    }

    pub(crate) fn end(&self, entry: Entry) {
        self.book(|book| {
            if let Some(running) = book.running.get_mut(&entry.verb) {
                *running -= 1;
            }
            book.entries.push(entry);
        });
    }

    fn book<T>(&self, change: impl FnOnce(&mut Book) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
