//! Input templates: tools/process_input_template.cpp.

use crate::settings::{Installation, PROJECT_ROOT};
use crate::state::State;
use crate::storage::{StoredFile, subdirectory};
use crate::workunit::Input;

use super::line::JobLine;
use super::scanner::Scanner;
use super::{JobParams, Printed};

/// `sizeof(wu.xml_doc) - 1`.
const XML_DOC_BYTES: usize = 65_535;

/// What a template and a job's line make.
#[derive(Debug, Clone)]
pub(super) struct Filled {
    pub(super) xml: String,
    pub(super) inputs: Vec<Input>,
    pub(super) batch: Option<u64>,
    pub(super) fpops_est: f64,
    pub(super) fpops_bound: f64,
    pub(super) memory_bound: f64,
    pub(super) disk_bound: f64,
    pub(super) delay_bound: i64,
    pub(super) min_quorum: u32,
    pub(super) target_nresults: u32,
    pub(super) max_error_results: u32,
    pub(super) max_total_results: u32,
    pub(super) max_success_results: u32,
}

/// BOINC's error codes here; the details were printed before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TemplateError {
    Syntax,
    Open,
    TooLong,
}

impl TemplateError {
    pub(super) fn number(self) -> i32 {
        match self {
            Self::Syntax => -112,
            Self::Open => -108,
            Self::TooLong => -118,
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Syntax => "unexpected XML tag or syntax",
            Self::Open => "fopen() failed",
            Self::TooLong => "buffer overflow",
        }
    }
}

/// Fills a template.
pub(super) fn fill(
    state: &State,
    text: &str,
    job: &JobLine,
    params: &JobParams,
    printed: &mut Printed,
) -> Result<Filled, TemplateError> {
    let or = |value: f64, default: f64| if value == 0.0 { default } else { value };
    let mut filling = Filling {
        state,
        job,
        scanner: Scanner::new(text),
        printed,
        variable_files: 0,
        filled: Filled {
            xml: String::with_capacity(text.len()),
            inputs: Vec::new(),
            batch: None,
            fpops_est: or(params.fpops_est, 3600e9),
            fpops_bound: or(params.fpops_bound, 86_400e9),
            memory_bound: or(params.memory_bound, 5e8),
            disk_bound: or(params.disk_bound, 1e9),
            delay_bound: or(params.delay_bound, 7.0 * 86_400.0) as i64,
            min_quorum: 1,
            target_nresults: 1,
            max_error_results: 1,
            max_total_results: 1,
            max_success_results: 1,
        },
    };
    filling.template()?;
    Ok(filling.filled)
}

struct Filling<'a> {
    state: &'a State,
    job: &'a JobLine,
    scanner: Scanner<'a>,
    printed: &'a mut Printed,
    variable_files: usize,
    filled: Filled,
}

