//! What can go wrong between us and a project: a variant for each thing that a caller does about it.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

/// So much of a server's text is kept; an SQL statement can have hundreds of kilobytes.
pub(crate) const SHOWN_CHARACTERS: usize = 300;

/// What MySQL and MariaDB say when they are only busy or being restarted.
const BUSY_DATABASE: [&str; 5] = [
    "Too many connections",
    "Deadlock found",
    "Lock wait timeout exceeded",
    "server has gone away",
    "Lost connection to",
];

/// A request that did not do what it was to do. No text in it holds an authenticator or more of an SQL statement than its beginning.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// No connection came about, so nothing was sent.
    #[error("{url}: cannot reach the project: {reason}")]
    Unreachable {
        /// The page.
        url: String,
        /// What the network said.
        reason: String,
    },
    /// The request went out, at least in part, and no whole reply came back: the server may have done it or not.
    #[error("{url}: the reply did not arrive whole: {reason}")]
    LostReply {
        /// The page.
        url: String,
        /// What happened to it.
        reason: String,
    },
    /// HTTP status 500 and above; with PHP's `display_errors` off every fatal error looks like this.
    #[error("{url}: the server answered with HTTP status {status}{}", if half_reply.is_empty() { String::new() } else { format!(" after \"{half_reply}\"") })]
    ServerError {
        /// The page.
        url: String,
        /// HTTP status.
        status: u16,
        /// The beginning of what came, at most 300 characters.
        half_reply: String,
        /// The reply to the request had begun: the web code broke off in the middle.
        begun: bool,
        /// How long the server asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// PHP ended in the middle of a request.
    #[error("{request}: the server's web code broke off: {message}")]
    FatalError {
        /// The request's name.
        request: String,
        /// PHP's message.
        message: String,
    },
    /// The project is closed for a time, or its database is.
    #[error("the project is closed: {message}")]
    Maintenance {
        /// What the project says.
        message: String,
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// The server's certificate does not prove that it is the server.
    #[error("{url}: the server's certificate cannot be trusted: {reason}")]
    Certificate {
        /// The page.
        url: String,
        /// Why not.
        reason: String,
    },
    /// There is a web server, but no BOINC project at this address.
    #[error("{url}: this is no BOINC project: found {found}")]
    NotBoinc {
        /// The page.
        url: String,
        /// What is there instead.
        found: String,
    },
    /// The server sends us elsewhere; nobody follows with an authenticator in the hand.
    #[error("{url}: the server sends us to {to}")]
    Redirected {
        /// The page.
        url: String,
        /// The project's address to use instead, as far as it can be told, else the page's.
        to: String,
    },
    /// The project knows nobody with this authenticator.
    #[error("the project does not know this authenticator")]
    BadAuthenticator,
    /// The user may not submit jobs for this BOINC app.
    #[error("you may not submit jobs for the BOINC app {app_name} of this project")]
    NoPermission {
        /// The BOINC app, or "(not said)".
        app_name: String,
    },
    /// The user may not submit jobs at all (no row in `user_submit`).
    #[error("you may not submit jobs to this project")]
    NoFileAccess,
    /// The project has no such BOINC app.
    #[error("the project has no BOINC app {app_name}")]
    UnknownApp {
        /// Its name.
        app_name: String,
    },
    /// The project has no such batch.
    #[error("the project has no batch {batch}")]
    NoSuchBatch {
        /// Name or number.
        batch: String,
    },
    /// The project has no such job.
    #[error("the project has no job {job}")]
    NoSuchJob {
        /// Name or number.
        job: String,
    },
    /// A batch or job belongs to somebody else.
    #[error("{request}: the batch belongs to another user of the project")]
    NotOwner {
        /// The request's name.
        request: String,
    },
    /// Jobs were submitted to this batch before, or it is over.
    #[error("the batch takes no more jobs: some were submitted before, or it was aborted")]
    WrongBatchState,
    /// A workunit of this name exists in the project; jobs before it in the request may have been made.
    #[error("the project has a job named {name} already")]
    DuplicateWorkunit {
        /// The workunit's name.
        name: String,
    },
    /// A file has a record already, or is tied to the batch already.
    #[error("{request}: a file is recorded already ({entry})")]
    DuplicateRecord {
        /// The request's name.
        request: String,
        /// The database's key.
        entry: String,
    },
    /// A job's input is not on the server.
    #[error("the input {name} is not on the server")]
    AbsentInput {
        /// Physical name.
        name: String,
    },
    /// A file of this name and another content is on the server.
    #[error("the server has another file named {name}")]
    Immutable {
        /// Physical name.
        name: String,
    },
    /// The request was larger than the server takes (`post_max_size`).
    #[error("the request of {bytes} bytes is larger than the server takes")]
    RequestTooLarge {
        /// Size of the whole request body.
        bytes: u64,
    },
    /// More files in a request than the server takes (`max_file_uploads`).
    #[error("{sent} files in a request are more than the server takes{}", accepted.map(|n| format!(" ({n})")).unwrap_or_default())]
    TooManyFiles {
        /// How many were sent.
        sent: usize,
        /// How many it took.
        accepted: Option<usize>,
    },
    /// A file is larger than the server takes (`upload_max_filesize`).
    #[error("the file {name} is larger than the server takes")]
    FileTooLarge {
        /// Physical name.
        name: String,
    },
    /// The server takes no file of this name.
    #[error("the server refuses a file's name")]
    BadFilename,
    /// The user has as many jobs in progress as the project allows.
    #[error("the project allows you no more jobs in progress")]
    JobLimit,
    /// An output is not (or no longer) on the server.
    #[error("{what} is not on the server: {message}")]
    NoSuchOutput {
        /// Which output.
        what: String,
        /// What the server says.
        message: String,
    },
    /// A page is for people who log in with a password; our authenticator is no login there.
    #[error("the project shows {what} only to people who log in with a password")]
    LoginWanted {
        /// Which page.
        what: String,
    },
    /// `create_work` refused the jobs; those before the one it met may have been made.
    #[error("the server could not make the jobs: {message}")]
    CreateWork {
        /// What it says.
        message: String,
    },
    /// Something on the server is not set up as it has to be.
    #[error("the project's server is not set up for this: {message}")]
    ServerSetup {
        /// What it says.
        message: String,
        /// What its administrator has to do.
        mend: String,
    },
    /// A refusal that we don't know.
    #[error("{request}: the project refuses: {message}")]
    Refused {
        /// The request's name.
        request: String,
        /// What it says.
        message: String,
    },
    /// A whole reply of a form that we don't know.
    #[error("{request}: the reply cannot be understood: {reason}")]
    UnparsableReply {
        /// The request's name.
        request: String,
        /// What is missing or odd.
        reason: String,
    },
    /// A text that would break something on the server or at the volunteers; nothing was sent.
    #[error("{what} \"{text}\" cannot be sent: found {found}; accepted: {accepted}")]
    Unsendable {
        /// What kind of text.
        what: &'static str,
        /// The text's beginning.
        text: String,
        /// What is in it.
        found: String,
        /// What may be.
        accepted: &'static str,
    },
    /// A file could not be read, or changed, while it went out; what arrived is not the file.
    #[error("{}: {reason}", path.display())]
    LocalFile {
        /// The file.
        path: PathBuf,
        /// What happened.
        reason: String,
    },
    /// What came could not be written.
    #[error("cannot write what was downloaded")]
    Write(#[source] std::io::Error),
    /// A setting of the client cannot be used.
    #[error("{what}: {reason}")]
    Setting {
        /// Which one.
        what: String,
        /// What is wrong about it.
        reason: String,
    },
}

impl ProjectError {
    /// Whether the server may have done what was asked, in whole or in part: ask it before sending the same again.
    pub fn maybe_done(&self) -> bool {
        matches!(
            self,
            Self::LostReply { .. }
                | Self::ServerError { .. }
                | Self::FatalError { .. }
                | Self::UnparsableReply { .. }
                // create_work makes jobs in parts of some 500; those before the refused one stay.
                | Self::CreateWork { .. }
                | Self::DuplicateWorkunit { .. }
                | Self::AbsentInput { .. }
                // Files before the refused one in the request stay.
                | Self::DuplicateRecord { .. }
                | Self::Immutable { .. }
                // Jobs are aborted one after the other, up to the unknown one.
                | Self::NoSuchJob { .. }
        )
    }

    /// Whether the same request may succeed a while later without anybody doing anything.
    pub fn try_again(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::LostReply { .. }
            | Self::ServerError { .. }
            | Self::Maintenance { .. } => true,
            Self::FatalError { message, .. } | Self::CreateWork { message } => {
                BUSY_DATABASE.iter().any(|sign| message.contains(sign))
            }
            _ => false,
        }
    }

    /// Whether nothing but another address, authenticator, name or text from the submitter mends it.
    pub fn is_bad_input(&self) -> bool {
        matches!(
            self,
            Self::NotBoinc { .. }
                | Self::Redirected { .. }
                | Self::BadAuthenticator
                | Self::UnknownApp { .. }
                | Self::NoSuchBatch { .. }
                | Self::NoSuchJob { .. }
                | Self::BadFilename
                | Self::Unsendable { .. }
                | Self::Setting { .. }
        )
    }

    /// How long the server asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::ServerError { retry_after, .. } | Self::Maintenance { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What a submitter can do about it.
    pub fn help(&self) -> Option<String> {
        let help: Cow<'static, str> = match self {
            Self::Unreachable { .. } => "check the address and your network; the project may be down".into(),
            Self::LostReply { .. } => {
                "the server may have done it all the same: the next run asks before it sends anything again".into()
            }
            Self::ServerError { .. } => {
                "try again later; if it stays, the project's administrator finds the reason in the web server's log".into()
            }
            Self::FatalError { message, .. } if message.contains("doesn't exist") => {
                "a table is missing: the project's administrator has to apply db/schema_condor.sql to the database".into()
            }
            Self::FatalError { .. } | Self::Refused { .. } | Self::UnparsableReply { .. } => {
                "send this message to the project's administrator".into()
            }
            Self::Maintenance { .. } => "try again later".into(),
            Self::Certificate { .. } => {
                "check the address and your computer's clock; a project's own certificate authority is named with --ca-file"
                    .into()
            }
            Self::NotBoinc { .. } => {
                "give the address of the project's home page, with its path, as in https://project.example/boinc/".into()
            }
            Self::Redirected { to, .. } => format!("if that is the project too, buoy login {to}").into(),
            Self::BadAuthenticator => {
                "take the account key from your account page at the project, and buoy login again".into()
            }
            Self::NoPermission { .. } | Self::NoFileAccess => {
                "ask the project's administrator for permission to submit jobs (Manage user permissions on the admin page)"
                    .into()
            }
            Self::UnknownApp { .. } => {
                "ask the project for the name of its universal app, and buoy login --app NAME".into()
            }
            Self::NoSuchBatch { .. } | Self::NoSuchJob { .. } => {
                "it may have been removed at the project, or belongs to another project".into()
            }
            Self::NotOwner { .. } => "use the account that submitted it".into(),
            Self::WrongBatchState => return None,
            Self::DuplicateWorkunit { .. } => {
                "another campaign at the project uses this name; give the batch another name".into()
            }
            Self::DuplicateRecord { .. } => return None,
            Self::AbsentInput { .. } => "the next run uploads it again".into(),
            Self::Immutable { .. } => {
                "an upload was damaged or somebody else took the name: ask the project's administrator to remove it".into()
            }
            Self::RequestTooLarge { bytes } if *bytes < 8192 => {
                "so small a request arrives empty where a web server or proxy on the way drops what is posted: \
                 ask the project's administrator"
                    .into()
            }
            Self::RequestTooLarge { .. } => {
                "send fewer jobs or files at once, or ask the administrator for a larger post_max_size in php.ini".into()
            }
            Self::TooManyFiles { .. } => {
                "send fewer files at once, or ask the administrator for a larger max_file_uploads in php.ini".into()
            }
            Self::FileTooLarge { .. } => {
                "ask the administrator for larger upload_max_filesize and post_max_size in php.ini".into()
            }
            Self::BadFilename => "names may hold letters, digits, _ - . and space, 255 at most".into(),
            Self::JobLimit => "wait until some of your jobs are over, or ask the project for more".into(),
            Self::NoSuchOutput { .. } => {
                "outputs are removed soon after they are collected, unless the output template says <no_delete/>".into()
            }
            Self::LoginWanted { .. } => "log in at the project with a browser, and look at the page there".into(),
            Self::CreateWork { message } if message.contains("fgets() buffer") => {
                "a job's names and command line are longer than 4,096 bytes together".into()
            }
            Self::CreateWork { .. } => "check the templates and the number of inputs of each job".into(),
            Self::ServerSetup { mend, .. } => format!("the project's administrator has to {mend}").into(),
            Self::Unsendable { .. } | Self::Setting { .. } => return None,
            Self::LocalFile { .. } => "let nothing write to inputs while they are sent, and run it again".into(),
            Self::Write(_) => "make room, and run it again: it goes on from where it was".into(),
        };
        Some(help.into_owned())
    }
}
