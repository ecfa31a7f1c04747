//! `buoy login`: logs in to a project, checks a known project, or lists all of them.

use std::io::Read;
use std::path::PathBuf;

use anyhow::Context;
use boinc::visible::visible;

use crate::cli::exit::Exit;
use crate::cli::help::{Example, examples};
use crate::cli::render;
use crate::cli::render::projects::{Found, Project};
use crate::project::address::{PlainHttp, ProjectUrl};
use crate::project::authenticator::Authenticator;
use crate::project::client::{self, ProjectClient};
use crate::project::config::{
    AUTHENTICATOR_VARIABLE, ConfigError, DEFAULT_APP, ProjectEntry, Projects, authenticator,
};
use crate::project::options::ClientOptions;
use crate::project::prompt::{self, Typed};
use crate::project::protocol::info::ProjectInfo;

/// An authenticator has at most 254 bytes; whatever is larger is another file.
const SECRET_FILE_MAX: u64 = 4096;

const EXAMPLES: &[Example] = &[
    (
        "buoy login https://project.example/ --name mine",
        "Log in, and call the project mine in other commands",
    ),
    ("buoy login --check mine", "Check whether the project still accepts your jobs"),
];

/// Log in to a BOINC project
///
/// Stores the project's address under a short name, and your authenticator (the "account key" on your account page at the
/// project) in a file that only you can read. Before anything is stored, a request that changes nothing verifies that the
/// project lets you submit jobs. With --check or --list, looks at projects that are already known.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(EXAMPLES))]
pub struct Args {
    /// Address of the project's home page; https:// can be left out
    #[arg(value_name = "PROJECT_URL", required_unless_present_any = ["check", "list"], conflicts_with_all = ["check", "list"])]
    url: Option<String>,
    /// Name for the project in other commands [default: the first word of its host name]
    #[arg(long, conflicts_with_all = ["check", "list"])]
    name: Option<String>,
    /// Name of the project's universal BOINC app
    #[arg(long, value_name = "APP", default_value = DEFAULT_APP, conflicts_with_all = ["check", "list"])]
    app: String,
    /// Read the authenticator (account key) from a file instead of $BUOY_AUTHENTICATOR or a prompt
    #[arg(long, value_name = "FILE", conflicts_with_all = ["check", "list"])]
    authenticator_file: Option<PathBuf>,
    /// Read the authenticator from standard input
    #[arg(long, conflicts_with_all = ["authenticator_file", "check", "list"])]
    stdin: bool,
    /// Accept an http:// address, which sends the authenticator unencrypted
    #[arg(long, conflicts_with_all = ["check", "list"])]
    allow_http: bool,
    /// Trust these certificates (PEM) in addition to the system's
    #[arg(long, value_name = "FILE", conflicts_with_all = ["check", "list"])]
    ca_file: Option<PathBuf>,
    /// Make this the default project; the first project always is
    #[arg(long, conflicts_with_all = ["check", "list"])]
    default: bool,
    /// Check whether a known project still accepts your jobs
    #[arg(long, value_name = "NAME", num_args = 0..=1, conflicts_with = "list")]
    check: Option<Option<String>>,
    /// List known projects
    #[arg(long)]
    list: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Logs in, checks or lists.
///
/// # Errors
/// The address, the authenticator, the app or the kept files are not good; the project can't be asked; stdout is closed.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut projects = Projects::open()?;
    match (&args.url, &args.check) {
        (Some(url), _) => log_in(args, url, &mut projects),
        (None, Some(name)) => {
            let (entry, client) = projects.client(name.as_deref())?;
            let of_project = || format!("project {}", entry.name);
            let info = client.describe().with_context(of_project)?;
            client.check_access(&entry.app_name).with_context(of_project)?;
            let default = projects.default_name() == Some(&entry.name);
            tell(args.json, "ok", &project(&entry, default, Some(&info)))
        }
        (None, None) => {
            let default = projects.default_name();
            let all = projects.list();
            let all: Vec<Project> =
                all.iter().map(|entry| project(entry, default == Some(&entry.name), None)).collect();
            render::output(args.json, &all, || render::projects::list(&all))?;
            Ok(Exit::Done)
        }
    }
}

fn log_in(args: &Args, url: &str, projects: &mut Projects) -> anyhow::Result<Exit> {
    let plain = if args.allow_http { PlainHttp::Allow } else { PlainHttp::Refuse };
    let url = ProjectUrl::parse(url, plain).map_err(|error| ConfigError::Invalid(error.to_string()))?;
    let entry = ProjectEntry {
        name: args.name.clone().unwrap_or_else(|| url.short_name()),
        url: url.to_string(),
        app_name: args.app.clone(),
        allow_http: args.allow_http,
        ca_file: args.ca_file.as_ref().map(std::path::absolute).transpose()?,
    };
    projects.check_free(&entry.name, &entry.url)?;
    // Before anybody is asked for a secret: is there a project at all?
    let options = ClientOptions { ca_file: entry.ca_file.clone(), ..ClientOptions::default() };
    let info = client::describe(&url, &options)?;
    let Some(secret) = secret(args, projects, &info)? else { return Ok(Exit::Interrupted) };
    let info = info.without_secret(&secret);
    let client = ProjectClient::new(url, secret.clone(), options)?;
    client.check_access(&entry.app_name)?;
    projects.add(&entry, &secret, args.default)?;
    let default = projects.default_name() == Some(&entry.name);
    tell(args.json, "logged in to", &project(&entry, default, Some(&info)))
}

fn secret(args: &Args, projects: &Projects, info: &ProjectInfo) -> anyhow::Result<Option<Authenticator>> {
    let read = |from: &mut dyn Read, origin: String| -> anyhow::Result<Option<Authenticator>> {
        let mut text = String::new();
        from.take(SECRET_FILE_MAX)
            .read_to_string(&mut text)
            .with_context(|| format!("failed to read {origin}"))?;
        Ok(Some(authenticator(&text, origin)?))
    };
    if let Some(path) = &args.authenticator_file {
        let origin = path.display().to_string();
        let mut file = std::fs::File::open(path).with_context(|| format!("failed to read {origin}"))?;
        return read(&mut file, origin);
    }
    if args.stdin {
        return read(&mut std::io::stdin().lock(), "stdin".to_owned());
    }
    if let Some(given) = projects.given()? {
        return Ok(Some(given));
    }
    let title = visible(&info.name);
    let question = format!("Authenticator at {title} (account key, on your account page there): ");
    match prompt::secret(&question)? {
        Typed::Line(text) => Ok(Some(authenticator(&text, "what was typed".to_owned())?)),
        Typed::Nothing => Ok(None),
        Typed::NoTerminal => Err(ConfigError::Invalid(format!(
            "no terminal to prompt for the authenticator; use --authenticator-file, --stdin or ${AUTHENTICATOR_VARIABLE}"
        ))
        .into()),
    }
}

fn project(entry: &ProjectEntry, default: bool, info: Option<&ProjectInfo>) -> Project {
    Project {
        name: entry.name.clone(),
        url: entry.url.clone(),
        app: entry.app_name.clone(),
        default,
        found: info.map(|info| Found {
            title: info.name.clone(),
            server_version: info.server_version.clone(),
            clock_skew_seconds: info.clock_skew_seconds.map(f64::round),
        }),
    }
}

fn tell(json: bool, word: &str, project: &Project) -> anyhow::Result<Exit> {
    render::output(json, project, || render::projects::found(word, project))?;
    Ok(Exit::Done)
}
