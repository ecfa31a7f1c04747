//! How BOINC's validator finds a canonical result with an init and a compare script
//! (`sched/validate_util2.cpp`, `check_set` and `check_pair`; `sched/validator.cpp`, `handle_wu`).

use crate::campaign::workunit::{ErrorMask, Outcome, ValidateState};
use crate::plan::app::Replication;

/// The reply of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Exit 0.
    Yes,
    /// Any other exit, or a death.
    No,
    /// Exit 3.
    Transient,
}

/// The two scripts, by the numbers of results.
pub trait Scripts {
    /// Whether this result is valid by itself.
    fn init(&mut self, n: u32) -> Answer;
    /// Whether these two results agree.
    fn compare(&mut self, a: u32, b: u32) -> Answer;
}

/// The outcome of a check of a workunit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validation {
    /// New outcome of each checked result.
    pub outcomes: Vec<(u32, Outcome)>,
    /// The canonical result, if one was found now.
    pub canonical: Option<u32>,
    /// The target of results, raised if there was no agreement.
    pub target_nresults: u32,
    /// New errors of the workunit.
    pub errors: ErrorMask,
}

/// Looks for a canonical result among the viable ones: those that succeeded and are not invalid.
pub fn check_set(
    viable: &[u32],
    replication: &Replication,
    target_nresults: u32,
    scripts: &mut impl Scripts,
) -> Validation {
    let mut states: Vec<(u32, Outcome)> =
        viable.iter().map(|&n| (n, Outcome::Success(ValidateState::Init))).collect();
    let mut good = Vec::new();
    for (n, outcome) in &mut states {
        match scripts.init(*n) {
            Answer::Yes => good.push(*n),
            Answer::No => *outcome = Outcome::ValidateError,
            Answer::Transient => {}
        }
    }
    let canonical = if good.len() as u32 >= replication.quorum {
        find_canonical(&good, replication.quorum / 2 + 1, &mut states, scripts)
    } else {
        None
    };
    for (_, outcome) in &mut states {
        if *outcome == Outcome::Success(ValidateState::Init) {
            *outcome = Outcome::Success(ValidateState::Inconclusive);
        }
    }
    let mut validation =
        Validation { outcomes: states, canonical, target_nresults, errors: ErrorMask::default() };
    if canonical.is_none() {
        let still_viable = validation
            .outcomes
            .iter()
            .filter(
                |(_, outcome)| matches!(outcome, Outcome::Success(state) if *state != ValidateState::Invalid),
            )
            .count() as u32;
        if still_viable > replication.max_success {
            validation.errors = ErrorMask::TOO_MANY_SUCCESSES;
        }
        if still_viable >= target_nresults {
            validation.target_nresults = still_viable + 1;
        }
    }
    validation
}

fn find_canonical(
    good: &[u32],
    min_valid: u32,
    states: &mut [(u32, Outcome)],
    scripts: &mut impl Scripts,
) -> Option<u32> {
    for &candidate in good {
        let mut matches = Vec::new();
        for &other in good {
            if other == candidate {
                matches.push(other);
                continue;
            }
            match scripts.compare(candidate, other) {
                Answer::Yes => matches.push(other),
                Answer::No => {}
                Answer::Transient => return None,
            }
        }
        if matches.len() as u32 >= min_valid {
            for (n, outcome) in states.iter_mut().filter(|(n, _)| good.contains(n)) {
                *outcome = Outcome::Success(if matches.contains(n) {
                    ValidateState::Valid
                } else {
                    ValidateState::Invalid
                });
            }
            return Some(candidate);
        }
    }
    None
}

