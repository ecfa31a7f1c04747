//! The limits that the wrapper itself watches: bytes and files that a container writes, the free space of the disk, and,
//! where the engine cannot set them, memory and processes. (The kernel limits processors, the client limits time.)
//!
//! The same watch serves a job's container and the container of a build step.

mod bounds;
mod measure;
mod open_files;
mod processes;
mod reserve;
mod stopped;
mod watch;

pub(crate) use bounds::{Bounds, disk_bound, memory_bound};
pub use measure::{DiskUse, measure_directory};
pub(crate) use watch::{ContainerWatch, Exceeded};
