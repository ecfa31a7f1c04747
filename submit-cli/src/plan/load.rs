//! From a submitter's arguments to a [`Plan`]: finds the files, reads them, expands the jobs, checks everything.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::plan::app::{self, AppSpec};
use crate::plan::arguments::Arguments;
use crate::plan::batch::{self, BatchSpec, JobSource, axis};
use crate::plan::bundle;
use crate::plan::check;
use crate::plan::command::Command;
use crate::plan::content::Content;
use crate::plan::expand::{Draft, Trust, expand, parameters};
use crate::plan::jobs::sweep::{self, Sweep};
use crate::plan::jobs::{Rows, directories, files, table};
use crate::plan::names;
use crate::plan::sources::Sources;
use crate::plan::{Bundle, InputFile, Job, Origin, Plan, SharedInput};
use boinc::diagnostic::{Diagnostic, Diagnostics, Located, Location};
use boinc::names::workunit::WorkunitName;

/// Makes the plan, or reports everything that is wrong with the submitter's files.
///
/// # Errors
/// The mistakes, by file and line.
pub fn load(sources: &Sources) -> Result<Plan, Vec<Diagnostic>> {
    let mut mistakes = Diagnostics::new();
    let plan = plan(sources, &mut mistakes);
    mistakes.into_result(plan)
}

/// Reads a science app without jobs, and packs it.
///
/// # Errors
/// The mistakes, by file and line.
pub fn science_app(path: &Path) -> Result<(AppSpec, Bundle), Vec<Diagnostic>> {
    let mut mistakes = Diagnostics::new();
    let mistakes_of = &mut mistakes;
    let found = read_app(path, mistakes_of).and_then(|app| {
        let dockerfile = check::dockerfile(&app, false, mistakes_of);
        check::archive(&app, false, mistakes_of);
        for input in app.shared_inputs() {
            if let Some(file) = &input.file {
                check::input_file(&input.name, file, &input.place, mistakes_of);
            }
        }
        let job_inputs: Vec<InputFile> = app.job_inputs().map(input_file).collect();
        let bundle = bundle::pack(&app, dockerfile.map(|file| file.content), &job_inputs, mistakes_of)?;
        Some((app, bundle))
    });
    mistakes.into_result(found)
}

fn plan(sources: &Sources, mistakes: &mut Diagnostics) -> Option<Plan> {
    let (batch, default_name) = batch_spec(sources, mistakes);
    let of_batch = mistakes.len();
    let Some(app) = batch.app.clone().and_then(|path| read_app(&path, mistakes)) else {
        // The table's own mistakes can be reported without the app.
        if let Some(JobSource::Table(path)) = &batch.source {
            table::read(path, mistakes);
        }
        return None;
    };
    let trust = Trust { app: mistakes.len() == of_batch, batch: !batch.is_incomplete };
    let mut shared_dir = directories::Shared::new();
    let rows = rows(&batch, &app, trust, &mut shared_dir, mistakes);
    let shared = shared_inputs(&app, &batch, &shared_dir, trust, mistakes);
    let name = match &batch.name {
        Some(name) => name.value.clone(),
        None => default_name,
    };
    if let Err(error) = boinc::names::workunit::check_batch(&name) {
        let place = batch.name.as_ref().map_or_else(Location::command_line, |name| name.place.clone());
        mistakes.push(Diagnostic::new(place, error.to_string()).help("set it with name = \"…\" or --name"));
    }
    let parameters = rows.as_ref().map(|rows| parameters(&batch, rows)).unwrap_or_default();
    let drafts = rows.map(|rows| expand(&app, &batch, &rows, trust, mistakes)).unwrap_or_default();
    check::job_files(&app, &drafts, mistakes);
    // With mistakes in it, pass_args may be one that could not be read.
    let have_arguments = trust.app && drafts.iter().any(|draft| !draft.args.is_empty());
    let dockerfile = check::dockerfile(&app, have_arguments, mistakes);
    let archive_warning = check::archive(&app, have_arguments, mistakes);
    check::outputs(&app, &name, &drafts, mistakes);
    let arguments = Arguments::of(&app, &name, &drafts, mistakes);
    let job_inputs: Vec<InputFile> = app.job_inputs().map(input_file).chain(arguments.input()).collect();
    let (text, warnings) = dockerfile.map(|file| (file.content, file.warnings)).unzip();
    let mut warnings: Vec<Diagnostic> = warnings.unwrap_or_default();
    check::of_app(&app, batch.command.as_ref().unwrap_or(&app.command), &mut warnings);
    warnings.extend(archive_warning);
    check::of_jobs(&drafts, &mut warnings);
    let bundle = bundle::pack(&app, text, &job_inputs, mistakes)?;
    if !mistakes.is_empty() {
        return None;
    }
    let jobs = jobs(&app, bundle.short_hash(), &name, drafts, arguments, mistakes);
    let plan = Plan { app, bundle, batch: name, shared, parameters, job_inputs, jobs, warnings };
    check::xml(&plan, mistakes);
    Some(plan)
}

