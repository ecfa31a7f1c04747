//! Rules over whole texts.

use std::io::{Cursor, SeekFrom};

use proptest::prelude::*;

use super::*;
use crate::rule::{NumbersRule, Rule};
use crate::spec::ValidateSpec;

/// Small, so that texts of a few kilobytes move it; a sixteenth of it must hold the longest number.
const SMALL_WINDOW: usize = 16 * 512;

fn rule(validate: &str) -> Rule {
    toml::from_str::<ValidateSpec>(validate).unwrap().general().unwrap().compare
}

/// Compares in both orders, through small windows too, and checks that the verdict is always the same.
fn compare_texts(rule: &Rule, a: &[u8], b: &[u8]) -> Outcome {
    let whole = |a, b| compare(rule, Cursor::new(a), Cursor::new(b)).unwrap();
    let outcome = whole(a, b);
    let is_same = outcome == Outcome::Same;
    assert_eq!(whole(b, a) == Outcome::Same, is_same, "not symmetric");
    if matches!(rule, Rule::Table(_) | Rule::Json(_) | Rule::Array { .. }) {
        return outcome;
    }
    let small = |a, b| in_windows(rule, a, b, SMALL_WINDOW).unwrap();
    assert_eq!(small(a, b) == Outcome::Same, is_same, "another verdict in a small window");
    assert_eq!(small(b, a) == Outcome::Same, is_same, "another verdict in a small window, exchanged");
    outcome
}

fn is_same(validate: &str, a: &str, b: &str) -> bool {
    compare_texts(&rule(validate), a.as_bytes(), b.as_bytes()) == Outcome::Same
}

fn difference(validate: &str, a: &str, b: &str) -> String {
    match compare_texts(&rule(validate), a.as_bytes(), b.as_bytes()) {
        Outcome::Same => panic!("the texts agree"),
        Outcome::Different(how) => how,
    }
}

const TEXT: &str = "rule = 'text'";
const NUMBERS: &str = "rule = 'numbers'\nabsolute = 0.01";

#[test]
fn bytes_must_be_the_same_to_the_last() {
    assert!(is_same("", "", ""));
    assert!(is_same("", "a\nb", "a\nb"));
    assert_eq!(difference("", "abc", "abd"), "byte 2: 0x63 against 0x64");
    assert_eq!(difference("", "abc", "ab"), "byte 2: only the first result has it");
    assert_eq!(difference("", "", "ab"), "byte 0: only the second result has it");
    let long = "x".repeat(3 * SMALL_WINDOW + 5);
    assert!(is_same("", &long, &long));
    assert_eq!(
        difference("", &long, &long[1..]),
        format!("byte {}: only the first result has it", long.len() - 1)
    );
}

#[test]
fn line_ends_and_blanks_before_them_do_not_count_in_texts() {
    assert!(is_same(TEXT, "a b\nc\n", "a b \t\r\nc"));
    assert!(is_same(TEXT, "a\n\nb", "a\r\n  \nb\n"));
    for (a, b) in
        [("a b", "a  b"), (" a", "a"), ("a\nb", "a\n\nb"), ("a\n", "a\n\n"), ("", "\n"), ("a", "ab")]
    {
        assert!(!is_same(TEXT, a, b), "{a:?} {b:?}");
    }
    assert_eq!(difference(TEXT, "a\nfoo bar\n", "a\nfoo baz\n"), "line 2 byte 7: \"r\" against \"z\"");
    assert_eq!(difference(TEXT, "a\nb", "a \n"), "line 2: only the first result has it");
}

#[test]
fn lines_with_a_pattern_are_left_out_on_either_side() {
    let validate = "rule = 'text'\nignore_lines = ['^REMARK', 'time:']";
    assert!(is_same(validate, "REMARK 1\na\nelapsed time: 3\nb\n", "a\nb\nREMARK"));
    assert!(is_same(validate, "time:\n", ""));
    assert_eq!(
        difference(validate, "REMARK 1\nREMARK 2\na\n", "time: 5 s\nb\n"),
        "line 3 (line 2 of the second) byte 1: \"a\" against \"b\""
    );
}

