//! Prepares a plan for the emulated client: physical names, the app version, the campaign's rows.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::Path;

use boinc::hex::hex;
use sha2::{Digest, Sha256};
use validators::route::{AssimilateRoute, Layout as CollectLayout};
use validators::submitter_rules::SubmitterRules;
use wrapper::engine::Flavor;

use super::error::LocalError;
use super::files::{self, Installed};
use super::layout::Layout;
use super::programs::{Programs, WRAPPER};
use super::slot::{InputRef, OutputRef};
use crate::campaign::file_error::{FileError, create_dir, write_whole};
use crate::campaign::meta::CampaignMeta;
use crate::campaign::{Campaign, JobRecord};
use crate::plan::app::{Mode, Replication};
use crate::plan::content::Content;
use crate::plan::{InputFile, Job, Plan};

/// The name under which the wrapper looks for the project's policy.
const POLICY_FILE: &str = "policy.toml";

/// A plan that is prepared for the emulated client.
#[derive(Debug)]
pub struct Prepared {
    /// Physical name of the main program.
    pub program: String,
    pub app_files: Vec<InputRef>,
    /// Number of results of a workunit.
    pub replication: Replication,
    /// The files of all jobs.
    common: Vec<InputRef>,
    by_wu_name: HashMap<String, usize>,
}

impl Prepared {
    /// Puts the files of all jobs into the project directory. Reports each large file that had to be copied.
    pub fn new(
        plan: &Plan,
        replication: Replication,
        programs: &Programs,
        policy: Option<&Path>,
        layout: &Layout,
        mut copied: impl FnMut(&Path, u64),
    ) -> Result<Self, LocalError> {
        let mut put = |content: &Content, executable| install(content, executable, layout, &mut copied);
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
        let common = plan.common_files();
        let common = common.map(|(file, content)| Ok(input_ref(file, put(content, file.executable)?)));
        let common: Vec<InputRef> = common.collect::<Result<_, FileError>>()?;
        let by_wu_name =
            plan.jobs.iter().enumerate().map(|(index, job)| (job.wu_name.clone(), index)).collect();
        Ok(Self { program, app_files, replication, common, by_wu_name })
    }

    /// The inputs of a job, put into the project directory.
    pub fn inputs(
        &self,
        plan: &Plan,
        job: &Job,
        layout: &Layout,
        copied: &mut dyn FnMut(&Path, u64),
    ) -> Result<Vec<InputRef>, FileError> {
        let mut refs = self.common.clone();
        for (file, content) in plan.job_inputs.iter().zip(&job.inputs) {
            refs.push(input_ref(file, install(content, file.executable, layout, copied)?));
        }
        Ok(refs)
    }

