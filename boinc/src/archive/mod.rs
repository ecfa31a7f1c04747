//! Archives that others wrote, and archives that an engine reads: tar streams and images.
//!
//! Nothing here knows an engine or a file system. A submitter's image archive is read strictly and written again from what was
//! understood, so an engine never reads the submitter's bytes as an archive.

pub mod image;
pub mod tar;
