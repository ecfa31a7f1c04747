//! From what a submitter typed to a [`Plan`]: finds the files, reads them, expands, checks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::plan::app::{self, AppSpec};
use crate::plan::batch::{self, BatchSpec, JobSource, Placed, axis};
use crate::plan::bundle;
use crate::plan::check;
use crate::plan::command::Command;
use crate::plan::content::Content;
use crate::plan::expand::{Draft, expand};
use crate::plan::jobs::sweep::{self, Sweep};
use crate::plan::jobs::{Rows, directories, files, table};
use crate::plan::names;
use crate::plan::sources::Sources;
use crate::plan::{Bundle, InputFile, Job, Origin, Plan, SharedInput};
use boinc::diagnostic::{Diagnostic, Diagnostics, Place};

/// Makes the plan, or says everything that is wrong with the submitter's files.
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
        check::dockerfile(&app, false, mistakes_of);
        check::archive(&app, mistakes_of);
        for input in app.shared_inputs() {
            if let Some(file) = &input.file {
                check::input_file(&input.name, file, &input.place, mistakes_of);
            }
        }
        let job_inputs: Vec<InputFile> = app.job_inputs().map(input_file).collect();
        let bundle = bundle::pack(&app, &job_inputs, mistakes_of)?;
        Some((app, bundle))
    });
    mistakes.into_result(found)
}

fn plan(sources: &Sources, mistakes: &mut Diagnostics) -> Option<Plan> {
    let (batch, default_name) = batch_spec(sources, mistakes);
    let Some(app) = batch.app.clone().and_then(|path| read_app(&path, mistakes)) else {
        // What a table says wrong by itself can be said all the same.
        if let Some(JobSource::Table(path)) = &batch.source {
            table::read(path, mistakes);
        }
        return None;
    };
    let mut shared_dir = directories::Shared::new();
    let rows = rows(&batch, &app, &mut shared_dir, mistakes);
    let shared = shared_inputs(&app, &batch, &shared_dir, mistakes);
    let name = match &batch.name {
        Some(name) => name.value.clone(),
        None => default_name,
    };
    if let Err(error) = boinc::names::workunit::check_batch(&name) {
        let place = batch.name.as_ref().map_or_else(Place::command_line, |name| name.place.clone());
        mistakes.push(Diagnostic::new(place, error.to_string()).help("set it with name = \"…\" or --name"));
    }
    let drafts = rows.map(|rows| expand(&app, &batch, &rows, mistakes)).unwrap_or_default();
    check::job_files(&app, &drafts, mistakes);
    check::dockerfile(&app, drafts.iter().any(|draft| !draft.args.is_empty()), mistakes);
    check::archive(&app, mistakes);
    check::outputs(&app, &name, &drafts, mistakes);
    let job_inputs: Vec<InputFile> = app.job_inputs().map(input_file).collect();
    let bundle = bundle::pack(&app, &job_inputs, mistakes)?;
    if !mistakes.is_empty() {
        return None;
    }
    let jobs = jobs(&app, bundle.short_hash(), &name, drafts, mistakes);
    let mut plan = Plan { app, bundle, batch: name, shared, job_inputs, jobs };
    check::carry_arguments(&mut plan, mistakes);
    check::xml(&plan, mistakes);
    Some(plan)
}

/// What the batch file says, with what the command line says in its place; and the batch's name if neither names it.
fn batch_spec(sources: &Sources, mistakes: &mut Diagnostics) -> (BatchSpec, String) {
    let (app, batch_file) = find(sources);
    let mut batch = match &batch_file {
        Some(file) => match std::fs::read_to_string(file) {
            Ok(text) => batch::parse(file, &text, mistakes),
            Err(error) => {
                mistakes.push(Diagnostic::new(Place::file(file), format!("cannot be read: {error}")));
                BatchSpec::default()
            }
        },
        None => BatchSpec { source: source(&sources.jobs, mistakes), ..BatchSpec::default() },
    };
    batch.app = app.or(batch.app).or_else(|| app_beside(batch_file.as_deref()?));
    if batch.app.is_none() {
        let place = Place::file(&sources.app);
        let diagnostic =
            Diagnostic::new(place, "the batch does not name its app, and no app.toml is beside it");
        mistakes.push(diagnostic.help("add app = \"DIRECTORY\""));
    }
    override_batch(&mut batch, sources, mistakes);
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

/// The app and the batch file that were meant. A batch file may stand in the app's place, if it names its app or lies
/// beside it.
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
            let beside = inside(dir, "batch.toml");
            (Some(sources.app.clone()), beside.is_file().then_some(beside))
        }
        _ => (Some(sources.app.clone()), None),
    }
}

/// The app.toml in the directory of a batch file.
fn app_beside(batch_file: &Path) -> Option<PathBuf> {
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
                mistakes.push(Diagnostic::new(Place::file(path), found).accepted(accepted));
            }
            Some(JobSource::Files(files.iter().filter(|path| path.is_file()).cloned().collect()))
        }
    }
}

