//! submit_batch and estimate_batch.

use std::collections::HashMap;
use std::sync::Arc;

use crate::create_work::{self, Call, JobParams};
use crate::fault::Fault;
use crate::php::{At, Level, Php, SUBMIT_RPC, float_text, htmlspecialchars, to_float, to_int, truthy};
use crate::storage::{StoredFile, md5_hex, subdirectory};
use crate::tables::BatchState;
use crate::xml::Element;

use super::batches::{NewBatch, insert, submit_app};
use super::script::Script;

/// A job as `xml_get_jobs` reads it.
struct Job {
    name: String,
    command_line: String,
    target_team: i64,
    target_user: i64,
    target_host: i64,
    rsc_fpops_est: f64,
    /// The path of its input template in /tmp, and its own estimate.
    input_template: Option<(String, f64)>,
    output_template: Option<String>,
    priority: Option<i64>,
    files: Vec<InputFile>,
}

enum InputFile {
    Remote { url: String, bytes: f64, md5: String },
    Other { mode: String, source: String },
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
    let path = format!("{}/html/inc/../../templates/{name}", script.page.root());
    let warning = format!("simplexml_load_file(): I/O warning : failed to load external entity \"{path}\"");
    script.page.warn(&warning, At(SUBMIT_RPC, 103));
    Err(script.error(&format!("couldn't parse input template file {}", htmlspecialchars(&path))))
}

