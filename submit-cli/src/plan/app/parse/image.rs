//! `[image]` of app.toml: where the container's image comes from.

use std::collections::BTreeMap;
use std::path::Path;

use boinc::dockerfile::is_stage_name;
use boinc::job::spec::{ContainerPath, Digest, JobSpec, Tarballs};

use crate::plan::app::{ContextFile, Image, ImageArchive};
use crate::plan::image_archive;
use crate::plan::names;
use boinc::diagnostic::{Diagnostic, Location};
use boinc::toml_file::{Document, Section, Text, TextOrMap};

/// `[image]`: the image, if it has no mistakes, and the work directory.
pub fn parse(doc: &Document<'_>, top: &mut Section<'_, '_>, dir: &Path) -> (Option<Image>, ContainerPath) {
    let before = doc.mistakes();
    let (image, workdir) = read(doc, top, dir);
    (image.filter(|_| doc.mistakes() == before), workdir)
}

fn read(doc: &Document<'_>, top: &mut Section<'_, '_>, dir: &Path) -> (Option<Image>, ContainerPath) {
    let default_workdir = JobSpec::default().workdir;
    let Some(mut section) = top.section("image") else {
        let built = Image::Build {
            dockerfile: dir.join("Dockerfile"),
            files: Vec::new(),
            build_args: BTreeMap::new(),
            target: None,
        };
        return (Some(built), default_workdir);
    };
    let place = section.place();
    let dockerfile = section.text("dockerfile");
    let tarball = section.text_or_map("tarball");
    let digest = section.text_or_map("digest");
    let pinned = section.text("name");
    let files = section.texts("files");
    let build_args = section.text_map("build_args");
    let target = section.text("target");
    let workdir = section.text("workdir");
    section.finish();

    let workdir = workdir.and_then(|text| {
        let path = ContainerPath::new(text.text);
        if path.is_none() {
            let found = format!("workdir is {:?}", text.text);
            let accepted = "an absolute path other than /, without .. : , and quotes";
            doc.note(Diagnostic::new(text.place, found).accepted(accepted));
        }
        path
    });
    let workdir = workdir.unwrap_or(default_workdir);
    let kinds =
        [dockerfile.is_some(), tarball.is_some(), pinned.is_some()].iter().filter(|&&given| given).count();
    if kinds > 1 {
        doc.note(
            Diagnostic::new(place, "[image] names more than one source of the image")
                .accepted("one of dockerfile, tarball (with digest), name"),
        );
        return (None, workdir);
    }
    if kinds == 1 && dockerfile.is_none() {
        let keys =
            [("files", files.is_some()), ("build_args", build_args.is_some()), ("target", target.is_some())];
        for (key, given) in keys {
            if given {
                let found = format!("{key} is for an image that is built from a Dockerfile");
                doc.note(
                    Diagnostic::new(place.clone(), found).help(format!("remove {key}, or use dockerfile")),
                );
            }
        }
    }
    if digest.is_some() && tarball.is_none() {
        doc.note(
            Diagnostic::new(place.clone(), "digest without tarball in [image]")
                .help("add tarball, or put the digest into the name: name = \"NAME@sha256:…\""),
        );
    }
    let image = if let Some(tarball) = tarball {
        prebuilt(doc, &place, dir, &tarball, digest.as_ref())
    } else if let Some(name) = pinned {
        self::pinned(doc, &name)
    } else {
        let dockerfile = dir.join(dockerfile.map_or("Dockerfile", |text| text.text));
        let files =
            files.unwrap_or_default().iter().filter_map(|path| context_file(doc, dir, path)).collect();
        let build_args = build_args.unwrap_or_default();
        let build_args = build_args.iter().filter_map(|(key, value)| build_arg(doc, key, value)).collect();
        let target = target.and_then(|target| stage(doc, &target));
        Some(Image::Build { dockerfile, files, build_args, target })
    };
    (image, workdir)
}

fn build_arg(doc: &Document<'_>, key: &Text<'_>, value: &Text<'_>) -> Option<(String, String)> {
    let good_key = key.text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !good_key {
        doc.note(
            Diagnostic::new(key.place.clone(), format!("invalid build argument {:?}", key.text))
                .accepted("letters, digits and _, not starting with a digit"),
        );
    }
    if value.text.chars().any(char::is_control) {
        let found = format!("the value of build argument {:?} contains a control character", key.text);
        doc.note(Diagnostic::new(value.place.clone(), found));
        return None;
    }
    good_key.then(|| (key.text.to_owned(), value.text.to_owned()))
}

fn stage(doc: &Document<'_>, target: &Text<'_>) -> Option<String> {
    let good = is_stage_name(target.text);
    if !good {
        doc.note(
            Diagnostic::new(target.place.clone(), format!("target is {:?}", target.text))
                .accepted("the name of a stage: a letter, then letters, digits, \"_\", \".\" and \"-\""),
        );
    }
    good.then(|| target.text.to_owned())
}

