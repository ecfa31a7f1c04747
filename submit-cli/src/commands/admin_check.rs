//! `buoy admin check`: what is missing or unsafe in a project.

use std::path::{Path, PathBuf};

use anyhow::anyhow;

use crate::admin::check::{Finding, Subject, check, is_good};
use crate::admin::database::Client;
use crate::admin::fix::{Fix, apply};
use crate::admin::project_files::ProjectFiles;
use crate::admin::server_host::ServerHost;
use crate::exit::Exit;
use crate::render;

/// Arguments of `buoy admin check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The project's directory
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Look at this BOINC app only [default: all of project.xml]
    #[arg(long)]
    app: Option<String>,
    /// The account that the web server runs as [default: www-data, apache, nginx or http]
    #[arg(long, value_name = "NAME")]
    web_user: Option<String>,
    /// Mend what is safe to mend: directories' modes, missing directories, slips in config.xml and templates
    #[arg(long)]
    fix: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Looks at the project, mends what is wanted, and prints what is left.
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
                "{dir}: no config.xml here; name the directory of a BOINC project"
            )));
        }
    };
    let host = ServerHost::look(args.web_user.as_deref());
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
    let project = ProjectFiles::look(dir);
    let database = Client::of(&project);
    check(&Subject { project: &project, host, database: &database, app })
}
