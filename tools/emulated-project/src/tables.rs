//! The project's database: rows and look-ups, with the database's own idea of when two names are the same.

use std::collections::{HashMap, HashSet};

use crate::settings::User;
use crate::workunit::{Instance, Workunit};

/// Characters of `workunit.name`, `result.name` and `job_file.name` (db/schema.sql).
pub(crate) const NAME_CHARACTERS: usize = 191;
/// Characters of `batch.name`.
pub(crate) const BATCH_NAME_CHARACTERS: usize = 255;

/// The key under which a name is unique: make_project gives the tables `utf8mb4_unicode_ci` (py/Boinc/database.py), which
/// tells apart neither case nor trailing spaces. (Nor accents; those are told apart here.)
pub(crate) fn collate(name: &str) -> String {
    name.trim_end_matches(' ').to_lowercase()
}

/// `BATCH_STATE_*` of html/inc/common_defs.inc.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum BatchState {
    /// Created; takes jobs.
    #[default]
    Init = 0,
    /// A submission succeeded.
    InProgress = 1,
    /// All jobs are over; written only when somebody looks.
    Complete = 2,
    /// Aborted by its owner.
    Aborted = 3,
    /// Put away; still answered to by id and name.
    Retired = 4,
}

/// A row of `batch`.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Its id, from 1.
    pub id: u64,
    /// Its owner, an index into the project's users in the order they were added, from 0.
    pub owner: usize,
    /// Seconds since 1970.
    pub create_time: i64,
    /// What the submitter asked for; 0 is never.
    pub expire_time: f64,
    /// Jobs as last counted or announced.
    pub njobs: usize,
    /// The fraction of jobs that are over, as last counted.
    pub fraction_done: f64,
    /// Failed jobs, as last counted.
    pub nerror_jobs: usize,
    /// Its state as last written.
    pub state: BatchState,
    /// Seconds since 1970, or 0.
    pub completion_time: i64,
    /// Credit of the canonical instances, as last counted.
    pub credit_canonical: f64,
    /// Its name; not unique.
    pub name: String,
    /// The app's name.
    pub app_name: String,
    /// The places of its workunits among all, ascending.
    pub(crate) workunits: Vec<usize>,
}

/// A row of `job_file`.
#[derive(Debug, Clone)]
pub(crate) struct JobFile {
    pub(crate) id: u64,
    pub(crate) delete_time: i64,
}

/// All tables.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) users: Vec<User>,
    pub(crate) apps: Vec<String>,
    /// The number of each app's latest version.
    pub(crate) versions: HashMap<String, u32>,
    pub(crate) batches: Vec<Batch>,
    batch_names: HashMap<String, usize>,
    /// In the order of their ids, which have gaps.
    pub(crate) workunits: Vec<Workunit>,
    workunit_names: HashMap<String, usize>,
    /// The auto-increment counter; a failed insert uses numbers up.
    pub(crate) next_workunit_id: u64,
    /// Workunit index and instance index of each result, by result id - 1.
    results: Vec<(usize, usize)>,
    result_names: HashMap<String, u64>,
    pub(crate) job_files: HashMap<String, JobFile>,
    pub(crate) next_job_file_id: u64,
    /// Rows of `batch_file_assoc`: job file, batch.
    pub(crate) associations: HashSet<(u64, u64)>,
}

impl Tables {
    pub(crate) fn new(apps: &[String]) -> Self {
        Self { apps: apps.to_vec(), next_workunit_id: 1, next_job_file_id: 1, ..Self::default() }
    }

    pub(crate) fn user(&self, authenticator: &str) -> Option<usize> {
        let key = collate(authenticator);
        self.users.iter().position(|user| collate(&user.authenticator) == key)
    }

    pub(crate) fn app(&self, name: &str) -> Option<&str> {
        let key = collate(name);
        self.apps.iter().map(String::as_str).find(|app| collate(app) == key)
    }

    pub(crate) fn insert_batch(&mut self, mut batch: Batch) -> u64 {
        let index = self.batches.len();
        batch.id = index as u64 + 1;
        self.batch_names.entry(collate(&batch.name)).or_insert(index);
        self.batches.push(batch);
        index as u64 + 1
    }

    pub(crate) fn batch(&self, id: i64) -> Option<&Batch> {
        self.batches.get(index_of(id)?)
    }

    pub(crate) fn batch_mut(&mut self, id: u64) -> Option<&mut Batch> {
        self.batches.get_mut(index_of(id as i64)?)
    }

    /// The first batch of this name.
    pub(crate) fn batch_named(&self, name: &str) -> Option<&Batch> {
        self.batch_names.get(&collate(name)).map(|index| &self.batches[*index])
    }

    pub(crate) fn workunit_index(&self, id: i64) -> Option<usize> {
        let id = u64::try_from(id).ok()?;
        self.workunits.binary_search_by_key(&id, |workunit| workunit.id).ok()
    }

    pub(crate) fn workunit_named(&self, name: &str) -> Option<usize> {
        self.workunit_names.get(&collate(name)).copied()
    }

    pub(crate) fn insert_workunit(&mut self, workunit: Workunit) {
        let index = self.workunits.len();
        self.workunit_names.insert(collate(&workunit.name), index);
        if let Some(batch) = self.batch_mut(workunit.batch) {
            batch.workunits.push(index);
        }
        self.workunits.push(workunit);
    }

    /// The workunits of a batch, in the order of their ids.
    pub(crate) fn workunits_of<'a>(&'a self, batch: &'a Batch) -> impl Iterator<Item = &'a Workunit> {
        batch.workunits.iter().map(|index| &self.workunits[*index])
    }

    /// The places of a batch's workunits among all.
    pub(crate) fn workunit_indexes(&self, batch: u64) -> Vec<usize> {
        self.batch(batch as i64).map(|batch| batch.workunits.clone()).unwrap_or_default()
    }

    /// The user whose batch a workunit is in.
    pub(crate) fn owner_of(&self, workunit: &Workunit) -> Option<usize> {
        self.batch(workunit.batch as i64).map(|batch| batch.owner)
    }

    /// Adds an instance to a workunit; its result id is given by the table.
    pub(crate) fn insert_instance(&mut self, workunit: usize, mut instance: Instance) -> u64 {
        let id = self.results.len() as u64 + 1;
        instance.id = id;
        self.result_names.insert(collate(&instance.name), id);
        self.results.push((workunit, self.workunits[workunit].instances.len()));
        self.workunits[workunit].instances.push(instance);
        id
    }

    pub(crate) fn result(&self, id: i64) -> Option<(&Workunit, &Instance)> {
        let (workunit, instance) = *self.results.get(index_of(id)?)?;
        let workunit = &self.workunits[workunit];
        Some((workunit, &workunit.instances[instance]))
    }

    pub(crate) fn result_named(&self, name: &str) -> Option<(&Workunit, &Instance)> {
        self.result_names.get(&collate(name)).and_then(|id| self.result(*id as i64))
    }
}

fn index_of(id: i64) -> Option<usize> {
    usize::try_from(id).ok()?.checked_sub(1)
}
