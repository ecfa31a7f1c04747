//! A plan in short, for people and for machines.

use std::io::{self, Write};
use std::path::Path;

use boinc::shell;
use serde_json::json;
use validators::describe;

use super::terminal;
use crate::package::pack::Package;
use crate::plan::app::{AppSpec, JudgeScript, Mode};
use crate::plan::units::{show_duration, show_size};
use crate::plan::{Job, Plan};

/// Prints what a campaign would run to stdout.
///
/// # Errors
/// stdout is closed.
pub fn text(plan: &Plan) -> io::Result<()> {
    let mut out = terminal::out();
    let app = &plan.app;
    let names: Vec<&str> = plan.bundle.files.iter().map(|file| file.file.open_name.as_str()).collect();
    writeln!(
        out,
        "app      {} {}, bundle {}-{}: {}",
        app.name,
        app.version,
        app.name,
        plan.bundle.short_hash(),
        names.join(", ")
    )?;
    let copies = &app.replication;
    let jobs = plan.jobs.len();
    let s = if jobs == 1 { "" } else { "s" };
    writeln!(out, "batch    {}: {jobs} job{s}, {}", plan.batch, copies_of_each(copies.total, copies.quorum))?;
    for input in &plan.shared {
        writeln!(out, "input    {} (shared{})", input.file.open_name, copied(input.file.mode))?;
    }
    for input in &plan.job_inputs {
        writeln!(out, "input    {} (per job{})", input.open_name, copied(input.mode))?;
    }
    let names: Vec<&str> = app.outputs.iter().map(|output| output.name.as_str()).collect();
    let rules = app.validate.rules(&names).expect("the plan was made without a mistake").outputs;
    for (output, rule) in app.outputs.iter().zip(&rules) {
        let optional = if output.optional { ", optional" } else { "" };
        let size = show_size(output.max_bytes);
        // Then the rules have no say in it.
        let has_compare = app.script.as_ref().is_some_and(|script| !script.compare.is_empty());
        let compared = match has_compare {
            true => "where bytes differ, the script judges".to_owned(),
            false => describe::rule(&rule.compare),
        };
        writeln!(out, "output   {} (at most {size}{optional}): {compared}", output.name)?;
        if let Some(check) = describe::check(&rule.check) {
            writeln!(out, "         each result: {check}")?;
        }
    }
    if let Some(script) = &app.script {
        write_script(&mut out, script)?;
    }
    if !app.assimilate.value.is_empty() {
        let values: Vec<String> = app
            .assimilate
            .value
            .iter()
            .map(|value| format!("{} from {}", value.name, value.output))
            .collect();
        writeln!(out, "values   {}", values.join(", "))?;
    }
    writeln!(out, "needs    {}", needs(app))?;
    for (label, job) in plan.jobs.first().map(|job| ("first", job)).into_iter().chain(last(plan)) {
        writeln!(out, "{label:<8} {}: {}", job.name, shell::join(&job.args))?;
    }
    Ok(())
}

fn write_script(out: &mut impl Write, script: &JudgeScript) -> io::Result<()> {
    writeln!(out, "script   in {}, without network, where results are judged", script.image)?;
    let purposes = [("init", &script.init), ("compare", &script.compare), ("assimilate", &script.assimilate)];
    for (purpose, words) in purposes.into_iter().filter(|(_, words)| !words.is_empty()) {
        writeln!(out, "         {purpose}: {}", shell::join(words))?;
    }
    if !script.extra_outputs.is_empty() {
        writeln!(out, "         extra outputs {}", script.extra_outputs.join(", "))?;
    }
    Ok(())
}

/// Prints what a package holds to stdout.
///
/// # Errors
/// stdout is closed.
pub fn package(package: &Package<'_>) -> io::Result<()> {
    let mut out = terminal::out();
    let bytes = show_size(package.bytes());
    writeln!(out, "files    {} of different content, {bytes}", package.files.len())?;
    for template in [&package.input_template, &package.output_template] {
        writeln!(out, "template {} ({} bytes)", template.name, template.text.len())?;
    }
    let longest = package.job_lines.iter().map(String::len).max().unwrap_or(0);
    writeln!(
        out,
        "jobs     {} lines for create_work, the longest of {longest} bytes",
        package.job_lines.len()
    )
}

/// Prints what a package holds to stdout as one JSON object; `written` is its folder, if it was written.
///
/// # Errors
/// stdout is closed.
pub fn package_json(plan: &Plan, package: &Package<'_>, written: Option<&Path>) -> io::Result<()> {
    let templates = [&package.input_template.name, &package.output_template.name];
    terminal::json(&json!({
        "app": plan.app.name,
        "bundle": plan.bundle.sha256,
        "batch": plan.batch,
        "jobs": plan.jobs.len(),
        "files": package.files.len(),
        "bytes": package.bytes(),
        "templates": templates,
        "written": written.map(|dir| dir.display().to_string()),
    }))
}

/// Prints where a package was written.
///
/// # Errors
/// stdout is closed.
pub fn written(dir: &Path) -> io::Result<()> {
    writeln!(terminal::out(), "written  {}", dir.display())
}

fn last(plan: &Plan) -> Option<(&'static str, &Job)> {
    (plan.jobs.len() > 1).then(|| plan.jobs.last()).flatten().map(|job| ("last", job))
}

fn copied(mode: Mode) -> &'static str {
    if mode == Mode::Copy { ", copied" } else { "" }
}

fn needs(app: &AppSpec) -> String {
    let need = &app.resources;
    let gpu = if need.gpu.is_some() { ", a GPU" } else { "" };
    let s = if need.cpus == 1.0 { "" } else { "s" };
    let network = if need.network { ", the network" } else { "" };
    // Computers of volunteers do some 10⁹ operations of an ordinary program in a second.
    let time = spelled(&show_duration(need.flops / 1e9));
    format!(
        "{:e} flops (about {time} on a typical host), {} memory, {} disk, {} cpu{s}{gpu}{network}; back within {}",
        need.flops,
        show_size(need.memory_bytes),
        show_size(need.disk_bytes),
        need.cpus,
        show_duration(need.deadline.as_secs_f64()),
    )
}

/// A duration with its unit as a word: "17 minutes".
fn spelled(duration: &str) -> String {
    match duration.split_once(' ') {
        Some((number, "min")) => format!("{number} minutes"),
        Some((number, "h")) => format!("{number} hours"),
        Some(("1", "s")) => "1 second".to_owned(),
        Some((number, "s")) => format!("{number} seconds"),
        _ => duration.to_owned(),
    }
}

fn copies_of_each(total: u32, quorum: u32) -> String {
    match (total, quorum) {
        (1, _) => "1 copy of each, taken as it is".to_owned(),
        (total, 1) => format!("{total} copies of each, the first good one is taken"),
        (total, 2) => format!("{total} copies of each, 2 must agree"),
        // check_set of sched/validate_util2.cpp wants a majority of the quorum.
        (total, quorum) => format!("{total} copies of each, {} of {quorum} must agree", quorum / 2 + 1),
    }
}

/// Prints the plan's names and arguments to stdout as one JSON object.
///
/// # Errors
/// stdout is closed.
pub fn json(plan: &Plan) -> io::Result<()> {
    let job = |job: &Job| json!({ "name": job.name, "wu_name": job.wu_name, "args": job.args });
    terminal::json(&json!({
        "app": plan.app.name,
        "version": plan.app.version,
        "bundle": plan.bundle.sha256,
        "batch": plan.batch,
        "jobs": plan.jobs.iter().map(job).collect::<Vec<_>>(),
    }))
}
