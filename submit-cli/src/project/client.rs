//! One request at a time to a project.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::address::ProjectUrl;
use super::authenticator::{Authenticator, PROOF};
use super::download;
use super::error::ProjectError;
use super::multipart::Multipart;
use super::options::ClientOptions;
use super::protocol::app_versions::{self, InstalledVersion};
use super::protocol::batch::{self, BatchKey, BatchReply, Details};
use super::protocol::changes::{self, Changes};
use super::protocol::completed::{self, CompletedJob};
use super::protocol::id::{BatchId, ResultId, WorkunitId};
use super::protocol::info::{self, ProjectInfo};
use super::protocol::instance::{self, Instance};
use super::protocol::output::Downloaded;
use super::protocol::submission::Submission;
use super::protocol::task_page::{self, TaskPage};
use super::protocol::text;
use super::protocol::upload;
use super::reply::{self, Asked};
use super::scrub::Scrubber;
use super::transport::Transport;
use super::upload_body::Upload;
use super::xml::{Elements, element, elements, number};
use validators::routes::PublishedRoutes;

/// Where requests about batches and jobs go (`html/user/submit_rpc_handler.php`).
const SUBMIT: &str = "submit_rpc_handler.php";

/// Where requests about files go (`html/user/job_file.php`).
const FILES: &str = "job_file.php";

/// Changes are asked for from a little before the last time: the server's database keeps whole seconds, and may have a
/// clock of its own. A change that is told twice does no harm, one that is never told does.
const OVERLAP_SECONDS: f64 = 10.0;

/// Talks to a project. Threads share one by reference, and its connections with it.
///
/// Nothing is tried twice: each method makes one request (a resumed download and a task's page at most two). Their errors are those of
/// [`ProjectError`]; a comment says what else there is to know.
#[derive(Debug)]
pub struct ProjectClient {
    url: ProjectUrl,
    secret: Authenticator,
    scrubber: Arc<Scrubber>,
    transport: Transport,
    /// Pages about tasks were seen to want a login.
    login_wanted: AtomicBool,
}

impl ProjectClient {
    /// A client; connects only when something is asked.
    ///
    /// # Errors
    /// The file of certificates can't be used.
    pub fn new(
        url: ProjectUrl,
        authenticator: Authenticator,
        options: ClientOptions,
    ) -> Result<Self, ProjectError> {
        let scrubber = Arc::new(Scrubber::new([authenticator.expose()]));
        let transport = Transport::new(&options, &url, Arc::clone(&scrubber))?;
        Ok(Self { url, secret: authenticator, scrubber, transport, login_wanted: AtomicBool::new(false) })
    }

    /// The project's address.
    pub fn url(&self) -> &ProjectUrl {
        &self.url
    }

    /// What is at the address (`get_project_config.php`); sends no authenticator.
    ///
    /// # Errors
    /// `NotBoinc` if it is no project.
    pub fn describe(&self) -> Result<ProjectInfo, ProjectError> {
        describe_with(&self.transport, &self.url, &self.scrubber)
    }

    /// The latest versions of a BOINC app (`apps.php`); `None` if the project shows them only after a login. Sends no
    /// authenticator.
    ///
    /// # Errors
    /// What a request can meet.
    pub fn installed_versions(&self, app_name: &str) -> Result<Option<Vec<InstalledVersion>>, ProjectError> {
        let answer = self.transport.get(&self.url.join("apps.php").with("xml", "1"), None)?;
        if answer.location.is_some() || answer.status == 404 {
            return Ok(None);
        }
        let asked = Asked { request: "app_versions", subject: app_name, bytes: 0, files: 0 };
        let text = reply::judge_page(&answer, &asked, &self.scrubber)?;
        app_versions::parse(&text, app_name)
            .map(Some)
            .map_err(|reason| unparsable("app_versions", reply::shown(&reason, &self.scrubber)))
    }

    /// Which science apps the project's validator has a route for; `None` if the project does not publish it. Sends no
    /// authenticator.
    ///
    /// # Errors
    /// What a request can meet.
    pub fn published_routes(&self) -> Result<Option<PublishedRoutes>, ProjectError> {
        let url = self.url.join(&format!("download/{}", PublishedRoutes::FILE));
        let answer = self.transport.get(&url, None)?;
        Ok(PublishedRoutes::parse(&answer.body).filter(|_| answer.status == 200))
    }

