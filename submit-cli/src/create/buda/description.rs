//! `desc.json` and `variant.json`.

use std::path::{Path, PathBuf};

use boinc::spelling::listed;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::create::CreateError;
use crate::plan::app::Gpu;
use crate::plan::names::file_name;
use crate::platform::resolved;

/// What messages call either file.
const KIND: &str = "BUDA description";
const DESC: &str = "desc.json";
const VARIANT: &str = "variant.json";
/// The variant of most apps: any x86 computer, no GPU.
const USUAL_VARIANT: &str = "intel_cpu";
/// Default of BUDA's form, in units of 1,048,576 bytes.
const DEFAULT_OUTPUT_MB: f64 = 10.0;
/// Default of BUDA's form.
const DEFAULT_DELAY_DAYS: f64 = 7.0;

/// A BUDA app, in one variant.
#[derive(Debug, Clone, PartialEq)]
pub struct App {
    pub dir: PathBuf,
    pub long_name: String,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    pub max_output_bytes: u64,
    /// From sending a job to its deadline, days.
    pub max_delay_days: f64,
    /// Outputs are compressed for transfer, which Buoy does not support.
    pub gzip_output: bool,
    /// The Dockerfile's name in the directory.
    pub dockerfile: String,
    pub files: Vec<String>,
    /// `intel` or `arm`.
    pub cpu_type: String,
    /// The plan class; may be empty.
    pub plan_class: String,
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
    /// Whether a directory is a BUDA app, or a variant of one.
    pub fn is_app(dir: &Path) -> bool {
        dir.join(DESC).is_file() || dir.join(VARIANT).is_file()
    }

    /// Reads an app's directory, or that of one of its variants. `variant` names one; default: the only one, or the usual one.
    ///
    /// # Errors
    /// A description is missing or wrong, or there are several variants.
    pub fn read(dir: &Path, variant: Option<&str>) -> Result<Self, CreateError> {
        let (app_dir, variant_dir) = if dir.join(VARIANT).is_file() && variant.is_none() {
            let above = resolved(dir).ok().and_then(|dir| Some(dir.parent()?.to_path_buf()));
            (above.unwrap_or_else(|| dir.join("..")), dir.to_path_buf())
        } else {
            (dir.to_path_buf(), choose(dir, variant)?)
        };
        let desc_file = app_dir.join(DESC);
        let variant_file = variant_dir.join(VARIANT);
        let desc: Desc = json(&desc_file)?;
        let variant: Variant = json(&variant_file)?;
        if desc.output_file_names.is_empty() {
            return Err(CreateError::invalid(KIND, &desc_file, "output_file_names is empty"));
        }
        for name in desc.input_file_names.iter().chain(&desc.output_file_names) {
            check_name(&desc_file, name, file_name(name))?;
        }
        // The Dockerfile gets its usual name.
        check_name(&variant_file, &variant.dockerfile, plain_name(&variant.dockerfile))?;
        for name in &variant.app_files {
            check_name(&variant_file, name, file_name(name))?;
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

    /// The kind of GPU that the name of the plan class implies.
    pub fn gpu(&self) -> Option<Gpu> {
        let class = self.plan_class.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| class.contains(word));
        if has(&["nvidia", "cuda"]) {
            Some(Gpu::Nvidia)
        } else if has(&["amd", "ati", "rocm"]) {
            Some(Gpu::Amd)
        } else {
            has(&["intel"]).then_some(Gpu::Intel)
        }
    }
}

fn check_name(file: &Path, name: &str, checked: Result<(), String>) -> Result<(), CreateError> {
    checked.map_err(|fault| CreateError::invalid(KIND, file, format!("file name {name:?} {fault}")))
}

fn plain_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
        return Err("is not the name of a file in the variant's directory".to_owned());
    }
    Ok(())
}

fn choose(dir: &Path, variant: Option<&str>) -> Result<PathBuf, CreateError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(CreateError::read(dir))? {
        let entry = entry.map_err(CreateError::read(dir))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && entry.path().join(VARIANT).is_file() {
            found.push(name);
        }
    }
    found.sort();
    let exists = |name: &str| found.iter().any(|known| known == name);
    match variant {
        Some(name) if exists(name) => Ok(dir.join(name)),
        None if found.len() == 1 => Ok(dir.join(&found[0])),
        None if exists(USUAL_VARIANT) => Ok(dir.join(USUAL_VARIANT)),
        None if found.len() > 1 => {
            let fault = format!("name a variant with --variant; variants: {}", listed(&found));
            Err(CreateError::invalid("BUDA app", dir, fault))
        }
        wanted => {
            let wanted =
                wanted.map_or_else(|| "no variant".to_owned(), |name| format!("no variant {name:?}"));
            Err(CreateError::invalid("BUDA app", dir, format!("{wanted}; variants: {}", listed(&found))))
        }
    }
}

fn json<T: DeserializeOwned>(file: &Path) -> Result<T, CreateError> {
    let text = std::fs::read_to_string(file).map_err(CreateError::read(file))?;
    serde_json::from_str(&text).map_err(CreateError::unreadable(KIND, file))
}
