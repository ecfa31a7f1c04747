//! Packs a science app: the files that go with each job, and the hash that names them.

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::app::{AppSpec, Image, Mode};
use crate::content::{self, hex};
use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::job_toml;
use crate::plan::{Bundle, BundleFile, Content, InputFile};

/// Packs `app`; `job_inputs` are the names that differ from job to job. A file that is not there is a mistake.
pub fn pack(app: &AppSpec, job_inputs: &[InputFile], mistakes: &mut Diagnostics) -> Option<Bundle> {
    let before = mistakes.len();
    let mut files = Vec::new();
    let job_toml = job_toml::job_spec(app, job_inputs).render();
    files.extend(file("job.toml", false, Content::Bytes(Arc::from(job_toml.into_bytes())), app, mistakes));
    match &app.image {
        Image::Build { dockerfile, files: context, .. } => {
            files.extend(file("Dockerfile", false, Content::Path(dockerfile.clone()), app, mistakes));
            for member in context {
                let content = Content::Path(member.path.clone());
                files.extend(file(&member.name, is_executable(&member.path), content, app, mistakes));
            }
        }
        Image::Tarball { file: path, name, .. } => {
            files.extend(file(name, false, Content::Path(path.clone()), app, mistakes));
        }
        Image::Pinned { .. } => {}
    }
    (mistakes.len() == before).then(|| Bundle { sha256: hash(app, &files), files })
}

fn file(
    name: &str,
    executable: bool,
    content: Content,
    app: &AppSpec,
    mistakes: &mut Diagnostics,
) -> Option<BundleFile> {
    let hashed = match &content {
        Content::Path(path) if path.is_dir() => Err("it is a directory".to_owned()),
        content => content::hash(content).map_err(|error| error.to_string()),
    };
    match hashed {
        Ok(hash) => {
            let file = InputFile {
                open_name: name.to_owned(),
                mode: Mode::Link,
                sticky: matches!(app.image, Image::Tarball { .. }) && name != "job.toml",
                gzip: false,
                executable,
            };
            Some(BundleFile { file, content, hash })
        }
        Err(cause) => {
            let Content::Path(path) = &content else { unreachable!("bytes in memory can be read") };
            let found = format!("{} cannot be read: {cause}", path.display());
            let key = if name == "Dockerfile" { "dockerfile" } else { "files" };
            let help = format!("create it, or change {key} in [image]; paths start at {}", shown(&app.dir));
            mistakes.push(Diagnostic::new(Place::file(&app.file), found).help(help));
            None
        }
    }
}

fn shown(dir: &Path) -> String {
    if dir.as_os_str().is_empty() { "the working directory".into() } else { dir.display().to_string() }
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.permissions().mode() & 0o111 != 0)
}

/// Windows keeps no such bit; a program for a Linux container that has to be executable there is made so by the
/// Dockerfile (`RUN chmod`).
#[cfg(not(unix))]
fn is_executable(_: &Path) -> bool {
    false
}

/// What the jobs run and how their results are judged: anything that changes either makes another bundle.
fn hash(app: &AppSpec, files: &[BundleFile]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(b"buoy bundle 1\n");
    for file in files {
        let mode = if file.file.executable { "x" } else { "-" };
        hasher.update(format!("{} {mode} {}\n", file.hash.sha256, file.file.open_name));
    }
    for rule in [serde_json::to_vec(&app.validate), serde_json::to_vec(&app.assimilate)] {
        hasher.update(rule.expect("plain structures of texts and numbers become JSON"));
        hasher.update(b"\n");
    }
    hex(&hasher.finalize())
}
