//! Rules and routing that BOINC's script validator and assimilator reach through the shims.

pub mod alert;
pub mod bounds;
pub mod breaker;
pub mod brought;
pub mod calendar;
pub mod clock;
mod collect;
pub mod compare;
pub mod describe;
mod invocation;
pub mod judge;
mod outputs;
pub mod patience;
mod pattern;
mod private;
mod program;
pub mod routes;
pub mod rule;
pub mod script;
pub mod shim;
pub mod spec;
pub mod spool;
mod store;
pub mod subject;
pub mod values;
pub mod verdict;
pub mod workunit_name;
