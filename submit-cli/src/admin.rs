//! The project admin's side: app versions, plan classes, and a look at a project for what is missing or unsafe.

pub mod app_version;
pub mod next_steps;
pub mod plan_class;
pub mod project_files;
pub mod xml;