pub(super) fn context_file(doc: &Document<'_>, dir: &Path, path: &Text<'_>) -> Option<ContextFile> {
    let name = Path::new(path.text).file_name().and_then(|name| name.to_str()).unwrap_or("");
    if let Err(fault) = names::file_name(name) {
        let found = format!("invalid file {:?}: its name {fault}", path.text);
        doc.note(Diagnostic::new(path.place.clone(), found).accepted(names::FILE_NAME_FORM));
        return None;
    }
    Some(ContextFile { path: dir.join(path.text), name: name.to_owned() })
}

fn prebuilt(
    doc: &Document<'_>,
    place: &Location,
    dir: &Path,
    tarball: &TextOrMap<'_>,
    digest: Option<&TextOrMap<'_>>,
) -> Option<Image> {
    let files: Vec<(Option<&str>, ContextFile)> = match tarball {
        TextOrMap::Text(file) => vec![(None, context_file(doc, dir, file)?)],
        TextOrMap::Map(files) => {
            for (name, _) in files.iter().filter(|(name, _)| !Tarballs::is_architecture(name.text)) {
                let found = format!("{:?} in tarball of [image]", name.text);
                doc.note(Diagnostic::new(name.place.clone(), found).accepted(Tarballs::ARCHITECTURE));
            }
            let mut each = Vec::with_capacity(files.len());
            for (name, file) in files {
                each.push((Some(name.text), context_file(doc, dir, file)?));
            }
            each
        }
    };
    let declared = |wanted: Option<&str>| match (wanted, digest?) {
        (None, TextOrMap::Text(digest)) => Some(digest),
        (Some(wanted), TextOrMap::Map(each)) => {
            each.iter().find(|(name, _)| name.text == wanted).map(|(_, digest)| digest)
        }
        _ => None,
    };
    if let Some(TextOrMap::Map(each)) = digest {
        let is_unknown = |name: &str| !files.iter().any(|(architecture, _)| *architecture == Some(name));
        for (name, _) in each.iter().filter(|(name, _)| is_unknown(name.text)) {
            let found = format!("digest of [image] has {:?}, which tarball has not", name.text);
            doc.note(Diagnostic::new(name.place.clone(), found));
        }
    }
    let mut archives = Vec::new();
    for (architecture, file) in &files {
        let text = declared(*architecture);
        let Some(digest) = text.and_then(|text| Digest::new(text.text)) else {
            let of = architecture.map(|name| format!(" for {name}")).unwrap_or_default();
            let diagnostic = match text {
                Some(text) => Diagnostic::new(text.place.clone(), format!("digest{of} is {:?}", text.text))
                    .accepted("\"sha256:\" and 64 hex digits"),
                None => Diagnostic::new(place.clone(), format!("tarball without digest{of} in [image]"))
                    .accepted("digest = \"sha256:…\", the hash of the image's configuration"),
            };
            doc.note(with_digests(diagnostic, &files));
            return None;
        };
        let architecture = architecture.map(str::to_owned);
        archives.push(ImageArchive { architecture, file: file.clone(), digest });
    }
    if archives.is_empty() {
        let found = "tarball of [image] is an empty table";
        doc.note(Diagnostic::new(place.clone(), found).accepted("{ amd64 = \"FILE\", arm64 = \"FILE\" }"));
        return None;
    }
    Some(Image::Archives(archives))
}

/// Adds the line to write, if the archives can be read.
fn with_digests(diagnostic: Diagnostic, files: &[(Option<&str>, ContextFile)]) -> Diagnostic {
    if let [(None, file)] = files {
        return match image_archive::digest_of(&file.path, None) {
            Some(digest) => diagnostic.help(format!("write digest = {digest:?} for {}", file.name)),
            None => diagnostic,
        };
    }
    let digest = |(architecture, file): &(Option<&str>, ContextFile)| {
        Some(format!("{} = {:?}", (*architecture)?, image_archive::digest_of(&file.path, *architecture)?))
    };
    match files.iter().map(digest).collect::<Option<Vec<_>>>() {
        Some(digests) => diagnostic.help(format!("write digest = {{ {} }}", digests.join(", "))),
        None => diagnostic,
    }
}

fn pinned(doc: &Document<'_>, name: &Text<'_>) -> Option<Image> {
    let good = name.text.split_once('@').is_some_and(|(repository, digest)| {
        !repository.is_empty()
            && !repository.starts_with('-')
            && repository.chars().all(|c| c.is_ascii_alphanumeric() || "/_-.:".contains(c))
            && Digest::new(digest).is_some()
    });
    if !good {
        doc.note(
            Diagnostic::new(name.place.clone(), format!("invalid image name {:?}", name.text))
                .accepted("NAME@sha256: and 64 hex digits, so that every host runs the same image"),
        );
        return None;
    }
    Some(Image::Pinned { name: name.text.to_owned() })
}
