//! Signals in exit statuses.

/// Linux's signals that end a program, with what they mean.
const SIGNALS: [(i32, &str); 13] = [
    (1, "hung up"),
    (2, "interrupted"),
    (4, "illegal instruction"),
    (5, "trap"),
    (6, "aborted itself"),
    (7, "bus error"),
    (8, "arithmetic error"),
    (9, "killed"),
    (11, "segmentation fault"),
    (13, "broken pipe"),
    (15, "terminated"),
    (25, "file too large"),
    (31, "forbidden system call"),
];

/// The signal in an exit status of a shell or a container (128 and its number), with what it means; `None` for a status of
/// a program's own.
pub fn signal_of_status(status: i32) -> Option<(i32, &'static str)> {
    SIGNALS.iter().find(|(signal, _)| status == 128 + signal).copied()
}

#[cfg(test)]
mod tests {
    use super::signal_of_status;

    #[test]
    fn a_status_above_128_tells_the_signal() {
        assert_eq!(signal_of_status(139), Some((11, "segmentation fault")));
        for own in [0, 1, 126, 127, 128, 190, 255] {
            assert_eq!(signal_of_status(own), None);
        }
    }
}
