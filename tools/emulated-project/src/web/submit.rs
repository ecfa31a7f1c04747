//! submit_batch and estimate_batch.

use std::collections::HashMap;
use std::sync::Arc;

use crate::create_work::{self, Call};
use crate::fault::Fault;
use crate::php::{Php, float_text, htmlspecialchars, to_float, to_int, truthy};
use crate::settings::PROJECT_ROOT;
use crate::storage::md5_hex;
use crate::tables::{Batch, BatchState};
use crate::workunit::Workunit;
use crate::xml::Element;

use super::batches::{insert, submit_app};
use super::script::Script;

/// The jobs of a batch, and what they brought along.
#[derive(Default)]
struct Jobs {
    count: usize,
    /// The standard input of create_work, a line per job: nothing is quoted.
    lines: String,
    /// Input templates in /tmp, by path.
    temporary: HashMap<String, Arc<str>>,
}

pub(super) fn estimate(script: &mut Script<'_>, message: &Element) -> Php {
    script.page.start_tag("estimate_batch");
    let none = Element::default();
    let batch = message.first("batch").unwrap_or(&none);
    let app = submit_app(script, &batch.text_of("app_name"))?;
    script.check_permissions(message, Some(&app))?;
    refuse_project_template(script, &app)?;
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
fn refuse_project_template(script: &mut Script<'_>, app: &str) -> Php {
    let name = format!("{app}_in");
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
    refuse_project_template(script, &app)?;
    let mut modes = batch.all("job").flat_map(|job| job.all("input_file")).map(|file| file.text_of("mode"));
    if let Some(mode) = modes.find(|mode| mode != "local_staged") {
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
    let id = if given != 0 {
        if let Some(batch) = script.data().tables.batch_mut(given as u64) {
            batch.njobs = jobs.count;
        }
        given as u64
    } else {
        let name = batch.text_of("batch_name");
        let new = Batch { owner: user, app_name: app.clone(), name, njobs: jobs.count, ..Batch::default() };
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
    let mut read = Jobs::default();
    let mut input_paths: HashMap<String, String> = HashMap::new();
    let mut output_paths: HashMap<String, String> = HashMap::new();
    for job in batch.all("job") {
        let name = job.text_of("name");
        if truthy(&name) {
            read.lines.push_str(&format!(" --wu_name {name}"));
        }
        let command_line = job.text_of("command_line");
        if truthy(&command_line) {
            read.lines.push_str(&format!(" --command_line \"{command_line}\""));
        }
        for file in job.all("input_file") {
            read.lines.push_str(&format!(" {}", file.text_of("source")));
        }
        if let Some(template) = job.first("input_template").filter(|template| template.truthy()) {
            let text = template.as_xml().replace("<file_info/>", "<file_info></file_info>");
            let random = script.state.random() % 0x100_0000;
            let new_path = || format!("/tmp/input_template_{random:06x}");
            let path = input_paths.entry(text.clone()).or_insert_with(new_path);
            read.temporary.entry(path.clone()).or_insert_with(|| text.into());
            read.lines.push_str(&format!(" --wu_template {path}"));
        }
        if let Some(template) = job.first("output_template").filter(|template| template.truthy()) {
            let text = template.as_xml();
            let path = output_paths.entry(text.to_owned());
            let path = path.or_insert_with(|| keep_output_template(script, text));
            read.lines.push_str(&format!(" --result_template {path}"));
        }
        if let Some(priority) = job.first("priority") {
            read.lines.push_str(&format!(" --priority {}", to_int(&priority.text())));
        }
        read.lines.push('\n');
        read.count += 1;
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

/// The command that `submit_jobs` runs, with create_work's defaults for what is 0 or not given.
fn call(script: &Script<'_>, batch: &Element, app: &str, id: u64, jobs: Jobs) -> Call {
    let none = Element::default();
    let params = batch.first("job_params").unwrap_or(&none);
    let param = |name: &str, default: f64| match to_float(&params.text_of(name)) {
        0.0 => default,
        given => given,
    };
    let template = |name: &str, default: &str| {
        let given = batch.text_of(name);
        format!("templates/{}", if truthy(&given) { given } else { format!("{app}_{default}") })
    };
    Call {
        defaults: Workunit {
            app_name: app.into(),
            batch: id,
            priority: to_int(&batch.text_of("priority")),
            rsc_disk_bound: param("rsc_disk_bound", 1e9),
            rsc_fpops_est: param("rsc_fpops_est", 3600e9),
            rsc_fpops_bound: param("rsc_fpops_bound", 86_400e9),
            rsc_memory_bound: param("rsc_memory_bound", 5e8),
            delay_bound: param("delay_bound", 7.0 * 86_400.0) as i64,
            min_quorum: 1,
            target_nresults: 1,
            max_error_results: 1,
            max_total_results: 1,
            max_success_results: 1,
            ..Workunit::default()
        },
        input_template: template("input_template_filename", "in"),
        output_template: template("output_template_filename", "out"),
        stdin: jobs.lines,
        temporary: jobs.temporary,
        fail_after: match script.fault {
            Fault::FailAfterJobs(jobs) => Some(*jobs),
            _ => None,
        },
        process: (script.state.random() % 30_000) as u32 + 1000,
    }
}