    /// The plan's job for a row of the campaign; `None` for a row of an earlier plan.
    pub fn job<'a>(&self, plan: &'a Plan, record: &JobRecord) -> Option<&'a Job> {
        self.by_wu_name.get(&record.wu_name).map(|&index| &plan.jobs[index])
    }

    /// Updates the campaign's rows to the plan: adds new jobs, marks jobs that are no longer in it, refuses changed ones.
    pub fn rows(
        &self,
        plan: &Plan,
        campaign: &mut Campaign,
        results: &Path,
        host: &str,
    ) -> Result<Vec<JobRecord>, LocalError> {
        let meta =
            CampaignMeta { host: Some(host.to_owned()), ..CampaignMeta::of(plan, crate::clock::now()) };
        let meta = known_meta(meta, campaign, results)?;
        let mut rows = campaign.jobs()?;
        let known: HashMap<String, usize> =
            rows.iter().enumerate().map(|(at, row)| (row.name.clone(), at)).collect();
        rows.iter_mut().for_each(|row| row.in_plan = false);
        let mut changed: Vec<&str> = Vec::new();
        let existing = names_in(results)?;
        for job in &plan.jobs {
            if matches!(job.name.as_str(), crate::campaign::results::TABLE_FILE | crate::campaign::STATE_DIR)
            {
                return Err(LocalError::Refused(format!(
                    "invalid job {}: the name is reserved in a results directory; rename the job",
                    job.name
                )));
            }
            let fingerprint = self.fingerprint(job)?;
            match known.get(&job.name) {
                Some(&at) if rows[at].fingerprint == fingerprint => {
                    rows[at].in_plan = true;
                    rows[at].parameters = plan.parameters_of(job);
                    if !rows[at].assimilated && rows[at].canonical.is_none() {
                        rows[at].target_nresults = rows[at].target_nresults.max(self.replication.total);
                    }
                }
                Some(_) => changed.push(&job.name),
                // The results of the job would replace what is there.
                None if existing.contains(OsStr::new(&job.name)) => {
                    return Err(LocalError::Refused(format!(
                        "failed to use {}: it exists and is not from this campaign; move it, or name another directory \
                         with --out",
                        results.join(&job.name).display()
                    )));
                }
                None => rows.push(JobRecord {
                    parameters: plan.parameters_of(job),
                    ..JobRecord::new(
                        rows.len() as i64 + 1,
                        &job.name,
                        &job.wu_name,
                        fingerprint,
                        self.replication.total,
                    )
                }),
            }
        }
        if let Some(name) = changed.first() {
            return Err(LocalError::Refused(format!(
                "failed to resume in {}: arguments or inputs of {} jobs have changed since they were run, first of {name}; \
                 rename these jobs, or name another directory with --out",
                results.display(),
                changed.len()
            )));
        }
        // Not before: a plan that is refused leaves no trace.
        campaign.set_meta(&meta)?;
        campaign.save(&rows)?;
        Ok(rows)
    }

    /// Installs the bundle's rule file on the emulated server, as an upload would, and configures the shims to use it.
    pub fn write_routes(&self, plan: &Plan, layout: &Layout, engine: Flavor) -> Result<(), LocalError> {
        let rule = &plan.bundle.rule;
        let path = layout.download(&rule.physical_name);
        create_dir(path.parent().unwrap_or(&path))?;
        let Content::Bytes(bytes) = &rule.content else { unreachable!("a rule file is in memory") };
        write_whole(&path, bytes)?;
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
        let text = format!("# buoy run: the bundle brings its rule.\n{text}");
        Ok(write_whole(&layout.routes(), text.as_bytes())?)
    }

    /// Changes when the arguments or inputs of a job change.
    fn fingerprint(&self, job: &Job) -> Result<String, FileError> {
        let mut hash = Sha256::new();
        hash.update(&job.command_line);
        for file in &self.common {
            hash.update(format!("\0{}\0{}", file.open_name, file.physical_name));
        }
        for content in &job.inputs {
            hash.update(format!("\0{}", files::physical_name(content, false)?));
        }
        Ok(hex(&hash.finalize()[..16]))
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

/// Puts a file into the project directory; its physical name.
fn install(
    content: &Content,
    executable: bool,
    layout: &Layout,
    copied: &mut dyn FnMut(&Path, u64),
) -> Result<String, FileError> {
    let name = files::physical_name(content, executable)?;
    match (files::install(content, &layout.project_dir(), &name, executable)?, content) {
        (Installed::Copied(bytes), Content::Path(path)) if bytes > files::SMALL_BYTES => copied(path, bytes),
        _ => {}
    }
    Ok(name)
}

/// Names of the entries of a directory.
fn names_in(dir: &Path) -> Result<HashSet<OsString>, FileError> {
    let failed = || FileError::at(dir, "read it");
    let entries = std::fs::read_dir(dir).map_err(failed())?;
    entries.map(|entry| entry.map(|entry| entry.file_name()).map_err(failed())).collect()
}

/// What the campaign is, if that is what it was before.
fn known_meta(meta: CampaignMeta, campaign: &Campaign, results: &Path) -> Result<CampaignMeta, LocalError> {
    let mut before = campaign.meta()?;
    if let Some(before) = before.as_mut().filter(|before| before.run_sha256 == meta.run_sha256) {
        // Other rules: what was computed by the same program is judged again.
        before.bundle.clone_from(&meta.bundle);
    }
    if let Some((what, found, wanted)) = before.as_ref().and_then(|before| before.difference(&meta)) {
        return Err(LocalError::Refused(format!(
            "invalid results directory {}: it has results of {what} {found}, the plan has {what} {wanted}; name another \
             directory with --out",
            results.display()
        )));
    }
    Ok(match before {
        Some(before) => CampaignMeta { started: before.started, ..meta }.with_parameters(&before.parameters),
        None => meta,
    })
}
