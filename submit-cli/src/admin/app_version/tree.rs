//! What goes into the directory of an app version.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use boinc::frames::{AGENT_FILE, AGENT_FILE_ARM};
use boinc::job::argv::DEFAULT_CONFIG;
use boinc::job::policy::Policy;
use boinc::toml_file::ConfigErrors;
use serde::Serialize;

use super::{Number, Platform};
use crate::package::single::{self, CommonFile};
use crate::package::template::{self, TemplateError, Templates};
use crate::plan::app::{AppSpec, Mode};
use crate::plan::content::Content;
use crate::plan::content::{ContentHash, hash};
use crate::plan::{Bundle, BundleFile, physical};

/// Of the API that the wrapper speaks. From 7.5 on, a client does not add `--device N` to the command line; from 6.0 on, it
/// maps a file instead of System V shared memory (client/app_start.cpp).
const API_VERSION: &str = "8.2.0";

/// An app version to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// For which platform.
    pub platform: Platform,
    /// For which plan class.
    pub plan_class: String,
    /// Whether its jobs get a GPU.
    pub gpu: bool,
    pub wrapper: PathBuf,
    /// The wrappers for Linux that the one for Windows starts in WSL: for x86-64, and for ARM computers if there is one.
    pub agents: Vec<(Platform, PathBuf)>,
}

/// A science app that a single-purpose app version carries whole.
#[derive(Debug, Clone)]
pub struct Single<'a> {
    /// The app; inputs that are one file for all jobs come from its directory.
    pub app: &'a AppSpec,
    pub bundle: &'a Bundle,
}

/// A file of an app version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionFile {
    /// Its name in the directory, on the server and in clients' project directories.
    pub physical_name: String,
    /// Its name in the slot; `None` for the main program, which needs none.
    pub logical_name: Option<String>,
    /// The program that the client starts.
    pub main_program: bool,
    /// The slot gets a copy, rather than a link.
    pub copy_file: bool,
    /// The client sets the executable bits; `update_versions` looks at the file's mode.
    pub executable: bool,
    /// What is in it.
    pub content: Content,
    /// What tells that from others.
    pub hash: ContentHash,
}

/// The directory of an app version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// For which platform.
    pub platform: Platform,
    /// For which plan class.
    pub plan_class: String,
    /// Its path below `apps/`: `APP/VERSION/PLATFORM__PLANCLASS`.
    pub path: PathBuf,
    /// Its files but for version.xml; the main program first.
    pub files: Vec<VersionFile>,
    /// version.xml.
    pub version_xml: String,
}

/// An app version that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// A file cannot be read.
    #[error("failed to read {}", file.display())]
    Read { file: PathBuf, source: io::Error },
    /// The wrapper is for another platform, or is no program.
    #[error("{}: expected a program for {platform}, got {found}; specify another file with --wrapper {platform}=FILE", file.display())]
    WrongWrapper {
        file: PathBuf,
        found: String,
        /// What was wanted.
        platform: Platform,
    },
    /// The policy has mistakes; no job would run.
    #[error("{}: {errors}", file.display())]
    Policy { file: PathBuf, errors: ConfigErrors },
    /// version.xml or policy.toml cannot be rendered: a defect of ours.
    #[error(transparent)]
    Template(#[from] TemplateError),
}

/// The directory of the app version `number` of `app` for a target. `policy` is a file of the admin's, else there is the strictest one
/// for a universal app, and none for a single-purpose app, whose job.toml is the project's own.
///
/// # Errors
/// A file cannot be read or is not what it should be.
pub fn tree(
    app: &str,
    number: Number,
    target: &Target,
    policy: Option<&Path>,
    single: Option<&Single<'_>>,
) -> Result<Tree, TreeError> {
    let is_single = single.is_some();
    let mut files = vec![VersionFile {
        logical_name: None,
        main_program: true,
        ..program(app, number, target.platform, &target.wrapper, is_single)?
    }];
    for (platform, agent) in &target.agents {
        // The same name as in the version for Linux, whose main program it is.
        files.push(program(app, number, *platform, agent, is_single)?);
    }
    let mut others: Vec<(String, Content, bool, bool, ContentHash)> = Vec::new();
    if let Some(text) = policy_text(policy, is_single, target.gpu)? {
        let content = Content::Bytes(Arc::from(text.into_bytes()));
        let hash = hashed(&content)?;
        others.push((boinc::job::policy::POLICY_FILE.to_owned(), content, false, false, hash));
    }
    let policies = others.len();
    if let Some(single) = single {
        for BundleFile { file, content, hash } in &single.bundle.files {
            let copy_file = file.mode == Mode::Copy;
            others.push((file.open_name.clone(), content.clone(), copy_file, file.executable, hash.clone()));
        }
        for input in single.app.shared_inputs() {
            if let Some(file) = &input.file {
                let content = Content::Path(file.clone());
                let hash = hashed(&content)?;
                others.push((input.name.clone(), content, input.mode == Mode::Copy, false, hash));
            }
        }
    }
    let common = others[policies..].iter().map(|(name, _, copy_file, executable, hash)| CommonFile {
        open_name: name.clone(),
        physical_name: physical::name(&hash.sha256, *executable),
        copy_file: *copy_file,
    });
    let common_hash = single::files_hash(common.collect());
    files.extend(others.into_iter().map(|(name, content, copy_file, executable, hash)| VersionFile {
        // A submitter compares all common files by this one.
        physical_name: if is_single && name == DEFAULT_CONFIG {
            single::job_toml_name(app, &number.to_string(), &common_hash)
        } else {
            physical_name(app, number, &name, &hash, executable)
        },
        logical_name: Some(name),
        main_program: false,
        copy_file,
        executable,
        content,
        hash,
    }));
    let version_xml = version_xml(&files)?;
    let directory = format!("{}__{}", target.platform, target.plan_class);
    let path = Path::new(app).join(number.to_string()).join(directory);
    Ok(Tree { platform: target.platform, plan_class: target.plan_class.clone(), path, files, version_xml })
}

