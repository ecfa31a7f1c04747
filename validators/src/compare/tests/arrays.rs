//! Rule `array`.

use proptest::prelude::*;

use super::{Outcome, compare_texts, rule};

const ARRAY: &str = "rule = 'array'\nabsolute = 0.1";

/// An npy file as numpy writes it.
fn npy(descr: &str, order: &str, shape: &str, elements: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
    while !(10 + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\0".to_vec();
    file.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(elements);
    file
}

fn doubles(values: &[f64]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    npy("<f8", "False", &format!("({},)", values.len()), &bytes)
}

fn singles(values: &[f32]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_be_bytes()).collect();
    npy(">f4", "False", &format!("({},)", values.len()), &bytes)
}

fn is_same(validate: &str, a: &[u8], b: &[u8]) -> bool {
    compare_texts(&rule(validate), a, b) == Outcome::Same
}

fn difference(validate: &str, a: &[u8], b: &[u8]) -> String {
    match compare_texts(&rule(validate), a, b) {
        Outcome::Same => panic!("the arrays agree"),
        Outcome::Different(how) => how,
    }
}

#[test]
fn elements_may_differ_within_the_tolerance() {
    assert!(is_same(
        ARRAY,
        &doubles(&[1.0, f64::NAN, -0.0, f64::INFINITY]),
        &doubles(&[1.05, -f64::NAN, 0.0, f64::INFINITY])
    ));
    assert!(!is_same(ARRAY, &doubles(&[1.0]), &doubles(&[1.2])));
    assert!(!is_same(ARRAY, &doubles(&[f64::NAN]), &doubles(&[0.0])));
    assert!(!is_same(ARRAY, &doubles(&[f64::INFINITY]), &doubles(&[f64::MAX])));
    assert!(is_same(ARRAY, &doubles(&[1.0, 2.0]), &singles(&[1.05, 2.0])));
    // As in texts, the border counts as numbers are printed: in binary, 0.8 − 0.7 is greater than 0.1.
    assert!(is_same(ARRAY, &doubles(&[0.8]), &doubles(&[0.7])));
    assert!(is_same("rule = 'array'", &doubles(&[0.1]), &singles(&[0.1])));
    // Where products lose their digits.
    assert!(is_same("rule = 'array'\nrelative = 0.5", &doubles(&[1e-320]), &doubles(&[5e-321])));
    assert!(!is_same("rule = 'array'\nrelative = 0.5", &doubles(&[1e-320]), &doubles(&[4.9e-321])));
    assert!(!is_same("rule = 'array'\nabsolute = 1e308", &doubles(&[f64::MAX]), &doubles(&[f64::MIN])));
}

#[test]
fn steps_are_those_of_the_coarser_kind() {
    let next = f32::from_bits(1f32.to_bits() + 1);
    assert!(is_same("rule = 'array'\nulps = 1", &singles(&[1.0]), &singles(&[next])));
    assert!(is_same("rule = 'array'\nulps = 1", &singles(&[1.0]), &doubles(&[next.into()])));
    assert!(!is_same("rule = 'array'\nulps = 1", &doubles(&[1.0]), &doubles(&[next.into()])));
    assert!(!is_same("rule = 'array'\nulps = 1000", &singles(&[f32::MAX]), &singles(&[f32::INFINITY])));
}

#[test]
fn whole_numbers_of_any_size_are_told_apart() {
    let whole = |kind: &str, value: [u8; 8]| npy(kind, "False", "()", &value);
    let greatest = whole("<u8", u64::MAX.to_le_bytes());
    assert!(!is_same("rule = 'array'", &greatest, &whole("<u8", (u64::MAX - 1).to_le_bytes())));
    assert!(is_same("rule = 'array'\nabsolute = 1", &greatest, &whole(">u8", (u64::MAX - 1).to_be_bytes())));
    assert!(!is_same("rule = 'array'\nabsolute = 1", &greatest, &whole("<i8", (-1i64).to_le_bytes())));
    assert!(is_same(
        "rule = 'array'",
        &npy("|i1", "False", "(1,)", &[0xff]),
        &npy("<i2", "False", "(1,)", &[0xff, 0xff])
    ));
    // 1.5 in half precision.
    assert!(is_same("rule = 'array'", &npy("<f2", "False", "(1,)", &[0, 0x3e]), &doubles(&[1.5])));
}

