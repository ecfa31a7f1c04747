//! The project admin's side: app versions, plan classes, and a look at a project for what is missing or unsafe.

pub mod doctor;

pub mod app_version;
pub mod check;
pub mod database;
pub mod fix;
pub mod next_steps;
pub mod plan_class;
pub mod project_files;
pub mod rewrite;
pub mod routes;
pub mod server_host;
