//! What the driver is told to do.

use super::ending::Ending;

/// One piece of work for the worker thread. At most one is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Find an engine that answers.
    Probe,
    /// Look at the container.
    Inspect,
    /// Build or load the image, under the host's lock.
    MakeImage,
    /// Lay out the work directory and create the container. That the image is missing is found out here.
    Create,
    /// Start the container.
    Start,
    /// Freeze it.
    Pause,
    /// Let it go on.
    Unpause,
    /// Its first process has ended: learn how.
    AwaitExit,
    /// Kill it, because it went over a limit.
    Kill,
    /// Move the outputs to where the client wants them.
    Collect,
    /// Fetch the end of its log.
    Logs,
    /// Remove it, running or not.
    Remove,
}

impl Call {
    /// Uses the processor itself, as a job does, and so follows suspend and resume.
    pub fn can_be_held(self) -> bool {
        self == Call::MakeImage
    }

    /// May take minutes and can be broken off without harm.
    pub fn is_long(self) -> bool {
        matches!(self, Call::Probe | Call::MakeImage | Call::Create)
    }
}

/// Something for the driver to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Hand this to the worker.
    Call(Call),
    /// Break off the call in flight.
    Cancel,
    /// Hold the call in flight, so that it uses no processor, or let it continue.
    Hold(bool),
    /// The job's end is decided: write the file that tells the client, now.
    Conclude(Ending),
    /// Leave the process. Nothing follows.
    Exit(Ending),
    /// Say this in stderr.txt.
    Say(String),
}
