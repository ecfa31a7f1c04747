//! A campaign at an emulated project.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use emulated_project::{EmulatedProject, Permission, Report, Settings, User};
use submit_cli::campaign::Campaign;
use submit_cli::campaign::bounds::Bounds;
use submit_cli::campaign::event::{Event, Reporter, Started};
use submit_cli::campaign::meta::{CampaignMeta, OutputMeta, ProjectRef};
use submit_cli::campaign::submitted::{FileNames, NewWorkunit, Round, Stage};
use submit_cli::clock::Clock;
use submit_cli::project::address::{PlainHttp, ProjectUrl};
use submit_cli::project::authenticator::Authenticator;
use submit_cli::project::client::ProjectClient;
use submit_cli::project::options::ClientOptions;
use submit_cli::project::protocol::id::BatchId;
use submit_cli::project::protocol::submission::{Submission, SubmittedJob};
use submit_cli::project::retry;
use submit_cli::remote::fetch::{FetchError, Options, Outcome, fetch};

pub const AUTHENTICATOR: &str = "0123456789abcdef0123456789abcdef";
pub const NOW: f64 = 1_795_557_600.0;

/// What the output template says of outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outputs {
    Kept,
    DeletedWhenAssimilated,
}

/// A project with one batch of jobs, and the campaign that submitted it.
pub struct Bench {
    pub project: EmulatedProject,
    pub client: ProjectClient,
    pub campaign: Campaign,
    pub facts: CampaignMeta,
    dir: tempfile::TempDir,
}

/// The workunit of a job.
pub fn workunit(job: &str) -> String {
    format!("dock-1f2e__screen__{job}")
}

fn output_template(outputs: &[OutputMeta], kept: Outputs) -> String {
    let keep = if kept == Outputs::Kept { "<no_delete/>" } else { "" };
    let mut text = "<output_template>\n".to_owned();
    for (at, output) in outputs.iter().enumerate() {
        text.push_str(&format!(
            "<file_info>\n<name><OUTFILE_{at}/></name>\n<generated_locally/>\n<upload_when_present/>\n{keep}\n\
             <max_nbytes>{}</max_nbytes>\n<url><UPLOAD_URL/></url>\n</file_info>\n",
            output.max_bytes
        ));
    }
    text.push_str("<result>\n");
    for (at, output) in outputs.iter().enumerate() {
        let optional = if output.optional { "<optional>1</optional>" } else { "" };
        text.push_str(&format!(
            "<file_ref>\n<file_name><OUTFILE_{at}/></file_name>\n<open_name>{}</open_name>\n{optional}\n</file_ref>\n",
            output.name
        ));
    }
    text.push_str("</result>\n</output_template>\n");
    text
}

const INPUT_TEMPLATE: &str = "<input_template>\n<workunit>\n<rsc_fpops_est>1e12</rsc_fpops_est>\n<min_quorum>1</min_quorum>\n\
     <target_nresults>1</target_nresults>\n</workunit>\n</input_template>\n";

impl Bench {
    /// Jobs of these names; each writes `poses.txt`, and may write `log.txt`.
    pub fn new(jobs: &[&str]) -> Self {
        Self::with(jobs, Outputs::Kept, 10_000_000)
    }

    pub fn with(jobs: &[&str], kept: Outputs, max_bytes: u64) -> Self {
        let project = EmulatedProject::start(Settings::default()).unwrap();
        project.add_user(User {
            name: "alice".to_owned(),
            authenticator: AUTHENTICATOR.to_owned(),
            submit: Permission::All,
        });
        let url = ProjectUrl::parse(project.url(), PlainHttp::Refuse).unwrap();
        let client =
            ProjectClient::new(url, Authenticator::parse(AUTHENTICATOR).unwrap(), ClientOptions::default())
                .unwrap();
        let dir = tempfile::tempdir().unwrap();
        let mut campaign = Campaign::open_for_run(&dir.path().join("results")).unwrap();
        let output = |name: &str, optional| OutputMeta { name: name.to_owned(), max_bytes, optional };
        let facts = CampaignMeta {
            project: Some(ProjectRef {
                name: "harbour".to_owned(),
                url: project.url().to_owned(),
                boinc_app: "universal".to_owned(),
            }),
            app: "dock".to_owned(),
            bundle: "1f2e".to_owned(),
            batch: "screen".to_owned(),
            outputs: vec![output("poses.txt", false), output("log.txt", true)],
            bounds: Bounds { memory_bytes: 1 << 30, disk_bytes: 1 << 30, deadline_seconds: 86_400 },
            started: NOW,
            ..CampaignMeta::default()
        };
        campaign.set_meta(&facts).unwrap();
        let mut bench = Self { project, client, campaign, facts, dir };
        bench.submit("r0", jobs, kept);
        bench
    }

