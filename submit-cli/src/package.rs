//! What is sent: files by physical name, and rendered templates.

pub mod pack;
pub mod single;
pub mod template;
