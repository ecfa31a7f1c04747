//! A workunit and its results as BOINC's server sees them.

use std::fmt;
use std::ops::BitOrAssign;

use crate::plan::app::Replication;

/// Reasons for which a workunit is given up (`db/boinc_db_types.h`, `WU_ERROR_*`): what an assimilator
/// gets as the number after `--error`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrorMask(u32);

impl ErrorMask {
    /// More errors than allowed.
    pub const TOO_MANY_ERRORS: Self = Self(2);
    /// Many successes, no agreement.
    pub const TOO_MANY_SUCCESSES: Self = Self(4);
    /// No result more is allowed, and one would be needed.
    pub const TOO_MANY_TOTAL: Self = Self(8);

    /// From the number in a campaign file.
    pub fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The number that BOINC uses.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// No error.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOrAssign for ErrorMask {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl ErrorMask {
    /// The words that a server has for them (`html/user/submit_rpc_handler.php`, `show_job_details`).
    pub fn words(self) -> Vec<&'static str> {
        let all = [
            (Self::TOO_MANY_ERRORS, "too_many_error_results"),
            (Self::TOO_MANY_SUCCESSES, "too_many_success_results"),
            (Self::TOO_MANY_TOTAL, "too_many_total_results"),
        ];
        all.into_iter().filter(|(error, _)| self.0 & error.0 != 0).map(|(_, word)| word).collect()
    }
}

impl fmt::Display for ErrorMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().join(", ").replace('_', " "))
    }
}

/// What the validator has said of a result (`VALIDATE_STATE_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValidateState {
    /// Nothing yet.
    Init,
    /// Agrees with the canonical result.
    Valid,
    /// Does not.
    Invalid,
    /// Compared, but there was no agreement.
    Inconclusive,
    /// The workunit was given up before.
    NoCheck,
}

/// How a result ended (`RESULT_OUTCOME_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The client reported a success.
    Success(ValidateState),
    /// The client reported an error.
    ClientError,
    /// The init script threw it away.
    ValidateError,
    /// Not sent any more, since the workunit was decided.
    DidntNeed,
}

/// Where a result is (`RESULT_SERVER_STATE_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResultState {
    /// Waits for a slot.
    #[default]
    Unsent,
    /// In a slot.
    InProgress,
    /// Over.
    Over(Outcome),
}

/// The workunit's own state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkunitState {
    /// As in its template.
    pub replication: Replication,
    /// The validator raises it when results do not agree.
    pub target_nresults: u32,
    /// Why it was given up, if it was.
    pub errors: ErrorMask,
    /// Number of the canonical result.
    pub canonical: Option<u32>,
}

/// How often a task has been started again, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restarts {
    /// Left without a finish file, or killed from outside.
    pub premature: u32,
    /// Asked for a later try.
    pub temporary: u32,
}
