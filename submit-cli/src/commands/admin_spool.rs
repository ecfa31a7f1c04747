//! `buoy admin spool`: what assimilation could not finish.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Subcommand;
use validators::clock::{Clock, SystemClock};
use validators::shim::{self, Call};
use validators::spool::Spool;

use crate::admin::routes::Place;
use crate::exit::Exit;
use crate::render;

/// Arguments of `buoy admin spool`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
    /// The project's directory
    #[arg(long, value_name = "DIR", default_value = ".", global = true)]
    project: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show what waits, why, and when it is tried again
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Try all, or those named, at once
    Retry {
        /// Names as `list` shows them
        items: Vec<String>,
    },
    /// Give those named up, with their outputs, for good
    Drop {
        /// Names as `list` shows them
        #[arg(required = true)]
        items: Vec<String>,
    },
}

/// Carries out one of the verbs.
///
/// # Errors
/// The spool can't be read or written; stdout is closed.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let place = match Place::of_project(&args.project) {
        Ok(place) => place,
        Err(message) => return Ok(render::refusal(&anyhow!(message))),
    };
    let spool = Spool::beside(&place.routes_toml);
    if !matches!(args.verb, Verb::List { .. })
        && let Some(exit) = as_owner(spool.directory())?
    {
        return Ok(exit);
    }
    match &args.verb {
        Verb::List { json } => {
            let items = spool.list()?;
            match json {
                true => render::admin_spool::json(&items)?,
                false => render::admin_spool::text(&items, SystemClock.now())?,
            }
            Ok(Exit::Done)
        }
        Verb::Retry { items } => {
            if let Some(unknown) = unknown(&spool, items)? {
                return Ok(render::refusal(&unknown));
            }
            retry(&place, items)
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

/// Does the same as the spool's owner, for root: what root would leave in it the daemons could not change, and the
/// project's scripts are not run as root. `None` if there is no need.
#[cfg(unix)]
fn as_owner(spool: &Path) -> anyhow::Result<Option<Exit>> {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::process::CommandExt;
    let Ok(owner) = spool.metadata() else { return Ok(None) };
    if !rustix::process::geteuid().is_root() || owner.uid() == 0 {
        return Ok(None);
    }
    let program = std::env::current_exe()?;
    let ended = std::process::Command::new(&program)
        .args(std::env::args_os().skip(1))
        .uid(owner.uid())
        .gid(owner.gid())
        .status()
        .with_context(|| {
            let (program, spool, uid) = (program.display(), spool.display(), owner.uid());
            format!("{spool} belongs to user {uid}, who cannot run {program}: put it where that user can, or run as that user")
        })?;
    Ok(Some(match ended.code() {
        Some(0) => Exit::Done,
        Some(1) => Exit::Findings,
        Some(2) => Exit::BadInput,
        Some(3) => Exit::HostCannot,
        _ => Exit::Internal,
    }))
}

/// BOINC's server runs on Unix.
#[cfg(not(unix))]
fn as_owner(_: &Path) -> anyhow::Result<Option<Exit>> {
    Ok(None)
}

/// The first name that is not in the spool.
fn unknown(spool: &Spool, items: &[String]) -> anyhow::Result<Option<anyhow::Error>> {
    let keys = spool.keys()?;
    let unknown = items.iter().find(|item| !keys.contains(item));
    Ok(unknown.map(|item| anyhow!("{item}: not in the spool; buoy admin spool list shows the names")))
}

fn retry(place: &Place, items: &[String]) -> anyhow::Result<Exit> {
    let lines = RefCell::new(Vec::new());
    let log = |line: &str| lines.borrow_mut().push(line.to_owned());
    let call = Call {
        argv: &[],
        directory: &place.directory,
        routes: Some(place.routes_toml.as_os_str()),
        outage: None,
        inline: true,
        clock: &SystemClock,
        log: &log,
    };
    let outlook = shim::retry(&call, items)?;
    render::admin_spool::retried(&outlook, &lines.borrow())?;
    Ok(if outlook.stuck == 0 { Exit::Done } else { Exit::Findings })
}
