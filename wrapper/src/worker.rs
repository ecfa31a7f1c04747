//! One thread that carries out the lifecycle's calls, one after the other, while the main loop keeps listening to the client.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crate::engine::Cancel;
use crate::lifecycle::{Call, CallError, Reply};
use crate::waker::Waker;

/// What came of a call.
pub type Outcome = (Call, Result<Reply, CallError>);

/// The thread's other end.
#[derive(Debug)]
pub struct Worker {
    calls: Sender<Call>,
    outcomes: Receiver<Outcome>,
    cancel: Cancel,
}

impl Worker {
    /// Starts the thread. `perform` does the work and looks at `cancel` where it takes long; the waker is rung for each
    /// outcome. The thread lives as long as the process: children of the engine die with the thread that started them.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn start(
        mut perform: impl FnMut(Call) -> Result<Reply, CallError> + Send + 'static,
        cancel: Cancel,
        waker: Waker,
    ) -> std::io::Result<Self> {
        let (calls, todo) = channel::<Call>();
        let (done, outcomes) = channel();
        thread::Builder::new().name("engine".into()).spawn(move || {
            for call in todo {
                let result = perform(call);
                if done.send((call, result)).is_err() {
                    break;
                }
                waker.wake();
            }
        })?;
        Ok(Self { calls, outcomes, cancel })
    }

    /// Hands a call over.
    pub fn begin(&self, call: Call) {
        self.cancel.reset();
        // The thread ends only when this end is gone.
        let _ = self.calls.send(call);
    }

    /// Breaks off what runs.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Has what runs use no processor, or lets it continue.
    pub fn hold(&self, hold: bool) {
        self.cancel.hold(hold);
    }

    /// What came back, if anything has.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcomes.try_recv().ok()
    }
}
