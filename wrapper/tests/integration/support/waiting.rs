//! A job that counts its starts and waits until a test lets it go on.

use std::fs;

use super::slot::Slot;

/// Counts its starts, waits for a file `go`, then writes its output.
pub const WAITS: &str = "echo start >> starts; echo x > ready\n\
    while ! [ -e go ]; do busybox usleep 20000; done\necho done > out.txt; echo end >> starts";

/// Lets the job go on.
pub fn go(slot: &Slot) {
    fs::write(slot.work("go"), "").unwrap();
}

/// The job has started once and ended once, and its container is removed.
#[track_caller]
pub fn assert_ran_once(slot: &Slot) {
    assert_eq!(fs::read_to_string(slot.dir.join("starts")).unwrap(), "start\nend\n", "{}", slot.stderr());
    assert_eq!(fs::read_to_string(slot.dir.join("out.txt")).unwrap(), "done\n");
    assert_eq!(slot.status(), None);
}