    /// Whether the project's download directory has a file of this name, where `update_versions` puts the files of app versions.
    /// Sends no authenticator, and does not fetch it.
    ///
    /// # Errors
    /// What a request can meet.
    pub fn has_app_file(&self, name: &str) -> Result<bool, ProjectError> {
        let url = self.url.join(&format!("download/{name}"));
        // Its content is not read: the connection is closed.
        let (response, log) = self.transport.open(&url, None)?;
        let status = response.status().as_u16();
        log.end(Some(status), Ok(0));
        match status {
            200 => Ok(true),
            500.. => Err(ProjectError::ServerError {
                url: url.page().to_owned(),
                status,
                half_reply: String::new(),
                begun: false,
                retry_after: None,
            }),
            // A project can have its downloads on another server.
            _ => Ok(false),
        }
    }

    /// Whether the project answers and its database is up.
    ///
    /// # Errors
    /// It does not, or is closed.
    pub fn ping(&self) -> Result<(), ProjectError> {
        // PHP takes an element without a child for none.
        self.ask("ping", SUBMIT, "", "<x/>\n", success)
    }

    /// Proves authenticator, permission and app by a request that changes nothing.
    ///
    /// # Errors
    /// `BadAuthenticator`, `NoPermission`, `UnknownApp` and what a request can meet.
    pub fn check_access(&self, app_name: &str) -> Result<(), ProjectError> {
        self.estimate(app_name, 1e9).map(drop)
    }

    /// Seconds the project takes for the whole submission, a crude guess; the request is small whatever the number of
    /// jobs.
    ///
    /// # Errors
    /// As for [`check_access`](Self::check_access).
    pub fn estimate_batch(&self, submission: &Submission<'_>) -> Result<f64, ProjectError> {
        self.estimate(submission.app_name, submission.rsc_fpops_est * submission.jobs.len().max(1) as f64)
    }

    fn estimate(&self, app_name: &str, operations: f64) -> Result<f64, ProjectError> {
        text::app_name(app_name)?;
        let mut body = "<batch>\n".to_owned();
        element(&mut body, "app_name", app_name);
        body.push_str("<job>\n");
        element(&mut body, "rsc_fpops_est", &operations.to_string());
        body.push_str("</job>\n</batch>\n");
        self.ask("estimate_batch", SUBMIT, app_name, &body, |text| {
            number(text, "seconds").ok_or_else(|| "no number in <seconds>".to_owned())
        })
    }

    /// Makes a batch. Names are not unique: calling this twice makes two.
    ///
    /// # Errors
    /// As for [`check_access`](Self::check_access).
    pub fn create_batch(&self, app_name: &str, batch_name: &str) -> Result<BatchId, ProjectError> {
        text::app_name(app_name)?;
        text::batch_name(batch_name)?;
        let body = elements([("app_name", app_name), ("batch_name", batch_name)]);
        self.ask("create_batch", SUBMIT, app_name, &body, batch_id)
    }

    /// Makes the jobs of a batch in state init.
    ///
    /// # Errors
    /// After most of them some jobs can exist: see [`ProjectError::maybe_done`].
    pub fn submit_batch(&self, batch: BatchId, submission: &Submission<'_>) -> Result<(), ProjectError> {
        let request = submission.request(batch, &self.secret)?;
        let call = Call { request: "submit_batch", page: SUBMIT, subject: submission.app_name };
        let made = self.post(&call, &request, vec![], None, batch_id)?;
        if made == batch {
            return Ok(());
        }
        Err(unparsable("submit_batch", format!("it is about batch {made} and not {batch}")))
    }

    /// Begins a batch whose jobs are all there, but whose `submit_batch` did not come to its end.
    ///
    /// # Errors
    /// `WrongBatchState` if it has begun.
    pub fn start_batch(&self, batch: BatchId, app_name: &str) -> Result<(), ProjectError> {
        text::app_name(app_name)?;
        let request = Submission::start_request(app_name, batch, &self.secret);
        let call = Call { request: "submit_batch", page: SUBMIT, subject: app_name };
        self.post(&call, &request, vec![], None, batch_id).map(drop)
    }

