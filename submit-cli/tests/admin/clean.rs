//! `buoy admin clean`, with a database's client that answers as the real one does. What is asked is tested with real tables in
//! `admin/clean/tests.rs`.

use boinc::names::fan_out::fan_out;
use insta::assert_snapshot;

use crate::project::Project;

const CLIENT: &str = r#"#!/bin/sh
echo "$*" >> questions
case "$*" in
*"select id, name from batch"*) printf '7\tvina-0__old\n' ;;
*"count(*) from batch"*) printf '8\tvina-0__gone\t2\n' ;;
*"select id, name from job_file"*) printf '11\tbuoy_1\n' ;;
*"select xml_doc from workunit"*) printf '<file_info>\\n    <name>buoy_2</name>\\n</file_info>\\n\n' ;;
*"select name, xml_doc_in"*) printf 'w_0\t<file_info>\\n    <name>w_0_r5_0</name>\\n</file_info>\\n\n' ;;
*"delete from"*) ;;
*) echo "unplanned question: $*" >&2; exit 1 ;;
esac
"#;

#[test]
fn it_shows_first_and_removes_when_asked_to() {
    let input = format!("p/download/{}/buoy_1", fan_out("buoy_1", 1024));
    let output = format!("p/upload/{}/w_0_r5_0", fan_out("w_0_r5_0", 1024));
    let config =
        "<boinc><config><db_name>db</db_name><db_user>u</db_user><db_passwd>s</db_passwd></config></boinc>";
    let project = Project::empty()
        .with("p/config.xml", config)
        .with("path/mariadb", CLIENT)
        .mode("path/mariadb", 0o755)
        .with(&input, "12345")
        .with(&format!("{input}.md5"), "")
        .with(&output, "123");
    let path = format!("{}:/usr/bin:/bin", project.path("path").display());
    let run = |args: &str| project.buoy_with(&[("PATH", &path)], args);
    assert_snapshot!(run("admin clean p").good(), @r"
    batch 7: vina-0__old
    batch 8: vina-0__gone: left alone, 2 instances not finished
    would remove 1 input (5 B) and 1 output (3 B); run with --delete to remove them
    ");
    assert!(project.path(&input).exists() && project.path(&output).exists());
    assert!(!project.read("questions").contains("delete from"));
    let json: serde_json::Value = serde_json::from_str(&run("admin clean p --json").good()).unwrap();
    assert_eq!((json["removed"].as_bool(), json["inputs"][0]["bytes"].as_u64()), (Some(false), Some(5)));
    assert!(run("admin clean p --delete").good().contains("removing 1 input (5 B) and 1 output (3 B)\n"));
    assert_eq!(project.files("p"), ["config.xml"]);
    assert!(project.read("questions").contains("delete from job_file where id in (11)"));
    assert!(run("admin clean path").refused().contains("not the directory of a BOINC project"));
}
