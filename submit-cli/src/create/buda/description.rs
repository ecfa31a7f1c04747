//! `desc.json` and `variant.json`.

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::plan::app::Gpu;

const DESC: &str = "desc.json";
const VARIANT: &str = "variant.json";
/// The one that most apps have: any x86 computer, no GPU.
const USUAL_VARIANT: &str = "intel_cpu";
/// What BUDA's form proposes, in units of 1,048,576 bytes.
const DEFAULT_OUTPUT_MB: f64 = 10.0;
/// What BUDA's form proposes.
const DEFAULT_DELAY_DAYS: f64 = 7.0;

/// A science app of BUDA's, in one variant.
#[derive(Debug, Clone, PartialEq)]
pub struct App {
    /// The variant's directory.
    pub dir: PathBuf,
    /// Its name for people.
    pub long_name: String,
    /// What a job reads.
    pub inputs: Vec<String>,
    /// What a job writes.
    pub outputs: Vec<String>,
    /// Largest output, bytes.
    pub max_output_bytes: u64,
    /// From sending a job to its latest return, days.
    pub max_delay_days: f64,
    /// Outputs were compressed on the way, which does not exist here.
    pub gzip_output: bool,
    /// The Dockerfile's name in the directory.
    pub dockerfile: String,
    /// The other files of the app.
    pub files: Vec<String>,
    /// `intel` or `arm`.
    pub cpu_type: String,
    /// The plan class; may be empty.
    pub plan_class: String,
}

/// Why an app cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DescriptionError {
    /// A file cannot be read.
    #[error("{} cannot be read", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is no description.
    #[error("{}: not a description as BUDA writes it", file.display())]
    Json {
        /// The file.
        file: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// No variant, or none of that name.
    #[error("{}: no variant {wanted}; there are: {}", dir.display(), list(there))]
    NoVariant {
        /// The app's directory.
        dir: PathBuf,
        /// What was looked for.
        wanted: String,
        /// What there is.
        there: Vec<String>,
    },
    /// Several variants, and none was named.
    #[error("{}: it has the variants {}; name one with --variant", dir.display(), list(there))]
    Several {
        /// The app's directory.
        dir: PathBuf,
        /// What there is.
        there: Vec<String>,
    },
    /// A name that leads out of the directory or that no file could have.
    #[error("{}: the file name {name:?} is not accepted: {fault}", file.display())]
    Name {
        /// The description.
        file: PathBuf,
        /// The name.
        name: String,
        /// Why not.
        fault: String,
    },
    /// Nothing comes back from its jobs.
    #[error("{}: output_file_names is empty; a science app writes at least one file", file.display())]
    NoOutput {
        /// The description.
        file: PathBuf,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// desc.json; other keys are for BUDA's web pages.
#[derive(Deserialize)]
struct Desc {
    #[serde(default)]
    long_name: Option<String>,
    input_file_names: Vec<String>,
    output_file_names: Vec<String>,
    #[serde(default)]
    max_nbytes_mb: Option<f64>,
    #[serde(default)]
    max_delay_days: Option<f64>,
    #[serde(default)]
    gzip_output: Option<bool>,
}

/// variant.json; other keys say where the files are on a server.
#[derive(Deserialize)]
struct Variant {
    dockerfile: String,
    app_files: Vec<String>,
    #[serde(default)]
    cpu_type: String,
    #[serde(default)]
    plan_class: Option<String>,
}

impl App {
    /// Whether a directory is an app of BUDA's, or a variant of one.
    pub fn is_one(dir: &Path) -> bool {
        dir.join(DESC).is_file() || dir.join(VARIANT).is_file()
    }

    /// Reads an app's directory, or that of one of its variants. `variant` names one; else there is only one, or the usual one is taken.
    ///
    /// # Errors
    /// A description is missing or wrong, or there are several variants.
    pub fn read(dir: &Path, variant: Option<&str>) -> Result<Self, DescriptionError> {
        let (app_dir, variant_dir) = if dir.join(VARIANT).is_file() && variant.is_none() {
            let above = dir.canonicalize().ok().and_then(|dir| Some(dir.parent()?.to_path_buf()));
            (above.unwrap_or_else(|| dir.join("..")), dir.to_path_buf())
        } else {
            (dir.to_path_buf(), choose(dir, variant)?)
        };
        let desc_file = app_dir.join(DESC);
        let variant_file = variant_dir.join(VARIANT);
        let desc: Desc = json(&desc_file)?;
        let variant: Variant = json(&variant_file)?;
        if desc.output_file_names.is_empty() {
            return Err(DescriptionError::NoOutput { file: desc_file });
        }
        for name in desc.input_file_names.iter().chain(&desc.output_file_names) {
            check_name(&desc_file, name, crate::plan::names::file_name(name))?;
        }
        // The Dockerfile gets its usual name.
        check_name(&variant_file, &variant.dockerfile, plain_name(&variant.dockerfile))?;
        for name in &variant.app_files {
            check_name(&variant_file, name, crate::plan::names::file_name(name))?;
        }
        let megabytes = desc.max_nbytes_mb.filter(|mb| *mb > 0.0).unwrap_or(DEFAULT_OUTPUT_MB);
        Ok(Self {
            dir: variant_dir,
            long_name: desc.long_name.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" "),
            inputs: desc.input_file_names,
            outputs: desc.output_file_names,
            max_output_bytes: (megabytes * f64::from(1_u32 << 20)) as u64,
            max_delay_days: desc.max_delay_days.filter(|days| *days > 0.0).unwrap_or(DEFAULT_DELAY_DAYS),
            gzip_output: desc.gzip_output.unwrap_or(false),
            dockerfile: variant.dockerfile,
            files: variant.app_files,
            cpu_type: variant.cpu_type,
            plan_class: variant.plan_class.unwrap_or_default(),
        })
    }

    /// The kind of GPU that its plan class is for, by its name.
    pub fn gpu(&self) -> Option<Gpu> {
        let class = self.plan_class.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| class.contains(word));
        match () {
            () if has(&["nvidia", "cuda"]) => Some(Gpu::Nvidia),
            () if has(&["amd", "ati", "rocm"]) => Some(Gpu::Amd),
            () if has(&["intel"]) => Some(Gpu::Intel),
            () => None,
        }
    }
}

