//! submit_batch and estimate_batch.

use std::collections::HashMap;
use std::sync::Arc;

use crate::create_work::{self, Call, JobParams};
use crate::fault::Fault;
use crate::php::{Php, float_text, htmlspecialchars, to_float, to_int, truthy};
use crate::settings::PROJECT_ROOT;
use crate::storage::md5_hex;
use crate::tables::BatchState;
use crate::xml::Element;

use super::batches::{NewBatch, insert, submit_app};
use super::script::Script;

/// A job as `xml_get_jobs` reads it.
struct Job {
    name: String,
    command_line: String,
    /// The path of its input template in /tmp.
    input_template: Option<String>,
    output_template: Option<String>,
    priority: Option<i64>,
    /// Mode and source of each input.
    files: Vec<(String, String)>,
}

/// What the jobs brought along.
struct Jobs {
    jobs: Vec<Job>,
    temporary: HashMap<String, Arc<str>>,
}

pub(super) fn estimate(script: &mut Script<'_>, message: &Element) -> Php {
    script.page.start_tag("estimate_batch");
    let none = Element::default();
    let batch = message.first("batch").unwrap_or(&none);
    let app = submit_app(script, &batch.text_of("app_name"))?;
    script.check_permissions(message, Some(&app))?;
    refuse_project_template(script, batch, &app)?;
    let mut flops = 0.0;
    for job in batch.all("job") {
        let estimate = to_float(&job.text_of("rsc_fpops_est"));
        if estimate == 0.0 {
            return Err(script.error("no rsc_fpops_est given for job"));
        }
        flops += estimate;
    }
    // A project without credit counts as one of 1 GFLOPS.
    let seconds = float_text(flops / 1e9);
    script.page.echo(&format!("<seconds>{seconds}</seconds>\n        </estimate_batch>\n    "));
    Ok(())
}

/// `read_input_template`: since PHP 8, a template file that is there can't be read, because the request was read with
/// external entities switched off.
fn refuse_project_template(script: &mut Script<'_>, batch: &Element, app: &str) -> Php {
    let named = batch.text_of("workunit_template_file");
    let name = if batch.first("workunit_template_file").is_some_and(Element::truthy) {
        named
    } else {
        format!("{app}_in")
    };
    if !script.data().storage.templates.contains_key(&name) {
        return Ok(());
    }
    let path = format!("{PROJECT_ROOT}/html/inc/../../templates/{name}");
    script.page.note("Warning", "simplexml_load_file(): I/O warning : failed to load external entity");
    Err(script.error(&format!("couldn't parse input template file {}", htmlspecialchars(&path))))
}

pub(super) fn submit(script: &mut Script<'_>, message: &Element) -> Php {
    script.page.start_tag("submit_batch");
    let none = Element::default();
    let batch = message.first("batch").unwrap_or(&none);
    let app = submit_app(script, &batch.text_of("app_name"))?;
    let user = script.check_permissions(message, Some(&app))?;
    let jobs = read_jobs(script, batch);
    refuse_project_template(script, batch, &app)?;
    let sources = jobs.jobs.iter().flat_map(|job| &job.files);
    if let Some((mode, _)) = sources.clone().find(|(mode, _)| mode != "local_staged") {
        let text = format!("unsupported file mode: {mode}");
        return Err(script.error(&text));
    }
    let given = to_int(&batch.text_of("batch_id"));
    if given != 0 {
        let found = script.data().tables.batch(given).map(|batch| (batch.owner, batch.state));
        match found {
            None => return Err(script.error(&format!("no batch {given}"))),
            Some((owner, _)) if owner != user => return Err(script.error("not owner of batch")),
            Some((_, state)) if state != BatchState::Init => {
                return Err(script.error("batch not in init state"));
            }
            Some(_) => {}
        }
    }
    let count = jobs.jobs.len();
    let id = if given != 0 {
        let mut data = script.data();
        if let Some(batch) = data.tables.batch_mut(given as u64) {
            batch.njobs = count;
        }
        given as u64
    } else {
        let new = NewBatch {
            owner: user,
            app: &app,
            name: batch.text_of("batch_name"),
            njobs: count,
            expire_time: 0.0,
        };
        insert(script, new)?
    };
    script.log();
    let call = call(script, batch, &app, id, jobs);
    if let Err(died) = create_work::run(script.state, &call) {
        if died.unread > 0 {
            let notice = format!("fwrite(): Write of {} bytes failed with errno=32 Broken pipe", died.unread);
            script.page.note("Notice", &notice);
        }
        return Err(script.page.xml_error(-1, &format!("create_work failed: {}", died.printed)));
    }
    if let Some(batch) = script.data().tables.batch_mut(id) {
        batch.state = BatchState::InProgress;
    }
    script.log();
    script.page.echo(&format!("<batch_id>{id}</batch_id>\n        </submit_batch>\n    "));
    Ok(())
}

