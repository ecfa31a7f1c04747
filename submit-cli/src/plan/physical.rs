//! Names of files on a server: by content, so that nothing is sent or stored twice.

/// Length of a physical name, in bytes, at most.
pub const NAME_LENGTH: usize = "buoy_".len() + DIGITS + "_x".len();

const DIGITS: usize = 40;

/// `buoy_` and 40 digits of the content's sha-256. An executable file also has `_x`: on a client, a name has one set of
/// flags, and the same bytes may be sent with and without the executable bit.
pub fn name(sha256: &str, executable: bool) -> String {
    let suffix = if executable { "_x" } else { "" };
    format!("buoy_{}{suffix}", &sha256[..DIGITS])
}
