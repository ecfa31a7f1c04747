//! `buoy admin check`: every slip in config.xml is found, where it is, and nothing else is.

use insta::assert_snapshot;

use crate::server::said;

#[test]
fn a_project_as_it_should_be_has_no_findings() {
    assert_eq!(said(|server| server), "");
}

#[test]
fn another_host_name() {
    assert_snapshot!(said(|server| server.replace("p/config.xml", "<host>server<", "<host>server.example.org<")), @r#"
    wrong [--fix]: p/config.xml:4: <host> is "server.example.org"
      accepted: "server", this computer's name: bin/start starts only the daemons of this host
    "#);
}

#[test]
fn settings_that_are_missing_empty_twice_or_no_number() {
    let broken = said(|server| {
        server
            .replace("p/config.xml", "<db_user>boinc</db_user>", "")
            .replace("p/config.xml", ">0x11112222<", "> <")
            .replace("p/config.xml", "<uldl_dir_fanout>1024", "<db_name>x</db_name><uldl_dir_fanout>many")
            .replace("p/config.xml", "/upload<", "/uplaod<")
    });
    assert_snapshot!(broken, @r#"
    wrong: p/config.xml:9: <db_name> is set twice
      help: keep one: BOINC's programs use the last, its web pages the first
    wrong: p/config.xml:3: missing <db_user>
      accepted: an account of the database
    wrong: p/config.xml:8: <shmem_key> is empty
      accepted: a number that no other project on this server has, such as 0x1111beef
    wrong: p/config.xml:15: <upload_dir> is p/uplaod, which is not a directory
      accepted: an absolute path, such as p/upload
    wrong: p/config.xml:9: <uldl_dir_fanout> is "many"
      accepted: 1024, the number of subdirectories of download/ and upload/; never change it later
    wrong [--fix]: p/uplaod: this directory does not exist: volunteers' results cannot be stored
      accepted: a directory with mode 2775, owned by a group that the web server's account is in
    "#);
}

#[test]
fn addresses_without_encryption_or_end() {
    let broken = |url: &str| {
        said(|server| server.replace("p/config.xml", "https://example.org/p/<", &format!("{url}<")))
    };
    assert_snapshot!(broken("http://example.org/p/"), @r"
    unsafe: p/config.xml:11: <master_url> is http://example.org/p/, which is not encrypted
      accepted: an address with https://
      help: use https: account keys of submitters and volunteers can be read on the network otherwise
    ");
    assert_snapshot!(broken("https://example.org/p"), @r"
    wrong: p/config.xml:11: <master_url> is https://example.org/p
      accepted: an address that ends in /
    ");
    assert_snapshot!(broken("example.org/p/"), @r#"
    wrong: p/config.xml:11: <master_url> is "example.org/p/"
      accepted: an address with https://
    "#);
    for loopback in ["http://127.0.0.1:80/p/", "http://localhost/p/", "http://[::1]:8080/p/"] {
        assert_eq!(broken(loopback), "");
    }
    assert_ne!(broken("http://localhost.example.org/"), "");
}

#[test]
fn a_log_of_requests_puts_notes_into_replies() {
    assert_snapshot!(said(|server| server.replace("p/config.xml", "    </config>", "<remote_submit_log>x.log</remote_submit_log></config>")), @r#"
    wrong [--fix]: p/config.xml:17: <remote_submit_log> is set: PHP 8.1 and later add two "Deprecated" notes to each reply
      help: remove this line
    "#);
}

#[test]
fn one_volunteer_may_not_agree_with_themself() {
    assert_snapshot!(said(|server| server.replace("p/config.xml", "per_wu>1<", "per_wu>0<")), @r"
    unsafe: p/config.xml:10: a volunteer with two computers can get two copies of a job, and validate their own result
      accepted: <one_result_per_user_per_wu>1</one_result_per_user_per_wu>
    ");
}

#[test]
fn secrets_are_not_for_everybody() {
    assert_snapshot!(said(|server| server.mode("p/config.xml", 0o644).mode("p/keys/upload_private", 0o604)), @r"
    unsafe [--fix]: p/config.xml:7: mode 644: every user of this computer can read the database's password
      accepted: chmod o-rwx
    unsafe: p/keys/upload_private: mode 604: every user of this computer can read the key that signs permissions to upload
      accepted: chmod o-rwx
      help: first give it a group that the web server's account is in, and run chmod g+r: the web server reads it
    ");
}

#[test]
fn a_project_that_is_stopped() {
    assert_snapshot!(said(|server| server.with("p/stop_web", "")), @r"
    advice: p/stop_web: the project is stopped: the web pages and remote submission are closed
      help: run bin/start, or remove the file, when the maintenance is done
    ");
}

#[test]
fn what_is_no_xml() {
    assert_snapshot!(said(|server| server.replace("p/config.xml", "</host>", "")), @r"
    wrong: p/config.xml:4: invalid XML: <host> is never closed
    wrong: p/config.xml:3: missing <db_name>
      accepted: the database's name
    wrong: p/config.xml:3: missing <db_user>
      accepted: an account of the database
    wrong: p/config.xml:3: missing <shmem_key>
      accepted: a number that no other project on this server has, such as 0x1111beef
    wrong: p/config.xml:3: missing <uldl_dir_fanout>
      accepted: 1024
    wrong: p/config.xml:3: missing <master_url>
      accepted: the project's address, ending in /
    wrong: p/config.xml:3: missing <download_url>
      accepted: the address that download_dir is served at
    wrong: p/config.xml:3: missing <download_dir>
      accepted: a directory
    wrong: p/config.xml:3: missing <upload_url>
      accepted: the address of file_upload_handler
    wrong: p/config.xml:3: missing <upload_dir>
      accepted: a directory
    wrong: p/config.xml:3: missing <key_dir>
      accepted: the directory of the keys
    unsafe: p/config.xml:3: a volunteer with two computers can get two copies of a job, and validate their own result
      accepted: <one_result_per_user_per_wu>1</one_result_per_user_per_wu>
    ");
    assert_snapshot!(said(|server| server.with("p/config.xml", "<boinc></boinc>").mode("p/config.xml", 0o640)), @r"
    wrong: p/config.xml: missing <boinc><config>
      accepted: <boinc><config> … </config> <tasks/> <daemons/></boinc>
    wrong: p/config.xml:1: no daemon runs feeder: no job reaches the scheduler
      accepted: <daemon><cmd>feeder -d 3</cmd></daemon>
    wrong: p/config.xml:1: no daemon runs transitioner: no instances of jobs are created, and no job ends
      accepted: <daemon><cmd>transitioner -d 3</cmd></daemon>
    advice: p/config.xml:1: no daemon runs file_deleter: inputs and outputs are kept until the disk is full
      accepted: <daemon><cmd>file_deleter -d 3</cmd></daemon>
      help: add it: Buoy's templates keep the files that other jobs need (<no_delete/>)
    wrong: p/config.xml:1: the app universal has no validator: its results are never validated
      accepted: <daemon><cmd>script_validator --app universal --init_script buoy-init --compare_script buoy-compare</cmd></daemon>
    wrong: p/config.xml:1: the app universal has no assimilator: its results are never collected
      accepted: <daemon><cmd>script_assimilator --app universal --script buoy-assimilate</cmd></daemon>
    ");
}

#[test]
fn daemons_that_are_missing_or_switched_off() {
    let broken = said(|server| {
        server
            .replace("p/config.xml", "<daemon><cmd>feeder -d 3</cmd></daemon>", "")
            .replace(
                "p/config.xml",
                "<cmd>transitioner -d 3</cmd>",
                "<cmd>transitioner</cmd><disabled>1</disabled>",
            )
            .replace("p/config.xml", "<cmd>file_deleter -d 3</cmd>", "<cmd>db_purge</cmd>")
    });
    assert_snapshot!(broken, @r"
    wrong: p/config.xml:18: no daemon runs feeder: no job reaches the scheduler
      accepted: <daemon><cmd>feeder -d 3</cmd></daemon>
    wrong: p/config.xml:18: no daemon runs transitioner: no instances of jobs are created, and no job ends
      accepted: <daemon><cmd>transitioner -d 3</cmd></daemon>
    advice: p/config.xml:18: no daemon runs file_deleter: inputs and outputs are kept until the disk is full
      accepted: <daemon><cmd>file_deleter -d 3</cmd></daemon>
      help: add it: Buoy's templates keep the files that other jobs need (<no_delete/>)
    wrong: p/config.xml:21: bin/db_purge does not exist
      help: install the program there, and run chmod +x bin/db_purge
    ");
}

#[test]
fn an_app_without_validator_and_assimilator() {
    let broken = said(|server| {
        server
            .replace("p/config.xml", "script_validator --app universal", "script_validator --app other")
            .replace(
                "p/config.xml",
                "<cmd>script_assimilator --app universal",
                "<cmd>script_assimilator -app univers",
            )
    });
    assert_snapshot!(broken, @r"
    wrong: p/config.xml:18: the app universal has no validator: its results are never validated
      accepted: <daemon><cmd>script_validator --app universal --init_script buoy-init --compare_script buoy-compare</cmd></daemon>
    wrong: p/config.xml:18: the app universal has no assimilator: its results are never collected
      accepted: <daemon><cmd>script_assimilator --app universal --script buoy-assimilate</cmd></daemon>
    ");
    let single_hyphens =
        said(|server| server.replace("p/config.xml", "script_assimilator --app", "script_assimilator -app"));
    assert_eq!(single_hyphens, "");
}

#[test]
fn a_spool_that_nobody_works_off_after_a_reboot() {
    let without = said(|server| server.replace("p/config.xml", "--process-spool", "--proces-spool"));
    assert_snapshot!(without, @r"
    advice: p/config.xml:18: no task processes the spool: after a reboot, its items wait until the next workunit
      accepted: <task><cmd>buoy-assimilate --process-spool</cmd><period>5 min</period></task> in <tasks>
    ");
    let disabled =
        said(|server| server.replace("p/config.xml", "<task><cmd>buoy", "<task><disabled/><cmd>buoy"));
    assert_eq!(disabled, without);
    let of_another = said(|server| {
        server.replace("p/config.xml", "--process-spool", "--other").replace(
            "p/config.xml",
            "--script buoy-assimilate",
            "--script mine",
        )
    });
    assert!(!of_another.contains("spool"), "{of_another}");
}

#[test]
fn tokens_after_the_name_of_a_script() {
    let broken = said(|server| {
        server
            .replace("p/config.xml", "buoy-init ", "\"buoy-init files result_id\" ")
            .replace("p/config.xml", "--script buoy-assimilate", "--script &quot;mine wu_id&quot;")
            .with("p/bin/mine", "")
            .mode("p/bin/mine", 0o755)
    });
    assert_snapshot!(broken, @r#"
    wrong [--fix]: p/config.xml:22: --init_script "buoy-init files result_id": servers since July 2025 pass no argument at all if words follow the script's name
      accepted: --init_script buoy-init
    wrong: p/config.xml:23: --script "mine wu_id": servers since July 2025 pass no argument at all if words follow the script's name
      accepted: --script mine
    "#);
}

#[test]
fn scripts_that_are_missing_or_cannot_be_started() {
    let broken = said(|server| {
        server.without("p/bin/buoy-init").mode("p/bin/buoy-compare", 0o644).mode("p/bin/feeder", 0o644)
    });
    assert_snapshot!(broken, @r"
    wrong: p/config.xml:19: bin/feeder is not executable
      help: install the program there, and run chmod +x bin/feeder
    wrong: p/config.xml:22: --init_script: bin/buoy-init does not exist, so every result is rejected for good
      help: install it as p/bin/buoy-init, and make it executable (chmod +x)
    wrong: p/config.xml:22: --compare_script: bin/buoy-compare is not executable, so no two results agree
      help: install it as p/bin/buoy-compare, and make it executable (chmod +x)
    ");
}

#[test]
fn script_daemons_without_what_they_need() {
    let broken = said(|server| {
        server
            .replace("p/config.xml", " --compare_script buoy-compare", "")
            .replace("p/config.xml", "--init_script buoy-init", "--init_script buoy-compare")
            .without("p/buoy/routes.toml")
    });
    assert_snapshot!(broken, @r"
    wrong: p/config.xml:22: --init_script buoy-compare: this program has another purpose
      accepted: --init_script buoy-init
    wrong: p/buoy/routes.toml: this file does not exist; the scripts of config.xml line 22 need it to validate results
      help: see docs/routes-toml.md
    unsafe: p/config.xml:22: script_validator without --compare_script: any two results are valid, also false ones
      accepted: --compare_script buoy-compare
    ");
    assert_snapshot!(said(|server| server.with("p/buoy/routes.toml", "a = \n")), @r"
    wrong: p/buoy/routes.toml: invalid TOML: string values must be quoted, expected literal string; the scripts of config.xml line 22 need it to validate results
      help: see docs/routes-toml.md
    ");
}

#[test]
fn two_daemons_of_a_kind_need_files_of_their_own() {
    let two = |more: &str| {
        let line = format!(
            "<daemon><cmd>script_validator --app b --init_script buoy-init --compare_script buoy-compare</cmd>{more}</daemon></daemons>"
        );
        said(|server| server.replace("p/config.xml", "</daemons>", &line))
    };
    assert_snapshot!(two(""), @r"
    wrong: p/config.xml:24: script_validator shares script_validator.lock with the daemon in line 22: only one of the two runs; script_validator.pid with the daemon in line 22: bin/stop ends only one of the two
      accepted: <output>script_validator_b.log</output> <pid_file>script_validator_b.pid</pid_file> in this <daemon>
    ");
    assert_snapshot!(two("<output>b.log</output>"), @r"
    wrong: p/config.xml:24: script_validator shares script_validator.pid with the daemon in line 22: bin/stop ends only one of the two
      accepted: <output>script_validator_b.log</output> <pid_file>script_validator_b.pid</pid_file> in this <daemon>
    ");
    assert_eq!(two("<output>b.log</output><pid_file>b.pid</pid_file>"), "");
    // Both daemons of a second app are reported at once.
    let both = "</daemon><daemon><cmd>script_assimilator --app b --script buoy-assimilate</cmd>";
    let lines: Vec<String> =
        two(both).lines().filter(|line| line.contains("shares")).map(str::to_owned).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("24: script_validator shares script_validator.lock"), "{lines:?}");
    assert!(lines[1].contains("24: script_assimilator shares script_assimilator.lock"), "{lines:?}");
}

#[test]
fn one_app_with_versions_for_one_cpu_and_for_several_is_reported() {
    let with = |app: &str| {
        said(|server| {
            let version = format!(
                "admin app-version p --app {app} --number 1.01 --wrapper x86_64-pc-linux-gnu=wrapper --plan-class docker_mt"
            );
            let _ = server.project.buoy("admin plan-class docker-mt --file p/plan_class_spec.xml").good();
            let _ = server.project.buoy(&version).good();
            server
        })
    };
    let both = with("universal");
    assert!(
        both.contains(
            "advice: p/apps/universal: the app universal has versions of docker and docker_mt: the scheduler"
        ),
        "{both}"
    );
    assert!(!with("other").contains("has versions of"));
}

#[test]
fn bin_start_needs_its_interpreter() {
    assert_snapshot!(said(|server| server.without("path/python")), @r"
    wrong: p/bin/start:1: #!/usr/bin/env python: python is not on PATH
      help: on Debian: apt install python-is-python3
    ");
    assert_eq!(said(|server| server.with("p/bin/start", "#!/bin/sh\n")), "");
    assert_snapshot!(said(|server| server.without("p/bin/start")), @r"
    wrong: p/bin/start: failed to read this file: No such file or directory (os error 2)
      help: run BOINC's upgrade script, which installs the project's programs
    ");
}
