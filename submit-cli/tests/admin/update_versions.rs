//! What BOINC's `update_versions` does with a project's `apps/`, but stricter: what it would pass over, or what its shell
//! commands and its SQL statement would trip over, is an error. Source: tools/update_versions.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::Event;

/// An app version as it would stand in the database.
#[derive(Debug, PartialEq, Eq)]
pub struct AppVersion {
    pub app: String,
    pub number: u32,
    pub platform: String,
    pub plan_class: String,
    pub files: Vec<File>,
    pub api_version: String,
}

/// A file of it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct File {
    pub physical_name: String,
    pub logical_name: String,
    pub main_program: bool,
    pub copy_file: bool,
    pub executable: bool,
}

/// Of those that a new project has (tools/project.xml), the ones with Docker or Podman.
const PLATFORMS: [&str; 5] = [
    "x86_64-pc-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "windows_x86_64",
    "x86_64-apple-darwin",
    "arm64-apple-darwin",
];

/// Installs everything in `project/apps`, publishing files in `project/download`.
pub fn update_versions(project: &Path, known_apps: &[&str]) -> Result<Vec<AppVersion>, String> {
    let mut installed = Vec::new();
    for app in entries(&project.join("apps")) {
        if !known_apps.contains(&app.as_str()) {
            return Err(format!("app not found: {app}"));
        }
        for version in entries(&project.join("apps").join(&app)) {
            let number = parse_version(&version).ok_or(format!("{version} is not a version number"))?;
            for platform in entries(&project.join("apps").join(&app).join(&version)) {
                installed.push(process_version(project, &app, &version, number, &platform)?);
            }
        }
    }
    Ok(installed)
}

fn entries(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    names
}

fn parse_version(text: &str) -> Option<u32> {
    let mut parts = text.split('.');
    let major: u32 = parts.next()?.parse().ok()?;
    match parts.next() {
        Some(minor) => Some(100 * major + minor.parse::<u32>().ok()?),
        None => Some(major),
    }
}

fn process_version(
    project: &Path,
    app: &str,
    version: &str,
    number: u32,
    directory: &str,
) -> Result<AppVersion, String> {
    let parts: Vec<&str> = directory.split("__").collect();
    if !PLATFORMS.contains(&parts[0]) || parts.len() > 2 {
        return Err(format!("no such platform: {directory}"));
    }
    let dir = project.join("apps").join(app).join(version).join(directory);
    let (mut files, api_version) = parse_version_xml(&fs::read_to_string(dir.join("version.xml")).unwrap())?;
    for name in entries(&dir) {
        if name == "version.xml" {
            continue;
        }
        // As the script asks: whether the first ".sig" in a name is its end.
        if let Some(signed) =
            name.split_once(".sig").filter(|(_, rest)| rest.is_empty()).map(|(file, _)| file)
        {
            if !dir.join(signed).is_file() {
                return Err(format!("{name} is taken for a signature, and passed over"));
            }
            continue;
        }
        let path = dir.join(&name);
        let is_ours = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if !path.is_file() || name.len() > 255 || !name.chars().all(is_ours) {
            return Err(format!("{name:?} breaks a shell command or an SQL statement"));
        }
        // One that version.xml does not list would be installed all the same, without a name in the slot.
        let file = files.iter_mut().find(|file| file.physical_name == name);
        let file = file.ok_or(format!("{name} is not in version.xml"))?;
        file.executable = path.metadata().unwrap().permissions().mode() & 0o100 != 0;
        let published = project.join("download").join(&name);
        if published.is_file() && fs::read(&published).unwrap() != fs::read(&path).unwrap() {
            return Err(format!("files {name} differ. BOINC files are immutable"));
        }
        fs::copy(&path, published).unwrap();
    }
    for file in &files {
        if !dir.join(&file.physical_name).is_file() {
            return Err(format!("{} is listed in version.xml but not present", file.physical_name));
        }
    }
    match files.iter().filter(|file| file.main_program).count() {
        1 => {}
        n => return Err(format!("{n} main programs")),
    }
    let slot: Vec<&str> =
        files.iter().map(|file| file.logical_name.as_str()).filter(|name| !name.is_empty()).collect();
    let names: BTreeSet<&str> = files.iter().map(|file| file.physical_name.as_str()).collect();
    if slot.iter().collect::<BTreeSet<_>>().len() != slot.len() || names.len() != files.len() {
        return Err("a name twice".to_owned());
    }
    Ok(AppVersion {
        app: app.to_owned(),
        number,
        platform: parts[0].to_owned(),
        plan_class: parts.get(1).copied().unwrap_or_default().to_owned(),
        files,
        api_version,
    })
}

/// Only the tags that update_versions reads, each with what it may hold.
fn parse_version_xml(text: &str) -> Result<(Vec<File>, String), String> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().trim_text(true);
    let mut path: Vec<String> = Vec::new();
    let (mut files, mut api_version) = (Vec::<File>::new(), String::new());
    let mut roots = 0;
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(tag) => {
                path.push(String::from_utf8(tag.name().as_ref().to_vec()).unwrap());
                match path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                    ["version"] => roots += 1,
                    ["version", "file"] => files.push(File::default()),
                    ["version", "file", "physical_name" | "logical_name"] | ["version", "api_version"] => {}
                    _ => return Err(format!("unknown element {}", path.join("/"))),
                }
            }
            Event::Empty(tag) => {
                let name = String::from_utf8(tag.name().as_ref().to_vec()).unwrap();
                match (path.len(), name.as_str(), files.last_mut()) {
                    (2, "main_program", Some(file)) => file.main_program = true,
                    (2, "copy_file", Some(file)) => file.copy_file = true,
                    (1, "is_wrapper", _) => {}
                    _ => return Err(format!("unknown element {name}")),
                }
            }
            Event::Text(text) => {
                let text = text.decode().map_err(|error| error.to_string())?.into_owned();
                if text.contains(['\'', '&', '<']) {
                    return Err(format!("{text:?} goes into SQL and XML as it is"));
                }
                match (path.last().map(String::as_str), files.last_mut()) {
                    (Some("physical_name"), Some(file)) => file.physical_name = text,
                    (Some("logical_name"), Some(file)) => file.logical_name = text,
                    (Some("api_version"), _) => api_version = text,
                    _ => return Err(format!("text {text:?}")),
                }
            }
            Event::End(_) => {
                path.pop();
            }
            Event::Eof if path.is_empty() && roots == 1 => break,
            other => return Err(format!("unexpected {other:?}")),
        }
    }
    Ok((files, api_version))
}
