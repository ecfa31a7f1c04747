//! Every mistake says where it is, what was found, what is accepted and what to do; all of them at once.

use insta::assert_snapshot;

use crate::folder::Folder;

#[test]
fn all_mistakes_of_all_files_at_once() {
    let folder = Folder::new()
        .replace("app.toml", "[image]", "[image]\nworkdri = \"/x\"")
        .replace("app.toml", "\"1 MB\"", "\"1 MBB\"")
        .replace("app.toml", "version = \"1.0.0\"", "version = 1.0")
        .with("jobs.csv", "ligand,seed\na.pdbqt,1,2\nb.pdbqt\n");
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r#"
    error: app.toml:2:11: version is 1.0 (float)
      accepted: a string
      help: write version = "1.0"
    error: app.toml:5:1: unknown key "workdri" in [image]
      accepted: dockerfile, tarball, digest, name, files, build_args, target, workdir
      help: did you mean "workdir"?
    error: app.toml:21:12: max_size is "1 MBB"
      accepted: a number and a unit, B kB MB GB TB (powers of 1000) or KiB MiB GiB TiB (of 1024), as in "2 GB"
    error: jobs.csv:2: 3 value(s) separated by ',', but the first line names 2 columns
      help: put double quotes around a value that contains the separator
    error: jobs.csv:3: 1 value(s) separated by ',', but the first line names 2 columns
      help: add a value for "seed"
    5 errors; nothing was changed
    "#);
}

