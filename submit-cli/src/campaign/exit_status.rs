//! Exit statuses that BOINC's client gives to a task by itself (`lib/error_numbers.h`), besides those of the wrapper.

pub(crate) const STATEFILE_WRITE: i32 = 192;
pub(crate) const SIGNAL: i32 = 193;
pub(crate) const ABORTED_BY_CLIENT: i32 = 194;
pub(crate) const DISK_LIMIT_EXCEEDED: i32 = 196;
pub(crate) const TIME_LIMIT_EXCEEDED: i32 = 197;
pub(crate) const MEM_LIMIT_EXCEEDED: i32 = 198;
pub(crate) const CLIENT_EXITING: i32 = 199;
pub(crate) const UNSTARTED_LATE: i32 = 200;
pub(crate) const MISSING_COPROC: i32 = 201;
pub(crate) const ABORTED_BY_PROJECT: i32 = 202;
pub(crate) const ABORTED_VIA_GUI: i32 = 203;
pub(crate) const UNKNOWN: i32 = 204;
pub(crate) const OUT_OF_MEMORY: i32 = 205;
pub(crate) const NO_SUB_TASKS: i32 = 207;
pub(crate) const SUB_TASK_FAILURE: i32 = 208;
pub(crate) const OVERDUE_EXCEEDED: i32 = 209;
pub(crate) const MD5_FAILED: i32 = -119;
pub(crate) const RSA_FAILED: i32 = -120;
pub(crate) const FILE_TOO_BIG: i32 = -131;
/// `ERR_EXEC`: the app could not be started.
pub(crate) const COULD_NOT_START: i32 = -148;
pub(crate) const NOT_FOUND: i32 = -161;
pub(crate) const FILE_MISSING: i32 = -163;
pub(crate) const RESULT_START: i32 = -185;
pub(crate) const RESULT_DOWNLOAD: i32 = -186;
pub(crate) const RESULT_UPLOAD: i32 = -187;
/// `ERR_ABORTED_VIA_GUI`, as clients before version 7 reported it.
pub(crate) const OLD_ABORTED_VIA_GUI: i32 = -197;
pub(crate) const FILE_WRONG_SIZE: i32 = -221;
pub(crate) const HTTP_PERMANENT: i32 = -224;
pub(crate) const TOO_MANY_EXITS: i32 = -226;
pub(crate) const ABORTED_ON_EXIT: i32 = -232;
