//! Where jobs come from, and what they are called.

use insta::assert_snapshot;

use submit_cli::plan::load;
use submit_cli::plan::sources::Sources;

use crate::folder::Folder;

/// `NAME: ARGS` of each job, by the plan's JSON.
fn jobs(folder: &Folder, args: &[&str]) -> Vec<String> {
    let args: Vec<&str> = ["check", "--json"].iter().chain(args).copied().collect();
    let plan: serde_json::Value = serde_json::from_str(&folder.run(&args).good()).unwrap();
    let job = |job: &serde_json::Value| {
        let words: Vec<&str> =
            job["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
        format!("{}: {}", job["name"].as_str().unwrap(), words.join(" "))
    };
    plan["jobs"].as_array().unwrap().iter().map(job).collect()
}

fn seeds(folder: &Folder, args: &[&str]) -> Vec<String> {
    jobs(folder, args).iter().map(|job| job.replace(": --ligand ligand.pdbqt --seed ", " ")).collect()
}

#[test]
fn a_row_of_a_table_is_a_job_named_after_its_file() {
    assert_eq!(seeds(&Folder::new(), &[".", "jobs.csv"]), ["a 1", "b 2"]);
}

#[test]
fn tables_come_in_three_forms() {
    let tsv = "ligand\tseed\na.pdbqt\t1\nb.pdbqt\t2\n";
    let jsonl = "{\"ligand\": \"a.pdbqt\", \"seed\": 1}\n\n{\"seed\": 2, \"ligand\": \"b.pdbqt\"}\n";
    let semicolons = "\u{FEFF}ligand;seed\r\na.pdbqt;1\r\n\"b.pdbqt\";2\r\n";
    for (file, text) in [("t.tsv", tsv), ("t.jsonl", jsonl), ("t.csv", semicolons)] {
        assert_eq!(seeds(&Folder::new().with(file, text), &[".", file]), ["a 1", "b 2"], "{file}");
    }
}

#[test]
fn numbers_of_a_json_table_stay_as_they_are_written() {
    let folder = Folder::new().with("t.jsonl", "{\"ligand\": \"a.pdbqt\", \"seed\": 1.50e3}\n");
    assert_eq!(seeds(&folder, &[".", "t.jsonl"]), ["a 1.50e3"]);
}

#[test]
fn a_column_job_names_the_jobs() {
    let folder = Folder::new().with("jobs.csv", "job,ligand,seed\nx,a.pdbqt,1\ny,a.pdbqt,2\n");
    assert_eq!(seeds(&folder, &[".", "jobs.csv"]), ["x 1", "y 2"]);
}

#[test]
fn paths_in_a_table_start_at_the_table() {
    let folder =
        Folder::new().with("sub/a.pdbqt", "a").with("sub/jobs.csv", "ligand,seed\na.pdbqt,1\n../b.pdbqt,2\n");
    assert_eq!(seeds(&folder, &[".", "sub/jobs.csv"]), ["a 1", "b 2"]);
}

#[test]
fn files_are_jobs_and_a_sweep_multiplies_them() {
    assert_eq!(
        seeds(&Folder::new(), &[".", "a.pdbqt", "b.pdbqt", "--sweep", "seed=1..2"]),
        ["a_seed-1 1", "a_seed-2 2", "b_seed-1 1", "b_seed-2 2"]
    );
}

#[test]
fn a_batch_file_with_a_pattern_names_and_sweeps() {
    let folder = Folder::new().with(
        "night/batch.toml",
        "app = \"..\"\n[jobs]\nglob = \"../*.pdbqt\"\nname = \"{file:stem}-{seed}\"\n[sweep]\nseed = [7, \"8\", 0.50]\n",
    );
    let expected = ["a-7 7", "a-8 8", "a-0.50 0.50", "b-7 7", "b-8 8", "b-0.50 0.50"];
    let found = seeds(&folder, &["night/batch.toml"]);
    assert_eq!(found[..6], expected);
    assert_eq!(found.len(), 9, "the receptor matches too");
    assert_eq!(seeds(&folder, &[".", "night/batch.toml"]), found);
}

#[test]
fn a_batch_file_beside_the_app_is_the_default() {
    let folder = Folder::new().with("batch.toml", "[jobs]\ntable = \"jobs.csv\"\n");
    assert_eq!(seeds(&folder, &["."]), ["a 1", "b 2"]);
    assert_eq!(seeds(&folder, &["app.toml"]), ["a 1", "b 2"]);
}

#[test]
fn a_batch_file_in_the_apps_place_finds_the_app_beside_it() {
    let folder = Folder::new().with("app/batch.toml", "[jobs]\ntable = \"../jobs.csv\"\n");
    assert_snapshot!(folder.buoy("check app/batch.toml").refused(), @r#"
    error: app/batch.toml: the batch does not name its app, and there is no app.toml next to it
      help: add app = "DIRECTORY"
    1 error; nothing was changed
    "#);
    let folder = folder.with("batch.toml", "[jobs]\ntable = \"jobs.csv\"\n");
    assert_eq!(jobs(&folder, &["batch.toml"]).len(), 2);
}

#[test]
fn a_directory_for_each_job_as_buda_takes_them() {
    let folder = Folder::new()
        .replace("app.toml", " --seed {seed}", "")
        .replace("app.toml", "file = \"receptor.pdbqt\"\n", "")
        .with("jobs/one/ligand.pdbqt", "1")
        .with("jobs/one/cmdline", "--seed 1 --note 'two words'\n")
        .with("jobs/two/ligand.pdbqt", "2")
        .with("jobs/.hidden/x", "")
        .with("jobs/shared_input_files/receptor.pdbqt", "r");
    assert_eq!(
        jobs(&folder, &[".", "jobs"]),
        ["one: --ligand ligand.pdbqt --seed 1 --note two words", "two: --ligand ligand.pdbqt"]
    );
}

#[test]
fn without_jobs_there_is_one() {
    let folder = Folder::new().replace("app.toml", "{seed}", "{index}").replace(
        "app.toml",
        "[[input]]\nname = \"ligand.pdbqt\"\n",
        "",
    );
    assert_eq!(jobs(&folder, &["."]), ["job: --ligand ligand.pdbqt --seed 1"]);
}

#[test]
fn braces_and_forms_of_a_placeholder() {
    let folder = Folder::new().with("x/y.z.pdbqt", "");
    let command = "{{{seed}}} {ligand} {ligand:name} {ligand:stem} {ligand:dir} {job} {index}";
    let folder = folder.with("jobs.csv", "ligand,seed\nx/y.z.pdbqt,1\n");
    assert_eq!(
        jobs(&folder, &[".", "jobs.csv", "--command", command]),
        ["y.z: {1} x/y.z.pdbqt y.z.pdbqt y.z x y.z 1"]
    );
}

#[test]
fn the_command_line_wins_over_the_batch_file() {
    let folder = Folder::new()
        .with(
            "batch.toml",
            "name = \"first\"\ncommand = \"{seed}\"\n[jobs]\ntable = \"jobs.csv\"\n[sweep]\nt = \"1..3\"\n",
        )
        .with("other.pdbqt", "");
    let args = [
        ".",
        "--command",
        "{seed}/{t}",
        "--sweep",
        "t=5",
        "--name",
        "second",
        "--shared",
        "receptor.pdbqt=other.pdbqt",
    ];
    assert_eq!(jobs(&folder, &args), ["a_t-5: 1/5", "b_t-5: 2/5"]);
    let stdout = folder.run(&["check"].iter().chain(&args).copied().collect::<Vec<_>>()).good();
    assert!(stdout.contains("batch    second: 2 jobs"), "{stdout}");
}

#[test]
fn a_command_may_begin_with_a_hyphen() {
    let args = [".", "jobs.csv", "--command", "--seed {seed}"];
    assert_eq!(jobs(&Folder::new(), &args), ["a: --seed 1", "b: --seed 2"]);
}

#[test]
fn columns_that_are_meant_to_be_unused_can_be_ignored() {
    let folder = Folder::new().with("jobs.csv", "ligand,seed,note\na.pdbqt,1,hm\n");
    assert_eq!(seeds(&folder, &[".", "jobs.csv", "--ignore", "note"]), ["a 1"]);
    let folder = folder.with("batch.toml", "[jobs]\ntable = \"jobs.csv\"\nignore = [\"*\"]\n");
    assert_eq!(seeds(&folder, &["."]), ["a 1"]);
}

#[test]
fn the_paths_that_a_batch_makes_are_parameters() {
    let batch = "[jobs]\ntable = \"jobs.csv\"\n[jobs.inputs]\n\"ligand.pdbqt\" = \"{lig}.pdbqt\"\n[sweep]\nseed = [1]\n";
    let folder = Folder::new().with("jobs.csv", "job,lig\nx,a\ny,b\n").with("batch.toml", batch);
    let plan = load::load(&Sources { app: folder.path("."), ..Sources::default() }).unwrap();
    assert_eq!(plan.parameters, ["lig", "seed", "ligand.pdbqt"]);
    assert_eq!(plan.jobs[1].parameters, ["b", "1", "b.pdbqt"]);
    let batch = batch.replace("{lig}.pdbqt", "{ligand.pdbqt}");
    let folder = folder.with("jobs.csv", "ligand.pdbqt\na.pdbqt\n").with("batch.toml", &batch);
    let plan = load::load(&Sources { app: folder.path("."), ..Sources::default() }).unwrap();
    assert_eq!(plan.parameters, ["ligand.pdbqt", "seed"], "it is a column already");
}