#[test]
fn the_app_is_not_there() {
    assert_snapshot!(Folder::new().buoy("check nowhere").refused(), @r"
    error: nowhere: failed to read it: No such file or directory (os error 2)
      help: create a science app to start from: buoy init NAME
    1 error; nothing was changed
    ");
}

#[test]
fn a_table_or_a_file_that_is_not_there_in_the_wrong_place() {
    assert_snapshot!(Folder::new().buoy("check jobs.csv").refused(), @r"
    error: jobs.csv: not a science app
      accepted: its directory, its app.toml, or a batch.toml
      help: name the app before a table or an input file: buoy check APP FILE
    1 error; nothing was changed
    ");
    let folder = Folder::new().replace("app.toml", " --seed {seed}", "");
    assert_snapshot!(folder.buoy("check . a.pdbqt x*.pdbqt").refused(), @r"
    error: x*.pdbqt: no such file
      accepted: a batch.toml, a table (.csv, .tsv, .jsonl), a directory with a directory per job, or input files
    1 error; nothing was changed
    ");
}

#[test]
fn the_dockerfile_is_missing() {
    assert_snapshot!(Folder::new().without("Dockerfile").buoy("check . jobs.csv").refused(), @r"
    error: app.toml: failed to read Dockerfile: No such file or directory (os error 2)
      help: create it, or change dockerfile in [image]; paths are relative to the working directory
    1 error; nothing was changed
    ");
}

#[test]
fn copy_of_a_file_that_does_not_travel() {
    let dockerfile = "FROM x\nRUN a && \\\n  b\nCOPY dock.sh lib/prm.dat /x/\nADD [\"ligand.pdbqt\", \"./\"]\nCOPY --from=9 /a /b\n\
                      COPY . /x\nCOPY --chown=1 *.sh /x/\nADD https://host/file /x/\nRUN <<END\nCOPY gone\nEND\nRUN --mount=type=cache,target=/c x\nRUN echo '<<' $((1<<2))\nCOPY --chmod=755 dock.sh /\ncopy doc.sh /x\n";
    let folder = Folder::new().with("Dockerfile", dockerfile);
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r#"
    error: Dockerfile:4:14: COPY takes "lib/prm.dat", but files of the image are sent without directories
      accepted: dock.sh
      help: add it to files in [image] of app.toml
    error: Dockerfile:5:5: ADD takes "ligand.pdbqt", an input: inputs exist when a job runs, not when the image is built
      accepted: dock.sh
    error: Dockerfile:6:13: --from=9 is not an earlier stage
      accepted: a stage above this one
    error: Dockerfile:9:5: ADD from the address "https://host/file"
      help: fetch it in a RUN, with a checksum, where the project allows builds to use the network; or put the file among the files of the image
    error: Dockerfile:13:5: RUN --mount is not supported
      help: COPY what the step needs; there is no cache between builds, and no secret
    error: Dockerfile:16:6: COPY takes "doc.sh", which is not among the files of the image
      accepted: dock.sh
      help: add it to files in [image] of app.toml
    6 errors; nothing was changed
    "#);
}

#[test]
fn a_target_and_build_arguments_that_the_dockerfile_does_not_have() {
    let image = |more: &str| {
        Folder::new().replace("app.toml", "files = [\"dock.sh\"]", &format!("files = [\"dock.sh\"]\n{more}"))
    };
    let dockerfile = "FROM debian:12 AS app\nCOPY dock.sh /\nFROM app AS test\nCOPY missing /\n";
    let folder = image("target = \"APP\"").with("Dockerfile", dockerfile);
    folder.buoy("check . jobs.csv").good();
    let folder = image("target = \"no\"\nbuild_args = { V = \"1\" }").with("Dockerfile", dockerfile);
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r#"
    error: Dockerfile:3:1: the target "no" is not a stage
      accepted: app, test
    error: app.toml: the build argument "V" is not declared in Dockerfile
      help: add ARG V, or remove it from build_args
    2 errors; nothing was changed
    "#);
    let folder = image("target = \"--no\"").with("Dockerfile", dockerfile);
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r#"
    error: app.toml:6:10: target is "--no"
      accepted: the name of a stage: a letter, then letters, digits, "_", "." and "-"
    1 error; nothing was changed
    "#);
}

#[test]
fn instructions_without_effect_are_warnings() {
    let folder = Folder::new().with("Dockerfile", "FROM debian:12\nVOLUME /x\nEXPOSE 80\n");
    let ran = folder.buoy("check . jobs.csv");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_snapshot!(ran.stderr, @"warning: Dockerfile:2:1: VOLUME has no effect: what is there stays part of the image");
}

#[test]
fn pipes_and_devices_in_the_place_of_files() {
    let folder = Folder::new();
    for name in ["dock.sh", "jobs.csv", "a.pdbqt"] {
        std::fs::remove_file(folder.path(name)).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(folder.path(name)).status().unwrap().success());
    }
    let folder = folder.with("t.csv", "ligand,seed\na.pdbqt,1\n");
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r"
    error: jobs.csv: the table is not a regular file
    error: app.toml: failed to read dock.sh: not a regular file
      help: create it, or change files in [image]; paths are relative to the working directory
    2 errors; nothing was changed
    ");
    assert_snapshot!(folder.buoy("check . t.csv").refused(), @r#"
    error: t.csv:2: input "ligand.pdbqt": a.pdbqt is not a regular file
    error: app.toml: failed to read dock.sh: not a regular file
      help: create it, or change files in [image]; paths are relative to the working directory
    2 errors; nothing was changed
    "#);
    let stderr = folder.buoy("check /dev/zero").refused();
    assert!(stderr.starts_with("error: /dev/zero: not a science app\n"), "{stderr}");
}

#[test]
fn inputs_that_are_missing() {
    let folder =
        Folder::new().without("receptor.pdbqt").with("jobs.csv", "ligand,seed\na.pdbqt,1\nc.pdbqt,2\n,3\n");
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r#"
    error: app.toml:10:1: input "receptor.pdbqt": receptor.pdbqt does not exist
    error: jobs.csv:3: input "ligand.pdbqt": c.pdbqt does not exist
    error: jobs.csv:4: input "ligand.pdbqt": an empty path does not exist
    3 errors; nothing was changed
    "#);
}

#[test]
fn names_that_leave_the_slot_or_break_boinc() {
    for name in
        ["../x", "a/b", "/etc/passwd", "a\\nb", "a\\\"b", "a'b", "a\\\\b", "a<b", "é", "init_data.xml", ""]
    {
        let folder =
            Folder::new().replace("app.toml", "name = \"ligand.pdbqt\"", &format!("name = \"{name}\""));
        let stderr = folder.buoy("check . jobs.csv").refused();
        assert!(stderr.starts_with("error: app.toml:16:8: invalid name of an input: \""), "{name}: {stderr}");
    }
    let folder = Folder::new().replace("app.toml", "name = \"ligand.pdbqt\"", "name = \"../x\"");
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r#"
    error: app.toml:16:8: invalid name of an input: "../x" leads to another directory
      accepted: letters a-z A-Z, digits, _ - . and space, not at the start: - . or space
    1 error; nothing was changed
    "#);
}

#[test]
fn a_name_of_an_output_that_is_too_long_to_collect() {
    let rename = |name: &str| {
        Folder::new().replace("app.toml", "name = \"poses.pdbqt\"", &format!("name = \"{name}\""))
    };
    rename(&"o".repeat(61)).buoy("check . jobs.csv").good();
    let stderr = rename(&"o".repeat(62)).buoy("check . jobs.csv").refused();
    assert!(stderr.contains("has 62 bytes\n  accepted: at most 61 bytes\n"), "{stderr}");
}

#[test]
fn a_list_of_many_names_is_cut() {
    let ligands: String = (0..30).map(|n| format!("c{n},")).collect();
    let values = vec!["1"; 31].join(",");
    let table = format!("{ligands}sed\n{values}\n");
    let stderr = Folder::new().with("jobs.csv", &table).buoy("check . jobs.csv").refused();
    let line =
        stderr.lines().find(|line| line.contains("accepted: sed, ")).unwrap_or_else(|| panic!("{stderr}"));
    assert!(line.ends_with(" more"), "{line}");
}

#[test]
fn names_of_jobs_that_break_boinc() {
    let names = ["it's", "\"say \"\"hi\"\"\"", "a\\b", "a<b", "../x", "a b", "\"a\u{1}b\"", ";x", "", "-x"];
    let table: String = names.iter().map(|name| format!("{name},a.pdbqt,1\n")).collect();
    let folder = Folder::new().with("jobs.csv", &format!("job,ligand,seed\n{table}"));
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r#"
    error: jobs.csv:2: the job name "it's" contains '\'': letters, digits, "_", "-" and "." are accepted, first a letter or digit
    error: jobs.csv:3: the job name "say \"hi\"" contains ' ': letters, digits, "_", "-" and "." are accepted, first a letter or digit
    error: jobs.csv:4: the job name "a\\b" contains '\\': letters, digits, "_", "-" and "." are accepted, first a letter or digit
    error: jobs.csv:5: the job name "a<b" contains '<': letters, digits, "_", "-" and "." are accepted, first a letter or digit
    error: jobs.csv:6: the job name "../x" contains '/': letters, digits, "_", "-" and "." are accepted, first a letter or digit
    error: jobs.csv:7: the job name "a b" contains ' ': letters, digits, "_", "-" and "." are accepted, first a letter or digit
    error: jobs.csv:8: column "job" has the control character U+0001 in its value
    error: jobs.csv:9: the job name ";x" contains ';': letters, digits, "_", "-" and "." are accepted, first a letter or digit
    error: jobs.csv:10: the job name is empty
    error: jobs.csv:11: the job name "-x" contains '-': letters, digits, "_", "-" and "." are accepted, first a letter or digit
    10 errors; nothing was changed
    "#);
    let folder = folder.with("jobs.csv", "job,ligand,seed\n\"a\nb\",a.pdbqt,1\n");
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r#"
    error: jobs.csv:2: column "job" has a line break in its value
    1 error; nothing was changed
    "#);
}

#[test]
fn a_line_break_in_a_table() {
    let folder = Folder::new().with("jobs.csv", "ligand,seed\na.pdbqt,\"1\n2\"\nb.pdbqt,3\n");
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r#"
    error: jobs.csv:2: column "seed" has a line break in its value
    1 error; nothing was changed
    "#);
}

#[test]
fn two_jobs_of_one_name() {
    let folder = Folder::new().with("jobs.csv", "job,ligand,seed\nx,a.pdbqt,1\ny,b.pdbqt,2\nX,a.pdbqt,3\n");
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r#"
    error: jobs.csv:4: a second job is named "X", the first one is jobs.csv:2
      help: set names that differ in more than case, with name = "…" in [jobs] or a column job
    1 error; nothing was changed
    "#);
}

#[test]
fn ragged_rows() {
    let folder = Folder::new().with("jobs.csv", "ligand,seed\na.pdbqt,1\nb.pdbqt\na.pdbqt,3,4\n");
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r#"
    error: jobs.csv:3: 1 value(s) separated by ',', but the first line names 2 columns
      help: add a value for "seed"
    error: jobs.csv:4: 3 value(s) separated by ',', but the first line names 2 columns
      help: put double quotes around a value that contains the separator
    2 errors; nothing was changed
    "#);
}

#[test]
fn a_json_table_with_other_keys_and_values() {
    let table = "{\"ligand\": \"a.pdbqt\", \"seed\": 1}\n{\"ligand\": \"a.pdbqt\"}\n[1]\n{\"ligand\": null, \"seed\": [1]}\n";
    let folder = Folder::new().with("t.jsonl", table);
    assert_snapshot!(folder.buoy("check . t.jsonl").refused(), @r#"
    error: t.jsonl:2: the keys are ligand, but the first line has ligand, seed
    error: t.jsonl:3: invalid JSON object: invalid type: sequence, expected a map at line 1 column 0
    error: t.jsonl:4: column "ligand" is null
      accepted: a string, a number, true or false
    3 errors; nothing was changed
    "#);
}

#[test]
fn a_column_that_nothing_uses_and_a_placeholder_without_a_column() {
    let folder = Folder::new().with("jobs.csv", "ligand,sed\na.pdbqt,1\n");
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r#"
    error: app.toml:8:11: unknown column "seed" in the command
      accepted: ligand, sed, index, job
      help: did you mean "sed"?
    error: jobs.csv:1: column "sed" is not used
      help: use {sed} in the command or a name, or set ignore = ["sed"] in [jobs] or --ignore sed
    2 errors; nothing was changed
    "#);
}

#[test]
fn columns_without_a_name_or_with_the_same() {
    let folder = Folder::new().with("jobs.csv", "ligand,seed,,seed,a:b\na.pdbqt,1,2,3,4\n");
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r#"
    error: jobs.csv:1: column 3 has no name
      help: name each column in the first line
    error: jobs.csv:1: two columns are named "seed"
    error: jobs.csv:1: column "a:b" has : { or } in its name
      help: rename it: a placeholder cannot contain these characters
    3 errors; nothing was changed
    "#);
}

#[test]
fn an_input_that_no_column_feeds() {
    let folder = Folder::new().with("jobs.csv", "lig,seed\na.pdbqt,1\n");
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r#"
    error: app.toml:15:1: no file for the per-job input "ligand.pdbqt"
      help: add a column "ligand" or "ligand.pdbqt" with a path in each row, or [jobs.inputs] "ligand.pdbqt" = "…" to batch.toml
    error: jobs.csv:1: column "lig" is not used
      help: use {lig} in the command or a name, or set ignore = ["lig"] in [jobs] or --ignore lig
    2 errors; nothing was changed
    "#);
    assert_snapshot!(folder.buoy("check . --sweep seed=1..2").refused(), @r#"
    error: app.toml:15:1: no file for the per-job input "ligand.pdbqt"
      help: name the jobs' files: buoy check app.toml FILE…
    1 error; nothing was changed
    "#);
}

#[test]
fn a_table_that_is_empty_or_no_text() {
    for (text, found) in [("", "the table is empty"), ("ligand,seed\n", "the table has no rows")] {
        let stderr = Folder::new().with("jobs.csv", text).buoy("check . jobs.csv").refused();
        assert!(stderr.starts_with(&format!("error: jobs.csv: {found}\n")), "{stderr}");
    }
    let folder = Folder::new();
    std::fs::write(folder.path("jobs.csv"), b"ligand,seed\na.pdbqt,\xE9\n").unwrap();
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r#"
    error: jobs.csv:2: column "seed" is not UTF-8 text
      help: save the table in UTF-8
    1 error; nothing was changed
    "#);
}

#[test]
fn a_sweep_that_leads_nowhere() {
    let folder = Folder::new().with(
        "batch.toml",
        "[jobs]\nglob = [\"a.pdbqt\", \"*.nothing\"]\n[sweep]\nseed = \"5..1\"\nt = []\nu = { a = 1 }\nv = [1, [2]]\n",
    );
    assert_snapshot!(folder.buoy("check .").refused(), @r#"
    error: batch.toml:2:20: "*.nothing" does not match a file in the working directory
    error: batch.toml:3:1: sweep "t" is not used: its jobs would all be the same
      help: use {t} in the command
    error: batch.toml:3:1: sweep "v" is not used: its jobs would all be the same
      help: use {v} in the command
    error: batch.toml:4:8: sweep "seed" has a step that leads away from the end
      accepted: a range "1..10", "0..1 step 0.1" (both ends are in it), or a list
    error: batch.toml:5:5: sweep "t" has no values
      accepted: a range "1..10", "0..1 step 0.1" (both ends are in it), or a list
    error: batch.toml:6:5: u is { a = 1 } (table)
      accepted: a range "1..10", "0..1 step 0.1" (both ends are in it), or a list
    error: batch.toml:7:5: sweep "v" has the value [2] (array)
      accepted: a range "1..10", "0..1 step 0.1" (both ends are in it), or a list
    7 errors; nothing was changed
    "#);
    assert_snapshot!(Folder::new().buoy("check . a.pdbqt --sweep seed=1..3 --sweep unused=1,2 --sweep broken").refused(), @r#"
    error: command line: --sweep "broken" has no =
      accepted: KEY= and a range "1..10", "0..1 step 0.1" (both ends are in it), or a list
    error: command line: sweep "unused" is not used: its jobs would all be the same
      help: use {unused} in the command
    2 errors; nothing was changed
    "#);
}

#[test]
fn a_batch_file_with_mistakes() {
    let folder = Folder::new().with(
        "batch.toml",
        "name = \"a b\"\nap = \"x\"\ncommand = 5\n[jobs]\ntable = \"jobs.csv\"\ndir = \"x\"\nname = \"{seed\"\n\
         [jobs.inputs]\n\"lignd.pdbqt\" = \"{ligand}\"\n[shared]\n\"recptor\" = \"x\"\n",
    );
    assert_snapshot!(folder.buoy("check .").refused(), @r#"
    error: batch.toml:1:8: the batch name "a b" contains ' ': letters, digits, "_", "-" and "." are accepted, first a letter or digit
      help: set it with name = "…" or --name
    error: batch.toml:2:1: unknown key "ap"
      accepted: name, app, command, jobs, shared, sweep
      help: did you mean "app"?
    error: batch.toml:3:11: command is 5 (integer)
      accepted: a string, or a list of words
    error: batch.toml:4:1: [jobs] names more than one source of jobs
      accepted: one of table, dir, glob
    error: batch.toml:7:8: "{" without a closing "}" in "{seed"; write "{{" for a literal brace
    error: batch.toml:9:1: the app does not declare a per-job input "lignd.pdbqt"
      accepted: ligand.pdbqt
      help: did you mean "ligand.pdbqt"?
    error: batch.toml:11:1: the app does not declare a shared input "recptor"
      accepted: receptor.pdbqt
    7 errors; nothing was changed
    "#);
}

#[test]
fn a_directory_with_files_that_the_app_does_not_know() {
    let folder = Folder::new()
        .replace("app.toml", " --seed {seed}", "")
        .with("jobs/one/ligand.pdbqt", "1")
        .with("jobs/one/ligandd.pdbqt", "1")
        .with("jobs/two/cmdline", "'open")
        .with("jobs/three/cmdline", "x")
        .with("jobs/notes.txt", "")
        .with("jobs/shared_input_files/receptr.pdbqt", "r");
    assert_snapshot!(folder.buoy("check . jobs").refused(), @r#"
    error: jobs/notes.txt: a file among the jobs' directories
      accepted: a directory for each job, and shared_input_files/
    error: jobs/one/ligandd.pdbqt: the app does not declare a per-job input "ligandd.pdbqt"
      accepted: ligand.pdbqt
      help: did you mean "ligand.pdbqt"?
    error: jobs/shared_input_files/receptr.pdbqt: the app does not declare a shared input "receptr.pdbqt"
      accepted: receptor.pdbqt
      help: did you mean "receptor.pdbqt"?
    error: jobs/two/cmdline: invalid command: unclosed '
    error: jobs/three: input "ligand.pdbqt": jobs/three/ligand.pdbqt does not exist
    5 errors; nothing was changed
    "#);
}

#[test]
fn values_of_app_toml_that_are_not_accepted() {
    let app = r#"
name = "Dock It"
[image]
tarball = "image.tar"
digest = "sha256:12"
files = ["../x/.hidden"]
build_args = { "1A" = "x" }
workdir = "app"
[run]
command = "--open 'quote"
[[input]]
name = "x"
mode = "move"
file = "x"
[[input]]
name = "X"
gzip = 1
[[output]]
max_size = 5
[resources]
flops = -1
memory = "lots"
deadline = "soon"
gpu = "nvida"
cpus = "two"
[replication]
quorum = 3
total = 2
max_errors = 0
[validate]
rule = "numbers"
absolut = 1
"#;
    assert_snapshot!(Folder::new().with("app.toml", app).buoy("check .").refused(), @r#"
    error: app.toml:2:8: the science app name "Dock It" contains 'D': lower-case letters, digits and "-" are accepted, first a letter or digit
    error: app.toml:3:1: files is for an image that is built from a Dockerfile
      help: remove files, or use dockerfile
    error: app.toml:3:1: build_args is for an image that is built from a Dockerfile
      help: remove build_args, or use dockerfile
    error: app.toml:5:10: digest is "sha256:12"
      accepted: "sha256:" and 64 hex digits
    error: app.toml:8:11: workdir is "app"
      accepted: an absolute path other than /, without .. : , and quotes
    error: app.toml:10:11: invalid command: unclosed '
    error: app.toml:13:8: mode is "move"
      accepted: "link", "copy"
    error: app.toml:14:8: file is for a shared input, but this input differs from job to job
      help: add shared = true, or remove file and name the job's file in the batch
    error: app.toml:17:8: gzip is 1 (integer)
      accepted: true or false
    error: app.toml:18:1: name is missing in [output]
      accepted: the file's name in the container
    error: app.toml:19:12: max_size is 5
      accepted: a number and a unit, B kB MB GB TB (powers of 1000) or KiB MiB GiB TiB (of 1024), as in "2 GB"
      help: write max_size = "5 B"
    error: app.toml:21:9: flops is -1 (integer)
      accepted: a number greater than 0
    error: app.toml:22:10: memory is "lots"
      accepted: a number and a unit, B kB MB GB TB (powers of 1000) or KiB MiB GiB TiB (of 1024), as in "2 GB"
    error: app.toml:23:12: deadline is "soon"
      accepted: numbers with units, s min h days or weeks, as in "3 days" or "1h 30m"
    error: app.toml:24:7: gpu is "nvida"
      accepted: "nvidia", "amd", "intel"
      help: did you mean "nvidia"?
    error: app.toml:25:8: cpus is "two" (string)
      accepted: a number greater than 0
    error: app.toml:26:1: quorum is 3, but total is 2
      accepted: quorum at most total
    error: app.toml:29:14: max_errors is 0 (integer)
      accepted: a whole number, 1 or more
    error: app.toml:32:1: unknown key "absolut"
      accepted: rule, absolute, relative, ulps, decimal, ignore_lines, separator, header, keys, at, check, output
      help: did you mean "absolute"?
    19 errors; nothing was changed
    "#);
}

#[test]
fn a_file_that_is_no_toml() {
    let folder = Folder::new().with("app.toml", "name = \"dock\nversion = 1\n");
    let stderr = folder.buoy("check .").refused();
    assert!(stderr.starts_with("error: app.toml:1:13: not valid TOML: "), "{stderr}");
}

#[test]
fn a_rule_for_an_output_that_is_not_declared() {
    let rule = "max_size = \"1 MB\"\n[validate]\nrule = \"bytes\"\n[[validate.output]]\nname = \"pose.pdbqt\"\nrule = \"text\"\n";
    let folder = Folder::new().replace("app.toml", "max_size = \"1 MB\"\n", rule);
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r#"
    error: app.toml:24:1: validate.output "pose.pdbqt".name: unknown output "pose.pdbqt"; outputs: poses.pdbqt
    1 error; nothing was changed
    "#);
}

#[test]
fn mistakes_as_json() {
    let folder = Folder::new().with("jobs.csv", "ligand,seed\na.pdbqt\n");
    let ran = folder.buoy("check . jobs.csv --json");
    assert_eq!((ran.code, ran.stderr.as_str()), (2, ""));
    assert_snapshot!(ran.stdout, @r#"{"mistakes":[{"accepted":null,"column":null,"file":"jobs.csv","found":"1 value(s) separated by ',', but the first line names 2 columns","help":"add a value for \"seed\"","line":2}]}"#);
}

#[test]
fn of_ten_thousand_mistakes_fifty_are_shown() {
    let rows: String = (0..10_000).map(|n| format!("missing{n}.pdbqt,1\n")).collect();
    let stderr =
        Folder::new().with("jobs.csv", &format!("ligand,seed\n{rows}")).buoy("check . jobs.csv").refused();
    assert_eq!(stderr.lines().count(), 52);
    assert!(stderr.ends_with("… and 9950 more\n10000 errors; nothing was changed\n"), "{stderr}");
}

#[test]
fn arguments_that_would_replace_the_program() {
    let folder = Folder::new()
        .with("Dockerfile", "FROM x AS build\nENTRYPOINT [\"make\"]\nFROM y:1\nCMD [\"dock.sh\"]\n");
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r#"
    error: Dockerfile:4: CMD without ENTRYPOINT: the arguments of a job would replace CMD
      accepted: ENTRYPOINT ["program"], after which a job's arguments follow
      help: write ENTRYPOINT instead of CMD, or set pass_args in [run] of app.toml: "env" if the program reads $ARGS, "argv" if the base image has an ENTRYPOINT
    1 error; nothing was changed
    "#);
    let folder = folder.replace("app.toml", "[run]", "[run]\npass_args = \"env\"");
    folder.buoy("check . jobs.csv").good();
    let folder = folder.replace("app.toml", "\"env\"", "\"environment\"");
    assert_snapshot!(folder.buoy("check . jobs.csv").refused(), @r#"
    error: app.toml:8:13: pass_args is "environment"
      accepted: "env", "argv", "both"
    1 error; nothing was changed
    "#);
}
