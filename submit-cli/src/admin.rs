//! The project admin's side: app versions, plan classes, and a look at a project for what is missing or unsafe.

pub mod plan_class;
pub mod xml;
