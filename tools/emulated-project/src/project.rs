//! The running project, as a test sees it.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;

use crate::clock::Clock;
use crate::fault::FaultPlan;
use crate::journal::Journal;
use crate::server::Server;
use crate::settings::{PhpSettings, Settings, URL_PATH, User};
use crate::state::State;
use crate::storage::StoredFile;
use crate::tables::Batch;
use crate::volunteers::{self, Report, VolunteerError};
use crate::workunit::{ServerState, Workunit};

/// A BOINC project on a free port of 127.0.0.1, in memory. Dropping it stops it and closes all connections.
pub struct EmulatedProject {
    state: Arc<State>,
    url: String,
    _server: Server,
}

impl EmulatedProject {
    /// Starts a project; it has no users yet.
    ///
    /// # Errors
    /// When no port can be bound.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let url = format!("http://{}{}", listener.local_addr()?, URL_PATH);
        let master_url = settings.master_url.clone().unwrap_or_else(|| url.clone());
        let state = Arc::new(State::new(settings, master_url));
        let server = Server::start(listener, Arc::clone(&state))?;
        Ok(Self { state, url, _server: server })
    }

    /// The project's URL, with a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The project's clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.state.clock()
    }

    /// What goes wrong.
    #[must_use]
    pub fn faults(&self) -> &FaultPlan {
        &self.state.faults
    }

    /// What was asked.
    #[must_use]
    pub fn requests(&self) -> &Journal {
        &self.state.journal
    }

    /// Adds a user.
    pub fn add_user(&self, user: User) {
        self.state.data().tables.users.push(user);
    }

    /// Changes PHP's settings from the next request on.
    pub fn change_php(&self, change: impl FnOnce(&mut PhpSettings)) {
        self.change_settings(|settings| change(&mut settings.php));
    }

    /// Changes other settings from the next request on; the URLs stay as they are.
    pub fn change_settings(&self, change: impl FnOnce(&mut Settings)) {
        self.state.change_settings(change);
    }

    /// Closes the project for maintenance, or opens it again (the trigger file `stop_web`).
    pub fn set_closed(&self, closed: bool) {
        self.state.closed.store(closed, std::sync::atomic::Ordering::SeqCst);
    }

    /// Puts a file into `templates/`; `APP_in` there makes each submission fail.
    pub fn add_template(&self, name: &str, text: &str) {
        self.state.data().storage.templates.insert(name.to_owned(), text.into());
    }

    /// Removes a file from `templates/`.
    pub fn remove_template(&self, name: &str) {
        self.state.data().storage.templates.remove(name);
    }

    /// Puts a file into the download directory, without a record in the database.
    pub fn add_download_file(&self, name: &str, bytes: &[u8]) {
        self.state.data().storage.download.insert(name.to_owned(), StoredFile::new(bytes.to_vec()));
    }

    /// Installs a version of an app, 100 × MAJOR + MINOR, with files of these names.
    pub fn install_version(&self, app: &str, number: u32, files: &[&str]) {
        self.state.data().install(app, number, files);
    }

    /// Puts a file into the download directory itself, as the project's administrator can.
    pub fn publish(&self, name: &str, bytes: &[u8]) {
        self.state.data().storage.app_files.insert(name.to_owned(), bytes.to_vec());
    }

    /// Removes a file from the download directory; tells whether it was there.
    pub fn remove_download_file(&self, name: &str) -> bool {
        self.state.data().storage.download.remove(name).is_some()
    }

    /// A file of the download directory.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<StoredFile> {
        self.state.data().storage.download.get(name).cloned()
    }

    /// The names in the download directory, sorted.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        sorted(self.state.data().storage.download.keys().cloned())
    }

    /// The names in the upload directory, sorted.
    #[must_use]
    pub fn output_files(&self) -> Vec<String> {
        sorted(self.state.data().storage.upload.keys().cloned())
    }

    /// All batches by id, as last written.
    #[must_use]
    pub fn batches(&self) -> Vec<Batch> {
        self.state.data().tables.batches.clone()
    }

    /// All workunits by id.
    #[must_use]
    pub fn workunits(&self) -> Vec<Workunit> {
        self.state.data().tables.workunits.clone()
    }

    /// How many workunits there are.
    #[must_use]
    pub fn workunit_count(&self) -> usize {
        self.state.data().tables.workunits.len()
    }

    /// The names of all workunits, by id.
    #[must_use]
    pub fn workunit_names(&self) -> Vec<String> {
        self.state.data().tables.workunits.iter().map(|workunit| workunit.name.clone()).collect()
    }

    /// A workunit by name.
    #[must_use]
    pub fn workunit(&self, name: &str) -> Option<Workunit> {
        let data = self.state.data();
        data.tables.workunit_named(name).map(|index| data.tables.workunits[index].clone())
    }

    /// The ids of the batches a file is tied to, sorted.
    #[must_use]
    pub fn batches_of_file(&self, name: &str) -> Vec<u64> {
        let data = self.state.data();
        let Some(file) = data.tables.job_files.get(&crate::tables::collate(name)) else { return Vec::new() };
        let associations = data.tables.associations.iter();
        sorted(associations.filter(|(id, _)| *id == file.id).map(|(_, batch)| *batch))
    }

    /// Lets the transitioner make the instances of all workunits that need some, in the order of their ids.
    pub fn run_transitioner(&self) {
        let mut data = self.state.data();
        for index in 0..data.tables.workunits.len() {
            volunteers::transition(&mut data, index, &self.state);
        }
    }

    /// Lets the file deleter remove what is due.
    pub fn run_file_deleter(&self) {
        volunteers::delete_all_files(&mut self.state.data());
    }

    /// Sends an instance of a workunit to a volunteer; the result's name.
    ///
    /// # Errors
    /// When there is no such workunit, or nothing of it to send.
    pub fn send_out(&self, workunit: &str) -> Result<String, VolunteerError> {
        self.on(workunit, VolunteerError::NothingToSend, |data, index| {
            volunteers::send(data, index, &self.state)
        })
    }

    /// A volunteer reports success for the instance that was sent first; if none is out, one is sent before. The validator
    /// compares bytes when the quorum is there; the result's name.
    ///
    /// # Errors
    /// When there is no such workunit, or it has no instance to finish.
    pub fn finish_job(&self, workunit: &str, report: Report) -> Result<String, VolunteerError> {
        self.in_progress(workunit, |data, index| volunteers::succeed(data, index, &self.state, report))
    }

    /// A volunteer reports a failure while computing; else as [`Self::finish_job`].
    ///
    /// # Errors
    /// When there is no such workunit, or it has no instance to fail.
    pub fn fail_instance(
        &self,
        workunit: &str,
        exit_status: i32,
        stderr: &str,
    ) -> Result<String, VolunteerError> {
        self.in_progress(workunit, |data, index| {
            volunteers::fail(data, index, &self.state, exit_status, stderr)
        })
    }

    /// The volunteer who has an instance is never heard of again, and its deadline has passed.
    ///
    /// # Errors
    /// When there is no such workunit, or no instance of it in progress.
    pub fn time_out(&self, workunit: &str) -> Result<String, VolunteerError> {
        self.on(workunit, VolunteerError::NotInProgress, |data, index| {
            volunteers::time_out(data, index, &self.state)
        })
    }

    fn in_progress(
        &self,
        workunit: &str,
        act: impl FnOnce(&mut crate::state::Data, usize) -> Option<String>,
    ) -> Result<String, VolunteerError> {
        self.on(workunit, VolunteerError::NothingToSend, |data, index| {
            let instances = &data.tables.workunits[index].instances;
            if !instances.iter().any(|instance| instance.state == ServerState::InProgress) {
                volunteers::send(data, index, &self.state)?;
            }
            act(data, index)
        })
    }

    fn on(
        &self,
        workunit: &str,
        error: impl FnOnce(String) -> VolunteerError,
        act: impl FnOnce(&mut crate::state::Data, usize) -> Option<String>,
    ) -> Result<String, VolunteerError> {
        let deletion = self.state.settings().file_deletion;
        let mut data = self.state.data();
        let index = data
            .tables
            .workunit_named(workunit)
            .ok_or_else(|| VolunteerError::NoWorkunit(workunit.to_owned()))?;
        let done = act(&mut data, index);
        volunteers::delete_files(&mut data, deletion, &[index]);
        done.ok_or_else(|| error(workunit.to_owned()))
    }
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.sort_unstable();
    items
}

impl std::fmt::Debug for EmulatedProject {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("EmulatedProject").field("url", &self.url).finish_non_exhaustive()
    }
}
