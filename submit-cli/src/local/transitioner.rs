//! What a workunit needs next, by the rules of BOINC's transitioner
//! (`sched/transitioner.cpp`, `handle_wu`), as a pure function.

use crate::campaign::workunit::{ErrorMask, Outcome, ResultState, ValidateState, WorkunitState};

/// The next steps for a workunit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transition {
    /// Number of new results to create.
    pub new_results: u32,
    /// Results are ready for validation.
    pub validate: bool,
    /// The errors of the workunit, old and new. If there is one, unsent results are no longer needed
    /// and the workunit is ready for the assimilator.
    pub errors: ErrorMask,
}

/// Determines the next steps from the state of a workunit and its results.
pub fn transition(workunit: &WorkunitState, results: &[ResultState]) -> Transition {
    let mut errors = workunit.errors;
    let count = |wanted: fn(&ResultState) -> bool| results.iter().filter(|r| wanted(r)).count() as u32;

    let total = results.len() as u32;
    let waiting = count(|r| matches!(r, ResultState::Unsent | ResultState::InProgress));
    let failed = count(|r| matches!(r, ResultState::Over(Outcome::ClientError | Outcome::ValidateError)));
    // Invalid results are not counted as successes.
    let succeeded = count(
        |r| matches!(r, ResultState::Over(Outcome::Success(state)) if *state != ValidateState::Invalid),
    );
    let unchecked = count(|r| matches!(r, ResultState::Over(Outcome::Success(ValidateState::Init)))) > 0;

    let replication = &workunit.replication;
    if failed > replication.max_errors {
        errors |= ErrorMask::TOO_MANY_ERRORS;
    }
    let needed = workunit.target_nresults.saturating_sub(waiting + succeeded);
    let allowed = replication.max_total.saturating_sub(total);
    if total > replication.max_total || (allowed == 0 && needed > 0) {
        errors |= ErrorMask::TOO_MANY_TOTAL;
    }

    let open = errors.is_empty() && workunit.canonical.is_none();
    Transition {
        new_results: if open { needed.min(allowed) } else { 0 },
        validate: unchecked && (workunit.canonical.is_some() || succeeded >= replication.quorum),
        errors,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::app::Replication;

    const VALID: ResultState = ResultState::Over(Outcome::Success(ValidateState::Valid));
    const UNCHECKED: ResultState = ResultState::Over(Outcome::Success(ValidateState::Init));
    const INCONCLUSIVE: ResultState = ResultState::Over(Outcome::Success(ValidateState::Inconclusive));
    const FAILED: ResultState = ResultState::Over(Outcome::ClientError);

    fn pair() -> WorkunitState {
        WorkunitState {
            replication: Replication { quorum: 2, total: 2, max_errors: 3, max_total: 10, max_success: 6 },
            target_nresults: 2,
            errors: ErrorMask::default(),
            canonical: None,
        }
    }

    #[test]
    fn a_new_workunit_gets_its_target_of_results() {
        assert_eq!(transition(&pair(), &[]).new_results, 2);
        assert_eq!(transition(&pair(), &[ResultState::Unsent]).new_results, 1);
        assert_eq!(transition(&pair(), &[ResultState::InProgress, UNCHECKED]), Transition::default());
    }

    #[test]
    fn a_quorum_of_successes_is_validated() {
        assert!(transition(&pair(), &[UNCHECKED, UNCHECKED]).validate);
        assert!(!transition(&pair(), &[INCONCLUSIVE, INCONCLUSIVE]).validate, "nothing new to look at");
    }

    #[test]
    fn an_error_is_replaced_until_there_are_too_many() {
        let mut results = vec![UNCHECKED, FAILED];
        assert_eq!(transition(&pair(), &results).new_results, 1);
        results.extend([FAILED, FAILED]);
        assert_eq!(transition(&pair(), &results).new_results, 1, "three errors are allowed");
        results.push(FAILED);
        let over = transition(&pair(), &results);
        assert_eq!((over.new_results, over.errors), (0, ErrorMask::TOO_MANY_ERRORS));
    }

    #[test]
    fn a_raised_target_makes_one_more() {
        let mut workunit = pair();
        workunit.target_nresults = 3;
        assert_eq!(transition(&workunit, &[INCONCLUSIVE, INCONCLUSIVE]).new_results, 1);
    }

    #[test]
    fn the_total_is_bounded() {
        let mut workunit = pair();
        workunit.replication.max_total = 3;
        workunit.replication.max_errors = 9;
        assert_eq!(transition(&workunit, &[FAILED, FAILED]).new_results, 1, "no more than the total allows");
        let over = transition(&workunit, &[FAILED, FAILED, FAILED]);
        assert_eq!(over.errors, ErrorMask::TOO_MANY_TOTAL);
    }

    #[test]
    fn with_a_canonical_result_nothing_new_is_made_but_a_straggler_is_compared() {
        let mut workunit = pair();
        workunit.canonical = Some(0);
        assert_eq!(transition(&workunit, &[VALID, FAILED]).new_results, 0);
        assert!(transition(&workunit, &[VALID, UNCHECKED]).validate);
    }
}
