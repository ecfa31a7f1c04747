//! Verdicts on numbers against exact rational arithmetic, of which the rule itself has nothing. `./x bench validate`
//! does the same with a million pairs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../../benches/validate/numbers.rs"]
mod numbers;
#[path = "../../benches/validate/oracle.rs"]
mod oracle;
#[path = "../../benches/validate/pairs.rs"]
mod pairs;

use numbers::Numbers;
use pairs::Verdict;

/// Judges 25,000 pairs.
fn judge_pairs(seed: u64) {
    let mut numbers = Numbers::new(seed);
    let mut agreed = 0;
    for _ in 0..25_000 {
        let pair = pairs::next(&mut numbers);
        let Verdict { expected, found, exchanged } = pair.judge();
        assert_eq!((found, exchanged), ([expected; 2], [expected; 2]), "{pair:?}");
        agreed += usize::from(expected);
    }
    assert!((5_000..20_000).contains(&agreed), "{agreed} of 25,000 agree: the pairs prove little");
}

// Two tests, since they run side by side.
#[test]
fn every_verdict_is_that_of_exact_arithmetic_in_any_order() {
    judge_pairs(3);
}

#[test]
fn so_are_the_verdicts_on_other_pairs() {
    judge_pairs(4);
}

#[test]
fn any_order_of_results_gives_the_same_agreements() {
    let mut numbers = Numbers::new(5);
    for _ in 0..500 {
        // Few values, close to each other, so that some agree and some do not.
        let texts: Vec<String> = (0..5).map(|_| format!("{}e-1", numbers.below(4))).collect();
        for a in &texts {
            for b in &texts {
                let pair =
                    pairs::Pair { absolute: "1e-1".into(), relative: "0".into(), a: a.clone(), b: b.clone() };
                let verdict = pair.judge();
                assert_eq!(verdict.found, verdict.exchanged, "{pair:?}");
                assert_eq!(verdict.found, [verdict.expected; 2], "{pair:?}");
            }
        }
    }
}
