//! PHP's limits, and whether it shows its errors to everybody.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Findings, Grade, Subject};
use boinc::diagnostic::{Diagnostic, Place};

/// Below this, an input of an ordinary size cannot be uploaded in one piece.
const ENOUGH_UPLOAD: u64 = 64 << 20;
/// Of this many parts one request should be able to consist.
const ENOUGH_FILES: u64 = 100;

/// A setting where it is made last.
struct Setting {
    value: String,
    place: Place,
}

pub(super) fn look(subject: &Subject<'_>, findings: &mut Findings) {
    let variants = variants(&subject.host.etc);
    if variants.is_empty() {
        let place = Place::file(&subject.host.etc.join("php"));
        let what =
            Diagnostic::new(place, "no settings of PHP for a web server here: its limits are not known");
        findings.note(
            Grade::Unchecked,
            what.accepted("upload_max_filesize, post_max_size, max_file_uploads in php.ini"),
        );
    }
    for files in variants {
        limits(&settings(&files), &files[0], findings);
    }
    project_inc(subject, findings);
}

/// The ini files of each PHP that serves web pages, in the order in which PHP reads them.
fn variants(etc: &Path) -> Vec<Vec<PathBuf>> {
    let mut variants = Vec::new();
    for version in sorted(&etc.join("php")) {
        for kind in ["apache2", "fpm", "cgi"] {
            let dir = version.join(kind);
            if dir.join("php.ini").is_file() {
                let mut files = vec![dir.join("php.ini")];
                files.extend(sorted(&dir.join("conf.d")));
                files.extend(sorted(&dir.join("pool.d")));
                if kind == "apache2" {
                    // php_admin_value in Apache's own files comes after all of these.
                    files.push(etc.join("apache2/apache2.conf"));
                    files.extend(sorted(&etc.join("apache2/conf-enabled")));
                    files.extend(sorted(&etc.join("apache2/sites-enabled")));
                }
                variants.push(files);
            }
        }
    }
    if etc.join("php.ini").is_file() {
        let mut files = vec![etc.join("php.ini")];
        files.extend(sorted(&etc.join("php.d")));
        files.extend(sorted(&etc.join("php-fpm.d")));
        variants.push(files);
    }
    variants
}

fn sorted(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn settings(files: &[PathBuf]) -> BTreeMap<String, Setting> {
    let mut settings = BTreeMap::new();
    for file in files {
        let text = std::fs::read(file).unwrap_or_default();
        for (number, line) in (1_u32..).zip(String::from_utf8_lossy(&text).lines()) {
            if let Some((key, value)) = setting(line) {
                let value = value.trim().trim_matches('"').to_owned();
                settings.insert(key.to_owned(), Setting { value, place: Place::line(file, number) });
            }
        }
    }
    settings
}

/// The three forms: `KEY = VALUE` in ini files, `php_admin_value[KEY] = VALUE` in those of fpm's pools, `php_admin_value KEY VALUE` in
/// Apache's.
fn setting(line: &str) -> Option<(&str, &str)> {
    let line = line.split(';').next().unwrap_or_default().trim();
    const APACHE: [&str; 4] = ["php_admin_value ", "php_value ", "php_admin_flag ", "php_flag "];
    if let Some(rest) = APACHE.iter().find_map(|form| line.strip_prefix(form)) {
        return rest.trim().split_once(char::is_whitespace);
    }
    let (key, value) = line.split_once('=')?;
    let key = key.trim();
    Some((key.split_once('[').map_or(key, |(_, inner)| inner.trim_end_matches(']')), value))
}

/// Bytes of `8M`, `1G`, `2048`.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let scale = match &text[digits.len()..] {
        "" => 1,
        "K" | "k" => 1 << 10,
        "M" | "m" => 1 << 20,
        "G" | "g" => 1 << 30,
        _ => return None,
    };
    digits.trim().parse::<u64>().ok()?.checked_mul(scale)
}

fn limits(settings: &BTreeMap<String, Setting>, ini: &Path, findings: &mut Findings) {
    let last = |key: &str, default: &str| match settings.get(key) {
        Some(Setting { value, place }) => (value.clone(), place.clone()),
        None => (default.to_owned(), Place::file(ini)),
    };
    let (upload, upload_place) = last("upload_max_filesize", "2M");
    let (post, post_place) = last("post_max_size", "8M");
    let (files, files_place) = last("max_file_uploads", "20");
    let (upload_bytes, post_bytes) = (bytes(&upload), bytes(&post));
    for (key, value, parsed, place) in [
        ("upload_max_filesize", &upload, upload_bytes, &upload_place),
        ("post_max_size", &post, post_bytes, &post_place),
    ] {
        if parsed.is_none() {
            let what = Diagnostic::new(place.clone(), format!("{key} = {value}"));
            findings.note(Grade::Wrong, what.accepted("a number, with K, M or G after it"));
        }
    }
    if upload_bytes.is_some_and(|limit| limit < ENOUGH_UPLOAD) {
        let what = Diagnostic::new(
            upload_place,
            format!("upload_max_filesize = {upload}: a larger input cannot be submitted"),
        );
        findings.note(Grade::Advice, what.accepted("the largest input, say 512M"));
    }
    // 0 means no limit.
    if let (Some(upload), Some(post)) = (upload_bytes, post_bytes)
        && post != 0
        && post <= upload
    {
        let what = Diagnostic::new(
            post_place,
            "post_max_size is not above upload_max_filesize: a request over it is taken for an empty one",
        );
        findings.note(
            Grade::Wrong,
            what.accepted("upload_max_filesize and some more, for the rest of the request"),
        );
    } else if post_bytes.is_some_and(|limit| limit != 0 && limit < ENOUGH_UPLOAD) {
        let what = Diagnostic::new(
            post_place,
            format!("post_max_size = {post}: large batches and inputs take many requests"),
        );
        findings.note(Grade::Advice, what.accepted("say 520M"));
    }
    if files.parse::<u64>().is_ok_and(|limit| limit < ENOUGH_FILES) {
        let what = Diagnostic::new(
            files_place,
            format!(
                "max_file_uploads = {files}: so many inputs travel in a request, the rest is dropped without a word"
            ),
        );
        findings.note(Grade::Advice, what.accepted("say 500"));
    }
    let shown = last("display_errors", "1");
    if matches!(shown.0.to_ascii_lowercase().as_str(), "1" | "on" | "true" | "yes" | "stdout") {
        let what = Diagnostic::new(
            shown.1,
            format!("display_errors = {}: errors show the server's paths to everybody", shown.0),
        );
        findings.note(Grade::Unsafe, what.accepted("Off"));
    }
}

/// The project's own settings switch the showing of errors on in a fresh project.
fn project_inc(subject: &Subject<'_>, findings: &mut Findings) {
    let path = subject.project.dir.join("html/project/project.inc");
    let text = std::fs::read(&path).unwrap_or_default();
    for (number, line) in (1_u32..).zip(String::from_utf8_lossy(&text).lines()) {
        let code = line.trim();
        if code.starts_with("display_errors()") {
            let found = "display_errors(): PHP's warnings stand in the replies to submitters, with the server's paths and what was asked";
            findings.note(
                Grade::Unsafe,
                Diagnostic::new(Place::line(&path, number), found).help("put // before it"),
            );
        }
    }
}