/// The wrapper for a platform, as a file that another program starts.
fn program(
    app: &str,
    number: Number,
    platform: Platform,
    wrapper: &Path,
    is_single: bool,
) -> Result<VersionFile, TreeError> {
    let read = |source| TreeError::Read { file: wrapper.to_path_buf(), source };
    let platforms = Platform::of_program(wrapper).map_err(read)?;
    if !platforms.contains(&platform) {
        let found = match platforms.first() {
            Some(other) => format!("a program for {other}"),
            None => "another kind of file".to_owned(),
        };
        return Err(TreeError::WrongWrapper { file: wrapper.to_path_buf(), found, platform });
    }
    let content = Content::Path(wrapper.to_path_buf());
    let name = single::wrapper_name(app, &number.to_string(), &platform.to_string(), is_single);
    let logical_name = if platform == Platform::LinuxArm { AGENT_FILE_ARM } else { AGENT_FILE };
    Ok(VersionFile {
        physical_name: format!("{name}{}", platform.program_suffix()),
        logical_name: Some(logical_name.to_owned()),
        main_program: false,
        copy_file: false,
        executable: true,
        hash: hashed(&content)?,
        content,
    })
}

/// The same file has the same name in each platform and plan class of a version, so a host fetches it once. An executable one
/// has a name of its own: on a client a name has one set of flags.
fn physical_name(app: &str, number: Number, logical: &str, hash: &ContentHash, executable: bool) -> String {
    // update_versions puts names into a shell command as they are.
    let plain: String = logical
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' })
        .collect();
    let mode = if executable { "_x" } else { "" };
    let name = format!("{app}_{number}_{}{mode}_{plain}", &hash.sha256[..12]);
    // update_versions passes over a file of such a name, which it takes for a signature, and then misses it.
    match name.strip_suffix(".sig") {
        Some(start) => format!("{start}_sig"),
        None => name,
    }
}

fn policy_text(policy: Option<&Path>, single: bool, gpu: bool) -> Result<Option<String>, TreeError> {
    #[derive(Serialize)]
    struct Values {
        gpu: bool,
    }
    let Some(file) = policy else {
        return if single {
            Ok(None)
        } else {
            Ok(Some(Templates::default().render(template::POLICY, &Values { gpu })?))
        };
    };
    let text = std::fs::read_to_string(file)
        .map_err(|source| TreeError::Read { file: file.to_path_buf(), source })?;
    match Policy::parse(&text) {
        Ok(_) => Ok(Some(text)),
        Err(errors) => Err(TreeError::Policy { file: file.to_path_buf(), errors }),
    }
}

fn version_xml(files: &[VersionFile]) -> Result<String, TemplateError> {
    #[derive(Serialize)]
    struct File<'a> {
        physical_name: &'a str,
        logical_name: Option<&'a str>,
        copy_file: bool,
        main_program: bool,
    }
    #[derive(Serialize)]
    struct Version<'a> {
        files: Vec<File<'a>>,
        api_version: &'static str,
    }
    let files = files
        .iter()
        .map(|file| File {
            physical_name: &file.physical_name,
            logical_name: file.logical_name.as_deref(),
            copy_file: file.copy_file,
            main_program: file.main_program,
        })
        .collect();
    Templates::default().render(template::VERSION, &Version { files, api_version: API_VERSION })
}

fn hashed(content: &Content) -> Result<ContentHash, TreeError> {
    hash(content).map_err(|source| match content {
        Content::Path(file) => TreeError::Read { file: file.clone(), source },
        Content::Bytes(_) => TreeError::Read { file: PathBuf::new(), source },
    })
}