fn override_batch(batch: &mut BatchSpec, sources: &Sources, mistakes: &mut Diagnostics) {
    let place = Place::command_line;
    if let Some(name) = &sources.name {
        batch.name = Some(Placed { value: name.clone(), place: place() });
    }
    if let Some(command) = &sources.command {
        match Command::parse(command) {
            Ok(value) => batch.command = Some(Placed { value, place: place() }),
            Err(error) => mistakes.push(Diagnostic::new(place(), format!("--command: {error}"))),
        }
    }
    for pair in &sources.shared {
        match pair.split_once('=') {
            Some((name, path)) => {
                batch.shared.retain(|(other, _)| other.value != name);
                batch.shared.push((Placed { value: name.to_owned(), place: place() }, PathBuf::from(path)));
            }
            None => {
                mistakes.push(Diagnostic::new(place(), format!("--shared {pair:?}")).accepted("INPUT=FILE"))
            }
        }
    }
    for text in &sources.sweep {
        let made = match text.split_once('=') {
            Some((key, values)) => axis(key.trim(), sweep::values(values)),
            None => Err(format!("--sweep {text:?} has no =")),
        };
        match made {
            Ok(axis) => {
                let Sweep { axes } = &mut batch.sweep;
                axes.retain(|other| other.key != axis.key);
                axes.push(axis);
                batch.sweep_place.get_or_insert_with(place);
            }
            Err(found) => {
                mistakes.push(Diagnostic::new(place(), found).accepted(format!("KEY= and {}", sweep::FORM)));
            }
        }
    }
    batch.ignore.extend(sources.ignore.iter().cloned());
}

/// A file in a directory, without a "./" that nobody typed.
fn inside(dir: &Path, name: &str) -> PathBuf {
    if dir == Path::new(".") { PathBuf::from(name) } else { dir.join(name) }
}

/// Reads a science app, named by its directory or its app.toml; mistakes go to `mistakes`.
pub fn read_app(path: &Path, mistakes: &mut Diagnostics) -> Option<AppSpec> {
    let file = if path.is_dir() { inside(path, "app.toml") } else { path.to_path_buf() };
    let is_toml = file.extension().is_some_and(|extension| extension == "toml");
    if file.exists() && !(file.is_file() && is_toml) {
        let diagnostic = Diagnostic::new(Place::file(&file), "this is no science app")
            .accepted("its directory, its app.toml, or a batch.toml")
            .help("a table or an input file follows the app: buoy check APP FILE");
        mistakes.push(diagnostic);
        return None;
    }
    match std::fs::read_to_string(&file) {
        Ok(text) => app::parse::parse(&file, &text, mistakes),
        Err(error) => {
            let diagnostic = Diagnostic::new(Place::file(&file), format!("cannot be read: {error}"));
            mistakes.push(diagnostic.help("buoy init NAME makes a science app to start from"));
            None
        }
    }
}

fn rows(
    batch: &BatchSpec,
    app: &AppSpec,
    shared: &mut directories::Shared,
    mistakes: &mut Diagnostics,
) -> Option<Rows> {
    match &batch.source {
        None => Some(Rows::single(PathBuf::new(), Origin { file: Arc::from(app.file.as_path()), line: 0 })),
        Some(JobSource::Table(path)) => table::read(path, mistakes),
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

/// Each shared input with its file: what the batch says, else `shared_input_files/`, else what the app says.
fn shared_inputs(
    app: &AppSpec,
    batch: &BatchSpec,
    directory: &directories::Shared,
    mistakes: &mut Diagnostics,
) -> Vec<SharedInput> {
    let declared: Vec<&str> = app.shared_inputs().map(|input| input.name.as_str()).collect();
    for (name, _) in &batch.shared {
        if !declared.contains(&name.value.as_str()) {
            let found = format!("the app declares no shared input {:?}", name.value);
            let accepted = if declared.is_empty() { "none".to_owned() } else { declared.join(", ") };
            mistakes.push(Diagnostic::new(name.place.clone(), found).accepted(accepted));
        }
    }
    let mut shared = Vec::with_capacity(declared.len());
    for input in app.shared_inputs() {
        let said = batch.shared.iter().find(|(name, _)| name.value == input.name);
        let (path, place) = match (said, directory.get(&input.name), &input.file) {
            (Some((name, path)), _, _) => (path.clone(), name.place.clone()),
            (None, Some(path), _) => (path.clone(), Place::file(path)),
            (None, None, Some(path)) => (path.clone(), input.place.clone()),
            (None, None, None) => {
                let found = format!("nothing says which file is the shared input {:?}", input.name);
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

fn jobs(app: &AppSpec, hash: &str, batch: &str, drafts: Vec<Draft>, mistakes: &mut Diagnostics) -> Vec<Job> {
    let mut jobs = Vec::with_capacity(drafts.len());
    for draft in drafts {
        match boinc::names::workunit::WorkunitName::new(&app.name, hash, batch, &draft.name) {
            Ok(wu_name) => jobs.push(Job {
                wu_name: wu_name.to_string(),
                command_line: String::new(),
                inputs: draft.inputs.into_iter().map(Content::Path).collect(),
                name: draft.name,
                args: draft.args,
                origin: draft.origin,
            }),
            Err(error) => mistakes.push(Diagnostic::new(draft.origin.place(), error.to_string())),
        }
    }
    jobs
}
