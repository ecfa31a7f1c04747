//! What `buoy` says about itself.

use insta::assert_snapshot;

use crate::folder::Folder;

#[test]
fn commands_are_listed_in_groups() {
    assert_snapshot!(Folder::new().buoy("-h").good(), @r"
    Run containerised programs on the computers of BOINC volunteers

    Usage: buoy [OPTIONS] <COMMAND>

    Set up this computer:
      doctor       Check whether this computer can run jobs
      login        Log in to a BOINC project
      logout       Forget a project and its authenticator
      completions  Print a shell completion script

    Describe and try:
      init         Create a new science app
      check        Check an app and its jobs without running anything
      run          Run the jobs on this computer
      compare      Compare two results with an app's validation rules

    Submit and follow:
      submit       Submit jobs to a BOINC project
      pack         Write the files of a submission to a folder
      status       Show the state of a campaign
      watch        Follow a submitted campaign until all jobs have finished
      list         List the campaigns of this computer
      logs         Print the log of a job
      fetch        Download the outputs of finished jobs and update results.csv
      report       Write an HTML report of a campaign
      retry        Submit failed jobs again
      abort        Abort a submitted campaign, or some of its jobs
      retire       Let the project delete the files of a campaign

    Administer a project:
      admin        Set up and check a BOINC project

    Options:
      -v, --verbose...  Log each request and engine command to stderr; -vv logs more
      -h, --help        Print help (see more with '--help')
      -V, --version     Print version

    Run 'buoy COMMAND --help' for the options and examples of a command.
    ");
}

#[test]
fn help_of_check_names_all_sources_of_jobs() {
    assert_snapshot!(Folder::new().buoy("check -h").good(), @r"
    Check an app and its jobs without running anything

    Usage: buoy check [OPTIONS] <APP> [JOBS]...

    Arguments:
      <APP>      Science app: its directory, its app.toml, or a batch.toml that names it or is next to
                 it
      [JOBS]...  Source of the jobs: a batch.toml, a table (.csv, .tsv, .jsonl), a directory with one
                 directory per job, or input files, one job each [default: the batch.toml next to
                 app.toml, otherwise a single job]

    Options:
          --sweep <KEY=VALUES>   Create a job for each value: seed=1..10, t=0..1 step 0.1,
                                 mode=fast,slow (repeat for all combinations)
      -v, --verbose...           Log each request and engine command to stderr; -vv logs more
          --command <COMMAND>    Command line, overrides app.toml and batch.toml
          --shared <INPUT=FILE>  File of a shared input, overrides app.toml and batch.toml
          --ignore <COLUMN>      Column of the table that is unused on purpose; * for all
          --name <NAME>          Name of the batch [default: from the file that the jobs come from]
          --json                 Print JSON: the plan, or a list of errors
      -h, --help                 Print help (see more with '--help')

    Examples:
      # Check an app with the jobs of its batch.toml
      buoy check my-app
      # Check ten jobs for each row of a table
      buoy check my-app ligands.csv --sweep seed=1..10
    ");
}

#[test]
fn long_help_gives_context() {
    assert_snapshot!(Folder::new().buoy("retry --help").good(), @r#"
    Submit failed jobs again

    Asks the project for the state of all jobs, then submits those that failed, or the named ones, with
    the same inputs and arguments. A retry keeps the limits that the retry before it has set. For a
    campaign on this computer, use `buoy run --retry`.

    Usage: buoy retry [OPTIONS] [CAMPAIGN] [JOB]...

    Arguments:
      [CAMPAIGN] [JOB]...
              Campaign, given by its directory of results [default: results], then job names [default:
              all jobs]

    Options:
          --out <DIR>
              The campaign's directory; all other arguments are then job names

      -v, --verbose...
              Log each request and engine command to stderr; -vv logs more

          --with <KEY=VALUE>
              Override a resource limit for the retried jobs, e.g. memory="4 GB"
              
              Keys are memory, disk, deadline, flops, flops_bound, quorum, total, max_errors,
              max_success and max_total, with values as in app.toml. Repeat the option to override
              several.

          --json
              Print progress as JSON, one object per line

      -h, --help
              Print help (see a summary with '-h')

    Examples:
      # Retry all failed jobs with more memory
      buoy retry --with memory="4 GB"
      # Retry two jobs of a campaign as they were
      buoy retry my-results aspirin caffeine
    "#);
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
