//! A campaign at a project: submitted, followed, fetched.

pub mod fetch;
pub mod follow;
pub mod submission;
