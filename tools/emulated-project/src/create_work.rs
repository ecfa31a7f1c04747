//! bin/create_work, which submit_rpc_handler.php runs for the jobs of a submission: a line per job on its standard
//! input, and rows of `workunit` in statements of about 1 MB.

mod line;
mod scanner;
mod sql;
mod template;

use std::collections::HashMap;
use std::sync::Arc;

use crate::settings::Installation;
use crate::state::State;
use crate::workunit::{OutputFile, Workunit};
use crate::xml;
use line::JobLine;
use sql::Row;
use template::TemplateError;

/// create_work starts a new statement when the next row could take it past this many bytes.
const STATEMENT_BYTES: usize = 1_000_000;
/// `BLOB_SIZE - 1`, the buffer for a template.
const TEMPLATE_BYTES: usize = 65_535;
/// A template that is longer by no more than this harms nothing that matters: what does not fit is cut off.
const TOLERATED_BYTES: usize = 4000;
/// `sizeof(result_template_file) - 1`.
const RESULT_TEMPLATE_BYTES: usize = 63;

/// One run of create_work.
pub(crate) struct Call {
    /// What a workunit is where neither its template nor its line says otherwise.
    pub(crate) defaults: Workunit,
    /// Paths below the project's directory; templates given with a job come first.
    pub(crate) input_template: String,
    pub(crate) output_template: String,
    /// What it reads, a line per job.
    pub(crate) stdin: String,
    /// Input templates in /tmp, by path.
    pub(crate) temporary: HashMap<String, Arc<str>>,
    /// The database fails when so many jobs are in.
    pub(crate) fail_after: Option<usize>,
    /// Stands for the process id and the time in generated names.
    pub(crate) process: u32,
}

/// What it printed, standard error first, as the file shows it after a failure.
#[derive(Debug, Default)]
struct Printed {
    errors: String,
    /// Standard output is a pipe and comes out at the end.
    output: String,
}

impl Printed {
    fn say(&mut self, line: impl AsRef<str>) -> Failed {
        self.errors.push_str(line.as_ref());
        self.errors.push('\n');
        Failed
    }
}

/// create_work has exited with an error; what it printed says why.
#[derive(Debug)]
struct Failed;

/// A run that failed.
pub(crate) struct Died {
    /// What it printed.
    pub(crate) printed: String,
    /// Bytes of its input that nobody took any more: PHP complains of a broken pipe.
    pub(crate) unread: usize,
}

/// What a pipe holds.
const PIPE_BYTES: usize = 64 << 10;
/// What create_work reads at a time.
const READ_BYTES: usize = 4096;

/// Runs it.
pub(crate) fn run(state: &State, call: &Call) -> Result<(), Died> {
    let mut run = Run { state, call, outputs: HashMap::new(), read: 0, printed: Printed::default() };
    run.jobs().map_err(|Failed| {
        let taken = run.read.next_multiple_of(READ_BYTES) + PIPE_BYTES;
        let unread = call.stdin.len().saturating_sub(taken);
        Died { printed: run.printed.errors + &run.printed.output, unread }
    })
}

struct Run<'a> {
    state: &'a State,
    call: &'a Call,
    outputs: HashMap<String, Arc<[OutputFile]>>,
    /// Bytes of the lines read so far.
    read: usize,
    printed: Printed,
}