    /// Submits jobs, or tries them again, as a round and a batch of their own.
    pub fn submit(&mut self, round: &str, jobs: &[&str], kept: Outputs) {
        let output_template = output_template(&self.facts.outputs, kept);
        let suffix = if round == "r0" { String::new() } else { format!("-{round}") };
        let workunits: Vec<NewWorkunit> = jobs
            .iter()
            .map(|job| NewWorkunit {
                job: (*job).to_owned(),
                name: workunit(job) + &suffix,
                command_line: "--seed 1".to_owned(),
                inputs: FileNames::default(),
                parameters: [].into(),
            })
            .collect();
        let id = self.campaign.add_round(&round_of(round, &output_template), &workunits).unwrap();
        let mut batch = self.campaign.add_batch(id, 1, &format!("screen-{round}")).unwrap();
        let server = self.client.create_batch("universal", &batch.name).unwrap();
        let submission = Submission {
            app_name: "universal",
            input_template: INPUT_TEMPLATE,
            output_template: &output_template,
            jobs: workunits
                .iter()
                .map(|workunit| SubmittedJob {
                    name: &workunit.name,
                    command_line: &workunit.command_line,
                    input_files: Vec::new(),
                })
                .collect(),
            priority: None,
            rsc_fpops_est: 1e12,
        };
        self.client.submit_batch(server, &submission).unwrap();
        batch.server_id = Some(server.0 as i64);
        batch.stage = Stage::Submitted;
        self.campaign.save_batch(&batch).unwrap();
        let ids: Vec<i64> = self.campaign.unassigned(id).unwrap().iter().map(|row| row.id).collect();
        self.campaign.assign(&ids, Some(batch.id)).unwrap();
        let names: Vec<(&str, Option<i64>)> =
            workunits.iter().map(|workunit| (workunit.name.as_str(), None)).collect();
        self.campaign.note_present(batch.id, &names).unwrap();
        self.project.requests().clear();
    }

    /// The batch's number on the server.
    pub fn batch(&self) -> BatchId {
        BatchId(self.campaign.batches().unwrap()[0].server_id.unwrap() as u64)
    }

    /// A volunteer finishes jobs; each writes what [`poses`] says.
    pub fn finish(&self, jobs: &[&str]) {
        for job in jobs {
            let report = Report {
                outputs: vec![Some(poses(job)), Some(format!("log of {job}").into_bytes())],
                stderr: "docked <well>\n".to_owned(),
                cpu_seconds: 61.5,
                elapsed_seconds: 63.25,
                ..Report::default()
            };
            self.project.finish_job(&workunit(job), report).unwrap();
        }
    }

    pub fn results(&self) -> PathBuf {
        self.dir.path().join("results")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn options(&self) -> Options {
        Options {
            results: self.results(),
            to: None,
            jobs: Vec::new(),
            parallel: 4,
            retry: boinc::backoff::Backoff { tries: 4, ..retry::QUERIES },
        }
    }

    pub fn fetch(&mut self) -> Result<Outcome, FetchError> {
        self.fetch_with(&self.options(), &mut Told::default())
    }

    pub fn fetch_with(&mut self, options: &Options, told: &mut Told) -> Result<Outcome, FetchError> {
        let clock = Arc::clone(&told.clock);
        let recorder = Recorder(Mutex::new(told));
        fetch(&mut self.campaign, &self.facts, &self.client, options, &recorder, clock.as_ref())
    }

    /// Everything below the directory of results but the campaign's own files: path and content.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        files(&self.results())
    }

