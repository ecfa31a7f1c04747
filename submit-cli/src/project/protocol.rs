//! What goes over the wire, as types.

pub mod app_versions;
pub mod batch;
pub mod changes;
pub mod completed;
pub mod id;
pub mod info;
pub mod instance;
pub mod output;
pub mod submission;
pub mod task_page;
pub(crate) mod text;
pub mod upload;
