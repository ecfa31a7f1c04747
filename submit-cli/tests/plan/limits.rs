//! What a BOINC server would reject, or be broken by, is refused here.

use insta::assert_snapshot;

use crate::folder::Folder;

fn with_more(count: usize, table: impl Fn(usize) -> String) -> Folder {
    let folder = Folder::new();
    let more: String = (0..count).map(table).collect();
    let text = folder.read("app.toml") + &more;
    folder.with("app.toml", &text)
}

#[test]
fn more_outputs_than_a_validators_command_line_holds() {
    let folder = with_more(19, |n| format!("\n[[output]]\nname = \"out{n}\"\n"));
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r#"
    error: app.toml:73:1: 20 outputs: a validator's command line of 4,096 bytes holds the paths of 18 outputs of two results
      help: put several files into one archive, or shorten the names: "b" is the longest
    1 error; nothing was changed
    "#);
}

#[test]
fn longer_names_leave_room_for_fewer_outputs() {
    let folder = with_more(14, |n| format!("\n[[output]]\nname = \"out{n}\"\n"));
    folder.buoy("check . jobs.csv").good();
    let name = "a-batch-with-a-name-that-is-so-long-that-nothing-else-fits";
    let stderr = folder.run(&["check", ".", "jobs.csv", "--name", name]).refused();
    assert!(stderr.contains("15 outputs") && stderr.contains("\"b\" is the longest"), "{stderr}");
}

#[test]
fn a_workunits_xml_over_64_kb() {
    let folder =
        with_more(105, |n| format!("\n[[input]]\nname = \"in{n}\"\nshared = true\nfile = \"a.pdbqt\"\n"));
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r"
    error: app.toml: the workunit's XML with 110 input files would have about 68236 bytes
      accepted: at most 65535 bytes, the size of BOINC's field
      help: put several inputs into one archive
    1 error; nothing was changed
    ");
}

#[test]
fn more_inputs_of_a_job_than_a_line_of_create_work_holds() {
    let folder = with_more(100, |n| format!("\n[[input]]\nname = \"in{n}\"\n"));
    let columns: Vec<String> = (0..100).map(|n| format!("in{n}")).collect();
    let row = vec!["a.pdbqt"; 100].join(",");
    let folder = folder.with("jobs.csv", &format!("ligand,seed,{}\na.pdbqt,1,{row}\n", columns.join(",")));
    assert_snapshot!(folder.run(&["check", ".", "jobs.csv", "--command", "{seed}"]).refused(), @r"
    error: app.toml: 101 per-job inputs: a line of create_work holds 95
      help: put several files into one archive
    1 error; nothing was changed
    ");
}

#[test]
fn a_workunits_name_too_long_for_the_database() {
    let folder = Folder::new().with("jobs.csv", &format!("ligand,seed,job\na.pdbqt,1,{}\n", "j".repeat(170)));
    let stderr = folder.buoy("check . jobs.csv").refused();
    assert!(stderr.starts_with("error: jobs.csv:2: the workunit name"), "{stderr}");
    assert!(stderr.contains("at most 187"), "{stderr}");
}

#[test]
fn arguments_longer_than_the_wrapper_reads() {
    let folder = Folder::new().with("jobs.csv", &format!("ligand,seed\na.pdbqt,{}\n", "x".repeat(1 << 20)));
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r#"
    error: jobs.csv:2: the arguments of job "a" have 1048615 bytes
      accepted: at most 1048576 bytes
      help: move long arguments to an input file
    1 error; nothing was changed
    "#);
}

#[test]
fn a_sweep_that_explodes() {
    let args = [
        "check",
        ".",
        "jobs.csv",
        "--sweep",
        "x=1..100000",
        "--sweep",
        "y=1..100000",
        "--command",
        "{seed}{x}{y}",
    ];
    assert_snapshot!(Folder::new().run(&args).refused(), @r"
    error: command line: 2 rows and the sweep make more than 1000000 jobs
      help: split it into several batches
    1 error; nothing was changed
    ");
}
