//! What a shim tells the daemon: the only place that knows exit codes.

/// The answer of `buoy-init` or `buoy-compare`.
///
/// The daemon takes 0 for good and 3 for "transient" (`VAL_RESULT_TRANSIENT_ERROR`,
/// `sched/validate_util2.h`); any other code throws a result away for good or calls it different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The result is acceptable, or the two results are the same.
    Valid,
    /// The result is unacceptable, or the two results differ.
    Invalid,
    /// Nothing can be said now: nobody's work is judged.
    Transient,
}

impl Verdict {
    /// The exit code for the script validator.
    pub fn exit_code(self) -> u8 {
        match self {
            Verdict::Valid => 0,
            Verdict::Invalid => 1,
            Verdict::Transient => 3,
        }
    }
}
