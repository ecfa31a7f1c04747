//! `buoy admin check`: directories, keys, templates, plan classes, app versions, the database and the web server.

use insta::assert_snapshot;
use submit_cli::admin::database::DatabaseError;
use submit_cli::admin::plan_class::{Kind, Settings};

use crate::server::{Server, said};

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
    wrong [--fix]: p/download: mode 755: the web server (www-data) cannot write here: uploaded inputs cannot be stored
      accepted: chmod g+ws
    wrong [--fix]: p/upload: the set-group-id bit is not set: files of the web server get another group, and file_deleter cannot remove them
      accepted: chmod g+s
    unsafe [--fix]: p/templates: mode 2777: every user of this computer can write here
      accepted: chmod o-w
    wrong [--fix]: p/log_server: this directory does not exist: the scheduler answers "Server can't open log file", and clients report that the project is down
      accepted: a directory with mode 2775, owned by a group that the web server's account is in
    "#);
}

#[test]
fn a_web_server_outside_the_group() {
    let broken = |server: Server| {
        let text = server.project.read("etc/group").replace(",www-data", "");
        server.with("etc/group", text)
    };
    assert_snapshot!(said(broken), @r#"
    wrong: p/download: the web server (www-data) is not in the group boincadm: uploaded inputs cannot be stored
      help: as root, run usermod -aG boincadm www-data, restart the web server, then run chmod 2775
    wrong: p/upload: the web server (www-data) is not in the group boincadm: volunteers' results cannot be stored
      help: as root, run usermod -aG boincadm www-data, restart the web server, then run chmod 2775
    wrong: p/templates: the web server (www-data) is not in the group boincadm: no batch can be submitted
      help: as root, run usermod -aG boincadm www-data, restart the web server, then run chmod 2775
    wrong: p/templates/tmp: the web server (www-data) is not in the group boincadm: no batch can be submitted
      help: as root, run usermod -aG boincadm www-data, restart the web server, then run chmod 2775
    wrong: p/log_server: the web server (www-data) is not in the group boincadm: the scheduler answers "Server can't open log file", and clients report that the project is down
      help: as root, run usermod -aG boincadm www-data, restart the web server, then run chmod 2775
    "#);
    let open = said(|server| broken(server).mode("p/templates/tmp", 0o777));
    assert!(
        open.contains(
            "p/templates/tmp: the web server (www-data) can write here only because every user can"
        ),
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
    wrong [--fix]: p/download: the web server (www-data) cannot write to 1 subdirectories, such as p/download/a
      accepted: chmod g+rwxs on each
    ");
}

#[test]
fn a_web_server_that_is_not_known() {
    let broken = said(|server| server.with("etc/passwd", "root:x:0:0::/root:/bin/sh\n"));
    assert_snapshot!(broken, @r"
    not checked: p: which directories the web server can write: etc/passwd has none of the accounts www-data, apache, nginx, http
      help: name its account with --web-user
    ");
    let mut server = Server::good();
    server.web_user = Some("nobody");
    assert!(server.said().contains("etc/passwd has no account \"nobody\""));
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
    wrong: p/keys/upload_public: this key does not exist
      help: create a pair with bin/crypt_prog -genkey 1024 PRIVATE PUBLIC; after a new code_sign pair, all volunteers have to attach again
    unsafe [--fix]: p/keys/code_sign_private: mode 644: other users can use the key that signs programs for all volunteers
      accepted: chmod go-rwx
    unsafe: p/keys/code_sign_private: the key that signs programs is on the server: an intruder can run any program on all volunteers' computers
      help: keep it on a computer without network, sign there with sign_executable, and copy NAME.sig next to each file
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
    wrong [--fix]: p/templates/mine_in:2: create_work does not know <file_info/>
      accepted: <file_info></file_info>
    wrong: p/templates/mine_in:3: x is the same file for all jobs, and file_deleter removes it when the first job has finished
      accepted: <no_delete/> in this <file_info>
    wrong: p/templates/mine_out:3: 1 <file_info> and 0 <file_ref>
      accepted: a <file_ref> for each <file_info>, in the same order
    wrong: p/templates/universal_in: PHP 8 rejects every batch and estimate for universal while this file exists, whatever template they bring
      help: rename the file, and use the new name in the programs that need it
    ");
}

#[test]
fn plan_classes() {
    assert_snapshot!(said(|server| server.without("p/plan_class_spec.xml")), @r"
    wrong: p/plan_class_spec.xml: this file does not exist: the server knows none of Buoy's plan classes, and sends no job in a container
      help: run buoy admin plan-class docker --file p/plan_class_spec.xml
    ");
    let broken = "<plan_classes>\n<plan_class><name>docker</name><docker/></plan_class>\n<plan_class><name>docker</name></plan_class>\n\
                  <plan_class><name>box</name><docker>1</docker></plan_class>\n<plan_class><name>docker_amd</name><docker/><gpu_type>amd</gpu_type>\n\
                  <min_gpu_ram>9</min_gpu_ram><min_cuda_version>1<min_cuda_version></plan_class>\n<plan_class><min_batch>1</min_batch></plan_class></plan_classes>\n";
    assert_snapshot!(said(|server| server.with("p/plan_class_spec.xml", broken)), @r#"
    wrong: p/plan_class_spec.xml:6: invalid XML: <min_cuda_version> is never closed
    wrong: p/plan_class_spec.xml:6: invalid XML: <min_cuda_version> is never closed
    wrong: p/plan_class_spec.xml:3: the plan class "docker" is listed twice
      help: remove one: BOINC uses the first
    wrong: p/plan_class_spec.xml:4: the plan class "box" has <docker/>, but its name does not contain "docker"
      help: rename it, with a new app version: a client that starts removes all containers but those of classes with "docker" in their name
    wrong: p/plan_class_spec.xml:6: unknown key <min_gpu_ram> in the plan class "docker_amd", which BOINC ignores
      help: did you mean <min_gpu_ram_mb>?
    advice: p/plan_class_spec.xml:5: the plan class "docker_amd" has a GPU and neither <cuda/> nor <opencl/>: no computer with Windows gets its jobs
      accepted: <cuda/> (NVIDIA) or <opencl/>, which a WSL distro must offer
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
    wrong: p/apps/stranger: project.xml does not list the app "stranger": update_versions stops here, and installs no further version
      help: add <app><name>stranger</name>…</app> to project.xml and run bin/xadd, or move the directory away
    wrong: p/apps/universal/1.00/x86_64-pc-linux-gnu__docker/version.xml:12: "gone" is listed but missing: the version is not installed
    wrong: p/apps/universal/1.00/x86_64-pc-linux-gnu__docker/version.xml:1: 0 files with <main_program/>: the version is not installed
      accepted: one
    advice: p/apps/universal/1.00/x86_64-pc-linux-gnu__docker/version.xml: notes.txt is in the directory but not listed: volunteers download it, and it gets no name in the slot
      help: list it, or move it away
    wrong: p/apps/universal/1.00/x86_64-pc-linux-gnu__docker/notes.txt: p/download/notes.txt has other content: update_versions stops here, at universal, and installs no further app
      help: write a new version: published files never change
    wrong: p/apps/universal/100: BOINC treats this and 1.00 as the same version
    wrong: p/apps/universal/100/windows_intelx86__cuda: project.xml does not list the platform "windows_intelx86": update_versions ignores this directory
    wrong: p/apps/universal/100/windows_intelx86__cuda: plan_class_spec.xml has no plan class "cuda": no volunteer gets this version
    advice: p/apps/universal/old: not a version number: update_versions ignores this directory
    wrong: p/apps/universal: not installed: 1/x86_64-pc-linux-gnu__docker, 100/windows_intelx86__cuda
      help: run bin/update_versions in p
    wrong: p/project.xml: the platform windows_intelx86 is not in the database: update_versions ignores its versions
      help: run bin/xadd in p
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
    wrong: p/apps/universal/1.00/x86_64-pc-linux-gnu: computers without Docker or Podman get this version with buoy-wrapper too
      accepted: a plan class with <docker/>
    ");
}

#[test]
fn apps_that_are_nowhere() {
    assert_snapshot!(said(|server| server.replace("p/project.xml", "<app><name>universal</name></app>", "")), @r#"
    wrong: p/apps/universal: project.xml does not list the app "universal": update_versions stops here, and installs no further version
      help: add <app><name>universal</name>…</app> to project.xml and run bin/xadd, or move the directory away
    wrong: p/project.xml: missing app: jobs are submitted for an app
      accepted: <app><name>NAME</name><user_friendly_name>…</user_friendly_name></app>, then bin/xadd
    "#);
    let server = Server::good().without("p/apps");
    assert_snapshot!(server.said(), @r"
    wrong: p/apps/universal: the app universal has no version: no volunteer can run its jobs
      help: run buoy admin app-version p --app universal --number 1.00 --dist DIR
    ");
    let other: Vec<String> =
        Server::good().findings_for(Some("other")).iter().map(|finding| finding.what.found.clone()).collect();
    assert_snapshot!(other.join("\n"), @r#"
    the app other has no validator: its results are never validated
    the app other has no assimilator: its results are never collected
    the app other has no version: no volunteer can run its jobs
    missing app "other"
    the app other is not in the database, or deprecated there
    no user may submit jobs to the app other
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
      help: apply db/schema_condor.sql (make_project does not apply it) from BOINC's source: mariadb db < FILE
    wrong: p/project.xml: the app universal is not in the database, or deprecated there
      help: run bin/xadd in p
    wrong: p/apps/universal: not installed: 1.00/x86_64-pc-linux-gnu__docker
      help: run bin/update_versions in p
    wrong: p/project.xml: the platform x86_64-pc-linux-gnu is not in the database: update_versions ignores its versions
      help: run bin/xadd in p
    wrong: p/project.xml: no user may submit jobs to the app universal
      help: permit a user on the web page manage_project.php, or add rows to user_submit and user_submit_app
    ");
    let deprecated = said(|server| server.database(|tables| tables.versions[0].deprecated = true));
    assert_snapshot!(deprecated, @r"wrong: p/apps/universal: every installed version is deprecated: the server sends no jobs of this app");
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
    not checked: p/config.xml:5: the contents of the database (tables, apps, versions, submitters): ERROR 1045 (28000): Access denied
      help: run this command as the project's owner, on a computer that can connect to the database
    ");
    assert!(submit_cli::admin::check::is_good(&server.findings()));
}

#[test]
fn the_web_servers_umask() {
    assert_snapshot!(said(|server| server.with("etc/apache2/envvars", "#umask 002\n")), @r#"
    wrong: etc/apache2/envvars: the web server's umask is not set to 002: file_deleter cannot remove the inputs that the web server stores
      help: add the line "umask 002" to /etc/apache2/envvars, or UMask=0002 to the service (systemctl edit), and restart it
    "#);
    let drop_in = "etc/systemd/system/php8.2-fpm.service.d/umask.conf";
    let mended =
        said(|server| server.with("etc/apache2/envvars", "").with(drop_in, "[Service]\nUMask=0002\n"));
    assert_eq!(mended, "");
    assert_snapshot!(said(|server| server.without("etc/apache2")), @r"
    not checked: etc: no settings of a web server found: its umask is unknown
      accepted: umask 002
    ");
}

#[test]
fn phps_limits() {
    let later = "etc/php/8.2/apache2/conf.d/99.ini";
    assert_snapshot!(said(|server| server.without(later)), @r"
    advice: etc/php/8.2/apache2/php.ini: upload_max_filesize = 2M: larger inputs cannot be submitted
      accepted: the size of the largest input, e.g. 512M
    advice: etc/php/8.2/apache2/php.ini:3: post_max_size = 8M: large batches and inputs need many requests
      accepted: e.g. 520M
    advice: etc/php/8.2/apache2/php.ini: max_file_uploads = 20: PHP drops further files of a request without an error
      accepted: e.g. 500
    ");
    assert_snapshot!(said(|server| server.with(later, "upload_max_filesize=1G\npost_max_size=1G\nmax_file_uploads=many\ndisplay_errors=on\n")), @r"
    wrong: etc/php/8.2/apache2/conf.d/99.ini:2: post_max_size is not above upload_max_filesize: PHP treats a larger request as an empty one
      accepted: more than upload_max_filesize, to leave room for the rest of the request
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
    advice: etc/apache2/sites-enabled/p.conf:2: upload_max_filesize = 3M: larger inputs cannot be submitted
      accepted: the size of the largest input, e.g. 512M
    unsafe: etc/apache2/sites-enabled/p.conf:3: display_errors = on: errors show the server's paths to everybody
      accepted: Off
    ");
    assert_snapshot!(said(|server| server.without("etc/php")), @r"
    not checked: etc/php: no settings of PHP for a web server found: its limits are unknown
      accepted: upload_max_filesize, post_max_size, max_file_uploads in php.ini
    ");
    assert_snapshot!(said(|server| server.with("p/html/project/project.inc", "<?php\n\ndisplay_errors();\n")), @r"
    unsafe: p/html/project/project.inc:3: display_errors(): replies to submitters contain PHP's warnings, with the server's paths and parts of the request
      help: put // before it
    ");
}
