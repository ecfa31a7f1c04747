//! An emulated client around the real wrapper.

mod dockerd;
mod engine;
mod running;
mod slot;

pub use dockerd::Dockerd;
pub use engine::{Engine, each_engine};
pub use running::Running;
pub use slot::{Slot, wait_until};
