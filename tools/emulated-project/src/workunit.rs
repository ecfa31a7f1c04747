//! Workunits and their instances.

use std::sync::Arc;

/// `WU_ERROR_*` of html/inc/common_defs.inc.
pub(crate) const TOO_MANY_ERRORS: u32 = 2;
pub(crate) const TOO_MANY_SUCCESSES: u32 = 4;
pub(crate) const TOO_MANY_TOTAL: u32 = 8;
pub(crate) const CANCELLED: u32 = 16;

/// A row of `workunit`.
#[derive(Debug, Clone, Default)]
pub struct Workunit {
    /// Its id; ids have gaps where an insert failed.
    pub id: u64,
    /// Its name as stored: unique in the project, without regard to case.
    pub name: String,
    /// The app's name.
    pub app_name: Arc<str>,
    /// Its batch's id.
    pub batch: u64,
    /// Its command line as stored, after the database has interpreted backslashes.
    pub command_line: String,
    /// Its input files, in order.
    pub inputs: Vec<Input>,
    /// What is to become of its outputs, in order.
    pub outputs: Arc<[OutputFile]>,
    /// Seconds since 1970.
    pub create_time: i64,
    /// Floating-point operations a job is said to need.
    pub rsc_fpops_est: f64,
    /// The job is ended when it takes more.
    pub rsc_fpops_bound: f64,
    /// Bytes of memory.
    pub rsc_memory_bound: f64,
    /// Bytes on disk.
    pub rsc_disk_bound: f64,
    /// Seconds from being sent to the deadline.
    pub delay_bound: i64,
    /// How many results must agree.
    pub min_quorum: u32,
    /// How many instances are made at first.
    pub target_nresults: u32,
    /// More errors than this end it.
    pub max_error_results: u32,
    /// So many instances at most.
    pub max_total_results: u32,
    /// So many successes at most.
    pub max_success_results: u32,
    /// Its priority.
    pub priority: i64,
    /// The id of the canonical result, or 0.
    pub canonical_result: u64,
    /// Credit of the canonical result.
    pub canonical_credit: f64,
    /// Bits of `WU_ERROR_*`; 0 unless it failed or was cancelled.
    pub error_mask: u32,
    /// When the row was changed last: whole seconds since 1970, as the database keeps them.
    pub mod_time: i64,
    /// Its instances in the order they were made.
    pub instances: Vec<Instance>,
    pub(crate) files_ready_to_delete: bool,
    pub(crate) files_deleted: bool,
}

impl Workunit {
    /// Whether nothing more will happen to it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.canonical_result != 0 || self.error_mask != 0
    }

    /// Whether any instance ever went to a volunteer.
    #[must_use]
    pub fn was_sent(&self) -> bool {
        self.instances.iter().any(|instance| instance.sent_time > 0)
    }

    /// Ends the instance that was sent first of those in progress.
    pub(crate) fn end_one(&mut self, outcome: Outcome) -> Option<&mut Instance> {
        let mut instances = self.instances.iter_mut();
        let instance = instances.find(|instance| instance.state == ServerState::InProgress)?;
        instance.state = ServerState::Over;
        instance.outcome = outcome;
        Some(instance)
    }

    /// Ends the instances that nobody has.
    pub(crate) fn cancel_unsent(&mut self) {
        for instance in &mut self.instances {
            if instance.state == ServerState::Unsent {
                instance.state = ServerState::Over;
                instance.outcome = Outcome::DidntNeed;
            }
        }
    }
}

/// An input of a workunit, as its XML document says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Input {
    /// The file's name on the server.
    pub physical_name: String,
    /// The name in the slot directory.
    pub open_name: String,
    /// Where volunteers fetch it.
    pub url: String,
    /// MD5 in hex.
    pub md5: String,
    /// Size in bytes.
    pub bytes: u64,
    /// The file deleter leaves it alone.
    pub no_delete: bool,
    /// The client keeps it.
    pub sticky: bool,
    /// It is copied into the slot.
    pub copy_file: bool,
}

/// An output as the output template says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile {
    /// The name in the slot directory.
    pub open_name: String,
    /// The file deleter leaves it alone.
    pub no_delete: bool,
    /// The job may do without it.
    pub optional: bool,
}

/// Where in its life an instance is: `RESULT_SERVER_STATE_*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ServerState {
    /// To be sent.
    #[default]
    Unsent = 2,
    /// At a volunteer's.
    InProgress = 4,
    /// Over.
    Over = 5,
}

/// How an instance ended: `RESULT_OUTCOME_*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Outcome {
    /// Not yet.
    #[default]
    None = 0,
    /// Reported as successful.
    Success = 1,
    /// Reported as failed.
    ClientError = 3,
    /// Nothing was heard until the deadline.
    NoReply = 4,
    /// Cancelled before it was sent.
    DidntNeed = 5,
    /// The validator threw it away.
    ValidateError = 6,
}

/// What the validator thinks: `VALIDATE_STATE_*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Validation {
    /// Not looked at.
    #[default]
    None = 0,
    /// Agrees with the canonical result.
    Valid = 1,
    /// Differs from it.
    Invalid = 2,
    /// Skipped because the workunit failed.
    NoCheck = 3,
    /// Compared, without a majority.
    Inconclusive = 4,
}

/// A row of `result`: one copy of a job on one computer.
#[derive(Debug, Clone, Default)]
pub struct Instance {
    /// The result's id.
    pub id: u64,
    /// `WORKUNIT_N`.
    pub name: String,
    /// Where in its life it is.
    pub state: ServerState,
    /// How it ended.
    pub outcome: Outcome,
    /// What the validator thinks.
    pub validation: Validation,
    /// `RESULT_*` of lib/common_defs.h as the client reported it: 3 compute error, 5 uploaded, …
    pub client_state: u32,
    /// The job's exit status.
    pub exit_status: i32,
    /// The end of the job's stderr with what the client writes around it.
    pub stderr_out: String,
    /// CPU seconds.
    pub cpu_seconds: f64,
    /// Run time in seconds.
    pub elapsed_seconds: f64,
    /// Seconds since 1970, or 0.
    pub sent_time: i64,
    /// Seconds since 1970, or 0.
    pub received_time: i64,
    /// Seconds since 1970.
    pub create_time: i64,
    /// The computer's id, or 0.
    pub host: u64,
    /// Credit granted.
    pub granted_credit: f64,
    /// The part of its outputs' names that nobody can guess.
    pub(crate) random: u32,
    /// Physical names of the outputs it reported.
    pub outputs: Vec<String>,
}
