//! An emulated client around the real wrapper.

mod dockerd;
mod engine;
pub mod front;
mod plain_user;
mod running;
mod slot;
mod waiting;

pub use dockerd::Dockerd;
pub use engine::{Engine, Host, each_engine, engine_name, summary_of_all_inputs};
pub use front::{AGENT_VARIABLE, agent_of, through_front};
pub use plain_user::PlainUser;
pub use running::{Running, wrapper};
pub use slot::{Slot, wait_until};
pub use waiting::{WAITS, assert_ran_once, go};
