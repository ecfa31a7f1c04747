//! Writes the directory of a science app from what was read of BUDA's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use boinc::platform::set_mode;
use serde::Serialize;

use super::batch::{Batch, BatchError};
use super::description::{App, DescriptionError};
use super::unzip::Limits;
use crate::create::CreateError;
use crate::package::template::{self, Templates};
use crate::plan::app::Gpu;

const JOBS: &str = "jobs";
/// A batch without an app gets an output of this name to start from.
const PLACEHOLDER_OUTPUT: &str = "listing.txt";

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The app.
    #[error(transparent)]
    App(#[from] DescriptionError),
    /// The batch.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// Two apps, or two batches.
    #[error("{}: a second {what}; accepted: one app's directory, one batch, or one of each", path.display())]
    Second {
        /// The second one.
        path: PathBuf,
        /// `app` or `batch`.
        what: &'static str,
    },
    /// Nothing there.
    #[error("{}: no such file or directory", path.display())]
    Missing {
        /// What was named.
        path: PathBuf,
    },
    /// The new app.
    #[error(transparent)]
    Create(#[from] CreateError),
}

/// What was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The files and directories that were written, below the app's directory.
    pub written: Vec<PathBuf>,
    /// A batch came with it.
    pub has_jobs: bool,
    /// What a person should know, each a line.
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

/// Makes the science app `name` in `dir`, which must not exist, of an app's directory, a batch (zip file or directory), or both.
///
/// # Errors
/// Something is not what BUDA makes, or cannot be read or written. Nothing is left behind.
pub fn import(
    name: &str,
    from: &[PathBuf],
    variant: Option<&str>,
    dir: &Path,
    limits: Limits,
) -> Result<Imported, ImportError> {
    if dir.symlink_metadata().is_ok() {
        return Err(CreateError::Exists { dir: dir.to_path_buf() }.into());
    }
    let (app_dir, batch_path) = sort(from)?;
    let app = app_dir.map(|dir| App::read(dir, variant)).transpose()?;
    let file_name = dir.file_name().unwrap_or_default().to_string_lossy();
    let partial = dir.with_file_name(format!(".{file_name}.{}.part", std::process::id()));
    let failed = |source| CreateError::Write { file: dir.to_path_buf(), source }.into();
    let done = fill(name, app.as_ref(), batch_path, &partial, limits)
        .and_then(|imported| fs::rename(&partial, dir).map(|()| imported).map_err(failed));
    if done.is_err() {
        // What matters is why it failed.
        let _ = fs::remove_dir_all(&partial);
    }
    done
}

/// The app's directory and the batch among what was named.
fn sort(from: &[PathBuf]) -> Result<(Option<&Path>, Option<&Path>), ImportError> {
    let (mut app, mut batch) = (None, None);
    for path in from {
        if !path.exists() {
            return Err(ImportError::Missing { path: path.clone() });
        }
        let (place, what) = if App::is_one(path) { (&mut app, "app") } else { (&mut batch, "batch") };
        if place.replace(path.as_path()).is_some() {
            return Err(ImportError::Second { path: path.clone(), what });
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
) -> Result<Imported, ImportError> {
    let mut written = vec![PathBuf::from("app.toml"), PathBuf::from("Dockerfile")];
    let mut notes = Vec::new();
    fs::create_dir_all(dir).map_err(|source| CreateError::Write { file: dir.to_path_buf(), source })?;
    let batch = batch_path.map(|path| Batch::take(path, &dir.join(JOBS), limits)).transpose()?;
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
                "the batch does not say what runs: put the program into Dockerfile, and what it writes into app.toml in place of {PLACEHOLDER_OUTPUT}"
            ));
        }
    }
    save(&dir.join("app.toml"), &rendered(template::BUDA_APP, &values)?)?;
    Ok(Imported { written, has_jobs: batch.is_some(), notes })
}

/// What does not come over from BUDA as it was.
fn about(app: &App) -> Vec<String> {
    let mut notes = vec![format!("variant {}", app.dir.file_name().unwrap_or_default().to_string_lossy())];
    if app.gzip_output {
        notes.push("outputs are not compressed on the way, as BUDA was told to".to_owned());
    }
    if app.cpu_type == "arm" {
        notes.push(
            "it was for ARM processors: volunteers with others get its jobs too, unless the image is for all"
                .to_owned(),
        );
    }
    if !app.plan_class.is_empty() && app.gpu().is_none() {
        notes.push(format!("nothing was made of the plan class {}", app.plan_class));
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

/// A text as TOML has it.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn rendered(template: &str, values: &impl Serialize) -> Result<String, CreateError> {
    Ok(Templates::default().render(template, values)?)
}

fn save(file: &Path, text: &str) -> Result<(), CreateError> {
    fs::write(file, text).map_err(|source| CreateError::Write { file: file.to_path_buf(), source })
}

fn copy(from: &Path, to: &Path, executable: bool) -> Result<(), ImportError> {
    let unreadable = |source| DescriptionError::Read { file: from.to_path_buf(), source };
    let metadata = from.symlink_metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(unreadable(io::Error::other("it is no regular file")).into());
    }
    fs::copy(from, to).map_err(unreadable)?;
    set_mode(to, if executable { 0o755 } else { 0o644 })
        .map_err(|source| CreateError::Write { file: to.to_path_buf(), source }.into())
}
