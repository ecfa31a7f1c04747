//! The wrapper's own lines in stderr.txt.
//!
//! `eprintln!` would end the process when the line can't be written; on a full disk the job must go on.

use std::fmt::Arguments;
use std::io::Write;

/// Writes one line as it is.
pub fn line(text: Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Says something in stderr.txt, marked as ours.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => {
        $crate::log::line(format_args!("buoy: {}", format_args!($($text)*)))
    };
}
