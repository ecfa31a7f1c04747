//! Packs a science app: the files that go with each job, and the hash that names them.

use std::io;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use boinc::diagnostic::{Diagnostic, Diagnostics, Location};
use boinc::job::argv::{DEFAULT_CONFIG, DEFAULT_DOCKERFILE};
use sha2::{Digest, Sha256};
use validators::route::RouteOutput;
use validators::script::container::ScriptFile;
use validators::spec::{AssimilateSpec, ValidateSpec};
use validators::submitter_rules::{self, BundleScript, RuleFile};

use crate::plan::app::{AppSpec, Image, ImageArchive, JudgeScript, Mode};
use crate::plan::content::{Content, hash, hex, is_regular};
use crate::plan::hash_cache::HashCache;
use crate::plan::job_toml;
use crate::plan::jobs::shown_dir;
use crate::plan::{Bundle, BundleFile, InputFile, RuleMember};
use crate::platform::is_program;

/// Packs `app` with its Dockerfile, if it has one; `job_inputs` are the inputs that differ from job to job. A missing file
/// is a mistake.
pub fn pack(
    app: &AppSpec,
    dockerfile: Option<Content>,
    job_inputs: &[InputFile],
    mistakes: &mut Diagnostics,
) -> Option<Bundle> {
    let before = mistakes.len();
    let job_spec = job_toml::job_spec(app, job_inputs);
    let job_toml = Content::Bytes(Arc::from(job_spec.render().into_bytes()));
    let texts = [Some((DEFAULT_CONFIG, job_toml)), dockerfile.map(|text| (DEFAULT_DOCKERFILE, text))];
    let mut files: Vec<BundleFile> = texts
        .into_iter()
        .flatten()
        .map(|(name, content)| {
            let hash = hash(&content).expect("bytes in memory can be read");
            BundleFile { file: input_file(name, false, false), content, hash }
        })
        .collect();
    let cache = HashCache::of_user();
    let mut add = |key, path: &Path, file| {
        let content = Content::Path(path.to_owned());
        match is_regular(path).and_then(|()| cache.hash(&content)) {
            Ok(hash) => files.push(BundleFile { file, content, hash }),
            Err(error) => mistakes.push(unreadable(app, path, &error, key)),
        }
    };
    match &app.image {
        Image::Build { files, .. } => {
            for file in files {
                add("files", &file.path, input_file(&file.name, is_program(&file.path), false));
            }
        }
        // It is large, so the client keeps it for the next batch.
        Image::Archives(archives) => {
            for file in ImageArchive::files(archives) {
                add("tarball", &file.path, input_file(&file.name, false, true));
            }
        }
        Image::Pinned { .. } => {}
    }
    let (rule, run_sha256) = rule_file(app, &files, mistakes)?;
    let sha256 = rule.hash.sha256.clone();
    (mistakes.len() == before).then_some(Bundle { sha256, run_sha256, job_spec, files, rule })
}

fn input_file(name: &str, executable: bool, sticky: bool) -> InputFile {
    InputFile { open_name: name.to_owned(), mode: Mode::Link, sticky, gzip: false, executable }
}

/// A file that `key` of `[image]` names cannot be read.
pub fn unreadable(app: &AppSpec, path: &Path, error: &io::Error, key: &str) -> Diagnostic {
    let found = format!("failed to read {}: {error}", path.display());
    let help =
        format!("create it, or change {key} in [image]; paths are relative to {}", shown_dir(&app.dir));
    Diagnostic::new(Location::file(&app.file), found).help(help)
}

/// The bundle's rule file, and the hash of what it says without rules. Its own hash names the bundle: it lists the files that
/// jobs run and the rules for their results, so a change to either gives another bundle.
///
/// A server needs it in its download directory, under this name, before results come back; it is not an input of a job.
fn rule_file(
    app: &AppSpec,
    files: &[BundleFile],
    mistakes: &mut Diagnostics,
) -> Option<(RuleMember, String)> {
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
    let mut rule = RuleFile::new(
        &app.name,
        files.collect(),
        outputs.collect(),
        ValidateSpec::default(),
        AssimilateSpec::default(),
        None,
    );
    let run_sha256 = hex(&Sha256::digest(rule.bytes()));
    rule.validate = app.validate.clone();
    rule.assimilate = app.assimilate.clone();
    rule.script = script;
    let bytes = rule.bytes();
    if bytes.len() as u64 > submitter_rules::MAX_BYTES {
        let place =
            app.script.as_ref().map_or_else(|| Location::file(&app.file), |script| script.place.clone());
        let found = format!("the rule file with the script's files has {} bytes", bytes.len());
        let accepted = format!(
            "at most {} bytes, where files take a third more than on disk",
            submitter_rules::MAX_BYTES
        );
        mistakes.push(Diagnostic::new(place, found).accepted(accepted));
        return None;
    }
    // A server would refuse it later, for each result.
    if let Err(found) = RuleFile::read(&bytes) {
        mistakes.push(Diagnostic::new(Location::file(&app.file), format!("invalid rule file: {found}")));
        return None;
    }
    let content = Content::Bytes(Arc::from(bytes));
    let hash = hash(&content).expect("bytes in memory can be read");
    let member = RuleMember { physical_name: submitter_rules::physical_name(&hash.sha256), content, hash };
    Some((member, run_sha256))
}

fn brought_script(app: &AppSpec, script: &JudgeScript, mistakes: &mut Diagnostics) -> Option<BundleScript> {
    let mut files = Vec::new();
    for file in &script.files {
        match std::fs::read(&file.path) {
            Ok(bytes) => files.push(ScriptFile {
                name: file.name.clone(),
                executable: is_program(&file.path),
                base64: STANDARD.encode(bytes),
            }),
            Err(cause) => {
                let found = format!("failed to read {}: {cause}", file.path.display());
                let dir = shown_dir(&app.dir);
                let help = format!("create it, or change files in [script]; paths are relative to {dir}");
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
