//! Writes the directory of a science app from a BUDA app and batch.

use std::fs;
use std::path::{Path, PathBuf};

use boinc::platform::{replace, set_mode};
use serde::Serialize;

use super::batch::Batch;
use super::description::App;
use super::unzip::Limits;
use crate::create::CreateError;
use crate::package::template::{self, Templates};
use crate::plan::app::Gpu;

const ACCEPTED: &str = "accepted: one app's directory, one batch, or one of each";
const JOBS: &str = "jobs";
/// Output of a batch without an app, to start from.
const PLACEHOLDER_OUTPUT: &str = "listing.txt";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The files and directories that were written, below the app's directory.
    pub written: Vec<PathBuf>,
    pub has_jobs: bool,
    /// Notes for the user, one line each.
    pub notes: Vec<String>,
}

/// The variables of the template. Texts are quoted as TOML has them.
#[derive(Serialize)]
struct Values {
    name: String,
    summary: String,
    files: Vec<String>,
    inputs: Vec<Input>,
    outputs: Vec<Output>,
    deadline_days: String,
    gpu: Option<&'static str>,
    from_app: bool,
}

#[derive(Serialize)]
struct Input {
    name: String,
    shared: bool,
}

#[derive(Serialize)]
struct Output {
    name: String,
    max_bytes: u64,
}

/// Creates the science app `name` in `dir`, which must not exist, from an app's directory, a batch (zip file or directory), or both.
///
/// # Errors
/// The app or the batch is invalid, or a file cannot be read or written. Nothing is left behind.
pub fn import(
    name: &str,
    from: &[PathBuf],
    variant: Option<&str>,
    dir: &Path,
    limits: Limits,
) -> Result<Imported, CreateError> {
    if dir.symlink_metadata().is_ok() {
        return Err(CreateError::Exists { dir: dir.to_path_buf() });
    }
    let (app_dir, batch_path) = app_and_batch(from)?;
    let app = app_dir.map(|dir| App::read(dir, variant)).transpose()?;
    let file_name = dir.file_name().unwrap_or_default().to_string_lossy();
    let partial = dir.with_file_name(format!(".{file_name}.{}.part", std::process::id()));
    let done = fill(name, app.as_ref(), batch_path, &partial, limits)
        .and_then(|imported| replace(&partial, dir).map(|()| imported).map_err(CreateError::write(dir)));
    if done.is_err() {
        // The error of the import matters more.
        let _ = fs::remove_dir_all(&partial);
    }
    done
}

/// The app's directory and the batch among the arguments.
fn app_and_batch(from: &[PathBuf]) -> Result<(Option<&Path>, Option<&Path>), CreateError> {
    let (mut app, mut batch) = (None, None);
    for path in from {
        if !path.exists() {
            return Err(CreateError::invalid("argument", path, "no such file or directory"));
        }
        let (slot, what) = if App::is_app(path) { (&mut app, "app") } else { (&mut batch, "batch") };
        if slot.replace(path.as_path()).is_some() {
            return Err(CreateError::invalid("argument", path, format!("a second {what}; {ACCEPTED}")));
        }
    }
    Ok((app, batch))
}

