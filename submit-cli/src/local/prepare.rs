//! From a plan to what the emulated client works with: physical names, the app version, the campaign's rows.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use boinc::atomic_file::write_atomically;
use sha2::{Digest, Sha256};
use validators::route::{AssimilateRoute, Layout as CollectLayout};
use validators::submitter_rules::SubmitterRules;
use wrapper::engine::Flavor;

use super::files::{self, Placed};
use super::layout::Layout;
use super::programs::{Programs, WRAPPER};
use super::slot::{InputRef, OutputRef};
use crate::campaign::file_error::FileError;
use crate::campaign::meta;
use crate::campaign::workunit::ErrorMask;
use crate::campaign::{Campaign, CampaignError, JobRecord};
use crate::plan::app::{Mode, Replication};
use crate::plan::content::Content;
use crate::plan::{InputFile, Job, Plan};

/// The name under which the wrapper looks for the project's policy.
const POLICY_FILE: &str = "policy.toml";

/// A campaign can't go on with this plan.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The results directory belongs to something else.
    #[error(
        "{}: this directory holds results of {what} {found}, and the plan has {what} {wanted}; name another directory with --out",
        .results.display()
    )]
    OtherCampaign {
        /// The results directory.
        results: PathBuf,
        /// `app`, `bundle` or `batch`.
        what: &'static str,
        /// In the campaign file.
        found: String,
        /// In the plan.
        wanted: String,
    },
    /// Jobs of the same name have other arguments or inputs than before.
    #[error(
        "{}: {count} jobs have other arguments or inputs than when they were run here, {name} the first; give them other names, or name another directory with --out",
        .results.display()
    )]
    ChangedJobs {
        /// The results directory.
        results: PathBuf,
        /// The first one.
        name: String,
        /// How many.
        count: usize,
    },
    /// Something is in the place of a job's results already.
    #[error(
        "{}: is there already, and not from this campaign; move it away, or name another directory with --out",
        .path.display()
    )]
    Taken {
        /// The job's directory of results.
        path: PathBuf,
    },
    /// The job's directory of results would be one of ours.
    #[error("job {name}: this name is taken in a directory of results; give the job another")]
    ReservedName {
        /// The job.
        name: String,
    },
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The campaign file failed.
    #[error(transparent)]
    Campaign(#[from] CampaignError),
}

/// A file to put into the project directory.
#[derive(Clone, Debug)]
struct Source {
    content: Content,
    physical_name: String,
    executable: bool,
}

/// A plan made ready for the emulated client.
#[derive(Debug)]
pub struct Prepared {
    /// Physical name of the main program.
    pub program: String,
    /// The app version's files.
    pub app_files: Vec<InputRef>,
    /// How many results a workunit gets.
    pub replication: Replication,
    bundle: Vec<InputRef>,
    by_wu_name: HashMap<String, usize>,
}

impl Prepared {
    /// Puts what all jobs share in its place and gives each a physical name. Reports each file that had to be copied
    /// although it is large.
    pub fn new(
        plan: &Plan,
        replication: Replication,
        programs: &Programs,
        policy: Option<&Path>,
        layout: &Layout,
        mut copied: impl FnMut(&Path, u64),
    ) -> Result<Self, PrepareError> {
        let mut put = |content: &Content, executable: bool| -> Result<String, FileError> {
            let source = Source {
                physical_name: files::physical_name(content, executable)?,
                content: content.clone(),
                executable,
            };
            place(&source, layout, &mut copied)?;
            Ok(source.physical_name)
        };
        let link = |open_name: &str, physical_name: String| InputRef {
            open_name: open_name.to_owned(),
            physical_name,
            mode: Mode::Link,
        };
        let program = put(&Content::Path(programs.path(WRAPPER)), true)?;
        let mut app_files = vec![link(&program, program.clone())];
        if let Some(policy) = policy {
            app_files.push(link(POLICY_FILE, put(&Content::Path(policy.to_owned()), false)?));
        }
        let mut bundle = Vec::new();
        for file in &plan.bundle.files {
            bundle.push(input_ref(&file.file, put(&file.content, file.file.executable)?));
        }
        for shared in &plan.shared {
            bundle.push(input_ref(&shared.file, put(&shared.content, shared.file.executable)?));
        }
        let by_wu_name =
            plan.jobs.iter().enumerate().map(|(index, job)| (job.wu_name.clone(), index)).collect();
        Ok(Self { program, app_files, replication, bundle, by_wu_name })
    }

