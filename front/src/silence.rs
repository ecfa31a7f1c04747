//! How long an agent has said nothing, by a clock that jumps when the computer sleeps.

use std::time::{Duration, Instant};

/// A longer time between two looks was a sleep, in which nobody could say anything.
const LONGEST_STEP: Duration = Duration::from_secs(5);

/// The silence of an agent.
#[derive(Clone, Copy, Debug)]
pub struct Silence {
    last_word: Instant,
    last_look: Instant,
}

impl Silence {
    /// A silence that begins now.
    pub fn new(now: Instant) -> Self {
        Self { last_word: now, last_look: now }
    }

    /// The agent has said something.
    pub fn end(&mut self, now: Instant) {
        *self = Self::new(now);
    }

    /// How long it lasts. To be asked often: longer times between two calls do not count.
    pub fn length(&mut self, now: Instant) -> Duration {
        let step = now.saturating_duration_since(self.last_look);
        if step > LONGEST_STEP {
            self.last_word += step;
        }
        self.last_look = now;
        now.saturating_duration_since(self.last_word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_of_the_computer_is_no_silence() {
        let second = Duration::from_secs(1);
        let mut now = Instant::now();
        let mut silence = Silence::new(now);
        for seconds in 1..=30 {
            now += second;
            assert_eq!(silence.length(now), seconds * second);
        }
        now += 3_600 * second;
        assert_eq!(silence.length(now), 30 * second);
        now += second;
        assert_eq!(silence.length(now), 31 * second);
        silence.end(now);
        assert_eq!(silence.length(now + second), second);
    }
}
