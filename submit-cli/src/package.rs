//! What is sent: files by physical name, and rendered templates.

pub mod pack;
pub mod template;