    /// Indexes into `names` of the files that the server does not have. Changes nothing, and can be repeated.
    ///
    /// # Errors
    /// `NoFileAccess` and what a request can meet.
    pub fn absent_files(&self, names: &[&str]) -> Result<Vec<usize>, ProjectError> {
        self.query_files(None, names)
    }

    /// Associates files with a batch; returns the indexes of the absent ones.
    ///
    /// # Errors
    /// `DuplicateRecord` if one is associated already (a server that hides PHP's errors answers with `ServerError`); those
    /// before it in the list are associated then.
    pub fn associate_files(&self, batch: BatchId, names: &[&str]) -> Result<Vec<usize>, ProjectError> {
        self.query_files(Some(batch), names)
    }

    fn query_files(&self, batch: Option<BatchId>, names: &[&str]) -> Result<Vec<usize>, ProjectError> {
        names.iter().try_for_each(|name| text::physical_name(name))?;
        let batch = batch.map(|batch| batch.to_string()).unwrap_or_default();
        let names_of = names.iter().map(|name| ("phys_name", *name));
        let body = elements([("batch_id", batch.as_str())].into_iter().chain(names_of));
        self.ask("query_files", FILES, "", &body, |text| {
            let index = |text: Result<&str, String>| {
                let index: usize = text?.trim().parse().map_err(|_| "no number in <file>".to_owned())?;
                if index < names.len() { Ok(index) } else { Err(format!("file {index} of {}", names.len())) }
            };
            Elements::new(text, "<file>", "</file>").map(index).collect()
        })
    }

    /// Uploads files in one request. `progress` gets the bytes that went out since its last call, on this thread.
    ///
    /// # Errors
    /// The server's limits; `DuplicateRecord` if a file has a record already; `LocalFile` if one changed. Files before the
    /// refused one can be there then.
    pub fn upload_files(&self, files: Vec<Upload>, progress: &dyn Fn(u64)) -> Result<(), ProjectError> {
        files.iter().try_for_each(|file| text::physical_name(&file.name))?;
        let request = upload::request(self.secret.expose(), files.iter().map(|file| file.name.as_str()));
        let call = Call { request: "upload_files", page: FILES, subject: "" };
        self.post(&call, &request, files, Some(progress), success)
    }

    /// A batch and its jobs.
    ///
    /// # Errors
    /// `NoSuchBatch`, `NotOwner` and what a request can meet.
    pub fn batch(&self, which: &BatchKey, details: Details) -> Result<BatchReply, ProjectError> {
        let mut body = String::new();
        let subject = match which {
            BatchKey::Id(id) => {
                element(&mut body, "batch_id", &id.to_string());
                id.to_string()
            }
            BatchKey::Name(name) => {
                text::batch_name(name)?;
                element(&mut body, "batch_name", name);
                name.clone()
            }
        };
        if details == Details::With {
            // Each job's CPU time comes with them; `get_cpu_time` is about the sum.
            body.push_str("<get_job_details>1</get_job_details>\n");
        }
        self.ask("query_batch", SUBMIT, &subject, &body, batch::parse)
    }

    /// The user's batches that are not retired, without their jobs.
    ///
    /// # Errors
    /// What a request can meet.
    pub fn batches(&self) -> Result<Vec<BatchReply>, ProjectError> {
        self.ask("query_batches", SUBMIT, "", "", batch::parse_list)
    }

    /// Jobs of the (oldest) batch of this name that changed since a server's time ([`Changes::server_time`]), and some
    /// that changed shortly before; all jobs without one.
    ///
    /// # Errors
    /// `NoSuchBatch`, `NotOwner` and what a request can meet.
    pub fn changes(&self, batch_name: &str, since: Option<f64>) -> Result<Changes, ProjectError> {
        text::batch_name(batch_name)?;
        let since = since.map(|since| (since - OVERLAP_SECONDS).to_string()).unwrap_or_default();
        let body = elements([("batch_name", batch_name), ("min_mod_time", &since)]);
        self.ask("query_batch2", SUBMIT, batch_name, &body, changes::parse)
    }

