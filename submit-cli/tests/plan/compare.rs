//! `buoy compare`: rules tried by hand.

use insta::assert_snapshot;

use crate::folder::Folder;

/// Results a/ and b/ of an app with a tolerance, a check and an output that is not compared.
fn results(a: &str, b: &str) -> Folder {
    let rules = "max_size = \"1 MB\"
[[output]]
name = \"log.txt\"
optional = true
[validate]
rule = \"numbers\"
absolute = 0.01
check.ranges = [{ key = \"RESULT\", max = 0 }]
[[validate.output]]
name = \"log.txt\"
rule = \"ignore\"
";
    Folder::new()
        .replace("app.toml", "max_size = \"1 MB\"\n", rules)
        .with("a/poses.pdbqt", a)
        .with("b/poses.pdbqt", b)
}

#[test]
fn two_results_that_agree() {
    let folder = results("RESULT: -7.213\n", "RESULT: -7.21\n");
    assert_snapshot!(folder.buoy("compare a b --app .").good(), @r#"
    output   poses.pdbqt
    rule     words the same, numbers within 0.01
    each     after "RESULT" at most 0.0
    verdict  they agree
    output   log.txt
    rule     not compared
    verdict  they agree
    "#);
}

#[test]
fn two_that_differ_and_one_is_invalid() {
    let folder = results("RESULT: -7.213\n", "RESULT: 7.198\n");
    let ran = folder.buoy("compare a/poses.pdbqt b/poses.pdbqt --app app.toml");
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""));
    assert_snapshot!(ran.stdout, @r#"
    output   poses.pdbqt
    rule     words the same, numbers within 0.01
    each     after "RESULT" at most 0.0
    second   invalid: poses.pdbqt line 1 column 2: 7.198, at most 0 is accepted
    verdict  they differ: poses.pdbqt line 1 column 2: -7.213 against 7.198, off by 14.4, allowed 0.01
    first    line 1: RESULT: -7.213
    second   line 1: RESULT: 7.198
    "#);
    let json = folder.buoy("compare a b --app . --output log.txt --json").good();
    assert_snapshot!(json, @r#"{"agree":true,"outputs":[{"check":null,"difference":null,"faults":[null,null],"output":"log.txt","rule":"not compared"}]}"#);
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let folder = results("1", "1").with("x", "RESULT -1").with("y", "RESULT -1.0");
    assert_snapshot!(folder.buoy("compare x y --app .").refused(), @"error: failed to tell which output x is: name it with --output NAME, the outputs are poses.pdbqt, log.txt");
    assert_snapshot!(folder.buoy("compare a y --app .").refused(), @"error: invalid result y: one is a directory, the other is not; two directories or two files are accepted");
    assert_snapshot!(folder.buoy("compare a c --app .").refused(), @"error: invalid result c: it cannot be read; two directories or two files are accepted");
    assert_snapshot!(folder.buoy("compare a b --app . --output z").refused(), @r#"error: unknown output "z", the outputs are poses.pdbqt, log.txt"#);
    folder.buoy("compare x y --app . --output poses.pdbqt").good();
}

/// Each suggestion, taken, makes the two agree.
#[test]
fn a_difference_comes_with_the_keys_that_would_accept_it() {
    let app = |rule: &str| format!("max_size = \"1 MB\"\n[validate]\n{rule}\n");
    for (rule, a, b, suggestion) in [
        ("rule = \"bytes\"", "x 1\r\ny\n", "x 1\ny", Some("rule = \"text\"")),
        ("rule = \"bytes\"", "x  1.0\n", "x 1\n", Some("rule = \"numbers\"")),
        (
            "rule = \"bytes\"",
            "started: Mon Nov 30 09:12:44 2026\nx 1\n",
            "started: Tue Dec 1 10:12:44 2026\nx 1\n",
            None,
        ),
        (
            "rule = \"text\"",
            "# started 09:12:44\nx 1\nelapsed time (s): 12.5\n",
            "# started 09:12:45\nx 1\nelapsed time (s): 13.5\n",
            Some(r"ignore_lines = ['^\s*#\s+started\b', '^\s*elapsed\s+time\b']"),
        ),
        ("rule = \"numbers\"", "E = -7.21301\n", "E = -7.21303\n", Some("relative = 5e-6")),
        ("rule = \"numbers\"", "E = 100\nf 1e-12\n", "E = 100\nf -3e-12\n", Some("absolute = 5e-12")),
        ("rule = \"numbers\"", "E = -7.2\n", "E = -9.2\n", None),
        ("rule = \"text\"", "ligand a\n", "ligand b\n", None),
        ("rule = \"json\"", "{\"e\": 1.0001}", "{\"e\": 1.0002}", Some("relative = 1e-4")),
        ("rule = \"table\"", "e,f\n1.0001,2\n", "e,f\n1.0002,2\n", Some("relative = 1e-4")),
        ("rule = \"bytes\"", "\0a\n", "\0b\n", None),
    ] {
        let folder = Folder::new()
            .replace("app.toml", "max_size = \"1 MB\"\n", &app(rule))
            .with("a/poses.pdbqt", a)
            .with("b/poses.pdbqt", b);
        let ran = folder.buoy("compare a b --app . --json");
        assert_eq!(ran.code, 1, "{a:?}: {}", ran.stderr);
        let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let found = report["outputs"][0]["suggestion"].as_str();
        assert_eq!(found, suggestion, "{a:?}");
        if let Some(keys) = found {
            let keys = keys.replace(", ignore_lines", "\nignore_lines").replace(", relative", "\nrelative");
            let keys = if keys.contains("rule") { keys } else { format!("{rule}\n{keys}") };
            let folder = folder.replace("app.toml", rule, &keys);
            folder.buoy("compare a b --app .").good();
        }
    }
}

#[test]
fn a_slot_is_compared_by_what_its_links_lead_to() {
    let slot = |target: &str| format!("<soft_link>../../projects/p/{target}</soft_link>\n");
    let folder = results("RESULT -1", "RESULT -1")
        .with("slots/0/poses.pdbqt", &slot("out_0"))
        .with("slots/1/poses.pdbqt", &slot("out_1"))
        .with("projects/p/out_0", "RESULT -7.2\n")
        .with("projects/p/out_1", "RESULT -7.3\n");
    let ran = folder.buoy("compare slots/0 slots/1 --app . --output poses.pdbqt");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stdout.contains("-7.2 against -7.3"), "{}", ran.stdout);
    let folder = folder.with("moved/poses.pdbqt", &slot("out_0"));
    assert_snapshot!(folder.buoy("compare moved slots/1 --app .").refused(), @"error: failed to compare moved/poses.pdbqt: it is a soft link of a BOINC client to moved/../../projects/p/out_0, which does not exist; compare the output files themselves");
}
