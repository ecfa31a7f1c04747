//! Rules that submitters bring in their bundles.

// Not `cfg(test)` to the lint, but nothing else uses it.
#![allow(clippy::unwrap_used)]

use std::fs;

use boinc::names::fan_out::fan_out;
use validators::route::RouteOutput;
use validators::spec::{AssimilateSpec, RuleKind, ValidateSpec};
use validators::submitter_rules::{BundleScript, RuleFile, physical_name, sha256};

use crate::project::Project;

const ALLOWED: &str = "[submitter_rules]\napps = ['vina']\n";

fn rule(rule: RuleKind, script: Option<BundleScript>) -> Vec<u8> {
    let output = RouteOutput { name: "out.txt".into(), max_bytes: Some(100), optional: false };
    let validate = ValidateSpec { rule, ..ValidateSpec::default() };
    RuleFile::new("vina", vec![], vec![output], validate, AssimilateSpec::default(), script).bytes()
}

/// Puts a rule file where an upload would; the bundle's name.
fn upload_rule(project: &Project, bytes: &[u8]) -> String {
    let hash = &sha256(bytes)[..12];
    let name = physical_name(hash);
    let relative = format!("download/{}/{name}", fan_out(&name, 1024));
    project.write(&relative, std::str::from_utf8(bytes).unwrap());
    format!("vina-{hash}")
}

fn compare_line(project: &Project, bundle: &str, a: &str, b: &str) -> String {
    let wu = format!("{bundle}__b1__j");
    format!("buoy-compare  {} {}", project.upload(&wu, 0, 0, a), project.upload(&wu, 1, 0, b))
}

#[test]
fn a_new_science_app_goes_live_with_its_own_rule_and_nobody_logs_in() {
    let project = Project::new(ALLOWED);
    let bundle = upload_rule(&project, &rule(RuleKind::Text, None));
    let line = compare_line(&project, &bundle, "x \n", "x\n");
    project.run(&line).is(0, "");
    // Another bundle of the same app has its own.
    let strict = upload_rule(&project, &rule(RuleKind::Bytes, None));
    project.run(&compare_line(&project, &strict, "x \n", "x\n")).has(1, "out.txt 3 against 2 bytes");
    let wu = format!("{bundle}__b1__j");
    project.run_inline(&format!("buoy-assimilate  26 {}", project.output(&wu, 0, 0))).is(0, "");
    assert_eq!(project.read(&format!("results/b1/{wu}__file_out.txt")), "x \n");
}

#[test]
fn a_rule_that_is_missing_or_was_changed_judges_nothing_and_neither_does_the_default() {
    let project = Project::new(&format!("{ALLOWED}[default]\nvalidate.rule = 'bytes'\n"));
    let bundle = upload_rule(&project, &rule(RuleKind::Text, None));
    let line = compare_line(&project, &bundle, "x \n", "x\n");
    let name = physical_name(bundle.rsplit_once('-').unwrap().1);
    let relative = format!("download/{}/{name}", fan_out(&name, 1024));
    let good = project.read(&relative);
    project.write(&relative, &good.replace("text", "ignore"));
    project.run(&line).has(3, "it belongs to another bundle");
    fs::remove_file(project.path(&relative)).unwrap();
    project.run(&line).has(3, "failed to read the bundle's rule file");
}

#[test]
fn the_admin_says_who_may_bring_rules_and_what_the_admin_wrote_wins() {
    let project = Project::new("[submitter_rules]\napps = ['other']\n[default]\nvalidate.rule = 'bytes'\n");
    let bundle = upload_rule(&project, &rule(RuleKind::Ignore, None));
    let line = compare_line(&project, &bundle, "a", "b");
    project.run(&line).has(1, "differ");
    project.write("buoy/routes.toml", "[submitter_rules]\napps = ['*']\n");
    project.run(&line).is(0, "");
    project
        .write("buoy/routes.toml", "[submitter_rules]\napps = ['*']\n[app.vina]\nvalidate.rule = 'bytes'\n");
    project.run(&line).has(1, "differ");
}

#[test]
fn a_script_without_an_image_of_the_projects_is_never_run_on_the_host() {
    let project = Project::new(ALLOWED);
    let started = project.path("started");
    let script = BundleScript {
        compare: vec!["/bin/sh".into(), "-c".into(), format!("touch {}", started.display())],
        image: Some("somebodys/image".into()),
        ..BundleScript::default()
    };
    let bundle = upload_rule(&project, &rule(RuleKind::Text, Some(script)));
    let start = std::time::Instant::now();
    project
        .run_with(&compare_line(&project, &bundle, "a", "b"), |command| {
            _ = command.env("BUOY_OUTAGE_SECONDS", "60")
        })
        .has(3, "compare script is not allowed: image \"somebodys/image\" is not allowed");
    assert!(start.elapsed().as_secs() < 30, "nobody waits for what no waiting mends");
    assert!(!started.exists());
    // What needs no script is judged.
    project.run(&compare_line(&project, &bundle, "a", "a")).is(0, "");
}

