//! A project as it should be, on a server as it should be; each test breaks one thing.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use submit_cli::admin::check::{Finding, Subject, check};
use submit_cli::admin::database::{AppVersionRow, Database, DatabaseError, Submitter};
use submit_cli::admin::project_files::ProjectFiles;
use submit_cli::admin::server_host::ServerHost;

use crate::project::Project;

/// What the database says.
#[derive(Clone)]
pub struct Tables {
    pub tables: BTreeSet<String>,
    pub apps: BTreeSet<String>,
    pub platforms: BTreeSet<String>,
    pub versions: Vec<AppVersionRow>,
    pub submitters: Vec<Submitter>,
}

pub struct Server {
    pub project: Project,
    pub database: Result<Tables, DatabaseError>,
    pub web_user: Option<&'static str>,
}

const PROGRAMS: [&str; 8] = [
    "feeder",
    "transitioner",
    "file_deleter",
    "script_validator",
    "script_assimilator",
    "buoy-init",
    "buoy-compare",
    "buoy-assimilate",
];

const CONFIG: &str = r#"<?xml version="1.0" ?>
<boinc>
    <config>
        <host>server</host>
        <db_name>db</db_name>
        <db_user>boinc</db_user>
        <db_passwd>secret</db_passwd>
        <shmem_key>0x11112222</shmem_key>
        <uldl_dir_fanout>1024</uldl_dir_fanout>
        <one_result_per_user_per_wu>1</one_result_per_user_per_wu>
        <master_url>https://example.org/p/</master_url>
        <download_url>https://example.org/p/download</download_url>
        <upload_url>https://example.org/p_cgi/file_upload_handler</upload_url>
        <download_dir>ROOT/download</download_dir>
        <upload_dir>ROOT/upload</upload_dir>
        <key_dir>ROOT/keys/</key_dir>
    </config>
    <daemons>
        <daemon><cmd>feeder -d 3</cmd></daemon>
        <daemon><cmd>transitioner -d 3</cmd></daemon>
        <daemon><cmd>file_deleter -d 3</cmd></daemon>
        <daemon><cmd>script_validator --app universal --init_script buoy-init --compare_script buoy-compare</cmd></daemon>
        <daemon><cmd>script_assimilator --app universal --script buoy-assimilate</cmd></daemon>
    </daemons>
    <tasks>
        <task><cmd>buoy-assimilate --process-spool</cmd><period>5 min</period></task>
    </tasks>
</boinc>
"#;

impl Server {
    /// Nothing to find.
    pub fn good() -> Self {
        let project = Project::empty();
        let root = project.path("p");
        let config = CONFIG.replace("ROOT", root.to_str().unwrap());
        let mut project = project
            .with("p/config.xml", config)
            .mode("p/config.xml", 0o640)
            .with("p/project.xml", "<boinc>\n<platform><name>x86_64-pc-linux-gnu</name></platform>\n<app><name>universal</name></app>\n</boinc>\n")
            .with("p/bin/start", "#!/usr/bin/env python\n")
            .with("p/buoy/routes.toml", "")
            .with("p/html/project/project.inc", "<?php\n// display_errors();\n")
            .with("path/python", "")
            .with("etc/passwd", "root:x:0:0::/root:/bin/sh\nwww-data:x:65533:65533::/var/www:/bin/false\n")
            .with("etc/apache2/envvars", "export LANG=C\numask 002\n")
            .with("etc/php/8.2/apache2/php.ini", "; comment\ndisplay_errors = Off\npost_max_size = 8M\n")
            .with("etc/php/8.2/apache2/conf.d/99.ini", "upload_max_filesize = 1G\npost_max_size = 1100M ; more\nmax_file_uploads=500\n");
        for name in PROGRAMS {
            let file = format!("p/bin/{name}");
            project = project.with(&file, "").mode(&file, 0o755);
        }
        for key in ["upload_private", "upload_public", "code_sign_public"] {
            let file = format!("p/keys/{key}");
            project = project.with(&file, "").mode(&file, 0o640);
        }
        for dir in ["download", "upload", "templates", "templates/tmp", "log_server"] {
            let dir = format!("p/{dir}");
            fs::create_dir_all(project.path(&dir)).unwrap();
            project = project.mode(&dir, 0o2775);
        }
        let gid = project.path("p").metadata().unwrap().gid();
        project = project
            .with("etc/group", format!("web:x:65533:\nboincadm:x:{gid}:someone,www-data\n"))
            .with("wrapper", [b"\x7fELF\x02\x01".as_slice(), &[0; 12], &[62, 0], &[0; 44]].concat());
        let _ = project
            .buoy("admin app-version p --app universal --number 1.00 --wrapper x86_64-pc-linux-gnu=wrapper")
            .good();
        let _ = project.buoy("admin plan-class docker docker-nvidia --file p/plan_class_spec.xml").good();
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let database = Tables {
            tables: words(&[
                "batch",
                "user_submit",
                "user_submit_app",
                "job_file",
                "batch_file_assoc",
                "result",
            ]),
            apps: words(&["universal"]),
            platforms: words(&["x86_64-pc-linux-gnu"]),
            versions: vec![AppVersionRow {
                app: "universal".to_owned(),
                number: 100,
                platform: "x86_64-pc-linux-gnu".to_owned(),
                plan_class: "docker".to_owned(),
                deprecated: false,
            }],
            submitters: vec![Submitter { user_id: 1, all_apps: false, apps: vec!["universal".to_owned()] }],
        };
        Self { project, database: Ok(database), web_user: None }
    }

