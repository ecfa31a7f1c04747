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