#[test]
fn a_rule_that_is_slow_on_purpose_is_given_up_and_says_nothing_of_the_results() {
    let project = Project::new("[submitter_rules]\napps = ['vina']\nrule_seconds = 1\n");
    let output = RouteOutput { name: "out.txt".into(), max_bytes: None, optional: false };
    // Many beginnings have to be kept in mind at once, and none comes to an end.
    let check = validators::spec::CheckSpec {
        must_match: vec!["a[ab]{200}[bc]{30}".into()],
        ..validators::spec::CheckSpec::default()
    };
    let validate = ValidateSpec { rule: RuleKind::Bytes, check: Some(check), ..ValidateSpec::default() };
    let bytes =
        RuleFile::new("vina", vec![], vec![output], validate, AssimilateSpec::default(), None).bytes();
    let bundle = upload_rule(&project, &bytes);
    let mut bits = 1_u32;
    let text: String = (0..2_000_000)
        .map(|n| {
            bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            match (n % 2_000, bits >> 31) {
                (0, _) => '\n',
                (_, 0) => 'a',
                _ => 'b',
            }
        })
        .collect();
    let start = std::time::Instant::now();
    let path = project.upload(&format!("{bundle}__b1__j"), 0, 0, &text);
    project.run(&format!("buoy-init  {path}")).has(3, "take more than 1 s of CPU time");
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
    // The bundle's alone: nothing is said of the upload directory.
    assert!(!project.path("buoy/state/breakers/upload.json").exists());
}

#[test]
fn rules_that_break_share_one_time_for_waiting() {
    let project = Project::new(ALLOWED);
    let start = std::time::Instant::now();
    for n in 0..10 {
        let line = compare_line(&project, &format!("vina-00000000000{n}"), "a", "b");
        project.run_with(&line, |command| _ = command.env("BUOY_OUTAGE_SECONDS", "1")).has(3, "rule file");
    }
    assert!(start.elapsed().as_secs_f64() < 8.0, "ten would take 10 s: {:?}", start.elapsed());
}

/// A rule file with these outputs and this `[validate]`, in JSON.
fn rule_in_json(outputs: &str, validate: &str) -> Vec<u8> {
    format!(
        "{{\"version\":1,\"app\":\"vina\",\"files\":[],\"outputs\":{outputs},\"validate\":{validate},\"assimilate\":{{}}}}"
    )
    .into_bytes()
}

#[test]
fn rule_files_made_to_cost_time_are_refused_at_once_by_every_program() {
    let project = Project::new(ALLOWED);
    let outputs = |n: usize| {
        let names: Vec<String> = (0..n).map(|i| format!("{{\"name\":\"o{i}\"}}")).collect();
        format!("[{}]", names.join(","))
    };
    let deep = "[".repeat(1_000_000);
    let escape = "{\"\\u001b[2J\\nbuoy-init: ALERT: forged\":1}";
    for (outputs, validate, expected) in [
        (outputs(100_000), "{}", "outputs, validate and assimilate have"),
        (outputs(1_001), "{}", "outputs: more than 1000 entries"),
        (deep, "{}", "invalid rule file"),
        (outputs(1), escape, "validate: unknown field"),
    ] {
        let bundle = upload_rule(&project, &rule_in_json(&outputs, validate));
        let wu = format!("{bundle}__b1__j");
        let (a, b) = (project.upload(&wu, 0, 0, "a"), project.upload(&wu, 1, 0, "b"));
        let start = std::time::Instant::now();
        for line in [format!("buoy-init  {a}"), format!("buoy-compare  {a} {b}")] {
            let answer = project.run(&line);
            answer.has(3, expected);
            assert!(answer.log.len() < 10_000, "{} bytes", answer.log.len());
            assert!(
                answer.log.lines().all(|line| !line.starts_with("buoy-init: ALERT: forged")),
                "{answer:?}"
            );
            assert!(!answer.log.contains('\u{1b}'), "{answer:?}");
        }
        // Nothing is lost: it waits in the spool.
        project.run_inline(&format!("buoy-assimilate  26 {a}")).has(0, expected);
        assert!(start.elapsed().as_secs() < 15, "{:?}", start.elapsed());
    }
    // Neither is what is said of them elsewhere.
    let alerts = project.read("buoy/alerts.log");
    assert!(alerts.len() < 50_000 && !alerts.contains('\u{1b}'), "{alerts}");
}

#[test]
fn a_pattern_that_is_slow_on_one_long_line_is_given_up() {
    let project = Project::new("[submitter_rules]\napps = ['vina']\nrule_seconds = 2\n");
    // One line is looked at as a whole: nothing is read meanwhile, and each of these takes minutes.
    let patterns: Vec<String> = (0..4).map(|i| format!("\"[ab]{{0,{}}}c\"", 900 + i)).collect();
    let validate = format!("{{\"check\":{{\"must_match\":[{}]}}}}", patterns.join(","));
    let bundle = upload_rule(&project, &rule_in_json("[{\"name\":\"out\"}]", &validate));
    let path = project.upload(&format!("{bundle}__b1__j"), 0, 0, &"ab".repeat(500_000));
    let start = std::time::Instant::now();
    project.run(&format!("buoy-init  {path}")).has(3, "of CPU time for outputs of 1000000 bytes");
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
}

#[test]
fn a_rule_file_that_is_a_link_or_a_pipe_is_not_opened() {
    let project = Project::new(ALLOWED);
    let bytes = rule(RuleKind::Text, None);
    let bundle = upload_rule(&project, &bytes);
    let name = physical_name(bundle.rsplit_once('-').unwrap().1);
    let path = project.path(&format!("download/{}/{name}", fan_out(&name, 1024)));
    let line = compare_line(&project, &bundle, "a ", "a");
    fs::rename(&path, project.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(project.path("elsewhere"), &path).unwrap();
    project.run(&line).has(3, "it is a symbolic link, not a file");
    fs::remove_file(&path).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
    project.run(&line).has(3, "it is a special file, not a file");
}
