use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;

const KEY: &str = "157f96a018b0b2f2b466e2ce3c7f54db";

fn key() -> Authenticator {
    Authenticator::parse(KEY).unwrap()
}

fn project(name: &str) -> ProjectEntry {
    ProjectEntry {
        name: name.to_owned(),
        url: format!("https://{name}.example/boinc/"),
        app_name: "universal".to_owned(),
        allow_http: false,
        ca_file: None,
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn what_is_kept_is_found_again_and_only_by_the_user() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("deep/buoy");
    let mut projects = Projects::open_in(dir.clone(), None).unwrap();
    projects.add(&project("one"), &key(), false).unwrap();
    projects.add(&project("two"), &key(), false).unwrap();

    let projects = Projects::open_in(dir.clone(), None).unwrap();
    assert_eq!(projects.list(), [project("one"), project("two")]);
    let (entry, client) = projects.client(None).unwrap();
    assert_eq!(
        (entry.name.as_str(), client.url().to_string()),
        ("one", "https://one.example/boinc/".to_owned())
    );
    assert_eq!(projects.authenticator(&entry).unwrap(), key());
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&dir.join("one.authenticator")), 0o600);
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 3);
    insta::assert_snapshot!(std::fs::read_to_string(dir.join(FILE)).unwrap(), @r#"
    default = "one"

    [project.one]
    url = "https://one.example/boinc/"
    app = "universal"

    [project.two]
    url = "https://two.example/boinc/"
    app = "universal"
    "#);
}

#[test]
fn the_environments_authenticator_goes_before_the_kept_one() {
    let home = tempfile::tempdir().unwrap();
    let mut projects = Projects::open_in(home.path().to_owned(), Some("f".repeat(32))).unwrap();
    projects.add(&project("one"), &key(), false).unwrap();
    assert_eq!(projects.authenticator(&project("one")).unwrap().expose(), "f".repeat(32));
    let projects = Projects::open_in(home.path().to_owned(), Some("hunter2".to_owned())).unwrap();
    let error = projects.client(None).unwrap_err().to_string();
    assert!(error.starts_with("$BUOY_AUTHENTICATOR: ") && !error.contains("hunter2"), "{error}");
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let mut projects = Projects::open_in(home.path().to_owned(), None).unwrap();
    projects.add(&project("one"), &key(), false).unwrap();
    let secret = home.path().join("one.authenticator");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o640)).unwrap();
    let error = projects.client(None).unwrap_err().to_string();
    assert!(error.contains("mode 640") && error.contains("chmod 600 "), "{error}");

    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o770)).unwrap();
    let error = Projects::open_in(home.path().to_owned(), None).unwrap_err().to_string();
    assert!(error.contains("mode 770") && error.contains("chmod 700 "), "{error}");
}

#[test]
fn a_forgotten_project_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut projects = Projects::open_in(home.path().to_owned(), None).unwrap();
    projects.add(&project("one"), &key(), false).unwrap();
    projects.add(&project("two"), &key(), true).unwrap();
    projects.remove("two").unwrap();
    let projects = Projects::open_in(home.path().to_owned(), None).unwrap();
    assert!(!home.path().join("two.authenticator").exists());
    // The only one left needs no name.
    assert_eq!(projects.entry(None).unwrap().name, "one");
    assert_eq!(
        projects.entry(Some("two")).unwrap_err().to_string(),
        "unknown project two; known: one; add one with buoy login ADDRESS --name NAME"
    );
}

#[test]
fn without_projects_login_is_named() {
    let home = tempfile::tempdir().unwrap();
    let projects = Projects::open_in(home.path().join("none"), None).unwrap();
    assert!(projects.client(None).unwrap_err().to_string().contains("buoy login"));
    assert!(projects.client(Some("one")).unwrap_err().to_string().contains("buoy login"));
}

#[test]
fn a_damaged_file_is_told_with_its_line() {
    let home = tempfile::tempdir().unwrap();
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::write(
        home.path().join(FILE),
        "[project.one]\nurl = \"https://one.example/\"\nauthenticator = \"x\"\n",
    )
    .unwrap();
    let error = Projects::open_in(home.path().to_owned(), None).unwrap_err().to_string();
    assert!(error.contains("line 3") && error.contains("authenticator"), "{error}");
}

#[test]
fn a_name_stays_in_the_directory() {
    for bad in ["", "../x", "a/b", ".hidden", "-x", "a b"] {
        assert!(matches!(check_name(bad), Err(ConfigError::Invalid(_))), "{bad}");
    }
    assert!(check_name("Einstein_at-home.2").is_ok());
}
