//! What the container sees in place of the slot: a work directory with copy-mode inputs moved in, link-mode inputs mounted over
//! empty files, a cleaned init_data.xml, and nothing else of the client's or of other jobs.

mod collect;
mod layout;
mod manifest;
mod own;
mod prepare;
mod survey;
mod tidy;

pub use collect::{OutputProblem, collect};
pub use layout::Layout;
pub use manifest::Manifest;
pub use own::{OWN_MODE, OwnError};
pub use prepare::{PrepareError, prepare};
pub use survey::{Input, Survey, survey};
pub use tidy::tidy;
