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
use template::Filled;

/// create_work starts a new statement when the next row could take it past this many bytes.
const STATEMENT_BYTES: usize = 1_000_000;
/// `BLOB_SIZE - 1`, the buffer for a template.
const TEMPLATE_BYTES: usize = 65_535;
/// A template that is longer by no more than this harms nothing that matters: what does not fit is cut off.
const TOLERATED_BYTES: usize = 4000;
/// `sizeof(result_template_file) - 1`.
const RESULT_TEMPLATE_BYTES: usize = 63;

/// Batch-level resources; 0 leaves create_work's default.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct JobParams {
    pub(crate) disk_bound: f64,
    pub(crate) fpops_est: f64,
    pub(crate) fpops_bound: f64,
    pub(crate) memory_bound: f64,
    pub(crate) delay_bound: f64,
}

/// One run of create_work.
pub(crate) struct Call<'a> {
    pub(crate) app: &'a str,
    pub(crate) batch: u64,
    pub(crate) priority: i64,
    pub(crate) params: JobParams,
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
pub(crate) struct Printed {
    pub(crate) errors: String,
    /// Standard output is a pipe and comes out at the end.
    pub(crate) output: String,
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
pub(crate) struct Failed;

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
pub(crate) fn run(state: &State, call: &Call<'_>) -> Result<(), Died> {
    let mut printed = Printed::default();
    let mut run = Run { state, call, outputs: HashMap::new(), read: 0 };
    match run.jobs(&mut printed) {
        Ok(()) => Ok(()),
        Err(Failed) => {
            let taken = run.read.next_multiple_of(READ_BYTES) + PIPE_BYTES;
            Err(Died {
                printed: printed.errors + &printed.output,
                unread: call.stdin.len().saturating_sub(taken),
            })
        }
    }
}

struct Run<'a> {
    state: &'a State,
    call: &'a Call<'a>,
    outputs: HashMap<String, Arc<[OutputFile]>>,
    /// Bytes of the lines read so far.
    read: usize,
}

