//! Packs a science app: the files that go with each job, and the hash that names them.

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::app::{AppSpec, Image, Mode};
use crate::content::hex;
use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::hash_cache::HashCache;
use crate::job_toml;
use crate::plan::{Bundle, BundleFile, Content, InputFile};

/// Packs `app`; `job_inputs` are the names that differ from job to job. A file that is not there is a mistake.
pub fn pack(app: &AppSpec, job_inputs: &[InputFile], mistakes: &mut Diagnostics) -> Option<Bundle> {
    let before = mistakes.len();
    let job_toml = job_toml::job_spec(app, job_inputs).render().into_bytes();
    let job_toml = Content::Bytes(Arc::from(job_toml));
    let mut packer = Packer { app, cache: HashCache::of_user(), files: Vec::new(), mistakes };
    packer.add("job.toml", job_toml, Flags::default());
    match &app.image {
        Image::Build { dockerfile, files, .. } => {
            packer.add(
                "Dockerfile",
                Content::Path(dockerfile.clone()),
                Flags { key: "dockerfile", ..Flags::default() },
            );
            for member in files {
                let flags = Flags { key: "files", executable: is_executable(&member.path), sticky: false };
                packer.add(&member.name, Content::Path(member.path.clone()), flags);
            }
        }
        Image::Tarball { file, name, .. } => {
            // So large that a client had better keep it between two batches.
            let flags = Flags { key: "tarball", executable: false, sticky: true };
            packer.add(name, Content::Path(file.clone()), flags);
        }
        Image::Pinned { .. } => {}
    }
    let files = packer.files;
    (mistakes.len() == before).then(|| Bundle { sha256: hash(app, &files), files })
}

struct Packer<'a> {
    app: &'a AppSpec,
    cache: HashCache,
    files: Vec<BundleFile>,
    mistakes: &'a mut Diagnostics,
}

#[derive(Default)]
struct Flags {
    /// The key of `[image]` that names the file.
    key: &'static str,
    executable: bool,
    sticky: bool,
}

impl Packer<'_> {
    fn add(&mut self, name: &str, content: Content, flags: Flags) {
        let hashed = match &content {
            Content::Path(path) if path.is_dir() => Err("it is a directory".to_owned()),
            Content::Path(path) if path.exists() && !path.is_file() => {
                Err("it is no regular file".to_owned())
            }
            content => self.cache.hash(content).map_err(|error| error.to_string()),
        };
        match (hashed, &content) {
            (Ok(hash), _) => {
                let Flags { executable, sticky, .. } = flags;
                let open_name = name.to_owned();
                let file = InputFile { open_name, mode: Mode::Link, sticky, gzip: false, executable };
                self.files.push(BundleFile { file, content, hash });
            }
            (Err(_), Content::Bytes(_)) => unreachable!("bytes in memory can be read"),
            (Err(cause), Content::Path(path)) => {
                let found = format!("{} cannot be read: {cause}", path.display());
                let dir = shown(&self.app.dir);
                let help = format!("create it, or change {} in [image]; paths start at {dir}", flags.key);
                self.mistakes.push(Diagnostic::new(Place::file(&self.app.file), found).help(help));
            }
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
