//! What a package holds, read as a server reads it.

use std::collections::BTreeSet;
use std::fs;

use boinc::job::argv::{Invocation, split_command_line};
use insta::assert_snapshot;

use crate::create_work::{create_work, process_result_template};
use crate::folder::Folder;

/// The arguments that the container's program gets of a job's line.
fn arguments(line: &str, template: &str) -> Vec<String> {
    let workunit = create_work(line, template);
    let words = split_command_line(&workunit.command_line);
    let invocation = Invocation::parse(words.into_iter().map(Into::into)).unwrap();
    let Invocation::Run(args) = invocation else { panic!("{invocation:?}") };
    args.job_args("no slot".as_ref(), "no project".as_ref()).unwrap()
}

#[test]
fn the_input_template_of_a_batch_is_what_create_work_takes() {
    let folder = Folder::new();
    let lines = folder.packed_jobs(&[".", "jobs.csv"]);
    assert_snapshot!(folder.template("in"), @r"
    <input_template>
    <file_info>
        <physical_name>buoy_accce51b109f64a680dc0d5c9a062851103d34c7</physical_name>
        <no_delete/>
    </file_info>
    <file_info>
        <physical_name>buoy_6df575a5e9d3ab9fd95ecd0893e906849de0c8e1</physical_name>
        <no_delete/>
    </file_info>
    <file_info>
        <physical_name>buoy_a8076d3d28d21e02012b20eaf7dbf75409a62771</physical_name>
        <no_delete/>
    </file_info>
    <file_info>
        <physical_name>buoy_262b22f2948d93c81b8d0847b37ea8b458bebdc8</physical_name>
        <no_delete/>
    </file_info>
    <file_info></file_info>
    <workunit>
        <file_ref>
            <open_name>job.toml</open_name>
        </file_ref>
        <file_ref>
            <open_name>Dockerfile</open_name>
        </file_ref>
        <file_ref>
            <open_name>dock.sh</open_name>
        </file_ref>
        <file_ref>
            <open_name>receptor.pdbqt</open_name>
        </file_ref>
        <file_ref>
            <open_name>ligand.pdbqt</open_name>
        </file_ref>
        <rsc_fpops_est>1e12</rsc_fpops_est>
        <rsc_fpops_bound>1e14</rsc_fpops_bound>
        <rsc_memory_bound>512000000</rsc_memory_bound>
        <rsc_disk_bound>1000000000</rsc_disk_bound>
        <delay_bound>604800</delay_bound>
        <min_quorum>2</min_quorum>
        <target_nresults>2</target_nresults>
        <max_error_results>3</max_error_results>
        <max_total_results>10</max_total_results>
        <max_success_results>6</max_success_results>
    </workunit>
    </input_template>
    ");
    let workunit = create_work(&lines[1], &folder.template("in"));
    assert!(workunit.name.starts_with("dock-") && workunit.name.ends_with("__jobs__b"), "{}", workunit.name);
    assert_eq!(workunit.command_line, "--ligand ligand.pdbqt --seed 2");
    let open_names: Vec<&str> = workunit.inputs.iter().map(|(_, open_name, _)| open_name.as_str()).collect();
    assert_eq!(open_names, ["job.toml", "Dockerfile", "dock.sh", "receptor.pdbqt", "ligand.pdbqt"]);
    let file = |at: usize| folder.read(format!("out/files/{}", workunit.inputs[at].0));
    assert_eq!((file(3).as_str(), file(4).as_str()), ("receptor\n", "ligand b\n"));
}

#[test]
fn the_output_template_is_what_the_transitioner_takes() {
    let app = "\n[[output]]\nname = \"log of it.txt\"\noptional = true\n";
    let folder = Folder::new();
    let text = folder.read("app.toml") + app;
    let folder = folder.with("app.toml", &text);
    folder.packed_jobs(&[".", "jobs.csv"]);
    assert_snapshot!(folder.template("out"), @r"
    <output_template>
    <file_info>
        <name><OUTFILE_0/></name>
        <generated_locally/>
        <upload_when_present/>
        <max_nbytes>1000000</max_nbytes>
        <url><UPLOAD_URL/></url>
    </file_info>
    <file_info>
        <name><OUTFILE_1/></name>
        <generated_locally/>
        <upload_when_present/>
        <max_nbytes>10000000</max_nbytes>
        <url><UPLOAD_URL/></url>
    </file_info>
    <result>
        <file_ref>
            <file_name><OUTFILE_0/></file_name>
            <open_name>poses.pdbqt</open_name>
        </file_ref>
        <file_ref>
            <file_name><OUTFILE_1/></file_name>
            <open_name>log of it.txt</open_name>
            <optional/>
        </file_ref>
    </result>
    </output_template>
    ");
    let files = process_result_template(&folder.template("out"), "wu_0_r17_");
    assert_eq!(files.len(), 2);
    assert_eq!((files[0].name.as_str(), files[0].open_name.as_str()), ("wu_0_r17_0", "poses.pdbqt"));
    assert_eq!((files[1].name.as_str(), files[1].open_name.as_str()), ("wu_0_r17_1", "log of it.txt"));
    assert_eq!((files[0].max_nbytes, files[0].optional), (1e6, false));
    assert!(files[1].optional);
}

#[test]
fn flags_of_inputs_reach_the_template() {
    let folder = Folder::new()
        .replace(
            "app.toml",
            "file = \"receptor.pdbqt\"",
            "file = \"receptor.pdbqt\"\nsticky = true\nmode = \"copy\"",
        )
        .replace("app.toml", "name = \"ligand.pdbqt\"", "name = \"ligand.pdbqt\"\ngzip = true");
    let lines = folder.packed_jobs(&[".", "jobs.csv"]);
    let workunit = create_work(&lines[0], &folder.template("in"));
    assert_eq!(workunit.inputs[3].2, ["no_delete", "sticky", "copy_file"]);
    assert_eq!(workunit.inputs[4].2, ["gzip"]);
}

#[test]
fn a_file_that_two_jobs_use_is_not_deleted_with_the_first() {
    let folder = Folder::new().with("jobs.csv", "ligand,seed,job\na.pdbqt,1,x\na.pdbqt,2,y\n");
    let lines = folder.packed_jobs(&[".", "jobs.csv"]);
    assert_eq!(create_work(&lines[0], &folder.template("in")).inputs[4].2, ["no_delete"]);
}

#[test]
fn different_files_of_the_same_content_are_one_file_that_is_not_deleted() {
    let folder = Folder::new().with("b.pdbqt", "ligand a\n");
    let lines = folder.packed_jobs(&[".", "jobs.csv"]);
    let [one, two] =
        [&lines[0], &lines[1]].map(|line| create_work(line, &folder.template("in")).inputs[4].clone());
    assert_eq!(one, two);
    assert_eq!(one.2, ["no_delete"]);
}

#[cfg(unix)]
#[test]
fn executable_files_of_the_image_stay_executable() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    fs::set_permissions(folder.path("dock.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    let lines = folder.packed_jobs(&[".", "jobs.csv"]);
    assert_eq!(create_work(&lines[0], &folder.template("in")).inputs[2].2, ["no_delete", "executable"]);
}

#[test]
fn words_that_boinc_would_break_arrive_as_they_were_written() {
    let hostile = [
        "it's",
        "say \"hi\"",
        "a\\b",
        "x<y",
        "a b",
        "$(reboot)",
        "`reboot`",
        ";rm -rf /",
        "&amp;",
        "ü",
        "",
        "--verbose",
    ];
    let quoted: Vec<String> =
        hostile.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect();
    let folder = Folder::new();
    let lines = folder.packed_jobs(&[".", "jobs.csv", "--ignore", "seed", "--command", &quoted.join(" ")]);
    let line = &lines[0];
    assert!(!line.contains(['\'', '\\', '<', '$', '`', ';', '&']), "{line}");
    assert_eq!(line.matches('"').count(), 2, "{line}");
    assert_eq!(arguments(line, &folder.template("in")), hostile);
}

#[test]
fn values_of_a_table_stay_inside_their_word() {
    let folder = Folder::new().with("jobs.csv", "ligand,seed\na.pdbqt,\"1 --seed '2' \"\"x\"\" $HOME\"\n");
    let lines = folder.packed_jobs(&[".", "jobs.csv"]);
    let arguments = arguments(&lines[0], &folder.template("in"));
    assert_eq!(arguments, ["--ligand", "ligand.pdbqt", "--seed", "1 --seed '2' \"x\" $HOME"]);
}

#[test]
fn plain_arguments_stay_readable_and_none_are_left_out() {
    let folder = Folder::new();
    let lines = folder.packed_jobs(&[".", "jobs.csv", "--ignore", "seed", "--command", ""]);
    assert!(!lines[0].contains("--command_line"), "{}", lines[0]);
    assert_eq!(create_work(&lines[0], &folder.template("in")).command_line, "");
}

#[test]
fn a_command_line_too_long_for_create_work_travels_in_a_file() {
    let long = "x".repeat(5000);
    let folder = Folder::new().with("jobs.csv", &format!("ligand,seed\na.pdbqt,1\nb.pdbqt,{long}\n"));
    let lines = folder.packed_jobs(&[".", "jobs.csv"]);
    for (line, seed) in lines.iter().zip(["1", &long]) {
        let workunit = create_work(line, &folder.template("in"));
        let (name, open_name, _) = workunit.inputs.last().unwrap();
        assert_eq!(workunit.command_line, format!("--argv-file={open_name}"));
        let words: Vec<String> = serde_json::from_str(&folder.read(format!("out/files/{name}"))).unwrap();
        assert_eq!(words.last().unwrap(), seed);
        // The file must not get into the image.
        let job_toml = folder.read(format!("out/files/{}", workunit.inputs[0].0));
        assert!(job_toml.contains(open_name), "{job_toml}");
    }
}

#[test]
fn job_toml_is_what_the_wrapper_reads() {
    let folder = Folder::new().replace(
        "app.toml",
        "files = [\"dock.sh\"]",
        "files = [\"dock.sh\"]\nbuild_args = { V = \"1 2\" }\ntarget = \"app\"",
    );
    let folder = folder.with("Dockerfile", "FROM debian AS app\nARG V\nFROM app AS test\nRUN test\n");
    let lines = folder.packed_jobs(&[".", "jobs.csv"]);
    let workunit = create_work(&lines[0], &folder.template("in"));
    let text = folder.read(format!("out/files/{}", workunit.inputs[0].0));
    assert_snapshot!(text, @r#"
    build_files = ["dock.sh"]
    job_inputs = ["ligand.pdbqt"]
    pass_args = "both"
    target = "app"

    [build_args]
    V = "1 2"

    [[outputs]]
    max_bytes = 1000000
    name = "poses.pdbqt"
    "#);
    let spec = boinc::job::spec::JobSpec::parse(&text, "job.toml").unwrap();
    assert_eq!(spec.build_files, Some(vec!["dock.sh".to_owned()]));
    assert_eq!(spec.job_inputs, ["ligand.pdbqt"]);
    assert_eq!(spec.build_args["V"], "1 2");
    assert_eq!(spec.target.as_deref(), Some("app"));
}

#[test]
fn the_same_files_elsewhere_have_the_same_names() {
    let package = |folder: Folder| {
        let lines = folder.packed_jobs(&[".", "jobs.csv"]);
        let entries = fs::read_dir(folder.path("out/files")).unwrap();
        let files: BTreeSet<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        (lines, files, folder.template("in"))
    };
    assert_eq!(package(Folder::new()), package(Folder::new()));
}

#[test]
fn what_a_job_runs_or_how_it_is_judged_changes_the_bundles_hash() {
    let name = |folder: Folder| folder.packed_jobs(&[".", "jobs.csv"])[0].clone();
    let rule = "max_size = \"1 MB\"\n[validate]\nrule = \"text\"\n";
    let names = BTreeSet::from([
        name(Folder::new()),
        name(Folder::new().with("dock.sh", "#!/bin/sh\n:\n")),
        name(Folder::new().replace("Dockerfile", "slim", "slim-x")),
        name(Folder::new().replace("app.toml", "\"1 MB\"", "\"2 MB\"")),
        name(Folder::new().replace("app.toml", "max_size = \"1 MB\"", rule)),
    ]);
    assert_eq!(names.len(), 5, "{names:?}");
    // What the science app needs of a host is the batch's matter.
    let other = Folder::new().replace("app.toml", "[run]", "[resources]\nmemory = \"1 GB\"\n[run]");
    assert!(names.contains(&name(other)));
}

#[test]
fn a_folder_that_exists_is_left_alone() {
    let folder = Folder::new().with("out/notes.txt", "mine");
    let stderr = folder.buoy("pack . jobs.csv -o out").refused();
    assert_snapshot!(stderr, @"error: invalid folder out: it already exists");
    assert_eq!(folder.read("out/notes.txt"), "mine");
    assert_eq!(fs::read_dir(folder.path("out")).unwrap().count(), 1);
}

#[test]
fn a_dry_run_writes_nothing() {
    let folder = Folder::new();
    let before = fs::read_dir(folder.path("")).unwrap().count();
    let stdout = folder.buoy("pack . jobs.csv --dry-run").good();
    assert_snapshot!(stdout, @r"
    app      dock 1.0.0, bundle dock-8249d27af477: job.toml, Dockerfile, dock.sh
    batch    jobs: 2 jobs, 2 copies of each, 2 must agree
    input    receptor.pdbqt (shared)
    input    ligand.pdbqt (per job)
    output   poses.pdbqt (at most 1 MB): every byte the same
    needs    1e12 flops (about 17 minutes on a typical host), 512 MB memory, 1 GB disk, 1 cpu; back within 7 days
    first    a: --ligand ligand.pdbqt --seed 1
    last     b: --ligand ligand.pdbqt --seed 2
    files    7 of different content, 624 B
    template templates/buoy_de94207d756298c81c79dd5dcd4131ab_in.xml (1373 bytes)
    template templates/buoy_3fc72161da77b462eca296e87ab3e034_out.xml (347 bytes)
    jobs     2 lines for create_work, the longest of 130 bytes
    ");
    assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), before);
}

#[test]
fn a_plan_says_which_script_judges_and_what_is_kept() {
    let folder = Folder::new().with("judge.py", "print(1)\n");
    let app = format!(
        "{}\n[script]\ncompare = ['python3', '/buoy/judge.py', 'two words']\nassimilate = ['python3', '/buoy/judge.py']\n\
         extra_outputs = ['sum.json']\nimage = 'python:3'\nfiles = ['judge.py']\n\
         [[assimilate.value]]\nname = 'energy'\noutput = 'sum.json'\npath = '/e'\n",
        folder.read("app.toml")
    );
    let stdout = folder.with("app.toml", &app).buoy("check . jobs.csv").good();
    let told: Vec<&str> = stdout
        .lines()
        .skip_while(|line| !line.starts_with("output"))
        .take_while(|line| !line.starts_with("needs"))
        .collect();
    assert_snapshot!(told.join("\n"), @r"
    output   poses.pdbqt (at most 1 MB): where bytes differ, the script judges
    script   in python:3, without network, where results are judged
             compare: python3 /buoy/judge.py 'two words'
             assimilate: python3 /buoy/judge.py
             extra outputs sum.json
    values   energy from sum.json
    ");
}

#[test]
fn the_rule_file_is_among_the_files_and_no_job_gets_it() {
    let script = "[script]\ncompare = ['python3', 'judge.py']\nimage = 'python:3'\nfiles = ['judge.py']\n";
    let folder = Folder::new().with("judge.py", "print(1)\n");
    let plain = folder.read("app.toml");
    let hash_with = |app: &str| {
        let folder = Folder::new().with("judge.py", "print(1)\n").with("app.toml", app);
        let packed = folder.packed_jobs(&[".", "jobs.csv"]);
        let manifest: serde_json::Value = serde_json::from_str(&folder.read("out/manifest.json")).unwrap();
        let bundle = manifest["bundle"].as_str().unwrap().to_owned();
        let name = format!("buoy_rule_{}", &bundle[..12]);
        let bytes = folder.read(format!("out/files/{name}"));
        assert_eq!(validators::submitter_rules::sha256(bytes.as_bytes()), bundle, "HASH names the rule file");
        assert!(!folder.template("in").contains("buoy_rule_"), "volunteers never get it");
        assert!(!packed.concat().contains("buoy_rule_"));
        (bundle, bytes)
    };
    let (without, _) = hash_with(&plain);
    let (with, bytes) = hash_with(&format!("{plain}\n{script}"));
    assert_ne!(with, without);
    assert!(bytes.contains("\"name\":\"judge.py\"") && bytes.contains("cHJpbnQoMSkK"), "{bytes}");
}

#[test]
fn the_manifest_names_every_file() {
    let folder = Folder::new();
    folder.packed_jobs(&[".", "jobs.csv"]);
    let manifest: serde_json::Value = serde_json::from_str(&folder.read("out/manifest.json")).unwrap();
    let named: BTreeSet<&str> =
        manifest["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
    let entries = fs::read_dir(folder.path("out/files")).unwrap();
    let there: BTreeSet<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(named, there.iter().map(String::as_str).collect());
    for key in ["input_template", "output_template"] {
        assert!(folder.path("out").join(manifest[key].as_str().unwrap()).is_file());
    }
}

#[test]
fn a_template_of_the_submitters_own_is_used() {
    let folder = Folder::new().with(
        "mine/batch/workunit_out.xml.tera",
        "<output_template>{{ outputs | length }}</output_template>",
    );
    folder.packed_jobs(&[".", "jobs.csv", "--templates", "mine"]);
    assert_eq!(folder.template("out"), "<output_template>1</output_template>");
}

#[test]
fn a_template_that_makes_too_much_is_refused() {
    let template = "{% for n in range(end=7000) %}0123456789{% endfor %}";
    let folder = Folder::new().with("mine/batch/workunit_in.xml.tera", template);
    let stderr = folder.buoy("pack . jobs.csv --dry-run --templates mine").refused();
    assert_snapshot!(stderr, @"error: invalid template batch/workunit_in.xml.tera: renders to 70000 bytes, BOINC reads at most 65535");
}

#[test]
fn a_template_that_is_wrong_is_named_with_its_line() {
    let folder = Folder::new().with("mine/batch/workunit_out.xml.tera", "<output_template>\n{{ outputz }}\n");
    let stderr = folder.buoy("pack . jobs.csv --dry-run --templates mine").refused();
    assert_snapshot!(stderr, @r#"error: invalid template mine/batch/workunit_out.xml.tera:2: unknown variable "outputz"; accepted: outputs"#);
    let folder = folder.with("mine/batch/workunit_out.xml.tera", "<output_template>\n{% for %}\n");
    let stderr = folder.buoy("pack . jobs.csv --dry-run --templates mine").refused();
    assert_snapshot!(stderr, @"error: invalid template mine/batch/workunit_out.xml.tera:2: Found `%}` but expected identifier");
    let template = "<output_template>\n{% for output in outputs %}\n{{ output.naem }}{% endfor %}";
    let folder = folder.with("mine/batch/workunit_out.xml.tera", template);
    let stderr = folder.buoy("pack . jobs.csv --dry-run --templates mine").refused();
    assert_snapshot!(stderr, @"error: invalid template mine/batch/workunit_out.xml.tera:3: Field `naem` is not defined. Available fields: max_nbytes, no_delete, open_name, optional");
}

#[test]
fn what_was_packed_in_json() {
    let folder = Folder::new();
    let said: serde_json::Value =
        serde_json::from_str(&folder.buoy("pack . jobs.csv -o out --json").good()).unwrap();
    assert_eq!((&said["app"], &said["jobs"], &said["written"]), (&"dock".into(), &2.into(), &"out".into()));
    assert!(folder.path("out").join(said["templates"][0].as_str().unwrap()).exists());
    let refused =
        folder.replace("jobs.csv", "a.pdbqt", "none.pdbqt").buoy("pack . jobs.csv --dry-run --json");
    assert_eq!(refused.code, 2);
    assert!(refused.stdout.contains("none.pdbqt"), "{}", refused.stdout);
}
