//! Where a science app comes from: a starter, or a BUDA batch.

pub mod buda;
pub mod starter;
