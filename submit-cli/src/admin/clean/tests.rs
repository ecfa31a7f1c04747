use std::cell::Cell;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::*;

const TABLES: &str = "
create table batch (id integer primary key, name text not null, state integer not null);
create table job_file (id integer primary key, name text not null unique, create_time real, delete_time real not null);
create table batch_file_assoc (job_file_id integer not null, batch_id integer not null, unique (job_file_id, batch_id));
create table workunit (id integer primary key, batch integer not null, xml_doc text, file_delete_state integer not null);
create table result (id integer primary key, name text, batch integer not null, server_state integer not null, xml_doc_in text);
insert into batch values (1, 'retired', 4), (2, 'aborted', 3), (3, 'running', 1), (4, 'complete', 2), (5, 'leaving', 4);
insert into job_file values (11, 'buoy_of_1', 0, 0), (12, 'buoy_of_1_and_2', 0, 0), (13, 'buoy_of_1_and_3', 0, 0),
    (14, 'buoy_of_1_and_a_job', 0, 0), (15, 'buoy_of_4', 0, 0), (16, 'buoy_kept', 0, 2e9), (17, 'buoy_of_5', 0, 0),
    (18, 'buoy_of_none', 0, 0);
insert into batch_file_assoc values (11, 1), (12, 1), (12, 2), (13, 1), (13, 3), (14, 1), (15, 4), (16, 1), (17, 5);
insert into workunit values (1, 1, '<file_info><name>buoy_of_1</name></file_info>', 2),
    (2, 0, '<file_info>' || char(10) || '<name>buoy_of_1_and_a_job</name></file_info>', 0);
insert into result values
    (1, 'w_0', 1, 5, '<file_info><name>w_0_r1_0</name></file_info><file_info><name>../w_0_r1_1</name></file_info>'),
    (2, 'v_0', 3, 5, '<file_info><name>v_0_r1_0</name></file_info>'),
    (3, 'x_0', 5, 4, '<file_info><name>x_0_r1_0</name></file_info>'),
    (4, 'y_0', 2, 5, '<file_info><name>v_0_r1_0</name></file_info>');
";

/// The statements are run as they are, by another database.
struct Tables {
    db: Connection,
    /// Done before the statement with this number, from 0.
    interference: Option<(usize, &'static str)>,
    asked: Cell<usize>,
}

impl Sql for Tables {
    fn rows(&self, statement: &str) -> Result<Vec<Vec<String>>, DatabaseError> {
        if let Some((at, change)) = self.interference
            && at == self.asked.get()
        {
            self.db.execute_batch(change).unwrap();
        }
        self.asked.set(self.asked.get() + 1);
        let mut statement = self.db.prepare(statement).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        let mut found = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let text = |at| match row.get_ref(at).unwrap() {
                ValueRef::Integer(number) => number.to_string(),
                // As the client program writes it.
                value => value.as_str().unwrap().replace('\n', "\\n"),
            };
            found.push((0..columns).map(text).collect());
        }
        Ok(found)
    }
}

struct Bench {
    dir: tempfile::TempDir,
    project: ProjectFiles,
    tables: Tables,
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("config.xml"), "<boinc><config></config></boinc>").unwrap();
    let project = ProjectFiles::read(dir.path());
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(TABLES).unwrap();
    let bench = Bench { dir, project, tables: Tables { db, interference: None, asked: Cell::new(0) } };
    let files = bench.tables.rows("select name from job_file").unwrap();
    for name in files.iter().flatten() {
        bench.write("download", name);
        bench.write("download", &format!("{name}.md5"));
    }
    for name in ["w_0_r1_0", "v_0_r1_0", "x_0_r1_0"] {
        bench.write("upload", name);
    }
    bench
}

impl Bench {
    fn path(&self, directory: &str, name: &str) -> PathBuf {
        let of = name.strip_suffix(".md5").unwrap_or(name);
        self.dir.path().join(directory).join(fan_out(of, FAN_OUT)).join(name)
    }

