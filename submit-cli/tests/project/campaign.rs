//! A science app in a temporary directory, and an emulated project that it is submitted to.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use emulated_project::{BatchState, EmulatedProject, Permission, Settings, User};
use submit_cli::campaign::Campaign;
use submit_cli::campaign::event::Silent;
use submit_cli::campaign::job_view::Counts;
use submit_cli::clock::Clock;
use submit_cli::package::template::Templates;
use submit_cli::plan::Plan;
use submit_cli::plan::load::load;
use submit_cli::plan::sources::Sources;
use submit_cli::project::authenticator::Authenticator;
use submit_cli::project::client::ProjectClient;
use submit_cli::project::config::{ProjectEntry, Projects};
use submit_cli::remote::submission::submission_plan::SubmissionPlan;
use submit_cli::remote::submission::{self, Options, SubmitError};

/// The submitter's account.
pub const AUTHENTICATOR: &str = "0123456789abcdef0123456789abcdef";

/// A clock whose pauses take no time, and that can be stopped.
#[derive(Default)]
pub struct QuickClock {
    pub stopped: AtomicBool,
}

impl Clock for QuickClock {
    fn now(&self) -> f64 {
        1_700_000_000.0
    }

    fn pause(&self, _: Duration) -> bool {
        std::thread::yield_now();
        !self.interrupted()
    }

    fn interrupted(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// A campaign of jobs `j0`, `j1`, …, each with an input of its own and one that all share.
pub struct Bench {
    dir: tempfile::TempDir,
    pub project: EmulatedProject,
    pub entry: ProjectEntry,
    pub client: ProjectClient,
    pub clock: QuickClock,
    pub options: Options,
    /// Name of the directory of results, below the bench's.
    pub results: &'static str,
}

/// What a workunit on the server was made of.
type Made = (String, Vec<String>);

impl Bench {
    pub fn new(jobs: usize) -> Self {
        Self::with(jobs, Settings::default())
    }

    pub fn with(jobs: usize, settings: Settings) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let project = EmulatedProject::start(settings).unwrap();
        project.add_user(User {
            name: "alice".to_owned(),
            authenticator: AUTHENTICATOR.to_owned(),
            submit: Permission::All,
        });
        let entry = ProjectEntry {
            name: "emulated".to_owned(),
            url: project.url().to_owned(),
            app_name: "universal".to_owned(),
            allow_http: false,
            ca_file: None,
        };
        let client = entry.client(Authenticator::parse(AUTHENTICATOR).unwrap()).unwrap();
        let mut options = Options::in_directory(dir.path());
        options.staging = dir.path().join("sending");
        let bench =
            Self { dir, project, entry, client, clock: QuickClock::default(), options, results: "results" };
        bench.write("app.toml", APP);
        bench.write("Dockerfile", "FROM debian:bookworm-slim\nCOPY dock.sh /usr/local/bin/\n");
        bench.write("dock.sh", "#!/bin/sh\n");
        bench.write("receptor.pdbqt", "receptor\n");
        bench.jobs(jobs);
        bench
    }

    /// Writes the table and the inputs of so many jobs. Every third job has the input of the one before.
    pub fn jobs(&self, jobs: usize) {
        let mut table = "job,ligand,seed\n".to_owned();
        for n in 0..jobs {
            let input = if n % 3 == 2 { n - 1 } else { n };
            self.write(&format!("l{input}.pdbqt"), &format!("ligand {input}\n"));
            table.push_str(&format!("j{n},l{input}.pdbqt,{n}\n"));
        }
        self.write("jobs.csv", &table);
    }

    /// Logs in to the emulated project.
    pub fn log_in(&self) {
        let mut projects = Projects::open_in(self.path("config"), None).unwrap();
        projects.add(&self.entry, &Authenticator::parse(AUTHENTICATOR).unwrap(), true).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub fn plan(&self) -> Plan {
        let sources = Sources { app: self.path(""), jobs: vec![self.path("jobs.csv")], ..Sources::default() };
        load(&sources).unwrap_or_else(|mistakes| panic!("{}", mistakes[0]))
    }

    pub fn campaign(&self) -> Campaign {
        Campaign::open_for_run(&self.path(self.results)).unwrap()
    }

    /// What `buoy submit` does, from opening the campaign file to the last job.
    pub fn submit(&self) -> Result<Counts, SubmitError> {
        self.submit_plan(&self.plan())
    }

    pub fn submit_plan(&self, plan: &Plan) -> Result<Counts, SubmitError> {
        let submission_plan = SubmissionPlan::new(plan, &self.entry, &Templates::default(), 1.0)?;
        let results = self.path(self.results);
        let mut campaign = Campaign::open_for_run(&results)?;
        submission::prepare(&mut campaign, &submission_plan, &results)?;
        submission::resume(&mut campaign, &self.client, &self.clock, &Silent, &self.options)
    }

    /// Asserts that the server has each job of the plan once, as it was meant, in a batch that runs, with all its files
    /// there and tied; and that the campaign file knows.
    #[track_caller]
    pub fn assert_all_there_once(&self) {
        let plan = self.plan();
        let submission_plan = SubmissionPlan::new(&plan, &self.entry, &Templates::default(), 1.0).unwrap();
        let wanted: BTreeMap<&str, Made> = submission_plan
            .workunits
            .iter()
            .map(|new| {
                let inputs = submission_plan.round.inputs.0.iter().chain(&new.inputs.0);
                (new.name.as_str(), (new.command_line.clone(), inputs.cloned().collect()))
            })
            .collect();
        let workunits = self.project.workunits();
        assert_eq!(workunits.len(), wanted.len(), "jobs on the server");
        let batches = self.project.batches();
        for workunit in &workunits {
            let inputs: Vec<String> =
                workunit.inputs.iter().map(|input| input.physical_name.clone()).collect();
            assert!(workunit.inputs.iter().all(|input| input.no_delete), "inputs stay for other jobs");
            let made = (workunit.command_line.clone(), inputs);
            assert_eq!(wanted.get(workunit.name.as_str()), Some(&made), "{}", workunit.name);
            let batch = batches.iter().find(|batch| batch.id == workunit.batch).unwrap();
            assert_eq!(batch.state, BatchState::InProgress, "{}", batch.name);
        }
        for file in &submission_plan.files {
            assert!(self.project.file(&file.name).is_some(), "{} is there", file.name);
            assert!(!self.project.batches_of_file(&file.name).is_empty(), "{} is tied", file.name);
        }
        let counts = self.campaign().counts().unwrap();
        assert_eq!((counts.waiting, counts.unsent), (0, wanted.len()), "the campaign file");
        let stages = self.campaign().batches().unwrap();
        assert!(stages.iter().all(|batch| batch.stage.word() == "submitted"), "{stages:?}");
    }
}

const APP: &str = r#"name = "dock"
version = "1.0.0"

[image]
files = ["dock.sh"]

[run]
command = "--ligand ligand.pdbqt --seed {seed}"

[[input]]
name = "receptor.pdbqt"
shared = true
file = "receptor.pdbqt"

[[input]]
name = "ligand.pdbqt"

[[output]]
name = "poses.pdbqt"
max_size = "1 MB"
"#;