/// Compares a result that came late with the canonical one.
pub fn check_pair(late: u32, canonical: u32, scripts: &mut impl Scripts) -> Outcome {
    for n in [late, canonical] {
        match scripts.init(n) {
            Answer::Yes => {}
            Answer::No => return Outcome::ValidateError,
            Answer::Transient => return Outcome::Success(ValidateState::Inconclusive),
        }
    }
    match scripts.compare(late, canonical) {
        Answer::Yes => Outcome::Success(ValidateState::Valid),
        Answer::No => Outcome::Success(ValidateState::Invalid),
        Answer::Transient => Outcome::Success(ValidateState::Inconclusive),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUORUM_OF_2: Replication =
        Replication { quorum: 2, total: 2, max_errors: 3, max_total: 10, max_success: 6 };

    /// Results agree if they have the same value; a value below zero does not pass init.
    struct Values {
        values: Vec<i32>,
        calls: Vec<String>,
    }

    impl Values {
        fn new(values: &[i32]) -> Self {
            Self { values: values.to_vec(), calls: Vec::new() }
        }
    }

    impl Scripts for Values {
        fn init(&mut self, n: u32) -> Answer {
            self.calls.push(format!("init {n}"));
            if self.values[n as usize] < 0 { Answer::No } else { Answer::Yes }
        }
        fn compare(&mut self, a: u32, b: u32) -> Answer {
            self.calls.push(format!("compare {a} {b}"));
            match (self.values[a as usize], self.values[b as usize]) {
                (999, _) | (_, 999) => Answer::Transient,
                (a, b) if a == b => Answer::Yes,
                _ => Answer::No,
            }
        }
    }

    fn outcomes(validation: &Validation) -> Vec<Outcome> {
        validation.outcomes.iter().map(|(_, outcome)| *outcome).collect()
    }

    const VALID: Outcome = Outcome::Success(ValidateState::Valid);
    const INVALID: Outcome = Outcome::Success(ValidateState::Invalid);
    const INCONCLUSIVE: Outcome = Outcome::Success(ValidateState::Inconclusive);

    #[test]
    fn two_that_agree_are_compared_once() {
        let mut scripts = Values::new(&[1, 1]);
        let validation = check_set(&[0, 1], &QUORUM_OF_2, 2, &mut scripts);
        assert_eq!(validation.canonical, Some(0));
        assert_eq!(outcomes(&validation), [VALID, VALID]);
        assert_eq!(scripts.calls, ["init 0", "init 1", "compare 0 1"]);
    }

    #[test]
    fn two_that_differ_are_compared_in_both_orders_and_raise_the_target() {
        let mut scripts = Values::new(&[1, 2]);
        let validation = check_set(&[0, 1], &QUORUM_OF_2, 2, &mut scripts);
        assert_eq!(validation.canonical, None);
        assert_eq!(outcomes(&validation), [INCONCLUSIVE, INCONCLUSIVE]);
        assert_eq!(validation.target_nresults, 3);
        assert_eq!(scripts.calls, ["init 0", "init 1", "compare 0 1", "compare 1 0"]);
    }

    #[test]
    fn a_third_result_decides() {
        let validation = check_set(&[0, 1, 2], &QUORUM_OF_2, 3, &mut Values::new(&[1, 2, 2]));
        assert_eq!(validation.canonical, Some(1));
        assert_eq!(outcomes(&validation), [INVALID, VALID, VALID]);
    }

    #[test]
    fn a_result_that_fails_init_is_thrown_away() {
        let validation = check_set(&[0, 1], &QUORUM_OF_2, 2, &mut Values::new(&[1, -1]));
        assert_eq!(outcomes(&validation), [INCONCLUSIVE, Outcome::ValidateError]);
        assert_eq!(validation.target_nresults, 2, "the transitioner replaces the error");
    }

    #[test]
    fn one_result_is_enough_for_a_quorum_of_one() {
        let replication = Replication { quorum: 1, total: 1, ..QUORUM_OF_2 };
        let validation = check_set(&[0], &replication, 1, &mut Values::new(&[1]));
        assert_eq!(validation.canonical, Some(0));
    }

    #[test]
    fn a_script_that_cannot_decide_leaves_all_inconclusive() {
        let validation = check_set(&[0, 1], &QUORUM_OF_2, 2, &mut Values::new(&[999, 1]));
        assert_eq!(outcomes(&validation), [INCONCLUSIVE, INCONCLUSIVE]);
        assert_eq!(validation.target_nresults, 3);
    }

    #[test]
    fn many_that_never_agree_end_the_workunit() {
        let all: Vec<u32> = (0..7).collect();
        let validation = check_set(&all, &QUORUM_OF_2, 7, &mut Values::new(&[1, 2, 3, 4, 5, 6, 7]));
        assert_eq!(validation.errors, ErrorMask::TOO_MANY_SUCCESSES);
    }

    #[test]
    fn a_late_result_is_compared_with_the_canonical_one() {
        assert_eq!(check_pair(1, 0, &mut Values::new(&[5, 5])), VALID);
        assert_eq!(check_pair(1, 0, &mut Values::new(&[5, 6])), INVALID);
        assert_eq!(check_pair(1, 0, &mut Values::new(&[5, -6])), Outcome::ValidateError);
    }
}
