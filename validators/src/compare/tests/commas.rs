//! Different values never agree without a tolerance, however the program that wrote them separates fractions and thousands.

use proptest::prelude::*;

use super::{difference, is_same};
use crate::rule::Rule;

const EXACT: &str = "rule = 'numbers'";
const LISTS: &str = "rule = 'numbers'\ndecimal = '.'\nabsolute = 1";
const DECIMALS: &str = "rule = 'numbers'\ndecimal = ','\nabsolute = 0.01";

/// A text that is followed by enough for many numbers to be read at once.
fn before_more(text: &str) -> String {
    format!("{text}\n{}", "same 1\n".repeat(20))
}

#[test]
fn digits_after_a_comma_count() {
    for (a, b) in [
        ("x = 0,05", "x = 0,5"),
        ("-7,01", "-7,1"),
        ("100,000", "100,0"),
        ("-0,5", "0,5"),
        ("1,0e1", "1,0e2"),
        ("1,50e1", "1,5e2"),
        ("x=,05", "x=,5"),
        ("1.000,5", "1,5"),
        ("1'000", "1'0"),
        ("0\u{b7}05", "0\u{b7}5"),
        ("0,05;1", "0,5;1"),
        ("0, 5", "0,05"),
        ("0\u{b7}001", "-0\u{b7}010e-1"),
        ("0\u{b7}1e1", "0\u{b7}10"),
        ("0\u{202f}000", "-0\u{202f}000"),
        ("1,05.5", "1,5.50"),
        ("5,050e2", "5,500e1"),
        ("x = 5\u{b7}050e2;", "x = 5\u{b7}500e1;"),
    ] {
        for validate in [EXACT, "rule = 'numbers'\nabsolute = 0.001", "rule = 'numbers'\nrelative = 1e-6"] {
            assert!(!is_same(validate, a, b), "{a} {b} {validate}");
            assert!(!is_same(validate, &before_more(a), &before_more(b)), "{a} {b} {validate}, before more");
        }
    }
    // Even where the list alone would allow it.
    assert!(!is_same("rule = 'numbers'\nrelative = 0.1", "0,95", "0,100"));
    assert_eq!(
        difference(EXACT, "x = 0,05", "x = 0,5"),
        "line 1 column 3: 05 against 5, next to a mark that can be a decimal one"
    );
}

#[test]
fn lists_keep_their_tolerance() {
    let rule = "rule = 'numbers'\nabsolute = 1";
    for (a, b) in [
        ("1,2,3", "1,3,3"),
        ("1,2,3", "1.0,2.5,3"),
        ("0.5,9.99,1", "1,10.01,1.000"),
        ("1, 9, 3", "1, 10, 3"),
        ("-1,-9", "-1,-10"),
        ("1.5,2.25e3", "1.50,2.2500e3"),
        ("1,nan,inf", "1, NaN,+Infinity"),
        ("(1,2);(3,4)", "(1,3);(3,4)"),
    ] {
        assert!(is_same(rule, a, b), "{a} {b}");
    }
    // Integers of another width may be decimals; the rule says that they are not.
    assert!(!is_same(rule, "1,9,3", "1,10,3"));
    assert!(is_same(LISTS, "1,9,3", "1,10,3"));
    assert!(is_same(LISTS, "-0,5", "0,5"));
    assert!(!is_same(LISTS, "1,000", "1,0"), "thousands are not zero");
}

