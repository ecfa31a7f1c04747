//! From a plan to what a server gets: templates, files named by content, a line for each job.

pub mod folder;

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::package::template::{INPUT, OUTPUT, TemplateError, Templates};
use crate::plan::app::{AppSpec, Mode};
use crate::plan::content::Content;
use crate::plan::content::{self, ContentHash};
use crate::plan::hashing::{HashError, hash_all};
use crate::plan::physical;
use crate::plan::{InputFile, Plan};

/// create_work keeps a template in 64 KB with a NUL, and does not look whether it fits (tools/create_work.cpp,
/// get_wu_template).
const TEMPLATE_MAX: usize = 65_535;

/// What a server gets for a batch.
#[derive(Debug)]
pub struct Package<'a> {
    /// The input template, XML.
    pub input_template: String,
    /// The output template, XML.
    pub output_template: String,
    /// The files, by physical name.
    pub files: BTreeMap<String, PackedFile<'a>>,
    /// A line of `create_work --stdin` for each job of the plan, without line ends.
    pub job_lines: Vec<String>,
}

/// A file that a server gets.
#[derive(Debug)]
pub struct PackedFile<'a> {
    /// What is in it.
    pub content: &'a Content,
    /// Its hash and length.
    pub hash: ContentHash,
    /// A compressed copy has to be staged beside it (`stage_file --gzip`).
    pub gzip: bool,
}

/// Why a plan cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// An input cannot be read any more.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// A template cannot be used.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A template of the submitter's own makes more than create_work reads.
    #[error("{template} renders to {bytes} bytes; BOINC reads {TEMPLATE_MAX}")]
    TooLong {
        /// The template.
        template: &'static str,
        /// Its length once rendered.
        bytes: usize,
    },
}

/// The variables of the input template.
#[derive(Debug, Serialize)]
pub struct InputTemplate<'a> {
    /// The bundle's files, the shared inputs, the per-job inputs; the order of file_infos and file_refs.
    pub files: Vec<TemplateFile<'a>>,
    /// Floating-point operations.
    pub rsc_fpops_est: String,
    /// Floating-point operations.
    pub rsc_fpops_bound: String,
    /// Bytes.
    pub rsc_memory_bound: u64,
    /// Bytes.
    pub rsc_disk_bound: u64,
    /// Seconds.
    pub delay_bound: u64,
    /// Results that must agree.
    pub min_quorum: u32,
    /// Results made at the start.
    pub target_nresults: u32,
    /// Failed results allowed.
    pub max_error_results: u32,
    /// Results allowed.
    pub max_total_results: u32,
    /// Successful results allowed.
    pub max_success_results: u32,
}

/// An input in the input template.
#[derive(Debug, Serialize)]
pub struct TemplateFile<'a> {
    /// The file of all jobs (BOINC's constant files); null for one that each job's line names.
    pub physical_name: Option<String>,
    /// Its name in the slot.
    pub open_name: &'a str,
    /// The job gets a copy of its own.
    pub copy_file: bool,
    /// Other jobs use the file too: the server must not delete it with this one.
    pub no_delete: bool,
    /// The client keeps it.
    pub sticky: bool,
    /// The server has a compressed copy.
    pub gzip: bool,
    /// The client sets the executable bits.
    pub executable: bool,
}

/// The variables of the output template.
#[derive(Debug, Serialize)]
pub struct OutputTemplate<'a> {
    /// The outputs; the order of their numbers.
    pub outputs: Vec<TemplateOutput<'a>>,
}

/// An output in the output template.
#[derive(Debug, Serialize)]
pub struct TemplateOutput<'a> {
    /// Its name in the slot.
    pub open_name: &'a str,
    /// Bytes.
    pub max_nbytes: u64,
    /// The job may end without it.
    pub optional: bool,
    /// The server keeps it after assimilation, to be fetched.
    pub no_delete: bool,
}

/// The files of a plan, named, and which job uses which. All are read once.
#[derive(Debug)]
pub struct Listing<'a> {
    /// The files, by physical name.
    pub files: BTreeMap<String, PackedFile<'a>>,
    /// What all jobs have, in the template's order: the bundle's files, then the shared inputs.
    pub common: Vec<(&'a InputFile, String)>,
    /// Physical names of the inputs that differ from job to job: `Plan::job_inputs` of the first job, of the second…
    pub per_job: Vec<String>,
}

impl<'a> Listing<'a> {
    /// Names the files of a plan.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn of(plan: &'a Plan) -> Result<Self, HashError> {
        let contents = plan.shared.iter().map(|input| &input.content);
        let job_contents = plan.jobs.iter().flat_map(|job| &job.inputs);
        let hashes = hash_all(contents.chain(job_contents))?;
        let mut listing = Self {
            files: BTreeMap::new(),
            common: Vec::new(),
            per_job: Vec::with_capacity(plan.jobs.len() * plan.job_inputs.len()),
        };
        // No job has it, so it is not among those that jobs name.
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
        for job in &plan.jobs {
            for (file, content) in plan.job_inputs.iter().zip(&job.inputs) {
                let name = listing.add(content, file, hashes.of(content));
                listing.per_job.push(name);
            }
        }
        Ok(listing)
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

