//! The project administrator's side: app versions, plan classes, and checks for what is missing or unsafe.

pub(crate) mod app_version;
pub mod check;
pub(crate) mod clean;
pub mod database;
pub(crate) mod doctor;
pub mod fix;
pub(crate) mod next_steps;
pub mod plan_class;
pub mod project_files;
pub(crate) mod rewrite;
pub(crate) mod routes;
pub mod server_host;
