//! An emulated client around the real wrapper.

mod engine;
mod running;
mod slot;

pub use engine::{Engine, each_engine};
pub use running::Running;
pub use slot::{Slot, wait_until};
