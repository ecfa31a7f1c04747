//! A project, a campaign that was submitted to it, and the clock of both.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use emulated_project::{EmulatedProject, Permission, Report, Settings, User};
use submit_cli::campaign::Campaign;
use submit_cli::campaign::bounds::Bounds;
use submit_cli::campaign::job_view::{Counts, JobState};
use submit_cli::campaign::meta::{CampaignMeta, OutputMeta, ProjectRef};
use submit_cli::campaign::submitted::{FileNames, NewWorkunit, Round, Stage, WorkunitRow};
use submit_cli::clock::Clock;
use submit_cli::project::address::{PlainHttp, ProjectUrl};
use submit_cli::project::authenticator::Authenticator;
use submit_cli::project::client::ProjectClient;
use submit_cli::project::config::{ProjectEntry, Projects};
use submit_cli::project::options::ClientOptions;
use submit_cli::project::protocol::submission::{Submission, SubmittedJob};
use submit_cli::remote::follow::poll::{Eagerness, Polled, poll};

/// Names of workunits begin with it.
pub const PREFIX: &str = "vina-0123456789ab__ligands__";
pub const AUTHENTICATOR: &str = "0123456789abcdef0123456789abcdef";
const OTHER: &str = "fedcba9876543210fedcba9876543210";
const INPUT: &str = "<input_template><workunit><rsc_fpops_est>1e12</rsc_fpops_est><rsc_fpops_bound>1e14</rsc_fpops_bound>\
    <rsc_memory_bound>1000000000</rsc_memory_bound><rsc_disk_bound>2000000000</rsc_disk_bound><delay_bound>86400</delay_bound>\
    <min_quorum>1</min_quorum><target_nresults>1</target_nresults><max_error_results>1</max_error_results>\
    <max_total_results>10</max_total_results><max_success_results>6</max_success_results></workunit></input_template>";
const OUTPUT: &str = "<output_template><file_info><name><OUTFILE_0/></name><generated_locally/><upload_when_present/><no_delete/>\
    <max_nbytes>1000</max_nbytes><url><UPLOAD_URL/></url></file_info><result><file_ref><file_name><OUTFILE_0/></file_name>\
    <open_name>poses.pdbqt</open_name></file_ref></result></output_template>";

/// A project, and a campaign in a directory.
pub struct Sea {
    pub dir: tempfile::TempDir,
    pub project: EmulatedProject,
    pub client: ProjectClient,
    pub campaign: Campaign,
}

impl Sea {
    /// A campaign whose jobs were submitted in one batch for each list.
    pub fn new(batches: &[&[&str]]) -> Self {
        let project = EmulatedProject::start(Settings::default()).unwrap();
        for (name, authenticator) in [("alice", AUTHENTICATOR), ("bob", OTHER)] {
            project.add_user(User {
                name: name.to_owned(),
                authenticator: authenticator.to_owned(),
                submit: Permission::All,
            });
        }
        let client = client(project.url(), AUTHENTICATOR);
        let dir = tempfile::tempdir().unwrap();
        let campaign = Campaign::open_for_run(&dir.path().join("results")).unwrap();
        let mut sea = Self { dir, project, client, campaign };
        sea.campaign.set_meta(&sea.facts()).unwrap();
        for (at, jobs) in batches.iter().enumerate() {
            sea.submit(&format!("{PREFIX}part.{at}"), jobs);
        }
        sea.campaign.release();
        sea.project.requests().clear();
        sea.project.clock().advance(100.0);
        sea
    }

    fn facts(&self) -> CampaignMeta {
        CampaignMeta {
            project: Some(ProjectRef {
                name: "sea".to_owned(),
                url: self.project.url().to_owned(),
                boinc_app: "universal".to_owned(),
            }),
            app: "vina".to_owned(),
            bundle: "0123456789ab".to_owned(),
            batch: "ligands".to_owned(),
            outputs: vec![OutputMeta { name: "poses.pdbqt".to_owned(), max_bytes: 1000, optional: false }],
            bounds: Bounds { memory_bytes: 1, disk_bytes: 1, deadline_seconds: 1 },
            started: self.project.clock().now(),
            ..CampaignMeta::default()
        }
    }

    /// Submits a round of jobs, in a batch of this name.
    fn submit(&mut self, batch: &str, jobs: &[&str]) {
        let new: Vec<NewWorkunit> = jobs.iter().map(|job| new(job)).collect();
        let round = Round {
            digest: batch.to_owned(),
            input_template: INPUT.to_owned(),
            output_template: OUTPUT.to_owned(),
            rsc_fpops_est: 1e12,
            inputs: FileNames::default(),
            changed: String::new(),
        };
        let round = self.campaign.add_round(&round, &new).unwrap();
        let mut row = self.campaign.add_batch(round, 1, batch).unwrap();
        let id = self.client.create_batch("universal", batch).unwrap();
        submit_jobs(&self.client, id, &new);
        let present: Vec<(&str, Option<i64>)> = new.iter().map(|new| (new.name.as_str(), None)).collect();
        self.campaign.note_present(row.id, &present).unwrap();
        row.server_id = Some(id.0 as i64);
        row.stage = Stage::Submitted;
        self.campaign.save_batch(&row).unwrap();
    }

    /// Another user has made a batch of this name, with a job in it, before us.
    pub fn batch_of_bob(project: &EmulatedProject, name: &str) {
        let bob = client(project.url(), OTHER);
        let id = bob.create_batch("universal", name).unwrap();
        submit_jobs(&bob, id, &[NewWorkunit { name: "bobs_job".to_owned(), ..new("bob") }]);
    }

