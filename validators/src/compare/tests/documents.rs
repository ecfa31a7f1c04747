//! Rule `json`.

use proptest::prelude::*;

use super::{difference, is_same};

const JSON: &str = "rule = 'json'\nabsolute = 0.1";

#[test]
fn values_count_and_not_how_they_are_written() {
    assert!(is_same(
        JSON,
        r#"{"a": [1, 2.5, null], "b": {"c": "x"}}"#,
        "{\"b\":{\"c\":\"\\u0078\"},\n\"a\":[1.05,25e-1,null]}\n"
    ));
    assert!(is_same(JSON, r#""\ud83d\ude00 \/ \n""#, "\"\u{1f600} / \\u000a\""));
    assert!(is_same(JSON, "[NaN, -Infinity, 0]", "[NaN,-Infinity,-0.0]"));
    // One value a line.
    assert!(is_same(JSON, "{\"a\":1}\n{\"a\":2}\n", "{\"a\":1.0}{\"a\":2}"));
    for (a, b) in [
        ("[1]", "[1.2]"),
        ("[1]", "[1,1]"),
        ("[1]", "1"),
        ("{}", "[]"),
        ("\"1\"", "1"),
        ("true", "false"),
        ("null", "0"),
        (r#"{"a":1}"#, r#"{"a":1,"b":1}"#),
        (r#"{"a":1,"b":2}"#, r#"{"b":1,"a":2}"#),
        (r#"{"a":1,"a":2}"#, r#"{"a":2,"a":1}"#),
        ("\"ab\"", "\"a\""),
        ("[1,]", "[1]"),
        ("{\"a\" 1}", "{\"a\":1}"),
        ("[1", "[1]"),
        ("tru", "true"),
        ("1\n2", "1"),
        ("\"\\x\"", "\"x\""),
    ] {
        assert!(!is_same(JSON, a, b), "{a:?} {b:?}");
    }
}

#[test]
fn a_difference_says_where_and_by_how_much() {
    let a = r#"{"id": 7, "poses": [{"score": -7.213, "name": "x"}, {"score": -6}]}"#;
    let b = r#"{"poses": [{"name": "x", "score": -7.2}, {"score": -6.5}], "id": 7}"#;
    assert_eq!(difference(JSON, a, b), "/poses/1/score: -6 against -6.5, off by 0.5, allowed 0.1");
    assert_eq!(difference(JSON, "[1, {\"a/b\": 1}]", "[1, {}]"), "/1/a~1b: is only in the first result");
    assert_eq!(difference(JSON, "[1]", "{}"), "the top: an array against an object");
    assert_eq!(difference(JSON, "[1, 2]", "[1]"), "the top: element 1 is only in the first result");
    assert_eq!(
        difference(JSON, "[1 2]", "[1, 2]"),
        "byte 3 of the first result is not valid JSON: found \"2]\", expected \",\" or \"]\""
    );
    assert_eq!(
        difference(JSON, r#""some words""#, r#""some work""#),
        "the top: …\"some word\"… against …\"some work\"…"
    );
    assert_eq!(difference(JSON, "1\n[1]", "1\n[2]"), "value 2 /0: 1 against 2, off by 1, allowed 0.1");
}

#[test]
fn places_can_have_tolerances_of_their_own() {
    let rule = "rule = 'json'\nat = [{ path = '/poses/*/score', absolute = 0.5 }, { path = '/time', ignore = true }, \
                { path = '/log/0', ignore = true }]";
    let a = r#"{"poses": [{"score": 1}, {"score": 2}], "time": {"s": [1, "}"]}, "log": ["x", "y"]}"#;
    assert!(is_same(rule, a, r#"{"log": ["z", "y"], "poses": [{"score": 1.4}, {"score": 2}]}"#));
    assert!(!is_same(rule, a, r#"{"log": ["z", "z"], "poses": [{"score": 1.4}, {"score": 2}]}"#));
    assert!(!is_same(rule, a, r#"{"log": ["z", "y"], "poses": [{"score": 1.6}, {"score": 2}]}"#));
    assert!(!is_same(rule, r#"{"score": 1}"#, r#"{"score": 1.4}"#));
}

#[test]
fn nesting_and_keys_have_bounds() {
    let nested = |depth: usize, value: u8| format!("{}{value}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(is_same(JSON, &nested(100, 1), &format!(" {}", nested(100, 1))));
    assert!(difference(JSON, &nested(100_000, 1), &nested(100_000, 2)).contains("nested deeper than 128"));
    let object = |depth: usize, value: u8| format!("{}{value}{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    assert!(difference(JSON, &object(100_000, 1), &object(100_000, 2)).contains("nested deeper than 128"));
    let key = format!("{{\"{}\":1}}", "k".repeat(5000));
    assert!(difference(JSON, &key, "{\"a\":1}").contains("longer than 4096 bytes"));
    let number = "1".repeat(300);
    assert!(
        difference(JSON, &format!("[{number}]"), &format!("[{number}1]")).contains("longer than 256 bytes")
    );
}

#[derive(Clone, Debug)]
enum Value {
    Number(i32),
    Text(String),
    List(Vec<Value>),
    Object(Vec<(u8, Value)>),
}

fn value() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![(-50i32..50).prop_map(Value::Number), "[a-c\"\\\\\u{e9}\n]{0,3}".prop_map(Value::Text)];
    leaf.prop_recursive(4, 30, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::btree_map(0u8..20, inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

impl Value {
    /// Writes the value with keys turned by `turn` and with `by` more in number `at`, which is counted down.
    fn write(&self, turn: usize, by: i32, at: &mut usize, out: &mut String) {
        match self {
            Value::Number(number) => {
                let here = if *at == 0 { by } else { 0 };
                *at = at.wrapping_sub(1);
                out.push_str(&format!("{}e-1 ", number + here));
            }
            Value::Text(text) => {
                let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
                let escaped =
                    if turn > 0 { escaped.replace('a', "\\u0061").replace('\n', "\\n") } else { escaped };
                out.push_str(&format!("\"{escaped}\""));
            }
            Value::List(list) => {
                out.push('[');
                for (i, value) in list.iter().enumerate() {
                    out.push_str(if i == 0 { "" } else { ", " });
                    value.write(turn, by, at, out);
                }
                out.push(']');
            }
            Value::Object(members) => {
                out.push('{');
                let mut members = members.clone();
                // Numbers are changed before the keys are turned, or the same would not be changed.
                let texts: Vec<String> = members
                    .iter_mut()
                    .map(|(key, value)| {
                        let mut text = format!("\"k{key}\":");
                        value.write(turn, by, at, &mut text);
                        text
                    })
                    .collect();
                let count = texts.len();
                for i in 0..count {
                    out.push_str(if i == 0 { "" } else { "," });
                    out.push_str(&texts[(i + turn) % count]);
                }
                out.push('}');
            }
        }
    }

    fn numbers(&self) -> usize {
        match self {
            Value::Number(_) => 1,
            Value::Text(_) => 0,
            Value::List(list) => list.iter().map(Value::numbers).sum(),
            Value::Object(members) => members.iter().map(|(_, value)| value.numbers()).sum(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_order_of_keys_changes_nothing_and_a_number_beyond_the_tolerance_does(
        value in value(), turn in 0usize..4, by in -3i32..=3, at in any::<prop::sample::Index>(),
    ) {
        let mut texts = [String::new(), String::new()];
        value.write(0, 0, &mut usize::MAX.clone(), &mut texts[0]);
        let mut place = at.index(value.numbers().max(1));
        value.write(turn, by, &mut place, &mut texts[1]);
        let expected = value.numbers() == 0 || by.abs() <= 1;
        prop_assert_eq!(is_same(JSON, &texts[0], &texts[1]), expected, "{} {}", texts[0], texts[1]);
    }

    #[test]
    fn any_text_gets_a_verdict(a in "[\\[\\]{}:,\"\\\\u0019a .e-]{0,20}", b in "[\\[\\]{}:,\"\\\\u0019a .e-]{0,20}") {
        is_same(JSON, &a, &b);
        prop_assert!(is_same(JSON, &a, &a));
    }
}