    /// The instances of a job.
    ///
    /// # Errors
    /// `NoSuchJob`, `NotOwner` and what a request can meet.
    pub fn instances(&self, workunit: WorkunitId) -> Result<Vec<Instance>, ProjectError> {
        let id = workunit.to_string();
        self.ask("query_job", SUBMIT, &id, &elements([("job_id", id.as_str())]), instance::parse)
    }

    /// A finished job's canonical instance.
    ///
    /// # Errors
    /// For a failed or unfinished job the server's code breaks off: `FatalError` or `ServerError`.
    pub fn completed_job(&self, workunit_name: &str) -> Result<CompletedJob, ProjectError> {
        text::job_name(workunit_name)?;
        let body = elements([("job_name", workunit_name)]);
        self.ask("query_completed_job", SUBMIT, workunit_name, &body, completed::parse)
    }

    /// Aborts a batch; again is no error.
    ///
    /// # Errors
    /// `NoSuchBatch`, `NotOwner` and what a request can meet.
    pub fn abort_batch(&self, batch: BatchId) -> Result<(), ProjectError> {
        self.about_batch("abort_batch", batch)
    }

    /// Retires a batch: the server may delete its files.
    ///
    /// # Errors
    /// `NoSuchBatch`, `NotOwner` and what a request can meet.
    pub fn retire_batch(&self, batch: BatchId) -> Result<(), ProjectError> {
        self.about_batch("retire_batch", batch)
    }

    fn about_batch(&self, request: &str, batch: BatchId) -> Result<(), ProjectError> {
        let id = batch.to_string();
        self.ask(request, SUBMIT, &id, &elements([("batch_id", id.as_str())]), success)
    }

    /// Aborts jobs, of any batches; again is no error.
    ///
    /// # Errors
    /// `NoSuchJob`: those before it in the list are aborted, the others not. `NotOwner` and what a request can meet.
    pub fn abort_jobs(&self, workunit_names: &[&str]) -> Result<(), ProjectError> {
        workunit_names.iter().try_for_each(|name| text::job_name(name))?;
        let body = elements(workunit_names.iter().map(|name| ("job_name", *name)));
        self.ask("abort_jobs", SUBMIT, "", &body, success)
    }

    /// Writes an output of a result, from byte `from` on.
    ///
    /// # Errors
    /// `NoSuchOutput`; `LostReply` if it ends early, with what came written; `Write`.
    pub fn download_output(
        &self,
        result_name: &str,
        file_num: u32,
        from: u64,
        to: &mut dyn Write,
    ) -> Result<Downloaded, ProjectError> {
        text::job_name(result_name)?;
        let (what, number) = (format!("output {file_num} of {result_name}"), file_num.to_string());
        let query = [("cmd", "result_file"), ("result_name", result_name), ("file_num", number.as_str())];
        self.download(&what, &query, result_name, from, to)
    }

    /// Writes a zip of the outputs of a job's canonical instance; names in it are physical. Without outputs it is empty,
    /// and no zip.
    ///
    /// # Errors
    /// As for [`download_output`](Self::download_output).
    pub fn download_workunit_zip(
        &self,
        id: WorkunitId,
        to: &mut dyn Write,
    ) -> Result<Downloaded, ProjectError> {
        let (what, number) = (format!("zip of outputs of job {id}"), id.to_string());
        self.download(&what, &[("cmd", "workunit_files"), ("wu_id", number.as_str())], &number, 0, to)
    }

