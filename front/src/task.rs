//! The task of a slot, and what the client and the server call its ends.

use std::path::Path;

use boinc::wire::init_data::InitData;

use crate::times::Times;

/// Exit statuses that the client and the server know by name (BOINC: lib/error_numbers.h).
pub mod exit_status {
    /// The client told us to abort.
    pub const ABORTED_BY_CLIENT: i32 = 194;
    /// The task could not be started.
    pub const INIT_FAILURE: i32 = 206;
}

/// The task of a slot.
#[derive(Debug)]
pub struct Task<'a> {
    /// The slot's directory.
    pub slot: &'a Path,
    /// What the client says about the task.
    pub init_data: &'a InitData,
    /// The words of the task's command line.
    pub arguments: &'a [String],
    /// How long to wait for what.
    pub times: &'a Times,
}
