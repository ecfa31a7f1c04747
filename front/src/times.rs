//! How long the front waits for what.

use std::time::Duration;

/// Times of a front. Tests have shorter ones.
#[derive(Clone, Debug)]
pub struct Times {
    /// An agent that says nothing for this long, its first word included, is given up. A virtual machine that has to be
    /// started first takes ten seconds as a rule, and more than a minute on some hosts.
    pub silence: Duration,
    /// How often the agent is told that front and client are there, and has to answer.
    pub ping: Duration,
    /// The pauses before the second and later sessions. After one more session than there are pauses the front leaves.
    pub pauses: Vec<Duration>,
    /// A session that has lasted so long is a new beginning: what failed before it does not count any more.
    pub stable: Duration,
    /// A quit that the agent does not answer for so long is answered by the front.
    pub quit: Duration,
    /// The same for an abort, which the agent has to answer before the client removes the slot.
    pub abort: Duration,
    /// How long an agent that has said goodbye may take to end.
    pub end: Duration,
    /// How long the program before us may hold the slot's lock.
    pub lock: Duration,
}

impl Default for Times {
    fn default() -> Self {
        let second = Duration::from_secs(1);
        Self {
            silence: 120 * second,
            ping: 10 * second,
            pauses: [1, 2, 5, 5].map(|count| count * second).into(),
            stable: 600 * second,
            quit: 2 * second,
            abort: 5 * second,
            end: second / 2,
            lock: 35 * second,
        }
    }
}
