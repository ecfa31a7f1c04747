//! Rule `table`.

use proptest::prelude::*;

use super::{difference, is_same};

const TABLE: &str = "rule = 'table'\nabsolute = 0.1";
const KEYED: &str = "rule = 'table'\nabsolute = 0.1\nkeys = ['id']";

#[test]
fn cells_are_what_counts_and_not_how_they_are_written() {
    assert!(is_same(TABLE, "id,x\na,1.0\nb,2\n", "id,x\r\n\"a\", 1.05\r\n\nb,2.0"));
    assert!(is_same(TABLE, "x,id\n1,\"a,\"\"b\"\"\nc\"\n", "id,x\n\"a,\"\"b\"\"\nc\",1.01\n"));
    assert!(is_same(TABLE, "", "\n\n"));
    for (a, b) in [
        ("id,x\na,1\n", "id,x\na,1.2\n"),
        ("id,x\na,1\n", "id,x\nb,1\n"),
        ("id,x\na,1\n", "id,x\na,\n"),
        ("id,x\na,1\n", "id,x\na,1\na,1\n"),
        ("id,x\na,1\n", "id,y\na,1\n"),
        ("id,x\na,1\n", "id,x,y\na,1,2\n"),
        ("id,x\na,1,2\n", "id,x\na,1\n"),
        ("id,x\na,1\n", "id;x\na;1\n"),
        ("id\n\"a", "id\na"),
        ("id\n", ""),
    ] {
        assert!(!is_same(TABLE, a, b), "{a:?} {b:?}");
    }
}

#[test]
fn rows_with_keys_are_in_any_order() {
    assert!(is_same(KEYED, "id,x\na,1\nb,2\nc,3\n", "id,x\na,1\nc,3\nb,2.05\n"));
    assert!(is_same(KEYED, "id,x\na,1\nb,2\n", "x,id\n2,b\n1.0,a\n"));
    assert!(is_same("rule = 'table'\nheader = false\nkeys = [1, 2]", "a,1,x\na,2,y\n", "a,2,y\na,1,x\n"));
    // In the same order even rows with the same key are fine.
    assert!(is_same(KEYED, "id,x\na,1\na,2\n", "id,x\na,1.0\na,2\n"));
    assert_eq!(
        difference(KEYED, "id,x\na,1\nb,2\n", "id,x\nb,2.5\na,1\n"),
        "line 2 of the second with \"id\" \"b\" column \"x\": 2 against 2.5, off by 0.5, allowed 0.1"
    );
}

#[test]
fn a_difference_says_where_and_by_how_much() {
    let how = |validate: &str, a: &str, b: &str| difference(validate, a, b);
    assert_eq!(
        how(TABLE, "id,x\na,1\n", "id,x\na,1.2\n"),
        "line 2 column \"x\": 1 against 1.2, off by 0.2, allowed 0.1"
    );
    assert_eq!(
        how(KEYED, "id,x\n\na,1\n", "id,x\na,1.2\n"),
        "line 3 (line 2 of the second) with \"id\" \"a\" column \"x\": 1 against 1.2, off by 0.2, allowed 0.1"
    );
    assert_eq!(
        how("rule = 'table'\nseparator = ';'\nheader = false", "a;b\n", "a;\n"),
        "line 1 column 2: \"b\" against an empty cell"
    );
    assert_eq!(
        how(KEYED, "id,x\na,1\nb,2\n", "id,x\nb,2\nc,1\n"),
        "line 3: only the second result has a row with \"id\" \"c\""
    );
    assert_eq!(
        how(KEYED, "id,x\na,1\nb,2\n", "id,x\nb,2\n"),
        "only the first result has a row with \"id\" \"a\""
    );
    assert_eq!(
        how(KEYED, "id,x\na,1\na,2\n", "id,x\nb,2\na,1\n"),
        "the first result has two rows with \"id\" \"a\""
    );
    assert_eq!(how(TABLE, "id,x\na,1\n", "id,y\na,1\n"), "only the first result has a column \"x\"");
    assert_eq!(
        how(TABLE, "id,x\na,1\n", "id,x\na\n"),
        "line 2 of the second result has 1 cells, the header has 2"
    );
    assert_eq!(how(TABLE, "id\n\"a\n", "id\na\n"), "line 2: a quote is not closed");
}

#[test]
fn columns_can_have_tolerances_of_their_own() {
    let rule = "rule = 'table'\nat = [{ column = 'x', absolute = 1 }, { column = 'time', ignore = true }]";
    assert!(is_same(rule, "x,time,y\n1,30,2\n", "time,y,x\nlong,2,2\n"));
    assert!(!is_same(rule, "x,time,y\n1,30,2\n", "x,time,y\n1,30,2.1\n"));
    assert_eq!(
        difference(rule, "x,y\n1,2\n", "x,y\n1,3\n"),
        "there is no column \"time\", which the rule names"
    );
    let by_number = "rule = 'table'\nat = [{ column = 1, absolute = 1 }]";
    assert!(is_same(by_number, "x,y\n1,2\n", "x,y\n2,2\n"));
    assert!(difference(by_number, "x,y\n1,2\n", "y,x\n2,2\n").contains("another order"));
}

#[test]
fn rows_with_a_pattern_are_left_out() {
    let rule = "rule = 'table'\nignore_lines = ['^#']";
    assert!(is_same(rule, "# made on Monday\nx\n1\n", "x\n# so\n1.0\n#\n"));
    assert!(!is_same(rule, "x\n\"#\"\n", "x\n"));
}

#[test]
fn rows_that_are_too_long_are_never_equal_unless_all_is() {
    let long = format!("x\n{}1\n", "y".repeat(1 << 20));
    assert!(is_same(TABLE, &long, &long));
    assert!(difference(TABLE, &long, &long.replace("y1", "y2")).contains("more than 1048576 bytes"));
    let wide = format!("x\n{}1\n", ",".repeat(1 << 15));
    assert!(difference(TABLE, &wide, "x\n1\n").contains("more than 16384 cells"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Against rows in memory; few keys, so that some are missing and some are there twice.
    #[test]
    fn rows_in_any_order_are_judged_as_sets_of_keys(
        a in prop::collection::vec((0u8..12, 0i32..4), 0..9), order in any::<prop::sample::Index>(), change in 0usize..12,
        by in -3i32..3,
    ) {
        let mut b = a.clone();
        if !b.is_empty() {
            let turn = order.index(b.len());
            b.rotate_left(turn);
        }
        if let Some((_, value)) = b.get_mut(change) {
            *value += by;
        }
        let text = |rows: &[(u8, i32)]| {
            rows.iter().map(|(key, value)| format!("k{key},{value}\n")).fold("id,x\n".to_owned(), |all, row| all + &row)
        };
        let keys = |rows: &[(u8, i32)]| {
            let mut keys: Vec<u8> = rows.iter().map(|(key, _)| *key).collect();
            keys.sort_unstable();
            keys
        };
        let within = |x: i32, y: i32| (x - y).abs() <= 1;
        let has_twice = keys(&a).windows(2).any(|two| two[0] == two[1]);
        let found = is_same("rule = 'table'\nkeys = ['id']\nabsolute = 1", &text(&a), &text(&b));
        if !has_twice {
            let value = |rows: &[(u8, i32)], key: u8| rows.iter().find(|row| row.0 == key).map(|row| row.1);
            let expected = a.iter().all(|&(key, x)| value(&b, key).is_some_and(|y| within(x, y)));
            prop_assert_eq!(found, expected, "{:?} {:?}", a, b);
        } else if found {
            prop_assert_eq!(keys(&a), keys(&b));
        }
    }
}
