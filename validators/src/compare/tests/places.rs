//! Rule `numbers` with tolerances by place, and steps.

use super::{difference, is_same};

#[test]
fn a_column_can_have_a_tolerance_of_its_own() {
    let rule = "rule = 'numbers'\nabsolute = 0.1\nat = [{ column = 2, absolute = 5 }, { column = 3, ignore = true }]";
    let padding = "\nsame 1 1 1".repeat(20);
    for end in ["", &padding] {
        let text = |line: &str| format!("{line}{end}");
        assert!(is_same(rule, &text("1.0 10 x 1"), &text("1.05 14 y,z 1")));
        assert!(!is_same(rule, &text("1.0 10 x 1"), &text("1.05 16 y 1")));
        assert!(!is_same(rule, &text("1.0 10 x 1"), &text("1.5 10 x 1")));
        assert!(!is_same(rule, &text("1.0 10 x 1"), &text("1.0 10 x 2")));
        assert!(!is_same(rule, &text("1.0 10 x"), &text("1.0 10")));
    }
    assert_eq!(
        difference(rule, "a 10\n1 10", "a 10\n1 16"),
        "line 2 column 2: 10 against 16, off by 6, allowed 5"
    );
    // Where the columns part, there is no telling which tolerance is meant.
    assert_eq!(difference(rule, "x=1.0 2", "x =1.1 2"), "line 1 column 1: it is column 2 of the second");
}

#[test]
fn a_key_can_have_a_tolerance_of_its_own() {
    let rule = "rule = 'numbers'\nat = [{ key = 'energy', absolute = 0.5 }, { key = 'time', ignore = true }]";
    let padding = "\nsame 1 1 1".repeat(20);
    for end in ["", &padding] {
        let text = |line: &str| format!("{line}{end}");
        assert!(is_same(rule, &text("energy = -5.0 -4 time: 3 s"), &text("energy = -5.3 -4.1 time: 44 s")));
        assert!(!is_same(rule, &text("energy = -5.0 kcal 1.0"), &text("energy = -5.0 kcal 1.1")));
        assert!(!is_same(rule, &text("energy -5.0\n1.0"), &text("energy -5.0\n1.1")));
        assert!(!is_same(rule, &text("time 3"), &text("time x")));
        assert!(!is_same(rule, &text("Energy -5.0"), &text("Energy -5.1")));
    }
}

#[test]
fn the_first_place_that_fits_counts() {
    let rule = |at: &str| format!("rule = 'numbers'\nat = [{at}]");
    let (column, key) = ("{ column = 2, absolute = 1 }", "{ key = 'x', absolute = 5 }");
    assert!(!is_same(&rule(&format!("{column}, {key}")), "x 10", "x 14"));
    assert!(is_same(&rule(&format!("{key}, {column}")), "x 10", "x 14"));
}

#[test]
fn steps_are_counted_between_neighbouring_doubles() {
    let rule = |ulps: u32| format!("rule = 'numbers'\nulps = {ulps}");
    // 0.1 + 0.2 and 0.3 are neighbours.
    assert!(is_same(&rule(1), "0.30000000000000004", "0.3"));
    assert!(!is_same(&rule(0), "0.30000000000000004", "0.3"));
    assert!(!is_same(&rule(2), "0.3", "0.30000000000000016"));
    assert!(is_same(&rule(3), "0.3", "0.30000000000000016"));
    // Over zero, from one smallest number to the other.
    assert!(is_same(&rule(2), "5e-324", "-5D-324"));
    assert!(!is_same(&rule(1), "5e-324", "-5D-324"));
    // There is no step to infinity.
    assert!(!is_same(&rule(u32::MAX), "1.7976931348623157e308", "1e309"));
    assert!(!is_same(&rule(u32::MAX), "inf", "1.7976931348623157e308"));
}