    /// The inputs of a job, put into the project directory.
    pub fn inputs(
        &self,
        plan: &Plan,
        job: &Job,
        layout: &Layout,
        copied: &mut dyn FnMut(&Path, u64),
    ) -> Result<Vec<InputRef>, FileError> {
        let mut refs = self.bundle.clone();
        for (file, content) in plan.job_inputs.iter().zip(&job.inputs) {
            let source = Source {
                physical_name: files::physical_name(content, file.executable)?,
                content: content.clone(),
                executable: file.executable,
            };
            place(&source, layout, copied)?;
            refs.push(input_ref(file, source.physical_name));
        }
        Ok(refs)
    }

    /// The plan's job for a row of the campaign; none for a row that an earlier plan left.
    pub fn job<'a>(&self, plan: &'a Plan, record: &JobRecord) -> Option<&'a Job> {
        self.by_wu_name.get(&record.wu_name).map(|&index| &plan.jobs[index])
    }

    /// Brings the campaign's rows in line with the plan: new jobs are added, jobs that are no longer in it are not run
    /// any more, changed ones are refused.
    pub fn rows(
        &self,
        plan: &Plan,
        campaign: &mut Campaign,
        results: &Path,
        host: &str,
    ) -> Result<Vec<JobRecord>, PrepareError> {
        check_identity(plan, campaign, results)?;
        let mut rows = campaign.jobs()?;
        let known: HashMap<String, usize> =
            rows.iter().enumerate().map(|(at, row)| (row.name.clone(), at)).collect();
        rows.iter_mut().for_each(|row| row.in_plan = false);
        let mut changed: Vec<&str> = Vec::new();
        let there = names_in(results)?;
        for job in &plan.jobs {
            if matches!(job.name.as_str(), crate::campaign::results::TABLE_FILE | crate::campaign::STATE_DIR)
            {
                return Err(PrepareError::ReservedName { name: job.name.clone() });
            }
            let fingerprint = self.fingerprint(job)?;
            match known.get(&job.name) {
                Some(&at) if rows[at].fingerprint == fingerprint => {
                    rows[at].in_plan = true;
                    if !rows[at].assimilated && rows[at].canonical.is_none() {
                        rows[at].target_nresults = rows[at].target_nresults.max(self.replication.total);
                    }
                }
                Some(_) => changed.push(&job.name),
                // Results of a name are put in one place: whatever lies there would be replaced.
                None if there.contains(OsStr::new(&job.name)) => {
                    return Err(PrepareError::Taken { path: results.join(&job.name) });
                }
                None => rows.push(JobRecord {
                    id: rows.len() as i64 + 1,
                    name: job.name.clone(),
                    wu_name: job.wu_name.clone(),
                    fingerprint,
                    in_plan: true,
                    first_n: 0,
                    target_nresults: self.replication.total,
                    errors: ErrorMask::default(),
                    canonical: None,
                    assimilated: false,
                    cause: None,
                    results: Vec::new(),
                }),
            }
        }
        if let Some(name) = changed.first() {
            return Err(PrepareError::ChangedJobs {
                results: results.to_owned(),
                name: (*name).to_owned(),
                count: changed.len(),
            });
        }
        let outputs: Vec<&str> = plan.app.outputs.iter().map(|output| output.name.as_str()).collect();
        let outputs = serde_json::to_string(&outputs).expect("names are text");
        campaign.set_meta(&[
            (meta::APP, &plan.app.name),
            (meta::BUNDLE, plan.bundle.short_hash()),
            (meta::BATCH, &plan.batch),
            (meta::OUTPUTS, &outputs),
            (meta::HOST, host),
        ])?;
        campaign.save(&rows)?;
        Ok(rows)
    }

    /// Gives the emulated server the bundle's rule file, as an upload would, and tells the shims that it counts.
    pub fn write_routes(&self, plan: &Plan, layout: &Layout, engine: Flavor) -> Result<(), PrepareError> {
        let rule = &plan.bundle.rule;
        let path = layout.download(&rule.physical_name);
        let parent = path.parent().unwrap_or(&path);
        std::fs::create_dir_all(parent).map_err(FileError::at(parent, "make the directory"))?;
        let Content::Bytes(bytes) = &rule.content else { unreachable!("a rule file is made in memory") };
        write_atomically(&path, bytes).map_err(FileError::at(&path, "write it"))?;
        let submitter_rules = SubmitterRules {
            images: plan.app.script.iter().map(|script| script.image.clone()).collect(),
            engine: Some(engine),
            assimilate: AssimilateRoute {
                layout: CollectLayout::Job,
                directory: layout.results().to_owned(),
                rule: plan.app.assimilate.rule,
                ..AssimilateRoute::default()
            },
            ..SubmitterRules::of(&plan.app.name)
        };
        #[derive(serde::Serialize)]
        struct RoutesFile {
            submitter_rules: SubmitterRules,
        }
        let text = toml::to_string(&RoutesFile { submitter_rules }).expect("texts and numbers become TOML");
        let routes = layout.routes();
        write_atomically(&routes, format!("# buoy run: the bundle brings its rule.\n{text}").as_bytes())
            .map_err(FileError::at(&routes, "write it"))?;
        Ok(())
    }

    /// Tells two meanings of a job's name apart.
    fn fingerprint(&self, job: &Job) -> Result<String, FileError> {
        let mut hash = Sha256::new();
        hash.update(&job.command_line);
        for file in &self.bundle {
            hash.update(format!("\0{}\0{}", file.open_name, file.physical_name));
        }
        for content in &job.inputs {
            hash.update(format!("\0{}", files::physical_name(content, false)?));
        }
        Ok(hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect())
    }
}