fn fill(
    name: &str,
    app: Option<&App>,
    batch_path: Option<&Path>,
    dir: &Path,
    limits: Limits,
) -> Result<Imported, CreateError> {
    let mut written = vec![PathBuf::from("app.toml"), PathBuf::from("Dockerfile")];
    let mut notes = Vec::new();
    fs::create_dir_all(dir).map_err(CreateError::write(dir))?;
    let batch = batch_path.map(|path| Batch::import(path, &dir.join(JOBS), limits)).transpose()?;
    if let Some(batch) = &batch {
        save(&dir.join("batch.toml"), &format!("[jobs]\ndir = \"{JOBS}\"\n"))?;
        written.extend(["batch.toml".into(), JOBS.into()]);
        notes.push(format!("{} jobs", batch.jobs));
    }
    let values = values(name, app, batch.as_ref());
    match app {
        Some(app) => {
            copy(&app.dir.join(&app.dockerfile), &dir.join("Dockerfile"), false)?;
            for file in &app.files {
                // BUDA sends them as executable files.
                copy(&app.dir.join(file), &dir.join(file), true)?;
                written.push(file.into());
            }
            notes.extend(about(app));
        }
        None => {
            save(&dir.join("Dockerfile"), &rendered(template::BUDA_DOCKERFILE, &values)?)?;
            notes.push(format!(
                "the batch has no program: add it to Dockerfile, and replace {PLACEHOLDER_OUTPUT} in app.toml by its outputs"
            ));
        }
    }
    save(&dir.join("app.toml"), &rendered(template::BUDA_APP, &values)?)?;
    Ok(Imported { written, has_jobs: batch.is_some(), notes })
}

/// What is different from BUDA.
fn about(app: &App) -> Vec<String> {
    let mut notes = vec![format!("variant {}", app.dir.file_name().unwrap_or_default().to_string_lossy())];
    if app.gzip_output {
        notes.push("outputs are not compressed for transfer, as they were with BUDA".to_owned());
    }
    if app.cpu_type == "arm" {
        notes.push(
            "the variant is for ARM CPUs, but jobs are also sent to other CPUs: use an image for all platforms"
                .to_owned(),
        );
    }
    if !app.plan_class.is_empty() && app.gpu().is_none() {
        notes.push(format!("the plan class {} is ignored", app.plan_class));
    }
    notes
}

fn values(name: &str, app: Option<&App>, batch: Option<&Batch>) -> Values {
    let shared = |input: &String| batch.is_some_and(|batch| batch.shared.contains(input));
    let inputs: Vec<&String> = match (app, batch) {
        (Some(app), _) => app.inputs.iter().collect(),
        (None, Some(batch)) => batch.shared.iter().chain(&batch.own).collect(),
        (None, None) => Vec::new(),
    };
    let mut unique: Vec<&String> = Vec::new();
    for input in inputs {
        if !unique.contains(&input) {
            unique.push(input);
        }
    }
    let inputs =
        unique.into_iter().map(|input| Input { name: quoted(input), shared: shared(input) }).collect();
    let placeholder = vec![PLACEHOLDER_OUTPUT.to_owned()];
    let outputs = app.map_or(&placeholder, |app| &app.outputs);
    let max_bytes = app.map_or(1 << 20, |app| app.max_output_bytes);
    Values {
        name: quoted(name),
        summary: quoted(app.map_or("", |app| app.long_name.as_str())),
        files: app.map(|app| app.files.iter().map(|file| quoted(file)).collect()).unwrap_or_default(),
        inputs,
        outputs: outputs.iter().map(|name| Output { name: quoted(name), max_bytes }).collect(),
        deadline_days: app.map_or(7.0, |app| app.max_delay_days).to_string(),
        gpu: app.and_then(App::gpu).map(|gpu| match gpu {
            Gpu::Nvidia => "nvidia",
            Gpu::Amd => "amd",
            Gpu::Intel => "intel",
        }),
        from_app: app.is_some(),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn rendered(template: &str, values: &impl Serialize) -> Result<String, CreateError> {
    Ok(Templates::default().render(template, values)?)
}

fn save(file: &Path, text: &str) -> Result<(), CreateError> {
    fs::write(file, text).map_err(CreateError::write(file))
}

fn copy(from: &Path, to: &Path, executable: bool) -> Result<(), CreateError> {
    if !from.symlink_metadata().map_err(CreateError::read(from))?.is_file() {
        return Err(CreateError::invalid("file of the app", from, "not a regular file"));
    }
    fs::copy(from, to).map_err(CreateError::read(from))?;
    set_mode(to, if executable { 0o755 } else { 0o644 }).map_err(CreateError::write(to))
}
