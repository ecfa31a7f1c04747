//! What a job may and does ask for.

pub mod argv;
pub mod entry_point;
pub mod policy;
pub mod spec;
