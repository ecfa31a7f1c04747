//! Archives that others wrote, and archives that an engine reads: tar streams and images.
//!
//! Nothing here knows an engine or a file system. A submitter's image archive is read strictly and written again from what was
//! understood, so an engine never reads the submitter's bytes as an archive.

/// Leaves a function with an error that says what is wrong with an archive, as `format!` does.
macro_rules! refuse {
    ($($text:tt)+) => {
        return Err(From::from(format!($($text)+)))
    };
}

pub mod image;
pub mod tar;
