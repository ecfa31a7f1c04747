//! `buoy list`: the campaigns of this computer, and the batches of a project that belong to none of them.

use std::collections::BTreeSet;

use crate::cli::exit::Exit;
use crate::cli::help::{Example, examples};
use crate::cli::render;
use crate::clock::now;
use crate::project::config::Projects;
use crate::remote::follow::index::Index;
use crate::remote::follow::list::{List, RemoteBatch, local, remote};

const EXAMPLES: &[Example] = &[
    ("buoy list", "List all campaigns"),
    ("buoy list --remote --project mine", "Also list batches of a project that belong to no campaign here"),
];

/// List the campaigns of this computer
///
/// Lists each campaign that `buoy run`, `buoy submit` or `buoy watch` has worked on: directory, app, batch, project, jobs by
/// state, and the time of the last change.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(EXAMPLES))]
pub struct Args {
    /// List only campaigns of this project
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
    /// Also ask the project for batches that belong to no campaign on this computer
    #[arg(long)]
    remote: bool,
    /// Forget campaigns whose directory no longer exists
    #[arg(long)]
    prune: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Reads each campaign's file and prints a line for it.
///
/// # Errors
/// The index can't be read or written, the project can't be asked, stdout is closed.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let index = Index::of_user()?;
    if args.prune {
        index.prune(|dir| dir.is_dir())?;
    }
    let campaigns = local(&index, now())?;
    let batches = match args.remote {
        false => None,
        true => {
            let (entry, client) = Projects::open()?.client(args.project.as_deref())?;
            let here: BTreeSet<u64> = campaigns
                .iter()
                .filter(|campaign| {
                    campaign
                        .url
                        .as_deref()
                        .is_some_and(|url| url.trim_end_matches('/') == entry.url.trim_end_matches('/'))
                })
                .flat_map(|campaign| campaign.server_batches.iter().copied())
                .collect();
            let list: Vec<RemoteBatch> = remote(client.batches()?, &here);
            Some(list)
        }
    };
    let wanted = |project: &Option<String>| args.project.is_none() || *project == args.project;
    let campaigns = campaigns.into_iter().filter(|campaign| wanted(&campaign.project)).collect();
    let list = List { campaigns, batches };
    render::output(args.json, &list, || render::list::text(&list))?;
    Ok(Exit::Done)
}
