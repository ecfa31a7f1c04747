//! What `buoy` says about itself.

use insta::assert_snapshot;

use crate::folder::Folder;

#[test]
fn help_of_check_names_all_sources_of_jobs() {
    assert_snapshot!(Folder::new().buoy("check --help").good(), @r"
    Say what a campaign would run, or everything that is wrong with it

    Usage: buoy check [OPTIONS] <APP> [JOBS]...

    Arguments:
      <APP>      The science app: its directory, its app.toml, or a batch.toml that names it or lies beside it
      [JOBS]...  A batch.toml, a table (.csv .tsv .jsonl), a directory with a directory per job, or input files, one job each. Without any: batch.toml beside app.toml, else a single job

    Options:
          --sweep <KEY=VALUES>   Make a job for each value: seed=1..10, t=0..1 step 0.1, mode=fast,slow. Repeated: their product
          --command <COMMAND>    The command line, instead of that of app.toml or batch.toml
          --shared <INPUT=FILE>  The file of a shared input, instead of that of app.toml or batch.toml
          --ignore <COLUMN>      A column of the table that nothing uses, on purpose; * for all
          --name <NAME>          The batch's name [default: from the file the jobs come from]
          --json                 Print JSON: a plan, or a list of mistakes
      -h, --help                 Print help
    ");
}

#[test]
fn completions_are_written_for_each_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = Folder::new().buoy(&format!("completions {shell}")).good();
        assert!(script.contains("buoy") && script.contains("check"), "{shell}");
    }
}

#[test]
fn a_reader_of_the_completions_may_go_away() {
    let mut buoy = std::process::Command::new(assert_cmd::cargo::cargo_bin("buoy"));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let done = buoy.args(["completions", "bash"]).stdout(writer).output().unwrap();
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn a_wrong_command_line_is_bad_input() {
    let ran = Folder::new().buoy("chek .");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("'check'"), "{}", ran.stderr);
}
