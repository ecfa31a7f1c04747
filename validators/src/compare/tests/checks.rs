//! What is asked of a single result.

use std::io::Cursor;

use crate::compare::check;
use crate::spec::ValidateSpec;

/// What is wrong with an output.
fn fault(validate: &str, text: impl AsRef<[u8]>) -> Option<String> {
    let rule = toml::from_str::<ValidateSpec>(validate).unwrap().general().unwrap();
    let text = text.as_ref();
    check(&rule.check, Cursor::new(text), text.len() as u64).unwrap()
}

#[track_caller]
fn is_wrong(validate: &str, text: &str, expected: &str) {
    assert_eq!(fault(validate, text).as_deref(), Some(expected));
}

#[test]
fn sizes_have_limits() {
    let rule = "check = { min_bytes = 2, max_bytes = 3 }";
    assert_eq!(fault(rule, "ab"), None);
    is_wrong(rule, "a", "has 1 bytes, at least 2 are expected");
    is_wrong(rule, "abcd", "has 4 bytes, at most 3 are accepted");
}

#[test]
fn patterns_are_looked_for_line_by_line() {
    let rule = "check = { must_match = ['^MODEL 1$', 'END'], must_not_match = ['(?i)error', '°C'] }";
    assert_eq!(fault(rule, "x\r\nMODEL 1\r\nEND"), None);
    is_wrong(rule, "MODEL 1\n", "no line matches \"END\"");
    is_wrong(rule, "MODEL 1\nEND\nan ERROR", "line 3: \"an ERROR\" must not match \"(?i)error\"");
    is_wrong(rule, "MODEL 1\nEND\n5 °C", "line 3: \"5 \\xc2\\xb0C\" must not match \"°C\"");
    is_wrong(rule, "", "no line matches \"^MODEL 1$\"");
    // Any bytes can be looked through.
    assert_eq!(fault("check.must_match = ['^\\x00.b$']", b"\0\xffb\n"), None);
    let long = "x".repeat(1 << 20);
    is_wrong(rule, &long, "line 1 is longer than 1048576 bytes: nothing can be looked for in it");
}

#[test]
fn numbers_in_lines_have_limits() {
    let rule = "rule = 'text'\ncheck.ranges = [{ column = 4, lines = '^REMARK VINA RESULT', min = -20, max = 0.5 }, \
                { key = 'rmsd', min = 0, optional = true }]";
    assert_eq!(fault(rule, "x y z w\nREMARK VINA RESULT: -7.2 0\nrmsd = 1.5"), None);
    assert_eq!(fault(rule, "REMARK VINA RESULT: 0.5\n"), None);
    is_wrong(rule, "REMARK VINA RESULT: 0.50001", "line 1 column 4: 0.50001, at most 0.5 is accepted");
    is_wrong(rule, "\nREMARK VINA RESULT: -1e9", "line 2 column 4: -1e9, at least -20 is expected");
    is_wrong(rule, "REMARK VINA RESULT: nan", "line 1 column 4: nan, at least -20 is expected");
    is_wrong(rule, "REMARK VINA RESULT: inf", "line 1 column 4: inf, at most 0.5 is accepted");
    is_wrong(rule, "REMARK VINA RESULT: none", "line 1 column 4: none where a number is expected");
    is_wrong(rule, "REMARK VINA RESULT:", "there is no number at column 4");
    is_wrong(rule, "REMARK VINA RESULT: 0 rmsd: -1", "line 1 column 6: -1, at least 0 is expected");
}

#[test]
fn cells_have_limits() {
    let rule = "rule = 'table'\ncheck.ranges = [{ column = 'e', max = 0, lines = '^a' }]";
    assert_eq!(fault(rule, "id,e\na,-1\nb,5\n"), None);
    is_wrong(rule, "id,e\na,\"1\"\n", "line 2 column \"e\": 1, at most 0 is accepted");
    is_wrong(rule, "id,e\na,x\n", "line 2 column \"e\": \"x\" where a number is expected");
    is_wrong(rule, "id,e\nb,1\n", "there is no number at column \"e\"");
    is_wrong(rule, "id,f\na,1\n", "there is no column \"e\", which the rule names");
    is_wrong(rule, "id,e\na\n", "line 2 has 1 cells, 2 are expected");
    is_wrong(rule, "", "there is no header");
}

#[test]
fn values_of_a_document_have_limits() {
    let rule = "rule = 'json'\ncheck.ranges = [{ path = '/poses/*/score', max = 0 }]";
    assert_eq!(fault(rule, r#"{"score": 5, "poses": [{"score": -1}, {}]}"#), None);
    is_wrong(rule, r#"{"poses": [{"score": 1}]}"#, "/poses/0/score: 1, at most 0 is accepted");
    is_wrong(rule, r#"{"poses": [{"score": "1"}]}"#, "/poses/0/score: a text where a number is expected");
    is_wrong(rule, r#"{"poses": []}"#, "there is no number at /poses/*/score");
    assert!(fault(rule, "{").unwrap().contains("is not valid JSON"));
}

#[test]
fn elements_have_limits() {
    let rule = "rule = 'array'\ncheck.ranges = [{ min = 0, max = 4 }]";
    assert_eq!(fault(rule, "P5 2 1 255 \0\u{4}"), None);
    is_wrong(rule, "P5 2 1 255 \0\u{5}", "element [0, 1]: 5, at most 4 is accepted");
    assert!(fault(rule, "P5 2 1 255 \0").unwrap().contains("it holds 1 bytes"));
}
