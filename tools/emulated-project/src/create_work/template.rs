//! Input templates: tools/process_input_template.cpp.

use crate::settings::{Installation, PROJECT_ROOT};
use crate::state::State;
use crate::storage::subdirectory;
use crate::workunit::{Input, Workunit};

use super::Printed;
use super::line::JobLine;
use super::scanner::Scanner;

/// `sizeof(wu.xml_doc) - 1`.
const XML_DOC_BYTES: usize = 65_535;

/// BOINC's error code and its words for it; the details were printed before.
#[derive(Debug, Clone, Copy)]
pub(super) struct TemplateError(pub(super) i32, pub(super) &'static str);

const SYNTAX: TemplateError = TemplateError(-112, "unexpected XML tag or syntax");
const OPEN: TemplateError = TemplateError(-108, "fopen() failed");
const TOO_LONG: TemplateError = TemplateError(-118, "buffer overflow");

/// Fills a template: the workunit that it and a job's line make, and its XML document.
pub(super) fn fill(
    state: &State,
    text: &str,
    job: &JobLine,
    workunit: Workunit,
    printed: &mut Printed,
) -> Result<(Workunit, String), TemplateError> {
    let scanner = Scanner::new(text);
    let xml = String::with_capacity(text.len());
    let mut filling = Filling { state, job, scanner, printed, variable_files: 0, workunit, xml };
    filling.template()?;
    Ok((filling.workunit, filling.xml))
}

struct Filling<'a> {
    state: &'a State,
    job: &'a JobLine,
    scanner: Scanner<'a>,
    printed: &'a mut Printed,
    variable_files: usize,
    workunit: Workunit,
    xml: String,
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
            let text = format!("{given} input files given, but template has {needed}");
            return self.fail(&format!("process_input_template: {text}"));
        }
        let length = self.xml.len();
        if length > XML_DOC_BYTES {
            let text = format!("too long ({length} bytes; max is {XML_DOC_BYTES})");
            self.printed.say(format!("create_work: WU XML field is {text}"));
            return Err(TOO_LONG);
        }
        Ok(())
    }

    fn fail<T>(&mut self, text: &str) -> Result<T, TemplateError> {
        self.printed.say(text);
        Err(SYNTAX)
    }

    fn file_info(&mut self) -> Result<(), TemplateError> {
        let start = self.xml.len();
        self.xml.push_str("<file_info>\n");
        while self.scanner.next() {
            if self.scanner.integer("number").is_some() {
                // Old templates numbered their files.
            } else if self.scanner.at("/file_info") {
                let mut input = self.input()?;
                let copied = &self.xml[start..];
                input.no_delete = copied.contains("<no_delete/>") || copied.contains("<no_delete>1<");
                input.sticky = copied.contains("<sticky/>");
                self.xml.push_str(&format!(
                    "    <name>{}</name>\n    <url>{}</url>\n    <md5_cksum>{}</md5_cksum>\n    <nbytes>{}</nbytes>\n\
                     </file_info>\n",
                    input.physical_name, input.url, input.md5, input.bytes
                ));
                self.workunit.inputs.push(input);
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
        let Some(file) = stored else { return self.absent(name) };
        Ok(Input {
            physical_name: name.to_owned(),
            url: format!("{}download/{}/{name}", self.state.master_url, subdirectory(name)),
            md5: file.md5.to_string(),
            bytes: file.bytes.len() as u64,
            ..Input::default()
        })
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
        Err(OPEN)
    }

    fn copy(&mut self) -> Result<(), TemplateError> {
        let copied = self.scanner.copy().ok_or(SYNTAX)?;
        self.xml.push_str(&copied);
        self.xml.push('\n');
        Ok(())
    }

    fn workunit(&mut self) -> Result<(), TemplateError> {
        let given = self.job.command_line.as_str();
        self.xml.push_str(&format!("<workunit>\n<command_line>\n{given}\n</command_line>\n"));
        let mut references = 0;
        while self.scanner.next() {
            if self.scanner.at("/workunit") {
                self.xml.push_str("</workunit>");
                break;
            }
            if self.scanner.at("file_ref") {
                if references >= self.workunit.inputs.len() {
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
                self.xml.push_str(&format!("<command_line>\n{command_line}\n</command_line>\n"));
            } else if !self.parameter() {
                self.copy()?;
            }
        }
        let workunit = &mut self.workunit;
        workunit.max_success_results = workunit.max_success_results.max(workunit.target_nresults);
        workunit.max_total_results = workunit.max_total_results.max(workunit.target_nresults);
        if references != self.workunit.inputs.len() {
            return self.fail("#file refs != #file infos");
        }
        Ok(())
    }

    fn parameter(&mut self) -> bool {
        let (scanner, workunit) = (&mut self.scanner, &mut self.workunit);
        let mut ignored = 0.0;
        for (name, place) in [
            ("rsc_fpops_est", &mut workunit.rsc_fpops_est),
            ("rsc_fpops_bound", &mut workunit.rsc_fpops_bound),
            ("rsc_memory_bound", &mut workunit.rsc_memory_bound),
            ("rsc_bandwidth_bound", &mut ignored),
            ("rsc_disk_bound", &mut workunit.rsc_disk_bound),
        ] {
            if let Some(value) = scanner.number(name) {
                *place = value;
                return true;
            }
        }
        for (name, place) in [
            ("min_quorum", &mut workunit.min_quorum),
            ("target_nresults", &mut workunit.target_nresults),
            ("max_error_results", &mut workunit.max_error_results),
            ("max_total_results", &mut workunit.max_total_results),
            ("max_success_results", &mut workunit.max_success_results),
        ] {
            if let Some(value) = scanner.integer(name) {
                *place = u32::try_from(value).unwrap_or(0);
                return true;
            }
        }
        if let Some(batch) = scanner.integer("batch") {
            workunit.batch = u64::try_from(batch).unwrap_or(workunit.batch);
        } else if let Some(delay) = scanner.integer("delay_bound") {
            workunit.delay_bound = delay;
        } else {
            return scanner.integer("size_class").is_some();
        }
        true
    }

    fn open_name(&mut self, name: String) -> String {
        self.xml.push_str(&format!("    <open_name>{name}</open_name>\n"));
        name
    }

    fn file_ref(&mut self, index: usize) -> Result<(), TemplateError> {
        let name = self.workunit.inputs[index].physical_name.clone();
        self.xml.push_str(&format!("<file_ref>\n    <file_name>{name}</file_name>\n"));
        let (mut open_name, mut copy_file) = (None, false);
        while self.scanner.next() {
            if let Some(name) = self.scanner.string("open_name", 256) {
                open_name = Some(self.open_name(name));
            } else if self.scanner.integer("file_number").is_some() {
                // Old templates numbered their files.
            } else if self.scanner.at("copy_file/") {
                self.xml.push_str("    <copy_file/>\n");
                copy_file = true;
            } else if self.scanner.at("/file_ref") {
                if open_name.is_none() && !copy_file {
                    return self.fail("No open name found and copy_file not specified");
                }
                let open_name = open_name.unwrap_or_else(|| self.open_name(name));
                self.workunit.inputs[index].open_name = open_name;
                self.workunit.inputs[index].copy_file = copy_file;
                self.xml.push_str("</file_ref>\n");
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
