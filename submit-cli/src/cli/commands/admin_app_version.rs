//! `buoy admin app-version`: the directories that `update_versions` installs.

use std::path::PathBuf;

use anyhow::{Context, anyhow};

use crate::admin::app_version::{
    Number, Platform, Single, Target, Tree, TreeError, check_app_name, check_plan_class, tree, wrappers,
    write,
};
use crate::admin::next_steps::{Installed, next_steps};
use crate::admin::plan_class::Kind;
use crate::admin::project_files::ProjectFiles;
use crate::cli::exit::Exit;
use crate::cli::help::{Example, examples};
use crate::cli::render;
use crate::local::programs::{Programs, WRAPPER};
use crate::plan::app::AppSpec;
use crate::plan::load;

const EXAMPLES: &[Example] = &[
    (
        "buoy admin app-version . --app universal --number 1.00",
        "Write the universal app for this computer's platform",
    ),
    (
        "buoy admin app-version . --app universal --number 1.00 --dist ../buoy/dist",
        "Write it for every platform that ./x dist has built",
    ),
    (
        "buoy admin app-version . --number 1.00 --single my-app --dry-run",
        "Show what a single-purpose app would hold",
    ),
];

/// Write app versions for BOINC's update_versions to install
///
/// Writes apps/APP/NUMBER/PLATFORM__PLANCLASS/ for each platform and plan class, with the wrapper, policy.toml and version.xml.
/// A version never changes, since volunteers have its files by name: use a new number for each change. With --single, writes a
/// single-purpose app that holds everything of one science app.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(EXAMPLES))]
pub struct Args {
    /// The project's directory; versions are written to its apps/
    dir: PathBuf,
    /// Name of the BOINC app in project.xml [default with --single: the science app's name]
    #[arg(long, required_unless_present = "single")]
    app: Option<String>,
    /// Version number, such as 1.00; a higher one replaces earlier ones
    #[arg(long, value_name = "MAJOR.MINOR", required = true)]
    number: Number,
    /// Platform to write a version for, can be repeated [default: those of --dist or --wrapper, or this computer's]
    #[arg(long)]
    platform: Vec<Platform>,
    /// Plan class to write a version for, can be repeated [default: docker; with --single what the app needs]
    #[arg(long, value_name = "NAME")]
    plan_class: Vec<String>,
    /// Wrapper for a platform, can be repeated [default for this computer's platform: the one next to buoy]
    #[arg(long, value_name = "PLATFORM=FILE", value_parser = wrapper_file)]
    wrapper: Vec<(Platform, PathBuf)>,
    /// Directory that ./x dist has built, with a wrapper for each platform; its checksums are verified
    #[arg(long, value_name = "DIR", conflicts_with = "wrapper")]
    dist: Option<PathBuf>,
    /// A policy.toml that limits what jobs may use [default: the strictest policy, with comments]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Write a single-purpose app with everything of this science app
    #[arg(long, value_name = "APP_DIR")]
    single: Option<PathBuf>,
    /// Show what would be written without writing anything
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn wrapper_file(text: &str) -> Result<(Platform, PathBuf), String> {
    let (platform, file) = text.split_once('=').ok_or("expected PLATFORM=FILE")?;
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
    let project = ProjectFiles::read(&args.dir);
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
    let named = match &args.dist {
        Some(dir) => {
            let mut needed = platforms.clone();
            if needed.contains(&Platform::WindowsX86) {
                let has_arm = dir.join(Platform::LinuxArm.name()).is_dir();
                for (agent, is_needed) in [(Platform::LinuxX86, true), (Platform::LinuxArm, has_arm)] {
                    if is_needed && !platforms.contains(&agent) {
                        needed.push(agent);
                    }
                }
            }
            wrappers(dir, &needed)?
        }
        None => args.wrapper.clone(),
    };
    if platforms.is_empty() {
        platforms.extend(named.iter().map(|(platform, _)| *platform));
    }
    if platforms.is_empty() {
        platforms.push(Platform::of_this_host().context(
            "Buoy's wrapper does not run on this computer's platform; specify one with --wrapper PLATFORM=FILE",
        )?);
    }
    let mut targets: Vec<Target> = Vec::new();
    for platform in platforms {
        let wrapper = wrapper_for(platform, &named)?;
        let agents = match platform {
            Platform::WindowsX86 => agents_for(platform, &named)?,
            _ => Vec::new(),
        };
        for plan_class in &classes {
            let target = Target {
                platform,
                plan_class: plan_class.clone(),
                gpu: project.class_has_gpu(plan_class),
                wrapper: wrapper.clone(),
                agents: agents.clone(),
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
    Err(anyhow!("no wrapper for {platform} found; specify one with --wrapper {platform}=FILE"))
}

/// The one for this computer may need libraries that the distro in WSL does not have, so it has to be named. Without a wrapper
/// for ARM, tasks are postponed on computers with such a processor.
fn agents_for(platform: Platform, named: &[(Platform, PathBuf)]) -> anyhow::Result<Vec<(Platform, PathBuf)>> {
    let file_of = |agent| named.iter().find(|(named, _)| *named == agent).cloned();
    let agent = Platform::LinuxX86;
    let on_x86 = file_of(agent).with_context(|| {
        format!(
            "no wrapper for {agent} found, which the one for {platform} starts in WSL; specify the static one with \
             --wrapper {agent}=FILE"
        )
    })?;
    Ok(std::iter::once(on_x86).chain(file_of(Platform::LinuxArm)).collect())
}
