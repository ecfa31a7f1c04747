//! `buoy admin spool`: what assimilation could not finish.

use std::cell::RefCell;
use std::path::PathBuf;

use anyhow::anyhow;
use boinc::clock::{SystemClock, now};
use clap::Subcommand;
use validators::session::Call;
use validators::shim;
use validators::spool::Spool;

use super::not_as_root::refuse_root;
use crate::admin::routes::ProjectPaths;
use crate::cli::exit::Exit;
use crate::cli::help::examples;
use crate::cli::render;

/// Show, retry or drop what assimilation could not finish
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
    /// The project's directory
    #[arg(long, value_name = "DIR", default_value = ".", global = true, overrides_with = "project")]
    project: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List waiting items, with the reason and the time of the next try
    #[command(after_help = examples(&[
        ("buoy admin spool list", "List the items of the project in the current directory"),
        ("buoy admin spool list --project ~/projects/mine --json", "List the items of another project as JSON"),
    ]))]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Retry all items, or the named ones, now
    #[command(after_help = examples(&[
        ("buoy admin spool retry", "Retry all items"),
        ("buoy admin spool retry vina-0123abcd__night__aspirin_0", "Retry one item"),
    ]))]
    Retry {
        /// Names of items, as shown by `list`
        items: Vec<String>,
    },
    /// Delete items and their outputs permanently
    #[command(after_help = examples(&[
        ("buoy admin spool drop vina-0123abcd__night__aspirin_0", "Delete one item"),
        ("buoy admin spool drop vina-0123abcd__night__aspirin_0 --project ~/projects/mine", "Delete an item of another project"),
    ]))]
    Drop {
        /// Names of items, as shown by `list`
        #[arg(required = true)]
        items: Vec<String>,
    },
}

/// Carries out one of the verbs.
///
/// # Errors
/// The spool can't be read or written; stdout is closed.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let paths = match ProjectPaths::of_project(&args.project) {
        Ok(paths) => paths,
        Err(message) => return Ok(render::refusal(&anyhow!(message))),
    };
    let spool = Spool::for_routes(&paths.routes_toml);
    if !matches!(args.verb, Verb::List { .. })
        && let Some(exit) = refuse_root(spool.directory(), &paths)?
    {
        return Ok(exit);
    }
    match &args.verb {
        Verb::List { json } => {
            let items = spool.list()?;
            match json {
                true => render::admin_spool::json(&items)?,
                false => render::admin_spool::text(&items, now())?,
            }
            Ok(Exit::Done)
        }
        Verb::Retry { items } => {
            if let Some(unknown) = unknown(&spool, items)? {
                return Ok(render::refusal(&unknown));
            }
            retry(&paths, items)
        }
        Verb::Drop { items } => {
            if let Some(unknown) = unknown(&spool, items)? {
                return Ok(render::refusal(&unknown));
            }
            let mut busy = Vec::new();
            for item in items {
                if !spool.drop_item(item)? {
                    busy.push(item.as_str());
                }
            }
            render::admin_spool::dropped(items.len() - busy.len(), &busy)?;
            Ok(if busy.is_empty() { Exit::Done } else { Exit::Findings })
        }
    }
}

/// The first name that is not in the spool.
fn unknown(spool: &Spool, items: &[String]) -> anyhow::Result<Option<anyhow::Error>> {
    let keys = spool.keys()?;
    let unknown = items.iter().find(|item| !keys.contains(item));
    Ok(unknown.map(|item| anyhow!("{item}: not in the spool; buoy admin spool list shows the names")))
}

fn retry(paths: &ProjectPaths, items: &[String]) -> anyhow::Result<Exit> {
    let lines = RefCell::new(Vec::new());
    let log = |line: &str| lines.borrow_mut().push(line.to_owned());
    let call = Call {
        argv: &[],
        directory: &paths.directory,
        routes: Some(paths.routes_toml.as_os_str()),
        outage: None,
        inline: true,
        clock: &SystemClock,
        log: &log,
    };
    let outlook = shim::retry(&call, items)?;
    render::admin_spool::retried(&outlook, &lines.borrow())?;
    Ok(if outlook.stuck == 0 { Exit::Done } else { Exit::Findings })
}
