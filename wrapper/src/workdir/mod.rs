//! What the container sees in place of the slot: a work directory with copy-mode inputs moved in, link-mode inputs mounted over
//! empty files, a cleaned init_data.xml, and nothing else of the client's or of other jobs.

mod clean_up;
mod collect;
mod layout;
mod manifest;
mod own;
mod prepare;
mod scan;

pub use clean_up::clean_up;
pub use collect::{OutputProblem, collect};
pub use layout::Layout;
pub use manifest::Manifest;
pub use own::{OWN_MODE, OwnError};
pub use prepare::{PrepareError, prepare};
pub use scan::{Input, SlotScan, scan_slot};