/// The outputs of a result. A server puts a random number into their names; here it is derived, so that a result has
/// the same names after a restart.
pub fn outputs(plan: &Plan, wu_name: &str, n: u32) -> Vec<OutputRef> {
    let digest = Sha256::digest(format!("{wu_name}_{n}"));
    let random = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) >> 1;
    plan.app
        .outputs
        .iter()
        .enumerate()
        .map(|(i, output)| OutputRef {
            open_name: output.name.clone(),
            physical_name: format!("{wu_name}_{n}_r{random}_{i}"),
            max_bytes: output.max_bytes,
            optional: output.optional,
        })
        .collect()
}

fn input_ref(file: &InputFile, physical_name: String) -> InputRef {
    InputRef { open_name: file.open_name.clone(), physical_name, mode: file.mode }
}

fn place(source: &Source, layout: &Layout, copied: &mut dyn FnMut(&Path, u64)) -> Result<(), FileError> {
    let placed =
        files::place(&source.content, &layout.project_dir(), &source.physical_name, source.executable)?;
    match (placed, &source.content) {
        (Placed::Copied(bytes), Content::Path(path)) if bytes > files::SMALL_BYTES => copied(path, bytes),
        _ => {}
    }
    Ok(())
}

/// Names of all that is in a directory.
fn names_in(dir: &Path) -> Result<HashSet<OsString>, FileError> {
    let failed = || FileError::at(dir, "read it");
    let entries = std::fs::read_dir(dir).map_err(failed())?;
    entries.map(|entry| entry.map(|entry| entry.file_name()).map_err(failed())).collect()
}

fn check_identity(plan: &Plan, campaign: &Campaign, results: &Path) -> Result<(), PrepareError> {
    let facts = [
        (meta::APP, "app", plan.app.name.as_str()),
        (meta::BUNDLE, "bundle", plan.bundle.short_hash()),
        (meta::BATCH, "batch", plan.batch.as_str()),
    ];
    for (key, what, wanted) in facts {
        match campaign.meta(key)? {
            Some(found) if found != wanted => {
                return Err(PrepareError::OtherCampaign {
                    results: results.to_owned(),
                    what,
                    found,
                    wanted: wanted.to_owned(),
                });
            }
            _ => {}
        }
    }
    Ok(())
}
