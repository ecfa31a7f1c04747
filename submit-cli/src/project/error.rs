//! Failed requests: a variant for each reaction of a caller.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

/// A server's text is cut here: an SQL statement can have hundreds of kilobytes.
pub(crate) const SHOWN_CHARACTERS: usize = 300;

/// Errors of MySQL and MariaDB when they are busy or being restarted.
const BUSY_DATABASE: [&str; 5] = [
    "Too many connections",
    "Deadlock found",
    "Lock wait timeout exceeded",
    "server has gone away",
    "Lost connection to",
];

/// A request that failed. No text in it holds an authenticator, or more of an SQL statement than its beginning.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// No connection, so nothing was sent.
    #[error("failed to connect to {url}: {reason}")]
    Unreachable {
        /// The page.
        url: String,
        /// What the network said.
        reason: String,
    },
    /// The request went out, at least in part, and no whole reply came back: the server may have done it or not.
    #[error("{url}: incomplete reply: {reason}")]
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
        /// How long the server asks clients to wait.
        retry_after: Option<Duration>,
    },
    /// PHP ended in the middle of a request.
    #[error("{request}: the server's PHP code failed: {message}")]
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
        /// How long it asks clients to wait.
        retry_after: Option<Duration>,
    },
    /// The server's certificate does not prove that it is the server.
    #[error("{url}: invalid certificate: {reason}")]
    Certificate {
        /// The page.
        url: String,
        /// Why not.
        reason: String,
    },
    /// The address is not that of a BOINC project.
    #[error("{url}: not a BOINC project: got {found}")]
    NotBoinc {
        /// The page.
        url: String,
        /// What is there instead.
        found: String,
    },
    /// The server redirects, which is not followed: it would get the authenticator.
    #[error("{url}: the server redirects to {to}")]
    Redirected {
        /// The page.
        url: String,
        /// The project's address to use instead, as far as it can be told, else the page's.
        to: String,
    },
    /// The project has no user with this authenticator.
    #[error("the project does not know this authenticator")]
    BadAuthenticator,
    /// The user may not submit jobs for this BOINC app.
    #[error("you may not submit jobs for the BOINC app {app_name} of this project")]
    NoPermission {
        /// The BOINC app.
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
    /// A batch or job belongs to another user.
    #[error("{request}: the batch belongs to another user of the project")]
    NotOwner {
        /// The request's name.
        request: String,
    },
    /// Jobs were submitted to this batch before, or it has ended.
    #[error("the batch accepts no more jobs: it has some already, or it was aborted")]
    WrongBatchState,
    /// A workunit of this name exists in the project; jobs before it in the request may have been made.
    #[error("the project already has a job named {name}")]
    DuplicateWorkunit {
        /// The workunit's name.
        name: String,
    },
    /// A file has a record already, or is tied to the batch already.
    #[error("{request}: the record of a file already exists ({entry})")]
    DuplicateRecord {
        /// The request's name.
        request: String,
        /// The database's key.
        entry: String,
    },
    /// A job's input is not on the server.
    #[error("the server does not have the input {name}")]
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
    #[error("the request of {bytes} bytes is larger than the server accepts")]
    RequestTooLarge {
        /// Size of the whole request body.
        bytes: u64,
    },
    /// More files in a request than the server takes (`max_file_uploads`).
    #[error("{sent} files in a request are more than the server accepts{}", accepted.map(|n| format!(" ({n})")).unwrap_or_default())]
    TooManyFiles {
        /// How many were sent.
        sent: usize,
        /// How many it took.
        accepted: Option<usize>,
    },
    /// A file is larger than the server takes (`upload_max_filesize`).
    #[error("the file {name} is larger than the server accepts")]
    FileTooLarge {
        /// Physical name.
        name: String,
    },
    /// The server takes no file of this name.
    #[error("the server rejects the name of a file")]
    BadFilename,
    /// The user has as many jobs in progress as the project allows.
    #[error("the project allows you no more jobs in progress")]
    JobLimit,
    /// An output is not (or no longer) on the server.
    #[error("the server does not have {what}: {message}")]
    NoSuchOutput {
        /// Which output.
        what: String,
        /// What the server says.
        message: String,
    },
    /// A page needs a login with a password; the authenticator is not enough.
    #[error("the project shows {what} only after a login with a password")]
    LoginWanted {
        /// Which page.
        what: String,
    },
    /// `create_work` refused the jobs; those before the one it met may have been made.
    #[error("the server failed to create the jobs: {message}")]
    CreateWork {
        /// What it says.
        message: String,
    },
    /// The server is not set up as it has to be.
    #[error("the project's server is not set up for this: {message}")]
    ServerSetup {
        /// What it says.
        message: String,
        /// The action for its administrator.
        fix: String,
    },
    /// An error message that we do not know.
    #[error("{request}: the project rejected the request: {message}")]
    Refused {
        /// The request's name.
        request: String,
        /// What it says.
        message: String,
    },
    /// A whole reply of a form that we do not know.
    #[error("{request}: invalid reply: {reason}")]
    UnparsableReply {
        /// The request's name.
        request: String,
        /// What is missing or odd.
        reason: String,
    },
    /// A text that the server or the volunteers' clients would misread; nothing was sent.
    #[error("invalid {what} \"{text}\": found {found}; accepted: {accepted}")]
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
    /// The downloaded data could not be written.
    #[error("failed to write the downloaded data")]
    Write(#[source] std::io::Error),
    /// An invalid setting of the client.
    #[error("{what}: {reason}")]
    Setting {
        /// Which one.
        what: String,
        /// What is wrong about it.
        reason: String,
    },
}

impl ProjectError {
    pub(super) fn setting(what: &str, reason: impl Into<String>) -> Self {
        Self::Setting { what: what.to_owned(), reason: reason.into() }
    }

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

    /// Whether the same request may succeed later without a change.
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

    /// Whether the submitter has to change the address, authenticator, name or text.
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

    /// How long the server asks clients to wait.
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
                "run the same command again: it asks the server what arrived before it sends anything".into()
            }
            Self::ServerError { .. } => {
                "try again later; the web server's log has the reason, which the project's administrator can read".into()
            }
            Self::FatalError { message, .. } if message.contains("doesn't exist") => {
                "ask the project's administrator to apply db/schema_condor.sql to the database: a table is missing".into()
            }
            Self::FatalError { .. } | Self::Refused { .. } | Self::UnparsableReply { .. } => {
                "send this message to the project's administrator".into()
            }
            Self::Maintenance { .. } => "try again later".into(),
            Self::Certificate { .. } => {
                "check the address and your computer's clock; name a project's own certificate authority with --ca-file"
                    .into()
            }
            Self::NotBoinc { .. } => {
                "use the address of the project's home page, with its path, such as https://project.example/boinc/".into()
            }
            Self::Redirected { to, .. } => format!("run buoy login {to} if that is the same project").into(),
            Self::BadAuthenticator => {
                "copy the account key from your account page at the project, and run buoy login again".into()
            }
            Self::NoPermission { .. } | Self::NoFileAccess => {
                "ask the project's administrator for permission to submit jobs (Manage user permissions on the admin page)"
                    .into()
            }
            Self::UnknownApp { .. } => {
                "ask the project for the name of its universal app, and run buoy login --app NAME".into()
            }
            Self::NoSuchBatch { .. } | Self::NoSuchJob { .. } => {
                "check the name: it may have been removed, or belong to another project".into()
            }
            Self::NotOwner { .. } => "use the account that submitted it".into(),
            Self::WrongBatchState => return None,
            Self::DuplicateWorkunit { .. } => {
                "choose another batch name: another campaign at the project uses this one".into()
            }
            Self::DuplicateRecord { .. } => return None,
            Self::AbsentInput { .. } => "run the same command again to upload it".into(),
            Self::Immutable { .. } => {
                "ask the project's administrator to remove the file: an upload was damaged, or another user took the name".into()
            }
            Self::RequestTooLarge { bytes } if *bytes < 8192 => {
                "ask the project's administrator: a web server or proxy drops the contents of requests, also of this small one"
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
            Self::BadFilename => "use letters, digits, _ - . and space, 255 at most".into(),
            Self::JobLimit => "wait until some of your jobs have finished, or ask the project for a higher limit".into(),
            Self::NoSuchOutput { .. } => {
                "use <no_delete/> in the output template: outputs are removed soon after they are assimilated otherwise".into()
            }
            Self::LoginWanted { .. } => "log in at the project with a browser to see the page".into(),
            Self::CreateWork { message } if message.contains("fgets() buffer") => {
                "shorten the names or the command line: the server accepts 4,096 bytes per job for all of them".into()
            }
            Self::CreateWork { .. } => "check the templates and the number of inputs of each job".into(),
            Self::ServerSetup { fix, .. } => format!("ask the project's administrator to {fix}").into(),
            Self::Unsendable { .. } | Self::Setting { .. } => return None,
            Self::LocalFile { .. } => "run the same command again, and let no program write to inputs while they are uploaded".into(),
            Self::Write(_) => "free some disk space, and run the same command again to resume".into(),
        };
        Some(help.into_owned())
    }
}
