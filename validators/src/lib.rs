//! Rules and routing that BOINC's script validator and assimilator reach through the shims.

mod collect;
pub mod compare;
pub mod describe;
mod invocation;
pub mod judge;
mod outputs;
pub mod routes;
pub mod rule;
pub mod shim;
pub mod spec;
pub mod verdict;
pub mod workunit_name;