/// The batch file with what the command line overrides; and the batch's name if neither sets it.
fn batch_spec(sources: &Sources, mistakes: &mut Diagnostics) -> (BatchSpec, String) {
    let (app, batch_file) = find(sources);
    let in_file = match &batch_file {
        Some(file) => match std::fs::read_to_string(file) {
            Ok(text) => batch::parse(file, &text, mistakes),
            Err(error) => {
                mistakes.push(Diagnostic::new(Location::file(file), format!("failed to read it: {error}")));
                BatchSpec { is_incomplete: true, ..BatchSpec::default() }
            }
        },
        None => BatchSpec { source: source(&sources.jobs, mistakes), ..BatchSpec::default() },
    };
    let app = app.or_else(|| in_file.app.clone()).or_else(|| app_next_to(batch_file.as_deref()?));
    if app.is_none() {
        let found = "the batch does not name its app, and there is no app.toml next to it";
        mistakes.push(Diagnostic::new(Location::file(&sources.app), found).help("add app = \"DIRECTORY\""));
    }
    let batch = overridden(BatchSpec { app, ..in_file }, sources, mistakes);
    let named_by =
        batch_file.as_deref().filter(|file| file.file_name().is_none_or(|name| name != "batch.toml"));
    let named_by = named_by.or(match &batch.source {
        Some(JobSource::Table(path) | JobSource::Directories(path)) => Some(path),
        _ => None,
    });
    let name = named_by.and_then(|path| path.file_stem()).and_then(|stem| stem.to_str());
    let name = name.map(names::to_job_name).filter(|name| !name.is_empty());
    (batch, name.unwrap_or_else(|| "batch".to_owned()))
}

/// The app and the batch file that the arguments mean. A batch file can replace the app, if it names its app or is next to
/// it.
fn find(sources: &Sources) -> (Option<PathBuf>, Option<PathBuf>) {
    let is_toml = |path: &Path| path.extension().is_some_and(|extension| extension == "toml");
    let is_app = |path: &Path| path.file_name().is_some_and(|name| name == "app.toml");
    match sources.jobs.as_slice() {
        [batch] if is_toml(batch) && !batch.is_dir() => (Some(sources.app.clone()), Some(batch.clone())),
        [] if is_toml(&sources.app) && !is_app(&sources.app) && !sources.app.is_dir() => {
            (None, Some(sources.app.clone()))
        }
        [] => {
            let dir = if is_app(&sources.app) {
                sources.app.parent().unwrap_or(Path::new(""))
            } else {
                &sources.app
            };
            let batch = inside(dir, "batch.toml");
            (Some(sources.app.clone()), batch.is_file().then_some(batch))
        }
        _ => (Some(sources.app.clone()), None),
    }
}

/// The app.toml in the directory of a batch file.
fn app_next_to(batch_file: &Path) -> Option<PathBuf> {
    let app = batch_file.with_file_name("app.toml");
    app.is_file().then_some(app)
}

