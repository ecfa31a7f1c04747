//! What a server gets for a plan: templates, files named by content, a line for each job.

pub(crate) mod folder;

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::package::single::{CommonFile, files_hash};
use crate::package::template::{INPUT, OUTPUT, TemplateError, Templates};
use crate::plan::app::{AppSpec, Mode, Output};
use crate::plan::content::Content;
use crate::plan::content::{self, ContentHash};
use crate::plan::hashing::{HashError, hash_all};
use crate::plan::physical;
use crate::plan::{InputFile, Plan};

/// create_work keeps a template in 64 KB with a NUL, and does not check that it fits (tools/create_work.cpp,
/// get_wu_template).
const TEMPLATE_MAX: usize = 65_535;

/// What a server gets for a batch.
#[derive(Debug)]
pub struct Package<'a> {
    /// The input template.
    pub input_template: RenderedTemplate,
    /// The output template.
    pub output_template: RenderedTemplate,
    /// The files, by physical name.
    pub files: BTreeMap<String, PackedFile<'a>>,
    /// A line of `create_work --stdin` for each job of the plan, without line ends.
    pub job_lines: Vec<String>,
}

/// A rendered template of a batch.
#[derive(Debug)]
pub struct RenderedTemplate {
    /// Its path below a project's directory: at most 63 bytes, the size of BOINC's field (db/schema.sql,
    /// result_template_file). Named by content, so that no batch changes the template of another one.
    pub name: String,
    /// XML.
    pub text: String,
}

/// A file that a server gets.
#[derive(Debug)]
pub struct PackedFile<'a> {
    pub(crate) content: &'a Content,
    pub(crate) hash: ContentHash,
    /// A compressed copy has to be staged next to it (`stage_file --gzip`).
    pub(crate) gzip: bool,
}

/// Why a plan cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// An input can no longer be read.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// A template cannot be used.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A template of the submitter's renders to more than create_work reads.
    #[error("invalid template {template}: renders to {bytes} bytes, BOINC reads at most {TEMPLATE_MAX}")]
    TooLong {
        /// The template.
        template: &'static str,
        /// Its length once rendered.
        bytes: usize,
    },
}

/// An input in the input template.
#[derive(Serialize)]
pub(crate) struct TemplateFile<'a> {
    /// The file of all jobs (BOINC's constant files); null for one that each job's line names.
    pub(crate) physical_name: Option<String>,
    pub(crate) open_name: &'a str,
    pub(crate) copy_file: bool,
    /// Other jobs use the file too: the server must not delete it with this one.
    pub(crate) no_delete: bool,
    pub(crate) sticky: bool,
    /// The server has a compressed copy.
    pub(crate) gzip: bool,
    pub(crate) executable: bool,
}

/// The files of a plan by their physical names, and which job uses which. Each is read once.
pub(crate) struct Listing<'a> {
    pub files: BTreeMap<String, PackedFile<'a>>,
    /// [`Plan::common_files`], with their physical names.
    pub common: Vec<(&'a InputFile, String)>,
    /// For each job the physical names of its inputs, in the order of `Plan::job_inputs`.
    pub per_job: Vec<Vec<String>>,
}

impl<'a> Listing<'a> {
    /// Names the files of a plan.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(crate) fn of(plan: &'a Plan) -> Result<Self, HashError> {
        let contents = plan.shared.iter().map(|input| &input.content);
        let job_contents = plan.jobs.iter().flat_map(|job| &job.inputs);
        let hashes = hash_all(contents.chain(job_contents))?;
        let mut listing = Self { files: BTreeMap::new(), common: Vec::new(), per_job: Vec::new() };
        // No job reads it, so it is not among the files that jobs name.
        let rule = &plan.bundle.rule;
        let packed = PackedFile { content: &rule.content, hash: rule.hash.clone(), gzip: false };
        listing.files.insert(rule.physical_name.clone(), packed);
        for member in &plan.bundle.files {
            let name = listing.add(&member.content, &member.file, &member.hash);
            listing.common.push((&member.file, name));
        }
        for input in &plan.shared {
            let name = listing.add(&input.content, &input.file, hashes.of(&input.content));
            listing.common.push((&input.file, name));
        }
        listing.per_job = Vec::with_capacity(plan.jobs.len());
        for job in &plan.jobs {
            let inputs = plan.job_inputs.iter().zip(&job.inputs);
            let names =
                inputs.map(|(file, content)| listing.add(content, file, hashes.of(content))).collect();
            listing.per_job.push(names);
        }
        Ok(listing)
    }

    /// Leaves out what a single-purpose app version holds: the bundle's files, and shared inputs for which app.toml names a
    /// file. Their hash.
    pub(crate) fn take_carried(&mut self, plan: &Plan) -> String {
        let shared = plan.app.shared_inputs().map(|input| input.file.is_some());
        let mut is_carried = plan.bundle.files.iter().map(|_| true).chain(shared);
        let common = std::mem::take(&mut self.common).into_iter();
        let (carried, common): (Vec<_>, Vec<_>) = common.partition(|_| is_carried.next().unwrap_or_default());
        self.common = common;
        let used: HashSet<&String> =
            self.common.iter().map(|(_, name)| name).chain(self.per_job.iter().flatten()).collect();
        let rule = &plan.bundle.rule.physical_name;
        self.files.retain(|name, _| used.contains(name) || name == rule);
        let carried = carried.into_iter().map(|(file, physical_name)| CommonFile {
            open_name: file.open_name.clone(),
            physical_name,
            copy_file: file.mode == Mode::Copy,
        });
        files_hash(carried.collect())
    }

    fn add(&mut self, content: &'a Content, file: &InputFile, hash: &ContentHash) -> String {
        let name = physical::name(&hash.sha256, file.executable);
        if let Some(packed) = self.files.get_mut(&name) {
            packed.gzip |= file.gzip;
        } else {
            self.files.insert(name.clone(), PackedFile { content, hash: hash.clone(), gzip: file.gzip });
        }
        name
    }

    /// How many jobs use a file; a common file counts as more than one.
    fn uses(&self) -> HashMap<&str, usize> {
        let common = self.common.iter().map(|(_, name)| (name.as_str(), 2));
        let mut uses: HashMap<&str, usize> = common.collect();
        self.per_job.iter().flatten().for_each(|name| *uses.entry(name).or_default() += 1);
        uses
    }
}