impl Run<'_> {
    fn jobs(&mut self, printed: &mut Printed) -> Result<(), Failed> {
        let mut rows: Vec<Row> = Vec::new();
        let mut bytes = 0;
        let mut created = 0;
        // The buffer that a row is written into. A job without a row has what the buffer holds from the one before.
        let mut last: Option<Row> = None;
        for (number, text) in self.call.stdin.split_inclusive('\n').enumerate() {
            self.read += text.len();
            let job = line::parse(text, printed)?;
            let Some(row) = self.row(number, &job, printed)?.or_else(|| last.take()) else {
                continue;
            };
            last = Some(row.clone());
            let length = row.length;
            bytes += length + usize::from(!rows.is_empty());
            rows.push(row);
            let planned = self.call.fail_after.is_some_and(|jobs| created + rows.len() == jobs);
            if bytes + 2 * length > STATEMENT_BYTES || planned {
                created += rows.len();
                self.insert(std::mem::take(&mut rows), Some(bytes), created, printed)?;
                bytes = 0;
            }
        }
        if rows.is_empty() && self.call.fail_after.is_none_or(|jobs| jobs != created) {
            return Ok(());
        }
        created += rows.len();
        self.insert(rows, None, created, printed)
    }

    /// The row of a job; none if its output template is missing, which create_work says but does not take for an
    /// error.
    fn row(&mut self, number: usize, job: &JobLine, printed: &mut Printed) -> Result<Option<Row>, Failed> {
        let call = self.call;
        let name = match &job.name {
            Some(name) => name.clone(),
            None => {
                let now = self.state.clock().now();
                format!("{}_{}_{now:.6}_{number}", call.app, call.process)
            }
        };
        let name = truncated(&name, 255).to_owned();
        let input_template = job.input_template.as_deref().unwrap_or(&call.input_template);
        let Some(text) = self.template(input_template) else {
            return Err(printed.say(format!("Can't read WU template {input_template}")));
        };
        if text.len() > TEMPLATE_BYTES + TOLERATED_BYTES {
            // It copies the text over whatever comes after its buffer.
            return Err(printed.say("Segmentation fault"));
        }
        let text = truncated(&text, TEMPLATE_BYTES);
        if text.is_empty() {
            return Err(printed.say("job is missing input template"));
        }
        let filled = template::fill(self.state, text, job, &call.params, printed);
        let filled = filled.map_err(|error| {
            printed.say(format!("process_input_template(): {}", error.words()));
            printed.say(format!("create_work() failed: {}", error.number()))
        })?;
        let output_template = job.output_template.as_deref().unwrap_or(&call.output_template).to_owned();
        if self.template(&output_template).is_none() {
            printed.say(format!("create_work: result template file ./{output_template} doesn't exist"));
            return Ok(None);
        }
        self.check(&filled, &output_template, printed)?;
        let priority = job.priority.unwrap_or(call.priority);
        let workunit = self.workunit(name, filled.clone(), &output_template, priority, &job.command_line);
        Ok(Some(Row::new(workunit, &filled.xml, &output_template)))
    }

    /// The checks of create_work2 (tools/backend_lib.cpp).
    fn check(&self, filled: &Filled, output_template: &str, printed: &mut Printed) -> Result<(), Failed> {
        let mut fail = |text: &str, number: i32| {
            printed.say(text);
            Err(printed.say(format!("create_work() failed: {number}")))
        };
        if output_template.len() > RESULT_TEMPLATE_BYTES {
            let length = output_template.len();
            let text = format!(
                "result template filename is too big: {length} bytes, max is {RESULT_TEMPLATE_BYTES}"
            );
            return fail(&text, -118);
        }
        let needed = [
            (filled.fpops_est == 0.0, "rsc_fpops_est"),
            (filled.fpops_bound == 0.0, "rsc_fpops_bound"),
            (filled.disk_bound == 0.0, "rsc_disk_bound"),
            (filled.target_nresults == 0, "target_nresults"),
            (filled.max_error_results == 0, "max_error_results"),
            (filled.max_total_results == 0, "max_total_results"),
            (filled.max_success_results == 0, "max_success_results"),
        ];
        for (missing, what) in needed {
            if missing {
                return fail(&format!("no {what} given; can't create job"), -191);
            }
        }
        if filled.max_success_results > filled.max_total_results {
            return fail("max_success_results > max_total_results; can't create job", -178);
        }
        if filled.max_error_results > filled.max_total_results {
            return fail("max_error_results > max_total_results; can't create job", -178);
        }
        if filled.target_nresults > filled.max_success_results {
            let text = format!(
                "target_nresults {} > max_success_results {}; can't create job",
                filled.target_nresults, filled.max_success_results
            );
            return fail(&text, -178);
        }
        Ok(())
    }

    fn workunit(
        &mut self,
        name: String,
        filled: Filled,
        output_template: &str,
        priority: i64,
        command_line: &str,
    ) -> Workunit {
        let now = self.state.clock().seconds();
        Workunit {
            id: 0,
            name,
            app_name: self.call.app.into(),
            batch: filled.batch.unwrap_or(self.call.batch),
            command_line: command_line.to_owned(),
            inputs: filled.inputs,
            outputs: self.outputs(output_template),
            create_time: now,
            rsc_fpops_est: filled.fpops_est,
            rsc_memory_bound: filled.memory_bound,
            rsc_fpops_bound: filled.fpops_bound,
            rsc_disk_bound: filled.disk_bound,
            delay_bound: filled.delay_bound,
            min_quorum: filled.min_quorum,
            target_nresults: filled.target_nresults,
            max_error_results: filled.max_error_results,
            max_total_results: filled.max_total_results,
            max_success_results: filled.max_success_results,
            priority,
            canonical_result: 0,
            canonical_credit: 0.0,
            error_mask: 0,
            mod_time: now,
            instances: Vec::new(),
            files_ready_to_delete: false,
            files_deleted: false,
        }
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
    fn insert(
        &self,
        rows: Vec<Row>,
        size: Option<usize>,
        created: usize,
        printed: &mut Printed,
    ) -> Result<(), Failed> {
        let lost =
            self.call.fail_after.is_some_and(|jobs| created > jobs || (size.is_none() && created == jobs));
        let inserted = if lost {
            Err("Lost connection to server during query".to_owned())
        } else {
            sql::insert(&mut self.state.data().tables, rows, self.state.clock().seconds())
        };
        inserted.map_err(|message| {
            printed.say(format!("Database error: {message}"));
            let size = size.map_or_else(String::new, |size| format!("; size {size}"));
            printed.say(format!("wu.insert_batch() failed: 1{size}"));
            printed.say(format!("MySQL error: {message}"))
        })
    }
}

/// Whether PHP may write below `templates/`.
pub(crate) fn may_write_templates(installation: Installation) -> bool {
    installation > Installation::AsMade
}

/// What an output template says of its files; one that is no XML says nothing.
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