    /// For each per-job input, whether some file of it is used by more than one job: it must stay when the first of
    /// them is over.
    fn used_twice(&self, plan: &Plan) -> Vec<bool> {
        let common = self.common.iter().map(|(_, name)| (name, 2));
        let mut uses: HashMap<&String, usize> = common.collect();
        self.per_job.iter().for_each(|name| *uses.entry(name).or_default() += 1);
        let inputs = plan.job_inputs.len();
        (0..inputs)
            .map(|at| self.per_job.iter().skip(at).step_by(inputs).any(|name| uses[name] > 1))
            .collect()
    }
}

/// Packs a plan. All its files are read once.
///
/// # Errors
/// A file cannot be read, or a template cannot be used.
pub fn pack<'a>(plan: &'a Plan, templates: &Templates) -> Result<Package<'a>, PackError> {
    let listing = Listing::of(plan)?;
    let common = listing.common.iter().map(|(file, name)| TemplateFile::new(file, Some(name.clone())));
    let per_job = plan.job_inputs.iter().zip(listing.used_twice(plan));
    let per_job =
        per_job.map(|(file, no_delete)| TemplateFile { no_delete, ..TemplateFile::new(file, None) });
    let rendered = render(plan, templates, common.chain(per_job).collect(), Outputs::Collected)?;
    let inputs = plan.job_inputs.len();
    let job_lines = plan.jobs.iter().enumerate().map(|(number, job)| {
        job_line(&job.wu_name, &job.command_line, &listing.per_job[number * inputs..][..inputs])
    });
    Ok(Package {
        input_template: rendered.input,
        output_template: rendered.output,
        job_lines: job_lines.collect(),
        files: listing.files,
    })
}

/// The templates of a batch.
#[derive(Debug)]
pub struct Rendered {
    /// The input template, XML.
    pub input: String,
    /// The output template, XML.
    pub output: String,
}

/// What becomes of outputs on the server once they are assimilated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outputs {
    /// An assimilator has collected them: file_deleter removes them.
    Collected,
    /// They stay, to be fetched (`<no_delete/>`).
    Kept,
}

/// Renders the templates of a batch, for these inputs in this order.
///
/// # Errors
/// A template cannot be used, or makes more than create_work reads.
pub fn render(
    plan: &Plan,
    templates: &Templates,
    files: Vec<TemplateFile<'_>>,
    outputs: Outputs,
) -> Result<Rendered, PackError> {
    let rendered = Rendered {
        input: templates.render(INPUT, &input_template(&plan.app, files))?,
        output: templates.render(OUTPUT, &output_template(&plan.app, outputs))?,
    };
    for (template, text) in [(INPUT, &rendered.input), (OUTPUT, &rendered.output)] {
        if text.len() > TEMPLATE_MAX {
            return Err(PackError::TooLong { template, bytes: text.len() });
        }
    }
    Ok(rendered)
}

/// A line of `create_work --stdin`. Names and command lines have been made or checked so that neither needs escaping,
/// which create_work does not know.
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
    /// The input template's path below a project's directory; by content, so that no batch changes another's.
    pub fn input_template_name(&self) -> String {
        template_name(&self.input_template, "in")
    }

    /// The output template's path below a project's directory: at most 63 bytes, the size of BOINC's field
    /// (db/schema.sql, result_template_file).
    pub fn output_template_name(&self) -> String {
        template_name(&self.output_template, "out")
    }

    /// The sum of the files' lengths.
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|file| file.hash.bytes).sum()
    }
}

fn template_name(text: &str, kind: &str) -> String {
    let hash = content::hex(&Sha256::digest(text.as_bytes()));
    format!("templates/buoy_{}_{kind}.xml", &hash[..32])
}

impl<'a> TemplateFile<'a> {
    /// How an input stands in a template; without a name, each job's line names it.
    pub fn new(file: &'a InputFile, physical_name: Option<String>) -> Self {
        Self {
            // A constant file is every job's, and the next batch's too.
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

fn input_template<'a>(app: &AppSpec, files: Vec<TemplateFile<'a>>) -> InputTemplate<'a> {
    InputTemplate {
        files,
        rsc_fpops_est: format!("{:e}", app.resources.flops),
        rsc_fpops_bound: format!("{:e}", app.resources.flops_bound),
        rsc_memory_bound: app.resources.memory_bytes,
        rsc_disk_bound: app.resources.disk_bytes,
        delay_bound: app.resources.deadline.as_secs(),
        min_quorum: app.replication.quorum,
        target_nresults: app.replication.total,
        max_error_results: app.replication.max_errors,
        max_total_results: app.replication.max_total,
        max_success_results: app.replication.max_success,
    }
}

fn output_template(app: &AppSpec, kept: Outputs) -> OutputTemplate<'_> {
    let outputs = app.outputs.iter().map(|output| TemplateOutput {
        open_name: &output.name,
        max_nbytes: output.max_bytes,
        optional: output.optional,
        no_delete: kept == Outputs::Kept,
    });
    OutputTemplate { outputs: outputs.collect() }
}