    fn download(
        &self,
        what: &str,
        query: &[(&'static str, &str)],
        proven: &str,
        from: u64,
        to: &mut dyn Write,
    ) -> Result<Downloaded, ProjectError> {
        let url = self.url.join("get_output.php");
        let url = query.iter().fold(url, |url, (key, value)| url.with(key, *value));
        let url = url.with(PROOF, download::proof(&self.secret, proven));
        download::download(&self.transport, &url, what, from, to, &self.scrubber)
    }

    /// A result's page. Since June 2026 a stock server shows it only to users who are logged in (`REQUIRE_LOGIN` in
    /// `html/inc/util.inc`); where it does, the authenticator goes along, to nowhere but the project's own address.
    ///
    /// # Errors
    /// `LoginWanted` if the project takes our authenticator for no login, and what a request can meet; never because of
    /// what stands on the page.
    pub fn task_page(&self, result_id: ResultId) -> Result<TaskPage, ProjectError> {
        let url = self.url.join("result.php").with("resultid", result_id.to_string());
        let asked = Asked { request: "result.php", subject: "", bytes: 0, files: 0 };
        let users = [None, Some(&self.secret)];
        let first = usize::from(self.login_wanted.load(Ordering::Relaxed));
        for user in &users[first..] {
            let answer = self.transport.get(&url, *user)?;
            let to_login = answer.location.as_deref().is_some_and(|to| to.contains("/login_form.php"));
            if !to_login {
                let html = reply::judge_html(&answer, &asked, &self.scrubber)?;
                return Ok(task_page::parse(&html).without(&self.scrubber));
            }
            self.login_wanted.store(true, Ordering::Relaxed);
        }
        Err(ProjectError::LoginWanted { what: format!("the page of task {result_id}") })
    }

    /// Sends a request without files: `body` after the authenticator, in the request's element.
    fn ask<T>(
        &self,
        request: &str,
        page: &str,
        subject: &str,
        body: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, ProjectError> {
        let mut text = format!("<{request}>\n");
        element(&mut text, "authenticator", self.secret.expose());
        text.push_str(body);
        text.push_str(&format!("</{request}>\n"));
        self.post(&Call { request, page, subject }, &text, vec![], None, parse)
    }

    /// Sends a request, and takes what is in the reply's element.
    fn post<T>(
        &self,
        call: &Call<'_>,
        text: &str,
        files: Vec<Upload>,
        progress: Option<&dyn Fn(u64)>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, ProjectError> {
        let count = files.len();
        let body = Multipart::new(text, files);
        let asked = Asked { request: call.request, subject: call.subject, bytes: body.bytes(), files: count };
        let answer = self.transport.post(&self.url.join(call.page), call.request, body, progress)?;
        let inside = reply::judge(&answer, &asked, &self.scrubber)?;
        parse(&inside).map_err(|reason| unparsable(call.request, reply::shown(&reason, &self.scrubber)))
    }
}

/// A request by its element, the page that takes it, and what it is about.
struct Call<'a> {
    request: &'a str,
    page: &'a str,
    subject: &'a str,
}

/// What is at an address, for somebody who has no authenticator yet.
///
/// # Errors
/// `NotBoinc` if it is no project.
pub fn describe(url: &ProjectUrl, options: &ClientOptions) -> Result<ProjectInfo, ProjectError> {
    let no_secret = Arc::new(Scrubber::new([]));
    describe_with(&Transport::new(options, url, Arc::clone(&no_secret))?, url, &no_secret)
}

fn describe_with(
    transport: &Transport,
    url: &ProjectUrl,
    secret: &Scrubber,
) -> Result<ProjectInfo, ProjectError> {
    let asked = Asked { request: "project_config", subject: "", bytes: 0, files: 0 };
    let answer = transport.get(&url.join("get_project_config.php"), None)?;
    let now = crate::clock::now();
    let text = reply::judge_page(&answer, &asked, secret)?;
    // The header has whole seconds, cut off.
    let skew = answer.date.map(|date| date as f64 + 0.5 - now);
    let info = info::parse(&text, skew)
        .map_err(|reason| unparsable("project_config", reply::shown(&reason, secret)))?;
    Ok(info.without(secret))
}

fn success(text: &str) -> Result<(), String> {
    if text.contains("<success>1</success>") || text.contains("<success/>") {
        return Ok(());
    }
    Err("no <success>".to_owned())
}

fn batch_id(text: &str) -> Result<BatchId, String> {
    number(text, "batch_id").map(BatchId).ok_or_else(|| "no number in <batch_id>".to_owned())
}

fn unparsable(request: &str, reason: String) -> ProjectError {
    ProjectError::UnparsableReply { request: request.to_owned(), reason }
}