/// The source of jobs that arguments name: a table, a directory, or files.
fn source(jobs: &[PathBuf], mistakes: &mut Diagnostics) -> Option<JobSource> {
    match jobs {
        [] => None,
        [only] if only.is_dir() => Some(JobSource::Directories(only.clone())),
        [only] if table::Format::of(only).is_some() => Some(JobSource::Table(only.clone())),
        files => {
            for path in files.iter().filter(|path| !path.is_file()) {
                let found = if path.is_dir() { "a directory among files" } else { "no such file" };
                let accepted = "a batch.toml, a table (.csv, .tsv, .jsonl), a directory with a directory per job, or \
                                input files";
                mistakes.push(Diagnostic::new(Location::file(path), found).accepted(accepted));
            }
            Some(JobSource::Files(files.iter().filter(|path| path.is_file()).cloned().collect()))
        }
    }
}

/// A batch file with the options of the command line, which win.
fn overridden(batch: BatchSpec, sources: &Sources, mistakes: &mut Diagnostics) -> BatchSpec {
    let here = Location::command_line;
    let typed = |text: &str| Located { value: text.to_owned(), place: here() };
    let command = sources.command.as_ref().and_then(|command| match Command::parse(command) {
        Ok(value) => Some(Located { value, place: here() }),
        Err(error) => {
            mistakes.push(Diagnostic::new(here(), format!("invalid --command: {error}")));
            None
        }
    });
    let mut shared = batch.shared;
    for pair in &sources.shared {
        if let Some((name, path)) = pair.split_once('=') {
            shared.retain(|(other, _)| other.value != name);
            shared.push((typed(name), PathBuf::from(path)));
        } else {
            let found = format!("invalid --shared {pair:?}");
            mistakes.push(Diagnostic::new(here(), found).accepted("INPUT=FILE"));
        }
    }
    let mut axes = batch.sweep.axes;
    for text in &sources.sweep {
        let parsed = match text.split_once('=') {
            Some((key, values)) => axis(key.trim(), sweep::values(values)),
            None => Err(format!("--sweep {text:?} has no =")),
        };
        match parsed {
            Ok(axis) => {
                axes.retain(|other| other.key != axis.key);
                axes.push(axis);
            }
            Err(found) => {
                mistakes.push(Diagnostic::new(here(), found).accepted(format!("KEY= and {}", sweep::FORM)));
            }
        }
    }
    BatchSpec {
        name: sources.name.as_deref().map(typed).or(batch.name),
        command: command.or(batch.command),
        shared,
        sweep_place: batch.sweep_place.or_else(|| (!axes.is_empty()).then(here)),
        sweep: Sweep { axes },
        ignore: batch.ignore.into_iter().chain(sources.ignore.iter().cloned()).collect(),
        ..batch
    }
}

/// A file in a directory, without a "./" that the user did not type.
fn inside(dir: &Path, name: &str) -> PathBuf {
    if dir == Path::new(".") { PathBuf::from(name) } else { dir.join(name) }
}

/// Reads a science app, named by its directory or its app.toml; mistakes go to `mistakes`.
pub fn read_app(path: &Path, mistakes: &mut Diagnostics) -> Option<AppSpec> {
    let file = if path.is_dir() { inside(path, "app.toml") } else { path.to_path_buf() };
    let is_toml = file.extension().is_some_and(|extension| extension == "toml");
    if file.exists() && !(file.is_file() && is_toml) {
        let diagnostic = Diagnostic::new(Location::file(&file), "not a science app")
            .accepted("its directory, its app.toml, or a batch.toml")
            .help("name the app before a table or an input file: buoy check APP FILE");
        mistakes.push(diagnostic);
        return None;
    }
    match std::fs::read_to_string(&file) {
        Ok(text) => app::parse::parse(&file, &text, mistakes),
        Err(error) => {
            let diagnostic = Diagnostic::new(Location::file(&file), format!("failed to read it: {error}"));
            mistakes.push(diagnostic.help("create a science app to start from: buoy init NAME"));
            None
        }
    }
}

