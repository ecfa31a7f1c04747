//! PHP's limits, and whether it shows its errors to everybody.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use boinc::diagnostic::Location;

use super::{Findings, Grade, Subject};
use crate::admin::project_files::sorted;

/// Below this, an input of an ordinary size cannot be uploaded in one piece.
const ENOUGH_UPLOAD: u64 = 64 << 20;
/// Files that one request should be able to hold.
const ENOUGH_FILES: u64 = 100;

/// Values by key, each with the place where it is set last.
type Settings = BTreeMap<String, (String, Location)>;

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let variants = variants(&subject.host.etc);
    if variants.is_empty() {
        let place = Location::file(&subject.host.etc.join("php"));
        findings
            .note(
                Grade::Unchecked,
                place,
                "no settings of PHP for a web server found: its limits are unknown",
            )
            .accepted("upload_max_filesize, post_max_size, max_file_uploads in php.ini");
    }
    for files in variants {
        check_limits(&settings(&files), &files[0], findings);
    }
    check_project_inc(subject, findings);
}

/// The ini files of each PHP that serves web pages, in the order in which PHP reads them.
fn variants(etc: &Path) -> Vec<Vec<PathBuf>> {
    let mut variants = Vec::new();
    let mut add = |dir: &Path, more: &[&Path]| {
        let ini = dir.join("php.ini");
        if ini.is_file() {
            let mut files = vec![ini];
            for path in more {
                files.extend(path.is_file().then(|| path.to_path_buf()));
                files.extend(sorted(path).into_iter().map(|(_, path)| path));
            }
            variants.push(files);
        }
    };
    for (_, version) in sorted(&etc.join("php")) {
        for kind in ["apache2", "fpm", "cgi"] {
            let dir = version.join(kind);
            let (conf, pool) = (dir.join("conf.d"), dir.join("pool.d"));
            // php_admin_value in Apache's own files comes after all of these.
            let [main, enabled, sites] =
                ["apache2.conf", "conf-enabled", "sites-enabled"].map(|name| etc.join("apache2").join(name));
            match kind {
                "apache2" => add(&dir, &[&conf, &main, &enabled, &sites]),
                _ => add(&dir, &[&conf, &pool]),
            }
        }
    }
    add(etc, &[&etc.join("php.d"), &etc.join("php-fpm.d")]);
    variants
}

fn settings(files: &[PathBuf]) -> Settings {
    let mut settings = Settings::new();
    for file in files {
        let text = std::fs::read(file).unwrap_or_default();
        for (number, line) in (1..).zip(String::from_utf8_lossy(&text).lines()) {
            if let Some((key, value)) = setting(line) {
                let value = value.trim().trim_matches('"').to_owned();
                settings.insert(key.to_owned(), (value, Location::line(file, number)));
            }
        }
    }
    settings
}

/// The three forms: `KEY = VALUE` in ini files, `php_admin_value[KEY] = VALUE` in those of fpm's pools, `php_admin_value KEY VALUE` in
/// Apache's.
fn setting(line: &str) -> Option<(&str, &str)> {
    const APACHE: [&str; 4] = ["php_admin_value ", "php_value ", "php_admin_flag ", "php_flag "];
    let line = line.split(';').next().unwrap_or_default().trim();
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

fn check_limits(settings: &Settings, ini: &Path, findings: &mut Findings) {
    let last = |key: &str, default: &str| {
        settings.get(key).cloned().unwrap_or_else(|| (default.to_owned(), Location::file(ini)))
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
            findings
                .wrong(place.clone(), format!("{key} = {value}"))
                .accepted("a number, with K, M or G after it");
        }
    }
    if upload_bytes.is_some_and(|limit| limit < ENOUGH_UPLOAD) {
        let found = format!("upload_max_filesize = {upload}: larger inputs cannot be submitted");
        findings
            .note(Grade::Advice, upload_place, found)
            .accepted("the size of the largest input, e.g. 512M");
    }
    // 0 means no limit.
    let post_limit = post_bytes.filter(|limit| *limit != 0);
    if let (Some(upload), Some(post)) = (upload_bytes, post_limit)
        && post <= upload
    {
        findings
            .wrong(
                post_place,
                "post_max_size is not above upload_max_filesize: PHP treats a larger request as an empty one",
            )
            .accepted("more than upload_max_filesize, to leave room for the rest of the request");
    } else if post_limit.is_some_and(|limit| limit < ENOUGH_UPLOAD) {
        let found = format!("post_max_size = {post}: large batches and inputs need many requests");
        findings.note(Grade::Advice, post_place, found).accepted("e.g. 520M");
    }
    if files.parse::<u64>().is_ok_and(|limit| limit < ENOUGH_FILES) {
        let found =
            format!("max_file_uploads = {files}: PHP drops further files of a request without an error");
        findings.note(Grade::Advice, files_place, found).accepted("e.g. 500");
    }
    let (shown, place) = last("display_errors", "1");
    if matches!(shown.to_ascii_lowercase().as_str(), "1" | "on" | "true" | "yes" | "stdout") {
        let found = format!("display_errors = {shown}: errors show the server's paths to everybody");
        findings.note(Grade::Unsafe, place, found).accepted("Off");
    }
}

/// The project's own settings, which show errors in a fresh project.
fn check_project_inc(subject: &Subject<'_>, findings: &mut Findings) {
    let path = subject.project.dir.join("html/project/project.inc");
    let text = std::fs::read(&path).unwrap_or_default();
    for (number, line) in (1..).zip(String::from_utf8_lossy(&text).lines()) {
        if line.trim().starts_with("display_errors()") {
            let found = "display_errors(): replies to submitters contain PHP's warnings, with the server's paths and parts of the request";
            findings.note(Grade::Unsafe, Location::line(&path, number), found).help("put // before it");
        }
    }
}
