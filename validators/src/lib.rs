//! Rules and routing that BOINC's script validator and assimilator reach through the shims.

pub mod compare;
pub mod routes;
pub mod rule;
pub mod spec;
pub mod verdict;
pub mod workunit_name;
