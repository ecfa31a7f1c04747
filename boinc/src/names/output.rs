//! What an output may be called.

use super::workunit::MAX_BYTES;
use crate::visible::is_terminal_control;

/// Longest name of an output, in bytes. Collected files are called `WORKUNIT__file_OUTPUT`, and a file system takes 255
/// bytes.
pub const MAX_OUTPUT_NAME_BYTES: usize = 255 - MAX_BYTES - "__file_".len();

/// Whether a text can be an output's logical name: a relative path without `.`, `..` and characters that are obeyed
/// instead of shown, of at most [`MAX_OUTPUT_NAME_BYTES`].
///
/// ```
/// use boinc::names::output::is_output_name;
/// assert!(is_output_name("poses/best.pdbqt"));
/// assert!(!is_output_name("../poses") && !is_output_name("a//b") && !is_output_name("a\n"));
/// ```
pub fn is_output_name(name: &str) -> bool {
    name.len() <= MAX_OUTPUT_NAME_BYTES
        && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
        && !name.contains(is_terminal_control)
}