impl Run<'_> {
    fn jobs(&mut self) -> Result<(), Failed> {
        let mut rows: Vec<Row> = Vec::new();
        let mut bytes = 0;
        let mut created = 0;
        // The buffer that a row is written into. A job without a row has what the buffer holds from the one before.
        let mut last: Option<Row> = None;
        for (number, text) in self.call.stdin.split_inclusive('\n').enumerate() {
            self.read += text.len();
            let job = line::parse(text, &mut self.printed)?;
            let Some(row) = self.row(number, &job)?.or_else(|| last.take()) else { continue };
            last = Some(row.clone());
            let length = row.length;
            bytes += length + usize::from(!rows.is_empty());
            rows.push(row);
            let planned = self.call.fail_after.is_some_and(|jobs| created + rows.len() == jobs);
            if bytes + 2 * length > STATEMENT_BYTES || planned {
                created += rows.len();
                self.insert(std::mem::take(&mut rows), Some(bytes), created)?;
                bytes = 0;
            }
        }
        if rows.is_empty() && self.call.fail_after.is_none_or(|jobs| jobs != created) {
            return Ok(());
        }
        created += rows.len();
        self.insert(rows, None, created)
    }

    /// The row of a job; none if its output template is missing, which create_work says but does not take for an
    /// error.
    fn row(&mut self, number: usize, job: &JobLine) -> Result<Option<Row>, Failed> {
        let (call, state) = (self.call, self.state);
        let name = match &job.name {
            Some(name) => name.clone(),
            None => {
                let now = state.clock().now();
                format!("{}_{}_{now:.6}_{number}", call.defaults.app_name, call.process)
            }
        };
        let name = truncated(&name, 255).to_owned();
        let input_template = job.input_template.as_deref().unwrap_or(&call.input_template);
        let Some(text) = self.template(input_template) else {
            return Err(self.printed.say(format!("Can't read WU template {input_template}")));
        };
        if text.len() > TEMPLATE_BYTES + TOLERATED_BYTES {
            // It copies the text over whatever comes after its buffer.
            return Err(self.printed.say("Segmentation fault"));
        }
        let text = truncated(&text, TEMPLATE_BYTES);
        if text.is_empty() {
            return Err(self.printed.say("job is missing input template"));
        }
        let defaults = Workunit { name, command_line: job.command_line.clone(), ..call.defaults.clone() };
        let filled = template::fill(state, text, job, defaults, &mut self.printed);
        let (mut workunit, xml) = filled.map_err(|TemplateError(number, words)| {
            self.printed.say(format!("process_input_template(): {words}"));
            self.printed.say(format!("create_work() failed: {number}"))
        })?;
        let output_template = job.output_template.as_deref().unwrap_or(&call.output_template).to_owned();
        if self.template(&output_template).is_none() {
            self.printed.say(format!("create_work: result template file ./{output_template} doesn't exist"));
            return Ok(None);
        }
        self.check(&workunit, &output_template)?;
        workunit.priority = job.priority.unwrap_or(workunit.priority);
        workunit.outputs = self.outputs(&output_template);
        workunit.create_time = state.clock().seconds();
        Ok(Some(Row::new(workunit, &xml, &output_template)))
    }

    /// The checks of create_work2 (tools/backend_lib.cpp).
    fn check(&mut self, workunit: &Workunit, output_template: &str) -> Result<(), Failed> {
        let mut fail = |text: &str, number: i32| {
            self.printed.say(text);
            Err(self.printed.say(format!("create_work() failed: {number}")))
        };
        if output_template.len() > RESULT_TEMPLATE_BYTES {
            let length = output_template.len();
            let text = format!(
                "result template filename is too big: {length} bytes, max is {RESULT_TEMPLATE_BYTES}"
            );
            return fail(&text, -118);
        }
        let needed = [
            (workunit.rsc_fpops_est == 0.0, "rsc_fpops_est"),
            (workunit.rsc_fpops_bound == 0.0, "rsc_fpops_bound"),
            (workunit.rsc_disk_bound == 0.0, "rsc_disk_bound"),
            (workunit.target_nresults == 0, "target_nresults"),
            (workunit.max_error_results == 0, "max_error_results"),
            (workunit.max_total_results == 0, "max_total_results"),
            (workunit.max_success_results == 0, "max_success_results"),
        ];
        if let Some((_, what)) = needed.into_iter().find(|(missing, _)| *missing) {
            return fail(&format!("no {what} given; can't create job"), -191);
        }
        if workunit.max_success_results > workunit.max_total_results {
            return fail("max_success_results > max_total_results; can't create job", -178);
        }
        if workunit.max_error_results > workunit.max_total_results {
            return fail("max_error_results > max_total_results; can't create job", -178);
        }
        if workunit.target_nresults > workunit.max_success_results {
            let text = format!(
                "target_nresults {} > max_success_results {}; can't create job",
                workunit.target_nresults, workunit.max_success_results
            );
            return fail(&text, -178);
        }
        Ok(())
    }

    /// The text of a template: in /tmp, or below the project's directory.
    fn template(&self, path: &str) -> Option<Arc<str>> {
        if let Some(text) = self.call.temporary.get(path) {
            return Some(Arc::clone(text));
        }
        let below = path.strip_prefix("templates/")?;
        self.state.data().storage.templates.get(below).cloned()
    }

    fn outputs(&mut self, path: &str) -> Arc<[OutputFile]> {
        if let Some(outputs) = self.outputs.get(path) {
            return Arc::clone(outputs);
        }
        let outputs: Arc<[OutputFile]> =
            self.template(path).map(|text| output_files(&text)).unwrap_or_default().into();
        self.outputs.insert(path.to_owned(), Arc::clone(&outputs));
        outputs
    }

    /// Sends a statement; `size` is known for all but the last.
    fn insert(&mut self, rows: Vec<Row>, size: Option<usize>, created: usize) -> Result<(), Failed> {
        let is_lost = |jobs: usize| created > jobs || (size.is_none() && created == jobs);
        let inserted = if self.call.fail_after.is_some_and(is_lost) {
            Err("Lost connection to server during query".to_owned())
        } else {
            sql::insert(&mut self.state.data().tables, rows, self.state.clock().seconds())
        };
        inserted.map_err(|message| {
            self.printed.say(format!("Database error: {message}"));
            let size = size.map_or_else(String::new, |size| format!("; size {size}"));
            self.printed.say(format!("wu.insert_batch() failed: 1{size}"));
            self.printed.say(format!("MySQL error: {message}"))
        })
    }
}

/// Whether PHP may write below `templates/`.
pub(crate) fn may_write_templates(installation: Installation) -> bool {
    installation > Installation::AsMade
}

/// What an output template says of its files; one that is not XML says nothing.
pub(crate) fn output_files(text: &str) -> Vec<OutputFile> {
    let Some(root) = xml::parse(text.trim_start()) else { return Vec::new() };
    let refs: Vec<_> =
        root.first("result").map(|result| result.all("file_ref").collect()).unwrap_or_default();
    root.all("file_info")
        .enumerate()
        .map(|(index, info)| {
            let reference = refs.get(index);
            OutputFile {
                open_name: reference.map(|r| r.text_of("open_name")).unwrap_or_default(),
                no_delete: info.first("no_delete").is_some(),
                optional: reference.is_some_and(|r| r.first("optional").is_some()),
            }
        })
        .collect()
}

/// `safe_strcpy`: at most so many bytes; what would split a character goes, too.
fn truncated(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
