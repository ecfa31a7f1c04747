//! `buoy admin check --fix`, and the command as a whole.

use std::os::unix::fs::PermissionsExt;

use submit_cli::admin::fix::{Fix, apply};

use crate::server::Server;

fn fixes(server: &Server) -> Vec<Fix> {
    server.findings().into_iter().filter_map(|finding| finding.fix).collect()
}

fn mode(server: &Server, path: &str) -> u32 {
    server.project.path(path).metadata().unwrap().permissions().mode() & 0o7777
}

#[test]
fn everything_that_says_fix_is_mended_and_nothing_is_lost() {
    let server = Server::good()
        .replace("p/config.xml", "<host>server<", "<host>old<")
        .replace("p/config.xml", "    </config>", "<remote_submit_log>x.log</remote_submit_log>\n</config>")
        .replace("p/config.xml", "buoy-init ", "\"buoy-init files\" ")
        .with(
            "p/templates/mine_in",
            "<file_info/>\n<file_info/>\n<workunit><file_ref></file_ref><file_ref></file_ref></workunit>\n",
        )
        .with("p/keys/code_sign_private", "")
        .mode("p/keys/code_sign_private", 0o644)
        .mode("p/download", 0o755)
        .mode("p/upload", 0o2777)
        .with("p/download/a/x", "")
        .mode("p/download/a", 0o755)
        .without("p/log_server")
        .without("p/templates/tmp");
    let before = server.project.read("p/config.xml");
    let fixes = fixes(&server);
    assert_eq!(fixes.len(), 11);
    let done: Vec<String> = apply(&fixes).into_iter().map(|done| done.unwrap()).collect();
    assert!(done.iter().any(|line| line.ends_with("config.xml:4: \"old\" became \"server\"")), "{done:?}");
    let left: Vec<String> = server.findings().into_iter().map(|finding| finding.what.found).collect();
    assert!(
        left.len() == 1 && left[0].starts_with("the key that signs programs is on the server"),
        "{left:?}"
    );
    assert_eq!((mode(&server, "p/config.xml"), mode(&server, "p/upload")), (0o640, 0o2775));
    assert_eq!(server.project.read("p/config.xml.before-fix-1"), before);
    assert!(
        server.project.read("p/config.xml").contains("<!-- <remote_submit_log>x.log</remote_submit_log> -->")
    );
    assert_eq!(server.project.read("p/templates/mine_in").matches("<file_info></file_info>").count(), 2);
    assert_eq!(server.project.read("p/download/a/x"), "");
}

#[test]
fn a_file_that_changed_meanwhile_is_left_alone() {
    let server = Server::good().replace("p/config.xml", "<host>server<", "<host>old<");
    let fixes = fixes(&server);
    let server = server.replace("p/config.xml", "<boinc>", "<boinc><x/>");
    let text = server.project.read("p/config.xml");
    let done = apply(&fixes);
    let error = done[0].as_ref().unwrap_err();
    let cause = std::error::Error::source(error).unwrap().to_string();
    assert!(cause.contains("changed while it was checked"), "{cause}");
    assert_eq!(server.project.read("p/config.xml"), text);
    assert!(!server.project.path("p/config.xml.before-fix-1").exists());
}

#[test]
fn each_backup_has_a_name_of_its_own() {
    let mut server = Server::good();
    for name in ["one", "two"] {
        server = server.replace("p/config.xml", "<host>server<", &format!("<host>{name}<"));
        apply(&fixes(&server));
        assert!(server.project.read("p/config.xml").contains("<host>server<"));
    }
    assert!(server.project.read("p/config.xml.before-fix-1").contains("<host>one<"));
    assert!(server.project.read("p/config.xml.before-fix-2").contains("<host>two<"));
}

/// A `mariadb` that answers as the real one does, if it is asked as it should be.
const CLIENT: &str = r#"#!/bin/sh
[ "$MYSQL_PWD" = secret ] || { echo "ERROR 1045 (28000): Access denied" >&2; exit 1; }
case "$*" in *secret*) echo "the password is an argument" >&2; exit 1;; esac
case "$*" in
*"--execute=show tables db") printf 'batch\nuser_submit\nuser_submit_app\njob_file\n' ;;
*"select name from app where"*) echo universal ;;
*"select name from platform"*) echo x86_64-pc-linux-gnu ;;
*"select app.name, version_num"*) printf 'universal\t100\tx86_64-pc-linux-gnu\tdocker\t0\n' ;;
*"select user_id, submit_all"*) printf '7\t0\n' ;;
*"select user_id, app.name"*) printf '7\tuniversal\n' ;;
*) echo "unplanned question: $*" >&2; exit 1 ;;
esac
"#;

#[test]
fn the_command_asks_the_database_and_says_what_is_left() {
    let server =
        Server::good().with("path/mariadb", CLIENT).mode("path/mariadb", 0o755).mode("p/templates", 0o755);
    let path = format!("{}:/usr/bin:/bin", server.project.path("path").display());
    let run = |args: &str| server.project.buoy_with(&[("PATH", &path)], args);
    let ran = run("admin check p --json");
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let found: Vec<&str> = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["found"].as_str().unwrap())
        .collect();
    assert!(found.contains(&"the database db has no table batch_file_assoc"), "{found:?}");
    assert!(
        !found.iter().any(|found| found.contains("not installed") || found.contains("nobody may submit")),
        "{found:?}"
    );
    assert!(!found.iter().any(|found| found.contains("what the database says")), "{found:?}");
    assert_eq!(ran.code, 1);
    // This host may have a web server without PHP, which is not checked either.
    let not_checked = |stderr: &str| -> u32 {
        let words: Vec<&str> = stderr.split_whitespace().collect();
        let at = words.windows(2).position(|pair| pair[0] == "not" && pair[1].starts_with("checked"));
        at.map_or(0, |at| words[at - 1].parse().unwrap())
    };
    let before = not_checked(&run("admin check p").stderr);
    let server = server.replace("p/config.xml", ">secret<", ">wrong<");
    let ran = server.project.buoy_with(&[("PATH", &path)], "admin check p");
    assert!(ran.stdout.contains("submitters): ERROR 1045 (28000): Access denied\n"), "{}", ran.stdout);
    assert_eq!(not_checked(&ran.stderr), before + 1, "{}", ran.stderr);
}

#[test]
fn only_with_fix_is_anything_changed() {
    let server = Server::good().replace("p/config.xml", "<host>server<", "<host>nowhere<");
    let before = server.project.files("p");
    let ran = server.project.buoy("admin check p");
    assert!(ran.stderr.contains("--fix to fix "), "{}", ran.stderr);
    assert_eq!((ran.code, server.project.files("p")), (1, before));
    let ran = server.project.buoy("admin check p --fix");
    assert!(ran.stdout.starts_with("fixed: "), "{}", ran.stdout);
    assert!(!server.project.read("p/config.xml").contains("nowhere"));
}

#[test]
fn a_directory_that_is_no_project_is_refused() {
    let server = Server::good();
    let said = server.project.buoy("admin check etc").refused();
    assert_eq!(said, "error: etc: not the directory of a BOINC project: no config.xml\n");
}