fn check_name(file: &Path, name: &str, checked: Result<(), String>) -> Result<(), DescriptionError> {
    checked.map_err(|fault| DescriptionError::Name { file: file.to_path_buf(), name: name.to_owned(), fault })
}

fn plain_name(name: &str) -> Result<(), String> {
    match name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
        true => Err("a file in the variant's directory is accepted".to_owned()),
        false => Ok(()),
    }
}

fn choose(dir: &Path, variant: Option<&str>) -> Result<PathBuf, DescriptionError> {
    let read = |source| DescriptionError::Read { file: dir.to_path_buf(), source };
    let mut there = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(read)? {
        let entry = entry.map_err(read)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && entry.path().join(VARIANT).is_file() {
            there.push(name);
        }
    }
    there.sort();
    let is_there = |name: &str| there.iter().any(|known| known == name);
    match variant {
        Some(name) if is_there(name) => Ok(dir.join(name)),
        None if there.len() == 1 => Ok(dir.join(&there[0])),
        None if is_there(USUAL_VARIANT) => Ok(dir.join(USUAL_VARIANT)),
        None if there.len() > 1 => Err(DescriptionError::Several { dir: dir.to_path_buf(), there }),
        wanted => {
            let wanted = wanted.map_or_else(|| "at all".to_owned(), |name| format!("{name:?}"));
            Err(DescriptionError::NoVariant { dir: dir.to_path_buf(), wanted, there })
        }
    }
}

fn json<T: DeserializeOwned>(file: &Path) -> Result<T, DescriptionError> {
    let text = std::fs::read_to_string(file)
        .map_err(|source| DescriptionError::Read { file: file.to_path_buf(), source })?;
    serde_json::from_str(&text).map_err(|source| DescriptionError::Json { file: file.to_path_buf(), source })
}