/// Packs a plan. Each of its files is read once.
///
/// # Errors
/// A file cannot be read, or a template cannot be used.
pub fn pack<'a>(plan: &'a Plan, templates: &Templates) -> Result<Package<'a>, PackError> {
    let listing = Listing::of(plan)?;
    let common = listing.common.iter().map(|(file, name)| TemplateFile::new(file, Some(name.clone())));
    let uses = listing.uses();
    let per_job = plan.job_inputs.iter().enumerate().map(|(at, file)| TemplateFile {
        // It must stay when the first of the jobs that use it has finished.
        no_delete: listing.per_job.iter().any(|names| uses[names[at].as_str()] > 1),
        ..TemplateFile::new(file, None)
    });
    let (input_template, output_template) =
        render(plan, templates, common.chain(per_job).collect(), Outputs::Collected)?;
    let jobs = plan.jobs.iter().zip(&listing.per_job);
    let job_lines = jobs.map(|(job, names)| job_line(&job.wu_name, &job.command_line, names)).collect();
    Ok(Package { input_template, output_template, job_lines, files: listing.files })
}

/// What happens to outputs on the server after assimilation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outputs {
    /// An assimilator has collected them: file_deleter removes them.
    Collected,
    /// They stay until they are fetched (`<no_delete/>`).
    Kept,
}

/// Renders the input and the output template of a batch, for these inputs in this order.
///
/// # Errors
/// A template cannot be used, or renders to more than create_work reads.
pub(crate) fn render(
    plan: &Plan,
    templates: &Templates,
    files: Vec<TemplateFile<'_>>,
    outputs: Outputs,
) -> Result<(RenderedTemplate, RenderedTemplate), PackError> {
    let rendered = |template, text: String, kind| {
        if text.len() > TEMPLATE_MAX {
            return Err(PackError::TooLong { template, bytes: text.len() });
        }
        let hash = content::hex(&Sha256::digest(text.as_bytes()));
        Ok(RenderedTemplate { name: format!("templates/buoy_{}_{kind}.xml", &hash[..32]), text })
    };
    let input = templates.render(INPUT, &input_template(&plan.app, &files))?;
    let output = templates.render(OUTPUT, &output_template(&plan.app, outputs))?;
    Ok((rendered(INPUT, input, "in")?, rendered(OUTPUT, output, "out")?))
}

/// A line of `create_work --stdin`. Neither names nor command lines need escaping, which create_work
/// does not know.
fn job_line(wu_name: &str, command_line: &str, files: &[String]) -> String {
    let mut line = format!("--wu_name {wu_name}");
    // create_work would take an empty argument for the start of a long one (lib/str_util.cpp, parse_command_line).
    if !command_line.is_empty() {
        line.push_str(&format!(" --command_line \"{command_line}\""));
    }
    for file in files {
        line.push(' ');
        line.push_str(file);
    }
    line
}

impl Package<'_> {
    /// The sum of the files' lengths.
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|file| file.hash.bytes).sum()
    }
}

impl<'a> TemplateFile<'a> {
    /// An input as the template lists it; without a name, each job's line names it.
    pub(crate) fn new(file: &'a InputFile, physical_name: Option<String>) -> Self {
        Self {
            // All jobs use a constant file, and so may the next batch.
            no_delete: physical_name.is_some(),
            physical_name,
            open_name: &file.open_name,
            copy_file: file.mode == Mode::Copy,
            sticky: file.sticky,
            gzip: file.gzip,
            executable: file.executable,
        }
    }
}

fn input_template(app: &AppSpec, files: &[TemplateFile<'_>]) -> Value {
    json!({
        "files": files,
        "rsc_fpops_est": format!("{:e}", app.resources.flops),
        "rsc_fpops_bound": format!("{:e}", app.resources.flops_bound),
        "rsc_memory_bound": app.resources.memory_bytes,
        "rsc_disk_bound": app.resources.disk_bytes,
        "delay_bound": app.resources.deadline.as_secs(),
        "min_quorum": app.replication.quorum,
        "target_nresults": app.replication.total,
        "max_error_results": app.replication.max_errors,
        "max_total_results": app.replication.max_total,
        "max_success_results": app.replication.max_success,
    })
}

fn output_template(app: &AppSpec, kept: Outputs) -> Value {
    let output = |output: &Output| {
        json!({
            "open_name": output.name,
            "max_nbytes": output.max_bytes,
            "optional": output.optional,
            "no_delete": kept == Outputs::Kept,
        })
    };
    json!({ "outputs": app.outputs.iter().map(output).collect::<Vec<_>>() })
}