    fn write(&self, directory: &str, name: &str) {
        let path = self.path(directory, name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "12345").unwrap();
    }

    fn is_there(&self, directory: &str, name: &str) -> bool {
        self.path(directory, name).exists()
    }
}

fn names(files: &[File]) -> Vec<&str> {
    files.iter().map(|file| file.path.file_name().unwrap().to_str().unwrap()).collect()
}

#[test]
fn only_files_of_ended_batches_that_nothing_else_uses_are_found() {
    let bench = bench();
    let found = removable(&bench.project, &bench.tables, 1e9).unwrap();
    let ids: Vec<u64> = found.batches.iter().map(|batch| batch.id).collect();
    assert_eq!(ids, [1, 2]);
    assert_eq!(names(&found.inputs), ["buoy_of_1", "buoy_of_1_and_2"]);
    assert_eq!(names(&found.outputs), ["w_0_r1_0"]);
    assert_eq!(found.inputs[0].bytes, 10);
    assert_eq!((found.still_running[0].batch.id, found.still_running[0].instances), (5, 1));
    assert!(bench.is_there("download", "buoy_of_1"), "nothing is removed by looking");
}

#[test]
fn what_was_found_is_removed_with_its_rows() {
    let bench = bench();
    let found = removable(&bench.project, &bench.tables, 1e9).unwrap();
    remove(&found, &bench.tables, 1e9).unwrap();
    for name in ["buoy_of_1", "buoy_of_1.md5", "buoy_of_1_and_2", "buoy_of_1_and_2.md5"] {
        assert!(!bench.is_there("download", name), "{name}");
    }
    for name in
        ["buoy_of_1_and_3", "buoy_of_1_and_a_job", "buoy_of_4", "buoy_kept", "buoy_of_5", "buoy_of_none"]
    {
        assert!(
            bench.is_there("download", name) && bench.is_there("download", &format!("{name}.md5")),
            "{name}"
        );
    }
    assert!(!bench.is_there("upload", "w_0_r1_0"));
    assert!(bench.is_there("upload", "v_0_r1_0") && bench.is_there("upload", "x_0_r1_0"));
    let rows = bench.tables.rows("select id from job_file where id in (11, 12)").unwrap();
    let ties =
        bench.tables.rows("select job_file_id from batch_file_assoc where job_file_id in (11, 12)").unwrap();
    assert!(rows.is_empty() && ties.is_empty());
    let again = removable(&bench.project, &bench.tables, 1e9).unwrap();
    assert!(again.inputs.is_empty() && again.outputs.is_empty());
}

/// A submitter may find a file on the server just before it is removed.
#[test]
fn an_input_that_a_batch_claims_meanwhile_stays() {
    let mut bench = bench();
    let found = removable(&bench.project, &bench.tables, 1e9).unwrap();
    bench.tables.asked.set(0);
    bench.tables.interference = Some((0, "insert into batch_file_assoc values (11, 3)"));
    remove(&found, &bench.tables, 1e9).unwrap();
    assert!(bench.is_there("download", "buoy_of_1") && bench.is_there("download", "buoy_of_1.md5"));
    assert!(!bench.is_there("download", "buoy_of_1_and_2"));
    assert_eq!(bench.tables.rows("select id from job_file where id = 11").unwrap().len(), 1);
}

/// It was absent for a moment: the server has forgotten its row, and it came under a new one.
#[test]
fn an_input_that_is_sent_again_meanwhile_stays() {
    let mut bench = bench();
    let found = removable(&bench.project, &bench.tables, 1e9).unwrap();
    bench.tables.asked.set(0);
    bench.tables.interference =
        Some((0, "update job_file set id = 99 where id = 11; insert into batch_file_assoc values (99, 3)"));
    remove(&found, &bench.tables, 1e9).unwrap();
    assert!(bench.is_there("download", "buoy_of_1") && bench.is_there("download", "buoy_of_1.md5"));
    let left = std::fs::read_dir(bench.path("download", "buoy_of_1").parent().unwrap()).unwrap();
    assert_eq!(left.count(), 2, "nothing is left aside");
}
