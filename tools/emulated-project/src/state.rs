//! All that a running project knows; shared by its connections.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use crate::clock::Clock;
use crate::fault::FaultPlan;
use crate::journal::Journal;
use crate::settings::{PLATFORM, Settings};
use crate::storage::Storage;
use crate::tables::Tables;

/// A project's state. The lock over tables and files is held for one statement or one small request, never while a
/// client is waited for.
pub(crate) struct State {
    settings: RwLock<Settings>,
    /// With a slash at the end.
    pub(crate) master_url: String,
    data: Mutex<Data>,
    pub(crate) faults: FaultPlan,
    pub(crate) journal: Journal,
    /// The trigger file `stop_web` is there.
    pub(crate) closed: AtomicBool,
    random: AtomicU64,
}

/// Tables and files.
pub(crate) struct Data {
    pub(crate) tables: Tables,
    pub(crate) storage: Storage,
}

impl Data {
    /// What `update_versions` does: the app's latest version, and its files in the download directory.
    pub(crate) fn install(&mut self, app: &str, number: u32, files: &[&str]) {
        self.tables.versions.insert(app.to_owned(), number);
        self.storage.app_files.extend(files.iter().map(|name| ((*name).to_owned(), Vec::new())));
    }
}

impl State {
    pub(crate) fn new(settings: Settings, master_url: String) -> Self {
        let mut data = Data { tables: Tables::new(&settings.apps), storage: Storage::default() };
        for app in &settings.apps {
            data.install(app, 100, &[&format!("buoy-wrapper_{app}_1.00_{PLATFORM}")]);
        }
        Self {
            data: Mutex::new(data),
            master_url,
            faults: FaultPlan::default(),
            journal: Journal::default(),
            closed: AtomicBool::new(false),
            random: AtomicU64::new(settings.seed),
            settings: RwLock::new(settings),
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn change_settings(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings.write().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn clock(&self) -> Clock {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clock.clone()
    }

    pub(crate) fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that a client can't guess, the same in each run (SplitMix64 over a counter).
    pub(crate) fn random(&self) -> u64 {
        let mut z = self.random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}
