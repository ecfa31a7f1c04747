//! How a project is set up before it starts.

use crate::clock::Clock;

/// The path of the project's pages on the server.
pub(crate) const URL_PATH: &str = "/buoytest/";
/// The project's directory, as error messages name it.
pub(crate) const PROJECT_ROOT: &str = "/PROJECT";

/// What a project is made of; `Settings::default()` is a project that takes jobs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// PHP's limits and what it shows.
    pub php: PhpSettings,
    /// How much of the set-up after `make_project` was done.
    pub installation: Installation,
    /// The project's time.
    pub clock: Clock,
    /// The names of the apps.
    pub apps: Vec<String>,
    /// The URL that the project believes to have (`<master_url>`, ends with a slash); by default its true one.
    pub master_url: Option<String>,
    /// `<remote_submit_log>` is set: since PHP 8.1 each line that is logged adds a note to the reply.
    pub remote_submit_log: bool,
    /// When the file deleter removes what nobody needs any more.
    pub file_deletion: FileDeletion,
    /// What the random parts of names are made from.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            php: PhpSettings::default(),
            installation: Installation::Complete,
            clock: Clock::default(),
            apps: vec!["universal".to_owned()],
            master_url: None,
            remote_submit_log: false,
            file_deletion: FileDeletion::AtOnce,
            seed: 1,
        }
    }
}

/// The platform of all app versions.
pub(crate) const PLATFORM: &str = "x86_64-pc-linux-gnu";

/// PHP's settings; the defaults are those of php.ini-production with a fresh project's `display_errors()`.
#[derive(Debug, Clone)]
pub struct PhpSettings {
    /// Whether warnings and fatal errors stand in the replies. Without it a fatal error is an HTTP 500 with half a reply.
    pub display_errors: bool,
    /// Bytes of a whole request; a larger one is taken for an empty one. 0 is without limit.
    pub post_max_size: u64,
    /// Bytes of one uploaded file.
    pub upload_max_filesize: u64,
    /// Files of one request; further ones are dropped without a word.
    pub max_file_uploads: usize,
}

impl Default for PhpSettings {
    fn default() -> Self {
        Self {
            display_errors: true,
            post_max_size: 8 << 20,
            upload_max_filesize: 2 << 20,
            max_file_uploads: 20,
        }
    }
}

/// How far an admin has come after `make_project`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Installation {
    /// As `make_project` leaves it: the web server may write neither `download/` nor `templates/`.
    AsMade,
    /// Permissions are right; the table `batch_file_assoc` is missing.
    WithoutAssociations,
    /// Ready for remote submission.
    Complete,
}

/// When the file deleter runs. A real one does so every few seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileDeletion {
    /// As soon as a workunit is over: what a test must be able to live with.
    AtOnce,
    /// When the test calls [`crate::EmulatedProject::run_file_deleter`].
    ByHand,
}

/// A user of the project.
#[derive(Debug, Clone)]
pub struct User {
    /// The user's name; it is in the names that the server gives to batches.
    pub name: String,
    /// The secret of the account.
    pub authenticator: String,
    /// What the user may do.
    pub submit: Permission,
}

/// A user's rows in `user_submit` and `user_submit_app`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permission {
    /// No row: neither jobs nor files.
    None,
    /// A row in `user_submit`, and one in `user_submit_app` for each of these apps.
    Apps(Vec<String>),
    /// `submit_all`.
    All,
}
