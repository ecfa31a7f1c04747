//! `buoy run`: runs a campaign on this computer, through the real wrapper and the real shims.

use std::path::PathBuf;

use crate::exit::Exit;
use crate::load::load;
use crate::local::prepare::PrepareError;
use crate::local::runner::Slots;
use crate::local::{self, LocalError, Options, Retry};
use crate::render;
use crate::sources::Sources;
use wrapper::wire::init_data::DockerType;

/// Arguments of `buoy run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    sources: Sources,
    /// Directory for results; the same one again goes on where it was
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,
    /// Jobs at a time [default: as many as processors and memory allow]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    slots: Option<u32>,
    /// Container engine [default: Docker if it answers, else Podman]
    #[arg(long, value_enum)]
    engine: Option<EngineName>,
    /// Run each job so many times and compare [default: replication of app.toml]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=50))]
    replicas: Option<u32>,
    /// The project's policy.toml for what jobs may ask for [default: the strictest]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Try jobs anew that failed in an earlier run, or whose outputs were deleted since
    #[arg(long)]
    retry: bool,
    /// Keep the slot directories of finished results, in DIR/.buoy/kept
    #[arg(long)]
    keep: bool,
    /// Print what happens as JSON, an object in each line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum EngineName {
    Docker,
    Podman,
}

/// Loads the plan and runs it.
///
/// # Errors
/// The campaign could not be run to its end.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let plan = match load(&args.sources) {
        Ok(plan) => plan,
        Err(list) if args.json => return Ok(render::diagnostics_json(&list)?),
        Err(list) => return Ok(render::diagnostics(&list)),
    };
    let options = Options {
        results: args.out.clone(),
        slots: args.slots,
        engine: args.engine.map(|name| match name {
            EngineName::Docker => DockerType::Docker,
            EngineName::Podman => DockerType::Podman,
        }),
        replicas: args.replicas,
        policy: args.policy.clone(),
        keep: if args.keep { Slots::Keep } else { Slots::Empty },
        retry: if args.retry { Retry::Failed } else { Retry::Never },
    };
    let mut reporter = render::campaign::reporter(args.json);
    match local::run(&plan, &options, reporter.as_mut()) {
        Ok(outlook) if outlook.interrupted => Ok(Exit::Interrupted),
        Ok(outlook) if outlook.left > 0 => Ok(Exit::HostCannot),
        Ok(outlook) if outlook.failed > 0 => Ok(Exit::JobsFailed),
        Ok(_) => Ok(Exit::Done),
        Err(error) => {
            let is_input = matches!(
                &error,
                LocalError::Wish(_)
                    | LocalError::Prepare(
                        PrepareError::OtherCampaign { .. }
                            | PrepareError::ChangedJobs { .. }
                            | PrepareError::ReservedName { .. }
                            | PrepareError::Taken { .. }
                    )
            );
            let exit = render::error(&anyhow::Error::new(error));
            Ok(if is_input { Exit::BadInput } else { exit })
        }
    }
}