    pub fn with(mut self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.project = self.project.with(path, content);
        self
    }

    pub fn mode(mut self, path: &str, mode: u32) -> Self {
        self.project = self.project.mode(path, mode);
        self
    }

    pub fn without(self, path: &str) -> Self {
        let path = self.project.path(path);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap()
        } else {
            fs::remove_file(path).unwrap()
        }
        self
    }

    /// Replaces a piece of a file, which must be there.
    #[track_caller]
    pub fn replace(self, path: &str, from: &str, to: &str) -> Self {
        let text = self.project.read(path);
        assert!(text.contains(from), "{path} has no {from:?}");
        let mode = self.project.path(path).metadata().unwrap().permissions().mode();
        self.with(path, text.replacen(from, to, 1)).mode(path, mode & 0o7777)
    }

    /// Changes what the database says.
    pub fn database(mut self, change: impl FnOnce(&mut Tables)) -> Self {
        if let Ok(tables) = &mut self.database {
            change(tables);
        }
        self
    }

    pub fn findings_for(&self, app: Option<&str>) -> Vec<Finding> {
        let files = ProjectFiles::read(&self.project.path("p"));
        let etc = self.project.path("etc");
        let host =
            ServerHost::new(&etc, "server.example.org", vec![self.project.path("path")], self.web_user);
        check(&Subject { project: &files, host: &host, database: self, app })
    }

    pub fn findings(&self) -> Vec<Finding> {
        self.findings_for(None)
    }

    /// The findings as they are shown, without the directory of the test.
    pub fn said(&self) -> String {
        let root = format!("{}/", self.project.path("").to_str().unwrap().trim_end_matches('/'));
        let lines = self.findings().into_iter().map(|finding| {
            let mended = if finding.fix.is_some() { " [--fix]" } else { "" };
            format!("{}{mended}: {}\n", finding.grade.word(), finding.what)
        });
        lines.collect::<String>().replace(&root, "")
    }
}

impl Server {
    fn tables_of(&self) -> Result<&Tables, DatabaseError> {
        self.database.as_ref().map_err(Clone::clone)
    }
}

impl Database for Server {
    fn tables(&self) -> Result<BTreeSet<String>, DatabaseError> {
        Ok(self.tables_of()?.tables.clone())
    }

    fn apps(&self) -> Result<BTreeSet<String>, DatabaseError> {
        Ok(self.tables_of()?.apps.clone())
    }

    fn platforms(&self) -> Result<BTreeSet<String>, DatabaseError> {
        Ok(self.tables_of()?.platforms.clone())
    }

    fn app_versions(&self) -> Result<Vec<AppVersionRow>, DatabaseError> {
        Ok(self.tables_of()?.versions.clone())
    }

    fn submitters(&self) -> Result<Vec<Submitter>, DatabaseError> {
        Ok(self.tables_of()?.submitters.clone())
    }
}

/// Everything that is found after `break_it`.
pub fn said(break_it: impl FnOnce(Server) -> Server) -> String {
    break_it(Server::good()).said()
}