#[test]
fn a_decimal_comma_can_be_declared() {
    assert!(is_same(DECIMALS, "x = 0,050", "x = 0,05"));
    assert!(is_same(DECIMALS, "x=-7,213;1,5e3, y", "x=-7,210; 1500, y"));
    assert!(is_same(DECIMALS, "10,123-100,456", "10,12 -100,46"));
    assert!(is_same(DECIMALS, "a,b 1", "a,b 1,0"));
    for (a, b) in [
        ("0,05", "0,5"),
        ("1.5", "1.50"),
        ("1.000,5", "1,5"),
        ("1,5,2", "1,5,20"),
        ("1,5,06", "1,5,6"),
        ("0,05", "0.05"),
        ("-0,5", "0,5"),
    ] {
        assert!(!is_same(DECIMALS, a, b), "{a} {b}");
    }
    assert_eq!(
        difference(DECIMALS, "x = 0,05", "x = 0,5"),
        "line 1 column 3: \"0,05\" against \"0,5\", off by 0.45, allowed 0.01"
    );
    let places = format!("{DECIMALS}\nat = [{{ key = 'x', absolute = 1 }}]");
    assert!(is_same(&places, "x 0,5 y 1,00", "x 1,5 y 1,005"));
    let table = "rule = 'table'\nseparator = ';'\nabsolute = 0.01\ndecimal = ','";
    assert!(is_same(table, "id;x\na;1,50\n", "id;x\na;1,505\n"));
    assert!(!is_same(table, "id;x\na;0,05\n", "id;x\na;0,5\n"));
    assert!(!is_same("rule = 'table'\nseparator = ';'", "id;x\na;1,50\n", "id;x\na;1,5\n"));
}

#[test]
fn zeros_before_a_number_count_where_they_can_be_a_fraction_or_a_name() {
    assert!(!is_same("rule = 'table'\nheader = false", "0,05\n", "0,5\n"));
    assert!(!is_same("rule = 'table'", "id,x\n007,1\n", "id,x\n7,1\n"));
    assert!(is_same("rule = 'table'\nabsolute = 0.01", "x\n099.999\n", "x\n100.001\n"));
    assert!(!is_same("rule = 'json'", "[0,05]", "[0,5]"));
    assert!(!is_same("rule = 'json'", "[100,000]", "[100,0]"));
    assert!(is_same("rule = 'json'", "[0.5,0]", "[0.50,0.0]"));
    assert!(is_same(EXACT, "x 007", "x 7"), "nothing is before it");
}

#[test]
fn other_spellings_of_other_values_differ() {
    for (a, b) in [
        ("1e5", "1 e5"),
        ("1e5", "1e 5"),
        ("- 5", "-5"),
        ("\u{2212}5", "-5"),
        ("\u{2212}5", "5"),
        ("5-", "5"),
        ("(5)", "5"),
        ("5%", "5"),
        ("0x10", "0x1"),
        ("0x10", "0"),
        ("1_000", "1"),
        ("1 .5", "1.5"),
        ("1. 5", "1.5"),
        ("1.5-103", "1.5 -103"),
        ("1.000.000", "1.0"),
        ("12", "1 2"),
        ("++5", "+5"),
        ("inf", "nan"),
        ("-inf", "inf"),
        ("1.#INF", "1.#IND"),
        ("infinite", "inf"),
        ("5 m", "5 mm"),
        ("1e5", "1e-5"),
        ("1d5", "1d6"),
    ] {
        for validate in
            [EXACT, "rule = 'numbers'\ndecimal = '.'", "rule = 'numbers'\ndecimal = ','", "rule = 'table'"]
        {
            assert!(!is_same(validate, a, b), "{a} {b} {validate}");
        }
    }
}

#[test]
fn a_file_that_seems_to_have_decimal_commas_is_asked_about() {
    let ask = |validate: &str, text: &str| {
        let rule: Rule = super::rule(validate);
        crate::compare::decimal_comma(&rule, text.as_bytes()).unwrap()
    };
    assert_eq!(ask(EXACT, "a\nx = 0,05;\n"), Some((2, "0,05".to_owned())));
    assert_eq!(ask(EXACT, "1,2,3 1,000 (4,5)\n"), None);
    assert_eq!(ask(LISTS, "x = 0,05"), None);
    assert_eq!(ask("rule = 'text'", "x = 0,05"), None);
    assert_eq!(ask("rule = 'table'\nseparator = ';'", "id;x\na;0,05\n"), Some((2, "0,05".to_owned())));
    assert_eq!(ask("rule = 'table'", "id,x\na,0,05\n"), None, "cells");
}

/// How a program writes numbers.
#[derive(Clone, Copy, Debug)]
struct Style {
    decimal: &'static str,
    thousands: &'static str,
}