pub(super) fn submit(script: &mut Script<'_>, message: &Element) -> Php {
    script.page.start_tag("submit_batch");
    let none = Element::default();
    let batch = message.first("batch").unwrap_or(&none);
    let app = submit_app(script, &batch.text_of("app_name"))?;
    let user = script.check_permissions(message, Some(&app))?;
    let mut jobs = read_jobs(script, batch);
    refuse_project_template(script, batch, &app)?;
    let names = stage(script, &jobs.jobs)?;
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
    let priority = priority(script, batch, &jobs.jobs)?;
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
            trace: [(At(SUBMIT_RPC, 529), "BoincBatch::insert"), (At(SUBMIT_RPC, 1123), "submit_batch")],
        };
        insert(script, new)?
    };
    script.log();
    let call =
        call(script, batch, &app, id, priority, std::mem::take(&mut jobs.temporary), &jobs.jobs, &names);
    if let Err(died) = create_work::run(script.state, &call) {
        if died.unread > 0 {
            let notice = format!("fwrite(): Write of {} bytes failed with errno=32 Broken pipe", died.unread);
            script.page.complain(Level::Notice, &notice, At(SUBMIT_RPC, 320));
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
        let files = element.all("input_file").map(|file| {
            let mode = file.text_of("mode");
            if mode == "remote" {
                let bytes = to_float(&file.text_of("nbytes"));
                InputFile::Remote { url: file.text_of("url"), bytes, md5: file.text_of("md5") }
            } else {
                InputFile::Other { mode, source: file.text_of("source") }
            }
        });
        let mut job = Job {
            name: element.text_of("name"),
            command_line: element.text_of("command_line"),
            target_team: to_int(&element.text_of("target_team")),
            target_user: to_int(&element.text_of("target_user")),
            target_host: to_int(&element.text_of("target_host")),
            rsc_fpops_est: to_float(&element.text_of("rsc_fpops_est")),
            input_template: None,
            output_template: None,
            priority: element.first("priority").map(|priority| to_int(&priority.text())),
            files: files.collect(),
        };
        if let Some(template) = element.first("input_template").filter(|template| template.truthy()) {
            let text = template.as_xml().replace("<file_info/>", "<file_info></file_info>");
            let estimate = template.first("workunit").map_or(0.0, |w| to_float(&w.text_of("rsc_fpops_est")));
            let random = script.state.random() % 0x100_0000;
            let path = input_paths
                .entry(text.clone())
                .or_insert_with(|| format!("/tmp/input_template_{random:06x}"));
            read.temporary.entry(path.clone()).or_insert_with(|| text.into());
            job.input_template = Some((path.clone(), estimate));
        }
        if let Some(template) = element.first("output_template").filter(|template| template.truthy()) {
            let text = template.as_xml();
            let path = match output_paths.get(&text) {
                Some(path) => path.clone(),
                None => {
                    let path = keep_output_template(script, &text);
                    output_paths.insert(text, path.clone());
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
        let warning = format!(
            "file_put_contents(../../templates/{name}): Failed to open stream: No such file or directory"
        );
        script.page.warn(&warning, At(SUBMIT_RPC, 364));
    }
    format!("templates/{name}")
}

/// `stage_files`: the physical name of each file that is not remote, job by job.
fn stage(script: &mut Script<'_>, jobs: &[Job]) -> Php<Vec<String>> {
    let mut names = Vec::new();
    for job in jobs {
        for file in &job.files {
            if let InputFile::Other { mode, source } = file {
                names.push(stage_file(script, mode, source)?);
            }
        }
    }
    Ok(names)
}

fn stage_file(script: &mut Script<'_>, mode: &str, source: &str) -> Php<String> {
    match mode {
        "local_staged" => Ok(source.to_owned()),
        "inline" => {
            let name = format!("jf_{}", md5_hex(source.as_bytes()));
            let mut data = script.data();
            if data.storage.download.contains_key(&name) {
                return Ok(name);
            }
            data.storage.download.insert(name.clone(), StoredFile::new(source.as_bytes().to_vec()));
            drop(data);
            if source.is_empty() {
                // Zero bytes written are taken for a failure.
                let path = format!("{}/download/{}/{name}", script.page.root(), subdirectory(&name));
                return Err(script.error(&format!("can't write to file {path}")));
            }
            Ok(name)
        }
        "semilocal" | "local" => {
            if source.is_empty() {
                let trace = [
                    (At(SUBMIT_RPC, 172), "md5_file"),
                    (At(SUBMIT_RPC, 220), "stage_file"),
                    (At(SUBMIT_RPC, 479), "stage_files"),
                    (At(SUBMIT_RPC, 1123), "submit_batch"),
                ];
                let at = At(SUBMIT_RPC, 172);
                return Err(script.page.fatal("ValueError", "Path cannot be empty", at, &trace));
            }
            let warning = format!("md5_file({source}): Failed to open stream: No such file or directory");
            script.page.warn(&warning, At(SUBMIT_RPC, 172));
            Err(script.error(&format!("Can't get MD5 of file {source}")))
        }
        "sandbox" => Err(script.error(&format!("sandbox link file {source} not found"))),
        _ => Err(script.error(&format!("unsupported file mode: {mode}"))),
    }
}

/// The priority of all jobs that have none of their own.
fn priority(script: &mut Script<'_>, batch: &Element, jobs: &[Job]) -> Php<Option<i64>> {
    if batch.first("allocation_priority").is_some_and(Element::truthy) {
        let whole =
            batch.first("job_params").map_or(0.0, |params| to_float(&params.text_of("rsc_fpops_est")));
        let mut flops = 0.0;
        for job in jobs {
            let own = [
                job.rsc_fpops_est,
                job.input_template.as_ref().map_or(0.0, |(_, estimate)| *estimate),
                whole,
            ];
            match own.into_iter().find(|estimate| *estimate != 0.0) {
                Some(estimate) => flops += estimate,
                None => return Err(script.error("no rsc_fpops_est given")),
            }
        }
        // bin/adjust_user_priority: the user's allocation starts now and ends when the work is done.
        return Ok(Some(-(script.now() + (flops / 1e9) as i64)));
    }
    Ok(batch.first("priority").map(|priority| to_int(&priority.text())))
}

/// The command that `submit_jobs` runs.
#[allow(clippy::too_many_arguments)]
fn call<'a>(
    script: &Script<'_>,
    batch: &Element,
    app: &'a str,
    id: u64,
    priority: Option<i64>,
    temporary: HashMap<String, Arc<str>>,
    jobs: &[Job],
    names: &[String],
) -> Call<'a> {
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
        priority: priority.unwrap_or(0),
        app_version: to_int(&batch.text_of("app_version_num")),
        params: JobParams {
            disk_bound: param("rsc_disk_bound"),
            fpops_est: param("rsc_fpops_est"),
            fpops_bound: param("rsc_fpops_bound"),
            memory_bound: param("rsc_memory_bound"),
            delay_bound: param("delay_bound"),
        },
        input_template: template("input_template_filename", "in"),
        output_template: template("output_template_filename", "out"),
        stdin: lines(jobs, names),
        temporary,
        fail_after: match script.fault {
            Fault::FailAfterJobs(jobs) => Some(*jobs),
            _ => None,
        },
        process: (script.state.random() % 30_000) as u32 + 1000,
    }
}

/// The standard input of create_work: nothing is quoted.
fn lines(jobs: &[Job], names: &[String]) -> String {
    let mut lines = String::new();
    let mut names = names.iter();
    for job in jobs {
        if truthy(&job.name) {
            lines.push_str(&format!(" --wu_name {}", job.name));
        }
        if truthy(&job.command_line) {
            lines.push_str(&format!(" --command_line \"{}\"", job.command_line));
        }
        for (option, value) in
            [("team", job.target_team), ("user", job.target_user), ("host", job.target_host)]
        {
            if value != 0 {
                lines.push_str(&format!(" --target_{option} {value}"));
                break;
            }
        }
        for file in &job.files {
            match file {
                InputFile::Remote { url, bytes, md5 } => {
                    lines.push_str(&format!(" --remote_file {url} {} {md5}", float_text(*bytes)));
                }
                InputFile::Other { .. } => {
                    lines.push(' ');
                    lines.push_str(names.next().map_or("", String::as_str));
                }
            }
        }
        if let Some((path, _)) = &job.input_template {
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