fn rows(
    batch: &BatchSpec,
    app: &AppSpec,
    trust: Trust,
    shared: &mut directories::Shared,
    mistakes: &mut Diagnostics,
) -> Option<Rows> {
    match &batch.source {
        None => Some(Rows::single(PathBuf::new(), Origin { file: Arc::from(app.file.as_path()), line: 0 })),
        Some(JobSource::Table(path)) => table::read(path, mistakes),
        // Which files belong into a job's directory is not known without all inputs.
        Some(JobSource::Directories(_)) if !trust.app => None,
        Some(JobSource::Directories(dir)) => {
            let (rows, files) = directories::read(dir, app, mistakes)?;
            *shared = files;
            Some(rows)
        }
        Some(JobSource::Files(paths)) => Some(files::rows(paths, mistakes)),
        Some(JobSource::Globs(base, patterns)) => {
            let mut paths = Vec::new();
            for pattern in patterns {
                paths.extend(files::matching(base, &pattern.value, &pattern.place, mistakes));
            }
            Some(files::rows(&paths, mistakes))
        }
    }
}

/// Each shared input with its file: from the batch, else from `shared_input_files/`, else from the app.
fn shared_inputs(
    app: &AppSpec,
    batch: &BatchSpec,
    directory: &directories::Shared,
    trust: Trust,
    mistakes: &mut Diagnostics,
) -> Vec<SharedInput> {
    let declared: Vec<&str> = app.shared_inputs().map(|input| input.name.as_str()).collect();
    for (name, _) in &batch.shared {
        if trust.app && !declared.contains(&name.value.as_str()) {
            let found = format!("the app does not declare a shared input {:?}", name.value);
            mistakes.push(Diagnostic::new(name.place.clone(), found).accepted_words(&name.value, &declared));
        }
    }
    let mut shared = Vec::with_capacity(declared.len());
    for input in app.shared_inputs() {
        let given = batch.shared.iter().find(|(name, _)| name.value == input.name);
        let (path, place) = match (given, directory.get(&input.name), &input.file) {
            (Some((name, path)), _, _) => (path.clone(), name.place.clone()),
            (None, Some(path), _) => (path.clone(), Location::file(path)),
            (None, None, Some(path)) => (path.clone(), input.place.clone()),
            (None, None, None) if !trust.batch || !trust.app => continue,
            (None, None, None) => {
                let found = format!("no file for the shared input {:?}", input.name);
                let help =
                    format!("add file = \"…\" here, [shared] to batch.toml, or --shared {}=FILE", input.name);
                mistakes.push(Diagnostic::new(input.place.clone(), found).help(help));
                continue;
            }
        };
        check::input_file(&input.name, &path, &place, mistakes);
        shared.push(SharedInput { file: input_file(input), content: Content::Path(path) });
    }
    shared
}

fn input_file(input: &app::Input) -> InputFile {
    InputFile {
        open_name: input.name.clone(),
        mode: input.mode,
        sticky: input.sticky,
        gzip: input.gzip,
        executable: false,
    }
}

fn jobs(
    app: &AppSpec,
    hash: &str,
    batch: &str,
    drafts: Vec<Draft>,
    arguments: Arguments,
    mistakes: &mut Diagnostics,
) -> Vec<Job> {
    let mut jobs = Vec::with_capacity(drafts.len());
    for (draft, (command_line, argument_file)) in drafts.into_iter().zip(arguments.into_jobs()) {
        match WorkunitName::new(&app.name, hash, batch, &draft.name) {
            Ok(wu_name) => jobs.push(Job {
                wu_name: wu_name.to_string(),
                command_line,
                inputs: draft.inputs.into_iter().map(Content::Path).chain(argument_file).collect(),
                name: draft.name,
                args: draft.args,
                parameters: draft.parameters,
                origin: draft.origin,
            }),
            Err(error) => mistakes.push(Diagnostic::new(draft.origin.place(), error.to_string())),
        }
    }
    jobs
}
