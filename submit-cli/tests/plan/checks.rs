//! What `buoy check` finds out about files that an image starts, about arguments and tables; and what it only warns about.

use insta::assert_snapshot;

use crate::folder::Folder;

#[test]
fn what_does_not_depend_on_a_mistake_is_said_with_it() {
    let folder = Folder::new()
        .replace("app.toml", "version = \"1.0.0\"", "version = 1.0")
        .replace("app.toml", "--seed {seed}", "--seed {sed}")
        .without("dock.sh")
        .without("receptor.pdbqt")
        .with("jobs.csv", "ligand,seed\nc.pdbqt,1\n");
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r#"
    error: app.toml: failed to read dock.sh: No such file or directory (os error 2)
      help: create it, or change files in [image]; paths are relative to the working directory
    error: app.toml:2:11: version is 1.0 (float)
      accepted: a string
      help: write version = "1.0"
    error: app.toml:8:11: unknown column "sed" in the command
      accepted: ligand, seed, index, job
      help: did you mean "seed"?
    error: app.toml:10:1: input "receptor.pdbqt": receptor.pdbqt does not exist
    error: jobs.csv:2: input "ligand.pdbqt": c.pdbqt does not exist
    5 errors; nothing was changed
    "#);
}

#[test]
fn what_follows_from_a_mistake_is_not_said() {
    let folder = Folder::new().with("batch.toml", "[jobs]\ntabel = \"jobs.csv\"\n");
    assert_snapshot!(folder.buoy("check .").refused(), @r#"
    error: batch.toml:2:1: unknown key "tabel" in [jobs]
      accepted: table, dir, glob, name, ignore, inputs
      help: did you mean "table"?
    1 error; nothing was changed
    "#);
    let folder = Folder::new().replace("app.toml", "name = \"ligand.pdbqt\"", "nam = \"ligand.pdbqt\"");
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r#"
    error: app.toml:15:1: name is missing in [input]
      accepted: the file's name in the container
    error: app.toml:16:1: unknown key "nam" in [input]
      accepted: name, shared, file, mode, sticky, gzip
      help: did you mean "name"?
    2 errors; nothing was changed
    "#);
}

/// A folder whose only argument is a seed.
fn with_dockerfile(dockerfile: &str) -> Folder {
    Folder::new().with("Dockerfile", dockerfile)
}

#[test]
fn arguments_that_a_shell_does_not_pass_on() {
    let folder = with_dockerfile("FROM x:1\nCOPY dock.sh /\nENTRYPOINT sh /dock.sh\n");
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r#"
    error: Dockerfile:3: ENTRYPOINT starts a shell, which does not pass the arguments of a job to the program
      accepted: ENTRYPOINT ["program", "word"], or ENTRYPOINT exec program "$0" "$@"
      help: set pass_args = "env" in [run] of app.toml if the program reads $ARGS
    1 error; nothing was changed
    "#);
    let folder = folder.replace("app.toml", "[run]", "[run]\npass_args = \"env\"");
    folder.buoy("check . jobs.csv").good();
    for entrypoint in [
        "ENTRYPOINT exec dock \"$0\" \"$@\"",
        "ENTRYPOINT dock $ARGS",
        "ENTRYPOINT [\"sh\", \"-c\", \"exec dock \\\"$@\\\"\", \"dock\"]",
        "ENTRYPOINT [\"dock\"]",
        "ENTRYPOINT dock\nENTRYPOINT [\"dock\"]",
    ] {
        with_dockerfile(&format!("FROM x:1\n{entrypoint}\n")).buoy("check . jobs.csv").good();
    }
    let inherited = "FROM x:1 AS base\nENTRYPOINT dock\nFROM base\nCMD [\"a\"]\n";
    let stderr = with_dockerfile(inherited).buoy("check . jobs.csv").refused();
    assert!(stderr.starts_with("error: Dockerfile:2: ENTRYPOINT starts a shell"), "{stderr}");
    let inherited = "FROM x:1 AS base\nENTRYPOINT [\"dock\"]\nFROM base\nCMD [\"a\"]\n";
    with_dockerfile(inherited).buoy("check . jobs.csv").good();
    let first = with_dockerfile("FROM x:1\nENTRYPOINT dock \"$@\"\n").buoy("check . jobs.csv").refused();
    assert!(first.contains("whose $0 is the first argument"), "{first}");
    // Without arguments nothing is lost.
    let folder = with_dockerfile("FROM x:1\nENTRYPOINT dock\n");
    let folder = folder.replace("app.toml", "--ligand ligand.pdbqt --seed {seed}", "");
    folder.with("jobs.csv", "ligand\na.pdbqt\n").buoy("check . jobs.csv").good();
}

#[test]
fn programs_that_linux_cannot_start() {
    let dockerfile = "FROM x:1\nCOPY dock.sh /\nENTRYPOINT [\"/dock.sh\"]\n";
    let folder = with_dockerfile(dockerfile).with("dock.sh", "#!/bin/sh\r\necho\r\n");
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r"
    error: dock.sh:1: the line ends in a carriage return, which Linux takes for a part of it; started by line 3 of Dockerfile
      help: save the file with Unix line ends (LF)
    1 error; nothing was changed
    ");
    let folder = folder.with("dock.sh", "#!/bin/sh\necho\n");
    let ran = folder.buoy("check . jobs.csv");
    assert_eq!(ran.code, 0);
    assert_snapshot!(ran.stderr, @r"
    warning: dock.sh: the file is not executable; started by line 3 of Dockerfile
      help: chmod +x dock.sh, or COPY --chmod=755
    ");
    for good in [
        dockerfile.replace("COPY", "COPY --chmod=755"),
        dockerfile.replace("ENTRY", "RUN chmod +x /dock.sh\nENTRY"),
        dockerfile.replace("[\"/", "[\"sh\", \"/"),
    ] {
        Folder::new().with("Dockerfile", &good).buoy("check . jobs.csv").good();
    }
    let ran = folder.with("dock.sh", "echo\n").buoy("check . jobs.csv");
    assert_eq!(ran.code, 0);
    assert!(
        ran.stderr.starts_with("warning: dock.sh:1: neither a Linux program nor a script"),
        "{}",
        ran.stderr
    );
    let script = "FROM x:1\nCOPY . /\nCMD [\"bash\", \"-e\", \"/dock.sh\"]\n";
    let folder = with_dockerfile(script).with("dock.sh", "set -e\r\n");
    let stderr =
        folder.replace("app.toml", "[run]", "[run]\npass_args = \"env\"").buoy("check . jobs.csv").refused();
    assert!(stderr.starts_with("error: dock.sh:1: the line ends in a carriage return"), "{stderr}");
}

#[test]
fn what_may_give_other_results_elsewhere_is_a_warning() {
    let dockerfile =
        "FROM python\nRUN apt-get update && apt-get install -y gcc\nUSER app\nENTRYPOINT [\"dock\"]\n";
    let folder = with_dockerfile(dockerfile).replace("app.toml", "poses.pdbqt", "poses.pdbqt.gz").replace(
        "app.toml",
        "--seed {seed}",
        "--seed {seed} > poses",
    );
    let ran = folder.buoy("check . jobs.csv");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_snapshot!(ran.stderr, @r#"
    warning: Dockerfile:3: USER app has no effect on jobs, which run as a user of the volunteer's: files that only app can read are not readable
      help: give files and directories of the program to all users: chmod -R a+rX
    warning: Dockerfile:1: FROM python:latest: volunteers build from what is the latest image on that day, and results may differ
      help: name a version (debian:bookworm-slim), or pin the image: NAME@sha256:…
    warning: Dockerfile:2: apt-get install takes the version of the day, but poses.pdbqt.gz has to be the same on all computers, byte by byte
      help: name versions (PACKAGE=VERSION), ship the image as a tarball, or compare numbers with a tolerance
    warning: app.toml:18:1: poses.pdbqt.gz is compared byte by byte, but most programs that compress write the time or depend on their version
      help: write the output uncompressed, or without time (gzip -n), or set rule = "ignore" for it
    warning: app.toml:8:11: ">" in the command reaches the program as an argument: no shell reads the command
      help: let the program write the file, or start a script that does
    "#);
    let single = folder
        .replace("app.toml", "[[output]]", "[replication]\nquorum = 1\n[[output]]")
        .replace("app.toml", " > poses", "")
        .replace("Dockerfile", "USER app\n", "");
    single.buoy("check . jobs.csv").good();
}

#[test]
fn names_that_were_changed_are_counted_once() {
    let folder = Folder::new()
        .replace("app.toml", " --seed {seed}", "")
        .with("x (1).pdbqt", "1")
        .with("x [2].pdbqt", "2");
    let ran = folder.run(&["check", ".", "x (1).pdbqt", "x [2].pdbqt", "a.pdbqt"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_snapshot!(ran.stderr, @r#"
    warning: x (1).pdbqt: the names of 2 jobs were changed, first "x (1)" to "x--1"
      help: names of jobs have letters, digits, _ - and .; results.csv has what they were made of
    "#);
    folder.buoy("check . a.pdbqt b.pdbqt").good();
}

#[test]
fn rows_of_a_spreadsheet_that_are_no_jobs() {
    let check = |table: &str| Folder::new().with("jobs.csv", table).buoy("check . jobs.csv");
    let stdout = check("sep=;\r\nligand;seed\r\na.pdbqt;1,5\r\n;\r\n;\r\n").good();
    assert!(stdout.contains("jobs: 1 job,") && stdout.contains("--seed 1,5"), "{stdout}");
    let ran = check("ligand,seed\na.pdbqt,1\nb.pdbqt,\n");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_snapshot!(ran.stderr, @r#"
    warning: jobs.csv:3: an empty value: 1 job gets an empty argument, first "b"
      help: fill the cell, or remove the row
    "#);
    assert_snapshot!(check("# from the lab\nligand,seed\na.pdbqt,1\n").refused(), @r##"
    error: jobs.csv:1: the first line is a comment: "# from the lab"
      accepted: the columns' names
      help: remove the line: a table has no comments
    1 error; nothing was changed
    "##);
}