    /// The same project, with jobs submitted in a batch of this name.
    pub fn adopt(mut self, batch: &str, jobs: &[&str]) -> Self {
        self.submit(batch, jobs);
        self.project.requests().clear();
        self.project.clock().advance(100.0);
        self
    }

    /// A client with another authenticator.
    pub fn client_with(&self, authenticator: &str) -> ProjectClient {
        client(self.project.url(), authenticator)
    }

    pub fn now(&self) -> f64 {
        self.project.clock().now()
    }

    #[track_caller]
    pub fn poll(&mut self, eagerness: Eagerness) -> Polled {
        poll(&mut self.campaign, &self.client, self.project.clock().now(), eagerness).unwrap()
    }

    pub fn counts(&self) -> Counts {
        self.campaign.counts().unwrap()
    }

    /// The last attempt at a job.
    pub fn job(&self, job: &str) -> WorkunitRow {
        self.campaign.attempts(job).unwrap().pop().unwrap()
    }

    pub fn state(&self, job: &str) -> JobState {
        self.job(job).state
    }

    /// A volunteer does a job.
    pub fn finish(&self, job: &str, stderr: &str) {
        let report =
            Report { stderr: stderr.to_owned(), cpu_seconds: 12.5, ..Report::with_outputs(["poses"]) };
        self.project.finish_job(&wu(job), report).unwrap();
    }

    /// Volunteers try a job until the server gives it up; `wu` is the workunit's name.
    pub fn fail(&self, wu: &str, exit_status: i32, stderr: &str) {
        while self.project.workunit(wu).unwrap().error_mask == 0 {
            self.project.send_out(wu).unwrap();
            self.project.fail_instance(wu, exit_status, stderr).unwrap();
        }
    }

    /// So many requests of this name were sent.
    pub fn asked(&self, verb: &str) -> usize {
        self.project.requests().count(verb)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Alice logs in to the project.
    pub fn log_in(&self) {
        let dir = self.path("config");
        let mut projects = Projects::open_in(dir, None).unwrap();
        let entry = ProjectEntry {
            name: "sea".to_owned(),
            url: self.project.url().to_owned(),
            app_name: "universal".to_owned(),
            allow_http: false,
            ca_file: None,
        };
        projects.add(&entry, &Authenticator::parse(AUTHENTICATOR).unwrap(), true).unwrap();
    }

    /// `buoy` with these arguments, in the campaign's directory.
    pub fn buoy(&self, arguments: &[&str]) -> Ran {
        Ran::new(&self.command(arguments).output().unwrap())
    }

    /// The same, not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_buoy"));
        command
            .args(arguments)
            .current_dir(self.dir.path())
            .env("BUOY_CONFIG_DIR", self.path("config"))
            .env("BUOY_STATE_DIR", self.path("state"))
            .env_remove("BUOY_AUTHENTICATOR")
            .stdin(Stdio::null());
        command
    }
}

/// The name of a job's first workunit.
pub fn wu(job: &str) -> String {
    format!("{PREFIX}{job}")
}

fn new(job: &str) -> NewWorkunit {
    NewWorkunit {
        job: job.to_owned(),
        name: wu(job),
        command_line: "--x 1".to_owned(),
        inputs: FileNames::default(),
        parameters: [].into(),
    }
}

fn client(url: &str, authenticator: &str) -> ProjectClient {
    let url = ProjectUrl::parse(url, PlainHttp::Refuse).unwrap();
    let authenticator = Authenticator::parse(authenticator).unwrap();
    ProjectClient::new(url, authenticator, ClientOptions::default()).unwrap()
}

fn submit_jobs(client: &ProjectClient, id: submit_cli::project::protocol::id::BatchId, new: &[NewWorkunit]) {
    let jobs = new.iter().map(|new| SubmittedJob {
        name: &new.name,
        command_line: &new.command_line,
        input_files: Vec::new(),
    });
    let submission = Submission {
        app_name: "universal",
        input_template: INPUT,
        output_template: OUTPUT,
        jobs: jobs.collect(),
        priority: None,
        rsc_fpops_est: 1e12,
    };
    client.submit_batch(id, &submission).unwrap();
}

/// What a command said.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    fn new(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout.clone()).unwrap(),
            stderr: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    /// stdout of a command that ended so.
    #[track_caller]
    pub fn with(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    /// stderr of a command that ended so.
    #[track_caller]
    pub fn said(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        self.stderr
    }
}

/// What happens while a watch waits.
pub type Step<'a> = Box<dyn FnOnce() + Send + 'a>;

/// The project's clock; a wait does the next thing on a list, and is interrupted when nothing is left.
pub struct Script<'a> {
    clock: emulated_project::Clock,
    steps: Mutex<VecDeque<Step<'a>>>,
    waits: Mutex<Vec<Duration>>,
}

impl<'a> Script<'a> {
    pub fn new(project: &EmulatedProject, steps: Vec<Step<'a>>) -> Self {
        Self { clock: project.clock(), steps: Mutex::new(steps.into()), waits: Mutex::default() }
    }

    /// How long each wait was to be, seconds.
    pub fn waits(&self) -> Vec<f64> {
        self.waits.lock().unwrap().iter().map(Duration::as_secs_f64).collect()
    }
}

impl Clock for Script<'_> {
    fn now(&self) -> f64 {
        self.clock.now()
    }

    fn pause(&self, wait: Duration) -> bool {
        self.waits.lock().unwrap().push(wait);
        let step = self.steps.lock().unwrap().pop_front();
        step.map(|step| step()).is_some()
    }

    fn interrupted(&self) -> bool {
        false
    }
}