impl Filling<'_> {
    fn template(&mut self) -> Result<(), TemplateError> {
        let mut found_workunit = false;
        while self.scanner.next() {
            if !self.scanner.is_tag {
                continue;
            }
            if self.scanner.at("file_info") {
                self.file_info()?;
            } else if self.scanner.at("workunit") {
                found_workunit = true;
                self.workunit()?;
            }
        }
        if !found_workunit {
            return self.fail("process_input_template: bad WU template - no <workunit>");
        }
        let given = self.job.files.len();
        if self.variable_files != given {
            let needed = self.variable_files;
            return self.fail(&format!(
                "process_input_template: {given} input files given, but template has {needed}"
            ));
        }
        let length = self.filled.xml.len();
        if length > XML_DOC_BYTES {
            self.printed.say(format!(
                "create_work: WU XML field is too long ({length} bytes; max is {XML_DOC_BYTES})"
            ));
            return Err(TemplateError::TooLong);
        }
        Ok(())
    }

    fn fail<T>(&mut self, text: &str) -> Result<T, TemplateError> {
        self.printed.say(text);
        Err(TemplateError::Syntax)
    }

    fn file_info(&mut self) -> Result<(), TemplateError> {
        let start = self.filled.xml.len();
        self.filled.xml.push_str("<file_info>\n");
        while self.scanner.next() {
            if self.scanner.integer("number").is_some() {
                // Old templates numbered their files.
            } else if self.scanner.at("/file_info") {
                let mut input = self.input()?;
                let copied = &self.filled.xml[start..];
                input.no_delete = copied.contains("<no_delete/>") || copied.contains("<no_delete>1<");
                input.sticky = copied.contains("<sticky/>");
                self.filled.xml.push_str(&format!(
                    "    <name>{}</name>\n    <url>{}</url>\n    <md5_cksum>{}</md5_cksum>\n    <nbytes>{}</nbytes>\n\
                     </file_info>\n",
                    input.physical_name, input.url, input.md5, input.bytes
                ));
                self.filled.inputs.push(input);
                return Ok(());
            } else {
                self.copy()?;
            }
        }
        Ok(())
    }

    /// The file of a `<file_info>`: the next of the job's list.
    fn input(&mut self) -> Result<Input, TemplateError> {
        let Some(name) = self.job.files.get(self.variable_files) else {
            let needed = self.variable_files + 1;
            return self.fail(&format!("Too few var input files given; need at least {needed}"));
        };
        self.variable_files += 1;
        let stored = self.state.data().storage.download.get(name).cloned();
        match stored {
            Some(file) => Ok(self.local(name, &file)),
            None => self.absent(name),
        }
    }

    /// A file that is nowhere: create_work looks for it at the top of download/, too.
    fn absent(&mut self, name: &str) -> Result<Input, TemplateError> {
        let directory = format!("{PROJECT_ROOT}/download/{}", subdirectory(name));
        let mut path = format!("{directory}/{name}");
        if self.state.settings().installation == Installation::AsMade {
            self.printed.say(format!("boinc_mkdir({directory}): mkdir() failed: errno 13"));
            path.clear();
        }
        self.printed.say(format!("md5_file: can't open {path}"));
        self.printed.say("md5_file: No such file or directory");
        self.printed.say("process_input_template: md5_file fopen() failed");
        self.printed.output.push_str(&format!("copy {PROJECT_ROOT}/download/{name} to {path}\n"));
        Err(TemplateError::Open)
    }

    fn local(&self, name: &str, file: &StoredFile) -> Input {
        let url = format!("{}download/{}/{name}", self.state.master_url, subdirectory(name));
        Input {
            physical_name: name.to_owned(),
            open_name: String::new(),
            url,
            md5: file.md5.to_string(),
            bytes: file.bytes.len() as u64,
            no_delete: false,
            sticky: false,
            copy_file: false,
        }
    }

    fn copy(&mut self) -> Result<(), TemplateError> {
        let copied = self.scanner.copy().ok_or(TemplateError::Syntax)?;
        self.filled.xml.push_str(&copied);
        self.filled.xml.push('\n');
        Ok(())
    }

    fn workunit(&mut self) -> Result<(), TemplateError> {
        let given = self.job.command_line.as_str();
        self.filled.xml.push_str(&format!("<workunit>\n<command_line>\n{given}\n</command_line>\n"));
        let mut references = 0;
        while self.scanner.next() {
            if self.scanner.at("/workunit") {
                self.filled.xml.push_str("</workunit>");
                break;
            }
            if self.scanner.at("file_ref") {
                if references >= self.filled.inputs.len() {
                    return self.fail("too many <file_ref>s");
                }
                self.file_ref(references)?;
                references += 1;
            } else if let Some(command_line) = self.scanner.string("command_line", 262_144) {
                if !given.is_empty() {
                    return self.fail(&format!(
                        "Can't specify command line {command_line}; already specified as {given}"
                    ));
                }
                self.filled.xml.push_str(&format!("<command_line>\n{command_line}\n</command_line>\n"));
            } else if !self.parameter() {
                self.copy()?;
            }
        }
        let filled = &mut self.filled;
        filled.max_success_results = filled.max_success_results.max(filled.target_nresults);
        filled.max_total_results = filled.max_total_results.max(filled.target_nresults);
        if references != self.filled.inputs.len() {
            return self.fail("#file refs != #file infos");
        }
        Ok(())
    }

    fn parameter(&mut self) -> bool {
        let (scanner, filled) = (&mut self.scanner, &mut self.filled);
        let mut ignored = 0.0;
        for (name, place) in [
            ("rsc_fpops_est", &mut filled.fpops_est),
            ("rsc_fpops_bound", &mut filled.fpops_bound),
            ("rsc_memory_bound", &mut filled.memory_bound),
            ("rsc_bandwidth_bound", &mut ignored),
            ("rsc_disk_bound", &mut filled.disk_bound),
        ] {
            if let Some(value) = scanner.number(name) {
                *place = value;
                return true;
            }
        }
        for (name, place) in [
            ("min_quorum", &mut filled.min_quorum),
            ("target_nresults", &mut filled.target_nresults),
            ("max_error_results", &mut filled.max_error_results),
            ("max_total_results", &mut filled.max_total_results),
            ("max_success_results", &mut filled.max_success_results),
        ] {
            if let Some(value) = scanner.integer(name) {
                *place = u32::try_from(value).unwrap_or(0);
                return true;
            }
        }
        if let Some(batch) = scanner.integer("batch") {
            filled.batch = u64::try_from(batch).ok();
        } else if let Some(delay) = scanner.integer("delay_bound") {
            filled.delay_bound = delay;
        } else {
            return scanner.integer("size_class").is_some();
        }
        true
    }

    fn file_ref(&mut self, index: usize) -> Result<(), TemplateError> {
        let name = self.filled.inputs[index].physical_name.clone();
        self.filled.xml.push_str(&format!("<file_ref>\n    <file_name>{name}</file_name>\n"));
        let (mut open_name, mut copy_file) = (None, false);
        while self.scanner.next() {
            if let Some(name) = self.scanner.string("open_name", 256) {
                self.filled.xml.push_str(&format!("    <open_name>{name}</open_name>\n"));
                open_name = Some(name);
            } else if self.scanner.integer("file_number").is_some() {
                // Old templates numbered their files.
            } else if self.scanner.at("copy_file/") {
                self.filled.xml.push_str("    <copy_file/>\n");
                copy_file = true;
            } else if self.scanner.at("/file_ref") {
                if open_name.is_none() && !copy_file {
                    return self.fail("No open name found and copy_file not specified");
                }
                let open_name = open_name.unwrap_or_else(|| {
                    self.filled.xml.push_str(&format!("    <open_name>{name}</open_name>\n"));
                    name
                });
                self.filled.inputs[index].open_name = open_name;
                self.filled.inputs[index].copy_file = copy_file;
                self.filled.xml.push_str("</file_ref>\n");
                return Ok(());
            } else if self.scanner.string("file_name", 262_144).is_some() {
                self.printed.say("<file_name> ignored in <file_ref> element.");
            } else {
                self.copy()?;
            }
        }
        Ok(())
    }
}