#[test]
fn a_difference_says_where_and_by_how_much() {
    let bytes = |values: [u8; 6]| npy("|u1", "False", "(2, 3)", &values);
    assert_eq!(
        difference(ARRAY, &bytes([0, 1, 2, 3, 4, 5]), &bytes([0, 1, 2, 3, 7, 5])),
        "element [1, 1]: 4 against 7, off by 3"
    );
    let by_columns = |values: [u8; 6]| npy("|u1", "True", "(2, 3)", &values);
    assert_eq!(
        difference(ARRAY, &by_columns([0, 1, 2, 3, 4, 5]), &by_columns([0, 1, 2, 3, 7, 5])),
        "element [0, 2]: 4 against 7, off by 3"
    );
    assert_eq!(difference(ARRAY, &doubles(&[1.0]), &doubles(&[1.0, 2.0])), "shape 1 against 2");
    assert!(difference(ARRAY, b"P9", &doubles(&[])).contains("begins with \"P9\""));
    assert_eq!(
        difference(ARRAY, b"P5\n2 2\n255\n\0\x01\x02\x03", b"P5 # by hand\n2 2 255\n\0\x01\x02\x05"),
        "element [1, 1]: 3 against 5, off by 2"
    );
}

#[test]
fn files_that_hold_something_else_than_they_announce_are_never_equal() {
    for (bad, expected) in [
        (npy("<f8", "False", "(3,)", &[0; 16]), "it holds 16 bytes of elements, 24 are announced"),
        (npy("<f8", "False", "(18446744073709551615, 9)", &[]), "its shape is too large"),
        (npy("|O", "False", "(1,)", &[0; 8]), "plain number type"),
        (npy("<f8", "False", "(x,)", &[0; 8]), "no usable shape"),
        (b"\x93NUMPY\x01\0\xff\xff{".to_vec(), "its header is cut"),
        (b"\x93NUMPY\x02\0\xff\xff\xff\x7f{".to_vec(), "a header of 2147483647 bytes"),
        (b"P6 1 1 99999 ".to_vec(), "a largest value of 99999"),
        (b"P5 x".to_vec(), "not that of an image"),
        (b"P".to_vec(), "the file is empty"),
    ] {
        let how = difference(ARRAY, &bad, &doubles(&[1.0, 2.0]));
        assert!(how.contains(expected), "{how}");
        assert!(is_same(ARRAY, &bad, &bad));
    }
}

proptest! {
    #[test]
    fn any_bytes_get_a_verdict(a in prop::collection::vec(any::<u8>(), 0..80), at in 0usize..80, kind in 0usize..3) {
        let mut a = match kind {
            0 => [b"\x93NUMPY\x01\0".as_slice(), &a].concat(),
            1 => [b"P5 ".as_slice(), &a].concat(),
            _ => doubles(&[1.0, 2.0]),
        };
        let b = a.clone();
        if let Some(byte) = a.get_mut(at) {
            *byte ^= 1;
        }
        is_same(ARRAY, &a, &b);
        prop_assert!(is_same(ARRAY, &b, &b));
    }

    /// Doubles are judged as the texts that programs print for them.
    #[test]
    fn doubles_are_judged_as_they_are_printed(a in any::<f64>(), steps in -3i64..=3, choice in 0usize..3) {
        let b = f64::from_bits(a.to_bits().wrapping_add_signed(steps));
        let tolerance = ["absolute = 0", "relative = 2.5e-16", "ulps = 2"][choice];
        let text = |value: f64| format!("{value:e}\n");
        let texts = super::is_same(&format!("rule = 'numbers'\n{tolerance}"), &text(a), &text(b));
        prop_assert_eq!(is_same(&format!("rule = 'array'\n{tolerance}"), &doubles(&[a]), &doubles(&[b])), texts);
    }
}
