//! What the container sees in place of the slot: a work directory with copy-mode inputs moved in, link-mode inputs mounted over
//! empty files, a cleaned init_data.xml, and nothing else of the client's or of other jobs.

mod clean_up;
mod collect;
mod fill;
mod give;
mod layout;
mod manifest;
mod own;
mod prepare;
mod scan;

pub(crate) use clean_up::clean_up;
pub(crate) use collect::{OutputProblem, collect};
pub(crate) use fill::fill;
pub(crate) use give::{give_work, has_files_of_others};
pub(crate) use layout::Layout;
pub(crate) use manifest::Manifest;
pub(crate) use own::OWN_MODE;
pub(crate) use prepare::{PrepareError, prepare};
pub(crate) use scan::{SlotScan, scan_slot};
