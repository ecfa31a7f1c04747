//! The exit codes of `buoy`; docs/exit-codes.md explains them to the people and scripts that read them.

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything asked for was done.
    Done,
    /// The command did its work, and at least one job failed.
    JobsFailed,
    /// The command did its work, and found something to mend.
    Findings,
    /// The submitter's files or the command line are wrong; nothing was done.
    BadInput,
    /// This host or the other side can't do it now: no engine, no space, no permission, no network.
    HostCannot,
    /// A defect of ours.
    Internal,
    /// Interrupted (Ctrl-C or a termination signal); what was done so far is kept.
    Interrupted,
}

impl Exit {
    /// The code that the process ends with.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::JobsFailed | Self::Findings => 1,
            Self::BadInput => 2,
            Self::HostCannot => 3,
            Self::Internal => 4,
            Self::Interrupted => 130,
        }
    }
}
