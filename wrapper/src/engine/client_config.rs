//! Docker's client configuration without what it puts into containers.
//!
//! Docker's program copies `proxies` of its `config.json`, passwords included, into each container that it creates, where a job could
//! read them, and into the image of a build. There is no option against it but another configuration.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use boinc::atomic_file::write_atomically;
use boinc::platform::{replace, symlink};

/// The variable that names the configuration's directory.
pub(super) const VARIABLE: &str = "DOCKER_CONFIG";
const FILE: &str = "config.json";
/// What else the program reads there to reach a daemon: the user's contexts, and certificates for `DOCKER_TLS_VERIFY`.
const CONNECTION: [&str; 4] = ["contexts", "ca.pem", "cert.pem", "key.pem"];

/// A directory below `directory` that Docker's program is to use, or `None` where the user's own has nothing that would
/// get into a container.
///
/// # Errors
/// When it cannot be written.
pub(super) fn without_proxies(directory: &Path) -> io::Result<Option<PathBuf>> {
    match users_directory(env::var_os(VARIABLE), env::var_os("HOME")) {
        Some(users) => cleaned(&users, directory),
        None => Ok(None),
    }
}

/// Where the user's own is.
fn users_directory(config: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let filled = |value: Option<OsString>| value.filter(|value| !value.is_empty()).map(PathBuf::from);
    let directory = filled(config).or_else(|| Some(filled(home)?.join(".docker")))?;
    std::path::absolute(directory).ok()
}

fn cleaned(users: &Path, directory: &Path) -> io::Result<Option<PathBuf>> {
    // One that cannot be read has no meaning for Docker's program either.
    let Ok(text) = fs::read(users.join(FILE)) else { return Ok(None) };
    let settings: Option<Map<String, Value>> = serde_json::from_slice(&text).ok();
    // One that we do not understand may have anything in it.
    let context = match &settings {
        Some(settings) if find(settings, "proxies").is_none() => return Ok(None),
        settings => settings.as_ref().and_then(|settings| find(settings, "currentContext")),
    };
    let ours = directory.join("docker-config");
    fs::create_dir_all(&ours)?;
    let kept = context.map_or_else(|| json!({}), |context| json!({ "currentContext": context }));
    write_if_new(&ours.join(FILE), kept.to_string().as_bytes())?;
    for name in CONNECTION {
        link(&users.join(name), &ours.join(name))?;
    }
    Ok(Some(ours))
}

/// A setting, whose name Go reads in any case.
fn find<'a>(settings: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let found = settings.iter().find(|(key, _)| same_to_go(key, name));
    found.map(|(_, value)| value)
}

/// Go's JSON also takes a long s and the sign for kelvin for their letters.
fn same_to_go(key: &str, name: &str) -> bool {
    key.replace('\u{17f}', "s").replace('\u{212a}', "k").eq_ignore_ascii_case(name)
}

fn write_if_new(path: &Path, text: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|found| found == text) { Ok(()) } else { write_atomically(path, text) }
}

/// A link, which may lead nowhere. Another process may make the same one meanwhile.
fn link(target: &Path, path: &Path) -> io::Result<()> {
    if fs::read_link(path).is_ok_and(|found| found == target) {
        return Ok(());
    }
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let _ = fs::remove_file(&temporary);
    symlink(target, &temporary)?;
    replace(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Home {
        dir: tempfile::TempDir,
    }

    impl Home {
        fn with(config: &str) -> Self {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir(dir.path().join("users")).unwrap();
            fs::write(dir.path().join("users/config.json"), config).unwrap();
            Self { dir }
        }

        fn cleaned(&self) -> Option<PathBuf> {
            cleaned(&self.dir.path().join("users"), &self.dir.path().join("state")).unwrap()
        }
    }

    #[test]
    fn only_the_context_is_taken_over_and_its_place_linked() {
        let home = Home::with(
            r#"{"auths": {"r": {"auth": "c2VjcmV0"}}, "currentContext": "remote",
                "proxies": {"default": {"httpProxy": "http://me:secret@proxy:3128"}}}"#,
        );
        // Again, for another process: nothing changes.
        for _ in 0..2 {
            let ours = home.cleaned().unwrap();
            assert_eq!(fs::read_to_string(ours.join(FILE)).unwrap(), r#"{"currentContext":"remote"}"#);
            let users = home.dir.path().join("users");
            assert_eq!(fs::read_link(ours.join("contexts")).unwrap(), users.join("contexts"));
            assert_eq!(fs::read_dir(&ours).unwrap().count(), 5);
        }
        fs::write(home.dir.path().join("users/config.json"), r#"{"proxies": {}}"#).unwrap();
        assert_eq!(fs::read_to_string(home.cleaned().unwrap().join(FILE)).unwrap(), "{}");
    }

    #[test]
    fn a_configuration_without_proxies_is_used_as_it_is() {
        for config in ["{}", r#"{"auths": {}, "currentContext": "x", "credsStore": "pass"}"#] {
            assert_eq!(Home::with(config).cleaned(), None, "{config}");
        }
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(cleaned(&dir.path().join("none"), dir.path()).unwrap(), None);
    }

    #[test]
    fn proxies_are_found_however_go_reads_their_name_and_in_what_is_not_understood() {
        for config in
            [r#"{"Proxies": {}}"#, r#"{"PROXIE\u017f": {}}"#, "{", "[]", r#"{"a": 1} {"proxies": {}}"#]
        {
            assert!(Home::with(config).cleaned().is_some(), "{config}");
        }
    }

    #[test]
    fn the_users_directory_is_named_or_in_their_home() {
        let at = |config: Option<&str>, home: Option<&str>| {
            users_directory(config.map(OsString::from), home.map(OsString::from))
        };
        assert_eq!(at(Some("/c"), Some("/h")), Some("/c".into()));
        assert_eq!(at(Some(""), Some("/h")), Some("/h/.docker".into()));
        assert_eq!(at(None, None), None);
    }
}
