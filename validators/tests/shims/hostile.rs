//! Outputs that were made to do harm.

use std::fs;
use std::os::unix::fs::symlink;

use crate::project::{BUNDLE, Project, ROUTE};

/// Puts something in the place of instance 0's output and gives the lines of both validator shims.
fn lines(project: &Project, put: impl FnOnce(&str)) -> (String, String) {
    let wu = format!("{BUNDLE}__b1__j");
    let path = project.output(&wu, 0, 0);
    put(&path);
    let honest = project.upload(&wu, 1, 0, "1.0\n");
    let init = format!("buoy-init  {path} {}", project.output(&wu, 0, 1));
    let compare =
        format!("buoy-compare  {path} {} {honest} {}", project.output(&wu, 0, 1), project.output(&wu, 1, 1));
    (init, compare)
}

#[test]
fn what_is_no_file_is_never_opened() {
    let project = Project::new(ROUTE);
    project.write("secret", "1.0\n");
    let secret = project.path("secret");
    for kind in ["symbolic link", "directory", "special file"] {
        let project = Project::new(ROUTE);
        let (init, compare) = lines(&project, |path| match kind {
            "symbolic link" => symlink(&secret, path).unwrap(),
            "directory" => fs::create_dir(path).unwrap(),
            _ => rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RUSR).unwrap(),
        });
        project.run(&init).has(1, &format!("poses.pdbqt is a {kind}, not a file"));
        project.run(&compare).has(1, &format!("it is a {kind}, not a file"));
    }
}

#[test]
fn contents_of_any_kind_get_a_verdict() {
    for contents in [
        &b"1e999999999\n"[..],
        b"1e-999999999999999999999999\n",
        b"\0\0\0\0",
        b"\xff\xfe\xfd",
        b"1.0\n\x1b[2J\x07",
        b"--error 2",
        b"",
        b"nan",
        b"-inf",
        b"1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1",
    ] {
        let project = Project::new(ROUTE);
        let (init, compare) = lines(&project, |path| fs::write(path, contents).unwrap());
        project.run(&init).is(0, "");
        let answer = project.run(&compare);
        answer.has(1, "poses.pdbqt line ");
        assert!(answer.log.trim_end().chars().all(|c| !c.is_control()), "{answer:?}");
    }
}

#[test]
fn time_and_memory_do_not_grow_out_of_hand() {
    const BYTES: usize = 8 << 20;
    let routes = ROUTE.replace("max_bytes = 1000", "max_bytes = 99999999");
    // One line each: of zeros, of one word, of marks, of numbers run together, of a word a line and blanks.
    for piece in ["\0", "x", ",", "1-", "1.5e3+", "\u{e9}", "nan-", "7", "a ", "\t", "\r"] {
        let project = Project::new(&routes);
        let contents = piece.repeat(BYTES / piece.len());
        let (init, compare) = lines(&project, |path| fs::write(path, &contents).unwrap());
        project.upload(&format!("{BUNDLE}__b1__j"), 1, 0, &format!("{contents}!"));
        project.run(&init).is(0, "");
        let start = std::time::Instant::now();
        project.run_limited(&compare).has(1, "line 1 ");
        // Far more than is needed, far less than anything quadratic takes.
        assert!(start.elapsed().as_secs() < 20, "{piece:?} took {:?}", start.elapsed());
    }
}

#[test]
fn every_rule_gives_a_verdict_on_any_contents() {
    let deep = "[".repeat(200_000);
    let wide = "{\"a\":1,".repeat(20_000);
    let npy = "\u{93}NUMPY";
    for rule in [
        "rule = 'numbers'\nat = [{ key = 'x', absolute = 1 }, { column = 2, ignore = true }]",
        "rule = 'table'\nkeys = ['a']",
        "rule = 'table'\nheader = false\nignore_lines = ['^#']",
        "rule = 'json'\nat = [{ path = '/*/*', ignore = true }]",
        "rule = 'array'\nulps = 1",
        "check = { must_match = ['(a|aa)+$'], ranges = [{ column = 1, min = 0 }] }",
        "rule = 'json'\ncheck.ranges = [{ path = '/a', min = 0 }]",
        "rule = 'table'\ncheck.ranges = [{ column = 'a', min = 0 }]",
        "rule = 'array'\ncheck.ranges = [{ min = 0 }]",
    ] {
        let project = Project::new(&format!(
            "[app.vina]\noutputs = [{{ name = 'o' }}, {{ name = 'p', optional = true }}]\n[app.vina.validate]\n{rule}"
        ));
        for contents in [
            &deep,
            &wide,
            "a,a\n\"",
            "\0\0\0",
            "{\"a\":1e999999999}",
            npy,
            "P5 9 9 9 ",
            "a\n1\n\n1",
            "",
            "--error",
        ] {
            let (init, compare) = lines(&project, |path| fs::write(path, contents).unwrap());
            let one = project.run_limited(&init);
            let two = project.run_limited(&compare);
            for answer in [one, two] {
                let is_verdict = matches!(answer.code, Some(0 | 1));
                assert!(is_verdict && answer.log.len() < 1000, "{rule} {:.20?}: {answer:?}", contents);
            }
        }
    }
}

#[test]
fn names_cannot_write_lines_into_the_log() {
    let project = Project::new("[default]\nvalidate.rule = 'bytes'\n");
    // Whoever may submit chooses the workunit's name, and BOINC allows almost anything in it.
    let wu = "x\u{1b}[2J\nbuoy-compare: ALERT: forged\r\u{202e}";
    let (a, b) = (project.upload(wu, 0, 0, "a"), project.upload(wu, 1, 0, "b"));
    let run = |name: &str, words: &[&str]| {
        let output = std::process::Command::new(project.path("bin").join(name))
            .args(words)
            .env_clear()
            .env("BUOY_SPOOL_INLINE", "1")
            .current_dir(project.path("tmp_host"))
            .output()
            .unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let log = run("buoy-compare", &[&a, &b]);
    assert!(log.contains("differ"), "{log:?}");
    let all = log
        + &run("buoy-assimilate", &["26", &a])
        + &run("buoy-assimilate", &["--error", "2", wu, "27", "0"]);
    assert!(!all.contains(['\u{1b}', '\r', '\u{202e}']), "{all:?}");
    assert!(all.lines().all(|line| !line.contains("ALERT: forged") || line.contains("\\n")), "{all:?}");
}

#[test]
fn a_failure_with_a_hostile_name_stays_in_the_spool_and_the_results() {
    let project = Project::new("[default]\nassimilate.directory = '../results'\n");
    for name in ["../../etc", "..", "", ".", "a\nb", "a/b", &"x".repeat(4_000)] {
        for id in ["../7", "7/../../x", "7"] {
            let output = std::process::Command::new(project.path("bin/buoy-assimilate"))
                .args(["--error", "2", name, id, "../b"])
                .env_clear()
                .env("BUOY_SPOOL_INLINE", "1")
                .current_dir(project.path("tmp_host"))
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(0), "{name:?} {output:?}");
        }
    }
    let top: Vec<_> =
        fs::read_dir(project.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    for name in &top {
        let known = ["bin", "buoy", "tmp_host", "upload", "results"];
        assert!(known.contains(&name.to_str().unwrap()), "{top:?}");
    }
}
