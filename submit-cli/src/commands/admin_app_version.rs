//! `buoy admin app-version`: the directories that `update_versions` installs.

use std::path::PathBuf;

use anyhow::{Context, anyhow};

use crate::admin::app_version::{
    Number, Platform, Single, Target, Tree, TreeError, check_app_name, check_plan_class, tree, write,
};
use crate::admin::next_steps::{Installed, next_steps};
use crate::admin::plan_class::Kind;
use crate::admin::project_files::ProjectFiles;
use crate::app::AppSpec;
use crate::exit::Exit;
use crate::load;
use crate::local::programs::{Programs, WRAPPER};
use crate::render;

/// Arguments of `buoy admin app-version`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The project's directory; the versions go to its apps/
    dir: PathBuf,
    /// The BOINC app, as project.xml names it [default with --single: the science app's name]
    #[arg(long, required_unless_present = "single")]
    app: Option<String>,
    /// The version, as 1.00; a higher one takes the place of those before
    #[arg(long, value_name = "MAJOR.MINOR", required = true)]
    number: Number,
    /// A platform to write a version for; repeated [default: those of --wrapper, or this computer's]
    #[arg(long)]
    platform: Vec<Platform>,
    /// A plan class to write a version for; repeated [default: docker; with --single what the science app needs]
    #[arg(long, value_name = "NAME")]
    plan_class: Vec<String>,
    /// The wrapper for a platform; repeated [default for this computer's: the one beside buoy]
    #[arg(long, value_name = "PLATFORM=FILE", value_parser = wrapper_file)]
    wrapper: Vec<(Platform, PathBuf)>,
    /// What submitters' jobs may ask for, a policy.toml [default: the strictest, with comments]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A single-purpose app: put everything of this science app into the version
    #[arg(long, value_name = "APP_DIR")]
    single: Option<PathBuf>,
    /// Say what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn wrapper_file(text: &str) -> Result<(Platform, PathBuf), String> {
    let (platform, file) = text.split_once('=').ok_or("PLATFORM=FILE is accepted")?;
    let platform: Platform = platform.parse().map_err(|error| format!("{error}"))?;
    Ok((platform, PathBuf::from(file)))
}

/// Writes the directories and says what to do next.
///
/// # Errors
/// Something cannot be read or written.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    if !args.dir.is_dir() {
        return Ok(render::refusal(&anyhow!("{}: no such directory", args.dir.display())));
    }
    let science = match args.single.as_deref().map(load::science_app).transpose() {
        Ok(science) => science,
        Err(mistakes) if args.json => return Ok(render::diagnostics_json(&mistakes)?),
        Err(mistakes) => return Ok(render::diagnostics(&mistakes)),
    };
    let project = ProjectFiles::look(&args.dir);
    let (app, targets) = match wanted(args, science.as_ref().map(|(app, _)| app), &project) {
        Ok(wanted) => wanted,
        Err(error) => return Ok(render::refusal(&error)),
    };
    let single = science.as_ref().map(|(app, bundle)| Single { app, bundle });
    let mut trees: Vec<Tree> = Vec::with_capacity(targets.len());
    for target in &targets {
        match tree(&app, args.number, target, args.policy.as_deref(), single.as_ref()) {
            Ok(tree) => trees.push(tree),
            Err(error @ TreeError::Template(_)) => return Err(error.into()),
            Err(error) => return Ok(render::refusal(&error.into())),
        }
    }
    let outcomes = match write(&args.dir, &project.download_dir(), args.number, &trees, args.dry_run) {
        Ok(outcomes) => outcomes,
        Err(error) if error.is_refusal() => return Ok(render::refusal(&error.into())),
        Err(error) => return Err(error.into()),
    };
    let installed = Installed { app: &app, number: args.number, trees: &trees, outcomes: &outcomes };
    let next = next_steps(&args.dir, &project, &installed);
    match args.json {
        true => render::admin::app_versions_json(&args.dir, &installed, &next, args.dry_run)?,
        false => render::admin::app_versions(&args.dir, &installed, &next, args.dry_run)?,
    }
    Ok(Exit::Done)
}

/// The BOINC app's name, and what to write.
fn wanted(
    args: &Args,
    science: Option<&AppSpec>,
    project: &ProjectFiles,
) -> anyhow::Result<(String, Vec<Target>)> {
    let app = args.app.clone().or(science.map(|science| science.name.clone())).unwrap_or_default();
    check_app_name(&app)?;
    let mut classes = args.plan_class.clone();
    if classes.is_empty() {
        classes.push(science.map_or(Kind::Docker, Kind::for_app).class_name().to_owned());
    }
    classes.dedup();
    for class in &classes {
        check_plan_class(class)?;
    }
    let mut platforms = args.platform.clone();
    if platforms.is_empty() {
        platforms.extend(args.wrapper.iter().map(|(platform, _)| *platform));
    }
    if platforms.is_empty() {
        platforms.push(Platform::of_this_host().context(
            "Buoy's wrapper does not run on this computer's platform; name one with --wrapper PLATFORM=FILE",
        )?);
    }
    let mut targets: Vec<Target> = Vec::new();
    for platform in platforms {
        let wrapper = wrapper_for(platform, &args.wrapper)?;
        for plan_class in &classes {
            let target = Target {
                platform,
                plan_class: plan_class.clone(),
                gpu: project.class_has_gpu(plan_class),
                wrapper: wrapper.clone(),
            };
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
    }
    Ok((app, targets))
}

fn wrapper_for(platform: Platform, named: &[(Platform, PathBuf)]) -> anyhow::Result<PathBuf> {
    if let Some((_, file)) = named.iter().find(|(named, _)| *named == platform) {
        return Ok(file.clone());
    }
    if Platform::of_this_host() == Some(platform) {
        return Ok(Programs::find()?.path(WRAPPER));
    }
    Err(anyhow!("there is no wrapper for {platform} here; name one with --wrapper {platform}=FILE"))
}
