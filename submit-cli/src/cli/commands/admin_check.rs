//! `buoy admin check`: what is missing or unsafe in a project.

use std::path::{Path, PathBuf};

use anyhow::anyhow;

use crate::admin::check::{Finding, Subject, check, is_good};
use crate::admin::database::Client;
use crate::admin::fix::{Fix, apply};
use crate::admin::project_files::ProjectFiles;
use crate::admin::server_host::ServerHost;
use crate::cli::exit::Exit;
use crate::cli::help::{Example, examples};
use crate::cli::render;

const EXAMPLES: &[Example] = &[
    ("buoy admin check .", "Check the project in the current directory"),
    ("buoy admin check . --app universal --fix", "Fix what can be fixed safely, and check one app only"),
];

/// Check a project for missing and unsafe settings
///
/// Prints a line for each problem, with file and line. The exit code is 1 if there are problems. Before --fix changes a file,
/// it keeps a copy next to it as FILE.before-fix-1; it removes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(EXAMPLES))]
pub struct Args {
    /// The project's directory
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Check only this BOINC app [default: all apps in project.xml]
    #[arg(long)]
    app: Option<String>,
    /// Account that the web server runs as [default: www-data, apache, nginx or http]
    #[arg(long, value_name = "NAME")]
    web_user: Option<String>,
    /// Fix what can be fixed safely: directory modes, missing directories, errors in config.xml and templates
    #[arg(long)]
    fix: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Checks the project, fixes what can be fixed if asked to, and prints what is left.
///
/// # Errors
/// stdout is closed.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    // Messages and what is written into files name whole paths.
    let dir = match args.dir.canonicalize() {
        Ok(dir) if dir.join("config.xml").is_file() => dir,
        _ => {
            let dir = args.dir.display();
            return Ok(render::refusal(&anyhow!(
                "{dir}: not the directory of a BOINC project: no config.xml"
            )));
        }
    };
    let host = ServerHost::inspect(args.web_user.as_deref());
    let mut findings = look(&dir, &host, args.app.as_deref());
    let mut done = Vec::new();
    if args.fix {
        let fixes: Vec<Fix> = findings.iter().filter_map(|finding| finding.fix.clone()).collect();
        done = apply(&fixes);
        findings = look(&dir, &host, args.app.as_deref());
    }
    match args.json {
        true => render::admin_check::json(&findings, &done)?,
        false => render::admin_check::text(&findings, &done, args.fix)?,
    }
    Ok(if is_good(&findings) { Exit::Done } else { Exit::Findings })
}

fn look(dir: &Path, host: &ServerHost, app: Option<&str>) -> Vec<Finding> {
    let project = ProjectFiles::read(dir);
    let database = Client::of(&project);
    check(&Subject { project: &project, host, database: &database, app })
}
