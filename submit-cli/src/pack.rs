//! From a plan to what a server gets: templates, files named by content, a line for each job.

pub mod folder;

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::app::{AppSpec, Mode};
use crate::content::{self, ContentHash};
use crate::hashing::{HashError, Hashes, hash_all};
use crate::physical;
use crate::plan::{Content, InputFile, Plan};
use crate::template::{INPUT, OUTPUT, TemplateError, Templates};

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
}

/// Packs a plan. All its files are read once.
///
/// # Errors
/// A file cannot be read, or a template cannot be used.
pub fn pack<'a>(plan: &'a Plan, templates: &Templates) -> Result<Package<'a>, PackError> {
    let contents = plan.shared.iter().map(|input| &input.content);
    let job_contents = plan.jobs.iter().flat_map(|job| &job.inputs);
    let hashes = hash_all(contents.chain(job_contents))?;
    let mut package = Package {
        input_template: String::new(),
        output_template: String::new(),
        files: BTreeMap::new(),
        job_lines: Vec::with_capacity(plan.jobs.len()),
    };
    let mut files = Vec::new();
    for member in &plan.bundle.files {
        let name = physical::name(&member.hash.sha256, member.file.executable);
        let packed = PackedFile { content: &member.content, hash: member.hash.clone(), gzip: false };
        package.files.insert(name.clone(), packed);
        files.push(TemplateFile::new(&member.file, Some(name)));
    }
    // How many jobs use a file: one that more than one uses must stay when the first of them is over.
    let mut uses: HashMap<String, usize> = HashMap::new();
    for input in &plan.shared {
        let name = package.add(&input.content, &input.file, &hashes);
        uses.insert(name.clone(), plan.jobs.len().max(2));
        files.push(TemplateFile::new(&input.file, Some(name)));
    }
    let mut names = Vec::with_capacity(plan.jobs.len() * plan.job_inputs.len());
    for job in &plan.jobs {
        for (file, content) in plan.job_inputs.iter().zip(&job.inputs) {
            let name = package.add(content, file, &hashes);
            *uses.entry(name.clone()).or_default() += 1;
            names.push(name);
        }
    }
    for (at, file) in plan.job_inputs.iter().enumerate() {
        let mut entry = TemplateFile::new(file, None);
        let of_input = names.iter().skip(at).step_by(plan.job_inputs.len());
        entry.no_delete = of_input.into_iter().any(|name| uses[name] > 1);
        files.push(entry);
    }
    package.input_template = templates.render(INPUT, &input_template(&plan.app, files))?;
    package.output_template = templates.render(OUTPUT, &output_template(&plan.app))?;
    for (template, text) in [(INPUT, &package.input_template), (OUTPUT, &package.output_template)] {
        if text.len() > TEMPLATE_MAX {
            return Err(PackError::TooLong { template, bytes: text.len() });
        }
    }
    for (number, job) in plan.jobs.iter().enumerate() {
        let inputs = plan.job_inputs.len();
        package.job_lines.push(job_line(
            &job.wu_name,
            &job.command_line,
            &names[number * inputs..][..inputs],
        ));
    }
    Ok(package)
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

impl<'a> Package<'a> {
    fn add(&mut self, content: &'a Content, file: &InputFile, hashes: &Hashes<'a>) -> String {
        let hash = hashes.of(content);
        let name = physical::name(&hash.sha256, file.executable);
        if let Some(packed) = self.files.get_mut(&name) {
            packed.gzip |= file.gzip;
        } else {
            let packed = PackedFile { content, hash: hash.clone(), gzip: file.gzip };
            self.files.insert(name.clone(), packed);
        }
        name
    }

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
    fn new(file: &'a InputFile, physical_name: Option<String>) -> Self {
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

fn output_template(app: &AppSpec) -> OutputTemplate<'_> {
    let outputs = app.outputs.iter().map(|output| TemplateOutput {
        open_name: &output.name,
        max_nbytes: output.max_bytes,
        optional: output.optional,
    });
    OutputTemplate { outputs: outputs.collect() }
}
