//! The engine's transport with a log of its commands, which `buoy --verbose` shows.

use std::time::Instant;

use tracing::info;
use wrapper::engine::{
    Cancel, Captured, Consumer, Invocation, NativeTransport, Producer, Transport, TransportError,
};

/// Reports the verb of each command, without its arguments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traced;

impl Transport for Traced {
    fn stream(
        &self,
        invocation: &Invocation,
        input: Option<Producer<'_>>,
        output: Option<Consumer<'_>>,
        cancel: &Cancel,
    ) -> Result<Captured, TransportError> {
        let started = Instant::now();
        let captured = NativeTransport.stream(invocation, input, output, cancel);
        let verb = invocation.args.first().map(|verb| verb.to_string_lossy());
        info!(
            program = %invocation.program.display(),
            verb = verb.as_deref(),
            exit = captured.as_ref().ok().map(|captured| captured.status),
            error = captured.as_ref().err().map(display),
            seconds = started.elapsed().as_secs_f64(),
            "command"
        );
        captured
    }
}
