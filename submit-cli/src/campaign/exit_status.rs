//! Exit statuses that BOINC's client gives to a task by itself (`lib/error_numbers.h`), as far as Buoy asks for them; all
//! have a line in exit_statuses.txt.

pub(crate) const ABORTED_BY_CLIENT: i32 = 194;
pub(crate) const DISK_LIMIT_EXCEEDED: i32 = 196;
pub(crate) const TIME_LIMIT_EXCEEDED: i32 = 197;
pub(crate) const MEM_LIMIT_EXCEEDED: i32 = 198;
pub(crate) const ABORTED_BY_PROJECT: i32 = 202;
pub(crate) const ABORTED_VIA_GUI: i32 = 203;
/// `ERR_EXEC`: the app could not be started.
pub(crate) const COULD_NOT_START: i32 = -148;
/// `ERR_ABORTED_VIA_GUI`, as clients before version 7 reported it.
pub(crate) const OLD_ABORTED_VIA_GUI: i32 = -197;
pub(crate) const TOO_MANY_EXITS: i32 = -226;