const STYLES: [Style; 9] = [
    Style { decimal: ".", thousands: "" },
    Style { decimal: ".", thousands: "," },
    Style { decimal: ".", thousands: "'" },
    Style { decimal: ".", thousands: " " },
    Style { decimal: ",", thousands: "" },
    Style { decimal: ",", thousands: "." },
    Style { decimal: ",", thousands: " " },
    Style { decimal: ",", thousands: "\u{a0}" },
    Style { decimal: "\u{b7}", thousands: "" },
];

/// `thousandths` / 1000 · 10^`exponent` with at least one place, and with `more` zeros after those that it needs.
fn written(thousandths: i64, more: usize, exponent: i32, style: Style) -> String {
    let magnitude = thousandths.unsigned_abs();
    let whole = (magnitude / 1000).to_string();
    let mut grouped = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            grouped.push_str(style.thousands);
        }
        grouped.push(digit);
    }
    let places = format!("{:03}", magnitude % 1000);
    let places = places.trim_end_matches('0');
    let places = format!("{places}{}", "0".repeat(more + usize::from(places.is_empty())));
    let sign = if thousandths < 0 { "-" } else { "" };
    let exponent = if exponent == 0 { String::new() } else { format!("e{exponent}") };
    format!("{sign}{grouped}{}{places}{exponent}", style.decimal)
}

/// Few digits, so that many pairs are the same but for their zeros.
fn thousandths() -> impl Strategy<Value = i64> {
    prop::collection::vec(prop::sample::select(&[0i64, 0, 1, 5][..]), 1..8).prop_flat_map(|digits| {
        let number = digits.iter().fold(0, |number, digit| number * 10 + digit);
        prop::sample::select(vec![number, -number])
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn different_values_never_agree_without_a_tolerance(
        a in thousandths(), b in thousandths(), zeros in (0usize..3, 0usize..3), exponents in (-1i32..3, -1i32..3),
        style in prop::sample::select(&STYLES[..]), around in prop::sample::select(&[("", ""), ("x = ", ";"), ("(", ", 2)"), ("1 ", " 1")][..]),
    ) {
        // In thousandths of thousandths.
        let value = |number: i64, exponent: i32| i128::from(number) * 10i128.pow((exponent + 3) as u32);
        let text = |number, more, exponent| format!("{}{}{}", around.0, written(number, more, exponent, style), around.1);
        let (x, y) = (text(a, zeros.0, exponents.0), text(b, zeros.1, exponents.1));
        if value(a, exponents.0) != value(b, exponents.1) {
            for validate in [EXACT, "rule = 'numbers'\nat = [{ key = 'x', absolute = 0 }]"] {
                prop_assert!(!is_same(validate, &x, &y), "{} {}", x, y);
                prop_assert!(!is_same(validate, &before_more(&x), &before_more(&y)), "{} {}, before more", x, y);
            }
            if style.decimal == "," && style.thousands.is_empty() {
                prop_assert!(!is_same("rule = 'numbers'\ndecimal = ','", &x, &y), "{} {}", x, y);
                prop_assert!(!is_same("rule = 'table'\nseparator = ';'\ndecimal = ','", &x, &y), "{} {}", x, y);
                prop_assert!(!is_same("rule = 'table'\nheader = false", &x, &y) || exponents != (0, 0) || a.signum() * b.signum() <= 0, "{} {}", x, y);
            }
        } else if style.decimal == "," && style.thousands.is_empty() {
            // −0 and 0 are one value.
            prop_assert!(is_same("rule = 'numbers'\ndecimal = ','", &x, &y), "{} {}", x, y);
        }
    }

    #[test]
    fn lists_of_decimals_keep_their_tolerance(
        values in prop::collection::vec((0i32..300_000, -1i32..=1), 1..40), separator in prop::sample::select(&[",", ", ", ";", " "][..]),
    ) {
        let list = |shake: i32| {
            let one = |(value, by): &(i32, i32)| format!("{:.3}", f64::from(value + by * shake) / 1000.0);
            values.iter().map(one).collect::<Vec<_>>().join(separator)
        };
        prop_assert!(is_same("rule = 'numbers'\nabsolute = 0.001", &list(0), &list(1)));
    }
}
