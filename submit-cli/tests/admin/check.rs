//! `buoy admin check`: every slip is found, where it is, and nothing else is.

use insta::assert_snapshot;
use submit_cli::admin::database::DatabaseError;
use submit_cli::admin::plan_class::{Kind, Settings};

use crate::server::Server;

/// Everything that is found after `break_it`.
fn said(break_it: impl FnOnce(Server) -> Server) -> String {
    break_it(Server::good()).said()
}

#[test]
fn a_project_as_it_should_be_has_no_findings() {
    assert_eq!(said(|server| server), "");
}

#[test]
fn another_host_name() {
    assert_snapshot!(said(|server| server.replace("p/config.xml", "<host>server<", "<host>server.example.org<")), @r#"
    wrong [--fix]: p/config.xml:4: <host> is "server.example.org"
      accepted: "server", this computer's name; else bin/start finds no daemon of its own
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
    wrong: p/config.xml:9: <db_name> is set a second time
      help: keep one: the programs take the last, the web pages the first
    wrong: p/config.xml:3: <db_user> is missing
      accepted: an account of the database
    wrong: p/config.xml:8: <shmem_key> is empty
      accepted: a number of the project's own, as 0x1111beef
    wrong: p/config.xml:15: <upload_dir> is p/uplaod, which is no directory
      accepted: an absolute path, as p/upload
    wrong: p/config.xml:9: <uldl_dir_fanout> is "many"
      accepted: the number of subdirectories of download/ and upload/, 1024; never change it later
    wrong [--fix]: p/uplaod: there is no such directory: volunteers' results cannot be kept
      accepted: a directory with mode 2775, whose group has the web server's account
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
      help: submitters' and volunteers' account keys can be read on the way
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
    wrong [--fix]: p/config.xml:17: <remote_submit_log> is set: PHP 8.1 and later put two "Deprecated" notes into each reply
      help: take the line out
    "#);
}

#[test]
fn one_volunteer_may_not_agree_with_themself() {
    assert_snapshot!(said(|server| server.replace("p/config.xml", "per_wu>1<", "per_wu>0<")), @r"
    unsafe: p/config.xml:10: one volunteer may get several copies of a job, and so agree with themself on a false result
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
      help: the web server has to read it: first give it a group that the web server's account is in, and chmod g+r
    ");
}

#[test]
fn a_project_that_is_stopped() {
    assert_snapshot!(said(|server| server.with("p/stop_web", "")), @r"
    advice: p/stop_web: the project is stopped: the web pages and remote submission are closed
      help: bin/start, or remove the file, when the work is done
    ");
}

#[test]
fn what_is_no_xml() {
    assert_snapshot!(said(|server| server.replace("p/config.xml", "</host>", "")), @r"
    wrong: p/config.xml:4: not valid XML: <host> is never closed
    wrong: p/config.xml:3: <db_name> is missing
      accepted: the database's name
    wrong: p/config.xml:3: <db_user> is missing
      accepted: an account of the database
    wrong: p/config.xml:3: <shmem_key> is missing
      accepted: a number of the project's own, as 0x1111beef
    wrong: p/config.xml:3: <uldl_dir_fanout> is missing
      accepted: 1024
    wrong: p/config.xml:3: <master_url> is missing
      accepted: the project's address, ending in /
    wrong: p/config.xml:3: <download_url> is missing
      accepted: the address that download_dir is served at
    wrong: p/config.xml:3: <download_dir> is missing
      accepted: a directory
    wrong: p/config.xml:3: <upload_url> is missing
      accepted: the address of file_upload_handler
    wrong: p/config.xml:3: <upload_dir> is missing
      accepted: a directory
    wrong: p/config.xml:3: <key_dir> is missing
      accepted: the directory of the keys
    unsafe: p/config.xml:3: one volunteer may get several copies of a job, and so agree with themself on a false result
      accepted: <one_result_per_user_per_wu>1</one_result_per_user_per_wu>
    ");
    assert_snapshot!(said(|server| server.with("p/config.xml", "<boinc></boinc>").mode("p/config.xml", 0o640)), @r"
    wrong: p/config.xml: it has no <boinc><config>
      accepted: <boinc><config> … </config> <tasks/> <daemons/></boinc>
    wrong: p/config.xml:1: no daemon runs feeder: no job reaches the scheduler
      accepted: <daemon><cmd>feeder -d 3</cmd></daemon>
    wrong: p/config.xml:1: no daemon runs transitioner: no job is made into copies, given up or finished
      accepted: <daemon><cmd>transitioner -d 3</cmd></daemon>
    advice: p/config.xml:1: no daemon runs file_deleter: inputs and outputs stay until the disk is full
      accepted: <daemon><cmd>file_deleter -d 3</cmd></daemon>
      help: Buoy's templates keep what other jobs need (<no_delete/>)
    wrong: p/config.xml:1: the app universal has no validator: its results are never judged
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
    wrong: p/config.xml:18: no daemon runs transitioner: no job is made into copies, given up or finished
      accepted: <daemon><cmd>transitioner -d 3</cmd></daemon>
    advice: p/config.xml:18: no daemon runs file_deleter: inputs and outputs stay until the disk is full
      accepted: <daemon><cmd>file_deleter -d 3</cmd></daemon>
      help: Buoy's templates keep what other jobs need (<no_delete/>)
    wrong: p/config.xml:21: bin/db_purge does not exist
      help: put the program there, and chmod +x it
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
    wrong: p/config.xml:18: the app universal has no validator: its results are never judged
      accepted: <daemon><cmd>script_validator --app universal --init_script buoy-init --compare_script buoy-compare</cmd></daemon>
    wrong: p/config.xml:18: the app universal has no assimilator: its results are never collected
      accepted: <daemon><cmd>script_assimilator --app universal --script buoy-assimilate</cmd></daemon>
    ");
    let single_hyphens =
        said(|server| server.replace("p/config.xml", "script_assimilator --app", "script_assimilator -app"));
    assert_eq!(single_hyphens, "");
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
    wrong [--fix]: p/config.xml:22: --init_script "buoy-init files result_id": servers since July 2025 pass no argument at all where words follow the script's name
      accepted: --init_script buoy-init
    wrong: p/config.xml:23: --script "mine wu_id": servers since July 2025 pass no argument at all where words follow the script's name
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
      help: put the program there, and chmod +x it
    wrong: p/config.xml:22: --init_script: bin/buoy-init does not exist, so every result is thrown away for good
      help: put it into p/bin, and chmod +x it
    wrong: p/config.xml:22: --compare_script: bin/buoy-compare is not executable, so no two results agree
      help: put it into p/bin, and chmod +x it
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
    wrong: p/config.xml:22: --init_script buoy-compare: a shim is told apart by its name
      accepted: --init_script buoy-init
    wrong: p/buoy/routes.toml: there is no such file; the scripts of config.xml line 22 can judge nothing without it
      help: docs/routes-toml.md
    unsafe: p/config.xml:22: script_validator without --compare_script: any two results agree, true or not
      accepted: --compare_script buoy-compare
    ");
    assert_snapshot!(said(|server| server.with("p/buoy/routes.toml", "a = \n")), @r"
    wrong: p/buoy/routes.toml: not valid TOML: string values must be quoted, expected literal string; the scripts of config.xml line 22 can judge nothing without it
      help: docs/routes-toml.md
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
    wrong: p/config.xml:24: script_validator shares script_validator.lock with the one in line 22: only one of the two runs
      accepted: <output>script_validator_b.log</output> <pid_file>script_validator_b.pid</pid_file> in this <daemon>
    ");
    assert_snapshot!(two("<output>b.log</output>"), @r"
    wrong: p/config.xml:24: script_validator shares script_validator.pid with the one in line 22: bin/stop ends only one of the two
      accepted: <output>script_validator_b.log</output> <pid_file>script_validator_b.pid</pid_file> in this <daemon>
    ");
    assert_eq!(two("<output>b.log</output><pid_file>b.pid</pid_file>"), "");
}

#[test]
fn bin_start_needs_its_interpreter() {
    assert_snapshot!(said(|server| server.without("path/python")), @r"
    wrong: p/bin/start:1: #!/usr/bin/env python: there is no python on PATH
      help: on Debian: apt install python-is-python3
    ");
    assert_eq!(said(|server| server.with("p/bin/start", "#!/bin/sh\n")), "");
    assert_snapshot!(said(|server| server.without("p/bin/start")), @r"
    wrong: p/bin/start: cannot be read: No such file or directory (os error 2)
      help: the project's programs are not installed: run BOINC's upgrade script
    ");
}

#[test]
fn directories_that_the_web_server_cannot_write() {
    let broken = said(|server| {
        server
            .mode("p/download", 0o755)
            .mode("p/upload", 0o775)
            .mode("p/templates", 0o2777)
            .without("p/log_server")
    });
    assert_snapshot!(broken, @r#"
    wrong [--fix]: p/download: mode 755: the web server (www-data) cannot write here: uploaded inputs cannot be kept
      accepted: chmod g+ws
    wrong [--fix]: p/upload: its set-group-id bit is not set: what the web server puts here gets a group of its own, and file_deleter can't remove it
      accepted: chmod g+s
    unsafe [--fix]: p/templates: mode 2777: every user of this computer can write here
      accepted: chmod o-w
    wrong [--fix]: p/log_server: there is no such directory: the scheduler answers "Server can't open log file", and clients say that the project is down
      accepted: a directory with mode 2775, whose group has the web server's account
    "#);
}

#[test]
fn a_web_server_outside_the_group() {
    let broken = |server: Server| {
        let text = server.project.read("etc/group").replace(",www-data", "");
        server.with("etc/group", text)
    };
    assert_snapshot!(said(broken), @r#"
    wrong: p/download: the web server (www-data) is not in its group, boincadm: uploaded inputs cannot be kept
      help: as root: usermod -aG boincadm www-data, restart the web server, then chmod 2775
    wrong: p/upload: the web server (www-data) is not in its group, boincadm: volunteers' results cannot be kept
      help: as root: usermod -aG boincadm www-data, restart the web server, then chmod 2775
    wrong: p/templates: the web server (www-data) is not in its group, boincadm: no batch can be submitted
      help: as root: usermod -aG boincadm www-data, restart the web server, then chmod 2775
    wrong: p/templates/tmp: the web server (www-data) is not in its group, boincadm: no batch can be submitted
      help: as root: usermod -aG boincadm www-data, restart the web server, then chmod 2775
    wrong: p/log_server: the web server (www-data) is not in its group, boincadm: the scheduler answers "Server can't open log file", and clients say that the project is down
      help: as root: usermod -aG boincadm www-data, restart the web server, then chmod 2775
    "#);
    let open = said(|server| broken(server).mode("p/templates/tmp", 0o777));
    assert!(
        open.contains("p/templates/tmp: the web server (www-data) can write here only because everybody can"),
        "{open}"
    );
}

#[test]
fn subdirectories_that_others_made() {
    let broken = said(|server| {
        server
            .with("p/download/a/x", "")
            .with("p/download/3ff/x", "")
            .with("p/download/vina_files/x", "")
            .mode("p/download/a", 0o755)
            .mode("p/download/3ff", 0o2775)
    });
    assert_snapshot!(broken, @r"
    wrong [--fix]: p/download: the web server (www-data) cannot write to 1 of its subdirectories, as p/download/a
      accepted: chmod g+rwxs on each
    ");
}

#[test]
fn a_web_server_that_is_not_known() {
    let broken = said(|server| server.with("etc/passwd", "root:x:0:0::/root:/bin/sh\n"));
    assert_snapshot!(broken, @r"
    not checked: p: which directories the web server can write: none of the accounts www-data, apache, nginx, http is in etc/passwd
      help: name its account with --web-user
    ");
    let mut server = Server::good();
    server.web_user = Some("nobody");
    assert!(server.said().contains("there is no account \"nobody\" in etc/passwd"));
}

#[test]
fn keys() {
    let broken = said(|server| {
        server
            .without("p/keys/upload_public")
            .with("p/keys/code_sign_private", "")
            .mode("p/keys/code_sign_private", 0o644)
    });
    assert_snapshot!(broken, @r"
    wrong: p/keys/upload_public: there is no such key
      help: bin/crypt_prog -genkey 1024 PRIVATE PUBLIC makes a pair; a new code_sign pair needs all volunteers to attach again
    unsafe [--fix]: p/keys/code_sign_private: mode 644: others than its owner can use the key that signs programs for all volunteers
      accepted: chmod go-rwx
    unsafe: p/keys/code_sign_private: the key that signs programs is on the server: whoever breaks in can have all volunteers run anything
      help: keep it on a computer without network, sign there with sign_executable, and bring NAME.sig beside each file
    ");
}

#[test]
fn templates() {
    let input = "<input_template>\n<file_info/>\n<file_info><physical_name>x</physical_name></file_info>\n<workunit>\n<file_ref></file_ref></workunit></input_template>";
    let fragments = "<file_info>\n</file_info>\n<workunit>\n<file_ref></file_ref>\n</workunit>\n";
    let output = "<output_template>\n<file_info></file_info>\n<result>\n</result>\n</output_template>";
    let broken = said(|server| {
        server
            .with("p/templates/universal_in", fragments)
            .with("p/templates/mine_in", input)
            .with("p/templates/mine_out", output)
            .with("p/templates/README", "a < b")
    });
    assert_snapshot!(broken, @r"
    wrong: p/templates/mine_in:4: 2 <file_info> and 1 <file_ref>
      accepted: a <file_ref> for each <file_info>, in the same order
    wrong [--fix]: p/templates/mine_in:2: <file_info/>, which create_work does not know
      accepted: <file_info></file_info>
    wrong: p/templates/mine_in:3: x is the same file for all jobs, and file_deleter removes it when the first is over
      accepted: <no_delete/> in this <file_info>
    wrong: p/templates/mine_out:3: 1 <file_info> and 0 <file_ref>
      accepted: a <file_ref> for each <file_info>, in the same order
    wrong: p/templates/universal_in: while this file is there, PHP 8 refuses every batch and estimate for universal, whatever template it brings
      help: give it another name, and name it in the programs that use it
    ");
}

#[test]
fn plan_classes() {
    assert_snapshot!(said(|server| server.without("p/plan_class_spec.xml")), @r"
    wrong: p/plan_class_spec.xml: there is no such file: no plan class of Buoy's is known, and no job in a container is sent
      help: buoy admin plan-class docker --file p/plan_class_spec.xml
    ");
    let broken = "<plan_classes>\n<plan_class><name>docker</name><docker/></plan_class>\n<plan_class><name>docker</name></plan_class>\n\
                  <plan_class><name>box</name><docker>1</docker></plan_class>\n<plan_class><name>docker_amd</name><docker/><gpu_type>amd</gpu_type>\n\
                  <min_gpu_ram>9</min_gpu_ram><min_cuda_version>1<min_cuda_version></plan_class>\n<plan_class><min_batch>1</min_batch></plan_class></plan_classes>\n";
    assert_snapshot!(said(|server| server.with("p/plan_class_spec.xml", broken)), @r#"
    wrong: p/plan_class_spec.xml:6: not valid XML: <min_cuda_version> is never closed
    wrong: p/plan_class_spec.xml:6: not valid XML: <min_cuda_version> is never closed
    wrong: p/plan_class_spec.xml:3: a second plan class "docker"
      help: BOINC takes the first; remove one
    wrong: p/plan_class_spec.xml:4: the plan class "box" has <docker/>, and "docker" is not in its name
      help: a client that starts removes the containers of all tasks but those of classes with "docker" in their name; give it another name, with a new app version
    wrong: p/plan_class_spec.xml:6: unknown key <min_gpu_ram> in the plan class "docker_amd", which BOINC passes over
      help: did you mean <min_gpu_ram_mb>?
    advice: p/plan_class_spec.xml:5: the plan class "docker_amd" has a GPU and neither <cuda/> nor <opencl/>: no computer with Windows gets its jobs
      accepted: <cuda/> (NVIDIA) or <opencl/>, whichever a WSL distro must offer
    wrong: p/plan_class_spec.xml:7: a plan class without <name>
    "#);
    for kind in Kind::ALL {
        let all: Vec<String> =
            Kind::ALL.iter().map(|kind| kind.render(&Settings::default()).unwrap()).collect();
        let text = submit_cli::admin::plan_class::document(&all);
        assert_eq!(said(|server| server.with("p/plan_class_spec.xml", text)), "", "{kind:?}");
    }
}

#[test]
fn app_versions_that_update_versions_would_not_take() {
    let version = "p/apps/universal/1.00/x86_64-pc-linux-gnu__docker/version.xml";
    let broken = said(|server| {
        server
            .replace(version, "<main_program/>", "")
            .replace(version, "</version>", "<file><physical_name>gone</physical_name></file></version>")
            .with("p/apps/universal/1.00/x86_64-pc-linux-gnu__docker/notes.txt", "")
            .with("p/apps/universal/1/x86_64-pc-linux-gnu__docker/a", "")
            .with("p/apps/universal/100/windows_intelx86__cuda/a", "")
            .with("p/apps/universal/old/x", "")
            .with("p/apps/stranger/1.00/x86_64-pc-linux-gnu/a", "")
            .with("p/download/notes.txt", "other")
    });
    assert_snapshot!(broken, @r#"
    wrong: p/apps/stranger: project.xml has no app "stranger": update_versions stops here, and installs nothing after it
      help: add <app><name>stranger</name>…</app> to project.xml and run bin/xadd, or move the directory away
    wrong: p/apps/universal/1.00/x86_64-pc-linux-gnu__docker/version.xml:12: "gone" is listed and not there; the version is not installed
    wrong: p/apps/universal/1.00/x86_64-pc-linux-gnu__docker/version.xml:1: 0 files with <main_program/>; the version is not installed
      accepted: one
    advice: p/apps/universal/1.00/x86_64-pc-linux-gnu__docker/version.xml: notes.txt lies beside it and is not listed: volunteers get it, without a name in the slot
      help: list it, or take it away
    wrong: p/apps/universal/1.00/x86_64-pc-linux-gnu__docker/notes.txt: p/download/notes.txt has other content: update_versions stops here, with universal and all apps after it
      help: files never change: write a new version
    wrong: p/apps/universal/100: BOINC takes this and 1.00 for the same version
    wrong: p/apps/universal/100/windows_intelx86__cuda: project.xml has no platform "windows_intelx86"; update_versions passes over this
    wrong: p/apps/universal/100/windows_intelx86__cuda: plan_class_spec.xml has no plan class "cuda": nobody gets this version
    advice: p/apps/universal/old: not a version number; update_versions passes over it
    wrong: p/apps/universal: not installed: 1/x86_64-pc-linux-gnu__docker, 100/windows_intelx86__cuda
      help: in p: bin/update_versions
    wrong: p/project.xml: the platform windows_intelx86 is not in the database: update_versions passes over its versions
      help: in p: bin/xadd
    "#);
}

#[test]
fn a_wrapper_without_a_class_for_containers() {
    let broken = said(|server| {
        let dir = server.project.path("p/apps/universal/1.00");
        std::fs::rename(dir.join("x86_64-pc-linux-gnu__docker"), dir.join("x86_64-pc-linux-gnu")).unwrap();
        server.database(|tables| tables.versions[0].plan_class = String::new())
    });
    assert_snapshot!(broken, @r"
    wrong: p/apps/universal/1.00/x86_64-pc-linux-gnu: a version with buoy-wrapper that computers without Docker or Podman get too
      accepted: a plan class with <docker/>
    ");
}

#[test]
fn apps_that_are_nowhere() {
    assert_snapshot!(said(|server| server.replace("p/project.xml", "<app><name>universal</name></app>", "")), @r#"
    wrong: p/apps/universal: project.xml has no app "universal": update_versions stops here, and installs nothing after it
      help: add <app><name>universal</name>…</app> to project.xml and run bin/xadd, or move the directory away
    wrong: p/project.xml: it has no app: there is nothing that jobs could be for
      accepted: <app><name>NAME</name><user_friendly_name>…</user_friendly_name></app>, then bin/xadd
    "#);
    let server = Server::good().without("p/apps");
    assert_snapshot!(server.said(), @r"
    wrong: p/apps/universal: the app universal has no version: no volunteer can run its jobs
      help: buoy admin app-version p --app universal --number 1.00
    ");
    let other: Vec<String> =
        Server::good().findings_for(Some("other")).iter().map(|finding| finding.what.found.clone()).collect();
    assert_snapshot!(other.join("\n"), @r#"
    the app other has no validator: its results are never judged
    the app other has no assimilator: its results are never collected
    the app other has no version: no volunteer can run its jobs
    it has no app "other"
    the app other is not in the database, or deprecated there
    nobody may submit jobs to the app other
    "#);
}

#[test]
fn what_the_database_lacks() {
    let broken = said(|server| {
        server.database(|tables| {
            tables.tables.remove("batch_file_assoc");
            tables.apps.clear();
            tables.versions.clear();
            tables.platforms.clear();
            tables.submitters[0].apps.clear();
        })
    });
    assert_snapshot!(broken, @r"
    wrong: p/config.xml: the database db has no table batch_file_assoc
      help: BOINC's source has it in db/schema_condor.sql (make_project does not apply it): mariadb db < FILE
    wrong: p/project.xml: the app universal is not in the database, or deprecated there
      help: in p: bin/xadd
    wrong: p/apps/universal: not installed: 1.00/x86_64-pc-linux-gnu__docker
      help: in p: bin/update_versions
    wrong: p/project.xml: the platform x86_64-pc-linux-gnu is not in the database: update_versions passes over its versions
      help: in p: bin/xadd
    wrong: p/project.xml: nobody may submit jobs to the app universal
      help: give a user the right on the web page manage_project.php, or in SQL: rows in user_submit and user_submit_app
    ");
    let deprecated = said(|server| server.database(|tables| tables.versions[0].deprecated = true));
    assert_snapshot!(deprecated, @r"wrong: p/apps/universal: every installed version is deprecated: nothing is sent");
    let all = said(|server| {
        server.database(|tables| {
            tables.submitters[0].apps.clear();
            tables.submitters[0].all_apps = true;
        })
    });
    assert_eq!(all, "");
}

#[test]
fn a_database_that_cannot_be_asked_is_said_and_is_no_fault_of_the_project() {
    let mut server = Server::good();
    server.database = Err(DatabaseError::Refused { answer: "ERROR 1045 (28000): Access denied".to_owned() });
    assert_snapshot!(server.said(), @r"
    not checked: p/config.xml:5: what the database says (tables, apps, versions, submitters): ERROR 1045 (28000): Access denied
      help: run this as the project's owner, on a computer that reaches the database
    ");
    assert!(submit_cli::admin::check::is_good(&server.findings()));
}

#[test]
fn the_web_servers_umask() {
    assert_snapshot!(said(|server| server.with("etc/apache2/envvars", "#umask 002\n")), @r#"
    wrong: etc/apache2/envvars: the web server's umask is not set to 002: file_deleter cannot remove the inputs that it stores
      help: a line "umask 002" in /etc/apache2/envvars, or UMask=0002 in a drop-in of the service (systemctl edit); then restart it
    "#);
    let drop_in = "etc/systemd/system/php8.2-fpm.service.d/umask.conf";
    let mended =
        said(|server| server.with("etc/apache2/envvars", "").with(drop_in, "[Service]\nUMask=0002\n"));
    assert_eq!(mended, "");
    assert_snapshot!(said(|server| server.without("etc/apache2")), @r"
    not checked: etc: no web server's settings here: its umask is not known
      accepted: umask 002
    ");
}

#[test]
fn phps_limits() {
    let later = "etc/php/8.2/apache2/conf.d/99.ini";
    assert_snapshot!(said(|server| server.without(later)), @r"
    advice: etc/php/8.2/apache2/php.ini: upload_max_filesize = 2M: a larger input cannot be submitted
      accepted: the largest input, say 512M
    advice: etc/php/8.2/apache2/php.ini:3: post_max_size = 8M: large batches and inputs take many requests
      accepted: say 520M
    advice: etc/php/8.2/apache2/php.ini: max_file_uploads = 20: so many inputs travel in a request, the rest is dropped without a word
      accepted: say 500
    ");
    assert_snapshot!(said(|server| server.with(later, "upload_max_filesize=1G\npost_max_size=1G\nmax_file_uploads=many\ndisplay_errors=on\n")), @r"
    wrong: etc/php/8.2/apache2/conf.d/99.ini:2: post_max_size is not above upload_max_filesize: a request over it is taken for an empty one
      accepted: upload_max_filesize and some more, for the rest of the request
    unsafe: etc/php/8.2/apache2/conf.d/99.ini:4: display_errors = on: errors show the server's paths to everybody
      accepted: Off
    ");
    let pool = "[www]\nphp_admin_value[upload_max_filesize] = 1G\nphp_admin_value[post_max_size] = 2G\nphp_admin_value[max_file_uploads] = 500\n";
    let fpm = said(|server| {
        server
            .without("etc/php/8.2/apache2")
            .with("etc/php/8.2/fpm/php.ini", "display_errors=0\n")
            .with("etc/php/8.2/fpm/pool.d/www.conf", pool)
    });
    assert_eq!(fpm, "");
    let apache = "<VirtualHost *>\n  php_admin_value upload_max_filesize 3M\n  php_admin_flag display_errors on\n</VirtualHost>\n";
    assert_snapshot!(said(|server| server.with("etc/apache2/sites-enabled/p.conf", apache)), @r"
    advice: etc/apache2/sites-enabled/p.conf:2: upload_max_filesize = 3M: a larger input cannot be submitted
      accepted: the largest input, say 512M
    unsafe: etc/apache2/sites-enabled/p.conf:3: display_errors = on: errors show the server's paths to everybody
      accepted: Off
    ");
    assert_snapshot!(said(|server| server.without("etc/php")), @r"
    not checked: etc/php: no settings of PHP for a web server here: its limits are not known
      accepted: upload_max_filesize, post_max_size, max_file_uploads in php.ini
    ");
    assert_snapshot!(said(|server| server.with("p/html/project/project.inc", "<?php\n\ndisplay_errors();\n")), @r"
    unsafe: p/html/project/project.inc:3: display_errors(): PHP's warnings stand in the replies to submitters, with the server's paths and what was asked
      help: put // before it
    ");
}