    /// What is still on its way.
    pub fn parts(&self) -> usize {
        std::fs::read_dir(self.results().join(".buoy/incoming")).map_or(0, Iterator::count)
    }

    /// Jobs noted as fetched.
    pub fn noted(&self) -> Vec<String> {
        let rows = self.campaign.current().unwrap();
        rows.into_iter().filter(|row| row.fetched).map(|row| row.new.job).collect()
    }
}

fn round_of(digest: &str, output_template: &str) -> Round {
    Round {
        digest: digest.to_owned(),
        input_template: INPUT_TEMPLATE.to_owned(),
        output_template: output_template.to_owned(),
        rsc_fpops_est: 1e12,
        inputs: FileNames::default(),
        changed: String::new(),
    }
}

/// Files below a directory of results.
pub fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for job in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        if !job.file_type().unwrap().is_dir() || job.file_name() == ".buoy" {
            continue;
        }
        for file in std::fs::read_dir(job.path()).unwrap().map(Result::unwrap) {
            let name = format!("{}/{}", job.file_name().display(), file.file_name().display());
            found.insert(name, std::fs::read(file.path()).unwrap());
        }
    }
    found
}

/// What a job writes: no two jobs the same, and too much for one packet.
pub fn poses(job: &str) -> Vec<u8> {
    let mut state =
        job.bytes().fold(1_u64, |state, byte| state.wrapping_mul(31).wrapping_add(u64::from(byte)));
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    })
    .take(100_000)
    .collect()
}

/// The outputs of these jobs, as [`Bench::finish`] wrote them.
pub fn expected(jobs: &[&str]) -> BTreeMap<String, Vec<u8>> {
    jobs.iter()
        .flat_map(|job| {
            [
                (format!("{job}/poses.txt"), poses(job)),
                (format!("{job}/log.txt"), format!("log of {job}").into_bytes()),
            ]
        })
        .collect()
}

/// The outputs among files: without logs of volunteers' clients.
pub fn outputs(files: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    files.into_iter().filter(|(name, _)| !name.ends_with("/stderr.txt")).collect()
}

/// A clock that stands still: nobody waits, and a test can ask to stop.
#[derive(Debug, Default)]
pub struct StillClock(AtomicBool);

impl StillClock {
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Clock for StillClock {
    fn now(&self) -> f64 {
        NOW
    }

    fn pause(&self, _wait: Duration) -> bool {
        !self.interrupted()
    }

    fn interrupted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Notes what is reported, and can ask to stop.
#[derive(Debug, Default)]
pub struct Told {
    pub clock: Arc<StillClock>,
    /// Ask to stop once so many jobs are fetched.
    pub stop_after: Option<usize>,
    /// Ask to stop before the first job.
    pub stop_at_once: bool,
    pub fetched: Vec<String>,
    pub missing: Vec<(String, String)>,
    pub helps: Vec<String>,
    pub remaining: Vec<(String, String)>,
    pub notes: Vec<String>,
}

/// Lends it to the threads that report.
struct Recorder<'a>(Mutex<&'a mut Told>);

impl Reporter for Recorder<'_> {
    fn report(&self, event: Event<'_>) {
        let mut told = self.0.lock().unwrap();
        match event {
            Event::Fetched { job, .. } => {
                told.fetched.push(job.to_owned());
                if told.stop_after == Some(told.fetched.len()) {
                    told.clock.stop();
                }
            }
            Event::Missing { job, cause, help, .. } => {
                told.missing.push((job.to_owned(), cause.to_owned()));
                told.helps.extend(help.map(str::to_owned));
            }
            Event::Remaining { job, cause, .. } => told.remaining.push((job.to_owned(), cause.to_owned())),
            Event::Note { text } => told.notes.push(text.to_owned()),
            Event::Started(Started::Fetch { .. }) if told.stop_at_once => told.clock.stop(),
            _ => {}
        }
    }
}
