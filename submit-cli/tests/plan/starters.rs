//! `buoy init`.

use insta::assert_snapshot;

use crate::folder::Folder;

#[test]
fn each_starter_passes_the_check_at_once() {
    for template in ["shell", "python"] {
        let folder = Folder::new();
        let ran = folder.buoy(&format!("init my-app --template {template}"));
        assert_eq!((ran.code, ran.stderr.as_str()), (0, "next: buoy check my-app, then buoy run my-app\n"));
        for file in ran.stdout.lines() {
            assert!(folder.path(file).is_file(), "{file}");
        }
        assert!(folder.buoy("check my-app").good().contains("my-app"), "{template}");
    }
}

#[test]
fn the_default_starter_shows_a_table() {
    let folder = Folder::new();
    let ran = folder.buoy("init words");
    assert_snapshot!(ran.stdout, @r"
    words/app.toml
    words/Dockerfile
    words/batch.toml
    words/count.sh
    words/jobs.csv
    words/texts/harbour.txt
    words/texts/sea.txt
    ");
    let stdout = folder.buoy("check words").good();
    assert!(stdout.contains("batch    jobs: 3 jobs, 2 copies of each, 2 must agree\n"), "{stdout}");
    assert!(stdout.contains("first    sea-sea: sea\n"), "{stdout}");
}

#[test]
fn what_exists_is_left_alone() {
    let folder = Folder::new().with("words/app.toml", "mine");
    assert_snapshot!(folder.buoy("init words").refused(), @"error: failed to create words: it already exists");
    assert_eq!(folder.read("words/app.toml"), "mine");
    assert_snapshot!(folder.buoy("init .").refused(), @"error: failed to create .: it already exists");
}

#[test]
fn the_directory_must_do_as_the_apps_name() {
    assert_snapshot!(Folder::new().buoy("init My_App").refused(), @r#"error: the science app name "My_App" contains 'M': lower-case letters, digits and "-" are accepted, first a letter or digit"#);
}