#[test]
fn numbers_may_differ_within_the_tolerance_and_nothing_else() {
    assert!(is_same(NUMBERS, "score -7.213 kcal\n", "score  -7.21e0 kcal\n"));
    assert!(is_same(NUMBERS, "x=1.0,y=(2.0;3)", "x=1.001 , y=( 2;3.000 )"));
    assert!(is_same(NUMBERS, "12.345-103.456", "12.345 -103.456"));
    assert!(is_same(NUMBERS, "{\"a\": [1, 2.5]}", "{\"a\":[1.0,2.5]}"));
    assert!(is_same(NUMBERS, "12.5\u{b0}C", "12.501\u{b0}C"));
    for (a, b) in [
        ("score 1", "skore 1"),
        ("1 2", "1"),
        ("1\n2", "1 2"),
        ("1", "one"),
        ("1abc", "1abd"),
        ("v1.2.3", "v1.2.4"),
        ("1,2", "1;2"),
        ("nan", "1"),
        ("1\n", "1\n1\n"),
        ("a b", "ab"),
    ] {
        assert!(!is_same(NUMBERS, a, b), "{a:?} {b:?}");
    }
}

#[test]
fn a_difference_says_where_and_by_how_much() {
    let a = "REMARK VINA RESULT:\nMODEL 1\nREMARK VINA RESULT:    -7.213      0.000\n";
    let b = "REMARK VINA RESULT:\nMODEL 1\nREMARK VINA RESULT:    -7.198      0.000\n";
    assert_eq!(
        difference(NUMBERS, a, b),
        "line 3 column 4: -7.213 against -7.198, off by 0.015, allowed 0.01"
    );
    assert_eq!(difference(NUMBERS, "a 1e400", "a 2e400"), "line 1 column 2: 1e400 against 2e400");
    assert_eq!(difference(NUMBERS, "a b", "a"), "line 1 column 2: b against the line's end");
    assert_eq!(difference(NUMBERS, "a,", "a;"), "line 1 column 1: \",\" against \";\"");
    assert_eq!(
        difference("rule = 'numbers'\nrelative = 1e-6", "1000000", "1000002"),
        "line 1 column 1: 1000000 against 1000002, off by 2, allowed 1"
    );
}

#[test]
fn what_is_printed_of_hostile_contents_is_short_and_plain() {
    let how = difference(NUMBERS, &format!("\u{1b}[2J{}", "x".repeat(5000)), "\u{1b}[2Jy");
    assert!(how.len() < 200 && how.chars().all(|c| !c.is_control()), "{how:?}");
    let how = difference(TEXT, &format!("\u{1b}]{}", "\u{7}".repeat(5000)), "");
    assert!(how.len() < 300 && how.chars().all(|c| !c.is_control()), "{how:?}");
}

#[test]
fn lines_and_words_longer_than_any_buffer_get_a_verdict() {
    let word = "x".repeat(5 * SMALL_WINDOW);
    for validate in [TEXT, NUMBERS, "rule = 'numbers'\nignore_lines = ['y$']"] {
        assert!(is_same(validate, &format!("{word}1 \n"), &format!("{word}1")), "{validate}");
        assert!(!is_same(validate, &format!("{word}1"), &format!("{word}2")), "{validate}");
        assert!(!is_same(validate, &format!("{word}1"), &word), "{validate}");
        assert!(!is_same(validate, &format!("{word} a b"), &format!("{word} a c")), "{validate}");
    }
    // What follows a long word is still part of it: no number.
    assert!(!is_same(NUMBERS, &format!("{word}-1.001"), &format!("{word}-1.002")));
    let numbers = "1.5 ".repeat(2 * SMALL_WINDOW);
    assert!(is_same(NUMBERS, &numbers, &numbers.replace("1.5", "1.501")));
    let blanks = " ".repeat(3 * SMALL_WINDOW);
    assert!(is_same(TEXT, &format!("a{blanks}\nb"), "a\nb"));
    assert!(is_same(NUMBERS, &format!("a{blanks}1\nb"), "a 1.0\nb"));
}

/// A reader that never ends, to show that memory does not grow with a line.
struct Endless {
    left: u64,
    last: u8,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        buffer[..n].fill(b'7');
        self.left -= n as u64;
        if self.left == 0 && n > 0 {
            buffer[n - 1] = self.last;
        }
        Ok(n)
    }
}

