//! Packs a science app: the files that go with each job, and the hash that names them.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use boinc::platform::Entry;
use validators::route::RouteOutput;
use validators::script::container::ScriptFile;
use validators::submitter_rules::{self, BundleScript, RuleFile};

use crate::plan::app::{AppSpec, Image, JudgeScript, Mode};
use crate::plan::content::Content;
use crate::plan::content::hash;
use crate::plan::hash_cache::HashCache;
use crate::plan::job_toml;
use crate::plan::{Bundle, BundleFile, InputFile, RuleMember};
use boinc::diagnostic::{Diagnostic, Diagnostics, Place};

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
    let rule = rule_file(app, &files, mistakes)?;
    (mistakes.len() == before).then(|| Bundle { sha256: rule.hash.sha256.clone(), files, rule })
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

/// Windows keeps no such bit; a program for a Linux container that has to be executable there is made so by the
/// Dockerfile (`RUN chmod`).
fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| Entry::from(&meta).mode & 0o111 != 0)
}

/// The bundle's rule file, which names the bundle: its hash is over what the jobs run, which it lists, and over how
/// their results are judged. Anything that changes either makes another bundle.
///
/// A server needs it in its download directory, under this name, before results come back; no job lists it as an input.
fn rule_file(app: &AppSpec, files: &[BundleFile], mistakes: &mut Diagnostics) -> Option<RuleMember> {
    let files = files.iter().map(|file| {
        let mode = if file.file.executable { "x" } else { "-" };
        format!("{} {mode} {}", file.hash.sha256, file.file.open_name)
    });
    let outputs = app.outputs.iter().map(|output| RouteOutput {
        name: output.name.clone(),
        max_bytes: Some(output.max_bytes),
        optional: output.optional,
    });
    let script = match &app.script {
        Some(script) => Some(brought_script(app, script, mistakes)?),
        None => None,
    };
    let rule = RuleFile::new(
        &app.name,
        files.collect(),
        outputs.collect(),
        app.validate.clone(),
        app.assimilate.clone(),
        script,
    );
    let bytes = rule.bytes();
    if bytes.len() as u64 > submitter_rules::MAX_BYTES {
        let place = app.script.as_ref().map_or_else(|| Place::file(&app.file), |script| script.place.clone());
        let found = format!("the rule file with the script's files has {} bytes", bytes.len());
        let accepted =
            format!("{} bytes; files take a third more there than on disk", submitter_rules::MAX_BYTES);
        mistakes.push(Diagnostic::new(place, found).accepted(accepted));
        return None;
    }
    // What a server would refuse is said before anything is sent.
    if let Err(found) = RuleFile::read(&bytes) {
        mistakes.push(Diagnostic::new(Place::file(&app.file), format!("a server would refuse it: {found}")));
        return None;
    }
    let content = Content::Bytes(Arc::from(bytes));
    let hash = hash(&content).expect("bytes in memory can be read");
    Some(RuleMember { physical_name: submitter_rules::physical_name(&hash.sha256), content, hash })
}

fn brought_script(app: &AppSpec, script: &JudgeScript, mistakes: &mut Diagnostics) -> Option<BundleScript> {
    let mut files = Vec::new();
    for file in &script.files {
        match std::fs::read(&file.path) {
            Ok(bytes) => files.push(ScriptFile {
                name: file.name.clone(),
                executable: is_executable(&file.path),
                base64: STANDARD.encode(bytes),
            }),
            Err(cause) => {
                let found = format!("{} cannot be read: {cause}", file.path.display());
                let help =
                    format!("create it, or change files in [script]; paths start at {}", shown(&app.dir));
                mistakes.push(Diagnostic::new(script.place.clone(), found).help(help));
                return None;
            }
        }
    }
    Some(BundleScript {
        init: script.init.clone(),
        compare: script.compare.clone(),
        assimilate: script.assimilate.clone(),
        extra_outputs: script.extra_outputs.clone(),
        legacy: script.legacy,
        image: Some(script.image.clone()),
        files,
    })
}
