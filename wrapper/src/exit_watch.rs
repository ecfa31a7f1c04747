//! Notices the end of a container's first process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::engine::{Cancel, CliEngine, HostTransport};
use crate::platform::ProcessWatch;
use crate::waker::Waker;

/// A thread that waits for the end and wakeups.
#[derive(Debug)]
pub struct ExitWatch {
    over: Arc<AtomicBool>,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// The kernel tells within a millisecond: the process is visible here.
    Process(Arc<ProcessWatch>),
    /// A waiting `wait` of the engine's, for a process in another PID namespace, and what ends it.
    Command(Cancel),
}

impl ExitWatch {
    /// Watches the process `pid`; `None` if it is gone already.
    pub fn on_process(pid: u32, waker: Waker) -> Option<Self> {
        let process = Arc::new(ProcessWatch::open(pid).ok()?);
        let waiting = process.clone();
        Some(Self::start(Source::Process(process), waker, move || waiting.wait()))
    }

    /// Watches by a waiting command of the engine.
    pub fn on_command(engine: &CliEngine<HostTransport>, container: &str, waker: Waker) -> Self {
        let cancel = Cancel::default();
        let (engine, container) = (engine.with_cancel(cancel.clone()), container.to_owned());
        Self::start(Source::Command(cancel), waker, move || {
            // However it ends, the container has to be looked at.
            let _ = engine.wait_for_end(&container);
        })
    }

    fn start(source: Source, waker: Waker, wait: impl FnOnce() + Send + 'static) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let watch = Self { over: over.clone(), source };
        thread::spawn(move || {
            wait();
            over.store(true, Ordering::SeqCst);
            waker.wake();
        });
        watch
    }

    /// Whether the process that has ended ended with status 0; `None` if only the engine can tell.
    pub fn succeeded(&self) -> Option<bool> {
        match &self.source {
            Source::Process(process) => process.succeeded(),
            Source::Command(_) => None,
        }
    }

    /// Whether the end has come.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }
}

impl Drop for ExitWatch {
    fn drop(&mut self) {
        if let Source::Command(cancel) = &self.source {
            cancel.cancel();
        }
    }
}
