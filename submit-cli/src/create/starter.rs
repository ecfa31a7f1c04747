//! Starter apps: what `buoy init` writes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use boinc::platform::set_mode;
use serde::Serialize;

use crate::create::CreateError;
use crate::package::template::Templates;

/// A starter app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Starter {
    /// A shell script; jobs from a table, each with an input file
    Shell,
    /// A Python program; jobs from a parameter sweep
    Python,
}

/// A file as it is, with its path below the app's directory.
struct Plain {
    path: &'static str,
    text: &'static str,
}

macro_rules! plain {
    ($starter:literal, $path:literal) => {
        Plain { path: $path, text: include_str!(concat!("../../../templates/app/", $starter, "/", $path)) }
    };
}

const SHELL: [Plain; 6] = [
    plain!("shell", "Dockerfile"),
    plain!("shell", "batch.toml"),
    plain!("shell", "count.sh"),
    plain!("shell", "jobs.csv"),
    plain!("shell", "texts/harbour.txt"),
    plain!("shell", "texts/sea.txt"),
];

const PYTHON: [Plain; 3] =
    [plain!("python", "Dockerfile"), plain!("python", "batch.toml"), plain!("python", "darts.py")];

impl Starter {
    fn app_toml(self) -> &'static str {
        match self {
            Self::Shell => "app/shell/app.toml.tera",
            Self::Python => "app/python/app.toml.tera",
        }
    }

    fn files(self) -> &'static [Plain] {
        match self {
            Self::Shell => &SHELL,
            Self::Python => &PYTHON,
        }
    }
}

/// Writes a starter app called `name` to `dir`, which must not exist. Returns the files written, below `dir`.
///
/// # Errors
/// The directory exists, or something cannot be written.
pub fn write(starter: Starter, name: &str, dir: &Path) -> Result<Vec<PathBuf>, CreateError> {
    #[derive(Serialize)]
    struct Values<'a> {
        name: &'a str,
    }
    if dir.symlink_metadata().is_ok() {
        return Err(CreateError::Exists { dir: dir.to_path_buf() });
    }
    let app_toml = Templates::default().render(starter.app_toml(), &Values { name })?;
    let mut written = Vec::new();
    let files = starter.files().iter().map(|file| (file.path, file.text));
    for (path, text) in std::iter::once(("app.toml", app_toml.as_str())).chain(files) {
        let file = dir.join(path);
        save(&file, text).map_err(CreateError::write(&file))?;
        written.push(PathBuf::from(path));
    }
    Ok(written)
}

fn save(file: &Path, text: &str) -> io::Result<()> {
    fs::create_dir_all(file.parent().unwrap_or(Path::new("")))?;
    fs::write(file, text)?;
    // The Dockerfiles of the starter apps name the interpreter, so the apps also work from a system without such modes.
    if text.starts_with("#!") { set_mode(file, 0o755) } else { Ok(()) }
}
