//! Which columns and sweep keys are used: a placeholder needs its column, and a column a use.

use crate::plan::batch::BatchSpec;
use crate::plan::jobs::sweep::Sweep;
use crate::plan::jobs::{Naming, Rows};
use boinc::diagnostic::{Diagnostic, Diagnostics, Location};

pub struct Used<'a> {
    rows: &'a Rows,
    sweep: &'a Sweep,
    /// The used ones, sweep keys included.
    used: Vec<String>,
}

impl<'a> Used<'a> {
    pub fn new(rows: &'a Rows, sweep: &'a Sweep) -> Self {
        Self { rows, sweep, used: Vec::new() }
    }

    /// Notes a use of a column that exists.
    pub fn note(&mut self, column: &str) {
        self.used.push(column.to_owned());
    }

    /// Notes a use of each of `columns`; an unknown one is a mistake.
    pub fn all<'c>(
        &mut self,
        columns: impl Iterator<Item = &'c str>,
        place: &Location,
        what: &str,
        job_known: bool,
        mistakes: &mut Diagnostics,
    ) {
        for column in columns {
            let known = self.known();
            // The job's name is not known while it is made.
            if known.contains(&column) || column == "index" || (column == "job" && job_known) {
                self.note(column);
                continue;
            }
            let found = format!("unknown column {column:?} in {what}");
            let accepted = known.into_iter().chain(["index"]).chain(job_known.then_some("job"));
            let accepted: Vec<&str> = accepted.collect();
            mistakes.push(Diagnostic::new(place.clone(), found).accepted_words(column, &accepted));
        }
    }

    fn known(&self) -> Vec<&str> {
        let keys = self.sweep.axes.iter().map(|axis| axis.key.as_str());
        self.rows.columns.iter().map(String::as_str).chain(keys).collect()
    }

    /// An unused column of a table, or key of a sweep, is a mistake: a misspelled placeholder, or identical jobs.
    pub fn unused(&self, batch: &BatchSpec, mistakes: &mut Diagnostics) {
        let is_used = |name: &String| self.used.contains(name);
        let ignored = |name: &String| batch.ignore.iter().any(|ignored| ignored == name || ignored == "*");
        if self.rows.naming == Naming::Table {
            let place = self
                .rows
                .rows
                .first()
                .map_or_else(Location::command_line, |row| Location::line(&row.origin.file, 1));
            for column in self.rows.columns.iter().filter(|column| !is_used(column) && !ignored(column)) {
                let found = format!("column {column:?} is not used");
                let help = format!(
                    "use {{{column}}} in the command or a name, or set ignore = [{column:?}] in [jobs] or --ignore {column}"
                );
                mistakes.push(Diagnostic::new(place.clone(), found).help(help));
            }
        }
        for axis in self.sweep.axes.iter().filter(|axis| !is_used(&axis.key)) {
            let place = batch.sweep_place.clone().unwrap_or_else(Location::command_line);
            let found = format!("sweep {:?} is not used: its jobs would all be the same", axis.key);
            mistakes.push(Diagnostic::new(place, found).help(format!("use {{{}}} in the command", axis.key)));
        }
    }
}