/// `xml_get_jobs`: templates given with jobs go into files, the same text into the same file.
fn read_jobs(script: &mut Script<'_>, batch: &Element) -> Jobs {
    let mut read = Jobs { jobs: Vec::new(), temporary: HashMap::new() };
    let mut input_paths: HashMap<String, String> = HashMap::new();
    let mut output_paths: HashMap<String, String> = HashMap::new();
    for element in batch.all("job") {
        let files = element.all("input_file").map(|file| (file.text_of("mode"), file.text_of("source")));
        let mut job = Job {
            name: element.text_of("name"),
            command_line: element.text_of("command_line"),
            input_template: None,
            output_template: None,
            priority: element.first("priority").map(|priority| to_int(&priority.text())),
            files: files.collect(),
        };
        if let Some(template) = element.first("input_template").filter(|template| template.truthy()) {
            let text = template.as_xml().replace("<file_info/>", "<file_info></file_info>");
            let random = script.state.random() % 0x100_0000;
            let path = input_paths
                .entry(text.clone())
                .or_insert_with(|| format!("/tmp/input_template_{random:06x}"));
            read.temporary.entry(path.clone()).or_insert_with(|| text.into());
            job.input_template = Some(path.clone());
        }
        if let Some(template) = element.first("output_template").filter(|template| template.truthy()) {
            let text = template.as_xml();
            let path = match output_paths.get(text) {
                Some(path) => path.clone(),
                None => {
                    let path = keep_output_template(script, text);
                    output_paths.insert(text.to_owned(), path.clone());
                    path
                }
            };
            job.output_template = Some(path);
        }
        read.jobs.push(job);
    }
    read
}

/// `make_output_template`: these must outlive the request, and are named by their content.
fn keep_output_template(script: &mut Script<'_>, text: &str) -> String {
    let name = format!("tmp/{}", md5_hex(text.as_bytes()));
    if create_work::may_write_templates(script.settings.installation) {
        script.data().storage.templates.entry(name.clone()).or_insert_with(|| text.into());
    } else {
        script.page.note("Warning", "file_put_contents(): Failed to open stream: No such file or directory");
    }
    format!("templates/{name}")
}

/// The command that `submit_jobs` runs.
fn call<'a>(script: &Script<'_>, batch: &Element, app: &'a str, id: u64, jobs: Jobs) -> Call<'a> {
    let none = Element::default();
    let params = batch.first("job_params").unwrap_or(&none);
    let param = |name: &str| to_float(&params.text_of(name));
    let template = |name: &str, default: &str| {
        let given = batch.text_of(name);
        format!("templates/{}", if truthy(&given) { given } else { format!("{app}_{default}") })
    };
    Call {
        app,
        batch: id,
        priority: to_int(&batch.text_of("priority")),
        params: JobParams {
            disk_bound: param("rsc_disk_bound"),
            fpops_est: param("rsc_fpops_est"),
            fpops_bound: param("rsc_fpops_bound"),
            memory_bound: param("rsc_memory_bound"),
            delay_bound: param("delay_bound"),
        },
        input_template: template("input_template_filename", "in"),
        output_template: template("output_template_filename", "out"),
        stdin: lines(&jobs.jobs),
        temporary: jobs.temporary,
        fail_after: match script.fault {
            Fault::FailAfterJobs(jobs) => Some(*jobs),
            _ => None,
        },
        process: (script.state.random() % 30_000) as u32 + 1000,
    }
}

/// The standard input of create_work: nothing is quoted.
fn lines(jobs: &[Job]) -> String {
    let mut lines = String::new();
    for job in jobs {
        if truthy(&job.name) {
            lines.push_str(&format!(" --wu_name {}", job.name));
        }
        if truthy(&job.command_line) {
            lines.push_str(&format!(" --command_line \"{}\"", job.command_line));
        }
        for (_, source) in &job.files {
            lines.push_str(&format!(" {source}"));
        }
        if let Some(path) = &job.input_template {
            lines.push_str(&format!(" --wu_template {path}"));
        }
        if let Some(path) = &job.output_template {
            lines.push_str(&format!(" --result_template {path}"));
        }
        if let Some(priority) = job.priority {
            lines.push_str(&format!(" --priority {priority}"));
        }
        lines.push('\n');
    }
    lines
}