#[test]
fn a_line_of_many_megabytes_is_streamed() {
    let line = |last| Endless { left: 16 << 20, last };
    for validate in [TEXT, NUMBERS] {
        let compare = |a, b| in_windows(&rule(validate), line(a), line(b), WINDOW_BYTES).unwrap();
        assert_eq!(compare(b'1', b'1'), Outcome::Same);
        assert_ne!(compare(b'1', b'2'), Outcome::Same);
    }
}

#[test]
fn reading_errors_are_no_verdict() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk"))
        }
    }
    impl Seek for Broken {
        fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
            Ok(0)
        }
    }
    for validate in ["", TEXT, NUMBERS, "rule = 'table'", "rule = 'json'", "rule = 'array'"] {
        assert!(compare(&rule(validate), Broken, Cursor::new("1")).is_err());
        assert!(compare(&rule(validate), Cursor::new("1"), Broken).is_err());
    }
}

/// Rule `text`, written down without any thought of memory.
fn text_oracle(a: &str, b: &str) -> bool {
    let lines = |text: &str| {
        let text = text.strip_suffix('\n').map_or(text, |rest| rest).to_owned();
        text.split('\n').map(|line| line.trim_end_matches([' ', '\t', '\r']).to_owned()).collect::<Vec<_>>()
    };
    a.is_empty() == b.is_empty() && lines(a) == lines(b)
}

fn sprinkle(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(pieces), 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn texts_are_judged_as_the_oracle_does(
        a in sprinkle(&["a", "b", " ", "\t", "\r", "\n", "\n"]), b in sprinkle(&["a", " ", "\r", "\n"]),
    ) {
        prop_assert_eq!(is_same(TEXT, &a, &b), text_oracle(&a, &b), "{:?} {:?}", a, b);
    }

    #[test]
    fn padding_around_a_text_changes_no_verdict(
        a in sprinkle(&["a", " ", "\n", "1", ".", "-", ",", "e", "2"]), b in sprinkle(&["a", " ", "\n", "1", "-", "2"]),
        lines in 0usize..900, word in 0usize..600,
    ) {
        // A common beginning shifts both texts across the windows' borders.
        let start = format!("{}{}\n", "same 1\n".repeat(lines), "w".repeat(word));
        for validate in [TEXT, NUMBERS] {
            prop_assert_eq!(is_same(validate, &a, &b), is_same(validate, &(start.clone() + &a), &(start.clone() + &b)));
        }
    }

    #[test]
    fn any_bytes_get_a_verdict_and_equal_ones_the_best(
        a in prop::collection::vec(any::<u8>(), 0..200), b in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        for validate in ["", TEXT, NUMBERS, "rule = 'text'\nignore_lines = ['a']"] {
            compare_texts(&rule(validate), &a, &b);
            prop_assert_eq!(compare_texts(&rule(validate), &a, &a), Outcome::Same);
        }
    }

    #[test]
    fn shaking_numbers_within_the_tolerance_changes_nothing(
        values in prop::collection::vec((-1000i32..1000, -1i32..=1), 1..300), per_line in 1usize..20,
    ) {
        let write = |shake: i32| {
            let mut text = String::new();
            for (i, (value, by)) in values.iter().enumerate() {
                let end = if i % per_line == 0 { "\n" } else { " " };
                text.push_str(&format!("{:.3}{end}", f64::from(value + by * shake) / 1000.0));
            }
            text
        };
        let shaken = values.iter().any(|(_, by)| *by != 0);
        prop_assert!(is_same("rule = 'numbers'\nabsolute = 0.001", &write(0), &write(1)));
        prop_assert_eq!(is_same("rule = 'numbers'\nabsolute = 0.0009", &write(0), &write(1)), !shaken);
    }
}

#[test]
fn a_rule_that_ignores_reads_nothing() {
    let rule = Rule::Ignore;
    assert_eq!(compare_texts(&rule, b"a", b"b"), Outcome::Same);
    let strict = Rule::Numbers(NumbersRule::default());
    assert_ne!(compare_texts(&strict, b"1.0", b"1.0000000000000000000001"), Outcome::Same);
}

mod arrays;
mod checks;
mod commas;
mod documents;
mod places;
mod tables;
